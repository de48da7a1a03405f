/*
 * carried.h - is what was carried to a device reason enough to install an artifact?
 *
 * The client of tuf.h over a set of tuf_set.h, and what is asked of it then: does the
 * repository direct this very device to this very artifact?  The same code decides on the
 * device and rehearses on the courier.  Pure, but for what the host loads and stores.
 *
 * A host loads "root.json", "timestamp.json" and "snapshot.json" as they were stored last,
 * and stores those three, verified: they are what a later set must not be older than, and
 * nothing else is kept of a set that is not good as a whole.  Roots come one by one.  Its
 * fetch is not used; without store nothing is kept.
 */
#ifndef COMMON_TUF_CARRIED_H
#define COMMON_TUF_CARRIED_H

#include "common/direction.h"
#include "common/tuf/tuf.h"
#include "common/tuf/tuf_set.h"

/* The newest direction seen: an older one serves no more. */
struct carried_mark {
	uint64_t sequence;       /* 0: none yet */
	struct digest direction; /* SHA-256 of it; zeros: not known */
	/* Of whom the timestamp and snapshot were then; zeros: not known.  When others have
	 * taken over the mark is void, for it may have been set by a thief of the old keys. */
	struct digest keys;
};

struct carried_question {
	const char *device, *device_type;
	const char *deployment;
	struct digest digest; /* of the artifact */
	uint64_t size;        /* bytes of it */
	bool directed;        /* a direction is demanded; else being a target is enough */
	int64_t now;          /* the time of reference */
	struct carried_mark mark;
	/* A rehearsal has no files of the device, but knows the versions it has; 0: not
	 * known. */
	int64_t seen[TUF_KIND_COUNT];
};

struct carried_answer {
	int64_t versions[TUF_KIND_COUNT]; /* now trusted; 0: it did not come that far */
	struct carried_mark mark;         /* of the direction, as it is now */
	struct tuf_hashes hashes;         /* that the artifact must have */
	char path[TUF_SET_NAME_MAX + 1];  /* its target; empty: none found */
	int64_t valid_until;              /* of all metadata that were needed */
	char role[TUF_NAME_MAX + 1];      /* whose end that is, as files name it */
};

/*
 * Refresh, then find the direction: it must be a target, its content that target, name the
 * device and the deployment, and not be older than the mark; then the artifact that it
 * names for the device's type, which must be a target itself, and the one asked about.
 *
 *	ERROR_EXPIRED       authentic, but out of date
 *	ERROR_ROLLBACK      older than what was seen before (see carried_is_older())
 *	ERROR_SIGNATURE     not signed by those who must; or the artifact is another one
 *	ERROR_WRONG_DEVICE  nothing directs this device, or not this type of device
 *	ERROR_CONTACT       it is directed to another deployment
 *	ERROR_MALFORMED     no metadata at all, over a limit, several artifacts for one device
 *	ERROR_FAILED        something is missing in the set
 *
 * ANSWER is filled as far as it came, also on failure.
 */
NODISCARD bool carried_judge(const struct tuf_set *, const struct tuf_host *,
	const struct carried_question *, struct carried_answer *, struct error *);

/* When the newest of the top-level metadata in the set were signed, as they say (member
 * x-issued; 0: they do not), whatever time it is and whatever was seen before: what raises
 * a time floor before expiry is judged.  Roots are stored. */
NODISCARD bool carried_issued(
	const struct tuf_set *, const struct tuf_host *, int64_t *issued, struct error *);

/* After ERROR_ROLLBACK or ERROR_SIGNATURE: is the set authentic, but of an earlier time than
 * the VERSIONS (of an answer) that were trusted before?  HOST loads the root that all began
 * with.  Whoever brings it is late, not hostile. */
NODISCARD bool carried_is_older(const struct tuf_set *, const struct tuf_host *,
	const int64_t versions[TUF_KIND_COUNT], bool *older, struct error *);

#endif
