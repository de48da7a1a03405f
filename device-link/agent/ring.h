/*
 * ring.h - the receipts of this device, the last 256 of them.
 *
 * Of each there are three files, NUMBER.log, NUMBER.inventory and NUMBER.receipt; the
 * last is written last and makes it exist.  Nothing a courier says deletes one.
 */
#ifndef DEVICE_LINK_AGENT_RING_H
#define DEVICE_LINK_AGENT_RING_H

#include <limits.h>

#include "common/statement.h"
#include "device-link/message.h"

/* Refusals cost a courier nothing, outcomes cost an installation: so that the first never push
 * out the second, there is room for so many REFUSED ones and no more. */
enum {
	RING_REFUSED_MAX = MESSAGE_RING / 2,        /* in all */
	RING_REFUSED_OF_ONE_MAX = MESSAGE_RING / 8, /* that one courier brought about */
};

/* What is remembered of each receipt. */
struct ring_entry {
	uint64_t sequence;
	bool readable; /* false: it is damaged, or of a former key; what follows is not set */
	bool damaged;  /* nobody can read it: it counts as one that is not there */
	char deployment[STATEMENT_DEPLOYMENT_MAX + 1];
	struct digest digest; /* of the artifact file */
	enum outcome outcome;
	char courier[CERTIFICATE_ID_MAX + 1]; /* who brought it */
};

struct ring {
	char directory[PATH_MAX];
	struct ring_entry at[MESSAGE_RING]; /* ascending */
	size_t count;
	struct digest previous; /* of the newest envelope; zero: none */
};

/* Read the ring in DIRECTORY, which is made if need be; KEY is the device's. */
NODISCARD bool ring_load(
	struct ring *, const char *directory, const struct crypto_public *key, struct error *);

uint64_t ring_oldest(const struct ring *); /* 0: none */
uint64_t ring_newest(const struct ring *); /* 0: none */

/* Sign RECEIPT, whose sequence is ring_newest() + 1, and keep it durably with what
 * belongs to it; fills in its digests.  The oldest goes when there are too many. */
NODISCARD bool ring_append(struct ring *, struct receipt *, const struct crypto_key *,
	struct bytes log, struct bytes inventory, struct error *);

/* Is there room for a refusal of what COURIER brought?  Without it no receipt is made, so that
 * there is no gap in the numbers. */
bool ring_may_refuse(const struct ring *, const char *courier);

/* The files of one receipt, appended; *FOUND false when the ring does not have it. */
NODISCARD bool ring_read(const struct ring *, uint64_t sequence, struct buf *envelope,
	struct buf *log, struct buf *inventory, bool *found, struct error *);

/* The newest receipt of a deployment with this artifact; NULL: none.  Borrowed. */
const struct ring_entry *ring_find(
	const struct ring *, const char *deployment, const struct digest *artifact);
/* Was anything of the deployment installed, or tried to be?  What was only refused binds
 * nobody: any courier can offer nonsense under the id of a deployment. */
bool ring_was_tried(const struct ring *, const char *deployment);

#endif
