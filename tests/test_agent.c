/* The real courier-agent, met by a courier over a pty. */
#include <stdio.h>
#include <string.h>

#include "tests/agent_stand.h"
#include "tests/test.h"

static void assert_text(const struct stand *stand, const char *name, const char *expected)
{
	char text[4096];

	stand_read(stand, name, text, sizeof(text));
	assert_string_equal(text, expected);
}

static void assert_outcome(const struct stand *stand, enum outcome outcome)
{
	char log[8192];

	if (stand_last(stand)->outcome == outcome)
		return;
	stand_read(stand, "agent.log", log, sizeof(log));
	fail_msg("%s, not %s: %s\n%s", outcome_name(stand_last(stand)->outcome),
		outcome_name(outcome), stand_last(stand)->reason, log);
}

static void an_update_is_installed_and_confirmed(void **state)
{
	struct stand stand;

	stand_begin(&stand, *state);
	stand_start(&stand);
	stand_load(&stand, "file-2", "dep-1");
	stand_expect(&stand, STAND_DONE);
	assert_int_equal(stand.kept_count, 2);
	assert_int_equal(stand.kept[0].outcome, OUTCOME_INSTALLED);
	assert_outcome(&stand, OUTCOME_CONFIRMED);
	assert_text(&stand, "target/app", "new\n");
	assert_string_equal(stand_last(&stand)->before, "rel-1");
	assert_string_equal(stand_last(&stand)->after, "rel-2");
	assert_string_equal(stand_last(&stand)->device, "d1");
	assert_string_equal(stand_last(&stand)->courier, "c1");
	assert_string_equal(stand_last(&stand)->artifact, "rel-2");
	assert_true(stand.certified);
	assert_true(stand_saw(&stand, MESSAGE_PHASE_INSTALLING));
	stand_end(&stand);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_update_is_installed_and_confirmed),
	};

	return cmocka_run_group_tests(tests, stand_world_make, stand_world_remove);
}
