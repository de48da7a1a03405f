#include <string.h>

#include "device-link/visit_courier_parts.h"

static const char *const stage_texts[] = {
	[STAGE_GREETING] = "ACCEPT is awaited",
	[STAGE_COLLECTING] = "receipts are collected",
	[STAGE_SERVING] = "the offer is served",
	[STAGE_PARTING] = "the device's BYE is awaited",
	[STAGE_OVER] = "the visit is over",
};

void visit_courier_drop(uint64_t *at, size_t *count, size_t index)
{
	--*count;
	memmove(at + index, at + index + 1, (*count - index) * sizeof(*at));
}

bool visit_courier_is_errand(const struct visit_courier *visit, struct bytes deployment)
{
	return visit->errand.has_offer
		&& bytes_equal(deployment, visit->errand.offer.deployment);
}

static bool set_phase(
	struct visit_courier *visit, const struct message_state *state, struct error *err)
{
	visit->deployment.len = visit->text.len = 0;
	if (!buf_append(&visit->deployment, state->deployment, err)
		|| !buf_append(&visit->text, state->text, err))
		return false;
	visit->phase = *state;
	visit->phase.deployment = buf_bytes(&visit->deployment);
	visit->phase.text = buf_bytes(&visit->text);
	return true;
}

static bool take_accept(
	struct visit_courier *visit, const struct message *message, struct error *err)
{
	const struct message_accept *const accept = &message->accept;
	const struct message_state state
		= {.phase = accept->phase, .percent = 255, .deployment = accept->deployment};
	struct visit_peer peer = {.accept = accept};

	if (!visit->greeted || accept->version != MESSAGE_VERSION)
		return error_set(err, ERROR_MALFORMED, "ACCEPT of version %u without its HELLO",
			accept->version);
	peer.chain = session_peer(visit->session, &peer.certified);
	if (!set_phase(visit, &state, err)
		|| !visit->host->met(visit->host->self, &peer, &visit->errand, err))
		return false;
	visit->next = accept->oldest;
	visit->newest = accept->newest;
	visit->stage = STAGE_COLLECTING;
	return true;
}

static bool take_refused(
	struct visit_courier *visit, const struct message *message, struct error *err)
{
	const struct message_refused *const refused = &message->refused;
	const int len = (int)refused->text.len;

	(void)visit;
	return error_set(err, message_refusal_code(refused->reason), "%s%s%.*s%s",
		message_refusal_text(refused->reason), len > 0 ? " (" : "", len,
		len > 0 ? (const char *)refused->text.at : "", len > 0 ? ")" : "");
}

/* Keep it, and remember to say so. */
static bool keep(
	struct visit_courier *visit, const struct message_receipt *receipt, struct error *err)
{
	bool final = false;

	if (visit->kept_count == COUNT(visit->kept))
		return error_set(
			err, ERROR_MALFORMED, "over %d receipts at a time", VISIT_KEPTS);
	if (!visit->host->keep(visit->host->self, receipt, &final, err))
		return false;
	visit->kept[visit->kept_count++] = receipt->sequence;
	visit->ended = visit->ended || final;
	return true;
}

/* One that was asked for, or one that the device has just made. */
static bool take_receipt(
	struct visit_courier *visit, const struct message *message, struct error *err)
{
	const struct message_receipt *const receipt = &message->receipt;
	size_t i = 0;

	while (i < visit->asked_count && visit->asked[i] != receipt->sequence)
		i++;
	if (i < visit->asked_count)
		visit_courier_drop(visit->asked, &visit->asked_count, i);
	else if (receipt->envelope.len == 0)
		return error_set(err, ERROR_MALFORMED, "an empty receipt nobody asked for");
	return receipt->envelope.len == 0 || keep(visit, receipt, err);
}

static bool take_state(
	struct visit_courier *visit, const struct message *message, struct error *err)
{
	const struct visit_courier_host *const host = visit->host;

	if (!set_phase(visit, &message->state, err))
		return false;
	host->progress(host->self, &visit->phase, visit->sent, visit->errand.offer.size);
	if (visit->phase.phase == MESSAGE_PHASE_REBOOTING)
		visit->state = VISIT_REBOOTING;
	visit->open = (visit->phase.phase == MESSAGE_PHASE_WAITING
			      || visit->phase.phase == MESSAGE_PHASE_STAGED)
		&& visit_courier_is_errand(visit, visit->phase.deployment);
	return true;
}

static bool take_want(
	struct visit_courier *visit, const struct message *message, struct error *err)
{
	const struct message_want *const want = &message->want;
	const struct message_offer *const offer = &visit->errand.offer;
	const uint64_t size
		= want->object == MESSAGE_ARTIFACT ? offer->size : offer->metadata_size;

	if (want->offset > size || want->length > size - want->offset)
		return error_set(err, ERROR_MALFORMED, "WANT past the end");
	return visit_wants_add(&visit->wants, want)
		|| error_set(err, ERROR_MALFORMED, "over %d WANTs at a time", MESSAGE_WANTS);
}

/* It crossed our BYE on the cable. */
static bool ignore_want(
	struct visit_courier *visit, const struct message *message, struct error *err)
{
	(void)visit;
	(void)message;
	(void)err;
	return true;
}

static bool take_bye(
	struct visit_courier *visit, const struct message *message, struct error *err)
{
	(void)message;
	if (!visit->parted)
		return error_set(err, ERROR_MALFORMED, "unexpected BYE before ours");
	visit->state = VISIT_DONE;
	return true;
}

static const struct rule {
	enum visit_stage stage;
	enum message_type type;
	bool (*take)(struct visit_courier *, const struct message *, struct error *);
} rules[] = {
	{STAGE_GREETING, MESSAGE_ACCEPT, take_accept},
	{STAGE_GREETING, MESSAGE_REFUSED, take_refused},
	{STAGE_COLLECTING, MESSAGE_RECEIPT, take_receipt},
	{STAGE_COLLECTING, MESSAGE_STATE, take_state},
	{STAGE_SERVING, MESSAGE_RECEIPT, take_receipt},
	{STAGE_SERVING, MESSAGE_STATE, take_state},
	{STAGE_SERVING, MESSAGE_WANT, take_want},
	{STAGE_PARTING, MESSAGE_RECEIPT, take_receipt},
	{STAGE_PARTING, MESSAGE_STATE, take_state},
	{STAGE_PARTING, MESSAGE_WANT, ignore_want},
	{STAGE_PARTING, MESSAGE_BYE, take_bye},
};

static bool consult(
	struct visit_courier *visit, const struct message *message, struct error *err)
{
	for (size_t i = 0; i < COUNT(rules); i++)
		if (rules[i].stage == visit->stage && rules[i].type == message->type)
			return rules[i].take(visit, message, err);
	return error_set(err, ERROR_MALFORMED, "unexpected %s while %s",
		message_type_text(message->type), stage_texts[visit->stage]);
}

bool visit_courier_take(struct visit_courier *visit, struct bytes bytes, struct error *err)
{
	struct message message;

	if (visit->state != VISIT_GOING) /* what was on its way when we left */
		return true;
	if (message_decode(bytes, &message, err) && consult(visit, &message, err))
		return true;
	visit->stage = STAGE_OVER;
	return false;
}
