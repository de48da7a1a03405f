#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "courier/command.h"
#include "courier/deliver.h"

static atomic_bool stop;

static void on_interrupt(int number)
{
	(void)number;
	atomic_store(&stop, true);
}

/* ---- what a person sees ---- */

/* The text after the word: what runs now, why, whether it is safe. */
static bool describe(const struct deliver_result *result, struct buf *line, struct error *err)
{
	const char *const name = result->label != NULL ? result->label
		: result->device[0] != 0               ? result->device
						       : result->link;
	const bool moved = result->word == DELIVER_CONFIRMED;
	const bool stayed = result->before != NULL && result->before[0] != 0 && !moved;

	if (!buf_print(line, err, "%-12s %s", deliver_word_text(result->word), name))
		return false;
	if (moved && !buf_print(line, err, "  %s -> %s", result->before, result->after))
		return false;
	if (stayed && !buf_print(line, err, "  runs %s", result->after))
		return false;
	if (result->unverified && !buf_print(line, err, "  UNVERIFIED"))
		return false;
	if (result->reason != NULL && result->reason[0] != 0
		&& !buf_print(line, err, "  (%s)", result->reason))
		return false;
	return buf_print(
		line, err, "  %s", result->safe_to_unplug ? "safe to unplug" : "NOT FINISHED");
}

static void add_text(struct json *object, const char *name, const char *text)
{
	if (text != NULL && text[0] != 0)
		json_add_string(object, name, text);
}

static void show_result(void *self, const struct deliver_result *result)
{
	const struct courier *const courier = self;
	CLEANUP(json_cleanup) struct json *object = json_new_object();
	CLEANUP(buf_free) struct buf line = {0};
	const char *text = "";
	struct error err = {0};

	json_add_string(object, "word", deliver_word_text(result->word));
	json_add_string(object, "device", result->device);
	add_text(object, "label", result->label);
	json_add_string(object, "link", result->link);
	json_add_bool(object, "safe_to_unplug", result->safe_to_unplug);
	json_add_bool(object, "unverified", result->unverified);
	add_text(object, "artifact", result->artifact);
	add_text(object, "deployment", result->deployment);
	add_text(object, "before", result->before);
	add_text(object, "after", result->after);
	json_add_integer(object, "collected", result->collected);
	json_add_integer(object, "percent", result->percent);
	json_add_integer(object, "code", error_exit_status(result->code));
	add_text(object, "reason", result->reason);
	if (!describe(result, &line, &err) || !buf_text(&line, &text, &err))
		text = err.text;
	output_fact(&courier->output, object, text);
}

/* How far, how fast, how long yet: by the measured rate, or before there is one by the
 * cable's. */
static void print_transfer(const struct deliver_progress *progress, char *text, size_t room)
{
	const uint64_t rate = progress->rate > 0 ? progress->rate : progress->line_rate;
	char size[32], speed[32], left[32], resumed[32] = "";

	output_size(progress->size, size);
	output_size(rate, speed);
	output_duration((int64_t)((progress->size - progress->sent) / rate), left);
	if (progress->resumed > 0)
		(void)snprintf(resumed, sizeof(resumed), "  resumed at %u %%",
			(unsigned)(progress->resumed * 100 / progress->size));
	(void)snprintf(text, room, "%3u %% of %s  %s/s  %s left%s",
		(unsigned)(progress->sent * 100 / progress->size), size, speed, left, resumed);
}

static void show_progress(void *self, const struct deliver_progress *progress)
{
	const struct courier *const courier = self;
	const bool known = progress->rate > 0 || progress->line_rate > 0;
	const char *const name = progress->label != NULL ? progress->label
		: progress->device[0] != 0               ? progress->device
							 : progress->link;
	char transfer[120] = "", text[200];

	if (known && progress->sent < progress->size)
		print_transfer(progress, transfer, sizeof(transfer));
	(void)snprintf(
		text, sizeof(text), "%-20.20s %-12s %s", name, progress->phase, transfer);
	output_progress(&courier->output, progress->row, progress->rows, text);
}

/* ---- what a person asks ---- */

struct arguments {
	const char *devices[SETTINGS_LINKS_MAX], *links[SETTINGS_LINKS_MAX];
	struct deliver_options options;
};

static bool is_link(const char *argument)
{
	return strchr(argument, '/') != NULL || strchr(argument, ':') != NULL;
}

static bool sort_names(struct arguments *arguments, char **names, struct error *err)
{
	for (; *names != NULL; names++) {
		if (arguments->options.device_count + arguments->options.link_count
			== SETTINGS_LINKS_MAX)
			return error_set(err, ERROR_USAGE, "more than %d names",
				(int)SETTINGS_LINKS_MAX);
		if (is_link(*names))
			arguments->links[arguments->options.link_count++] = *names;
		else
			arguments->devices[arguments->options.device_count++] = *names;
	}
	arguments->options.devices = arguments->devices;
	arguments->options.links = arguments->links;
	return true;
}

static bool parse_wait(const char *text, int *seconds, struct error *err)
{
	enum { WAIT_MAX = 86400 };
	char *end = NULL;
	const long value = strtol(text, &end, 10);

	if (end == text || *end != 0 || value < 0 || value > WAIT_MAX)
		return error_set(err, ERROR_USAGE, "--wait: not 0 to %d seconds: '%.20s'",
			(int)WAIT_MAX, text);
	*seconds = (int)value;
	return true;
}

static bool parse(int argc, char **argv, struct arguments *arguments, struct error *err)
{
	static const struct option longs[] = {
		{"identify", no_argument, NULL, 'i'},
		{"retry", no_argument, NULL, 'r'},
		{"stage", no_argument, NULL, 's'},
		{"wait", required_argument, NULL, 'w'},
		{NULL, 0, NULL, 0},
	};
	struct deliver_options *const options = &arguments->options;

	optind = 0;
	for (int c = getopt_long(argc, argv, "", longs, NULL); c != -1;
		c = getopt_long(argc, argv, "", longs, NULL)) {
		options->identify = options->identify || c == 'i';
		options->retry = options->retry || c == 'r';
		options->stage = options->stage || c == 's';
		if (c == 'w' && !parse_wait(optarg, &options->wait_s, err))
			return false;
		if (c == '?')
			return error_set(err, ERROR_USAGE, "see courier help deliver");
	}
	return sort_names(arguments, argv + optind, err);
}

bool cmd_deliver(struct courier *courier, int argc, char **argv, struct error *err)
{
	struct arguments arguments = {
		.options = {
			.wait_s = courier->settings->wait_s,
			.stop = &stop,
			.done = show_result,
			.progress = show_progress,
			.self = courier,
		},
	};
	/* The first asks for an end in order, the second has its usual way. */
	const struct sigaction interrupt
		= {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};

	if (!parse(argc, argv, &arguments, err))
		return false;
	if (sigaction(SIGINT, &interrupt, NULL) != 0
		|| sigaction(SIGTERM, &interrupt, NULL) != 0)
		return error_errno(err, "cannot take signals");

	const bool ok = deliver_run(courier->store, courier->settings, &arguments.options, err);

	output_progress_end(&courier->output);
	return ok;
}
