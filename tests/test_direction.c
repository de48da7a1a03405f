#include <string.h>

#include "common/direction.h"
#include "tests/test.h"
#include "tests/vectors.h"

static struct vectors *examples(void)
{
	struct vectors *vectors = NULL;
	struct error err = {0};

	MUST(vectors_open(TEST_VECTORS "/direction.hex", &vectors, &err));
	return vectors;
}

static void read_example(const char *name, struct direction *out)
{
	CLEANUP(vectors_cleanup) struct vectors *vectors = examples();
	struct bytes bytes = {0};
	struct error err = {0};

	assert_true(vectors_find(vectors, name, &bytes));
	MUST(direction_parse(bytes, out, &err));
}

/* The vectors follow each other: good-NAME, then same-NAME. */
static void what_python_makes_is_read_and_made_again(void **state)
{
	CLEANUP(vectors_cleanup) struct vectors *vectors = examples();
	struct error err = {0};
	size_t good = 0;

	(void)state;
	for (size_t i = 0; i + 1 < vectors_count(vectors); i++) {
		CLEANUP(buf_free) struct buf again = {0};
		struct direction direction;

		if (strncmp(vectors_name(vectors, i), "good-", 5) != 0)
			continue;
		MUST(direction_parse(vectors_bytes(vectors, i), &direction, &err));
		MUST(direction_print(&direction, &again, &err));
		assert_true(bytes_equal(buf_bytes(&again), vectors_bytes(vectors, i + 1)));
		good++;
	}
	assert_int_equal(good, 6);
}

static void what_is_no_direction_is_malformed(void **state)
{
	CLEANUP(vectors_cleanup) struct vectors *vectors = examples();
	size_t bad = 0;

	(void)state;
	for (size_t i = 0; i < vectors_count(vectors); i++) {
		struct direction direction;
		struct error err = {0};

		if (strncmp(vectors_name(vectors, i), "bad-", 4) != 0)
			continue;
		if (direction_parse(vectors_bytes(vectors, i), &direction, &err))
			fail_msg("%s was read", vectors_name(vectors, i));
		assert_int_equal(err.code, ERROR_MALFORMED);
		bad++;
	}
	assert_int_equal(bad, 29);
}

static void every_member_is_read(void **state)
{
	struct direction direction;
	char digest[DIGEST_TEXT];

	(void)state;
	read_example("good-plain", &direction);
	assert_string_equal(direction.device, "pump-1");
	assert_string_equal(direction.deployment, "9a6b1c1e-5c5c-4d0e-8a44-3a3f1f7c0f11");
	assert_int_equal(direction.sequence, 7);
	assert_int_equal(direction.count, 1);
	assert_string_equal(direction.artifacts[0].path, "artifacts/rel-2.mender");
	assert_int_equal(direction.artifacts[0].length, 40960);
	digest_text(&direction.artifacts[0].sha256, digest);
	assert_memory_equal(digest, "0123456789abcdef0123", 20);
	assert_string_equal(direction.artifacts[0].device_type, "testbox");
}

static void the_artifact_for_the_type_is_chosen(void **state)
{
	const struct direction_artifact *chosen = NULL;
	struct direction direction;
	struct error err = {0};

	(void)state;
	read_example("good-types", &direction);
	MUST(direction_choose(&direction, "t7", &chosen, &err));
	assert_string_equal(chosen->path, "artifacts/7");
	assert_false(direction_choose(&direction, "t", &chosen, &err));
	assert_int_equal(err.code, ERROR_WRONG_DEVICE);
	read_example("good-any-type", &direction);
	MUST(direction_choose(&direction, "whatever", &chosen, &err));
}

static void several_artifacts_for_one_slot_are_refused(void **state)
{
	const struct direction_artifact *chosen = NULL;
	struct direction direction;
	struct error err = {0};

	(void)state;
	read_example("good-types", &direction);
	direction.artifacts[3].device_type[0] = '\0';
	assert_false(direction_choose(&direction, "t7", &chosen, &err));
	assert_int_equal(err.code, ERROR_MALFORMED);
	MUST(direction_choose(&direction, "t99", &chosen, &err));
	assert_string_equal(chosen->path, "artifacts/3");
}

static void what_no_device_would_read_is_not_made(void **state)
{
	CLEANUP(buf_free) struct buf out = {0};
	struct direction direction;
	struct error err = {0};

	(void)state;
	read_example("good-plain", &direction);
	direction.sequence = 0;
	assert_false(direction_print(&direction, &out, &err));
	assert_int_equal(err.code, ERROR_USAGE);
	direction.sequence = UINT64_C(1) << 53;
	assert_false(direction_print(&direction, &out, &err));
	direction.sequence = 1;
	direction.count = 0;
	assert_false(direction_print(&direction, &out, &err));
	direction.count = DIRECTION_ARTIFACTS_MAX + 1;
	assert_false(direction_print(&direction, &out, &err));
	assert_int_equal(out.len, 0);
}

static void the_path_holds_the_longest_id(void **state)
{
	char id[CERTIFICATE_ID_MAX + 1], path[DIRECTION_PATH_ROOM];

	(void)state;
	direction_path("pump-1", path);
	assert_string_equal(path, "devices/pump-1/direction.json");
	memset(id, 'd', CERTIFICATE_ID_MAX);
	id[CERTIFICATE_ID_MAX] = '\0';
	direction_path(id, path);
	assert_int_equal(strlen(path), 8 + CERTIFICATE_ID_MAX + 15);
	assert_string_equal(path + 8 + CERTIFICATE_ID_MAX, "/direction.json");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_python_makes_is_read_and_made_again),
		cmocka_unit_test(what_is_no_direction_is_malformed),
		cmocka_unit_test(every_member_is_read),
		cmocka_unit_test(the_artifact_for_the_type_is_chosen),
		cmocka_unit_test(several_artifacts_for_one_slot_are_refused),
		cmocka_unit_test(what_no_device_would_read_is_not_made),
		cmocka_unit_test(the_path_holds_the_longest_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
