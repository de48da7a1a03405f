#include <stdlib.h>
#include <string.h>

#include "common/plan.h"
#include "tests/test.h"

/* A device and an artifact that fit each other; each test spoils one thing. */
struct pair {
	struct inventory device;
	struct artifact artifact;
};

static int set_up(void **state)
{
	struct pair *const pair = calloc(1, sizeof(*pair));
	struct error err = {0};

	pair->device = (struct inventory){
		.counter_name = "courier.counter",
		.counter = 7,
		.counter_required = true,
		.has_anchor = true,
		.signature_required = true,
		.space = 1000,
		.types = {strdup("file")},
		.type_count = 1,
	};
	MUST(artifact_pairs_add(&pair->device.provides, "device_type", "pump", &err));
	pair->artifact = (struct artifact){
		.name = strdup("rel-2"),
		.payload_type = strdup("file"),
		.is_signed = true,
		.size = 600,
		.payload_size = 400,
	};
	MUST(artifact_pairs_add(&pair->artifact.provides, "courier.counter", "7", &err));
	MUST(artifact_pairs_add(&pair->artifact.depends, "device_type", "pump", &err));
	*state = pair;
	return 0;
}

static int tear_down(void **state)
{
	struct pair *const pair = *state;

	inventory_free(&pair->device);
	artifact_free(&pair->artifact);
	free(pair);
	return 0;
}

static void refused(const struct pair *pair, enum error_code code)
{
	struct error err = {0};

	assert_false(plan_permits(&pair->device, &pair->artifact, &err));
	assert_int_equal(err.code, code);
}

static void set_counter(struct pair *pair, const char *value)
{
	free(pair->artifact.provides.at[0].value);
	pair->artifact.provides.at[0].value = strdup(value);
}

static void what_fits_is_permitted(void **state)
{
	const struct pair *const pair = *state;
	struct error err = {0};

	MUST(plan_permits(&pair->device, &pair->artifact, &err));
}

static void without_an_anchor_nothing_is_installed(void **state)
{
	struct pair *const pair = *state;

	pair->device.has_anchor = false;
	refused(pair, ERROR_SIGNATURE);
}

static void a_demanded_signature_must_be_there(void **state)
{
	struct pair *const pair = *state;

	pair->artifact.is_signed = false;
	refused(pair, ERROR_SIGNATURE);
}

static void another_device_type_is_refused(void **state)
{
	struct pair *const pair = *state;

	pair->device.provides.at[0].value[0] = 'q';
	refused(pair, ERROR_WRONG_DEVICE);
}

static void a_payload_nobody_can_install_is_refused(void **state)
{
	struct pair *const pair = *state;

	pair->device.types[0][0] = 'x';
	refused(pair, ERROR_WRONG_DEVICE);
	pair->device.types[0][0] = '*';
	pair->device.types[0][1] = 0;

	struct error err = {0};

	MUST(plan_permits(&pair->device, &pair->artifact, &err));
}

static void a_counter_must_be_there_and_must_not_fall(void **state)
{
	struct pair *const pair = *state;

	set_counter(pair, "6");
	refused(pair, ERROR_ROLLBACK);
	set_counter(pair, "10");

	struct error err = {0};

	MUST(plan_permits(&pair->device, &pair->artifact, &err));
	pair->artifact.provides.at[0].name[0] = 'x';
	refused(pair, ERROR_ROLLBACK);
	pair->device.counter_required = false;
	MUST(plan_permits(&pair->device, &pair->artifact, &err));
}

static void a_counter_is_a_plain_integer(void **state)
{
	static const char *const bad[] = {"", "-1", "7a", " 7", "0x7", "9999999999999999"};
	struct pair *const pair = *state;

	for (size_t i = 0; i < COUNT(bad); i++) {
		set_counter(pair, bad[i]);
		refused(pair, ERROR_MALFORMED);
	}
}

static void space_is_for_the_file_and_the_installers_copy(void **state)
{
	struct pair *const pair = *state;

	pair->device.space = 999;
	refused(pair, ERROR_SPACE);
	pair->artifact.size = UINT64_MAX;
	refused(pair, ERROR_SPACE);
}

static void only_what_another_visit_cannot_mend_is_terminal(void **state)
{
	(void)state;
	assert_true(plan_terminal(ERROR_ROLLBACK));
	assert_true(plan_terminal(ERROR_WRONG_DEVICE));
	assert_true(plan_terminal(ERROR_SIGNATURE));
	assert_true(plan_terminal(ERROR_MALFORMED));
	assert_false(plan_terminal(ERROR_SPACE));
	assert_false(plan_terminal(ERROR_LINK));
	assert_false(plan_terminal(ERROR_EXPIRED));
}

#define WITH_PAIR(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PAIR(what_fits_is_permitted),
		WITH_PAIR(without_an_anchor_nothing_is_installed),
		WITH_PAIR(a_demanded_signature_must_be_there),
		WITH_PAIR(another_device_type_is_refused),
		WITH_PAIR(a_payload_nobody_can_install_is_refused),
		WITH_PAIR(a_counter_must_be_there_and_must_not_fall),
		WITH_PAIR(a_counter_is_a_plain_integer),
		WITH_PAIR(space_is_for_the_file_and_the_installers_copy),
		cmocka_unit_test(only_what_another_visit_cannot_mend_is_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
