/*
 * admin_command.h - the subcommands of courier-admin(1), one file each.
 *
 * To add one: write cmd_NAME.c that defines a struct admin_command, name it below and
 * in the table in main.c, and add a section to courier-admin(1).
 */
#ifndef COURIER_ADMIN_ADMIN_COMMAND_H
#define COURIER_ADMIN_ADMIN_COMMAND_H

#include "courier/admin/arguments.h"
#include "courier/admin/authority.h"
#include "courier/output.h"

/* What every command has. */
struct admin_call {
	struct output output;
	const char *directory; /* of the authority */
	struct authority_unlock unlock;
};

struct admin_command {
	const char *name, *arguments, *summary;
	const struct argument *options;
	size_t option_count;
	size_t options_size; /* bytes of the structure they fill; begins as zeros */
	/* ERROR_NOTHING, ERROR_PARTIAL, ... become the exit status. */
	bool (*run)(struct admin_call *, const void *options, const struct argument_list *words,
		struct error *);
	/* Instead of all these but name, arguments and summary: the word that follows says
	 * which of these it is. */
	const struct admin_command *const *verbs;
	size_t verb_count;
};

extern const struct admin_command cmd_enroll, cmd_init, cmd_issue, cmd_provision, cmd_set_time,
	cmd_trust, cmd_verify;

/* The only word, or ERROR_USAGE "needs WHAT". */
NODISCARD bool admin_only_word(
	const struct argument_list *, const char *what, const char **, struct error *);

#endif
