/*
 * channel.h - messages over a cable: link, frame, arq and session joined, with the
 * meeting of the two ends (beacon, open, opened, close).
 *
 * The device's end beacons while nobody talks to it.  The courier's end writes
 * nothing until it has heard a valid frame, then opens a connection with a random
 * id.  A new id is a new arq and a new session at both ends.  Neither end ever
 * blocks: the caller polls the descriptors it is given, then calls channel_step().
 */
#ifndef DEVICE_LINK_CHANNEL_H
#define DEVICE_LINK_CHANNEL_H

#include <poll.h>

#include "device-link/arq.h"
#include "device-link/link.h"
#include "device-link/session.h"

struct channel;

enum channel_state {
	CHANNEL_QUIET,   /* courier: nothing heard yet; device: beaconing */
	CHANNEL_MEETING, /* a connection is being opened and authenticated */
	CHANNEL_OPEN,    /* messages may flow */
	CHANNEL_OVER,    /* this conversation ended; channel_again() begins the next */
};

enum {
	CHANNEL_BEACON_MS = 1000,       /* between two beacons */
	CHANNEL_MEET_MS = 20000,        /* to open and authenticate */
	CHANNEL_SILENT_MS = 15000,      /* nothing heard for so long: the peer is gone */
	CHANNEL_ALIVE_MS = 3000,        /* an idle end is heard from so often */
	CHANNEL_QUEUE_MAX = 256 * 1024, /* bytes of messages not yet on the line */
};

/* LINK becomes the channel's; IDENTITY is borrowed. */
NODISCARD bool channel_new(enum session_side, struct link *, const struct session_identity *,
	struct channel **, struct error *);
void channel_free(struct channel *); /* closes the link */
void channel_cleanup(struct channel **);

/* Move bytes both ways as far as they go without waiting.  False when the cable is
 * gone (ERROR_LINK): the channel is then good only for channel_free().  A conversation
 * that fails for another reason makes the state CHANNEL_OVER and this still succeeds;
 * channel_why() says why. */
NODISCARD bool channel_step(struct channel *, int64_t now_ms, struct error *);

/* For poll(): descriptors and the time by which channel_step() wants to be called. */
bool channel_poll(struct channel *, struct pollfd *fds, size_t *count, size_t room);
int64_t channel_deadline_ms(const struct channel *);

enum channel_state channel_state(const struct channel *);
const struct error *channel_why(
	const struct channel *); /* of CHANNEL_OVER; NULL: closed in order */

/* The session of the present conversation, for the peer's certificate and exporter;
 * NULL unless CHANNEL_OPEN. */
const struct session *channel_session(const struct channel *);

/* Queue a message.  ERROR_BUSY when the queue is full: channel_room() says how many
 * bytes of message it takes now. */
NODISCARD bool channel_send(struct channel *, struct bytes message, struct error *);
size_t channel_room(const struct channel *);
/* The next message that has come, borrowed until the next call on this channel. */
bool channel_receive(struct channel *, struct bytes *message);
bool channel_flushed(const struct channel *); /* the peer has all we sent */

/* End the conversation in order.  The device then beacons again, the courier is
 * quiet, once channel_again() was called. */
void channel_close(struct channel *);
void channel_again(struct channel *);

/* Bytes heard on the line that were no frames (a login prompt, boot messages), so
 * that a person can be told; and the share of damaged frames. */
struct channel_noise {
	uint64_t noise_bytes, bad_frames, good_frames;
	char sample[80]; /* the last printable noise, NUL-terminated */
};
struct channel_noise channel_noise(const struct channel *);
struct arq_statistics channel_statistics(const struct channel *);

#endif
