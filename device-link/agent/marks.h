/*
 * marks.h - what only ever rises: time floor, CRL number, update counter; and the nonce
 * without which nothing lowers the floor.
 */
#ifndef DEVICE_LINK_AGENT_MARKS_H
#define DEVICE_LINK_AGENT_MARKS_H

#include "common/signed_time.h"

struct marks {
	int64_t floor;    /* Unix seconds; 0: never set */
	int64_t crl;      /* the highest CRL number seen */
	uint64_t counter; /* of the newest artifact that was confirmed */
	bool has_nonce;
	uint8_t nonce[SIGNED_TIME_NONCE]; /* for the operator's next signed time */
};

/* The file at PATH; a missing one is all zero, and one of an older agent without nonce. */
NODISCARD bool marks_load(const char *path, struct marks *, struct error *);
NODISCARD bool marks_save(const char *path, const struct marks *, struct error *);

/* A nonce that was never used. */
NODISCARD bool marks_new_nonce(struct marks *, struct error *);

#endif
