/* courier plan: what would happen on site, and what is in the way. */
#include <getopt.h>
#include <string.h>
#include <time.h>

#include "courier/command.h"
#include "courier/enrolment.h"
#include "courier/rehearsal.h"
#include "courier/until.h"

struct plan {
	const struct courier *courier;
	struct rehearsal_papers papers;
	int64_t date;
	size_t ready, blocked;
	enum error_code code; /* of the blockers; ERROR_PARTIAL: several kinds */
};

static void plan_done(struct plan *plan)
{
	rehearsal_papers_done(&plan->papers);
}

static bool read_papers(struct plan *plan, struct error *err)
{
	CLEANUP(control_free) struct control control = {0};

	return enrolment_need(plan->courier->store, &control, err)
		&& rehearsal_read_papers(plan->courier->store, plan->courier->settings,
			&control, &plan->papers, err);
}

/* ---- what a person sees ---- */

static bool print_what(const struct trip_device *trip, const struct rehearsal *rehearsal,
	struct buf *line, struct error *err)
{
	const struct store_parcel *const parcel = &trip->parcel;
	char size[32], wire[32], until[32];

	output_size(parcel->size, size);
	output_duration(rehearsal->wire_s, wire);
	output_time(rehearsal->until, until);
	if (!buf_print(line, err, "%-20s", trip->device->id)
		|| (trip->device->label != NULL
			&& !buf_print(line, err, " (%s)", trip->device->label)))
		return false;
	if (!trip->has_parcel)
		return buf_print(line, err, "  %s, nothing to do", trip->running);
	if (parcel->state == PARCEL_ANSWERED)
		return buf_print(
			line, err, "  %s, its outcome waits for a sync", trip->running);
	if (parcel->state == PARCEL_INSTALLED)
		return buf_print(line, err, "  %s is in place, to be confirmed: visit it again",
			parcel->artifact_name);
	return buf_print(line, err, "  %s -> %s", trip->running, parcel->artifact_name)
		&& (parcel->state == PARCEL_WANTED
			|| buf_print(line, err, "  %s, about %s on the wire", size, wire))
		&& buf_print(line, err, "  until %s", until)
		&& (rehearsal->repository == NULL
			|| buf_print(line, err, " (%s of %s)", rehearsal->limit,
				rehearsal->repository));
}

static bool print_line(const struct trip_device *trip, const struct rehearsal *rehearsal,
	struct buf *line, struct error *err)
{
	if (!print_what(trip, rehearsal, line, err))
		return false;
	for (size_t i = 0; i < rehearsal->blocker_count; i++)
		if (!buf_print(line, err, "%s%s", i == 0 ? "  BLOCKED: " : "; ",
			    rehearsal->blockers[i].why))
			return false;
	if (!rehearsal->deliverable || rehearsal->blocker_count > 0)
		return true;
	return buf_print(line, err, "%s",
		rehearsal->rehearsed || trip->parcel.state == PARCEL_INSTALLED
			? "  ready"
			: "  ready (never visited: not rehearsed)");
}

static void add_fact(
	const struct trip_device *trip, const struct rehearsal *rehearsal, struct json *fact)
{
	json_add_string(fact, "device", trip->device->id);
	output_add(fact, "label", trip->device->label);
	output_add(fact, "site", trip->device->site);
	output_add(fact, "from", trip->running);
	if (trip->has_parcel) {
		output_add(fact, "to", trip->parcel.artifact_name);
		json_add_string(fact, "state", parcel_state_name(trip->parcel.state));
		json_add_string(fact, "deployment", trip->parcel.deployment);
		json_add_integer(fact, "size", (int64_t)trip->parcel.size);
	}
	if (rehearsal->deliverable) {
		json_add_integer(fact, "wire_s", rehearsal->wire_s);
		json_add_integer(fact, "until", rehearsal->until);
		output_add(
			fact, "limit", rehearsal->repository == NULL ? NULL : rehearsal->limit);
		output_add(fact, "repository", rehearsal->repository);
		json_add_bool(fact, "vouched", rehearsal->is_vouched);
		json_add_bool(fact, "rehearsed", rehearsal->rehearsed);
	}

	struct json *const blockers = json_add_array(fact, "blockers");

	for (size_t i = 0; i < rehearsal->blocker_count; i++) {
		struct json *const one = json_append_object(blockers);

		json_add_integer(one, "code", error_exit_status(rehearsal->blockers[i].code));
		json_add_string(one, "why", rehearsal->blockers[i].why);
	}
}

/* ---- counting ---- */

static void count(struct plan *plan, const struct rehearsal *rehearsal)
{
	for (size_t i = 0; i < rehearsal->blocker_count; i++) {
		const enum error_code code = rehearsal->blockers[i].code;

		plan->code
			= plan->code == ERROR_NONE || plan->code == code ? code : ERROR_PARTIAL;
	}
	plan->blocked += rehearsal->blocker_count > 0;
	plan->ready += rehearsal->deliverable && rehearsal->blocker_count == 0;
}

static bool plan_one(void *self, const struct trip_device *trip, struct error *err)
{
	struct plan *const plan = self;
	CLEANUP(json_cleanup) struct json *fact = json_new_object();
	CLEANUP(buf_free) struct buf line = {0};
	struct rehearsal rehearsal = {0};
	const char *text = NULL;

	if (!rehearsal_make(
		    &plan->papers, plan->courier->settings, trip, plan->date, &rehearsal, err)
		|| !print_line(trip, &rehearsal, &line, err) || !buf_text(&line, &text, err))
		return false;
	add_fact(trip, &rehearsal, fact);
	count(plan, &rehearsal);
	output_fact(&plan->courier->output, fact, text);
	return true;
}

static bool verdict(const struct plan *plan, struct error *err)
{
	if (plan->ready + plan->blocked == 0)
		return error_set(err, ERROR_NOTHING, "there is nothing to deliver");
	return plan->blocked == 0
		|| error_set(
			err, plan->code, "%zu ready, %zu blocked", plan->ready, plan->blocked);
}

bool cmd_plan(struct courier *courier, int argc, char **argv, struct error *err)
{
	static const struct option options[]
		= {{"until", required_argument, NULL, 'u'}, {NULL, 0, NULL, 0}};
	CLEANUP(plan_done) struct plan plan = {.courier = courier, .date = (int64_t)time(NULL)};

	for (int option = 0; (option = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
		if (option != 'u')
			return error_set(err, ERROR_USAGE,
				"usage: courier plan [--until DATE] [DEVICE...]");
		if (!until_parse(optarg, &plan.date, err))
			return false;
	}
	return read_papers(&plan, err)
		&& trip_each(courier->store, argv + optind, true, plan_one, &plan, err)
		&& verdict(&plan, err);
}
