/* Two channels, TLS and all, over a cable in virtual time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device-link/channel.h"
#include "tests/fleet.h"
#include "tests/link_faulty.h"
#include "tests/link_memory.h"
#include "tests/random.h"
#include "tests/test.h"

enum {
	COURIER,
	DEVICE,
	NOT_AFTER = FLEET_BORN + 86400,
	LONG_MS = 3600 * 1000,
	MESSAGE_MIN = 8,
};

static struct fleet fleet;
static struct party parties[2], stranger;

/* One end: its channel and what it wants to say. */
struct side {
	struct channel *channel;
	struct session_identity identity;
	struct faults faults; /* of what it writes */
	unsigned sends;       /* messages */
	size_t most;          /* bytes in one */
	bool deaf;            /* takes no messages */

	unsigned sent, got;     /* in this conversation */
	unsigned conversations; /* that came to be open */
	bool open;
	bool failed; /* how the last one ended, */
	struct error why;
	unsigned ended; /* and how many did */
};

struct world {
	struct cable *cable;
	struct side sides[2];
};

static void begin(struct world *world, const struct cable_settings *settings)
{
	struct error err = {0};

	*world = (struct world){.cable = NULL};
	MUST(cable_new(settings, &world->cable, &err));
	for (int e = 0; e < 2; e++) {
		world->sides[e].identity = fleet_identity(&fleet, &parties[e]);
		world->sides[e].most = 1000;
	}
}

static void unplug(struct side *side)
{
	channel_free(side->channel);
	side->channel = NULL;
	side->open = false;
}

static void done(struct world *world)
{
	unplug(&world->sides[COURIER]);
	unplug(&world->sides[DEVICE]);
	cable_free(world->cable);
}

static void plug(struct world *world, int e)
{
	struct side *const side = &world->sides[e];
	struct link *link = NULL;
	struct error err = {0};

	MUST(cable_plug(world->cable, e, &link, &err));
	MUST(link_faulty_new(link, &side->faults, &link, &err));
	side->faults.seed++;
	MUST(channel_new(e == COURIER ? SESSION_COURIER : SESSION_DEVICE, link, &side->identity,
		&side->channel, &err));
}

/* Message INDEX of end E: its size and content follow from that. */
static size_t make_message(const struct side *side, int e, unsigned index, uint8_t *at)
{
	struct random random = {((uint64_t)index << 1) + (uint64_t)e};
	const size_t len = MESSAGE_MIN + random_below(&random, side->most - MESSAGE_MIN + 1);

	memcpy(at, &index, sizeof(index));
	for (size_t i = sizeof(index); i < len; i++)
		at[i] = (uint8_t)(i * 7 + index + (unsigned)e);
	return len;
}

static void take_messages(struct world *world, int e)
{
	static uint8_t expected[SESSION_MESSAGE_MAX];
	struct side *const side = &world->sides[e];
	struct bytes message;

	while (!side->deaf && channel_receive(side->channel, &message)) {
		const size_t len = make_message(&world->sides[!e], !e, side->got++, expected);

		assert_true(bytes_equal(message, (struct bytes){expected, len}));
	}
}

static void give_messages(struct side *side, int e)
{
	static uint8_t message[SESSION_MESSAGE_MAX];
	struct error err = {0};

	while (side->sent < side->sends && channel_room(side->channel) > 0) {
		const size_t len = make_message(side, e, side->sent, message);

		if (channel_room(side->channel) < len)
			break;
		MUST(channel_send(side->channel, (struct bytes){message, len}, &err));
		side->sent++;
	}
}

