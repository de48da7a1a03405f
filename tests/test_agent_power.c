/*
 * Power lost at every write of a visit that brings TUF metadata and an artifact: the real
 * courier-agent is killed there, and the disk made what a cut may leave of it.  With power
 * back the same courier comes again, and the device comes to an end that its disk agrees
 * with.
 *
 * usage: test_agent_power [all]		without: some of the writes, chosen by a seed
 */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/file.h"
#include "tests/agent_stand.h"
#include "tests/random.h"
#include "tests/test.h"
#include "tests/tuf_carry.h"

enum { SOME = 12, SEED = 20261122 };

static bool wants_all;

struct scene {
	struct stand stand;
	struct carry carry;
	char layer[96]; /* directory of the layer below the agent */
	int cutter;     /* the power switch: cutter.py listens, and answers */
	pid_t cutter_pid;
};

/* ---- the switch ---- */

static void open_cutter(struct scene *scene)
{
	char state[96], target[96];
	const char *const argv[] = {"/usr/bin/python3", TEST_CUTTER, TEST_FAULT_LIBRARY,
		scene->layer, state, target, NULL};
	posix_spawn_file_actions_t actions;
	int pair[2];

	(void)snprintf(scene->layer, sizeof(scene->layer), "%s/layer", scene->stand.directory);
	(void)snprintf(state, sizeof(state), "%s/state", scene->stand.directory);
	(void)snprintf(target, sizeof(target), "%s/target", scene->stand.directory);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
	assert_int_equal(posix_spawn_file_actions_adddup2(&actions, pair[1], 0), 0);
	assert_int_equal(posix_spawn_file_actions_adddup2(&actions, pair[1], 1), 0);
	assert_int_equal(posix_spawn(&scene->cutter_pid, argv[0], &actions, NULL,
				 (char *const *)(uintptr_t)argv, environ),
		0);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)close(pair[1]);
	scene->cutter = pair[0];
}

static void close_cutter(struct scene *scene)
{
	file_close(&scene->cutter);
	assert_int_equal(waitpid(scene->cutter_pid, NULL, 0), scene->cutter_pid);
}

static void ask(const struct scene *scene, const char *line, char *answer, size_t room)
{
	size_t len = 0;

	assert_int_equal(write(scene->cutter, line, strlen(line)), (ssize_t)strlen(line));
	while (len + 1 < room && read(scene->cutter, answer + len, 1) == 1
		&& answer[len] != '\n')
		len++;
	answer[len] = '\0';
}

static void arm(const struct scene *scene, const char *mode, unsigned event)
{
	char line[64], answer[16];

	(void)snprintf(line, sizeof(line), "arm %s %u\n", mode, event);
	ask(scene, line, answer, sizeof(answer));
	assert_string_equal(answer, "armed");
}

/* The agent, with the layer below it. */
static void start_watched(struct scene *scene)
{
	static const char *const names[]
		= {"LD_PRELOAD", "FAULT_CONTROL", "FAULT_JOURNAL", "FAULT_BELOW"};
	char values[COUNT(names)][256];

	(void)snprintf(values[0], sizeof(values[0]), "%s", TEST_FAULT_LIBRARY);
	(void)snprintf(values[1], sizeof(values[1]), "%s/control", scene->layer);
	(void)snprintf(values[2], sizeof(values[2]), "%s/journal", scene->layer);
	(void)snprintf(values[3], sizeof(values[3]), "%s/state:%s/target",
		scene->stand.directory, scene->stand.directory);
	for (size_t i = 0; i < COUNT(names); i++)
		assert_int_equal(setenv(names[i], values[i], 1), 0);
	stand_start(&scene->stand);
	for (size_t i = 0; i < COUNT(names); i++)
		assert_int_equal(unsetenv(names[i]), 0);
}

/* ---- the visit ---- */

