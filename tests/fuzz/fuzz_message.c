/* What decodes must encode to the same bytes: there is one way to say a thing. */
#include <stdlib.h>

#include "device-link/message.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	const struct bytes bytes = {at, len};
	CLEANUP(buf_free) struct buf again = {0};
	struct message message;
	struct error err;

	if (!message_decode(bytes, &message, &err))
		return 0;
	if (!message_encode(&message, &again, &err) || !bytes_equal(buf_bytes(&again), bytes))
		abort();
	return 0;
}
