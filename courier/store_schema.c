#include <stdio.h>
#include <string.h>

#include "courier/store_schema.h"

/*
 * KEY is the HMAC of a row's name under a key of its table, DEVICE that of its
 * device's id.  All the rest that is not an INTEGER is sealed, and with it, as
 * associated data, the name of the table and of the column and everything readable
 * in the same row: see store_keys.h.
 *
 * What whoever has the disk reads without the passphrase (for courier(1)):
 *
 *	that this is the store of a courier, and of which version; its random id, the
 *	salt and the cost of its passphrase; whether the acting key was wiped
 *	how many devices, parcels, receipts, keys, tokens, papers, artifacts, files of
 *	repositories and audit rows there are, and the length of each sealed value:
 *	names, inventories, receipts, logs and signed metadata to the byte
 *	of a parcel: its state, whether it has a download URL, its turn among all
 *	which parcels and receipts are of the same device, but not of which
 *	of a receipt: whether the server has it
 *	of an artifact: its size, and whether and how far it was fetched
 *	when files were last written and read
 *
 * What they can do unnoticed: take away rows or artifacts (but not from the audit log,
 * which tells of each), and put back an older copy of a row, or of the whole home.
 *
 * One statement each, exactly as SQLite gives it back.
 */
#define METADATA_TABLE                                                                         \
	"CREATE TABLE metadata(key BLOB PRIMARY KEY, name BLOB NOT NULL,"                      \
	" sealed BLOB NOT NULL) STRICT"

static const char *const schema[] = {
	"CREATE TABLE keys(one INTEGER PRIMARY KEY CHECK(one = 1), store BLOB NOT NULL,"
	" salt BLOB NOT NULL, log_n INTEGER NOT NULL, r INTEGER NOT NULL,"
	" p INTEGER NOT NULL, acting BLOB NOT NULL, reports BLOB NOT NULL,"
	" checksum BLOB NOT NULL) STRICT",
	"CREATE TABLE head(one INTEGER PRIMARY KEY CHECK(one = 1), sealed BLOB NOT NULL)"
	" STRICT",
	"CREATE TABLE audit(number INTEGER PRIMARY KEY, sealed BLOB NOT NULL) STRICT",
	"CREATE TABLE secret(key BLOB PRIMARY KEY, sealed BLOB NOT NULL) STRICT",
	"CREATE TABLE paper(key BLOB PRIMARY KEY, sealed BLOB NOT NULL) STRICT",
	"CREATE TABLE token(key BLOB PRIMARY KEY, sealed BLOB NOT NULL) STRICT",
	"CREATE TABLE device(key BLOB PRIMARY KEY, brief BLOB NOT NULL,"
	" sealed BLOB NOT NULL) STRICT",
	"CREATE TABLE parcel(key BLOB PRIMARY KEY, number INTEGER NOT NULL UNIQUE,"
	" device BLOB NOT NULL, state INTEGER NOT NULL, sealed BLOB NOT NULL) STRICT",
	"CREATE INDEX parcel_device ON parcel(device, number)",
	"CREATE TABLE url(key BLOB PRIMARY KEY REFERENCES parcel(key) ON DELETE CASCADE,"
	" sealed BLOB NOT NULL) STRICT",
	"CREATE TABLE receipt(key BLOB PRIMARY KEY, device BLOB NOT NULL,"
	" sent INTEGER NOT NULL, brief BLOB NOT NULL, sealed BLOB NOT NULL) STRICT",
	"CREATE INDEX receipt_device ON receipt(device, sent)",
	"CREATE INDEX receipt_sent ON receipt(sent)",
	"CREATE TABLE blob(key BLOB PRIMARY KEY, whole INTEGER NOT NULL,"
	" size INTEGER NOT NULL, name BLOB NOT NULL, wrapped BLOB NOT NULL) STRICT",
	METADATA_TABLE,
};

/* What makes a store of the next version of one of that version; NULL: never in use. */
static const char *const upgrades[SQL_VERSION] = {
	[1] = METADATA_TABLE,
};

