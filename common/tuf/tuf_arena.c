#include <stdlib.h>
#include <string.h>

#include "common/tuf/tuf_arena.h"

enum { BLOCK_SIZE = 4096 }; /* bytes, unless one piece needs more */

struct tuf_block {
	struct tuf_block *before;
	size_t used, room;
	_Alignas(max_align_t) uint8_t at[];
};

static struct tuf_block *add_block(struct tuf_arena *arena, size_t len)
{
	const size_t room = len > BLOCK_SIZE ? len : BLOCK_SIZE;
	struct tuf_block *const block = calloc(1, sizeof(*block) + room);

	if (block == NULL)
		return NULL;
	*block = (struct tuf_block){.before = arena->last, .room = room};
	arena->last = block;
	return block;
}

void *tuf_arena_take(struct tuf_arena *arena, size_t len, struct error *err)
{
	const size_t align = _Alignof(max_align_t);
	struct tuf_block *block = arena->last;

	len = (len + align - 1) / align * align;
	if (block == NULL || block->room - block->used < len)
		block = add_block(arena, len);
	if (block == NULL) {
		(void)error_errno(err, "cannot allocate %zu bytes", len);
		return NULL;
	}
	block->used += len;
	return block->at + block->used - len;
}

bool tuf_arena_text(
	struct tuf_arena *arena, struct bytes text, const char **out, struct error *err)
{
	char *const copy = tuf_arena_take(arena, text.len + 1, err);

	if (copy == NULL)
		return false;
	if (text.len > 0)
		memcpy(copy, text.at, text.len);
	*out = copy;
	return true;
}

void tuf_arena_done(struct tuf_arena *arena)
{
	while (arena->last != NULL) {
		struct tuf_block *const block = arena->last;

		arena->last = block->before;
		free(block);
	}
}

/* A piece that has a block of its own need not wait for the rest. */
static void release(struct tuf_arena *arena, const void *at)
{
	for (struct tuf_block **link = &arena->last; *link != NULL; link = &(*link)->before)
		if ((*link)->at == at && (*link)->room > BLOCK_SIZE) {
			struct tuf_block *const block = *link;

			*link = block->before;
			free(block);
			return;
		}
}

void *tuf_list_add(
	struct tuf_list *list, struct tuf_arena *arena, size_t size, struct error *err)
{
	if (list->count == list->room) {
		const size_t room = list->room == 0 ? 4 : 2 * list->room;
		void *const at = tuf_arena_take(arena, room * size, err);

		if (at == NULL)
			return NULL;
		if (list->count > 0)
			memcpy(at, list->at, list->count * size);
		release(arena, list->at);
		list->at = at;
		list->room = room;
	}
	return (uint8_t *)list->at + size * list->count++;
}
