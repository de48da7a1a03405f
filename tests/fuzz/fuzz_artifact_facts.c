/*
 * Facts that were read, written and read again are written the same.
 */
#include <stdlib.h>
#include <string.h>

#include "courier/artifact_facts.h"
#include "tests/fuzz/fuzz.h"

static void must(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	CLEANUP(artifact_free) struct artifact one = {0}, two = {0};
	CLEANUP(buf_free) struct buf text = {0}, first = {0}, second = {0};
	const char *facts = NULL;
	struct error err = {0};

	must(buf_append(&text, (struct bytes){at, len}, &err));
	must(buf_text(&text, &facts, &err));
	if (!artifact_facts_parse(facts, &one, &err)) {
		must(one.name == NULL && err.code != ERROR_NONE);
		return 0;
	}
	must(artifact_facts_print(&one, &first, &err));
	must(buf_text(&first, &facts, &err));
	must(artifact_facts_parse(facts, &two, &err));
	must(artifact_facts_print(&two, &second, &err));
	must(bytes_equal(buf_bytes(&first), buf_bytes(&second)));
	return 0;
}
