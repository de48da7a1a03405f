#include <string.h>

#include "device-link/arq_sender.h"

enum {
	WIRE_OVERHEAD = FRAME_OVERHEAD + 2, /* bytes a frame costs beside its payload */
	WIRE_TRUST = 64 * 1024,   /* bytes thought to have passed unharmed before the first */
	WIRE_MEMORY = 512 * 1024, /* bytes after which the past counts half */
	LOSS = 256,
	FIRST_ROUND_TRIP_MS = 1000,
	BACKOFF_MAX = 6,  /* doublings */
	AHEAD_MS = 200,   /* of the line's time, on the way beyond what a round trip needs, */
	AHEAD_FRAMES = 3, /* and frames */
};

void arq_sender_init(struct arq_sender *sender, const struct arq_settings *settings)
{
	uint32_t most = settings->payload_max == 0 ? ARQ_PAYLOAD_MAX : settings->payload_max;

	/* A frame should not hold up the line for more than a second. */
	if (settings->rate != 0 && most > settings->rate)
		most = settings->rate;
	if (most > ARQ_PAYLOAD_MAX)
		most = ARQ_PAYLOAD_MAX;
	if (most < ARQ_PAYLOAD_MIN)
		most = ARQ_PAYLOAD_MIN;
	sender->limit = ARQ_FIRST_WINDOW;
	sender->timer_ms = INT64_MAX;
	sender->rate = settings->rate;
	sender->payload_max = (uint16_t)most;
	sender->wire_bytes = WIRE_TRUST;
}

static struct arq_slot *slot_of(struct arq_sender *sender, uint16_t sequence)
{
	return &sender->slots[sequence % ARQ_WINDOW];
}

static uint16_t under_way(const struct arq_sender *sender)
{
	return (uint16_t)(sender->next - sender->first);
}

static bool has_room(const struct arq_sender *sender)
{
	return (int16_t)(uint16_t)(sender->limit - sender->next) > 0;
}

void arq_sender_queue(struct arq_sender *sender, struct bytes bytes, size_t *taken)
{
	size_t done = 0;

	while (done < bytes.len) {
		const size_t at = sender->queued % ARQ_QUEUE;
		size_t len = ARQ_QUEUE - (size_t)(sender->queued - sender->acked);

		if (len > ARQ_QUEUE - at)
			len = ARQ_QUEUE - at;
		if (len > bytes.len - done)
			len = bytes.len - done;
		if (len == 0)
			break;
		memcpy(sender->queue + at, bytes.at + done, len);
		sender->queued += len;
		done += len;
	}
	*taken = done;
}

/* ---- time ---- */

static int64_t frames_ms(const struct arq_sender *sender, unsigned frames)
{
	return sender->rate == 0 ? 0 : 1000LL * frames * sender->payload_max / sender->rate;
}

static int64_t patience_ms(const struct arq_sender *sender)
{
	const int64_t line = frames_ms(sender, 2);
	const int64_t trip = sender->measured
		? (sender->round_trip_us + 4 * sender->variance_us) / 1000 + 20
		: FIRST_ROUND_TRIP_MS;
	const unsigned doublings
		= sender->backoff < BACKOFF_MAX ? sender->backoff : BACKOFF_MAX;
	const int64_t wait = (trip + ARQ_ACK_MS + line) << doublings;

	return wait < ARQ_RESEND_MS + line ? wait : ARQ_RESEND_MS + line;
}

/* RFC 6298 2, in microseconds so that small values do not round to nothing. */
static void measure(struct arq_sender *sender, int64_t trip_ms)
{
	const int64_t trip = 1000 * trip_ms;
	const int64_t off = trip - sender->round_trip_us;

	if (!sender->measured) {
		sender->round_trip_us = trip;
		sender->variance_us = trip / 2;
		sender->shortest_ms = trip_ms;
	} else {
		sender->variance_us += ((off < 0 ? -off : off) - sender->variance_us) / 4;
		sender->round_trip_us += off / 8;
	}
	if (trip_ms < sender->shortest_ms)
		sender->shortest_ms = trip_ms;
	sender->measured = true;
	sender->backoff = 0;
}

/* ---- what came ---- */

static size_t wire_size(const struct arq_slot *slot)
{
	return (size_t)slot->len + WIRE_OVERHEAD;
}

