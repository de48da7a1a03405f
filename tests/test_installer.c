/*
 * The installers, on real artifacts: install, commit, roll back, and the same after
 * being killed at seeded moments.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"
#include "device-link/agent/installer.h"
#include "tests/artifacts.h"
#include "tests/test.h"

/* One installation: a job in its own directories, on artifact full-gzip (hello.txt
 * and table.txt), rsa (hello.txt) or what the test says. */
struct bench {
	char home[32], target[64], file[64], directory[64];
	struct installer_settings settings;
	struct artifact artifact;
	struct artifact_trust trust;
	struct installer_job job;
};

static const char *artifacts; /* directory of the group */

static void path(char *out, size_t room, const char *directory, const char *name)
{
	struct error err = {0};

	MUST(file_path(out, room, directory, name, &err));
}

static void set_up(struct bench *bench, const char *artifact)
{
	CLEANUP(buf_free) struct buf bytes = {0};
	struct error err = {0};

	*bench = (struct bench){.home = "/tmp/courier-test-XXXXXX"};
	assert_non_null(mkdtemp(bench->home));
	path(bench->target, sizeof(bench->target), bench->home, "target");
	path(bench->file, sizeof(bench->file), bench->home, "a.mender");
	path(bench->directory, sizeof(bench->directory), bench->home, "job");
	MUST(file_make_directory(bench->target, 0755, &err));
	MUST(file_make_directory(bench->directory, 0700, &err));
	artifacts_load(artifacts, artifact, &bytes);
	MUST(file_replace(bench->file, buf_bytes(&bytes), 0600, &err));
	MUST(artifacts_read(buf_bytes(&bytes), 4096, NULL, NULL, &bench->artifact, &err));
	bench->settings = (struct installer_settings){.type = "file", .target = bench->target};
	bench->job = (struct installer_job){
		.settings = &bench->settings,
		.artifact = &bench->artifact,
		.trust = &bench->trust,
		.file = bench->file,
		.directory = bench->directory,
	};
}

static void tear_down(struct bench *bench)
{
	char command[64];

	artifact_free(&bench->artifact);
	(void)snprintf(command, sizeof(command), "rm -rf %s", bench->home);
	assert_int_equal(system(command), 0);
}

static void put(const struct bench *bench, const char *name, const char *text, mode_t mode)
{
	char at[128];
	struct error err = {0};

	path(at, sizeof(at), bench->target, name);
	MUST(file_replace(at, bytes_of(text), mode, &err));
}

/* Is NAME in the target, does it begin with TEXT?  NULL: it must not be there. */
static void expect(const struct bench *bench, const char *name, const char *text)
{
	CLEANUP(buf_free) struct buf content = {0};
	char at[128];
	bool found = false;
	struct error err = {0};

	path(at, sizeof(at), bench->target, name);
	MUST(file_read(at, 1 << 20, &content, &found, &err));
	assert_int_equal(found, text != NULL);
	if (text != NULL)
		assert_memory_equal(content.at, text, strlen(text));
}

static size_t count_of(const char *directory)
{
	char command[128];
	unsigned count = 0;

	(void)snprintf(command, sizeof(command), "find %s -mindepth 1 | wc -l", directory);

	FILE *const pipe = popen(command, "r");

	assert_non_null(pipe);
	assert_int_equal(fscanf(pipe, "%u", &count), 1);
	assert_int_equal(pclose(pipe), 0);
	return count;
}

static void files_are_put_in_place_and_committed(void **state)
{
	struct bench bench;

	(void)state;
	set_up(&bench, "full-gzip");
	put(&bench, "hello.txt", "old\n", 0750);
	assert_int_equal(installer_file.install(&bench.job), INSTALLER_DONE);
	expect(&bench, "hello.txt", "hello\n");
	expect(&bench, "table.txt", "0 0\n");

	struct stat there;
	char at[128];

	path(at, sizeof(at), bench.target, "hello.txt");
	assert_int_equal(stat(at, &there), 0);
	assert_int_equal(there.st_mode & 07777, 0750); /* a replaced file keeps its mode */
	assert_int_equal(installer_file.commit(&bench.job), INSTALLER_DONE);
	assert_int_equal(installer_file.commit(&bench.job), INSTALLER_DONE);
	expect(&bench, "hello.txt", "hello\n");
	assert_int_equal(count_of(bench.target), 2);
	tear_down(&bench);
}

