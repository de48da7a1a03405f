#include <string.h>

#include "courier/http_answer.h"
#include "tests/test.h"

static void a_range_counts_only_when_it_makes_sense(void **state)
{
	static const struct {
		const char *line;
		uint64_t first, total;
	} cases[] = {
		{"Content-Range: bytes 5-9/10", 5, 10},
		{"content-range:\tbytes 0-0/1", 0, 1},
		{"CONTENT-RANGE: Bytes */77", 0, 77},
		{"Content-Range: bytes 18446744073709551600-18446744073709551615/"
		 "18446744073709551616",
			0, 0},
		{"Content-Range: bytes 5-9/*", 0, 0},
		{"Content-Range: bytes 9-5/10", 0, 0},
		{"Content-Range: bytes 5-10/10", 0, 0},
		{"Content-Range: bytes -5/10", 0, 0},
		{"Content-Range: bytes 5-9/10, 11", 0, 0},
		{"Content-Range: lines 5-9/10", 0, 0},
		{"Content-Range: bytes +5-9/10", 0, 0},
		{"Content-Range:", 0, 0},
		{"Content-Ranger: bytes 5-9/10", 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct http_response response = {0};

		http_take_header(&response, cases[i].line);
		assert_int_equal(response.range_first, cases[i].first);
		assert_int_equal(response.range_total, cases[i].total);
	}
}

static void only_a_range_that_begins_where_asked_is_delivered(void **state)
{
	const struct http_request whole = {.offset = 0}, rest = {.offset = 5};
	struct http_response response = {.status = 206, .range_first = 5, .range_total = 10};

	(void)state;
	assert_true(http_delivered(&rest, &response));
	assert_false(http_delivered(&whole, &response));
	response.range_first = 4;
	assert_false(http_delivered(&rest, &response));
	response = (struct http_response){.status = 206};
	assert_false(http_delivered(&whole, &response));
	response.status = 200;
	assert_true(http_delivered(&whole, &response));
	assert_false(http_delivered(&rest, &response));
}

static void an_interim_answer_leaves_nothing_behind(void **state)
{
	struct http_response response = {0};

	(void)state;
	http_take_header(&response, "HTTP/1.1 100 Continue");
	http_take_header(&response, "Location: devices/none");
	http_take_header(&response, "HTTP/1.1 201 Created");
	assert_int_equal(response.status, 201);
	assert_string_equal(response.location, "");
	http_take_header(&response, "location:   devices/d-1");
	http_take_header(&response, "Link: <x>; rel=\"next\"");
	http_take_header(&response, "Content-Type: application/json");
	assert_string_equal(response.location, "devices/d-1");
	assert_string_equal(response.link, "<x>; rel=\"next\"");
	assert_string_equal(response.content_type, "application/json");
}

static void a_body_grows_and_stays_what_it_is(void **state)
{
	struct http_response response = {0};
	struct error err = {0};
	uint8_t piece[700];

	(void)state;
	for (int i = 0; i < 100; i++) {
		memset(piece, i, sizeof(piece));
		MUST(http_keep_body(
			&response.body, (struct bytes){piece, sizeof(piece)}, &err));
	}
	assert_int_equal(response.body.len, 100 * sizeof(piece));
	for (size_t i = 0; i < response.body.len; i++)
		assert_int_equal(response.body.at[i], i / sizeof(piece));
	http_response_free(&response);
	assert_null(response.body.at);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_range_counts_only_when_it_makes_sense),
		cmocka_unit_test(only_a_range_that_begins_where_asked_is_delivered),
		cmocka_unit_test(an_interim_answer_leaves_nothing_behind),
		cmocka_unit_test(a_body_grows_and_stays_what_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
