/* courier status: the state of the trip, on one screen, without a network. */
#include <getopt.h>
#include <string.h>
#include <time.h>

#include "courier/command.h"
#include "courier/enrolment.h"
#include "courier/mandate.h"
#include "courier/trip.h"

struct status {
	const struct courier *courier;
	struct control control;
	bool has_control;
	struct certificate_holder us; /* with a bundle */
	int64_t now, synced;
	size_t served, standing[TRIP_FAILED + 1], unsent, unverified, problems, kept;
	size_t gaps;                      /* devices of which receipts are missing */
	struct buf kept_lines;            /* a line for each of them, up to KEPT_SHOWN */
	struct mandate_kept repositories; /* as they were fetched */
};

enum { KEPT_SHOWN = 20 };

static void status_done(struct status *status)
{
	control_free(&status->control);
	buf_free(&status->kept_lines);
	mandate_close_kept(&status->repositories);
}

static bool count_one(void *self, const struct trip_device *trip, struct error *err)
{
	struct status *const status = self;

	(void)err;
	status->served += trip->device->server != NULL;
	status->standing[trip_standing(trip)]++;
	status->unsent += trip->unsent;
	status->unverified += trip->unverified;
	status->problems += trip->device->problem != NULL;
	status->gaps += trip->gaps.missing > 0;
	if (trip->device->synced > status->synced)
		status->synced = trip->device->synced;
	return true;
}

/* Outcomes that the server would not have: they are nowhere but here. */
static bool count_kept(void *self, const struct store_parcel *parcel, struct error *err)
{
	struct status *const status = self;

	if (parcel->state != PARCEL_KEPT)
		return true;
	return status->kept++ >= KEPT_SHOWN
		|| buf_print(&status->kept_lines, err, "kept here    %s %s: %s\n",
			parcel->device,
			parcel->artifact_name == NULL ? "" : parcel->artifact_name,
			parcel->reason == NULL ? "" : parcel->reason);
}

static bool gather(struct status *status, struct error *err)
{
	CLEANUP(certificate_cleanup) struct certificate *chain = NULL;
	static char *const all[] = {NULL};
	struct store *const store = status->courier->store;

	if (!enrolment_open_head(store, NULL, NULL, &status->control, &status->has_control, err)
		|| !trip_each(store, all, false, count_one, status, err)
		|| !store_each_parcel(store, NULL, count_kept, status, err)
		|| !mandate_open_kept(
			store, status->courier->settings, &status->repositories, err))
		return false;
	return !status->has_control
		|| (certificate_parse(bytes_of(status->control.chain), &chain, err)
			&& certificate_holder(chain, &status->us, err));
}

/* ---- repositories ---- */

static void add_repositories(const struct status *status, struct json *fact)
{
	const struct settings *const settings = status->courier->settings;
	struct json *const all = json_add_array(fact, "repositories");

	for (size_t i = 0; i < status->repositories.count; i++) {
		struct json *const one = json_append_object(all);
		struct repository_facts facts;

		json_add_string(one, "repository", settings->repositories[i].name);
		if (status->repositories.at[i] == NULL)
			continue;
		repository_facts(status->repositories.at[i], &facts);
		for (size_t kind = 0; kind < TUF_KIND_COUNT; kind++)
			json_add_integer(
				one, tuf_kind_name((enum tuf_kind)kind), facts.version[kind]);
		json_add_integer(one, "until", facts.until);
		json_add_string(one, "limit", facts.role);
		json_add_bool(one, "expired", facts.until <= status->now);
	}
}

static bool print_repository(
	const struct status *status, size_t i, struct buf *line, struct error *err)
{
	struct repository *const at = status->repositories.at[i];
	const char *const name = status->courier->settings->repositories[i].name;
	struct repository_facts facts;
	char until[32], rest[32];

	if (at == NULL)
		return buf_print(line, err, "repository   %s: %s", name,
			status->repositories.why.code == ERROR_NONE
				? "never fetched"
				: status->repositories.why.text);
	repository_facts(at, &facts);
	output_time(facts.until, until);
	output_duration(facts.until - status->now, rest);
	return buf_print(line, err, "repository   %s, until %s (%s): %s%s", name, until,
		facts.role, facts.until <= status->now ? "EXPIRED" : rest,
		facts.until <= status->now ? "" : " left");
}

/* ---- what is shown ---- */

