/*
 * config.h - configuration files: sections of "key = value" lines, read into the
 * caller's structures by the caller's table.
 *
 *	# a comment: a line of its own that begins with #
 *	[agent]
 *	identity = /usr/share/mender/identity/mender-device-identity
 *	anchor = fleet.pem
 *	[server north]
 *	url = https://hosted.example
 *
 * A value is what stands between = and the end of the line, without the white space
 * around it; nothing in it is special, except in lists of words.  Every section and
 * key must be in the table, every value must be what the table says; the error names
 * file, line and key, and what is allowed, but never the value.  Secrets do not
 * belong in such a file, only the names of the files that hold them.
 *
 *	struct server { const char *label, *url; int64_t wait; };
 *	static const struct config_key keys[] = {
 *		{"url", CONFIG_TEXT, .offset = offsetof(struct server, url), .required = true},
 *		{"wait", CONFIG_DURATION, .offset = offsetof(struct server, wait), .max = 3600},
 *	};
 *	static const struct server defaults = {.wait = 30};
 *	static const struct config_section table[] = {
 *		{"server", .named = true, .label = offsetof(struct server, label),
 *			.keys = keys, .key_count = COUNT(keys),
 *			.size = sizeof(struct server), .defaults = &defaults},
 *	};
 */
#ifndef COMMON_CONFIG_H
#define COMMON_CONFIG_H

#include "common/bytes.h"

enum {
	CONFIG_SIZE_MAX = 65536,   /* bytes of a file */
	CONFIG_SECTIONS_MAX = 256, /* sections of one name */
	CONFIG_LIST_MAX = 64,      /* words of a value, or values of a repeated key */
	CONFIG_NAME_MAX = 64,      /* bytes of a section's label */
};

/* Several texts; .at[.count] is NULL, so .at will do for execv().  Zero when the
 * key is absent. */
struct config_list {
	const char **at;
	size_t count;
};

/* What a value is, and the type of the member it goes to. */
enum config_kind {
	CONFIG_TEXT,     /* const char *: as it stands, not empty */
	CONFIG_PATH,     /* const char *: relative to the directory of the file */
	CONFIG_INTEGER,  /* int64_t */
	CONFIG_BOOL,     /* bool: yes or no, true or false */
	CONFIG_SIZE,     /* int64_t, bytes: 4096, 64K, 10M, 2G (powers of 1024) */
	CONFIG_DURATION, /* int64_t, seconds: 0, 30s, 5m, 12h, 30d */
	CONFIG_CHOICE,   /* int, or an enum: the place in .choices */
	CONFIG_WORDS,    /* struct config_list: split at white space; a word in "double
			  * quotes" may hold white space, \" and \\ */
};

struct config_key {
	const char *name;
	enum config_kind kind;
	size_t offset; /* of the member in the section's structure */
	bool required;
	bool repeat;                /* TEXT, PATH, WORDS: may be given several times, and
				     * goes to a struct config_list */
	int64_t min, max;           /* of numbers; both 0: 0 or more */
	const char *const *choices; /* of CONFIG_CHOICE; NULL ends it */
};

struct config_section {
	const char *name;
	bool named;    /* [name LABEL], any number of them; otherwise [name], once */
	bool required; /* at least one */
	size_t label;  /* offset of a const char * for the label, if named */
	const struct config_key *keys;
	size_t key_count;
	size_t size;          /* bytes of the section's structure */
	const void *defaults; /* its content before any key; NULL: zeros */
};

struct config; /* owns everything that was read */

/* Read the file at PATH.  A missing file is an error, or with FOUND given, success,
 * *FOUND false, and *out as of an empty file, if that satisfies the table.  What is
 * wrong with the content is ERROR_USAGE.  The table must outlive the result. */
NODISCARD bool config_read(const char *path, const struct config_section *table, size_t count,
	bool *found, struct config **out, struct error *);
/* The same from TEXT, which is copied; PATH is for errors and relative paths. */
NODISCARD bool config_parse(const char *path, struct bytes text,
	const struct config_section *table, size_t count, struct config **out, struct error *);
void config_free(struct config *);
void config_cleanup(struct config **);

/* The structure of the section NAME that is not named; the defaults if it does not
 * appear.  Borrowed.  NAME must be in the table. */
const void *config_one(const struct config *, const char *name);
/* The structures of all sections NAME, an array in order of appearance.  Borrowed. */
const void *config_all(const struct config *, const char *name, size_t *count);
/* Where section NAME number INDEX begins, for errors found later; 0: nowhere. */
size_t config_line(const struct config *, const char *name, size_t index);

#endif
