#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "courier/store_blob.h"
#include "tests/store_home.h"
#include "tests/test.h"

enum { CONTENT_MAX = 3 * BLOB_CHUNK + 100 };

/* Where chunks begin and end. */
static const size_t lengths[] = {0, 1, 1000, BLOB_CHUNK - 1, BLOB_CHUNK, BLOB_CHUNK + 1,
	2 * BLOB_CHUNK - 1, 2 * BLOB_CHUNK, 2 * BLOB_CHUNK + 1, CONTENT_MAX};

static uint8_t *content_new(void)
{
	uint8_t *const content = malloc(CONTENT_MAX);

	assert_non_null(content);
	noise(99, content, CONTENT_MAX);
	return content;
}

/* Begin, write what lacks up to LEN in odd pieces, and finish or leave it. */
static uint64_t put(
	struct home *home, const char *name, const uint8_t *content, size_t len, bool whole)
{
	CLEANUP(store_blob_cleanup) struct store_blob *blob = NULL;
	struct error err = {0};
	uint64_t offset = 0;
	struct sink sink;

	MUST(store_blob_begin(home->store, name, &blob, &sink, &offset, &err));
	for (size_t at = (size_t)offset; at < len;) {
		const size_t some = len - at < 40009 ? len - at : 40009;

		MUST(sink.write(sink.self, (struct bytes){content + at, some}, &err));
		at += some;
	}
	if (whole)
		MUST(store_blob_finish(blob, &err));
	return offset;
}

static bool get(struct home *home, const char *name, struct buf *out, struct error *err)
{
	CLEANUP(store_reader_cleanup) struct store_reader *reader = NULL;
	uint8_t at[5000];
	size_t got = 1;

	if (!store_reader_open(home->store, name, &reader, err))
		return false;

	const struct source source = store_reader_source(reader);

	while (got > 0)
		if (!source.read(source.self, at, sizeof(at), &got, err)
			|| !buf_append(out, (struct bytes){at, got}, err))
			return false;
	assert_int_equal(out->len, store_reader_size(reader));
	return true;
}

static void assert_content(
	struct home *home, const char *name, const uint8_t *content, size_t len)
{
	CLEANUP(buf_free) struct buf got = {0};
	struct error err = {0};

	MUST(get(home, name, &got, &err));
	assert_int_equal(got.len, len);
	if (len > 0)
		assert_memory_equal(got.at, content, len);
}

/* The one file in HOME/blobs. */
static void only_file(const struct home *home, char path[static PATH_MAX])
{
	char directory[PATH_MAX], name[PATH_MAX] = "";
	struct error err = {0};
	unsigned files = 0;

	home_file(home, "blobs", directory);

	DIR *const list = opendir(directory);

	assert_non_null(list);
	for (const struct dirent *entry = NULL; (entry = readdir(list)) != NULL;) {
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(name, sizeof(name), "%s", entry->d_name);
		files++;
	}
	assert_int_equal(closedir(list), 0);
	assert_int_equal(files, 1);
	MUST(file_path(path, PATH_MAX, directory, name, &err));
}

/* ---- writing ---- */

static void blobs_of_every_length_come_back(void **state)
{
	uint8_t *const content = content_new();
	struct error err = {0};
	struct home home;
	char name[32];

	(void)state;
	home_init(&home);
	for (size_t i = 0; i < COUNT(lengths); i++) {
		uint64_t size = 7;
		bool found = true;

		(void)snprintf(name, sizeof(name), "server/%zu", i);
		MUST(store_blob_size(home.store, name, &size, &found, &err));
		assert_false(found);
		assert_int_equal(put(&home, name, content, lengths[i], true), 0);
		assert_content(&home, name, content, lengths[i]);
		MUST(store_blob_size(home.store, name, &size, &found, &err));
		assert_true(found && size == lengths[i]);
	}
	home_close(&home);
	home_open(&home);
	for (size_t i = 0; i < COUNT(lengths); i++) {
		(void)snprintf(name, sizeof(name), "server/%zu", i);
		assert_content(&home, name, content, lengths[i]);
	}
	home_done(&home);
	free(content);
}

