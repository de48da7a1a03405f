/*
 * What a run of bytes unpacks to, packed, unpacks to the same bytes again; and when every
 * field in it says something, those are the bytes it was read from.
 */
#include <stdlib.h>
#include <string.h>

#include "courier/store_record.h"
#include "tests/fuzz/fuzz.h"

struct thing {
	char text[8];
	char *string;
	struct buf buf;
	bool yes;
	unsigned count;
	int64_t time;
	uint64_t size;
	struct digest digest;
};

static const struct record_field fields[] = {
	RECORD_FIELD(1, struct thing, text),
	RECORD_FIELD(2, struct thing, string),
	RECORD_FIELD(3, struct thing, buf),
	RECORD_FIELD(4, struct thing, yes),
	RECORD_FIELD(5, struct thing, count),
	RECORD_FIELD(6, struct thing, time),
	RECORD_FIELD(7, struct thing, size),
	RECORD_FIELD(9, struct thing, digest),
};
static const struct record_layout layout = {fields, COUNT(fields), sizeof(struct thing)};

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void thing_free(struct thing *thing)
{
	record_free(&layout, thing);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	static const struct thing nothing;
	CLEANUP(thing_free) struct thing one = {.yes = false}, two = {.yes = false};
	CLEANUP(buf_free) struct buf first = {0}, second = {0};
	const struct bytes input = {at, len};
	struct error err = {0};

	if (!record_unpack(&layout, input, &one, &err)) {
		must(err.code == ERROR_DAMAGED);
		must(memcmp(&one, &nothing, sizeof(one)) == 0);
		return 0;
	}
	must(record_pack(&layout, &one, &first, &err));
	must(record_unpack(&layout, buf_bytes(&first), &two, &err));
	must(record_pack(&layout, &two, &second, &err));
	must(bytes_equal(buf_bytes(&first), buf_bytes(&second)));
	must(first.len <= len); /* only zeros may go */
	must(first.len < len || bytes_equal(buf_bytes(&first), input));
	return 0;
}
