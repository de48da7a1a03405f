#include <errno.h>
#include <string.h>

#include "courier/store_schema.h"

static const struct {
	int result;
	enum error_code code;
} meanings[] = {
	{SQLITE_CORRUPT, ERROR_DAMAGED},
	{SQLITE_NOTADB, ERROR_DAMAGED},
	{SQLITE_FORMAT, ERROR_DAMAGED},
	{SQLITE_FULL, ERROR_SPACE},
	{SQLITE_BUSY, ERROR_BUSY},
	{SQLITE_LOCKED, ERROR_BUSY},
};

static bool fail(sqlite3 *at, struct error *err)
{
	const int extended = sqlite3_extended_errcode(at);
	enum error_code code = ERROR_FAILED;

	for (size_t i = 0; i < COUNT(meanings); i++)
		if (meanings[i].result == (extended & 0xff))
			code = meanings[i].code;
	if (extended == SQLITE_IOERR_SHORT_READ)
		code = ERROR_DAMAGED;
	if ((extended & 0xff) == SQLITE_IOERR && sqlite3_system_errno(at) == ENOSPC)
		code = ERROR_SPACE;
	return error_set(err, code, "the database: %s", sqlite3_errmsg(at));
}

bool sql_fail(const struct sql_database *database, struct error *err)
{
	return fail(database->at, err);
}

bool sql_run(struct sql_database *database, const char *text, struct error *err)
{
	return sqlite3_exec(database->at, text, NULL, NULL, NULL) == SQLITE_OK
		|| fail(database->at, err);
}

/* ---- statements ---- */

static bool prepare(
	struct sql_database *database, const char *text, sqlite3_stmt **out, struct error *err)
{
	return sqlite3_prepare_v3(database->at, text, -1, SQLITE_PREPARE_PERSISTENT, out, NULL)
		== SQLITE_OK
		|| fail(database->at, err);
}

bool sql_prepare(
	struct sql_database *database, const char *text, struct sql *sql, struct error *err)
{
	return prepare(database, text, &sql->at, err);
}

bool sql_start(struct sql_database *database, enum sql_statement which, struct sql *sql,
	struct error *err)
{
	sqlite3_stmt **const cached = &database->statements[which];

	if (*cached == NULL && !prepare(database, schema_statement(which), cached, err))
		return false;
	*sql = (struct sql){.at = *cached};
	return true;
}

static void bound(struct sql *sql, int result)
{
	if (result != SQLITE_OK)
		sql->failed = true;
}

void sql_bind(struct sql *sql, struct bytes bytes)
{
	/* A blob of no bytes, not NULL: that is what the columns want. */
	const void *const at = bytes.len == 0 ? (const void *)"" : bytes.at;

	bound(sql, sqlite3_bind_blob64(sql->at, ++sql->bound, at, bytes.len, SQLITE_STATIC));
}

void sql_bind_text(struct sql *sql, struct bytes bytes)
{
	bound(sql,
		sqlite3_bind_text64(sql->at, ++sql->bound, (const char *)bytes.at, bytes.len,
			SQLITE_STATIC, SQLITE_UTF8));
}

void sql_bind_integer(struct sql *sql, int64_t value)
{
	bound(sql, sqlite3_bind_int64(sql->at, ++sql->bound, value));
}

bool sql_step(struct sql *sql, bool *row, struct error *err)
{
	const int result = sql->failed ? SQLITE_ERROR : sqlite3_step(sql->at);

	if (result != SQLITE_ROW && result != SQLITE_DONE)
		return fail(sqlite3_db_handle(sql->at), err);
	*row = result == SQLITE_ROW;
	return true;
}

bool sql_finish(struct sql *sql, struct error *err)
{
	bool row = false;

	return sql_step(sql, &row, err);
}

struct bytes sql_bytes(const struct sql *sql, int column)
{
	const void *const at = sqlite3_column_blob(sql->at, column);

	return (struct bytes){
		at, at == NULL ? 0 : (size_t)sqlite3_column_bytes(sql->at, column)};
}

int64_t sql_integer(const struct sql *sql, int column)
{
	return sqlite3_column_int64(sql->at, column);
}

bool sql_digest(const struct sql *sql, int column, struct digest *out)
{
	const struct bytes bytes = sql_bytes(sql, column);

	if (bytes.len != sizeof(out->at))
		return false;
	memcpy(out->at, bytes.at, sizeof(out->at));
	return true;
}

void sql_end(struct sql *sql)
{
	if (sql->at != NULL) {
		(void)sqlite3_reset(sql->at);
		(void)sqlite3_clear_bindings(sql->at);
	}
	*sql = (struct sql){0};
}

void sql_drop(struct sql *sql)
{
	(void)sqlite3_finalize(sql->at);
	*sql = (struct sql){0};
}

/* ---- the connection ---- */

/* Nothing in the file may run code, and nothing may be left behind on disk that is
 * not in a row. */
static bool connect_to(const char *path, struct sql_database *out, struct error *err)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;

	if (sqlite3_open_v2(path, &out->at, flags, NULL) != SQLITE_OK)
		return out->at == NULL
			? error_set(err, ERROR_FAILED, "cannot open the database")
			: fail(out->at, err);
	(void)sqlite3_db_config(out->at, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(out->at, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	(void)sqlite3_db_config(out->at, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	(void)sqlite3_db_config(out->at, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	return sql_run(out,
		"PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = FULL;"
		"PRAGMA secure_delete = ON; PRAGMA foreign_keys = ON;"
		"PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;"
		"PRAGMA cache_size = -1024", /* KiB */
		err);
}

bool sql_create(const char *path, struct sql_database *out, struct error *err)
{
	return connect_to(path, out, err) && sql_run(out, "BEGIN IMMEDIATE", err)
		&& schema_create(out, err);
}

bool sql_open(const char *path, struct sql_database *out, struct error *err)
{
	return connect_to(path, out, err) && schema_check(out, err)
		&& sql_run(out, "PRAGMA journal_mode = WAL", err);
}

bool sql_checkpoint(struct sql_database *database, struct error *err)
{
	return sql_run(database, "PRAGMA wal_checkpoint(TRUNCATE)", err);
}

void sql_close(struct sql_database *database)
{
	for (size_t i = 0; i < COUNT(database->statements); i++)
		(void)sqlite3_finalize(database->statements[i]);
	(void)sqlite3_close(database->at);
	*database = (struct sql_database){0};
}
