/*
 * arq_receiver.h - the receiving half of an arq: puts frames in order, says in ACKs
 * what came and how much room there is.  Only arq.c uses it.
 */
#ifndef DEVICE_LINK_ARQ_RECEIVER_H
#define DEVICE_LINK_ARQ_RECEIVER_H

#include "device-link/arq.h"

enum { ARQ_ACK_SIZE = 2 + ARQ_WINDOW / 8 };

struct arq_receiver {
	uint8_t at[ARQ_WINDOW][ARQ_PAYLOAD_MAX];
	uint16_t len[ARQ_WINDOW]; /* 0: has not come */
	uint16_t first;           /* the oldest frame not yet taken */
	uint16_t next;            /* the first that has not come */
	uint16_t top;             /* after the last that came */
	uint16_t advertised;      /* the first the peer believes there is no room for */
	size_t taken;             /* bytes of the first frame */
	unsigned owed;            /* frames since the last ACK */
	int64_t ack_ms;           /* when one is due; INT64_MAX: not at all */
	uint8_t ack[ARQ_ACK_SIZE];

	uint64_t received, repeated;
};

void arq_receiver_init(struct arq_receiver *);
void arq_receiver_data(struct arq_receiver *, const struct frame *, int64_t now_ms);
struct bytes arq_receiver_arrived(const struct arq_receiver *);
void arq_receiver_take(struct arq_receiver *, size_t len);
/* Fill sequence and payload of an ACK; none is due then. */
void arq_receiver_ack(struct arq_receiver *, struct frame *);

#endif