static void an_interrupted_blob_goes_on_where_it_was(void **state)
{
	uint8_t *const content = content_new();
	struct error err = {0};
	struct home home;

	(void)state;
	home_init(&home);
	for (size_t i = 0; i < COUNT(lengths); i++) {
		bool found = true;
		uint64_t size = 0;

		(void)put(&home, "a", content, lengths[i], false);
		MUST(store_blob_size(home.store, "a", &size, &found, &err));
		assert_false(found);
		home_close(&home);
		home_open(&home);

		const uint64_t offset = put(&home, "a", content, CONTENT_MAX, true);
		const uint64_t chunks = lengths[i] / BLOB_CHUNK;

		/* Never at the end: there is always a byte to ask for. */
		assert_int_equal(offset, chunks == 0 ? 0 : chunks * BLOB_CHUNK - 1);
		assert_content(&home, "a", content, CONTENT_MAX);
		MUST(store_blob_drop(home.store, "a", &err));
	}
	home_done(&home);
	free(content);
}

/* As a power cut leaves it: any length, noise at the end, zeros in the middle. */
static void a_torn_part_goes_on_from_what_is_whole(void **state)
{
	const size_t sealed = BLOB_SEALED;
	const size_t cuts[] = {0, 1, 27, 28, sealed - 8, sealed, sealed + 1, 2 * sealed - 8,
		2 * sealed, 2 * sealed + 5000};
	uint8_t *const content = content_new();
	CLEANUP(buf_free) struct buf part = {0};
	struct error err = {0};
	char path[PATH_MAX];
	struct home home;

	(void)state;
	home_init(&home);
	(void)put(&home, "a", content, CONTENT_MAX, false);
	only_file(&home, path);
	MUST(file_read(path, CONTENT_MAX * 2, &part, NULL, &err));
	assert_int_equal(part.len, 3 * sealed);
	for (size_t i = 0; i < 3 * COUNT(cuts); i++) {
		const size_t cut = cuts[i / 3];

		if (i % 3 == 0) /* cut short */
			MUST(file_replace(path, (struct bytes){part.at, cut}, 0600, &err));
		if (i % 3 == 1) /* longer than what was synced */
			noise(i, part.at + cut, part.len - cut);
		if (i % 3 == 2)
			memset(part.at + cut, 0, part.len - cut);
		if (i % 3 != 0)
			MUST(file_replace(path, buf_bytes(&part), 0600, &err));

		const uint64_t offset = put(&home, "a", content, CONTENT_MAX, false);

		assert_int_equal(offset, cut < sealed ? 0 : cut / sealed * BLOB_CHUNK - 1);
		part.len = 0;
		MUST(file_read(path, CONTENT_MAX * 2, &part, NULL, &err));
	}
	(void)put(&home, "a", content, CONTENT_MAX, true);
	assert_content(&home, "a", content, CONTENT_MAX);
	home_done(&home);
	free(content);
}

/* Killed between the rename and the row. */
static void a_blob_whole_on_disk_but_not_in_its_row_is_a_part(void **state)
{
	static const size_t lens[] = {0, 100, BLOB_CHUNK, CONTENT_MAX};
	uint8_t *const content = content_new();

	(void)state;
	for (size_t i = 0; i < COUNT(lens); i++) {
		CLEANUP(buf_free) struct buf before = {0};
		struct error err = {0};
		char path[PATH_MAX];
		struct home home;

		home_init(&home);
		(void)put(&home, "a", content, 0, false);
		home_close(&home);
		home_file(&home, "store.db", path);
		MUST(file_read(path, 1 << 20, &before, NULL, &err));
		home_open(&home);
		(void)put(&home, "a", content, lens[i], true);
		home_close(&home);
		MUST(file_replace(path, buf_bytes(&before), 0600, &err));
		home_open(&home);

		const uint64_t offset = put(&home, "a", content, lens[i], true);

		assert_true(lens[i] == 0 ? offset == 0 : offset < lens[i]);
		assert_content(&home, "a", content, lens[i]);
		home_done(&home);
	}
	free(content);
}

static void a_whole_blob_is_not_begun_again_unless_its_file_is_gone(void **state)
{
	uint8_t *const content = content_new();
	struct store_blob *blob = NULL;
	struct error err = {0};
	uint64_t offset = 0;
	char path[PATH_MAX];
	struct sink sink;
	struct home home;
	bool found = true;

	(void)state;
	home_init(&home);
	(void)put(&home, "a", content, 5000, true);
	assert_false(store_blob_begin(home.store, "a", &blob, &sink, &offset, &err));
	assert_int_equal(err.code, ERROR_NOTHING);
	only_file(&home, path);
	assert_int_equal(unlink(path), 0);
	MUST(store_blob_size(home.store, "a", &offset, &found, &err));
	assert_false(found);
	assert_int_equal(put(&home, "a", content, 6000, true), 0);
	assert_content(&home, "a", content, 6000);
	home_done(&home);
	free(content);
}

/* ---- one writer ---- */

struct waiter {
	struct store *store;
	struct store_blob *blob;
};

