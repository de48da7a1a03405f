/*
 * The operator's verbs at a Mender server: a real HTTPS server (tests/lab) answers, started
 * by tests/with_server.sh, and couriers try the doors that were opened or shut.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "courier/admin/admin_kind.h"
#include "courier/mender_admin.h"
#include "tests/lab_server.h"
#include "tests/test.h"

enum { COURIERS = 3 };

/* Somebody with a key: a courier, or the device itself. */
struct holder {
	struct crypto_key *key;
	struct digest fingerprint;
	char pem[256];
	struct server *server;
	struct server_device device;
};

struct fixture {
	struct server_settings settings;
	struct admin *admin;
	struct holder holders[COURIERS];
	char id_data[128];
};

static void set_up_holder(struct fixture *fixture, struct holder *holder)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;
	CLEANUP(buf_free) struct buf pem = {0};
	struct error err = {0};

	MUST(crypto_key_generate(CRYPTO_ED25519, &holder->key, &err));
	MUST(crypto_public_of(holder->key, &public, &err));
	MUST(crypto_public_fingerprint(public, &holder->fingerprint, &err));
	MUST(crypto_public_pem(public, &pem, &err));
	assert_true(pem.len < sizeof(holder->pem));
	memcpy(holder->pem, pem.at, pem.len);
	MUST(server_mender.open(&fixture->settings, holder->key, &holder->server, &err));
	holder->device.id_data = fixture->id_data;
}

static int set_up(void **state)
{
	static unsigned made;
	struct fixture *const fixture = calloc(1, sizeof(*fixture));
	struct error err = {0};

	assert_non_null(fixture);
	/* Members in an order that is not the server's. */
	(void)snprintf(fixture->id_data, sizeof(fixture->id_data),
		"{\"serial\":\"SN-%04u\",\"mac\":\"02:00:00:00:00:01\"}", ++made);
	fixture->settings = (struct server_settings){.name = "lab",
		.url = lab_environment("LAB_URL"),
		.ca_file = lab_environment("LAB_CA")};
	for (size_t i = 0; i < COURIERS; i++)
		set_up_holder(fixture, &fixture->holders[i]);
	MUST(admin_mender.open(&fixture->settings,
		&(struct admin_login){.token_file = lab_environment("LAB_TOKEN_FILE")},
		&fixture->admin, &err));
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *const fixture = *state;

	lab_control("{\"do\": \"clear\"}");
	lab_control("{\"do\": \"set\", \"max_devices\": -1, \"token_cache\": false}");
	for (size_t i = 0; i < COURIERS; i++) {
		server_close(fixture->holders[i].server);
		crypto_key_free(fixture->holders[i].key);
		mender_token_free(&fixture->holders[i].device.token);
	}
	admin_close(fixture->admin);
	free(fixture);
	return 0;
}

static bool may_enter(struct holder *holder)
{
	struct error err = {0};
	const bool may = server_mender.login(holder->server, &holder->device, &err);

	assert_true(may || err.code == ERROR_UNAUTHORISED);
	mender_token_free(&holder->device.token);
	return may;
}

static const char *set_of(const struct admin_device *device, const struct holder *holder)
{
	const struct admin_set *const set = admin_device_set(device, &holder->fingerprint);

	assert_non_null(set);
	return set->id;
}

static enum admin_status status_of(
	const struct admin_device *device, const struct holder *holder)
{
	const struct admin_set *const set = admin_device_set(device, &holder->fingerprint);

	return set == NULL ? ADMIN_NO_SETS : set->status;
}

static void preauthorise(
	struct fixture *fixture, const struct holder *holder, struct admin_device *after)
{
	struct error err = {0};

	admin_device_free(after);
	MUST(admin_mender.preauthorise(
		fixture->admin, fixture->id_data, holder->pem, after, &err));
}

/* ---- preauthorising ---- */

static void a_new_device_is_served_from_its_first_request_on(void **state)
{
	struct fixture *const fixture = *state;
	CLEANUP(admin_device_free) struct admin_device after = {0};
	struct error err = {0};

	preauthorise(fixture, &fixture->holders[0], &after);
	assert_int_equal(status_of(&after, &fixture->holders[0]), ADMIN_PREAUTHORISED);
	assert_non_null(strstr(after.id_data, "{\"mac\":\"02:00:00:00:00:01\",\"serial\":"));
	/* Once more is no harm. */
	MUST(admin_mender.preauthorise(
		fixture->admin, fixture->id_data, fixture->holders[0].pem, NULL, &err));
	assert_true(may_enter(&fixture->holders[0]));
	preauthorise(fixture, &fixture->holders[0], &after);
	assert_int_equal(status_of(&after, &fixture->holders[0]), ADMIN_ACCEPTED);
}

