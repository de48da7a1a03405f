/*
 * deliver_device.h - a device in a thread of its own at the far end of a pty: a real
 * channel and a real visit, with a host that keeps its facts in memory and behaves as
 * the test says.
 *
 * Fill in what stands before "what became of it", start, deliver, stop; only then look
 * at what became of it.
 */
#ifndef TESTS_DELIVER_DEVICE_H
#define TESTS_DELIVER_DEVICE_H

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>

#include "common/statement.h"
#include "device-link/channel.h"
#include "device-link/visit.h"
#include "tests/fleet.h"

enum { DEVICE_RECEIPTS = 8, DEVICE_SAYINGS = 8, DEVICE_CUTS = 8 };

/* What it makes of an offer. */
enum device_manner {
	DEVICE_INSTALLS, /* receives, then signs the outcome */
	DEVICE_RESTARTS, /* receives, restarts, then signs the outcome */
	DEVICE_STAGES,   /* receives, and keeps it for later */
	DEVICE_WAITS,    /* its gate says later */
	DEVICE_EXPIRED,  /* the metadata that came with the offer are too old for it */
	DEVICE_LINGERS,  /* receives, and installs for ever */
};

struct device_receipt {
	struct buf envelope, log, inventory;
	char deployment[STATEMENT_DEPLOYMENT_MAX + 1];
	struct digest digest;
	bool kept;
};

struct device {
	const struct fleet *fleet;
	struct party party;
	bool certified;
	char id[CERTIFICATE_ID_MAX + 1];
	const char *serial; /* of its identity */
	enum device_manner manner;
	enum outcome outcome;
	enum message_refusal refuses; /* 0: it accepts */
	const char *prompt;           /* says this to whoever listens, and no more */
	bool silent;                  /* says nothing at all */
	bool busy;                    /* beacons that nobody should open */
	bool garbles_logs;            /* gives a log that is not the receipt's */
	bool hangs_up;                /* once, when its receipt is kept */
	struct party *heir;           /* whose the cable is once it was pulled; NULL: its own */
	const char *heir_id;
	bool slow;                /* takes its time for each piece */
	bool forgets;             /* drops what it received when the cable goes */
	uint64_t cut_at;          /* pulls the cable when so much came; 0: never */
	bool cut_for_good;        /* and nobody plugs it in again */
	char path[PATH_MAX + 80]; /* a symlink to its pty */

	/* what became of it */
	struct buf artifact;         /* received */
	uint64_t began[DEVICE_CUTS]; /* how much it had when each offer came */
	size_t offers;
	uint8_t flags;  /* of the last */
	bool authentic; /* what it received is what was offered */
	struct device_receipt receipts[DEVICE_RECEIPTS];
	size_t receipt_count;
	struct error why; /* what ended its last conversation, when it was not BYE */
	unsigned conversations;

	/* its own */
	pthread_t thread;
	bool started;
	atomic_bool stop;
	int master, slave;
	struct session_identity identity;
	struct channel *channel;
	struct visit_device *visit;
	struct visit_device_host host;
	char deployment[STATEMENT_DEPLOYMENT_MAX + 1];
	struct digest digest;
	uint64_t size, asked;
	bool due; /* installed, to be restarted, and not signed */
	int64_t restart_ms;
	struct message says[DEVICE_SAYINGS];
	size_t say_count;
	struct buf accept_inventory, accept_identity;
};

/* Make its key; DEVICE holds what is before "what became of it", but for the party. */
void device_init(struct device *);
void device_start(struct device *);
void device_stop(struct device *); /* its thread has ended when this returns */
void device_done(struct device *);

/* Sign a receipt that no courier has, for DEPLOYMENT. */
void device_sign(struct device *, const char *deployment, enum outcome);

#endif
