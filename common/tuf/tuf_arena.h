/*
 * tuf_arena.h - memory that goes all at once: what one metadata file holds.
 *
 * Nothing in an arena is freed alone.  What a file can make us take is bounded by its
 * size: at most a small multiple of its bytes.
 */
#ifndef COMMON_TUF_ARENA_H
#define COMMON_TUF_ARENA_H

#include "common/bytes.h"

struct tuf_arena {
	struct tuf_block *last;
};

/* LEN zeroed bytes, aligned for anything; NULL, with ERR set, when there are none. */
void *tuf_arena_take(struct tuf_arena *, size_t len, struct error *);
/* A copy of TEXT with a NUL behind it. */
NODISCARD bool tuf_arena_text(
	struct tuf_arena *, struct bytes text, const char **, struct error *);
void tuf_arena_done(struct tuf_arena *);

/* An array that grows in an arena: COUNT elements of one type at AT. */
struct tuf_list {
	void *at;
	size_t count, room;
};

/* One more element, zeroed; NULL, with ERR set, when there is no memory.  Growing moves
 * the elements, and may release where they were: keep no pointer to one until the list is
 * complete. */
void *tuf_list_add(struct tuf_list *, struct tuf_arena *, size_t size, struct error *);

#endif
