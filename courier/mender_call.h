/*
 * mender_call.h - one call to a Mender server, and what its refusals mean; shared by
 * the courier's and the operator's side.
 */
#ifndef COURIER_MENDER_CALL_H
#define COURIER_MENDER_CALL_H

#include "courier/http.h"

enum {
	MENDER_BASE_MAX = 1024,   /* bytes of a server's URL */
	MENDER_PATH_MAX = 1024,   /* bytes of a path and its query */
	MENDER_RETRY_DEFAULT = 60 /* seconds, when a 429 does not say */
};

struct mender_host {
	struct http *http;
	char base[MENDER_BASE_MAX]; /* "https://host", no slash at the end */
};

/* Settings' URL, CA file and proxy are copied.  No I/O.  ERROR_USAGE unless https. */
NODISCARD bool mender_host_open(struct mender_host *, const char *url, const char *ca_file,
	const char *proxy, struct error *);
void mender_host_close(struct mender_host *); /* zero is fine */

struct mender_call {
	const char *method;
	const char *path;   /* from "/api/..." on */
	struct bytes body;  /* JSON; at is NULL: none */
	const char *bearer; /* NULL: none */
	const char *header; /* one more "Name: value"; NULL: none */
};

/* As http_send(). */
NODISCARD bool mender_send(struct mender_host *, const struct mender_call *,
	struct http_response *, struct error *);

/* The server has done what it was asked for: 2xx and, as ever with Mender, nothing in
 * it.  A hotel's login page is 2xx, too, and so is a gateway's greeting in JSON. */
bool mender_took(const struct http_response *);

/* Set the error for an answer that mender_took() refuses, or nobody asked for, and return
 * false.  WHAT was asked ("status") stands before the reason. */
bool mender_refused(const struct http_response *, const char *what, struct error *);

#endif
