#include <openssl/ec.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "common/crypto_openssl.h"

bool crypto_key_wrap(EVP_PKEY *pkey, struct crypto_key **out, struct error *err)
{
	CLEANUP(crypto_key_cleanup) struct crypto_key *key = calloc(1, sizeof(*key));

	if (key == NULL)
		return error_errno(err, "cannot allocate a key");
	if (!crypto_kind_of(pkey, &key->kind, err))
		return false;
	if (key->kind == CRYPTO_RSA)
		return error_set(err, ERROR_USAGE, "an RSA key cannot be used to sign here");
	if (EVP_PKEY_up_ref(pkey) != 1)
		return crypto_fail(err, ERROR_FAILED, "cannot share a key");
	key->pkey = pkey;
	*out = key;
	key = NULL;
	return true;
}

static EVP_PKEY *generate(enum crypto_kind kind)
{
	return kind == CRYPTO_ED25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
				      : EVP_EC_gen("P-256");
}

bool crypto_key_generate(enum crypto_kind kind, struct crypto_key **out, struct error *err)
{
	if (kind == CRYPTO_RSA)
		return error_set(err, ERROR_USAGE, "no RSA keys are made here");

	CLEANUP(drop_EVP_PKEY) EVP_PKEY *pkey = generate(kind);

	if (pkey == NULL)
		return crypto_fail(err, ERROR_FAILED, "cannot make a key");
	return crypto_key_wrap(pkey, out, err);
}

bool crypto_key_from_seed(const struct secret *seed, struct crypto_key **out, struct error *err)
{
	CLEANUP(drop_EVP_PKEY)
	EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(
		EVP_PKEY_ED25519, NULL, seed->at, sizeof(seed->at));

	if (pkey == NULL)
		return crypto_fail(err, ERROR_FAILED, "cannot make a key from its seed");
	return crypto_key_wrap(pkey, out, err);
}

bool crypto_key_seed(const struct crypto_key *key, struct secret *out, struct error *err)
{
	SECRET seed = {{0}};
	size_t len = sizeof(seed.at);

	if (key->kind != CRYPTO_ED25519)
		return error_set(err, ERROR_USAGE, "only an Ed25519 key has a seed");
	if (EVP_PKEY_get_raw_private_key(key->pkey, seed.at, &len) != 1
		|| len != sizeof(seed.at))
		return crypto_fail(err, ERROR_FAILED, "cannot read the seed of a key");
	*out = seed;
	return true;
}

void crypto_key_free(struct crypto_key *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_free(key->pkey); /* OpenSSL wipes it with the last reference */
	free(key);
}

void crypto_key_cleanup(struct crypto_key **key)
{
	crypto_key_free(*key);
}
