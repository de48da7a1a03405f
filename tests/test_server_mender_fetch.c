/*
 * Downloads that are interrupted, and servers that cannot be reached or trusted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "courier/mender_answer.h"
#include "tests/lab_server.h"
#include "tests/mender_courier.h"
#include "tests/test.h"

/* ---- fetching ---- */

static void a_download_goes_on_where_it_stopped(void **state)
{
	static const char *const faults[] = {
		"\"action\": \"reset-body\", \"after_bytes\": 100000, \"path\": "
		"\"" ARTIFACT_PATH "\"",
		"\"action\": \"truncate\", \"after_bytes\": 50000, \"path\": \"" ARTIFACT_PATH
		"\"",
	};
	struct courier *const courier = *state;
	CLEANUP(server_assignment_free) struct server_assignment assignment = {0};
	CLEANUP(buf_free) struct buf content = {0};
	CLEANUP(json_cleanup) struct json *last = NULL;
	struct error err = {0};

	courier_assigned(courier, &assignment);
	for (size_t i = 0; i < COUNT(faults); i++) {
		const size_t before = content.len;

		lab_fault(faults[i]);
		assert_false(courier_fetch(courier, &assignment, &content, &err));
		assert_int_equal(err.code, ERROR_FAILED);
		assert_non_null(strstr(err.text, "localhost"));
		assert_null(strstr(err.text, "X-Amz"));
		assert_true(content.len > before);
	}
	MUST(courier_fetch(courier, &assignment, &content, &err));
	courier_check_artifact(&assignment, &content);
	assert_true(lab_requests("GET " ARTIFACT_PATH, &last) >= 3);

	const struct json *const headers = json_member(last, "headers");

	assert_memory_equal(json_string(json_member(headers, "range")), "bytes=", 6);
	assert_null(json_member(headers, "authorization"));
	/* All of it is here: asking once more is no error. */
	MUST(courier_fetch(courier, &assignment, &content, &err));
	courier_check_artifact(&assignment, &content);
}

static void a_download_goes_on_with_a_fresh_url_when_the_old_one_expired(void **state)
{
	struct courier *const courier = *state;
	CLEANUP(server_assignment_free) struct server_assignment one = {0};
	CLEANUP(server_assignment_free) struct server_assignment two = {0};
	CLEANUP(buf_free) struct buf content = {0};
	struct error err = {0};

	courier_assigned(courier, &one);
	assert_true(one.expires > 0);
	lab_fault("\"action\": \"reset-body\", \"after_bytes\": 100000, "
		  "\"path\": \"" ARTIFACT_PATH "\"");
	assert_false(courier_fetch(courier, &one, &content, &err));
	lab_control("{\"do\": \"clock\", \"advance\": 90000}");
	assert_false(courier_fetch(courier, &one, &content, &err));
	assert_int_equal(err.code, ERROR_EXPIRED);
	courier_ask(courier, one.request, &two);
	assert_string_not_equal(one.url, two.url);
	MUST(courier_fetch(courier, &two, &content, &err));
	courier_check_artifact(&two, &content);
}

static void bytes_that_cannot_be_continued_are_not_mixed_with_others(void **state)
{
	struct courier *const courier = *state;
	CLEANUP(server_assignment_free) struct server_assignment assignment = {0};
	CLEANUP(buf_free) struct buf content = {0};
	struct error err = {0};

	courier_assigned(courier, &assignment);
	MUST(courier_fetch(courier, &assignment, &content, &err));

	const size_t whole = content.len;

	/* A server that ignores the range sends all of it again. */
	content.len = 1000;
	lab_fault("\"action\": \"replace\", \"path\": \"" ARTIFACT_PATH "\"");
	assert_false(courier_fetch(courier, &assignment, &content, &err));
	assert_int_equal(err.code, ERROR_DAMAGED);
	assert_int_equal(content.len, 1000);
	/* More is here than there is. */
	content.len = whole;
	MUST(buf_append(&content, bytes_of("more"), &err));
	assert_false(courier_fetch(courier, &assignment, &content, &err));
	assert_int_equal(err.code, ERROR_DAMAGED);
	assert_int_equal(content.len, whole + 4);
}

