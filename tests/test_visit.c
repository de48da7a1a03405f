#include <stdlib.h>
#include <string.h>

#include "device-link/visit.h"
#include "tests/fleet.h"
#include "tests/test.h"

enum { ARTIFACT_SIZE = 300 * 1000, METADATA_SIZE = 5000, ROOM = SESSION_MESSAGE_MAX };

#define RUN(text)                                                                              \
	{                                                                                      \
		(const uint8_t *)(text), sizeof(text) - 1                                      \
	}

/* What the artifact holds at OFFSET. */
static uint8_t content(enum message_object object, uint64_t offset)
{
	return (uint8_t)(offset * 7 + offset / 251 + (object == MESSAGE_METADATA ? 100 : 0));
}

/* ---- a courier's host: what it brings, and what it was given ---- */

struct desk {
	struct visit_errand errand;
	bool lacks_all;
	uint64_t final;              /* the sequence of the receipt that ends the errand */
	uint64_t kept[MESSAGE_RING]; /* sequences */
	size_t kept_count;
	char met[80];
	bool certified;
	enum error_code failing; /* of keep(), when not ERROR_NONE */
	enum message_phase phases[32];
	size_t phase_count;
	uint64_t sent;
};

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

/* ---- a device's host ---- */

struct unit {
	struct message_accept accept;
	bool refuse;
	struct message_refused why;
	struct message_offer offer; /* size 0: none came */
	bool nothing, identified;
	uint64_t metadata;        /* bytes of it received */
	uint64_t asked, received; /* bytes of the artifact; begin where we left off */
	uint32_t piece;           /* bytes to ask for at once; 0: never asks */
	uint64_t kept[MESSAGE_RING];
	size_t kept_count;
	const struct message *before, *after; /* the offer came; all of it came */
	size_t before_count, after_count;
	bool stays; /* has something to do until all is said */
	char judged[80];
};

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

/* ---- both ---- */

struct scene {
	struct fleet fleet;
	struct party courier, device;
	struct session *session[2];
	struct desk desk;
	struct unit unit;
	struct visit_courier_host desk_host;
	struct visit_device_host unit_host;
	struct visit_courier *up;
	struct visit_device *down;
	size_t room;
	struct error why[2]; /* of the courier's visit, of the device's */
	bool failed[2];
	size_t outstanding, most_outstanding; /* COLLECTs */
	size_t wanted, most_wanted;           /* bytes of WANTs */
	size_t largest_data;
};

static const struct message_hello hello = {.software = RUN("courier test")};

static const struct message_offer pump_offer = {
	.deployment = RUN("dep-1"),
	.name = RUN("pump-fw-1.4"),
	.size = ARTIFACT_SIZE,
	.metadata_size = METADATA_SIZE,
};

static void begin_visit(struct scene *scene)
{
	struct error err = {0};

	visit_courier_free(scene->up);
	visit_device_free(scene->down);
	scene->up = NULL;
	scene->down = NULL;
	MUST(visit_courier_new(&scene->desk_host, &hello, scene->session[0], &scene->up, &err));
	MUST(visit_device_new(&scene->unit_host, scene->session[1], &scene->down, &err));
}

