/* What a courier asks and offers, answered. */
#include <stdio.h>
#include <string.h>

#include "common/plan.h"
#include "device-link/agent/agent_parts.h"

static bool host_describe(void *self, struct message_accept *accept, struct error *err)
{
	static const char software[] = "courier-agent " COURIER_VERSION;
	struct agent *const agent = self;
	const bool silent = agent->settings->report == AGENT_REPORT_NONE;
	const enum message_phase phase = agent_phase(agent);

	agent->inventory.len = agent->statement.len = 0;
	if (!describe_signed(agent->settings, &agent->trust, &agent->marks, &agent->survey,
		    ring_newest(&agent->ring), &agent->inventory, err))
		return false;
	if (!agent->trust.certified
		&& !describe_identity(agent->settings, &agent->trust, &agent->marks,
			&agent->survey, &agent->statement, err))
		return false;
	*accept = (struct message_accept){
		.software = bytes_of(software),
		.identity = buf_bytes(&agent->statement),
		.inventory = buf_bytes(&agent->inventory),
		.oldest = silent ? 0 : ring_oldest(&agent->ring),
		.newest = silent ? 0 : ring_newest(&agent->ring),
		.phase = phase,
		.deployment
		= bytes_of(phase == MESSAGE_PHASE_IDLE ? "" : agent->job.deployment),
	};
	agent->accepted = true;
	agent->saying_count = 0;
	agent_say("courier %s (%s) accepted", agent->visitor.id, agent->visitor.technician);
	return true;
}

/* ---- receipts ---- */

/* What was kept when more might leave the site than now: the receipt names the digests of
 * both, so it is the same without them. */
static void withhold(struct agent *agent)
{
	CLEANUP(inventory_free) struct inventory inventory = {0};
	struct error none = {0};

	if (agent->settings->report == AGENT_REPORT_FULL)
		return;
	agent->log.len = 0;
	if (!inventory_open(buf_bytes(&agent->inventory), agent->trust.half, &inventory, &none)
		|| strcmp(inventory.report, agent_report_name(AGENT_REPORT_FULL)) == 0)
		agent->inventory.len = 0;
}

static bool host_receipt(
	void *self, uint64_t sequence, struct message_receipt *receipt, struct error *err)
{
	struct agent *const agent = self;
	bool found = false;

	agent->envelope.len = agent->log.len = agent->inventory.len = 0;
	*receipt = (struct message_receipt){.sequence = sequence};
	if (agent->settings->report == AGENT_REPORT_NONE)
		return true;
	if (!ring_read(&agent->ring, sequence, &agent->envelope, &agent->log, &agent->inventory,
		    &found, err))
		return false;
	if (!found)
		return true;
	withhold(agent);
	receipt->envelope = buf_bytes(&agent->envelope);
	receipt->log = buf_bytes(&agent->log);
	receipt->inventory = buf_bytes(&agent->inventory);
	return true;
}

static bool host_kept(void *self, uint64_t sequence, struct error *err)
{
	const struct agent *const agent = self;

	(void)err;
	agent_say("receipt %llu is kept by courier %s", (unsigned long long)sequence,
		agent->visitor.id);
	return true;
}

/* ---- offers ---- */

static bool same_text(const char *text, struct bytes bytes)
{
	return bytes_equal(bytes_of(text), bytes);
}

/* Not now, but perhaps another time: no receipt, the deployment stays open. */
static bool put_off(struct agent *agent, const struct message_offer *offer, const char *text)
{
	char deployment[STATEMENT_DEPLOYMENT_MAX + 1];

	(void)snprintf(deployment, sizeof(deployment), "%.*s", (int)offer->deployment.len,
		(const char *)offer->deployment.at);
	agent_tell(agent, MESSAGE_PHASE_WAITING, deployment, text);
	agent_say("deployment %s waits: %s", deployment, text);
	return true;
}

/* The same deployment with another artifact than was tried: never. */
static bool refuse_other(
	struct agent *agent, const struct message_offer *offer, struct error *err)
{
	static const char text[] = "this deployment was met before with another artifact";
	struct error why = {0};