static void a_known_device_is_delegated_and_its_own_key_displaced(void **state)
{
	struct fixture *const fixture = *state;
	struct holder *const own = &fixture->holders[0], *const courier = &fixture->holders[1];
	CLEANUP(admin_device_free) struct admin_device after = {0};

	preauthorise(fixture, own, &after);
	assert_true(may_enter(own));
	preauthorise(fixture, courier, &after);
	assert_int_equal(after.set_count, 2);
	assert_int_equal(status_of(&after, own), ADMIN_ACCEPTED);
	assert_int_equal(status_of(&after, courier), ADMIN_PREAUTHORISED);
	assert_true(may_enter(courier));
	assert_false(may_enter(own));
}

static void a_second_preauthorised_key_is_refused_before_it_breaks_the_device(void **state)
{
	struct fixture *const fixture = *state;
	CLEANUP(admin_device_free) struct admin_device after = {0};
	struct error err = {0};

	preauthorise(fixture, &fixture->holders[0], &after);
	assert_false(admin_mender.preauthorise(
		fixture->admin, fixture->id_data, fixture->holders[1].pem, NULL, &err));
	assert_int_equal(err.code, ERROR_BUSY);
	assert_non_null(strstr(err.text, set_of(&after, &fixture->holders[0])));
	assert_true(may_enter(&fixture->holders[0]));
}

static void a_courier_that_asked_already_is_accepted_at_once(void **state)
{
	struct fixture *const fixture = *state;
	CLEANUP(admin_device_free) struct admin_device after = {0};

	assert_false(may_enter(&fixture->holders[0]));
	preauthorise(fixture, &fixture->holders[0], &after);
	assert_int_equal(status_of(&after, &fixture->holders[0]), ADMIN_ACCEPTED);
	assert_true(may_enter(&fixture->holders[0]));
}

static void what_is_no_identity_or_no_key_is_not_sent(void **state)
{
	struct fixture *const fixture = *state;
	const size_t before = lab_requests("POST /api/management", NULL);
	struct error err = {0};

	assert_false(admin_mender.preauthorise(
		fixture->admin, "[]", fixture->holders[0].pem, NULL, &err));
	assert_int_equal(err.code, ERROR_USAGE);
	assert_false(admin_mender.preauthorise(
		fixture->admin, fixture->id_data, "no key", NULL, &err));
	assert_int_equal(lab_requests("POST /api/management", NULL), before);
}

/* ---- accepting, rejecting, forgetting ---- */

static bool is_served(struct holder *holder, struct error *err)
{
	CLEANUP(artifact_pairs_free) struct artifact_pairs provides = {0};

	return artifact_pairs_add(&provides, "device_type", "testbox", err)
		&& server_mender.report(holder->server, &holder->device, SERVER_INVENTORY,
			&(struct server_report){.provides = &provides}, err);
}

static void accepting_one_key_kills_the_tokens_of_the_other(void **state)
{
	struct fixture *const fixture = *state;
	struct holder *const one = &fixture->holders[0], *const two = &fixture->holders[1];
	CLEANUP(admin_device_free) struct admin_device before = {0};
	CLEANUP(admin_device_free) struct admin_device after = {0};
	struct error err = {0};

	/* A cached token outlives mere displacement. */
	lab_control("{\"do\": \"set\", \"token_cache\": true}");
	preauthorise(fixture, one, &before);
	MUST(is_served(one, &err));
	assert_false(may_enter(two));
	MUST(admin_mender.device(fixture->admin, before.id, &after, &(bool){false}, &err));
	assert_int_equal(status_of(&after, two), ADMIN_PENDING);

	CLEANUP(admin_device_free) struct admin_device done = {0};

	MUST(admin_mender.accept(fixture->admin, after.id, set_of(&after, two), &done, &err));
	assert_int_equal(status_of(&done, two), ADMIN_ACCEPTED);
	assert_int_equal(status_of(&done, one), ADMIN_REJECTED);
	assert_false(is_served(one, &err));
	assert_int_equal(err.code, ERROR_UNAUTHORISED);
	MUST(is_served(two, &err));
}

