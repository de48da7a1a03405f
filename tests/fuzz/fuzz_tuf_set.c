/* A set says what it holds in one way only: made again from its records, it is the same. */
#include <stdlib.h>

#include "common/tuf/tuf_set.h"
#include "tests/fuzz/fuzz.h"

static void must(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	CLEANUP(tuf_set_writer_done) struct tuf_set_writer writer = {0};
	CLEANUP(tuf_set_done) struct tuf_set set = {0};
	CLEANUP(buf_free) struct buf again = {0};
	const struct bytes bytes = {at, len};
	struct error err = {0};

	if (!tuf_set_open(bytes, &set, &err))
		return 0;
	for (size_t i = set.count; i > 0; i--) {
		struct tuf_set_record record;
		struct bytes content = {0};

		must(tuf_set_record(&set, i - 1, &record, &err));
		must(tuf_set_find(&set, record.kind, record.name, &content));
		must(content.len == record.len);
		must(tuf_set_add(&writer, record.kind, record.name, content, &err));
	}
	must(tuf_set_encode(&writer, buf_sink(&again), &err));
	must(bytes_equal(buf_bytes(&again), bytes));
	return 0;
}
