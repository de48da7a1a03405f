/*
 * tuf_carry.h - what a courier carries for one device, made from the repository of
 * tuf_office.h: change what it says, publish, pack.
 */
#ifndef TESTS_TUF_CARRY_H
#define TESTS_TUF_CARRY_H

#include "common/direction.h"
#include "common/tuf/tuf_set.h"
#include "tests/tuf_office.h"

struct carry {
	struct office office;
	struct office_state state;
	struct direction direction;      /* one artifact, to begin with */
	char at[CERTIFICATE_ID_MAX + 1]; /* whose path it is published under */
	bool undirected;                 /* no direction at all */
	const char *others;              /* more targets, a comma before them; NULL: none */
	struct buf content;              /* the direction as it was published last */
};

/* A repository at version 1 of everything, that directs DEVICE to the artifact. */
void carry_new(struct carry *, const char *device, const char *deployment, const char *path,
	const struct digest *, uint64_t size);
void carry_done(struct carry *);

/* Sign and serve all of it as it is now. */
void carry_publish(struct carry *);
/* The same, a version of timestamp, snapshot and targets further. */
void carry_publish_next(struct carry *);
/* All that is served, but roots above ROOTS (0: none is left out); appended. */
void carry_pack(struct carry *, int64_t roots, struct buf *set);

#endif
