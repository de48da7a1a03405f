#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/file.h"
#include "device-link/agent/agent_parts.h"
#include "device-link/agent/job_log.h"

void agent_log(struct agent *agent, const char *fmt, ...)
{
	char text[1024];
	struct error why = {0};
	va_list arguments;

	va_start(arguments, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, arguments);
	va_end(arguments);
	agent_say("%s: %s", agent->job.deployment, text);
	if (!job_log_say(agent->log_path, text, &why))
		agent_say("%s", why.text);
}

/* ---- what there is to say ---- */

static enum message_phase waiting_phase(const struct agent *agent)
{
	return agent->gate == GATE_LATER ? MESSAGE_PHASE_WAITING : MESSAGE_PHASE_VERIFYING;
}

static enum message_phase receiving_phase(const struct agent *agent)
{
	if (agent->stuck || agent->gate == GATE_LATER)
		return MESSAGE_PHASE_WAITING;
	return agent->purpose == PURPOSE_VERIFY || agent->purpose == PURPOSE_JUDGE
		? MESSAGE_PHASE_VERIFYING
		: MESSAGE_PHASE_RECEIVING;
}

enum message_phase agent_phase(const struct agent *agent)
{
	static const enum message_phase phases[] = {
		[JOB_NONE] = MESSAGE_PHASE_IDLE,
		[JOB_RECEIVING] = MESSAGE_PHASE_RECEIVING,
		[JOB_STAGED] = MESSAGE_PHASE_STAGED,
		[JOB_INSTALLING] = MESSAGE_PHASE_INSTALLING,
		[JOB_REBOOTING] = MESSAGE_PHASE_REBOOTING,
		[JOB_CHECKING] = MESSAGE_PHASE_CHECKING,
		[JOB_COMMITTING] = MESSAGE_PHASE_COMMITTING,
		[JOB_ROLLING_BACK] = MESSAGE_PHASE_ROLLING_BACK,
		[JOB_LOOKING] = MESSAGE_PHASE_ROLLING_BACK,
	};
	const enum job_phase phase = agent->job.phase;

	if (phase == JOB_NONE && agent->job.due.sequence > 0)
		return MESSAGE_PHASE_COMMITTING; /* its last receipt is being written */
	if (phase == JOB_LOOKING && agent->job.healthy)
		return MESSAGE_PHASE_COMMITTING;
	if (phase == JOB_RECEIVING)
		return receiving_phase(agent);
	if (phase == JOB_STAGED && !agent->job.stage)
		return waiting_phase(agent);
	if (phase == JOB_REBOOTING && agent->reboot_ms == 0)
		return agent->gate == GATE_LATER ? MESSAGE_PHASE_WAITING
						 : MESSAGE_PHASE_INSTALLING;
	return phases[phase];
}

static struct agent_saying *add_saying(struct agent *agent)
{
	if (agent->saying_count == AGENT_SAYINGS)
		agent->saying_count--; /* the newest matters more than the one before */

	struct agent_saying *const saying = &agent->sayings[agent->saying_count++];

	*saying = (struct agent_saying){0};
	return saying;
}

static void tell(struct agent *agent, enum message_phase phase, enum error_code code,
	const char *deployment, const char *text)
{
	if (!agent_line_visited(agent))
		return;

	struct agent_saying *const saying = add_saying(agent);

	saying->phase = phase;
	saying->code = code;
	saying->wait_s = phase == MESSAGE_PHASE_REBOOTING ? AGENT_REBOOT_MS / 1000 : 0;
	if (phase != MESSAGE_PHASE_IDLE)
		(void)snprintf(
			saying->deployment, sizeof(saying->deployment), "%s", deployment);
	(void)snprintf(saying->text, sizeof(saying->text), "%s", text);
	job_log_clean(saying->text);
}

void agent_tell(
	struct agent *agent, enum message_phase phase, const char *deployment, const char *text)
{
	tell(agent, phase, ERROR_NONE, deployment, text);
}

void agent_tell_waiting(struct agent *agent, enum error_code code, const char *text)
{
	tell(agent, MESSAGE_PHASE_WAITING, (int)code <= MESSAGE_CODE_MAX ? code : ERROR_FAILED,
		agent->job.deployment, text);
}

void agent_tell_phase(struct agent *agent, const char *text)
{
	agent_tell(agent, agent_phase(agent), agent->job.deployment, text);
}

void agent_tell_unsaid(struct agent *agent, const char *deployment, const char *why)
{
	char text[MESSAGE_TEXT_MAX + 1];

	(void)snprintf(text, sizeof(text),
		"refused: %.300s; no receipt: too many refusals are kept here already", why);
	agent_tell(agent, MESSAGE_PHASE_WAITING, deployment, text);
}

void agent_tell_receipt(struct agent *agent, uint64_t sequence)
{
	if (agent_line_visited(agent) && agent->settings->report != AGENT_REPORT_NONE)
		add_saying(agent)->sequence = sequence;
}

/* ---- the job, on disk ---- */

