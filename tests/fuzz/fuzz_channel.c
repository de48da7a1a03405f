/*
 * Whatever frames a stranger sends to either end: no conversation comes to be open, no
 * message comes out, what is said stays little, and a courier that has not heard a
 * device's frame has said nothing.
 */
#include <stdlib.h>

#include "device-link/channel.h"
#include "tests/fleet.h"
#include "tests/fuzz/fuzz.h"
#include "tests/link_memory.h"

enum {
	RAW = 0xf0,    /* a type that stands for bytes as they are */
	HEAD_SIZE = 4, /* of a record: type, connection, time, length */
	SAID_MAX = 2 * 1024 * 1024,
};

struct stage {
	struct fleet fleet;
	struct party parties[2];
};

struct scene {
	struct cable *cable;
	struct channel *channel;
	int end; /* the channel's */
	uint32_t id;
	bool heard; /* the channel, a device's frame */
};

static void check(bool holds)
{
	if (!holds)
		abort();
}

static const struct stage *set_stage(void)
{
	static struct stage stage;
	static bool ready;
	struct error err = {0};

	if (!ready)
		check(fleet_make(&stage.fleet, "fleet", &err)
			&& fleet_member(&stage.fleet, CERTIFICATE_COURIER, CRYPTO_ED25519, "c1",
				NULL, INT32_MAX, &stage.parties[0], &err)
			&& fleet_member(&stage.fleet, CERTIFICATE_DEVICE, CRYPTO_ED25519, "d1",
				NULL, INT32_MAX, &stage.parties[1], &err));
	ready = true;
	return &stage;
}

/* Remember the id of the last frame the channel wrote, and forget the frames. */
static void overhear(struct scene *scene)
{
	static struct frame_reader reader;
	struct buf *const said = cable_written(scene->cable, scene->end);
	struct bytes from = buf_bytes(said);
	struct frame frame;

	check(said->len < SAID_MAX);
	check(scene->heard || scene->end == 1 || said->len == 0);
	while (frame_read(&reader, &from, &frame))
		if (frame.connection != 0)
			scene->id = frame.connection;
	said->len = 0;
}

static void live(struct scene *scene, int64_t ms)
{
	struct bytes message;
	struct error err = {0};

	cable_advance(scene->cable, cable_now_ms(scene->cable) + ms);
	check(channel_step(scene->channel, cable_now_ms(scene->cable), &err));
	check(!channel_receive(scene->channel, &message));
	check(channel_state(scene->channel) != CHANNEL_OPEN);
	check(channel_room(scene->channel) == 0);
	if (channel_state(scene->channel) == CHANNEL_OVER)
		channel_again(scene->channel);
	overhear(scene);
}

static void send(struct scene *scene, const uint8_t *head, struct bytes payload)
{
	const uint32_t ids[] = {0, scene->id, 0x11111111, scene->id ^ 1};
	const struct frame frame = {(enum frame_type)(head[0] & 0x7f), (head[0] & 0x80) != 0,
		ids[head[1] % COUNT(ids)], (uint16_t)(head[1] / COUNT(ids)), payload};
	CLEANUP(buf_free) struct buf wire = {0};
	struct error err = {0};

	if (head[0] >= RAW) {
		check(cable_inject(scene->cable, !scene->end, payload, &err));
		scene->heard = true; /* who knows */
		return;
	}
	check(frame_encode(&frame, &wire, &err));
	check(cable_inject(scene->cable, !scene->end, buf_bytes(&wire), &err));
	scene->heard = scene->heard
		|| (frame.device && frame.type >= FRAME_BEACON && frame.type <= FRAME_CLOSE);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	static const struct cable_settings settings = {.rate = 0};
	const struct stage *const stage = set_stage();
	struct scene scene = {.end = len > 0 ? at[0] % 2 : 0};
	const struct session_identity identity
		= fleet_identity(&stage->fleet, &stage->parties[scene.end]);
	struct bytes rest = {at + 1, len > 0 ? len - 1 : 0};
	struct link *link = NULL;
	struct error err = {0};

	check(cable_new(&settings, &scene.cable, &err));
	check(cable_plug(scene.cable, scene.end, &link, &err));
	check(channel_new(scene.end == 0 ? SESSION_COURIER : SESSION_DEVICE, link, &identity,
		&scene.channel, &err));
	while (rest.len >= HEAD_SIZE) {
		const uint8_t *const head = rest.at;
		size_t size = head[3];

		rest = (struct bytes){rest.at + HEAD_SIZE, rest.len - HEAD_SIZE};
		if (size > rest.len)
			size = rest.len;
		send(&scene, head, (struct bytes){rest.at, size});
		live(&scene, head[2] * head[2]);
		rest = (struct bytes){rest.at + size, rest.len - size};
	}
	live(&scene, 100000);
	channel_free(scene.channel);
	cable_free(scene.cable);
	return 0;
}
