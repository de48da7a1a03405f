/* Two arqs over a bad line in virtual time: whatever happens to the frames, all bytes
 * arrive, in order, once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device-link/arq.h"
#include "tests/random.h"
#include "tests/test.h"

enum {
	FLIGHT_MAX = 4096, /* frames on the line, each way */
	STALL_MS = 180000, /* no byte for so long: stuck */
};

struct weather {
	uint32_t rate;                  /* bytes per second, 0: no limit */
	uint32_t lost, damaged, twice;  /* frames in a million */
	uint32_t bad_bytes;             /* bytes in ten million */
	unsigned buffer_ms;             /* the line takes so much ahead of its time */
	unsigned delay_ms, jitter_ms;   /* jitter reorders */
	int64_t silent_from, silent_to; /* nothing passes */
	unsigned reader_ms;             /* takes one piece so often; 0: at once */
};

struct packet {
	int64_t at_ms;
	struct buf wire;
};

struct end {
	struct arq *arq;
	uint64_t size, given, got; /* bytes of its stream; of the other's */
	int64_t free_us;           /* its line takes the next frame then */
	int64_t reads_ms;
	struct packet flight[FLIGHT_MAX]; /* what it sent */
	size_t flying;
	uint64_t wire;
};

struct sky {
	struct random random;
	struct weather weather;
	int64_t now_ms, news_ms;
	struct end ends[2];
};

static uint8_t byte_at(const struct sky *sky, int end, uint64_t offset)
{
	return (uint8_t)((offset * 0x9e3779b97f4a7c15 + sky->weather.rate + (uint64_t)end)
		>> 56);
}

static void fly(struct sky *sky, struct end *end, struct bytes wire)
{
	const struct weather *const w = &sky->weather;
	struct error err = {0};

	if (random_chance(&sky->random, w->lost) || end->flying == FLIGHT_MAX)
		return;
	if (sky->now_ms >= w->silent_from && sky->now_ms < w->silent_to)
		return;

	struct packet *const packet = &end->flight[end->flying++];

	*packet = (struct packet){end->free_us / 1000 + w->delay_ms
			+ (int64_t)random_below(&sky->random, w->jitter_ms + 1),
		{0}};
	MUST(buf_append(&packet->wire, wire, &err));
	if (random_chance(&sky->random, w->damaged))
		packet->wire.at[random_below(&sky->random, wire.len)]
			^= (uint8_t)(1U << random_below(&sky->random, 8));
	for (size_t i = 0; w->bad_bytes > 0 && i < wire.len; i++)
		if (random_below(&sky->random, 10000000) < w->bad_bytes)
			packet->wire.at[i] ^= 0x10;
}

static void speak(struct sky *sky, struct end *end)
{
	CLEANUP(buf_free) struct buf wire = {0};
	struct error err = {0};
	struct frame frame;

	while (end->free_us <= 1000 * (sky->now_ms + sky->weather.buffer_ms)
		&& arq_next(end->arq, sky->now_ms, &frame)) {
		wire.len = 0;
		MUST(frame_encode(&frame, &wire, &err));
		end->wire += wire.len;
		if (end->free_us < 1000 * (sky->now_ms - 1))
			end->free_us = 1000 * sky->now_ms;
		if (sky->weather.rate != 0)
			end->free_us += (int64_t)(1000000 * wire.len / sky->weather.rate);
		fly(sky, end, buf_bytes(&wire));
		if (random_chance(&sky->random, sky->weather.twice))
			fly(sky, end, buf_bytes(&wire));
	}
}

static void hear(struct sky *sky, struct end *from, struct end *to)
{
	for (size_t i = 0; i < from->flying;) {
		static struct frame_reader reader;
		struct packet *const packet = &from->flight[i];
		struct bytes wire = buf_bytes(&packet->wire);
		struct frame frame;

		if (packet->at_ms > sky->now_ms) {
			i++;
			continue;
		}
		reader.len = 0;
		if (frame_read(&reader, &wire, &frame))
			arq_receive(to->arq, &frame, sky->now_ms);
		buf_free(&packet->wire);
		/* Order is kept unless there is jitter. */
		memmove(packet, packet + 1, (--from->flying - i) * sizeof(*packet));
	}
}

