#include <stdio.h>
#include <string.h>

#include "common/tuf/tuf_set.h"
#include "tests/test.h"
#include "tests/vectors.h"

static struct vectors *examples(void)
{
	struct vectors *vectors = NULL;
	struct error err = {0};

	MUST(vectors_open(TEST_VECTORS "/tuf_set.hex", &vectors, &err));
	return vectors;
}

static struct bytes example(const struct vectors *vectors, const char *name)
{
	struct bytes bytes = {0};

	assert_true(vectors_find(vectors, name, &bytes));
	return bytes;
}

/* Every record again, the last one first. */
static void encode_again(const struct tuf_set *set, struct buf *out)
{
	CLEANUP(tuf_set_writer_done) struct tuf_set_writer writer = {0};
	struct error err = {0};

	for (size_t i = set->count; i > 0; i--) {
		CLEANUP(buf_free) struct buf content = {0};
		struct tuf_set_record record;
		bool found = false;

		MUST(tuf_set_record(set, i - 1, &record, &err));
		MUST(tuf_set_read(
			set, record.kind, record.name, record.len, &content, &found, &err));
		assert_true(found);
		MUST(tuf_set_add(&writer, record.kind, record.name, buf_bytes(&content), &err));
	}
	MUST(tuf_set_encode(&writer, buf_sink(out), &err));
	assert_true(writer.count == 0 || writer.size == out->len);
}

static void what_python_makes_is_read_and_made_again(void **state)
{
	CLEANUP(vectors_cleanup) struct vectors *vectors = examples();
	struct error err = {0};
	size_t good = 0;

	(void)state;
	for (size_t i = 0; i < vectors_count(vectors); i++) {
		CLEANUP(tuf_set_done) struct tuf_set set = {0};
		CLEANUP(buf_free) struct buf again = {0};

		if (strncmp(vectors_name(vectors, i), "good-", 5) != 0)
			continue;
		MUST(tuf_set_open(vectors_bytes(vectors, i), &set, &err));
		encode_again(&set, &again);
		assert_true(bytes_equal(buf_bytes(&again), vectors_bytes(vectors, i)));
		good++;
	}
	assert_int_equal(good, 6);
}

static void what_is_no_set_is_malformed(void **state)
{
	CLEANUP(vectors_cleanup) struct vectors *vectors = examples();
	size_t bad = 0;

	(void)state;
	for (size_t i = 0; i < vectors_count(vectors); i++) {
		struct tuf_set set = {0};
		struct error err = {0};

		if (strncmp(vectors_name(vectors, i), "bad-", 4) != 0)
			continue;
		if (tuf_set_open(vectors_bytes(vectors, i), &set, &err))
			fail_msg("%s was read", vectors_name(vectors, i));
		assert_int_equal(err.code, ERROR_MALFORMED);
		assert_null(set.at);
		bad++;
	}
	assert_int_equal(bad, 16);
}

static void every_truncation_is_malformed_or_ends_between_records(void **state)
{
	CLEANUP(vectors_cleanup) struct vectors *vectors = examples();
	const struct bytes whole = example(vectors, "good-shown");
	size_t read = 0;

	(void)state;
	for (size_t len = 0; len < whole.len; len++) {
		CLEANUP(tuf_set_done) struct tuf_set set = {0};
		struct error err = {0};

		if (tuf_set_open((struct bytes){whole.at, len}, &set, &err)) {
			assert_int_equal(set.count, read);
			read++;
		}
	}
	assert_int_equal(read, 5);
}

static void a_record_is_found_by_kind_and_name(void **state)
{
	CLEANUP(vectors_cleanup) struct vectors *vectors = examples();
	CLEANUP(tuf_set_done) struct tuf_set set = {0};
	struct bytes content = {0};
	struct error err = {0};

	(void)state;
	MUST(tuf_set_open(example(vectors, "good-shown"), &set, &err));
	assert_int_equal(set.count, 5);
	assert_true(tuf_set_find(&set, TUF_SET_METADATA, "2.root.json", &content));
	assert_true(bytes_equal(content, (struct bytes){(const uint8_t *)"\0\xff", 2}));
	assert_true(tuf_set_find(
		&set, TUF_SET_DIRECTION, "devices/pump-1/direction.json", &content));
	assert_true(bytes_equal(content, bytes_of("{}")));
	assert_true(tuf_set_find(
		&set, TUF_SET_ARTIFACT, "artifacts/r\xc3\xa9l 2.mender", &content));
	assert_int_equal(content.len, 0);
	assert_false(tuf_set_find(&set, TUF_SET_METADATA, "3.root.json", &content));
	assert_false(tuf_set_find(&set, TUF_SET_METADATA, "2.root", &content));
	assert_false(tuf_set_find(&set, TUF_SET_DIRECTION, "2.root.json", &content));
	assert_false(tuf_set_find(&set, TUF_SET_ARTIFACT, "", &content));
}

/* Bytes that are nowhere but behind a function; the read numbered FAIL fails. */
struct remote {
	struct bytes bytes;
	size_t reads, fail;
};

static bool read_remote(void *self, uint64_t offset, uint8_t *at, size_t len, struct error *err)
{
	struct remote *const remote = self;

	assert_true(offset + len <= remote->bytes.len);
	if (++remote->reads == remote->fail)
		return error_set(err, ERROR_FAILED, "no such luck");
	memcpy(at, remote->bytes.at + offset, len);
	return true;
}

