/*
 * link.h - a cable: bytes in, bytes out, never blocking, plus a way to wait.
 *
 * A link promises nothing about message boundaries, integrity or secrecy; the
 * layers above add those.  To add a kind of link, write one file that defines a
 * struct link_kind and name it in the table in link.c.
 */
#ifndef DEVICE_LINK_LINK_H
#define DEVICE_LINK_LINK_H

#include <poll.h>

#include "common/bytes.h"

struct link;

struct link_kind {
	const char *name;    /* what comes before ':' in an address */
	const char *address; /* what comes after, for the usage message */

	/* Open the cable at ADDRESS for ourselves alone.  May block for at most a few
	 * seconds.  ERROR_BUSY if somebody else has it. */
	bool (*open)(const char *address, struct link **, struct error *);

	/* Write what the cable takes now, *done bytes, perhaps none.  ERROR_LINK when
	 * it is gone. */
	bool (*write)(struct link *, struct bytes, size_t *done, struct error *);

	/* Read what has come, at most ROOM bytes, perhaps none.  ERROR_LINK when the
	 * cable is gone. */
	bool (*read)(struct link *, uint8_t *at, size_t room, size_t *got, struct error *);

	/* Append the descriptors to wait on, and for what, to FDS[*COUNT..ROOM): the
	 * caller polls.  WRITING says that the caller has bytes left to write.
	 * Returns false when there is no room. */
	bool (*poll)(
		struct link *, bool writing, struct pollfd *fds, size_t *count, size_t room);

	/* Bytes per second each way if the cable has a fixed rate, 0 if not known. */
	uint32_t (*rate)(const struct link *);

	/* Close and free.  Never fails, never waits for output to drain. */
	void (*close)(struct link *);
};

/* Every implementation's own struct begins with this one. */
struct link {
	const struct link_kind *kind;
};

extern const struct link_kind link_serial;

/* Open ADDRESS, such as "serial:/dev/ttyUSB0" or "serial:/dev/ttyUSB0,9600".  A
 * path without a kind is a serial line. */
NODISCARD bool link_open(const char *address, struct link **, struct error *);
void link_close(struct link *); /* NULL does nothing */
void link_cleanup(struct link **);

#endif