static void step(struct world *world, int e)
{
	struct side *const side = &world->sides[e];
	struct error err = {0};

	if (side->channel == NULL)
		plug(world, e);
	if (!channel_step(side->channel, cable_now_ms(world->cable), &err)) {
		assert_int_equal(err.code, ERROR_LINK);
		unplug(side);
		return;
	}
	if (channel_state(side->channel) == CHANNEL_OPEN && !side->open) {
		side->open = true;
		side->sent = 0;
		side->got = 0;
		side->conversations++;
	}
	take_messages(world, e);
	give_messages(side, e);
	if (channel_state(side->channel) == CHANNEL_OVER) {
		const struct error *const why = channel_why(side->channel);

		side->failed = why != NULL;
		if (why != NULL)
			side->why = *why;
		side->ended++;
		side->open = false;
		channel_again(side->channel);
	}
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* One turn of the world: both ends, then time. */
static void turn(struct world *world)
{
	const int64_t now_ms = cable_now_ms(world->cable);
	int64_t next = INT64_MAX;

	for (int e = 0; e < 2; e++) {
		step(world, e);
		if (world->sides[e].channel != NULL)
			next = sooner(next, channel_deadline_ms(world->sides[e].channel));
	}
	next = sooner(next, cable_next_ms(world->cable));
	cable_advance(world->cable, next > now_ms && next != INT64_MAX ? next : now_ms + 1);
}

static bool is_open(const struct world *world)
{
	return world->sides[COURIER].open && world->sides[DEVICE].open;
}

static bool is_said(const struct world *world)
{
	return is_open(world) && world->sides[COURIER].got == world->sides[DEVICE].sends
		&& world->sides[DEVICE].got == world->sides[COURIER].sends
		&& channel_flushed(world->sides[COURIER].channel)
		&& channel_flushed(world->sides[DEVICE].channel);
}

static void until(struct world *world, bool (*holds)(const struct world *))
{
	const int64_t end_ms = cable_now_ms(world->cable) + LONG_MS;

	while (!holds(world)) {
		if (cable_now_ms(world->cable) > end_ms)
			fail_msg("not within an hour: courier %u of %u, device %u of %u",
				world->sides[COURIER].got, world->sides[DEVICE].sends,
				world->sides[DEVICE].got, world->sides[COURIER].sends);
		turn(world);
	}
}

static void pass_time(struct world *world, int64_t ms)
{
	const int64_t end_ms = cable_now_ms(world->cable) + ms;

	while (cable_now_ms(world->cable) < end_ms)
		turn(world);
}

static const struct cable_settings fast_serial = {.rate = 92160, .delay_ms = 1};
static const struct cable_settings usual_serial = {.rate = 11520, .delay_ms = 5};

/* ---- meeting ---- */

static void two_ends_meet_talk_and_part(void **state)
{
	struct world world;
	bool certified = false;

	(void)state;
	begin(&world, &usual_serial);
	world.sides[COURIER].sends = 20;
	world.sides[DEVICE].sends = 30;
	until(&world, is_said);
	for (int e = 0; e < 2; e++) {
		const struct session *const session = channel_session(world.sides[e].channel);

		assert_non_null(session);
		assert_non_null(session_peer(session, &certified));
		assert_true(certified);
		assert_true(channel_noise(world.sides[e].channel).good_frames > 0);
		assert_int_equal(channel_noise(world.sides[e].channel).noise_bytes, 0);
	}
	world.sides[COURIER].sends = 0; /* next time */
	channel_close(world.sides[COURIER].channel);
	pass_time(&world, 500);
	for (int e = 0; e < 2; e++) {
		assert_int_equal(world.sides[e].ended, 1);
		assert_false(world.sides[e].failed);
		assert_true(channel_flushed(world.sides[e].channel)
			|| world.sides[e].conversations > 1);
	}
	until(&world, is_said); /* the device beacons, and all begins anew */
	assert_int_equal(world.sides[DEVICE].conversations, 2);
	done(&world);
}

static void what_was_sent_before_closing_arrives(void **state)
{
	struct world world;

	(void)state;
	for (int e = 0; e < 2; e++) {
		begin(&world, &usual_serial);
		until(&world, is_open);
		world.sides[e].sends = 100;
		give_messages(&world.sides[e], e);
		assert_int_equal(world.sides[e].sent, 100);
		channel_close(world.sides[e].channel);
		world.sides[e].sends = 0;
		while (world.sides[!e].got < 100)
			turn(&world);
		while (world.sides[!e].ended == 0)
			turn(&world);
		assert_false(world.sides[!e].failed);
		done(&world);
	}
}

static void a_stranger_is_told_so(void **state)
{
	struct world world;

	(void)state;
	for (int e = 0; e < 2; e++) {
		begin(&world, &usual_serial);
		world.sides[e].identity.key = stranger.key;
		world.sides[e].identity.chain = stranger.chain;
		while (world.sides[COURIER].ended == 0 || world.sides[DEVICE].ended == 0)
			turn(&world);
		for (int i = 0; i < 2; i++) {
			assert_true(world.sides[i].failed);
			assert_int_equal(world.sides[i].got, 0);
		}
		assert_int_equal(world.sides[!e].why.code, ERROR_SIGNATURE);
		assert_int_not_equal(world.sides[e].why.code, ERROR_TIMEOUT);
		done(&world);
	}
}

/* ---- what the courier may say ---- */

static void inject(struct world *world, const struct frame *frame)
{
	CLEANUP(buf_free) struct buf wire = {0};
	struct error err = {0};

	MUST(frame_encode(frame, &wire, &err));
	MUST(cable_inject(world->cable, DEVICE, buf_bytes(&wire), &err));
}

static void listen(struct world *world, int64_t ms)
{
	const int64_t end_ms = cable_now_ms(world->cable) + ms;

	while (cable_now_ms(world->cable) < end_ms) {
		step(world, COURIER);
		cable_advance(world->cable, cable_now_ms(world->cable) + 10);
	}
}

static const uint8_t beacon_payload[] = {1, 2048 >> 8, 0, 0};
static const uint8_t busy_payload[] = {1, 2048 >> 8, 0, 1};
static const struct frame beacon
	= {.type = FRAME_BEACON, .device = true, .payload = {beacon_payload, 4}};
static const struct frame busy_beacon
	= {.type = FRAME_BEACON, .device = true, .payload = {busy_payload, 4}};

static void the_courier_is_silent_until_it_hears_a_frame(void **state)
{
	static const uint8_t open_payload[] = {1, 8, 0, 0, 0, 45, 0};
	CLEANUP(buf_free) struct buf wire = {0};
	struct frame frame = beacon;
	struct error err = {0};
	struct random random = {4};
	struct world world;

	(void)state;
	begin(&world, &usual_serial);

	const struct buf *const said = cable_written(world.cable, COURIER);

	listen(&world, 30000); /* nobody there */
	MUST(cable_inject(world.cable, DEVICE,
		bytes_of("\r\nU-Boot 2023.01\r\nHit any key to stop autoboot: 3 "), &err));
	listen(&world, 5000);
	assert_string_equal(channel_noise(world.sides[COURIER].channel).sample,
		"U-Boot 2023.01 Hit any key to stop autoboot: 3 ");
	for (int i = 0; i < 20000; i++) {
		const uint8_t byte = (uint8_t)random_next(&random);

		MUST(cable_inject(world.cable, DEVICE, (struct bytes){&byte, 1}, &err));
	}
	MUST(cable_inject(world.cable, DEVICE, (struct bytes){(const uint8_t *)"", 1}, &err));
	listen(&world, 5000);
	MUST(frame_encode(&beacon, &wire, &err));
	wire.at[3] ^= 1;
	MUST(cable_inject(world.cable, DEVICE, buf_bytes(&wire), &err)); /* damaged */
	frame.device = false;
	inject(&world, &frame); /* echoed */
	inject(&world,
		&(struct frame){.type = FRAME_OPEN,
			.connection = 5,
			.payload = {open_payload, sizeof(open_payload)}});
	inject(&world, &busy_beacon); /* "not now" */
	listen(&world, 5000);
	assert_int_equal(said->len, 0);
	assert_int_equal(channel_state(world.sides[COURIER].channel), CHANNEL_QUIET);
	assert_true(channel_peer_busy(world.sides[COURIER].channel));

	inject(&world, &beacon);
	listen(&world, 100);
	assert_int_equal(channel_state(world.sides[COURIER].channel), CHANNEL_MEETING);

	struct frame_reader reader = {.len = 0};
	struct bytes from = buf_bytes(said);

	assert_int_equal(from.at[0], 0); /* a delimiter, one OPEN and nothing else */
	assert_true(frame_read(&reader, &from, &frame));
	assert_int_equal(from.len, 0);
	assert_int_equal(frame.type, FRAME_OPEN);
	assert_false(frame.device);
	assert_int_not_equal(frame.connection, 0);
	assert_true(bytes_equal(frame.payload, (struct bytes){open_payload, 7}));

	listen(&world, LONG_MS / 10); /* no answer: it stops soon after the last beacon */
	assert_true(said->len < 8 * 25);
	done(&world);
}

static void the_courier_does_not_type_into_a_boot_loader(void **state)
{
	struct world world;
	struct error err = {0};

	(void)state;
	for (int text = 0; text < 2; text++) {
		begin(&world, &usual_serial);
		world.sides[COURIER].sends = 10000;
		until(&world, is_open);
		pass_time(&world, 3000);
		unplug(&world.sides[DEVICE]); /* it crashed */
		listen(&world, 2000);
		if (text)
			MUST(cable_inject(world.cable, DEVICE,
				bytes_of("\r\nU-Boot SPL 2023.01 (Jan 10 2023)\r\n"), &err));
		/* What the cable already has cannot be taken back. */
		listen(&world, text ? 1500 : CHANNEL_HUSH_MS);

		const size_t before = cable_written(world.cable, COURIER)->len;

		listen(&world, 3600000);
		assert_int_equal(cable_written(world.cable, COURIER)->len, before);
		assert_true(world.sides[COURIER].failed);
		assert_int_equal(world.sides[COURIER].why.code, ERROR_TIMEOUT);
		done(&world);
	}
}

static void a_dropped_conversation_leaves_silence_until_a_beacon(void **state)
{
	struct world world;

	(void)state;
	begin(&world, &usual_serial);
	world.sides[COURIER].sends = 1;
	world.sides[DEVICE].sends = 1000;
	until(&world, is_open);
	pass_time(&world, 1000);

	const size_t before = cable_written(world.cable, COURIER)->len;

	channel_drop(world.sides[COURIER].channel);
	assert_true(channel_flushed(world.sides[COURIER].channel));
	for (int i = 0; i < 500; i++) { /* the device does not know, for a while */
		step(&world, DEVICE);
		listen(&world, 10);
	}
	assert_int_equal(cable_written(world.cable, COURIER)->len, before);
	assert_int_equal(world.sides[COURIER].ended, 1);
	assert_false(world.sides[COURIER].failed);
	until(&world, is_said);
	done(&world);
}

static void a_busy_device_is_left_alone(void **state)
{
	struct world world;

	(void)state;
	begin(&world, &usual_serial);
	plug(&world, DEVICE);
	channel_set_busy(world.sides[DEVICE].channel, true);
	pass_time(&world, 60000);
	assert_int_equal(cable_written(world.cable, COURIER)->len, 0);
	channel_set_busy(world.sides[DEVICE].channel, false);
	until(&world, is_open);
	done(&world);
}

/* ---- bad cables ---- */

static struct faults any_faults(struct random *random)
{
	struct faults faults = {.seed = random_next(random)};

	if (random_below(random, 2) == 0)
		faults.lost = (uint32_t)random_below(random, 200000);
	if (random_below(random, 2) == 0)
		faults.twice = (uint32_t)random_below(random, 200000);
	if (random_below(random, 2) == 0)
		faults.late = (uint32_t)random_below(random, 100000);
	if (random_below(random, 2) == 0)
		faults.damaged = (uint32_t)random_below(random, 1000);
	if (random_below(random, 2) == 0)
		faults.dropped = (uint32_t)random_below(random, 1000);
	return faults;
}

static void much_passes_both_ways_over_bad_cables(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 24; seed++) {
		struct random random = {seed};
		struct world world;

		begin(&world,
			&(struct cable_settings){.rate = seed % 4 == 0 ? 0 : 92160,
				.delay_ms = (unsigned)random_below(&random, 50)});
		for (int e = 0; e < 2; e++) {
			world.sides[e].faults = any_faults(&random);
			world.sides[e].sends = (unsigned)random_below(&random, 30);
			world.sides[e].most = 1 + random_below(&random, SESSION_MESSAGE_MAX - 8)
				+ MESSAGE_MIN - 1;
		}
		until(&world, is_said);
		done(&world);
	}
}

