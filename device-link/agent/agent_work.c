/* The job: facts, what follows from them, and the children that do it. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/file.h"
#include "common/plan.h"
#include "device-link/agent/agent_parts.h"
#include "device-link/agent/job_log.h"
#include "device-link/agent/verified.h"

enum { GATE_LATER_STATUS = 75 /* EX_TEMPFAIL */ };

/* ---- what is known ---- */

static bool file_is_whole(const struct agent *agent)
{
	struct stat there;

	if (agent->spool != NULL)
		return spool_whole(agent->spool);
	return stat(agent->file_path, &there) == 0
		&& (uint64_t)there.st_size == agent->job.size;
}

static struct agent_facts facts_of(const struct agent *agent)
{
	const struct job *const job = &agent->job;
	const bool opening = agent->spool != NULL && !agent->hashed;
	const bool due = job->due.sequence > 0;

	return (struct agent_facts){
		.phase = job->phase,
		.due = due,
		.surveyed = agent->has_survey && (!due || agent->due_surveyed),
		.working = agent->worker != NULL || agent->surveyor != NULL || opening
			|| agent->reboot_ms > 0,
		.carried = agent->carried,
		.opened = agent->spool != NULL && agent->hashed,
		.whole = job->phase == JOB_RECEIVING && file_is_whole(agent),
		.stuck = agent->stuck,
		.stage = job->stage && agent->settings->gate == NULL,
		.gate = agent->settings->gate == NULL ? GATE_NOW : agent->gate,
		.has_health = agent->settings->health != NULL,
		.rebooted = strcmp(job->boot, agent->boot) != 0,
		.committed = job->committed,
		.rolled_back = job->rolled_back,
		.tries = job->tries,
	};
}

static struct work_order order_of(const struct agent *agent)
{
	return (struct work_order){
		.settings = agent->settings,
		.trust = &agent->trust,
		.job = &agent->job,
		.file = agent->file_path,
		.directory = agent->work_path,
		.fact = agent->verified_path,
	};
}

/* ---- children ---- */

/* ARGV, with WORD after it if not NULL, and the job in its environment. */
static bool run_hook(struct agent *agent, const char *const *argv, const char *word,
	int timeout_s, enum agent_purpose purpose, struct error *err)
{
	const char *words[PROCESS_ARGUMENTS_MAX + 1];
	struct work_environment environment;
	size_t count = 0;

	for (; argv[count] != NULL && count < PROCESS_ARGUMENTS_MAX - 1; count++)
		words[count] = argv[count];
	if (word != NULL)
		words[count++] = word;
	words[count] = NULL;
	work_environment(&agent->job, &environment);
	agent->purpose = purpose;

	const struct process_how how = {.argv = words,
		.environment = environment.at,
		.deadline_ms = agent->now_ms + 1000LL * timeout_s};

	return process_start(&how, &agent->worker, err);
}

static bool run_work(
	struct agent *agent, int (*run)(void *), enum agent_purpose purpose, struct error *err)
{
	struct work_order order = order_of(agent);
	int timeout_s = 0;

	if (!work_timeout(&order, &timeout_s, err))
		return false;
	agent->purpose = purpose;
	return process_start_function(
		run, &order, agent->now_ms + 1000LL * timeout_s, &agent->worker, err);
}

/* Count the start before it: what kills the device must not be tried for ever. */
static bool count_try(struct agent *agent, struct error *err)
{
	agent->job.tries++;
	return agent_save_job(agent, err);
}

/* ---- actions ---- */

static bool do_rest(struct agent *agent, struct error *err)
{
	(void)agent;
	(void)err;
	return true;
}

static bool do_ask_gate(struct agent *agent, struct error *err)
{
	static const char *const questions[] = {
		[JOB_RECEIVING] = "transfer",
		[JOB_STAGED] = "install",
		[JOB_REBOOTING] = "reboot",
	};

	return run_hook(agent, agent->settings->gate, questions[agent->job.phase],
		agent->settings->hook_timeout_s, PURPOSE_GATE, err);
}

