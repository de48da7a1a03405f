#include "device-link/channel_parts.h"

enum { OPEN_MOST_MS = 2000 /* between two OPENs */ };

/* A courier speaks to devices, not into silence and not to whatever writes text. */
bool channel_hushed(const struct channel *channel)
{
	return channel_is_courier(channel)
		&& (channel->silent || channel->line.text
			|| channel->now_ms >= channel->voice_ms + CHANNEL_HUSH_MS);
}

static void greeting(
	struct channel *channel, enum frame_type type, uint32_t id, struct frame *frame)
{
	const struct channel_greeting ours = {.version = CHANNEL_VERSION,
		.payload_max = ARQ_PAYLOAD_MAX,
		.busy = channel->busy,
		.rate = channel_rate(channel)};

	channel_greeting_frame(&ours, type, id, channel->greeting, frame);
}

static bool open_due(const struct channel *channel)
{
	return channel->phase == PHASE_OPENING && !channel->peer_busy
		&& channel->now_ms >= channel->open_ms;
}

/* The next frame to say, if there is one to say now. */
static bool next_frame(struct channel *channel, struct frame *frame)
{
	if (channel_hushed(channel))
		return false;
	if (channel->closing != 0) {
		*frame = (struct frame){.type = FRAME_CLOSE, .connection = channel->closing};
		channel->closing = 0;
	} else if (channel->answer) {
		greeting(channel, FRAME_OPENED, channel->id, frame);
		channel->answer = false;
	} else if (open_due(channel)) {
		greeting(channel, FRAME_OPEN, channel->id, frame);
		channel->open_ms = channel->now_ms + channel->open_wait_ms;
		if (channel->open_wait_ms < OPEN_MOST_MS)
			channel->open_wait_ms *= 2;
	} else if (!channel_is_courier(channel) && channel->phase == PHASE_QUIET
		&& channel->now_ms >= channel->beacon_ms) {
		greeting(channel, FRAME_BEACON, 0, frame);
		channel->beacon_ms = channel->now_ms + CHANNEL_BEACON_MS;
	} else {
		return channel->talk.arq != NULL
			&& arq_next(channel->talk.arq, channel->now_ms, frame);
	}
	return true;
}

bool channel_speak(struct channel *channel, struct error *err)
{
	if (channel_hushed(channel))
		channel_line_drop(&channel->line);
	do {
		struct frame frame = {0};

		while (channel_line_has_room(&channel->line) && next_frame(channel, &frame))
			if (!channel_line_put(&channel->line, &frame, err))
				return false;
		if (!channel_line_waiting(&channel->line))
			return true;
		if (!channel_line_flush(&channel->line, err))
			return false;
	} while (!channel_line_waiting(&channel->line));
	return true;
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* When something must end. */
static int64_t limit_ms(const struct channel *channel)
{
	const bool meeting
		= channel->phase == PHASE_OPENING || channel->phase == PHASE_GREETING;
	const bool talking = channel->phase == PHASE_GREETING || channel->phase == PHASE_OPEN;

	if (channel->phase == PHASE_ENDING)
		return channel->peer_closed || channel_talk_delivered(&channel->talk)
			? channel->now_ms
			: channel->linger_ms;
	if (channel->phase == PHASE_OVER && channel->now_ms < channel->linger_ms)
		return channel->linger_ms;
	return sooner(meeting ? channel->meet_ms : INT64_MAX,
		talking ? channel->heard_ms + CHANNEL_SILENT_MS : INT64_MAX);
}

int64_t channel_deadline_ms(const struct channel *channel)
{
	int64_t deadline = limit_ms(channel);

	if (channel_hushed(channel) || !channel_line_has_room(&channel->line))
		return deadline;
	if (channel->closing != 0 || channel->answer)
		return channel->now_ms;
	if (channel->phase == PHASE_OPENING && !channel->peer_busy)
		deadline = sooner(deadline, channel->open_ms);
	if (!channel_is_courier(channel) && channel->phase == PHASE_QUIET)
		deadline = sooner(deadline, channel->beacon_ms);
	if (channel->talk.arq != NULL)
		deadline = sooner(deadline, arq_deadline_ms(channel->talk.arq));
	return deadline;
}
