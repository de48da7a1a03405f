#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "courier/deliver_line.h"
#include "device-link/channel.h"

enum {
	VISITS_MAX = 6,    /* a device that restarts more often is not getting anywhere */
	LOST_MAX = 20,     /* broken conversations without a byte of progress between */
	REOPEN_MS = 500,   /* between two tries to open the cable */
	STEP_MS = 200,     /* how often a stop is looked for */
	PART_MS = 3000,    /* to take leave in order */
	READY_ROOM = 4096, /* less room in the channel is not worth a message */
};

/* How one conversation ended. */
enum ending {
	ENDED_DONE,      /* both said BYE */
	ENDED_REBOOTING, /* the device restarts */
	ENDED_BROKEN,    /* the conversation broke; the cable may still be there */
	ENDED_UNPLUGGED, /* the cable is gone */
	ENDED_SILENT,    /* nobody spoke until the deadline */
	ENDED_WRONG,     /* refused, or something failed that another try cannot mend */
	ENDED_STOPPED,   /* the person wants to stop */
};

struct talk {
	struct deliver_line *line;
	struct channel *channel;
	struct visit_courier *visit;
	struct visit_courier_host host;
	struct session_identity identity;
	struct message_hello hello;
	int64_t until_ms;   /* for a device to be heard */
	int64_t parting_ms; /* the visit is over: the time by which all must be said */
	enum ending ending;
	struct error why;
	/* the rate, measured over the run */
	int64_t first_ms;
	uint64_t first_sent;
	uint64_t rate;
	bool resumed;
	bool away; /* it restarts, and has not been heard since */
};

static int64_t clock_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool stopped(const struct deliver_line *line)
{
	return line->options->stop != NULL && *line->options->stop != 0;
}

/* ---- progress ---- */

static void show(struct deliver_host *host, const char *phase, uint64_t sent, uint64_t size)
{
	struct talk *const talk = host->self;
	const int64_t now = clock_ms();

	if (sent > 0 && !talk->resumed) {
		talk->resumed = true;
		talk->first_ms = now;
		talk->first_sent = sent;
	}
	if (talk->resumed && now > talk->first_ms && sent > talk->first_sent)
		talk->rate
			= (sent - talk->first_sent) * 1000 / (uint64_t)(now - talk->first_ms);

	const struct deliver_progress progress = {
		.device = host->device.id,
		.link = talk->line->address,
		.phase = phase,
		.sent = sent,
		.size = size,
		.resumed = talk->first_sent,
		.rate = talk->rate,
		.row = talk->line->row,
		.rows = talk->line->rows,
	};

	talk->line->report(talk->line, &progress);
}

/* ---- one conversation ---- */

static bool begin_visit(struct talk *talk, struct error *err)
{
	const struct session *const session = channel_session(talk->channel);

	talk->line->spoke = true;
	talk->away = false;
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

static void end(struct talk *talk, enum ending ending, const struct error *why)
{
	talk->ending = ending;
	if (why != NULL)
		talk->why = *why;
	talk->parting_ms = clock_ms() + PART_MS;
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
		end(talk, ENDED_WRONG, &err);
		return true;
	}
	if (!carry(talk, &err)) {
		end(talk, ENDED_WRONG, &err);
		channel_close(talk->channel);
		return true;
	}
	if (visit_courier_state(talk->visit) == VISIT_REBOOTING) {
		end(talk, ENDED_REBOOTING, NULL);
		channel_drop(talk->channel);
		return true;
	}
	if (visit_courier_state(talk->visit) == VISIT_DONE) {
		end(talk, ENDED_DONE, NULL);
		channel_close(talk->channel);
		return true;
	}
	return false;
}

/* What the state of the channel means for us.  True: the conversation is over. */
static bool step_talk(struct talk *talk, int64_t now_ms)
{
	const enum channel_state state = channel_state(talk->channel);

	if (stopped(talk->line)) {
		end(talk, ENDED_STOPPED, NULL);
		channel_close(talk->channel);
		return true;
	}
	if (state == CHANNEL_OPEN || (state == CHANNEL_OVER && talk->visit != NULL)) {
		if (step_visit(talk))
			return true;
	}
	if (state == CHANNEL_OVER) {
		const struct error *const why = channel_why(talk->channel);

		end(talk, is_hopeless(why) ? ENDED_WRONG : ENDED_BROKEN, why);
		return true;
	}
	if (state == CHANNEL_QUIET && now_ms >= talk->until_ms) {
		end(talk, ENDED_SILENT, NULL);
		return true;
	}
	return false;
}

