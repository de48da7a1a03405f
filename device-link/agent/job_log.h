/*
 * job_log.h - what happened to the update in hand, for people: phases with times, what
 * hooks and installers printed.  A text file in the state directory; the newest part
 * goes with the receipt.
 */
#ifndef DEVICE_LINK_AGENT_JOB_LOG_H
#define DEVICE_LINK_AGENT_JOB_LOG_H

#include "common/bytes.h"

enum {
	JOB_LOG_MAX = 47 * 1024,       /* bytes that go with a receipt */
	JOB_LOG_FILE_MAX = 256 * 1024, /* bytes kept on disk; then it is cut to the above */
};

/* One line, with the time before it. */
NODISCARD bool job_log_say(const char *path, const char *text, struct error *);
/* What a process printed, NAME before each line; control characters become '?'. */
NODISCARD bool job_log_output(
	const char *path, const char *name, struct bytes output, struct error *);
/* The newest JOB_LOG_MAX bytes, from the beginning of a line; appended. */
NODISCARD bool job_log_read(const char *path, struct buf *, struct error *);

/* Make TEXT, which somebody else wrote, fit to be shown: control characters become '?',
 * and it ends where it ceases to be UTF-8. */
void job_log_clean(char *text);

#endif
