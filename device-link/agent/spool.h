/*
 * spool.h - the artifact file while it comes: hashed as it is written, resumable,
 * private.  There is one at a time; its name is the digest it must have.
 */
#ifndef DEVICE_LINK_AGENT_SPOOL_H
#define DEVICE_LINK_AGENT_SPOOL_H

#include <limits.h>

#include "common/crypto.h"

enum { SPOOL_SYNC = 256 * 1024 /* bytes between two fsyncs */ };

struct spool;

/* Path of the file for DIGEST in DIRECTORY. */
NODISCARD bool spool_path(
	const char *directory, const struct digest *, char path[PATH_MAX], struct error *);

/* Open, or begin, the file for DIGEST, of at most SIZE bytes, and remove all other spool
 * files in DIRECTORY.  What is there counts only when spool_step() has hashed it.
 * ERROR_UNAUTHORISED when DIRECTORY is not the agent's own, or others can write there. */
NODISCARD bool spool_open(const char *directory, const struct digest *, uint64_t size,
	struct spool **, struct error *);
void spool_free(struct spool *);
void spool_cleanup(struct spool **);

/* Hash some of what was there; *DONE when all of it is. */
NODISCARD bool spool_step(struct spool *, bool *done, struct error *);
uint64_t spool_size(const struct spool *);
bool spool_whole(const struct spool *);

/* Append; more than SIZE in all is ERROR_MALFORMED.  Durable every SPOOL_SYNC bytes and
 * at the end. */
NODISCARD bool spool_add(struct spool *, struct bytes, struct error *);
/* Is what is there what it should be? */
NODISCARD bool spool_matches(const struct spool *, bool *, struct error *);

/* Bytes of the file system that the spool files in DIRECTORY take: what spool_open() either
 * goes on with or gives back. */
uint64_t spool_held(const char *directory);

/* Remove the spool files that DIRECTORY holds. */
NODISCARD bool spool_clear(const char *directory, struct error *);

#endif