static void rejecting_is_at_once_and_for_good(void **state)
{
	struct fixture *const fixture = *state;
	struct holder *const courier = &fixture->holders[0];
	CLEANUP(admin_device_free) struct admin_device device = {0};
	CLEANUP(admin_device_free) struct admin_device after = {0};
	struct error err = {0};

	preauthorise(fixture, courier, &device);
	/* Nobody can reject it before its holder asked. */
	assert_false(admin_mender.reject(
		fixture->admin, device.id, set_of(&device, courier), NULL, &err));
	assert_non_null(strstr(err.text, "preauthorised"));
	MUST(is_served(courier, &err));
	MUST(admin_mender.reject(
		fixture->admin, device.id, set_of(&device, courier), &after, &err));
	assert_int_equal(status_of(&after, courier), ADMIN_REJECTED);
	assert_false(is_served(courier, &err));
	assert_int_equal(err.code, ERROR_UNAUTHORISED);
	assert_false(may_enter(courier));
}

static void a_change_that_is_answered_with_500_counts_when_it_took_effect(void **state)
{
	struct fixture *const fixture = *state;
	struct holder *const courier = &fixture->holders[0];
	CLEANUP(admin_device_free) struct admin_device device = {0};
	CLEANUP(admin_device_free) struct admin_device after = {0};
	struct error err = {0};

	preauthorise(fixture, courier, &device);
	assert_true(may_enter(courier));
	lab_fault("\"action\": \"status\", \"status\": 500, \"apply\": true, "
		  "\"method\": \"PUT\", \"path\": \"/auth/\"");
	MUST(admin_mender.reject(
		fixture->admin, device.id, set_of(&device, courier), &after, &err));
	assert_int_equal(status_of(&after, courier), ADMIN_REJECTED);
	lab_fault("\"action\": \"status\", \"status\": 500, "
		  "\"method\": \"PUT\", \"path\": \"/auth/\"");
	assert_false(admin_mender.accept(
		fixture->admin, device.id, set_of(&device, courier), NULL, &err));
	assert_int_equal(err.code, ERROR_FAILED);
	assert_non_null(strstr(err.text, "500"));
}

static void a_yes_that_changed_nothing_is_found_out(void **state)
{
	struct fixture *const fixture = *state;
	struct holder *const courier = &fixture->holders[0];
	CLEANUP(admin_device_free) struct admin_device device = {0};
	struct error err = {0};

	preauthorise(fixture, courier, &device);
	assert_true(may_enter(courier));
	lab_fault("\"action\": \"status\", \"status\": 204, \"body\": \"\", "
		  "\"method\": \"PUT\", \"path\": \"/auth/\"");
	assert_false(admin_mender.reject(
		fixture->admin, device.id, set_of(&device, courier), NULL, &err));
	assert_non_null(strstr(err.text, "said yes, but the auth set is accepted"));
}

static void the_servers_device_limit_is_named(void **state)
{
	struct fixture *const fixture = *state;
	CLEANUP(admin_device_free) struct admin_device after = {0};
	struct error err = {0};

	assert_false(may_enter(&fixture->holders[0]));
	lab_control("{\"do\": \"set\", \"max_devices\": 0}");
	assert_false(admin_mender.preauthorise(
		fixture->admin, fixture->id_data, fixture->holders[0].pem, &after, &err));
	assert_non_null(strstr(err.text, "limit of accepted devices"));
}

static void a_forgotten_courier_comes_back_as_pending(void **state)
{
	struct fixture *const fixture = *state;
	struct holder *const own = &fixture->holders[0], *const courier = &fixture->holders[1];
	CLEANUP(admin_device_free) struct admin_device device = {0};
	CLEANUP(admin_device_free) struct admin_device after = {0};
	CLEANUP(admin_device_free) struct admin_device again = {0};
	struct error err = {0};

	preauthorise(fixture, own, &device);
	assert_true(may_enter(own));
	preauthorise(fixture, courier, &device);
	/* That would delete the device. */
	assert_false(admin_mender.forget(
		fixture->admin, device.id, set_of(&device, courier), NULL, &err));
	assert_int_equal(err.code, ERROR_BUSY);
	assert_true(may_enter(courier));
	MUST(admin_mender.forget(
		fixture->admin, device.id, set_of(&device, courier), &after, &err));
	assert_int_equal(status_of(&after, courier), ADMIN_NO_SETS);
	assert_int_equal(after.set_count, 1);
	assert_false(may_enter(courier));
	MUST(admin_mender.device(fixture->admin, device.id, &again, &(bool){false}, &err));
	assert_int_equal(status_of(&again, courier), ADMIN_PENDING);
}

