#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "courier/store_private.h"
#include "courier/store_record.h"

/* The brief is sealed with whether it was sent; the rest never changes. */
static const struct record_field brief_fields[] = {
	RECORD_FIELD(1, struct store_receipt, device),
	RECORD_FIELD(2, struct store_receipt, sequence),
	RECORD_FIELD(3, struct store_receipt, verified),
	RECORD_FIELD(4, struct store_receipt, collected),
};
static const struct record_layout brief_layout
	= {brief_fields, COUNT(brief_fields), sizeof(struct store_receipt)};
static const struct record_field fields[] = {
	RECORD_FIELD(1, struct store_receipt, envelope),
	RECORD_FIELD(2, struct store_receipt, log),
	RECORD_FIELD(3, struct store_receipt, inventory),
	RECORD_FIELD(4, struct store_receipt, key_pem),
};
static const struct record_layout layout
	= {fields, COUNT(fields), sizeof(struct store_receipt)};

void store_receipt_free(struct store_receipt *receipt)
{
	record_free(&layout, receipt);
}

/* ---- rows, with the mutex held ---- */

/* Key and owner of the row; the cells differ in their column. */
struct place {
	struct digest key, owner;
};

static bool place_of(const struct store *store, const char *device, uint64_t sequence,
	struct place *out, struct error *err)
{
	char number[24];

	(void)snprintf(number, sizeof(number), "%llu", (unsigned long long)sequence);
	return cell_name(store->keys, TABLE_RECEIPT, device, number, &out->key, err)
		&& device_key(store, device, &out->owner, err);
}

/* SENT as it is in the row: what is not 0 or 1 was never sealed. */
static struct cell brief_cell(const struct place *place, int64_t sent)
{
	return (struct cell){.table = TABLE_RECEIPT,
		.column = "brief",
		.key = place->key,
		.owner = place->owner,
		.clear = {(uint64_t)sent, 0}};
}

static struct cell body_cell(const struct place *place)
{
	return (struct cell){.table = TABLE_RECEIPT,
		.column = "sealed",
		.key = place->key,
		.owner = place->owner};
}

/* Into OUT, which is zero but for what another cell of the row gave. */
static bool unseal_brief(struct store *store, const struct place *place, int64_t sent,
	struct bytes sealed, struct store_receipt *out, struct error *err)
{
	const struct cell cell = brief_cell(place, sent);
	CLEANUP(wiped_free) struct buf plain = {0};

	if (!cell_unseal(store->keys, &cell, sealed, &plain, err)
		|| !record_unpack(&brief_layout, buf_bytes(&plain), out, err))
		return false;
	out->sent = sent != 0;
	return true;
}

static bool unseal_body(struct store *store, const struct place *place, struct bytes sealed,
	struct store_receipt *out, struct error *err)
{
	const struct cell cell = body_cell(place);
	CLEANUP(wiped_free) struct buf plain = {0};

	return cell_unseal(store->keys, &cell, sealed, &plain, err)
		&& record_unpack(&layout, buf_bytes(&plain), out, err);
}

static bool get_receipt(struct store *store, const struct digest *key,
	struct store_receipt *out, bool *found, struct error *err)
{
	CLEANUP(store_receipt_free) struct store_receipt receipt = {0};
	CLEANUP(sql_end) struct sql sql = {0};
	struct place place = {.key = *key};
	bool there = false;

	if (!sql_start(&store->database, SQL_RECEIPT_GET, &sql, err))
		return false;
	sql_bind(&sql, digest_bytes(key));
	if (!sql_step(&sql, &there, err))
		return false;
	*found = there;
	if (!there)
		return true;
	if (!sql_digest(&sql, 0, &place.owner))
		return error_set(err, ERROR_DAMAGED,
			"the store is damaged: a receipt has an impossible device");
	if (!unseal_brief(
		    store, &place, sql_integer(&sql, 1), sql_bytes(&sql, 2), &receipt, err)
		|| !unseal_body(store, &place, sql_bytes(&sql, 3), &receipt, err))
		return false;
	*out = receipt;
	receipt = (struct store_receipt){0};
	return true;
}

static bool insert(struct store *store, const struct place *place,
	const struct store_receipt *receipt, struct error *err)
{
	const struct cell brief_of = brief_cell(place, receipt->sent);
	const struct cell body_of = body_cell(place);
	CLEANUP(wiped_free) struct buf brief = {0}, body = {0};
	CLEANUP(buf_free) struct buf brief_sealed = {0}, body_sealed = {0};
	CLEANUP(sql_end) struct sql sql = {0};

	if (!record_pack(&brief_layout, receipt, &brief, err)
		|| !record_pack(&layout, receipt, &body, err)
		|| !cell_seal(store->keys, &brief_of, buf_bytes(&brief), &brief_sealed, err)
		|| !cell_seal(store->keys, &body_of, buf_bytes(&body), &body_sealed, err)
		|| !sql_start(&store->database, SQL_RECEIPT_PUT, &sql, err))
		return false;
	sql_bind(&sql, digest_bytes(&place->key));
	sql_bind(&sql, digest_bytes(&place->owner));
	sql_bind_integer(&sql, receipt->sent);
	sql_bind(&sql, buf_bytes(&brief_sealed));
	sql_bind(&sql, buf_bytes(&body_sealed));
	return sql_finish(&sql, err);
}

