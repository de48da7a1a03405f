/* A process that is waited for. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "device-link/agent/process.h"

static int64_t monotonic_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool wait_for_end(struct process *process, struct process_end *end, struct error *err)
{
	bool ended = false;

	while (true) {
		const int64_t now = monotonic_ms();
		struct pollfd fds[2];
		size_t count = 0;

		if (!process_step(process, now, &ended, end, err))
			return false;
		if (ended)
			return true;
		(void)process_poll(process, fds, &count, COUNT(fds));
		if (poll(fds, (nfds_t)count, (int)(process_deadline_ms(process, now) - now)) < 0
			&& errno != EINTR)
			return error_errno(err, "cannot wait for a process");
	}
}

/* The last line of what it complained about, for a sentence. */
static struct bytes last_line(struct bytes text)
{
	enum { SENTENCE_MAX = 200 };

	while (text.len > 0 && text.at[text.len - 1] == '\n')
		text.len--;

	const uint8_t *const before = text.len > 0 ? memrchr(text.at, '\n', text.len) : NULL;
	const size_t start = before == NULL ? 0 : (size_t)(before - text.at) + 1;
	const size_t len = text.len - start;

	return (struct bytes){text.at + start, len < SENTENCE_MAX ? len : SENTENCE_MAX};
}

bool process_run(
	const struct process_how *how, int timeout_ms, struct buf *output, struct error *err)
{
	CLEANUP(process_cleanup) struct process *process = NULL;
	const struct process_how limited = {
		.argv = how->argv,
		.environment = how->environment,
		.deadline_ms = monotonic_ms() + timeout_ms,
	};
	struct process_end end = {0};

	if (!process_start(&limited, &process, err) || !wait_for_end(process, &end, err))
		return error_while(err, "%s", how->argv[0]);
	if (end.late)
		return error_set(err, ERROR_FAILED, "%s: did not end within %d ms",
			how->argv[0], timeout_ms);
	if (!end.exited || end.status != 0) {
		const struct bytes why = last_line(process_errors(process));

		return error_set(err, ERROR_FAILED, "%s: %s %d: %.*s", how->argv[0],
			end.exited ? "exit status" : "killed by signal", end.status,
			(int)why.len, why.len > 0 ? (const char *)why.at : "");
	}
	return buf_append(output, process_output(process), err);
}
