/* What follows when a child has ended. */
#include <stdio.h>
#include <string.h>

#include "common/plan.h"
#include "device-link/agent/agent_parts.h"
#include "device-link/agent/job_log.h"
#include "device-link/agent/verified.h"

enum { GATE_LATER_STATUS = 75 /* EX_TEMPFAIL */ };

/* The first line it printed, or the last one, as a clause. */
static void first_line(struct bytes text, char *line, size_t room)
{
	const uint8_t *const end = text.len == 0 ? NULL : memchr(text.at, '\n', text.len);
	const size_t len = end == NULL ? text.len : (size_t)(end - text.at);

	(void)snprintf(line, room, "%.*s", (int)(len < room ? len : room - 1),
		len == 0 ? "" : (const char *)text.at);
}

static void last_line(struct bytes text, char *line, size_t room)
{
	while (text.len > 0 && text.at[text.len - 1] == '\n')
		text.len--;

	for (size_t start = text.len; start > 0; start--)
		if (text.at[start - 1] == '\n') {
			text.at += start;
			text.len -= start;
			break;
		}
	first_line(text, line, room);
}

static bool after_gate(struct agent *agent, const struct process_end *end, struct error *err)
{
	(void)err;
	first_line(
		process_output(agent->worker), agent->gate_reason, sizeof(agent->gate_reason));
	job_log_clean(agent->gate_reason); /* it goes into the log, too */
	agent->gate = end->exited && end->status == 0 ? GATE_NOW : GATE_LATER;
	if (agent->gate == GATE_NOW)
		return true;
	if (agent->gate_reason[0] == 0)
		(void)snprintf(agent->gate_reason, sizeof(agent->gate_reason),
			"the device's gate says %s",
			end->status == GATE_LATER_STATUS ? "later" : "no");
	agent->gate_ms = agent->now_ms + AGENT_GATE_MS;
	agent_tell_phase(agent, agent->gate_reason);
	agent_log(agent, "gate: %s", agent->gate_reason);
	return true;
}

/* The courier's word for it does not count any more. */
static bool take_name(struct agent *agent, struct error *err)
{
	CLEANUP(artifact_free) struct artifact artifact = {0};

	if (!verified_load(agent->verified_path, &artifact, err))
		return false;
	(void)snprintf(agent->job.name, sizeof(agent->job.name), "%s", artifact.name);
	return true;
}

static bool after_judge(struct agent *agent, const struct process_end *end, struct error *err)
{
	char line[400];

	last_line(process_errors(agent->worker), line, sizeof(line));
	return agent_tuf_after(agent, end, line, err);
}

/* All of it is good: from now on it is this artifact, and this set. */
static bool accept_both(struct agent *agent, struct error *err)
{
	struct error why = {0};

	if (!agent_tuf_again(agent, err))
		return false;
	if (!agent_tuf_keep(agent, &why)) {
		agent_spool_failed(agent, &why);
		return true;
	}
	spool_free(agent->spool);
	agent->spool = NULL;
	if (!take_name(agent, err)
		|| !agent_go(agent, JOB_STAGED, NULL, ERROR_NONE, "verified", err))
		return false;
	agent_tuf_sweep(agent);
	return true;
}

static bool after_verify(struct agent *agent, const struct process_end *end, struct error *err)
{
	struct error why = {.code = ERROR_FAILED};
	char line[400];

	last_line(process_errors(agent->worker), line, sizeof(line));
	if (end->exited && end->status == 0)
		return accept_both(agent, err);
	if (end->exited && end->status == WORK_UNDIRECTED)
		return agent_tuf_judged(agent, err);
	(void)error_set(&why, end->exited ? (enum error_code)end->status : ERROR_FAILED, "%s",
		line[0] == 0 ? "verifying did not end by itself" : line);
	if (plan_terminal(why.code))
		return agent_refuse(agent, &why, err);
	agent->stuck = true;
	agent_tell_phase(agent, why.text);
	agent_log(agent, "cannot verify now: %s", why.text);
	return true;
}

static bool after_reboot_command(
	struct agent *agent, const struct process_end *end, struct error *err)
{
	(void)err;
	if (end->exited && end->status == 0)
		return true;
	agent->reboot_ms = agent->now_ms + AGENT_RETRY_MS;
	agent_log(agent, "the reboot command failed");
	return true;
}

/* The update is in place and healthy: from now on nothing older will do. */
static bool raise_marks(struct agent *agent, struct error *err)
{
	CLEANUP(artifact_free) struct artifact artifact = {0};
	uint64_t counter = 0;
	bool found = false;

	if (!verified_load(agent->verified_path, &artifact, err)
		|| !plan_counter(&artifact, agent->settings->counter, &counter, &found, err)
		|| !survey_apply(agent->settings, &artifact, err))
		return false;
	if (!found || counter <= agent->marks.counter)
		return true;
	agent->marks.counter = counter;
	return marks_save(agent->marks_path, &agent->marks, err);
}