static int make_scene(void **state)
{
	struct scene *const scene = calloc(1, sizeof(*scene));
	struct error err = {0};

	*state = scene;
	if (scene == NULL || !fleet_make(&scene->fleet, "fleet", &err)
		|| !fleet_member(&scene->fleet, CERTIFICATE_COURIER, CRYPTO_ED25519, "c1", NULL,
			INT32_MAX, &scene->courier, &err)
		|| !fleet_member(&scene->fleet, CERTIFICATE_DEVICE, CRYPTO_ED25519, "d1", NULL,
			INT32_MAX, &scene->device, &err))
		return -1;

	const struct session_identity courier = fleet_identity(&scene->fleet, &scene->courier);
	const struct session_identity device = fleet_identity(&scene->fleet, &scene->device);

	if (!fleet_meet(&courier, &device, scene->session, &err))
		return -1;
	scene->room = ROOM;
	scene->desk.errand = (struct visit_errand){.has_offer = true, .offer = pump_offer};
	scene->desk.final = 101;
	scene->unit.accept.software = bytes_of("agent test");
	scene->unit.piece = 30000;
	scene->desk_host = (struct visit_courier_host){
		&scene->desk, desk_met, desk_lacks, desk_keep, desk_read, desk_progress};
	scene->unit_host = (struct visit_device_host){&scene->unit, unit_judge, unit_describe,
		unit_receipt, unit_kept, unit_offered, unit_data, unit_identify, unit_next,
		unit_busy};
	begin_visit(scene);
	return 0;
}

static int end_scene(void **state)
{
	struct scene *const scene = *state;

	visit_courier_free(scene->up);
	visit_device_free(scene->down);
	session_free(scene->session[0]);
	session_free(scene->session[1]);
	party_done(&scene->courier);
	party_done(&scene->device);
	fleet_done(&scene->fleet);
	free(scene);
	return 0;
}

/* What an observer of the cable sees: windows and sizes. */
static void observe(struct scene *scene, struct bytes bytes)
{
	struct message message;
	struct error err = {0};

	MUST(message_decode(bytes, &message, &err));
	if (message.type == MESSAGE_COLLECT)
		scene->outstanding++;
	if (message.type == MESSAGE_RECEIPT && scene->outstanding > 0)
		scene->outstanding--;
	if (message.type == MESSAGE_WANT)
		scene->wanted += message.want.length;
	if (message.type == MESSAGE_DATA) {
		scene->wanted -= message.data.bytes.len;
		if (message.data.bytes.len > scene->largest_data)
			scene->largest_data = message.data.bytes.len;
	}
	if (scene->outstanding > scene->most_outstanding)
		scene->most_outstanding = scene->outstanding;
	if (scene->wanted > scene->most_wanted)
		scene->most_wanted = scene->wanted;
}

/* One message of the courier to the device; false when there is none. */
static bool courier_speaks(struct scene *scene)
{
	CLEANUP(buf_free) struct buf message = {0};
	bool some = false;

	if (scene->failed[0]
		|| !visit_courier_give(
			scene->up, scene->room, &message, &some, &scene->why[0])) {
		scene->failed[0] = true;
		return false;
	}
	if (!some)
		return false;
	assert_true(message.len <= scene->room);
	observe(scene, buf_bytes(&message));
	if (!scene->failed[1]
		&& !visit_device_take(scene->down, buf_bytes(&message), &scene->why[1]))
		scene->failed[1] = true;
	return true;
}

static bool device_speaks(struct scene *scene)
{
	CLEANUP(buf_free) struct buf message = {0};
	bool some = false;

	if (scene->failed[1]
		|| !visit_device_give(
			scene->down, scene->room, &message, &some, &scene->why[1])) {
		scene->failed[1] = true;
		return false;
	}
	if (!some)
		return false;
	assert_true(message.len <= scene->room);
	observe(scene, buf_bytes(&message));
	if (!scene->failed[0]
		&& !visit_courier_take(scene->up, buf_bytes(&message), &scene->why[0]))
		scene->failed[0] = true;
	return true;
}

static void converse(struct scene *scene)
{
	for (bool more = true; more;) {
		more = false;
		while (courier_speaks(scene))
			more = true;
		while (device_speaks(scene))
			more = true;
	}
}

static void assert_well(const struct scene *scene)
{
	for (int i = 0; i < 2; i++)
		if (scene->failed[i])
			fail_msg("%s: %s", i == 0 ? "courier" : "device", scene->why[i].text);
}

static void assert_over(const struct scene *scene, enum visit_state state)
{
	assert_well(scene);
	assert_int_equal(visit_courier_state(scene->up), state);
	assert_int_equal(visit_device_state(scene->down), state);
}