/* The attribute of NAME in the target; empty when it has none. */
static const char *attribute(const struct bench *bench, const char *name)
{
	static char value[16];
	char at[128];

	path(at, sizeof(at), bench->target, name);

	const ssize_t len = getxattr(at, "user.owner", value, sizeof(value) - 1);

	value[len < 0 ? 0 : len] = 0;
	return value;
}

static void attributes_stay_with_the_name(void **state)
{
	struct bench bench;
	char at[128];

	(void)state;
	set_up(&bench, "full-gzip");
	put(&bench, "hello.txt", "old\n", 0644);
	path(at, sizeof(at), bench.target, "hello.txt");
	if (setxattr(at, "user.owner", "ann", 3, 0) != 0) { /* not every file system has them */
		tear_down(&bench);
		skip();
	}
	assert_int_equal(installer_file.install(&bench.job), INSTALLER_DONE);
	expect(&bench, "hello.txt", "hello\n");
	assert_string_equal(attribute(&bench, "hello.txt"), "ann");
	assert_string_equal(attribute(&bench, "table.txt"), "");
	assert_int_equal(installer_file.install(&bench.job), INSTALLER_DONE); /* was killed */
	assert_string_equal(attribute(&bench, "hello.txt"), "ann");
	assert_int_equal(unlink(at), 0); /* somebody's mistake, undone as well */
	assert_int_equal(installer_file.rollback(&bench.job), INSTALLER_DONE);
	expect(&bench, "hello.txt", "old\n");
	assert_string_equal(attribute(&bench, "hello.txt"), "ann");
	tear_down(&bench);
}

static void rollback_restores_what_was_there(void **state)
{
	struct bench bench;

	(void)state;
	set_up(&bench, "full-gzip");
	put(&bench, "hello.txt", "old\n", 0644);
	put(&bench, "other.txt", "mine\n", 0644);
	assert_int_equal(installer_file.install(&bench.job), INSTALLER_DONE);
	assert_int_equal(installer_file.rollback(&bench.job), INSTALLER_DONE);
	assert_int_equal(installer_file.rollback(&bench.job), INSTALLER_DONE);
	expect(&bench, "hello.txt", "old\n");
	expect(&bench, "table.txt", NULL);
	expect(&bench, "other.txt", "mine\n");
	assert_int_equal(count_of(bench.target), 2);
	tear_down(&bench);
}

static void what_is_in_place_is_found_by_looking(void **state)
{
	struct bench bench;
	char at[128];

	(void)state;
	set_up(&bench, "full-gzip");
	put(&bench, "hello.txt", "old\n", 0644);
	/* Nothing of it was done. */
	assert_int_equal(installer_file.running(&bench.job), INSTALLER_RUNS_OLD);
	assert_int_equal(installer_file.install(&bench.job), INSTALLER_DONE);
	assert_int_equal(installer_file.running(&bench.job), INSTALLER_RUNS_NEW);
	/* Half put back. */
	put(&bench, "hello.txt", "old\n", 0644);
	assert_int_equal(installer_file.running(&bench.job), INSTALLER_RUNS_UNKNOWN);
	path(at, sizeof(at), bench.target, "table.txt");
	assert_int_equal(unlink(at), 0);
	assert_int_equal(installer_file.running(&bench.job), INSTALLER_RUNS_OLD);
	/* A bit more than there was. */
	put(&bench, "hello.txt", "old\n.", 0644);
	assert_int_equal(installer_file.running(&bench.job), INSTALLER_RUNS_UNKNOWN);
	assert_int_equal(installer_file.rollback(&bench.job), INSTALLER_DONE);
	assert_int_equal(installer_file.running(&bench.job), INSTALLER_RUNS_OLD);
	assert_int_equal(installer_file.install(&bench.job), INSTALLER_DONE);
	assert_int_equal(installer_file.commit(&bench.job), INSTALLER_DONE);
	assert_int_equal(installer_file.running(&bench.job), INSTALLER_RUNS_NEW);
	/* What the new software made of its files is not what there was before. */
	put(&bench, "hello.txt", "changed\n", 0644);
	bench.job.healthy = true;
	assert_int_equal(installer_file.running(&bench.job), INSTALLER_RUNS_UNKNOWN);
	put(&bench, "hello.txt", "hello\n", 0644);
	/* Without the artifact nobody can know. */
	assert_int_equal(unlink(bench.file), 0);
	assert_int_equal(installer_file.running(&bench.job), INSTALLER_RUNS_UNKNOWN);
	tear_down(&bench);
}

