#include <string.h>

#include "tests/test.h"
#include "tests/visit_scene.h"

/* What the artifact holds at OFFSET. */
static uint8_t content(enum message_object object, uint64_t offset)
{
	return (uint8_t)(offset * 7 + offset / 251 + (object == MESSAGE_METADATA ? 100 : 0));
}

static bool desk_met(void *self, const struct visit_peer *peer, struct visit_errand *errand,
	struct error *err)
{
	struct desk *const desk = self;
	struct certificate_holder holder;

	if (!certificate_holder(peer->chain, &holder, err))
		return false;
	memcpy(desk->met, holder.id, sizeof(holder.id));
	desk->certified = peer->certified;
	*errand = desk->errand;
	return true;
}

static bool desk_lacks(void *self, uint64_t sequence)
{
	const struct desk *const desk = self;

	return desk->lacks_all || sequence % 2 == 0;
}

static bool desk_keep(
	void *self, const struct message_receipt *receipt, bool *final, struct error *err)
{
	struct desk *const desk = self;

	if (desk->failing != ERROR_NONE)
		return error_set(err, desk->failing, "the desk is on fire");
	assert_true(desk->kept_count < COUNT(desk->kept));
	desk->kept[desk->kept_count++] = receipt->sequence;
	*final = receipt->sequence == desk->final;
	return true;
}

static bool desk_read(void *self, enum message_object object, uint64_t offset, uint8_t *at,
	size_t len, struct error *err)
{
	(void)self;
	(void)err;
	for (size_t i = 0; i < len; i++)
		at[i] = content(object, offset + i);
	return true;
}

static void desk_progress(
	void *self, const struct message_state *state, uint64_t sent, uint64_t size)
{
	struct desk *const desk = self;

	assert_true(sent <= size);
	desk->sent = sent;
	if (desk->phase_count == 0 || desk->phases[desk->phase_count - 1] != state->phase) {
		assert_true(desk->phase_count < COUNT(desk->phases));
		desk->phases[desk->phase_count++] = state->phase;
	}
}

struct visit_courier_host desk_host(struct desk *desk)
{
	return (struct visit_courier_host){
		desk, desk_met, desk_lacks, desk_keep, desk_read, desk_progress};
}

/* ---- the device's ---- */

static bool unit_judge(void *self, const struct certificate *courier,
	const struct message_hello *hello, bool *refused, struct message_refused *why,
	struct error *err)
{
	struct unit *const unit = self;
	struct certificate_holder holder;

	assert_true(bytes_equal(hello->software, bytes_of("courier test")));
	if (!certificate_holder(courier, &holder, err))
		return false;
	memcpy(unit->judged, holder.id, sizeof(holder.id));
	*refused = unit->refuse;
	*why = unit->why;
	return true;
}

static bool unit_describe(void *self, struct message_accept *accept, struct error *err)
{
	const struct unit *const unit = self;

	(void)err;
	*accept = unit->accept;
	return true;
}

static bool unit_receipt(
	void *self, uint64_t sequence, struct message_receipt *receipt, struct error *err)
{
	(void)self;
	(void)err;
	if (sequence % 10 != 0) /* the ring has lost some */
		receipt->envelope = bytes_of("envelope");
	return true;
}

static bool unit_kept(void *self, uint64_t sequence, struct error *err)
{
	struct unit *const unit = self;

	(void)err;
	assert_true(unit->kept_count < COUNT(unit->kept));
	unit->kept[unit->kept_count++] = sequence;
	return true;
}

static bool unit_offered(void *self, const struct message_offer *offer, struct error *err)
{
	struct unit *const unit = self;

	(void)err;
	if (offer == NULL)
		unit->nothing = true;
	else
		unit->offer = *offer;
	return true;
}

static bool unit_data(void *self, const struct message_data *data, struct error *err)
{
	struct unit *const unit = self;
	uint64_t *const received
		= data->object == MESSAGE_ARTIFACT ? &unit->received : &unit->metadata;

	(void)err;
	assert_int_equal(data->offset, *received);
	for (size_t i = 0; i < data->bytes.len; i++)
		assert_int_equal(data->bytes.at[i], content(data->object, data->offset + i));
	*received += data->bytes.len;
	return true;
}

static bool unit_identify(void *self, struct error *err)
{
	struct unit *const unit = self;

	(void)err;
	unit->identified = true;
	return true;
}

static bool ask(struct unit *unit, struct message *message)
{
	const uint64_t left = unit->offer.size - unit->asked;
	const uint32_t length = left < unit->piece ? (uint32_t)left : unit->piece;

	if (length == 0)
		return false;
	*message = (struct message){
		MESSAGE_WANT, .want = {MESSAGE_ARTIFACT, unit->asked, length}};
	unit->asked += length;
	return true;
}

static bool unit_next(void *self, struct message *message, bool *some, struct error *err)
{
	struct unit *const unit = self;
	const bool complete = unit->piece == 0
		|| (unit->offer.size > 0 && unit->received == unit->offer.size);

	(void)err;
	*some = true;
	if (unit->before_count > 0) {
		*message = *unit->before++;
		unit->before_count--;
	} else if (unit->offer.size > 0 && ask(unit, message)) {
		return true;
	} else if (complete && unit->after_count > 0) {
		*message = *unit->after++;
		unit->after_count--;
	} else {
		*some = false;
	}
	return true;
}

static bool unit_busy(void *self)
{
	const struct unit *const unit = self;

	return unit->stays && unit->after_count > 0;
}

struct visit_device_host unit_host(struct unit *unit)
{
	return (struct visit_device_host){unit, unit_judge, unit_describe, unit_receipt,
		unit_kept, unit_offered, unit_data, unit_identify, unit_next, unit_busy};
}
