/* The job: facts, what follows from them, and the children that do it. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "device-link/agent/agent_parts.h"
#include "device-link/agent/job_log.h"

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

	struct agent_facts facts = {
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

	agent_tuf_facts(agent, &facts);
	return facts;
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

void agent_spool_failed(struct agent *agent, const struct error *why)
{
	spool_free(agent->spool);
	agent->spool = NULL;
	agent->stuck = true;
	agent_say("%s", why->text);
	agent_tell_phase(agent, why->text);
}

static bool do_open_spool(struct agent *agent, struct error *err)
{
	struct error why = {0};

	(void)err;
	agent->hashed = false;
	if (!spool_open(agent->settings->spool, &agent->job.digest, agent->job.size,
		    &agent->spool, &why))
		agent_spool_failed(agent, &why);
	return true;
}

bool agent_refuse(struct agent *agent, const struct error *why, struct error *err)
{
	static const enum outcome refused = OUTCOME_REFUSED;
	char deployment[STATEMENT_DEPLOYMENT_MAX + 1];

	if (ring_may_refuse(&agent->ring, agent->job.courier.id))
		return agent_go(agent, JOB_NONE, &refused, why->code, why->text, err);
	agent_log(agent, "refused, without a receipt: %s", why->text);
	memcpy(deployment, agent->job.deployment, sizeof(deployment));
	if (!agent_clear_job(agent, err))
		return false;
	agent_tell_unsaid(agent, deployment, why->text);
	return true;
}

/* All bytes are there, but they are others than the digest says. */
static bool start_again(struct agent *agent, struct error *err)
{
	struct error why = {0};

	spool_free(agent->spool);
	agent->spool = NULL;
	agent->asked = 0;
	agent->job.mismatches++;
	if (!spool_clear(agent->settings->spool, err) || !agent_save_job(agent, err))
		return false;
	agent_log(agent, "what came has another digest than the offer");
	if (agent->job.mismatches < 2)
		return true;
	/* What a repository vouches for is not lost because of who brings something else. */
	if (agent->settings->tuf_root != NULL) {
		agent->stuck = true;
		agent_tell_waiting(agent, ERROR_SIGNATURE,
			"what came has another digest than the offer, twice");
		return true;
	}
	(void)error_set(
		&why, ERROR_SIGNATURE, "what came has another digest than the offer, twice");
	return agent_refuse(agent, &why, err);
}

static bool do_verify(struct agent *agent, struct error *err)
{
	enum { VERIFY_TIMEOUT_MS = 3600 * 1000 };
	CLEANUP(inventory_free) struct inventory inventory = {0};
	struct work_order order = order_of(agent);
	struct tuf_order metadata;
	bool matches = false;

	if (!spool_matches(agent->spool, &matches, err))
		return false;
	if (!matches)
		return start_again(agent, err);
	if (!describe_inventory(agent->settings, &agent->trust, &agent->marks, &agent->survey,
		    ring_newest(&agent->ring), &inventory, err))
		return false;
	if (agent->settings->tuf_root != NULL) {
		if (!agent_tuf_order(agent, &metadata, err))
			return false;
		order.tuf = &metadata;
	}
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

static bool do_look(struct agent *agent, struct error *err)
{
	return count_try(agent, err) && run_work(agent, work_look, PURPOSE_LOOK, err);
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
	if (!count_try(agent, err))
		return false;
	agent_log(agent, "reboot");
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
		[ACTION_OPEN_SET] = agent_tuf_open,
		[ACTION_JUDGE] = agent_tuf_judge,
		[ACTION_OPEN_SPOOL] = do_open_spool,
		[ACTION_VERIFY] = do_verify,
		[ACTION_BEGIN] = do_begin,
		[ACTION_INSTALL] = do_install,
		[ACTION_REBOOT] = do_reboot,
		[ACTION_AFTER_REBOOT] = agent_after_reboot,
		[ACTION_CHECK] = do_check,
		[ACTION_TO_COMMIT] = agent_to_commit,
		[ACTION_COMMIT] = do_commit,
		[ACTION_ROLL_BACK] = do_roll_back,
		[ACTION_TO_ROLL_BACK] = agent_cut_short,
		[ACTION_TO_LOOK] = agent_cut_short_again,
		[ACTION_LOOK] = do_look,
		[ACTION_GIVE_UP] = agent_give_up,
	};

	return actions[action](agent, err);
}

/* ---- the loop's part ---- */

static void hash_step(struct agent *agent)
{
	struct error why = {0};

	if (agent->spool == NULL || agent->hashed)
		return;
	if (spool_step(agent->spool, &agent->hashed, &why))
		agent->asked = spool_size(agent->spool);
	else
		agent_spool_failed(agent, &why);
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

	if (!agent_worker_step(agent, err) || !reboot_step(agent, err))
		return false;
	hash_step(agent);
	agent_tuf_hash(agent);
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
		agent_tuf_hashing(agent) ? agent->now_ms : INT64_MAX,
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
