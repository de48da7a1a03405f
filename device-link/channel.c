#include <stdlib.h>
#include <string.h>

#include "device-link/channel_parts.h"

#define NEVER_MS (INT64_MIN / 2) /* what can still be added to */

bool channel_new(enum session_side side, struct link *link,
	const struct session_identity *identity, struct channel **out, struct error *err)
{
	struct channel *const channel = calloc(1, sizeof(*channel));

	if (channel == NULL) {
		link_close(link);
		return error_errno(err, "cannot allocate a channel");
	}
	channel->side = side;
	channel->identity = identity;
	channel->line.link = link;
	channel->line.device = side == SESSION_DEVICE;
	channel->beacon_ms = INT64_MIN;
	channel->voice_ms = NEVER_MS;
	*out = channel;
	return true;
}

void channel_free(struct channel *channel)
{
	if (channel == NULL)
		return;
	channel_talk_done(&channel->talk);
	channel_line_close(&channel->line);
	free(channel);
}

void channel_cleanup(struct channel **channel)
{
	channel_free(*channel);
}

bool channel_step(struct channel *channel, int64_t now_ms, struct error *err)
{
	channel->now_ms = now_ms;
	if (!channel_hear(channel, err))
		return false;
	channel_converse(channel);
	channel_tick(channel);
	return channel_speak(channel, err);
}

bool channel_poll(struct channel *channel, struct pollfd *fds, size_t *count, size_t room)
{
	return channel->line.link->kind->poll(
		channel->line.link, channel_line_waiting(&channel->line), fds, count, room);
}

enum channel_state channel_state(const struct channel *channel)
{
	static const enum channel_state seen[] = {
		[PHASE_QUIET] = CHANNEL_QUIET,
		[PHASE_OPENING] = CHANNEL_MEETING,
		[PHASE_GREETING] = CHANNEL_MEETING,
		[PHASE_OPEN] = CHANNEL_OPEN,
		[PHASE_ENDING] = CHANNEL_OVER,
		[PHASE_OVER] = CHANNEL_OVER,
	};

	return channel->again ? CHANNEL_QUIET : seen[channel->phase];
}

const struct error *channel_why(const struct channel *channel)
{
	return channel->failed ? &channel->why : NULL;
}

const struct session *channel_session(const struct channel *channel)
{
	return channel->phase == PHASE_OPEN ? channel->talk.session : NULL;
}

bool channel_send(struct channel *channel, struct bytes message, struct error *err)
{
	if (channel->phase != PHASE_OPEN)
		return error_set(err, ERROR_LINK, "the conversation is over");
	return channel_talk_send(&channel->talk, message, err);
}

size_t channel_room(const struct channel *channel)
{
	return channel->phase == PHASE_OPEN ? channel_talk_room(&channel->talk) : 0;
}

bool channel_receive(struct channel *channel, struct bytes *message)
{
	struct session *const session = channel->talk.session;

	if (session == NULL)
		return false;
	do
		if (session_message(session, message))
			return true;
	while (channel->phase == PHASE_OPEN && channel_feed(channel));
	if (session_message(session, message))
		return true;
	if (channel->peer_closed && channel->phase == PHASE_OPEN)
		channel_end_because(channel, false, ERROR_LINK, "the other end hung up");
	return false;
}

bool channel_flushed(const struct channel *channel)
{
	switch (channel->phase) {
	case PHASE_OPENING:
	case PHASE_GREETING:
	case PHASE_ENDING:
		return false;
	case PHASE_OPEN:
		return channel_talk_delivered(&channel->talk);
	case PHASE_QUIET:
	case PHASE_OVER:
		break;
	}
	/* What must not be said will not be. */
	return channel_hushed(channel)
		|| (channel->closing == 0 && !channel_line_waiting(&channel->line)
			&& channel->now_ms >= channel->linger_ms);
}

void channel_close(struct channel *channel)
{
	if (channel->phase == PHASE_QUIET)
		return;
	if (channel->phase == PHASE_OPEN)
		channel_talk_goodbye(&channel->talk);
	channel_end(channel, true, NULL);
}

void channel_drop(struct channel *channel)
{
	if (channel->phase == PHASE_QUIET)
		return;
	channel_end(channel, false, NULL);
	channel_finish(channel);
	channel_line_drop(&channel->line);
	channel->closing = 0;
	channel->answer = false;
	channel->silent = channel_is_courier(channel);
}

void channel_again(struct channel *channel)
{
	if (channel->phase == PHASE_OVER)
		channel_reset(channel);
	else
		channel->again = channel->phase == PHASE_ENDING;
}

void channel_set_busy(struct channel *channel, bool busy)
{
	channel->busy = busy;
}

bool channel_peer_busy(const struct channel *channel)
{
	return channel->peer_busy;
}

struct channel_noise channel_noise(const struct channel *channel)
{
	const struct frame_reader *const reader = &channel->line.reader;
	struct channel_noise noise = {.noise_bytes = reader->noise,
		.bad_frames = reader->bad,
		.good_frames = reader->frames};

	memcpy(noise.sample, reader->text, sizeof(noise.sample));
	/* A prompt waits for an answer, not for a delimiter. */
	if (frame_text((struct bytes){reader->at, reader->len}, noise.sample))
		noise.noise_bytes += reader->len;
	return noise;
}

struct arq_statistics channel_statistics(const struct channel *channel)
{
	return channel->talk.arq != NULL ? arq_statistics(channel->talk.arq)
					 : channel->statistics;
}
