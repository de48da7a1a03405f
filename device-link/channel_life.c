#include "common/crypto.h"
#include "device-link/channel_parts.h"

enum {
	OPEN_FIRST_MS = 250,    /* between two OPENs; then twice as long */
	GREETING_BYTES = 16384, /* what a handshake is allowed of a slow line */
	CLOSE_MS = 20,
	CLOSE_BYTES = 64, /* with an ACK before it */
};

bool channel_is_past(const struct channel *channel, uint32_t id)
{
	for (size_t i = 0; i < CHANNEL_PAST_MAX; i++)
		if (channel->past[i] == id)
			return id != 0;
	return false;
}

void channel_finish(struct channel *channel)
{
	channel->phase = PHASE_OVER;
	channel->linger_ms = channel->now_ms;
	channel->statistics = channel_statistics(channel);
	arq_free(channel->talk.arq);
	channel->talk.arq = NULL;
}

void channel_end(struct channel *channel, bool deliver, const struct error *why)
{
	if (channel->phase == PHASE_ENDING || channel->phase == PHASE_OVER)
		return;
	channel->failed = why != NULL;
	if (why != NULL)
		channel->why = *why;
	channel->past[channel->past_next++ % CHANNEL_PAST_MAX] = channel->id;
	channel->phase = PHASE_ENDING;
	channel->linger_ms = channel->now_ms + CHANNEL_LINGER_MS;
	if (!deliver)
		channel_finish(channel);
}

void channel_end_because(
	struct channel *channel, bool deliver, enum error_code code, const char *text)
{
	struct error why = {0};

	(void)error_set(&why, code, "%s", text);
	channel_end(channel, deliver, &why);
}

void channel_reset(struct channel *channel)
{
	channel_talk_done(&channel->talk);
	channel->phase = PHASE_QUIET;
	channel->id = 0;
	channel->failed = false;
	channel->peer_closed = false;
	channel->again = false;
	channel->delivered = 0;
	channel->beacons = 0;
	channel->beacon_ms = channel->now_ms;
}

uint32_t channel_rate(const struct channel *channel)
{
	return channel->line.link->kind->rate(channel->line.link);
}

void channel_meet(struct channel *channel, uint32_t id)
{
	const uint32_t rate = channel_rate(channel);

	channel->id = id;
	channel->heard_ms = channel->now_ms;
	channel->beacons = 0;
	channel->meet_ms = channel->now_ms + CHANNEL_MEET_MS
		+ (rate == 0 ? 0 : 1000LL * GREETING_BYTES / rate);
}

void channel_greet(struct channel *channel, const struct channel_greeting *peer)
{
	const uint32_t rate = channel_rate(channel);
	const struct arq_settings settings = {.connection = channel->id,
		.rate = rate != 0 ? rate : peer->rate,
		.payload_max = peer->payload_max,
		.now_ms = channel->now_ms};
	struct error why = {0};

	channel->phase = PHASE_GREETING;
	if (!channel_talk_begin(
		    &channel->talk, channel->side, channel->identity, &settings, &why))
		channel_end(channel, true, &why);
}

void channel_open_one(struct channel *channel)
{
	struct error why = {0};
	uint32_t id = 0;

	while (id == 0 || channel_is_past(channel, id))
		if (!crypto_random(&id, sizeof(id), &why)) {
			channel_end(channel, false, &why);
			return;
		}
	channel_meet(channel, id);
	channel->phase = PHASE_OPENING;
	channel->open_ms = channel->now_ms;
	channel->open_wait_ms = OPEN_FIRST_MS;
}

bool channel_feed(struct channel *channel)
{
	struct error why = {0};
	bool some = false;

	if (!channel_talk_feed(&channel->talk, &some, &why))
		channel_end(channel, true, &why);
	else if (session_state(channel->talk.session) == SESSION_OVER)
		channel_end(channel, true, NULL);
	else if (session_state(channel->talk.session) == SESSION_OPEN)
		channel->phase = PHASE_OPEN;
	return some && channel->phase != PHASE_ENDING;
}

void channel_converse(struct channel *channel)
{
	if (channel->talk.arq == NULL)
		return;
	channel_talk_push(&channel->talk);
	while (channel->phase == PHASE_GREETING && channel_feed(channel))
		;
	if (channel->phase == PHASE_ENDING)
		channel_talk_ignore(&channel->talk);
}

/* What a CLOSE needs to leave the link's own buffer, which closing the link empties. */
static int64_t close_ms(const struct channel *channel)
{
	const uint32_t rate = channel_rate(channel);

	return CLOSE_MS + (rate == 0 ? 0 : 1000LL * CLOSE_BYTES / rate);
}

static void tick_ending(struct channel *channel)
{
	const uint64_t delivered = channel->talk.arq == NULL
		? 0
		: arq_statistics(channel->talk.arq).acknowledged;

	if (delivered > channel->delivered)
		channel->linger_ms = channel->now_ms + CHANNEL_LINGER_MS;
	channel->delivered = delivered;
	if (channel_talk_delivered(&channel->talk) || channel->now_ms >= channel->linger_ms) {
		channel_finish(channel);
		if (!channel->peer_closed) {
			channel->closing = channel->id;
			channel->linger_ms += close_ms(channel);
		}
	} else if (channel->peer_closed) {
		channel_finish(channel);
	}
}

void channel_tick(struct channel *channel)
{
	const bool meeting
		= channel->phase == PHASE_OPENING || channel->phase == PHASE_GREETING;

	if (meeting && channel->now_ms >= channel->meet_ms)
		channel_end_because(channel, false, ERROR_TIMEOUT,
			channel->phase == PHASE_OPENING
				? "the device does not answer"
				: "the two ends did not get to know each other in time");
	if ((channel->phase == PHASE_GREETING || channel->phase == PHASE_OPEN)
		&& channel->now_ms >= channel->heard_ms + CHANNEL_SILENT_MS)
		channel_end_because(channel, false, ERROR_TIMEOUT, "the other end went quiet");
	if (channel->peer_closed && meeting)
		channel_end_because(channel, false, ERROR_LINK, "the other end hung up");
	if (channel->phase == PHASE_ENDING)
		tick_ending(channel);
	if (channel->phase == PHASE_OVER && channel->again)
		channel_reset(channel);
}
