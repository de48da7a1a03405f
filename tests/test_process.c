#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"
#include "device-link/agent/process.h"
#include "device-link/agent/scripts.h"
#include "tests/test.h"

static bool run(const char *script, int timeout_ms, struct buf *output, struct error *err)
{
	const char *const argv[] = {"/bin/sh", "-c", script, NULL};

	return process_run(&(struct process_how){.argv = argv}, timeout_ms, output, err);
}

static void its_output_is_kept_to_the_last_bytes(void **state)
{
	CLEANUP(buf_free) struct buf output = {0};
	struct error err = {0};

	(void)state;
	MUST(run("head -c 200000 /dev/zero | tr '\\0' x; echo end", 60000, &output, &err));
	assert_int_equal(output.len, PROCESS_OUTPUT_MAX);
	assert_memory_equal(output.at + output.len - 5, "xend\n", 5);
}

static void why_it_failed_is_told(void **state)
{
	CLEANUP(buf_free) struct buf output = {0};
	struct error err = {0};

	(void)state;
	assert_false(run("echo warning >&2; echo no pump >&2; exit 3", 60000, &output, &err));
	assert_string_equal(err.text, "/bin/sh: exit status 3: no pump");
	assert_false(run("kill -9 $$", 60000, &output, &err));
	assert_non_null(strstr(err.text, "killed by signal 9"));
}

static void what_cannot_be_run_is_named(void **state)
{
	const char *const argv[] = {"/nonexistent/hook", NULL};
	CLEANUP(buf_free) struct buf output = {0};
	struct error err = {0};

	(void)state;
	assert_false(process_run(&(struct process_how){.argv = argv}, 60000, &output, &err));
	assert_non_null(strstr(err.text, "/nonexistent/hook: cannot run"));
}

static void a_deadline_ends_it_and_its_children(void **state)
{
	CLEANUP(buf_free) struct buf output = {0};
	struct error err = {0};

	(void)state;
	assert_false(run("sleep 1000 & sleep 1000", 50, &output, &err));
	assert_non_null(strstr(err.text, "did not end within 50 ms"));
}

static void a_child_that_keeps_the_pipe_does_not_hold_us_up(void **state)
{
	CLEANUP(buf_free) struct buf output = {0};
	struct error err = {0};

	(void)state;
	MUST(run("setsid sleep 1000 & echo $!", 60000, &output, &err));
	assert_true(output.len > 0);

	const char *pid = NULL;

	MUST(buf_text(&output, &pid, &err));

	char kill_it[64];

	(void)snprintf(kill_it, sizeof(kill_it), "kill %.20s", pid);
	MUST(run(kill_it, 60000, &output, &err));
}

static void one_that_never_stops_talking_does_not_hold_us_up(void **state)
{
	static const char *const argv[] = {"/bin/sh", "-c", "exec yes", NULL};
	CLEANUP(process_cleanup) struct process *process = NULL;
	struct process_end end = {0};
	struct error err = {0};
	bool ended = false;

	(void)state;
	MUST(process_start(&(struct process_how){.argv = argv}, &process, &err));
	for (unsigned i = 0; i < 100; i++) {
		MUST(process_step(process, 0, &ended, &end, &err));
		assert_false(ended);
	}
	assert_true(process_output(process).len <= PROCESS_OUTPUT_MAX);
}

static void nothing_of_ours_is_passed_on(void **state)
{
	CLEANUP(buf_free) struct buf output = {0};
	struct error err = {0};

	(void)state;
	assert_int_equal(setenv("COURIER_TEST_SECRET", "x", 1), 0);

	const int fd = dup(STDERR_FILENO); /* without O_CLOEXEC */

	assert_true(fd > 2);
	MUST(run("env; ls /proc/self/fd | wc -l; cat", 60000, &output, &err));
	(void)close(fd);

	const char *text = NULL;

	MUST(buf_text(&output, &text, &err));
	assert_null(strstr(text, "SECRET"));
	/* 0, 1, 2 and the one ls itself has open */
	assert_non_null(strstr(text, "\n4\n"));
}

static int seven(void *self)
{
	(void)self;
	(void)fputs("seven", stdout);
	return 7;
}

static void a_function_runs_like_a_program(void **state)
{
	CLEANUP(process_cleanup) struct process *process = NULL;
	struct process_end end = {0};
	struct error err = {0};
	bool ended = false;

	(void)state;
	MUST(process_start_function(seven, NULL, 0, &process, &err));
	while (!ended) {
		(void)usleep(1000);
		MUST(process_step(process, 0, &ended, &end, &err));
	}
	assert_true(end.exited);
	assert_int_equal(end.status, 7);
	assert_int_equal(process_output(process).len, 5);
}

/* ---- when whoever started it is killed ---- */

static char *where; /* directory of the test */

static int start_more(void *self)
{
	const char *const script = self;
	const pid_t pid = fork();

	if (pid == 0)
		(void)execl("/bin/sh", "sh", "-c", script, (char *)NULL);
	return waitpid(pid, NULL, 0) == pid ? 0 : 1;
}

/* In a process of its own: start SCRIPT as a program, or below a function, and wait. */
static pid_t start_apart(const char *script, bool function)
{
	const char *const argv[] = {"/bin/sh", "-c", script, NULL};
	const pid_t pid = fork();

	if (pid != 0)
		return pid;

	struct process *process = NULL;
	struct error err = {0};
	union {
		const char *in;
		void *out;
	} self = {.in = script};

	if (function ? !process_start_function(start_more, self.out, 0, &process, &err)
		     : !process_start(&(struct process_how){.argv = argv}, &process, &err))
		_exit(1);
	while (true)
		(void)pause();
}

