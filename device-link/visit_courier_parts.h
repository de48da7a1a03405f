/*
 * visit_courier_parts.h - the courier's end of a visit, as its two files share it:
 * visit_courier_hear.c takes what the device says, visit_courier.c finds what there is
 * to say.
 */
#ifndef DEVICE_LINK_VISIT_COURIER_PARTS_H
#define DEVICE_LINK_VISIT_COURIER_PARTS_H

#include "device-link/visit.h"
#include "device-link/visit_wants.h"

enum {
	VISIT_KEPTS = 16,                        /* receipts kept and not yet confirmed */
	VISIT_DATA_BEST = MESSAGE_DATA_MAX - 32, /* with what surrounds it, one TLS record */
};

/* Where the conversation is; the table in visit_courier_hear.c says
 * what may come then. */
enum visit_stage {
	STAGE_GREETING,   /* until ACCEPT */
	STAGE_COLLECTING, /* receipts, until it is said what we bring */
	STAGE_SERVING,    /* the offer, until its end */
	STAGE_PARTING,    /* nothing more to do; BYE */
	STAGE_OVER,
};

struct visit_courier {
	const struct visit_courier_host *host;
	const struct session *session;
	struct message hello; /* its runs borrowed */
	enum visit_stage stage;
	enum visit_state state;
	bool greeted, parted; /* HELLO, BYE given */
	struct visit_errand errand;
	bool ended; /* a receipt ended the errand's deployment */
	bool open;  /* the device keeps it, for later */

	uint64_t next, newest;            /* sequences to ask for; none when NEXT is over */
	uint64_t asked[MESSAGE_COLLECTS]; /* and not answered */
	size_t asked_count;
	uint64_t kept[VISIT_KEPTS]; /* to be confirmed */
	size_t kept_count;

	struct visit_wants wants;
	uint64_t sent;              /* end of the last piece of the artifact */
	struct message_state phase; /* its runs lie in the two below */
	struct buf deployment, text;
	uint8_t data[VISIT_DATA_BEST];
};

/* Remove what is at INDEX of a queue of *COUNT sequences. */
void visit_courier_drop(uint64_t *at, size_t *count, size_t index);

/* Is this the deployment that we bring? */
bool visit_courier_is_errand(const struct visit_courier *, struct bytes deployment);

#endif
