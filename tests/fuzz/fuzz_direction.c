/* What is read can be said again, and then means the same: to all who choose from it, too. */
#include <stdlib.h>
#include <string.h>

#include "common/direction.h"
#include "tests/fuzz/fuzz.h"

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void same_choice(const struct direction *a, const struct direction *b, const char *type)
{
	const struct direction_artifact *of_a = NULL, *of_b = NULL;
	struct error err = {0};
	const bool chose = direction_choose(a, type, &of_a, &err);

	must(direction_choose(b, type, &of_b, &err) == chose);
	must(!chose
		|| (of_a - a->artifacts == of_b - b->artifacts
			&& (of_a->device_type[0] == '\0'
				|| strcmp(of_a->device_type, type) == 0)));
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	CLEANUP(buf_free) struct buf said = {0}, again = {0};
	struct direction direction, second;
	struct error err = {0};

	if (!direction_parse((struct bytes){at, len}, &direction, &err))
		return 0;
	must(direction_print(&direction, &said, &err));
	must(direction_parse(buf_bytes(&said), &second, &err));
	must(direction_print(&second, &again, &err));
	must(bytes_equal(buf_bytes(&said), buf_bytes(&again)));
	same_choice(&direction, &second, "none");
	for (size_t i = 0; i < direction.count; i++)
		same_choice(&direction, &second, direction.artifacts[i].device_type);
	return 0;
}