static void either_end_may_restart_at_any_time(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct random random = {seed};
		struct world world;

		begin(&world, &fast_serial);
		for (int e = 0; e < 2; e++) {
			world.sides[e].faults.seed = seed;
			world.sides[e].faults.lost = seed % 2 == 0 ? 50000 : 0;
			world.sides[e].sends = 40;
			world.sides[e].most = 2000;
		}
		for (int i = 0; i < 3; i++) {
			pass_time(&world, (int64_t)random_below(&random, 2500));
			unplug(&world.sides[random_below(&random, 2)]);
		}
		until(&world, is_said);
		done(&world);
	}
}

static void bytes_of_an_old_conversation_do_no_harm(void **state)
{
	struct buf old[2] = {{0}, {0}};
	struct world world;
	struct error err = {0};

	(void)state;
	begin(&world, &fast_serial);
	world.sides[COURIER].sends = 5;
	world.sides[DEVICE].sends = 5;
	until(&world, is_said);
	for (int e = 0; e < 2; e++)
		MUST(buf_append(&old[e], buf_bytes(cable_written(world.cable, e)), &err));
	for (int restart = 0; restart < 4; restart++) {
		for (int e = 0; e < 2; e++) {
			if (restart >> e & 1)
				unplug(&world.sides[e]);
			MUST(cable_inject(world.cable, e, buf_bytes(&old[e]), &err));
		}
		pass_time(&world, 20000);
		until(&world, is_said);
		for (int e = 0; e < 2; e++) /* in the middle of one, too */
			MUST(cable_inject(world.cable, e, buf_bytes(&old[e]), &err));
		pass_time(&world, 20000);
		until(&world, is_said);
	}
	buf_free(&old[COURIER]);
	buf_free(&old[DEVICE]);
	done(&world);
}

