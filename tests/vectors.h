/*
 * vectors.h - reading tests/vectors/<name>.hex: examples that the manual shows and the
 * tests hold to.
 *
 *	# what it is
 *	name
 *	  hex, in as many indented lines as it takes
 */
#ifndef TESTS_VECTORS_H
#define TESTS_VECTORS_H

#include "common/bytes.h"

struct vectors; /* the file at PATH, in memory */

NODISCARD bool vectors_open(const char *path, struct vectors **, struct error *);
void vectors_free(struct vectors *);
void vectors_cleanup(struct vectors **);

size_t vectors_count(const struct vectors *);
const char *vectors_name(const struct vectors *, size_t index);
struct bytes vectors_bytes(const struct vectors *, size_t index);
/* The bytes of NAME; false when there is none. */
bool vectors_find(const struct vectors *, const char *name, struct bytes *);

#endif
