/*
 * arq.h - reliable bytes in order over frames that may be lost, damaged, repeated,
 * delayed or reordered.  Sliding window, selective repeat; no I/O, no clock: the
 * caller carries frames and says what time it is.
 *
 * The stream is cut into DATA frames, numbered from 0 by the frame's sequence, modulo
 * 2^16.  A frame keeps its number and its bytes when it is sent again.
 *
 *	DATA	sequence: its number; payload: 1 or more bytes of the stream, at most
 *		what the peer said it takes when the connection began.
 *	ACK	sequence: the number of the first frame that has not come; payload:
 *		u16 window	how many frames from that number on there is room for;
 *				never takes back room given before
 *		bitmap		0 or more bytes: bit i (bit 0 is the lowest) of byte k
 *				says that frame sequence + 1 + 8 * k + i has come;
 *				zero bytes at the end are left out
 *
 * Before the first ACK there is room for ARQ_FIRST_WINDOW frames.  A frame of a number
 * there is no room for is dropped, and answered with an ACK, as is one that came
 * before.  While the window is closed the sender sends one frame past it from time to
 * time, so that a lost ACK stops nothing.  An ACK is owed at once when a frame came
 * after one that did not, when a closed window opened and after ARQ_ACK_FRAMES frames;
 * else within ARQ_ACK_MS; and an end that sent nothing for ARQ_ALIVE_MS sends one.
 * A frame is sent again when one that was sent later has come, or when nothing was
 * heard for as long as round trip and line rate make likely, then twice as long, up
 * to ARQ_RESEND_MS and the time the line takes for two frames.
 *
 * One struct arq is one connection, one end.  It lives in a fixed amount of memory.
 */
#ifndef DEVICE_LINK_ARQ_H
#define DEVICE_LINK_ARQ_H

#include "device-link/frame.h"

struct arq;

enum {
	ARQ_WINDOW = 128,       /* frames under way at most, each way */
	ARQ_FIRST_WINDOW = 16,  /* frames, before the first ACK */
	ARQ_PAYLOAD_MAX = 2048, /* bytes in a frame of data: what we send and take */
	ARQ_PAYLOAD_MIN = 64,   /* what every end takes */
	ARQ_QUEUE = 256 * 1024, /* bytes sent and not yet acknowledged, or queued */
	ARQ_ACK_FRAMES = 4,
	ARQ_ACK_MS = 40,
	ARQ_ALIVE_MS = 3000,
	ARQ_RESEND_MS = 4000,
};

struct arq_settings {
	uint32_t connection;  /* never 0 */
	uint32_t rate;        /* bytes per second of the line, 0 unknown: for time-outs
				 and the size of frames */
	uint16_t payload_max; /* what the peer takes in a frame, ARQ_PAYLOAD_MIN at least;
				 0: as much as we do */
	int64_t now_ms;
};

struct arq_statistics {
	uint64_t sent, resent;       /* frames of data: all, and those not for the first time */
	uint64_t received, repeated; /* frames of data: new ones, and those had before */
	uint64_t acknowledged;       /* bytes of the stream the peer has */
	int64_t heard_ms;            /* when a good frame of this connection last came */
	uint32_t round_trip_ms;      /* smoothed */
};

NODISCARD bool arq_new(const struct arq_settings *, struct arq **, struct error *);
void arq_free(struct arq *);
void arq_cleanup(struct arq **);

/* How many bytes arq_send() would take now. */
size_t arq_room(const struct arq *);
/* Queue bytes of the stream; *taken says how many fitted. */
void arq_send(struct arq *, struct bytes, size_t *taken);

/* A frame of type DATA or ACK with our connection id came. */
void arq_receive(struct arq *, const struct frame *, int64_t now_ms);
/* Bytes of the stream that are in order and not yet taken - the first piece of them:
 * take it and ask again - borrowed until the next call.  arq_take() removes the first
 * LEN and so opens the window again. */
struct bytes arq_arrived(const struct arq *);
void arq_take(struct arq *, size_t len);

/* The next frame to put on the line, if one is due; encode it before the next call.
 * Call it only when the line has room: a frame handed out counts as sent. */
bool arq_next(struct arq *, int64_t now_ms, struct frame *);
/* When arq_next() may have something without anything new arriving; INT64_MAX never. */
int64_t arq_deadline_ms(const struct arq *);
/* Has the peer acknowledged all that was queued? */
bool arq_idle(const struct arq *);

struct arq_statistics arq_statistics(const struct arq *);

#endif
