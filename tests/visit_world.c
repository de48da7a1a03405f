#include <stdlib.h>
#include <string.h>

#include "tests/test.h"
#include "tests/visit_world.h"

enum { HOUR_MS = 3600 * 1000 };

static const struct message outcome[] = {
	STATE(INSTALLING, RUN("dep-1")),
	RECEIPT(101), /* CONFIRMED */
	STATE(IDLE, RUN("")),
};

/* ---- either visit, behind one face ---- */

static void visit_end(struct world *world, int e)
{
	struct scene *const scene = world->scene;

	if (e == COURIER) {
		visit_courier_free(scene->up);
		scene->up = NULL;
	} else {
		visit_device_free(scene->down);
		scene->down = NULL;
	}
	world->sides[e].visiting = world->sides[e].left = false;
}

/* A device that is visited again asks for what it lacks, and tells what it told. */
static void visit_begin(struct world *world, int e)
{
	struct scene *const scene = world->scene;
	const struct session *const session = channel_session(world->sides[e].channel);
	struct error err = {0};

	visit_end(world, e);
	if (e == COURIER) {
		MUST(visit_courier_new(
			&scene->desk_host, &scene->hello, session, &scene->up, &err));
	} else {
		scene->unit.asked = scene->unit.received;
		scene->unit.offer.size = 0;
		scene->unit.after = outcome;
		scene->unit.after_count = COUNT(outcome);
		MUST(visit_device_new(&scene->unit_host, session, &scene->down, &err));
	}
	world->sides[e].visiting = true;
	world->visits++;
}

static void visit_take(struct world *world, int e, struct bytes message)
{
	struct error err = {0};

	if (e == COURIER)
		MUST(visit_courier_take(world->scene->up, message, &err));
	else
		MUST(visit_device_take(world->scene->down, message, &err));
}

static bool visit_give(struct world *world, int e, struct buf *message)
{
	const size_t room = channel_room(world->sides[e].channel);
	struct error err = {0};
	bool some = false;

	if (e == COURIER)
		MUST(visit_courier_give(world->scene->up, room, message, &some, &err));
	else
		MUST(visit_device_give(world->scene->down, room, message, &some, &err));
	return some;
}

static enum visit_state visit_state_of(const struct world *world, int e)
{
	return e == COURIER ? visit_courier_state(world->scene->up)
			    : visit_device_state(world->scene->down);
}

/* ---- the cable ---- */

void world_plug(struct world *world, int e)
{
	struct side *const side = &world->sides[e];
	struct link *link = NULL;
	struct error err = {0};

	if (world->pull.after != 0) {
		MUST(link_pulled_new(&world->pull, e, &link, &err));
	} else {
		MUST(cable_plug(world->cable, e, &link, &err));
		MUST(link_faulty_new(link, &world->faults, &link, &err));
		world->faults.seed++;
	}
	MUST(channel_new(e == COURIER ? SESSION_COURIER : SESSION_DEVICE, link,
		&world->identity[e], &side->channel, &err));
}

static void unplug(struct world *world, int e)
{
	channel_free(world->sides[e].channel);
	world->sides[e].channel = NULL;
	visit_end(world, e);
}

void world_cut(void *self)
{
	struct world *const world = self;

	world->cut = true;
	cable_cut(world->cable);
}

static void count_data(struct world *world, struct bytes bytes)
{
	struct message message;
	struct error err = {0};

	MUST(message_decode(bytes, &message, &err));
	if (message.type == MESSAGE_DATA)
		world->served += message.data.bytes.len;
}

static void talk(struct world *world, int e)
{
	struct side *const side = &world->sides[e];
	struct bytes came = {0};
	bool some = true;

	while (channel_receive(side->channel, &came))
		visit_take(world, e, came);
	while (some && channel_state(side->channel) == CHANNEL_OPEN) {
		CLEANUP(buf_free) struct buf message = {0};
		struct error err = {0};

		some = visit_give(world, e, &message);
		if (!some)
			break;
		count_data(world, buf_bytes(&message));
		MUST(channel_send(side->channel, buf_bytes(&message), &err));
	}
	if (e == COURIER && visit_state_of(world, e) == VISIT_DONE && !side->left) {
		side->left = true;
		world->done = visit_courier_final(world->scene->up);
		channel_close(side->channel);
	}
}

static void step(struct world *world, int e)
{
	struct side *const side = &world->sides[e];
	struct error err = {0};

	if (side->channel == NULL)
		world_plug(world, e);
	if (!channel_step(side->channel, cable_now_ms(world->cable), &err)) {
		assert_int_equal(err.code, ERROR_LINK);
		unplug(world, e);
		return;
	}
	if (channel_state(side->channel) == CHANNEL_OPEN && !side->visiting)
		visit_begin(world, e);
	if (side->visiting)
		talk(world, e);
	if (channel_state(side->channel) == CHANNEL_OVER) {
		visit_end(world, e);
		channel_again(side->channel);
	}
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void turn(struct world *world)
{
	const int64_t now_ms = cable_now_ms(world->cable);
	int64_t next = cable_next_ms(world->cable);

	for (int e = 0; e < 2; e++) {
		step(world, e);
		if (world->sides[e].channel != NULL)
			next = sooner(next, channel_deadline_ms(world->sides[e].channel));
	}
	next = sooner(next, cable_next_ms(world->cable));
	cable_advance(world->cable, next > now_ms && next != INT64_MAX ? next : now_ms + 1);
}

/* Nothing was asked, said or kept yet. */
static void forget(struct scene *scene, uint64_t size)
{
	const struct desk desk = scene->desk;
	const struct unit unit = scene->unit;

	scene->desk = (struct desk){.errand = desk.errand, .final = WORLD_RECEIPT};
	scene->desk.errand.offer.size = size;
	scene->unit = (struct unit){.accept = unit.accept, .piece = unit.piece, .stays = true};
}

void world_begin(struct world *world, struct scene *scene,
	const struct cable_settings *settings, uint64_t size)
{
	struct error err = {0};

	*world = (struct world){.scene = scene, .faults = {.seed = 1}};
	forget(scene, size);
	visit_end(world, COURIER);
	visit_end(world, DEVICE);
	world->identity[COURIER] = fleet_identity(&scene->fleet, &scene->courier);
	world->identity[DEVICE] = fleet_identity(&scene->fleet, &scene->device);
	MUST(cable_new(settings, &world->cable, &err));
	world->pull.cable = world->cable;
}

void world_run(struct world *world)
{
	const uint64_t size = world->scene->desk.errand.offer.size;

	while (!world->done) {
		if (cable_now_ms(world->cable) > HOUR_MS)
			fail_msg("not within an hour: %u bytes of %u came",
				(unsigned)world->scene->unit.received, (unsigned)size);
		turn(world);
	}
	assert_int_equal(world->scene->unit.received, size);
	assert_true(world->scene->desk.kept_count > 0);
	assert_int_equal(world->scene->desk.kept[0], WORLD_RECEIPT);
}

void world_done(struct world *world)
{
	unplug(world, COURIER);
	unplug(world, DEVICE);
	cable_free(world->cable);
}
