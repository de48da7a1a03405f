/*
 * device_request.h - what a device asks to be certified with: a PKCS#10 request in PEM,
 * its identity statement (DSSE_IDENTITY, a line of its own), or both in one file, as
 * `courier-agent request` writes them.  A statement has a request inside; with both, the
 * keys must be the same.
 */
#ifndef COURIER_ADMIN_DEVICE_REQUEST_H
#define COURIER_ADMIN_DEVICE_REQUEST_H

#include "common/statement.h"

enum { DEVICE_REQUEST_MAX = 65536 /* bytes */ };

struct device_request {
	struct crypto_public *key;
	struct identity statement; /* its identity NULL: none was there */
};

void device_request_free(struct device_request *); /* zero is fine */
NODISCARD bool device_request_parse(struct bytes, struct device_request *, struct error *);
NODISCARD bool device_request_read(const char *path, struct device_request *, struct error *);

/* The canonical form of an identity in JSON: an object. */
NODISCARD bool device_identity(const char *json, char **canonical, struct error *);

#endif