static void lose(struct arq_sender *sender, struct arq_slot *slot)
{
	sender->flying -= wire_size(slot);
	slot->state = ARQ_LOST;
	sender->lost++;
}

/* What an ACK taught. */
struct lesson {
	bool news;
	uint64_t order; /* of the newest frame sent only once */
	int64_t sent_ms;
};

static void note_had(
	struct arq_sender *sender, uint16_t sequence, int64_t now_ms, struct lesson *lesson)
{
	struct arq_slot *const slot = slot_of(sender, sequence);

	if (slot->state == ARQ_HAD)
		return;
	if (slot->state == ARQ_LOST)
		sender->lost--;
	else
		sender->flying -= wire_size(slot);
	slot->state = ARQ_HAD;
	lesson->news = true;
	if (!slot->again && slot->order > lesson->order) {
		lesson->order = slot->order;
		lesson->sent_ms = slot->sent_ms;
	}
	/* Of a frame sent twice, the earlier one may have come: then nothing is known of
	 * what was sent since. */
	if (slot->order > sender->seen
		&& (!slot->again || now_ms - slot->sent_ms >= sender->shortest_ms))
		sender->seen = slot->order;
}

/* Frames sent before one that came have had their chance: a cable does not reorder. */
static void find_losses(struct arq_sender *sender)
{
	bool run = false;

	for (uint16_t n = sender->first; n != sender->next; n++) {
		struct arq_slot *const slot = slot_of(sender, n);
		const bool lost = slot->state == ARQ_FLYING && slot->order < sender->seen;

		if (lost)
			lose(sender, slot);
		/* Neighbours went down together, by one cause. */
		if (lost && !run)
			sender->wire_losses += LOSS;
		run = lost;
	}
}

static void note_bitmap(struct arq_sender *sender, uint16_t sequence, struct bytes bitmap,
	int64_t now_ms, struct lesson *lesson)
{
	for (size_t i = 0; i < 8 * bitmap.len && i < ARQ_WINDOW; i++) {
		const uint16_t n = (uint16_t)(sequence + 1 + i);

		if ((uint16_t)(n - sender->first) >= under_way(sender))
			break;
		if (bitmap.at[i / 8] >> i % 8 & 1)
			note_had(sender, n, now_ms, lesson);
	}
}

static bool open_window(struct arq_sender *sender, uint16_t sequence, struct bytes window)
{
	const unsigned given = (unsigned)window.at[0] << 8 | window.at[1];
	const uint16_t limit = (uint16_t)(sequence + (given < ARQ_WINDOW ? given : ARQ_WINDOW));

	if ((int16_t)(uint16_t)(limit - sender->limit) <= 0)
		return false;
	sender->limit = limit;
	return true;
}

void arq_sender_ack(struct arq_sender *sender, const struct frame *frame, int64_t now_ms)
{
	const uint16_t sequence = frame->sequence;
	const struct bytes payload = frame->payload;
	struct lesson lesson = {false, 0, 0};

	if (payload.len < 2 || (uint16_t)(sequence - sender->first) > under_way(sender))
		return; /* of an older day, or nonsense */
	for (uint16_t n = sender->first; n != sequence; n++)
		note_had(sender, n, now_ms, &lesson);
	note_bitmap(sender, sequence, (struct bytes){payload.at + 2, payload.len - 2}, now_ms,
		&lesson);
	for (; sender->first != sender->next; sender->first++) {
		const struct arq_slot *const slot = slot_of(sender, sender->first);

		if (slot->state != ARQ_HAD)
			break;
		sender->acked += slot->len;
	}
	find_losses(sender);
	if (lesson.order > 0)
		measure(sender, now_ms - lesson.sent_ms);
	if (open_window(sender, sequence, payload) || lesson.news)
		sender->timer_ms
			= under_way(sender) > 0 ? now_ms + patience_ms(sender) : INT64_MAX;
}

/* ---- what goes ---- */

