/* What somebody who has the disk can do to a store, and what can be read off it. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "tests/store_home.h"
#include "tests/test.h"

/* ---- everything that is in a store, as one digest ---- */

struct sum {
	struct crypto_hash *hash;
	struct store *store;
};

static bool add_bytes(struct sum *sum, struct bytes bytes, struct error *err)
{
	const uint8_t len[] = {(uint8_t)(bytes.len >> 8), (uint8_t)bytes.len};

	return crypto_hash_add(sum->hash, (struct bytes){len, sizeof(len)}, err)
		&& crypto_hash_add(sum->hash, bytes, err);
}

static bool add_text(struct sum *sum, const char *text, struct error *err)
{
	return add_bytes(sum, bytes_of(text == NULL ? "" : text), err);
}

static bool add_device(void *self, const struct store_device *device, struct error *err)
{
	CLEANUP(buf_free) struct buf token = {0};
	struct sum *const sum = self;
	bool found = false;

	return store_get_token(sum->store, device->id, &token, &found, err)
		&& add_text(sum, found ? "token" : "none", err)
		&& add_bytes(sum, buf_bytes(&token), err) && add_text(sum, device->id, err)
		&& add_text(sum, device->label, err) && add_text(sum, device->id_data, err)
		&& add_bytes(sum, buf_bytes(&device->inventory), err);
}

static bool add_parcel(void *self, const struct store_parcel *parcel, struct error *err)
{
	return add_text(self, parcel->device, err) && add_text(self, parcel->deployment, err)
		&& add_text(self, parcel->url, err) && add_text(self, parcel->request, err)
		&& add_text(self, parcel_state_name(parcel->state), err);
}

static bool add_receipt(void *self, const struct store_receipt *receipt, struct error *err)
{
	return add_text(self, receipt->device, err)
		&& add_text(self, receipt->sent ? "sent" : "unsent", err)
		&& add_bytes(self, buf_bytes(&receipt->envelope), err)
		&& add_bytes(self, buf_bytes(&receipt->log), err);
}

static bool add_audit(void *self, const struct store_audit_row *row, struct error *err)
{
	return add_text(self, row->device, err) && add_text(self, row->event, err);
}

static bool add_secrets(struct sum *sum, struct error *err)
{
	CLEANUP(buf_free) struct buf paper = {0};
	SECRET one = {{0}};
	SECRET other = {{0}};
	bool found = false;

	return store_get_secret(sum->store, STORE_COURIER_KEY, &one, err)
		&& store_get_secret(sum->store, STORE_SERVER_KEY, &other, err)
		&& store_get_paper(sum->store, "control-paper", &paper, &found, err)
		&& add_bytes(sum, (struct bytes){one.at, sizeof(one.at)}, err)
		&& add_bytes(sum, (struct bytes){other.at, sizeof(other.at)}, err)
		&& add_bytes(sum, buf_bytes(&paper), err);
}

static bool add_blob(struct sum *sum, struct error *err)
{
	CLEANUP(store_reader_cleanup) struct store_reader *reader = NULL;
	uint8_t at[4096];
	size_t got = 1;

	if (!store_reader_open(sum->store, "server/blob-name-whole", &reader, err))
		return false;

	const struct source source = store_reader_source(reader);

	while (got > 0)
		if (!source.read(source.self, at, sizeof(at), &got, err)
			|| !add_bytes(sum, (struct bytes){at, got}, err))
			return false;
	return true;
}

static bool add_files(struct sum *sum, struct error *err)
{
	CLEANUP(buf_free) struct buf file = {0};
	bool found = false;

	return store_get_metadata(sum->store, "fleet-repository", "7.snapshot-file.json", &file,
		       &found, err)
		&& store_get_metadata(sum->store, "fleet-repository", "8.snapshot-file.json",
			&file, &found, err)
		&& add_bytes(sum, buf_bytes(&file), err);
}