static void begin(struct scene *scene, void **state)
{
	struct stand *const stand = &scene->stand;
	const char *text = NULL;
	struct digest digest;
	struct error err = {0};

	stand_begin(stand, *state);
	stand_load(stand, "file-2", "dep-1");
	MUST(crypto_sha256(buf_bytes(&stand->artifact), &digest, &err));
	carry_new(&scene->carry, "d1", "dep-1", "artifacts/file-2.mender", &digest,
		stand->artifact.len);
	carry_publish(&scene->carry);
	MUST(buf_text(&scene->carry.office.served[0].content, &text, &err));
	stand_write(stand, "pinned.json", text);
	scene->carry.state.roles[TUF_ROOT].version = 2;
	carry_publish_next(&scene->carry);
	carry_pack(&scene->carry, 0, &stand->set);
	stand_configure(stand, "tuf-root = pinned.json\ndirection = required", "");
	open_cutter(scene);
}

static void end(struct scene *scene)
{
	close_cutter(scene);
	stand_end(&scene->stand);
	carry_done(&scene->carry);
}

/* The newest receipt, in whatever order they were collected. */
static const struct receipt *newest(const struct stand *stand)
{
	const struct receipt *found = stand_last(stand);

	for (size_t i = 0; i < stand->kept_count; i++)
		if (stand->kept[i].sequence > found->sequence)
			found = &stand->kept[i];
	return found;
}

/* What it says of itself is what is there. */
static void agrees(struct scene *scene, const char *what)
{
	const struct receipt *const last = newest(&scene->stand);
	char app[64], log[8192];

	stand_read(&scene->stand, "target/app", app, sizeof(app));
	if ((last->outcome == OUTCOME_CONFIRMED && strcmp(app, "new\n") == 0)
		|| (last->outcome == OUTCOME_ROLLED_BACK && strcmp(app, "old\n") == 0))
		return;
	stand_read(&scene->stand, "agent.log", log, sizeof(log));
	fail_msg("%s: %s, %s; it runs %s\n%s", what, outcome_name(last->outcome), last->reason,
		app, log);
}

static unsigned count_writes(void **state)
{
	struct scene scene;
	char answer[16];

	begin(&scene, state);
	arm(&scene, "none", 0);
	start_watched(&scene);
	stand_expect(&scene.stand, STAND_DONE);
	agrees(&scene, "no cut");
	ask(&scene, "count\n", answer, sizeof(answer));
	end(&scene);
	return (unsigned)strtoul(answer, NULL, 10);
}

/* False: it had fewer writes this time, and all went well. */
static bool lose_power(void **state, unsigned event, bool after, unsigned seed)
{
	struct scene scene;
	char what[64], line[32], answer[16];

	(void)snprintf(what, sizeof(what), "cut %s write %u, seed %u",
		after ? "after" : "before", event, seed);
	begin(&scene, state);
	arm(&scene, after ? "kill-after" : "kill-before", event);
	start_watched(&scene);
	scene.stand.mortal = true;
	(void)stand_visit(&scene.stand, 60);
	scene.stand.mortal = false;
	if (scene.stand.agent > 0)
		stand_stop(&scene.stand);
	(void)snprintf(line, sizeof(line), "cut %u\n", seed);
	ask(&scene, line, answer, sizeof(answer));
	stand_start(&scene.stand);
	if (stand_visit(&scene.stand, 60) != STAND_DONE || scene.stand.kept_count == 0)
		fail_msg("%s: %s; %s", what, scene.stand.why.text, scene.stand.text);
	agrees(&scene, what);
	end(&scene);
	return strcmp(answer, "cut") == 0;
}

static void power_loss(void **state)
{
	const unsigned count = count_writes(state);
	const unsigned tried = wants_all ? count : SOME;
	struct random random = {SEED};
	unsigned cut = 0;

	assert_true(count > 50);
	for (unsigned i = 0; i < tried; i++) {
		const unsigned event
			= wants_all ? i + 1 : 1 + (unsigned)random_below(&random, count);
		const bool after = random_below(&random, 2) == 1;

		if (lose_power(state, event, after, (unsigned)random_below(&random, 1000)))
			cut++;
	}
	print_message("%u writes, power cut at %u\n", count, cut);
	assert_true(cut > tried / 2);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(power_loss, stand_world_quiet),
	};

	wants_all = argc > 1 && strcmp(argv[1], "all") == 0;
	return cmocka_run_group_tests(tests, stand_world_make, stand_world_remove);
}