/* Sleep until the channel has something to do, but look for a stop now and then. */
static void wait_for_work(struct talk *talk, int64_t now_ms)
{
	struct pollfd fds[4];
	size_t count = 0;
	int64_t ms = channel_deadline_ms(talk->channel) - now_ms;

	(void)channel_poll(talk->channel, fds, &count, COUNT(fds));
	if (ms < 0)
		ms = 0;
	if (ms > STEP_MS)
		ms = STEP_MS;
	(void)poll(fds, (nfds_t)count, (int)ms);
}

/* What is still to be said - KEPT, BYE, an alert - leaves before the cable does. */
static void take_leave(struct talk *talk)
{
	struct error err = {0};

	for (int64_t now = clock_ms(); now < talk->parting_ms; now = clock_ms()) {
		if (!channel_step(talk->channel, now, &err) || channel_flushed(talk->channel))
			return;
		wait_for_work(talk, now);
	}
}

static void converse(struct talk *talk)
{
	struct error err = {0};

	while (true) {
		const int64_t now = clock_ms();

		if (!channel_step(talk->channel, now, &err)) {
			end(talk, ENDED_UNPLUGGED, &err);
			return;
		}
		if (step_talk(talk, now))
			break;
		wait_for_work(talk, now);
	}
	if (talk->ending != ENDED_SILENT && talk->ending != ENDED_REBOOTING)
		take_leave(talk);
}

/* ---- the cable ---- */

static bool open_channel(struct talk *talk, struct error *err)
{
	CLEANUP(link_cleanup) struct link *link = NULL;

	if (!link_open(talk->line->address, &link, err)
		|| !channel_new(SESSION_COURIER, link, &talk->identity, &talk->channel, err))
		return false;
	link = NULL;
	return true;
}

