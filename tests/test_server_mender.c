/*
 * The whole journey with a Mender server, and everything that may go wrong on it: a real
 * HTTPS server (tests/lab) answers, started by tests/with_server.sh.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "courier/http.h"
#include "courier/mender_answer.h"
#include "courier/server.h"
#include "tests/lab_server.h"
#include "tests/test.h"

#define AUTH "POST /api/devices/v1/authentication/auth_requests"
#define NEXT_V2 "/api/devices/v2/deployments/device/deployments/next"
#define NEXT_V1 "/api/devices/v1/deployments/device/deployments/next"
#define ARTIFACT_PATH "/mender-artifact-storage/"

enum { ARTIFACT_SIZE = 300000 /* bytes of payload, which do not compress */ };

struct fixture {
	struct server_settings settings;
	struct crypto_key *key;
	struct server *server;
	struct server_device device;
	struct artifact_pairs provides;
	char id_data[128], serial[16], artifact[32];
	char deployment[128];
};

/* A device of its own for each test, known to nobody yet. */
static int set_up(void **state)
{
	static unsigned made;
	struct fixture *const fixture = calloc(1, sizeof(*fixture));
	struct error err = {0};

	assert_non_null(fixture);
	made++;
	(void)snprintf(fixture->serial, sizeof(fixture->serial), "SN-%04u", made);
	(void)snprintf(fixture->artifact, sizeof(fixture->artifact), "rel-2-%04u", made);
	(void)snprintf(fixture->id_data, sizeof(fixture->id_data),
		"{\"mac\":\"02:00:00:00:00:01\",\"serial\":\"%s\"}", fixture->serial);
	fixture->settings = (struct server_settings){
		.name = "lab",
		.kind = "mender",
		.url = lab_environment("LAB_URL"),
		.ca_file = lab_environment("LAB_CA"),
		.tenant_token = "TENANT",
	};
	fixture->device
		= (struct server_device){.id_data = fixture->id_data, .tier = "standard"};
	MUST(crypto_key_generate(CRYPTO_ED25519, &fixture->key, &err));
	MUST(server_mender.open(&fixture->settings, fixture->key, &fixture->server, &err));
	MUST(artifact_pairs_add(&fixture->provides, "device_type", "testbox", &err));
	MUST(artifact_pairs_add(&fixture->provides, "artifact_name", "rel-1", &err));
	MUST(artifact_pairs_add(&fixture->provides, "rootfs-image.version", "rel-1", &err));
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *const fixture = *state;

	lab_control("{\"do\": \"clear\"}");
	lab_control("{\"do\": \"clock\", \"offset\": 0}");
	lab_control("{\"do\": \"set\", \"v2\": false, \"token_seconds\": 604800}");
	server_close(fixture->server);
	crypto_key_free(fixture->key);
	artifact_pairs_free(&fixture->provides);
	mender_token_free(&fixture->device.token);
	free(fixture);
	return 0;
}

/* Ask once, so that the server knows us, and let the operator accept. */
static void become_accepted(struct fixture *fixture)
{
	CLEANUP(buf_free) struct buf output = {0};
	struct error err = {0};

	assert_false(server_mender.login(fixture->server, &fixture->device, &err));
	assert_int_equal(err.code, ERROR_UNAUTHORISED);
	assert_non_null(strstr(err.text, "not accepted (pending, or revoked)"));
	lab_run(&output, "accept", "");
	MUST(server_mender.login(fixture->server, &fixture->device, &err));
}

/* An artifact and a deployment of it to this device. */
static void deploy(struct fixture *fixture)
{
	CLEANUP(buf_free) struct buf output = {0};
	char arguments[256];

	(void)snprintf(arguments, sizeof(arguments),
		"%s --type single-file --device-type testbox --size %d --unsigned",
		fixture->artifact, ARTIFACT_SIZE);
	lab_run(&output, "artifact", arguments);
	output.len = 0;
	(void)snprintf(
		arguments, sizeof(arguments), "%s %s", fixture->artifact, fixture->serial);
	lab_run(&output, "deploy", arguments);
	assert_true(output.len < sizeof(fixture->deployment));
	memcpy(fixture->deployment, output.at, output.len);
}

