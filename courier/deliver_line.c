#include <poll.h>

#include "courier/deliver_talk.h"

enum {
	VISITS_MAX = 6,  /* a device that restarts more often is not getting anywhere */
	LOST_MAX = 20,   /* broken conversations without a byte of progress between */
	REOPEN_MS = 500, /* between two tries to open the cable */
};

/* The channel takes the link, also when it fails. */
static bool open_channel(struct talk *talk, struct error *err)
{
	struct link *link = NULL;

	return link_open(talk->line->address, &link, err)
		&& channel_new(SESSION_COURIER, link, &talk->identity, &talk->channel, err);
}

/* Open it, again and again until the deadline: it may be plugged in any moment. */
static bool plug_in(struct talk *talk)
{
	struct error err = {0};

	while (!open_channel(talk, &err)) {
		if (err.code != ERROR_LINK) /* worth saying whoever asked */
			talk->line->spoke = true;
		if (err.code != ERROR_LINK || deliver_clock_ms() >= talk->until_ms
			|| deliver_stopped(talk->line)) {
			deliver_talk_end(talk,
				deliver_stopped(talk->line) ? ENDED_STOPPED : ENDED_UNPLUGGED,
				&err);
			return false;
		}
		(void)poll(NULL, 0, REOPEN_MS);
	}
	return true;
}

static void unplug(struct talk *talk)
{
	visit_courier_free(talk->visit);
	talk->visit = NULL;
	channel_free(talk->channel);
	talk->channel = NULL;
}

static int64_t seconds_from_now(int64_t seconds)
{
	return deliver_clock_ms() + seconds * 1000;
}

/* How long the device may be away, by what it said and what we were told. */
static int64_t reboot_until(const struct talk *talk)
{
	const struct message_state *const phase = visit_courier_phase(talk->visit);
	const int64_t told = talk->line->settings->reboot_s;

	return seconds_from_now(phase->wait_s > told ? phase->wait_s : told);
}

/* Is it worth going on after this ending? */
static bool go_on(struct talk *talk, unsigned *visits, unsigned *lost, uint64_t *sent)
{
	const struct deliver_host *const host = &talk->line->host;

	if (host->sent != *sent)
		*lost = 0;
	*sent = host->sent;
	if (talk->ending == ENDED_REBOOTING) {
		talk->until_ms = reboot_until(talk);
		talk->away = true;
		return ++*visits < VISITS_MAX;
	}
	if (talk->ending != ENDED_BROKEN && talk->ending != ENDED_UNPLUGGED)
		return false;
	if (talk->ending == ENDED_UNPLUGGED && !talk->line->spoke)
		return false;
	/* A cable that went with the device's restart comes back with it. */
	if (!talk->away)
		talk->until_ms = seconds_from_now(talk->line->options->wait_s);
	return ++*lost < LOST_MAX;
}

/* Nobody opened, but somebody may have been heard. */
static void note_silence(struct talk *talk)
{
	const struct channel_noise noise = channel_noise(talk->channel);

	talk->peer_busy = talk->ending == ENDED_SILENT && channel_peer_busy(talk->channel);
	talk->line->spoke = talk->line->spoke || talk->peer_busy;
	if (talk->ending != ENDED_SILENT || talk->line->spoke || noise.noise_bytes == 0)
		return;
	talk->line->spoke = true;
	(void)error_set(&talk->why, ERROR_LINK,
		"somebody speaks there, but no courier-agent: %.60s", noise.sample);
}

static void serve(struct talk *talk)
{
	unsigned visits = 0, lost = 0;
	uint64_t sent = 0;

	do {
		if (!plug_in(talk))
			return;
		do {
			deliver_talk(talk);
			note_silence(talk);
			if (!go_on(talk, &visits, &lost, &sent))
				return;
			visit_courier_free(talk->visit);
			talk->visit = NULL;
			if (talk->ending != ENDED_UNPLUGGED)
				channel_again(talk->channel);
		} while (talk->ending != ENDED_UNPLUGGED);
		unplug(talk);
	} while (true);
}

void deliver_line_serve(struct deliver_line *line)
{
	struct talk talk = {
		.line = line,
		.until_ms = seconds_from_now(line->options->wait_s),
		.identity
		= {line->papers->key, line->papers->chain, buf_bytes(&line->papers->root)},
	};

	line->host = (struct deliver_host){
		.store = line->store,
		.papers = line->papers,
		.settings = line->settings,
		.options = line->options,
		.show = deliver_talk_show,
		.self = &talk,
	};
	talk.host = deliver_host_of(&line->host);
	serve(&talk);
	deliver_say(&talk);
	unplug(&talk);
}

void deliver_line_done(struct deliver_line *line)
{
	deliver_host_done(&line->host);
}
