/*
 * command.h - the subcommands of courier(1), one file each.
 *
 * To add one: write cmd_NAME.c, add a line to the table in main.c and a section to
 * courier(1).  Help is printed from the table; a test compares it with the manual.
 */
#ifndef COURIER_COMMAND_H
#define COURIER_COMMAND_H

#include "courier/output.h"
#include "courier/passphrase.h"
#include "courier/settings.h"
#include "courier/store.h"

enum command_needs {
	NEEDS_NOTHING = 0,
	NEEDS_SETTINGS = 1,
	NEEDS_STORE = 2 | NEEDS_SETTINGS,
	ONLY_READS = 4, /* changes nothing, speaks with nobody: its cost is that of reading */
};

struct courier {
	const struct settings *settings; /* NULL unless the command NEEDS_SETTINGS */
	struct store *store;             /* NULL unless the command NEEDS_STORE */
	struct output output;
	struct unlock unlock;
};

/* ARGV[0] is the command's name.  ERROR_NOTHING, ERROR_PARTIAL, ... become the exit
 * status. */
typedef bool command_run(struct courier *, int argc, char **argv, struct error *);

struct command {
	const char *name, *arguments, *summary;
	enum command_needs needs;
	command_run *run;
};

command_run cmd_deliver, cmd_devices, cmd_init, cmd_plan, cmd_status, cmd_sync;

#endif
