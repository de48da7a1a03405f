#include <stdlib.h>

#include "device-link/arq.h"
#include "device-link/arq_receiver.h"
#include "device-link/arq_sender.h"

struct arq {
	uint32_t connection;
	int64_t spoke_ms, heard_ms;
	struct arq_sender sender;
	struct arq_receiver receiver;
};

bool arq_new(const struct arq_settings *settings, struct arq **out, struct error *err)
{
	struct arq *const arq = calloc(1, sizeof(*arq));

	if (arq == NULL)
		return error_errno(err, "cannot allocate a connection");
	arq->connection = settings->connection;
	arq->spoke_ms = settings->now_ms;
	arq->heard_ms = settings->now_ms;
	arq_sender_init(&arq->sender, settings);
	arq_receiver_init(&arq->receiver);
	*out = arq;
	return true;
}

void arq_free(struct arq *arq)
{
	free(arq);
}

void arq_cleanup(struct arq **arq)
{
	arq_free(*arq);
}

size_t arq_room(const struct arq *arq)
{
	return ARQ_QUEUE - (size_t)(arq->sender.queued - arq->sender.acked);
}

void arq_send(struct arq *arq, struct bytes bytes, size_t *taken)
{
	arq_sender_queue(&arq->sender, bytes, taken);
}

void arq_receive(struct arq *arq, const struct frame *frame, int64_t now_ms)
{
	if (frame->connection != arq->connection)
		return;
	if (frame->type == FRAME_DATA)
		arq_receiver_data(&arq->receiver, frame, now_ms);
	else if (frame->type == FRAME_ACK)
		arq_sender_ack(&arq->sender, frame, now_ms);
	else
		return;
	arq->heard_ms = now_ms;
}

struct bytes arq_arrived(const struct arq *arq)
{
	return arq_receiver_arrived(&arq->receiver);
}

void arq_take(struct arq *arq, size_t len)
{
	arq_receiver_take(&arq->receiver, len);
}

bool arq_next(struct arq *arq, int64_t now_ms, struct frame *frame)
{
	struct frame next = {.type = FRAME_ACK, .connection = arq->connection};

	if (now_ms < arq->receiver.ack_ms && arq_sender_next(&arq->sender, now_ms, &next))
		next.type = FRAME_DATA;
	else if (now_ms >= arq->receiver.ack_ms || now_ms >= arq->spoke_ms + ARQ_ALIVE_MS)
		arq_receiver_ack(&arq->receiver, &next);
	else
		return false;
	arq->spoke_ms = now_ms;
	*frame = next;
	return true;
}

int64_t arq_deadline_ms(const struct arq *arq)
{
	int64_t deadline = arq->spoke_ms + ARQ_ALIVE_MS;
	const int64_t send = arq_sender_deadline_ms(&arq->sender);

	if (deadline > arq->receiver.ack_ms)
		deadline = arq->receiver.ack_ms;
	return deadline < send ? deadline : send;
}

bool arq_idle(const struct arq *arq)
{
	return arq->sender.acked == arq->sender.queued;
}

struct arq_statistics arq_statistics(const struct arq *arq)
{
	return (struct arq_statistics){.sent = arq->sender.sent,
		.resent = arq->sender.resent,
		.received = arq->receiver.received,
		.repeated = arq->receiver.repeated,
		.acknowledged = arq->sender.acked,
		.heard_ms = arq->heard_ms,
		.round_trip_ms = (uint32_t)(arq->sender.round_trip_us / 1000)};
}
