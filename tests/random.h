/* random.h - reproducible chance for tests: a seed gives the same run everywhere. */
#ifndef TESTS_RANDOM_H
#define TESTS_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
	uint64_t seed;
};

/* splitmix64 */
static inline uint64_t random_next(struct random *random)
{
	uint64_t z = random->seed += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* 0 .. LIMIT - 1 */
static inline uint64_t random_below(struct random *random, uint64_t limit)
{
	return random_next(random) % limit;
}

/* True in MILLION of a million cases. */
static inline bool random_chance(struct random *random, uint32_t million)
{
	return random_below(random, 1000000) < million;
}

#endif
