/*
 * The whole journey with a Mender server: a real one (tests/lab) answers over HTTPS,
 * started by tests/with_server.sh.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lab_server.h"
#include "tests/mender_courier.h"
#include "tests/test.h"

/* ---- the journey ---- */

static void report_all(struct courier *courier, const struct server_report *report)
{
	struct error err = {0};

	for (const enum server_step *step = server_mender.report_order;
		*step != SERVER_STEPS_END; step++)
		MUST(server_mender.report(
			courier->server, &courier->device, *step, report, &err));
}

static void check_reported(struct courier *courier)
{
	CLEANUP(json_cleanup) struct json *document = NULL;
	const struct json *const device = courier_look(courier, &document);
	const struct json *const done = json_first(json_member(device, "deployments"));
	const struct json *const inventory
		= json_member(json_member(device, "inventory"), "inventory");

	assert_string_equal(json_string(json_member(done, "status")), "success");
	assert_string_equal(json_string(json_member(done, "substate")), "confirmed by SN");
	assert_non_null(strstr(json_string(json_member(done, "log")),
		"2026-11-22 09:59:58 +0000 UTC error: it rained\n"));
	assert_non_null(strstr(json_string(json_member(done, "log")),
		"2026-11-22 10:00:00 +0000 UTC info: courier-receipt: "
		"{\"payload\":\"e30=\"}\n"));
	assert_string_equal(json_string(json_member(inventory, "device_type")), "testbox");
	assert_string_equal(json_string(json_member(inventory, "courier_id")), "c-1");
	assert_string_equal(
		json_string(json_member(inventory, "rootfs-image.version")), "rel-1");
}

static void travel(struct courier *courier)
{
	CLEANUP(server_assignment_free) struct server_assignment assignment = {0};
	CLEANUP(json_cleanup) struct json *attributes = json_new_array();
	CLEANUP(buf_free) struct buf content = {0};
	struct json *const ours = json_append_object(attributes);
	struct error err = {0};

	json_add_string(ours, "name", "courier_id");
	json_add_string(ours, "value", "c-1");
	courier_assigned(courier, &assignment);
	assert_string_equal(assignment.artifact_name, courier->artifact);
	assert_string_equal(assignment.request,
		"{\"artifact_name\":\"rel-1\",\"device_type\":\"testbox\","
		"\"rootfs-image.version\":\"rel-1\"}");
	MUST(server_mender.claim(
		courier->server, &courier->device, assignment.deployment, &err));
	courier_check_status(courier, "downloading");
	MUST(courier_fetch(courier, &assignment, &content, &err));
	courier_check_artifact(&assignment, &content);
	report_all(courier,
		&(struct server_report){
			.deployment = assignment.deployment,
			.success = true,
			.substate = "confirmed by SN",
			.log = bytes_of("2026-11-22T09:59:58Z error it rained\n"),
			.receipt = bytes_of("{\"payload\":\"e30=\"}"),
			.attributes = attributes,
			.provides = &courier->provides,
			.time = 1795341600,
		});
	check_reported(courier);
}

static void an_update_travels_with_the_open_source_server(void **state)
{
	travel(*state);
}

static void an_update_travels_with_the_hosted_server(void **state)
{
	CLEANUP(json_cleanup) struct json *last = NULL;
	const size_t before = lab_requests("POST " NEXT_V1, NULL);

	lab_control("{\"do\": \"set\", \"v2\": true}");
	travel(*state);
	assert_int_equal(lab_requests("POST " NEXT_V1, NULL), before);
	assert_true(lab_requests("POST " NEXT_V2, &last) > 0);

	const struct json *const body = json_member(last, "body");

	assert_int_equal(json_count(body), 1);
	assert_string_equal(json_string(json_member(json_member(body, "device_provides"),
				    "rootfs-image.version")),
		"rel-1");
}

static void nothing_to_do_is_an_answer(void **state)
{
	struct courier *const courier = *state;
	CLEANUP(server_assignment_free) struct server_assignment assignment = {0};
	struct error err = {0};
	bool found = true;

	courier_accepted(courier);
	MUST(server_mender.next(courier->server, &courier->device, &courier->provides, NULL,
		&assignment, &found, &err));
	assert_false(found);
}

