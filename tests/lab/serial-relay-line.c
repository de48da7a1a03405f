#include "serial-relay.h"

#include <math.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define QUEUE_BYTES (1U << 20)
#define PIECE_BYTES 4096U
#define TICK_S 0.001       /* pacing is kept to this, or to one byte where that is longer */
#define ARREARS_MAX_S 0.25 /* how far a busy line lags before it gives up catching up */
#define RETRY_S 0.002      /* until a full receiver is tried again */

/* xorshift64: uniform in (0, 1), the same for the same seed. */
static double chance(struct relay *relay)
{
	uint64_t x = relay->random;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	relay->random = x;
	return ((double)(x >> 11) + 0.5) / 9007199254740992.0;
}

/* How many good bits come before the next bad one. */
static double error_gap(struct relay *relay)
{
	double rate = relay->options.bit_error_rate;

	return rate > 0 ? floor(log(chance(relay)) / log1p(-rate)) : RELAY_NEVER;
}

/* From a sender onto the line */

/* Bit errors of one byte; true when one of them hit its frame and the byte is lost. */
static bool flip_bits(struct relay *relay, struct direction *direction, uint8_t *byte)
{
	bool lost = false;

	while (direction->bits_to_error < 8) {
		double at = direction->bits_to_error;

		if (chance(relay) < relay->options.framing_share) {
			lost = true;
			direction->counts.framing_lost++;
		} else {
			*byte = (uint8_t)(*byte ^ (1U << (unsigned int)at));
			direction->counts.bit_flips++;
		}
		direction->bits_to_error = at + 1 + error_gap(relay);
	}
	direction->bits_to_error -= 8;
	return lost;
}

/* Whole bytes lost, alone and in bursts. */
static bool lose_byte(struct relay *relay, struct direction *direction)
{
	const struct options *options = &relay->options;
	bool lost = false;

	if (options->drop > 0 && chance(relay) < options->drop) {
		direction->counts.dropped++;
		lost = true;
	}
	if (options->burst > 0 && direction->burst_left == 0 && chance(relay) < options->burst)
		direction->burst_left = options->burst_length;
	if (direction->burst_left > 0) {
		direction->burst_left--;
		direction->counts.dropped++;
		lost = true;
	}
	return lost;
}

static void take_byte(struct relay *relay, struct direction *direction, uint8_t byte)
{
	direction->line_free += relay->byte_s;
	if (relay->cut) {
		direction->counts.cut_lost++;
		return;
	}
	bool lost = flip_bits(relay, direction, &byte);

	if (lose_byte(relay, direction) || lost)
		return;
	direction->bytes[direction->tail % QUEUE_BYTES] = byte;
	direction->due[direction->tail % QUEUE_BYTES]
		= direction->line_free + relay->options.latency_s;
	direction->tail++;
}

bool line_has_room(const struct direction *direction)
{
	return direction->tail - direction->head + PIECE_BYTES <= QUEUE_BYTES;
}

/* How many bytes the line can take now. */
static size_t line_room(
	const struct relay *relay, const struct direction *direction, double now)
{
	double room = (now + relay->tick_s - direction->line_free) / relay->byte_s;

	if (!line_has_room(direction))
		return 0;
	if (direction->idle)
		room = fmax(1, relay->tick_s / relay->byte_s);
	return room < 1 ? 0 : (size_t)fmin(room, PIECE_BYTES);
}

void line_take(struct relay *relay, struct direction *direction, double now)
{
	uint8_t piece[PIECE_BYTES];
	size_t room = line_room(relay, direction, now);

	if (room == 0)
		return;
	ssize_t got = read(direction->from, piece, room);

	if (got <= 0) {
		direction->idle = true;
		return;
	}
	if (direction->idle && direction->line_free < now)
		direction->line_free = now;
	direction->line_free = fmax(direction->line_free, now - ARREARS_MAX_S);
	direction->idle = (size_t)got < room;
	if (direction->counts.in == 0)
		direction->first = direction->line_free;
	direction->counts.in += (uint64_t)got;
	for (ssize_t i = 0; i < got; i++)
		take_byte(relay, direction, piece[i]);
	direction->last = direction->line_free;
}

