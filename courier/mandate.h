/*
 * mandate.h - what repositories say of one device's parcel: who directs the device to it,
 * who vouches for the artifact, and until when.
 *
 * The device judges all of it again (common/tuf/carried.h); here it is found out early,
 * and what the device will need is put together.
 */
#ifndef COURIER_MANDATE_H
#define COURIER_MANDATE_H

#include "common/direction.h"
#include "courier/repository.h"
#include "courier/settings.h"
#include "courier/trip.h"

/* Repositories, in the order of courier.conf(5). */
struct mandate_sources {
	struct repository *const *at; /* NULL among them: not to be had */
	struct http *const *http;     /* a connection to each; NULL: only what is kept */
	size_t count;
};

/* What is to be vouched for. */
struct mandate_errand {
	const char *device;
	const char *device_type; /* empty: not known */
	const char *deployment;
	const char *artifact_name;   /* as the server calls it */
	const struct digest *digest; /* of the artifact that is here; NULL: none yet */
	uint64_t size;
};

struct mandate {
	bool found;       /* some repository speaks of it: */
	size_t source;    /* which */
	bool is_directed; /* by a direction, of this sequence: */
	uint64_t sequence;
	char path[DIRECTION_TARGET_MAX + 1]; /* target path of the artifact */
	struct digest digest;                /* of the artifact that is vouched for */
	uint64_t size;
	int64_t until;               /* Unix seconds */
	char role[TUF_NAME_MAX + 1]; /* that ends then */
	struct error why;            /* why no device would take it; code NONE: fine */
};

/* Find out, fetching what is needed.  What no device would take is success, with *OUT saying
 * why; false is trouble with repository or store. */
NODISCARD bool mandate_find(const struct mandate_sources *, const struct mandate_errand *,
	struct mandate *, struct error *);
/* The same for the open parcel of a trip's device. */
NODISCARD bool mandate_for(const struct mandate_sources *, const struct trip_device *,
	struct mandate *, struct error *);
/* Once the artifact is here: is it the one vouched for?  Sets WHY if not. */
void mandate_compare(struct mandate *, const struct digest *, uint64_t size);

/* Append, as object METADATA of courier-link(7), what the device needs to judge for itself:
 * every root, and of the rest of what is kept what leads to its direction and artifact. */
NODISCARD bool mandate_pack(struct repository *kept, const char *device, const struct mandate *,
	struct buf *set, struct error *);

/* What a device would say to it at DATE: its own judgement of the set it would be brought.
 * What it would refuse goes to the mandate's WHY; false is trouble here.  SEEN: versions it
 * is known to have; 0 not known. */
struct mandate_rehearsal {
	const char *device, *device_type, *deployment;
	const struct digest *digest; /* of the artifact */
	uint64_t size;
	bool directed;     /* it demands a direction */
	uint64_t sequence; /* the highest it has seen; 0 none */
	int64_t seen[TUF_KIND_COUNT];
	int64_t date;
};

NODISCARD bool mandate_rehearse(struct repository *kept, const struct mandate_rehearsal *,
	struct mandate *, struct error *);

/* ---- what is kept ---- */

/* Fill SET, which is empty, for the open parcel of a trip's device; it stays empty when no
 * repository speaks of it, or what it says was not fetched: the device then says what it
 * misses. */
NODISCARD bool mandate_bring(struct store *, const struct settings *,
	const struct trip_device *, struct buf *set, struct error *);

/* All that is kept of the repositories in the settings; nothing once the acting key was
 * wiped. */
struct mandate_kept {
	struct repository *at[SETTINGS_REPOSITORIES_MAX];
	size_t count;
	struct error why; /* what could not be opened; code NONE: nothing */
};

NODISCARD bool mandate_open_kept(
	struct store *, const struct settings *, struct mandate_kept *, struct error *);
void mandate_close_kept(struct mandate_kept *); /* zero is fine */
struct mandate_sources mandate_sources_kept(const struct mandate_kept *);

#endif
