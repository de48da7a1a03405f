/*
 * installer.h - how a verified artifact becomes running software on this device.
 *
 * To add an installer, write one file that defines a struct installer and name it
 * in the table in installer.c.  An installer sees only an artifact file that was
 * verified whole and that nobody else can write.  Its functions run in a forked
 * child: they may block, what they print on stdout and stderr becomes the
 * deployment log, and they may be killed at any instant and run again: each is
 * idempotent.
 */
#ifndef DEVICE_LINK_AGENT_INSTALLER_H
#define DEVICE_LINK_AGENT_INSTALLER_H

#include "common/artifact.h"

/* The exit status of the child; values as Mender's standalone client has them. */
enum installer_status {
	INSTALLER_DONE = 0,      /* in place; commit or rollback follows */
	INSTALLER_FAILED = 1,    /* not in place, and nothing changed */
	INSTALLER_COMMITTED = 3, /* in place for good: this payload knows no rollback */
	INSTALLER_REBOOT = 4,    /* in place after a reboot; then commit or rollback */
	INSTALLER_BROKEN = 5,    /* neither old nor new: needs a person */
	INSTALLER_KILLED = 6,    /* cut short by a signal: perhaps half in place */
};

/* Which software is in place; an exit status, too, and no other one's. */
enum installer_running {
	INSTALLER_RUNS_UNKNOWN = 12, /* or some of both */
	INSTALLER_RUNS_OLD = 10,
	INSTALLER_RUNS_NEW = 11,
};

/* One [installer TYPE] section of courier-agent(8); TYPE is a payload type or "*". */
struct installer_settings {
	const char *type;
	const char *kind;           /* "mender", "exec", "file" */
	const char *const *install; /* exec: argv; NULL: not given */
	const char *const *commit;
	const char *const *rollback;
	const char *const *running;
	const char *const *command; /* mender: argv before the verb; NULL: "mender" */
	const char *target;         /* file: directory, or file for a one-file payload */
	int timeout_s;              /* for each; the agent enforces it */
};

struct installer_job {
	const struct installer_settings *settings;
	const struct artifact *artifact;
	const struct artifact_trust *trust;
	const char *file;      /* path of the .mender file */
	const char *directory; /* private, durable, empty at first install(): for copies of the
				  old software and what must be remembered until commit */
	bool healthy;          /* it was to be committed: perhaps commit() began */
};

struct installer {
	const char *name;

	/* Do the settings make sense on this machine?  For `courier-agent check` and at
	 * start; runs in the agent itself. */
	bool (*check)(const struct installer_settings *, struct error *);

	/* Bytes it needs besides the artifact file, for a payload of UNPACKED bytes: its
	 * own copies, old software kept aside included. */
	uint64_t (*space)(const struct installer_settings *, uint64_t unpacked);

	int (*install)(const struct installer_job *);
	int (*commit)(const struct installer_job *);   /* DONE or BROKEN */
	int (*rollback)(const struct installer_job *); /* DONE, REBOOT or BROKEN */

	/* After one of these failed, or was cut short too often: an installer_running, by
	 * what lies there.  Changes nothing. */
	int (*running)(const struct installer_job *);
};

extern const struct installer installer_mender, installer_exec, installer_file;

NODISCARD bool installer_find(const char *name, const struct installer **, struct error *);

/* For installers' children: unpack the payload of the job's file, verified again,
 * into DIRECTORY (made if need be), each file fsynced. */
NODISCARD bool installer_unpack(
	const struct installer_job *, const char *directory, struct error *);

/* Remove DIRECTORY and all that is in it, durably; a missing one is success. */
NODISCARD bool installer_clear(const char *directory, struct error *);

/* Run ARGV in this child's place of work and wait: its exit status, 126 when it could
 * not be run, or INSTALLER_RUN_KILLED, which is no exit status. */
enum { INSTALLER_RUN_KILLED = 256 };
int installer_run(const char *const *argv);

#endif
