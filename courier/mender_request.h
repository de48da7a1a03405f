/*
 * mender_request.h - what a courier says to a Mender server, as bytes: pure, within
 * the server's limits.  Everything appends to OUT.
 */
#ifndef COURIER_MENDER_REQUEST_H
#define COURIER_MENDER_REQUEST_H

#include "courier/server.h"

enum {
	MENDER_BODY_MAX = 1000000 - 256, /* bytes: under the server's 1 MiB, as the official
					  * client has it */
	MENDER_SUBSTATE_MAX = 200,       /* bytes of a status' substate */
	MENDER_LINE_MAX = 16 * 1024,     /* bytes of a line in a log; the rest is cut off */
	MENDER_ATTRIBUTES_MAX = 100,     /* attributes of an inventory */
	MENDER_NAME_MAX = 1024,          /* bytes of an attribute's name */
	MENDER_FROZEN_MAX = 64 * 1024,   /* bytes of a frozen request */
	MENDER_VALUE_MAX = 4096,         /* bytes of a provide's value */
};

/* The body of auth_requests: over exactly these bytes goes the signature. */
NODISCARD bool mender_request_auth(const struct server_settings *, const struct server_device *,
	const char *key_pem, struct buf *out, struct error *);

/*
 * What is frozen of a `next`: the provides as one JSON object of strings, sorted by
 * name, so that it can be replayed in either dialect.  ERROR_USAGE without device_type
 * or artifact_name.  Empty values, which the server refuses, are left out.
 */
NODISCARD bool mender_request_frozen(
	const struct artifact_pairs *, struct buf *out, struct error *);

/* The body of `next` that carries FROZEN: {"device_provides": FROZEN verbatim}, and for
 * servers without that {"artifact_name", "device_type", "artifact_provides"}.
 * ERROR_MALFORMED when FROZEN is not what mender_request_frozen() makes. */
NODISCARD bool mender_request_next_v2(const char *frozen, struct buf *out, struct error *);
NODISCARD bool mender_request_next_v1(const char *frozen, struct buf *out, struct error *);

/* SUBSTATE is cut to what the server takes; NULL or empty: none. */
NODISCARD bool mender_request_status(
	const char *status, const char *substate, struct buf *out, struct error *);

/*
 * The deployment log: each line of LOG is a message.  A line that begins with an
 * RFC 3339 time, or with that and a level, keeps them; others have TIME and "info".
 * RECEIPT follows as one message "courier-receipt: ENVELOPE", verbatim.  When all of it
 * is too much, the oldest lines go, and a first message says how many.  Nothing is
 * appended when there is nothing to say.  ERROR_MALFORMED: the receipt is no text.
 */
NODISCARD bool mender_request_log(
	struct bytes log, struct bytes receipt, int64_t time, struct buf *out, struct error *);

/*
 * The inventory: PROVIDES (may be NULL) and ATTRIBUTES (array of {"name", "value"}; may
 * be NULL) as one array, the first of a name winning.  Values the server does not take
 * become text.  When there are too many the least important go, and
 * courier_attributes_dropped says how many; in order of importance: device_type,
 * artifact_name, other provides, courier_*, others.
 */
NODISCARD bool mender_request_inventory(const struct artifact_pairs *provides,
	const struct json *attributes, struct buf *out, struct error *);

/* TEXT cut to at most MAX bytes between characters; how many bytes stay. */
size_t mender_cut(struct bytes text, size_t max);

#endif
