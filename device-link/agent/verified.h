/*
 * verified.h - what a verified artifact says of itself, kept beside the job so that
 * nobody needs to read the artifact file again: artifact.json in the state directory.
 */
#ifndef DEVICE_LINK_AGENT_VERIFIED_H
#define DEVICE_LINK_AGENT_VERIFIED_H

#include "common/artifact.h"
#include "common/json.h"

/* Name, payload type, provides, clears, sizes, digest.  Not the depends. */
NODISCARD bool verified_save(const char *path, const struct artifact *, struct error *);
NODISCARD bool verified_load(const char *path, struct artifact *, struct error *);

/* Provides as an object of strings, to and from: provides.json is one, too. */
void verified_add_pairs(struct json *object, const char *name, const struct artifact_pairs *);
NODISCARD bool verified_pairs(
	const struct json *object, struct artifact_pairs *, struct error *);

#endif
