#include <string.h>

#include "common/parcel.h"

static const char *const names[] = {
	[PARCEL_WANTED] = "wanted",
	[PARCEL_READY] = "ready",
	[PARCEL_OFFERED] = "offered",
	[PARCEL_INSTALLED] = "installed",
	[PARCEL_ANSWERED] = "answered",
	[PARCEL_REPORTED] = "reported",
	[PARCEL_KEPT] = "kept",
	[PARCEL_DROPPED] = "dropped",
};

/* For texts only: what happened, as the middle of a sentence. */
static const char *const events[] = {
	[PARCEL_FETCHED] = "fetched",
	[PARCEL_TAKEN] = "taken",
	[PARCEL_IN_PLACE] = "in place",
	[PARCEL_OUTCOME] = "an outcome",
	[PARCEL_UPLOADED] = "uploaded",
	[PARCEL_DECLINED] = "declined",
	[PARCEL_WITHDRAWN] = "withdrawn",
	[PARCEL_SPOILED] = "spoiled",
	[PARCEL_LOST] = "lost",
	[PARCEL_RETRIED] = "retried",
};

/*
 * What a device says (TAKEN, IN_PLACE, OUTCOME) may arrive late, twice, or through a
 * colleague's courier: no state refuses a receipt, and a dropped parcel that was
 * installed after all comes back, so that the server hears the truth.
 */
static const struct {
	enum parcel_state from;
	enum parcel_event event;
	enum parcel_state to;
} moves[] = {
	{PARCEL_WANTED, PARCEL_FETCHED, PARCEL_READY},
	{PARCEL_WANTED, PARCEL_IN_PLACE, PARCEL_INSTALLED},
	{PARCEL_WANTED, PARCEL_OUTCOME, PARCEL_ANSWERED},
	{PARCEL_WANTED, PARCEL_WITHDRAWN, PARCEL_DROPPED},
	{PARCEL_WANTED, PARCEL_SPOILED, PARCEL_DROPPED},
	{PARCEL_WANTED, PARCEL_LOST, PARCEL_WANTED},

	{PARCEL_READY, PARCEL_TAKEN, PARCEL_OFFERED},
	{PARCEL_READY, PARCEL_IN_PLACE, PARCEL_INSTALLED},
	{PARCEL_READY, PARCEL_OUTCOME, PARCEL_ANSWERED},
	{PARCEL_READY, PARCEL_WITHDRAWN, PARCEL_DROPPED},
	{PARCEL_READY, PARCEL_SPOILED, PARCEL_DROPPED},
	{PARCEL_READY, PARCEL_LOST, PARCEL_WANTED},

	{PARCEL_OFFERED, PARCEL_TAKEN, PARCEL_OFFERED},
	{PARCEL_OFFERED, PARCEL_IN_PLACE, PARCEL_INSTALLED},
	{PARCEL_OFFERED, PARCEL_OUTCOME, PARCEL_ANSWERED},
	{PARCEL_OFFERED, PARCEL_WITHDRAWN, PARCEL_DROPPED},
	{PARCEL_OFFERED, PARCEL_SPOILED, PARCEL_DROPPED},
	{PARCEL_OFFERED, PARCEL_LOST, PARCEL_WANTED},

	{PARCEL_INSTALLED, PARCEL_TAKEN, PARCEL_OFFERED}, /* reflashed: it asks again */
	{PARCEL_INSTALLED, PARCEL_IN_PLACE, PARCEL_INSTALLED},
	{PARCEL_INSTALLED, PARCEL_OUTCOME, PARCEL_ANSWERED},

	{PARCEL_ANSWERED, PARCEL_IN_PLACE, PARCEL_ANSWERED},
	{PARCEL_ANSWERED, PARCEL_OUTCOME, PARCEL_ANSWERED},
	{PARCEL_ANSWERED, PARCEL_UPLOADED, PARCEL_REPORTED},
	{PARCEL_ANSWERED, PARCEL_DECLINED, PARCEL_KEPT},
	{PARCEL_ANSWERED, PARCEL_RETRIED, PARCEL_READY},

	{PARCEL_REPORTED, PARCEL_IN_PLACE, PARCEL_REPORTED},
	{PARCEL_REPORTED, PARCEL_OUTCOME, PARCEL_REPORTED},
	{PARCEL_REPORTED, PARCEL_UPLOADED, PARCEL_REPORTED},

	{PARCEL_KEPT, PARCEL_IN_PLACE, PARCEL_KEPT}, {PARCEL_KEPT, PARCEL_OUTCOME, PARCEL_KEPT},
	{PARCEL_KEPT, PARCEL_UPLOADED, PARCEL_REPORTED},
	{PARCEL_KEPT, PARCEL_DECLINED, PARCEL_KEPT},

	{PARCEL_DROPPED, PARCEL_IN_PLACE, PARCEL_INSTALLED},
	{PARCEL_DROPPED, PARCEL_OUTCOME, PARCEL_ANSWERED},
	{PARCEL_DROPPED, PARCEL_LOST, PARCEL_WANTED}, /* the server assigns it again */
};

static const char *word(const char *const *words, size_t count, size_t i)
{
	return i < count ? words[i] : "unknown";
}

const char *parcel_state_name(enum parcel_state state)
{
	return word(names, COUNT(names), (size_t)state);
}

bool parcel_state_parse(const char *text, enum parcel_state *state, struct error *err)
{
	for (size_t i = 0; i < COUNT(names); i++) {
		if (strcmp(text, names[i]) == 0) {
			*state = (enum parcel_state)i;
			return true;
		}
	}
	return error_set(err, ERROR_MALFORMED, "no such state of a parcel: %.40s", text);
}

bool parcel_next(enum parcel_state *state, enum parcel_event event, struct error *err)
{
	for (size_t i = 0; i < COUNT(moves); i++) {
		if (moves[i].from == *state && moves[i].event == event) {
			*state = moves[i].to;
			return true;
		}
	}
	return error_set(err, ERROR_USAGE, "a parcel that is %s cannot be %s",
		parcel_state_name(*state), word(events, COUNT(events), (size_t)event));
}
