/*
 * command.h - the subcommands of courier-agent(8), one file each.
 *
 * To add one: write cmd_NAME.c, add a line to the table in main.c and a section to
 * courier-agent(8).
 */
#ifndef DEVICE_LINK_AGENT_COMMAND_H
#define DEVICE_LINK_AGENT_COMMAND_H

#include "device-link/agent/agent_settings.h"

/* ARGV[0] is the command's name; SETTINGS_PATH is the file they are from. */
struct command_line {
	int argc;
	char **argv;
	const char *settings_path;
};

typedef bool command_run(const struct command_line *, struct error *);

struct command {
	const char *name, *arguments, *summary;
	command_run *run;
};

command_run cmd_check, cmd_request, cmd_run, cmd_status;

#endif