bool agent_save_job(struct agent *agent, struct error *err)
{
	return job_save(agent->job_path, &agent->job, err);
}

bool agent_go(struct agent *agent, enum job_phase phase, const enum outcome *outcome,
	enum error_code code, const char *reason, struct error *err)
{
	struct job *const job = &agent->job;

	job->phase = phase;
	job->tries = 0;
	agent->gate = GATE_UNASKED;
	agent->stuck = false;
	if (phase == JOB_REBOOTING)
		memcpy(job->boot, agent->boot, sizeof(job->boot));
	if (outcome != NULL) {
		job->due = (struct job_due){.sequence = ring_newest(&agent->ring) + 1,
			.outcome = *outcome,
			.code = code};
		(void)snprintf(job->due.reason, sizeof(job->due.reason), "%s", reason);
		job_log_clean(job->due.reason);
		agent->due_surveyed = false;
	}
	if (!agent_save_job(agent, err))
		return false;
	if (outcome == NULL)
		agent_tell_phase(agent, reason);
	agent_log(agent, "%s%s%s%s%s", outcome == NULL ? "" : outcome_name(*outcome),
		outcome == NULL || phase == JOB_NONE ? "" : ", ",
		phase == JOB_NONE ? "" : job_phase_name(phase), reason[0] == 0 ? "" : ": ",
		reason);
	return true;
}

/* ---- receipts ---- */

static void fill_job(
	const struct job *job, const struct survey *survey, struct receipt *receipt)
{
	const bool installed = job->due.outcome == OUTCOME_INSTALLED;

	memcpy(receipt->deployment, job->deployment, sizeof(receipt->deployment));
	memcpy(receipt->artifact, job->name, sizeof(receipt->artifact));
	memcpy(receipt->before, job->before, sizeof(receipt->before));
	/* Provides change only with the commit. */
	(void)snprintf(receipt->after, sizeof(receipt->after), "%s",
		installed ? job->name : survey->artifact_name);
	receipt->digest = job->digest;
	receipt->sequence = job->due.sequence;
	receipt->outcome = job->due.outcome;
	receipt->code = job->due.code;
	memcpy(receipt->reason, job->due.reason, sizeof(receipt->reason));
	memcpy(receipt->courier, job->courier.id, sizeof(receipt->courier));
	memcpy(receipt->technician, job->courier.technician, sizeof(receipt->technician));
	receipt->courier_certificate = job->courier.certificate;
	memcpy(receipt->exporter, job->courier.exporter, sizeof(receipt->exporter));
}

static bool append_receipt(struct agent *agent, struct error *err)
{
	CLEANUP(buf_free) struct buf log = {0}, inventory = {0};
	struct receipt receipt = {.key = agent->trust.fingerprint};

	memcpy(receipt.device, agent->trust.holder.id, sizeof(receipt.device));
	fill_job(&agent->job, &agent->survey, &receipt);
	return describe_time(agent->settings->boot_id, agent->marks.floor, &receipt.time, err)
		&& (agent->settings->report != AGENT_REPORT_FULL
			|| job_log_read(agent->log_path, &log, err))
		&& describe_signed(agent->settings, &agent->trust, &agent->marks,
			&agent->survey, receipt.sequence, &inventory, err)
		&& ring_append(&agent->ring, &receipt, agent->trust.key, buf_bytes(&log),
			buf_bytes(&inventory), err);
}

bool agent_clear_job(struct agent *agent, struct error *err)
{
	job_reset(&agent->job);
	spool_free(agent->spool);
	agent->spool = NULL;
	agent->carried = false;
	return agent_save_job(agent, err) && spool_clear(agent->settings->spool, err)
		&& agent_tuf_clear(agent, err) && work_remove_tree(agent->work_path, err)
		&& file_remove(agent->verified_path, err) && file_remove(agent->log_path, err);
}

void agent_tell_end(struct agent *agent, const char *deployment, uint64_t sequence)
{
	agent_tell_receipt(agent, sequence);
	/* The courier would wait for a receipt that does not come. */
	if (agent->settings->report == AGENT_REPORT_NONE)
		agent_tell(agent, MESSAGE_PHASE_WAITING, deployment,
			"it has ended; this site lets no outcome out");
	else
		agent_tell_phase(agent, "");
}

bool agent_write_receipt(struct agent *agent, struct error *err)
{
	const uint64_t sequence = agent->job.due.sequence;
	const bool over = agent->job.phase == JOB_NONE;
	char deployment[STATEMENT_DEPLOYMENT_MAX + 1];

	memcpy(deployment, agent->job.deployment, sizeof(deployment));
	/* It is there already when only the job was not saved before a power cut. */
	if (ring_newest(&agent->ring) < sequence && !append_receipt(agent, err))
		return false;
	agent->job.due = (struct job_due){0};
	if (over ? !agent_clear_job(agent, err) : !agent_save_job(agent, err))
		return false;
	if (over) {
		agent_tell_end(agent, deployment, sequence);
		return true;
	}
	agent_tell_receipt(agent, sequence);
	agent_tell_phase(agent, "");
	return true;
}