/* The size that wastes least: the whole is overhead / size + errors * size. */
static size_t frame_size(const struct arq_sender *sender)
{
	size_t low = ARQ_PAYLOAD_MIN, high = sender->payload_max;

	if (sender->wire_losses == 0)
		return high;

	const uint64_t square = WIRE_OVERHEAD * sender->wire_bytes * LOSS / sender->wire_losses;

	while (low < high) {
		const size_t middle = (low + high + 1) / 2;

		if (middle * middle <= square)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

/* Enough to keep the line busy until an ACK comes.  More would only wait in buffers on
 * the way, before what must be sent again. */
static bool has_enough(const struct arq_sender *sender)
{
	const int64_t ms = sender->shortest_ms + AHEAD_MS;
	const size_t frames = AHEAD_FRAMES * (frame_size(sender) + WIRE_OVERHEAD);

	return sender->rate != 0
		&& sender->flying >= (size_t)(ms * sender->rate / 1000) + frames;
}

static bool may_cut(const struct arq_sender *sender)
{
	return sender->cut < sender->queued && under_way(sender) < ARQ_WINDOW
		&& (has_room(sender) || sender->probing);
}

static struct arq_slot *cut(struct arq_sender *sender)
{
	struct arq_slot *const slot = slot_of(sender, sender->next);
	const size_t at = sender->cut % ARQ_QUEUE;
	size_t len = has_room(sender) ? frame_size(sender) : ARQ_PAYLOAD_MIN;

	if (len > ARQ_QUEUE - at)
		len = ARQ_QUEUE - at;
	if (len > sender->queued - sender->cut)
		len = (size_t)(sender->queued - sender->cut);
	*slot = (struct arq_slot){
		.state = ARQ_FLYING, .len = (uint16_t)len, .at = (uint32_t)at};
	sender->probing = false;
	sender->cut += len;
	return slot;
}

static uint16_t oldest(struct arq_sender *sender, enum arq_slot_state state)
{
	uint16_t n = sender->first;

	while (n != sender->next && slot_of(sender, n)->state != state)
		n++;
	return n;
}

/* Nothing was heard for too long: send the oldest frame again, or one past the limit
 * to hear whether there is room now. */
static void expire(struct arq_sender *sender)
{
	const uint16_t n = oldest(sender, ARQ_FLYING);

	if (n != sender->next)
		lose(sender, slot_of(sender, n));
	sender->probing = under_way(sender) == 0;
	sender->backoff++;
	sender->timer_ms = INT64_MAX;
}

static void put(
	struct arq_sender *sender, struct arq_slot *slot, int64_t now_ms, struct frame *frame)
{
	frame->payload = (struct bytes){sender->queue + slot->at, slot->len};
	slot->state = ARQ_FLYING;
	slot->sent_ms = now_ms;
	slot->order = ++sender->order;
	sender->sent++;
	sender->resent += slot->again;
	sender->flying += wire_size(slot);
	sender->wire_bytes += wire_size(slot);
	if (sender->wire_bytes > WIRE_MEMORY) {
		sender->wire_bytes /= 2;
		sender->wire_losses /= 2;
	}
	if (sender->timer_ms == INT64_MAX)
		sender->timer_ms = now_ms + patience_ms(sender);
}

/* There is something to send, nothing under way whose ACK could tell of room, and no
 * room: only the clock can help. */
static bool is_shut(const struct arq_sender *sender)
{
	return sender->cut < sender->queued && under_way(sender) == 0 && !has_room(sender);
}

bool arq_sender_next(struct arq_sender *sender, int64_t now_ms, struct frame *frame)
{
	if (now_ms >= sender->timer_ms)
		expire(sender);
	if (has_enough(sender))
		return false;
	if (sender->lost > 0) {
		frame->sequence = oldest(sender, ARQ_LOST);

		struct arq_slot *const slot = slot_of(sender, frame->sequence);

		sender->lost--;
		slot->again = true;
		put(sender, slot, now_ms, frame);
		return true;
	}
	if (may_cut(sender)) {
		struct arq_slot *const slot = cut(sender);

		frame->sequence = sender->next++;
		put(sender, slot, now_ms, frame);
		return true;
	}
	if (is_shut(sender) && sender->timer_ms == INT64_MAX)
		sender->timer_ms = now_ms + patience_ms(sender);
	return false;
}

int64_t arq_sender_deadline_ms(const struct arq_sender *sender)
{
	const bool unarmed = is_shut(sender) && sender->timer_ms == INT64_MAX;

	const bool ready = (sender->lost > 0 || may_cut(sender)) && !has_enough(sender);

	return ready || unarmed ? INT64_MIN : sender->timer_ms;
}
