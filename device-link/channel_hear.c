#include "device-link/channel_parts.h"

enum {
	LOST_BEACONS = 2,
	FRAMES_MAX = 256, /* heard in one step */
};

static void heard_beacon(struct channel *channel, const struct frame *frame)
{
	struct channel_greeting peer;

	if (!channel_is_courier(channel) || frame->connection != 0
		|| !channel_greeting_parse(frame, &peer))
		return;
	channel->silent = false;
	channel->peer_busy = peer.busy;
	channel->beacons++;
	if (channel->phase == PHASE_QUIET && peer.version != CHANNEL_VERSION)
		channel_end_because(channel, false, ERROR_FAILED,
			"the device speaks another version of the link");
	else if (channel->phase == PHASE_QUIET && !peer.busy)
		channel_open_one(channel);
	else if (channel->phase == PHASE_OPENING || channel->beacons < LOST_BEACONS)
		return;
	else if (channel->phase == PHASE_ENDING)
		channel_finish(channel);
	else if (channel->phase != PHASE_QUIET)
		channel_end_because(
			channel, false, ERROR_LINK, "the device lost the conversation");
}

static void heard_open(struct channel *channel, const struct frame *frame)
{
	struct channel_greeting peer;
	const uint32_t id = frame->connection;

	if (channel_is_courier(channel) || id == 0 || !channel_greeting_parse(frame, &peer)
		|| peer.version != CHANNEL_VERSION)
		return;
	if (id == channel->id || channel_is_past(channel, id)) {
		if (id == channel->id && channel->phase <= PHASE_OPEN)
			channel->answer = true;
		return;
	}
	if (channel->phase == PHASE_ENDING) {
		channel_finish(channel);
		if (channel->again)
			channel_reset(channel);
	}
	if (channel->phase == PHASE_GREETING || channel->phase == PHASE_OPEN)
		channel_end_because(channel, false, ERROR_LINK, "the courier began anew");
	if (channel->phase != PHASE_QUIET || channel->busy)
		return; /* it will say it again */
	channel_meet(channel, id);
	channel->answer = true;
	channel_greet(channel, &peer);
}

static void heard_opened(struct channel *channel, const struct frame *frame)
{
	struct channel_greeting peer;

	if (channel->phase != PHASE_OPENING || frame->connection != channel->id
		|| !channel_greeting_parse(frame, &peer))
		return;
	if (peer.version == CHANNEL_VERSION)
		channel_greet(channel, &peer);
	else
		channel_end_because(channel, false, ERROR_FAILED,
			"the device speaks another version of the link");
}

static void heard_stream(struct channel *channel, const struct frame *frame)
{
	if (frame->connection == channel->id && channel->talk.arq != NULL)
		arq_receive(channel->talk.arq, frame, channel->now_ms);
	else if (frame->type == FRAME_DATA && channel_is_past(channel, frame->connection))
		channel->closing = frame->connection;
}

static void heard_close(struct channel *channel, const struct frame *frame)
{
	if (channel->id != 0 && frame->connection == channel->id)
		channel->peer_closed = true;
}

static void heard(struct channel *channel, const struct frame *frame)
{
	static void (*const by_type[])(struct channel *, const struct frame *) = {
		[FRAME_BEACON] = heard_beacon,
		[FRAME_OPEN] = heard_open,
		[FRAME_OPENED] = heard_opened,
		[FRAME_DATA] = heard_stream,
		[FRAME_ACK] = heard_stream,
		[FRAME_CLOSE] = heard_close,
	};

	channel->voice_ms = channel->now_ms;
	if (channel->id != 0 && frame->connection == channel->id) {
		channel->heard_ms = channel->now_ms;
		channel->beacons = 0;
	}
	by_type[frame->type](channel, frame);

	/* A device that talks to a courier that is no more: interrupt it. */
	if (channel_is_courier(channel) && channel->phase == PHASE_QUIET && !channel->silent
		&& (frame->type == FRAME_DATA || frame->type == FRAME_ACK)
		&& !channel_is_past(channel, frame->connection))
		channel_open_one(channel);
}

bool channel_hear(struct channel *channel, struct error *err)
{
	for (unsigned i = 0; i < FRAMES_MAX; i++) {
		struct frame frame = {0};
		bool some = false;

		if (!channel_line_read(&channel->line, &frame, &some, err))
			return false;
		if (!some)
			return true;
		heard(channel, &frame);
	}
	return true;
}
