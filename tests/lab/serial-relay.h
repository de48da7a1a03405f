/*
 * The parts of serial-relay: what it was asked for, two ports, and a line in each direction
 * between them.  The line is physics only: bytes go in at a pace and come out late, damaged, or
 * not at all.
 */
#ifndef SERIAL_RELAY_H
#define SERIAL_RELAY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define RELAY_NEVER 1e300 /* a time that does not come */

enum { A2B, B2A };

struct options {
	double baud, bits, latency_s;
	double bit_error_rate, framing_share, drop, burst;
	long burst_length, overrun;
	long long cut_after[2]; /* bytes into A2B and B2A; -1 never */
	double cut_at_s, cut_for_s;
	bool hangup, quiet;
	uint64_t seed;
	const char *stats, *links[2];
};

struct port {
	int master, slave;
	const char *link;
};

struct counts {
	uint64_t in, out, bit_flips, framing_lost, dropped, overrun, cut_lost;
};

struct direction {
	int from, to, to_slave;
	double line_free; /* when the line has sent what it took */
	bool idle;        /* the sender had less than the line could take */
	uint8_t *bytes;
	double *due; /* when each byte arrives */
	uint32_t head, tail;
	double bits_to_error;
	long burst_left;
	double first, last;
	struct counts counts;
};

struct relay {
	struct options options;
	struct port ports[2];
	struct direction directions[2];
	uint64_t random;
	double byte_s, tick_s, began;
	bool cut;
	double cut_since;
};

/* Read the command line; ends the program with 2 when it is wrong. */
struct options options_parse(int argc, char **argv);

/* Make both directions ready to carry. */
void line_init(struct relay *relay);
void line_done(struct relay *relay);

/* Take what the sender has and the line has room for. */
void line_take(struct relay *relay, struct direction *direction, double now);

/* Whether there is room for what a sender may have; without it, wait for the receiver. */
bool line_has_room(const struct direction *direction);

/* Hand over what has arrived by now; when to come back, RELAY_NEVER when nothing is under way.
 */
double line_give(struct relay *relay, struct direction *direction, double now);

/* When a busy line has room again; RELAY_NEVER when it waits for its sender. */
double line_next_room(const struct relay *relay, const struct direction *direction);

/* One JSON object: counts and rates of both directions. */
void line_print(const struct relay *relay, FILE *file);

/* Say what failed, with errno, and end the program. */
void die(const char *what) __attribute__((noreturn));

#endif
