#include <stdlib.h>

#include "device-link/visit_courier_parts.h"

enum {
	DATA_LEAST = 1024,           /* less is not worth a message */
	DATA_AROUND = 1 + 1 + 8 + 4, /* bytes of a DATA that are not data */
};

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

	return phase < COUNT(busy) && busy[phase]
		&& !visit_courier_is_errand(visit, visit->phase.deployment);
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

	const size_t best = want->length < VISIT_DATA_BEST ? want->length : VISIT_DATA_BEST;
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
	if (visit->stage == STAGE_GREETING)
		return say_hello(visit, message);
	if (say_kept(visit, message))
		return true;
	if (visit->stage == STAGE_COLLECTING)
		return say_collect(visit, message) || say_errand(visit, message);
	if (visit->stage == STAGE_SERVING && !visit->ended && !visit->open)
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
		visit_courier_drop(visit->kept, &visit->kept_count, 0);
	if (message->type == MESSAGE_COLLECT)
		visit->asked[visit->asked_count++] = visit->next++;
	if (message->type == MESSAGE_OFFER)
		visit->stage = STAGE_SERVING;
	if (message->type == MESSAGE_NOTHING || message->type == MESSAGE_IDENTIFY
		|| message->type == MESSAGE_BYE)
		visit->stage = STAGE_PARTING;
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

	if (visit->state != VISIT_GOING || visit->stage == STAGE_OVER
		|| !find_next(visit, room, &message)) {
		*some = false;
		return true;
	}
	if (!read_data(visit, &message, err) || !message_encode(&message, out, err)) {
		visit->stage = STAGE_OVER;
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