static void *close_soon(void *self)
{
	const struct waiter *const waiter = self;

	(void)usleep(20000);
	store_blob_close(waiter->blob);
	return NULL;
}

static void a_second_writer_waits_for_the_first(void **state)
{
	struct store_blob *first = NULL, *second = NULL;
	struct error err = {0};
	uint64_t offset = 0;
	struct sink sink;
	pthread_t thread;
	struct home home;

	(void)state;
	home_init(&home);
	MUST(store_blob_begin(home.store, "a", &first, &sink, &offset, &err));
	assert_false(store_blob_begin(home.store, "a", &second, &sink, &offset, &err));
	assert_int_equal(err.code, ERROR_BUSY);
	assert_false(store_blob_drop(home.store, "a", &err));
	assert_int_equal(err.code, ERROR_BUSY);
	store_blob_wait(home.store, "b"); /* nobody writes that */

	struct waiter waiter = {home.store, first};

	assert_int_equal(pthread_create(&thread, NULL, close_soon, &waiter), 0);
	store_blob_wait(home.store, "a");
	MUST(store_blob_begin(home.store, "a", &second, &sink, &offset, &err));
	assert_int_equal(pthread_join(thread, NULL), 0);
	store_blob_close(second);
	home_done(&home);
}

/* ---- reading ---- */

static void any_range_can_be_read(void **state)
{
	CLEANUP(store_reader_cleanup) struct store_reader *reader = NULL;
	uint8_t *const content = content_new(), *const at = malloc(CONTENT_MAX);
	struct error err = {0};
	struct home home;

	(void)state;
	assert_non_null(at);
	home_init(&home);
	(void)put(&home, "a", content, CONTENT_MAX, true);
	MUST(store_reader_open(home.store, "a", &reader, &err));
	for (uint64_t i = 0; i < 200; i++) {
		uint32_t random[2];

		noise(i + 1, (uint8_t *)random, sizeof(random));

		const size_t from = random[0] % CONTENT_MAX;
		const size_t len = random[1] % (CONTENT_MAX - from + 1);

		MUST(store_reader_at(reader, from, at, len, &err));
		assert_true(len == 0 || memcmp(at, content + from, len) == 0);
	}
	MUST(store_reader_at(reader, CONTENT_MAX, at, 0, &err));
	assert_false(store_reader_at(reader, CONTENT_MAX, at, 1, &err));
	assert_int_equal(err.code, ERROR_USAGE);
	assert_false(store_reader_at(reader, UINT64_MAX, at, 1, &err));
	assert_int_equal(err.code, ERROR_USAGE);
	store_reader_cleanup(&reader);
	home_done(&home);
	free(content);
	free(at);
}

static void only_whole_blobs_are_read(void **state)
{
	struct store_reader *reader = NULL;
	struct error err = {0};
	struct home home;

	(void)state;
	home_init(&home);
	assert_false(store_reader_open(home.store, "a", &reader, &err));
	assert_int_equal(err.code, ERROR_NOTHING);
	(void)put(&home, "a", (const uint8_t *)"x", 1, false);
	assert_false(store_reader_open(home.store, "a", &reader, &err));
	assert_int_equal(err.code, ERROR_NOTHING);
	home_done(&home);
}

static void assert_damaged(struct home *home, const char *name)
{
	CLEANUP(buf_free) struct buf got = {0};
	struct error err = {0};

	assert_false(get(home, name, &got, &err));
	assert_int_equal(err.code, ERROR_DAMAGED);
}

static void a_turned_bit_in_a_blob_is_noticed(void **state)
{
	const size_t len = blob_disk_size(2 * BLOB_CHUNK + 500);
	uint8_t *const content = content_new();
	CLEANUP(buf_free) struct buf file = {0};
	struct error err = {0};
	char path[PATH_MAX];
	struct home home;

	(void)state;
	home_init(&home);
	(void)put(&home, "a", content, 2 * BLOB_CHUNK + 500, true);
	only_file(&home, path);
	MUST(file_read(path, 1 << 20, &file, NULL, &err));
	assert_int_equal(file.len, len);
	for (size_t at = 0; at < len; at += 2039) {
		file.at[at] ^= (uint8_t)(1U << at % 8);
		MUST(file_replace(path, buf_bytes(&file), 0600, &err));
		assert_damaged(&home, "a");
		file.at[at] ^= (uint8_t)(1U << at % 8);
	}
	MUST(file_replace(path, buf_bytes(&file), 0600, &err));
	assert_content(&home, "a", content, 2 * BLOB_CHUNK + 500);
	home_done(&home);
	free(content);
}

