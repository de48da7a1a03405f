#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "courier/store_private.h"
#include "courier/store_record.h"

static const struct record_field fields[] = {
	RECORD_FIELD(1, struct store_parcel, device),
	RECORD_FIELD(2, struct store_parcel, deployment),
	RECORD_FIELD(3, struct store_parcel, artifact_id),
	RECORD_FIELD(4, struct store_parcel, artifact_name),
	RECORD_FIELD(5, struct store_parcel, url_expires),
	RECORD_FIELD(6, struct store_parcel, request),
	RECORD_FIELD(7, struct store_parcel, has_digest),
	RECORD_FIELD(8, struct store_parcel, digest),
	RECORD_FIELD(9, struct store_parcel, size),
	RECORD_FIELD(10, struct store_parcel, unpacked),
	RECORD_FIELD(11, struct store_parcel, facts),
	RECORD_FIELD(12, struct store_parcel, reason),
	RECORD_FIELD(13, struct store_parcel, changed),
	RECORD_FIELD(14, struct store_parcel, attempt),
	RECORD_FIELD(15, struct store_parcel, stage),
};
static const struct record_layout layout = {fields, COUNT(fields), sizeof(struct store_parcel)};

void store_parcel_free(struct store_parcel *parcel)
{
	if (parcel->url != NULL)
		secret_wipe_bytes(parcel->url, strlen(parcel->url));
	free(parcel->url);
	record_free(&layout, parcel);
}

/* ---- rows, with the mutex held ---- */

/* A parcel, and what is readable of its row. */
struct row {
	struct cell cell; /* key; owner: its device; clear: state, number */
	struct store_parcel parcel;
};

static void row_free(struct row *row)
{
	store_parcel_free(&row->parcel);
}

static bool parcel_key(const struct store *store, const char *device, const char *deployment,
	struct digest *out, struct error *err)
{
	return cell_name(store->keys, TABLE_PARCEL, device, deployment, out, err);
}

/* The download URL is under the other key, in a table of its own. */
static struct cell url_cell(const struct digest *key)
{
	return (struct cell){.table = TABLE_URL, .column = "sealed", .key = *key};
}

static bool get_url(
	struct store *store, const struct digest *key, char **out, struct error *err)
{
	const struct cell cell = url_cell(key);
	CLEANUP(wiped_free) struct buf plain = {0};
	bool found = false;

	if (!store->keys->has_acting)
		return true;
	if (!row_get(store, SQL_URL_GET, &cell, &plain, &found, err))
		return false;
	if (!found)
		return true;
	*out = strndup(plain.len == 0 ? "" : (const char *)plain.at, plain.len);
	return *out != NULL || error_errno(err, "cannot allocate memory");
}

static bool put_url(
	struct store *store, const struct digest *key, const char *url, struct error *err)
{
	const struct cell cell = url_cell(key);

	return url == NULL ? row_drop(store, SQL_URL_DROP, key, err)
			   : row_put(store, SQL_URL_PUT, &cell, bytes_of(url), err);
}

/* What SQL_PARCEL_GET gave, into ROW, whose cell has its key. */
static bool take_row(
	struct store *store, const struct sql *sql, struct row *row, struct error *err)
{
	CLEANUP(wiped_free) struct buf plain = {0};

	row->cell.clear[0] = (uint64_t)sql_integer(sql, 2);
	row->cell.clear[1] = (uint64_t)sql_integer(sql, 0);
	if (!sql_digest(sql, 1, &row->cell.owner) || row->cell.clear[0] > PARCEL_DROPPED)
		return error_set(err, ERROR_DAMAGED,
			"the store is damaged: a parcel has an impossible device or state");
	if (!cell_unseal(store->keys, &row->cell, sql_bytes(sql, 3), &plain, err)
		|| !record_unpack(&layout, buf_bytes(&plain), &row->parcel, err))
		return false;
	row->parcel.state = (enum parcel_state)row->cell.clear[0];
	return true;
}

static bool get_row(struct store *store, const struct digest *key, struct row *out, bool *found,
	struct error *err)
{
	CLEANUP(row_free)
	struct row row = {.cell = {.table = TABLE_PARCEL, .column = "sealed", .key = *key}};
	CLEANUP(sql_end) struct sql sql = {0};
	bool there = false;

	if (!sql_start(&store->database, SQL_PARCEL_GET, &sql, err))
		return false;
	sql_bind(&sql, digest_bytes(key));
	if (!sql_step(&sql, &there, err))
		return false;
	if (there
		&& (!take_row(store, &sql, &row, err)
			|| !get_url(store, key, &row.parcel.url, err)))
		return false;
	*found = there;
	if (there) {
		*out = row;
		row = (struct row){0};
	}
	return true;
}

