/* The real courier-agent on a file system that is hardly large enough: a tmpfs of its own, in a
 * mount namespace of its own. */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "tests/agent_stand.h"
#include "tests/test.h"

/* Room for SIZE bytes beside the reserve of the stand, which is none. */
static bool mount_spool(const struct stand *stand, unsigned long long size)
{
	char path[PATH_MAX], options[64];

	(void)snprintf(path, sizeof(path), "%s/state/spool", stand->directory);
	(void)snprintf(options, sizeof(options), "size=%llu,mode=0700", size);
	return unshare(CLONE_NEWNS) == 0
		&& mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0
		&& mount("tmpfs", path, "tmpfs", 0, options) == 0;
}

static void unmount_spool(const struct stand *stand)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/state/spool", stand->directory);
	assert_int_equal(umount(path), 0);
}

/* The artifact, and three times its payload for the installer of files: once. */
static bool begin(struct stand *stand, void **state)
{
	enum { SPARE = 65536 };
	char path[PATH_MAX];

	stand_begin(stand, *state);
	stand_load(stand, "big", "dep-1");
	(void)snprintf(path, sizeof(path), "%s/state/spool", stand->directory);
	assert_int_equal(mkdir(path, 0700), 0);
	if (!mount_spool(stand, 4ULL * stand->artifact.len + SPARE)) {
		stand_end(stand);
		return false;
	}
	stand_start(stand);
	return true;
}

static void end(struct stand *stand)
{
	stand_stop(stand);
	unmount_spool(stand);
	stand_end(stand);
}

static void half_of_what_nobody_wants_any_more_takes_no_room(void **state)
{
	struct stand stand;

	if (!begin(&stand, state))
		skip();
	stand.cut_at = stand.artifact.len / 2;
	stand_expect(&stand, STAND_CUT);
	stand_plug(&stand);
	stand.cut_at = 0;
	stand_load(&stand, "big-3", "dep-2");
	stand_expect(&stand, STAND_DONE);
	assert_string_equal(stand.text, "");
	assert_int_equal(stand_last(&stand)->outcome, OUTCOME_CONFIRMED);
	assert_string_equal(stand_last(&stand)->after, "rel-3");
	end(&stand);
}

static void a_staged_update_makes_room_for_the_next(void **state)
{
	struct stand stand;

	if (!begin(&stand, state))
		skip();
	stand.flags = MESSAGE_OFFER_STAGE;
	stand_expect(&stand, STAND_DONE);
	assert_true(stand_saw(&stand, MESSAGE_PHASE_STAGED));
	stand.flags = 0;
	stand_load(&stand, "big-3", "dep-2");
	stand_expect(&stand, STAND_DONE);
	assert_int_equal(stand_last(&stand)->outcome, OUTCOME_CONFIRMED);
	end(&stand);
}

/* What is there already is counted once, not twice. */
static void what_does_not_fit_is_not_begun(void **state)
{
	struct stand stand;

	if (!begin(&stand, state))
		skip();
	stand_load(&stand, "bigger", "dep-1");
	stand_expect(&stand, STAND_DONE);
	assert_int_equal(stand.sent, 0);
	assert_non_null(strstr(stand.text, "free"));
	end(&stand);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			half_of_what_nobody_wants_any_more_takes_no_room, stand_world_quiet),
		cmocka_unit_test_teardown(
			a_staged_update_makes_room_for_the_next, stand_world_quiet),
		cmocka_unit_test_teardown(what_does_not_fit_is_not_begun, stand_world_quiet),
	};

	return cmocka_run_group_tests(tests, stand_world_make, stand_world_remove);
}