#define STATE(what, id)                                                                        \
	{                                                                                      \
		MESSAGE_STATE,                                                                 \
			.state                                                                 \
			= {.phase = MESSAGE_PHASE_##what,                                      \
				  .percent = 255,                                              \
				  .deployment = id }                                           \
	}
#define RECEIPT(number)                                                                        \
	{                                                                                      \
		MESSAGE_RECEIPT, .receipt = {.sequence = number, .envelope = RUN("envelope") } \
	}

static const struct message installs[] = {
	STATE(INSTALLING, RUN("dep-1")),
	RECEIPT(100), /* INSTALLED */
	STATE(CHECKING, RUN("dep-1")),
	RECEIPT(101), /* CONFIRMED */
	STATE(IDLE, RUN("")),
};

static void a_whole_journey_is_told(void **state)
{
	struct scene *const scene = *state;
	static const enum message_phase phases[] = {MESSAGE_PHASE_IDLE,
		MESSAGE_PHASE_INSTALLING, MESSAGE_PHASE_CHECKING, MESSAGE_PHASE_IDLE};

	scene->unit.accept.oldest = 95;
	scene->unit.accept.newest = 98;
	scene->unit.after = installs;
	scene->unit.after_count = COUNT(installs);
	scene->unit.stays = true;
	converse(scene);
	assert_over(scene, VISIT_DONE);
	assert_string_equal(scene->desk.met, "d1");
	assert_true(scene->desk.certified);
	assert_string_equal(scene->unit.judged, "c1");
	assert_true(visit_courier_final(scene->up));
	assert_int_equal(scene->unit.received, ARTIFACT_SIZE);
	assert_int_equal(scene->desk.sent, ARTIFACT_SIZE);
	assert_int_equal(scene->desk.kept_count, 4); /* 96 and 98, 100 and 101 */
	assert_int_equal(scene->desk.kept[0], 96);
	assert_int_equal(scene->desk.kept[3], 101);
	assert_int_equal(scene->unit.kept_count, 4);
	assert_memory_equal(scene->unit.kept, scene->desk.kept, 4 * sizeof(uint64_t));
	assert_int_equal(scene->desk.phase_count, COUNT(phases));
	assert_memory_equal(scene->desk.phases, phases, sizeof(phases));
	assert_true(scene->most_wanted <= MESSAGE_WANTS * 30000);
}

static void a_full_ring_is_collected_a_few_at_a_time(void **state)
{
	struct scene *const scene = *state;

	scene->desk.errand = (struct visit_errand){0};
	scene->desk.lacks_all = true;
	scene->unit.accept.oldest = 1001;
	scene->unit.accept.newest = 1000 + MESSAGE_RING;
	converse(scene);
	assert_over(scene, VISIT_DONE);
	assert_true(scene->unit.nothing);
	assert_int_equal(scene->most_outstanding, MESSAGE_COLLECTS);
	assert_int_equal(scene->desk.kept_count, MESSAGE_RING - 25); /* 25 were lost */
	assert_int_equal(scene->unit.kept_count, MESSAGE_RING - 25);
	assert_false(visit_courier_final(scene->up));
}

static void a_refusal_is_told_with_its_reason(void **state)
{
	struct scene *const scene = *state;

	scene->unit.refuse = true;
	scene->unit.why = (struct message_refused){
		MESSAGE_REFUSED_EXPIRED, bytes_of("notAfter 2026-11-01")};
	converse(scene);
	assert_true(scene->failed[0]);
	assert_int_equal(scene->why[0].code, ERROR_EXPIRED);
	assert_non_null(strstr(scene->why[0].text, "certificate has expired"));
	assert_non_null(strstr(scene->why[0].text, "(notAfter 2026-11-01)"));
	assert_false(scene->failed[1]);
	assert_int_equal(visit_device_state(scene->down), VISIT_DONE);
	assert_int_equal(scene->desk.met[0], 0);
}

