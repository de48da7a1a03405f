#include <stdio.h>
#include <string.h>

#include "common/json_listing.h"
#include "tests/test.h"

/* Print what comes, a semicolon after each; stop at the element "stop". */
static bool print_element(void *self, const struct json *element, struct error *err)
{
	const char *const text = json_string(element);

	if (text != NULL && strcmp(text, "stop") == 0)
		return error_set(err, ERROR_ABORTED, "as it was told");
	return json_print(element, self, err) && buf_print(self, err, ";");
}

static void expect_listing(const char *document, const char *elements, const char *rest)
{
	CLEANUP(buf_free) struct buf seen = {0}, printed = {0};
	CLEANUP(json_cleanup) struct json *left = NULL;
	struct error err = {0};
	const char *text = NULL;

	MUST(json_listing_read(
		bytes_of(document), JSON_SIGNED, "rows", print_element, &seen, &left, &err));
	MUST(buf_text(&seen, &text, &err));
	assert_string_equal(text, elements);
	MUST(json_print(left, &printed, &err));
	MUST(buf_text(&printed, &text, &err));
	assert_string_equal(text, rest);
}

static void elements_come_one_by_one_and_the_rest_is_left(void **state)
{
	(void)state;
	expect_listing("{\"rows\":[]}", "", "{\"rows\":[]}");
	expect_listing(
		" { \"rows\" : [ 1 , {\"a\":[2,{}]} ,\n\t\"x\\u0041\" ] , \"b\" : [3] } ",
		"1;{\"a\":[2,{}]};\"xA\";", "{\"rows\":[],\"b\":[3]}");
	expect_listing("{\"a\":{\"rows\":[7]},\"r\\u006fws\":[true,null]}", "true;null;",
		"{\"a\":{\"rows\":[7]},\"rows\":[]}");
}

static void expect_refusal(const char *document, enum error_code code, const char *why)
{
	CLEANUP(buf_free) struct buf seen = {0};
	struct json *left = NULL;
	struct error err = {0};

	assert_false(json_listing_read(
		bytes_of(document), JSON_SIGNED, "rows", print_element, &seen, &left, &err));
	assert_null(left);
	assert_int_equal(err.code, code);
	assert_string_equal(err.text, why);
}

static void what_is_no_listing_is_refused(void **state)
{
	static const char none[] = "rows missing or not an array";

	(void)state;
	expect_refusal("[]", ERROR_MALFORMED, none);
	expect_refusal("{}", ERROR_MALFORMED, none);
	expect_refusal("{\"rows\":{}}", ERROR_MALFORMED, none);
	expect_refusal("{\"rows\":[1],\"rows\":[2]}", ERROR_MALFORMED, "rows: twice");
	expect_refusal(
		"{\"rows\":[1],\"rows\":2}", ERROR_MALFORMED, "JSON: duplicate key at byte 12");
	expect_refusal("{\"rows\":[1,]}", ERROR_MALFORMED, "JSON: no value at byte 11");
	expect_refusal("{\"rows\":[{\"a\":1,\"a\":2}]}", ERROR_MALFORMED,
		"JSON: duplicate key at byte 16");
	expect_refusal("{\"rows\":[]} x", ERROR_MALFORMED,
		"JSON: something after the value at byte 12");
	expect_refusal("{\"rows\":[1,\"stop\",2]}", ERROR_ABORTED, "as it was told");
}

static void every_truncation_is_refused(void **state)
{
	static const char document[]
		= "{\"a\":\"b\",\"rows\":[{\"c\":[1,2]},\"d\",{}],\"e\":{\"f\":null}}";
	struct error err = {0};

	(void)state;
	for (size_t len = 0; len + 1 < sizeof(document); len++) {
		struct json *left = NULL;

		assert_false(json_listing_read((struct bytes){(const uint8_t *)document, len},
			JSON_SIGNED, "rows", NULL, NULL, &left, &err));
		assert_null(left);
	}
}

static bool count_element(void *self, const struct json *element, struct error *err)
{
	(void)element;
	(void)err;
	++*(size_t *)self;
	return true;
}

static void a_listing_is_as_long_as_its_bytes_allow_but_each_element_has_limits(void **state)
{
	CLEANUP(json_cleanup) struct json *rest = json_new_object(), *left = NULL;
	CLEANUP(json_cleanup) struct json *one = json_new_object(), *wide = json_new_array();
	CLEANUP(buf_free) struct buf document = {0};
	struct error err = {0};
	size_t count = 0;

	(void)state;
	json_add_integer(rest, "version", 1);
	json_add_string(one, "id", "x");
	MUST(json_listing_begin(rest, "rows", &document, &err));
	for (size_t i = 0; i < 2 * JSON_VALUES_MAX; i++)
		MUST(json_listing_add(one, &document, &err));
	MUST(json_listing_end(&document, &err));
	assert_false(json_check(buf_bytes(&document), JSON_SIGNED, &err));
	MUST(json_listing_read(
		buf_bytes(&document), JSON_SIGNED, "rows", count_element, &count, &left, &err));
	assert_int_equal(count, 2 * JSON_VALUES_MAX);
	assert_int_equal(json_count(left), 2);

	document.len = 0;
	MUST(json_listing_begin(rest, "rows", &document, &err));
	MUST(buf_print(&document, &err, "[0"));
	for (size_t i = 0; i < JSON_VALUES_MAX; i++)
		MUST(buf_append(&document, bytes_of(",0"), &err));
	MUST(buf_print(&document, &err, "]"));
	MUST(json_listing_end(&document, &err));
	json_cleanup(&left);
	assert_false(json_listing_read(
		buf_bytes(&document), JSON_SIGNED, "rows", NULL, NULL, &left, &err));
	assert_non_null(strstr(err.text, "too many values"));
}

static void a_listing_without_a_rest_is_written_too(void **state)
{
	CLEANUP(json_cleanup) struct json *none = json_new_object();
	CLEANUP(buf_free) struct buf document = {0};
	struct error err = {0};
	const char *text = NULL;

	(void)state;
	MUST(json_listing_begin(none, "rows", &document, &err));
	MUST(json_listing_add(none, &document, &err));
	MUST(json_listing_add(none, &document, &err));
	MUST(json_listing_end(&document, &err));
	MUST(buf_text(&document, &text, &err));
	assert_string_equal(text, "{\"rows\":[{},{}]}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elements_come_one_by_one_and_the_rest_is_left),
		cmocka_unit_test(what_is_no_listing_is_refused),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(
			a_listing_is_as_long_as_its_bytes_allow_but_each_element_has_limits),
		cmocka_unit_test(a_listing_without_a_rest_is_written_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