static void ask(
	struct fixture *fixture, const char *frozen, struct server_assignment *assignment)
{
	struct error err = {0};
	bool found = false;

	MUST(server_mender.next(fixture->server, &fixture->device, &fixture->provides, frozen,
		assignment, &found, &err));
	assert_true(found);
}

static void become_assigned(struct fixture *fixture, struct server_assignment *assignment)
{
	become_accepted(fixture);
	deploy(fixture);
	ask(fixture, NULL, assignment);
	assert_string_equal(assignment->deployment, fixture->deployment);
}

/* Whether CONTENT is, byte for byte, the file that the server keeps. */
static void check_artifact(
	const struct server_assignment *assignment, const struct buf *content)
{
	CLEANUP(buf_free) struct buf kept = {0};
	struct error err = {0};
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/server/artifacts/%s", lab_environment("LAB_DIR"),
		assignment->artifact_id);
	MUST(file_read(path, 4 * ARTIFACT_SIZE, &kept, NULL, &err));
	assert_true(kept.len > ARTIFACT_SIZE);
	assert_true(bytes_equal(buf_bytes(&kept), buf_bytes(content)));
}

static bool fetch(struct fixture *fixture, const struct server_assignment *assignment,
	struct buf *content, struct error *err)
{
	return server_mender.fetch(
		fixture->server, assignment, content->len, buf_sink(content), err);
}

static const struct json *find_device(const struct json *devices, const char *serial)
{
	for (const struct json *device = json_first(devices); device != NULL;
		device = json_next(device))
		if (strcmp(json_string(json_member(json_member(device, "identity"), "serial")),
			    serial)
			== 0)
			return device;
	fail_msg("%s is not known", serial);
	return NULL;
}

/* What the server tells an operator about all devices; the caller frees *DOCUMENT. */
static const struct json *look(struct fixture *fixture, struct json **document)
{
	CLEANUP(buf_free) struct buf output = {0};
	struct error err = {0};

	lab_run(&output, "state", "--json");
	MUST(json_parse(buf_bytes(&output), JSON_FOREIGN, document, &err));
	return find_device(*document, fixture->serial);
}

/* The status of the device's only deployment. */
static void check_status(struct fixture *fixture, const char *status)
{
	CLEANUP(json_cleanup) struct json *document = NULL;
	const struct json *const device = look(fixture, &document);
	const struct json *const first = json_first(json_member(device, "deployments"));

	assert_string_equal(json_string(json_member(first, "status")), status);
}

/* ---- the journey ---- */

static void report_all(struct fixture *fixture, const struct server_report *report)
{
	struct error err = {0};

	for (const enum server_step *step = server_mender.report_order;
		*step != SERVER_STEPS_END; step++)
		MUST(server_mender.report(
			fixture->server, &fixture->device, *step, report, &err));
}

