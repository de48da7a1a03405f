/* A device that believes a wrong time, and the operator who tells it the right one. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/signed_time.h"
#include "tests/agent_stand.h"
#include "tests/test.h"

enum { YEAR_S = 31557600 };

static const char clock_script[] = "echo \"$@\" >>clock.log";

/* A device whose floor somebody raised beyond the end of every certificate. */
static void begin_poisoned(struct stand *stand, struct stand_world *world)
{
	char marks[128], setting[128];

	stand_begin(stand, world);
	stand_script(stand, "set-clock", clock_script);
	(void)snprintf(
		setting, sizeof(setting), "set-clock = %s/set-clock --set\n", stand->directory);
	stand_configure(stand, setting, "");
	(void)snprintf(marks, sizeof(marks), "{\"floor\":%lld,\"crl\":1,\"counter\":0}",
		(long long)time(NULL) + 200LL * YEAR_S);
	stand_write(stand, "state/marks.json", marks);
	stand_start(stand);
}

/* The nonce that the refusal names. */
static void nonce_of(const struct stand *stand, uint8_t nonce[SIGNED_TIME_NONCE])
{
	const char *const at = strstr(stand->why.text, "--nonce ");
	char text[SIGNED_TIME_TEXT] = "";
	struct error err = {0};

	assert_non_null(at);
	(void)snprintf(text, sizeof(text), "%s", at + strlen("--nonce "));
	MUST(hex_decode(text, nonce, SIGNED_TIME_NONCE, &err));
}

static void tell(struct stand *stand, const struct signed_time *time)
{
	const struct stand_world *const world = stand->world;
	struct error err = {0};

	stand->time.len = 0;
	MUST(signed_time_make(time, buf_bytes(&world->device.pem),
		world->fleet.issuer[CERTIFICATE_DEVICE], &stand->time, &err));
}

static void refused_as_expired(struct stand *stand)
{
	stand_expect(stand, STAND_FAILED);
	assert_int_equal(stand->why.code, ERROR_EXPIRED);
}

static void the_operator_repairs_a_poisoned_floor(void **state)
{
	struct signed_time now = {.device = "d1", .at = time(NULL)};
	char text[256], expected[64];
	struct stand stand;

	begin_poisoned(&stand, *state);
	refused_as_expired(&stand);
	assert_non_null(strstr(stand.why.text, "courier-admin set-time d1 --nonce "));
	nonce_of(&stand, now.nonce);
	tell(&stand, &now);
	stand_load(&stand, "file-2", "dep-1");
	stand_expect(&stand, STAND_DONE);
	assert_int_equal(stand_last(&stand)->outcome, OUTCOME_CONFIRMED);
	assert_true(stand_last(&stand)->time.floor <= now.at + YEAR_S);
	assert_true(stand_last(&stand)->time.floor >= now.at);
	(void)snprintf(expected, sizeof(expected), "--set @%lld\n", (long long)now.at);
	stand_read(&stand, "clock.log", text, sizeof(text));
	assert_string_equal(text, expected);
	stand_end(&stand);
}

static void a_signed_time_is_obeyed_once(void **state)
{
	struct signed_time now = {.device = "d1", .at = FLEET_BORN + 1000};
	char text[256];
	uint8_t first[SIGNED_TIME_NONCE];
	struct stand stand;

	begin_poisoned(&stand, *state);
	refused_as_expired(&stand);
	nonce_of(&stand, now.nonce);
	memcpy(first, now.nonce, sizeof(first));
	tell(&stand, &now);
	stand_expect(&stand, STAND_DONE);
	assert_int_equal(stand.inventory.time.floor, FLEET_BORN + 1000);
	assert_memory_not_equal(stand.inventory.nonce, first, sizeof(first));
	stand_expect(&stand, STAND_DONE); /* the same courier, the same paper */
	stand_read(&stand, "clock.log", text, sizeof(text));
	assert_int_equal(strlen(text), strlen("--set @1790001000\n"));
	/* The next one is for the nonce that the inventory now has, and survives a restart. */
	stand_stop(&stand);
	stand_start(&stand);
	memcpy(now.nonce, stand.inventory.nonce, sizeof(now.nonce));
	now.at = FLEET_BORN + 500;
	tell(&stand, &now);
	stand_expect(&stand, STAND_DONE);
	assert_int_equal(stand.inventory.time.floor, FLEET_BORN + 500);
	stand_end(&stand);
}

static void what_is_not_for_this_device_or_nonce_changes_nothing(void **state)
{
	struct signed_time now = {.device = "d1", .at = time(NULL)};
	struct stand stand;
	char text[256];

	begin_poisoned(&stand, *state);
	refused_as_expired(&stand);
	nonce_of(&stand, now.nonce);
	now.nonce[0] ^= 1;
	tell(&stand, &now);
	refused_as_expired(&stand);
	now.nonce[0] ^= 1;
	tell(&stand, &now);
	stand.time.at[100] ^= 1;
	refused_as_expired(&stand);
	stand_read(&stand, "clock.log", text, sizeof(text));
	assert_string_equal(text, "");
	stand.time.at[100] ^= 1;
	stand_expect(&stand, STAND_DONE);
	stand_end(&stand);
}

static void a_clock_that_cannot_be_set_leaves_the_floor_repaired(void **state)
{
	struct signed_time now = {.device = "d1", .at = FLEET_BORN};
	struct stand stand;

	begin_poisoned(&stand, *state);
	stand_script(&stand, "set-clock", "exit 1");
	refused_as_expired(&stand);
	nonce_of(&stand, now.nonce);
	tell(&stand, &now);
	stand_expect(&stand, STAND_DONE);
	assert_int_equal(stand.inventory.time.floor, FLEET_BORN);
	stand_end(&stand);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_operator_repairs_a_poisoned_floor),
		cmocka_unit_test(a_signed_time_is_obeyed_once),
		cmocka_unit_test(what_is_not_for_this_device_or_nonce_changes_nothing),
		cmocka_unit_test(a_clock_that_cannot_be_set_leaves_the_floor_repaired),
	};

	return cmocka_run_group_tests(tests, stand_world_make, stand_world_remove);
}
