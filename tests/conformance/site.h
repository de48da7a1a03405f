/*
 * site.h - a repository at a URL and a directory that keeps what was verified: what a
 * client of common/tuf needs of the world, for the programs here.
 */
#ifndef TESTS_CONFORMANCE_SITE_H
#define TESTS_CONFORMANCE_SITE_H

#include "common/tuf/tuf.h"
#include "tests/conformance/get.h"

struct site {
	const char *url, *directory; /* borrowed */
	struct get *get;
};

/* BASE and REST with one slash between them, appended. */
NODISCARD bool site_join(
	const char *base, const char *rest, struct buf *url, struct error *err);
/* Open SITE, whose url and directory are set, and a client at now that trusts the root.json
 * there. */
NODISCARD bool site_open(struct site *, struct tuf **, struct error *);
void site_done(struct site *);

#endif
