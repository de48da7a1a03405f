/* A small delivery, from the first beacon to the receipt, over a cable that is cut: at every
 * byte, in either direction, in every way; the visit that follows comes to the right end. */
#include <stdlib.h>
#include <string.h>

#include "tests/test.h"
#include "tests/visit_world.h"

enum { SIZE = 600, PIECE = 400, WINDOW = MESSAGE_WANTS * PIECE };

static const struct cable_settings serial = {.rate = 92160, .delay_ms = 2};

/* How the cable fails, and who notices. */
static const struct pull ways[] = {
	{.way = PULL_END, .gone = COURIER},
	{.way = PULL_END, .gone = DEVICE},
	{.way = PULL_SILENCE, .silent_ms = 500},
	{.way = PULL_SILENCE, .silent_ms = 60 * 1000},
};

static void begin(struct world *world, struct scene *scene)
{
	world_begin(world, scene, &serial, SIZE);
	scene->unit.piece = PIECE;
}

/* Bytes on the cable from end E when nothing goes wrong: as many as it may take. */
static uint64_t whole_of(struct scene *scene, int e)
{
	enum { TRIES = 8 };
	uint64_t most = 0;

	/* Random numbers decide how many zero bytes the frames must hide. */
	for (int i = 0; i < TRIES; i++) {
		struct world world;

		begin(&world, scene);
		world_run(&world);
		if (cable_written(world.cable, e)->len > most)
			most = cable_written(world.cable, e)->len;
		assert_int_equal(world.served, SIZE);
		assert_int_equal(world.visits, 2);
		world_done(&world);
	}
	return most;
}

static bool kept_by_device(const struct unit *unit)
{
	for (size_t i = 0; i < unit->kept_count; i++)
		if (unit->kept[i] == WORLD_RECEIPT)
			return true;
	return false;
}

/* True when the cable failed: the end may have come before. */
static bool cut_at(struct scene *scene, int e, uint64_t after, const struct pull *way)
{
	struct world world;

	begin(&world, scene);
	world.pull.way = way->way;
	world.pull.gone = way->gone;
	world.pull.silent_ms = way->silent_ms;
	world.pull.end = e;
	world.pull.after = after;
	world_run(&world);

	const bool struck = world.pull.struck;

	/* Each byte came once, in order (visit_hosts.c); the receipt is with both; nothing
	 * is sent again but what was on its way. */
	assert_true(kept_by_device(&scene->unit));
	assert_true(world.served <= SIZE + WINDOW);
	if (way->way == PULL_SILENCE && way->silent_ms < CHANNEL_SILENT_MS / 2
		&& world.visits == 2)
		assert_true(world.served == SIZE);
	world_done(&world);
	return struck;
}

/* One of STRIDE bytes: all, but under sanitizers, which make it long. */
static void cut_everywhere(struct scene *scene, int e, unsigned stride)
{
	const uint64_t whole = whole_of(scene, e);
	uint64_t struck = 0, tried = 0;

	for (uint64_t after = 1; after <= whole; after += stride)
		for (size_t i = 0; i < COUNT(ways); i++, tried++)
			struck += cut_at(scene, e, after, &ways[i]);
	print_message("%s: %u bytes, %u cuts of %u tried\n",
		e == COURIER ? "courier" : "device", (unsigned)whole, (unsigned)struck,
		(unsigned)tried);
	assert_true(struck > tried - tried / 20);
}

static unsigned stride = 1;

static void cut_at_every_byte_to_the_device(void **state)
{
	cut_everywhere(*state, COURIER, stride);
}

static void cut_at_every_byte_from_the_device(void **state)
{
	cut_everywhere(*state, DEVICE, stride);
}

/* test_visit_cut to|from STRIDE */
int main(int argc, char **argv)
{
	const struct CMUnitTest to[] = {cmocka_unit_test(cut_at_every_byte_to_the_device)};
	const struct CMUnitTest from[] = {cmocka_unit_test(cut_at_every_byte_from_the_device)};

	if (argc != 3 || (stride = (unsigned)strtoul(argv[2], NULL, 10)) == 0)
		return 2;
	if (strcmp(argv[1], "to") == 0)
		return cmocka_run_group_tests(to, make_scene, end_scene);
	return cmocka_run_group_tests(from, make_scene, end_scene);
}
