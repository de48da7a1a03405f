/*
 * deliver.h - between store and devices: one thread per cable, one visit at a time on
 * each.  Nothing here knows of servers.
 */
#ifndef COURIER_DELIVER_H
#define COURIER_DELIVER_H

#include <stdatomic.h>

#include "courier/settings.h"
#include "courier/store.h"

/* How a visit ended, in one word. */
enum deliver_word {
	DELIVER_CONFIRMED,
	DELIVER_ROLLED_BACK,
	DELIVER_REFUSED,      /* the device will not have it, for ever */
	DELIVER_FAILED,       /* neither old nor new software: needs a person */
	DELIVER_UP_TO_DATE,   /* nothing to bring; receipts collected */
	DELIVER_NOT_SERVED,   /* not one of this courier's devices; receipts collected */
	DELIVER_NOT_FETCHED,  /* an assignment whose artifact is not here: sync */
	DELIVER_STAGED,       /* verified and kept there, installed when its gate lets it */
	DELIVER_WAITING,      /* its gate says later, or there is no space */
	DELIVER_ANOTHER,      /* needs another contact: it goes on by itself */
	DELIVER_MET,          /* not enrolled: its identity was taken along */
	DELIVER_IDENTIFIED,   /* it blinks */
	DELIVER_NOT_ACCEPTED, /* the device does not accept this courier */
	DELIVER_LINK_LOST,
	DELIVER_NO_DEVICE, /* nobody beaconed on a cable that was named */
	DELIVER_ERROR,     /* something failed here */
};

const char *deliver_word_text(enum deliver_word); /* "CONFIRMED", ... */

struct deliver_result {
	enum deliver_word word;
	const char *device; /* its id; empty: never met */
	const char *label;  /* NULL: none */
	const char *link;
	bool safe_to_unplug; /* all receipts are durable here, and it needs nothing more */
	bool unverified;     /* its key is not certified yet */
	const char *artifact, *deployment; /* of the errand; empty: none */
	const char *before, *after;        /* software, as far as known; may be empty */
	unsigned collected;                /* receipts kept in this run */
	unsigned percent;                  /* of the artifact given to it in this run */
	enum error_code code;
	const char *reason; /* for people; empty: none */
};

struct deliver_progress {
	const char *device, *label; /* device empty: not met yet; label NULL: none */
	const char *link;
	const char *phase;   /* "receiving", ... */
	uint64_t sent, size; /* bytes of the artifact: what the device has, of all */
	uint64_t resumed;    /* where this conversation began */
	uint64_t rate;       /* bytes per second, measured; 0: not yet */
	uint64_t line_rate;  /* of the cable; 0: not known */
	size_t row, rows;
};

struct deliver_options {
	const char *const *devices; /* only these: names as in store_find_device() */
	size_t device_count;
	const char *const *links; /* only these addresses; none: those of the settings */
	size_t link_count;
	bool retry, stage, identify;
	int wait_s;
	const atomic_bool *stop; /* NULL never; true: end in order */
	/* Called from any thread, one at a time. */
	void (*done)(void *self, const struct deliver_result *);
	void (*progress)(void *self, const struct deliver_progress *);
	void *self;
};

/* Serve them all.  ERROR_NOTHING: nobody beaconed; ERROR_PARTIAL: several did and some
 * failed; with one device its own code. */
NODISCARD bool deliver_run(struct store *, const struct settings *,
	const struct deliver_options *, struct error *);

#endif
