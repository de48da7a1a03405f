/* The time, as the operator tells it to this device. */
#include <stdio.h>
#include <string.h>

#include "common/signed_time.h"
#include "device-link/agent/agent_parts.h"

enum { SET_CLOCK_MS = 5000 };

/* It comes at once, so that the courier that brought it is judged by the right clock.  A
 * clock that cannot be set leaves the floor, which is all most devices need. */
static void set_clock(const struct agent *agent, int64_t at)
{
	const char *argv[PROCESS_ARGUMENTS_MAX + 1] = {NULL};
	const char *const *const wanted = agent->settings->set_clock;
	CLEANUP(buf_free) struct buf output = {0};
	char argument[32];
	size_t count = 0;
	struct error why = {0};

	if (wanted == NULL) {
		agent_say("the clock stays as it is: no set-clock is configured");
		return;
	}
	while (count + 1 < PROCESS_ARGUMENTS_MAX && wanted[count] != NULL) {
		argv[count] = wanted[count];
		count++;
	}
	(void)snprintf(argument, sizeof(argument), "@%lld", (long long)at);
	argv[count] = argument;
	if (!process_run(&(struct process_how){.argv = argv}, SET_CLOCK_MS, &output, &why))
		agent_say("set-clock: %s", why.text);
}

static bool is_for_us(
	const struct agent *agent, const struct signed_time *time, struct error *why)
{
	const struct marks *const marks = &agent->marks;

	if (!agent->trust.certified || strcmp(time->device, agent->trust.holder.id) != 0)
		return error_set(why, ERROR_WRONG_DEVICE, "a signed time is for %s, not us",
			time->device);
	return (marks->has_nonce
		       && memcmp(time->nonce, marks->nonce, sizeof(marks->nonce)) == 0)
		|| error_set(why, ERROR_ROLLBACK,
			"the signed time is for another nonce than ours: it was obeyed before");
}

bool agent_clock_take(
	struct agent *agent, struct bytes envelope, bool *told, int64_t *at, struct error *err)
{
	struct signed_time time;
	struct error why = {0};

	*told = false;
	if (envelope.len == 0)
		return true;
	if (!signed_time_open(envelope, buf_bytes(&agent->trust.root), &time, &why)
		|| !is_for_us(agent, &time, &why)) {
		agent_say("not taken from courier %s: %s", agent->visitor.id, why.text);
		return true;
	}
	set_clock(agent, time.at);
	agent->marks.floor = time.at;
	if (!marks_new_nonce(&agent->marks, err)
		|| !marks_save(agent->marks_path, &agent->marks, err))
		return false;
	agent_say("the operator says it is %lld: the floor is that now", (long long)time.at);
	*told = true;
	*at = time.at;
	return true;
}