	(void)error_set(&why, ERROR_SIGNATURE, "%s", text);
	return agent_work_take(agent, offer, err) && agent_refuse(agent, &why, err);
}

static bool take_new(struct agent *agent, const struct message_offer *offer, struct error *err)
{
	CLEANUP(inventory_free) struct inventory inventory = {0};
	const uint64_t need = agent_settings_space(agent->settings, offer->unpacked);
	struct error why = {0};

	if (!agent->survey.good)
		return put_off(agent, offer, agent->survey.why);
	if (!describe_inventory(agent->settings, &agent->trust, &agent->marks, &agent->survey,
		    ring_newest(&agent->ring), &inventory, err))
		return false;
	if (!plan_space(&inventory, offer->size + agent_tuf_space(agent, offer),
		    need > offer->unpacked ? need : offer->unpacked, &why))
		return put_off(agent, offer, why.text);
	if (!agent_work_take(agent, offer, err))
		return false;
	agent_work_carried(agent, agent->job.stage);
	if (!agent_save_job(agent, err))
		return false;
	agent_tell_phase(agent, "");
	return true;
}

/* The job is about this deployment already. */
static bool take_again(
	struct agent *agent, const struct message_offer *offer, struct error *err)
{
	if (!digest_equal(&agent->job.digest, &offer->digest)) {
		/* Nothing vouches for one that has not come yet: not a first courier either,
		 * which could keep out the true one for ever. */
		if (agent->job.phase == JOB_RECEIVING)
			return take_new(agent, offer, err);
		return put_off(
			agent, offer, "this deployment is under way with another artifact");
	}
	if (agent->job.phase == JOB_RECEIVING)
		agent_tuf_offered(agent, offer);
	agent_work_carried(agent, (offer->flags & MESSAGE_OFFER_STAGE) != 0);
	if (!agent_save_job(agent, err))
		return false;
	agent_tell_phase(agent, agent->stuck ? agent->gate_reason : "");
	return true;
}

/* It ended here before. */
static bool answer_old(struct agent *agent, const struct message_offer *offer,
	const struct ring_entry *old, struct error *err)
{
	const bool again = (offer->flags & MESSAGE_OFFER_RETRY) != 0
		&& old->outcome != OUTCOME_CONFIRMED;

	if (again || !outcome_terminal(old->outcome))
		return take_new(agent, offer, err);
	agent_tell_end(agent, old->deployment, old->sequence);
	return true;
}

static bool is_busy(const struct agent *agent)
{
	const struct job *const job = &agent->job;

	return job->due.sequence > 0
		|| (job->phase != JOB_NONE && job->phase != JOB_RECEIVING
			&& job->phase != JOB_STAGED);
}

static bool host_offered(void *self, const struct message_offer *offer, struct error *err)
{
	struct agent *const agent = self;
	const struct job *const job = &agent->job;

	if (offer == NULL) {
		agent_tell_phase(agent, "");
		return true;
	}
	if (offer->deployment.len > STATEMENT_DEPLOYMENT_MAX
		|| offer->name.len > ARTIFACT_NAME_MAX || offer->deployment.len == 0
		|| offer->size > (uint64_t)JSON_INTEGER_MAX
		|| offer->unpacked > (uint64_t)JSON_INTEGER_MAX)
		return error_set(err, ERROR_MALFORMED, "OFFER past our limits");
	if (job->phase != JOB_NONE && same_text(job->deployment, offer->deployment))
		return take_again(agent, offer, err);
	if (is_busy(agent))
		return put_off(agent, offer, "the device is busy with another deployment");

	char deployment[STATEMENT_DEPLOYMENT_MAX + 1];

	(void)snprintf(deployment, sizeof(deployment), "%.*s", (int)offer->deployment.len,
		(const char *)offer->deployment.at);

	const struct ring_entry *const old
		= ring_find(&agent->ring, deployment, &offer->digest);

	if (old != NULL)
		return answer_old(agent, offer, old, err);
	return ring_was_tried(&agent->ring, deployment) ? refuse_other(agent, offer, err)
							: take_new(agent, offer, err);
}

