#include <errno.h>
#include <glob.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "courier/deliver_line.h"

enum { LINES_MAX = 64 }; /* cables at a time */

/* The order is that of enum deliver_word. */
static const char *const words[] = {
	"CONFIRMED",
	"ROLLED BACK",
	"REFUSED",
	"FAILED",
	"UP TO DATE",
	"NOT SERVED",
	"NOT FETCHED",
	"STAGED",
	"WAITING",
	"NEEDS ANOTHER CONTACT",
	"MET",
	"IDENTIFIED",
	"NOT ACCEPTED",
	"LINK LOST",
	"NO DEVICE",
	"ERROR",
};

const char *deliver_word_text(enum deliver_word word)
{
	return words[word];
}

struct run {
	struct store *store;
	const struct deliver_options *options;
	struct deliver_papers papers;
	pthread_mutex_t mutex; /* one caller of done() and progress() at a time */
	struct deliver_line lines[LINES_MAX];
	pthread_t threads[LINES_MAX];
	char *addresses[LINES_MAX];
	size_t count;
};

static void run_free(struct run **run)
{
	if (*run == NULL)
		return;
	for (size_t i = 0; i < (*run)->count; i++)
		free((*run)->addresses[i]);
	deliver_papers_free(&(*run)->papers);
	pthread_mutex_destroy(&(*run)->mutex);
	free(*run);
}

/* ---- which cables ---- */

static bool add_address(struct run *run, const char *address, struct error *err)
{
	for (size_t i = 0; i < run->count; i++)
		if (strcmp(run->addresses[i], address) == 0)
			return true;
	if (run->count == LINES_MAX)
		return error_set(
			err, ERROR_USAGE, "more than %d cables at a time", (int)LINES_MAX);
	run->addresses[run->count] = strdup(address);
	if (run->addresses[run->count] == NULL)
		return error_errno(err, "cannot copy an address");
	run->count++;
	return true;
}

/* PATTERN[,BAUD]: each file that matches. */
static bool add_pattern(struct run *run, const char *pattern, struct error *err)
{
	CLEANUP(buf_free) struct buf address = {0};
	const char *const comma = strrchr(pattern, ',');
	const size_t len = comma == NULL ? strlen(pattern) : (size_t)(comma - pattern);
	char *const path = strndup(pattern, len);
	glob_t found = {0};
	bool ok = path != NULL || error_errno(err, "cannot copy a pattern");

	if (ok && glob(path, 0, NULL, &found) != 0)
		found.gl_pathc = 0; /* nothing plugged in that looks like it */
	for (size_t i = 0; ok && i < found.gl_pathc; i++) {
		const char *text = NULL;

		address.len = 0;
		ok = buf_print(&address, err, "serial:%s%s", found.gl_pathv[i],
			     comma == NULL ? "" : comma)
			&& buf_text(&address, &text, err) && add_address(run, text, err);
	}
	globfree(&found);
	free(path);
	return ok;
}

static bool find_lines(struct run *run, const struct settings *settings, struct error *err)
{
	const struct deliver_options *const options = run->options;

	for (size_t i = 0; i < options->link_count; i++)
		if (!add_address(run, options->links[i], err))
			return false;
	for (size_t i = 0; options->link_count == 0 && i < settings->link_count; i++)
		if (!add_pattern(run, settings->links[i], err))
			return false;
	return run->count > 0
		|| error_set(err, ERROR_LINK,
			"no cable found: plug one in, or name it (courier deliver "
			"/dev/ttyUSB0)");
}

/* ---- serving ---- */

static void report(struct deliver_line *line, const struct deliver_progress *progress)
{
	struct run *const run = line->self;

	if (run->options->progress == NULL)
		return;
	pthread_mutex_lock(&run->mutex);
	run->options->progress(run->options->self, progress);
	pthread_mutex_unlock(&run->mutex);
}

/* Cables nobody named on which nobody beacons are nobody's business; a device that was
 * met where others were asked for gave its receipts, and that is all. */
static bool worth_saying(const struct deliver_line *line)
{
	return (line->named || line->spoke) && (line->host.chosen || !line->host.met);
}

/* A visit that cannot be recorded did not go well, whatever the device did. */
static void note_visit(const struct run *run, struct deliver_line *line)
{
	struct deliver_result *const result = &line->result;
	struct error err = {0};
	char event[600];

	(void)snprintf(event, sizeof(event), "deliver by %s: %s%s%.400s",
		run->papers.control.courier, deliver_word_text(result->word),
		result->reason[0] == 0 ? "" : ": ", result->reason);
	if (store_audit(run->store, result->device, event, &err))
		return;
	result->code = err.code;
	(void)snprintf(line->reason, sizeof(line->reason), "cannot record the visit: %.400s",
		err.text);
}

