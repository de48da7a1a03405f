#include <string.h>

#include "device-link/visit_wants.h"

bool visit_wants_add(struct visit_wants *wants, const struct message_want *want)
{
	if (wants->count == COUNT(wants->at))
		return false;
	wants->at[wants->count++] = *want;
	return true;
}

const struct message_want *visit_wants_first(const struct visit_wants *wants)
{
	return wants->count > 0 ? &wants->at[0] : NULL;
}

void visit_wants_answer(struct visit_wants *wants, size_t len)
{
	wants->at[0].offset += len;
	wants->at[0].length -= (uint32_t)len;
	if (wants->at[0].length > 0)
		return;
	wants->count--;
	memmove(&wants->at[0], &wants->at[1], wants->count * sizeof(wants->at[0]));
}

void visit_wants_clear(struct visit_wants *wants)
{
	wants->count = 0;
}