/* Killed while a new file was on its way into place. */
static void rollback_leaves_no_half_of_a_file_behind(void **state)
{
	struct bench bench;

	(void)state;
	set_up(&bench, "full-gzip");
	put(&bench, "hello.txt", "old\n", 0644);
	assert_int_equal(installer_file.install(&bench.job), INSTALLER_DONE);
	put(&bench, "hello.txt.courier-new", "hel", 0600);
	put(&bench, "table.txt.courier-new", "0", 0600);
	assert_int_equal(installer_file.rollback(&bench.job), INSTALLER_DONE);
	expect(&bench, "hello.txt", "old\n");
	assert_int_equal(count_of(bench.target), 1);
	tear_down(&bench);
}

static void one_file_can_be_the_target(void **state)
{
	struct bench bench;
	char file[128];

	(void)state;
	set_up(&bench, "rsa");
	path(file, sizeof(file), bench.target, "firmware.bin");
	bench.settings.target = file;
	assert_int_equal(installer_file.install(&bench.job), INSTALLER_DONE);
	expect(&bench, "firmware.bin", "hello\n");
	assert_int_equal(installer_file.rollback(&bench.job), INSTALLER_DONE);
	expect(&bench, "firmware.bin", NULL);
	tear_down(&bench);
}

static void many_files_do_not_fit_one_target(void **state)
{
	struct bench bench;
	char file[128];

	(void)state;
	set_up(&bench, "full-gzip");
	path(file, sizeof(file), bench.target, "firmware.bin");
	bench.settings.target = file;
	assert_int_equal(installer_file.install(&bench.job), INSTALLER_FAILED);
	assert_int_equal(count_of(bench.target), 0);
	tear_down(&bench);
}

static void a_file_that_changed_since_is_not_installed(void **state)
{
	struct bench bench;

	(void)state;
	set_up(&bench, "rsa");
	bench.artifact.digest.at[0] ^= 1;
	put(&bench, "hello.txt", "old\n", 0644);
	assert_int_equal(installer_file.install(&bench.job), INSTALLER_FAILED);
	expect(&bench, "hello.txt", "old\n");
	tear_down(&bench);
}

/* Run VERB in a child that is killed after about MICROSECONDS. */
static void run_and_kill(int (*verb)(const struct installer_job *), const struct bench *bench,
	unsigned microseconds)
{
	const pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		const int null = open("/dev/null", O_WRONLY);

		assert_true(null >= 0 && dup2(null, STDOUT_FILENO) >= 0);
		_exit(verb(&bench->job));
	}
	(void)usleep(microseconds);
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void killed_at_any_moment_it_can_be_run_again(void **state)
{
	unsigned seed = 20261122;

	(void)state;
	print_message("seed %u\n", seed);
	for (int round = 0; round < 40; round++) {
		struct bench bench;

		set_up(&bench, "full-gzip");
		put(&bench, "hello.txt", "old\n", 0644);
		run_and_kill(installer_file.install, &bench, (unsigned)rand_r(&seed) % 20000);
		if (round % 2 == 0) {
			assert_int_equal(installer_file.install(&bench.job), INSTALLER_DONE);
			expect(&bench, "hello.txt", "hello\n");
			run_and_kill(
				installer_file.commit, &bench, (unsigned)rand_r(&seed) % 4000);
			assert_int_equal(installer_file.commit(&bench.job), INSTALLER_DONE);
			expect(&bench, "hello.txt", "hello\n");
			expect(&bench, "table.txt", "0 0\n");
			assert_int_equal(count_of(bench.target), 2);
		} else {
			run_and_kill(installer_file.rollback, &bench,
				(unsigned)rand_r(&seed) % 8000);
			assert_int_equal(installer_file.rollback(&bench.job), INSTALLER_DONE);
			expect(&bench, "hello.txt", "old\n");
			expect(&bench, "table.txt", NULL);
		}
		tear_down(&bench);
	}
}

static void a_command_gets_its_places(void **state)
{
	static const char *const install[] = {"sh", "-c",
		"cat \"$1\" >\"$2/seen\"; ls \"$3\" >>\"$2/seen\"; head -c 7 \"$4\" | wc -c "
		">>\"$2/seen\"",
		"sh", "{file}", "{directory}", "{files}", "{artifact}", NULL};
	struct bench bench;
	CLEANUP(buf_free) struct buf seen = {0};
	char at[128];
	struct error err = {0};

	(void)state;
	set_up(&bench, "rsa");
	bench.settings.install = install;
	assert_int_equal(installer_exec.install(&bench.job), INSTALLER_DONE);
	path(at, sizeof(at), bench.directory, "seen");
	MUST(file_read(at, 4096, &seen, NULL, &err));
	assert_true(bytes_equal(buf_bytes(&seen), bytes_of("hello\nhello.txt\n7\n")));
	assert_int_equal(count_of(bench.directory), 1); /* the unpacked copy is gone */
	tear_down(&bench);
}

