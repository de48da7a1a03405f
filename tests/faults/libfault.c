/* The calls that write for keeps, as the dynamic linker finds them before libc's. */
#undef _FILE_OFFSET_BITS /* open() and open64() are both wanted, by their own names */
#undef _FORTIFY_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/faults/fault.h"

/* ---- which file ---- */

static bool path_of_fd(int fd, char path[PATH_MAX])
{
	char name[64];

	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);

	const ssize_t len = readlink(name, path, PATH_MAX - 1);

	if (len <= 0)
		return false;
	path[len] = 0;
	return path[0] == '/';
}

/* DIRECTORY and PATH, absolute and without links but in the last name. */
static bool path_at(int directory, const char *path, char out[PATH_MAX])
{
	char whole[PATH_MAX], real[PATH_MAX];
	size_t len = 0;

	if (path[0] != '/') {
		if (directory == AT_FDCWD ? getcwd(whole, sizeof(whole)) == NULL
					  : !path_of_fd(directory, whole))
			return false;
		len = strlen(whole);
		whole[len++] = '/';
	}
	if (len + strlen(path) >= sizeof(whole))
		return false;
	memcpy(whole + len, path, strlen(path) + 1);

	char *const slash = strrchr(whole, '/');

	*slash = 0;
	if (realpath(whole[0] == 0 ? "/" : whole, real) == NULL)
		return false;
	return snprintf(out, PATH_MAX, "%s/%s", strcmp(real, "/") == 0 ? "" : real, slash + 1)
		< PATH_MAX;
}

static bool concerned_at(int directory, const char *path, char out[PATH_MAX])
{
	const int code = errno;
	const bool is = path_at(directory, path, out) && fault_concerns(out);

	errno = code;
	return is;
}

static bool concerned_fd(int fd, char path[PATH_MAX], struct stat *there)
{
	const int code = errno;
	const bool is = fstat(fd, there) == 0
		&& (S_ISREG(there->st_mode) || S_ISDIR(there->st_mode)) && path_of_fd(fd, path)
		&& fault_concerns(path);

	errno = code;
	return is;
}

static bool is_there(const char *path)
{
	const int code = errno;
	struct stat there;
	const bool is = lstat(path, &there) == 0;

	errno = code;
	return is;
}

/* ---- opening ---- */

static int open_at(int directory, const char *path, int flags, mode_t mode)
{
	char whole[PATH_MAX];
	struct stat there;
	struct fault_call call = {.path = whole,
		.number = SYS_openat,
		.argument = {directory, (long)path, flags, (long)mode}};
	const int code = errno;

	if ((flags & (O_CREAT | O_TRUNC)) != 0 && concerned_at(directory, path, whole)) {
		const bool exists = lstat(whole, &there) == 0;

		errno = code;
		if (!exists && (flags & O_CREAT) != 0)
			call.operation = FAULT_CREATE;
		else if (exists && (flags & O_TRUNC) != 0) {
			call.operation = FAULT_TRUNCATE;
			call.inode = (uint64_t)there.st_ino;
		}
	}
	return (int)(call.operation != 0 ? fault_event(&call)
					 : syscall(SYS_openat, directory, path, flags, mode));
}

/* The mode is there only with O_CREAT. */
#define OPEN(directory)                                                                        \
	va_list arguments;                                                                     \
	mode_t mode = 0;                                                                       \
                                                                                               \
	va_start(arguments, flags);                                                            \
	if ((flags & (O_CREAT | O_TMPFILE)) != 0)                                              \
		mode = va_arg(arguments, mode_t);                                              \
	va_end(arguments);                                                                     \
	return open_at((directory), path, flags, mode)

int open(const char *path, int flags, ...)
{
	OPEN(AT_FDCWD);
}

int open64(const char *path, int flags, ...)
{
	OPEN(AT_FDCWD);
}

int openat(int directory, const char *path, int flags, ...)
{
	OPEN(directory);
}

int openat64(int directory, const char *path, int flags, ...)
{
	OPEN(directory);
}

