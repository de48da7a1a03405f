/* Whatever frame is found, encoding it and reading that finds the same frame; and every
 * byte is accounted for as frame, noise or delimiter. */
#include <stdlib.h>

#include "device-link/frame.h"
#include "tests/fuzz/fuzz.h"

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void comes_back(const struct frame *frame, size_t wire_len)
{
	static struct frame_reader reader;
	CLEANUP(buf_free) struct buf out = {0};
	struct error err = {0};
	struct frame again;

	check(frame_encode(frame, &out, &err));
	check(out.len <= wire_len && wire_len - out.len <= 1); /* an empty last block */

	struct bytes from = buf_bytes(&out);

	check(frame_read(&reader, &from, &again) && from.len == 0);
	check(again.type == frame->type && again.device == frame->device
		&& again.connection == frame->connection && again.sequence == frame->sequence
		&& bytes_equal(again.payload, frame->payload));
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	static struct frame_reader reader;
	struct bytes from = {at, len};
	struct frame frame;
	size_t frames = 0;

	reader = (struct frame_reader){.len = 0};
	while (frame_read(&reader, &from, &frame)) {
		const uint8_t *start = from.at - 1; /* its delimiter */

		while (start > at && start[-1] != 0)
			start--;
		comes_back(&frame, (size_t)(from.at - start));
		frames += (size_t)(from.at - start);
	}
	check(frames + reader.noise + reader.len <= len);
	return 0;
}
