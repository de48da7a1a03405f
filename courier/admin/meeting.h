/*
 * meeting.h - what couriers met on site: devices nobody certified, each with the identity
 * statement it signed, as the courier left it in its own inventory at the server
 * (attribute courier_pairing_<16 hex of the key's fingerprint>).
 */
#ifndef COURIER_ADMIN_MEETING_H
#define COURIER_ADMIN_MEETING_H

#include "courier/admin/enrol.h"

struct meeting {
	char courier[CERTIFICATE_ID_MAX + 1];
	char id[CERTIFICATE_ID_MAX + 1];   /* the device's, in the courier's bundle; or empty */
	struct device_request request;     /* its signature verified */
	char key[DIGEST_TEXT];             /* fingerprint */
	const struct admin_device *device; /* at the server; NULL: none.  Borrowed */
	struct enrol_result now; /* what accepting would displace, how the key stands */
	bool done;               /* certified, in the bundle, and let in */
	bool rival;              /* the same identity was met elsewhere, or with another key */
};

struct meetings {
	struct meeting *at;
	size_t count, room;
};

void meetings_free(struct meetings *); /* caller's memory; zero is fine */

/* Add what the courier RECORD, whose bundle is CONTROL, met.  Statements that do not
 * verify are told on stderr and left out. */
NODISCARD bool meetings_add(struct meetings *, const struct output *, const struct authority *,
	const struct courier_record *, const struct control *, struct admin *,
	const struct enrol_devices *, const struct enrol_keys *, struct error *);

/* Find rivals; drop what is done. */
void meetings_sift(struct meetings *);

/* The only one that NAME is for: id, server's id, or at least 8 characters of the key.
 * ERROR_USAGE: none; ERROR_BUSY: several. */
NODISCARD bool meetings_find(
	const struct meetings *, const char *name, size_t *index, struct error *);

/* As a fact. */
NODISCARD bool meeting_show(const struct meeting *, const struct output *, struct error *);

#endif
