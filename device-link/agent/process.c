#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/file.h"
#include "device-link/agent/process.h"

enum {
	DRAIN_MAX = 128 * 1024, /* bytes read in one step: more than a pipe holds */
	POLL_MS = 100,          /* how often a child is asked whether it ended */
	STATUS_LOST = 127,
};

struct stream {
	int fd; /* -1: at its end */
	struct buf text;
};

struct process {
	pid_t pid; /* and its process group; 0: reaped */
	struct stream out, err;
	int64_t deadline_ms;
	bool ended, late;
	struct process_end end;
};

static void stream_close(struct stream *stream)
{
	file_close(&stream->fd);
	buf_free(&stream->text);
}

void process_free(struct process *process)
{
	if (process == NULL)
		return;
	if (process->pid > 0) {
		(void)kill(-process->pid, SIGKILL);
		while (!process->ended && waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
			continue;
	}
	stream_close(&process->out);
	stream_close(&process->err);
	free(process);
}

void process_cleanup(struct process **process)
{
	process_free(*process);
}

/* ---- in the child ---- */

static void reset_signals(void)
{
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	for (int number = 1; number < NSIG; number++)
		(void)signal(number, SIG_DFL);
}

static void end_group(int number)
{
	(void)number;
	(void)kill(0, SIGKILL); /* a group of our own: ourselves and all we started */
}

/* Whoever comes after a PARENT that was killed must find nothing of ours at work.  Nobody
 * can ask before it is too late but here: it may have gone already. */
static bool end_with(pid_t parent)
{
	return signal(SIGTERM, end_group) != SIG_ERR && prctl(PR_SET_PDEATHSIG, SIGTERM) == 0
		&& getppid() == parent;
}

/* stdin empty, stdout and stderr the pipes, nothing else open, own process group. */
static bool take_place(int out, int err, pid_t parent)
{
	const int null = open("/dev/null", O_RDONLY);

	reset_signals();
	return setpgid(0, 0) == 0 && end_with(parent) && null >= 0
		&& dup2(null, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0
		&& dup2(err, STDERR_FILENO) >= 0 && close_range(STDERR_FILENO + 1, ~0U, 0) == 0;
}

static void minimal_environment(const char *const *more)
{
	static const char path[]
		= "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

	(void)clearenv();
	(void)setenv("PATH", path, 1);
	(void)setenv("HOME", "/", 1);
	(void)setenv("LANG", "C.UTF-8", 1);
	for (size_t i = 0; more != NULL && more[i] != NULL; i++) {
		char *const copy = strdup(more[i]);

		if (copy != NULL)
			(void)putenv(copy); /* the child's for the rest of its life */
	}
}

_Noreturn static void become(const struct process_how *how)
{
	char *const *words = NULL;

	minimal_environment(how->environment);
	/* execvp() does not write to the words; its type is older than const. */
	memcpy(&words, &how->argv, sizeof(words));
	(void)execvp(how->argv[0], words);
	fprintf(stderr, "%s: cannot run: %s\n", how->argv[0], strerror(errno));
	_exit(STATUS_LOST);
}

/* A program does not know when to end: whoever does waits beside it, and ends as it did. */
_Noreturn static void guard(const struct process_how *how)
{
	const pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		(void)signal(SIGTERM, SIG_DFL);
		become(how);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (pid > 0 && WIFEXITED(status))
		_exit(WEXITSTATUS(status));
	if (pid > 0) {
		(void)signal(WTERMSIG(status), SIG_DFL);
		(void)raise(WTERMSIG(status));
	}
	_exit(STATUS_LOST);
}

/* ---- in the parent ---- */

struct start {
	const struct process_how *how; /* or */
	int (*run)(void *self);
	void *self;
	int64_t deadline_ms;
	pid_t parent;
};

_Noreturn static void live(const struct start *start, int out, int err)
{
	if (!take_place(out, err, start->parent))
		_exit(STATUS_LOST);
	if (start->how != NULL)
		guard(start->how);

	const int status = start->run(start->self);

	(void)fflush(NULL);
	_exit(status);
}

static bool set_nonblocking(int fd)
{
	return fcntl(fd, F_SETFL, O_NONBLOCK) == 0;
}

static bool open_pipes(int out[2], int errors[2], struct error *err)
{
	if (pipe2(out, O_CLOEXEC) != 0)
		return error_errno(err, "cannot make a pipe");
	if (pipe2(errors, O_CLOEXEC) == 0 && set_nonblocking(out[0])
		&& set_nonblocking(errors[0]))
		return true;
	(void)error_errno(err, "cannot make a pipe");
	file_close(&out[0]);
	file_close(&out[1]);
	file_close(&errors[0]);
	file_close(&errors[1]);
	return false;
}

static bool begin(const struct start *start, struct process **out, struct error *err)
{
	CLEANUP(process_cleanup) struct process *process = calloc(1, sizeof(*process));
	int pipe_out[2] = {-1, -1}, pipe_err[2] = {-1, -1};

	if (process == NULL)
		return error_errno(err, "cannot allocate a process");
	*process = (struct process){.out.fd = -1, .err.fd = -1};
	if (!open_pipes(pipe_out, pipe_err, err))
		return false;
	process->out.fd = pipe_out[0];
	process->err.fd = pipe_err[0];
	process->deadline_ms = start->deadline_ms;
	(void)fflush(NULL);

	const pid_t pid = fork();

	if (pid == 0)
		live(start, pipe_out[1], pipe_err[1]);
	file_close(&pipe_out[1]);
	file_close(&pipe_err[1]);
	if (pid < 0)
		return error_errno(err, "cannot fork");
	(void)setpgid(pid, pid); /* whoever comes first: so that a kill reaches it at once */
	process->pid = pid;
	*out = process;
	process = NULL;
	return true;
}

bool process_start(const struct process_how *how, struct process **out, struct error *err)
{
	const struct start start
		= {.how = how, .deadline_ms = how->deadline_ms, .parent = getpid()};
	size_t count = 0;

	while (how->argv[count] != NULL)
		count++;
	if (count == 0 || count > PROCESS_ARGUMENTS_MAX)
		return error_set(err, ERROR_USAGE, "a command of %zu words", count);
	return begin(&start, out, err) || error_while(err, "%s", how->argv[0]);
}

bool process_start_function(int (*run)(void *self), void *self, int64_t deadline_ms,
	struct process **out, struct error *err)
{
	const struct start start
		= {.run = run, .self = self, .deadline_ms = deadline_ms, .parent = getpid()};

	return begin(&start, out, err);
}

/* Keep the last PROCESS_OUTPUT_MAX bytes of what there is to read.  Who writes faster than
 * we read gets its turn again: a pipe full at a time. */
static bool drain(struct stream *stream, struct error *err)
{
	uint8_t at[4096];

	for (size_t i = 0; i < DRAIN_MAX / sizeof(at) && stream->fd >= 0; i++) {
		const ssize_t got = read(stream->fd, at, sizeof(at));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			return true;
		if (got <= 0) {
			file_close(&stream->fd);
			return true;
		}
		if (!buf_append(&stream->text, (struct bytes){at, (size_t)got}, err))
			return false;
		if (stream->text.len > PROCESS_OUTPUT_MAX)
			buf_drop(&stream->text, stream->text.len - PROCESS_OUTPUT_MAX);
	}
	return true;
}

static void note_end(struct process *process, int status)
{
	process->ended = true;
	process->end = (struct process_end){
		.exited = WIFEXITED(status) && !process->late,
		.late = process->late,
		.status = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status),
	};
	/* Whatever it left behind ends with it. */
	(void)kill(-process->pid, SIGKILL);
	process->pid = 0;
}

bool process_step(struct process *process, int64_t now_ms, bool *ended, struct process_end *end,
	struct error *err)
{
	int status = 0;

	if (!process->ended && process->deadline_ms > 0 && now_ms >= process->deadline_ms
		&& !process->late) {
		process->late = true;
		(void)kill(-process->pid, SIGKILL);
	}
	if (!process->ended) {
		const pid_t pid = waitpid(process->pid, &status, WNOHANG);

		if (pid < 0 && errno != EINTR)
			return error_errno(err, "cannot wait for a process");
		if (pid > 0)
			note_end(process, status);
	}
	if (!drain(&process->out, err) || !drain(&process->err, err))
		return false;
	if (process->ended) {
		file_close(&process->out.fd);
		file_close(&process->err.fd);
		*end = process->end;
	}
	*ended = process->ended;
	return true;
}

bool process_poll(const struct process *process, struct pollfd *fds, size_t *count, size_t room)
{
	const struct stream *const streams[] = {&process->out, &process->err};

	for (size_t i = 0; i < COUNT(streams); i++) {
		if (streams[i]->fd < 0)
			continue;
		if (*count == room)
			return false;
		fds[(*count)++] = (struct pollfd){streams[i]->fd, POLLIN, 0};
	}
	return true;
}

int64_t process_deadline_ms(const struct process *process, int64_t now_ms)
{
	if (process->ended)
		return INT64_MAX;
	if (process->deadline_ms > now_ms && process->deadline_ms < now_ms + POLL_MS)
		return process->deadline_ms;
	return now_ms + POLL_MS;
}

struct bytes process_output(const struct process *process)
{
	return buf_bytes(&process->out.text);
}

struct bytes process_errors(const struct process *process)
{
	return buf_bytes(&process->err.text);
}