static void forgetting_the_only_preauthorised_key_forgets_the_device(void **state)
{
	struct fixture *const fixture = *state;
	CLEANUP(admin_device_free) struct admin_device device = {0};
	CLEANUP(admin_device_free) struct admin_device after = {0};
	struct error err = {0};
	bool found = true;

	preauthorise(fixture, &fixture->holders[0], &device);
	MUST(admin_mender.forget(fixture->admin, device.id,
		set_of(&device, &fixture->holders[0]), &after, &err));
	assert_string_equal(after.id, "");
	MUST(admin_mender.device(fixture->admin, device.id, &after, &found, &err));
	assert_false(found);
}

/* ---- reading ---- */

static bool count(void *self, const struct admin_device *device, struct error *err)
{
	(void)err;
	assert_true(device->id[0] != 0);
	(*(size_t *)self)++;
	return true;
}

static bool stop(void *self, const struct admin_device *device, struct error *err)
{
	(void)device;
	if (++*(size_t *)self == 3)
		return error_set(err, ERROR_BUSY, "enough");
	return true;
}

static void every_device_is_visited_once_across_pages(void **state)
{
	struct fixture *const fixture = *state;
	size_t before = 0, after = 0, seen = 0;
	char id_data[64];
	struct error err = {0};

	MUST(admin_mender.each_device(fixture->admin, count, &before, &err));
	for (unsigned i = 0; i < MENDER_ADMIN_PAGE + 5; i++) {
		(void)snprintf(id_data, sizeof(id_data), "{\"mass\":\"%u\"}", i);
		MUST(admin_mender.preauthorise(
			fixture->admin, id_data, fixture->holders[0].pem, NULL, &err));
	}
	MUST(admin_mender.each_device(fixture->admin, count, &after, &err));
	assert_int_equal(after, before + MENDER_ADMIN_PAGE + 5);
	assert_false(admin_mender.each_device(fixture->admin, stop, &seen, &err));
	assert_int_equal(err.code, ERROR_BUSY);
	assert_int_equal(seen, 3);
}

static void the_inventory_of_a_device_can_be_read(void **state)
{
	struct fixture *const fixture = *state;
	CLEANUP(admin_device_free) struct admin_device device = {0};
	CLEANUP(json_cleanup) struct json *attributes = NULL;
	struct error err = {0};
	bool seen = false;

	preauthorise(fixture, &fixture->holders[0], &device);
	MUST(is_served(&fixture->holders[0], &err));
	MUST(admin_mender.inventory(fixture->admin, device.id, &attributes, &err));
	for (const struct json *each = json_first(attributes); each != NULL;
		each = json_next(each))
		seen |= strcmp(json_string(json_member(each, "name")), "device_type") == 0
			&& strcmp(json_string(json_member(each, "value")), "testbox") == 0;
	assert_true(seen);
}

static bool remember(void *self, const struct mender_history *history, struct error *err)
{
	struct buf *const text = self;

	return buf_print(text, err, "%s:%s;", history->artifact, history->status);
}

static void the_deployments_of_a_device_are_listed_newest_first(void **state)
{
	struct fixture *const fixture = *state;
	CLEANUP(mender_admin_close) struct mender_admin mender = {0};
	CLEANUP(admin_device_free) struct admin_device device = {0};
	CLEANUP(buf_free) struct buf output = {0};
	CLEANUP(buf_free) struct buf seen = {0};
	struct error err = {0};
	char arguments[256];

	preauthorise(fixture, &fixture->holders[0], &device);
	MUST(is_served(&fixture->holders[0], &err));
	for (int i = 1; i <= 2; i++) {
		CLEANUP(artifact_pairs_free) struct artifact_pairs provides = {0};
		CLEANUP(server_assignment_free) struct server_assignment assignment = {0};
		struct holder *const courier = &fixture->holders[0];
		bool found = false;

		(void)snprintf(arguments, sizeof(arguments),
			"rel-%d --type single-file --device-type testbox --size 10 --unsigned",
			i);
		lab_run(&output, "artifact", arguments);
		(void)snprintf(arguments, sizeof(arguments), "rel-%d %s", i, device.id);
		lab_run(&output, "deploy", arguments);
		MUST(artifact_pairs_add(&provides, "device_type", "testbox", &err));
		MUST(artifact_pairs_add(&provides, "artifact_name", "rel-0", &err));
		MUST(server_mender.next(courier->server, &courier->device, &provides, NULL,
			&assignment, &found, &err));
		assert_true(found);
		MUST(server_mender.withdraw(
			courier->server, &courier->device, assignment.deployment, "no", &err));
	}
	MUST(mender_admin_open(&mender, &fixture->settings, &err));
	MUST(mender_admin_use_token(&mender, lab_environment("LAB_TOKEN_FILE"), &err));
	MUST(mender_admin_each_deployment(&mender, device.id, remember, &seen, &err));
	assert_true(bytes_equal(buf_bytes(&seen), bytes_of("rel-2:failure;rel-1:failure;")));
}

