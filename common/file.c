#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"

void file_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static bool read_some(int fd, uint8_t *at, size_t room, size_t *got, struct error *err)
{
	ssize_t done = 0;

	do
		done = read(fd, at, room);
	while (done < 0 && errno == EINTR);
	if (done < 0)
		return error_errno(err, "cannot read");
	*got = (size_t)done;
	return true;
}

static bool write_all(int fd, struct bytes bytes, struct error *err)
{
	while (bytes.len > 0) {
		const ssize_t done = write(fd, bytes.at, bytes.len);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return error_errno(err, "cannot write");
		bytes.at += done;
		bytes.len -= (size_t)done;
	}
	return true;
}

bool file_read(const char *path, size_t max, struct buf *buf, bool *found, struct error *err)
{
	CLEANUP(file_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	const size_t before = buf->len;

	if (fd < 0 && errno == ENOENT && found != NULL) {
		*found = false;
		return true;
	}
	if (fd < 0)
		return error_errno(err, "%s: cannot open", path);
	for (size_t got = 1; got > 0; buf->len += got) {
		if (buf->len - before > max)
			return error_set(
				err, ERROR_MALFORMED, "%s: larger than %zu bytes", path, max);
		if (!buf_reserve(buf, 4096, err)
			|| !read_some(fd, buf->at + buf->len, 4096, &got, err))
			return error_while(err, "%s", path);
	}
	if (buf->len - before > max)
		return error_set(err, ERROR_MALFORMED, "%s: larger than %zu bytes", path, max);
	if (found != NULL)
		*found = true;
	return true;
}

bool file_sync_directory_of(const char *path, struct error *err)
{
	char directory[PATH_MAX];
	const char *const slash = strrchr(path, '/');
	const size_t len = slash == NULL ? 0 : (size_t)(slash - path);

	if (len >= sizeof(directory))
		return error_set(err, ERROR_FAILED, "%s: path too long", path);
	memcpy(directory, path, len);
	directory[len] = 0;

	const char *const name = slash == NULL ? "." : len == 0 ? "/" : directory;
	CLEANUP(file_close) int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) != 0)
		return error_errno(err, "%s: cannot sync", name);
	return true;
}

static bool write_temporary(
	const char *path, struct bytes content, mode_t mode, struct error *err)
{
	CLEANUP(file_close)
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);

	if (fd < 0)
		return error_errno(err, "cannot create");
	if (fchmod(fd, mode) != 0)
		return error_errno(err, "cannot set the mode");
	if (!write_all(fd, content, err))
		return false;
	if (fsync(fd) != 0)
		return error_errno(err, "cannot sync");
	return true;
}

bool file_replace(const char *path, struct bytes content, mode_t mode, struct error *err)
{
	char temporary[PATH_MAX];

	if ((size_t)snprintf(temporary, sizeof(temporary), "%s.new", path) >= sizeof(temporary))
		return error_set(err, ERROR_FAILED, "%s: path too long", path);
	if (!write_temporary(temporary, content, mode, err)) {
		(void)unlink(temporary);
		return error_while(err, "%s", path);
	}
	return file_rename(temporary, path, err);
}

bool file_rename(const char *from, const char *to, struct error *err)
{
	if (rename(from, to) != 0)
		return error_errno(err, "%s: cannot rename to %s", from, to);
	return file_sync_directory_of(to, err);
}

bool file_remove(const char *path, struct error *err)
{
	if (unlink(path) != 0 && errno != ENOENT)
		return error_errno(err, "%s: cannot remove", path);
	return file_sync_directory_of(path, err);
}

static bool make_one(const char *path, mode_t mode, struct error *err)
{
	struct stat there;

	if (mkdir(path, mode) == 0)
		return file_sync_directory_of(path, err);
	if (errno == EEXIST && stat(path, &there) == 0 && S_ISDIR(there.st_mode))
		return true;
	return error_errno(err, "%s: cannot make the directory", path);
}

bool file_make_directory(const char *path, mode_t mode, struct error *err)
{
	char part[PATH_MAX];
	const size_t len = strlen(path);

	if (len == 0 || len >= sizeof(part))
		return error_set(err, ERROR_FAILED, "%s: path empty or too long", path);
	memcpy(part, path, len + 1);
	for (size_t i = 1; i < len; i++) {
		if (part[i] != '/')
			continue;
		part[i] = 0;
		if (!make_one(part, mode, err))
			return false;
		part[i] = '/';
	}
	return make_one(part, mode, err);
}

bool file_path(
	char *path, size_t room, const char *directory, const char *name, struct error *err)
{
	if ((size_t)snprintf(path, room, "%s/%s", directory, name) >= room)
		return error_set(err, ERROR_FAILED, "%s/%s: path too long", directory, name);
	return true;
}

static bool source_read(void *self, uint8_t *at, size_t room, size_t *got, struct error *err)
{
	return read_some(*(const int *)self, at, room, got, err);
}

struct source file_source(int *fd)
{
	return (struct source){source_read, fd};
}

static bool sink_write(void *self, struct bytes bytes, struct error *err)
{
	return write_all(*(const int *)self, bytes, err);
}

struct sink file_sink(int *fd)
{
	return (struct sink){sink_write, fd};
}
