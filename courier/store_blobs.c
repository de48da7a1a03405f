/* store_blobs.c - the rows of blobs, and what is dropped. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "courier/store_blob.h"

void blob_row_wipe(struct blob_row *row)
{
	secret_wipe_bytes(row, sizeof(*row));
}

void blob_file(
	const struct digest *key, char file[static BLOB_FILE], char part[static BLOB_FILE])
{
	digest_text(key, file);
	(void)snprintf(part, BLOB_FILE, "%.64s.part", file);
}

/* ---- rows ---- */

/* WHOLE and SIZE as they are in the row: readable. */
static struct cell row_cell(
	const struct digest *key, const char *column, int64_t whole, int64_t size)
{
	return (struct cell){.table = TABLE_BLOB,
		.column = column,
		.key = *key,
		.clear = {(uint64_t)whole, (uint64_t)size}};
}

bool blob_row_read(struct store *store, const char *name, struct blob_row *out, bool *found,
	struct error *err)
{
	CLEANUP(store_unlock) struct store *locked = store_lock(store);
	CLEANUP(blob_row_wipe) struct blob_row made = {0};
	CLEANUP(sql_end) struct sql sql = {0};
	bool row = false;

	if (!cell_name(locked->keys, TABLE_BLOB, name, NULL, &made.key, err)
		|| !sql_start(&locked->database, SQL_BLOB_GET, &sql, err))
		return false;
	sql_bind(&sql, digest_bytes(&made.key));
	if (!sql_step(&sql, &row, err))
		return false;
	*found = row;
	if (!row)
		return true;

	const struct cell cell
		= row_cell(&made.key, "wrapped", sql_integer(&sql, 0), sql_integer(&sql, 1));

	if (!cell_unseal_secret(locked->keys, &cell, sql_bytes(&sql, 3), &made.secret, err))
		return false;
	made.whole = cell.clear[0] != 0;
	made.size = cell.clear[1];
	*out = made;
	return true;
}

static bool put_row(
	struct store *store, const char *name, const struct blob_row *row, struct error *err)
{
	const int64_t size = (int64_t)row->size;
	const struct cell name_cell = row_cell(&row->key, "name", row->whole, size);
	const struct cell secret_cell = row_cell(&row->key, "wrapped", row->whole, size);
	CLEANUP(buf_free) struct buf named = {0}, wrapped = {0};
	CLEANUP(sql_end) struct sql sql = {0};

	if (!cell_seal(store->keys, &name_cell, bytes_of(name), &named, err)
		|| !cell_seal_secret(store->keys, &secret_cell, &row->secret, &wrapped, err)
		|| !sql_start(&store->database, SQL_BLOB_PUT, &sql, err))
		return false;
	sql_bind(&sql, digest_bytes(&row->key));
	sql_bind_integer(&sql, row->whole);
	sql_bind_integer(&sql, size);
	sql_bind(&sql, buf_bytes(&named));
	sql_bind(&sql, buf_bytes(&wrapped));
	return sql_finish(&sql, err);
}

bool blob_row_write(struct store *store, const char *name, const struct blob_row *row,
	const char *event, struct error *err)
{
	CLEANUP(change_end) struct change change = {0};

	return change_begin(&change, store, err) && put_row(store, name, row, err)
		&& change_commit(&change, NULL, event, err);
}

bool store_blob_size(
	struct store *store, const char *name, uint64_t *size, bool *found, struct error *err)
{
	CLEANUP(blob_row_wipe) struct blob_row row = {0};
	char file[BLOB_FILE], part[BLOB_FILE];
	bool there = false;

	if (!blob_row_read(store, name, &row, &there, err))
		return false;
	blob_file(&row.key, file, part);
	*found = there && row.whole && blob_file_there(store, file, row.size);
	if (*found)
		*size = row.size;
	return true;
}

/* ---- all their names ---- */

struct names {
	char **at;
	size_t count, room;
};

OWNER_UNSEEN_BEGIN
static void names_free(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->at[i]);
	free(names->at);
}
OWNER_UNSEEN_END

static bool names_add(struct names *names, struct bytes name, struct error *err)
{
	if (names->count == names->room) {
		const size_t room = names->room == 0 ? 16 : 2 * names->room;
		char **const at = realloc(names->at, room * sizeof(*at));

		if (at == NULL)
			return error_errno(err, "cannot allocate memory");
		names->at = at;
		names->room = room;
	}

	char *const text = strndup(name.len == 0 ? "" : (const char *)name.at, name.len);

	if (text == NULL)
		return error_errno(err, "cannot allocate memory");
	names->at[names->count++] = text;
	return true;
}

static bool names_row(
	struct store *store, const struct sql *sql, struct names *names, struct error *err)
{
	CLEANUP(wiped_free) struct buf name = {0};
	SECRET secret = {{0}};
	struct digest key;

	if (!sql_digest(sql, 0, &key))
		return error_set(err, ERROR_DAMAGED,
			"the store is damaged: a blob has an impossible key");

