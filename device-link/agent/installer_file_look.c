/* Which files are in place, the new or the old ones? */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "device-link/agent/installer_file.h"

struct look {
	const struct installer_job *job;
	int fd;      /* of what is in the place of the file that goes by; -1: nothing */
	bool is_new; /* of that file, so far */
	bool all_new, all_old;
	char name[PATH_MAX]; /* of that file in the payload */
};

/* Exactly LEN bytes, or fewer at the end. */
static bool read_all(int fd, uint8_t *at, size_t len, size_t *got, struct error *err)
{
	const struct source source = file_source(&fd);
	size_t some = 1;

	for (*got = 0; *got < len && some > 0; *got += some)
		if (!source.read(source.self, at + *got, len - *got, &some, err))
			return false;
	return true;
}

static bool same_bytes(int fd, struct bytes bytes, bool *same, struct error *err)
{
	uint8_t at[4096];

	*same = true;
	while (*same && bytes.len > 0) {
		const size_t len = bytes.len < sizeof(at) ? bytes.len : sizeof(at);
		size_t got = 0;

		if (!read_all(fd, at, len, &got, err))
			return false;
		*same = got == len && memcmp(at, bytes.at, len) == 0;
		bytes = (struct bytes){bytes.at + len, bytes.len - len};
	}
	return true;
}

static bool same_files(int a, int b, bool *same, struct error *err)
{
	uint8_t at[4096];

	*same = true;
	for (size_t got = 1; *same && got > 0;)
		if (!read_all(a, at, sizeof(at), &got, err)
			|| !same_bytes(b, (struct bytes){at, got}, same, err))
			return false;

	size_t more = 0;

	if (!read_all(b, at, 1, &more, err))
		return false;
	*same = *same && more == 0;
	return true;
}

static bool open_there(const char *path, int *fd, struct error *err)
{
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return *fd >= 0 || errno == ENOENT || error_errno(err, "%s: cannot open", path);
}

/* Is what was there before in the place of NAME?  What was not kept aside was not touched, or
 * has been put back - unless a commit may have removed the copy. */
static bool is_old(const struct look *look, const char *target, bool *old, struct error *err)
{
	CLEANUP(file_close) int there = -1, kept = -1;
	char none[PATH_MAX], copy[PATH_MAX];
	const char *const directory = look->job->directory;

	if ((size_t)snprintf(none, sizeof(none), "%s/none/%s", directory, look->name)
			>= sizeof(none)
		|| (size_t)snprintf(copy, sizeof(copy), "%s/old/%s", directory, look->name)
			>= sizeof(copy))
		return error_set(err, ERROR_FAILED, "path too long");
	if (!open_there(target, &there, err) || !open_there(copy, &kept, err))
		return false;
	*old = access(none, F_OK) == 0 ? there < 0 : kept < 0 && !look->job->healthy;
	return kept < 0 || there < 0 || same_files(kept, there, old, err);
}

static bool look_begin(void *self, const char *name, uint64_t size, struct error *err)
{
	struct look *const look = self;
	char target[PATH_MAX];
	bool old = false;

	(void)size;
	if ((size_t)snprintf(look->name, sizeof(look->name), "%s", name) >= sizeof(look->name))
		return error_set(err, ERROR_FAILED, "path too long");
	if (!installer_file_target(look->job, name, target, err)
		|| !is_old(look, target, &old, err) || !open_there(target, &look->fd, err))
		return false;
	look->all_old = look->all_old && old;
	look->is_new = look->fd >= 0;
	return true;
}

static bool look_write(void *self, struct bytes bytes, struct error *err)
{
	struct look *const look = self;

	return !look->is_new || same_bytes(look->fd, bytes, &look->is_new, err);
}

static bool look_end(void *self, struct error *err)
{
	struct look *const look = self;
	uint8_t at = 0;
	size_t more = 0;

	if (look->is_new && !read_all(look->fd, &at, 1, &more, err))
		return false;
	look->all_new = look->all_new && look->is_new && more == 0;
	file_close(&look->fd);
	return true;
}

int installer_file_running(const struct installer_job *job)
{
	CLEANUP(file_close) int fd = open(job->file, O_RDONLY | O_CLOEXEC);
	CLEANUP(artifact_free) struct artifact artifact = {0};
	struct look look = {.job = job, .fd = -1, .all_new = true, .all_old = true};
	const struct artifact_payload payload = {look_begin, look_write, look_end, &look};
	struct error err = {0};

	if (fd < 0)
		(void)error_errno(&err, "%s: cannot open", job->file);

	const bool ok = fd >= 0
		&& artifact_read(file_source(&fd), job->trust, &payload, &artifact, &err);

	file_close(&look.fd);
	if (!ok) {
		fprintf(stderr, "%s\n", err.text);
		return INSTALLER_RUNS_UNKNOWN;
	}
	return look.all_new    ? INSTALLER_RUNS_NEW
		: look.all_old ? INSTALLER_RUNS_OLD
			       : INSTALLER_RUNS_UNKNOWN;
}
