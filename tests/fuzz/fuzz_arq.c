/* Whatever frames come: the stream is the first DATA of each number, in order, that
 * there was room for; what goes out is a frame the other end could take. */
#include <stdlib.h>
#include <string.h>

#include "device-link/arq.h"
#include "tests/fuzz/fuzz.h"

enum { CONNECTION = 1, RECORD = 6 /* what, sequence u16, size u16, time */ };

/* The model of what has come and is not yet taken. */
struct model {
	uint16_t first;
	uint16_t len[ARQ_WINDOW];
	uint8_t fill[ARQ_WINDOW];
};

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void note(struct model *model, uint16_t sequence, size_t len, uint8_t fill)
{
	const size_t slot = sequence % ARQ_WINDOW;

	if ((uint16_t)(sequence - model->first) >= ARQ_WINDOW || model->len[slot] != 0
		|| len == 0 || len > ARQ_PAYLOAD_MAX)
		return;
	model->len[slot] = (uint16_t)len;
	model->fill[slot] = fill;
}

static void take(struct model *model, struct arq *arq)
{
	const size_t slot = model->first % ARQ_WINDOW;
	const struct bytes came = arq_arrived(arq);

	check(came.len == model->len[slot]);
	if (came.len == 0)
		return;
	for (size_t i = 0; i < came.len; i++)
		check(came.at[i] == model->fill[slot]);
	arq_take(arq, came.len);
	model->len[slot] = 0;
	model->first++;
}

static void speak(struct arq *arq, int64_t now_ms)
{
	struct frame frame;

	for (int i = 0; i < 3 * ARQ_WINDOW && arq_next(arq, now_ms, &frame); i++) {
		check(frame.connection == CONNECTION);
		check(frame.type == FRAME_DATA || frame.type == FRAME_ACK);
		check(frame.payload.len > 0 && frame.payload.len <= ARQ_PAYLOAD_MAX);
		check(frame.type == FRAME_DATA || frame.payload.len >= 2);
	}
	check(arq_room(arq) <= ARQ_QUEUE);
}

/* One record of the input: a frame that comes, or something we do. */
static void act(const uint8_t *at, struct model *model, struct arq *arq, int64_t *now_ms)
{
	static uint8_t payload[FRAME_PAYLOAD_MAX];
	const uint16_t sequence = (uint16_t)(at[1] << 8 | at[2]);
	const size_t len = (size_t)(at[3] << 8 | at[4]) % (FRAME_PAYLOAD_MAX + 1);
	const bool ack = at[0] % 4 == 1;
	const struct frame frame = {ack ? FRAME_ACK : FRAME_DATA, false, CONNECTION, sequence,
		{payload, ack ? len % 40 : len}};
	size_t taken = 0;

	*now_ms += at[5] * at[5];
	memset(payload, at[5], sizeof(payload));
	if (at[0] % 4 == 0)
		note(model, sequence, len, at[5]);
	if (at[0] % 4 <= 1)
		arq_receive(arq, &frame, *now_ms);
	else if (at[0] % 4 == 2)
		arq_send(arq, frame.payload, &taken);
	else
		take(model, arq);
	speak(arq, *now_ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	const struct arq_settings settings
		= {.connection = CONNECTION, .rate = len > 0 ? at[0] * 100U : 0};
	CLEANUP(arq_cleanup) struct arq *arq = NULL;
	struct model model = {.first = 0};
	struct error err = {0};
	int64_t now_ms = 0;

	check(arq_new(&settings, &arq, &err));
	for (size_t i = 1; i + RECORD <= len; i += RECORD)
		act(at + i, &model, arq, &now_ms);
	for (int i = 0; i < ARQ_WINDOW; i++)
		take(&model, arq);
	check(arq_arrived(arq).len == 0);
	return 0;
}
