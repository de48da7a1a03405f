/* tuf_private.h - what the files of the client share. */
#ifndef COMMON_TUF_PRIVATE_H
#define COMMON_TUF_PRIVATE_H

#include "common/tuf/tuf.h"

/* Delegated metadata in memory. */
struct tuf_held {
	struct tuf_held *next;
	struct tuf_metadata *metadata;
	char *name;
	/* On whose word they were verified: of another's, they must be again. */
	const struct tuf_metadata *delegator;
	const struct tuf_role *role;
	uint64_t used; /* the search that used them last */
};

struct tuf {
	struct tuf_host host;
	struct tuf_settings settings;
	struct tuf_metadata *top[TUF_KIND_COUNT];
	bool is_fresh; /* the last refresh succeeded */
	struct tuf_held *held;
	uint64_t searches;
};

/* Which metadata, and who must have signed them. */
struct tuf_wanted {
	enum tuf_kind kind;
	const char *name;            /* of the role */
	const struct tuf_list *keys; /* where the role's keys are */
	const struct tuf_role *role;
};

/* ERROR_EXPIRED when they are. */
NODISCARD bool tuf_unexpired(const struct tuf *, const struct tuf_metadata *, struct error *);

/* Append the role's file from the repository; VERSION 0: without one in its name.  More
 * than MAX bytes are ERROR_MALFORMED. */
NODISCARD bool tuf_fetch(struct tuf *, const char *role, int64_t version, size_t max,
	struct buf *, bool *found, struct error *);
/* The same, and not having it is ERROR_FAILED. */
NODISCARD bool tuf_fetch_needed(struct tuf *, const char *role, int64_t version, size_t max,
	struct buf *, struct error *);
NODISCARD bool tuf_load(
	struct tuf *, const char *role, struct buf *, bool *found, struct error *);
NODISCARD bool tuf_store(
	struct tuf *, const char *role, const struct tuf_metadata *, struct error *);

/* From bytes, which are taken over, to verified metadata. */
NODISCARD bool tuf_accept(struct tuf *, const struct tuf_wanted *, struct buf *,
	struct tuf_metadata **, struct error *);
/* The stored copy, if its signatures still hold, else NULL: keys that were rotated away
 * take what they signed with them, and so end a fast-forward attack. */
NODISCARD bool tuf_load_signed(
	struct tuf *, const struct tuf_wanted *, struct tuf_metadata **, struct error *);
/* Fetch what META is about, under its version where the repository keeps all of them, and
 * verify that this is it. */
NODISCARD bool tuf_fetch_listed(struct tuf *, const struct tuf_wanted *,
	const struct tuf_meta *, struct tuf_metadata **, struct error *);
/* What the snapshot lists: from the store if that is it, else fetched and stored. */
NODISCARD bool tuf_obtain(
	struct tuf *, const struct tuf_wanted *, struct tuf_metadata **, struct error *);

/* Put the role, as files name it, before what went wrong; returns false. */
bool tuf_about(const char *role, struct error *);
/* Let go of all delegated metadata. */
void tuf_release_held(struct tuf *);

#endif