static void a_transfer_resumes_where_it_was(void **state)
{
	struct scene *const scene = *state;

	scene->unit.asked = scene->unit.received = 123457;
	scene->unit.after = &installs[3];
	scene->unit.after_count = 2;
	scene->unit.stays = true;
	converse(scene);
	assert_over(scene, VISIT_DONE);
	assert_int_equal(scene->unit.received, ARTIFACT_SIZE);
	assert_true(visit_courier_final(scene->up));
}

/* The device goes away, comes back, and finishes what it began. */
static void a_reboot_ends_one_visit_and_the_next_goes_on(void **state)
{
	static const struct message reboots[] = {
		RECEIPT(100), /* INSTALLED */
		STATE(REBOOTING, RUN("dep-1")),
	};
	struct scene *const scene = *state;
	bool some = true;
	CLEANUP(buf_free) struct buf message = {0};
	struct error err = {0};

	scene->unit.after = reboots;
	scene->unit.after_count = COUNT(reboots);
	converse(scene);
	assert_over(scene, VISIT_REBOOTING);
	assert_false(visit_courier_final(scene->up));
	assert_int_equal(visit_courier_phase(scene->up)->phase, MESSAGE_PHASE_REBOOTING);
	MUST(visit_courier_give(scene->up, ROOM, &message, &some, &err));
	assert_false(some);
	MUST(visit_device_give(scene->down, ROOM, &message, &some, &err));
	assert_false(some);

	scene->unit.accept.phase = MESSAGE_PHASE_CHECKING;
	scene->unit.accept.deployment = bytes_of("dep-1");
	scene->unit.accept.oldest = scene->unit.accept.newest = 100;
	scene->unit.piece = 0;
	scene->unit.after = &installs[3];
	scene->unit.after_count = 2;
	scene->unit.stays = true;
	begin_visit(scene);
	converse(scene);
	assert_over(scene, VISIT_DONE);
	assert_true(visit_courier_final(scene->up));
}

/* When the courier was away at the end, the receipt waits in the ring. */
static void an_end_found_while_collecting_needs_no_offer(void **state)
{
	struct scene *const scene = *state;

	scene->unit.accept.oldest = scene->unit.accept.newest = 101;
	scene->desk.lacks_all = true;
	converse(scene);
	assert_over(scene, VISIT_DONE);
	assert_true(visit_courier_final(scene->up));
	assert_true(scene->unit.nothing);
	assert_int_equal(scene->unit.offer.size, 0);
}

static void an_offer_waits_until_another_deployment_is_over(void **state)
{
	static const struct message finishes[] = {
		RECEIPT(99),
		STATE(IDLE, RUN("")),
	};
	struct scene *const scene = *state;

	scene->unit.accept.phase = MESSAGE_PHASE_CHECKING;
	scene->unit.accept.deployment = bytes_of("dep-0");
	converse(scene);
	assert_over(scene, VISIT_GOING);
	assert_int_equal(scene->unit.offer.size, 0);

	scene->unit.before = finishes;
	scene->unit.before_count = COUNT(finishes);
	scene->unit.after = &installs[3];
	scene->unit.after_count = 2;
	scene->unit.stays = true;
	converse(scene);
	assert_over(scene, VISIT_DONE);
	assert_true(visit_courier_final(scene->up));
	assert_int_equal(scene->desk.kept[0], 99);
}

/* Staged or half received work of another deployment may be superseded. */
static void an_offer_does_not_wait_for_what_does_not_end(void **state)
{
	static const struct message stale[] = {STATE(STAGED, RUN("dep-0"))};
	struct scene *const scene = *state;

	scene->unit.accept.phase = MESSAGE_PHASE_STAGED;
	scene->unit.accept.deployment = bytes_of("dep-0");
	scene->unit.before = stale;
	scene->unit.before_count = 1;
	scene->unit.after = &installs[3];
	scene->unit.after_count = 2;
	scene->unit.stays = true;
	converse(scene);
	assert_over(scene, VISIT_DONE);
	assert_true(visit_courier_final(scene->up));
}

