/*
 * link_memory.h - a cable without hardware, in virtual time: two ends joined, each
 * way as slow and as long as wanted.
 *
 * Like a serial cable it does not tell an end that nobody is at the other, and what
 * was on the way when an end was closed is still read by who opens it next.
 */
#ifndef TESTS_LINK_MEMORY_H
#define TESTS_LINK_MEMORY_H

#include "device-link/link.h"

struct cable_settings {
	uint32_t rate;     /* bytes per second each way, 0: no limit */
	unsigned delay_ms; /* from one end to the other */
	size_t room;       /* bytes written that wait for the line; 0: 4096 */
};

struct cable;

NODISCARD bool cable_new(const struct cable_settings *, struct cable **, struct error *);
/* Both ends' links must be closed by then. */
void cable_free(struct cable *);
void cable_cleanup(struct cable **);

/* A link at end 0 or 1; what the other end writes arrives there. */
NODISCARD bool cable_plug(struct cable *, int end, struct link **, struct error *);
/* Every link plugged so far is gone, with all that was on the way. */
void cable_cut(struct cable *);

int64_t cable_now_ms(const struct cable *);
/* When a byte arrives next, or room is made; INT64_MAX: never. */
int64_t cable_next_ms(const struct cable *);
void cable_advance(struct cable *, int64_t to_ms);

/* All bytes that END ever wrote; drop them as you like. */
struct buf *cable_written(struct cable *, int end);
/* Put bytes on the cable as if END had written them. */
NODISCARD bool cable_inject(struct cable *, int end, struct bytes, struct error *);

#endif