/* Open the home, read all of it, close it. */
static bool read_all(const struct home *home, struct digest *out, struct error *err)
{
	CLEANUP(store_cleanup) struct store *store = NULL;
	CLEANUP(crypto_hash_cleanup) struct crypto_hash *hash = NULL;

	if (!store_open(home->path, &home->passphrase, &store, err)
		|| !crypto_hash_new(&hash, err))
		return false;

	struct sum sum = {hash, store};

	return add_secrets(&sum, err) && store_each_device(store, add_device, &sum, err)
		&& store_each_parcel(store, NULL, add_parcel, &sum, err)
		&& store_each_receipt(store, NULL, false, add_receipt, &sum, err)
		&& store_each_audit(store, add_audit, &sum, err) && add_blob(&sum, err)
		&& add_files(&sum, err) && crypto_hash_peek(hash, out, err);
}

static void assert_damaged(const struct home *home, const char *how)
{
	struct digest sum = {{0}};
	struct error err = {0};

	if (read_all(home, &sum, &err))
		fail_msg("not noticed: %s", how);
	if (err.code != ERROR_DAMAGED)
		fail_msg("%s: %d: %s", how, (int)err.code, err.text);
}

static void assert_whole(const struct home *home)
{
	struct digest sum = {{0}};
	struct error err = {0};

	MUST(read_all(home, &sum, &err));
}

/* ---- rows ---- */

struct column {
	const char *table, *name;
};

static const struct column sealed_columns[] = {
	{"keys", "store"},
	{"keys", "salt"},
	{"keys", "acting"},
	{"keys", "reports"},
	{"keys", "checksum"},
	{"head", "sealed"},
	{"audit", "sealed"},
	{"secret", "key"},
	{"secret", "sealed"},
	{"paper", "key"},
	{"paper", "sealed"},
	{"token", "key"},
	{"token", "sealed"},
	{"device", "key"},
	{"device", "brief"},
	{"device", "sealed"},
	{"parcel", "key"},
	{"parcel", "device"},
	{"parcel", "sealed"},
	{"url", "key"},
	{"url", "sealed"},
	{"receipt", "key"},
	{"receipt", "device"},
	{"receipt", "brief"},
	{"receipt", "sealed"},
	{"blob", "key"},
	{"blob", "name"},
	{"blob", "wrapped"},
	{"metadata", "key"},
	{"metadata", "name"},
	{"metadata", "sealed"},
};

static const struct {
	struct column column;
	int64_t plus;
} readable_columns[] = {
	{{"keys", "log_n"}, 1},
	{{"keys", "r"}, 1},
	{{"keys", "p"}, 1},
	{{"audit", "number"}, 1000},
	{{"parcel", "number"}, 1000},
	{{"parcel", "state"}, 1},
	{{"parcel", "state"}, 1000},
	{{"receipt", "sent"}, 1},
	{{"receipt", "sent"}, 2},
	{{"blob", "whole"}, -1},
	{{"blob", "whole"}, 2},
	{{"blob", "size"}, 1},
};

static sqlite3 *disk_open(const struct home *home)
{
	char path[PATH_MAX];
	sqlite3 *database = NULL;

	assert_null(home->store);
	home_file(home, "store.db", path);
	assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
	return database;
}

static void disk_close(sqlite3 *database)
{
	assert_int_equal(sqlite3_close(database), SQLITE_OK);
}

