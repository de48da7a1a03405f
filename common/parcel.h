/*
 * parcel.h - an assignment on its way: the states of a parcel, and the one table
 * that says how they change.
 */
#ifndef COMMON_PARCEL_H
#define COMMON_PARCEL_H

#include "common/bytes.h"

enum parcel_state {
	PARCEL_WANTED,    /* assigned; not fetched whole, or not verified */
	PARCEL_READY,     /* fetched and verified */
	PARCEL_OFFERED,   /* a device has begun to take it */
	PARCEL_INSTALLED, /* the device says INSTALLED: needs another contact */
	PARCEL_ANSWERED,  /* a terminal receipt is in the store */
	PARCEL_REPORTED,  /* the server has the outcome */
	PARCEL_KEPT,    /* terminal, but the server refuses the report: kept with the reason */
	PARCEL_DROPPED, /* withdrawn, unverifiable or displaced before a device took it */
};

enum parcel_event {
	PARCEL_FETCHED,   /* whole and verified */
	PARCEL_TAKEN,     /* the device asked for its first byte */
	PARCEL_IN_PLACE,  /* INSTALLED receipt */
	PARCEL_OUTCOME,   /* terminal receipt */
	PARCEL_UPLOADED,  /* the server took the outcome */
	PARCEL_DECLINED,  /* the server will not take it: aborted, decommissioned */
	PARCEL_WITHDRAWN, /* the server took the assignment back; nothing was installed */
	PARCEL_SPOILED,   /* the artifact does not verify */
	PARCEL_LOST,      /* its blob must be fetched again (expired, damaged), or the
			   * server assigns again what had been dropped */
	PARCEL_RETRIED,   /* deliver --retry after a failure not yet reported */
};

const char *parcel_state_name(enum parcel_state); /* "wanted", ... */
NODISCARD bool parcel_state_parse(const char *, enum parcel_state *, struct error *);

/* The only place where states change; false (ERROR_USAGE) leaves *STATE alone.  No
 * state refuses PARCEL_IN_PLACE and PARCEL_OUTCOME: what a device signed is kept. */
NODISCARD bool parcel_next(enum parcel_state *, enum parcel_event, struct error *);

#endif
