/*
 * channel_parts.h - what the parts of a channel share.  Only channel*.c use it.
 */
#ifndef DEVICE_LINK_CHANNEL_PARTS_H
#define DEVICE_LINK_CHANNEL_PARTS_H

#include "device-link/channel.h"
#include "device-link/channel_greeting.h"
#include "device-link/channel_line.h"
#include "device-link/channel_talk.h"

enum { CHANNEL_PAST_MAX = 8 /* ids remembered */ };

enum phase {
	PHASE_QUIET,
	PHASE_OPENING,  /* courier: OPEN was sent, OPENED not heard */
	PHASE_GREETING, /* TLS shakes hands */
	PHASE_OPEN,
	PHASE_ENDING, /* over, but what was sent is still being delivered */
	PHASE_OVER,
};

struct channel {
	enum session_side side;
	const struct session_identity *identity;
	struct channel_line line;
	enum phase phase;
	int64_t now_ms;

	/* the conversation */
	uint32_t id; /* 0: none */
	struct channel_talk talk;
	bool failed, peer_closed, again;
	struct error why;                 /* when failed */
	struct arq_statistics statistics; /* of an arq that is no more */
	int64_t heard_ms;                 /* a frame of it */
	int64_t meet_ms;                  /* by then it must be open */
	int64_t linger_ms;                /* until then what is left is delivered;
					     over: the goodbye leaves */
	uint64_t delivered;               /* bytes, when LINGER_MS was set */

	/* what is to be said beside it */
	uint32_t closing; /* CLOSE this id; 0: none */
	bool answer;      /* OPENED is owed */
	bool busy, peer_busy;
	bool silent; /* nothing at all, until a beacon was heard */
	int64_t beacon_ms, open_ms, open_wait_ms;
	uint8_t greeting[CHANNEL_GREETING_MAX];

	int64_t voice_ms; /* any frame of the other end */
	unsigned beacons; /* since a frame of the conversation */
	uint32_t past[CHANNEL_PAST_MAX];
	size_t past_next;
};

static inline bool channel_is_courier(const struct channel *channel)
{
	return channel->side == SESSION_COURIER;
}

/* ---- channel_life.c: a conversation begins and ends ---- */

/* Did a conversation with this id end lately? */
bool channel_is_past(const struct channel *, uint32_t id);
/* The courier heard that a device is there: begin with a new id. */
void channel_open_one(struct channel *);
/* The device was asked to: the id is the conversation's from now on. */
void channel_meet(struct channel *, uint32_t id);
/* Both ends know the id: TLS begins. */
void channel_greet(struct channel *, const struct channel_greeting *peer);
/* The conversation is over, because of WHY or, if that is NULL, in order.  DELIVER
 * what is still to go, if somebody may be there to take it. */
void channel_end(struct channel *, bool deliver, const struct error *why);
void channel_end_because(
	struct channel *, bool deliver, enum error_code code, const char *text);
/* Nothing more of it will be delivered. */
void channel_finish(struct channel *);
/* Back to where nobody talks. */
void channel_reset(struct channel *);
/* Give the session a piece of what arrived, and see what became of it.  True: there
 * may be more. */
bool channel_feed(struct channel *);
/* Move the stream where no message is in the way: those wait for channel_receive(). */
void channel_converse(struct channel *);
/* What time alone brings about. */
void channel_tick(struct channel *);

/* ---- channel_hear.c: what the other end's frames mean ---- */

NODISCARD bool channel_hear(struct channel *, struct error *);

/* ---- channel_speak.c: what is said, and when ---- */

/* Must the courier hold its tongue? */
bool channel_hushed(const struct channel *);
NODISCARD bool channel_speak(struct channel *, struct error *);

#endif
