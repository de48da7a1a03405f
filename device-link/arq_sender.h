/*
 * arq_sender.h - the sending half of an arq: which frame is next, what the peer has,
 * when something must be sent again.  Only arq.c uses it.
 */
#ifndef DEVICE_LINK_ARQ_SENDER_H
#define DEVICE_LINK_ARQ_SENDER_H

#include "device-link/arq.h"

enum arq_slot_state { ARQ_FLYING, ARQ_LOST, ARQ_HAD };

/* A frame that was cut from the stream and not yet acknowledged in order. */
struct arq_slot {
	enum arq_slot_state state;
	bool again; /* was sent more than once */
	uint16_t len;
	uint32_t at;     /* of its bytes in the queue */
	uint64_t order;  /* of its last sending among all sendings */
	int64_t sent_ms; /* its last sending */
};

struct arq_sender {
	uint8_t queue[ARQ_QUEUE];    /* a ring of the stream */
	uint64_t acked, cut, queued; /* offsets in the stream: the peer has all before,
					cut into frames, given to us */

	struct arq_slot slots[ARQ_WINDOW];
	uint16_t first, next; /* oldest frame the peer lacks; next to be cut */
	uint16_t limit;       /* the first frame the peer has no room for */
	unsigned lost;        /* slots that are */
	size_t flying;        /* bytes on the way, as far as we know */

	uint64_t order, seen; /* of the last sending; of the last one that surely came */
	int64_t timer_ms;     /* INT64_MAX: not running */
	unsigned backoff;     /* how often in a row it ran out */
	bool probing;         /* send one frame past the limit */

	bool measured;
	int64_t round_trip_us, variance_us, shortest_ms;

	uint32_t rate;
	uint16_t payload_max;
	uint64_t wire_bytes, wire_losses; /* the recent past; losses in 1/256 */

	uint64_t sent, resent;
};

void arq_sender_init(struct arq_sender *, const struct arq_settings *);
void arq_sender_queue(struct arq_sender *, struct bytes, size_t *taken);
void arq_sender_ack(struct arq_sender *, const struct frame *, int64_t now_ms);
/* Fill sequence and payload. */
bool arq_sender_next(struct arq_sender *, int64_t now_ms, struct frame *);
int64_t arq_sender_deadline_ms(const struct arq_sender *);

#endif
