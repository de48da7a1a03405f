#include "device-link/agent/agent_plan.h"

/* Metadata come first, and are judged before a byte of the artifact is asked for. */
static enum agent_action plan_directing(const struct agent_facts *facts)
{
	if (facts->set_whole)
		return facts->set_opened ? ACTION_JUDGE : ACTION_OPEN_SET;
	if (!facts->carried || facts->gate == GATE_LATER)
		return ACTION_REST;
	if (facts->gate == GATE_UNASKED)
		return ACTION_ASK_GATE;
	return facts->set_opened ? ACTION_REST : ACTION_OPEN_SET;
}

static enum agent_action plan_receiving(const struct agent_facts *facts)
{
	if (facts->stuck)
		return ACTION_REST;
	if (facts->undirected)
		return plan_directing(facts);
	if (facts->whole)
		return facts->opened ? ACTION_VERIFY : ACTION_OPEN_SPOOL;
	if (!facts->carried || facts->gate == GATE_LATER)
		return ACTION_REST;
	if (facts->gate == GATE_UNASKED)
		return ACTION_ASK_GATE;
	return facts->opened ? ACTION_REST : ACTION_OPEN_SPOOL;
}

static enum agent_action plan_staged(const struct agent_facts *facts)
{
	if (facts->stage || facts->gate == GATE_LATER)
		return ACTION_REST;
	return facts->gate == GATE_UNASKED ? ACTION_ASK_GATE : ACTION_BEGIN;
}

static enum agent_action plan_installing(const struct agent_facts *facts)
{
	return facts->tries < AGENT_TRIES ? ACTION_INSTALL : ACTION_TO_ROLL_BACK;
}

static enum agent_action plan_rebooting(const struct agent_facts *facts)
{
	if (facts->rebooted)
		return ACTION_AFTER_REBOOT;
	if (facts->tries >= AGENT_TRIES)
		return facts->rolled_back ? ACTION_TO_LOOK : ACTION_TO_ROLL_BACK;
	/* Once it was commanded nobody is asked again. */
	if (facts->tries == 0 && facts->gate == GATE_UNASKED)
		return ACTION_ASK_GATE;
	return facts->tries == 0 && facts->gate == GATE_LATER ? ACTION_REST : ACTION_REBOOT;
}

static enum agent_action plan_checking(const struct agent_facts *facts)
{
	if (!facts->has_health)
		return ACTION_TO_COMMIT;
	return facts->tries < AGENT_TRIES ? ACTION_CHECK : ACTION_TO_ROLL_BACK;
}

static enum agent_action plan_committing(const struct agent_facts *facts)
{
	return facts->tries < AGENT_TRIES ? ACTION_COMMIT : ACTION_TO_LOOK;
}

static enum agent_action plan_rolling_back(const struct agent_facts *facts)
{
	if (facts->committed)
		return ACTION_GIVE_UP;
	return facts->tries < AGENT_TRIES ? ACTION_ROLL_BACK : ACTION_TO_LOOK;
}

static enum agent_action plan_looking(const struct agent_facts *facts)
{
	return facts->tries < AGENT_TRIES ? ACTION_LOOK : ACTION_GIVE_UP;
}

static enum agent_action plan_none(const struct agent_facts *facts)
{
	(void)facts;
	return ACTION_REST;
}

enum agent_action agent_plan(const struct agent_facts *facts)
{
	static enum agent_action (*const plans[])(const struct agent_facts *) = {
		[JOB_NONE] = plan_none,
		[JOB_RECEIVING] = plan_receiving,
		[JOB_STAGED] = plan_staged,
		[JOB_INSTALLING] = plan_installing,
		[JOB_REBOOTING] = plan_rebooting,
		[JOB_CHECKING] = plan_checking,
		[JOB_COMMITTING] = plan_committing,
		[JOB_ROLLING_BACK] = plan_rolling_back,
		[JOB_LOOKING] = plan_looking,
	};

	if (facts->working)
		return ACTION_REST;
	if (!facts->surveyed)
		return ACTION_SURVEY;
	if (facts->due)
		return ACTION_WRITE_RECEIPT;
	return plans[facts->phase](facts);
}

/* ---- after a child ended ---- */

enum { ANY = -1, KILLED = -2 };

/* FAILED says no more than that. */
#define LOST                                                                                   \
	{                                                                                      \
		.next = JOB_NONE, .receipt = true, .outcome = OUTCOME_FAILED,                  \
		.code = ERROR_FAILED, .why = "it cannot be known what is in place"             \
	}

