/*
 * visit_wants.h - the WANTs that are not yet answered, in order: both ends of a visit
 * keep them.  They are answered one after the other, each from its front to its end.
 */
#ifndef DEVICE_LINK_VISIT_WANTS_H
#define DEVICE_LINK_VISIT_WANTS_H

#include "device-link/message.h"

/* Zero-initialise. */
struct visit_wants {
	struct message_want at[MESSAGE_WANTS];
	size_t count;
};

/* False when MESSAGE_WANTS are there already. */
bool visit_wants_add(struct visit_wants *, const struct message_want *);
/* The first, as far as it is not answered; NULL when there is none. */
const struct message_want *visit_wants_first(const struct visit_wants *);
/* LEN bytes of the first were answered; LEN is at most its length. */
void visit_wants_answer(struct visit_wants *, size_t len);
void visit_wants_clear(struct visit_wants *);

#endif
