/*
 * process.h - a child process that is run beside the conversation: hooks, scripts,
 * installers.  Never a shell.  What it prints is kept, bounded; it has a deadline;
 * freeing it kills it and all of its process group, and so does the end of whoever
 * started it, even by kill -9.
 */
#ifndef DEVICE_LINK_AGENT_PROCESS_H
#define DEVICE_LINK_AGENT_PROCESS_H

#include <poll.h>

#include "common/bytes.h"

enum {
	PROCESS_OUTPUT_MAX = 64 * 1024, /* bytes kept of stdout, and of stderr: the last */
	PROCESS_ARGUMENTS_MAX = 32,
};

struct process;

struct process_how {
	const char *const *argv;        /* NULL-terminated; argv[0] a path, or found on PATH */
	const char *const *environment; /* NULL-terminated "NAME=value" added to a minimal one
					   (PATH, HOME, LANG); may be NULL */
	int64_t deadline_ms;            /* by the caller's clock; killed then; 0: none */
};

/* How it ended. */
struct process_end {
	bool exited; /* false: by a signal, or killed at its deadline */
	bool late;   /* killed at its deadline */
	int status;  /* exit status, or the signal */
};

NODISCARD bool process_start(const struct process_how *, struct process **, struct error *);

/* The same for a function of ours in a forked child; what it returns is the exit
 * status, what it prints is the output. */
NODISCARD bool process_start_function(int (*run)(void *self), void *self, int64_t deadline_ms,
	struct process **, struct error *);

void process_free(struct process *); /* NULL does nothing; kills what still runs */
void process_cleanup(struct process **);

/* Take its output and see whether it ended, without waiting.  *ENDED true: *END is
 * filled, once and from then on. */
NODISCARD bool process_step(
	struct process *, int64_t now_ms, bool *ended, struct process_end *, struct error *);
/* Descriptors to poll, and when process_step() must be called at the latest. */
bool process_poll(const struct process *, struct pollfd *fds, size_t *count, size_t room);
int64_t process_deadline_ms(const struct process *, int64_t now_ms);

/* What it printed, the last PROCESS_OUTPUT_MAX bytes of each; borrowed. */
struct bytes process_output(const struct process *);
struct bytes process_errors(const struct process *);

/* Start, wait, and append stdout: for scripts that take moments.  ERROR_FAILED with
 * the last line of stderr unless it exits 0 within TIMEOUT_MS. */
NODISCARD bool process_run(
	const struct process_how *, int timeout_ms, struct buf *output, struct error *);

#endif
