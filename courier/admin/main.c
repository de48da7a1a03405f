#include <stdlib.h>
#include <string.h>

#include "common/nearest.h"
#include "courier/admin/admin_command.h"

/* Keep in the order of a fleet's life. */
static const struct admin_command *const commands[] = {&cmd_init, &cmd_issue, &cmd_provision,
	&cmd_enroll, &cmd_set_time, &cmd_verify, &cmd_trust};

struct common_options {
	bool json, verbose, help, version;
	const char *directory;
	const char *passphrase_file;
	int64_t passphrase_fd;
	const char *root_passphrase_file, *courier_passphrase_file, *device_passphrase_file;
};

#define AT(member) offsetof(struct common_options, member)

static const struct argument common[] = {
	{"dir", ARGUMENT_TEXT, AT(directory), "DIR",
		"the authority; else $COURIER_ADMIN_DIR, else ./courier-admin"},
	{"passphrase-file", ARGUMENT_TEXT, AT(passphrase_file), "FILE",
		"passphrase of both issuers' keys"},
	{"passphrase-fd", ARGUMENT_NUMBER, AT(passphrase_fd), "N",
		"the same, from a descriptor, for commands that need one key"},
	{"courier-passphrase-file", ARGUMENT_TEXT, AT(courier_passphrase_file), "FILE",
		"passphrase of the courier issuer's key"},
	{"device-passphrase-file", ARGUMENT_TEXT, AT(device_passphrase_file), "FILE",
		"passphrase of the device issuer's key"},
	{"root-passphrase-file", ARGUMENT_TEXT, AT(root_passphrase_file), "FILE",
		"passphrase of the fleet root's key"},
	{"json", ARGUMENT_FLAG, AT(json), NULL, "one JSON object a line"},
	{"verbose", ARGUMENT_FLAG, AT(verbose), NULL, "say more on stderr"},
	{"help", ARGUMENT_FLAG, AT(help), NULL, "this"},
	{"version", ARGUMENT_FLAG, AT(version), NULL, "say which version this is"},
};

bool admin_only_word(const struct argument_list *words, const char *what, const char **out,
	struct error *err)
{
	if (words->count != 1)
		return error_set(err, ERROR_USAGE, "needs %s%s", what,
			words->count > 1 ? ", and nothing more" : "");
	*out = words->at[0];
	return true;
}

/* A table of commands, and the words before each. */
struct table {
	const char *before; /* "courier-admin", "courier-admin trust" */
	const struct admin_command *const *at;
	size_t count;
};

static const struct table top = {"courier-admin", commands, COUNT(commands)};

static void help_all(FILE *stream, const struct table *table)
{
	(void)fprintf(stream, "usage: %s [OPTIONS] %s ...\n\n", table->before,
		table == &top ? "COMMAND" : "VERB");
	for (size_t i = 0; i < table->count; i++)
		(void)fprintf(
			stream, "  %-10s %s\n", table->at[i]->name, table->at[i]->summary);
	(void)fprintf(stream, "\nOptions of every command:\n");
	arguments_help(stream, common, COUNT(common));
}

static void help_one(
	FILE *stream, const struct table *table, const struct admin_command *command)
{
	(void)fprintf(stream, "usage: %s %s %s\n%s\n\n", table->before, command->name,
		command->arguments, command->summary);
	arguments_help(stream, command->options, command->option_count);
	(void)fprintf(stream, "\nOptions of every command:\n");
	arguments_help(stream, common, COUNT(common));
}

static bool find_command(const struct table *table, const char *name,
	const struct admin_command **out, struct error *err)
{
	struct nearest nearest = {.wrong = name};

	for (size_t i = 0; i < table->count; i++) {
		if (strcmp(table->at[i]->name, name) == 0) {
			*out = table->at[i];
			return true;
		}
		nearest_offer(&nearest, table->at[i]->name);
	}
	if (nearest.name != NULL)
		return error_set(err, ERROR_USAGE, "%s: no such command; did you mean %s?",
			name, nearest.name);
	return error_set(
		err, ERROR_USAGE, "%s: no such command; see %s --help", name, table->before);
}