/* Write the brief again, with what may change in it. */
static bool update(struct store *store, const struct place *place,
	const struct store_receipt *receipt, struct error *err)
{
	const struct cell cell = brief_cell(place, receipt->sent);
	CLEANUP(wiped_free) struct buf plain = {0};
	CLEANUP(buf_free) struct buf sealed = {0};
	CLEANUP(sql_end) struct sql sql = {0};

	if (!record_pack(&brief_layout, receipt, &plain, err)
		|| !cell_seal(store->keys, &cell, buf_bytes(&plain), &sealed, err)
		|| !sql_start(&store->database, SQL_RECEIPT_SENT, &sql, err))
		return false;
	sql_bind_integer(&sql, receipt->sent);
	sql_bind(&sql, buf_bytes(&sealed));
	sql_bind(&sql, digest_bytes(&place->key));
	return sql_finish(&sql, err);
}

/* ---- changing ---- */

/* Keep it unless it is here.  *NEWS: it is new, or newly verified. */
static bool keep(
	struct store *store, const struct store_receipt *receipt, bool *news, struct error *err)
{
	CLEANUP(store_receipt_free) struct store_receipt there = {0};
	struct store_receipt made = *receipt; /* borrows what RECEIPT owns */
	struct place place;
	bool found = false;

	if (!place_of(store, receipt->device, receipt->sequence, &place, err)
		|| !get_receipt(store, &place.key, &there, &found, err))
		return false;

	const bool same = found
		&& bytes_equal(buf_bytes(&there.envelope), buf_bytes(&receipt->envelope));

	/* What somebody uncertified said gives way to what the device says; and one of nobody's
	 * key to the same once its key is known. */
	if (!found
		|| (receipt->verified && !there.verified && (!same || there.key_pem == NULL))) {
		made.collected = store_now();
		*news = true;
		return insert(store, &place, &made, err);
	}
	if (!same)
		return error_set(err, ERROR_SIGNATURE,
			"%s has given another receipt number %llu before", receipt->device,
			(unsigned long long)receipt->sequence);
	*news = receipt->verified && !there.verified;
	if (!*news)
		return true;
	there.verified = true;
	return update(store, &place, &there, err);
}

/* Move the parcel, and say so in TEXT. */
static bool move(struct store *store, const struct store_receipt *receipt,
	const char *deployment, enum parcel_event event, char *text, size_t room,
	struct error *err)
{
	enum parcel_state from = PARCEL_WANTED, to = PARCEL_WANTED;
	const size_t len = strlen(text);
	bool found = false;

	if (!parcel_move(
		    store, receipt->device, deployment, event, NULL, &found, &from, &to, err))
		return false;
	if (found)
		(void)snprintf(text + len, room - len, ", parcel %s: %s -> %s", deployment,
			parcel_state_name(from), parcel_state_name(to));
	return true;
}

bool store_put_receipt(struct store *store, const struct store_receipt *receipt,
	const char *deployment, bool moves, enum parcel_event event, struct error *err)
{
	CLEANUP(change_end) struct change change = {0};
	bool news = false;
	char text[192];

	if (receipt->device[0] == 0 || receipt->envelope.len == 0)
		return error_set(err, ERROR_USAGE, "a receipt without device or content");
	if (!change_begin(&change, store, err) || !keep(store, receipt, &news, err))
		return false;
	if (!news)
		return true;
	(void)snprintf(text, sizeof(text), "%s receipt %llu kept",
		receipt->verified ? "verified" : "unverified",
		(unsigned long long)receipt->sequence);
	if (moves && !move(store, receipt, deployment, event, text, sizeof(text), err))
		return false;
	return device_raise_newest(store, receipt->device, receipt->sequence, err)
		&& change_commit(&change, receipt->device, text, err);
}

bool store_receipt_sent(
	struct store *store, const char *device, uint64_t sequence, struct error *err)
{
	CLEANUP(store_receipt_free) struct store_receipt receipt = {0};
	CLEANUP(change_end) struct change change = {0};
	struct place place;
	bool found = false;
	char text[64];

	if (!change_begin(&change, store, err)
		|| !place_of(store, device, sequence, &place, err)
		|| !get_receipt(store, &place.key, &receipt, &found, err))
		return false;
	if (!found)
		return error_set(err, ERROR_USAGE, "%s has no receipt number %llu here", device,
			(unsigned long long)sequence);
	if (receipt.sent)
		return true;
	receipt.sent = true;
	(void)snprintf(text, sizeof(text), "receipt %llu sent", (unsigned long long)sequence);
	return update(store, &place, &receipt, err)
		&& change_commit(&change, device, text, err);
}

