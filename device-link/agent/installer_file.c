/*
 * installer_file.c - payload files put in place, each by one rename.
 *
 * The target is a directory that gets every payload file, or the path of the one
 * payload file.  Before a file is replaced, the old one is copied aside, or its
 * absence noted, in the job's directory; rollback puts exactly that back.  Killed
 * at any instant, either function can be run again.
 *
 *	directory/new/NAME	unpacked, verified
 *	directory/old/NAME	what was there before
 *	directory/none/NAME	an empty note: nothing was there before
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/file.h"
#include "device-link/agent/installer_file.h"

enum { ATTRIBUTE_MAX = 65536 /* bytes of one, and of all names: the kernel has no more */ };

struct names {
	struct dirent **at;
	int count;
};

static void names_free(struct names *names)
{
	for (int i = 0; i < names->count; i++)
		free(names->at[i]);
	free(names->at);
}

static int is_payload(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

/* A missing directory has no names. */
static bool names_of(const char *directory, struct names *names, struct error *err)
{
	names->count = scandir(directory, &names->at, is_payload, alphasort);
	if (names->count >= 0)
		return true;
	names->count = 0;
	return errno == ENOENT || error_errno(err, "%s: cannot read", directory);
}

static bool is_directory(const char *path)
{
	struct stat there;

	return stat(path, &there) == 0 && S_ISDIR(there.st_mode);
}

/* Where payload file NAME goes. */
bool installer_file_target(const struct installer_job *job, const char *name,
	char path[PATH_MAX], struct error *err)
{
	if (is_directory(job->settings->target))
		return file_path(path, PATH_MAX, job->settings->target, name, err);
	if ((size_t)snprintf(path, PATH_MAX, "%s", job->settings->target) >= PATH_MAX)
		return error_set(err, ERROR_FAILED, "target path too long");
	return true;
}

/* What is on its way into place is called so, beside its place. */
static const char unfinished[] = ".courier-new";

static bool is_unfinished(const char *name)
{
	const size_t len = strlen(name), tail = sizeof(unfinished) - 1;

	return len >= tail && strcmp(name + len - tail, unfinished) == 0;
}

static bool unfinished_of(const char *path, char name[PATH_MAX], struct error *err)
{
	if ((size_t)snprintf(name, PATH_MAX, "%s%s", path, unfinished) >= PATH_MAX)
		return error_set(err, ERROR_FAILED, "%s: path too long", path);
	return true;
}

static bool copy_bytes(int from, int to, struct error *err)
{
	const struct source source = file_source(&from);
	const struct sink sink = file_sink(&to);
	uint8_t at[65536];

	for (size_t got = 1; got > 0;)
		if (!source.read(source.self, at, sizeof(at), &got, err)
			|| !sink.write(sink.self, (struct bytes){at, got}, err))
			return false;
	return fsync(to) == 0 || error_errno(err, "cannot sync");
}

/* Attributes that are about a content: with another they would be lies. */
static bool is_of_content(const char *name)
{
	return strcmp(name, "security.ima") == 0 || strcmp(name, "security.evm") == 0;
}

/* What the file system, or our rights, do not permit is left out. */
static bool copy_attribute(int from, int to, const char *name, struct error *err)
{
	uint8_t value[ATTRIBUTE_MAX];
	const ssize_t len = fgetxattr(from, name, value, sizeof(value));

	if (is_of_content(name)
		|| (len >= 0 && fsetxattr(to, name, value, (size_t)len, 0) == 0))
		return true;
	if (errno == EIO || errno == ENOSPC)
		return error_errno(err, "cannot keep the attribute %s", name);
	printf("the attribute %s is not kept: %s\n", name, strerror(errno));
	return true;
}

static bool copy_attributes(int from, int to, struct error *err)
{
	char names[ATTRIBUTE_MAX];
	const ssize_t len = flistxattr(from, names, sizeof(names));

	if (len < 0)
		return errno == ENOTSUP || error_errno(err, "cannot list attributes");
	for (const char *name = names; name < names + len; name += strlen(name) + 1)
		if (!copy_attribute(from, to, name, err))
			return false;
	return true;
}

/* Access lists, capabilities, labels: of the file at TO; with none there, of the regular
 * file FROM if it is somebody's own and not of our making. */
static bool keep_attributes(
	const char *from, const char *to, bool ours, int sink, struct error *err)
{
	CLEANUP(file_close) int there = open(to, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (there < 0 && !ours)
		there = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return there < 0 || copy_attributes(there, sink, err);
}

/* FROM to TO by a copy beside TO and one rename, with mode and owner as LIKE.  OURS: FROM
 * has no attributes that matter. */
static bool copy_into_place(
	const char *from, const char *to, const struct stat *like, bool ours, struct error *err)
{
	char temporary[PATH_MAX];

	if (!unfinished_of(to, temporary, err))
		return false;

	CLEANUP(file_close) int source = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	CLEANUP(file_close)
	int sink = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (source < 0 || sink < 0)
		return error_errno(err, "%s: cannot open", source < 0 ? from : temporary);
	if (!copy_bytes(source, sink, err))
		return error_while(err, "%s", temporary);
	if (fchown(sink, like->st_uid, like->st_gid) != 0
		|| fchmod(sink, like->st_mode & 07777) != 0)
		return error_errno(err, "%s: cannot set owner and mode", temporary);
	/* After the owner, whose change takes capabilities away. */
	if (!keep_attributes(from, to, ours, sink, err))
		return error_while(err, "%s", temporary);
	if (fsync(sink) != 0)
		return error_errno(err, "%s: cannot sync", temporary);
	return file_rename(temporary, to, err);
}

struct places {
	char new[PATH_MAX], old[PATH_MAX], none[PATH_MAX];
};

static bool places_of(const struct installer_job *job, struct places *places, struct error *err)
{
	return file_path(places->new, PATH_MAX, job->directory, "new", err)
		&& file_path(places->old, PATH_MAX, job->directory, "old", err)
		&& file_path(places->none, PATH_MAX, job->directory, "none", err);
}

/* Keep what is at TARGET, or that nothing is, unless that was done already. */
static bool keep_old(
	const struct places *places, const char *name, const char *target, struct error *err)
{
	char old[PATH_MAX], none[PATH_MAX];
	struct stat there;

	if (!file_path(old, sizeof(old), places->old, name, err)
		|| !file_path(none, sizeof(none), places->none, name, err))
		return false;
	if (access(old, F_OK) == 0 || access(none, F_OK) == 0)
		return true;
	if (lstat(target, &there) != 0)
		return errno == ENOENT ? file_replace(none, bytes_of(""), 0600, err)
				       : error_errno(err, "%s: cannot look", target);
	if (!S_ISREG(there.st_mode))
		return error_set(err, ERROR_FAILED, "%s: not a regular file", target);
	return copy_into_place(target, old, &there, false, err);
}

static bool put_new(const struct installer_job *job, const struct places *places,
	const char *name, struct error *err)
{
	char target[PATH_MAX], from[PATH_MAX], old[PATH_MAX];
	struct stat like = {.st_mode = 0644, .st_uid = geteuid(), .st_gid = getegid()};

	if (!installer_file_target(job, name, target, err)
		|| !file_path(from, sizeof(from), places->new, name, err)
		|| !file_path(old, sizeof(old), places->old, name, err)
		|| !keep_old(places, name, target, err))
		return false;
	(void)stat(old, &like); /* a replaced file keeps its owner and mode */
	if (!copy_into_place(from, target, &like, true, err))
		return false;
	printf("%s: in place\n", target);
	return true;
}

static bool install(const struct installer_job *job, struct error *err)
{
	CLEANUP(names_free) struct names names = {0};
	struct places places;

	if (!places_of(job, &places, err) || !file_make_directory(places.old, 0700, err)
		|| !file_make_directory(places.none, 0700, err)
		|| !installer_clear(places.new, err) || !installer_unpack(job, places.new, err)
		|| !names_of(places.new, &names, err))
		return false;
	if (names.count != 1 && !is_directory(job->settings->target))
		return error_set(err, ERROR_FAILED,
			"%s: is no directory, and the payload has %d files",
			job->settings->target, names.count);
	for (int i = 0; i < names.count; i++)
		if (is_unfinished(names.at[i]->d_name))
			return error_set(err, ERROR_FAILED,
				"%s: a payload file cannot be called so", names.at[i]->d_name);
	for (int i = 0; i < names.count; i++)
		if (!put_new(job, &places, names.at[i]->d_name, err))
			return false;
	return true;
}

static bool put_old(const struct installer_job *job, const struct places *places,
	const char *name, struct error *err)
{
	char target[PATH_MAX], from[PATH_MAX];
	struct stat like;

	if (!installer_file_target(job, name, target, err)
		|| !file_path(from, sizeof(from), places->old, name, err))
		return false;
	if (stat(from, &like) != 0)
		return error_errno(err, "%s: cannot look", from);
	return copy_into_place(from, target, &like, false, err);
}

static bool remove_new(const struct installer_job *job, const char *name, struct error *err)
{
	char target[PATH_MAX], temporary[PATH_MAX];

	return installer_file_target(job, name, target, err)
		&& unfinished_of(target, temporary, err) && file_remove(temporary, err)
		&& file_remove(target, err);
}

/* Put everything back as it was; what was never touched stays. */
static bool restore(const struct installer_job *job, struct error *err)
{
	CLEANUP(names_free) struct names old = {0};
	CLEANUP(names_free) struct names none = {0};
	struct places places;

	if (!places_of(job, &places, err) || !names_of(places.old, &old, err)
		|| !names_of(places.none, &none, err))
		return false;
	for (int i = 0; i < old.count; i++)
		if (!is_unfinished(old.at[i]->d_name)
			&& !put_old(job, &places, old.at[i]->d_name, err))
			return false;
	for (int i = 0; i < none.count; i++)
		if (!remove_new(job, none.at[i]->d_name, err))
			return false;
	return true;
}

static bool forget(const struct installer_job *job, struct error *err)
{
	struct places places;

	return places_of(job, &places, err) && installer_clear(places.new, err)
		&& installer_clear(places.old, err) && installer_clear(places.none, err);
}

/* What it kept aside is of no more use; where it cannot be removed the agent, which owns the
 * directory, does that later.  What is in place is in place. */
static int done(const struct installer_job *job, int status)
{
	struct error err = {0};

	if (!forget(job, &err))
		fprintf(stderr, "%s\n", err.text);
	return status;
}

static int file_install(const struct installer_job *job)
{
	struct error err = {0};

	if (install(job, &err))
		return INSTALLER_DONE;
	fprintf(stderr, "%s\n", err.text);
	if (restore(job, &err))
		return done(job, INSTALLER_FAILED);
	fprintf(stderr, "cannot undo: %s\n", err.text);
	return INSTALLER_BROKEN;
}

static int file_commit(const struct installer_job *job)
{
	return done(job, INSTALLER_DONE);
}

static int file_rollback(const struct installer_job *job)
{
	struct error err = {0};

	if (restore(job, &err))
		return done(job, INSTALLER_DONE);
	fprintf(stderr, "%s\n", err.text);
	return INSTALLER_BROKEN;
}

static bool file_check(const struct installer_settings *settings, struct error *err)
{
	char parent[PATH_MAX];

	if (settings->target == NULL)
		return error_set(err, ERROR_USAGE, "installer %s: no target", settings->type);
	if (is_directory(settings->target))
		return access(settings->target, W_OK) == 0
			|| error_errno(err, "%s: cannot write there", settings->target);
	if ((size_t)snprintf(parent, sizeof(parent), "%s", settings->target) >= sizeof(parent))
		return error_set(err, ERROR_USAGE, "%s: path too long", settings->target);

	char *const slash = strrchr(parent, '/');

	if (slash == NULL)
		return error_set(err, ERROR_USAGE, "%s: not an absolute path", parent);
	*(slash == parent ? slash + 1 : slash) = 0;
	return access(parent, W_OK) == 0 || error_errno(err, "%s: cannot write there", parent);
}

/* The unpacked copy, the one that is renamed into place, and the old one: taken to be
 * as large. */
static uint64_t file_space(const struct installer_settings *settings, uint64_t unpacked)
{
	(void)settings;
	return unpacked > UINT64_MAX / 3 ? UINT64_MAX : 3 * unpacked;
}

const struct installer installer_file = {
	.name = "file",
	.check = file_check,
	.space = file_space,
	.install = file_install,
	.commit = file_commit,
	.rollback = file_rollback,
	.running = installer_file_running,
};
