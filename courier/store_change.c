/* store_change.c - transactions: of one change, or of a batch of them. */
#include "courier/store_audit.h"

static bool run(struct store *store, enum sql_statement which, struct error *err)
{
	CLEANUP(sql_end) struct sql sql = {0};

	return sql_start(&store->database, which, &sql, err) && sql_finish(&sql, err);
}

/* After some failures (a full disk, say) SQLite undoes the transaction by itself. */
static bool is_undone(const struct store *store)
{
	return sqlite3_get_autocommit(store->database.at) != 0;
}

static bool undone(struct error *err)
{
	return error_set(err, ERROR_FAILED, "the database undid the changes before this one");
}

/* ---- one change ---- */

bool change_begin(struct change *change, struct store *store, struct error *err)
{
	change->store = store_lock(store);
	if (store->batch.open && is_undone(store))
		return undone(err);
	change->open = run(store, store->batch.open ? SQL_PART_BEGIN : SQL_BEGIN, err);
	return change->open;
}

bool change_commit(
	struct change *change, const char *device, const char *event, struct error *err)
{
	struct store *const store = change->store;
	struct head head = store->head;

	if (!audit_append(store, &head, device == NULL ? "" : device, event, err)
		|| !run(store, store->batch.open ? SQL_PART_COMMIT : SQL_COMMIT, err))
		return false;
	change->open = false;
	store->head = head;
	return true;
}

static void undo(struct store *store)
{
	struct error ignored = {0};

	if (is_undone(store))
		return;
	if (!store->batch.open || !run(store, SQL_PART_ROLLBACK, &ignored)
		|| !run(store, SQL_PART_COMMIT, &ignored))
		(void)run(store, SQL_ROLLBACK, &ignored);
}

void change_end(struct change *change)
{
	if (change->store == NULL)
		return;
	if (change->open)
		undo(change->store);
	store_unlock(&change->store);
	*change = (struct change){0};
}

/* ---- a batch ---- */

bool store_batch_begin(struct store_batch *batch, struct store *store, struct error *err)
{
	struct store *locked = store_lock(store);

	if (locked->batch.open || !run(locked, SQL_BEGIN, err)) {
		if (locked->batch.open)
			(void)error_set(err, ERROR_USAGE, "a batch within a batch");
		store_unlock(&locked);
		return false;
	}
	locked->batch = (struct batch){.open = true, .former = locked->head};
	batch->store = locked;
	return true;
}

bool store_batch_commit(struct store_batch *batch, struct error *err)
{
	struct store *const store = batch->store;

	if (is_undone(store))
		return undone(err);
	if (!run(store, SQL_COMMIT, err))
		return false;
	store->batch.open = false;
	store_unlock(&batch->store);
	batch->store = NULL;
	return true;
}

/* What was undone is no longer in the index, either. */
void store_batch_end(struct store_batch *batch)
{
	struct store *const store = batch->store;
	struct error ignored = {0};

	if (store == NULL)
		return;
	if (!is_undone(store))
		(void)run(store, SQL_ROLLBACK, &ignored);
	store->head = store->batch.former;
	index_free(&store->index);
	store->batch = (struct batch){0};
	store_unlock(&batch->store);
	batch->store = NULL;
}
