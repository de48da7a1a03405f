/*
 * arguments.h - the options of a command, read by the command's own table into its own
 * structure; help is printed from the same table.
 *
 * --name VALUE and --name=VALUE; options and words in any order; after "--" all are
 * words.  No abbreviations: scripts outlive the day an abbreviation becomes ambiguous.
 */
#ifndef COURIER_ADMIN_ARGUMENTS_H
#define COURIER_ADMIN_ARGUMENTS_H

#include <stddef.h>
#include <stdio.h>

#include "common/error.h"

enum { ARGUMENT_LIST_MAX = 256 };

/* Words, or the values of a repeated option; borrowed from argv. */
struct argument_list {
	const char *at[ARGUMENT_LIST_MAX];
	size_t count;
};

/* What an option's value is, and the type of the member it goes to. */
enum argument_kind {
	ARGUMENT_FLAG,   /* bool: has no value */
	ARGUMENT_TEXT,   /* const char *: given once */
	ARGUMENT_LIST,   /* struct argument_list: may be repeated */
	ARGUMENT_NUMBER, /* int64_t: 0 to 1000000 */
};

struct argument {
	const char *name; /* without the dashes */
	enum argument_kind kind;
	size_t offset;
	const char *value, *summary; /* for help; VALUE NULL for a flag */
};

/* A table and the structure it fills. */
struct argument_group {
	const struct argument *at;
	size_t count;
	void *out;
};

/*
 * Read ARGV from *INDEX on.  WORDS NULL: stop at the first word.  *INDEX becomes the index of
 * what was not read.  ERROR_USAGE names the option, and the one it may have been meant
 * to be.
 */
NODISCARD bool arguments_read(int argc, char **argv, int *index,
	const struct argument_group *groups, size_t count, struct argument_list *words,
	struct error *);

/* One line an option. */
void arguments_help(FILE *, const struct argument *, size_t count);

#endif