static void a_staged_or_waiting_device_is_left_with_the_deployment_open(void **state)
{
	static const struct message stages[] = {STATE(STAGED, RUN("dep-1"))};
	static const struct message waits[] = {STATE(WAITING, RUN("dep-1"))};
	struct scene *const scene = *state;

	scene->unit.after = stages;
	scene->unit.after_count = 1;
	converse(scene);
	assert_over(scene, VISIT_DONE);
	assert_false(visit_courier_final(scene->up));
	assert_int_equal(scene->unit.received, ARTIFACT_SIZE);

	scene->unit.piece = 0; /* the gate says later before the first byte */
	scene->unit.after = waits;
	scene->unit.after_count = 1;
	begin_visit(scene);
	converse(scene);
	assert_over(scene, VISIT_DONE);
	assert_false(visit_courier_final(scene->up));
	assert_int_equal(visit_courier_phase(scene->up)->phase, MESSAGE_PHASE_WAITING);
}

static void a_device_with_nothing_to_get_is_asked_to_blink(void **state)
{
	struct scene *const scene = *state;

	scene->desk.errand.identify = true;
	converse(scene);
	assert_over(scene, VISIT_DONE);
	assert_true(scene->unit.identified);
	assert_int_equal(scene->unit.offer.size, 0);
}

/* The receipt of what was under way reaches a courier that brings nothing. */
static void a_busy_device_says_bye_when_it_is_done(void **state)
{
	struct scene *const scene = *state;
	CLEANUP(buf_free) struct buf bye = {0};

	scene->desk.errand = (struct visit_errand){0};
	scene->unit.accept.phase = MESSAGE_PHASE_CHECKING;
	scene->unit.accept.deployment = bytes_of("dep-1");
	scene->unit.after = &installs[3];
	scene->unit.after_count = 2;
	scene->unit.stays = true;
	converse(scene);
	assert_over(scene, VISIT_GOING);
	scene->unit.piece = 0;
	converse(scene);
	assert_over(scene, VISIT_DONE);
	assert_int_equal(scene->unit.kept[0], 101);
}

static void no_message_is_larger_than_the_room(void **state)
{
	struct scene *const scene = *state;

	scene->room = 1500;
	scene->unit.after = &installs[3];
	scene->unit.after_count = 2;
	scene->unit.stays = true;
	converse(scene);
	assert_over(scene, VISIT_DONE);
	assert_int_equal(scene->unit.received, ARTIFACT_SIZE);
	assert_int_equal(scene->largest_data, 1500 - 14);
}

static void a_message_waits_for_room(void **state)
{
	struct scene *const scene = *state;

	scene->room = 8;
	converse(scene);
	assert_over(scene, VISIT_GOING);
	assert_int_equal(scene->unit.judged[0], 0);
	scene->room = ROOM;
	scene->unit.after = &installs[3];
	scene->unit.after_count = 2;
	converse(scene);
	assert_over(scene, VISIT_DONE);
}

static void a_host_that_fails_ends_the_visit(void **state)
{
	struct scene *const scene = *state;
	struct error err = {0};

	scene->desk.failing = ERROR_SIGNATURE;
	scene->desk.lacks_all = true;
	scene->unit.accept.oldest = scene->unit.accept.newest = 7;
	converse(scene);
	assert_true(scene->failed[0]);
	assert_int_equal(scene->why[0].code, ERROR_SIGNATURE);
	assert_int_equal(scene->unit.kept_count, 0);
	assert_false(visit_courier_take(scene->up, (struct bytes)RUN("\x0d"), &err));
	assert_int_equal(err.code, ERROR_MALFORMED);
}

/* ---- hostile peers ---- */