static void a_server_without_v2_is_asked_for_it_once(void **state)
{
	struct courier *const courier = *state;
	const size_t before = lab_requests(NEXT_V2, NULL);
	const size_t before_v1 = lab_requests(NEXT_V1, NULL);
	struct error err = {0};

	courier_accepted(courier);
	for (int i = 0; i < 3; i++) {
		struct server_assignment assignment = {0};
		bool found = true;

		MUST(server_mender.next(courier->server, &courier->device, &courier->provides,
			NULL, &assignment, &found, &err));
		assert_false(found);
	}
	assert_int_equal(lab_requests(NEXT_V2, NULL), before + 1);
	assert_int_equal(lab_requests("POST " NEXT_V1, NULL), before_v1 + 3);
}

static void the_auth_request_says_who_pays_and_which_tier(void **state)
{
	struct courier *const courier = *state;
	CLEANUP(json_cleanup) struct json *last = NULL;

	courier_accepted(courier);
	assert_true(lab_requests(AUTH, &last) > 0);

	const struct json *const body = json_member(last, "body");

	assert_int_equal(json_count(body), 4);
	assert_string_equal(json_string(json_member(body, "id_data")), courier->id_data);
	assert_string_equal(json_string(json_member(body, "tenant_token")), "TENANT");
	assert_string_equal(json_string(json_member(body, "tier")), "standard");
	assert_memory_equal(
		json_string(json_member(body, "pubkey")), "-----BEGIN PUBLIC KEY-----\n", 27);
}

/* ---- the frozen request ---- */

static void asking_again_with_the_frozen_request_changes_nothing(void **state)
{
	struct courier *const courier = *state;
	CLEANUP(server_assignment_free) struct server_assignment one = {0};
	CLEANUP(server_assignment_free) struct server_assignment two = {0};
	struct error err = {0};

	courier_assigned(courier, &one);
	/* Meanwhile the device runs something else. */
	MUST(artifact_pairs_add(&courier->provides, "artifact_group", "new", &err));
	courier_ask(courier, one.request, &two);
	assert_string_equal(one.deployment, two.deployment);
	assert_string_equal(one.request, two.request);
	courier_check_status(courier, "pending");
}

static void asking_with_another_request_is_explained(void **state)
{
	struct courier *const courier = *state;
	CLEANUP(server_assignment_free) struct server_assignment assignment = {0};
	CLEANUP(server_assignment_free) struct server_assignment other = {0};
	struct error err = {0};
	bool found = false;

	courier_assigned(courier, &assignment);
	MUST(artifact_pairs_add(&courier->provides, "artifact_group", "new", &err));
	assert_false(server_mender.next(courier->server, &courier->device, &courier->provides,
		NULL, &other, &found, &err));
	assert_int_equal(err.code, ERROR_FAILED);
	assert_non_null(strstr(err.text, "differs"));
	courier_check_status(courier, "failure");
}

/* ---- aborts and strangers ---- */

static void an_abort_is_seen_before_leaving_and_after_the_fact(void **state)
{
	struct courier *const courier = *state;
	CLEANUP(server_assignment_free) struct server_assignment assignment = {0};
	struct error err = {0};
	char path[512];

	courier_assigned(courier, &assignment);
	(void)snprintf(path, sizeof(path),
		"/api/management/v1/deployments/deployments/%s/status", assignment.deployment);
	lab_manage("PUT", path, "{\"status\":\"aborted\"}", 204);
	assert_false(server_mender.claim(
		courier->server, &courier->device, assignment.deployment, &err));
	assert_int_equal(err.code, ERROR_ABORTED);
	assert_false(server_mender.report(courier->server, &courier->device, SERVER_STATUS,
		&(struct server_report){.deployment = assignment.deployment, .success = true},
		&err));
	assert_int_equal(err.code, ERROR_ABORTED);
	/* Its log is still taken. */
	MUST(server_mender.report(courier->server, &courier->device, SERVER_LOG,
		&(struct server_report){
			.deployment = assignment.deployment, .log = bytes_of("too late\n")},
		&err));
	courier_check_status(courier, "aborted");
}

static void a_deployment_of_somebody_else_is_not_ours_to_report(void **state)
{
	static const char *const ids[]
		= {"b7b6a7a0-3f3e-4b45-9f0d-0f4a9c4b7a11", "../../../x", ""};
	static const enum error_code codes[] = {ERROR_GONE, ERROR_USAGE, ERROR_USAGE};
	struct courier *const courier = *state;
	struct error err = {0};

	courier_accepted(courier);
	for (size_t i = 0; i < COUNT(ids); i++) {
		assert_false(
			server_mender.claim(courier->server, &courier->device, ids[i], &err));
		assert_int_equal(err.code, codes[i]);
	}
	assert_false(server_mender.claim(courier->server, &courier->device, ids[0], &err));
	assert_non_null(strstr(err.text, "does not know this deployment for this device"));
}

