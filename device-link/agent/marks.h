/* marks.h - what only ever rises: time floor, CRL number, update counter. */
#ifndef DEVICE_LINK_AGENT_MARKS_H
#define DEVICE_LINK_AGENT_MARKS_H

#include "common/bytes.h"

struct marks {
	int64_t floor;    /* Unix seconds; 0: never set */
	int64_t crl;      /* the highest CRL number seen */
	uint64_t counter; /* of the newest artifact that was confirmed */
};

/* The file at PATH; a missing one is all zero. */
NODISCARD bool marks_load(const char *path, struct marks *, struct error *);
NODISCARD bool marks_save(const char *path, const struct marks *, struct error *);

#endif
