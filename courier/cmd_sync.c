/* courier sync: report outcomes, fetch what is wanted. */
#include <getopt.h>
#include <stdio.h>

#include "courier/command.h"
#include "courier/sync.h"
#include "courier/until.h"

/* ---- what a person sees ---- */

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
	static const struct option options[]
		= {{"until", required_argument, NULL, 'u'}, {NULL, 0, NULL, 0}};
	struct sync_options sync = {.done = tell, .progress = progress, .self = courier};
	const char *until = NULL;
	struct error why = {0};

	for (int option = 0; (option = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
		if (option != 'u')
			return error_set(err, ERROR_USAGE,
				"usage: courier sync [--until DATE] [DEVICE...]");
		until = optarg;
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
	return until == NULL || until_covered(courier->store, date, err);
}