static bool put_row(struct store *store, const struct cell *cell,
	const struct store_parcel *parcel, struct error *err)
{
	CLEANUP(wiped_free) struct buf plain = {0};
	CLEANUP(buf_free) struct buf sealed = {0};
	CLEANUP(sql_end) struct sql sql = {0};

	if (!record_pack(&layout, parcel, &plain, err)
		|| !cell_seal(store->keys, cell, buf_bytes(&plain), &sealed, err)
		|| !sql_start(&store->database, SQL_PARCEL_PUT, &sql, err))
		return false;
	sql_bind(&sql, digest_bytes(&cell->key));
	sql_bind_integer(&sql, (int64_t)cell->clear[1]);
	sql_bind(&sql, digest_bytes(&cell->owner));
	sql_bind_integer(&sql, (int64_t)cell->clear[0]);
	sql_bind(&sql, buf_bytes(&sealed));
	return sql_finish(&sql, err);
}

static bool next_number(struct store *store, uint64_t *out, struct error *err)
{
	CLEANUP(sql_end) struct sql sql = {0};
	bool row = false;

	if (!sql_start(&store->database, SQL_PARCEL_NUMBER, &sql, err)
		|| !sql_step(&sql, &row, err))
		return false;
	*out = (uint64_t)sql_integer(&sql, 0);
	return true;
}

/* ---- changing ---- */

/* The cell and the members that stay as they are, or those of a new parcel. */
static bool settle(
	struct store *store, struct store_parcel *parcel, struct cell *cell, struct error *err)
{
	CLEANUP(row_free) struct row former = {0};
	bool found = false;

	*cell = (struct cell){.table = TABLE_PARCEL, .column = "sealed"};
	if (!parcel_key(store, parcel->device, parcel->deployment, &cell->key, err)
		|| !get_row(store, &cell->key, &former, &found, err))
		return false;
	if (found) {
		*cell = former.cell;
		parcel->state = former.parcel.state;
		parcel->changed = former.parcel.changed;
		return true;
	}
	parcel->changed = store_now();
	cell->clear[0] = parcel->state;
	return device_key(store, parcel->device, &cell->owner, err)
		&& next_number(store, &cell->clear[1], err);
}

bool store_put_parcel(struct store *store, const struct store_parcel *parcel, const char *event,
	struct error *err)
{
	CLEANUP(change_end) struct change change = {0};
	struct store_parcel made = *parcel; /* borrows what PARCEL owns */
	struct cell cell;

	if (parcel->device[0] == 0 || parcel->deployment[0] == 0)
		return error_set(err, ERROR_USAGE, "a parcel without device or deployment");
	return change_begin(&change, store, err) && settle(store, &made, &cell, err)
		&& put_row(store, &cell, &made, err) && put_url(store, &cell.key, made.url, err)
		&& change_commit(&change, made.device, event, err);
}

static bool set_reason(struct store_parcel *parcel, const char *reason, struct error *err)
{
	char *const text = reason == NULL ? NULL : strdup(reason);

	if (reason != NULL && text == NULL)
		return error_errno(err, "cannot allocate memory");
	free(parcel->reason);
	parcel->reason = text;
	return true;
}

bool parcel_move(struct store *store, const char *device, const char *deployment,
	enum parcel_event event, const char *reason, bool *found, enum parcel_state *from,
	enum parcel_state *to, struct error *err)
{
	CLEANUP(row_free) struct row row = {0};
	struct digest key;
	bool there = false;

	if (!parcel_key(store, device, deployment, &key, err)
		|| !get_row(store, &key, &row, &there, err))
		return false;
	*found = there;
	if (!there)
		return true;
	*from = row.parcel.state;
	if (!parcel_next(&row.parcel.state, event, err)
		|| !set_reason(&row.parcel, reason, err))
		return false;
	*to = row.parcel.state;
	row.cell.clear[0] = row.parcel.state;
	row.parcel.changed = store_now();
	row.parcel.attempt += event == PARCEL_RETRIED ? 1 : 0;
	return put_row(store, &row.cell, &row.parcel, err);
}

bool store_move_parcel(struct store *store, const char *device, const char *deployment,
	enum parcel_event event, const char *reason, struct error *err)
{
	CLEANUP(change_end) struct change change = {0};
	enum parcel_state from = PARCEL_WANTED, to = PARCEL_WANTED;
	bool found = false;
	char text[320];

