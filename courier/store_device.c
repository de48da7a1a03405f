#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "courier/store_private.h"
#include "courier/store_record.h"

static const struct record_field fields[] = {
	RECORD_FIELD(1, struct store_device, id),
	RECORD_FIELD(2, struct store_device, server),
	RECORD_FIELD(3, struct store_device, id_data),
	RECORD_FIELD(4, struct store_device, device_type),
	RECORD_FIELD(5, struct store_device, artifact),
	RECORD_FIELD(6, struct store_device, label),
	RECORD_FIELD(7, struct store_device, site),
	RECORD_FIELD(8, struct store_device, group),
	RECORD_FIELD(9, struct store_device, tier),
	RECORD_FIELD(10, struct store_device, key_pem),
	RECORD_FIELD(11, struct store_device, certified),
	RECORD_FIELD(12, struct store_device, chain_pem),
	RECORD_FIELD(13, struct store_device, inventory),
	RECORD_FIELD(14, struct store_device, identity),
	RECORD_FIELD(15, struct store_device, inventory_sent),
	RECORD_FIELD(16, struct store_device, identity_sent),
	RECORD_FIELD(17, struct store_device, visited),
	RECORD_FIELD(18, struct store_device, synced),
	RECORD_FIELD(19, struct store_device, newest),
	RECORD_FIELD(20, struct store_device, problem),
	RECORD_FIELD(21, struct store_device, not_before),
	RECORD_FIELD(22, struct store_device, former),
	RECORD_FIELD(23, struct store_device, former_pem),
};
static const struct record_layout layout = {fields, COUNT(fields), sizeof(struct store_device)};

void store_device_free(struct store_device *device)
{
	record_free(&layout, device);
}

bool device_key(
	const struct store *store, const char *id, struct digest *out, struct error *err)
{
	return cell_name(store->keys, TABLE_DEVICE, id, NULL, out, err);
}

/* ---- with the mutex held ---- */

static bool get_device(struct store *store, const char *id, struct store_device *out,
	bool *found, struct error *err)
{
	struct cell cell = {.table = TABLE_DEVICE, .column = "sealed"};
	CLEANUP(wiped_free) struct buf plain = {0};
	struct store_device device = {0};
	bool there = false;

	if (!device_key(store, id, &cell.key, err)
		|| !row_get(store, SQL_DEVICE_GET, &cell, &plain, &there, err)
		|| (there && !record_unpack(&layout, buf_bytes(&plain), &device, err)))
		return false;
	if (there)
		*out = device;
	*found = there;
	return true;
}

/* The row as it will be; ENTRY borrows the label. */
static bool put_device(struct store *store, const struct store_device *device,
	struct index_entry *entry, struct error *err)
{
	struct cell brief_cell = {.table = TABLE_DEVICE, .column = "brief"};
	struct cell cell = {.table = TABLE_DEVICE, .column = "sealed"};
	CLEANUP(wiped_free) struct buf brief = {0}, plain = {0};
	CLEANUP(buf_free) struct buf brief_sealed = {0}, sealed = {0};
	CLEANUP(sql_end) struct sql sql = {0};

	if (!device_key(store, device->id, &cell.key, err))
		return false;
	brief_cell.key = cell.key;
	if (!index_pack(entry, &brief, err) || !record_pack(&layout, device, &plain, err)
		|| !cell_seal(store->keys, &brief_cell, buf_bytes(&brief), &brief_sealed, err)
		|| !cell_seal(store->keys, &cell, buf_bytes(&plain), &sealed, err)
		|| !sql_start(&store->database, SQL_DEVICE_PUT, &sql, err))
		return false;
	sql_bind(&sql, digest_bytes(&cell.key));
	sql_bind(&sql, buf_bytes(&brief_sealed));
	sql_bind(&sql, buf_bytes(&sealed));
	return sql_finish(&sql, err);
}

static bool entry_of(
	const struct store_device *device, struct index_entry *out, struct error *err)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *key = NULL;

	memset(out, 0, sizeof(*out));
	memcpy(out->id, device->id, sizeof(out->id));
	out->label = device->label;
	if (device->key_pem == NULL || device->key_pem[0] == 0)
		return true;
	return crypto_public_parse(bytes_of(device->key_pem), &key, err)
		&& crypto_public_fingerprint(key, &out->fingerprint, err);
}

bool device_raise_newest(
	struct store *store, const char *id, uint64_t sequence, struct error *err)
{
	CLEANUP(store_device_free) struct store_device device = {0};
	struct index_entry entry;
	bool found = false;

	if (!get_device(store, id, &device, &found, err))
		return false;
	if (!found || device.newest >= sequence)
		return true;
	device.newest = sequence;
	return entry_of(&device, &entry, err) && put_device(store, &device, &entry, err);
}

/* ---- one ---- */

/* What is there may know of a receipt that the caller's copy does not. */
static bool newest_of(struct store *store, const char *id, uint64_t *newest, struct error *err)
{
	CLEANUP(store_device_free) struct store_device there = {0};
	bool found = false;

	if (!get_device(store, id, &there, &found, err))
		return false;
	if (found && there.newest > *newest)
		*newest = there.newest;
	return true;
}

bool store_put_device(struct store *store, const struct store_device *device, const char *event,
	struct error *err)
{
	CLEANUP(change_end) struct change change = {0};
	struct store_device made = *device; /* borrows what DEVICE owns */
	struct index_entry entry;

