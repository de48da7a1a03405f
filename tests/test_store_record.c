#include <stdlib.h>
#include <string.h>

#include "courier/store_record.h"
#include "tests/test.h"

struct thing {
	char text[8];
	char *string;
	struct buf buf;
	bool yes;
	unsigned count;
	int64_t time;
	uint64_t size;
	struct digest digest;
};

static const struct record_field fields[] = {
	RECORD_FIELD(1, struct thing, text),
	RECORD_FIELD(2, struct thing, string),
	RECORD_FIELD(3, struct thing, buf),
	RECORD_FIELD(4, struct thing, yes),
	RECORD_FIELD(5, struct thing, count),
	RECORD_FIELD(6, struct thing, time),
	RECORD_FIELD(7, struct thing, size),
	RECORD_FIELD(9, struct thing, digest),
};
static const struct record_layout layout = {fields, COUNT(fields), sizeof(struct thing)};

static void thing_free(struct thing *thing)
{
	record_free(&layout, thing);
}

static void pack_example(struct buf *out)
{
	char string[] = "string";
	struct thing thing = {.text = "1234567",
		.string = string,
		.yes = true,
		.count = UINT32_MAX,
		.time = INT64_MIN,
		.size = UINT64_MAX,
		.digest = {{1}}};
	struct error err = {0};

	MUST(buf_append(&thing.buf, (struct bytes){(const uint8_t *)"a\0b", 3}, &err));
	MUST(record_pack(&layout, &thing, out, &err));
	buf_free(&thing.buf);
}

static void what_is_packed_comes_back(void **state)
{
	CLEANUP(thing_free) struct thing got = {.yes = false};
	CLEANUP(buf_free) struct buf packed = {0}, again = {0};
	struct error err = {0};

	(void)state;
	pack_example(&packed);
	MUST(record_unpack(&layout, buf_bytes(&packed), &got, &err));
	assert_string_equal(got.text, "1234567");
	assert_string_equal(got.string, "string");
	assert_memory_equal(got.buf.at, "a\0b", 3);
	assert_true(got.yes && got.count == UINT32_MAX && got.time == INT64_MIN);
	assert_true(got.size == UINT64_MAX && got.digest.at[0] == 1);
	MUST(record_pack(&layout, &got, &again, &err));
	assert_true(bytes_equal(buf_bytes(&packed), buf_bytes(&again)));
}

static void nothing_is_packed_as_nothing(void **state)
{
	CLEANUP(thing_free) struct thing thing = {.yes = false};
	CLEANUP(buf_free) struct buf packed = {0};
	struct error err = {0};

	(void)state;
	MUST(record_pack(&layout, &thing, &packed, &err));
	assert_int_equal(packed.len, 0);
	MUST(record_unpack(&layout, buf_bytes(&packed), &thing, &err));
	assert_null(thing.string);
}

/* Cut anywhere it is damage, or a record of fewer fields that packs to the same bytes. */
static void every_truncation_is_damage_or_a_shorter_record(void **state)
{
	CLEANUP(buf_free) struct buf packed = {0};
	unsigned damaged = 0;

	(void)state;
	pack_example(&packed);
	for (size_t len = 0; len < packed.len; len++) {
		CLEANUP(thing_free) struct thing got = {.yes = false};
		CLEANUP(buf_free) struct buf again = {0};
		const struct bytes cut = {packed.at, len};
		struct error err = {0};

		if (!record_unpack(&layout, cut, &got, &err)) {
			assert_int_equal(err.code, ERROR_DAMAGED);
			assert_null(got.string);
			damaged++;
			continue;
		}
		MUST(record_pack(&layout, &got, &again, &err));
		assert_true(bytes_equal(buf_bytes(&again), cut));
	}
	assert_int_equal(damaged, packed.len - COUNT(fields));
}

static void what_does_not_fit_is_damage(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} cases[] = {
		{"\x01\0\0\0\x08"
		 "12345678",
			13}, /* no room for its NUL */
		{"\x02\0\0\0\x03"
		 "a\0b",
			8},                               /* text with a NUL */
		{"\x02\0\0\0\0", 5},                      /* empty: is left out */
		{"\x04\0\0\0\x08\0\0\0\0\0\0\0\x02", 13}, /* neither yes nor no */
		{"\x04\0\0\0\x01\x01", 6},                /* not 8 bytes */
		{"\x05\0\0\0\x08\0\0\0\x01\0\0\0\0", 13}, /* over 32 bits */
		{"\x08\0\0\0\x01x", 6},                   /* no such field */
		{"\x02\0\0\0\x01x\x01\0\0\0\x01x", 12},   /* out of order */
		{"\x02\0\0\0\x01x\x02\0\0\0\x01x", 12},   /* twice */
		{"\x03\xff\xff\xff\xffx", 6},             /* longer than it is */
		{"\x09\0\0\0\x1f"
		 "0123456789012345678901234567890",
			36}, /* a digest of 31 bytes */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		CLEANUP(thing_free) struct thing got = {.yes = false};
		struct error err = {0};

		assert_false(record_unpack(&layout,
			(struct bytes){(const uint8_t *)cases[i].bytes, cases[i].len}, &got,
			&err));
		assert_int_equal(err.code, ERROR_DAMAGED);
		assert_null(got.string);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_packed_comes_back),
		cmocka_unit_test(nothing_is_packed_as_nothing),
		cmocka_unit_test(every_truncation_is_damage_or_a_shorter_record),
		cmocka_unit_test(what_does_not_fit_is_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
