#include <stdlib.h>
#include <string.h>

#include "device-link/visit.h"
#include "device-link/visit_wants.h"

enum {
	KEPTS_MAX = 16,                    /* receipts kept and not yet confirmed */
	DATA_BEST = MESSAGE_DATA_MAX - 32, /* with what surrounds it, one TLS record */
	DATA_LEAST = 1024,                 /* less is not worth a message */
	DATA_AROUND = 1 + 1 + 8 + 4,       /* bytes of a DATA that are not data */
};

/* Where the conversation is; what may come then stands in the table below. */
enum stage {
	GREETING,   /* until ACCEPT */
	COLLECTING, /* receipts, until it is said what we bring */
	SERVING,    /* the offer, until its end */
	PARTING,    /* nothing more to do; BYE */
	OVER,
};

static const char *const stage_texts[] = {
	[GREETING] = "ACCEPT is awaited",
	[COLLECTING] = "receipts are collected",
	[SERVING] = "the offer is served",
	[PARTING] = "the device's BYE is awaited",
	[OVER] = "the visit is over",
};

struct visit_courier {
	const struct visit_courier_host *host;
	const struct session *session;
	struct message hello; /* its runs borrowed */
	enum stage stage;
	enum visit_state state;
	bool greeted, parted; /* HELLO, BYE given */
	struct visit_errand errand;
	bool ended; /* a receipt ended the errand's deployment */
	bool open;  /* the device keeps it, for later */

	uint64_t next, newest;            /* sequences to ask for; none when NEXT is over */
	uint64_t asked[MESSAGE_COLLECTS]; /* and not answered */
	size_t asked_count;
	uint64_t kept[KEPTS_MAX]; /* to be confirmed */
	size_t kept_count;

	struct visit_wants wants;
	uint64_t sent;              /* end of the last piece of the artifact */
	struct message_state phase; /* its runs lie in the two below */
	struct buf deployment, text;
	uint8_t data[DATA_BEST];
};

/* Remove what is at INDEX of a queue. */
static void drop_sequence(uint64_t *at, size_t *count, size_t index)
{
	--*count;
	memmove(at + index, at + index + 1, (*count - index) * sizeof(*at));
}

/* ---- what the device says ---- */

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
	visit->stage = COLLECTING;
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
		return error_set(err, ERROR_MALFORMED, "over %d receipts at a time", KEPTS_MAX);
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
		drop_sequence(visit->asked, &visit->asked_count, i);
	else if (receipt->envelope.len == 0)
		return error_set(err, ERROR_MALFORMED, "an empty receipt nobody asked for");
	return receipt->envelope.len == 0 || keep(visit, receipt, err);
}

static bool is_errand(const struct visit_courier *visit, struct bytes deployment)
{
	return visit->errand.has_offer
		&& bytes_equal(deployment, visit->errand.offer.deployment);
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
		&& is_errand(visit, visit->phase.deployment);
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
	enum stage stage;
	enum message_type type;
	bool (*take)(struct visit_courier *, const struct message *, struct error *);
} rules[] = {
	{GREETING, MESSAGE_ACCEPT, take_accept},
	{GREETING, MESSAGE_REFUSED, take_refused},
	{COLLECTING, MESSAGE_RECEIPT, take_receipt},
	{COLLECTING, MESSAGE_STATE, take_state},
	{SERVING, MESSAGE_RECEIPT, take_receipt},
	{SERVING, MESSAGE_STATE, take_state},
	{SERVING, MESSAGE_WANT, take_want},
	{PARTING, MESSAGE_RECEIPT, take_receipt},
	{PARTING, MESSAGE_STATE, take_state},
	{PARTING, MESSAGE_WANT, ignore_want},
	{PARTING, MESSAGE_BYE, take_bye},
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
	visit->stage = OVER;
	return false;
}

/* ---- what the courier says ---- */

static bool say_hello(struct visit_courier *visit, struct message *message)
{
	*message = visit->hello;
	return !visit->greeted;
}

static bool say_kept(struct visit_courier *visit, struct message *message)
{
	if (visit->kept_count == 0)
		return false;
	*message = (struct message){MESSAGE_KEPT, .kept = visit->kept[0]};
	return true;
}

static bool say_collect(struct visit_courier *visit, struct message *message)
{
	const struct visit_courier_host *const host = visit->host;

	while (visit->next > 0 && visit->next <= visit->newest
		&& !host->lacks(host->self, visit->next))
		visit->next++;
	if (visit->next == 0 || visit->next > visit->newest
		|| visit->asked_count == COUNT(visit->asked))
		return false;
	*message = (struct message){MESSAGE_COLLECT, .collect = visit->next};
	return true;
}

/* Phases that end by themselves: an offer of something else has to wait for that. */
static bool device_is_busy(const struct visit_courier *visit)
{
	static const bool busy[] = {
		[MESSAGE_PHASE_VERIFYING] = true,
		[MESSAGE_PHASE_INSTALLING] = true,
		[MESSAGE_PHASE_REBOOTING] = true,
		[MESSAGE_PHASE_CHECKING] = true,
		[MESSAGE_PHASE_COMMITTING] = true,
		[MESSAGE_PHASE_ROLLING_BACK] = true,
	};
	const enum message_phase phase = visit->phase.phase;

	return phase < COUNT(busy) && busy[phase] && !is_errand(visit, visit->phase.deployment);
}