static int64_t rows_of(const struct home *home, const char *table)
{
	sqlite3 *const database = disk_open(home);
	sqlite3_stmt *statement = NULL;
	char query[96];

	(void)snprintf(query, sizeof(query), "SELECT count(*) FROM %s", table);
	assert_int_equal(sqlite3_prepare_v2(database, query, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);

	const int64_t rows = sqlite3_column_int64(statement, 0);

	assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
	disk_close(database);
	return rows;
}

/* Turn bit BIT of the value in row ROW; again, and it is as it was. */
static void turn_bit(
	const struct home *home, const struct column *column, int64_t row, uint64_t bit)
{
	sqlite3 *const database = disk_open(home);
	sqlite3_stmt *get = NULL, *put = NULL;
	uint8_t value[8192];
	char query[160];

	(void)snprintf(query, sizeof(query),
		"SELECT rowid, %s FROM %s ORDER BY rowid LIMIT 1 OFFSET %lld", column->name,
		column->table, (long long)row);
	assert_int_equal(sqlite3_prepare_v2(database, query, -1, &get, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(get), SQLITE_ROW);

	const size_t len = (size_t)sqlite3_column_bytes(get, 1);

	assert_true(len > 0 && len <= sizeof(value));
	memcpy(value, sqlite3_column_blob(get, 1), len);
	value[bit / 8 % len] ^= (uint8_t)(1U << bit % 8);
	(void)snprintf(query, sizeof(query), "UPDATE %s SET %s = ? WHERE rowid = %lld",
		column->table, column->name, (long long)sqlite3_column_int64(get, 0));
	assert_int_equal(sqlite3_finalize(get), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(database, query, -1, &put, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_bind_blob(put, 1, value, (int)len, SQLITE_STATIC), SQLITE_OK);
	assert_int_equal(sqlite3_step(put), SQLITE_DONE);
	assert_int_equal(sqlite3_finalize(put), SQLITE_OK);
	disk_close(database);
}

static void a_turned_bit_in_any_column_of_any_row_is_noticed(void **state)
{
	static const uint64_t bits[] = {0, 8 * 11 + 3, 8 * 20 + 7};
	struct home home;
	char how[96];

	(void)state;
	home_init(&home);
	home_fill(&home);
	home_close(&home);
	for (size_t i = 0; i < COUNT(sealed_columns); i++) {
		const struct column *const column = &sealed_columns[i];
		const int64_t rows = rows_of(&home, column->table);

		assert_true(rows > 0);
		for (int64_t turn = 0; turn < rows * (int64_t)COUNT(bits); turn++) {
			const int64_t row = turn / (int64_t)COUNT(bits);
			const uint64_t bit = bits[turn % (int64_t)COUNT(bits)];

			(void)snprintf(how, sizeof(how), "%s.%s row %lld bit %llu",
				column->table, column->name, (long long)row,
				(unsigned long long)bit);
			turn_bit(&home, column, row, bit);
			assert_damaged(&home, how);
			turn_bit(&home, column, row, bit);
		}
	}
	assert_whole(&home);
	home_done(&home);
}

static void a_changed_readable_value_is_noticed(void **state)
{
	struct home home;

	(void)state;
	home_init(&home);
	home_fill(&home);
	home_close(&home);
	for (size_t i = 0; i < COUNT(readable_columns); i++) {
		const struct column *const column = &readable_columns[i].column;
		const long long plus = readable_columns[i].plus;
		char change[160], back[160];

		(void)snprintf(change, sizeof(change),
			"UPDATE %s SET %s = %s + %lld WHERE rowid = (SELECT max(rowid) FROM "
			"%s)",
			column->table, column->name, column->name, plus, column->table);
		(void)snprintf(back, sizeof(back),
			"UPDATE %s SET %s = %s - %lld WHERE rowid = (SELECT max(rowid) FROM "
			"%s)",
			column->table, column->name, column->name, plus, column->table);
		home_tamper(&home, change);
		assert_damaged(&home, change);
		home_tamper(&home, back);
		assert_whole(&home);
	}
	home_done(&home);
}

static void a_value_moved_to_another_row_or_column_is_noticed(void **state)
{
	static const char *const swaps[] = {"secret.sealed", "token.sealed", "device.brief",
		"device.sealed", "parcel.sealed", "parcel.device", "url.sealed",
		"receipt.brief", "receipt.sealed", "blob.name", "blob.wrapped", "metadata.name",
		"metadata.sealed", "audit.sealed"};
	struct home home;
	char sql[512];

	(void)state;
	home_init(&home);
	home_fill(&home);
	home_close(&home);
	for (size_t i = 0; i < COUNT(swaps); i++) {
		char table[16];
		const char *const column = strchr(swaps[i], '.') + 1;

		(void)snprintf(
			table, sizeof(table), "%.*s", (int)(column - 1 - swaps[i]), swaps[i]);
		assert_true(rows_of(&home, table) >= 2);
		/* The value of the other of the two lowest rows. */
		(void)snprintf(sql, sizeof(sql),
			"CREATE TEMP TABLE two AS SELECT rowid AS id, %s AS value FROM %s"
			" ORDER BY rowid LIMIT 2;"
			"UPDATE %s SET %s = (SELECT value FROM two WHERE id <> %s.rowid)"
			" WHERE rowid IN (SELECT id FROM two)",
			column, table, table, column, table);
		home_tamper(&home, sql);
		assert_damaged(&home, swaps[i]);
		home_tamper(&home, sql);
	}
	assert_whole(&home);
	home_tamper(&home, "UPDATE device SET brief = sealed, sealed = brief");
	assert_damaged(&home, "columns of a device");
	home_done(&home);
}

static void a_log_cut_anywhere_is_noticed(void **state)
{
	static const char *const cuts[] = {
		"DELETE FROM audit WHERE number = (SELECT max(number) FROM audit)",
		"DELETE FROM audit WHERE number = 1",
		"DELETE FROM audit WHERE number > 3",
		"DELETE FROM audit",
		"DELETE FROM head",
		"INSERT INTO audit SELECT max(number) + 1, sealed FROM audit",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cuts); i++) {
		struct home home;

		home_init(&home);
		home_fill(&home);
		home_close(&home);
		home_tamper(&home, cuts[i]);
		assert_damaged(&home, cuts[i]);
		home_done(&home);
	}
}

/* Write two rows of the log, of which the first is WHAT. */
static void write_history(struct home *home, const char *what)
{
	struct store_device device = {.id = "history"};
	struct error err = {0};

	home_open(home);
	MUST(store_put_device(home->store, &device, what, &err));
	MUST(store_put_device(home->store, &device, "the same in both", &err));
	home_close(home);
}

/* Put row NUMBER of the log of the copy "other.db" in place of ours. */
static void take_row(const struct home *home, int64_t number)
{
	char other[PATH_MAX], sql[PATH_MAX + 256];

	home_file(home, "other.db", other);
	(void)snprintf(sql, sizeof(sql),
		"ATTACH '%s' AS other; UPDATE audit SET sealed = (SELECT sealed FROM "
		"other.audit WHERE number = %lld) WHERE number = %lld",
		other, (long long)number, (long long)number);
	home_tamper(home, sql);
}

/* Every row is authentic: whoever had the disk twice has two logs that part. */
static void a_row_of_another_history_is_noticed(void **state)
{
	char fork[PATH_MAX], other[PATH_MAX], ours[PATH_MAX], sql[PATH_MAX + 32];
	struct error err = {0};

	(void)state;
	for (int64_t behind = 0; behind < 2; behind++) {
		struct home home;

		home_init(&home);
		home_fill(&home);
		home_close(&home);
		home_file(&home, "fork.db", fork);
		home_file(&home, "other.db", other);
		home_file(&home, "store.db", ours);
		(void)snprintf(sql, sizeof(sql), "VACUUM INTO '%s'", fork);
		home_tamper(&home, sql);
		write_history(&home, "one history");
		(void)snprintf(sql, sizeof(sql), "VACUUM INTO '%s'", other);
		home_tamper(&home, sql);
		MUST(file_rename(fork, ours, &err));
		write_history(&home, "another history");
		assert_whole(&home);
		take_row(&home, rows_of(&home, "audit") - behind);
		assert_damaged(&home, behind == 0 ? "the last row" : "the row before it");
		assert_int_equal(remove(other), 0);
		home_done(&home);
	}
}

/* ---- the file ---- */

static void a_newer_store_is_left_alone(void **state)
{
	struct store *store = NULL;
	struct error err = {0};
	struct home home;

	(void)state;
	home_init(&home);
	home_close(&home);
	home_tamper(&home, "PRAGMA user_version = 3");
	assert_false(store_open(home.path, &home.passphrase, &store, &err));
	assert_int_equal(err.code, ERROR_DAMAGED);
	assert_non_null(strstr(err.text, "store version 3, this one knows up to 2"));
	home_tamper(&home, "PRAGMA user_version = 2");
	home_open(&home);
	home_done(&home);
}

static void an_older_store_is_made_a_new_one(void **state)
{
	CLEANUP(buf_free) struct buf paper = {0};
	struct error err = {0};
	struct home home;
	bool found = false;

	(void)state;
	home_init(&home);
	home_fill(&home);
	home_close(&home);
	home_tamper(&home, "DROP TABLE metadata; PRAGMA user_version = 1");
	for (int i = 0; i < 2; i++) {
		home_open(&home);
		MUST(store_get_paper(home.store, "control-paper", &paper, &found, &err));
		assert_true(found);
		MUST(store_get_metadata(
			home.store, "fleet-repository", "a", &paper, &found, &err));
		assert_false(found);
		home_close(&home);
	}
	home_done(&home);
}

static void what_is_not_ours_in_the_schema_is_noticed(void **state)
{
	static const char *const changes[] = {
		"PRAGMA application_id = 7",
		"PRAGMA user_version = 0",
		"PRAGMA user_version = 1",
		"DROP TABLE metadata",
		"CREATE TABLE extra(a)",
		"CREATE TRIGGER t AFTER INSERT ON audit BEGIN DELETE FROM receipt; END",
		"CREATE VIEW v AS SELECT 1",
		"DROP TABLE paper",
		"DROP INDEX receipt_sent",
		"ALTER TABLE device ADD COLUMN x BLOB",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(changes); i++) {
		struct home home;

		home_init(&home);
		home_fill(&home);
		home_close(&home);
		home_tamper(&home, changes[i]);
		assert_damaged(&home, changes[i]);
		home_done(&home);
	}
}

static void read_file(const struct home *home, const char *name, struct buf *out)
{
	struct error err = {0};
	char path[PATH_MAX];

	home_file(home, name, path);
	MUST(file_read(path, 64 << 20, out, NULL, &err));
}

static void write_file(const struct home *home, const char *name, struct bytes content)
{
	struct error err = {0};
	char path[PATH_MAX];

	home_file(home, name, path);
	MUST(file_replace(path, content, 0600, &err));
}

/* Wherever a bit of the file turns: the same content, or damage; never other content. */
static void a_turned_bit_anywhere_in_the_file_changes_nothing_unnoticed(void **state)
{
	CLEANUP(buf_free) struct buf file = {0};
	struct digest before = {{0}};
	struct error err = {0};
	struct home home;
	unsigned noticed = 0;

	(void)state;
	home_init(&home);
	home_fill(&home);
	home_close(&home);
	read_file(&home, "store.db", &file);
	MUST(read_all(&home, &before, &err));
	for (uint64_t i = 0; i < 300; i++) {
		struct digest after = {{0}};
		uint8_t where[8];

		noise(i + 1, where, sizeof(where));

		/* Half of them in the first page, where the header and the schema are. */
		const size_t room = i % 2 == 0 ? 4096 : file.len;
		const size_t at = (size_t)(where[0] | where[1] << 8 | where[2] << 16) % room;
		const uint8_t bit = (uint8_t)(1U << where[3] % 8);

		file.at[at] ^= bit;
		write_file(&home, "store.db", buf_bytes(&file));
		if (read_all(&home, &after, &err))
			assert_true(digest_equal(&before, &after));
		else if (err.code == ERROR_DAMAGED)
			noticed++;
		else
			fail_msg("byte %zu: %d: %s", at, (int)err.code, err.text);
		file.at[at] ^= bit;
	}
	assert_true(noticed > 0);
	write_file(&home, "store.db", buf_bytes(&file));
	assert_whole(&home);
	home_done(&home);
}

static void a_database_cut_short_or_replaced_is_noticed(void **state)
{
	CLEANUP(buf_free) struct buf file = {0};
	struct home home;

	(void)state;
	home_init(&home);
	home_fill(&home);
	home_close(&home);
	read_file(&home, "store.db", &file);
	for (size_t pages = 0; 4096 * pages < file.len; pages += 3) {
		write_file(&home, "store.db", (struct bytes){file.at, 4096 * pages});
		assert_damaged(&home, "cut at a page");
		write_file(&home, "store.db", (struct bytes){file.at, 4096 * pages + 1000});
		assert_damaged(&home, "cut within a page");
	}
	noise(1, file.at, file.len);
	write_file(&home, "store.db", buf_bytes(&file));
	assert_damaged(&home, "noise");
	home_done(&home);
}

/* ---- theft ---- */

static bool contains(struct bytes hay, struct bytes needle)
{
	return memmem(hay.at, hay.len, needle.at, needle.len) != NULL;
}

/* Nothing of what home_fill() stored. */
static void assert_tells_nothing(
	const struct home *home, const char *name, struct bytes content)
{
	uint8_t blob[HOME_BLOB_SIZE], key[32];

	for (size_t i = 0; home_needles[i] != NULL; i++)
		if (contains(content, bytes_of(home_needles[i]))
			|| strstr(name, home_needles[i]) != NULL)
			fail_msg("%s tells \"%s\"", name, home_needles[i]);
	noise(HOME_BLOB_SEED, blob, sizeof(blob));
	for (size_t i = 0; i + 8 <= sizeof(blob); i += 4093)
		assert_false(contains(content, (struct bytes){blob + i, 8}));
	for (uint64_t i = 1; i <= 2; i++) {
		noise(i, key, sizeof(key));
		assert_false(contains(content, (struct bytes){key, 8}));
	}
	if (home->store == NULL)
		return;
	assert_false(contains(content, (struct bytes){home->store->keys->acting.at, 8}));
	assert_false(contains(content, (struct bytes){home->store->keys->reports.at, 8}));
}

static unsigned look_through(const struct home *home, const char *below)
{
	char path[PATH_MAX], name[PATH_MAX];
	unsigned files = 0;

	home_file(home, below, path);

	DIR *const directory = opendir(path);

	assert_non_null(directory);
	for (const struct dirent *entry = NULL; (entry = readdir(directory)) != NULL;) {
		CLEANUP(buf_free) struct buf content = {0};

		if (entry->d_type != DT_REG)
			continue;
		assert_true((size_t)snprintf(name, sizeof(name), "%s/%s", below, entry->d_name)
			< sizeof(name));
		read_file(home, name, &content);
		assert_tells_nothing(home, name, buf_bytes(&content));
		files++;
	}
	assert_int_equal(closedir(directory), 0);
	return files;
}

static void a_stolen_disk_tells_nothing(void **state)
{
	struct error err = {0};
	struct home home;

	(void)state;
	home_init(&home);
	home_fill(&home);
	assert_int_equal(look_through(&home, "."), 3); /* with its write-ahead log */
	assert_int_equal(look_through(&home, "blobs"), 2);
	MUST(store_put_token(home.store, "pump-house-one", "", &err));
	assert_int_equal(look_through(&home, "."), 3);
	home_close(&home);
	assert_int_equal(look_through(&home, "."), 2);
	assert_int_equal(look_through(&home, "blobs"), 2);
	home_done(&home);
}

static void nobody_else_can_read_the_files(void **state)
{
	static const char *const names[] = {"store.db", "store.db-wal", "lock"};
	char path[PATH_MAX];
	struct home home;
	struct stat is;

	(void)state;
	home_init(&home);
	home_fill(&home);
	for (size_t i = 0; i < COUNT(names); i++) {
		home_file(&home, names[i], path);
		assert_int_equal(stat(path, &is), 0);
		assert_int_equal(is.st_mode & 0777, 0600);
	}
	home_file(&home, "blobs", path);
	assert_int_equal(stat(path, &is), 0);
	assert_int_equal(is.st_mode & 0777, 0700);
	home_done(&home);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_turned_bit_in_any_column_of_any_row_is_noticed),
		cmocka_unit_test(a_changed_readable_value_is_noticed),
		cmocka_unit_test(a_value_moved_to_another_row_or_column_is_noticed),
		cmocka_unit_test(a_log_cut_anywhere_is_noticed),
		cmocka_unit_test(a_row_of_another_history_is_noticed),
		cmocka_unit_test(an_older_store_is_made_a_new_one),
		cmocka_unit_test(a_newer_store_is_left_alone),
		cmocka_unit_test(what_is_not_ours_in_the_schema_is_noticed),
		cmocka_unit_test(a_turned_bit_anywhere_in_the_file_changes_nothing_unnoticed),
		cmocka_unit_test(a_database_cut_short_or_replaced_is_noticed),
		cmocka_unit_test(a_stolen_disk_tells_nothing),
		cmocka_unit_test(nobody_else_can_read_the_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
