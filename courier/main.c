#include <getopt.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/nearest.h"
#include "courier/command.h"
#include "courier/opening.h"

/* In the order a first trip calls for them; help prints this table. */
static const struct command commands[] = {
	{"init", "[--out FILE] [FILE.control]", "make keys and a request; take the bundle in",
		NEEDS_SETTINGS, cmd_init},
	{"sync", "[--metadata-only] [--until DATE] [DEVICE...]",
		"report outcomes, fetch what is wanted", NEEDS_STORE, cmd_sync},
	{"plan", "[--until DATE] [DEVICE...]",
		"what would happen on site, and what is in the way", NEEDS_STORE | ONLY_READS,
		cmd_plan},
	{"deliver", "[OPTION...] [DEVICE|LINK...]",
		"update the devices at the end of the cables", NEEDS_STORE, cmd_deliver},
	{"status", "", "the state of the trip, on one screen", NEEDS_STORE | ONLY_READS,
		cmd_status},
	{"devices", "[DEVICE...]", "the devices that are served, and those that were met",
		NEEDS_STORE | ONLY_READS, cmd_devices},
};

/* What stands before the command. */
struct global {
	bool json, verbose, help, version;
	const char *config;
	struct unlock unlock;
};

static void usage(FILE *stream)
{
	fputs("usage: courier [--json] [-v] [--config FILE]\n"
	      "               [--passphrase-file FILE | --passphrase-fd N] COMMAND ...\n\n",
		stream);
	for (size_t i = 0; i < COUNT(commands); i++)
		fprintf(stream, "  %-8s %-28s %s\n", commands[i].name, commands[i].arguments,
			commands[i].summary);
	fputs("  help     [COMMAND]                    this, or one command's line\n\n"
	      "The manual: courier(1), courier.conf(5).\n",
		stream);
}

static bool find(const char *name, const struct command **out, struct error *err)
{
	struct nearest nearest = {.wrong = name};

	for (size_t i = 0; i < COUNT(commands); i++) {
		if (strcmp(commands[i].name, name) == 0) {
			*out = &commands[i];
			return true;
		}
		nearest_offer(&nearest, commands[i].name);
	}
	return error_set(err, ERROR_USAGE, "no such command%s%s%s",
		nearest.name == NULL ? "" : ": did you mean `courier ",
		nearest.name == NULL ? "" : nearest.name, nearest.name == NULL ? "" : "`?");
}

/* For programs: a line of the table. */
static void tell(const struct command *command)
{
	CLEANUP(json_cleanup) struct json *fact = json_new_object();
	const struct output output = output_new(true, false);

	json_add_string(fact, "command", command->name);
	json_add_string(fact, "arguments", command->arguments);
	json_add_string(fact, "summary", command->summary);
	json_add_bool(fact, "reads", (command->needs & ONLY_READS) != 0);
	output_fact(&output, fact, "");
}

static void help_all(bool json)
{
	if (!json)
		usage(stdout);
	for (size_t i = 0; json && i < COUNT(commands); i++)
		tell(&commands[i]);
}

static bool help(const char *name, bool json, struct error *err)
{
	const struct command *command = NULL;

	if (name == NULL) {
		help_all(json);
		return true;
	}
	if (!find(name, &command, err))
		return false;
	if (json)
		tell(command);
	else
		printf("usage: courier %s %s\n\n  %s\n\nThe manual: courier(1).\n",
			command->name, command->arguments, command->summary);
	return true;
}

/* ---- the words before the command, and those that may also stand after it ---- */

static bool read_descriptor(const char *text, int *out, struct error *err)
{
	char *end = NULL;
	const long value = strtol(text, &end, 10);

	if (*text == 0 || *end != 0 || value < 0 || value > INT_MAX)
		return error_set(err, ERROR_USAGE,
			"--passphrase-fd: %.20s is not the number of a descriptor", text);
	*out = (int)value;
	return true;
}

