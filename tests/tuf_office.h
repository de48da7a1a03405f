/*
 * tuf_office.h - a TUF repository in memory and the host of a client beside it, for unit
 * tests: what is served, what is stored, what was asked for.
 */
#ifndef TESTS_TUF_OFFICE_H
#define TESTS_TUF_OFFICE_H

#include "common/tuf/tuf.h"

enum { OFFICE_KEYS = 8, OFFICE_FILES = 64, OFFICE_NOW = 1900000000 /* 2030-03-17 */ };

#define OFFICE_PAST "2030-03-17T00:00:00Z"
#define OFFICE_FUTURE "2030-04-17T00:00:00Z"

struct office_file {
	char name[80];
	struct buf content;
};

struct office {
	struct {
		struct crypto_key *key;
		char id[DIGEST_TEXT], text[256]; /* as metadata write it */
	} keys[OFFICE_KEYS];                     /* called "a" to "h" */
	struct office_file served[OFFICE_FILES], stored[OFFICE_FILES];
	struct buf asked;   /* names of files, each with a space behind it */
	size_t stores;      /* how often something was stored */
	size_t fail_store;  /* the store that fails, counted from 1; 0: none */
	const char *broken; /* the file whose fetching fails */
};

/* What a role is to be: KEYS by letter, as are those that sign (NULL: all of them). */
struct office_role {
	int64_t version;
	const char *keys, *signers, *expires;
	int threshold;
};

struct office_state {
	struct office_role roles[TUF_KIND_COUNT];
	bool plain_names;         /* no consistent snapshots */
	const char *targets;      /* members of "targets" */
	const char *more_targets; /* members beside "targets", a comma before them */
	const char *listed;       /* members of the snapshot's meta, likewise */
	const char *issued;       /* x-issued of the timestamp; NULL: it has none */
};

/* A repository of four keys, a to d in the order of the kinds, each at version 1. */
extern const struct office_state office_first;

void office_new(struct office *);
void office_done(struct office *);
/* Sign SIGNED with the keys and append the file. */
void office_sign(struct office *, const char *signed_part, const char *signers, struct buf *);
void office_serve(struct office *, const char *name, struct bytes);
void office_remove(struct office *, const char *name);
/* Sign and serve all of it; the root as that of its version only. */
void office_publish(struct office *, const struct office_state *);
/* A delegated role of VERSION. */
void office_publish_role(struct office *, const char *name, int64_t version,
	const char *signers, const char *targets, const char *more);
/* Append a delegation to NAME for PATHS (a JSON array), keys and all but the braces. */
void office_delegation(struct office *, const char *name, const char *keys, const char *paths,
	bool terminating, struct buf *);
/* Append the members that describe the keys. */
void office_keys(struct office *, const char *keys, struct buf *);
/* Trust the root now served as VERSION. */
void office_trust(struct office *, int64_t version);

struct tuf_host office_host(struct office *);
/* The version of what is stored for the role; 0: nothing. */
int64_t office_stored(struct office *, const char *name);
/* Opens and refreshes; false with why. */
NODISCARD bool office_refresh(struct office *, struct tuf **, struct error *);

#endif
