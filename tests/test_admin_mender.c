/*
 * The operator's verbs at a Mender server: a real one (tests/lab) answers over HTTPS,
 * and couriers try the doors that were opened or shut.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lab_server.h"
#include "tests/mender_office.h"
#include "tests/test.h"

/* ---- preauthorising ---- */

static void a_new_device_is_served_from_its_first_request_on(void **state)
{
	struct office *const office = *state;
	CLEANUP(admin_device_free) struct admin_device after = {0};
	struct error err = {0};

	office_preauthorise(office, &office->holders[0], &after);
	assert_int_equal(holder_status(&after, &office->holders[0]), ADMIN_PREAUTHORISED);
	assert_non_null(strstr(after.id_data, "{\"mac\":\"02:00:00:00:00:01\",\"serial\":"));
	/* Once more is no harm. */
	MUST(admin_mender.preauthorise(
		office->admin, office->id_data, office->holders[0].pem, NULL, &err));
	assert_true(holder_may_enter(&office->holders[0]));
	office_preauthorise(office, &office->holders[0], &after);
	assert_int_equal(holder_status(&after, &office->holders[0]), ADMIN_ACCEPTED);
}

static void a_known_device_is_delegated_and_its_own_key_displaced(void **state)
{
	struct office *const office = *state;
	struct holder *const own = &office->holders[0], *const courier = &office->holders[1];
	CLEANUP(admin_device_free) struct admin_device after = {0};

	office_preauthorise(office, own, &after);
	assert_true(holder_may_enter(own));
	office_preauthorise(office, courier, &after);
	assert_int_equal(after.set_count, 2);
	assert_int_equal(holder_status(&after, own), ADMIN_ACCEPTED);
	assert_int_equal(holder_status(&after, courier), ADMIN_PREAUTHORISED);
	assert_true(holder_may_enter(courier));
	assert_false(holder_may_enter(own));
}

static void a_second_preauthorised_key_is_refused_before_it_breaks_the_device(void **state)
{
	struct office *const office = *state;
	CLEANUP(admin_device_free) struct admin_device after = {0};
	struct error err = {0};

	office_preauthorise(office, &office->holders[0], &after);
	assert_false(admin_mender.preauthorise(
		office->admin, office->id_data, office->holders[1].pem, NULL, &err));
	assert_int_equal(err.code, ERROR_BUSY);
	assert_non_null(strstr(err.text, holder_set(&after, &office->holders[0])));
	assert_true(holder_may_enter(&office->holders[0]));
}

static void a_courier_that_asked_already_is_accepted_at_once(void **state)
{
	struct office *const office = *state;
	CLEANUP(admin_device_free) struct admin_device after = {0};

	assert_false(holder_may_enter(&office->holders[0]));
	office_preauthorise(office, &office->holders[0], &after);
	assert_int_equal(holder_status(&after, &office->holders[0]), ADMIN_ACCEPTED);
	assert_true(holder_may_enter(&office->holders[0]));
}

static void what_is_no_identity_or_no_key_is_not_sent(void **state)
{
	struct office *const office = *state;
	const size_t before = lab_requests("POST /api/management", NULL);
	struct error err = {0};

	assert_false(admin_mender.preauthorise(
		office->admin, "[]", office->holders[0].pem, NULL, &err));
	assert_int_equal(err.code, ERROR_USAGE);
	assert_false(admin_mender.preauthorise(
		office->admin, office->id_data, "no key", NULL, &err));
	assert_int_equal(lab_requests("POST /api/management", NULL), before);
}

/* ---- accepting, rejecting, forgetting ---- */

static void accepting_one_key_kills_the_tokens_of_the_other(void **state)
{
	struct office *const office = *state;
	struct holder *const one = &office->holders[0], *const two = &office->holders[1];
	CLEANUP(admin_device_free) struct admin_device before = {0};
	CLEANUP(admin_device_free) struct admin_device after = {0};
	struct error err = {0};

	/* A cached token outlives mere displacement. */
	lab_control("{\"do\": \"set\", \"token_cache\": true}");
	office_preauthorise(office, one, &before);
	MUST(holder_is_served(one, &err));
	assert_false(holder_may_enter(two));
	MUST(admin_mender.device(office->admin, before.id, &after, &(bool){false}, &err));
	assert_int_equal(holder_status(&after, two), ADMIN_PENDING);

	CLEANUP(admin_device_free) struct admin_device done = {0};

	MUST(admin_mender.accept(
		office->admin, after.id, holder_set(&after, two), &done, &err));
	assert_int_equal(holder_status(&done, two), ADMIN_ACCEPTED);
	assert_int_equal(holder_status(&done, one), ADMIN_REJECTED);
	assert_false(holder_is_served(one, &err));
	assert_int_equal(err.code, ERROR_UNAUTHORISED);
	MUST(holder_is_served(two, &err));
}

static void rejecting_is_at_once_and_for_good(void **state)
{
	struct office *const office = *state;
	struct holder *const courier = &office->holders[0];
	CLEANUP(admin_device_free) struct admin_device device = {0};
	CLEANUP(admin_device_free) struct admin_device after = {0};
	struct error err = {0};

	office_preauthorise(office, courier, &device);
	/* Nobody can reject it before its holder asked. */
	assert_false(admin_mender.reject(
		office->admin, device.id, holder_set(&device, courier), NULL, &err));
	assert_non_null(strstr(err.text, "preauthorised"));
	MUST(holder_is_served(courier, &err));
	MUST(admin_mender.reject(
		office->admin, device.id, holder_set(&device, courier), &after, &err));
	assert_int_equal(holder_status(&after, courier), ADMIN_REJECTED);
	assert_false(holder_is_served(courier, &err));
	assert_int_equal(err.code, ERROR_UNAUTHORISED);
	assert_false(holder_may_enter(courier));
}

