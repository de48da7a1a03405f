/*
 * What may go wrong with a Mender server, and with the tokens it gives.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "courier/http.h"
#include "courier/mender_answer.h"
#include "tests/lab_server.h"
#include "tests/mender_courier.h"
#include "tests/test.h"

/* ---- tokens ---- */

static void a_good_token_is_kept(void **state)
{
	struct courier *const courier = *state;
	struct error err = {0};

	courier_accepted(courier);

	const size_t before = lab_requests(AUTH, NULL);

	for (int i = 0; i < 3; i++)
		MUST(server_mender.login(courier->server, &courier->device, &err));
	assert_int_equal(lab_requests(AUTH, NULL), before);
}

static void a_token_that_expired_by_our_clock_is_never_shown(void **state)
{
	struct courier *const courier = *state;
	struct error err = {0};

	lab_control("{\"do\": \"set\", \"token_seconds\": 30}");
	courier_accepted(courier);
	lab_control("{\"do\": \"set\", \"token_seconds\": 604800}");
	lab_control("{\"do\": \"clock\", \"advance\": 60}");

	const size_t before = lab_requests(AUTH, NULL);
	const size_t before_put = lab_requests("PUT /api/devices/v1/inventory", NULL);

	MUST(courier_report_inventory(courier, &err));
	assert_int_equal(lab_requests(AUTH, NULL), before + 1);
	assert_int_equal(lab_requests("PUT /api/devices/v1/inventory", NULL), before_put + 1);
}

static void a_token_that_expired_by_the_servers_clock_is_replaced_once(void **state)
{
	struct courier *const courier = *state;
	struct error err = {0};

	courier_accepted(courier);
	lab_control("{\"do\": \"clock\", \"advance\": 700000}");

	const size_t before = lab_requests(AUTH, NULL);

	MUST(courier_report_inventory(courier, &err)); /* 403, log in, again */
	MUST(courier_report_inventory(courier, &err));
	assert_int_equal(lab_requests(AUTH, NULL), before + 1);
}

static void revoke(struct courier *courier)
{
	CLEANUP(json_cleanup) struct json *document = NULL;
	const struct json *const device = courier_look(courier, &document);
	const struct json *const set = json_first(json_member(device, "auth_sets"));
	char path[512];

	(void)snprintf(path, sizeof(path),
		"/api/management/v2/devauth/devices/%s/auth/%s/status",
		json_string(json_member(device, "id")), json_string(json_member(set, "id")));
	lab_manage("PUT", path, "{\"status\":\"rejected\"}", 204);
}

static void a_revoked_courier_is_told_so_and_keeps_no_token(void **state)
{
	struct courier *const courier = *state;
	CLEANUP(server_assignment_free) struct server_assignment assignment = {0};
	CLEANUP(buf_free) struct buf content = {0};
	struct error err = {0};

	courier_assigned(courier, &assignment);
	revoke(courier);

	const size_t before = lab_requests(AUTH, NULL);

	assert_false(server_mender.claim(
		courier->server, &courier->device, assignment.deployment, &err));
	assert_int_equal(err.code, ERROR_UNAUTHORISED);
	assert_non_null(strstr(err.text, "not accepted (pending, or revoked)"));
	assert_int_equal(courier->device.token.len, 0);
	assert_int_equal(lab_requests(AUTH, NULL), before + 1);
	/* The download URL outlives it. */
	MUST(courier_fetch(courier, &assignment, &content, &err));
	courier_check_artifact(&assignment, &content);
}

/* ---- faults ---- */

static void a_server_that_wants_its_peace_gets_it(void **state)
{
	static const char *const faults[] = {
		"\"action\": \"status\", \"status\": 429, \"retry_after\": 1800, "
		"\"path\": \"inventory\"",
		"\"action\": \"status\", \"status\": 503, \"retry_after\": 120, "
		"\"path\": \"inventory\"",
		"\"action\": \"status\", \"status\": 429, \"path\": \"inventory\"",
		"\"action\": \"status\", \"status\": 429, \"path\": \"inventory\", "
		"\"retry_after\": \"Fri, 31 Dec 2100 23:59:59 GMT\"",
	};
	static const int64_t seconds[] = {1800, 120, 60, INT64_C(30) * 86400};
	struct courier *const courier = *state;
	struct error err = {0};

	courier_accepted(courier);
	for (size_t i = 0; i < COUNT(faults); i++) {
		lab_fault(faults[i]);
		assert_false(courier_report_inventory(courier, &err));
		assert_int_equal(err.code, ERROR_DEFERRED);
		assert_int_equal(server_mender.retry_s(courier->server), seconds[i]);
	}
	MUST(courier_report_inventory(courier, &err));
}

static void a_login_may_be_deferred_too(void **state)
{
	struct courier *const courier = *state;
	struct error err = {0};

	lab_fault("\"action\": \"status\", \"status\": 429, \"retry_after\": 7, "
		  "\"path\": \"auth_requests\"");
	assert_false(server_mender.login(courier->server, &courier->device, &err));
	assert_int_equal(err.code, ERROR_DEFERRED);
	assert_int_equal(server_mender.retry_s(courier->server), 7);
}

static void a_failing_server_is_quoted_in_one_line(void **state)
{
	struct courier *const courier = *state;
	struct error err = {0};

	courier_accepted(courier);
	lab_fault("\"action\": \"status\", \"status\": 500, \"path\": \"inventory\", "
		  "\"body\": \"{\\\"error\\\":\\\"internal\\\\nerror\\\"}\"");
	assert_false(courier_report_inventory(courier, &err));
	assert_int_equal(err.code, ERROR_FAILED);
	assert_string_equal(err.text, "inventory: the server answered 500: internal error");
}