static void chunks_moved_cut_or_added_are_noticed(void **state)
{
	uint8_t *const content = content_new();
	CLEANUP(buf_free) struct buf file = {0}, changed = {0};
	struct error err = {0};
	char path[PATH_MAX];
	struct home home;

	(void)state;
	home_init(&home);
	(void)put(&home, "a", content, 2 * BLOB_CHUNK, true);
	only_file(&home, path);
	MUST(file_read(path, 1 << 20, &file, NULL, &err));

	const struct bytes first = {file.at, BLOB_SEALED};
	const struct bytes second = {file.at + BLOB_SEALED, BLOB_SEALED};
	const struct bytes last = {file.at + 2 * BLOB_SEALED, file.len - 2 * BLOB_SEALED};
	const struct bytes orders[][4] = {
		{second, first, last},
		{first, first, last},
		{first, second},
		{first, last},
		{first, second, last, last},
		{{NULL, 0}},
	};

	for (size_t i = 0; i < COUNT(orders); i++) {
		changed.len = 0;
		for (size_t j = 0; j < COUNT(orders[i]); j++)
			MUST(buf_append(&changed, orders[i][j], &err));
		MUST(file_replace(path, buf_bytes(&changed), 0600, &err));
		assert_damaged(&home, "a");
	}
	home_done(&home);
	free(content);
}

static void a_blob_in_another_ones_place_is_noticed(void **state)
{
	uint8_t *const content = content_new();
	char one[PATH_MAX], other[PATH_MAX];
	CLEANUP(buf_free) struct buf file = {0};
	struct error err = {0};
	struct home home;

	(void)state;
	home_init(&home);
	(void)put(&home, "a", content, 5000, true);
	only_file(&home, one);
	MUST(file_read(one, 1 << 20, &file, NULL, &err));
	MUST(store_blob_drop(home.store, "a", &err));
	(void)put(&home, "b", content, 5000, true);
	only_file(&home, other);
	MUST(file_replace(other, buf_bytes(&file), 0600, &err));
	assert_damaged(&home, "b");
	home_done(&home);
	free(content);
}

/* ---- dropping ---- */

static bool keep_b(void *self, const char *name)
{
	(void)self;
	return strcmp(name, "b") == 0;
}

static void a_sweep_drops_all_but_what_is_kept_or_being_written(void **state)
{
	uint8_t *const content = content_new();
	struct store_blob *writing = NULL;
	struct error err = {0};
	char path[PATH_MAX];
	uint64_t offset = 0;
	struct sink sink;
	struct home home;
	bool found = true;

	(void)state;
	home_init(&home);
	(void)put(&home, "a", content, 70000, true);
	(void)put(&home, "part", content, 70000, false);
	MUST(store_blob_sweep(home.store, keep_b, NULL, &err));
	MUST(store_blob_size(home.store, "a", &offset, &found, &err));
	assert_false(found);
	(void)put(&home, "b", content, 70000, true);
	only_file(&home, path);
	home_file(&home,
		"blobs/0000000000000000000000000000000000000000000000000000000000000000.part",
		path);
	MUST(file_replace(path, bytes_of("stray"), 0600, &err));
	MUST(store_blob_begin(home.store, "c", &writing, &sink, &offset, &err));
	MUST(sink.write(sink.self, (struct bytes){content, 100}, &err));
	MUST(store_blob_sweep(home.store, keep_b, NULL, &err));
	MUST(store_blob_finish(writing, &err));
	store_blob_close(writing);
	assert_int_equal(access(path, F_OK), -1);
	assert_content(&home, "b", content, 70000);
	assert_content(&home, "c", content, 100);
	MUST(store_blob_drop(home.store, "never there", &err));
	home_done(&home);
	free(content);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blobs_of_every_length_come_back),
		cmocka_unit_test(an_interrupted_blob_goes_on_where_it_was),
		cmocka_unit_test(a_torn_part_goes_on_from_what_is_whole),
		cmocka_unit_test(a_blob_whole_on_disk_but_not_in_its_row_is_a_part),
		cmocka_unit_test(a_whole_blob_is_not_begun_again_unless_its_file_is_gone),
		cmocka_unit_test(a_second_writer_waits_for_the_first),
		cmocka_unit_test(any_range_can_be_read),
		cmocka_unit_test(only_whole_blobs_are_read),
		cmocka_unit_test(a_turned_bit_in_a_blob_is_noticed),
		cmocka_unit_test(chunks_moved_cut_or_added_are_noticed),
		cmocka_unit_test(a_blob_in_another_ones_place_is_noticed),
		cmocka_unit_test(a_sweep_drops_all_but_what_is_kept_or_being_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
