#include <stdio.h>
#include <string.h>

#include "courier/trip.h"

/* ---- the newest inventory ---- */

struct newer {
	const struct crypto_public *key;
	struct inventory inventory;
	bool found;
	uint64_t sequence; /* of the receipt it came with, or that it knows of */
};

/* What came with a receipt that the other does not know of is newer. */
static bool take_newer(void *self, const struct store_receipt *receipt, struct error *err)
{
	struct newer *const newer = self;
	struct inventory inventory = {0};
	struct error ignored = {0};

	(void)err;
	if (!receipt->verified || receipt->inventory.len == 0
		|| receipt->sequence <= newer->sequence
		|| !inventory_open(
			buf_bytes(&receipt->inventory), newer->key, &inventory, &ignored))
		return true;
	inventory_free(&newer->inventory);
	newer->inventory = inventory;
	newer->found = true;
	newer->sequence = receipt->sequence;
	return true;
}

bool trip_inventory(struct store *store, const struct store_device *device,
	const struct crypto_public *key, struct inventory *out, bool *found, struct error *err)
{
	struct newer newer = {.key = key};
	struct error ignored = {0};

	if (key == NULL) {
		*found = false;
		return true;
	}
	if (device->inventory.len > 0)
		newer.found = inventory_open(
			buf_bytes(&device->inventory), key, &newer.inventory, &ignored);
	if (newer.found)
		newer.sequence = device->former + newer.inventory.newest;
	if (newer.sequence < device->newest
		&& !store_each_receipt(store, device->id, false, take_newer, &newer, err)) {
		inventory_free(&newer.inventory);
		return false;
	}
	if (newer.found)
		*out = newer.inventory;
	*found = newer.found;
	return true;
}

/* ---- one device ---- */

static bool look_at_receipt(void *self, const struct store_receipt *receipt, struct error *err)
{
	struct trip_device *const trip = self;
	CLEANUP(crypto_public_cleanup) struct crypto_public *key = NULL;
	struct error ignored = {0};
	struct receipt read;

	(void)err;
	receipt_gaps_add(&trip->gaps, receipt->sequence);
	trip->unsent += receipt->sent ? 0 : 1;
	trip->unverified += receipt->sent || receipt->verified ? 0 : 1;
	/* With the key the device had then. */
	if (receipt->key_pem != NULL
		&& !crypto_public_parse(bytes_of(receipt->key_pem), &key, &ignored))
		return true;

	const struct crypto_public *const signer = key == NULL ? trip->key : key;

	if (signer == NULL
		|| !receipt_open(buf_bytes(&receipt->envelope), signer, &read, &ignored)
		|| !outcome_terminal(read.outcome))
		return true;
	trip->newest = read;
	trip->has_newest = true;
	return true;
}

static void find_running(struct trip_device *trip)
{
	const char *const shipped = trip->device->artifact;
	const char *const told = trip->has_inventory
		? artifact_pairs_find(&trip->inventory.provides, "artifact_name")
		: NULL;
	const char *name = shipped == NULL ? "" : shipped;

	if (trip->has_newest && trip->newest.after[0] != 0)
		name = trip->newest.after;
	if (told != NULL)
		name = told;
	(void)snprintf(trip->running, sizeof(trip->running), "%s", name);
}

/* ---- gaps ---- */

static bool add_to_gaps(void *self, const struct store_receipt *receipt, struct error *err)
{
	(void)err;
	receipt_gaps_add(self, receipt->sequence);
	return true;
}

static void end_gaps(struct receipt_gaps *gaps, const struct store_device *device,
	const struct inventory *newest)
{
	const uint64_t signed_last = newest == NULL ? 0 : device->former + newest->newest;

	receipt_gaps_end(gaps, signed_last);
}

bool trip_gaps(struct store *store, const struct store_device *device,
	const struct inventory *newest, struct receipt_gaps *out, struct error *err)
{
	struct receipt_gaps gaps = {0};

	if (!store_each_receipt(store, device->id, false, add_to_gaps, &gaps, err))
		return false;
	end_gaps(&gaps, device, newest);
	*out = gaps;
	return true;
}

bool trip_look(struct store *store, const struct store_device *device, struct trip_device *out,
	struct error *err)
{
	CLEANUP(trip_device_done) struct trip_device trip = {.device = device};

	if (device->key_pem != NULL
		&& !crypto_public_parse(bytes_of(device->key_pem), &trip.key, err))
		return error_while(err, "%s", device->id);
	if (!trip_inventory(store, device, trip.key, &trip.inventory, &trip.has_inventory, err)
		|| !store_each_receipt(store, device->id, false, look_at_receipt, &trip, err)
		|| !store_open_parcel(store, device->id, &trip.parcel, &trip.has_parcel, err))
		return false;
	find_running(&trip);
	end_gaps(&trip.gaps, device, trip.has_inventory ? &trip.inventory : NULL);
	*out = trip;
	trip = (struct trip_device){0};
	return true;
}

void trip_device_done(struct trip_device *trip)
{
	crypto_public_free(trip->key);
	inventory_free(&trip->inventory);
	store_parcel_free(&trip->parcel);
	*trip = (struct trip_device){0};
}

const char *trip_device_type(const struct trip_device *trip)
{
	const char *const told = trip->has_inventory
		? artifact_pairs_find(&trip->inventory.provides, "device_type")
		: NULL;

	if (told != NULL)
		return told;
	return trip->device->device_type == NULL ? "" : trip->device->device_type;
}

enum trip_tuf trip_tuf(const struct trip_device *trip)
{
	if (!trip->has_inventory)
		return TRIP_TUF_UNKNOWN;
	return trip->inventory.tuf.present ? TRIP_TUF_DEMANDED : TRIP_TUF_IGNORED;
}

enum trip_standing trip_standing(const struct trip_device *trip)
{
	if (!trip->has_parcel)
		return TRIP_NOTHING;
	if (trip->parcel.state != PARCEL_ANSWERED)
		return TRIP_OUTSTANDING;
	return trip->has_newest && trip->newest.outcome == OUTCOME_CONFIRMED ? TRIP_DONE
									     : TRIP_FAILED;
}

/* ---- several ---- */

struct visiting {
	struct store *store;
	bool served;
	bool (*visit)(void *self, const struct trip_device *, struct error *);
	void *self;
};

static bool visit_one(void *self, const struct store_device *device, struct error *err)
{
	const struct visiting *const visiting = self;
	CLEANUP(trip_device_done) struct trip_device trip = {0};

	if (visiting->served && device->server == NULL)
		return true;
	return trip_look(visiting->store, device, &trip, err)
		&& visiting->visit(visiting->self, &trip, err);
}

bool trip_each(struct store *store, char *const *names, bool served,
	bool (*visit)(void *self, const struct trip_device *, struct error *), void *self,
	struct error *err)
{
	struct visiting visiting
		= {.store = store, .served = served, .visit = visit, .self = self};

	if (*names == NULL)
		return store_each_device(store, visit_one, &visiting, err);
	visiting.served = false;
	for (; *names != NULL; names++) {
		CLEANUP(store_device_free) struct store_device device = {0};

		if (!store_find_device(store, *names, &device, err)
			|| !visit_one(&visiting, &device, err))
			return false;
	}
	return true;
}