static const char *const statements[SQL_STATEMENT_COUNT] = {
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
	[SQL_PART_BEGIN] = "SAVEPOINT part",
	[SQL_PART_COMMIT] = "RELEASE part",
	[SQL_PART_ROLLBACK] = "ROLLBACK TO part",

	[SQL_KEYS_GET] = "SELECT store, salt, log_n, r, p, acting, reports, checksum FROM keys",
	[SQL_KEYS_PUT] = "REPLACE INTO keys VALUES(1, ?, ?, ?, ?, ?, ?, ?, ?)",
	[SQL_HEAD_GET] = "SELECT sealed FROM head",
	[SQL_HEAD_PUT] = "REPLACE INTO head VALUES(1, ?)",
	[SQL_AUDIT_GET] = "SELECT sealed FROM audit WHERE number = ?",
	[SQL_AUDIT_PUT] = "INSERT INTO audit VALUES(?, ?)",
	[SQL_AUDIT_LAST] = "SELECT coalesce(max(number), 0), count(*) FROM audit",

	[SQL_SECRET_GET] = "SELECT sealed FROM secret WHERE key = ?",
	[SQL_SECRET_PUT] = "REPLACE INTO secret VALUES(?, ?)",
	[SQL_SECRET_ALL] = "SELECT key, sealed FROM secret",
	[SQL_PAPER_GET] = "SELECT sealed FROM paper WHERE key = ?",
	[SQL_PAPER_PUT] = "REPLACE INTO paper VALUES(?, ?)",
	[SQL_PAPER_ALL] = "SELECT key, sealed FROM paper",
	[SQL_TOKEN_GET] = "SELECT sealed FROM token WHERE key = ?",
	[SQL_TOKEN_PUT] = "REPLACE INTO token VALUES(?, ?)",
	[SQL_TOKEN_DROP] = "DELETE FROM token WHERE key = ?",
	[SQL_TOKEN_ALL] = "SELECT key, sealed FROM token",

	[SQL_DEVICE_GET] = "SELECT sealed FROM device WHERE key = ?",
	[SQL_DEVICE_PUT] = "REPLACE INTO device VALUES(?, ?, ?)",
	[SQL_DEVICE_ALL] = "SELECT key, brief FROM device",

	[SQL_PARCEL_GET] = "SELECT number, device, state, sealed FROM parcel WHERE key = ?",
	[SQL_PARCEL_PUT]
	= ("INSERT INTO parcel VALUES(?, ?, ?, ?, ?) ON CONFLICT(key) DO UPDATE SET"
	   " number = excluded.number, device = excluded.device,"
	   " state = excluded.state, sealed = excluded.sealed"),
	[SQL_PARCEL_NUMBER] = "SELECT coalesce(max(number), 0) + 1 FROM parcel",
	[SQL_PARCEL_OPEN] = ("SELECT key FROM parcel WHERE device = ? AND state < ?"
			     " ORDER BY number DESC LIMIT 1"),
	[SQL_PARCEL_ALL] = "SELECT key FROM parcel ORDER BY number",
	[SQL_PARCEL_OF] = "SELECT key FROM parcel WHERE device = ? ORDER BY number",
	[SQL_URL_GET] = "SELECT sealed FROM url WHERE key = ?",
	[SQL_URL_PUT] = "REPLACE INTO url VALUES(?, ?)",
	[SQL_URL_DROP] = "DELETE FROM url WHERE key = ?",
	[SQL_URL_ALL] = "SELECT key, sealed FROM url",

	[SQL_RECEIPT_GET] = "SELECT device, sent, brief, sealed FROM receipt WHERE key = ?",
	[SQL_RECEIPT_PUT] = "INSERT OR REPLACE INTO receipt VALUES(?, ?, ?, ?, ?)",
	[SQL_RECEIPT_SENT] = "UPDATE receipt SET sent = ?, brief = ? WHERE key = ?",
	[SQL_RECEIPT_ALL] = "SELECT key, device, sent, brief FROM receipt WHERE sent <= ?",
	[SQL_RECEIPT_OF] = ("SELECT key, device, sent, brief FROM receipt"
			    " WHERE sent <= ? AND device = ?"),

	[SQL_BLOB_GET] = "SELECT whole, size, name, wrapped FROM blob WHERE key = ?",
	[SQL_BLOB_PUT] = "REPLACE INTO blob VALUES(?, ?, ?, ?, ?)",
	[SQL_BLOB_DROP] = "DELETE FROM blob WHERE key = ?",
	[SQL_BLOB_ALL] = "SELECT key, whole, size, name, wrapped FROM blob",

	[SQL_METADATA_GET] = "SELECT sealed FROM metadata WHERE key = ?",
	[SQL_METADATA_PUT] = "REPLACE INTO metadata VALUES(?, ?, ?)",
	[SQL_METADATA_DROP] = "DELETE FROM metadata WHERE key = ?",
	[SQL_METADATA_ALL] = "SELECT key, name FROM metadata",
};

const char *schema_statement(enum sql_statement which)
{
	return statements[which];
}

