#include <stdlib.h>

#include "device-link/visit.h"
#include "device-link/visit_wants.h"

/* Where the conversation is; what may come then stands in the table below. */
enum stage {
	GREETING,   /* until HELLO came */
	ANSWERING,  /* until ACCEPT or REFUSED was given */
	COLLECTING, /* the courier asks for receipts, until it said what it brings */
	SERVED,     /* with an offer or without */
	PARTING,    /* the courier said BYE */
	OVER,
};

static const char *const stage_texts[] = {
	[GREETING] = "HELLO is awaited",
	[ANSWERING] = "HELLO is not answered",
	[COLLECTING] = "receipts are collected",
	[SERVED] = "the errand is done",
	[PARTING] = "the courier has said BYE",
	[OVER] = "the visit is over",
};

struct visit_device {
	const struct visit_device_host *host;
	const struct session *session;
	enum stage stage;
	enum visit_state state;
	bool offered;                       /* something, not nothing */
	uint64_t collect[MESSAGE_COLLECTS]; /* sequences asked for and not answered */
	size_t collect_count;
	uint64_t unkept; /* receipts given and not yet confirmed */
	struct visit_wants wants;
	struct buf next;          /* the message to give next, encoded; empty: none */
	enum message_type type;   /* of it */
	struct message_want want; /* what it says, when a WANT */
	enum message_phase phase; /* what it says, when a STATE */
	bool to_keep;             /* it is a RECEIPT that the courier must confirm */
};

static bool unexpected(
	const struct visit_device *visit, enum message_type type, struct error *err)
{
	return error_set(err, ERROR_MALFORMED, "unexpected %s while %s",
		message_type_text(type), stage_texts[visit->stage]);
}

/* Encode MESSAGE as the next to be given. */
static bool prepare(
	struct visit_device *visit, const struct message *message, struct error *err)
{
	if (!message_encode(message, &visit->next, err))
		return false;
	visit->type = message->type;
	if (message->type == MESSAGE_WANT)
		visit->want = message->want;
	if (message->type == MESSAGE_STATE)
		visit->phase = message->state.phase;
	visit->to_keep = message->type == MESSAGE_RECEIPT && message->receipt.envelope.len > 0;
	return true;
}

/* ---- what the courier says ---- */

static bool take_hello(
	struct visit_device *visit, const struct message *message, struct error *err)
{
	const struct visit_device_host *const host = visit->host;
	struct message refusal = {.type = MESSAGE_REFUSED};
	struct message acceptance = {.type = MESSAGE_ACCEPT};
	bool certified = false, refused = message->hello.version < MESSAGE_VERSION;

	visit->stage = ANSWERING;
	if (refused)
		refusal.refused.reason = MESSAGE_REFUSED_VERSION;
	else if (!host->judge(host->self, session_peer(visit->session, &certified),
			 &message->hello, &refused, &refusal.refused, err))
		return false;
	if (refused)
		return prepare(visit, &refusal, err);
	if (!host->describe(host->self, &acceptance.accept, err))
		return false;
	acceptance.accept.version = MESSAGE_VERSION;
	return prepare(visit, &acceptance, err);
}

static bool take_collect(
	struct visit_device *visit, const struct message *message, struct error *err)
{
	if (visit->collect_count == COUNT(visit->collect))
		return error_set(
			err, ERROR_MALFORMED, "over %d COLLECTs at a time", MESSAGE_COLLECTS);
	visit->collect[visit->collect_count++] = message->collect;
	return true;
}

static bool take_kept(
	struct visit_device *visit, const struct message *message, struct error *err)
{
	if (visit->unkept == 0)
		return error_set(err, ERROR_MALFORMED, "KEPT without a receipt");
	visit->unkept--;
	return visit->host->kept(visit->host->self, message->kept, err);
}

static bool take_offer(
	struct visit_device *visit, const struct message *message, struct error *err)
{
	visit->stage = SERVED;
	visit->offered = true;
	return visit->host->offered(visit->host->self, &message->offer, err);
}

static bool take_nothing(
	struct visit_device *visit, const struct message *message, struct error *err)
{
	(void)message;
	visit->stage = SERVED;
	return visit->host->offered(visit->host->self, NULL, err);
}

static bool take_identify(
	struct visit_device *visit, const struct message *message, struct error *err)
{
	(void)message;
	visit->stage = SERVED;
	return visit->host->identify(visit->host->self, err);
}

/* WANTs are answered in order and without gaps, so there is one place where DATA may
 * begin. */
static bool take_data(
	struct visit_device *visit, const struct message *message, struct error *err)
{
	const struct message_want *const want = visit_wants_first(&visit->wants);
	const struct message_data *const data = &message->data;

	if (want == NULL || data->object != want->object || data->offset != want->offset
		|| data->bytes.len > want->length)
		return error_set(err, ERROR_MALFORMED, "DATA that was not asked for");
	visit_wants_answer(&visit->wants, data->bytes.len);
	return visit->host->data(visit->host->self, data, err);
}

static bool take_bye(
	struct visit_device *visit, const struct message *message, struct error *err)
{
	(void)message;
	(void)err;
	visit->stage = PARTING;
	visit->collect_count = 0;
	visit_wants_clear(&visit->wants);
	if (visit->type == MESSAGE_WANT)
		visit->next.len = 0;
	return true;
}

