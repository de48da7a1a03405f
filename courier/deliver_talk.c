#include <poll.h>
#include <time.h>

#include "courier/deliver_talk.h"

enum {
	STEP_MS = 200,     /* how often a stop is looked for */
	PART_MS = 3000,    /* to take leave in order */
	READY_ROOM = 4096, /* less room in the channel is not worth a message */
};

int64_t deliver_clock_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool deliver_stopped(const struct deliver_line *line)
{
	return line->options->stop != NULL && atomic_load(line->options->stop);
}

/* ---- progress ---- */

static uint64_t acknowledged(const struct talk *talk)
{
	return channel_statistics(talk->channel).acknowledged;
}

/* What was given to the channel is not what the device has: a slow line has seconds
 * of it in the queue.  The stream carries a little more than the artifact, so that this
 * runs ahead by less than a hundredth; but all is said only when all is there. */
static uint64_t delivered(const struct talk *talk)
{
	const uint64_t at = talk->began_at + (acknowledged(talk) - talk->began_acked);

	if (!talk->began)
		return 0;
	if (at < talk->sent)
		return at;
	return channel_flushed(talk->channel) ? talk->sent : talk->sent - 1;
}

static uint64_t note_delivered(struct talk *talk)
{
	struct deliver_host *const host = &talk->line->host;
	const uint64_t got = talk->channel != NULL && talk->began ? delivered(talk) : 0;

	if (got > host->sent)
		host->sent = got;
	return got;
}

static void show(struct talk *talk, int64_t now_ms)
{
	struct deliver_line *const line = talk->line;
	const uint64_t got = note_delivered(talk);
	const int64_t spent_ms = now_ms - talk->began_ms;

	const struct deliver_progress progress = {
		.device = line->host.device.id,
		.label = line->host.device.label,
		.link = line->address,
		.phase = talk->phase,
		.sent = got,
		.size = talk->size,
		.resumed = talk->began_at,
		.rate = talk->began && spent_ms > 0
			? (got - talk->began_at) * 1000 / (uint64_t)spent_ms
			: 0,
		.line_rate = channel_rate(talk->channel),
		.row = line->row,
		.rows = line->rows,
	};

	talk->shown_ms = now_ms;
	line->report(line, &progress);
}

/* Between two events of the visit, too, the line goes on carrying. */
static void show_now_and_then(struct talk *talk, int64_t now_ms)
{
	if (talk->phase != NULL && now_ms - talk->shown_ms >= STEP_MS)
		show(talk, now_ms);
}

static void begin_transfer(struct talk *talk, uint64_t sent, int64_t now_ms)
{
	talk->began = true;
	talk->began_ms = now_ms;
	talk->began_at = sent > MESSAGE_DATA_MAX ? sent - MESSAGE_DATA_MAX : 0;
	talk->began_acked = acknowledged(talk);
}

void deliver_talk_show(
	struct deliver_host *host, const char *phase, uint64_t sent, uint64_t size)
{
	struct talk *const talk = host->self;
	const int64_t now = deliver_clock_ms();
	const bool is_new = talk->phase != phase;

	talk->phase = phase;
	talk->sent = sent;
	talk->size = size;
	if (sent > 0 && !talk->began)
		begin_transfer(talk, sent, now);
	if (is_new)
		show(talk, now);
	else
		show_now_and_then(talk, now);
}

/* ---- one conversation ---- */

static bool begin_visit(struct talk *talk, struct error *err)
{
	const struct session *const session = channel_session(talk->channel);

	talk->away = false;
	talk->began = false;
	talk->hello = deliver_hello(&talk->line->host, session);
	return visit_courier_new(&talk->host, &talk->hello, session, &talk->visit, err);
}

/* Messages that came, into the visit; messages it has to say, into the channel. */
static bool carry(struct talk *talk, struct error *err)
{
	struct bytes message;
	bool some = true;

	while (channel_receive(talk->channel, &message))
		if (!visit_courier_take(talk->visit, message, err))
			return false;
	while (some && channel_state(talk->channel) == CHANNEL_OPEN
		&& channel_room(talk->channel) >= READY_ROOM) {
		CLEANUP(buf_free) struct buf out = {0};

		if (!visit_courier_give(
			    talk->visit, channel_room(talk->channel), &out, &some, err)
			|| (some && !channel_send(talk->channel, buf_bytes(&out), err)))
			return false;
	}
	return true;
}

