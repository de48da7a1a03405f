/* until.h - does what the courier carries outlive the trip? */
#ifndef COURIER_UNTIL_H
#define COURIER_UNTIL_H

#include "courier/settings.h"
#include "courier/store.h"

/* "2026-12-24" (all of that day, UTC) or "2026-12-24T18:00:00Z". */
NODISCARD bool until_parse(const char *text, int64_t *unix_seconds, struct error *);

/* ERROR_EXPIRED says what ends before DATE, when, and who can renew it. */
NODISCARD bool until_covered(
	struct store *, const struct settings *, int64_t date, struct error *);

#endif
