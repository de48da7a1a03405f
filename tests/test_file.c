#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "tests/test.h"

static void a_replaced_file_has_its_new_content(void **state)
{
	char directory[] = "/tmp/courier-test-XXXXXX";
	CLEANUP(buf_free) struct buf content = {0};
	struct error err = {0};
	char path[128];
	bool found = true;

	(void)state;
	assert_non_null(mkdtemp(directory));
	MUST(file_path(path, sizeof(path), directory, "a", &err));
	MUST(file_read(path, 10, &content, &found, &err));
	assert_false(found);
	MUST(file_replace(path, bytes_of("one"), 0600, &err));
	MUST(file_replace(path, bytes_of("three"), 0600, &err));
	MUST(file_read(path, 5, &content, &found, &err));
	assert_true(found);
	assert_true(bytes_equal(buf_bytes(&content), bytes_of("three")));
	assert_false(file_read(path, 4, &content, NULL, &err));
	assert_int_equal(err.code, ERROR_MALFORMED);
	MUST(file_remove(path, &err));
	MUST(file_remove(path, &err));
	assert_false(file_read(path, 5, &content, NULL, &err));
	assert_int_equal(rmdir(directory), 0);
}

static void hex_is_strict(void **state)
{
	struct digest digest = {{0}};
	struct error err = {0};
	char text[DIGEST_TEXT];

	(void)state;
	digest.at[0] = 0xab;
	digest_text(&digest, text);
	assert_memory_equal(text, "ab00", 4);
	MUST(digest_parse(text, &digest, &err));
	text[0] = 'A';
	assert_false(digest_parse(text, &digest, &err));
	assert_false(digest_parse("ab", &digest, &err));
}

static void an_error_keeps_its_reason_last(void **state)
{
	struct error err = {0};

	(void)state;
	assert_false(error_set(&err, ERROR_LINK, "no answer"));
	assert_false(error_while(&err, "%s", "/dev/ttyUSB0"));
	assert_string_equal(err.text, "/dev/ttyUSB0: no answer");
	assert_int_equal(err.code, ERROR_LINK);
	assert_int_equal(error_exit_status(ERROR_MALFORMED), 1);
	assert_int_equal(error_exit_status(ERROR_ROLLBACK), 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_replaced_file_has_its_new_content),
		cmocka_unit_test(hex_is_strict),
		cmocka_unit_test(an_error_keeps_its_reason_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