void deliver_talk_end(struct talk *talk, enum ending ending, const struct error *why)
{
	(void)note_delivered(talk);
	talk->ending = ending;
	if (why != NULL)
		talk->why = *why;
	else if (ending == ENDED_BROKEN)
		(void)error_set(&talk->why, ERROR_LINK, "the device ended the conversation");
	else if (ending == ENDED_SILENT && !talk->line->spoke)
		(void)error_set(&talk->why, ERROR_LINK,
			"no device beacons: is it switched on, and its agent running?");
	talk->parting_ms = deliver_clock_ms() + PART_MS;
}

/* TLS and the device's judgement do not change by trying again; noise does. */
static bool is_hopeless(const struct error *why)
{
	return why != NULL && (why->code == ERROR_SIGNATURE || why->code == ERROR_UNAUTHORISED);
}

/* The visit, one step.  True when this conversation is over. */
static bool step_visit(struct talk *talk)
{
	struct error err = {0};

	if (talk->visit == NULL && !begin_visit(talk, &err)) {
		deliver_talk_end(talk, ENDED_WRONG, &err);
		return true;
	}
	if (!carry(talk, &err)) {
		deliver_talk_end(talk, ENDED_WRONG, &err);
		channel_close(talk->channel);
		return true;
	}
	if (visit_courier_state(talk->visit) == VISIT_REBOOTING) {
		deliver_talk_end(talk, ENDED_REBOOTING, NULL);
		channel_drop(talk->channel);
		return true;
	}
	if (visit_courier_state(talk->visit) == VISIT_DONE) {
		deliver_talk_end(talk, ENDED_DONE, NULL);
		channel_close(talk->channel);
		return true;
	}
	return false;
}

/* What the state of the channel means for us.  True: the conversation is over. */
static bool step_talk(struct talk *talk, int64_t now_ms)
{
	const enum channel_state state = channel_state(talk->channel);

	if (state != CHANNEL_QUIET) /* somebody beaconed */
		talk->line->spoke = true;
	if (deliver_stopped(talk->line)) {
		deliver_talk_end(talk, ENDED_STOPPED, NULL);
		channel_close(talk->channel);
		return true;
	}
	if (state == CHANNEL_OPEN || (state == CHANNEL_OVER && talk->visit != NULL)) {
		if (step_visit(talk))
			return true;
	}
	if (state == CHANNEL_OVER) {
		const struct error *const why = channel_why(talk->channel);

		deliver_talk_end(talk, is_hopeless(why) ? ENDED_WRONG : ENDED_BROKEN, why);
		return true;
	}
	if (state == CHANNEL_QUIET && now_ms >= talk->until_ms) {
		deliver_talk_end(talk, ENDED_SILENT, NULL);
		return true;
	}
	return false;
}

/* Sleep until the channel has something to do, but look for a stop now and then. */
static void wait_for_work(struct talk *talk, int64_t now_ms)
{
	struct pollfd fds[4];
	size_t count = 0;
	const int64_t due_ms = channel_deadline_ms(talk->channel); /* INT64_MIN: at once */
	int64_t ms = due_ms <= now_ms ? 0 : due_ms - now_ms;

	(void)channel_poll(talk->channel, fds, &count, COUNT(fds));
	if (ms > STEP_MS)
		ms = STEP_MS;
	(void)poll(fds, (nfds_t)count, (int)ms);
}

/* What is still to be said - KEPT, BYE, an alert - leaves before the cable does. */
static void take_leave(struct talk *talk)
{
	struct error err = {0};

	for (int64_t now = deliver_clock_ms(); now < talk->parting_ms;
		now = deliver_clock_ms()) {
		if (!channel_step(talk->channel, now, &err) || channel_flushed(talk->channel))
			return;
		wait_for_work(talk, now);
	}
}

void deliver_talk(struct talk *talk)
{
	struct error err = {0};

	while (true) {
		const int64_t now = deliver_clock_ms();

		if (!channel_step(talk->channel, now, &err)) {
			deliver_talk_end(talk, ENDED_UNPLUGGED, &err);
			return;
		}
		if (step_talk(talk, now))
			break;
		show_now_and_then(talk, now);
		wait_for_work(talk, now);
	}
	if (talk->ending != ENDED_SILENT && talk->ending != ENDED_REBOOTING)
		take_leave(talk);
}
