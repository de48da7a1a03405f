/*
 * rehearsal.h - what would happen on site, as far as it can be known now: the device's
 * own decision code on the last facts it signed, and our own papers.
 */
#ifndef COURIER_REHEARSAL_H
#define COURIER_REHEARSAL_H

#include "courier/control.h"
#include "courier/mandate.h"
#include "courier/settings.h"
#include "courier/trip.h"

enum { REHEARSAL_BLOCKERS_MAX = 8 };

struct rehearsal_blocker {
	enum error_code code;
	char why[512];
};

struct rehearsal {
	bool deliverable;       /* there is something to bring, or to ask for */
	bool rehearsed;         /* with facts the device signed */
	int64_t wire_s;         /* of the artifact on the slowest configured line */
	int64_t until;          /* nothing of it works after that, Unix seconds: */
	const char *repository; /* because of this one's role LIMIT; NULL: our certificate */
	char limit[TUF_NAME_MAX + 1];
	bool is_vouched; /* by a repository */
	struct rehearsal_blocker blockers[REHEARSAL_BLOCKERS_MAX];
	size_t blocker_count;
};

/* What our own papers say of us: read once for all devices. */
struct rehearsal_papers {
	struct certificate_holder us;
	bool revoked;
	struct mandate_kept kept; /* of repositories */
};

void rehearsal_papers_done(struct rehearsal_papers *); /* zero is fine */

NODISCARD bool rehearsal_read_papers(struct store *, const struct settings *,
	const struct control *, struct rehearsal_papers *, struct error *);

/* DATE: when the visit may be at the latest, Unix seconds. */
NODISCARD bool rehearsal_make(const struct rehearsal_papers *, const struct settings *,
	const struct trip_device *, int64_t date, struct rehearsal *, struct error *);

#endif
