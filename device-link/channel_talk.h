/*
 * channel_talk.h - one conversation: the arq and the session of one connection id,
 * and what TLS wants to say that the arq has no room for yet.  Part of a channel.
 */
#ifndef DEVICE_LINK_CHANNEL_TALK_H
#define DEVICE_LINK_CHANNEL_TALK_H

#include "device-link/arq.h"
#include "device-link/session.h"

/* Zero-initialise; channel_talk_done() makes it so again. */
struct channel_talk {
	struct arq *arq;
	struct session *session;
	struct buf stream;
};

/* A session that cannot begin leaves an arq without one: what TLS had to say about
 * it can still be delivered. */
NODISCARD bool channel_talk_begin(struct channel_talk *, enum session_side,
	const struct session_identity *, const struct arq_settings *, struct error *);
void channel_talk_done(struct channel_talk *);

/* Hand the stream to the arq as far as it has room. */
void channel_talk_push(struct channel_talk *);
/* Give the session a piece of what arrived; *SOME is false when there was none, or
 * when too much waits to go out.  Failure is the session's. */
NODISCARD bool channel_talk_feed(struct channel_talk *, bool *some, struct error *);
/* Throw away what arrives: nobody reads it any more. */
void channel_talk_ignore(struct channel_talk *);

size_t channel_talk_room(const struct channel_talk *); /* bytes of message */
NODISCARD bool channel_talk_send(struct channel_talk *, struct bytes message, struct error *);
/* TLS says goodbye, if it is in a state to. */
void channel_talk_goodbye(struct channel_talk *);
bool channel_talk_delivered(const struct channel_talk *);

#endif