	if (!change_begin(&change, store, err)
		|| !parcel_move(
			store, device, deployment, event, reason, &found, &from, &to, err))
		return false;
	if (!found)
		return error_set(
			err, ERROR_USAGE, "%s has no parcel of %s", device, deployment);
	(void)snprintf(text, sizeof(text), "parcel %s: %s -> %s%s%.160s", deployment,
		parcel_state_name(from), parcel_state_name(to), reason == NULL ? "" : ": ",
		reason == NULL ? "" : reason);
	return change_commit(&change, device, text, err);
}

/* ---- reading ---- */

static bool get_parcel(struct store *store, const struct digest *key, struct store_parcel *out,
	bool *found, struct error *err)
{
	struct row row = {0};

	if (!get_row(store, key, &row, found, err))
		return false;
	if (*found)
		*out = row.parcel;
	return true;
}

bool store_get_parcel(struct store *store, const char *device, const char *deployment,
	struct store_parcel *out, bool *found, struct error *err)
{
	CLEANUP(store_unlock) struct store *locked = store_lock(store);
	struct digest key;

	return parcel_key(locked, device, deployment, &key, err)
		&& get_parcel(locked, &key, out, found, err);
}

static bool open_key(struct store *store, const char *device, struct digest *key, bool *found,
	struct error *err)
{
	CLEANUP(sql_end) struct sql sql = {0};
	struct digest owner;

	if (!device_key(store, device, &owner, err)
		|| !sql_start(&store->database, SQL_PARCEL_OPEN, &sql, err))
		return false;
	sql_bind(&sql, digest_bytes(&owner));
	sql_bind_integer(&sql, PARCEL_REPORTED); /* the states from there on are closed */
	if (!sql_step(&sql, found, err))
		return false;
	return !*found || sql_digest(&sql, 0, key)
		|| error_set(err, ERROR_DAMAGED,
			"the store is damaged: a parcel has an impossible key");
}

bool store_open_parcel(struct store *store, const char *device, struct store_parcel *out,
	bool *found, struct error *err)
{
	CLEANUP(store_unlock) struct store *locked = store_lock(store);
	struct digest key;
	bool there = false;

	if (!open_key(locked, device, &key, &there, err)
		|| (there && !get_parcel(locked, &key, out, &there, err)))
		return false;
	*found = there;
	return true;
}

static bool read_keys(
	struct store *store, const char *device, struct digests *out, struct error *err)
{
	CLEANUP(store_unlock) struct store *locked = store_lock(store);
	CLEANUP(sql_end) struct sql sql = {0};
	struct digest owner;

	if (device == NULL)
		return sql_start(&locked->database, SQL_PARCEL_ALL, &sql, err)
			&& digests_read(&sql, out, err);
	if (!device_key(locked, device, &owner, err)
		|| !sql_start(&locked->database, SQL_PARCEL_OF, &sql, err))
		return false;
	sql_bind(&sql, digest_bytes(&owner));
	return digests_read(&sql, out, err);
}

bool parcel_check(struct store *store, struct error *err)
{
	CLEANUP(digests_free) struct digests keys = {0};

	if (!read_keys(store, NULL, &keys, err))
		return false;
	for (size_t i = 0; i < keys.count; i++) {
		CLEANUP(row_free) struct row row = {0};
		bool found = false;

		if (!get_row(store, &keys.at[i], &row, &found, err))
			return false;
		if (!found)
			return error_set(err, ERROR_DAMAGED,
				"the store is damaged: a parcel cannot be found by its key");
	}
	return true;
}

static bool read_parcel(struct store *store, const struct digest *key, struct store_parcel *out,
	bool *found, struct error *err)
{
	CLEANUP(store_unlock) struct store *locked = store_lock(store);

	return get_parcel(locked, key, out, found, err);
}

bool store_each_parcel(struct store *store, const char *device,
	bool (*visit)(void *self, const struct store_parcel *, struct error *), void *self,
	struct error *err)
{
	CLEANUP(digests_free) struct digests keys = {0};

	if (!read_keys(store, device, &keys, err))
		return false;
	for (size_t i = 0; i < keys.count; i++) {
		CLEANUP(store_parcel_free) struct store_parcel parcel = {0};
		bool found = false;

		if (!read_parcel(store, &keys.at[i], &parcel, &found, err))
			return false;
		if (found && !visit(self, &parcel, err))
			return false;
	}
	return true;
}
