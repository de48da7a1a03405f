/*
 * marks.h - what only ever rises: time floor, CRL number, update counter, sequence of
 * directions; and the nonce without which nothing lowers the floor.
 */
#ifndef DEVICE_LINK_AGENT_MARKS_H
#define DEVICE_LINK_AGENT_MARKS_H

#include "common/json.h"
#include "common/signed_time.h"
#include "common/tuf/carried.h"

/* Of the TUF repository, beside the files of tuf_store.h. */
struct marks_tuf {
	int64_t issued; /* the x-issued that moved the floor last: each does once */
	struct carried_mark mark;
	int64_t versions[TUF_KIND_COUNT]; /* trusted last: to be told, not to judge by */
};

struct marks {
	int64_t floor;    /* Unix seconds; 0: never set */
	int64_t crl;      /* the highest CRL number seen */
	uint64_t counter; /* of the newest artifact that was confirmed */
	bool has_nonce;
	uint8_t nonce[SIGNED_TIME_NONCE]; /* for the operator's next signed time */
	struct marks_tuf tuf;
};

/* The file at PATH; a missing one is all zero, and one of an older agent without nonce or
 * tuf. */
NODISCARD bool marks_load(const char *path, struct marks *, struct error *);
/* Durable.  Needs no room when the file holds them already. */
NODISCARD bool marks_save(const char *path, const struct marks *, struct error *);

/* As members of OBJECT, to and from. */
void marks_add_tuf(struct json *object, const struct carried_mark *,
	const int64_t versions[TUF_KIND_COUNT]);
NODISCARD bool marks_read_tuf(const struct json *object, struct carried_mark *,
	int64_t versions[TUF_KIND_COUNT], struct error *);

/* A nonce that was never used. */
NODISCARD bool marks_new_nonce(struct marks *, struct error *);

#endif