/* From the line to a receiver */

/* The run of bytes that have arrived and lie together in the queue. */
static uint32_t arrived(const struct direction *direction, double now)
{
	uint32_t at = direction->head % QUEUE_BYTES;
	uint32_t count = 0;

	while (direction->head + count != direction->tail && at + count < QUEUE_BYTES
		&& count < PIECE_BYTES && direction->due[at + count] <= now)
		count++;
	return count;
}

/* Whether the receiver holds as much as it may: then it loses what comes. */
static bool overrun(const struct relay *relay, const struct direction *direction)
{
	int held = 0;

	return relay->options.overrun > 0 && ioctl(direction->to_slave, FIONREAD, &held) == 0
		&& held >= relay->options.overrun;
}

/* Hand over what has arrived; when to come back. */
double line_give(struct relay *relay, struct direction *direction, double now)
{
	for (;;) {
		uint32_t count = arrived(direction, now);

		if (count == 0)
			break;
		ssize_t put = overrun(relay, direction)
			? -1
			: write(direction->to, direction->bytes + direction->head % QUEUE_BYTES,
				count);

		if (put < 0 && relay->options.overrun > 0) {
			direction->counts.overrun += count;
			direction->head += count;
			continue;
		}
		if (put < 0)
			return now + RETRY_S;
		direction->counts.out += (uint64_t)put;
		direction->head += (uint32_t)put;
		if ((uint32_t)put < count)
			return now + RETRY_S;
	}
	if (direction->head == direction->tail)
		return RELAY_NEVER;
	return fmax(direction->due[direction->head % QUEUE_BYTES], now + 0.0002);
}

/* When a busy line has room for the next piece. */
double line_next_room(const struct relay *relay, const struct direction *direction)
{
	double lead = relay->tick_s > 2 * relay->byte_s ? 0.5 * relay->tick_s : relay->byte_s;

	return direction->idle ? RELAY_NEVER : direction->line_free - relay->tick_s + lead;
}

static void print_direction(FILE *file, const char *name, const struct direction *direction)
{
	const struct counts *counts = &direction->counts;
	double span = direction->last - direction->first;

	fprintf(file,
		",\"%s\":{\"in\":%llu,\"out\":%llu,\"bitflips\":%llu,\"framing_lost\":%llu,"
		"\"dropped\":%llu,\"overrun\":%llu,\"cut_lost\":%llu,\"span_s\":%.3f,\"rate\":%"
		".1f}",
		name, (unsigned long long)counts->in, (unsigned long long)counts->out,
		(unsigned long long)counts->bit_flips, (unsigned long long)counts->framing_lost,
		(unsigned long long)counts->dropped, (unsigned long long)counts->overrun,
		(unsigned long long)counts->cut_lost, span,
		span > 0 ? (double)counts->in / span : 0.0);
}

void line_print(const struct relay *relay, FILE *file)
{
	fprintf(file, "{\"baud\":%.0f", relay->options.baud);
	print_direction(file, "a2b", &relay->directions[A2B]);
	print_direction(file, "b2a", &relay->directions[B2A]);
	fprintf(file, "}\n");
}

void line_init(struct relay *relay)
{
	relay->byte_s = relay->options.bits / relay->options.baud;
	relay->tick_s = fmax(TICK_S, relay->byte_s);
	relay->random = 88172645463325252ULL ^ relay->options.seed * 0x9E3779B97F4A7C15ULL;
	for (int i = 0; i < 20; i++)
		chance(relay); /* seeds that are close shall not look alike */
	for (int i = 0; i < 2; i++) {
		struct direction *direction = &relay->directions[i];

		direction->bytes = malloc(QUEUE_BYTES);
		direction->due = malloc(QUEUE_BYTES * sizeof(*direction->due));
		if (!direction->bytes || !direction->due)
			die("memory");
		direction->bits_to_error = error_gap(relay);
	}
}

void line_done(struct relay *relay)
{
	for (int i = 0; i < 2; i++) {
		free(relay->directions[i].bytes);
		free(relay->directions[i].due);
	}
}