static bool read_options(int argc, char **argv, struct global *global, struct error *err)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{"verbose", no_argument, NULL, 'v'},
		{"config", required_argument, NULL, 'c'},
		{"passphrase-file", required_argument, NULL, 'p'},
		{"passphrase-fd", required_argument, NULL, 'd'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};

	opterr = 0;
	for (;;) {
		const int option = getopt_long(argc, argv, "+:vh", options, NULL);

		if (option == -1)
			return true;
		global->json |= option == 'j';
		global->verbose |= option == 'v';
		global->help |= option == 'h';
		global->version |= option == 'V';
		if (option == 'c')
			global->config = optarg;
		if (option == 'p')
			global->unlock.file = optarg;
		if (option == 'd' && !read_descriptor(optarg, &global->unlock.descriptor, err))
			return false;
		if (option == '?' || option == ':')
			return error_set(err, ERROR_USAGE, "%s: %s", argv[optind - 1],
				option == '?' ? "no such option" : "a value is missing");
	}
}

/* --json and -v are taken wherever they stand. */
static int take_everywhere(int argc, char **argv, struct global *global)
{
	int kept = 0;

	for (int i = 0; i < argc; i++) {
		const bool json = strcmp(argv[i], "--json") == 0;
		const bool verbose
			= strcmp(argv[i], "-v") == 0 || strcmp(argv[i], "--verbose") == 0;

		if (strcmp(argv[i], "--") == 0) {
			while (i < argc)
				argv[kept++] = argv[i++];
			break;
		}
		global->json |= json;
		global->verbose |= verbose;
		if (!json && !verbose)
			argv[kept++] = argv[i];
	}
	argv[kept] = NULL;
	return kept;
}

/* ---- running ---- */

static bool run(const struct command *command, const struct global *global, int argc,
	char **argv, struct error *err)
{
	CLEANUP(settings_cleanup) struct settings *settings = NULL;
	CLEANUP(store_cleanup) struct store *store = NULL;
	struct courier courier = {
		.output = output_new(global->json, global->verbose),
		.unlock = global->unlock,
	};

	if ((command->needs & NEEDS_SETTINGS) != 0
		&& !settings_load(global->config, &settings, err))
		return false;
	if ((command->needs & NEEDS_STORE) == NEEDS_STORE
		&& !opening_store(settings, &global->unlock, &store, err))
		return false;
	courier.settings = settings;
	courier.store = store;
	optind = 0; /* GNU: begin anew */
	return command->run(&courier, argc, argv, err);
}

static bool dispatch(int argc, char **argv, const char **name, struct error *err)
{
	struct global global = {.unlock = {.descriptor = -1}};
	const struct command *command = NULL;

	if (!read_options(argc, argv, &global, err))
		return false;
	if (global.version) {
		puts("courier " COURIER_VERSION);
		return true;
	}
	if (global.help)
		return help(NULL, global.json, err);
	argc = take_everywhere(argc - optind, argv += optind, &global);
	if (argc == 0) {
		usage(stderr);
		return error_set(err, ERROR_USAGE, "which command?");
	}
	if (strcmp(argv[0], "help") == 0)
		return help(argv[1], global.json, err);
	*name = argv[0];
	if (!find(argv[0], &command, err))
		return false;
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0)
			return help(command->name, global.json, err);
	return run(command, &global, argc, argv, err);
}

/* What ten thousand devices took goes back to the system as soon as it is free: threads do
 * not hoard, and a large buffer is no part of the heap. */
static void bound_memory(void)
{
	enum { ARENAS_MAX = 2, LARGE = 128 * 1024 /* bytes */ };

	(void)mallopt(M_ARENA_MAX, ARENAS_MAX);
	(void)mallopt(M_MMAP_THRESHOLD, LARGE);
	(void)mallopt(M_TRIM_THRESHOLD, LARGE);
}

int main(int argc, char **argv)
{
	const char *name = NULL;
	struct error err = {0};
	bool ok = false;

	bound_memory();
	(void)signal(SIGPIPE, SIG_IGN);
	ok = secret_harden_process(&err) && dispatch(argc, argv, &name, &err);
	if (ok && (fflush(stdout) != 0 || ferror(stdout) != 0))
		ok = error_errno(&err, "cannot write the answer");
	if (ok)
		return 0;
	/* A command that told all there is to tell leaves the text empty. */
	if (err.text[0] != 0)
		fprintf(stderr, "courier: %s%s%s\n", name == NULL ? "" : name,
			name == NULL ? "" : ": ", err.text);
	if (err.code == ERROR_DAMAGED)
		fprintf(stderr,
			"courier: no device is harmed, and each keeps its receipts; if no copy "
			"of "
			"the store helps, move it away, make a new one with courier init, and "
			"have the operator issue its request\n");
	return error_exit_status(err.code);
}