bool schema_create(struct sql_database *database, struct error *err)
{
	char text[96];

	for (size_t i = 0; i < COUNT(schema); i++)
		if (!sql_run(database, schema[i], err))
			return false;
	(void)snprintf(text, sizeof(text),
		"PRAGMA application_id = %d; PRAGMA user_version = %d", SQL_APPLICATION,
		SQL_VERSION);
	return sql_run(database, text, err);
}

/* The first column of the first row of QUERY. */
static bool ask(struct sql_database *database, const char *query, struct bytes value,
	struct sql *sql, struct error *err)
{
	bool row = false;

	if (!sql_prepare(database, query, sql, err))
		return false;
	if (value.at != NULL)
		sql_bind_text(sql, value);
	if (!sql_step(sql, &row, err))
		return false;
	return row || error_set(err, ERROR_DAMAGED, "no answer to %s", query);
}

static bool ask_integer(
	struct sql_database *database, const char *query, int64_t *out, struct error *err)
{
	CLEANUP(sql_drop) struct sql sql = {0};

	if (!ask(database, query, (struct bytes){NULL, 0}, &sql, err))
		return false;
	*out = sql_integer(&sql, 0);
	return true;
}

static bool check_version(struct sql_database *database, int64_t *out, struct error *err)
{
	int64_t application = 0, version = 0;

	if (!ask_integer(database, "PRAGMA application_id", &application, err)
		|| !ask_integer(database, "PRAGMA user_version", &version, err))
		return false;
	*out = version;
	if (application != SQL_APPLICATION)
		return error_set(err, ERROR_DAMAGED,
			"not the store of a courier; restore it from a copy, or move it away");
	if (version > SQL_VERSION)
		return error_set(err, ERROR_DAMAGED,
			"written by a newer courier (store version %lld, this one knows up to "
			"%d): use that courier, or install it here",
			(long long)version, SQL_VERSION);
	return version == SQL_VERSION || (version > 0 && upgrades[version] != NULL)
		|| error_set(err, ERROR_DAMAGED,
			"store version %lld was never in use (this courier knows %d)",
			(long long)version, SQL_VERSION);
}

/* One transaction for all versions between: a power cut leaves the old store. */
static bool upgrade(struct sql_database *database, int64_t version, struct error *err)
{
	char text[64];

	if (version == SQL_VERSION)
		return true;
	(void)snprintf(text, sizeof(text), "PRAGMA user_version = %d; COMMIT", SQL_VERSION);
	if (!sql_run(database, "BEGIN IMMEDIATE", err))
		return false;
	for (int64_t i = version; i < SQL_VERSION; i++)
		if (!sql_run(database, upgrades[i], err)) {
			err->code = ERROR_DAMAGED;
			return error_while(err, "a store of version %lld that is none",
				(long long)version);
		}
	return sql_run(database, text, err);
}

static bool check_pages(struct sql_database *database, struct error *err)
{
	CLEANUP(sql_drop) struct sql sql = {0};

	if (!ask(database, "PRAGMA integrity_check(1)", (struct bytes){NULL, 0}, &sql, err))
		return false;

	const struct bytes answer = sql_bytes(&sql, 0);

	return bytes_equal(answer, bytes_of("ok"))
		|| error_set(err, ERROR_DAMAGED, "the database is damaged: %.*s",
			answer.len > 200 ? 200 : (int)answer.len, (const char *)answer.at);
}

/* Each of our tables as we made it, and nothing else: no view, no trigger. */
static bool check_tables(struct sql_database *database, struct error *err)
{
	int64_t count = 0;

	if (!ask_integer(database, "SELECT count(*) FROM sqlite_schema WHERE sql NOT NULL",
		    &count, err))
		return false;
	for (size_t i = 0; i < COUNT(schema); i++) {
		CLEANUP(sql_drop) struct sql sql = {0};

		if (!ask(database, "SELECT count(*) FROM sqlite_schema WHERE sql = ?",
			    bytes_of(schema[i]), &sql, err))
			return false;
		if (sql_integer(&sql, 0) != 1)
			return error_set(err, ERROR_DAMAGED, "a table is not as it was made");
	}
	return count == (int64_t)COUNT(schema)
		|| error_set(err, ERROR_DAMAGED, "there are tables that are not ours");
}

bool schema_check(struct sql_database *database, struct error *err)
{
	int64_t version = 0;

	return check_version(database, &version, err) && check_pages(database, err)
		&& upgrade(database, version, err) && check_tables(database, err);
}
