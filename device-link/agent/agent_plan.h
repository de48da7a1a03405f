/*
 * agent_plan.h - what the device does next, as a function of what it knows.
 *
 * Pure: no I/O and no clock, so that every row of the tables is a unit test.  All
 * that must survive a power cut is in the job (job.h); the rest is found out again.
 */
#ifndef DEVICE_LINK_AGENT_AGENT_PLAN_H
#define DEVICE_LINK_AGENT_AGENT_PLAN_H

#include "device-link/agent/installer.h"
#include "device-link/agent/job.h"

enum {
	AGENT_TRIES = 3, /* starts of an installer, a health hook, a reboot */
};

enum agent_gate {
	GATE_UNASKED,
	GATE_NOW,
	GATE_LATER, /* or no: asked again at the next occasion */
};

struct agent_facts {
	enum job_phase phase;
	bool due;      /* a receipt is */
	bool surveyed; /* since it is due, and since the agent started */
	bool working;  /* a child is under way: wait for it */

	/* JOB_RECEIVING */
	bool carried;               /* a courier that offered it is here */
	bool opened;                /* the spool file is, and its content hashed */
	bool whole;                 /* the spool file has all bytes */
	bool stuck;                 /* it could not be verified, for a reason that may pass */
	bool undirected;            /* metadata must vouch for it, and have not yet */
	bool set_opened, set_whole; /* the same of their file */

	bool stage; /* and there is no gate: wait for an offer without that flag */
	enum agent_gate gate;
	bool has_health;
	bool rebooted; /* since the reboot was due */
	bool committed, rolled_back;
	uint64_t tries;
};

enum agent_action {
	ACTION_REST, /* until something happens */
	ACTION_SURVEY,
	ACTION_WRITE_RECEIPT,
	ACTION_ASK_GATE, /* the question goes by the phase */
	ACTION_OPEN_SET, /* of metadata, and hash what is there */
	ACTION_JUDGE,
	ACTION_OPEN_SPOOL, /* and hash what is there */
	ACTION_VERIFY,
	ACTION_BEGIN, /* go to JOB_INSTALLING */
	ACTION_INSTALL,
	ACTION_REBOOT,
	ACTION_AFTER_REBOOT, /* go on, or end as rolled back */
	ACTION_CHECK,
	ACTION_TO_COMMIT, /* go to JOB_COMMITTING */
	ACTION_COMMIT,
	ACTION_ROLL_BACK,
	ACTION_TO_ROLL_BACK, /* tried too often: go to JOB_ROLLING_BACK */
	ACTION_TO_LOOK,      /* tried too often: go to JOB_LOOKING */
	ACTION_LOOK,
	ACTION_GIVE_UP, /* end as FAILED */
};

enum agent_action agent_plan(const struct agent_facts *);

/* What a child did. */
enum agent_work {
	WORK_INSTALL,
	WORK_COMMIT,
	WORK_ROLL_BACK,
	WORK_CHECK,
	WORK_LOOK,         /* after an installation or a rollback that failed */
	WORK_LOOK_HEALTHY, /* after a commit that failed */
};

/* What follows from how it ended. */
struct agent_step {
	enum job_phase next;
	bool receipt; /* one is due: */
	enum outcome outcome;
	enum error_code code;        /* of the receipt, or of the rollback that follows */
	bool committed, rolled_back; /* become true in the job */
	const char *why;             /* one clause; NULL: nothing to say */
};

/* EXITED false: it was killed, or ran out of time.  STATUS is an installer_status, an
 * installer_running, or of the health hook. */
struct agent_step agent_plan_after(enum agent_work, bool exited, int status);

#endif
