/*
 * channel.h - messages over a cable: link, frame, arq and session joined, with the
 * meeting of the two ends (beacon, open, opened, close).
 *
 * The device's end beacons while nobody talks to it.  The courier's end writes
 * nothing until it has heard a valid frame, then opens a connection with a random
 * id.  A new id is a new arq and a new session at both ends.  Neither end ever
 * blocks: the caller polls the descriptors it is given, then calls channel_step().
 *
 * Payloads (sequence 0; integers big-endian; bytes after those named are ignored):
 *
 *	BEACON	u8 version (1), u16 largest DATA payload taken (64 or more), u8 flags;
 *		flag bit 0: do not open now, the device is busy or about to restart.
 *		Connection 0.  Every CHANNEL_BEACON_MS without a connection.
 *	OPEN	u8 version, u16 largest DATA payload taken, u32 line rate (bytes per
 *		second, 0 unknown).  Repeated after 250, 500, 1000, 2000, 2000 ... ms until
 *		OPENED, while the device is heard.  An id used before is ignored.
 *	OPENED	as OPEN.  The answer to every OPEN of the present id.
 *	CLOSE	empty.  When all was delivered, or given up; and the answer to DATA of a
 *		connection that ended.
 *
 * An OPEN with a new id ends the connection there was.  A frame with another id than
 * the present one's, or from the reader's own end, is ignored.  Two BEACONs after
 * OPENED, with no frame of the connection between them, tell the courier that the
 * device lost the connection.  A courier that hears nothing for CHANNEL_HUSH_MS, or
 * text that is no frame, holds its tongue until it hears a frame: what it says might
 * be typed into a boot loader.
 *
 * The stream of DATA frames carries TLS, the courier being the client (session.h).
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
	CHANNEL_BEACON_MS = 1000,        /* between two beacons */
	CHANNEL_MEET_MS = 20000,         /* to open and authenticate; slow lines get more */
	CHANNEL_SILENT_MS = 15000,       /* nothing heard for so long: the peer is gone */
	CHANNEL_ALIVE_MS = ARQ_ALIVE_MS, /* an idle end is heard from so often */
	CHANNEL_HUSH_MS = 2 * CHANNEL_ALIVE_MS, /* the courier says no more into silence */
	CHANNEL_LINGER_MS = 5000,               /* without progress, to deliver what is left */
	CHANNEL_VERSION = 1,
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
 * NULL unless CHANNEL_OPEN.  It lives until channel_again() or channel_free(). */
const struct session *channel_session(const struct channel *);

/* Queue a message.  ERROR_BUSY when the queue is full: channel_room() says how many
 * bytes of message it takes now. */
NODISCARD bool channel_send(struct channel *, struct bytes message, struct error *);
size_t channel_room(const struct channel *);
/* The next message that has come, borrowed until the next call on this channel.  Call
 * it until it says false after every channel_step(), also once the conversation is
 * over: what came before the end is still there. */
bool channel_receive(struct channel *, struct bytes *message);
/* The peer has all we sent.  Of a conversation that is over: nothing more of it will
 * be delivered, its goodbye included; step until then before channel_free(). */
bool channel_flushed(const struct channel *);

/* End the conversation in order: what was sent is still delivered.  The device then
 * beacons again, the courier is quiet, once channel_again() was called. */
void channel_close(struct channel *);
/* End it without another byte on the cable: the device said that it restarts. */
void channel_drop(struct channel *);
void channel_again(struct channel *);

/* The device: say in beacons whether a courier should not open now. */
void channel_set_busy(struct channel *, bool busy);
/* The courier: did the last beacon say so? */
bool channel_peer_busy(const struct channel *);

/* Bytes heard on the line that were no frames (a login prompt, boot messages), so
 * that a person can be told; and the share of damaged frames. */
struct channel_noise {
	uint64_t noise_bytes, bad_frames, good_frames;
	char sample[80]; /* the last printable noise, NUL-terminated */
};
struct channel_noise channel_noise(const struct channel *);
struct arq_statistics channel_statistics(const struct channel *);
/* Bytes per second each way, if the cable has a fixed rate; 0 if not known. */
uint32_t channel_rate(const struct channel *);

#endif
