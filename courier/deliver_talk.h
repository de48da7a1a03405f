/*
 * deliver_talk.h - inside deliver_line: one conversation with the device, and what is
 * said of it in the end.
 */
#ifndef COURIER_DELIVER_TALK_H
#define COURIER_DELIVER_TALK_H

#include "courier/deliver_line.h"
#include "device-link/channel.h"

/* How one conversation ended. */
enum ending {
	ENDED_DONE,      /* both said BYE */
	ENDED_REBOOTING, /* the device restarts */
	ENDED_BROKEN,    /* the conversation broke; the cable may still be there */
	ENDED_UNPLUGGED, /* the cable is gone */
	ENDED_SILENT,    /* nobody spoke until the deadline */
	ENDED_WRONG,     /* refused, or something failed that another try cannot mend */
	ENDED_STOPPED,   /* the person wants to stop */
};

struct talk {
	struct deliver_line *line;
	struct channel *channel;
	struct visit_courier *visit;
	struct visit_courier_host host;
	struct session_identity identity;
	struct message_hello hello;
	int64_t until_ms;   /* for a device to be heard */
	int64_t parting_ms; /* the visit is over: the time by which all must be said */
	enum ending ending;
	struct error why;
	/* what is shown of it */
	const char *phase; /* NULL: nothing yet */
	uint64_t sent, size;
	int64_t shown_ms;
	/* the transfer, since its first byte in this conversation */
	bool began;
	int64_t began_ms;
	uint64_t began_at;    /* offset in the artifact */
	uint64_t began_acked; /* bytes of the stream the device then had */
	bool away;            /* it restarts, and has not been heard since */
	bool peer_busy;       /* it beacons, but nobody should open */
};

int64_t deliver_clock_ms(void); /* monotonic */
bool deliver_stopped(const struct deliver_line *);

/* Converse until it ends, one way or another; talk->ending and talk->why say how. */
void deliver_talk(struct talk *);
/* Note how it ended, and by when all must be said. */
void deliver_talk_end(struct talk *, enum ending, const struct error *why);
/* For the host: how far it is. */
void deliver_talk_show(struct deliver_host *, const char *phase, uint64_t sent, uint64_t size);

/* Fill the line's result from how the last conversation ended. */
void deliver_say(struct talk *);

#endif