static void say_json(const struct status *status)
{
	CLEANUP(json_cleanup) struct json *fact = json_new_object();

	json_add_string(fact, "store", status->courier->settings->home);
	if (status->has_control) {
		json_add_string(fact, "courier", status->us.id);
		json_add_string(fact, "technician", status->us.name);
		json_add_integer(fact, "not_after", status->us.not_after);
		json_add_bool(fact, "expired", status->us.not_after < status->now);
		json_add_integer(fact, "number", (int64_t)status->control.number);
	}
	if (status->synced != 0)
		json_add_integer(fact, "synced", status->synced);
	json_add_integer(fact, "devices", (int64_t)status->served);
	json_add_integer(fact, "done", (int64_t)status->standing[TRIP_DONE]);
	json_add_integer(fact, "outstanding", (int64_t)status->standing[TRIP_OUTSTANDING]);
	json_add_integer(fact, "failed", (int64_t)status->standing[TRIP_FAILED]);
	json_add_integer(fact, "nothing", (int64_t)status->standing[TRIP_NOTHING]);
	json_add_integer(fact, "unsent", (int64_t)status->unsent);
	json_add_integer(fact, "unverified", (int64_t)status->unverified);
	json_add_integer(fact, "kept", (int64_t)status->kept);
	json_add_integer(fact, "gaps", (int64_t)status->gaps);
	json_add_integer(fact, "problems", (int64_t)status->problems);
	add_repositories(status, fact);
	output_fact(&status->courier->output, fact, "");
}

static bool say_line(
	const struct status *status, struct buf *line, bool printed, struct error *err)
{
	const char *text = NULL;

	if (!printed || !buf_text(line, &text, err))
		return false;
	output_fact(&status->courier->output, NULL, text);
	line->len = 0;
	return true;
}

static bool print_courier(const struct status *status, struct buf *line, struct error *err)
{
	const int64_t left = status->us.not_after - status->now;
	char until[32], rest[32];

	if (!status->has_control)
		return buf_print(line, err,
			"courier      no bundle yet: `courier init FILE.control` takes it in");
	output_time(status->us.not_after, until);
	output_duration(left, rest);
	return buf_print(line, err, "courier      %s (%s), certificate until %s: %s%s",
		status->us.id, status->us.name, until, left < 0 ? "EXPIRED" : rest,
		left < 0 ? "" : " left");
}

static bool print_unsent(const struct status *status, struct buf *line, struct error *err)
{
	if (!buf_print(line, err, "not uploaded %zu receipts", status->unsent))
		return false;
	return status->unverified == 0
		|| buf_print(line, err, ", %zu of them of devices nobody certified yet",
			status->unverified);
}

static bool print_trip(const struct status *status, struct buf *line, struct error *err)
{
	return buf_print(line, err, "devices      %zu: %zu done, %zu outstanding, %zu failed",
		status->served, status->standing[TRIP_DONE], status->standing[TRIP_OUTSTANDING],
		status->standing[TRIP_FAILED]);
}

static bool say_kept(struct status *status, struct error *err)
{
	const char *text = NULL;
	char *rest = NULL;

	if (!buf_text(&status->kept_lines, &text, err))
		return false;
	rest = (char *)status->kept_lines.at;
	for (char *line = strsep(&rest, "\n"); line != NULL && line[0] != 0;
		line = strsep(&rest, "\n"))
		output_fact(&status->courier->output, NULL, line);
	return true;
}

static bool say_repositories(const struct status *status, struct buf *line, struct error *err)
{
	for (size_t i = 0; i < status->repositories.count; i++)
		if (!say_line(status, line, print_repository(status, i, line, err), err))
			return false;
	return true;
}

static bool say_text(struct status *status, struct error *err)
{
	CLEANUP(buf_free) struct buf line = {0};
	char synced[32] = "never";

	if (status->synced != 0)
		output_time(status->synced, synced);
	return say_line(status, &line, print_courier(status, &line, err), err)
		&& say_line(status, &line, print_trip(status, &line, err), err)
		&& say_line(status, &line, print_unsent(status, &line, err), err)
		&& say_kept(status, err) && say_repositories(status, &line, err)
		&& say_line(
			status, &line, buf_print(&line, err, "last sync    %s", synced), err)
		&& (status->gaps == 0
			|| say_line(status, &line,
				buf_print(&line, err,
					"missing      receipts of %zu devices: `courier "
					"devices` "
					"says which",
					status->gaps),
				err))
		&& (status->problems == 0
			|| say_line(status, &line,
				buf_print(&line, err,
					"problems     %zu devices: `courier devices` says "
					"which",
					status->problems),
				err));
}

bool cmd_status(struct courier *courier, int argc, char **argv, struct error *err)
{
	static const struct option none[] = {{NULL, 0, NULL, 0}};
	CLEANUP(status_done)
	struct status status = {.courier = courier, .now = (int64_t)time(NULL)};

	if (getopt_long(argc, argv, ":", none, NULL) != -1 || optind < argc)
		return error_set(err, ERROR_USAGE, "usage: courier status");
	if (!gather(&status, err))
		return false;
	if (!courier->output.json)
		return say_text(&status, err);
	say_json(&status);
	return true;
}
