#include <string.h>

#include "tests/test.h"
#include "tests/visit_scene.h"

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
