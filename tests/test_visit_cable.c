/* Whole visits over cables that are slow, bad, or pulled: a file of some size. */
#include "tests/test.h"
#include "tests/visit_world.h"

enum { SIZE = 60 * 1000 };

static const struct cable_settings usual_serial = {.rate = 11520, .delay_ms = 5};

static void a_visit_over_a_good_cable_sends_everything_once(void **state)
{
	struct world world;

	world_begin(&world, *state, &usual_serial, SIZE);
	world_run(&world);
	assert_int_equal(world.served, SIZE);
	assert_int_equal(world.visits, 2);
	/* 60000 bytes take 5.2 s at least; the meeting comes first. */
	assert_true(cable_now_ms(world.cable) < 9000);
	world_done(&world);
}

static void a_visit_over_a_bad_cable_comes_to_the_same_end(void **state)
{
	struct world world;

	world_begin(&world, *state, &usual_serial, SIZE);
	world.faults = (struct faults){
		.seed = 7, .lost = 20000, .twice = 20000, .late = 20000, .damaged = 2000};
	world_run(&world);
	assert_int_equal(world.served, SIZE);
	world_done(&world);
}

/* Bytes on the cable from end E when nothing goes wrong. */
static uint64_t whole_of(void **state, int e)
{
	struct world world;

	world_begin(&world, *state, &usual_serial, SIZE);
	world_run(&world);

	const uint64_t whole = cable_written(world.cable, e)->len;

	world_done(&world);
	return whole;
}

/* The cable is pulled after byte N of either end, and put back; then all is told again,
 * but nothing that came is sent again beyond what was on its way. */
static void a_cable_pulled_anywhere_is_resumed(void **state)
{
	enum { CUTS = 60, WINDOW = MESSAGE_WANTS * 30000 };

	for (int e = 0; e < 2; e++) {
		const uint64_t whole = whole_of(state, e);

		for (unsigned i = 0; i < CUTS; i++) {
			struct world world;

			world_begin(&world, *state, &usual_serial, SIZE);
			world.faults.cut_after = 1 + i * whole / CUTS;
			world.faults.cut = world_cut;
			world.faults.self = &world;
			world_plug(&world, e);
			world.faults.cut_after = 0; /* of those who come after */
			world_run(&world);
			assert_true(world.cut);
			assert_true(world.served <= SIZE + WINDOW);
			world_done(&world);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_visit_over_a_good_cable_sends_everything_once),
		cmocka_unit_test(a_visit_over_a_bad_cable_comes_to_the_same_end),
		cmocka_unit_test(a_cable_pulled_anywhere_is_resumed),
	};

	return cmocka_run_group_tests(tests, make_scene, end_scene);
}
