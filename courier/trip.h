/*
 * trip.h - what is known of one device between two syncs: the newest it said of
 * itself, what is carried for it, and what waits to be uploaded.
 */
#ifndef COURIER_TRIP_H
#define COURIER_TRIP_H

#include "courier/receipt_gaps.h"
#include "courier/store.h"

struct trip_device {
	const struct store_device *device; /* borrowed */
	struct crypto_public *key;         /* NULL: not known */
	bool has_inventory;
	struct inventory inventory; /* the newest it signed */
	bool has_newest;
	struct receipt newest; /* its newest terminal outcome here, verified or not */
	char running[ARTIFACT_NAME_MAX + 1]; /* artifact, as far as known; may be empty */
	bool has_parcel;
	struct store_parcel parcel; /* the open one */
	unsigned unsent,
		unverified; /* receipts the server lacks; of these, of no certified key */
	struct receipt_gaps gaps;
};

NODISCARD bool trip_look(
	struct store *, const struct store_device *, struct trip_device *, struct error *);
void trip_device_done(struct trip_device *); /* zero is fine */

/*
 * The newest inventory that DEVICE signed with KEY (NULL: none is found): the one of
 * its last visit, or one that came with a receipt that is newer.
 */
NODISCARD bool trip_inventory(struct store *, const struct store_device *,
	const struct crypto_public *key, struct inventory *, bool *found, struct error *);

/* Which of DEVICE's receipts are missing here; NEWEST: an inventory it signed, NULL none. */
NODISCARD bool trip_gaps(struct store *, const struct store_device *,
	const struct inventory *newest, struct receipt_gaps *, struct error *);

/* As it said, or the operator; empty: not known. */
const char *trip_device_type(const struct trip_device *);

/* Must a TUF repository vouch for what the device installs? */
enum trip_tuf {
	TRIP_TUF_UNKNOWN, /* it was never visited */
	TRIP_TUF_IGNORED,
	TRIP_TUF_DEMANDED,
};

enum trip_tuf trip_tuf(const struct trip_device *);

/* Where the device is in this trip. */
enum trip_standing {
	TRIP_NOTHING,     /* nothing is carried for it */
	TRIP_OUTSTANDING, /* something is, and it is not over */
	TRIP_DONE,        /* confirmed, not yet uploaded */
	TRIP_FAILED,      /* over, but not confirmed; not yet uploaded */
};

enum trip_standing trip_standing(const struct trip_device *);

/* Call VISIT for each device named (as by store_find_device()), or for all when NAMES
 * is empty (ended by NULL); SERVED: only those that are. */
NODISCARD bool trip_each(struct store *, char *const *names, bool served,
	bool (*visit)(void *self, const struct trip_device *, struct error *), void *self,
	struct error *);

#endif
