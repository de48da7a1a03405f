/*
 * installer_exec.c - any installer that is a command: rauc, swupdate, a script.
 *
 * The words of the command are given as they stand, never to a shell, but for these:
 *	{artifact}	the .mender file
 *	{files}		a directory that holds the payload files, unpacked and verified
 *	{file}		the payload file, where there is only one
 *	{directory}	a directory that is kept until commit or rollback
 */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/text.h"
#include "device-link/agent/installer.h"

enum { WORDS_MAX = 32 };

struct words {
	char *at[WORDS_MAX + 1];
	size_t count;
};

static void words_free(struct words *words)
{
	for (size_t i = 0; i < words->count; i++)
		free(words->at[i]);
}

/* What the placeholders stand for in this run. */
struct places {
	const char *artifact, *directory;
	char files[PATH_MAX], file[PATH_MAX];
};

static const char *place(const struct places *places, const char *name, size_t len)
{
	const struct {
		const char *name, *value;
	} table[] = {
		{"{artifact}", places->artifact},
		{"{directory}", places->directory},
		{"{file}", places->file},
		{"{files}", places->files},
	};

	for (size_t i = 0; i < COUNT(table); i++)
		if (strlen(table[i].name) == len && memcmp(table[i].name, name, len) == 0)
			return table[i].value;
	return NULL;
}

/* WORD with its placeholders replaced. */
static bool fill(const char *word, const struct places *places, char **out, struct error *err)
{
	CLEANUP(buf_free) struct buf text = {0};
	const char *filled = NULL;

	while (*word != 0) {
		const char *const end = *word == '{' ? strchr(word, '}') : NULL;
		const size_t len = end == NULL ? 1 : (size_t)(end - word) + 1;
		const char *const value = end == NULL ? NULL : place(places, word, len);
		const struct bytes piece = value != NULL
			? bytes_of(value)
			: (struct bytes){(const uint8_t *)word, len};

		if (!buf_append(&text, piece, err))
			return false;
		word += len;
	}
	return buf_text(&text, &filled, err) && text_set(out, filled, err);
}

static bool fill_all(const char *const *argv, const struct places *places, struct words *words,
	struct error *err)
{
	for (size_t i = 0; argv[i] != NULL; i++) {
		if (words->count == WORDS_MAX)
			return error_set(err, ERROR_USAGE, "a command of more than %d words",
				(int)WORDS_MAX);
		if (!fill(argv[i], places, &words->at[words->count], err))
			return false;
		words->count++;
	}
	return words->count > 0 || error_set(err, ERROR_USAGE, "an empty command");
}

static bool mentions(const char *const *argv, const char *text)
{
	for (size_t i = 0; argv[i] != NULL; i++)
		if (strstr(argv[i], text) != NULL)
			return true;
	return false;
}

static int visible(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

/* {file} is the one payload file there is. */
static bool only_file(struct places *places, struct error *err)
{
	struct dirent **entries = NULL;
	const int count = scandir(places->files, &entries, visible, alphasort);
	const bool ok = count == 1
		&& file_path(places->file, sizeof(places->file), places->files,
			entries[0]->d_name, err);

	for (int i = 0; i < count; i++)
		free(entries[i]);
	free(entries);
	return ok
		|| error_set(
			err, ERROR_FAILED, "{file}: the payload has %d files, not one", count);
}

/* Fill PLACES, unpacking the payload if the command names it. */
static bool prepare(const struct installer_job *job, const char *const *argv,
	struct places *places, struct error *err)
{
	const bool one = mentions(argv, "{file}");

	places->artifact = job->file;
	places->directory = job->directory;
	if (!file_path(places->files, sizeof(places->files), job->directory, "files", err))
		return false;
	if (!one && !mentions(argv, "{files}"))
		return true;
	return installer_clear(places->files, err) && installer_unpack(job, places->files, err)
		&& (!one || only_file(places, err));
}

static int complain(const struct error *err)
{
	fprintf(stderr, "%s\n", err->text);
	return -1;
}

/* Run the command; its exit status, or -1 with the reason on stderr. */
static int run(const struct installer_job *job, const char *const *argv)
{
	CLEANUP(words_free) struct words words = {0};
	struct places places = {0};
	struct error err = {0};

	if (!prepare(job, argv, &places, &err) || !fill_all(argv, &places, &words, &err))
		return complain(&err);

	const int status = installer_run((const char *const *)words.at);

	/* What it did is done, whether its copies go away or not. */
	if (!installer_clear(places.files, &err))
		(void)complain(&err);
	return status;
}

static int exec_install(const struct installer_job *job)
{
	const int status = run(job, job->settings->install);

	if (status == INSTALLER_DONE || status == INSTALLER_REBOOT
		|| status == INSTALLER_COMMITTED)
		return status;
	return status == INSTALLER_RUN_KILLED ? INSTALLER_KILLED : INSTALLER_FAILED;
}

static int exec_commit(const struct installer_job *job)
{
	if (job->settings->commit == NULL)
		return INSTALLER_DONE;
	return run(job, job->settings->commit) == 0 ? INSTALLER_DONE : INSTALLER_BROKEN;
}

static int exec_rollback(const struct installer_job *job)
{
	if (job->settings->rollback == NULL) {
		fprintf(stderr, "no rollback command is configured\n");
		return INSTALLER_BROKEN;
	}

	const int status = run(job, job->settings->rollback);

	return status == INSTALLER_DONE || status == INSTALLER_REBOOT ? status
								      : INSTALLER_BROKEN;
}

/* No other exit status than 0 and this says anything: 1 is what every failure ends with. */
static int exec_running(const struct installer_job *job)
{
	enum { OLD = 10 };

	if (job->settings->running == NULL)
		return INSTALLER_RUNS_UNKNOWN;

	const int status = run(job, job->settings->running);

	return status == 0      ? INSTALLER_RUNS_NEW
		: status == OLD ? INSTALLER_RUNS_OLD
				: INSTALLER_RUNS_UNKNOWN;
}

static bool exec_check(const struct installer_settings *settings, struct error *err)
{
	if (settings->install == NULL)
		return error_set(
			err, ERROR_USAGE, "installer %s: no install command", settings->type);
	if (settings->rollback == NULL)
		return error_set(err, ERROR_USAGE,
			"installer %s: no rollback command: a failed update could not be "
			"undone",
			settings->type);
	return true;
}

static uint64_t exec_space(const struct installer_settings *settings, uint64_t unpacked)
{
	const bool copies = settings->install != NULL
		&& (mentions(settings->install, "{file}")
			|| mentions(settings->install, "{files}"));

	return copies ? unpacked : 0;
}

const struct installer installer_exec = {
	.name = "exec",
	.check = exec_check,
	.space = exec_space,
	.install = exec_install,
	.commit = exec_commit,
	.rollback = exec_rollback,
	.running = exec_running,
};
