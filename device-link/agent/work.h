/*
 * work.h - what is done to an artifact file in a child process: verify, install,
 * commit, roll back.
 */
#ifndef DEVICE_LINK_AGENT_WORK_H
#define DEVICE_LINK_AGENT_WORK_H

#include "device-link/agent/describe.h"
#include "device-link/agent/job.h"
#include "device-link/agent/tuf_judge.h"

/* All borrowed until the child was started. */
struct work_order {
	const struct agent_settings *settings;
	const struct trust *trust;
	const struct job *job;
	const struct inventory *inventory; /* to verify: what the device is */
	const struct tuf_order *tuf;       /* likewise: what must direct it; NULL: nothing */
	const char *file;                  /* the artifact */
	const char *directory;             /* of the installer */
	const char *fact;                  /* where verified.h keeps what it is */
};

enum { WORK_UNDIRECTED = 200 };

/* For process_start_function(); SELF is a struct work_order.  Verified whole, and the
 * device may install it: 0 and FACT is written.  Else an enum error_code, and why on
 * stderr; WORK_UNDIRECTED: its metadata do not direct the device to it any more, and their
 * fact says why. */
int work_verify(void *self);

/* An enum installer_status.  To install, the file is verified once more. */
int work_install(void *self);
int work_commit(void *self);
int work_roll_back(void *self);
/* An enum installer_running. */
int work_look(void *self);

/* How long they may take, by the settings for the artifact in FACT. */
NODISCARD bool work_timeout(const struct work_order *, int *timeout_s, struct error *);

/* Remove a directory and all that is in it; a missing one is success. */
NODISCARD bool work_remove_tree(const char *directory, struct error *);

/* NAME=value words that tell hooks and installers what it is about; NULL-terminated. */
enum { WORK_WORDS = 6 };
struct work_environment {
	char text[WORK_WORDS][512];
	const char *at[WORK_WORDS + 1];
};
void work_environment(const struct job *, struct work_environment *);

#endif
