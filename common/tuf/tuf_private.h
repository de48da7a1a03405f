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

/* ERROR_EXPIRED when it is. */
NODISCARD bool tuf_unexpired(const struct tuf *, const struct tuf_metadata *, struct error *);
/* What the snapshot lists: from the store if that is it, else fetched and stored. */
NODISCARD bool tuf_obtain(
	struct tuf *, const struct tuf_wanted *, struct tuf_metadata **, struct error *);
/* Let go of all delegated metadata. */
void tuf_release_held(struct tuf *);

#endif
