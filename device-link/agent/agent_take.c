/* Offers taken, and what of them goes with the courier. */
#include <stdio.h>

#include "common/file.h"
#include "device-link/agent/agent_parts.h"

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
	if (!file_remove(agent->log_path, err) || !file_remove(agent->verified_path, err)
		|| !work_remove_tree(agent->work_path, err)
		|| !spool_path(
			agent->settings->spool, &agent->job.digest, agent->file_path, err)
		|| !agent_save_job(agent, err))
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
