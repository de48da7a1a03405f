/*
 * arq.h - reliable bytes in order over frames that may be lost, damaged, repeated,
 * delayed or reordered.  Sliding window, selective repeat; no I/O, no clock: the
 * caller carries frames and says what time it is.
 *
 * One struct arq is one connection, one end.  It lives in a fixed amount of memory.
 */
#ifndef DEVICE_LINK_ARQ_H
#define DEVICE_LINK_ARQ_H

#include "device-link/frame.h"

struct arq;

struct arq_settings {
	uint32_t connection; /* never 0 */
	uint32_t rate;       /* bytes per second of the line, 0 unknown: for time-outs
				and the size of frames */
	int64_t now_ms;
};

struct arq_statistics {
	uint64_t sent, resent;       /* frames of data */
	uint64_t received, repeated; /* frames of data */
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
/* Bytes of the stream that are in order and not yet taken; borrowed until the next
 * call.  arq_take() removes the first LEN and so opens the window again. */
struct bytes arq_arrived(const struct arq *);
void arq_take(struct arq *, size_t len);

/* The next frame to put on the line, if one is due; encode it before the next call. */
bool arq_next(struct arq *, int64_t now_ms, struct frame *);
/* When arq_next() may have something without anything new arriving; INT64_MAX never. */
int64_t arq_deadline_ms(const struct arq *);
/* Has the peer acknowledged all that was queued? */
bool arq_idle(const struct arq *);

struct arq_statistics arq_statistics(const struct arq *);

#endif