static bool do_open_spool(struct agent *agent, struct error *err)
{
	agent->hashed = false;
	return spool_open(agent->settings->spool, &agent->job.digest, agent->job.size,
		&agent->spool, err);
}

static bool refuse(struct agent *agent, const struct error *why, struct error *err)
{
	static const enum outcome refused = OUTCOME_REFUSED;

	return agent_go(agent, JOB_NONE, &refused, why->code, why->text, err);
}

/* All bytes are there, but they are others than the digest says. */
static bool start_again(struct agent *agent, struct error *err)
{
	struct error why = {0};

	spool_free(agent->spool);
	agent->spool = NULL;
	agent->asked = 0;
	agent->job.mismatches++;
	if (!spool_clear(agent->settings->spool, err) || !agent_save_job(agent, err)
		|| !agent_log(agent, err, "what came has another digest than the offer"))
		return false;
	if (agent->job.mismatches < 2)
		return true;
	(void)error_set(
		&why, ERROR_SIGNATURE, "what came has another digest than the offer, twice");
	return refuse(agent, &why, err);
}

static bool do_verify(struct agent *agent, struct error *err)
{
	enum { VERIFY_TIMEOUT_MS = 3600 * 1000 };
	CLEANUP(inventory_free) struct inventory inventory = {0};
	struct work_order order = order_of(agent);
	bool matches = false;

	if (!spool_matches(agent->spool, &matches, err))
		return false;
	if (!matches)
		return start_again(agent, err);
	if (!describe_inventory(agent->settings, &agent->trust, &agent->marks, &agent->survey,
		    ring_newest(&agent->ring), &inventory, err))
		return false;
	inventory.space += agent->job.size; /* the file is there already */
	order.inventory = &inventory;
	agent->purpose = PURPOSE_VERIFY;
	agent_tell_phase(agent, "");
	return process_start_function(
		work_verify, &order, agent->now_ms + VERIFY_TIMEOUT_MS, &agent->worker, err);
}

static bool do_begin(struct agent *agent, struct error *err)
{
	(void)snprintf(agent->job.before, sizeof(agent->job.before), "%s",
		agent->survey.artifact_name);
	return work_remove_tree(agent->work_path, err)
		&& agent_go(agent, JOB_INSTALLING, NULL, ERROR_NONE, "", err);
}

static bool do_install(struct agent *agent, struct error *err)
{
	return count_try(agent, err) && run_work(agent, work_install, PURPOSE_INSTALL, err);
}

static bool do_commit(struct agent *agent, struct error *err)
{
	return count_try(agent, err) && run_work(agent, work_commit, PURPOSE_COMMIT, err);
}

static bool do_roll_back(struct agent *agent, struct error *err)
{
	return count_try(agent, err) && run_work(agent, work_roll_back, PURPOSE_ROLL_BACK, err);
}

static bool do_check(struct agent *agent, struct error *err)
{
	return count_try(agent, err)
		&& run_hook(agent, agent->settings->health, NULL,
			agent->settings->health_timeout_s, PURPOSE_CHECK, err);
}

static bool do_to_commit(struct agent *agent, struct error *err)
{
	return agent_go(agent, JOB_COMMITTING, NULL, ERROR_NONE, "", err);
}

static bool to_roll_back(
	struct agent *agent, enum error_code code, const char *why, struct error *err)
{
	agent->job.code = code;
	(void)snprintf(agent->job.reason, sizeof(agent->job.reason), "%s", why);
	job_log_clean(agent->job.reason);
	return agent_go(agent, JOB_ROLLING_BACK, NULL, code, why, err);
}

static bool do_to_roll_back(struct agent *agent, struct error *err)
{
	char why[128];

	(void)snprintf(why, sizeof(why), "%s was cut short %d times",
		job_phase_name(agent->job.phase), AGENT_TRIES);
	return to_roll_back(agent, ERROR_FAILED, why, err);
}