/* ---- reading ---- */

bool store_has_receipt(struct store *store, const char *device, uint64_t sequence, bool *has,
	struct error *err)
{
	CLEANUP(store_unlock) struct store *locked = store_lock(store);
	CLEANUP(store_receipt_free) struct store_receipt receipt = {0};
	struct place place;

	return place_of(locked, device, sequence, &place, err)
		&& get_receipt(locked, &place.key, &receipt, has, err);
}

bool store_has_verified_receipt(struct store *store, const char *device, uint64_t sequence,
	bool *has, struct error *err)
{
	CLEANUP(store_unlock) struct store *locked = store_lock(store);
	CLEANUP(store_receipt_free) struct store_receipt receipt = {0};
	struct place place;
	bool found = false;

	if (!place_of(locked, device, sequence, &place, err)
		|| !get_receipt(locked, &place.key, &receipt, &found, err))
		return false;
	*has = found && receipt.verified;
	return true;
}

/* In order of device and sequence: known only once the briefs are open. */
struct entry {
	char device[CERTIFICATE_ID_MAX + 1];
	uint64_t sequence;
	struct digest key;
};

struct list {
	struct entry *at;
	size_t count, room;
};

static void list_free(struct list *list)
{
	free(list->at);
}

static int by_device(const void *a, const void *b)
{
	const struct entry *const one = a, *const other = b;
	const int order = strcmp(one->device, other->device);

	return order != 0
		? order
		: (one->sequence > other->sequence) - (one->sequence < other->sequence);
}

static bool list_add(struct list *list, const struct store_receipt *receipt,
	const struct digest *key, struct error *err)
{
	if (list->count == list->room) {
		const size_t room = list->room == 0 ? 64 : 2 * list->room;
		struct entry *const at = realloc(list->at, room * sizeof(*at));

		if (at == NULL)
			return error_errno(err, "cannot allocate memory");
		list->at = at;
		list->room = room;
	}

	struct entry *const entry = &list->at[list->count++];

	memcpy(entry->device, receipt->device, sizeof(entry->device));
	entry->sequence = receipt->sequence;
	entry->key = *key;
	return true;
}

static bool list_row(
	struct store *store, const struct sql *sql, struct list *list, struct error *err)
{
	struct store_receipt brief = {0};
	struct place place;

	if (!sql_digest(sql, 0, &place.key) || !sql_digest(sql, 1, &place.owner))
		return error_set(err, ERROR_DAMAGED,
			"the store is damaged: a receipt has an impossible key");
	return unseal_brief(store, &place, sql_integer(sql, 2), sql_bytes(sql, 3), &brief, err)
		&& list_add(list, &brief, &place.key, err);
}

static bool list_read(struct store *store, const char *device, bool unsent, struct list *list,
	struct error *err)
{
	CLEANUP(store_unlock) struct store *locked = store_lock(store);
	CLEANUP(sql_end) struct sql sql = {0};
	struct digest owner;
	bool row = true;

	if (!sql_start(&locked->database, device == NULL ? SQL_RECEIPT_ALL : SQL_RECEIPT_OF,
		    &sql, err)
		|| (device != NULL && !device_key(locked, device, &owner, err)))
		return false;
	sql_bind_integer(&sql, unsent ? 0 : INT64_MAX);
	if (device != NULL)
		sql_bind(&sql, digest_bytes(&owner));
	while (row)
		if (!sql_step(&sql, &row, err) || (row && !list_row(locked, &sql, list, err)))
			return false;
	if (list->count > 0)
		qsort(list->at, list->count, sizeof(*list->at), by_device);
	return true;
}

bool receipt_check(struct store *store, struct error *err)
{
	CLEANUP(list_free) struct list list = {0};

	return list_read(store, NULL, false, &list, err);
}

static bool read_receipt(struct store *store, const struct digest *key,
	struct store_receipt *out, bool *found, struct error *err)
{
	CLEANUP(store_unlock) struct store *locked = store_lock(store);

	return get_receipt(locked, key, out, found, err);
}

bool store_each_receipt(struct store *store, const char *device, bool unsent,
	bool (*visit)(void *self, const struct store_receipt *, struct error *), void *self,
	struct error *err)
{
	CLEANUP(list_free) struct list list = {0};

	if (!list_read(store, device, unsent, &list, err))
		return false;
	for (size_t i = 0; i < list.count; i++) {
		CLEANUP(store_receipt_free) struct store_receipt receipt = {0};
		bool found = false;

		if (!read_receipt(store, &list.at[i].key, &receipt, &found, err))
			return false;
		if (found && !visit(self, &receipt, err))
			return false;
	}
	return true;
}
