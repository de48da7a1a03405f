/*
 * A request that is taken has a key; its identity is in canonical form already; what
 * stands around it makes no difference.
 */
#include <stdlib.h>
#include <string.h>

#include "courier/admin/device_request.h"
#include "tests/fuzz/fuzz.h"

static struct error err;

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void text_free(char **text)
{
	free(*text);
}

static void check_identity(const struct device_request *request)
{
	CLEANUP(text_free) char *canonical = NULL;
	struct digest fingerprint = {{0}};

	must(crypto_public_fingerprint(request->key, &fingerprint, &err));
	if (request->statement.identity == NULL)
		return;
	must(digest_equal(&fingerprint, &request->statement.key));
	if (device_identity(request->statement.identity, &canonical, &err))
		must(strcmp(canonical, request->statement.identity) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	CLEANUP(device_request_free) struct device_request request = {0}, again = {0};
	CLEANUP(buf_free) struct buf framed = {0};

	if (!device_request_parse((struct bytes){at, len}, &request, &err)) {
		must(request.key == NULL);
		return 0;
	}
	must(request.key != NULL);
	check_identity(&request);
	must(buf_append(&framed, bytes_of("a line\n"), &err)
		&& buf_append(&framed, (struct bytes){at, len}, &err)
		&& buf_append(&framed, bytes_of("\nanother\n"), &err));
	must(device_request_parse(buf_bytes(&framed), &again, &err));
	return 0;
}
