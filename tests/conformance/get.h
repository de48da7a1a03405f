/*
 * get.h - one GET, for the conformance client: the URL as it stands, one request, no
 * retries, no proxy, no redirection, and never a wait without an end.
 */
#ifndef TESTS_CONFORMANCE_GET_H
#define TESTS_CONFORMANCE_GET_H

#include "common/bytes.h"

struct get;

NODISCARD bool get_new(struct get **, struct error *);
/* Pour the body into the sink, whose failure ends the transfer.  403 and 404 are
 * *FOUND = false, and nothing is poured. */
NODISCARD bool get(struct get *, const char *url, struct sink, bool *found, struct error *);
void get_cleanup(struct get **);

#endif
