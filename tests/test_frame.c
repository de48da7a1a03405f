#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device-link/frame.h"
#include "tests/random.h"
#include "tests/test.h"

static const char *const types[] = {
	[FRAME_BEACON] = "BEACON",
	[FRAME_OPEN] = "OPEN",
	[FRAME_OPENED] = "OPENED",
	[FRAME_DATA] = "DATA",
	[FRAME_ACK] = "ACK",
	[FRAME_CLOSE] = "CLOSE",
};

static void same(const struct frame *a, const struct frame *b)
{
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->device, b->device);
	assert_int_equal(a->connection, b->connection);
	assert_int_equal(a->sequence, b->sequence);
	assert_true(bytes_equal(a->payload, b->payload));
}

static void encode(const struct frame *frame, struct buf *out)
{
	struct error err = {0};

	MUST(frame_encode(frame, out, &err));
}

static void random_frame(
	struct random *random, size_t most, struct buf *payload, struct frame *frame)
{
	struct error err = {0};
	const size_t len = random_below(random, most + 1);

	payload->len = 0;
	MUST(buf_reserve(payload, len + 1, &err));
	for (; payload->len < len; payload->len++) /* zeros and runs without them */
		payload->at[payload->len] = random_below(random, 300) == 0
			? 0
			: (uint8_t)(1 + random_below(random, 255));
	*frame = (struct frame){
		(enum frame_type)(FRAME_BEACON + random_below(random, FRAME_CLOSE)),
		random_below(random, 2) == 0, (uint32_t)random_next(random),
		(uint16_t)random_next(random), buf_bytes(payload)};
}

/* One line of the vectors file; false for a comment. */
static bool parse_vector(
	const char *line, struct frame *frame, uint8_t *payload, uint8_t *wire, size_t *len)
{
	static char hex[3][2 * FRAME_WIRE_MAX];
	char type[10], end[10];
	unsigned connection = 0, sequence = 0;
	struct error err = {0};

	if (line[0] == '#')
		return false;
	assert_int_equal(sscanf(line, "%80s %9s %9s %8x %4x %4000s %4000s", hex[0], type, end,
				 &connection, &sequence, hex[1], hex[2]),
		7);
	if (strcmp(hex[1], "-") == 0)
		hex[1][0] = 0;
	*frame = (struct frame){.device = strcmp(end, "device") == 0,
		.connection = connection,
		.sequence = (uint16_t)sequence,
		.payload = {payload, strlen(hex[1]) / 2}};
	for (int i = FRAME_BEACON; i <= FRAME_CLOSE; i++)
		if (strcmp(types[i], type) == 0)
			frame->type = (enum frame_type)i;
	*len = strlen(hex[2]) / 2;
	MUST(hex_decode(hex[1], payload, frame->payload.len, &err));
	MUST(hex_decode(hex[2], wire, *len, &err));
	return true;
}

static void the_vectors_hold_both_ways(void **state)
{
	static uint8_t payload[FRAME_WIRE_MAX], wire[FRAME_WIRE_MAX];
	static struct frame_reader reader;
	static char line[5 * FRAME_WIRE_MAX];
	FILE *const file = fopen(TEST_VECTORS "/frame.hex", "r");
	unsigned count = 0;

	(void)state;
	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		CLEANUP(buf_free) struct buf out = {0};
		struct frame frame, read;
		size_t len = 0;

		if (!parse_vector(line, &frame, payload, wire, &len))
			continue;
		encode(&frame, &out);
		assert_true(bytes_equal(buf_bytes(&out), (struct bytes){wire, len}));

		struct bytes from = {wire, len};

		assert_true(frame_read(&reader, &from, &read));
		assert_int_equal(from.len, 0);
		same(&frame, &read);
		count++;
	}
	(void)fclose(file);
	assert_int_equal(count, 11);
	assert_int_equal(reader.bad, 0);
}

static void the_crc_is_the_published_one(void **state)
{
	uint8_t zeros[32] = {0};

	(void)state;
	assert_int_equal(frame_crc32c(bytes_of("123456789")), 0xe3069283);
	assert_int_equal(frame_crc32c((struct bytes){zeros, 32}), 0x8a9136aa); /* RFC 3720 */
}

static void any_frame_comes_back_whatever_the_pieces(void **state)
{
	CLEANUP(buf_free) struct buf payload = {0}, out = {0};
	static struct frame_reader reader;
	struct random random = {1};
	struct frame frame, read;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		random_frame(&random, i % 10 == 0 ? FRAME_PAYLOAD_MAX : 600, &payload, &frame);
		out.len = 0;
		encode(&frame, &out);
		assert_true(out.len <= FRAME_WIRE_MAX - 1);

		struct bytes rest = buf_bytes(&out);
		bool found = false;

		while (rest.len > 0) {
			const size_t len = 1 + random_below(&random, rest.len);
			struct bytes from = {rest.at, len};

			assert_false(found);
			found = frame_read(&reader, &from, &read);
			rest = (struct bytes){rest.at + len, rest.len - len};
		}
		assert_true(found);
		same(&frame, &read);
	}
	assert_int_equal(reader.frames, 3000);
	assert_int_equal(reader.bad + reader.noise, 0);
}

