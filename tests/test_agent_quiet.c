/* The real courier-agent, met by a courier that is authentic and says nothing. */
#include <stdio.h>
#include <string.h>

#include "tests/agent_stand.h"
#include "tests/test.h"

enum { PATIENCE_S = 120 }; /* of the test: more than the device has */

static void expect_hanging_up(struct stand *stand, const char *why)
{
	char log[8192];

	assert_int_equal(stand_visit(stand, PATIENCE_S), STAND_FAILED);
	assert_int_equal(stand->why.code, ERROR_LINK);
	stand_read(stand, "agent.log", log, sizeof(log));
	assert_non_null(strstr(log, why));
	/* And whoever has something to say is heard. */
	stand->mute = stand->lame = stand->trickle = false;
	stand_expect(stand, STAND_DONE);
	assert_int_equal(stand_last(stand)->outcome, OUTCOME_CONFIRMED);
}

static void one_that_says_no_hello_does_not_hold_the_device(void **state)
{
	struct stand stand;

	stand_begin(&stand, *state);
	stand_start(&stand);
	stand_load(&stand, "file-2", "dep-1");
	stand.mute = true;
	expect_hanging_up(&stand, "it is its turn, and it says nothing");
	stand_end(&stand);
}

static void one_that_was_accepted_and_falls_silent_does_not_either(void **state)
{
	struct stand stand;

	stand_begin(&stand, *state);
	stand_start(&stand);
	stand_load(&stand, "file-2", "dep-1");
	stand.lame = true;
	expect_hanging_up(&stand, "it is its turn, and it says nothing");
	assert_true(stand.certified); /* it had ACCEPT */
	stand_end(&stand);
}

static void one_that_gives_byte_by_byte_does_not_either(void **state)
{
	struct stand stand;

	stand_begin(&stand, *state);
	stand_start(&stand);
	stand_load(&stand, "file-2", "dep-1");
	stand.trickle = true;
	expect_hanging_up(&stand, "it is its turn, and it brings next to nothing");
	stand_end(&stand);
}

/* The device's turn may take longer than a courier's. */
static void a_device_at_work_is_waited_for(void **state)
{
	struct stand stand;
	char line[128];

	stand_begin(&stand, *state);
	stand_script(&stand, "health", "sleep 40");
	(void)snprintf(line, sizeof(line), "health = %s/health", stand.directory);
	stand_configure(&stand, line, "");
	stand_start(&stand);
	stand_load(&stand, "file-2", "dep-1");
	assert_int_equal(stand_visit(&stand, PATIENCE_S), STAND_DONE);
	assert_int_equal(stand.kept_count, 2);
	assert_int_equal(stand_last(&stand)->outcome, OUTCOME_CONFIRMED);
	stand_end(&stand);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			one_that_says_no_hello_does_not_hold_the_device, stand_world_quiet),
		cmocka_unit_test_teardown(
			one_that_was_accepted_and_falls_silent_does_not_either,
			stand_world_quiet),
		cmocka_unit_test_teardown(
			one_that_gives_byte_by_byte_does_not_either, stand_world_quiet),
		cmocka_unit_test_teardown(a_device_at_work_is_waited_for, stand_world_quiet),
	};

	return cmocka_run_group_tests(tests, stand_world_make, stand_world_remove);
}
