#include <stdio.h>

#include "courier/deliver_talk.h"

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
	const size_t room = sizeof(talk->line->reason) - 1;
	const size_t len = text.len < room ? text.len : room;

	(void)snprintf(talk->line->reason, sizeof(talk->line->reason), "%.*s", (int)len,
		len > 0 ? (const char *)text.at : "");
}

static bool brought_something(const struct deliver_host *host)
{
	return host->parcel.device[0] != 0 && !host->unfetched
		&& host->parcel.state != PARCEL_ANSWERED;
}

/* Of the artifact that the device has, as far as it confirmed that. */
static unsigned percent(const struct deliver_host *host)
{
	const uint64_t size = host->parcel.size;
	const bool all = host->has_outcome && host->given >= size; /* it says so itself */

	if (size == 0 || host->given == 0)
		return 0;
	return all ? 100 : (unsigned)(host->sent * 100 / size);
}

/* Has the device all it needs, so that it may be at work now? */
static bool goes_on(const struct deliver_host *host)
{
	static const bool works[] = {
		[MESSAGE_PHASE_VERIFYING] = true,
		[MESSAGE_PHASE_INSTALLING] = true,
		[MESSAGE_PHASE_REBOOTING] = true,
		[MESSAGE_PHASE_CHECKING] = true,
		[MESSAGE_PHASE_COMMITTING] = true,
		[MESSAGE_PHASE_ROLLING_BACK] = true,
	};

	return (host->phase < COUNT(works) && works[host->phase])
		|| (host->given > 0 && host->given >= host->parcel.size);
}

/* Why it ended before its end, and how it stands with the device now. */
static void say_cut_short(struct talk *talk, const char *why)
{
	const struct deliver_host *const host = &talk->line->host;
	char *const text = talk->line->reason;
	const size_t room = sizeof(talk->line->reason);

	if (!host->met || !brought_something(host))
		(void)snprintf(text, room, "%.400s", why);
	else if (goes_on(host))
		(void)snprintf(text, room,
			"%.300s; it has all of the update and goes on by itself: connect again "
			"for its receipt",
			why);
	else
		(void)snprintf(text, room,
			"%.300s; the device is unchanged, %u %% given to it in this run: run "
			"courier deliver again to go on from there",
			why, percent(host));
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
	result->safe_to_unplug = outcome_terminal(receipt->outcome);
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
	result->code = phase == MESSAGE_PHASE_STAGED ? ERROR_NONE
		: state != NULL && state->code != 0  ? (enum error_code)state->code
						     : ERROR_CONTACT;
	result->safe_to_unplug = phase == MESSAGE_PHASE_STAGED;
	if (state != NULL)
		say_reason(talk, state->text);
}

static void say_served(struct talk *talk, struct deliver_result *result)
{
	const struct deliver_host *const host = &talk->line->host;

	result->safe_to_unplug = true;
	if (host->options->identify && host->passed == NULL) {
		result->word = DELIVER_IDENTIFIED;
	} else if (host->unfetched) {
		result->word = DELIVER_NOT_FETCHED;
		result->code = ERROR_CONTACT;
		say_reason(talk, bytes_of("its update is not here yet: run courier sync"));
	} else if (!host->device.certified && host->device.server == NULL) {
		result->word = DELIVER_MET;
	} else if (host->passed != NULL) {
		result->word = DELIVER_NOT_SERVED;
		say_reason(talk, bytes_of(host->passed));
	} else {
		result->word = DELIVER_UP_TO_DATE;
	}
}

/* In place, but its gate puts off the reboot. */
static bool is_waiting(const struct talk *talk)
{
	const struct message_state *const state
		= talk->visit != NULL ? visit_courier_phase(talk->visit) : NULL;

	return state != NULL && state->phase == MESSAGE_PHASE_WAITING;
}

static void say_done(struct talk *talk, struct deliver_result *result)
{
	const struct deliver_host *const host = &talk->line->host;

	if (host->has_outcome && (outcome_terminal(host->outcome.outcome) || !is_waiting(talk)))
		say_outcome(talk, result);
	else if (brought_something(host))
		say_phase(talk, result);
	else
		say_served(talk, result);
}

static void say_broken(struct talk *talk, struct deliver_result *result)
{
	const struct deliver_host *const host = &talk->line->host;

	if (host->has_outcome && outcome_terminal(host->outcome.outcome)) {
		say_outcome(talk, result); /* only its goodbye was lost */
		return;
	}
	if (talk->away || talk->peer_busy) {
		result->word = talk->away ? DELIVER_ANOTHER : DELIVER_WAITING;
		result->code = ERROR_CONTACT;
		say_reason(talk,
			bytes_of(talk->away
					? "it has not come back from its restart; the update "
					  "goes on by itself, connect again later"
					: "it is busy with something it must finish first: "
					  "connect again later"));
		return;
	}
	result->word = host->met ? DELIVER_LINK_LOST : DELIVER_NO_DEVICE;
	result->code = talk->why.code == ERROR_BUSY ? ERROR_BUSY : ERROR_LINK;
	say_cut_short(talk, talk->why.text);
}

/* Before it took us in, it was the device that said no - unless it is no device of the
 * fleet, or talks nonsense. */
static void say_wrong(struct talk *talk, struct deliver_result *result)
{
	const enum error_code code = talk->why.code;
	const bool refused = !talk->line->host.accepted && code != ERROR_SIGNATURE
		&& code != ERROR_MALFORMED;

	result->word = refused ? DELIVER_NOT_ACCEPTED : DELIVER_ERROR;
	result->code = code;
	say_cut_short(talk, talk->why.text);
}

static void say_stopped(struct talk *talk, struct deliver_result *result)
{
	const struct deliver_host *const host = &talk->line->host;

	if (host->has_outcome && outcome_terminal(host->outcome.outcome)) {
		say_outcome(talk, result);
		return;
	}
	result->word = DELIVER_ANOTHER;
	result->code = ERROR_CONTACT;
	say_cut_short(talk, "stopped");
}

void deliver_say(struct talk *talk)
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
	result.percent = percent(host);
	result.reason = line->reason;
	line->result = result;
}
