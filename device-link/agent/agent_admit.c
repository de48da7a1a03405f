/* May this courier visit? */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "device-link/agent/agent_parts.h"
#include "device-link/agent/job_log.h"
#include "device-link/agent/judge.h"

static bool know(struct agent *agent, const struct certificate *chain,
	struct certificate_holder *holder, struct error *err)
{
	struct job_courier visitor = {0};

	if (!certificate_holder(chain, holder, err)
		|| !certificate_fingerprint(chain, &visitor.certificate, err)
		|| !session_exporter(channel_session(agent->channel), visitor.exporter, err))
		return false;
	memcpy(visitor.id, holder->id, sizeof(visitor.id));
	memcpy(visitor.technician, holder->name, sizeof(visitor.technician));
	agent->visitor = visitor;
	return true;
}

static void day(int64_t at, char text[32])
{
	const time_t seconds = (time_t)at;
	struct tm utc = {0};

	(void)gmtime_r(&seconds, &utc);
	(void)strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

static void explain(struct agent *agent, enum message_refusal reason,
	const struct certificate_holder *holder)
{
	char *const text = agent->refusal_text;
	const size_t room = sizeof(agent->refusal_text);
	const char *const group = trust_group(agent->settings, &agent->trust);
	char at[32], floor[32], clock[32], nonce[SIGNED_TIME_TEXT];

	text[0] = 0;
	day(agent->marks.floor, floor);
	day((int64_t)time(NULL), clock);
	hex_encode((struct bytes){agent->marks.nonce, sizeof(agent->marks.nonce)}, nonce);
	if (reason == MESSAGE_REFUSED_EXPIRED) {
		day(holder->not_after, at);
		(void)snprintf(text, room,
			"it was valid until %s; the device's clock says %s, and it is "
			"certainly later than %s; if the device is wrong the operator can set "
			"its time: courier-admin set-time %s --nonce %s",
			at, clock, floor, agent->trust.holder.id, nonce);
	} else if (reason == MESSAGE_REFUSED_NOT_YET) {
		day(holder->not_before, at);
		(void)snprintf(text, room,
			"it begins at %s; the device's floor is %s; if the device is wrong the "
			"operator can set its time: courier-admin set-time %s --nonce %s",
			at, floor, agent->trust.holder.id, nonce);
	} else if (reason == MESSAGE_REFUSED_GROUP) {
		(void)snprintf(text, room, "the device is of group %s", group);
	} else if (reason == MESSAGE_REFUSED_REVOKED) {
		(void)snprintf(
			text, room, "revocation list number %lld", (long long)agent->marks.crl);
	}
}

static void refuse(struct agent *agent, enum message_refusal reason, const char *courier,
	bool *refused, struct message_refused *why)
{
	job_log_clean(agent->refusal_text);
	*why = (struct message_refused){reason, bytes_of(agent->refusal_text)};
	*refused = true;
	agent_say("courier %s refused: %s (%s)", courier, message_refusal_text(reason),
		agent->refusal_text);
}

/* What a courier carries for us; bad paper is said in the log, and not taken. */
static bool take_papers(struct agent *agent, const struct certificate *courier,
	const struct message_hello *hello, struct error *err)
{
	struct error why = {0};
	bool taken = false;

	if (!trust_take_crl(&agent->trust, agent->settings, courier, hello->crl, &agent->marks,
		    &taken, &why, err)
		|| !trust_take_chain(&agent->trust, agent->settings, hello->chain,
			&agent->survey.digest, &agent->new_chain, &why, err))
		return false;
	if (taken)
		agent_say("revocation list number %lld", (long long)agent->marks.crl);
	if (agent->new_chain)
		agent_say("a certificate for this device came");
	if (why.code != ERROR_NONE)
		agent_say("not taken from courier %s: %s", agent->visitor.id, why.text);
	return marks_save(agent->marks_path, &agent->marks, err);
}

static bool is_itself(struct agent *agent)
{
	const struct certificate_holder *const own = &agent->trust.holder;

	if (!agent->trust.certified || !own->has_identity
		|| digest_equal(&own->identity, &agent->survey.digest))
		return true;
	(void)snprintf(agent->refusal_text, sizeof(agent->refusal_text),
		"its certificate (%s) is for another identity than its identity script "
		"says%s%.300s",
		own->id, agent->survey.why[0] == 0 ? "" : ": ", agent->survey.why);
	return false;
}

bool agent_judge(void *self, const struct certificate *courier,
	const struct message_hello *hello, bool *refused, struct message_refused *why,
	struct error *err)
{
	struct agent *const agent = self;
	const char *const group = trust_group(agent->settings, &agent->trust);
	struct certificate_holder holder;
	enum message_refusal reason = MESSAGE_REFUSED_ROLE;
	struct error no_list = {0};
	bool told = false;
	int64_t now = 0;

	*refused = false;
	if (!know(agent, courier, &holder, err)
		|| !agent_clock_take(agent, hello->time, &told, &now, err)
		|| !trust_know_crl(
			&agent->trust, agent->settings, courier, &agent->marks, &no_list, err)
		|| !take_papers(agent, courier, hello, err))
		return false;
	if (agent->trust.crl == NULL) {
		*err = no_list;
		return false;
	}

	const struct judge_facts facts = {
		.revoked = trust_revoked(&agent->trust, courier),
		.in_group = group == NULL || certificate_in_group(&holder, group),
		.not_before = holder.not_before,
		.not_after = holder.not_after,
		.clock = told ? now : (int64_t)time(NULL),
	};

	if (!judge_courier(&facts, &agent->marks.floor, &reason)) {
		explain(agent, reason, &holder);
		refuse(agent, reason, holder.id, refused, why);
	} else if (!is_itself(agent)) {
		refuse(agent, MESSAGE_REFUSED_IDENTITY, holder.id, refused, why);
	}
	return marks_save(agent->marks_path, &agent->marks, err);
}
