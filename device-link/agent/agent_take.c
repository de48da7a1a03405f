/* Offers taken, and what of them goes with the courier. */
#include <stdio.h>

#include "common/file.h"
#include "device-link/agent/agent_parts.h"

static void fill_job(struct agent *agent, const struct message_offer *offer)
{
	struct job *const job = &agent->job;

	job_reset(job);
	job->phase = JOB_RECEIVING;
	job->digest = offer->digest;
	job->size = offer->size;
	job->unpacked = offer->unpacked;
	job->stage = (offer->flags & MESSAGE_OFFER_STAGE) != 0;
	job->courier = agent->visitor;
	agent_tuf_offered(agent, offer);
	(void)snprintf(job->deployment, sizeof(job->deployment), "%.*s",
		(int)offer->deployment.len, (const char *)offer->deployment.at);
	(void)snprintf(job->name, sizeof(job->name), "%.*s", (int)offer->name.len,
		(const char *)offer->name.at);
	(void)snprintf(job->before, sizeof(job->before), "%s", agent->survey.artifact_name);
}

/* The old job goes before what belongs to it: a staged one that has lost its artifact.json
 * to a power cut would be begun, and fail.  A child that verifies it, or asks the gate
 * about it, must not answer for the new one. */
static bool drop_job(struct agent *agent, struct error *err)
{
	job_reset(&agent->job);
	agent_tuf_reset(agent);
	process_free(agent->worker);
	agent->worker = NULL;
	agent->purpose = PURPOSE_NONE;
	spool_free(agent->spool);
	agent->spool = NULL;
	agent->stuck = false;
	agent->gate = GATE_UNASKED;
	return agent_save_job(agent, err) && file_remove(agent->log_path, err)
		&& file_remove(agent->verified_path, err)
		&& work_remove_tree(agent->work_path, err);
}

bool agent_work_take(struct agent *agent, const struct message_offer *offer, struct error *err)
{
	if (!drop_job(agent, err))
		return false;
	fill_job(agent, offer);
	if (!spool_path(agent->settings->spool, &agent->job.digest, agent->file_path, err))
		return false;
	agent_log(agent, "%s, offered by %s (%s)", agent->job.name, agent->visitor.id,
		agent->visitor.technician);
	return true;
}

void agent_work_carried(struct agent *agent, bool stage)
{
	agent->carried = true;
	agent->stuck = false;
	agent->gate = agent->gate == GATE_LATER ? GATE_UNASKED : agent->gate;
	agent->job.stage = agent->job.phase == JOB_STAGED ? agent->job.stage && stage : stage;
	/* Once it is being installed nobody becomes the one who brought it. */
	if (agent->job.phase == JOB_RECEIVING || agent->job.phase == JOB_STAGED)
		agent->job.courier = agent->visitor;
	agent->asked = agent->spool == NULL ? 0 : spool_size(agent->spool);
}

void agent_work_dropped(struct agent *agent)
{
	agent->carried = false;
	if (agent->job.phase != JOB_RECEIVING)
		return;
	agent_tuf_dropped(agent);
	if (agent->spool != NULL && agent->hashed && !spool_whole(agent->spool)) {
		spool_free(agent->spool);
		agent->spool = NULL;
	}
	agent->gate = GATE_UNASKED;
}