static void a_copy_that_cannot_be_removed_does_not_undo_an_installation(void **state)
{
	static const char *const install[]
		= {"sh", "-c", "mkdir \"$1/kept\"", "sh", "{files}", NULL};
	struct bench bench;

	(void)state;
	set_up(&bench, "rsa");
	bench.settings.install = install;
	assert_int_equal(installer_exec.install(&bench.job), INSTALLER_DONE);
	tear_down(&bench);
}

static void a_commands_exit_status_is_understood(void **state)
{
	static const char *const ends[][4] = {
		{"sh", "-c", "exit 0", NULL},
		{"sh", "-c", "exit 4", NULL},
		{"sh", "-c", "exit 3", NULL},
		{"sh", "-c", "exit 1", NULL},
		{"sh", "-c", "kill -9 $$", NULL},
		{"/nonexistent", NULL, NULL, NULL},
	};
	static const int as_install[] = {INSTALLER_DONE, INSTALLER_REBOOT, INSTALLER_COMMITTED,
		INSTALLER_FAILED, INSTALLER_KILLED, INSTALLER_FAILED};
	static const int as_rollback[] = {INSTALLER_DONE, INSTALLER_REBOOT, INSTALLER_BROKEN,
		INSTALLER_BROKEN, INSTALLER_BROKEN, INSTALLER_BROKEN};
	struct bench bench;

	(void)state;
	set_up(&bench, "rsa");
	for (size_t i = 0; i < COUNT(ends); i++) {
		bench.settings.install = ends[i];
		bench.settings.rollback = ends[i];
		bench.settings.commit = ends[i];
		assert_int_equal(installer_exec.install(&bench.job), as_install[i]);
		assert_int_equal(installer_exec.rollback(&bench.job), as_rollback[i]);
		assert_int_equal(installer_exec.commit(&bench.job),
			i == 0 ? INSTALLER_DONE : INSTALLER_BROKEN);
	}
	tear_down(&bench);
}

static void what_a_command_leaves_behind_is_not_its_failure(void **state)
{
	static const char *const install[] = {"sh", "-c",
		"mkdir -p \"$1/made/deep\"; >\"$1/made/deep/er\"", "sh", "{files}", NULL};
	struct bench bench;

	(void)state;
	set_up(&bench, "rsa");
	bench.settings.install = install;
	assert_int_equal(installer_exec.install(&bench.job), INSTALLER_DONE);
	assert_int_equal(count_of(bench.directory), 0);
	assert_int_equal(installer_exec.install(&bench.job), INSTALLER_DONE);
	tear_down(&bench);
}

static void settings_that_cannot_work_are_named(void **state)
{
	static const char *const command[] = {"true", NULL};
	struct installer_settings settings = {.type = "x"};
	struct error err = {0};

	(void)state;
	assert_false(installer_file.check(&settings, &err));
	settings.target = "/nonexistent/deep/file";
	assert_false(installer_file.check(&settings, &err));
	assert_non_null(strstr(err.text, "/nonexistent/deep"));
	assert_false(installer_exec.check(&settings, &err));
	settings.install = command;
	assert_false(installer_exec.check(&settings, &err));
	settings.rollback = command;
	MUST(installer_exec.check(&settings, &err));
}

static int make(void **state)
{
	if (artifacts_make(state) != 0)
		return -1;
	artifacts = *state;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_put_in_place_and_committed),
		cmocka_unit_test(attributes_stay_with_the_name),
		cmocka_unit_test(what_is_in_place_is_found_by_looking),
		cmocka_unit_test(rollback_restores_what_was_there),
		cmocka_unit_test(rollback_leaves_no_half_of_a_file_behind),
		cmocka_unit_test(one_file_can_be_the_target),
		cmocka_unit_test(many_files_do_not_fit_one_target),
		cmocka_unit_test(a_file_that_changed_since_is_not_installed),
		cmocka_unit_test(killed_at_any_moment_it_can_be_run_again),
		cmocka_unit_test(a_command_gets_its_places),
		cmocka_unit_test(a_copy_that_cannot_be_removed_does_not_undo_an_installation),
		cmocka_unit_test(a_commands_exit_status_is_understood),
		cmocka_unit_test(what_a_command_leaves_behind_is_not_its_failure),
		cmocka_unit_test(settings_that_cannot_work_are_named),
	};

	return cmocka_run_group_tests(tests, make, artifacts_remove);
}
