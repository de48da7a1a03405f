/* At the end of a sync: drop the artifacts that nobody needs any more. */
#include <stdlib.h>
#include <string.h>

#include "courier/sync_parts.h"

/* Names of blobs that parcels may still need, sorted, each once: few, since parcels
 * share them. */
struct needed {
	struct store *store;
	char **at;
	size_t count;
};

static void needed_free(struct needed *needed)
{
	for (size_t i = 0; i < needed->count; i++)
		free(needed->at[i]);
	free(needed->at);
}

/* Where NAME is, or would be. */
static size_t place_of(const struct needed *needed, const char *name, bool *there)
{
	size_t low = 0, high = needed->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (strcmp(needed->at[middle], name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*there = low < needed->count && strcmp(needed->at[low], name) == 0;
	return low;
}

OWNER_UNSEEN_BEGIN
static bool add_needed(struct needed *needed, const char *name, struct error *err)
{
	bool there = false;
	const size_t place = place_of(needed, name, &there);

	if (there)
		return true;

	char *const copy = strdup(name);
	char **const at = realloc(needed->at, (needed->count + 1) * sizeof(char *));

	if (at != NULL)
		needed->at = at;
	if (at == NULL || copy == NULL) {
		free(copy);
		return error_errno(err, "cannot allocate memory");
	}
	memmove(at + place + 1, at + place, (needed->count - place) * sizeof(char *));
	at[place] = copy;
	needed->count++;
	return true;
}
OWNER_UNSEEN_END

static bool need_blob(void *self, const struct store_parcel *parcel, struct error *err)
{
	struct needed *const needed = self;
	CLEANUP(store_device_free) struct store_device device = {0};
	char name[STORE_BLOB_NAME_MAX];
	bool found = false;

	if (parcel->state > PARCEL_ANSWERED || parcel->artifact_id == NULL)
		return true;
	if (!store_get_device(needed->store, parcel->device, &device, &found, err))
		return false;
	if (!found || device.server == NULL)
		return true;
	store_blob_name(device.server, parcel->artifact_id, name);
	return add_needed(needed, name, err);
}

static bool is_needed(void *self, const char *name)
{
	bool there = false;

	(void)place_of(self, name, &there);
	return there;
}

bool sync_sweep(struct store *store, struct error *err)
{
	CLEANUP(needed_free) struct needed needed = {.store = store};

	return store_each_parcel(store, NULL, need_blob, &needed, err)
		&& store_blob_sweep(store, is_needed, &needed, err);
}