static void every_flipped_bit_is_noticed(void **state)
{
	static const size_t sizes[] = {0, 1, 20, 243, 600};
	CLEANUP(buf_free) struct buf payload = {0}, out = {0};
	struct random random = {2};

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct frame frame, read;

		random_frame(&random, sizes[i], &payload, &frame);
		out.len = 0;
		encode(&frame, &out);
		for (size_t bit = 0; bit < 8 * out.len; bit++) {
			static struct frame_reader reader;
			struct bytes from = buf_bytes(&out);
			const uint8_t zero = 0;
			struct bytes last = {&zero, 1};

			reader = (struct frame_reader){.len = 0};
			out.at[bit / 8] ^= (uint8_t)(1U << bit % 8);
			assert_false(frame_read(&reader, &from, &read));
			assert_false(frame_read(&reader, &last, &read));
			assert_true(reader.bad > 0);
			out.at[bit / 8] ^= (uint8_t)(1U << bit % 8);
		}
	}
}

static void a_frame_is_found_after_any_garbage(void **state)
{
	CLEANUP(buf_free) struct buf payload = {0}, out = {0};
	struct random random = {3};
	struct error err = {0};

	(void)state;
	for (int i = 0; i < 500; i++) {
		static struct frame_reader reader;
		struct frame frame, read;
		const size_t garbage = random_below(&random, i % 20 == 0 ? 20000 : 300);

		reader = (struct frame_reader){.len = 0};
		out.len = 0;
		for (size_t j = 0; j < garbage; j++) {
			const uint8_t byte = (uint8_t)random_next(&random);

			MUST(buf_append(&out, (struct bytes){&byte, 1}, &err));
		}
		MUST(buf_append(&out, (struct bytes){(const uint8_t *)"", 1}, &err));
		random_frame(&random, 600, &payload, &frame);
		encode(&frame, &out);

		struct bytes from = buf_bytes(&out);

		assert_true(frame_read(&reader, &from, &read));
		same(&frame, &read);
		assert_int_equal(from.len, 0);
		assert_true(reader.noise <= garbage);
	}
}

static void a_run_without_end_is_counted_and_left(void **state)
{
	static struct frame_reader reader;
	static uint8_t run[3 * FRAME_WIRE_MAX];
	CLEANUP(buf_free) struct buf out = {0};
	struct frame read;

	(void)state;
	memset(run, 'x', sizeof(run));

	struct bytes from = {run, sizeof(run)};

	assert_false(frame_read(&reader, &from, &read));
	encode(&(struct frame){.type = FRAME_CLOSE, .connection = 1}, &out);
	from = buf_bytes(&out);
	assert_false(frame_read(&reader, &from, &read)); /* the end of the run */
	assert_int_equal(reader.bad, 1);
	assert_int_equal(reader.noise, sizeof(run) + out.len - 1);
	from = buf_bytes(&out);
	assert_true(frame_read(&reader, &from, &read));
}

static void a_login_prompt_can_be_shown(void **state)
{
	static const char prompt[] = "\r\nDebian GNU/Linux 12 plc-7 ttyS0\r\n\r\nplc-7 login: ";
	static struct frame_reader reader;
	struct bytes from = {(const uint8_t *)prompt, sizeof(prompt)}; /* and a zero */
	struct frame read;

	(void)state;
	assert_false(frame_read(&reader, &from, &read));
	assert_string_equal(reader.text, "Debian GNU/Linux 12 plc-7 ttyS0 plc-7 login: ");
	assert_int_equal(reader.noise, sizeof(prompt) - 1);
	from = (struct bytes){(const uint8_t *)"\x01\x02\x81\x82\x83", 6};
	assert_false(frame_read(&reader, &from, &read));
	assert_string_equal(reader.text, "Debian GNU/Linux 12 plc-7 ttyS0 plc-7 login: ");
	assert_int_equal(reader.bad, 2);
}

static void an_empty_last_block_is_read_too(void **state)
{
	static struct frame_reader reader;
	CLEANUP(buf_free) struct buf out = {0};
	uint8_t payload[254 - FRAME_OVERHEAD];
	struct error err = {0};
	struct frame read;

	(void)state;
	memset(payload, 'p', sizeof(payload));

	const struct frame frame = {.type = FRAME_DATA,
		.connection = 0x11121314,
		.sequence = 0x0101,
		.payload = {payload, sizeof(payload)}};

	encode(&frame, &out);
	assert_int_equal(out.len, 1 + 254 + 1); /* one full block */
	out.len--;
	MUST(buf_append(&out, (struct bytes){(const uint8_t *)"\x01", 2}, &err));

	struct bytes from = buf_bytes(&out);

	assert_true(frame_read(&reader, &from, &read));
	same(&frame, &read);
}

static void a_frame_too_large_is_not_written(void **state)
{
	static uint8_t payload[FRAME_PAYLOAD_MAX + 1];
	CLEANUP(buf_free) struct buf out = {0};
	const struct frame frame = {.type = FRAME_DATA, .payload = {payload, sizeof(payload)}};
	struct error err = {0};

	(void)state;
	assert_false(frame_encode(&frame, &out, &err));
	assert_int_equal(err.code, ERROR_USAGE);
	assert_int_equal(out.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vectors_hold_both_ways),
		cmocka_unit_test(the_crc_is_the_published_one),
		cmocka_unit_test(any_frame_comes_back_whatever_the_pieces),
		cmocka_unit_test(every_flipped_bit_is_noticed),
		cmocka_unit_test(a_frame_is_found_after_any_garbage),
		cmocka_unit_test(a_run_without_end_is_counted_and_left),
		cmocka_unit_test(a_login_prompt_can_be_shown),
		cmocka_unit_test(an_empty_last_block_is_read_too),
		cmocka_unit_test(a_frame_too_large_is_not_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
