#include <string.h>

#include "tests/test.h"
#include "tests/visit_scene.h"

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
		cmocka_unit_test(every_message_in_every_stage_has_a_defined_result),
		cmocka_unit_test(a_device_cannot_want_what_there_is_not),
		TEST(windows_hold_at_both_ends),
		cmocka_unit_test(data_that_was_not_asked_for_is_not_taken),
		TEST(a_receipt_nobody_asked_for_is_not_empty),
		TEST(versions_are_agreed_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