static void check_reported(struct fixture *fixture)
{
	CLEANUP(json_cleanup) struct json *document = NULL;
	const struct json *const device = look(fixture, &document);
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

static void travel(struct fixture *fixture)
{
	CLEANUP(server_assignment_free) struct server_assignment assignment = {0};
	CLEANUP(json_cleanup) struct json *attributes = json_new_array();
	CLEANUP(buf_free) struct buf content = {0};
	struct json *const ours = json_append_object(attributes);
	struct error err = {0};

	json_add_string(ours, "name", "courier_id");
	json_add_string(ours, "value", "c-1");
	become_assigned(fixture, &assignment);
	assert_string_equal(assignment.artifact_name, fixture->artifact);
	assert_string_equal(assignment.request,
		"{\"artifact_name\":\"rel-1\",\"device_type\":\"testbox\","
		"\"rootfs-image.version\":\"rel-1\"}");
	MUST(server_mender.claim(
		fixture->server, &fixture->device, assignment.deployment, &err));
	check_status(fixture, "downloading");
	MUST(fetch(fixture, &assignment, &content, &err));
	check_artifact(&assignment, &content);
	report_all(fixture,
		&(struct server_report){
			.deployment = assignment.deployment,
			.success = true,
			.substate = "confirmed by SN",
			.log = bytes_of("2026-11-22T09:59:58Z error it rained\n"),
			.receipt = bytes_of("{\"payload\":\"e30=\"}"),
			.attributes = attributes,
			.provides = &fixture->provides,
			.time = 1795341600,
		});
	check_reported(fixture);
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
	struct fixture *const fixture = *state;
	CLEANUP(server_assignment_free) struct server_assignment assignment = {0};
	struct error err = {0};
	bool found = true;

	become_accepted(fixture);
	MUST(server_mender.next(fixture->server, &fixture->device, &fixture->provides, NULL,
		&assignment, &found, &err));
	assert_false(found);
}

static void a_server_without_v2_is_asked_for_it_once(void **state)
{
	struct fixture *const fixture = *state;
	const size_t before = lab_requests(NEXT_V2, NULL);
	const size_t before_v1 = lab_requests(NEXT_V1, NULL);
	struct error err = {0};

	become_accepted(fixture);
	for (int i = 0; i < 3; i++) {
		struct server_assignment assignment = {0};
		bool found = true;

		MUST(server_mender.next(fixture->server, &fixture->device, &fixture->provides,
			NULL, &assignment, &found, &err));
		assert_false(found);
	}
	assert_int_equal(lab_requests(NEXT_V2, NULL), before + 1);
	assert_int_equal(lab_requests("POST " NEXT_V1, NULL), before_v1 + 3);
}

static void the_auth_request_says_who_pays_and_which_tier(void **state)
{
	struct fixture *const fixture = *state;
	CLEANUP(json_cleanup) struct json *last = NULL;

	become_accepted(fixture);
	assert_true(lab_requests(AUTH, &last) > 0);

	const struct json *const body = json_member(last, "body");

	assert_int_equal(json_count(body), 4);
	assert_string_equal(json_string(json_member(body, "id_data")), fixture->id_data);
	assert_string_equal(json_string(json_member(body, "tenant_token")), "TENANT");
	assert_string_equal(json_string(json_member(body, "tier")), "standard");
	assert_memory_equal(
		json_string(json_member(body, "pubkey")), "-----BEGIN PUBLIC KEY-----\n", 27);
}

/* ---- tokens ---- */

static void a_good_token_is_kept(void **state)
{
	struct fixture *const fixture = *state;
	struct error err = {0};

	become_accepted(fixture);

	const size_t before = lab_requests(AUTH, NULL);

	for (int i = 0; i < 3; i++)
		MUST(server_mender.login(fixture->server, &fixture->device, &err));
	assert_int_equal(lab_requests(AUTH, NULL), before);
}

static bool report_inventory(struct fixture *fixture, struct error *err)
{
	return server_mender.report(fixture->server, &fixture->device, SERVER_INVENTORY,
		&(struct server_report){.provides = &fixture->provides}, err);
}

static void a_token_that_expired_by_our_clock_is_never_shown(void **state)
{
	struct fixture *const fixture = *state;
	struct error err = {0};

	lab_control("{\"do\": \"set\", \"token_seconds\": 30}");
	become_accepted(fixture);
	lab_control("{\"do\": \"set\", \"token_seconds\": 604800}");
	lab_control("{\"do\": \"clock\", \"advance\": 60}");

	const size_t before = lab_requests(AUTH, NULL);
	const size_t before_put = lab_requests("PUT /api/devices/v1/inventory", NULL);

	MUST(report_inventory(fixture, &err));
	assert_int_equal(lab_requests(AUTH, NULL), before + 1);
	assert_int_equal(lab_requests("PUT /api/devices/v1/inventory", NULL), before_put + 1);
}

static void a_token_that_expired_by_the_servers_clock_is_replaced_once(void **state)
{
	struct fixture *const fixture = *state;
	struct error err = {0};

	become_accepted(fixture);
	lab_control("{\"do\": \"clock\", \"advance\": 700000}");

	const size_t before = lab_requests(AUTH, NULL);

	MUST(report_inventory(fixture, &err)); /* 403, log in, again */
	MUST(report_inventory(fixture, &err));
	assert_int_equal(lab_requests(AUTH, NULL), before + 1);
}

static void revoke(struct fixture *fixture)
{
	CLEANUP(json_cleanup) struct json *document = NULL;
	const struct json *const device = look(fixture, &document);
	const struct json *const set = json_first(json_member(device, "auth_sets"));
	char path[512];

	(void)snprintf(path, sizeof(path),
		"/api/management/v2/devauth/devices/%s/auth/%s/status",
		json_string(json_member(device, "id")), json_string(json_member(set, "id")));
	lab_manage("PUT", path, "{\"status\":\"rejected\"}", 204);
}

static void a_revoked_courier_is_told_so_and_keeps_no_token(void **state)
{
	struct fixture *const fixture = *state;
	CLEANUP(server_assignment_free) struct server_assignment assignment = {0};
	CLEANUP(buf_free) struct buf content = {0};
	struct error err = {0};

	become_assigned(fixture, &assignment);
	revoke(fixture);

	const size_t before = lab_requests(AUTH, NULL);

	assert_false(server_mender.claim(
		fixture->server, &fixture->device, assignment.deployment, &err));
	assert_int_equal(err.code, ERROR_UNAUTHORISED);
	assert_non_null(strstr(err.text, "not accepted (pending, or revoked)"));
	assert_int_equal(fixture->device.token.len, 0);
	assert_int_equal(lab_requests(AUTH, NULL), before + 1);
	/* The download URL outlives it. */
	MUST(fetch(fixture, &assignment, &content, &err));
	check_artifact(&assignment, &content);
}

/* ---- the frozen request ---- */

static void asking_again_with_the_frozen_request_changes_nothing(void **state)
{
	struct fixture *const fixture = *state;
	CLEANUP(server_assignment_free) struct server_assignment one = {0};
	CLEANUP(server_assignment_free) struct server_assignment two = {0};
	struct error err = {0};

	become_assigned(fixture, &one);
	/* Meanwhile the device runs something else. */
	MUST(artifact_pairs_add(&fixture->provides, "artifact_group", "new", &err));
	ask(fixture, one.request, &two);
	assert_string_equal(one.deployment, two.deployment);
	assert_string_equal(one.request, two.request);
	check_status(fixture, "pending");
}

static void asking_with_another_request_is_explained(void **state)
{
	struct fixture *const fixture = *state;
	CLEANUP(server_assignment_free) struct server_assignment assignment = {0};
	CLEANUP(server_assignment_free) struct server_assignment other = {0};
	struct error err = {0};
	bool found = false;

	become_assigned(fixture, &assignment);
	MUST(artifact_pairs_add(&fixture->provides, "artifact_group", "new", &err));
	assert_false(server_mender.next(fixture->server, &fixture->device, &fixture->provides,
		NULL, &other, &found, &err));
	assert_int_equal(err.code, ERROR_FAILED);
	assert_non_null(strstr(err.text, "differs"));
	check_status(fixture, "failure");
}

/* ---- aborts and strangers ---- */

static void an_abort_is_seen_before_leaving_and_after_the_fact(void **state)
{
	struct fixture *const fixture = *state;
	CLEANUP(server_assignment_free) struct server_assignment assignment = {0};
	struct error err = {0};
	char path[512];

	become_assigned(fixture, &assignment);
	(void)snprintf(path, sizeof(path),
		"/api/management/v1/deployments/deployments/%s/status", assignment.deployment);
	lab_manage("PUT", path, "{\"status\":\"aborted\"}", 204);
	assert_false(server_mender.claim(
		fixture->server, &fixture->device, assignment.deployment, &err));
	assert_int_equal(err.code, ERROR_ABORTED);
	assert_false(server_mender.report(fixture->server, &fixture->device, SERVER_STATUS,
		&(struct server_report){.deployment = assignment.deployment, .success = true},
		&err));
	assert_int_equal(err.code, ERROR_ABORTED);
	/* Its log is still taken. */
	MUST(server_mender.report(fixture->server, &fixture->device, SERVER_LOG,
		&(struct server_report){
			.deployment = assignment.deployment, .log = bytes_of("too late\n")},
		&err));
	check_status(fixture, "aborted");
}

static void a_deployment_of_somebody_else_is_not_ours_to_report(void **state)
{
	static const char *const ids[]
		= {"b7b6a7a0-3f3e-4b45-9f0d-0f4a9c4b7a11", "../../../x", ""};
	static const enum error_code codes[] = {ERROR_FAILED, ERROR_USAGE, ERROR_USAGE};
	struct fixture *const fixture = *state;
	struct error err = {0};

	become_accepted(fixture);
	for (size_t i = 0; i < COUNT(ids); i++) {
		assert_false(
			server_mender.claim(fixture->server, &fixture->device, ids[i], &err));
		assert_int_equal(err.code, codes[i]);
	}
	assert_false(server_mender.claim(fixture->server, &fixture->device, ids[0], &err));
	assert_non_null(strstr(err.text, "does not know this deployment for this device"));
}

static void a_parcel_that_does_not_verify_ends_as_failure_with_the_reason(void **state)
{
	struct fixture *const fixture = *state;
	CLEANUP(server_assignment_free) struct server_assignment assignment = {0};
	CLEANUP(json_cleanup) struct json *document = NULL;
	char why[400];
	struct error err = {0};

	memset(why, 'y', sizeof(why));
	why[sizeof(why) - 1] = 0;
	become_assigned(fixture, &assignment);
	MUST(server_mender.withdraw(
		fixture->server, &fixture->device, assignment.deployment, why, &err));
	check_status(fixture, "failure");

	const struct json *const device = look(fixture, &document);
	const struct json *const done = json_first(json_member(device, "deployments"));

	assert_int_equal(strlen(json_string(json_member(done, "substate"))), 200);
}

/* ---- limits ---- */

static void a_log_of_any_length_is_taken(void **state)
{
	struct fixture *const fixture = *state;
	CLEANUP(server_assignment_free) struct server_assignment assignment = {0};
	CLEANUP(json_cleanup) struct json *document = NULL;
	CLEANUP(buf_free) struct buf log = {0};
	struct error err = {0};

	for (int i = 0; i < 100000; i++)
		MUST(buf_print(&log, &err, "line %d says \"\\\" and \xff\n", i));
	become_assigned(fixture, &assignment);
	MUST(server_mender.report(fixture->server, &fixture->device, SERVER_LOG,
		&(struct server_report){.deployment = assignment.deployment,
			.log = buf_bytes(&log),
			.receipt = bytes_of("{\"payload\":\"e30=\"}")},
		&err));

	const struct json *const device = look(fixture, &document);
	const struct json *const done = json_first(json_member(device, "deployments"));
	const char *const kept = json_string(json_member(done, "log"));

	assert_non_null(strstr(kept, "warning: courier: "));
	assert_non_null(strstr(kept, "line 99999 says"));
	assert_non_null(strstr(kept, "courier-receipt: {\"payload\":\"e30=\"}"));
}

static void any_number_of_attributes_is_taken(void **state)
{
	struct fixture *const fixture = *state;
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
	become_accepted(fixture);
	MUST(server_mender.report(fixture->server, &fixture->device, SERVER_INVENTORY,
		&(struct server_report){
			.provides = &fixture->provides, .attributes = attributes},
		&err));

	const struct json *const inventory
		= json_member(json_member(look(fixture, &document), "inventory"), "inventory");

	assert_int_equal(json_count(inventory), 100);
	assert_string_equal(json_string(json_member(inventory, "artifact_name")), "rel-1");
	assert_true(
		json_integer(json_member(inventory, "courier_attributes_dropped"), &dropped));
	assert_int_equal(dropped, 54);
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
	struct fixture *const fixture = *state;
	struct error err = {0};

	become_accepted(fixture);
	for (size_t i = 0; i < COUNT(faults); i++) {
		lab_fault(faults[i]);
		assert_false(report_inventory(fixture, &err));
		assert_int_equal(err.code, ERROR_DEFERRED);
		assert_int_equal(server_mender.retry_s(fixture->server), seconds[i]);
	}
	MUST(report_inventory(fixture, &err));
}

static void a_login_may_be_deferred_too(void **state)
{
	struct fixture *const fixture = *state;
	struct error err = {0};

	lab_fault("\"action\": \"status\", \"status\": 429, \"retry_after\": 7, "
		  "\"path\": \"auth_requests\"");
	assert_false(server_mender.login(fixture->server, &fixture->device, &err));
	assert_int_equal(err.code, ERROR_DEFERRED);
	assert_int_equal(server_mender.retry_s(fixture->server), 7);
}

static void a_failing_server_is_quoted_in_one_line(void **state)
{
	struct fixture *const fixture = *state;
	struct error err = {0};

	become_accepted(fixture);
	lab_fault("\"action\": \"status\", \"status\": 500, \"path\": \"inventory\", "
		  "\"body\": \"{\\\"error\\\":\\\"internal\\\\nerror\\\"}\"");
	assert_false(report_inventory(fixture, &err));
	assert_int_equal(err.code, ERROR_FAILED);
	assert_string_equal(err.text, "inventory: the server answered 500: internal error");
}

static void a_login_page_is_no_assignment(void **state)
{
	struct fixture *const fixture = *state;
	CLEANUP(server_assignment_free) struct server_assignment assignment = {0};
	struct error err = {0};
	bool found = false;

	become_accepted(fixture);
	lab_fault("\"action\": \"replace\", \"path\": \"/next$\", \"count\": 0, "
		  "\"content_type\": \"text/html\", \"body\": \"<html>Sign in</html>\"");
	assert_false(server_mender.next(fixture->server, &fixture->device, &fixture->provides,
		NULL, &assignment, &found, &err));
	assert_int_equal(err.code, ERROR_MALFORMED);
	lab_control("{\"do\": \"clear\"}");
	mender_token_free(&fixture->device.token);
	lab_fault("\"action\": \"replace\", \"path\": \"auth_requests\", "
		  "\"content_type\": \"text/html\", \"body\": \"<html>Sign in</html>\"");
	assert_false(server_mender.login(fixture->server, &fixture->device, &err));
	assert_int_equal(err.code, ERROR_MALFORMED);
	assert_int_equal(fixture->device.token.len, 0);
}

static void an_answer_without_end_is_refused(void **state)
{
	struct fixture *const fixture = *state;
	CLEANUP(buf_free) struct buf fields = {0};
	struct error err = {0};
	const char *text = NULL;

	become_accepted(fixture);
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
	assert_false(report_inventory(fixture, &err));
	assert_int_equal(err.code, ERROR_MALFORMED);
	assert_non_null(strstr(err.text, "larger than"));
	MUST(report_inventory(fixture, &err));
}

/* Twice, because what is lost with a connection kept from before is asked again at once. */
static void a_lost_answer_is_a_failure_that_may_be_repeated(void **state)
{
	static const char *const faults[] = {
		"\"action\": \"reset-before\", \"path\": \"/status$\", \"count\": 2",
		"\"action\": \"reset-after\", \"path\": \"/status$\", \"count\": 2",
	};
	struct fixture *const fixture = *state;
	CLEANUP(server_assignment_free) struct server_assignment assignment = {0};
	struct error err = {0};

	become_assigned(fixture, &assignment);
	for (size_t i = 0; i < COUNT(faults); i++) {
		lab_fault(faults[i]);
		assert_false(server_mender.claim(
			fixture->server, &fixture->device, assignment.deployment, &err));
		assert_int_equal(err.code, ERROR_FAILED);
		assert_non_null(strstr(err.text, "localhost"));
		MUST(server_mender.claim(
			fixture->server, &fixture->device, assignment.deployment, &err));
	}
	check_status(fixture, "downloading");
}

/* ---- fetching ---- */

static void a_download_goes_on_where_it_stopped(void **state)
{
	static const char *const faults[] = {
		"\"action\": \"reset-body\", \"after_bytes\": 100000, \"path\": "
		"\"" ARTIFACT_PATH "\"",
		"\"action\": \"truncate\", \"after_bytes\": 50000, \"path\": \"" ARTIFACT_PATH
		"\"",
	};
	struct fixture *const fixture = *state;
	CLEANUP(server_assignment_free) struct server_assignment assignment = {0};
	CLEANUP(buf_free) struct buf content = {0};
	CLEANUP(json_cleanup) struct json *last = NULL;
	struct error err = {0};

	become_assigned(fixture, &assignment);
	for (size_t i = 0; i < COUNT(faults); i++) {
		const size_t before = content.len;

		lab_fault(faults[i]);
		assert_false(fetch(fixture, &assignment, &content, &err));
		assert_int_equal(err.code, ERROR_FAILED);
		assert_non_null(strstr(err.text, "localhost"));
		assert_null(strstr(err.text, "X-Amz"));
		assert_true(content.len > before);
	}
	MUST(fetch(fixture, &assignment, &content, &err));
	check_artifact(&assignment, &content);
	assert_true(lab_requests("GET " ARTIFACT_PATH, &last) >= 3);

	const struct json *const headers = json_member(last, "headers");

	assert_memory_equal(json_string(json_member(headers, "range")), "bytes=", 6);
	assert_null(json_member(headers, "authorization"));
	/* All of it is here: asking once more is no error. */
	MUST(fetch(fixture, &assignment, &content, &err));
	check_artifact(&assignment, &content);
}

static void a_download_goes_on_with_a_fresh_url_when_the_old_one_expired(void **state)
{
	struct fixture *const fixture = *state;
	CLEANUP(server_assignment_free) struct server_assignment one = {0};
	CLEANUP(server_assignment_free) struct server_assignment two = {0};
	CLEANUP(buf_free) struct buf content = {0};
	struct error err = {0};

	become_assigned(fixture, &one);
	assert_true(one.expires > 0);
	lab_fault("\"action\": \"reset-body\", \"after_bytes\": 100000, "
		  "\"path\": \"" ARTIFACT_PATH "\"");
	assert_false(fetch(fixture, &one, &content, &err));
	lab_control("{\"do\": \"clock\", \"advance\": 90000}");
	assert_false(fetch(fixture, &one, &content, &err));
	assert_int_equal(err.code, ERROR_EXPIRED);
	ask(fixture, one.request, &two);
	assert_string_not_equal(one.url, two.url);
	MUST(fetch(fixture, &two, &content, &err));
	check_artifact(&two, &content);
}

static void bytes_that_cannot_be_continued_are_not_mixed_with_others(void **state)
{
	struct fixture *const fixture = *state;
	CLEANUP(server_assignment_free) struct server_assignment assignment = {0};
	CLEANUP(buf_free) struct buf content = {0};
	struct error err = {0};

	become_assigned(fixture, &assignment);
	MUST(fetch(fixture, &assignment, &content, &err));

	const size_t whole = content.len;

	/* A server that ignores the range sends all of it again. */
	content.len = 1000;
	lab_fault("\"action\": \"replace\", \"path\": \"" ARTIFACT_PATH "\"");
	assert_false(fetch(fixture, &assignment, &content, &err));
	assert_int_equal(err.code, ERROR_DAMAGED);
	assert_int_equal(content.len, 1000);
	/* More is here than there is. */
	content.len = whole;
	MUST(buf_append(&content, bytes_of("more"), &err));
	assert_false(fetch(fixture, &assignment, &content, &err));
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
	struct fixture *const fixture = *state;
	CLEANUP(server_assignment_free) struct server_assignment assignment = {0};
	struct error err = {0};

	become_assigned(fixture, &assignment);
	assert_false(server_mender.fetch(
		fixture->server, &assignment, 0, (struct sink){full, NULL}, &err));
	assert_int_equal(err.code, ERROR_SPACE);
	/* The connection is usable again. */
	MUST(report_inventory(fixture, &err));
}

/* ---- the way there ---- */

static bool try_login(
	struct fixture *fixture, const struct server_settings *settings, struct error *err)
{
	CLEANUP(server_cleanup) struct server *server = NULL;

	return server_mender.open(settings, fixture->key, &server, err)
		&& server_mender.login(server, &fixture->device, err);
}

static void a_server_that_cannot_be_trusted_or_reached_is_named(void **state)
{
	struct fixture *const fixture = *state;
	const struct {
		const char *url, *ca_file, *words;
		enum error_code code;
	} cases[] = {
		{fixture->settings.url, NULL, "localhost", ERROR_FAILED},
		{fixture->settings.url, NULL, "TLS certificate not trusted", ERROR_FAILED},
		{fixture->settings.url, "/nonexistent.pem", "file of authorities",
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
		struct server_settings settings = fixture->settings;
		struct error err = {0};

		settings.url = cases[i].url;
		settings.ca_file = cases[i].ca_file;
		assert_false(try_login(fixture, &settings, &err));
		assert_int_equal(err.code, cases[i].code);
		if (strstr(err.text, cases[i].words) == NULL)
			fail_msg("\"%s\" does not say \"%s\"", err.text, cases[i].words);
	}
}

static void a_proxy_is_used_only_when_configured(void **state)
{
	struct fixture *const fixture = *state;
	struct server_settings settings = fixture->settings;
	struct error err = {0};

	assert_int_equal(setenv("https_proxy", "http://127.0.0.1:1", 1), 0);
	become_accepted(fixture);
	assert_int_equal(unsetenv("https_proxy"), 0);
	settings.proxy = "http://127.0.0.1:1";
	mender_token_free(&fixture->device.token);
	assert_false(try_login(fixture, &settings, &err));
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_update_travels_with_the_open_source_server),
		TEST(an_update_travels_with_the_hosted_server),
		TEST(nothing_to_do_is_an_answer),
		TEST(a_server_without_v2_is_asked_for_it_once),
		TEST(the_auth_request_says_who_pays_and_which_tier),
		TEST(a_good_token_is_kept),
		TEST(a_token_that_expired_by_our_clock_is_never_shown),
		TEST(a_token_that_expired_by_the_servers_clock_is_replaced_once),
		TEST(a_revoked_courier_is_told_so_and_keeps_no_token),
		TEST(asking_again_with_the_frozen_request_changes_nothing),
		TEST(asking_with_another_request_is_explained),
		TEST(an_abort_is_seen_before_leaving_and_after_the_fact),
		TEST(a_deployment_of_somebody_else_is_not_ours_to_report),
		TEST(a_parcel_that_does_not_verify_ends_as_failure_with_the_reason),
		TEST(a_log_of_any_length_is_taken),
		TEST(any_number_of_attributes_is_taken),
		TEST(a_server_that_wants_its_peace_gets_it),
		TEST(a_login_may_be_deferred_too),
		TEST(a_failing_server_is_quoted_in_one_line),
		TEST(a_login_page_is_no_assignment),
		TEST(an_answer_without_end_is_refused),
		TEST(a_lost_answer_is_a_failure_that_may_be_repeated),
		TEST(a_download_goes_on_where_it_stopped),
		TEST(a_download_goes_on_with_a_fresh_url_when_the_old_one_expired),
		TEST(bytes_that_cannot_be_continued_are_not_mixed_with_others),
		TEST(a_sink_that_fails_ends_the_download_with_its_reason),
		TEST(a_server_that_cannot_be_trusted_or_reached_is_named),
		TEST(a_proxy_is_used_only_when_configured),
		TEST(an_unknown_kind_of_server_is_answered_with_those_there_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
