/* Where a job turns: from what was done, or could not be, to what follows. */
#include <stdio.h>
#include <string.h>

#include "device-link/agent/agent_parts.h"
#include "device-link/agent/job_log.h"

bool agent_to_commit(struct agent *agent, struct error *err)
{
	agent->job.healthy = true;
	return agent_go(agent, JOB_COMMITTING, NULL, ERROR_NONE, "", err);
}

static void note_why(struct job *job, enum error_code code, const char *why)
{
	job->code = code;
	(void)snprintf(job->reason, sizeof(job->reason), "%s", why);
	job_log_clean(job->reason);
}

bool agent_to_roll_back(
	struct agent *agent, enum error_code code, const char *why, struct error *err)
{
	note_why(&agent->job, code, why);
	return agent_go(agent, JOB_ROLLING_BACK, NULL, code, why, err);
}

/* Why it was rolled back says more than why that failed. */
bool agent_to_look(struct agent *agent, const char *why, struct error *err)
{
	char both[STATEMENT_REASON_MAX + 1], first[120];

	(void)snprintf(first, sizeof(first), "%.119s", agent->job.reason);
	job_log_clean(first); /* it may have been cut within a character */
	(void)snprintf(both, sizeof(both), "%s%s%.130s", first, first[0] == 0 ? "" : "; ", why);
	note_why(&agent->job, ERROR_FAILED, both);
	return agent_go(agent, JOB_LOOKING, NULL, ERROR_FAILED, why, err);
}

static void say_cut_short(const struct job *job, char why[STATEMENT_REASON_MAX + 1])
{
	(void)snprintf(why, STATEMENT_REASON_MAX + 1, "%s was cut short %d times",
		job_phase_name(job->phase), AGENT_TRIES);
}

bool agent_cut_short(struct agent *agent, struct error *err)
{
	char why[STATEMENT_REASON_MAX + 1];

	say_cut_short(&agent->job, why);
	return agent_to_roll_back(agent, ERROR_FAILED, why, err);
}

bool agent_cut_short_again(struct agent *agent, struct error *err)
{
	char why[STATEMENT_REASON_MAX + 1];

	say_cut_short(&agent->job, why);
	return agent_to_look(agent, why, err);
}

bool agent_give_up(struct agent *agent, struct error *err)
{
	static const enum outcome failed = OUTCOME_FAILED;
	char why[STATEMENT_REASON_MAX + 1];

	if (agent->job.committed)
		(void)snprintf(why, sizeof(why),
			"the new software is not healthy, and its installer knows no rollback");
	else
		say_cut_short(&agent->job, why);
	return agent_go(agent, JOB_NONE, &failed, ERROR_FAILED, why, err);
}

bool agent_rolled_back(struct agent *agent, struct error *err)
{
	static const enum outcome outcome = OUTCOME_ROLLED_BACK;
	char why[STATEMENT_REASON_MAX + 1];

	memcpy(why, agent->job.reason, sizeof(why));
	return agent_go(agent, JOB_NONE, &outcome, agent->job.code, why, err);
}

bool agent_after_reboot(struct agent *agent, struct error *err)
{
	if (agent->job.rolled_back)
		return agent_rolled_back(agent, err);
	return agent_go(agent, JOB_CHECKING, NULL, ERROR_NONE, "", err);
}
