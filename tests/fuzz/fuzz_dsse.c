/*
 * An envelope that opens is the one its payload makes: Ed25519 signs the same thing
 * the same way each time, so signing again gives the same bytes.  What can be peeked
 * into has a keyid, too.
 */
#include <stdlib.h>

#include "common/dsse.h"
#include "tests/fuzz/fuzz.h"

static void must(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	static const char type[] = DSSE_RECEIPT;
	CLEANUP(crypto_key_cleanup) struct crypto_key *key = NULL;
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;
	CLEANUP(buf_free) struct buf payload = {0}, peeked = {0}, again = {0};
	const struct bytes envelope = {at, len};
	struct digest id = {{0}};
	struct error err = {0};
	SECRET seed = {{'f', 'u', 'z', 'z'}};

	must(crypto_key_from_seed(&seed, &key, &err) && crypto_public_of(key, &public, &err));

	const bool readable = dsse_peek(envelope, type, &peeked, &err);

	must(!readable || dsse_keyid(envelope, &id, &err));
	if (!dsse_open(envelope, type, public, &payload, &err)) {
		must(payload.len == 0);
		return 0;
	}
	must(readable && bytes_equal(buf_bytes(&payload), buf_bytes(&peeked)));
	must(dsse_sign(key, type, buf_bytes(&payload), &again, &err));
	must(bytes_equal(envelope, buf_bytes(&again)));
	return 0;
}
