/*
 * sync.h - between servers and store: bring outcomes home, fetch what is wanted.
 *
 * Repositories are refreshed first.  Then for each device, in this order: final status,
 * log, inventory (in the server's own order), then next, claim, fetch, verify.  Devices go
 * through a pool of threads; an artifact that several want crosses once.  Nothing here knows of
 * cables.
 */
#ifndef COURIER_SYNC_H
#define COURIER_SYNC_H

#include "courier/mandate.h"
#include "courier/output.h"
#include "courier/settings.h"
#include "courier/store.h"

/* What became of one device. */
struct sync_result {
	const char *device;
	unsigned reported;    /* outcomes the server took */
	unsigned kept;        /* outcomes the server will not have: kept here */
	bool carrying;        /* there is a parcel, READY */
	bool changed;         /* anything at all happened */
	const char *artifact; /* of the parcel; NULL none */
	uint64_t size;
	const char *repository; /* that vouches for it; NULL none */
	int64_t until;          /* as long as it does, Unix seconds */
	const char *limit;      /* the role that ends then */
	enum error_code code;   /* ERROR_NONE: fine */
	const char *problem;    /* for people; NULL none */
};

/* What became of one repository. */
struct sync_repository_result {
	const char *name;
	bool fresh; /* all of it was verified: */
	struct repository_facts facts;
	uint64_t control; /* number of a control bundle that was taken in; 0 none */
	enum error_code code;
	const char *problem; /* NULL none */
};

struct sync_options {
	bool metadata_only;         /* fetch what repositories sign, and nothing else */
	const char *const *devices; /* names; NULL: all */
	size_t device_count;
	/* Called from any thread, one at a time. */
	void (*done)(void *self, const struct sync_result *);
	void (*repository)(void *self, const struct sync_repository_result *);
	void (*progress)(void *self, const char *device, uint64_t got, uint64_t size);
	void *self;
};

/* ERROR_PARTIAL: some failed; ERROR_UNAUTHORISED: all were refused; ERROR_NOTHING:
 * no device is known. */
NODISCARD bool sync_run(
	struct store *, const struct settings *, const struct sync_options *, struct error *);

#endif