/* Is the lock on PATH free?  It is held by every process that a script started. */
static bool is_free(const char *path)
{
	const int fd = open(path, O_RDWR | O_CREAT, 0600);

	assert_true(fd >= 0);

	const bool free = flock(fd, LOCK_EX | LOCK_NB) == 0;

	(void)close(fd);
	return free;
}

static void wait_for_lock(const char *path, bool free)
{
	for (int i = 0; i < 3000 && is_free(path) != free; i++)
		(void)usleep(10000);
	assert_int_equal(is_free(path), free);
}

static void nothing_survives_a_parent_that_is_killed(void **state)
{
	char script[256], lock[64], ready[64];

	(void)state;
	for (int function = 0; function <= 1; function++) {
		(void)snprintf(lock, sizeof(lock), "%s/lock-%d", where, function);
		(void)snprintf(ready, sizeof(ready), "%s/ready-%d", where, function);
		(void)snprintf(script, sizeof(script),
			"exec 9>%s; flock 9; sleep 1000 & echo >%s; trap '' TERM; wait", lock,
			ready);

		const pid_t parent = start_apart(script, function != 0);

		for (int i = 0; i < 3000 && access(ready, F_OK) != 0; i++)
			(void)usleep(10000);
		assert_false(is_free(lock));
		assert_int_equal(kill(parent, SIGKILL), 0);
		assert_int_equal(waitpid(parent, NULL, 0), parent);
		wait_for_lock(lock, true);
	}
}

/* ---- when scripts hang ---- */

static void write_script(const char *name, const char *body)
{
	char path[128], text[128];
	struct error err = {0};

	(void)snprintf(path, sizeof(path), "%s/mender-inventory-%s", where, name);
	(void)snprintf(text, sizeof(text), "#!/bin/sh\n%s\n", body);
	MUST(file_replace(path, bytes_of(text), 0700, &err));
}

static void scripts_that_hang_share_one_budget(void **state)
{
	CLEANUP(scripts_inventory_free) struct scripts_inventory inventory = {0};
	CLEANUP(buf_free) struct buf identity = {0};
	struct error err = {0};
	const char *failed = NULL;
	int left_ms = 4000;

	(void)state;
	write_script("1-quick", "echo a=1");
	write_script("2-hangs", "sleep 1000");
	write_script("3-waits", "echo b=1");
	write_script("4-waits", "echo c=1");
	MUST(scripts_inventory(where, &left_ms, &inventory, &err));
	assert_int_equal(left_ms, 0);
	assert_int_equal(json_count(inventory.attributes), 1);
	assert_int_equal(inventory.not_run, 2);
	MUST(buf_text(&inventory.failed, &failed, &err));
	assert_non_null(strstr(failed, "2-hangs: did not end within "));
	assert_non_null(strstr(failed, "4-waits: not run"));
	/* Nothing is left for whoever comes next. */
	assert_false(scripts_identity("/bin/true", &left_ms, &identity, &err));
	assert_int_equal(err.code, ERROR_TIMEOUT);
}

static int make_directory(void **state)
{
	(void)state;
	where = strdup("/tmp/courier-process-XXXXXX");
	return where != NULL && mkdtemp(where) != NULL ? 0 : -1;
}

static int remove_directory(void **state)
{
	char command[64];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -rf %s", where);
	free(where);
	return system(command);
}

static void lines_become_members(void **state)
{
	CLEANUP(json_cleanup) struct json *object = NULL;
	CLEANUP(buf_free) struct buf printed = {0};
	const char *text = NULL;
	struct error err = {0};

	(void)state;
	MUST(scripts_parse(bytes_of("mac=02:00\nip=1\nserial=a=b\nip=2\n\n"), &object, &err));
	MUST(json_print(object, &printed, &err));
	MUST(buf_text(&printed, &text, &err));
	assert_string_equal(
		text, "{\"mac\":\"02:00\",\"ip\":[\"1\",\"2\"],\"serial\":\"a=b\"}");
}

static void what_is_no_line_is_malformed(void **state)
{
	static const char *const bad[] = {"novalue", "=x", "a=1\nb"};
	struct json *object = NULL;
	struct error err = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_false(scripts_parse(bytes_of(bad[i]), &object, &err));
		assert_int_equal(err.code, ERROR_MALFORMED);
	}
	assert_false(scripts_parse((struct bytes){(const uint8_t *)"a=\0b", 4}, &object, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_output_is_kept_to_the_last_bytes),
		cmocka_unit_test(why_it_failed_is_told),
		cmocka_unit_test(what_cannot_be_run_is_named),
		cmocka_unit_test(a_deadline_ends_it_and_its_children),
		cmocka_unit_test(a_child_that_keeps_the_pipe_does_not_hold_us_up),
		cmocka_unit_test(one_that_never_stops_talking_does_not_hold_us_up),
		cmocka_unit_test(nothing_of_ours_is_passed_on),
		cmocka_unit_test(a_function_runs_like_a_program),
		cmocka_unit_test_setup_teardown(nothing_survives_a_parent_that_is_killed,
			make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			scripts_that_hang_share_one_budget, make_directory, remove_directory),
		cmocka_unit_test(lines_become_members),
		cmocka_unit_test(what_is_no_line_is_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