static bool do_give_up(struct agent *agent, struct error *err)
{
	static const enum outcome failed = OUTCOME_FAILED;
	char why[STATEMENT_REASON_MAX + 1];

	if (agent->job.committed)
		(void)snprintf(why, sizeof(why),
			"the new software is not healthy, and its installer knows no rollback");
	else
		(void)snprintf(why, sizeof(why), "%s was cut short %d times",
			job_phase_name(agent->job.phase), AGENT_TRIES);
	return agent_go(agent, JOB_NONE, &failed, ERROR_FAILED, why, err);
}

static bool rolled_back(struct agent *agent, struct error *err)
{
	static const enum outcome outcome = OUTCOME_ROLLED_BACK;
	char why[STATEMENT_REASON_MAX + 1];

	memcpy(why, agent->job.reason, sizeof(why));
	return agent_go(agent, JOB_NONE, &outcome, agent->job.code, why, err);
}

static bool do_after_reboot(struct agent *agent, struct error *err)
{
	if (agent->job.rolled_back)
		return rolled_back(agent, err);
	return agent_go(agent, JOB_CHECKING, NULL, ERROR_NONE, "", err);
}

static bool start_reboot(struct agent *agent, struct error *err)
{
	agent->reboot_told = true;
	agent_line_silence(agent);
	agent->reboot_ms = agent->now_ms + AGENT_REBOOT_MS;
	return run_hook(agent, agent->settings->reboot, NULL, agent->settings->hook_timeout_s,
		PURPOSE_REBOOT, err);
}

static bool do_reboot(struct agent *agent, struct error *err)
{
	if (!count_try(agent, err) || !agent_log(agent, err, "reboot"))
		return false;
	agent->reboot_told = false;
	agent->reboot_ms = agent->now_ms + AGENT_SAY_MS;
	if (!agent_line_visited(agent))
		return start_reboot(agent, err);
	agent_tell_phase(agent, "");
	return true;
}

/* Between the command and its effect. */
static bool reboot_step(struct agent *agent, struct error *err)
{
	const bool heard = !agent_line_visited(agent)
		|| (visit_device_state(agent->visit) == VISIT_REBOOTING
			&& channel_flushed(agent->channel));

	if (agent->reboot_ms == 0)
		return true;
	if (!agent->reboot_told)
		return (!heard && agent->now_ms < agent->reboot_ms) || start_reboot(agent, err);
	if (agent->worker == NULL && agent->now_ms >= agent->reboot_ms)
		agent->reboot_ms = 0; /* it did not happen: the plan says what now */
	return true;
}

static bool act(struct agent *agent, enum agent_action action, struct error *err)
{
	static bool (*const actions[])(struct agent *, struct error *) = {
		[ACTION_REST] = do_rest,
		[ACTION_SURVEY] = agent_survey_start,
		[ACTION_WRITE_RECEIPT] = agent_write_receipt,
		[ACTION_ASK_GATE] = do_ask_gate,
		[ACTION_OPEN_SPOOL] = do_open_spool,
		[ACTION_VERIFY] = do_verify,
		[ACTION_BEGIN] = do_begin,
		[ACTION_INSTALL] = do_install,
		[ACTION_REBOOT] = do_reboot,
		[ACTION_AFTER_REBOOT] = do_after_reboot,
		[ACTION_CHECK] = do_check,
		[ACTION_TO_COMMIT] = do_to_commit,
		[ACTION_COMMIT] = do_commit,
		[ACTION_ROLL_BACK] = do_roll_back,
		[ACTION_TO_ROLL_BACK] = do_to_roll_back,
		[ACTION_GIVE_UP] = do_give_up,
	};

	return actions[action](agent, err);
}

/* ---- after a child ---- */

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

	const uint8_t *const before = text.len == 0 ? NULL : memrchr(text.at, '\n', text.len);
	const size_t start = before == NULL ? 0 : (size_t)(before - text.at) + 1;

	first_line((struct bytes){text.len == 0 ? NULL : text.at + start, text.len - start},
		line, room);
}

