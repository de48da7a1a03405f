/*
 * scripts.h - what the device says of itself, from Mender-compatible scripts.
 *
 * An identity script prints key=value lines; a key that repeats makes an array.
 * Inventory scripts are the executables named mender-inventory-* of a directory,
 * same format.  (Mender documentation, "Identity" and "Inventory".)
 */
#ifndef DEVICE_LINK_AGENT_SCRIPTS_H
#define DEVICE_LINK_AGENT_SCRIPTS_H

#include "common/artifact.h"
#include "common/json.h"

enum {
	SCRIPTS_TIMEOUT_MS = 10000, /* for each script */
	SCRIPTS_BUDGET_MS = 60000,  /* for all scripts of one survey: a courier waits */
	SCRIPTS_MAX = 64,           /* inventory scripts, the first by name */
	SCRIPTS_OUTPUT_MAX = 32 * 1024,
	SCRIPTS_KEYS_MAX = 256,
};

/* key=value lines as an object of strings and arrays of strings.  Lines without '='
 * and empty keys are ERROR_MALFORMED. */
NODISCARD bool scripts_parse(struct bytes text, struct json **object, struct error *);

/* Run one command, for SCRIPTS_TIMEOUT_MS at most, and append what it prints.  *LEFT_MS, what
 * is left of the budget, bounds that, too, and is the less afterwards; nothing left is
 * ERROR_TIMEOUT, and then it is not run. */
NODISCARD bool scripts_run(
	const char *const *argv, int *left_ms, struct buf *text, struct error *);

/* Run the identity script: the canonical JSON object. */
NODISCARD bool scripts_identity(
	const char *path, int *left_ms, struct buf *canonical, struct error *);

/* What inventory scripts had to say. */
struct scripts_inventory {
	struct json *attributes; /* array of {"name", "value"} */
	struct buf failed;       /* one line for each script that is left out */
	size_t not_run;          /* those among them for which no time was left */
};

void scripts_inventory_free(struct scripts_inventory *); /* caller's memory; zero is fine */

/* Run each inventory script of DIRECTORY. */
NODISCARD bool scripts_inventory(
	const char *directory, int *left_ms, struct scripts_inventory *, struct error *);

/* A device_type file: one line device_type=VALUE. */
NODISCARD bool scripts_device_type(const char *path, char *type, size_t room, struct error *);

/* key=value lines into pairs: what `mender show-provides` prints. */
NODISCARD bool scripts_pairs(struct bytes text, struct artifact_pairs *, struct error *);

#endif
