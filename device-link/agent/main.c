#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/secret.h"
#include "device-link/agent/command.h"

/* keep alphabetised */
static const struct command commands[] = {
	{"check", "", "say what is wrong with this device's set-up", cmd_check},
	{"request", "[--out DIR]", "what courier-admin provision needs to certify this device",
		cmd_request},
	{"run", "", "serve couriers, in the foreground", cmd_run},
	{"status", "[--json]", "what the device is doing, and its last receipts", cmd_status},
};

static void print_help(FILE *out)
{
	fprintf(out, "usage: courier-agent [-c FILE] COMMAND\n\n");
	for (size_t i = 0; i < COUNT(commands); i++)
		fprintf(out, "  %-8s %-12s %s\n", commands[i].name, commands[i].arguments,
			commands[i].summary);
	fprintf(out, "\nSee courier-agent(8).\n");
}

static int usage(void)
{
	print_help(stderr);
	return ERROR_USAGE;
}

static int run(const struct command *command, const struct command_line *line)
{
	struct error err = {0};

	if (command->run(line, &err))
		return 0;
	if (err.text[0] != 0)
		fprintf(stderr, "courier-agent: %s\n", err.text);
	return error_exit_status(err.code);
}

int main(int argc, char **argv)
{
	struct command_line line = {.settings_path = AGENT_SETTINGS_PATH};
	struct error err = {0};

	if (!secret_harden_process(&err)) {
		fprintf(stderr, "courier-agent: %s\n", err.text);
		return error_exit_status(err.code);
	}
	for (int option = 0; (option = getopt(argc, argv, "+c:h")) != -1;) {
		if (option == 'c')
			line.settings_path = optarg;
		else if (option == 'h')
			return print_help(stdout), 0;
		else
			return usage();
	}
	if (optind == argc)
		return usage();
	line.argc = argc - optind;
	line.argv = argv + optind;
	optind = 0; /* commands have options of their own */
	for (size_t i = 0; i < COUNT(commands); i++)
		if (strcmp(commands[i].name, line.argv[0]) == 0)
			return run(&commands[i], &line);
	fprintf(stderr, "courier-agent: no command %s\n", line.argv[0]);
	return usage();
}
