/*
 * A courier's request, as a stranger may hand it in: what is taken is taken again, from
 * its own copy, with the same keys; they are two; what is written of them parses.
 */
#include <stdlib.h>

#include "courier/admin/record.h"
#include "tests/fuzz/fuzz.h"

static void must(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	CLEANUP(courier_record_free) struct courier_record one = {.number = 0};
	CLEANUP(courier_record_free) struct courier_record two = {.number = 0};
	CLEANUP(crypto_public_cleanup) struct crypto_public *server = NULL;
	const struct bytes input = {at, len};
	struct digest key, again, print;
	struct error err = {0};

	if (!courier_record_take_request(&one, input, &err)) {
		must(one.key == NULL && one.server_key == NULL && one.request.len == 0);
		return 0;
	}
	must(bytes_equal(buf_bytes(&one.request), input));
	must(courier_record_take_request(&two, buf_bytes(&one.request), &err));
	must(crypto_public_fingerprint(one.key, &key, &err));
	must(crypto_public_fingerprint(two.key, &again, &err));
	must(digest_equal(&key, &again) && digest_equal(&one.server, &two.server));
	must(!digest_equal(&key, &one.server));
	must(crypto_public_parse(bytes_of(one.server_key), &server, &err));
	must(crypto_public_fingerprint(server, &print, &err));
	must(digest_equal(&print, &one.server));
	return 0;
}