static bool after_gate(struct agent *agent, const struct process_end *end, struct error *err)
{
	first_line(
		process_output(agent->worker), agent->gate_reason, sizeof(agent->gate_reason));
	agent->gate = end->exited && end->status == 0 ? GATE_NOW : GATE_LATER;
	if (agent->gate == GATE_NOW)
		return true;
	if (agent->gate_reason[0] == 0)
		(void)snprintf(agent->gate_reason, sizeof(agent->gate_reason),
			"the device's gate says %s",
			end->status == GATE_LATER_STATUS ? "later" : "no");
	agent->gate_ms = agent->now_ms + AGENT_GATE_MS;
	agent_tell_phase(agent, agent->gate_reason);
	return agent_log(agent, err, "gate: %s", agent->gate_reason);
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

static bool after_verify(struct agent *agent, const struct process_end *end, struct error *err)
{
	struct error why = {.code = ERROR_FAILED};
	char line[400];

	last_line(process_errors(agent->worker), line, sizeof(line));
	if (end->exited && end->status == 0) {
		spool_free(agent->spool);
		agent->spool = NULL;
		return take_name(agent, err)
			&& agent_go(agent, JOB_STAGED, NULL, ERROR_NONE, "verified", err);
	}
	(void)error_set(&why, end->exited ? (enum error_code)end->status : ERROR_FAILED, "%s",
		line[0] == 0 ? "verifying did not end by itself" : line);
	if (plan_terminal(why.code))
		return refuse(agent, &why, err);
	agent->stuck = true;
	agent_tell_phase(agent, why.text);
	return agent_log(agent, err, "cannot verify now: %s", why.text);
}

static bool after_reboot_command(
	struct agent *agent, const struct process_end *end, struct error *err)
{
	if (end->exited && end->status == 0)
		return true;
	agent->reboot_ms = agent->now_ms + AGENT_RETRY_MS;
	return agent_log(agent, err, "the reboot command failed");
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
		return rolled_back(agent, err);
	if (step.next == JOB_ROLLING_BACK)
		return to_roll_back(agent, step.code, why, err);
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
	[PURPOSE_VERIFY] = {"verify", after_verify},
	[PURPOSE_INSTALL] = {"install", after_install},
	[PURPOSE_COMMIT] = {"commit", after_commit},
	[PURPOSE_ROLL_BACK] = {"rollback", after_roll_back},
	[PURPOSE_CHECK] = {"health", after_check},
	[PURPOSE_REBOOT] = {"reboot", after_reboot_command},
};

static bool worker_step(struct agent *agent, struct error *err)
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
	const char *const name = purposes[purpose].name;

	agent->purpose = PURPOSE_NONE;

	const bool ok
		= job_log_output(agent->log_path, name, process_output(agent->worker), err)
		&& job_log_output(agent->log_path, name, process_errors(agent->worker), err)
		&& purposes[purpose].after(agent, &end, err);

	process_free(agent->worker);
	agent->worker = NULL;
	return ok;
}

/* ---- the loop's part ---- */

static bool hash_step(struct agent *agent, struct error *err)
{
	if (agent->spool == NULL || agent->hashed)
		return true;
	if (!spool_step(agent->spool, &agent->hashed, err))
		return false;
	agent->asked = spool_size(agent->spool);
	return true;
}

/* A gate that said later is asked again from time to time; about a transfer only when
 * somebody is there to make one. */
static void gate_step(struct agent *agent)
{
	if (agent->gate == GATE_LATER && agent->now_ms >= agent->gate_ms
		&& agent->job.phase != JOB_RECEIVING)
		agent->gate = GATE_UNASKED;
}

bool agent_work_step(struct agent *agent, struct error *err)
{
	enum agent_action action = ACTION_REST;

	if (!worker_step(agent, err) || !hash_step(agent, err) || !reboot_step(agent, err))
		return false;
	gate_step(agent);
	do {
		const struct agent_facts facts = facts_of(agent);

		action = agent_plan(&facts);
		if (!act(agent, action, err))
			return false;
	} while (action != ACTION_REST && action != ACTION_SURVEY);
	return true;
}

