/*
 * job.h - the one update this device is busy with, as it lies on disk: job.json in
 * the state directory.  What the device does next follows from it (agent_plan.h).
 */
#ifndef DEVICE_LINK_AGENT_JOB_H
#define DEVICE_LINK_AGENT_JOB_H

#include "common/statement.h"

enum job_phase {
	JOB_NONE,
	JOB_RECEIVING,    /* the artifact comes, or is not yet verified */
	JOB_STAGED,       /* verified; waits for the gate */
	JOB_INSTALLING,   /* the installer runs */
	JOB_REBOOTING,    /* in place after a reboot, or old software after one */
	JOB_CHECKING,     /* is the new software healthy? */
	JOB_COMMITTING,   /* it is */
	JOB_ROLLING_BACK, /* it is not */
	JOB_LOOKING,      /* one of these failed: which software is in place? */
};

/* Who brought it. */
struct job_courier {
	char id[CERTIFICATE_ID_MAX + 1];
	char technician[CERTIFICATE_NAME_MAX + 1];
	struct digest certificate;
	uint8_t exporter[32];
};

/* A receipt that is to be written before anything else is done.  Its number is fixed
 * beforehand, so that there is never a second one. */
struct job_due {
	uint64_t sequence; /* 0: none */
	enum outcome outcome;
	enum error_code code;
	char reason[STATEMENT_REASON_MAX + 1];
};

struct job {
	enum job_phase phase; /* with a receipt due: once that is written */
	char deployment[STATEMENT_DEPLOYMENT_MAX + 1];
	char name[ARTIFACT_NAME_MAX + 1]; /* of the artifact */
	char before[ARTIFACT_NAME_MAX + 1];
	struct digest digest;
	uint64_t size, unpacked;
	struct digest set; /* of the TUF metadata offered with it */
	uint64_t set_size; /* bytes of them; 0: none */
	/* The set that directed the device last: changed together with the phase, in one
	 * rename, and kept when the job is over; zeros: none. */
	struct digest active;
	bool stage;                        /* install only when the gate says so */
	bool committed;                    /* the installer knows no rollback */
	bool healthy;                      /* it was to be committed */
	bool rolled_back;                  /* the reboot is to the old software */
	uint64_t tries;                    /* starts of what the phase does */
	uint64_t mismatches;               /* transfers whose digest was wrong */
	char boot[STATEMENT_BOOT_MAX + 1]; /* JOB_REBOOTING: the boot to get away from */
	enum error_code code;              /* why it is rolled back */
	char reason[STATEMENT_REASON_MAX + 1];
	struct job_courier courier;
	struct job_due due;
};

const char *job_phase_name(enum job_phase); /* "receiving", ... */

/* Forget the job, not what outlives it. */
void job_reset(struct job *);

/* The file at PATH; a missing one is a job of JOB_NONE with nothing due. */
NODISCARD bool job_load(const char *path, struct job *, struct error *);
/* A job of JOB_NONE with nothing due, of a device without an active set, removes the file. */
NODISCARD bool job_save(const char *path, const struct job *, struct error *);

#endif
