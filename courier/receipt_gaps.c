#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "courier/receipt_gaps.h"

#define MORE ", ..."

static void note(struct receipt_gaps *gaps, uint64_t first, uint64_t last)
{
	const size_t len = strlen(gaps->text);
	const char *const comma = len == 0 ? "" : ", ";
	char range[64];

	gaps->missing += last - first + 1;
	if (first == last)
		(void)snprintf(range, sizeof(range), "%s%" PRIu64, comma, first);
	else
		(void)snprintf(
			range, sizeof(range), "%s%" PRIu64 "-%" PRIu64, comma, first, last);
	if (len >= sizeof(MORE) - 1 && strcmp(gaps->text + len - (sizeof(MORE) - 1), MORE) == 0)
		return;
	if (len + strlen(range) + sizeof(MORE) > sizeof(gaps->text))
		(void)snprintf(range, sizeof(range), "%s", MORE);
	memcpy(gaps->text + len, range, strlen(range) + 1);
}

void receipt_gaps_add(struct receipt_gaps *gaps, uint64_t sequence)
{
	if (gaps->last != 0 && sequence > gaps->last + 1)
		note(gaps, gaps->last + 1, sequence - 1);
	if (sequence > gaps->last)
		gaps->last = sequence;
}

void receipt_gaps_end(struct receipt_gaps *gaps, uint64_t newest)
{
	if (gaps->last != 0 && newest > gaps->last)
		note(gaps, gaps->last + 1, newest);
}