static void a_chatty_console_does_not_disturb(void **state)
{
	struct world world;
	struct error err = {0};

	(void)state;
	begin(&world, &usual_serial);
	world.sides[COURIER].sends = 60;
	world.sides[DEVICE].sends = 60;
	while (!is_said(&world)) {
		pass_time(&world, 700);
		MUST(cable_inject(world.cable, DEVICE,
			bytes_of("[  241.1] eth0: link becomes ready, as the kernel says\r\n"),
			&err));
		assert_true(cable_now_ms(world.cable) < LONG_MS);
	}
	assert_true(channel_noise(world.sides[COURIER].channel).noise_bytes > 50);
	assert_int_equal(world.sides[COURIER].conversations, 1);
	done(&world);
}

static void cut(void *self)
{
	cable_cut(self);
}

/* A small exchange with the cable cut when END wrote so many bytes, and plugged again;
 * how many bytes END wrote in all. */
static size_t exchange(int end, uint64_t cut_after)
{
	struct world world;

	begin(&world, &fast_serial);
	for (int e = 0; e < 2; e++) {
		world.sides[e].sends = 2;
		world.sides[e].most = 100;
	}
	world.sides[end].faults
		= (struct faults){.cut_after = cut_after, .cut = cut, .self = world.cable};
	plug(&world, end);
	world.sides[end].faults.cut_after = 0; /* once */
	until(&world, is_said);

	const size_t written = cable_written(world.cable, end)->len;

	done(&world);
	return written;
}