int64_t agent_work_deadline_ms(const struct agent *agent)
{
	int64_t deadline = INT64_MAX;
	const int64_t at[] = {
		agent->worker == NULL ? INT64_MAX
				      : process_deadline_ms(agent->worker, agent->now_ms),
		agent->surveyor == NULL ? INT64_MAX
					: process_deadline_ms(agent->surveyor, agent->now_ms),
		agent->spool != NULL && !agent->hashed ? agent->now_ms : INT64_MAX,
		agent->gate == GATE_LATER ? agent->gate_ms : INT64_MAX,
		agent->reboot_ms > 0 ? agent->now_ms + 100 : INT64_MAX,
		agent->survey_retry_ms > agent->now_ms ? agent->survey_retry_ms : INT64_MAX,
	};

	for (size_t i = 0; i < COUNT(at); i++)
		deadline = at[i] < deadline ? at[i] : deadline;
	return deadline;
}

void agent_work_stop(struct agent *agent)
{
	struct error why = {0};
	const bool counted = agent->worker != NULL && agent->job.tries > 0
		&& agent->purpose != PURPOSE_GATE && agent->purpose != PURPOSE_REBOOT;

	process_free(agent->worker);
	agent->worker = NULL;
	if (!counted)
		return;
	agent->job.tries--; /* we were told to stop: it was not its fault */
	if (!agent_save_job(agent, &why))
		agent_say("%s", why.text);
}

/* ---- offers ---- */

static void fill_job(struct agent *agent, const struct message_offer *offer)
{
	struct job *const job = &agent->job;

	*job = (struct job){
		.phase = JOB_RECEIVING,
		.digest = offer->digest,
		.size = offer->size,
		.unpacked = offer->unpacked,
		.stage = (offer->flags & MESSAGE_OFFER_STAGE) != 0,
		.courier = agent->visitor,
	};
	(void)snprintf(job->deployment, sizeof(job->deployment), "%.*s",
		(int)offer->deployment.len, (const char *)offer->deployment.at);
	(void)snprintf(job->name, sizeof(job->name), "%.*s", (int)offer->name.len,
		(const char *)offer->name.at);
	(void)snprintf(job->before, sizeof(job->before), "%s", agent->survey.artifact_name);
}

bool agent_work_take(struct agent *agent, const struct message_offer *offer, struct error *err)
{
	fill_job(agent, offer);
	spool_free(agent->spool);
	agent->spool = NULL;
	agent->stuck = false;
	agent->gate = GATE_UNASKED;
	return file_remove(agent->log_path, err) && file_remove(agent->verified_path, err)
		&& work_remove_tree(agent->work_path, err)
		&& spool_path(agent->settings->spool, &agent->job.digest, agent->file_path, err)
		&& agent_save_job(agent, err)
		&& agent_log(agent, err, "%s, offered by %s (%s)", agent->job.name,
			agent->visitor.id, agent->visitor.technician);
}

void agent_work_carried(struct agent *agent, bool stage)
{
	agent->carried = true;
	agent->stuck = false;
	agent->gate = agent->gate == GATE_LATER ? GATE_UNASKED : agent->gate;
	agent->job.stage = agent->job.phase == JOB_STAGED ? agent->job.stage && stage : stage;
	agent->job.courier = agent->visitor;
	agent->asked = agent->spool == NULL ? 0 : spool_size(agent->spool);
}

void agent_work_dropped(struct agent *agent)
{
	agent->carried = false;
	if (agent->job.phase != JOB_RECEIVING)
		return;
	if (agent->spool != NULL && agent->hashed && !spool_whole(agent->spool)) {
		spool_free(agent->spool);
		agent->spool = NULL;
	}
	agent->gate = GATE_UNASKED;
}
