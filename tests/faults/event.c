/* Events: counted, struck or made, and written down.  One at a time, whatever thread or
 * process: the lock is on a descriptor that each event opens, and dies with it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/faults/fault.h"

static struct {
	struct fault_control *control; /* NULL: not asked for */
	const char *journal, *below, *hold;
} faults;

__attribute__((constructor)) static void begin(void)
{
	const char *const path = getenv("FAULT_CONTROL");

	(void)unsetenv("LD_PRELOAD");
	faults.journal = getenv("FAULT_JOURNAL");
	faults.below = getenv("FAULT_BELOW");
	faults.hold = getenv("FAULT_HOLD");
	if (path == NULL || faults.journal == NULL || faults.below == NULL)
		return;

	const long fd = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);

	if (fd < 0)
		abort();
	faults.journal = strdup(faults.journal); /* the product may clear its environment */
	faults.below = strdup(faults.below);
	faults.hold = faults.hold == NULL ? NULL : strdup(faults.hold);
	faults.control = mmap(
		NULL, sizeof(*faults.control), PROT_READ | PROT_WRITE, MAP_SHARED, (int)fd, 0);
	(void)close((int)fd);
	if (faults.control == MAP_FAILED)
		abort();
	faults.control->process = (uint64_t)getpid();
}

bool fault_concerns(const char *path)
{
	if (faults.control == NULL)
		return false;
	for (const char *at = faults.below; *at != 0;) {
		const size_t len = strcspn(at, ":");

		if (strncmp(path, at, len) == 0 && (path[len] == '/' || path[len] == 0))
			return true;
		at += at[len] == 0 ? len : len + 1;
	}
	return false;
}

static long make(const struct fault_call *call)
{
	const long *const at = call->argument;

	return syscall(call->number, at[0], at[1], at[2], at[3], at[4]);
}

static _Noreturn void die(void)
{
	faults.control->struck = 1;
	if (faults.hold != NULL)
		(void)syscall(SYS_openat, AT_FDCWD, faults.hold, O_WRONLY | O_CREAT, 0600);
	(void)kill((pid_t)faults.control->process, SIGKILL);
	(void)kill(getpid(), SIGKILL);
	for (;;)
		(void)pause();
}

/* The inode of what was just made. */
static uint64_t inode_of(const char *path)
{
	struct stat there;

	return lstat(path, &there) == 0 ? (uint64_t)there.st_ino : 0;
}

static void write_down(const struct fault_call *call, int fd, long result)
{
	const bool made = call->operation == FAULT_CREATE || call->operation == FAULT_MKDIR;
	const struct fault_record record = {
		.operation = call->operation,
		.path_len = (uint32_t)strlen(call->path),
		.other_len = call->other == NULL ? 0 : (uint32_t)strlen(call->other),
		.data_len = call->data == NULL ? 0 : (uint32_t)result,
		.inode = made ? inode_of(call->path) : call->inode,
		.offset = call->offset,
		.number = faults.control->count,
	};
	/* writev() does not write there; its type is older than const. */
	const union {
		const void *in;
		void *out;
	} data = {call->data}, path = {call->path}, other = {call->other}, head = {&record};
	const struct iovec parts[] = {{head.out, sizeof(record)}, {path.out, record.path_len},
		{other.out, record.other_len}, {data.out, record.data_len}};
	const long want
		= (long)(sizeof(record) + record.path_len + record.other_len + record.data_len);

	if (syscall(SYS_writev, fd, parts, sizeof(parts) / sizeof(*parts)) != want)
		abort(); /* a journal with a hole proves nothing */
}

static bool needs_room(const struct fault_call *call)
{
	static const bool needs[FAULT_REMOVE + 1] = {
		[FAULT_CREATE] = true,
		[FAULT_MKDIR] = true,
		[FAULT_WRITE] = true,
		[FAULT_LINK] = true,
	};

	return needs[call->operation];
}

static long fail(int code)
{
	errno = code;
	return -1;
}

/* Instead of the call, or of some of it; *MADE false when nothing of it was done. */
static long full(struct fault_call *call, bool first, bool *made)
{
	if (!first || call->operation != FAULT_WRITE || call->len < 2) {
		*made = false;
		return fail(ENOSPC);
	}
	call->len /= 2;
	call->argument[2] = (long)call->len;
	return make(call);
}

static long make_or_strike(struct fault_call *call, bool now, bool *made)
{
	struct fault_control *const control = faults.control;

	*made = true;
	if (now && control->mode == FAULT_KILL_BEFORE)
		die();
	if (now && control->mode != FAULT_KILL_AFTER)
		control->struck = 1;
	if (control->mode == FAULT_FULL && control->struck != 0 && needs_room(call))
		return full(call, now, made);
	if (now && control->mode == FAULT_IO) {
		*made = false;
		return fail(EIO);
	}
	return make(call);
}

long fault_event(struct fault_call *call)
{
	struct fault_control *const control = faults.control;
	const long fd = syscall(SYS_openat, AT_FDCWD, faults.journal,
		O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	bool made = false;

	if (fd < 0 || flock((int)fd, LOCK_EX) != 0)
		abort();
	control->count++;

	const bool now = control->mode != FAULT_NONE && control->count == control->target;
	const long result = make_or_strike(call, now, &made);
	const int code = errno;

	if (made && result >= 0)
		write_down(call, (int)fd, result);
	if (now && control->mode == FAULT_KILL_AFTER)
		die();
	(void)close((int)fd);
	errno = code;
	return result;
}