static const struct rule {
	enum stage stage;
	enum message_type type;
	bool (*take)(struct visit_device *, const struct message *, struct error *);
} rules[] = {
	{GREETING, MESSAGE_HELLO, take_hello},
	{COLLECTING, MESSAGE_COLLECT, take_collect},
	{COLLECTING, MESSAGE_KEPT, take_kept},
	{COLLECTING, MESSAGE_OFFER, take_offer},
	{COLLECTING, MESSAGE_NOTHING, take_nothing},
	{COLLECTING, MESSAGE_IDENTIFY, take_identify},
	{COLLECTING, MESSAGE_BYE, take_bye},
	{SERVED, MESSAGE_KEPT, take_kept},
	{SERVED, MESSAGE_DATA, take_data},
	{SERVED, MESSAGE_BYE, take_bye},
	{PARTING, MESSAGE_KEPT, take_kept},
};

static bool consult(
	struct visit_device *visit, const struct message *message, struct error *err)
{
	for (size_t i = 0; i < COUNT(rules); i++)
		if (rules[i].stage == visit->stage && rules[i].type == message->type)
			return rules[i].take(visit, message, err);
	return unexpected(visit, message->type, err);
}

bool visit_device_take(struct visit_device *visit, struct bytes bytes, struct error *err)
{
	struct message message;

	if (visit->state != VISIT_GOING) /* what was on its way when we left */
		return true;
	if (message_decode(bytes, &message, err) && consult(visit, &message, err))
		return true;
	visit->stage = OVER;
	return false;
}

/* ---- what the device says ---- */

static bool answer_collect(struct visit_device *visit, struct error *err)
{
	const struct visit_device_host *const host = visit->host;
	struct message message = {.type = MESSAGE_RECEIPT};
	const uint64_t sequence = visit->collect[0];

	visit->collect_count--;
	for (size_t i = 0; i < visit->collect_count; i++)
		visit->collect[i] = visit->collect[i + 1];
	if (!host->receipt(host->self, sequence, &message.receipt, err))
		return false;
	message.receipt.sequence = sequence;
	return prepare(visit, &message, err);
}

/* May the device say this on its own, now?  It is our own program that is judged. */
static bool check_own(
	const struct visit_device *visit, const struct message *message, struct error *err)
{
	if (message->type == MESSAGE_RECEIPT && message->receipt.envelope.len == 0)
		return error_set(err, ERROR_USAGE, "an empty receipt");
	if (message->type == MESSAGE_WANT && !visit->offered)
		return error_set(err, ERROR_USAGE, "WANT without an offer");
	return message->type == MESSAGE_STATE || message->type == MESSAGE_RECEIPT
		|| message->type == MESSAGE_WANT
		|| error_set(err, ERROR_USAGE, "%s is not the device's to say",
			message_type_text(message->type));
}

/* A WANT after BYE would never be answered. */
static bool ask_host(struct visit_device *visit, struct error *err)
{
	const struct visit_device_host *const host = visit->host;
	struct message message = {0};
	bool some = false;

	if (!host->next(host->self, &message, &some, err))
		return false;
	if (!some || (visit->stage == PARTING && message.type == MESSAGE_WANT))
		return true;
	return check_own(visit, &message, err) && prepare(visit, &message, err);
}

/* Find the next thing to say, if there is none yet. */
static bool find_next(struct visit_device *visit, struct error *err)
{
	static const struct message bye = {.type = MESSAGE_BYE};

	if (visit->next.len > 0 || visit->stage < COLLECTING)
		return true;
	if (visit->collect_count > 0)
		return answer_collect(visit, err);
	if (!ask_host(visit, err))
		return false;
	if (visit->next.len == 0 && visit->stage == PARTING && visit->unkept == 0
		&& !visit->host->busy(visit->host->self))
		return prepare(visit, &bye, err);
	return true;
}

static bool may_give(const struct visit_device *visit, size_t room)
{
	return visit->next.len > 0 && visit->next.len <= room
		&& (visit->type != MESSAGE_WANT || visit->wants.count < MESSAGE_WANTS);
}

static void gave(struct visit_device *visit)
{
	visit->next.len = 0;
	if (visit->to_keep)
		visit->unkept++;
	if (visit->type == MESSAGE_WANT)
		(void)visit_wants_add(&visit->wants, &visit->want);
	if (visit->type == MESSAGE_ACCEPT)
		visit->stage = COLLECTING;
	if (visit->type == MESSAGE_REFUSED || visit->type == MESSAGE_BYE)
		visit->state = VISIT_DONE;
	if (visit->type == MESSAGE_STATE && visit->phase == MESSAGE_PHASE_REBOOTING)
		visit->state = VISIT_REBOOTING;
}

bool visit_device_give(struct visit_device *visit, size_t room, struct buf *message, bool *some,
	struct error *err)
{
	const bool over = visit->state != VISIT_GOING || visit->stage == OVER;

	if (!over && !find_next(visit, err)) {
		visit->stage = OVER;
		return false;
	}
	if (over || !may_give(visit, room)) {
		*some = false;
		return true;
	}
	if (!buf_append(message, buf_bytes(&visit->next), err))
		return false;
	gave(visit);
	*some = true;
	return true;
}

/* ---- its life ---- */

bool visit_device_new(const struct visit_device_host *host, const struct session *session,
	struct visit_device **out, struct error *err)
{
	bool certified = false;

	if (session_peer(session, &certified) == NULL)
		return error_set(err, ERROR_USAGE, "no session is open");

	struct visit_device *const visit = calloc(1, sizeof(*visit));

	if (visit == NULL)
		return error_errno(err, "cannot allocate a visit");
	visit->host = host;
	visit->session = session;
	*out = visit;
	return true;
}

void visit_device_free(struct visit_device *visit)
{
	if (visit == NULL)
		return;
	buf_free(&visit->next);
	free(visit);
}

void visit_device_cleanup(struct visit_device **visit)
{
	visit_device_free(*visit);
}

enum visit_state visit_device_state(const struct visit_device *visit)
{
	return visit->state;
}