	if (device->id[0] == 0)
		return error_set(err, ERROR_USAGE, "a device without an id");
	if (!entry_of(device, &entry, err))
		return error_while(err, "%s: its key", device->id);
	if (!change_begin(&change, store, err)
		|| !newest_of(store, device->id, &made.newest, err)
		|| !put_device(store, &made, &entry, err)
		|| !change_commit(&change, device->id, event, err))
		return false;
	index_put(store, &entry);
	return true;
}

bool store_get_device(struct store *store, const char *id, struct store_device *out,
	bool *found, struct error *err)
{
	CLEANUP(store_unlock) struct store *locked = store_lock(store);

	return get_device(locked, id, out, found, err);
}

/* ---- found by what people or keys say ---- */

enum { CANDIDATES_MAX = 5 /* named in an error */ };

/* How well NAME fits: the whole id, the whole label, or how either begins. */
enum fit { FIT_NOT, FIT_PREFIX, FIT_LABEL, FIT_ID };

static enum fit fit_of(const struct index_entry *entry, const char *name)
{
	const char *const label = entry->label == NULL ? "" : entry->label;
	const size_t len = strlen(name);

	if (strcmp(entry->id, name) == 0)
		return FIT_ID;
	if (strcmp(label, name) == 0)
		return FIT_LABEL;
	return strncmp(entry->id, name, len) == 0 || strncmp(label, name, len) == 0 ? FIT_PREFIX
										    : FIT_NOT;
}

static bool ambiguous(
	const struct index *index, const char *name, enum fit fit, struct error *err)
{
	char text[CANDIDATES_MAX * (CERTIFICATE_ID_MAX + 2) + 1] = "";
	size_t named = 0, all = 0;

	for (size_t i = 0; i < index->count; i++) {
		if (fit_of(&index->at[i], name) != fit)
			continue;
		if (all++ >= CANDIDATES_MAX)
			continue;
		named += (size_t)snprintf(text + named, sizeof(text) - named, "%s%s",
			named == 0 ? "" : ", ", index->at[i].id);
	}
	return error_set(err, ERROR_BUSY, "\"%.64s\" may be %s%s", name, text,
		all > CANDIDATES_MAX ? " and others" : "");
}

/* The id of the one entry that fits best. */
static bool find(
	const struct index *index, const char *name, const char **id, struct error *err)
{
	const struct index_entry *best = NULL;
	enum fit best_fit = FIT_NOT;
	size_t equals = 0;

	for (size_t i = 0; name[0] != 0 && i < index->count; i++) {
		const enum fit fit = fit_of(&index->at[i], name);

		if (fit > best_fit) {
			best = &index->at[i];
			best_fit = fit;
			equals = 0;
		}
		equals += fit != FIT_NOT && fit == best_fit ? 1 : 0;
	}
	if (best == NULL)
		return error_set(err, ERROR_USAGE, "no device is called \"%.64s\"", name);
	if (equals > 1)
		return ambiguous(index, name, best_fit, err);
	*id = best->id;
	return true;
}

static bool must_get(
	struct store *store, const char *id, struct store_device *out, struct error *err)
{
	bool found = false;

	if (!get_device(store, id, out, &found, err))
		return false;
	return found
		|| error_set(
			err, ERROR_DAMAGED, "the store is damaged: device %s is missing", id);
}

bool store_find_device(
	struct store *store, const char *name, struct store_device *out, struct error *err)
{
	CLEANUP(store_unlock) struct store *locked = store_lock(store);
	const char *id = NULL;

	return index_need(locked, err) && find(&locked->index, name, &id, err)
		&& must_get(locked, id, out, err);
}

bool store_device_of_key(struct store *store, const struct digest *fingerprint,
	struct store_device *out, bool *found, struct error *err)
{
	CLEANUP(store_unlock) struct store *locked = store_lock(store);
	static const struct digest none;

	if (!index_need(locked, err))
		return false;
	for (size_t i = 0; i < locked->index.count; i++) {
		const struct index_entry *const entry = &locked->index.at[i];

		if (digest_equal(&entry->fingerprint, fingerprint)
			&& !digest_equal(fingerprint, &none)) {
			if (!must_get(locked, entry->id, out, err))
				return false;
			*found = true;
			return true;
		}
	}
	*found = false;
	return true;
}

/* ---- each ---- */

struct ids {
	char (*at)[CERTIFICATE_ID_MAX + 1];
	size_t count;
};

static void ids_free(struct ids *ids)
{
	free(ids->at);
}

static bool ids_read(struct store *store, struct ids *out, struct error *err)
{
	CLEANUP(store_unlock) struct store *locked = store_lock(store);

	if (!index_need(locked, err))
		return false;
	out->at = calloc(locked->index.count + 1, sizeof(*out->at));
	if (out->at == NULL)
		return error_errno(err, "cannot allocate memory");
	out->count = locked->index.count;
	for (size_t i = 0; i < out->count; i++)
		memcpy(out->at[i], locked->index.at[i].id, sizeof(out->at[i]));
	return true;
}

bool store_each_device(struct store *store,
	bool (*visit)(void *self, const struct store_device *, struct error *), void *self,
	struct error *err)
{
	CLEANUP(ids_free) struct ids ids = {0};

	if (!ids_read(store, &ids, err))
		return false;
	for (size_t i = 0; i < ids.count; i++) {
		CLEANUP(store_device_free) struct store_device device = {0};
		bool found = false;

		if (!store_get_device(store, ids.at[i], &device, &found, err))
			return false;
		if (found && !visit(self, &device, err))
			return false;
	}
	return true;
}