static void tell_courier(struct scene *scene, const struct message *message)
{
	CLEANUP(buf_free) struct buf bytes = {0};
	struct error err = {0};

	MUST(message_encode(message, &bytes, &err));
	scene->failed[0] = !visit_courier_take(scene->up, buf_bytes(&bytes), &scene->why[0]);
}

static void tell_device(struct scene *scene, const struct message *message)
{
	CLEANUP(buf_free) struct buf bytes = {0};
	struct error err = {0};

	MUST(message_encode(message, &bytes, &err));
	scene->failed[1] = !visit_device_take(scene->down, buf_bytes(&bytes), &scene->why[1]);
}

static const struct message samples[] = {
	{MESSAGE_HELLO, .hello = {.version = 1, .software = RUN("courier test")}},
	{MESSAGE_ACCEPT, .accept = {.version = 1}},
	{MESSAGE_REFUSED, .refused = {.reason = MESSAGE_REFUSED_BUSY}},
	{MESSAGE_COLLECT, .collect = 1},
	RECEIPT(1),
	{MESSAGE_KEPT, .kept = 1},
	{MESSAGE_OFFER,
		.offer = {.deployment = RUN("dep-1"), .name = RUN("pump-fw-1.4"), .size = 1}},
	{.type = MESSAGE_NOTHING},
	{MESSAGE_WANT, .want = {MESSAGE_ARTIFACT, 0, 1}},
	{MESSAGE_DATA, .data = {MESSAGE_ARTIFACT, 0, RUN("\0")}},
	STATE(IDLE, RUN("")),
	{.type = MESSAGE_IDENTIFY},
	{.type = MESSAGE_BYE},
};

#define BIT(type) (1U << MESSAGE_##type)

/* Bring a visit to a stage, as its own end sees it; then only these may come. */
static void courier_starts(struct scene *scene)
{
	(void)scene;
}

static void courier_greets(struct scene *scene)
{
	assert_true(courier_speaks(scene));
}

static void courier_collects(struct scene *scene)
{
	scene->desk.lacks_all = true;
	scene->unit.accept.oldest = scene->unit.accept.newest = 1;
	courier_greets(scene);
	assert_true(device_speaks(scene));
	assert_true(courier_speaks(scene));
}

static void courier_serves(struct scene *scene)
{
	courier_greets(scene);
	assert_true(device_speaks(scene));
	assert_true(courier_speaks(scene));
}

static void courier_parts(struct scene *scene)
{
	scene->desk.errand = (struct visit_errand){0};
	courier_serves(scene);
	assert_true(courier_speaks(scene));
}

static const struct posture {
	void (*prepare)(struct scene *);
	unsigned may; /* bits by type */
} courier_postures[] = {
	{courier_starts, BIT(REFUSED)},
	{courier_greets, BIT(ACCEPT) | BIT(REFUSED)},
	{courier_collects, BIT(RECEIPT) | BIT(STATE)},
	{courier_serves, BIT(RECEIPT) | BIT(STATE) | BIT(WANT)},
	{courier_parts, BIT(RECEIPT) | BIT(STATE) | BIT(WANT) | BIT(BYE)},
};

static void device_is_greeted(struct scene *scene)
{
	courier_greets(scene);
}

static void device_accepts(struct scene *scene)
{
	courier_greets(scene);
	assert_true(device_speaks(scene));
}

static void device_gives_a_receipt(struct scene *scene)
{
	courier_collects(scene);
	assert_true(device_speaks(scene));
}

static void device_wants(struct scene *scene)
{
	courier_serves(scene);
	assert_true(device_speaks(scene));
}

static void device_has_nothing_to_get(struct scene *scene)
{
	scene->desk.errand = (struct visit_errand){0};
	courier_serves(scene);
}

static void device_parts(struct scene *scene)
{
	courier_parts(scene);
}

