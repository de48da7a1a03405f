#include <stdlib.h>

#include "tests/test.h"
#include "tests/visit_scene.h"

static const struct message_offer pump_offer = {
	.deployment = RUN("dep-1"),
	.name = RUN("pump-fw-1.4"),
	.size = ARTIFACT_SIZE,
	.metadata_size = METADATA_SIZE,
};

void begin_visit(struct scene *scene)
{
	struct error err = {0};

	visit_courier_free(scene->up);
	visit_device_free(scene->down);
	scene->up = NULL;
	scene->down = NULL;
	MUST(visit_courier_new(
		&scene->desk_host, &scene->hello, scene->session[0], &scene->up, &err));
	MUST(visit_device_new(&scene->unit_host, scene->session[1], &scene->down, &err));
}

int make_scene(void **state)
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
	scene->hello.software = bytes_of("courier test");
	scene->desk.errand = (struct visit_errand){.has_offer = true, .offer = pump_offer};
	scene->desk.final = 101;
	scene->unit.accept.software = bytes_of("agent test");
	scene->unit.piece = 30000;
	scene->desk_host = desk_host(&scene->desk);
	scene->unit_host = unit_host(&scene->unit);
	begin_visit(scene);
	return 0;
}

int end_scene(void **state)
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

bool courier_speaks(struct scene *scene)
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

bool device_speaks(struct scene *scene)
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

void converse(struct scene *scene)
{
	for (bool more = true; more;) {
		more = false;
		while (courier_speaks(scene))
			more = true;
		while (device_speaks(scene))
			more = true;
	}
}

void assert_well(const struct scene *scene)
{
	for (int i = 0; i < 2; i++)
		if (scene->failed[i])
			fail_msg("%s: %s", i == 0 ? "courier" : "device", scene->why[i].text);
}

void assert_over(const struct scene *scene, enum visit_state state)
{
	assert_well(scene);
	assert_int_equal(visit_courier_state(scene->up), state);
	assert_int_equal(visit_device_state(scene->down), state);
}
