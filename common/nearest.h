/*
 * nearest.h - "did you mean": the known name that a mistyped one is closest to.
 *
 *	struct nearest nearest = {.wrong = "anchr"};
 *
 *	for (each name that would have been right)
 *		nearest_offer(&nearest, name);
 *	if (nearest.name != NULL) ...
 */
#ifndef COMMON_NEAREST_H
#define COMMON_NEAREST_H

#include <stddef.h>

enum { NEAREST_LENGTH_MAX = 64 }; /* bytes; longer names are near to nothing */

struct nearest {
	const char *wrong;
	const char *name; /* the best so far; NULL if none is near.  Borrowed */
	size_t distance;  /* insertions, removals and replacements between the two */
};

/* At most one mistake in three bytes, rounded up, counts as near. */
void nearest_offer(struct nearest *, const char *name);

#endif