static void a_cable_cut_at_any_byte_is_no_loss(void **state)
{
	(void)state;
	for (int e = 0; e < 2; e++) {
		const size_t whole = exchange(e, 0);

		for (size_t n = 1; n <= whole; n++)
			(void)exchange(e, n);
	}
}

/* ---- bounds ---- */

static void a_peer_that_goes_quiet_is_given_up(void **state)
{
	struct world world;

	(void)state;
	begin(&world, &usual_serial);
	until(&world, is_open);

	const int64_t from_ms = cable_now_ms(world.cable);

	while (world.sides[DEVICE].ended == 0) {
		step(&world, DEVICE);
		cable_advance(world.cable, cable_now_ms(world.cable) + 10);
	}
	assert_int_equal(world.sides[DEVICE].why.code, ERROR_TIMEOUT);
	assert_in_range(cable_now_ms(world.cable) - from_ms,
		CHANNEL_SILENT_MS - CHANNEL_ALIVE_MS, CHANNEL_SILENT_MS + 100);
	done(&world);
}

static void an_idle_conversation_lasts(void **state)
{
	struct world world;

	(void)state;
	begin(&world, &usual_serial);
	until(&world, is_open);
	pass_time(&world, LONG_MS);
	assert_true(is_open(&world));
	assert_int_equal(world.sides[COURIER].conversations, 1);
	assert_true(cable_written(world.cable, DEVICE)->len < 40 * LONG_MS / CHANNEL_ALIVE_MS);
	done(&world);
}

