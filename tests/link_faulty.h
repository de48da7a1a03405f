/*
 * link_faulty.h - a link whose output suffers, by a seed.
 *
 * Pieces are runs up to a zero byte: frames, but for one that knows no frames.
 */
#ifndef TESTS_LINK_FAULTY_H
#define TESTS_LINK_FAULTY_H

#include "device-link/link.h"

struct faults {
	uint64_t seed;
	/* pieces in a million that are: */
	uint32_t lost;
	uint32_t twice;
	uint32_t late; /* come after the next one to three pieces */
	/* bytes in ten million that are: */
	uint32_t damaged; /* one bit */
	uint32_t dropped;

	/* When so many bytes were written: call CUT; 0: never. */
	uint64_t cut_after;
	void (*cut)(void *self);
	void *self;
};

/* INNER becomes the new link's. */
NODISCARD bool link_faulty_new(
	struct link *inner, const struct faults *, struct link **, struct error *);

#endif