static const struct posture device_postures[] = {
	{courier_starts, BIT(HELLO)},
	{device_is_greeted, 0},
	{device_accepts, BIT(COLLECT) | BIT(OFFER) | BIT(NOTHING) | BIT(IDENTIFY) | BIT(BYE)},
	{device_gives_a_receipt,
		BIT(COLLECT) | BIT(KEPT) | BIT(OFFER) | BIT(NOTHING) | BIT(IDENTIFY)
			| BIT(BYE)},
	{device_wants, BIT(DATA) | BIT(BYE)},
	{device_has_nothing_to_get, BIT(BYE)},
	{device_parts, 0},
};

/* One message of every kind in every posture: it is taken, or ends the visit. */
static void probe(const struct posture *posture, const struct message *message, int end)
{
	void *state = NULL;

	assert_int_equal(make_scene(&state), 0);

	struct scene *const scene = state;
	struct error err = {0};
	CLEANUP(buf_free) struct buf out = {0};
	bool some = true;

	posture->prepare(scene);
	assert_well(scene);
	if (end == 0)
		tell_courier(scene, message);
	else
		tell_device(scene, message);

	const bool may = (posture->may & 1U << message->type) != 0;
	const bool refused = end == 0 && may && message->type == MESSAGE_REFUSED;

	if (scene->failed[end] == (may && !refused))
		fail_msg("%s: %s", message_type_text(message->type),
			may ? scene->why[end].text : "was taken");
	if (scene->failed[end]) {
		assert_int_equal(scene->why[end].code, refused ? ERROR_BUSY : ERROR_MALFORMED);
		MUST(end == 0 ? visit_courier_give(scene->up, ROOM, &out, &some, &err)
			      : visit_device_give(scene->down, ROOM, &out, &some, &err));
		assert_false(some); /* a visit that failed says nothing more */
	}
	assert_int_equal(end_scene(&state), 0);
}

static void every_message_in_every_stage_has_a_defined_result(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(samples); i++) {
		for (size_t j = 0; j < COUNT(courier_postures); j++)
			probe(&courier_postures[j], &samples[i], 0);
		for (size_t j = 0; j < COUNT(device_postures); j++)
			probe(&device_postures[j], &samples[i], 1);
	}
}

static void a_device_cannot_want_what_there_is_not(void **state)
{
	static const struct message_want wants[] = {
		{MESSAGE_ARTIFACT, ARTIFACT_SIZE, 1},
		{MESSAGE_ARTIFACT, ARTIFACT_SIZE - 1, 2},
		{MESSAGE_METADATA, METADATA_SIZE - 9, 10},
		{MESSAGE_ARTIFACT, INT64_MAX, MESSAGE_WANT_MAX},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(wants); i++) {
		const struct message message = {MESSAGE_WANT, .want = wants[i]};
		void *fresh = NULL;

		assert_int_equal(make_scene(&fresh), 0);

		struct scene *const scene = fresh;

		courier_serves(scene);
		tell_courier(scene, &message);
		assert_true(scene->failed[0]);
		assert_non_null(strstr(scene->why[0].text, "past the end"));
		assert_int_equal(end_scene(&fresh), 0);
	}
}

static void windows_hold_at_both_ends(void **state)
{
	struct scene *const scene = *state;

	courier_serves(scene);
	for (int i = 0; i < MESSAGE_WANTS; i++) {
		tell_courier(scene, &samples[8]); /* WANT */
		assert_false(scene->failed[0]);
	}
	tell_courier(scene, &samples[8]);
	assert_true(scene->failed[0]);
	assert_int_equal(scene->why[0].code, ERROR_MALFORMED);

	begin_visit(scene);
	scene->failed[0] = false;
	device_accepts(scene);
	for (int i = 0; i < MESSAGE_COLLECTS; i++) {
		tell_device(scene, &samples[3]); /* COLLECT */
		assert_false(scene->failed[1]);
	}
	tell_device(scene, &samples[3]);
	assert_true(scene->failed[1]);
	assert_int_equal(scene->why[1].code, ERROR_MALFORMED);
}