static bool host_data(void *self, const struct message_data *data, struct error *err)
{
	struct agent *const agent = self;

	(void)err;
	if (data->object == MESSAGE_METADATA)
		agent_tuf_data(agent, data);
	if (data->object != MESSAGE_ARTIFACT || agent->spool == NULL || !agent->hashed
		|| data->offset != spool_size(agent->spool))
		return true; /* we changed our mind since */

	struct error why = {0};

	if (spool_add(agent->spool, data->bytes, &why))
		return true;
	/* Full or broken: what is on disk may be half a piece, so it is hashed again. */
	agent_spool_failed(agent, &why);
	return true;
}

static bool host_identify(void *self, struct error *err)
{
	struct agent *const agent = self;
	const struct process_how how = {.argv = agent->settings->identify,
		.deadline_ms = agent->now_ms + 1000LL * agent->settings->hook_timeout_s};
	struct error why = {0};

	(void)err;
	agent_tell_phase(agent,
		how.argv == NULL ? "no identify hook is configured" : "identifying itself");
	if (how.argv == NULL || agent->blinker != NULL)
		return true;
	if (!process_start(&how, &agent->blinker, &why))
		agent_say("%s", why.text);
	return true;
}

/* ---- what the device says on its own ---- */

static void give_state(struct agent *agent, struct message *message)
{
	const struct agent_saying *const said = &agent->said;

	*message = (struct message){MESSAGE_STATE,
		.state = {
			.phase = said->phase,
			.percent = 255,
			.wait_s = said->wait_s,
			.code = (uint8_t)said->code,
			.deployment = bytes_of(said->deployment),
			.text = bytes_of(said->text),
		}};
}

static bool give_saying(struct agent *agent, struct message *message, struct error *err)
{
	agent->said = agent->sayings[0];
	agent->saying_count--;
	memmove(agent->sayings, agent->sayings + 1,
		agent->saying_count * sizeof(agent->sayings[0]));
	if (agent->said.sequence == 0) {
		give_state(agent, message);
		return true;
	}
	*message = (struct message){.type = MESSAGE_RECEIPT};
	return host_receipt(agent, agent->said.sequence, &message->receipt, err);
}

/* Two WANTs are under way, so that the line is never idle. */
static bool give_want(struct agent *agent, struct message *message)
{
	const struct job *const job = &agent->job;

	*message = (struct message){.type = MESSAGE_WANT};
	if (!agent->carried || job->phase != JOB_RECEIVING || job->due.sequence > 0)
		return false;
	if (agent_tuf_want(agent, &message->want))
		return true;
	if (agent->spool == NULL || !agent->hashed || agent->asked >= job->size
		|| agent->asked - spool_size(agent->spool) > MESSAGE_WANT_MAX)
		return false;

	const uint64_t left = job->size - agent->asked;

	message->want = (struct message_want){MESSAGE_ARTIFACT, agent->asked,
		(uint32_t)(left < MESSAGE_WANT_MAX ? left : MESSAGE_WANT_MAX)};
	agent->asked += message->want.length;
	return true;
}

static bool host_next(void *self, struct message *message, bool *some, struct error *err)
{
	struct agent *const agent = self;

	if (agent->saying_count > 0) {
		*some = true;
		return give_saying(agent, message, err);
	}
	*some = give_want(agent, message);
	return true;
}

bool agent_visit_works(const struct agent *agent)
{
	if (agent->worker != NULL || (agent->spool != NULL && !agent->hashed)
		|| agent_tuf_hashing(agent))
		return true;
	/* A reboot that the gate put off is nobody's to wait for. */
	return is_busy(agent) && agent_phase(agent) != MESSAGE_PHASE_WAITING;
}

static bool host_busy(void *self)
{
	const struct agent *const agent = self;

	return agent->saying_count > 0 || agent_visit_works(agent);
}

void agent_visit_host(struct agent *agent, struct visit_device_host *host)
{
	*host = (struct visit_device_host){
		.self = agent,
		.judge = agent_judge,
		.describe = host_describe,
		.receipt = host_receipt,
		.kept = host_kept,
		.offered = host_offered,
		.data = host_data,
		.identify = host_identify,
		.next = host_next,
		.busy = host_busy,
	};
}
