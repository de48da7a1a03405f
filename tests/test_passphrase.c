#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "courier/passphrase.h"
#include "tests/test.h"

/* What passphrase_get() makes of a file with CONTENT. */
static bool get_from(const char *content, size_t len, struct passphrase *out, struct error *err)
{
	char path[] = "/tmp/courier-passphrase-XXXXXX";
	const int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, len), len);
	assert_int_equal(close(fd), 0);

	const struct unlock unlock = {.file = path, .descriptor = -1};
	const bool ok = passphrase_get(&unlock, "passphrase", out, err);

	assert_int_equal(unlink(path), 0);
	return ok;
}

static void the_first_line_is_the_passphrase(void **state)
{
	static const char *const contents[] = {
		"correct horse", "correct horse\n", "correct horse\r\n", "correct horse\nno\n"};

	(void)state;
	for (size_t i = 0; i < COUNT(contents); i++) {
		PASSPHRASE passphrase = {{0}};
		struct error err = {0};

		MUST(get_from(contents[i], strlen(contents[i]), &passphrase, &err));
		assert_string_equal(passphrase.at, "correct horse");
	}
}

static void nothing_and_too_much_are_refused(void **state)
{
	char longest[PASSPHRASE_MAX + 1];
	PASSPHRASE passphrase = {"untouched"};
	struct error err = {0};

	(void)state;
	memset(longest, 'a', sizeof(longest));
	assert_false(get_from("", 0, &passphrase, &err));
	assert_false(get_from("\n", 1, &passphrase, &err));
	assert_false(get_from("a\0b\n", 4, &passphrase, &err));
	assert_false(get_from(longest, PASSPHRASE_MAX, &passphrase, &err));
	assert_int_equal(err.code, ERROR_USAGE);
	assert_null(strstr(err.text, "aaaa"));
	assert_string_equal(passphrase.at, "untouched");
	MUST(get_from(longest, PASSPHRASE_MAX - 1, &passphrase, &err));
}

static void a_descriptor_gives_one_line_and_keeps_the_rest(void **state)
{
	PASSPHRASE first = {{0}}, second = {{0}};
	struct error err = {0};
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(write(ends[1], "one\ntwo\n", 8), 8);
	assert_int_equal(close(ends[1]), 0);

	const struct unlock unlock = {.descriptor = ends[0]};

	MUST(passphrase_get(&unlock, "passphrase", &first, &err));
	MUST(passphrase_get_new(&unlock, "passphrase", &second, &err));
	assert_string_equal(first.at, "one");
	assert_string_equal(second.at, "two");
	assert_int_equal(close(ends[0]), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_line_is_the_passphrase),
		cmocka_unit_test(nothing_and_too_much_are_refused),
		cmocka_unit_test(a_descriptor_gives_one_line_and_keeps_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
