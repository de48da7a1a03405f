/*
 * tuf.h - the client workflow of The Update Framework (specification 1.0, section 5).
 *
 * No I/O and no clock: the host fetches, loads and stores, and says what time it is.
 * Whatever the host gives is taken as hostile; only what it once stored as root.json is
 * trusted, and even that must be signed by its own keys.  Memory is bounded by the
 * limits below.  Nothing is global; one struct tuf belongs to one thread at a time.
 *
 *	CLEANUP(tuf_cleanup) struct tuf *tuf = NULL;
 *	struct tuf_target target = {0};
 *	bool found = false;
 *
 *	if (!tuf_open(&host, &(struct tuf_settings){.now = now}, &tuf, err)
 *		|| !tuf_refresh(tuf, err)
 *		|| !tuf_find(tuf, "devices/pump-7/direction.json", &target, &found, err))
 *		return false;
 *
 * What failed is told by the code:
 *
 *	ERROR_EXPIRED    authentic, but out of date
 *	ERROR_ROLLBACK   authentic, but older than what was stored before
 *	ERROR_SIGNATURE  not signed by those who must, or not the file that was signed
 *	ERROR_MALFORMED  no metadata at all, or over a limit
 *
 * and any other is the host's own, or ERROR_FAILED.
 */
#ifndef COMMON_TUF_TUF_H
#define COMMON_TUF_TUF_H

#include "common/tuf/tuf_metadata.h"

/* Where metadata come from and where they stay.  FILE is a name without slashes, made of
 * letters, digits and "_.-~%": "root.json", "7.snapshot.json", "%2Fx.json". */
struct tuf_host {
	/* Append what the repository has as FILE, which may be versioned.  Not having it
	 * is *FOUND = false and success: it ends the walk of roots, which a failure must
	 * not.  Whoever sends more than MAX bytes is refused: stop reading at MAX + 1. */
	bool (*fetch)(void *self, const char *file, size_t max, struct buf *, bool *found,
		struct error *);
	/* Append what was stored last as FILE, never versioned. */
	bool (*load)(void *self, const char *file, size_t max, struct buf *, bool *found,
		struct error *);
	/* Keep FILE for later runs, durably and as a whole: it has been verified.  Roots are
	 * given one by one as they are walked, each at once. */
	bool (*store)(void *self, const char *file, struct bytes, struct error *);
	void *self;
};

enum {
	TUF_FILE_MAX = JSON_SIZE_MAX, /* bytes of a file whose length is signed */
	TUF_ROOT_MAX = 512000,        /* bytes; the others where no length is signed */
	TUF_TIMESTAMP_MAX = 16384,
	TUF_SNAPSHOT_MAX = 2000000,
	TUF_TARGETS_MAX = 5000000,
	TUF_HELD_MAX = 24 << 20,   /* bytes of delegated metadata held at a time */
	TUF_HELD_ROLES_MAX = 1024, /* roles whose metadata are held at a time */
	TUF_ROOTS_MAX = 4096,      /* walked in one refresh; the next goes on from there */
	TUF_ROLES_MAX = 32         /* visited in one search */
};

struct tuf_settings {
	int64_t now;     /* the time of reference, in seconds since 1970: what expires then
			    has expired */
	bool lax_keyids; /* let a keyid be any name for its key, as TAP 12 would; without
			    it every keyid must be its key's hash */
	size_t max[TUF_KIND_COUNT]; /* bytes where no length is signed; 0: as above */
	size_t held_max;            /* 0: as above, and so on */
	size_t roots_max, roles_max;
};

struct tuf;

/* Load the trusted root.  HOST is copied, what its self points to is borrowed. */
NODISCARD bool tuf_open(
	const struct tuf_host *, const struct tuf_settings *, struct tuf **, struct error *);
void tuf_close(struct tuf *);
void tuf_cleanup(struct tuf **);

/* Sections 5.3 to 5.6: walk the roots, then timestamp, snapshot and top-level targets.
 * What was verified before a failure has been stored, and stays. */
NODISCARD bool tuf_refresh(struct tuf *, struct error *);

/* A target as its role signed it. */
struct tuf_target {
	const char *path; /* as asked for; borrowed from whoever asked */
	const char *role; /* who signed it; borrowed, as is CUSTOM, until the next call */
	struct tuf_target_facts facts;
	bool consistent; /* its URL has its hash in it */
};

/* Section 5.6.7: search the delegations, in order of priority, for who signs PATH; needs
 * a refresh before.  Fetches the delegated metadata it needs.  Not found is an answer;
 * ERROR_FAILED when the search would visit more roles than roles_max. */
NODISCARD bool tuf_find(
	struct tuf *, const char *path, struct tuf_target *, bool *found, struct error *);

/* Append the URL of the target, relative to that of all targets. */
NODISCARD bool tuf_target_url(const struct tuf_target *, struct buf *url, struct error *);

/* The top-level metadata now held; NULL before a refresh came that far.  Borrowed until
 * the next call. */
const struct tuf_metadata *tuf_top(const struct tuf *, enum tuf_kind);

/* What expires first of all metadata now held, which are those of a refresh and of the
 * searches since: when, and the name of the role.  Borrowed until the next call. */
int64_t tuf_valid_until(const struct tuf *, const char **role);
/* The same of the top-level metadata, and of those the last search went through. */
int64_t tuf_search_until(const struct tuf *, const char **role);
/* Of the roles that the last search went through, but for the top-level targets, that at
 * INDEX, and the version of its metadata; NULL: there are no more.  Borrowed until the next
 * call. */
const char *tuf_search_role(const struct tuf *, size_t index, int64_t *version);

/* ---- whether bytes are the target ---- */

struct tuf_check;

/* TARGET is not needed any more afterwards.  ERROR_SIGNATURE when one of its hashes is of
 * a kind that cannot be checked. */
NODISCARD bool tuf_check_new(const struct tuf_target *, struct tuf_check **, struct error *);
/* ERROR_SIGNATURE as soon as there are more bytes than were signed. */
NODISCARD bool tuf_check_add(struct tuf_check *, struct bytes, struct error *);
/* All bytes were added: are they those that were signed? */
NODISCARD bool tuf_check_end(const struct tuf_check *, struct error *);
void tuf_check_free(struct tuf_check *);
void tuf_check_cleanup(struct tuf_check **);

#endif
