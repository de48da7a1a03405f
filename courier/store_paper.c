/* store_paper.c - the courier's own keys and papers, and the devices' tokens. */
#include <stdio.h>
#include <string.h>

#include "courier/store_private.h"

/* What is readable beside a cell: nothing.  The name is the key. */
static bool named_cell(const struct store *store, enum store_table table, const char *name,
	struct cell *out, struct error *err)
{
	*out = (struct cell){.table = table, .column = "sealed"};
	return cell_name(store->keys, table, name, NULL, &out->key, err);
}

/* Every row of TABLE is as it was sealed. */
static bool check_table(struct store *store, enum sql_statement which, enum store_table table,
	struct error *err)
{
	CLEANUP(sql_end) struct sql sql = {0};
	bool row = true;

	if (!sql_start(&store->database, which, &sql, err))
		return false;
	for (;;) {
		struct cell cell = {.table = table, .column = "sealed"};
		CLEANUP(wiped_free) struct buf plain = {0};
		SECRET secret = {{0}};

		if (!sql_step(&sql, &row, err))
			return false;
		if (!row)
			return true;
		if (!sql_digest(&sql, 0, &cell.key))
			return error_set(err, ERROR_DAMAGED,
				"the store is damaged: a row has an impossible key");
		if (!(table == TABLE_SECRET ? cell_unseal_secret(
			      store->keys, &cell, sql_bytes(&sql, 1), &secret, err)
					    : cell_unseal(store->keys, &cell,
						    sql_bytes(&sql, 1), &plain, err)))
			return false;
	}
}

bool paper_check(struct store *store, struct error *err)
{
	return check_table(store, SQL_PAPER_ALL, TABLE_PAPER, err)
		&& check_table(store, SQL_SECRET_ALL, TABLE_SECRET, err)
		&& check_table(store, SQL_TOKEN_ALL, TABLE_TOKEN, err)
		&& check_table(store, SQL_URL_ALL, TABLE_URL, err);
}

/* ---- keys ---- */

static const char *const secrets[] = {
	[STORE_COURIER_KEY] = "courier key",
	[STORE_SERVER_KEY] = "server key",
};

static bool put_secret(struct store *store, enum store_secret which,
	const struct secret *secret, struct error *err)
{
	CLEANUP(buf_free) struct buf sealed = {0};
	CLEANUP(sql_end) struct sql sql = {0};
	struct cell cell;

	if (!named_cell(store, TABLE_SECRET, secrets[which], &cell, err)
		|| !cell_seal_secret(store->keys, &cell, secret, &sealed, err)
		|| !sql_start(&store->database, SQL_SECRET_PUT, &sql, err))
		return false;
	sql_bind(&sql, digest_bytes(&cell.key));
	sql_bind(&sql, buf_bytes(&sealed));
	return sql_finish(&sql, err);
}

bool store_put_secret(struct store *store, enum store_secret which, const struct secret *secret,
	struct error *err)
{
	CLEANUP(change_end) struct change change = {0};
	char event[64];

	(void)snprintf(event, sizeof(event), "%s kept", secrets[which]);
	return change_begin(&change, store, err) && put_secret(store, which, secret, err)
		&& change_commit(&change, NULL, event, err);
}

bool store_get_secret(
	struct store *store, enum store_secret which, struct secret *out, struct error *err)
{
	CLEANUP(store_unlock) struct store *locked = store_lock(store);
	CLEANUP(sql_end) struct sql sql = {0};
	struct cell cell;
	bool row = false;

	if (!named_cell(locked, TABLE_SECRET, secrets[which], &cell, err)
		|| !sql_start(&locked->database, SQL_SECRET_GET, &sql, err))
		return false;
	sql_bind(&sql, digest_bytes(&cell.key));
	if (!sql_step(&sql, &row, err))
		return false;
	if (!row)
		return error_set(
			err, ERROR_NOTHING, "there is no %s in the store", secrets[which]);
	return cell_unseal_secret(locked->keys, &cell, sql_bytes(&sql, 0), out, err);
}

/* ---- papers ---- */

bool store_put_paper(
	struct store *store, const char *name, struct bytes content, struct error *err)
{
	CLEANUP(change_end) struct change change = {0};
	struct cell cell;
	char event[96];

	if (content.len > STORE_PAPER_MAX)
		return error_set(err, ERROR_USAGE, "%s: over %d bytes", name, STORE_PAPER_MAX);
	(void)snprintf(event, sizeof(event), "paper kept: %.64s", name);
	return change_begin(&change, store, err)
		&& named_cell(store, TABLE_PAPER, name, &cell, err)
		&& row_put(store, SQL_PAPER_PUT, &cell, content, err)
		&& change_commit(&change, NULL, event, err);
}

bool store_get_paper(
	struct store *store, const char *name, struct buf *out, bool *found, struct error *err)
{
	CLEANUP(store_unlock) struct store *locked = store_lock(store);
	struct cell cell;

	return named_cell(locked, TABLE_PAPER, name, &cell, err)
		&& row_get(locked, SQL_PAPER_GET, &cell, out, found, err);
}

/* ---- tokens ---- */

bool store_put_token(
	struct store *store, const char *device, const char *token, struct error *err)
{
	CLEANUP(change_end) struct change change = {0};
	struct cell cell;

	if (!change_begin(&change, store, err)
		|| !named_cell(store, TABLE_TOKEN, device, &cell, err))
		return false;
	if (token[0] == 0)
		return row_drop(store, SQL_TOKEN_DROP, &cell.key, err)
			&& change_commit(&change, device, "token forgotten", err);
	return row_put(store, SQL_TOKEN_PUT, &cell, bytes_of(token), err)
		&& change_commit(&change, device, "token kept", err);
}

bool store_get_token(struct store *store, const char *device, struct buf *out, bool *found,
	struct error *err)
{
	CLEANUP(store_unlock) struct store *locked = store_lock(store);
	struct cell cell;

	return named_cell(locked, TABLE_TOKEN, device, &cell, err)
		&& row_get(locked, SQL_TOKEN_GET, &cell, out, found, err);
}