/* Open it, again and again until the deadline: it may be plugged in any moment. */
static bool plug_in(struct talk *talk)
{
	struct error err = {0};

	while (!open_channel(talk, &err)) {
		if (err.code != ERROR_LINK || clock_ms() >= talk->until_ms
			|| stopped(talk->line)) {
			end(talk, stopped(talk->line) ? ENDED_STOPPED : ENDED_UNPLUGGED, &err);
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
	return clock_ms() + seconds * 1000;
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
	talk->until_ms = seconds_from_now(talk->line->options->wait_s);
	return ++*lost < LOST_MAX;
}

static void note_noise(struct talk *talk)
{
	const struct channel_noise noise = channel_noise(talk->channel);

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
			converse(talk);
			note_noise(talk);
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

/* ---- what is said of it ---- */

static const struct {
	enum outcome outcome;
	enum deliver_word word;
} words_of_outcomes[] = {
	{OUTCOME_CONFIRMED, DELIVER_CONFIRMED},
	{OUTCOME_ROLLED_BACK, DELIVER_ROLLED_BACK},
	{OUTCOME_REFUSED, DELIVER_REFUSED},
	{OUTCOME_FAILED, DELIVER_FAILED},
	{OUTCOME_INSTALLED, DELIVER_ANOTHER},
};

static void say_reason(struct talk *talk, struct bytes text)
{
	const int len = (int)(text.len < sizeof(talk->line->reason) ? text.len : 0);

	(void)snprintf(talk->line->reason, sizeof(talk->line->reason), "%.*s", len,
		len > 0 ? (const char *)text.at : "");
}

static void say_outcome(struct talk *talk, struct deliver_result *result)
{
	const struct receipt *const receipt = &talk->line->host.outcome;

	for (size_t i = 0; i < COUNT(words_of_outcomes); i++)
		if (words_of_outcomes[i].outcome == receipt->outcome)
			result->word = words_of_outcomes[i].word;
	result->before = receipt->before;
	result->after = receipt->after;
	result->code = receipt->code;
	if (result->word == DELIVER_ANOTHER)
		result->code = ERROR_CONTACT;
	else if (result->word != DELIVER_CONFIRMED && result->code == ERROR_NONE)
		result->code = ERROR_FAILED;
	say_reason(talk, bytes_of(receipt->reason));
}

/* Its gate, its space, or its health hook still at work: as its last STATE says. */
static void say_phase(struct talk *talk, struct deliver_result *result)
{
	const struct message_state *const state
		= talk->visit != NULL ? visit_courier_phase(talk->visit) : NULL;
	const enum message_phase phase = state != NULL ? state->phase : MESSAGE_PHASE_IDLE;

	result->word = phase == MESSAGE_PHASE_STAGED ? DELIVER_STAGED
		: phase == MESSAGE_PHASE_WAITING     ? DELIVER_WAITING
						     : DELIVER_ANOTHER;
	result->code = phase == MESSAGE_PHASE_STAGED ? ERROR_NONE : ERROR_CONTACT;
	if (state != NULL)
		say_reason(talk, state->text);
}

static bool brought_something(const struct deliver_host *host)
{
	return host->parcel.device[0] != 0 && !host->unfetched
		&& host->parcel.state != PARCEL_ANSWERED;
}

static void say_done(struct talk *talk, struct deliver_result *result)
{
	const struct deliver_host *const host = &talk->line->host;

	result->safe_to_unplug = true;
	if (host->has_outcome)
		say_outcome(talk, result);
	else if (host->options->identify && host->chosen)
		result->word = DELIVER_IDENTIFIED;
	else if (brought_something(host))
		say_phase(talk, result);
	else if (host->unfetched)
		*result = (struct deliver_result){.word = DELIVER_NOT_FETCHED,
			.safe_to_unplug = true,
			.code = ERROR_CONTACT};
	else if (!host->device.certified && host->device.server == NULL)
		result->word = DELIVER_MET;
	else
		result->word = DELIVER_UP_TO_DATE;
}

static void say_broken(struct talk *talk, struct deliver_result *result)
{
	const struct deliver_host *const host = &talk->line->host;
	const struct store_parcel *const parcel = &host->parcel;

	if (host->has_outcome && outcome_terminal(host->outcome.outcome)) {
		say_outcome(talk, result); /* only its goodbye was lost */
		result->safe_to_unplug = true;
		return;
	}
	if (talk->away) {
		result->word = DELIVER_ANOTHER;
		result->code = ERROR_CONTACT;
		say_reason(talk,
			bytes_of("it has not come back from its restart; the update "
				 "goes on by itself, connect again later"));
		return;
	}
	result->word = host->met ? DELIVER_LINK_LOST : DELIVER_NO_DEVICE;
	result->code = ERROR_LINK;
	result->percent = parcel->size > 0 ? (unsigned)(host->sent * 100 / parcel->size) : 0;
	say_reason(talk, bytes_of(talk->why.text));
}

static void say_wrong(struct talk *talk, struct deliver_result *result)
{
	const bool refused = !talk->line->host.met;

	result->word = refused ? DELIVER_NOT_ACCEPTED : DELIVER_ERROR;
	result->code = talk->why.code;
	say_reason(talk, bytes_of(talk->why.text));
}

static void say_stopped(struct talk *talk, struct deliver_result *result)
{
	result->word = DELIVER_ANOTHER;
	result->code = ERROR_CONTACT;
	say_reason(talk, bytes_of("stopped; run courier deliver again to go on"));
}

static void say(struct talk *talk)
{
	static void (*const says[])(struct talk *, struct deliver_result *) = {
		[ENDED_DONE] = say_done,
		[ENDED_REBOOTING] = say_phase,
		[ENDED_BROKEN] = say_broken,
		[ENDED_UNPLUGGED] = say_broken,
		[ENDED_SILENT] = say_broken,
		[ENDED_WRONG] = say_wrong,
		[ENDED_STOPPED] = say_stopped,
	};
	struct deliver_line *const line = talk->line;
	const struct deliver_host *const host = &line->host;
	struct deliver_result result = {0};

	says[talk->ending](talk, &result);
	result.device = host->device.id;
	result.label = host->device.label;
	result.link = line->address;
	result.unverified = host->met && !host->device.certified;
	result.artifact = brought_something(host) || host->has_outcome
		? host->parcel.artifact_name
		: NULL;
	result.deployment = host->parcel.deployment;
	result.collected = host->collected;
	result.reason = line->reason;
	line->result = result;
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
		.options = line->options,
		.show = show,
		.self = &talk,
	};
	talk.host = deliver_host_of(&line->host);
	serve(&talk);
	say(&talk);
	unplug(&talk);
}

void deliver_line_done(struct deliver_line *line)
{
	deliver_host_done(&line->host);
}
