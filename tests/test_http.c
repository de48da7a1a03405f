#include <string.h>

#include "courier/http.h"
#include "tests/test.h"

/* Nobody listens there: what is refused is refused before. */
static bool send_to(const char *url, const char *header, struct error *why)
{
	CLEANUP(http_cleanup) struct http *http = NULL;
	struct http_response response = {0};
	const struct http_request request
		= {.method = "GET", .url = url, .bearer = "token", .headers = {header}};
	struct error err = {0};

	MUST(http_new(NULL, NULL, &http, &err));

	const bool ok = http_send(http, &request, &response, why);

	http_response_free(&response);
	return ok;
}

static void a_token_goes_nowhere_but_to_https(void **state)
{
	static const struct {
		const char *url, *words;
	} cases[] = {
		{"http://127.0.0.1:1/", "only https"},
		{"HTTP://127.0.0.1:1/", "only https"},
		{"ftp://127.0.0.1:1/", "only https"},
		{"file:///etc/passwd", "not a URL"},
		{"gopher://127.0.0.1:1/", "only https"},
		{"https://anna@127.0.0.1:1/", "no user name"},
		{"https://anna:secret@127.0.0.1:1/", "no user name"},
		{"127.0.0.1:1/", "not a URL"},
		{"https://", "not a URL"},
		{"https://127.0.0.1:70000/", "not a URL"},
		{"", "not a URL"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct error err = {0};

		assert_false(send_to(cases[i].url, NULL, &err));
		assert_int_equal(err.code, ERROR_USAGE);
		if (strstr(err.text, cases[i].words) == NULL)
			fail_msg("%s: %s", cases[i].url, err.text);
		assert_null(strstr(err.text, "secret"));
		assert_null(strstr(err.text, "token"));
	}
}

static void a_header_cannot_bring_another_one(void **state)
{
	static const char *const headers[] = {"A: b\r\nC: d", "A: b\n", "A: \x7f"};

	(void)state;
	for (size_t i = 0; i < COUNT(headers); i++) {
		struct error err = {0};

		assert_false(send_to("https://127.0.0.1:1/", headers[i], &err));
		assert_int_equal(err.code, ERROR_USAGE);
		assert_non_null(strstr(err.text, "control character"));
	}
}

static void a_port_nobody_listens_at_is_named(void **state)
{
	struct error err = {0};

	(void)state;
	assert_false(send_to("https://127.0.0.1:1/", NULL, &err));
	assert_int_equal(err.code, ERROR_FAILED);
	assert_string_equal(err.text, "127.0.0.1:1: cannot connect: Connection refused");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_goes_nowhere_but_to_https),
		cmocka_unit_test(a_header_cannot_bring_another_one),
		cmocka_unit_test(a_port_nobody_listens_at_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
