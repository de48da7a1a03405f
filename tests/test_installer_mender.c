/*
 * The mender installer over Debian's real client, with the update modules of
 * with_mender_modules.sh.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "device-link/agent/installer.h"
#include "tests/test.h"

struct bench {
	char home[32], file[64], directory[64], data[64], software[64], config[64];
	const char *command[8];
	struct installer_settings settings;
	struct artifact artifact;
	struct artifact_trust trust;
	struct installer_job job;
};

static void shell(const char *fmt, ...) PRINTF(1, 2);

static void shell(const char *fmt, ...)
{
	char command[1024];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	if (system(command) != 0)
		fail_msg("%s", command);
}

static void write_text(const char *path, const char *text)
{
	struct error err = {0};

	MUST(file_replace(path, bytes_of(text), 0644, &err));
}

static void name_paths(struct bench *bench)
{
	struct error err = {0};

	MUST(file_path(bench->file, sizeof(bench->file), bench->home, "a.mender", &err));
	MUST(file_path(bench->directory, sizeof(bench->directory), bench->home, "job", &err));
	MUST(file_path(bench->data, sizeof(bench->data), bench->home, "data", &err));
	MUST(file_path(
		bench->software, sizeof(bench->software), bench->home, "software", &err));
	MUST(file_path(bench->config, sizeof(bench->config), bench->home, "mender.conf", &err));
	MUST(file_make_directory(bench->directory, 0700, &err));
	MUST(file_make_directory(bench->data, 0700, &err));
}

/* A device that runs rel-1, and an artifact rel-2 for update module MODULE. */
static void set_up(struct bench *bench, const char *module)
{
	struct error err = {0};
	char type_file[128];

	*bench = (struct bench){.home = "/tmp/courier-test-XXXXXX"};
	assert_non_null(mkdtemp(bench->home));
	assert_int_equal(setenv("MENDER_TEST", bench->home, 1), 0);
	name_paths(bench);
	write_text(bench->software, "old software\n");
	write_text(bench->config, "{}");
	(void)snprintf(type_file, sizeof(type_file), "%s/device_type", bench->data);
	write_text(type_file, "device_type=testbox\n");
	shell("cd %s && echo new software >payload && mender-artifact write module-image "
	      "-T %s -n rel-2 -t testbox -f payload -o a.mender >/dev/null",
		bench->home, module);

	CLEANUP(buf_free) struct buf bytes = {0};
	CLEANUP(file_close) int fd = -1;
	FILE *const file = fopen(bench->file, "rb");

	assert_non_null(file);
	fd = dup(fileno(file));
	(void)fclose(file);
	MUST(artifact_read(file_source(&fd), &bench->trust, NULL, &bench->artifact, &err));
	const char *const command[]
		= {"mender", "--config", bench->config, "--data", bench->data, NULL};
	memcpy(bench->command, command, sizeof(command));
	bench->settings = (struct installer_settings){.type = "*", .command = bench->command};
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
	artifact_free(&bench->artifact);
	shell("rm -rf %s", bench->home);
}

static void expect_software(const struct bench *bench, const char *text)
{
	CLEANUP(buf_free) struct buf content = {0};
	struct error err = {0};

	MUST(file_read(bench->software, 4096, &content, NULL, &err));
	assert_true(bytes_equal(buf_bytes(&content), bytes_of(text)));
}

static void an_update_is_committed(void **state)
{
	struct bench bench;
	struct error err = {0};

	(void)state;
	set_up(&bench, "test-plain");
	MUST(installer_mender.check(&bench.settings, &err));
	assert_int_equal(installer_mender.install(&bench.job), INSTALLER_DONE);
	expect_software(&bench, "new software\n");
	assert_int_equal(installer_mender.commit(&bench.job), INSTALLER_DONE);
	assert_int_equal(installer_mender.commit(&bench.job), INSTALLER_DONE); /* again */
	expect_software(&bench, "new software\n");
	tear_down(&bench);
}

static void an_update_is_rolled_back(void **state)
{
	struct bench bench;

	(void)state;
	set_up(&bench, "test-plain");
	assert_int_equal(installer_mender.install(&bench.job), INSTALLER_DONE);
	assert_int_equal(installer_mender.rollback(&bench.job), INSTALLER_DONE);
	assert_int_equal(installer_mender.rollback(&bench.job), INSTALLER_DONE); /* again */
	expect_software(&bench, "old software\n");
	tear_down(&bench);
}

static void a_module_that_fails_changes_nothing(void **state)
{
	struct bench bench;

	(void)state;
	set_up(&bench, "test-broken");
	assert_int_equal(installer_mender.install(&bench.job), INSTALLER_FAILED);
	expect_software(&bench, "old software\n");
	tear_down(&bench);
}

static void a_needed_reboot_is_told(void **state)
{
	struct bench bench;

	(void)state;
	set_up(&bench, "test-reboot");
	assert_int_equal(installer_mender.install(&bench.job), INSTALLER_REBOOT);
	assert_int_equal(installer_mender.commit(&bench.job), INSTALLER_DONE);
	expect_software(&bench, "new software\n");
	tear_down(&bench);
}

static void a_module_without_rollback_commits_itself(void **state)
{
	struct bench bench;

	(void)state;
	set_up(&bench, "test-final");
	assert_int_equal(installer_mender.install(&bench.job), INSTALLER_DONE);
	assert_int_equal(installer_mender.commit(&bench.job), INSTALLER_DONE);
	expect_software(&bench, "new software\n");
	/* and cannot be undone, which is said */
	assert_int_equal(installer_mender.rollback(&bench.job), INSTALLER_BROKEN);
	tear_down(&bench);
}

static void an_install_cut_short_is_begun_again(void **state)
{
	struct bench bench;

	(void)state;
	set_up(&bench, "test-plain");
	assert_int_equal(installer_mender.install(&bench.job), INSTALLER_DONE);
	/* The agent was killed before it could note that: it installs again. */
	assert_int_equal(installer_mender.install(&bench.job), INSTALLER_DONE);
	assert_int_equal(installer_mender.rollback(&bench.job), INSTALLER_DONE);
	expect_software(&bench, "old software\n");
	tear_down(&bench);
}

static void a_client_that_is_not_there_is_named(void **state)
{
	static const char *const command[] = {"/nonexistent/mender", NULL};
	const struct installer_settings settings = {.type = "*", .command = command};
	struct error err = {0};

	(void)state;
	assert_false(installer_mender.check(&settings, &err));
	assert_non_null(strstr(err.text, "/nonexistent/mender"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_update_is_committed),
		cmocka_unit_test(an_update_is_rolled_back),
		cmocka_unit_test(a_module_that_fails_changes_nothing),
		cmocka_unit_test(a_needed_reboot_is_told),
		cmocka_unit_test(a_module_without_rollback_commits_itself),
		cmocka_unit_test(an_install_cut_short_is_begun_again),
		cmocka_unit_test(a_client_that_is_not_there_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
