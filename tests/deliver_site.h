/*
 * deliver_site.h - a courier's store, the operator's bundle in it, and devices on cables:
 * all that deliver_run() needs, and what it told.
 */
#ifndef TESTS_DELIVER_SITE_H
#define TESTS_DELIVER_SITE_H

#include "courier/control.h"
#include "courier/deliver.h"
#include "tests/deliver_device.h"
#include "tests/store_home.h"

enum {
	SITE_DEVICES = 3,
	SITE_TOLD = 4,
	SITE_ARTIFACT = 200 * 1000, /* bytes */
	SITE_BAUD = 4000000,
	SITE_WAIT_S = 20, /* for what must come; for what will not, a test says less */
};

/* A result, with its texts. */
struct told {
	struct deliver_result result;
	char device[CERTIFICATE_ID_MAX + 1], label[64], link[PATH_MAX + 96], artifact[64];
	char before[64], after[64], reason[512];
};

struct site {
	struct fleet fleet;
	struct party anna;
	struct home home;
	struct settings settings;
	struct deliver_options options;
	struct control_device listed[SITE_DEVICES];
	struct device devices[SITE_DEVICES];
	size_t device_count;
	const char *names[SITE_DEVICES], *links[SITE_DEVICES];
	char addresses[SITE_DEVICES][PATH_MAX + 96];

	struct digest digest; /* of the artifact */
	struct told told[SITE_TOLD];
	size_t told_count;
	uint64_t stop_at;      /* stop when so much was sent; 0: never */
	const char *full_when; /* the phase in which the disk is full; NULL: never */
	atomic_bool stop;
};

/* cmocka's set-up and tear-down. */
int make_site(void **state);
int end_site(void **state);

/* A device named ID ("pump-1"), enrolled with label "ID on site" when LISTED. */
struct device *site_device(struct site *, const char *id, bool certified, bool listed);
/* What the server wants for it: a parcel READY, and its artifact. */
void site_assign(struct site *, const struct device *, const char *deployment);
/* Sign the bundle, and start every device. */
void site_open(struct site *);
/* The person names this device, or this cable. */
void site_name_device(struct site *, const char *name);
void site_name_link(struct site *, const struct device *);
/* Deliver, after what was told before is forgotten. */
bool site_deliver(struct site *, struct error *);
/* What was told of ID (its id); fails the test when nothing was. */
const struct told *site_told(const struct site *, const char *id);

/* Nothing written to a file from now on arrives there; false: all does again. */
void site_disk(bool full);

enum parcel_state site_parcel(struct site *, const struct device *, const char *deployment);
/* Is receipt SEQUENCE of DEVICE in the store, byte for byte? */
void site_has_receipt(struct site *, const struct device *, const char *id, uint64_t sequence);
bool site_lacks_receipt(struct site *, const char *id, uint64_t sequence);

#endif
