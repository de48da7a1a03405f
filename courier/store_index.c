/* store_index.c - devices by id, label and key, in memory. */
#include <stdlib.h>
#include <string.h>

#include "courier/store_private.h"
#include "courier/store_record.h"

static const struct record_field fields[] = {
	RECORD_FIELD(1, struct index_entry, id),
	RECORD_FIELD(2, struct index_entry, label),
	RECORD_FIELD(3, struct index_entry, fingerprint),
};
static const struct record_layout layout = {fields, COUNT(fields), sizeof(struct index_entry)};

bool index_pack(const struct index_entry *entry, struct buf *out, struct error *err)
{
	return record_pack(&layout, entry, out, err);
}

void index_free(struct index *index)
{
	for (size_t i = 0; i < index->count; i++)
		free(index->at[i].label);
	free(index->at);
	*index = (struct index){0};
}

static bool make_room(struct index *index, struct error *err)
{
	const size_t room = index->room == 0 ? 64 : 2 * index->room;

	if (index->count < index->room)
		return true;

	struct index_entry *const at = realloc(index->at, room * sizeof(*at));

	if (at == NULL) {
		(void)error_errno(err, "cannot allocate memory");
		return false;
	}
	index->at = at;
	index->room = room;
	return true;
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct index_entry *)a)->id, ((const struct index_entry *)b)->id);
}

/* ---- reading ---- */

static bool read_one(
	struct store *store, const struct sql *sql, struct index *index, struct error *err)
{
	struct cell cell = {.table = TABLE_DEVICE, .column = "brief"};
	CLEANUP(wiped_free) struct buf plain = {0};

	if (!sql_digest(sql, 0, &cell.key))
		return error_set(err, ERROR_DAMAGED,
			"the store is damaged: a device has an impossible key");
	if (!cell_unseal(store->keys, &cell, sql_bytes(sql, 1), &plain, err)
		|| !make_room(index, err))
		return false;

	struct index_entry *const entry = &index->at[index->count];

	memset(entry, 0, sizeof(*entry));
	if (!record_unpack(&layout, buf_bytes(&plain), entry, err))
		return false;
	index->count++;
	return true;
}

static bool read_all(struct store *store, struct index *index, struct error *err)
{
	CLEANUP(sql_end) struct sql sql = {0};
	bool row = true;

	if (!sql_start(&store->database, SQL_DEVICE_ALL, &sql, err))
		return false;
	while (row)
		if (!sql_step(&sql, &row, err) || (row && !read_one(store, &sql, index, err)))
			return false;
	if (index->at != NULL)
		qsort(index->at, index->count, sizeof(*index->at), by_id);
	return true;
}

bool index_need(struct store *store, struct error *err)
{
	CLEANUP(index_free) struct index made = {0};

	if (store->index.read)
		return true;
	if (!read_all(store, &made, err))
		return false;
	made.read = true;
	store->index = made;
	made = (struct index){0};
	return true;
}

/* ---- changing ---- */

/* Where ID is, or would be. */
static size_t position(const struct index *index, const char *id, bool *there)
{
	size_t low = 0, high = index->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (strcmp(index->at[middle].id, id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*there = low < index->count && strcmp(index->at[low].id, id) == 0;
	return low;
}

OWNER_UNSEEN_BEGIN
void index_put(struct store *store, const struct index_entry *entry)
{
	struct index *const index = &store->index;
	struct error ignored = {0};
	bool there = false;

	if (!index->read)
		return;

	const size_t at = position(index, entry->id, &there);
	char *const label = entry->label == NULL ? NULL : strdup(entry->label);

	if ((entry->label != NULL && label == NULL) || !make_room(index, &ignored)) {
		free(label);
		index_free(index);
		return;
	}

	struct index_entry *const place = &index->at[at];

	if (there) {
		free(place->label);
	} else {
		memmove(place + 1, place, (index->count - at) * sizeof(*place));
		index->count++;
	}
	*place = *entry;
	place->label = label;
}
OWNER_UNSEEN_END