static bool after_work(struct agent *agent, enum agent_work work, const struct process_end *end,
	struct error *err)
{
	const struct agent_step step = agent_plan_after(work, end->exited, end->status);
	struct job *const job = &agent->job;
	char line[160], why[STATEMENT_REASON_MAX + 1] = "";

	last_line(process_errors(agent->worker), line, sizeof(line));
	if (step.why != NULL)
		(void)snprintf(
			why, sizeof(why), "%s%s%s", step.why, line[0] == 0 ? "" : ": ", line);
	job->committed = job->committed || step.committed;
	job->rolled_back = job->rolled_back || step.rolled_back;
	if (step.receipt && step.outcome == OUTCOME_CONFIRMED && !raise_marks(agent, err))
		return false;
	if (work == WORK_ROLL_BACK && step.outcome == OUTCOME_ROLLED_BACK && step.receipt)
		return agent_rolled_back(agent, err);
	if (step.next == JOB_ROLLING_BACK)
		return agent_to_roll_back(agent, step.code, why, err);
	if (step.next == JOB_LOOKING)
		return agent_to_look(agent, why, err);
	return agent_go(
		agent, step.next, step.receipt ? &step.outcome : NULL, step.code, why, err);
}

static bool after_install(struct agent *agent, const struct process_end *end, struct error *err)
{
	return after_work(agent, WORK_INSTALL, end, err);
}

static bool after_commit(struct agent *agent, const struct process_end *end, struct error *err)
{
	return after_work(agent, WORK_COMMIT, end, err);
}

static bool after_roll_back(
	struct agent *agent, const struct process_end *end, struct error *err)
{
	return after_work(agent, WORK_ROLL_BACK, end, err);
}

/* Unfit as it is, the new software is what the device provides now. */
static bool own_up(struct agent *agent, struct error *err)
{
	CLEANUP(artifact_free) struct artifact artifact = {0};

	return verified_load(agent->verified_path, &artifact, err)
		&& survey_apply(agent->settings, &artifact, err);
}

static bool after_look(struct agent *agent, const struct process_end *end, struct error *err)
{
	const struct agent_step step = agent_plan_after(
		agent->job.healthy ? WORK_LOOK_HEALTHY : WORK_LOOK, end->exited, end->status);
	const bool in_place = end->exited && end->status == INSTALLER_RUNS_NEW;
	char why[STATEMENT_REASON_MAX + 1] = "";

	if (step.why != NULL)
		(void)snprintf(why, sizeof(why), "%s: %.200s", step.why, agent->job.reason);
	if (step.outcome == OUTCOME_CONFIRMED && !raise_marks(agent, err))
		return false;
	if (step.outcome == OUTCOME_FAILED && in_place && !own_up(agent, err))
		return false;
	return agent_go(agent, JOB_NONE, &step.outcome, step.code, why, err);
}

static bool after_check(struct agent *agent, const struct process_end *end, struct error *err)
{
	return after_work(agent, WORK_CHECK, end, err);
}

static const struct {
	const char *name;
	bool (*after)(struct agent *, const struct process_end *, struct error *);
} purposes[] = {
	[PURPOSE_NONE] = {"nothing", NULL},
	[PURPOSE_GATE] = {"gate", after_gate},
	[PURPOSE_JUDGE] = {"judge", after_judge},
	[PURPOSE_VERIFY] = {"verify", after_verify},
	[PURPOSE_INSTALL] = {"install", after_install},
	[PURPOSE_COMMIT] = {"commit", after_commit},
	[PURPOSE_ROLL_BACK] = {"rollback", after_roll_back},
	[PURPOSE_LOOK] = {"look", after_look},
	[PURPOSE_CHECK] = {"health", after_check},
	[PURPOSE_REBOOT] = {"reboot", after_reboot_command},
};

/* A full disk costs the lines, not the job. */
static void log_output(struct agent *agent, const char *name)
{
	struct error why = {0};

	if (!job_log_output(agent->log_path, name, process_output(agent->worker), &why)
		|| !job_log_output(agent->log_path, name, process_errors(agent->worker), &why))
		agent_say("%s", why.text);
}

bool agent_worker_step(struct agent *agent, struct error *err)
{
	struct process_end end = {0};
	bool ended = false;

	if (agent->worker == NULL)
		return true;
	if (!process_step(agent->worker, agent->now_ms, &ended, &end, err))
		return false;
	if (!ended)
		return true;

	const enum agent_purpose purpose = agent->purpose;

	agent->purpose = PURPOSE_NONE;

	log_output(agent, purposes[purpose].name);

	const bool ok = purposes[purpose].after(agent, &end, err);

	process_free(agent->worker);
	agent->worker = NULL;
	return ok;
}
