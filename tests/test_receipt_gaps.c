#include <string.h>

#include "courier/receipt_gaps.h"
#include "tests/test.h"

struct expectation {
	uint64_t here[6], newest, missing; /* HERE ends with 0 */
	const char *text;
};

static void expect(const struct expectation *expected)
{
	struct receipt_gaps gaps = {0};

	for (size_t i = 0; expected->here[i] != 0; i++)
		receipt_gaps_add(&gaps, expected->here[i]);
	receipt_gaps_end(&gaps, expected->newest);
	assert_int_equal(gaps.missing, expected->missing);
	assert_string_equal(gaps.text, expected->text);
}

static void numbers_between_and_up_to_the_last_are_missing(void **state)
{
	static const struct expectation expectations[] = {
		{{0}, 0, 0, ""},
		{{0}, 9, 0, ""},
		{{1, 2, 3}, 3, 0, ""},
		{{1, 2, 3}, 0, 0, ""},
		{{7, 8}, 8, 0, ""},
		{{1, 3}, 3, 1, "2"},
		{{1, 5}, 5, 3, "2-4"},
		{{1, 3, 7, 9}, 9, 5, "2, 4-6, 8"},
		{{4, 5}, 6, 1, "6"},
		{{4, 6}, 9, 4, "5, 7-9"},
		{{1, UINT64_MAX}, 0, UINT64_MAX - 2, "2-18446744073709551614"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(expectations); i++)
		expect(&expectations[i]);
}

static void a_long_list_ends_in_dots_and_counts_on(void **state)
{
	struct receipt_gaps gaps = {0};

	(void)state;
	for (uint64_t i = 1; i <= 1001; i += 2)
		receipt_gaps_add(&gaps, 1000000000 + i);
	assert_int_equal(gaps.missing, 500);
	assert_true(strlen(gaps.text) < sizeof(gaps.text));
	assert_string_equal(gaps.text + strlen(gaps.text) - 5, ", ...");
	assert_null(strstr(gaps.text, "..., ..."));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_between_and_up_to_the_last_are_missing),
		cmocka_unit_test(a_long_list_ends_in_dots_and_counts_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