static struct unlock unlock_of(const struct common_options *common_options, const char *file)
{
	if (file != NULL)
		return (struct unlock){file, -1};
	return (struct unlock){
		common_options->passphrase_file, (int)common_options->passphrase_fd};
}

static struct admin_call call_of(const struct common_options *options)
{
	const char *const home = getenv("COURIER_ADMIN_DIR");
	struct admin_call call = {
		.output = output_new(options->json, options->verbose),
		.directory = options->directory != NULL ? options->directory
			: home != NULL && home[0] != 0  ? home
							: "courier-admin",
		.unlock.root = {options->root_passphrase_file, -1},
	};

	call.unlock.issuer[CERTIFICATE_COURIER]
		= unlock_of(options, options->courier_passphrase_file);
	call.unlock.issuer[CERTIFICATE_DEVICE]
		= unlock_of(options, options->device_passphrase_file);
	return call;
}

static void memory_cleanup(void **memory)
{
	free(*memory);
}

/* The command's own options, and the common ones again: they may stand anywhere. */
static bool run(const struct table *table, const struct admin_command *command, int argc,
	char **argv, int index, struct common_options *shared, struct error *err)
{
	CLEANUP(memory_cleanup) void *options = calloc(1, command->options_size);
	struct argument_list words = {.count = 0};
	const struct argument_group groups[] = {
		{command->options, command->option_count, options},
		{common, COUNT(common), shared},
	};

	if (options == NULL)
		return error_errno(err, "cannot allocate");
	if (!arguments_read(argc, argv, &index, groups, COUNT(groups), &words, err))
		return false;
	if (shared->help) {
		help_one(stdout, table, command);
		return true;
	}

	struct admin_call call = call_of(shared);

	return command->run(&call, options, &words, err);
}

/* The command of TABLE that ARGV[INDEX] names; what follows may be a verb of it. */
/* NOLINTNEXTLINE(misc-no-recursion): as deep as the tables are, two */
static bool choose(const struct table *table, int argc, char **argv, int index,
	struct common_options *shared, struct error *err)
{
	const struct argument_group groups[] = {{common, COUNT(common), shared}};
	const struct admin_command *command = NULL;
	char before[64];

	if (index == argc || strcmp(argv[index], "help") == 0) {
		help_all(index == argc && !shared->help ? stderr : stdout, table);
		return index < argc || shared->help
			|| error_set(err, ERROR_USAGE, "needs a command");
	}
	if (!find_command(table, argv[index], &command, err))
		return false;
	index++;
	if (command->verbs == NULL)
		return run(table, command, argc, argv, index, shared, err)
			|| error_while(err, "%s", command->name);
	(void)snprintf(before, sizeof(before), "%s %s", table->before, command->name);

	const struct table verbs = {before, command->verbs, command->verb_count};

	return (arguments_read(argc, argv, &index, groups, COUNT(groups), NULL, err)
		       && choose(&verbs, argc, argv, index, shared, err))
		|| error_while(err, "%s", command->name);
}

static bool dispatch(int argc, char **argv, struct error *err)
{
	struct common_options shared = {.passphrase_fd = -1};
	const struct argument_group groups[] = {{common, COUNT(common), &shared}};
	int index = 1;

	if (!arguments_read(argc, argv, &index, groups, COUNT(groups), NULL, err))
		return false;
	if (shared.version) {
		(void)puts("courier-admin " COURIER_VERSION);
		return true;
	}
	return choose(&top, argc, argv, index, &shared, err);
}

int main(int argc, char **argv)
{
	struct error err = {0};

	if (secret_harden_process(&err) && dispatch(argc, argv, &err)) {
		if (fflush(stdout) == 0)
			return EXIT_SUCCESS;
		(void)error_errno(&err, "cannot write the answer");
	}
	(void)fprintf(stderr, "courier-admin: %s\n", err.text);
	return error_exit_status(err.code);
}
