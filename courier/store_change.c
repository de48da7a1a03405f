/* store_change.c - transactions: of one change, of a group of threads, or of a batch. */
#include "courier/store_audit.h"

enum { GROUP_MAX = 64 /* changes that wait for one commit */ };

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

/* Why, as far as the database still knows; always false. */
static bool undone(const struct store *store, struct error *err)
{
	if (sqlite3_errcode(store->database.at) != SQLITE_OK)
		return sql_fail(&store->database, err);
	return error_set(err, ERROR_FAILED, "the database undid the changes before this one");
}

/* Back to where a transaction began; what was undone is no longer in the index. */
static void go_back(struct store *store, const struct head *former)
{
	struct error ignored = {0};

	if (!is_undone(store))
		(void)run(store, SQL_ROLLBACK, &ignored);
	store->head = *former;
	index_free(&store->index);
}

/* ---- a group ---- */

static bool others_come(const struct store *store)
{
	return atomic_load(&store->group.coming) > 0 && store->group.count < GROUP_MAX;
}

static void end_group(struct store *store)
{
	struct group *const group = &store->group;
	struct error why = {0};
	const bool kept = is_undone(store) ? undone(store, &why) : run(store, SQL_COMMIT, &why);

	if (!kept)
		go_back(store, &group->former);
	for (struct change *at = group->member; at != NULL; at = at->next) {
		at->over = true;
		at->kept = kept;
		at->why = why;
	}
	group->open = false;
	group->member = NULL;
	group->count = 0;
	(void)pthread_cond_broadcast(&group->over);
}

/* CHANGE is done: wait until it is durable, or make it so. */
static bool join_group(struct change *change, struct error *err)
{
	struct store *const store = change->store;
	struct group *const group = &store->group;

	change->next = group->member;
	group->member = change;
	group->count++;
	if (!others_come(store))
		end_group(store);
	while (!change->over)
		(void)pthread_cond_wait(&group->over, &store->mutex);
	if (!change->kept)
		*err = change->why;
	return change->kept;
}

/* ---- one change ---- */

bool change_begin(struct change *change, struct store *store, struct error *err)
{
	struct group *const group = &store->group;

	(void)atomic_fetch_add(&group->coming, 1);
	change->store = store_lock(store);
	(void)atomic_fetch_sub(&group->coming, 1);
	if (store->batch.open && is_undone(store))
		return undone(store, err);
	/* By somebody who only read, say, and met a failing disk: its members must know
	 * before anything is built upon what is not there any more. */
	if (group->open && is_undone(store))
		end_group(store);
	change->part = store->batch.open || group->open;
	change->open = run(store, change->part ? SQL_PART_BEGIN : SQL_BEGIN, err);
	if (change->open && !change->part) {
		group->open = true;
		group->former = store->head;
	}
	return change->open;
}

bool change_commit(
	struct change *change, const char *device, const char *event, struct error *err)
{
	struct store *const store = change->store;
	struct head head = store->head;

	if (!audit_append(store, &head, device == NULL ? "" : device, event, err)
		|| (change->part && !run(store, SQL_PART_COMMIT, err)))
		return false;
	change->open = false;
	store->head = head;
	return store->batch.open || join_group(change, err);
}

static void undo(const struct change *change)
{
	struct store *const store = change->store;
	struct error ignored = {0};

	if (!change->part)
		store->group.open = false;
	if (is_undone(store))
		return;
	if (!change->part || !run(store, SQL_PART_ROLLBACK, &ignored)
		|| !run(store, SQL_PART_COMMIT, &ignored))
		(void)run(store, SQL_ROLLBACK, &ignored);
}

/* Members may have waited for this change only. */
void change_end(struct change *change)
{
	struct store *const store = change->store;

	if (store == NULL)
		return;
	if (change->open)
		undo(change);
	if (store->group.open && (is_undone(store) || !others_come(store)))
		end_group(store);
	*change = (struct change){.store = store};
	store_unlock(&change->store);
	change->store = NULL;
}

/* ---- a batch ---- */

bool store_batch_begin(struct store_batch *batch, struct store *store, struct error *err)
{
	struct store *locked = store_lock(store);

	if (locked->group.open)
		end_group(locked);
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
		return undone(store, err);
	if (!run(store, SQL_COMMIT, err))
		return false;
	store->batch.open = false;
	store_unlock(&batch->store);
	batch->store = NULL;
	return true;
}

void store_batch_end(struct store_batch *batch)
{
	struct store *const store = batch->store;

	if (store == NULL)
		return;
	go_back(store, &store->batch.former);
	store->batch = (struct batch){0};
	store_unlock(&batch->store);
	batch->store = NULL;
}
