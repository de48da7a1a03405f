/*
 * deliver_line.h - one cable: open it, wait for a device, visit it as often as it takes.
 */
#ifndef COURIER_DELIVER_LINE_H
#define COURIER_DELIVER_LINE_H

#include "courier/deliver_host.h"

struct deliver_line {
	/* given */
	struct store *store;
	const struct settings *settings;
	const struct deliver_options *options;
	const struct deliver_papers *papers;
	const char *address;
	bool named; /* the person asked for this cable, or a person's device may be on it */
	size_t row, rows; /* of the progress display */
	void (*report)(struct deliver_line *, const struct deliver_progress *);
	void *self; /* for report() */

	/* what became of it */
	bool spoke; /* a device was heard, or there is something to say of the cable */
	struct deliver_result result;
	struct deliver_host host; /* owns what the result borrows */
	char reason[512];
};

/* Serve the cable to its end.  Fills the result; cannot fail. */
void deliver_line_serve(struct deliver_line *);
void deliver_line_done(struct deliver_line *);

#endif
