/*
 * session_unread.h - messages in the stream inside a session: each a u32 length and
 * that many bytes.
 */
#ifndef DEVICE_LINK_SESSION_UNREAD_H
#define DEVICE_LINK_SESSION_UNREAD_H

#include "device-link/session.h"

enum { SESSION_LENGTH_SIZE = 4 /* bytes before each message */ };

/* Zero-initialise, then session_unread_free(). */
struct session_unread {
	struct buf bytes;
	size_t taken;   /* of them, seen by the caller; dropped when more comes */
	size_t checked; /* of them, in messages whose length is good; may run ahead */
};

/* Forget what was taken; ERROR_BUSY if MORE bytes would be over SESSION_UNREAD_MAX. */
NODISCARD bool session_unread_room(struct session_unread *, size_t more, struct error *);
/* ERROR_MALFORMED as soon as a length is 0 or over SESSION_MESSAGE_MAX. */
NODISCARD bool session_unread_add(struct session_unread *, struct bytes, struct error *);
/* The next whole message, borrowed until more room is made. */
bool session_unread_next(struct session_unread *, struct bytes *message);
void session_unread_free(struct session_unread *);

#endif
