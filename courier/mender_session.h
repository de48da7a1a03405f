/*
 * mender_session.h - calls to a Mender server in a device's name.  What is peculiar about
 * its tokens:
 *
 * - One signature, over the body of auth_requests, buys a token for a week.  401 is the
 *   server's only "no": pending, rejected and unknown look the same.
 * - An expired token is worse than none: showing it kills a fresh one.
 */
#ifndef COURIER_MENDER_SESSION_H
#define COURIER_MENDER_SESSION_H

#include "courier/mender_call.h"
#include "courier/server.h"

struct mender_session {
	const struct server_settings *settings;
	const struct crypto_key *key;
	struct mender_host host;
	struct buf key_pem; /* the public half, text */
	int64_t retry_s;    /* what the last refusal asked for */
};

/* Settings and KEY are borrowed.  No I/O. */
NODISCARD bool mender_session_open(struct mender_session *, const struct server_settings *,
	const struct crypto_key *, struct error *);
void mender_session_close(struct mender_session *); /* zero is fine */

/* Make sure that the device has a token which has not expired by our clock. */
NODISCARD bool mender_session_login(
	struct mender_session *, struct server_device *, struct error *);

/* Make a call for the device: log in if it has no token, and once more if the server
 * refuses the token (401, 403).  A token that was refused is not kept.  Any answer with
 * a status is success. */
NODISCARD bool mender_session_call(struct mender_session *, struct server_device *,
	const struct mender_call *, struct http_response *, struct error *);

/* mender_refused(), and remember for how long the server wants its peace. */
bool mender_session_refused(struct mender_session *, const struct http_response *,
	const char *what, struct error *);

#endif
