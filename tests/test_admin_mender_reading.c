/*
 * What an operator reads at a Mender server, and how they log in.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "courier/mender_admin.h"
#include "tests/lab_server.h"
#include "tests/mender_office.h"
#include "tests/test.h"

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
	struct office *const office = *state;
	size_t before = 0, after = 0, seen = 0;
	char id_data[64];
	struct error err = {0};

	MUST(admin_mender.each_device(office->admin, count, &before, &err));
	for (unsigned i = 0; i < MENDER_ADMIN_PAGE + 5; i++) {
		(void)snprintf(id_data, sizeof(id_data), "{\"mass\":\"%u\"}", i);
		MUST(admin_mender.preauthorise(
			office->admin, id_data, office->holders[0].pem, NULL, &err));
	}
	MUST(admin_mender.each_device(office->admin, count, &after, &err));
	assert_int_equal(after, before + MENDER_ADMIN_PAGE + 5);
	assert_false(admin_mender.each_device(office->admin, stop, &seen, &err));
	assert_int_equal(err.code, ERROR_BUSY);
	assert_int_equal(seen, 3);
}

static void the_inventory_of_a_device_can_be_read(void **state)
{
	struct office *const office = *state;
	CLEANUP(admin_device_free) struct admin_device device = {0};
	CLEANUP(json_cleanup) struct json *attributes = NULL;
	struct error err = {0};
	bool seen = false;

	office_preauthorise(office, &office->holders[0], &device);
	MUST(holder_is_served(&office->holders[0], &err));
	MUST(admin_mender.inventory(office->admin, device.id, &attributes, &err));
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
	struct office *const office = *state;
	CLEANUP(mender_admin_close) struct mender_admin mender = {0};
	CLEANUP(admin_device_free) struct admin_device device = {0};
	CLEANUP(buf_free) struct buf output = {0};
	CLEANUP(buf_free) struct buf seen = {0};
	struct error err = {0};
	char arguments[256];

	office_preauthorise(office, &office->holders[0], &device);
	MUST(holder_is_served(&office->holders[0], &err));
	for (int i = 1; i <= 2; i++) {
		CLEANUP(artifact_pairs_free) struct artifact_pairs provides = {0};
		CLEANUP(server_assignment_free) struct server_assignment assignment = {0};
		struct holder *const courier = &office->holders[0];
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
		MUST(server_mender.report(courier->server, &courier->device, SERVER_STATUS,
			&(struct server_report){.deployment = assignment.deployment}, &err));
	}
	MUST(mender_admin_open(&mender, &office->settings, &err));
	MUST(mender_admin_use_token(&mender, lab_environment("LAB_TOKEN_FILE"), &err));
	MUST(mender_admin_each_deployment(&mender, device.id, remember, &seen, &err));
	assert_true(bytes_equal(buf_bytes(&seen), bytes_of("rel-2:failure;rel-1:failure;")));
}

/* ---- logging in ---- */

static void a_name_and_a_password_will_do(void **state)
{
	struct office *const office = *state;
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
	MUST(admin_mender.open(&office->settings, &login, &admin, &err));
	MUST(admin_mender.each_device(admin, count, &devices, &err));
	password.at[0] ^= 1;

	struct admin *none = NULL;

	assert_false(admin_mender.open(&office->settings, &login, &none, &err));
	assert_int_equal(err.code, ERROR_UNAUTHORISED);
	assert_null(strstr(err.text, password.at));
	login.password = NULL;
	assert_false(admin_mender.open(&office->settings, &login, &none, &err));
	assert_int_equal(err.code, ERROR_USAGE);
}

static void a_token_the_server_does_not_know_is_refused(void **state)
{
	struct office *const office = *state;
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
	assert_false(admin_mender.open(&office->settings, &login, &none, &err));
	assert_int_equal(err.code, ERROR_USAGE);
	MUST(file_replace(path, bytes_of("e30.e30.c2ln\n"), 0600, &err));
	MUST(admin_mender.open(&office->settings, &login, &admin, &err));
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		OFFICE_TEST(every_device_is_visited_once_across_pages),
		OFFICE_TEST(the_inventory_of_a_device_can_be_read),
		OFFICE_TEST(the_deployments_of_a_device_are_listed_newest_first),
		OFFICE_TEST(a_name_and_a_password_will_do),
		OFFICE_TEST(a_token_the_server_does_not_know_is_refused),
		OFFICE_TEST(an_unknown_kind_is_answered_with_those_there_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
