/* The cable, conversations, messages in and out. */
#include <string.h>

#include "device-link/agent/agent_parts.h"

enum { REOPEN_FIRST_MS = 500 };

bool agent_line_visited(const struct agent *agent)
{
	return agent->visit != NULL && agent->accepted;
}

static void end_visit(struct agent *agent)
{
	visit_device_free(agent->visit);
	agent->visit = NULL;
	agent->met = agent->accepted = agent->visit_surveyed = false;
	agent->saying_count = 0;
	agent_work_dropped(agent);
}

void agent_line_close(struct agent *agent)
{
	end_visit(agent);
	channel_free(agent->channel);
	agent->channel = NULL;
}

void agent_line_silence(struct agent *agent)
{
	if (agent->channel != NULL) {
		channel_set_busy(agent->channel, true);
		channel_drop(agent->channel);
	}
	end_visit(agent);
}

/* Say it once, not with every attempt. */
static void say_line_error(struct agent *agent, const struct error *why)
{
	if (strcmp(agent->line_error.text, why->text) != 0)
		agent_say("%s", why->text);
	agent->line_error = *why;
}

static void put_off(struct agent *agent)
{
	const int64_t wait = agent->reopen_wait_ms < REOPEN_FIRST_MS
		? REOPEN_FIRST_MS
		: 2 * agent->reopen_wait_ms;

	agent->reopen_wait_ms = wait < AGENT_REOPEN_MS ? wait : AGENT_REOPEN_MS;
	agent->reopen_ms = agent->now_ms + agent->reopen_wait_ms;
}

static void open_line(struct agent *agent)
{
	struct link *link = NULL;
	struct error why = {0};

	if (agent->channel != NULL || agent->now_ms < agent->reopen_ms)
		return;
	if (link_open(agent->settings->link, &link, &why)
		&& channel_new(SESSION_DEVICE, link, &agent->identity, &agent->channel, &why)) {
		agent->reopen_wait_ms = 0;
		agent->line_error = (struct error){0};
		agent_say("%s: open", agent->settings->link);
		return;
	}
	say_line_error(agent, &why);
	put_off(agent);
}

/* ---- one conversation ---- */

static bool begin_visit(struct agent *agent, struct error *err)
{
	if (!agent->met) {
		agent->met = true;
		agent->visit_surveyed = false;
	}
	/* One that was under way before may be of before: ask again. */
	if (!agent->visit_surveyed)
		return agent_survey_start(agent, err);
	agent->heard_ms = agent->now_ms;
	agent->trickle = 0;
	return visit_device_new(
		&agent->host, channel_session(agent->channel), &agent->visit, err);
}

/* DATA by the byte would go on for ever: only a fair amount of them counts. */
static void note(struct agent *agent, struct bytes message)
{
	agent->trickle += message.len;
	if (message.len > 0 && message.at[0] == MESSAGE_DATA && agent->trickle < AGENT_TRICKLE)
		return;
	agent->heard_ms = agent->now_ms;
	agent->trickle = 0;
}

static bool take_messages(struct agent *agent, struct error *err)
{
	struct bytes message;

	while (channel_receive(agent->channel, &message)) {
		note(agent, message);
		if (!visit_device_take(agent->visit, message, err))
			return false;
	}
	return true;
}

static bool give_messages(struct agent *agent, struct error *err)
{
	for (bool some = true; some && channel_state(agent->channel) == CHANNEL_OPEN;) {
		CLEANUP(buf_free) struct buf message = {0};

		if (!visit_device_give(
			    agent->visit, channel_room(agent->channel), &message, &some, err))
			return false;
		if (some && !channel_send(agent->channel, buf_bytes(&message), err))
			return false;
	}
	return true;
}

/* The channel is alive as long as the other end acknowledges what it does not read: without
 * this, one that says nothing would keep everybody else from the cable. */
static bool hear(struct agent *agent, struct error *err)
{
	const uint32_t rate = channel_rate(agent->channel);
	const int64_t message_ms = rate == 0 ? 0 : 1000LL * SESSION_MESSAGE_MAX / rate;

	if (agent_visit_works(agent)) {
		agent->heard_ms = agent->now_ms;
		agent->trickle = 0;
	}
	return agent->now_ms < agent->heard_ms + AGENT_QUIET_MS + message_ms
		|| error_set(err, ERROR_TIMEOUT, "it is its turn, and it %s",
			agent->trickle == 0 ? "says nothing" : "brings next to nothing");
}

/* What the other end does wrong ends the conversation, not the agent. */
static void converse(struct agent *agent)
{
	struct error why = {0};

	if (take_messages(agent, &why) && give_messages(agent, &why) && hear(agent, &why)) {
		if (visit_device_state(agent->visit) == VISIT_DONE
			&& channel_state(agent->channel) == CHANNEL_OPEN)
			channel_close(agent->channel);
		return;
	}
	agent_say("conversation with courier %s: %s", agent->visitor.id, why.text);
	channel_close(agent->channel);
	end_visit(agent);
}

/* A certificate that came counts for the next handshake. */
static bool renew(struct agent *agent, struct error *err)
{
	struct trust own = {0};

	if (!agent->new_chain)
		return true;
	agent->new_chain = false;
	if (!trust_load_own(agent->settings, &own, err))
		return false;

	struct certificate *const old = agent->trust.chain;

	agent->trust.chain = own.chain;
	agent->trust.holder = own.holder;
	agent->trust.certified = own.certified;
	own.chain = old;
	agent->identity.chain = agent->trust.chain;
	trust_free(&own);
	return true;
}

static bool talk(struct agent *agent, struct error *err)
{
	switch (channel_state(agent->channel)) {
	case CHANNEL_QUIET:
	case CHANNEL_MEETING:
		return true;
	case CHANNEL_OPEN:
		if (agent->visit == NULL && !begin_visit(agent, err))
			return false;
		if (agent->visit != NULL)
			converse(agent);
		return true;
	case CHANNEL_OVER:
		break;
	}
	if (agent->visit != NULL && visit_device_state(agent->visit) == VISIT_GOING)
		converse(agent); /* what came before the end */
	if (agent->visit != NULL || agent->met)
		end_visit(agent);
	if (agent->reboot_ms > 0 && agent->reboot_told)
		return true; /* nothing more until the device restarts */
	channel_set_busy(agent->channel, false);
	channel_again(agent->channel);
	return renew(agent, err);
}

static void blinker_step(struct agent *agent)
{
	struct process_end end = {0};
	struct error why = {0};
	bool ended = false;

	if (agent->blinker == NULL)
		return;
	if (process_step(agent->blinker, agent->now_ms, &ended, &end, &why) && !ended)
		return;
	process_free(agent->blinker);
	agent->blinker = NULL;
}

bool agent_line_step(struct agent *agent, struct error *err)
{
	struct error why = {0};

	blinker_step(agent);
	open_line(agent);
	if (agent->channel == NULL)
		return true;
	if (channel_step(agent->channel, agent->now_ms, &why) && !talk(agent, err))
		return false;
	if (why.code == ERROR_NONE)
		return true;
	say_line_error(agent, &why);
	agent_line_close(agent);
	put_off(agent);
	return true;
}
