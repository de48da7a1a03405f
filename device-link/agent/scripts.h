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
	SCRIPTS_MAX = 64,           /* inventory scripts, the first by name */
	SCRIPTS_OUTPUT_MAX = 32 * 1024,
	SCRIPTS_KEYS_MAX = 256,
};

/* key=value lines as an object of strings and arrays of strings.  Lines without '='
 * and empty keys are ERROR_MALFORMED. */
NODISCARD bool scripts_parse(struct bytes text, struct json **object, struct error *);

/* Run the identity script: the canonical JSON object. */
NODISCARD bool scripts_identity(const char *path, struct buf *canonical, struct error *);

/* Run each inventory script of DIRECTORY: an array of {"name", "value"}.  A script
 * that fails is left out, and named in FAILED (appended, one line each). */
NODISCARD bool scripts_inventory(
	const char *directory, struct json **attributes, struct buf *failed, struct error *);

/* A device_type file: one line device_type=VALUE. */
NODISCARD bool scripts_device_type(const char *path, char *type, size_t room, struct error *);

/* key=value lines into pairs: what `mender show-provides` prints. */
NODISCARD bool scripts_pairs(struct bytes text, struct artifact_pairs *, struct error *);

#endif
