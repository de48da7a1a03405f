/* courier sync: report outcomes, fetch what is wanted. */
#include <getopt.h>
#include <stdio.h>

#include "courier/command.h"
#include "courier/sync.h"
#include "courier/until.h"

/* ---- what a person sees ---- */

static bool print_until(const struct sync_result *result, struct buf *line, struct error *err)
{
	char until[32];

	output_time(result->until, until);
	return buf_print(line, err, "  vouched for until %s (%s of %s)", until, result->limit,
		result->repository);
}

static bool print_line(const struct sync_result *result, struct buf *line, struct error *err)
{
	char size[32];

	output_size(result->size, size);
	if (!buf_print(line, err, "%-20s", result->device))
		return false;
	if (result->reported > 0 && !buf_print(line, err, "  %u reported", result->reported))
		return false;
	if (result->kept > 0
		&& !buf_print(
			line, err, "  %u kept: the server no longer takes them", result->kept))
		return false;
	if (result->carrying
		&& !buf_print(line, err, "  carrying %s (%s)", result->artifact, size))
		return false;
	if (result->until != 0 && !print_until(result, line, err))
		return false;
	if (result->problem != NULL)
		return buf_print(line, err, "  %s", result->problem);
	return result->reported + result->kept > 0 || result->carrying
		|| buf_print(line, err, "  nothing to do");
}

static void add_fact(const struct sync_result *result, struct json *fact)
{
	json_add_string(fact, "device", result->device);
	json_add_integer(fact, "reported", result->reported);
	json_add_integer(fact, "kept", result->kept);
	json_add_bool(fact, "carrying", result->carrying);
	json_add_bool(fact, "changed", result->changed);
	if (result->artifact != NULL) {
		json_add_string(fact, "artifact", result->artifact);
		json_add_integer(fact, "size", (int64_t)result->size);
	}
	output_add(fact, "repository", result->repository);
	output_add(fact, "limit", result->limit);
	if (result->until != 0)
		json_add_integer(fact, "vouched_until", result->until);
	json_add_integer(fact, "code", error_exit_status(result->code));
	if (result->problem != NULL)
		json_add_string(fact, "problem", result->problem);
}

static void tell(void *self, const struct sync_result *result)
{
	const struct courier *const courier = self;
	CLEANUP(json_cleanup) struct json *fact = json_new_object();
	CLEANUP(buf_free) struct buf line = {0};
	const char *text = NULL;
	struct error err = {0};

	add_fact(result, fact);
	if (print_line(result, &line, &err) && buf_text(&line, &text, &err))
		output_fact(&courier->output, fact, text);
	else
		output_say(&courier->output, "%s", err.text);
}

/* ---- repositories ---- */

static bool print_repository(
	const struct sync_repository_result *result, struct buf *line, struct error *err)
{
	const struct repository_facts *const facts = &result->facts;
	char size[32], until[32];

	output_size(facts->bytes, size);
	output_time(facts->until, until);
	if (!buf_print(line, err, "%-20s", result->name))
		return false;
	if (result->fresh
		&& !buf_print(line, err, "  %zu files (%s) fetched, until %s (%s)",
			facts->files, size, until, facts->role))
		return false;
	if (result->control > 0
		&& !buf_print(line, err, "  control bundle %llu taken in",
			(unsigned long long)result->control))
		return false;
	return result->problem == NULL || buf_print(line, err, "  %s", result->problem);
}

static void add_repository(const struct sync_repository_result *result, struct json *fact)
{
	const struct repository_facts *const facts = &result->facts;

	json_add_string(fact, "repository", result->name);
	json_add_bool(fact, "fresh", result->fresh);
	if (result->fresh) {
		for (size_t i = 0; i < TUF_KIND_COUNT; i++)
			json_add_integer(
				fact, tuf_kind_name((enum tuf_kind)i), facts->version[i]);
		json_add_integer(fact, "files", (int64_t)facts->files);
		json_add_integer(fact, "bytes", (int64_t)facts->bytes);
		json_add_integer(fact, "until", facts->until);
		json_add_string(fact, "limit", facts->role);
	}
	if (result->control > 0)
		json_add_integer(fact, "control", (int64_t)result->control);
	json_add_integer(fact, "code", error_exit_status(result->code));
	output_add(fact, "problem", result->problem);
}

static void tell_repository(void *self, const struct sync_repository_result *result)
{
	const struct courier *const courier = self;
	CLEANUP(json_cleanup) struct json *fact = json_new_object();
	CLEANUP(buf_free) struct buf line = {0};
	const char *text = NULL;
	struct error err = {0};

	add_repository(result, fact);
	if (print_repository(result, &line, &err) && buf_text(&line, &text, &err))
		output_fact(&courier->output, fact, text);
	else
		output_say(&courier->output, "%s", err.text);
}

static void progress(void *self, const char *device, uint64_t got, uint64_t size)
{
	const struct courier *const courier = self;
	char text[128], amount[32];

	(void)size; /* servers do not say it beforehand */
	output_size(got, amount);
	(void)snprintf(text, sizeof(text), "%-20.40s  %s fetched", device, amount);
	output_progress(&courier->output, 0, 1, text);
}

bool cmd_sync(struct courier *courier, int argc, char **argv, struct error *err)
{
	static const struct option options[] = {{"until", required_argument, NULL, 'u'},
		{"metadata-only", no_argument, NULL, 'm'}, {NULL, 0, NULL, 0}};
	struct sync_options sync = {.done = tell,
		.repository = tell_repository,
		.progress = progress,
		.self = courier};
	const char *until = NULL;
	struct error why = {0};

	for (int option = 0; (option = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
		if (option != 'u' && option != 'm')
			return error_set(err, ERROR_USAGE,
				"usage: courier sync [--metadata-only] [--until DATE] "
				"[DEVICE...]");
		sync.metadata_only |= option == 'm';
		until = option == 'u' ? optarg : until;
	}
	if (optind < argc) {
		sync.devices = (const char *const *)&argv[optind];
		sync.device_count = (size_t)(argc - optind);
	}

	int64_t date = 0;

	if (until != NULL && !until_parse(until, &date, err))
		return false;

	const bool ok = sync_run(courier->store, courier->settings, &sync, &why);

	output_progress_end(&courier->output);
	if (!ok) {
		*err = why;
		return false;
	}
	return until == NULL || until_covered(courier->store, courier->settings, date, err);
}
