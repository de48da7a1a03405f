/* store_metadata.c - what TUF repositories signed, as it was received. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "courier/store_private.h"

enum { EVENT_MAX = 160 };

static bool file_cell(const struct store *store, const char *column, const char *repository,
	const char *file, struct cell *out, struct error *err)
{
	*out = (struct cell){.table = TABLE_METADATA, .column = column};
	return cell_name(store->keys, TABLE_METADATA, repository, file, &out->key, err);
}

/* ---- one file ---- */

static bool put_row(struct store *store, const char *repository, const char *file,
	struct bytes content, struct error *err)
{
	CLEANUP(buf_free) struct buf name = {0}, named = {0}, sealed = {0};
	CLEANUP(sql_end) struct sql sql = {0};
	struct cell name_cell, cell;

	if (!file_cell(store, "name", repository, file, &name_cell, err)
		|| !file_cell(store, "sealed", repository, file, &cell, err)
		|| !buf_print(&name, err, "%s\n%s", repository, file)
		|| !cell_seal(store->keys, &name_cell, buf_bytes(&name), &named, err)
		|| !cell_seal(store->keys, &cell, content, &sealed, err)
		|| !sql_start(&store->database, SQL_METADATA_PUT, &sql, err))
		return false;
	sql_bind(&sql, digest_bytes(&cell.key));
	sql_bind(&sql, buf_bytes(&named));
	sql_bind(&sql, buf_bytes(&sealed));
	return sql_finish(&sql, err);
}

bool store_put_metadata(struct store *store, const char *repository, const char *file,
	struct bytes content, struct error *err)
{
	CLEANUP(change_end) struct change change = {0};
	char event[EVENT_MAX];

	if (content.len > STORE_METADATA_MAX)
		return error_set(
			err, ERROR_USAGE, "%s: over %d bytes", file, STORE_METADATA_MAX);
	(void)snprintf(event, sizeof(event), "kept of %.64s: %.64s", repository, file);
	return change_begin(&change, store, err)
		&& put_row(store, repository, file, content, err)
		&& change_commit(&change, NULL, event, err);
}

bool store_get_metadata(struct store *store, const char *repository, const char *file,
	struct buf *out, bool *found, struct error *err)
{
	CLEANUP(store_unlock) struct store *locked = store_lock(store);
	struct cell cell;

	return file_cell(locked, "sealed", repository, file, &cell, err)
		&& row_get(locked, SQL_METADATA_GET, &cell, out, found, err);
}

bool store_drop_metadata(
	struct store *store, const char *repository, const char *file, struct error *err)
{
	CLEANUP(change_end) struct change change = {0};
	struct cell cell;
	char event[EVENT_MAX];

	(void)snprintf(event, sizeof(event), "dropped of %.64s: %.64s", repository, file);
	return change_begin(&change, store, err)
		&& file_cell(store, "sealed", repository, file, &cell, err)
		&& row_drop(store, SQL_METADATA_DROP, &cell.key, err)
		&& change_commit(&change, NULL, event, err);
}

/* ---- all of them ---- */

/* Call VISIT, if any, with the key and the name of each row, which must unseal; the mutex is
 * held. */
static bool each_name(struct store *store,
	bool (*visit)(void *self, const struct digest *key, char *name, struct error *),
	void *self, struct error *err)
{
	CLEANUP(sql_end) struct sql sql = {0};
	bool row = true;

	if (!sql_start(&store->database, SQL_METADATA_ALL, &sql, err))
		return false;
	for (;;) {
		struct cell cell = {.table = TABLE_METADATA, .column = "name"};
		CLEANUP(wiped_free) struct buf name = {0};
		const char *text = NULL;

		if (!sql_step(&sql, &row, err))
			return false;
		if (!row)
			return true;
		if (!sql_digest(&sql, 0, &cell.key))
			return error_set(err, ERROR_DAMAGED,
				"the store is damaged: a row has an impossible key");
		if (!cell_unseal(store->keys, &cell, sql_bytes(&sql, 1), &name, err)
			|| !buf_text(&name, &text, err)
			|| (visit != NULL && !visit(self, &cell.key, (char *)name.at, err)))
			return false;
	}
}

bool metadata_check(struct store *store, struct error *err)
{
	return each_name(store, NULL, NULL, err);
}

/* ---- sweeping ---- */

struct sweep {
	bool (*keep)(void *self, const char *repository, const char *file);
	void *self;
	struct digests gone;
};

static void sweep_done(struct sweep *sweep)
{
	digests_free(&sweep->gone);
}

static bool add_gone(struct digests *gone, const struct digest *key, struct error *err)
{
	if (gone->count == gone->room) {
		const size_t room = gone->room == 0 ? 64 : 2 * gone->room;
		struct digest *const at = realloc(gone->at, room * sizeof(*at));

		if (at == NULL)
			return error_errno(err, "cannot allocate memory");
		gone->at = at;
		gone->room = room;
	}
	gone->at[gone->count++] = *key;
	return true;
}

static bool weigh(void *self, const struct digest *key, char *name, struct error *err)
{
	struct sweep *const sweep = self;
	char *const feed = strchr(name, '\n');

	if (feed == NULL)
		return error_set(
			err, ERROR_DAMAGED, "the store is damaged: a file of no repository");
	*feed = 0;
	return sweep->keep(sweep->self, name, feed + 1) || add_gone(&sweep->gone, key, err);
}

bool store_sweep_metadata(struct store *store,
	bool (*keep)(void *self, const char *repository, const char *file), void *self,
	struct error *err)
{
	CLEANUP(sweep_done) struct sweep sweep = {.keep = keep, .self = self};
	CLEANUP(change_end) struct change change = {0};
	char event[EVENT_MAX];

	if (!change_begin(&change, store, err) || !each_name(store, weigh, &sweep, err))
		return false;
	if (sweep.gone.count == 0)
		return true;
	for (size_t i = 0; i < sweep.gone.count; i++)
		if (!row_drop(store, SQL_METADATA_DROP, &sweep.gone.at[i], err))
			return false;
	(void)snprintf(event, sizeof(event), "%zu files of repositories dropped: replaced",
		sweep.gone.count);
	return change_commit(&change, NULL, event, err);
}