	const int64_t whole = sql_integer(sql, 1), size = sql_integer(sql, 2);
	const struct cell name_cell = row_cell(&key, "name", whole, size);
	const struct cell secret_cell = row_cell(&key, "wrapped", whole, size);

	return cell_unseal(store->keys, &name_cell, sql_bytes(sql, 3), &name, err)
		&& cell_unseal_secret(
			store->keys, &secret_cell, sql_bytes(sql, 4), &secret, err)
		&& names_add(names, buf_bytes(&name), err);
}

static bool names_read(struct store *store, struct names *names, struct error *err)
{
	CLEANUP(store_unlock) struct store *locked = store_lock(store);
	CLEANUP(sql_end) struct sql sql = {0};
	bool row = true;

	if (!sql_start(&locked->database, SQL_BLOB_ALL, &sql, err))
		return false;
	while (row)
		if (!sql_step(&sql, &row, err) || (row && !names_row(locked, &sql, names, err)))
			return false;
	return true;
}

bool blob_check(struct store *store, struct error *err)
{
	CLEANUP(names_free) struct names names = {0};

	return names_read(store, &names, err);
}

/* ---- dropping ---- */

static bool drop_row(
	struct store *store, const char *name, const struct digest *key, struct error *err)
{
	CLEANUP(change_end) struct change change = {0};
	char event[96];

	(void)snprintf(event, sizeof(event), "blob dropped: %.64s", name);
	return change_begin(&change, store, err) && row_drop(store, SQL_BLOB_DROP, key, err)
		&& change_commit(&change, NULL, event, err);
}

/* Both files; the caller has claimed the key. */
static bool remove_files(struct store *store, const struct digest *key, struct error *err)
{
	char file[BLOB_FILE], part[BLOB_FILE];

	blob_file(key, file, part);
	if ((unlinkat(store->blobs, file, 0) != 0 && errno != ENOENT)
		|| (unlinkat(store->blobs, part, 0) != 0 && errno != ENOENT)
		|| fsync(store->blobs) != 0)
		return error_errno(err, "cannot remove a blob");
	return true;
}

static bool has_row(struct store *store, const struct digest *key, bool *has, struct error *err)
{
	CLEANUP(store_unlock) struct store *locked = store_lock(store);
	CLEANUP(sql_end) struct sql sql = {0};

	if (!sql_start(&locked->database, SQL_BLOB_GET, &sql, err))
		return false;
	sql_bind(&sql, digest_bytes(key));
	return sql_step(&sql, has, err);
}

/* The row first: a file without one is nothing, and swept up. */
static bool drop(
	struct store *store, const char *name, const struct digest *key, struct error *err)
{
	bool found = false;

	return has_row(store, key, &found, err) && (!found || drop_row(store, name, key, err))
		&& remove_files(store, key, err);
}

bool store_blob_drop(struct store *store, const char *name, struct error *err)
{
	struct writer writer = {0};

	if (!cell_name(store->keys, TABLE_BLOB, name, NULL, &writer.key, err)
		|| !blob_claim(store, &writer, err))
		return error_while(err, "%s", name);

	const bool done = drop(store, name, &writer.key, err);

	blob_release(store, &writer);
	return done || error_while(err, "%s", name);
}

/* ---- sweeping ---- */

static void directory_close(DIR **directory)
{
	if (*directory != NULL)
		(void)closedir(*directory);
}

/* ENTRY of the directory goes, unless it has a row, or somebody is about to make one. */
static bool remove_stray(struct store *store, const char *entry, struct error *err)
{
	struct error busy = {0};
	struct writer writer = {0};
	char hex[DIGEST_TEXT];
	bool has = true;

	(void)snprintf(hex, sizeof(hex), "%.64s", entry);
	if (!digest_parse(hex, &writer.key, &busy) || !blob_claim(store, &writer, &busy))
		return true;

	const bool done = has_row(store, &writer.key, &has, err)
		&& (has || remove_files(store, &writer.key, err));

	blob_release(store, &writer);
	return done;
}

bool blob_remove_strays(struct store *store, struct error *err)
{
	const int fd = openat(store->blobs, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(directory_close) DIR *directory = fd < 0 ? NULL : fdopendir(fd);

	if (directory == NULL)
		return error_errno(err, "cannot list the blobs");
	for (;;) {
		errno = 0;

		const struct dirent *const entry = readdir(directory);

		if (entry == NULL)
			return errno == 0 || error_errno(err, "cannot list the blobs");
		if (!remove_stray(store, entry->d_name, err))
			return false;
	}
}

bool store_blob_sweep(struct store *store, bool (*keep)(void *self, const char *name),
	void *self, struct error *err)
{
	CLEANUP(names_free) struct names names = {0};

	if (!names_read(store, &names, err))
		return false;
	for (size_t i = 0; i < names.count; i++)
		if (!keep(self, names.at[i]) && !store_blob_drop(store, names.at[i], err)
			&& err->code != ERROR_BUSY)
			return false;
	return blob_remove_strays(store, err);
}
