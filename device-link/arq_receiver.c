#include <string.h>

#include "device-link/arq_receiver.h"

enum {
	WINDOW_STEP = ARQ_WINDOW / 4, /* frames of room that are worth telling of */
};

void arq_receiver_init(struct arq_receiver *receiver)
{
	receiver->advertised = ARQ_FIRST_WINDOW;
	receiver->ack_ms = INT64_MAX;
}

/* How far SEQUENCE is past the oldest frame held; at least 2^15 when it is before. */
static uint16_t ahead(const struct arq_receiver *receiver, uint16_t sequence)
{
	return (uint16_t)(sequence - receiver->first);
}

/* SEQUENCE came now: what is owed to the peer? */
static void owe(struct arq_receiver *receiver, bool jumped, int64_t now_ms)
{
	receiver->owed++;
	if (jumped || receiver->owed >= ARQ_ACK_FRAMES)
		receiver->ack_ms = now_ms;
	else if (receiver->ack_ms > now_ms + ARQ_ACK_MS)
		receiver->ack_ms = now_ms + ARQ_ACK_MS;
}

void arq_receiver_data(struct arq_receiver *receiver, const struct frame *frame, int64_t now_ms)
{
	const uint16_t sequence = frame->sequence;
	const size_t slot = sequence % ARQ_WINDOW;
	const uint16_t place = ahead(receiver, sequence);

	if (frame->payload.len == 0 || frame->payload.len > ARQ_PAYLOAD_MAX)
		return;
	if (place >= ARQ_WINDOW || receiver->len[slot] != 0) {
		receiver->repeated += place < ARQ_WINDOW || place >= 1U << 15;
		receiver->ack_ms = now_ms; /* the peer does not know */
		return;
	}
	memcpy(receiver->at[slot], frame->payload.at, frame->payload.len);
	receiver->len[slot] = (uint16_t)frame->payload.len;
	receiver->received++;

	const bool jumped = place > ahead(receiver, receiver->top);

	if (place >= ahead(receiver, receiver->top))
		receiver->top = (uint16_t)(sequence + 1);
	while (receiver->next != receiver->top
		&& receiver->len[receiver->next % ARQ_WINDOW] != 0)
		receiver->next++;
	owe(receiver, jumped, now_ms);
}

struct bytes arq_receiver_arrived(const struct arq_receiver *receiver)
{
	const size_t slot = receiver->first % ARQ_WINDOW;

	if (receiver->first == receiver->next)
		return (struct bytes){NULL, 0};
	return (struct bytes){
		receiver->at[slot] + receiver->taken, receiver->len[slot] - receiver->taken};
}

void arq_receiver_take(struct arq_receiver *receiver, size_t len)
{
	const size_t slot = receiver->first % ARQ_WINDOW;

	receiver->taken += len;
	if (receiver->first == receiver->next || receiver->taken < receiver->len[slot])
		return;
	receiver->len[slot] = 0;
	receiver->taken = 0;
	receiver->first++;

	const uint16_t limit = (uint16_t)(receiver->first + ARQ_WINDOW);

	if ((uint16_t)(receiver->advertised - receiver->next) < WINDOW_STEP
		&& (uint16_t)(limit - receiver->advertised) >= WINDOW_STEP)
		receiver->ack_ms = INT64_MIN;
}

void arq_receiver_ack(struct arq_receiver *receiver, struct frame *frame)
{
	const uint16_t limit = (uint16_t)(receiver->first + ARQ_WINDOW);
	const uint16_t window = (uint16_t)(limit - receiver->next);
	size_t len = 2;

	memset(receiver->ack, 0, sizeof(receiver->ack));
	receiver->ack[0] = (uint8_t)(window >> 8);
	receiver->ack[1] = (uint8_t)window;
	for (uint16_t i = 0; receiver->top != receiver->next
		&& (uint16_t)(receiver->next + 1 + i) != receiver->top;
		i++) {
		const uint16_t n = (uint16_t)(receiver->next + 1 + i);

		if (receiver->len[n % ARQ_WINDOW] == 0)
			continue;
		receiver->ack[2 + i / 8] |= (uint8_t)(1U << i % 8);
		len = 2 + i / 8 + 1;
	}
	frame->sequence = receiver->next;
	frame->payload = (struct bytes){receiver->ack, len};
	receiver->advertised = limit;
	receiver->owed = 0;
	receiver->ack_ms = INT64_MAX;
}
