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
	result->code = talk->why.code == ERROR_BUSY ? ERROR_BUSY : ERROR_LINK;
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
	result.reason = line->reason;
	line->result = result;
}