static void a_change_that_is_answered_with_500_counts_when_it_took_effect(void **state)
{
	struct office *const office = *state;
	struct holder *const courier = &office->holders[0];
	CLEANUP(admin_device_free) struct admin_device device = {0};
	CLEANUP(admin_device_free) struct admin_device after = {0};
	struct error err = {0};

	office_preauthorise(office, courier, &device);
	assert_true(holder_may_enter(courier));
	lab_fault("\"action\": \"status\", \"status\": 500, \"apply\": true, "
		  "\"method\": \"PUT\", \"path\": \"/auth/\"");
	MUST(admin_mender.reject(
		office->admin, device.id, holder_set(&device, courier), &after, &err));
	assert_int_equal(holder_status(&after, courier), ADMIN_REJECTED);
	lab_fault("\"action\": \"status\", \"status\": 500, "
		  "\"method\": \"PUT\", \"path\": \"/auth/\"");
	assert_false(admin_mender.accept(
		office->admin, device.id, holder_set(&device, courier), NULL, &err));
	assert_int_equal(err.code, ERROR_FAILED);
	assert_non_null(strstr(err.text, "500"));
}

static void a_yes_that_changed_nothing_is_found_out(void **state)
{
	struct office *const office = *state;
	struct holder *const courier = &office->holders[0];
	CLEANUP(admin_device_free) struct admin_device device = {0};
	struct error err = {0};

	office_preauthorise(office, courier, &device);
	assert_true(holder_may_enter(courier));
	lab_fault("\"action\": \"status\", \"status\": 204, \"body\": \"\", "
		  "\"method\": \"PUT\", \"path\": \"/auth/\"");
	assert_false(admin_mender.reject(
		office->admin, device.id, holder_set(&device, courier), NULL, &err));
	assert_non_null(strstr(err.text, "said yes, but the auth set is accepted"));
}

static void the_servers_device_limit_is_named(void **state)
{
	struct office *const office = *state;
	CLEANUP(admin_device_free) struct admin_device after = {0};
	struct error err = {0};

	assert_false(holder_may_enter(&office->holders[0]));
	lab_control("{\"do\": \"set\", \"max_devices\": 0}");
	assert_false(admin_mender.preauthorise(
		office->admin, office->id_data, office->holders[0].pem, &after, &err));
	assert_non_null(strstr(err.text, "limit of accepted devices"));
}

static void a_forgotten_courier_comes_back_as_pending(void **state)
{
	struct office *const office = *state;
	struct holder *const own = &office->holders[0], *const courier = &office->holders[1];
	CLEANUP(admin_device_free) struct admin_device device = {0};
	CLEANUP(admin_device_free) struct admin_device after = {0};
	CLEANUP(admin_device_free) struct admin_device again = {0};
	struct error err = {0};

	office_preauthorise(office, own, &device);
	assert_true(holder_may_enter(own));
	office_preauthorise(office, courier, &device);
	/* That would delete the device. */
	assert_false(admin_mender.forget(
		office->admin, device.id, holder_set(&device, courier), NULL, &err));
	assert_int_equal(err.code, ERROR_BUSY);
	assert_true(holder_may_enter(courier));
	MUST(admin_mender.forget(
		office->admin, device.id, holder_set(&device, courier), &after, &err));
	assert_int_equal(holder_status(&after, courier), ADMIN_NO_SETS);
	assert_int_equal(after.set_count, 1);
	assert_false(holder_may_enter(courier));
	MUST(admin_mender.device(office->admin, device.id, &again, &(bool){false}, &err));
	assert_int_equal(holder_status(&again, courier), ADMIN_PENDING);
}

static void forgetting_the_only_preauthorised_key_forgets_the_device(void **state)
{
	struct office *const office = *state;
	CLEANUP(admin_device_free) struct admin_device device = {0};
	CLEANUP(admin_device_free) struct admin_device after = {0};
	struct error err = {0};
	bool found = true;

	office_preauthorise(office, &office->holders[0], &device);
	MUST(admin_mender.forget(office->admin, device.id,
		holder_set(&device, &office->holders[0]), &after, &err));
	assert_string_equal(after.id, "");
	MUST(admin_mender.device(office->admin, device.id, &after, &found, &err));
	assert_false(found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		OFFICE_TEST(a_new_device_is_served_from_its_first_request_on),
		OFFICE_TEST(a_known_device_is_delegated_and_its_own_key_displaced),
		OFFICE_TEST(a_second_preauthorised_key_is_refused_before_it_breaks_the_device),
		OFFICE_TEST(a_courier_that_asked_already_is_accepted_at_once),
		OFFICE_TEST(what_is_no_identity_or_no_key_is_not_sent),
		OFFICE_TEST(accepting_one_key_kills_the_tokens_of_the_other),
		OFFICE_TEST(rejecting_is_at_once_and_for_good),
		OFFICE_TEST(a_change_that_is_answered_with_500_counts_when_it_took_effect),
		OFFICE_TEST(a_yes_that_changed_nothing_is_found_out),
		OFFICE_TEST(the_servers_device_limit_is_named),
		OFFICE_TEST(a_forgotten_courier_comes_back_as_pending),
		OFFICE_TEST(forgetting_the_only_preauthorised_key_forgets_the_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