static bool full(void *self, struct bytes bytes, struct error *err)
{
	(void)self;
	(void)bytes;
	return error_set(err, ERROR_SPACE, "no space");
}

static void a_sink_that_fails_ends_the_download_with_its_reason(void **state)
{
	struct courier *const courier = *state;
	CLEANUP(server_assignment_free) struct server_assignment assignment = {0};
	struct error err = {0};

	courier_assigned(courier, &assignment);
	assert_false(server_mender.fetch(
		courier->server, &assignment, 0, (struct sink){full, NULL}, &err));
	assert_int_equal(err.code, ERROR_SPACE);
	/* The connection is usable again. */
	MUST(courier_report_inventory(courier, &err));
}

/* ---- the way there ---- */

static bool try_login(
	struct courier *courier, const struct server_settings *settings, struct error *err)
{
	CLEANUP(server_cleanup) struct server *server = NULL;

	return server_mender.open(settings, courier->key, &server, err)
		&& server_mender.login(server, &courier->device, err);
}

static void a_server_that_cannot_be_trusted_or_reached_is_named(void **state)
{
	struct courier *const courier = *state;
	const struct {
		const char *url, *ca_file, *words;
		enum error_code code;
	} cases[] = {
		{courier->settings.url, NULL, "localhost", ERROR_FAILED},
		{courier->settings.url, NULL, "TLS certificate not trusted", ERROR_FAILED},
		{courier->settings.url, "/nonexistent.pem", "file of authorities",
			ERROR_FAILED},
		{"https://localhost:1", NULL, "localhost:1: cannot connect: Connection refused",
			ERROR_FAILED},
		{"https://no-such-host.invalid", NULL,
			"no-such-host.invalid: unknown host, or no network", ERROR_FAILED},
		{"http://localhost:1", NULL, "https://", ERROR_USAGE},
		{"https://user@localhost:1", NULL, "no user name", ERROR_USAGE},
		{"file:///etc/passwd", NULL, "https://", ERROR_USAGE},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct server_settings settings = courier->settings;
		struct error err = {0};

		settings.url = cases[i].url;
		settings.ca_file = cases[i].ca_file;
		assert_false(try_login(courier, &settings, &err));
		assert_int_equal(err.code, cases[i].code);
		if (strstr(err.text, cases[i].words) == NULL)
			fail_msg("\"%s\" does not say \"%s\"", err.text, cases[i].words);
	}
}

static void a_proxy_is_used_only_when_configured(void **state)
{
	struct courier *const courier = *state;
	struct server_settings settings = courier->settings;
	struct error err = {0};

	assert_int_equal(setenv("https_proxy", "http://127.0.0.1:1", 1), 0);
	courier_accepted(courier);
	assert_int_equal(unsetenv("https_proxy"), 0);
	settings.proxy = "http://127.0.0.1:1";
	mender_token_free(&courier->device.token);
	assert_false(try_login(courier, &settings, &err));
	assert_int_equal(err.code, ERROR_FAILED);
}

static void an_unknown_kind_of_server_is_answered_with_those_there_are(void **state)
{
	const struct server_kind *kind = NULL;
	struct error err = {0};

	(void)state;
	MUST(server_kind_find("mender", &kind, &err));
	assert_ptr_equal(kind, &server_mender);
	assert_false(server_kind_find("mendr", &kind, &err));
	assert_int_equal(err.code, ERROR_USAGE);
	assert_non_null(strstr(err.text, "mender"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		COURIER_TEST(a_download_goes_on_where_it_stopped),
		COURIER_TEST(a_download_goes_on_with_a_fresh_url_when_the_old_one_expired),
		COURIER_TEST(bytes_that_cannot_be_continued_are_not_mixed_with_others),
		COURIER_TEST(a_sink_that_fails_ends_the_download_with_its_reason),
		COURIER_TEST(a_server_that_cannot_be_trusted_or_reached_is_named),
		COURIER_TEST(a_proxy_is_used_only_when_configured),
		COURIER_TEST(an_unknown_kind_of_server_is_answered_with_those_there_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
