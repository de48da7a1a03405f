#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "common/crypto_openssl.h"

enum {
	RSA_BITS_MIN = 2048,
	RSA_BITS_MAX = 8 * CRYPTO_SIGNATURE_MAX,
	/* bytes of SubjectPublicKeyInfo: named curve, uncompressed point.  The other ways to
	 * write the same key would give it other fingerprints. */
	P256_INFO_SIZE = 91,
};

static bool is_p256(const EVP_PKEY *pkey)
{
	char group[32] = "";
	size_t len = 0;

	return EVP_PKEY_is_a(pkey, "EC") == 1
		&& EVP_PKEY_get_group_name(pkey, group, sizeof(group), &len) == 1
		&& strcmp(group, "prime256v1") == 0 && i2d_PUBKEY(pkey, NULL) == P256_INFO_SIZE;
}

static bool is_rsa(const EVP_PKEY *pkey)
{
	const int bits = EVP_PKEY_get_bits(pkey);

	return EVP_PKEY_is_a(pkey, "RSA") == 1 && bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX;
}

bool crypto_kind_of(const EVP_PKEY *pkey, enum crypto_kind *kind, struct error *err)
{
	if (EVP_PKEY_is_a(pkey, "ED25519") == 1)
		*kind = CRYPTO_ED25519;
	else if (is_p256(pkey))
		*kind = CRYPTO_P256;
	else if (is_rsa(pkey))
		*kind = CRYPTO_RSA;
	else {
		ERR_clear_error();
		return error_set(err, ERROR_MALFORMED,
			"neither an Ed25519, a P-256 nor an RSA key of 2048 to 8192 bits");
	}
	return true;
}

bool crypto_public_wrap(EVP_PKEY *pkey, struct crypto_public **out, struct error *err)
{
	CLEANUP(crypto_public_cleanup)
	struct crypto_public *public = calloc(1, sizeof(*public));

	if (public == NULL)
		return error_errno(err, "cannot allocate a key");
	if (!crypto_kind_of(pkey, &public->kind, err))
		return false;
	if (EVP_PKEY_up_ref(pkey) != 1)
		return crypto_fail(err, ERROR_FAILED, "cannot share a key");
	public->pkey = pkey;
	*out = public;
	public = NULL;
	return true;
}

static bool from_der(struct bytes der, struct crypto_public **out, struct error *err)
{
	const uint8_t *at = der.at;
	CLEANUP(drop_EVP_PKEY) EVP_PKEY *pkey = d2i_PUBKEY(NULL, &at, (long)der.len);

	if (pkey == NULL || at != der.at + der.len)
		return crypto_fail(err, ERROR_MALFORMED, "not a public key");
	return crypto_public_wrap(pkey, out, err);
}

static bool nothing_follows(struct bytes rest, struct error *err)
{
	for (size_t i = 0; i < rest.len; i++)
		if (!crypto_pem_is_space(rest.at[i]))
			return error_set(err, ERROR_MALFORMED, "more than one public key");
	return true;
}

bool crypto_public_parse(struct bytes text, struct crypto_public **out, struct error *err)
{
	CLEANUP(crypto_pem_done) struct crypto_pem pem = {0};
	bool found = false;

	if (!crypto_pem_next(&text, &pem, &found, err))
		return false;
	if (!found || strcmp(pem.label, "PUBLIC KEY") != 0)
		return error_set(err, ERROR_MALFORMED, "no public key in PEM");
	return nothing_follows(text, err)
		&& from_der((struct bytes){pem.der, pem.len}, out, err);
}

bool crypto_public_ed25519(const uint8_t at[static CRYPTO_ED25519_SIZE],
	struct crypto_public **out, struct error *err)
{
	CLEANUP(drop_EVP_PKEY)
	EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key_ex(
		NULL, "ED25519", NULL, at, CRYPTO_ED25519_SIZE);

	if (pkey == NULL)
		return crypto_fail(err, ERROR_MALFORMED, "not an Ed25519 key");
	return crypto_public_wrap(pkey, out, err);
}

bool crypto_public_ed25519_bytes(const struct crypto_public *public,
	uint8_t at[static CRYPTO_ED25519_SIZE], struct error *err)
{
	uint8_t raw[CRYPTO_ED25519_SIZE];
	size_t len = sizeof(raw);

	if (public->kind != CRYPTO_ED25519)
		return error_set(err, ERROR_USAGE, "not an Ed25519 key");
	if (EVP_PKEY_get_raw_public_key(public->pkey, raw, &len) != 1 || len != sizeof(raw))
		return crypto_fail(err, ERROR_FAILED, "cannot encode a public key");
	memcpy(at, raw, sizeof(raw));
	return true;
}

/* Through DER, so that no private half comes along. */
bool crypto_public_of(
	const struct crypto_key *key, struct crypto_public **out, struct error *err)
{
	uint8_t *der = NULL;
	const int len = i2d_PUBKEY(key->pkey, &der);

	if (len <= 0)
		return crypto_fail(err, ERROR_FAILED, "cannot encode a public key");

	const bool ok = from_der((struct bytes){der, (size_t)len}, out, err);

	OPENSSL_free(der);
	return ok;
}

bool crypto_public_pem(const struct crypto_public *public, struct buf *pem, struct error *err)
{
	uint8_t *der = NULL;
	const int len = i2d_PUBKEY(public->pkey, &der);

	if (len <= 0)
		return crypto_fail(err, ERROR_FAILED, "cannot encode a public key");

	const bool ok
		= crypto_pem_append(pem, "PUBLIC KEY", (struct bytes){der, (size_t)len}, err);

	OPENSSL_free(der);
	return ok;
}

bool crypto_public_fingerprint(
	const struct crypto_public *public, struct digest *digest, struct error *err)
{
	uint8_t *der = NULL;
	const int len = i2d_PUBKEY(public->pkey, &der);

	if (len <= 0)
		return crypto_fail(err, ERROR_FAILED, "cannot encode a public key");

	const bool ok = crypto_sha256((struct bytes){der, (size_t)len}, digest, err);

	OPENSSL_free(der);
	return ok;
}

enum crypto_kind crypto_public_kind(const struct crypto_public *public)
{
	return public->kind;
}

void crypto_public_free(struct crypto_public *public)
{
	if (public == NULL)
		return;
	EVP_PKEY_free(public->pkey);
	free(public);
}

void crypto_public_cleanup(struct crypto_public **public)
{
	crypto_public_free(*public);
}