static bool say_errand(struct visit_courier *visit, struct message *message)
{
	const struct visit_errand *const errand = &visit->errand;
	const bool offer = errand->has_offer && !errand->identify && !visit->ended;

	if (visit->asked_count > 0 || (offer && device_is_busy(visit)))
		return false;
	*message = (struct message){.type = errand->identify ? MESSAGE_IDENTIFY
			: offer                              ? MESSAGE_OFFER
							     : MESSAGE_NOTHING};
	if (offer)
		message->offer = errand->offer;
	return true;
}

/* The first of the WANTs, as far as it fits.  Leaves the bytes to be read. */
static bool say_data(struct visit_courier *visit, size_t room, struct message *message)
{
	const struct message_want *const want = visit_wants_first(&visit->wants);

	if (want == NULL || room <= DATA_AROUND)
		return false;

	const size_t best = want->length < DATA_BEST ? want->length : DATA_BEST;
	const size_t len = best < room - DATA_AROUND ? best : room - DATA_AROUND;

	if (len < best && len < DATA_LEAST)
		return false;
	*message = (struct message){
		MESSAGE_DATA, .data = {want->object, want->offset, {visit->data, len}}};
	return true;
}

static bool say_bye(struct visit_courier *visit, struct message *message)
{
	*message = (struct message){.type = MESSAGE_BYE};
	return !visit->parted;
}

/* What there is to say now, the most urgent first. */
static bool find_next(struct visit_courier *visit, size_t room, struct message *message)
{
	if (visit->stage == GREETING)
		return say_hello(visit, message);
	if (say_kept(visit, message))
		return true;
	if (visit->stage == COLLECTING)
		return say_collect(visit, message) || say_errand(visit, message);
	if (visit->stage == SERVING && !visit->ended && !visit->open)
		return say_data(visit, room, message);
	return say_bye(visit, message);
}

/* MESSAGE is on its way: that is the moment at which what it says becomes true. */
static void gave(struct visit_courier *visit, const struct message *message)
{
	const struct visit_courier_host *const host = visit->host;

	if (message->type == MESSAGE_HELLO)
		visit->greeted = true;
	if (message->type == MESSAGE_KEPT)
		drop_sequence(visit->kept, &visit->kept_count, 0);
	if (message->type == MESSAGE_COLLECT)
		visit->asked[visit->asked_count++] = visit->next++;
	if (message->type == MESSAGE_OFFER)
		visit->stage = SERVING;
	if (message->type == MESSAGE_NOTHING || message->type == MESSAGE_IDENTIFY
		|| message->type == MESSAGE_BYE)
		visit->stage = PARTING;
	if (message->type == MESSAGE_BYE)
		visit->parted = true;
	if (message->type != MESSAGE_DATA)
		return;
	visit_wants_answer(&visit->wants, message->data.bytes.len);
	if (message->data.object == MESSAGE_ARTIFACT)
		visit->sent = message->data.offset + message->data.bytes.len;
	host->progress(host->self, &visit->phase, visit->sent, visit->errand.offer.size);
}

static bool read_data(
	struct visit_courier *visit, const struct message *message, struct error *err)
{
	const struct visit_courier_host *const host = visit->host;

	return message->type != MESSAGE_DATA
		|| host->read(host->self, message->data.object, message->data.offset,
			visit->data, message->data.bytes.len, err);
}

bool visit_courier_give(struct visit_courier *visit, size_t room, struct buf *out, bool *some,
	struct error *err)
{
	const size_t before = out->len;
	struct message message = {0};

	if (visit->state != VISIT_GOING || visit->stage == OVER
		|| !find_next(visit, room, &message)) {
		*some = false;
		return true;
	}
	if (!read_data(visit, &message, err) || !message_encode(&message, out, err)) {
		visit->stage = OVER;
		return false;
	}
	*some = out->len - before <= room;
	if (*some)
		gave(visit, &message);
	else
		out->len = before;
	return true;
}

/* ---- its life ---- */

bool visit_courier_new(const struct visit_courier_host *host, const struct message_hello *hello,
	const struct session *session, struct visit_courier **out, struct error *err)
{
	bool certified = false;

	if (session_peer(session, &certified) == NULL)
		return error_set(err, ERROR_USAGE, "no session is open");

	struct visit_courier *const visit = calloc(1, sizeof(*visit));

	if (visit == NULL)
		return error_errno(err, "cannot allocate a visit");
	visit->host = host;
	visit->session = session;
	visit->hello = (struct message){MESSAGE_HELLO, .hello = *hello};
	visit->hello.hello.version = MESSAGE_VERSION;
	visit->phase.percent = 255;
	*out = visit;
	return true;
}

void visit_courier_free(struct visit_courier *visit)
{
	if (visit == NULL)
		return;
	buf_free(&visit->deployment);
	buf_free(&visit->text);
	free(visit);
}

void visit_courier_cleanup(struct visit_courier **visit)
{
	visit_courier_free(*visit);
}

enum visit_state visit_courier_state(const struct visit_courier *visit)
{
	return visit->state;
}

const struct message_state *visit_courier_phase(const struct visit_courier *visit)
{
	return &visit->phase;
}

bool visit_courier_final(const struct visit_courier *visit)
{
	return visit->ended;
}
