#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <string.h>

#include "common/crypto_openssl.h"

enum {
	P256_SIZE = 32,    /* bytes of r, and of s */
	P256_DER_MAX = 72, /* bytes of SEQUENCE { r, s } */
	P256_RAW_SIZE = 2 * P256_SIZE,
};

const EVP_MD *crypto_signing_digest(enum crypto_kind kind)
{
	return kind == CRYPTO_ED25519 ? NULL : EVP_sha256();
}

bool crypto_sign(const struct crypto_key *key, struct bytes message,
	struct crypto_signature *out, struct error *err)
{
	CLEANUP(drop_EVP_MD_CTX) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const EVP_MD *const md = crypto_signing_digest(key->kind);
	struct crypto_signature signature = {.len = sizeof(signature.at)};

	if (ctx == NULL || EVP_DigestSignInit(ctx, NULL, md, NULL, key->pkey) != 1
		|| EVP_DigestSign(ctx, signature.at, &signature.len, message.at, message.len)
			!= 1)
		return crypto_fail(err, ERROR_FAILED, "cannot sign");
	*out = signature;
	return true;
}

static bool judge(
	EVP_MD_CTX *ctx, struct bytes message, struct bytes signature, struct error *err)
{
	if (EVP_DigestVerify(ctx, signature.at, signature.len, message.at, message.len) == 1)
		return true;
	ERR_clear_error();
	return error_set(err, ERROR_SIGNATURE, "the signature does not verify");
}

bool crypto_verify(const struct crypto_public *public, struct bytes message,
	struct bytes signature, struct error *err)
{
	CLEANUP(drop_EVP_MD_CTX) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const EVP_MD *const md = crypto_signing_digest(public->kind);

	if (ctx == NULL || EVP_DigestVerifyInit(ctx, NULL, md, NULL, public->pkey) != 1)
		return crypto_fail(err, ERROR_FAILED, "cannot verify");
	return judge(ctx, message, signature, err);
}

/* Signers differ in the salt: as long as the digest, or as long as it can be. */
bool crypto_verify_pss(const struct crypto_public *public, struct bytes message,
	struct bytes signature, struct error *err)
{
	CLEANUP(drop_EVP_MD_CTX) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *key = NULL; /* belongs to CTX */

	if (public->kind != CRYPTO_RSA)
		return error_set(err, ERROR_USAGE, "PSS is for RSA keys");
	if (ctx == NULL
		|| EVP_DigestVerifyInit(ctx, &key, EVP_sha256(), NULL, public->pkey) != 1
		|| EVP_PKEY_CTX_set_rsa_padding(key, RSA_PKCS1_PSS_PADDING) != 1
		|| EVP_PKEY_CTX_set_rsa_mgf1_md(key, EVP_sha256()) != 1
		|| EVP_PKEY_CTX_set_rsa_pss_saltlen(key, RSA_PSS_SALTLEN_AUTO) != 1)
		return crypto_fail(err, ERROR_FAILED, "cannot verify");
	return judge(ctx, message, signature, err);
}

/* r || s as SEQUENCE { r, s }. */
static bool to_der(const uint8_t *raw, uint8_t der[static P256_DER_MAX], size_t *len)
{
	ECDSA_SIG *const both = ECDSA_SIG_new();
	BIGNUM *const r = BN_bin2bn(raw, P256_SIZE, NULL);
	BIGNUM *const s = BN_bin2bn(raw + P256_SIZE, P256_SIZE, NULL);
	uint8_t *at = der;
	int got = 0;

	if (both == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(both, r, s) != 1) {
		BN_free(r);
		BN_free(s);
	} else {
		got = i2d_ECDSA_SIG(both, &at);
	}
	ECDSA_SIG_free(both);
	*len = (size_t)(got > 0 ? got : 0);
	return got > 0;
}

bool crypto_verify_artifact(const struct crypto_public *public, struct bytes message,
	struct bytes signature, struct error *err)
{
	uint8_t der[P256_DER_MAX];
	size_t len = 0;

	if (public->kind != CRYPTO_P256 || signature.len != P256_RAW_SIZE)
		return crypto_verify(public, message, signature, err);
	if (!to_der(signature.at, der, &len))
		return crypto_fail(err, ERROR_FAILED, "cannot verify");
	return crypto_verify(public, message, (struct bytes){der, len}, err);
}
