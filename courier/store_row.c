/* store_row.c - transactions, and rows with one sealed cell. */
#include <stdlib.h>

#include "courier/store_private.h"

/* ---- rows ---- */

bool row_get(struct store *store, enum sql_statement which, const struct cell *cell,
	struct buf *out, bool *found, struct error *err)
{
	CLEANUP(sql_end) struct sql sql = {0};
	bool row = false;

	if (!sql_start(&store->database, which, &sql, err))
		return false;
	sql_bind(&sql, digest_bytes(&cell->key));
	if (!sql_step(&sql, &row, err)
		|| (row && !cell_unseal(store->keys, cell, sql_bytes(&sql, 0), out, err)))
		return false;
	*found = row;
	return true;
}

bool row_put(struct store *store, enum sql_statement which, const struct cell *cell,
	struct bytes plain, struct error *err)
{
	CLEANUP(buf_free) struct buf sealed = {0};
	CLEANUP(sql_end) struct sql sql = {0};

	if (!cell_seal(store->keys, cell, plain, &sealed, err)
		|| !sql_start(&store->database, which, &sql, err))
		return false;
	sql_bind(&sql, digest_bytes(&cell->key));
	sql_bind(&sql, buf_bytes(&sealed));
	return sql_finish(&sql, err);
}

bool row_drop(struct store *store, enum sql_statement which, const struct digest *key,
	struct error *err)
{
	CLEANUP(sql_end) struct sql sql = {0};

	if (!sql_start(&store->database, which, &sql, err))
		return false;
	sql_bind(&sql, digest_bytes(key));
	return sql_finish(&sql, err);
}

bool digests_read(struct sql *sql, struct digests *out, struct error *err)
{
	for (bool row = true;;) {
		if (!sql_step(sql, &row, err))
			return false;
		if (!row)
			return true;
		if (out->count == out->room) {
			const size_t room = out->room == 0 ? 64 : 2 * out->room;
			struct digest *const at = realloc(out->at, room * sizeof(*at));

			if (at == NULL)
				return error_errno(err, "cannot allocate memory");
			out->at = at;
			out->room = room;
		}
		if (!sql_digest(sql, 0, &out->at[out->count++]))
			return error_set(err, ERROR_DAMAGED,
				"the store is damaged: a row has an impossible key");
	}
}

void digests_free(struct digests *digests)
{
	free(digests->at);
	*digests = (struct digests){0};
}