/* ---- logging in ---- */

static void a_name_and_a_password_will_do(void **state)
{
	struct fixture *const fixture = *state;
	CLEANUP(admin_cleanup) struct admin *admin = NULL;
	CLEANUP(buf_free) struct buf content = {0};
	PASSPHRASE password = {{0}};
	struct admin_login login = {.user = "admin@lab.example", .password = &password};
	struct error err = {0};
	char path[256];
	size_t devices = 0;

	MUST(file_path(
		path, sizeof(path), lab_environment("LAB_DIR"), "server/admin-password", &err));
	MUST(file_read(path, PASSPHRASE_MAX, &content, NULL, &err));
	memcpy(password.at, content.at, content.len - 1);
	MUST(admin_mender.open(&fixture->settings, &login, &admin, &err));
	MUST(admin_mender.each_device(admin, count, &devices, &err));
	password.at[0] ^= 1;

	struct admin *none = NULL;

	assert_false(admin_mender.open(&fixture->settings, &login, &none, &err));
	assert_int_equal(err.code, ERROR_UNAUTHORISED);
	assert_null(strstr(err.text, password.at));
	login.password = NULL;
	assert_false(admin_mender.open(&fixture->settings, &login, &none, &err));
	assert_int_equal(err.code, ERROR_USAGE);
}

static void a_token_the_server_does_not_know_is_refused(void **state)
{
	struct fixture *const fixture = *state;
	char path[] = "/tmp/courier-test-XXXXXX";
	const int fd = mkstemp(path);
	const struct admin_login login = {.token_file = path};
	struct admin *none = NULL;
	CLEANUP(admin_cleanup) struct admin *admin = NULL;
	struct error err = {0};
	size_t devices = 0;

	assert_true(fd >= 0);
	file_close(&(int){fd});
	MUST(file_replace(path, bytes_of("one two\n"), 0600, &err));
	assert_false(admin_mender.open(&fixture->settings, &login, &none, &err));
	assert_int_equal(err.code, ERROR_USAGE);
	MUST(file_replace(path, bytes_of("e30.e30.c2ln\n"), 0600, &err));
	MUST(admin_mender.open(&fixture->settings, &login, &admin, &err));
	assert_false(admin_mender.each_device(admin, count, &devices, &err));
	assert_int_equal(err.code, ERROR_UNAUTHORISED);
	MUST(file_remove(path, &err));
}

static void an_unknown_kind_is_answered_with_those_there_are(void **state)
{
	const struct admin_kind *kind = NULL;
	struct error err = {0};

	(void)state;
	MUST(admin_kind_find("mender", &kind, &err));
	assert_ptr_equal(kind, &admin_mender);
	assert_false(admin_kind_find("x", &kind, &err));
	assert_int_equal(err.code, ERROR_USAGE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_device_is_served_from_its_first_request_on),
		TEST(a_known_device_is_delegated_and_its_own_key_displaced),
		TEST(a_second_preauthorised_key_is_refused_before_it_breaks_the_device),
		TEST(a_courier_that_asked_already_is_accepted_at_once),
		TEST(what_is_no_identity_or_no_key_is_not_sent),
		TEST(accepting_one_key_kills_the_tokens_of_the_other),
		TEST(rejecting_is_at_once_and_for_good),
		TEST(a_change_that_is_answered_with_500_counts_when_it_took_effect),
		TEST(a_yes_that_changed_nothing_is_found_out),
		TEST(the_servers_device_limit_is_named),
		TEST(a_forgotten_courier_comes_back_as_pending),
		TEST(forgetting_the_only_preauthorised_key_forgets_the_device),
		TEST(every_device_is_visited_once_across_pages),
		TEST(the_inventory_of_a_device_can_be_read),
		TEST(the_deployments_of_a_device_are_listed_newest_first),
		TEST(a_name_and_a_password_will_do),
		TEST(a_token_the_server_does_not_know_is_refused),
		TEST(an_unknown_kind_is_answered_with_those_there_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