static void stream(struct sky *sky, int e)
{
	struct end *const end = &sky->ends[e];
	uint8_t piece[700];
	size_t taken = 1;

	while (end->given < end->size && taken > 0) {
		size_t len = sizeof(piece);

		if (len > end->size - end->given)
			len = (size_t)(end->size - end->given);
		for (size_t i = 0; i < len; i++)
			piece[i] = byte_at(sky, e, end->given + i);
		arq_send(end->arq, (struct bytes){piece, len}, &taken);
		end->given += taken;
	}
	while (end->reads_ms <= sky->now_ms) {
		const struct bytes came = arq_arrived(end->arq);

		if (came.len == 0)
			break;
		for (size_t i = 0; i < came.len; i++)
			assert_int_equal(came.at[i], byte_at(sky, !e, end->got + i));
		end->got += came.len;
		sky->news_ms = sky->now_ms;
		arq_take(end->arq, came.len);
		if (sky->weather.reader_ms != 0)
			end->reads_ms = sky->now_ms + sky->weather.reader_ms;
	}
	assert_true(end->got <= sky->ends[!e].size);
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void let_time_pass(struct sky *sky)
{
	int64_t next = INT64_MAX;

	for (int e = 0; e < 2; e++) {
		const struct end *const end = &sky->ends[e];
		const int64_t free_ms
			= (end->free_us + 999) / 1000 - (int64_t)sky->weather.buffer_ms;
		const int64_t deadline = arq_deadline_ms(end->arq);

		next = sooner(next, deadline < free_ms ? free_ms : deadline);
		if (arq_arrived(end->arq).len > 0)
			next = sooner(next, end->reads_ms);
		for (size_t i = 0; i < end->flying; i++)
			next = sooner(next, end->flight[i].at_ms);
	}
	sky->now_ms = next > sky->now_ms ? next : sky->now_ms + 1;
}

static bool arrived(const struct sky *sky)
{
	return sky->ends[0].got == sky->ends[1].size && sky->ends[1].got == sky->ends[0].size;
}

static bool settled(const struct sky *sky)
{
	return arrived(sky) && arq_idle(sky->ends[0].arq) && arq_idle(sky->ends[1].arq);
}

static void begin(struct sky *sky, uint64_t seed, uint16_t payload_max)
{
	struct error err = {0};

	sky->random.seed = seed;
	for (int e = 0; e < 2; e++) {
		const struct arq_settings settings = {.connection = 77,
			.rate = sky->weather.rate,
			.payload_max = payload_max,
			.now_ms = sky->now_ms};

		MUST(arq_new(&settings, &sky->ends[e].arq, &err));
	}
}

static void end(struct sky *sky)
{
	for (int e = 0; e < 2; e++) {
		struct end *const end = &sky->ends[e];

		while (end->flying > 0)
			buf_free(&end->flight[--end->flying].wire);
		arq_free(end->arq);
	}
}

/* Run until all arrived; returns when that was. */
static int64_t run(struct sky *sky)
{
	int64_t done_ms = 0;

	sky->news_ms = sky->now_ms;
	while (!settled(sky)) {
		for (int e = 0; e < 2; e++) {
			stream(sky, e);
			speak(sky, &sky->ends[e]);
		}
		let_time_pass(sky);
		hear(sky, &sky->ends[0], &sky->ends[1]);
		hear(sky, &sky->ends[1], &sky->ends[0]);
		if (done_ms == 0 && arrived(sky))
			done_ms = sky->now_ms;
		if (sky->now_ms > sky->news_ms + STALL_MS)
			fail_msg("stuck at %lld ms", (long long)sky->now_ms);
	}
	return done_ms == 0 ? sky->now_ms : done_ms;
}

static struct weather any_weather(struct random *random)
{
	static const uint32_t rates[] = {0, 120, 960, 11520, 92160, 400000};
	struct weather w = {.rate = rates[random_below(random, COUNT(rates))]};

	if (random_below(random, 4) != 0)
		w.lost = (uint32_t)random_below(random, 300000);
	if (random_below(random, 4) == 0)
		w.damaged = (uint32_t)random_below(random, 300000);
	if (random_below(random, 4) == 0)
		w.twice = (uint32_t)random_below(random, 300000);
	w.delay_ms = (unsigned)random_below(random, 300);
	if (random_below(random, 3) == 0)
		w.buffer_ms = (unsigned)random_below(random, 3000);
	if (random_below(random, 3) == 0)
		w.jitter_ms = (unsigned)random_below(random, 500);
	if (random_below(random, 4) == 0) {
		w.silent_from = (int64_t)random_below(random, 3000);
		w.silent_to = w.silent_from + (int64_t)random_below(random, 30000);
	}
	if (random_below(random, 3) == 0)
		w.reader_ms = (unsigned)random_below(random, 200);
	return w;
}

static void all_bytes_arrive_in_order_once_in_any_weather(void **state)
{
	static struct sky sky;

	(void)state;
	for (uint64_t seed = 1; seed <= 3000; seed++) {
		struct random random = {seed};
		const size_t most = random_below(&random, 20) == 0 ? 400000 : 20000;

		sky = (struct sky){.weather = any_weather(&random)};
		for (int e = 0; e < 2; e++)
			sky.ends[e].size
				= random_below(&random, sky.weather.rate == 120 ? 2000 : most);
		begin(&sky, seed, random_below(&random, 2) == 0 ? 0 : 200);
		(void)run(&sky);
		end(&sky);
	}
}

static void sequence_numbers_wrap(void **state)
{
	static struct sky sky;

	(void)state;
	sky = (struct sky){.weather = {.lost = 2000, .delay_ms = 1}};
	sky.ends[0].size = 70000ULL * ARQ_PAYLOAD_MIN;
	sky.ends[1].size = 1000;
	begin(&sky, 1, ARQ_PAYLOAD_MIN);
	(void)run(&sky);
	assert_true(arq_statistics(sky.ends[1].arq).received >= 70000);
	end(&sky);
}

/* Share of the line that carries the stream. */
static double goodput(uint32_t rate, uint32_t bad_bytes, unsigned buffer_ms, uint64_t size)
{
	static struct sky sky;

	sky = (struct sky){.weather = {.rate = rate,
				   .bad_bytes = bad_bytes,
				   .buffer_ms = buffer_ms,
				   .delay_ms = 10}};
	sky.ends[0].size = size;
	begin(&sky, 5, 0);

	const double share = (double)size * 1000 / (double)run(&sky) / rate;
	const struct arq_statistics statistics = arq_statistics(sky.ends[0].arq);

	print_message("%u B/s, %u bad bytes in 10^7, %u ms buffered: %.4f of the line, %llu of "
		      "%llu resent\n",
		rate, bad_bytes, buffer_ms, share, (unsigned long long)statistics.resent,
		(unsigned long long)statistics.sent);
	end(&sky);
	return share;
}

static void a_clean_line_is_used_to_the_full(void **state)
{
	(void)state;
	assert_true(goodput(11520, 0, 0, 1 << 20) > 0.985);
	assert_true(goodput(92160, 0, 0, 4 << 20) > 0.985);
	assert_true(goodput(960, 0, 0, 100000) > 0.97);
}

static void frames_shrink_when_the_line_is_bad(void **state)
{
	(void)state;
	assert_true(goodput(11520, 80, 0, 2 << 20) > 0.95);  /* 1e-6 of the bits */
	assert_true(goodput(11520, 800, 0, 1 << 20) > 0.91); /* 1e-5 */
	assert_true(goodput(11520, 8000, 0, 300000) > 0.70); /* 1e-4 */
}

static void a_buffer_before_the_line_does_no_harm(void **state)
{
	(void)state;
	assert_true(goodput(11520, 0, 2000, 1 << 20) > 0.985);
	assert_true(goodput(92160, 0, 300, 4 << 20) > 0.985);
	assert_true(goodput(11520, 800, 2000, 1 << 20) > 0.91);
	assert_true(goodput(11520, 8000, 2000, 300000) > 0.70);
}

static void acks_are_sparse(void **state)
{
	static struct sky sky;

	(void)state;
	sky = (struct sky){.weather = {.rate = 92160, .delay_ms = 5}};
	sky.ends[0].size = 1 << 20;
	begin(&sky, 6, 0);
	(void)run(&sky);
	assert_true(sky.ends[1].wire < sky.ends[0].wire / 100);
	assert_int_equal(arq_statistics(sky.ends[0].arq).resent, 0);
	end(&sky);
}

/* Give A's frames to B, or lose them; true when there were some. */
static bool carry(struct arq *a, struct arq *b, int64_t now_ms, bool lose)
{
	struct frame frame;
	bool some = false;

	while (arq_next(a, now_ms, &frame)) {
		some = true;
		if (!lose)
			arq_receive(b, &frame, now_ms);
	}
	return some;
}

static void a_lost_window_update_stops_nothing(void **state)
{
	CLEANUP(arq_cleanup) struct arq *a = NULL, *b = NULL;
	static const uint8_t bytes[ARQ_WINDOW * ARQ_PAYLOAD_MAX];
	const struct arq_settings settings = {.connection = 9};
	struct error err = {0};
	int64_t now_ms = 0;
	size_t taken = 0, got = 0;

	(void)state;
	MUST(arq_new(&settings, &a, &err));
	MUST(arq_new(&settings, &b, &err));
	arq_send(a, (struct bytes){bytes, sizeof(bytes)}, &taken);
	assert_int_equal(taken, sizeof(bytes));
	for (; now_ms < 2000; now_ms += 10) {
		(void)carry(a, b, now_ms, false);
		(void)carry(b, a, now_ms, false);
	}
	assert_true(arq_idle(a)); /* b holds a full window and said so */
	arq_send(a, bytes_of("the rest"), &taken);
	while (arq_arrived(b).len > 0) {
		got += arq_arrived(b).len;
		arq_take(b, arq_arrived(b).len);
	}
	assert_true(carry(b, a, now_ms, true)); /* "room again", lost */
	while (arq_arrived(b).len == 0 && now_ms < 10000) {
		now_ms += 10;
		(void)carry(a, b, now_ms, false);
		if (arq_statistics(b).received > ARQ_WINDOW) /* else b says nothing */
			(void)carry(b, a, now_ms, false);
	}
	assert_int_equal(got, sizeof(bytes));
	assert_true(bytes_equal(arq_arrived(b), bytes_of("the rest")));
}

static void an_idle_end_is_heard_from(void **state)
{
	CLEANUP(arq_cleanup) struct arq *a = NULL;
	const struct arq_settings settings = {.connection = 9, .now_ms = 1000};
	struct error err = {0};
	struct frame frame;

	(void)state;
	MUST(arq_new(&settings, &a, &err));
	assert_int_equal(arq_deadline_ms(a), 1000 + ARQ_ALIVE_MS);
	assert_false(arq_next(a, 1000 + ARQ_ALIVE_MS - 1, &frame));
	assert_true(arq_next(a, 1000 + ARQ_ALIVE_MS, &frame));
	assert_int_equal(frame.type, FRAME_ACK);
	assert_int_equal(frame.payload.len, 2);
	assert_false(arq_next(a, 1000 + ARQ_ALIVE_MS, &frame));
}

static void nonsense_is_ignored(void **state)
{
	CLEANUP(arq_cleanup) struct arq *a = NULL;
	static uint8_t payload[FRAME_PAYLOAD_MAX];
	const struct arq_settings settings = {.connection = 9};
	struct random random = {7};
	struct error err = {0};
	size_t taken = 0;

	(void)state;
	MUST(arq_new(&settings, &a, &err));
	memset(payload, 0xff, sizeof(payload));
	arq_send(a, (struct bytes){payload, 1000}, &taken);
	for (int i = 0; i < 200000; i++) {
		struct frame frame = {random_below(&random, 2) == 0 ? FRAME_DATA : FRAME_ACK,
			false, 9,
			(uint16_t)(random_below(&random, 4) == 0 ? random_below(&random, 300)
								 : random_next(&random)),
			{payload, random_below(&random, i % 2 == 0 ? 40 : sizeof(payload))}};
		struct frame next;

		if (random_below(&random, 10) == 0)
			frame.connection = 10;
		arq_receive(a, &frame, i);
		(void)arq_next(a, i, &next);
		if (random_below(&random, 3) == 0)
			arq_take(a, arq_arrived(a).len);
		if (arq_room(a) > 1000)
			arq_send(a, (struct bytes){payload, 1000}, &taken);
		assert_true(arq_room(a) <= ARQ_QUEUE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_bytes_arrive_in_order_once_in_any_weather),
		cmocka_unit_test(sequence_numbers_wrap),
		cmocka_unit_test(a_clean_line_is_used_to_the_full),
		cmocka_unit_test(frames_shrink_when_the_line_is_bad),
		cmocka_unit_test(a_buffer_before_the_line_does_no_harm),
		cmocka_unit_test(acks_are_sparse),
		cmocka_unit_test(a_lost_window_update_stops_nothing),
		cmocka_unit_test(an_idle_end_is_heard_from),
		cmocka_unit_test(nonsense_is_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