static void data_that_was_not_asked_for_is_not_taken(void **state)
{
	static const struct message_data wrong[] = {
		{MESSAGE_METADATA, 0, RUN("x")}, {MESSAGE_ARTIFACT, 1, RUN("x")},
		{MESSAGE_ARTIFACT, 0, RUN("twelve bytes")}, /* ten were asked for */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		const struct message message = {MESSAGE_DATA, .data = wrong[i]};
		void *fresh = NULL;

		assert_int_equal(make_scene(&fresh), 0);

		struct scene *const scene = fresh;

		scene->unit.piece = 10;
		device_wants(scene);
		tell_device(scene, &message);
		assert_true(scene->failed[1]);
		assert_int_equal(scene->why[1].code, ERROR_MALFORMED);
		assert_int_equal(scene->unit.received, 0);
		assert_int_equal(end_scene(&fresh), 0);
	}
}

static void a_receipt_nobody_asked_for_is_not_empty(void **state)
{
	static const struct message empty = {MESSAGE_RECEIPT, .receipt = {.sequence = 5}};
	struct scene *const scene = *state;

	courier_serves(scene);
	tell_courier(scene, &empty);
	assert_true(scene->failed[0]);
	assert_int_equal(scene->why[0].code, ERROR_MALFORMED);
}

/* A peer from the future is met half way, one from the past is told. */
static void versions_are_agreed_on(void **state)
{
	struct message newer = samples[0], older = samples[0], unknown = samples[1];
	struct scene *const scene = *state;
	CLEANUP(buf_free) struct buf out = {0};
	struct message answer;
	struct error err = {0};
	bool some = false;

	newer.hello.version = 9;
	tell_device(scene, &newer);
	MUST(visit_device_give(scene->down, ROOM, &out, &some, &err));
	MUST(message_decode(buf_bytes(&out), &answer, &err));
	assert_int_equal(answer.type, MESSAGE_ACCEPT);
	assert_int_equal(answer.accept.version, 1);

	begin_visit(scene);
	older.hello.version = 0;
	tell_device(scene, &older);
	out.len = 0;
	MUST(visit_device_give(scene->down, ROOM, &out, &some, &err));
	MUST(message_decode(buf_bytes(&out), &answer, &err));
	assert_int_equal(answer.type, MESSAGE_REFUSED);
	assert_int_equal(answer.refused.reason, MESSAGE_REFUSED_VERSION);

	begin_visit(scene);
	courier_greets(scene);
	unknown.accept.version = 2;
	tell_courier(scene, &unknown);
	assert_true(scene->failed[0]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_scene, end_scene)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_whole_journey_is_told),
		TEST(a_full_ring_is_collected_a_few_at_a_time),
		TEST(a_refusal_is_told_with_its_reason),
		TEST(a_transfer_resumes_where_it_was),
		TEST(a_reboot_ends_one_visit_and_the_next_goes_on),
		TEST(an_end_found_while_collecting_needs_no_offer),
		TEST(an_offer_waits_until_another_deployment_is_over),
		TEST(an_offer_does_not_wait_for_what_does_not_end),
		TEST(a_staged_or_waiting_device_is_left_with_the_deployment_open),
		TEST(a_device_with_nothing_to_get_is_asked_to_blink),
		TEST(a_busy_device_says_bye_when_it_is_done),
		TEST(no_message_is_larger_than_the_room),
		TEST(a_message_waits_for_room),
		TEST(a_host_that_fails_ends_the_visit),
		cmocka_unit_test(every_message_in_every_stage_has_a_defined_result),
		cmocka_unit_test(a_device_cannot_want_what_there_is_not),
		TEST(windows_hold_at_both_ends),
		cmocka_unit_test(data_that_was_not_asked_for_is_not_taken),
		TEST(a_receipt_nobody_asked_for_is_not_empty),
		TEST(versions_are_agreed_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