static void a_login_page_is_no_assignment(void **state)
{
	struct courier *const courier = *state;
	CLEANUP(server_assignment_free) struct server_assignment assignment = {0};
	struct error err = {0};
	bool found = false;

	courier_accepted(courier);
	lab_fault("\"action\": \"replace\", \"path\": \"/next$\", \"count\": 0, "
		  "\"content_type\": \"text/html\", \"body\": \"<html>Sign in</html>\"");
	assert_false(server_mender.next(courier->server, &courier->device, &courier->provides,
		NULL, &assignment, &found, &err));
	assert_int_equal(err.code, ERROR_MALFORMED);
	lab_control("{\"do\": \"clear\"}");
	mender_token_free(&courier->device.token);
	lab_fault("\"action\": \"replace\", \"path\": \"auth_requests\", "
		  "\"content_type\": \"text/html\", \"body\": \"<html>Sign in</html>\"");
	assert_false(server_mender.login(courier->server, &courier->device, &err));
	assert_int_equal(err.code, ERROR_MALFORMED);
	assert_int_equal(courier->device.token.len, 0);
}

static void what_is_not_the_servers_has_taken_no_report(void **state)
{
	struct courier *const courier = *state;
	static const char id[] = "3d1c7a54-7a3c-4b57-8d0e-0f6d2d3c1a11";
	struct error err = {0};

	courier_accepted(courier);
	lab_fault("\"action\": \"replace\", \"path\": \"inventory|/status$\", \"count\": 0, "
		  "\"content_type\": \"text/html\", \"body\": \"<html>Sign in</html>\"");
	assert_false(courier_report_inventory(courier, &err));
	assert_int_equal(err.code, ERROR_FAILED);
	assert_false(server_mender.claim(courier->server, &courier->device, id, &err));
	assert_int_equal(err.code, ERROR_FAILED);
	lab_control("{\"do\": \"clear\"}");
	lab_fault("\"action\": \"replace\", \"path\": \"/status$\", "
		  "\"body\": \"{\\\"welcome\\\": \\\"guest\\\"}\"");
	assert_false(server_mender.claim(courier->server, &courier->device, id, &err));
	assert_int_equal(err.code, ERROR_FAILED);
	lab_control("{\"do\": \"clear\"}");
	lab_fault("\"action\": \"status\", \"path\": \"/status$\", \"status\": 409, "
		  "\"content_type\": \"text/html\", \"body\": \"<html>Conflict</html>\"");
	assert_false(server_mender.claim(courier->server, &courier->device, id, &err));
	assert_int_equal(err.code, ERROR_FAILED);
}

static void an_answer_without_end_is_refused(void **state)
{
	struct courier *const courier = *state;
	CLEANUP(buf_free) struct buf fields = {0};
	struct error err = {0};
	const char *text = NULL;

	courier_accepted(courier);
	MUST(buf_print(&fields, &err,
		"\"action\": \"replace\", \"path\": \"inventory\", "
		"\"body\": \""));

	const size_t start = fields.len;

	MUST(buf_reserve(&fields, HTTP_BODY_MAX + 2, &err));
	memset(fields.at + start, 'x', HTTP_BODY_MAX + 1);
	fields.len += HTTP_BODY_MAX + 1;
	MUST(buf_append(&fields, bytes_of("\""), &err));
	MUST(buf_text(&fields, &text, &err));
	lab_fault(text);
	assert_false(courier_report_inventory(courier, &err));
	assert_int_equal(err.code, ERROR_MALFORMED);
	assert_non_null(strstr(err.text, "larger than"));
	MUST(courier_report_inventory(courier, &err));
}

/* Twice, because what is lost with a connection kept from before is asked again at once. */
static void a_lost_answer_is_a_failure_that_may_be_repeated(void **state)
{
	static const char *const faults[] = {
		"\"action\": \"reset-before\", \"path\": \"/status$\", \"count\": 2",
		"\"action\": \"reset-after\", \"path\": \"/status$\", \"count\": 2",
	};
	struct courier *const courier = *state;
	CLEANUP(server_assignment_free) struct server_assignment assignment = {0};
	struct error err = {0};

	courier_assigned(courier, &assignment);
	for (size_t i = 0; i < COUNT(faults); i++) {
		lab_fault(faults[i]);
		assert_false(server_mender.claim(
			courier->server, &courier->device, assignment.deployment, &err));
		assert_int_equal(err.code, ERROR_FAILED);
		assert_non_null(strstr(err.text, "localhost"));
		MUST(server_mender.claim(
			courier->server, &courier->device, assignment.deployment, &err));
	}
	courier_check_status(courier, "downloading");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		COURIER_TEST(a_good_token_is_kept),
		COURIER_TEST(a_token_that_expired_by_our_clock_is_never_shown),
		COURIER_TEST(a_token_that_expired_by_the_servers_clock_is_replaced_once),
		COURIER_TEST(a_revoked_courier_is_told_so_and_keeps_no_token),
		COURIER_TEST(a_server_that_wants_its_peace_gets_it),
		COURIER_TEST(a_login_may_be_deferred_too),
		COURIER_TEST(a_failing_server_is_quoted_in_one_line),
		COURIER_TEST(a_login_page_is_no_assignment),
		COURIER_TEST(what_is_not_the_servers_has_taken_no_report),
		COURIER_TEST(an_answer_without_end_is_refused),
		COURIER_TEST(a_lost_answer_is_a_failure_that_may_be_repeated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
