#include <string.h>

#include "common/nearest.h"

static size_t smallest(size_t a, size_t b, size_t c)
{
	const size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Levenshtein's distance, one row of the table at a time. */
static size_t distance(const char *a, const char *b)
{
	size_t row[NEAREST_LENGTH_MAX + 1];
	const size_t len = strlen(b);

	for (size_t j = 0; j <= len; j++)
		row[j] = j;
	for (size_t i = 0; a[i] != 0; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < len; j++) {
			const size_t replaced = diagonal + (a[i] != b[j]);

			diagonal = row[j + 1];
			row[j + 1] = smallest(replaced, row[j] + 1, diagonal + 1);
		}
	}
	return row[len];
}

void nearest_offer(struct nearest *nearest, const char *name)
{
	const size_t len = strlen(nearest->wrong);

	if (len > NEAREST_LENGTH_MAX || strlen(name) > NEAREST_LENGTH_MAX)
		return;

	const size_t between = distance(nearest->wrong, name);

	if (between > (len + 2) / 3 || (nearest->name != NULL && between >= nearest->distance))
		return;
	nearest->name = name;
	nearest->distance = between;
}