static const struct row {
	enum agent_work work;
	int status;
	struct agent_step step;
} rows[] = {
	{WORK_INSTALL, INSTALLER_DONE,
		{.next = JOB_CHECKING, .receipt = true, .outcome = OUTCOME_INSTALLED}},
	{WORK_INSTALL, INSTALLER_COMMITTED,
		{.next = JOB_CHECKING,
			.receipt = true,
			.outcome = OUTCOME_INSTALLED,
			.committed = true}},
	{WORK_INSTALL, INSTALLER_REBOOT,
		{.next = JOB_REBOOTING, .receipt = true, .outcome = OUTCOME_INSTALLED}},
	{WORK_INSTALL, INSTALLER_BROKEN,
		{.next = JOB_LOOKING,
			.code = ERROR_FAILED,
			.why = "the installer left neither old nor new software"}},
	{WORK_INSTALL, INSTALLER_KILLED,
		{.next = JOB_ROLLING_BACK,
			.code = ERROR_FAILED,
			.why = "the installer was killed"}},
	{WORK_INSTALL, KILLED,
		{.next = JOB_ROLLING_BACK,
			.code = ERROR_FAILED,
			.why = "the installer did not end by itself"}},
	{WORK_INSTALL, ANY,
		{.next = JOB_NONE,
			.receipt = true,
			.outcome = OUTCOME_ROLLED_BACK,
			.code = ERROR_FAILED,
			.why = "the installer failed"}},

	{WORK_CHECK, 0, {.next = JOB_COMMITTING}},
	{WORK_CHECK, KILLED,
		{.next = JOB_ROLLING_BACK,
			.code = ERROR_FAILED,
			.why = "the health hook did not end by itself"}},
	{WORK_CHECK, ANY,
		{.next = JOB_ROLLING_BACK,
			.code = ERROR_FAILED,
			.why = "the health hook says no"}},

	{WORK_COMMIT, INSTALLER_DONE,
		{.next = JOB_NONE, .receipt = true, .outcome = OUTCOME_CONFIRMED}},
	{WORK_COMMIT, ANY,
		{.next = JOB_LOOKING,
			.code = ERROR_FAILED,
			.why = "the installer could not commit"}},
	{WORK_COMMIT, KILLED,
		{.next = JOB_LOOKING,
			.code = ERROR_FAILED,
			.why = "the commit did not end by itself"}},

	{WORK_ROLL_BACK, INSTALLER_DONE,
		{.next = JOB_NONE, .receipt = true, .outcome = OUTCOME_ROLLED_BACK}},
	{WORK_ROLL_BACK, INSTALLER_REBOOT, {.next = JOB_REBOOTING, .rolled_back = true}},
	{WORK_ROLL_BACK, KILLED,
		{.next = JOB_LOOKING,
			.code = ERROR_FAILED,
			.why = "the rollback did not end by itself"}},
	{WORK_ROLL_BACK, ANY,
		{.next = JOB_LOOKING, .code = ERROR_FAILED, .why = "the rollback failed"}},

	/* What an installer says failed is not what the statement is about: that is what is
	 * in place. */
	{WORK_LOOK, INSTALLER_RUNS_OLD,
		{.next = JOB_NONE,
			.receipt = true,
			.outcome = OUTCOME_ROLLED_BACK,
			.code = ERROR_FAILED,
			.why = "the old software is in place"}},
	{WORK_LOOK, INSTALLER_RUNS_NEW,
		{.next = JOB_NONE,
			.receipt = true,
			.outcome = OUTCOME_FAILED,
			.code = ERROR_FAILED,
			.why = "the new software is in place, unfit as it is"}},
	{WORK_LOOK, ANY, LOST},
	{WORK_LOOK, KILLED, LOST},
	{WORK_LOOK_HEALTHY, INSTALLER_RUNS_NEW,
		{.next = JOB_NONE, .receipt = true, .outcome = OUTCOME_CONFIRMED}},
	{WORK_LOOK_HEALTHY, INSTALLER_RUNS_OLD,
		{.next = JOB_NONE,
			.receipt = true,
			.outcome = OUTCOME_ROLLED_BACK,
			.code = ERROR_FAILED,
			.why = "the old software is in place"}},
	{WORK_LOOK_HEALTHY, ANY, LOST},
	{WORK_LOOK_HEALTHY, KILLED, LOST},
};

struct agent_step agent_plan_after(enum agent_work work, bool exited, int status)
{
	const int wanted = exited ? status : KILLED;
	size_t i = 0;

	while (rows[i].work != work
		|| (rows[i].status != wanted && (rows[i].status != ANY || wanted == KILLED)))
		i++; /* each kind of work has a row for ANY and one for KILLED */
	return rows[i].step;
}
