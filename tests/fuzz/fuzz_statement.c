/*
 * What a device signs: the first byte says which statement, the rest is its payload, which
 * is signed here, so that the readers behind the signature are reached.  A statement that
 * opens, signed again, opens as the same: from then on its bytes do not change.
 */
#include <stdlib.h>

#include "common/dsse.h"
#include "common/statement.h"
#include "tests/fuzz/fuzz.h"

static void must(bool ok)
{
	if (!ok)
		abort();
}

struct keys {
	struct crypto_key *key;
	struct crypto_public *public;
};

/* Open ENVELOPE, and sign what it says; false when it does not open. */
static bool receipt_again(const struct keys *keys, struct bytes envelope, struct buf *out)
{
	struct receipt receipt;
	struct error err = {0};

	if (!receipt_open(envelope, keys->public, &receipt, &err))
		return false;
	must(receipt.sequence > 0);
	must(receipt_sign(&receipt, keys->key, out, &err));
	return true;
}

static bool inventory_again(const struct keys *keys, struct bytes envelope, struct buf *out)
{
	CLEANUP(inventory_free) struct inventory inventory = {0};
	struct error err = {0};

	if (!inventory_open(envelope, keys->public, &inventory, &err))
		return false;
	must(inventory_sign(&inventory, keys->key, out, &err));
	return true;
}

static bool identity_again(const struct keys *keys, struct bytes envelope, struct buf *out)
{
	CLEANUP(identity_free) struct identity identity = {0};
	struct digest digest;
	struct error err = {0};

	if (!identity_open(envelope, &identity, &err))
		return false;
	must(identity_digest(bytes_of(identity.identity), &digest, &err));
	must(identity_sign(&identity, keys->key, out, &err));
	return true;
}

static const struct {
	char letter;
	const char *type;
	bool (*again)(const struct keys *, struct bytes envelope, struct buf *out);
} statements[] = {
	{'R', DSSE_RECEIPT, receipt_again},
	{'V', DSSE_INVENTORY, inventory_again},
	{'I', DSSE_IDENTITY, identity_again},
};

static void read_as(const struct keys *keys, size_t i, struct bytes payload)
{
	CLEANUP(buf_free) struct buf envelope = {0}, once = {0}, twice = {0};
	struct error err = {0};

	must(dsse_sign(keys->key, statements[i].type, payload, &envelope, &err));
	if (!statements[i].again(keys, buf_bytes(&envelope), &once))
		return;
	must(statements[i].again(keys, buf_bytes(&once), &twice));
	must(bytes_equal(buf_bytes(&once), buf_bytes(&twice)));
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	CLEANUP(crypto_key_cleanup) struct crypto_key *key = NULL;
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;
	struct error err = {0};
	SECRET seed = {{'f', 'u', 'z', 'z'}};

	must(crypto_key_from_seed(&seed, &key, &err) && crypto_public_of(key, &public, &err));
	for (size_t i = 0; len > 0 && i < COUNT(statements); i++)
		if (at[0] == (uint8_t)statements[i].letter)
			read_as(&(struct keys){key, public}, i,
				(struct bytes){at + 1, len - 1});
	return 0;
}
