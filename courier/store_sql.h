/*
 * store_sql.h - SQLite, as the store uses it: one connection, every statement in one
 * table, prepared once.  Values are bound in order; a value that cannot be bound makes
 * the next step fail.
 *
 *	CLEANUP(sql_end) struct sql sql = {0};
 *	if (!sql_start(database, SQL_PAPER_GET, &sql, err)) ...
 *	sql_bind(&sql, digest_bytes(&key));
 *	if (!sql_step(&sql, &row, err)) ...
 *
 * Not thread-safe: the store's mutex is held around all of it.
 */
#ifndef COURIER_STORE_SQL_H
#define COURIER_STORE_SQL_H

#include <sqlite3.h>

#include "common/bytes.h"

enum {
	SQL_APPLICATION = 0x436f7572, /* "Cour": what the file says it is */
	SQL_VERSION = 2,              /* of the schema: user_version */
};

enum sql_statement {
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_PART_BEGIN,
	SQL_PART_COMMIT,
	SQL_PART_ROLLBACK,
	SQL_KEYS_GET,
	SQL_KEYS_PUT,
	SQL_HEAD_GET,
	SQL_HEAD_PUT,
	SQL_AUDIT_GET,
	SQL_AUDIT_PUT,
	SQL_AUDIT_LAST,
	SQL_SECRET_GET,
	SQL_SECRET_PUT,
	SQL_SECRET_ALL,
	SQL_PAPER_GET,
	SQL_PAPER_PUT,
	SQL_PAPER_ALL,
	SQL_TOKEN_GET,
	SQL_TOKEN_PUT,
	SQL_TOKEN_DROP,
	SQL_TOKEN_ALL,
	SQL_DEVICE_GET,
	SQL_DEVICE_PUT,
	SQL_DEVICE_ALL,
	SQL_PARCEL_GET,
	SQL_PARCEL_PUT,
	SQL_PARCEL_NUMBER,
	SQL_PARCEL_OPEN,
	SQL_PARCEL_ALL,
	SQL_PARCEL_OF,
	SQL_URL_GET,
	SQL_URL_PUT,
	SQL_URL_DROP,
	SQL_URL_ALL,
	SQL_RECEIPT_GET,
	SQL_RECEIPT_PUT,
	SQL_RECEIPT_SENT,
	SQL_RECEIPT_ALL,
	SQL_RECEIPT_OF,
	SQL_BLOB_GET,
	SQL_BLOB_PUT,
	SQL_BLOB_DROP,
	SQL_BLOB_ALL,
	SQL_METADATA_GET,
	SQL_METADATA_PUT,
	SQL_METADATA_DROP,
	SQL_METADATA_ALL,
	SQL_STATEMENT_COUNT,
};

struct sql_database {
	sqlite3 *at;
	sqlite3_stmt *statements[SQL_STATEMENT_COUNT];
};

/* Fill the file at PATH, which is empty, with the schema, and leave the transaction
 * open: whoever makes a store adds its first rows and then commits. */
NODISCARD bool sql_create(const char *path, struct sql_database *, struct error *);
/* Open the file at PATH: WAL, synchronous=FULL, secure_delete, foreign keys.
 * ERROR_DAMAGED when its pages or its schema are not whole, or of a newer version. */
NODISCARD bool sql_open(const char *path, struct sql_database *, struct error *);
void sql_close(struct sql_database *); /* zero is fine */

/* Run TEXT, which gives no rows. */
NODISCARD bool sql_run(struct sql_database *, const char *text, struct error *);
/* Why the last call failed; always false. */
bool sql_fail(const struct sql_database *, struct error *);
/* Let nothing of former content remain in the write-ahead log. */
NODISCARD bool sql_checkpoint(struct sql_database *, struct error *);

/* One execution of a statement. */
struct sql {
	sqlite3_stmt *at;
	int bound; /* values so far */
	bool failed;
};

NODISCARD bool sql_start(
	struct sql_database *, enum sql_statement, struct sql *, struct error *);
/* The next value, a blob or text.  BYTES are borrowed until sql_end(). */
void sql_bind(struct sql *, struct bytes);
void sql_bind_text(struct sql *, struct bytes);
void sql_bind_integer(struct sql *, int64_t);
/* *ROW: is there one (more)? */
NODISCARD bool sql_step(struct sql *, bool *row, struct error *);
/* Bind nothing more, and run to the end. */
NODISCARD bool sql_finish(struct sql *, struct error *);
/* Of the row: valid until the next step. */
struct bytes sql_bytes(const struct sql *, int column);
int64_t sql_integer(const struct sql *, int column);
bool sql_digest(const struct sql *, int column, struct digest *); /* false: another size */
void sql_end(struct sql *);

/* A statement that is needed once: dropped by sql_drop() in place of sql_end(). */
NODISCARD bool sql_prepare(
	struct sql_database *, const char *text, struct sql *, struct error *);
void sql_drop(struct sql *);

#endif