static void a_full_queue_says_busy_and_drains(void **state)
{
	static const uint8_t message[SESSION_MESSAGE_MAX + 1];
	struct world world;
	struct error err = {0};

	(void)state;
	begin(&world, &fast_serial);
	world.sides[COURIER].sends = 40;
	world.sides[COURIER].most = SESSION_MESSAGE_MAX;
	world.sides[DEVICE].deaf = true;
	until(&world, is_open);
	assert_false(channel_send(
		world.sides[COURIER].channel, (struct bytes){message, sizeof(message)}, &err));
	assert_int_equal(err.code, ERROR_USAGE);
	pass_time(&world, 60000); /* the device takes nothing: everything is full */

	const size_t room = channel_room(world.sides[COURIER].channel);
	const unsigned sent = world.sides[COURIER].sent;

	assert_true(sent < 40);
	assert_true(room < SESSION_MESSAGE_MAX);
	assert_false(channel_send(
		world.sides[COURIER].channel, (struct bytes){message, room + 1}, &err));
	assert_int_equal(err.code, ERROR_BUSY);
	assert_false(channel_flushed(world.sides[COURIER].channel));
	pass_time(&world, 60000);
	assert_int_equal(world.sides[COURIER].sent, sent);
	world.sides[DEVICE].deaf = false;
	until(&world, is_said);
	assert_int_equal(world.sides[DEVICE].conversations, 1);
	done(&world);
}

static void slow_lines_meet_too(void **state)
{
	struct world world;

	(void)state;
	begin(&world, &(struct cable_settings){.rate = 120, .delay_ms = 20});
	world.sides[COURIER].sends = 1;
	world.sides[DEVICE].sends = 1;
	until(&world, is_said);
	assert_int_equal(world.sides[COURIER].conversations, 1);
	done(&world);
}

static void a_clean_line_carries_messages_at_98_percent(void **state)
{
	struct world world;
	const unsigned count = 40;
	uint64_t bytes = 0;
	static uint8_t message[SESSION_MESSAGE_MAX];

	(void)state;
	begin(&world, &usual_serial);
	until(&world, is_open);

	const int64_t from_ms = cable_now_ms(world.cable);

	world.sides[COURIER].most = 32768;
	world.sides[COURIER].sends = count;
	for (unsigned i = 0; i < count; i++)
		bytes += make_message(&world.sides[COURIER], COURIER, i, message);
	while (world.sides[DEVICE].got < count)
		turn(&world);

	const double share = (double)bytes * 1000
		/ (double)(cable_now_ms(world.cable) - from_ms) / usual_serial.rate;

	print_message("%llu bytes at %.4f of the line\n", (unsigned long long)bytes, share);
	assert_true(share > 0.98);
	done(&world);
}

static int set_up(void **state)
{
	struct error err = {0};
	struct fleet other = {0};

	(void)state;
	MUST(fleet_make(&fleet, "mine", &err));
	MUST(fleet_member(&fleet, CERTIFICATE_COURIER, CRYPTO_ED25519, "van-7", NULL, NOT_AFTER,
		&parties[COURIER], &err));
	MUST(fleet_member(&fleet, CERTIFICATE_DEVICE, CRYPTO_ED25519, "plc-7", NULL, NOT_AFTER,
		&parties[DEVICE], &err));
	MUST(fleet_make(&other, "ship", &err));
	MUST(fleet_member(&other, CERTIFICATE_COURIER, CRYPTO_ED25519, "van-7", NULL, NOT_AFTER,
		&stranger, &err));
	fleet_done(&other);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	party_done(&parties[COURIER]);
	party_done(&parties[DEVICE]);
	party_done(&stranger);
	fleet_done(&fleet);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_ends_meet_talk_and_part),
		cmocka_unit_test(what_was_sent_before_closing_arrives),
		cmocka_unit_test(a_stranger_is_told_so),
		cmocka_unit_test(the_courier_is_silent_until_it_hears_a_frame),
		cmocka_unit_test(the_courier_does_not_type_into_a_boot_loader),
		cmocka_unit_test(a_dropped_conversation_leaves_silence_until_a_beacon),
		cmocka_unit_test(a_busy_device_is_left_alone),
		cmocka_unit_test(much_passes_both_ways_over_bad_cables),
		cmocka_unit_test(either_end_may_restart_at_any_time),
		cmocka_unit_test(bytes_of_an_old_conversation_do_no_harm),
		cmocka_unit_test(a_chatty_console_does_not_disturb),
		cmocka_unit_test(a_cable_cut_at_any_byte_is_no_loss),
		cmocka_unit_test(a_peer_that_goes_quiet_is_given_up),
		cmocka_unit_test(an_idle_conversation_lasts),
		cmocka_unit_test(a_full_queue_says_busy_and_drains),
		cmocka_unit_test(slow_lines_meet_too),
		cmocka_unit_test(a_clean_line_carries_messages_at_98_percent),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
