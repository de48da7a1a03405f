#include "device-link/agent/agent_parts.h"
#include "device-link/agent/scripts.h"

/* Longer than all scripts together may take. */
enum { SURVEY_TIMEOUT_MS = SCRIPTS_BUDGET_MS + SCRIPTS_TIMEOUT_MS };

bool agent_survey_start(struct agent *agent, struct error *err)
{
	/* The child only reads. */
	union {
		const struct agent_settings *in;
		void *out;
	} self = {.in = agent->settings};

	if (agent->surveyor != NULL || agent->now_ms < agent->survey_retry_ms)
		return true;
	agent->survey_for_visit = agent->met;
	agent->survey_for_due = agent->job.due.sequence > 0;
	return process_start_function(survey_child, self.out, agent->now_ms + SURVEY_TIMEOUT_MS,
		&agent->surveyor, err);
}

static void take(struct agent *agent, const struct process_end *end)
{
	struct survey survey = {0};
	struct error why = {0};

	if (!end->exited || end->status != 0)
		(void)error_set(&why, ERROR_FAILED, "survey: the child failed");
	else if (survey_parse(process_output(agent->surveyor), &survey, &why)) {
		survey_free(&agent->survey);
		agent->survey = survey;
		agent->has_survey = true;
	}
	if (why.code != ERROR_NONE) {
		agent_say("%s", why.text);
		agent->survey_retry_ms = agent->now_ms + AGENT_RETRY_MS;
	}
	/* An old one is better than none. */
	agent->visit_surveyed = agent->survey_for_visit && agent->has_survey;
	agent->due_surveyed = agent->survey_for_due && agent->has_survey;
}

bool agent_survey_step(struct agent *agent, struct error *err)
{
	struct process_end end = {0};
	bool ended = false;

	if (agent->surveyor == NULL)
		return true;
	if (!process_step(agent->surveyor, agent->now_ms, &ended, &end, err))
		return false;
	if (!ended)
		return true;

	const struct bytes errors = process_errors(agent->surveyor);

	if (errors.len > 0)
		agent_say("%.*s", (int)errors.len - 1, (const char *)errors.at);
	take(agent, &end);
	process_free(agent->surveyor);
	agent->surveyor = NULL;
	return true;
}