static void a_failure_is_told_with_as_much_of_the_reason_as_is_taken(void **state)
{
	struct courier *const courier = *state;
	CLEANUP(server_assignment_free) struct server_assignment assignment = {0};
	CLEANUP(json_cleanup) struct json *document = NULL;
	char why[400];
	struct error err = {0};

	memset(why, 'y', sizeof(why));
	why[sizeof(why) - 1] = 0;
	courier_assigned(courier, &assignment);
	MUST(server_mender.report(courier->server, &courier->device, SERVER_STATUS,
		&(struct server_report){.deployment = assignment.deployment, .substate = why},
		&err));
	courier_check_status(courier, "failure");

	const struct json *const device = courier_look(courier, &document);
	const struct json *const done = json_first(json_member(device, "deployments"));

	assert_int_equal(strlen(json_string(json_member(done, "substate"))), 200);
}

/* ---- limits ---- */

static void a_log_of_any_length_is_taken(void **state)
{
	struct courier *const courier = *state;
	CLEANUP(server_assignment_free) struct server_assignment assignment = {0};
	CLEANUP(json_cleanup) struct json *document = NULL;
	CLEANUP(buf_free) struct buf log = {0};
	struct error err = {0};

	for (int i = 0; i < 100000; i++)
		MUST(buf_print(&log, &err, "line %d says \"\\\" and \xff\n", i));
	courier_assigned(courier, &assignment);
	MUST(server_mender.report(courier->server, &courier->device, SERVER_LOG,
		&(struct server_report){.deployment = assignment.deployment,
			.log = buf_bytes(&log),
			.receipt = bytes_of("{\"payload\":\"e30=\"}")},
		&err));

	const struct json *const device = courier_look(courier, &document);
	const struct json *const done = json_first(json_member(device, "deployments"));
	const char *const kept = json_string(json_member(done, "log"));

	assert_non_null(strstr(kept, "warning: courier: "));
	assert_non_null(strstr(kept, "line 99999 says"));
	assert_non_null(strstr(kept, "courier-receipt: {\"payload\":\"e30=\"}"));
}

static void any_number_of_attributes_is_taken(void **state)
{
	struct courier *const courier = *state;
	CLEANUP(json_cleanup) struct json *attributes = json_new_array();
	CLEANUP(json_cleanup) struct json *document = NULL;
	struct error err = {0};
	int64_t dropped = 0;
	char name[32];

	for (int i = 0; i < 150; i++) {
		struct json *const each = json_append_object(attributes);

		(void)snprintf(name, sizeof(name), "script_%d", i);
		json_add_string(each, "name", name);
		json_add_bool(each, "value", true);
	}
	courier_accepted(courier);
	MUST(server_mender.report(courier->server, &courier->device, SERVER_INVENTORY,
		&(struct server_report){
			.provides = &courier->provides, .attributes = attributes},
		&err));

	const struct json *const inventory = json_member(
		json_member(courier_look(courier, &document), "inventory"), "inventory");

	assert_int_equal(json_count(inventory), 100);
	assert_string_equal(json_string(json_member(inventory, "artifact_name")), "rel-1");
	assert_true(
		json_integer(json_member(inventory, "courier_attributes_dropped"), &dropped));
	assert_int_equal(dropped, 54);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		COURIER_TEST(an_update_travels_with_the_open_source_server),
		COURIER_TEST(an_update_travels_with_the_hosted_server),
		COURIER_TEST(nothing_to_do_is_an_answer),
		COURIER_TEST(a_server_without_v2_is_asked_for_it_once),
		COURIER_TEST(the_auth_request_says_who_pays_and_which_tier),
		COURIER_TEST(asking_again_with_the_frozen_request_changes_nothing),
		COURIER_TEST(asking_with_another_request_is_explained),
		COURIER_TEST(an_abort_is_seen_before_leaving_and_after_the_fact),
		COURIER_TEST(a_deployment_of_somebody_else_is_not_ours_to_report),
		COURIER_TEST(a_failure_is_told_with_as_much_of_the_reason_as_is_taken),
		COURIER_TEST(a_log_of_any_length_is_taken),
		COURIER_TEST(any_number_of_attributes_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