int creat(const char *path, mode_t mode)
{
	return open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

int creat64(const char *path, mode_t mode)
{
	return creat(path, mode);
}

/* ---- bytes ---- */

ssize_t write(int fd, const void *data, size_t len)
{
	char path[PATH_MAX];
	struct stat there;

	if (!concerned_fd(fd, path, &there))
		return syscall(SYS_write, fd, data, len);

	const bool appends = (fcntl(fd, F_GETFL) & O_APPEND) != 0;
	struct fault_call call = {.operation = FAULT_WRITE,
		.path = path,
		.inode = (uint64_t)there.st_ino,
		.offset = (uint64_t)(appends ? there.st_size : lseek(fd, 0, SEEK_CUR)),
		.data = data,
		.len = len,
		.number = SYS_write,
		.argument = {fd, (long)data, (long)len}};

	return fault_event(&call);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
	char path[PATH_MAX];
	struct stat there;

	if (!concerned_fd(fd, path, &there))
		return syscall(SYS_pwrite64, fd, data, len, offset);

	struct fault_call call = {.operation = FAULT_WRITE,
		.path = path,
		.inode = (uint64_t)there.st_ino,
		.offset = (uint64_t)offset,
		.data = data,
		.len = len,
		.number = SYS_pwrite64,
		.argument = {fd, (long)data, (long)len, offset}};

	return fault_event(&call);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t offset)
{
	return pwrite(fd, data, len, offset);
}

/* As one write of the first piece: callers must expect short ones. */
ssize_t writev(int fd, const struct iovec *pieces, int count)
{
	char path[PATH_MAX];
	struct stat there;

	if (!concerned_fd(fd, path, &there) || count < 1)
		return syscall(SYS_writev, fd, pieces, count);
	return write(fd, pieces[0].iov_base, pieces[0].iov_len);
}

int ftruncate(int fd, off_t len)
{
	char path[PATH_MAX];
	struct stat there;

	if (!concerned_fd(fd, path, &there))
		return (int)syscall(SYS_ftruncate, fd, len);

	struct fault_call call = {.operation = FAULT_TRUNCATE,
		.path = path,
		.inode = (uint64_t)there.st_ino,
		.offset = (uint64_t)len,
		.number = SYS_ftruncate,
		.argument = {fd, len}};

	return (int)fault_event(&call);
}

int ftruncate64(int fd, off64_t len)
{
	return ftruncate(fd, len);
}

static int sync_fd(long number, int fd)
{
	char path[PATH_MAX];
	struct stat there;

	if (!concerned_fd(fd, path, &there))
		return (int)syscall(number, fd);

	struct fault_call call = {.operation = FAULT_SYNC,
		.path = path,
		.inode = (uint64_t)there.st_ino,
		.number = number,
		.argument = {fd}};

	return (int)fault_event(&call);
}

int fsync(int fd)
{
	return sync_fd(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	return sync_fd(SYS_fdatasync, fd);
}

/* ---- names ---- */

int mkdirat(int directory, const char *path, mode_t mode)
{
	char whole[PATH_MAX];
	struct fault_call call = {.operation = FAULT_MKDIR,
		.path = whole,
		.number = SYS_mkdirat,
		.argument = {directory, (long)path, (long)mode}};

	/* One that exists is no change, and refused as such whatever the disk's state. */
	if (!concerned_at(directory, path, whole) || is_there(whole))
		return (int)syscall(SYS_mkdirat, directory, path, mode);
	return (int)fault_event(&call);
}

int mkdir(const char *path, mode_t mode)
{
	return mkdirat(AT_FDCWD, path, mode);
}

int unlinkat(int directory, const char *path, int flags)
{
	char whole[PATH_MAX];
	struct fault_call call = {.operation = FAULT_REMOVE,
		.path = whole,
		.number = SYS_unlinkat,
		.argument = {directory, (long)path, flags}};

	if (!concerned_at(directory, path, whole))
		return (int)syscall(SYS_unlinkat, directory, path, flags);
	return (int)fault_event(&call);
}

int unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

int rmdir(const char *path)
{
	return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int remove(const char *path)
{
	const int done = unlink(path);

	return done != 0 && errno == EISDIR ? rmdir(path) : done;
}

static int two_names(enum fault_operation operation, long number, const int directories[2],
	const char *const paths[2])
{
	char path[PATH_MAX], other[PATH_MAX];
	struct fault_call call = {.operation = operation,
		.path = path,
		.other = other,
		.number = number,
		.argument
		= {directories[0], (long)paths[0], directories[1], (long)paths[1], 0}};
	const bool from = concerned_at(directories[0], paths[0], path);
	const bool to = concerned_at(directories[1], paths[1], other);

	if (!from && !to)
		return (int)syscall(
			number, directories[0], paths[0], directories[1], paths[1], 0);
	return (int)fault_event(&call);
}

int renameat(int from_directory, const char *from, int to_directory, const char *to)
{
	return two_names(FAULT_RENAME, SYS_renameat2,
		(const int[]){from_directory, to_directory}, (const char *const[]){from, to});
}

int rename(const char *from, const char *to)
{
	return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int link(const char *from, const char *to)
{
	return two_names(FAULT_LINK, SYS_linkat, (const int[]){AT_FDCWD, AT_FDCWD},
		(const char *const[]){from, to});
}