static bool read_timestamp(
	struct remote *remote, size_t max, struct buf *out, struct error *err)
{
	const struct tuf_set_source source = {read_remote, remote, remote->bytes.len};
	CLEANUP(tuf_set_done) struct tuf_set set = {0};
	bool found = false;

	return tuf_set_open_source(&source, &set, err)
		&& tuf_set_read(&set, TUF_SET_METADATA, "timestamp.json", max, out, &found, err)
		&& (found || error_set(err, ERROR_FAILED, "not found"));
}

static void a_set_need_not_be_in_memory(void **state)
{
	CLEANUP(vectors_cleanup) struct vectors *vectors = examples();
	struct remote remote = {.bytes = example(vectors, "good-shown")};
	CLEANUP(buf_free) struct buf content = {0};
	struct error err = {0};

	(void)state;
	MUST(read_timestamp(&remote, 1, &content, &err));
	assert_true(bytes_equal(buf_bytes(&content), bytes_of("t")));
	assert_false(read_timestamp(&remote, 0, &content, &err));
	assert_int_equal(err.code, ERROR_MALFORMED);
	assert_int_equal(content.len, 1);
}

static void a_read_that_fails_is_an_error_wherever_it_is(void **state)
{
	CLEANUP(vectors_cleanup) struct vectors *vectors = examples();
	struct remote good = {.bytes = example(vectors, "good-shown")};
	CLEANUP(buf_free) struct buf content = {0};
	struct error err = {0};

	(void)state;
	MUST(read_timestamp(&good, 1, &content, &err));
	for (size_t fail = 1; fail <= good.reads; fail++) {
		struct remote remote = {.bytes = good.bytes, .fail = fail};

		content.len = 0;
		assert_false(read_timestamp(&remote, 1, &content, &err));
		assert_int_equal(err.code, ERROR_FAILED);
		assert_int_equal(content.len, 0);
	}
}

static void what_no_device_would_read_is_not_made(void **state)
{
	static const struct {
		enum tuf_set_kind kind;
		const char *name, *content;
	} bad[] = {
		{TUF_SET_METADATA, "", ""},
		{TUF_SET_METADATA, "a/b", ""},
		{TUF_SET_METADATA, "a b", ""},
		{TUF_SET_DIRECTION, "\xff", ""},
		{TUF_SET_ARTIFACT, "a", "x"},
		{TUF_SET_KIND_COUNT, "a", ""},
	};
	CLEANUP(tuf_set_writer_done) struct tuf_set_writer writer = {0};
	CLEANUP(buf_free) struct buf out = {0};
	struct error err = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_false(tuf_set_add(
			&writer, bad[i].kind, bad[i].name, bytes_of(bad[i].content), &err));
		assert_int_equal(err.code, ERROR_MALFORMED);
	}
	assert_int_equal(writer.count, 0);
	MUST(tuf_set_add(&writer, TUF_SET_METADATA, "a", bytes_of("1"), &err));
	MUST(tuf_set_add(&writer, TUF_SET_METADATA, "a", bytes_of("2"), &err));
	assert_false(tuf_set_encode(&writer, buf_sink(&out), &err));
	assert_int_equal(err.code, ERROR_USAGE);
	assert_int_equal(out.len, 0);
}

static void the_limits_hold_for_those_who_make_one(void **state)
{
	CLEANUP(tuf_set_writer_done) struct tuf_set_writer large = {0}, many = {0};
	CLEANUP(buf_free) struct buf content = {0};
	struct error err = {0};
	char name[16];
	size_t added = 0;

	(void)state;
	MUST(buf_reserve(&content, TUF_SET_CONTENT_MAX + 1, &err));
	memset(content.at, 'x', TUF_SET_CONTENT_MAX + 1);
	content.len = TUF_SET_CONTENT_MAX + 1;
	assert_false(tuf_set_add(&large, TUF_SET_METADATA, "a", buf_bytes(&content), &err));
	content.len = TUF_SET_CONTENT_MAX;
	for (; added < 9; added++) {
		(void)snprintf(name, sizeof(name), "%zu.json", added);
		if (!tuf_set_add(&large, TUF_SET_METADATA, name, buf_bytes(&content), &err))
			break;
	}
	assert_int_equal(added, 6);
	assert_int_equal(err.code, ERROR_MALFORMED);
	for (added = 0; added <= TUF_SET_FILES_MAX; added++) {
		(void)snprintf(name, sizeof(name), "%zu.json", added);
		if (!tuf_set_add(&many, TUF_SET_METADATA, name, bytes_of(""), &err))
			break;
	}
	assert_int_equal(added, TUF_SET_FILES_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_python_makes_is_read_and_made_again),
		cmocka_unit_test(what_is_no_set_is_malformed),
		cmocka_unit_test(every_truncation_is_malformed_or_ends_between_records),
		cmocka_unit_test(a_record_is_found_by_kind_and_name),
		cmocka_unit_test(a_set_need_not_be_in_memory),
		cmocka_unit_test(a_read_that_fails_is_an_error_wherever_it_is),
		cmocka_unit_test(what_no_device_would_read_is_not_made),
		cmocka_unit_test(the_limits_hold_for_those_who_make_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
