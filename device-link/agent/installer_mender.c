/*
 * installer_mender.c - Mender's own client, standalone: Debian's `mender` (3.x) or
 * `mender-update` (4 and later).  It verifies again by its own configuration, runs
 * the update module of the payload, and keeps the old software until commit.
 *
 * Exit statuses of the client: 0 done, 1 failed and undone, 2 nothing in progress,
 * 4 (with --reboot-exit-code) done after a reboot.  A module that knows no rollback
 * commits by itself: commit and rollback then answer 2, and the name of the
 * artifact that runs tells which it was.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "device-link/agent/installer.h"
#include "device-link/agent/process.h"

enum { WORDS_MAX = 24, SHOW_TIMEOUT_MS = 30000 };
enum client_status { CLIENT_DONE = 0, CLIENT_NOTHING = 2, CLIENT_REBOOT = 4 };

struct words {
	const char *at[WORDS_MAX + 4];
	size_t count;
};

static void add(struct words *words, const char *word)
{
	if (words->count < COUNT(words->at) - 1)
		words->at[words->count++] = word;
}

static struct words command(const struct installer_settings *settings, const char *verb)
{
	static const char *const usual[] = {"mender", NULL};
	const char *const *argv = settings->command != NULL ? settings->command : usual;
	struct words words = {{NULL}, 0};

	for (size_t i = 0; argv[i] != NULL && i < WORDS_MAX; i++)
		add(&words, argv[i]);
	add(&words, verb);
	return words;
}

static int client(const struct installer_job *job, const char *verb)
{
	const struct words words = command(job->settings, verb);

	return installer_run(words.at);
}

/* Is the artifact of this job the one that runs? */
static bool runs_now(const struct installer_job *job)
{
	const struct words words = command(job->settings, "show-artifact");
	CLEANUP(buf_free) struct buf text = {0};
	const char *name = NULL;
	struct error err = {0};

	if (!process_run(&(struct process_how){.argv = words.at}, SHOW_TIMEOUT_MS, &text, &err)
		|| !buf_text(&text, &name, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return false;
	}

	const size_t len = strcspn(name, "\r\n");

	return strlen(job->artifact->name) == len
		&& memcmp(name, job->artifact->name, len) == 0;
}

/* A former install() of this job that was cut short left the client with an update
 * in progress, which mender-update refuses to start anew: the note says so. */
static bool begin(const struct installer_job *job, struct error *err)
{
	char note[4096];

	if (!file_path(note, sizeof(note), job->directory, "started", err))
		return false;
	if (access(note, F_OK) == 0)
		(void)client(job, "rollback"); /* CLIENT_NOTHING is as good */
	return file_replace(note, bytes_of(""), 0600, err);
}

static bool forget(const struct installer_job *job)
{
	char note[4096];
	struct error err = {0};

	if (file_path(note, sizeof(note), job->directory, "started", &err)
		&& file_remove(note, &err))
		return true;
	fprintf(stderr, "%s\n", err.text);
	return false;
}

static int mender_install(const struct installer_job *job)
{
	struct words words = command(job->settings, "install");
	struct error err = {0};

	if (!begin(job, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return INSTALLER_FAILED;
	}
	add(&words, "--reboot-exit-code");
	add(&words, job->file);

	const bool ran_before = runs_now(job); /* the same release again */
	const int status = installer_run(words.at);

	if (status == CLIENT_DONE)
		return INSTALLER_DONE;
	if (status == CLIENT_REBOOT)
		return INSTALLER_REBOOT;
	if (status == INSTALLER_RUN_KILLED)
		return INSTALLER_KILLED;
	return !ran_before && runs_now(job) ? INSTALLER_BROKEN : INSTALLER_FAILED;
}

static int mender_commit(const struct installer_job *job)
{
	const int status = client(job, "commit");

	if (status == CLIENT_DONE || (status == CLIENT_NOTHING && runs_now(job)))
		return forget(job) ? INSTALLER_DONE : INSTALLER_BROKEN;
	return INSTALLER_BROKEN;
}

static int mender_rollback(const struct installer_job *job)
{
	const int status = client(job, "rollback");

	if (status == CLIENT_REBOOT)
		return INSTALLER_REBOOT;
	if (status == CLIENT_DONE || (status == CLIENT_NOTHING && !runs_now(job)))
		return forget(job) ? INSTALLER_DONE : INSTALLER_BROKEN;
	fprintf(stderr, "the client could not go back to the old software\n");
	return INSTALLER_BROKEN;
}

/* The client names what was committed.  When that is another, the new software may be in
 * place all the same. */
static int mender_running(const struct installer_job *job)
{
	return runs_now(job) ? INSTALLER_RUNS_NEW : INSTALLER_RUNS_UNKNOWN;
}

static bool mender_check(const struct installer_settings *settings, struct error *err)
{
	const struct words words = command(settings, "show-artifact");
	CLEANUP(buf_free) struct buf text = {0};

	return process_run(&(struct process_how){.argv = words.at}, SHOW_TIMEOUT_MS, &text, err)
		|| error_while(err,
			"the Mender client does not answer (is its daemon stopped and "
			"masked?)");
}

/* The update module's own copy. */
static uint64_t mender_space(const struct installer_settings *settings, uint64_t unpacked)
{
	(void)settings;
	return unpacked;
}

const struct installer installer_mender = {
	.name = "mender",
	.check = mender_check,
	.space = mender_space,
	.install = mender_install,
	.commit = mender_commit,
	.rollback = mender_rollback,
	.running = mender_running,
};