static void *serve(void *self)
{
	struct deliver_line *const line = self;
	struct run *const run = line->self;

	deliver_line_serve(line);
	if (line->named || line->spoke)
		note_visit(run, line);
	if (!worth_saying(line))
		return NULL;
	pthread_mutex_lock(&run->mutex);
	run->options->done(run->options->self, &line->result);
	pthread_mutex_unlock(&run->mutex);
	return NULL;
}

static bool start(
	struct run *run, const struct settings *settings, size_t *started, struct error *err)
{
	for (size_t i = 0; i < run->count; i++) {
		run->lines[i] = (struct deliver_line){
			.store = run->store,
			.settings = settings,
			.options = run->options,
			.papers = &run->papers,
			.address = run->addresses[i],
			.named = run->options->link_count > 0,
			.row = i,
			.rows = run->count,
			.report = report,
			.self = run,
		};

		const int code = pthread_create(&run->threads[i], NULL, serve, &run->lines[i]);

		if (code != 0) {
			errno = code;
			return error_errno(err, "cannot start a thread");
		}
		++*started;
	}
	return true;
}

/* ---- the sum of it ---- */

static const struct deliver_result *first_failure(const struct run *run)
{
	for (size_t i = 0; i < run->count; i++)
		if (worth_saying(&run->lines[i]) && run->lines[i].result.code != ERROR_NONE)
			return &run->lines[i].result;
	return NULL;
}

static size_t count_said(const struct run *run)
{
	size_t count = 0;

	for (size_t i = 0; i < run->count; i++)
		count += worth_saying(&run->lines[i]);
	return count;
}

static bool none_spoke(const struct run *run)
{
	for (size_t i = 0; i < run->count; i++)
		if (run->lines[i].named || run->lines[i].spoke)
			return false;
	return true;
}

static bool any_unverified(const struct run *run)
{
	for (size_t i = 0; i < run->count; i++)
		if (worth_saying(&run->lines[i]) && run->lines[i].result.unverified)
			return true;
	return false;
}

/* Devices that were asked for by name and did not show up. */
static bool all_seen(const struct run *run, struct error *err)
{
	const struct deliver_options *const options = run->options;

	for (size_t i = 0; i < options->device_count; i++) {
		CLEANUP(store_device_free) struct store_device device = {0};
		bool seen = false;

		if (!store_find_device(run->store, options->devices[i], &device, err))
			return false;
		for (size_t j = 0; j < run->count; j++)
			seen = seen || strcmp(run->lines[j].host.device.id, device.id) == 0;
		if (!seen)
			return error_set(
				err, ERROR_LINK, "%s is on none of the cables", device.id);
	}
	return true;
}

static bool sum_up(const struct run *run, struct error *err)
{
	const struct deliver_result *const failure = first_failure(run);

	if (none_spoke(run) && run->options->stop != NULL && atomic_load(run->options->stop))
		return error_set(err, ERROR_CONTACT, "stopped before any device was met");
	if (none_spoke(run) && run->options->device_count == 0)
		return error_set(err, ERROR_NOTHING,
			"no device beaconed on %zu cable%s: is it switched on, and its agent "
			"running?",
			run->count, run->count == 1 ? "" : "s");
	if (failure != NULL && count_said(run) > 1)
		return error_set(err, ERROR_PARTIAL, "not all devices are done");
	if (failure != NULL)
		return error_set(err, failure->code, "%s%s%s", deliver_word_text(failure->word),
			failure->reason[0] == 0 ? "" : ": ", failure->reason);
	if (!all_seen(run, err))
		return false;
	return !any_unverified(run)
		|| error_set(err, ERROR_UNVERIFIED,
			"done, but a device's key is not certified yet: sync, and ask the "
			"operator");
}

/* Names that match nothing are said before anything is done. */
static bool names_exist(const struct run *run, struct error *err)
{
	for (size_t i = 0; i < run->options->device_count; i++) {
		CLEANUP(store_device_free) struct store_device device = {0};

		if (!store_find_device(run->store, run->options->devices[i], &device, err))
			return false;
	}
	return true;
}

bool deliver_run(struct store *store, const struct settings *settings,
	const struct deliver_options *options, struct error *err)
{
	CLEANUP(run_free) struct run *run = calloc(1, sizeof(*run));
	size_t started = 0;

	if (run == NULL)
		return error_errno(err, "cannot allocate a run");
	run->store = store;
	run->options = options;
	(void)pthread_mutex_init(&run->mutex, NULL);
	if (!deliver_papers_load(store, &run->papers, err) || !names_exist(run, err)
		|| !find_lines(run, settings, err))
		return false;

	const bool all = start(run, settings, &started, err);

	for (size_t i = 0; i < started; i++)
		(void)pthread_join(run->threads[i], NULL);

	const bool ok = all && sum_up(run, err);

	for (size_t i = 0; i < started; i++)
		deliver_line_done(&run->lines[i]);
	return ok;
}
