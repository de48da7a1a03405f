/*
 * link_pulled.h - a cable that fails once, after an exact number of bytes from one end:
 * what was written before still arrives, be it half a frame, what comes after does not.
 */
#ifndef TESTS_LINK_PULLED_H
#define TESTS_LINK_PULLED_H

#include "tests/link_memory.h"

enum pull_way {
	PULL_SILENCE, /* nobody is told; nothing passes for a while, either way */
	PULL_END,     /* the end GONE is told, and what it held is closed; nothing passes
		       * until it plugs in again */
};

/* What both ends of one cable share; the driver's, set before the first plug. */
struct pull {
	struct cable *cable;
	enum pull_way way;
	int end;           /* who writes the bytes that are counted */
	uint64_t after;    /* as many pass; 0: it never fails */
	int64_t silent_ms; /* PULL_SILENCE: for so long */
	int gone;          /* PULL_END: that end */

	uint64_t written;
	bool struck;
	int64_t silent_until_ms;
	unsigned plugs[2];
};

/* A link at END of the cable. */
NODISCARD bool link_pulled_new(struct pull *, int end, struct link **, struct error *);

#endif
