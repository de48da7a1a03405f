/* store_home.h - a throwaway store for tests. */
#ifndef TESTS_STORE_HOME_H
#define TESTS_STORE_HOME_H

#include <limits.h>

#include "courier/store_private.h"

struct home {
	char path[PATH_MAX];
	struct passphrase passphrase;
	struct store *store; /* open; NULL: closed */
};

/* A directory with an open store in it, its passphrase cheap to stretch; fails the test
 * when it cannot. */
void home_init(struct home *);
void home_open(struct home *);
void home_close(struct home *);
void home_done(struct home *); /* removes everything */
void home_wipe(struct home *); /* removes the directory at the path alone */

/* PATH of NAME in the home. */
void home_file(const struct home *, const char *name, char path[static PATH_MAX]);
/* Run SQL on the database of a closed store, as somebody who has the disk. */
void home_tamper(const struct home *, const char *sql);

/* A few rows in every table, and two blobs: "server/blob-name-whole" of HOME_BLOB_SIZE
 * bytes of noise from HOME_BLOB_SEED, and "server/blob-name-part" of which only the
 * full chunks were written. */
void home_fill(struct home *);
enum { HOME_BLOB_SEED = 3, HOME_BLOB_SIZE = 150000 };

/* Runs of text in what home_fill() stores; NULL ends them. */
extern const char *const home_needles[];

/* Deterministic noise: the same bytes for the same SEED. */
void noise(uint64_t seed, uint8_t *at, size_t len);

#endif
