#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <stdio.h>
#include <string.h>

#include "common/crypto_openssl.h"

enum {
	NONCE_SIZE = 12,
	TAG_SIZE = 16,
	STRETCH_LOG_MAX = 30,     /* of the bytes of memory a passphrase may cost */
	STRETCH_SLACK = 16 << 20, /* bytes: scrypt's other buffers, largest r and p */
};

CRYPTO_CLEANUP(EVP_KDF, EVP_KDF_free)
CRYPTO_CLEANUP(EVP_KDF_CTX, EVP_KDF_CTX_free)

/* ---- keys from keys ---- */

bool crypto_stretch(const struct passphrase *passphrase, const uint8_t salt[CRYPTO_SALT_SIZE],
	struct crypto_cost cost, struct secret *out, struct error *err)
{
	const uint64_t most = UINT64_C(1) << STRETCH_LOG_MAX;
	const size_t len = strnlen(passphrase->at, sizeof(passphrase->at));
	SECRET key = {{0}};

	/* RFC 7914 section 6: N below 2^(128 * r / 8). */
	if (cost.r == 0 || cost.p == 0 || cost.log_n == 0 || cost.log_n >= STRETCH_LOG_MAX
		|| cost.log_n >= 16 * cost.r || (UINT64_C(128) << cost.log_n) * cost.r > most)
		return error_set(err, ERROR_USAGE, "impossible cost of a passphrase");
	if (EVP_PBE_scrypt(passphrase->at, len, salt, CRYPTO_SALT_SIZE,
		    UINT64_C(1) << cost.log_n, cost.r, cost.p, most + STRETCH_SLACK, key.at,
		    sizeof(key.at))
		!= 1)
		return crypto_fail(err, ERROR_FAILED, "cannot stretch a passphrase");
	*out = key;
	return true;
}

bool crypto_derive(
	const struct secret *from, const char *label, struct secret *out, struct error *err)
{
	CLEANUP(drop_EVP_KDF) EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	CLEANUP(drop_EVP_KDF_CTX)
	EVP_KDF_CTX *ctx = kdf == NULL ? NULL : EVP_KDF_CTX_new(kdf);
	SECRET ikm = *from;
	SECRET key = {{0}};
	char digest[] = "SHA256", info[256];
	const size_t len = strlen(label);

	if (len >= sizeof(info))
		return error_set(err, ERROR_USAGE, "label too long");
	(void)snprintf(info, sizeof(info), "%s", label);

	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, ikm.at, sizeof(ikm.at)),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, len),
		OSSL_PARAM_construct_end(),
	};

	if (ctx == NULL || EVP_KDF_derive(ctx, key.at, sizeof(key.at), params) != 1)
		return crypto_fail(err, ERROR_FAILED, "cannot derive a key");
	*out = key;
	return true;
}

/* ---- AES-256-GCM ---- */

static bool fits(struct bytes associated, size_t len, struct error *err)
{
	if (associated.len > INT_MAX || len > INT_MAX - CRYPTO_SEAL_OVERHEAD)
		return error_set(err, ERROR_USAGE, "too much to seal at once");
	return true;
}

/* nonce || ciphertext || tag to OUT, which has room. */
static bool seal(const struct secret *key, struct bytes associated, struct bytes plain,
	uint8_t *out, struct error *err)
{
	CLEANUP(drop_EVP_CIPHER_CTX) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t *const body = out + NONCE_SIZE, *const tag = body + plain.len;
	int len = 0;

	if (!crypto_random(out, NONCE_SIZE, err))
		return false;
	if (ctx == NULL || EVP_EncryptInit_ex2(ctx, EVP_aes_256_gcm(), key->at, out, NULL) != 1
		|| EVP_EncryptUpdate(ctx, NULL, &len, associated.at, (int)associated.len) != 1
		|| EVP_EncryptUpdate(ctx, body, &len, plain.at, (int)plain.len) != 1
		|| EVP_EncryptFinal_ex(ctx, tag, &len) != 1
		|| EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, tag) != 1)
		return crypto_fail(err, ERROR_FAILED, "cannot seal");
	return true;
}

/* Plaintext to OUT, which has room; wiped again when the tag does not match. */
static bool unseal(const struct secret *key, struct bytes associated, struct bytes sealed,
	uint8_t *out, struct error *err)
{
	CLEANUP(drop_EVP_CIPHER_CTX) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	const size_t plain = sealed.len - CRYPTO_SEAL_OVERHEAD;
	const uint8_t *const body = sealed.at + NONCE_SIZE;
	uint8_t tag[TAG_SIZE];
	int len = 0;

	memcpy(tag, body + plain, sizeof(tag));
	if (ctx != NULL
		&& EVP_DecryptInit_ex2(ctx, EVP_aes_256_gcm(), key->at, sealed.at, NULL) == 1
		&& EVP_DecryptUpdate(ctx, NULL, &len, associated.at, (int)associated.len) == 1
		&& EVP_DecryptUpdate(ctx, out, &len, body, (int)plain) == 1
		&& EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, tag) == 1
		&& EVP_DecryptFinal_ex(ctx, out + plain, &len) == 1)
		return true;
	secret_wipe_bytes(out, plain);
	ERR_clear_error();
	return error_set(err, ERROR_DAMAGED, "not what was sealed, or not by this key");
}

bool crypto_seal(const struct secret *key, struct bytes associated, struct bytes plain,
	struct buf *out, struct error *err)
{
	if (!fits(associated, plain.len, err)
		|| !buf_reserve(out, plain.len + CRYPTO_SEAL_OVERHEAD, err)
		|| !seal(key, associated, plain, out->at + out->len, err))
		return false;
	out->len += plain.len + CRYPTO_SEAL_OVERHEAD;
	return true;
}

bool crypto_unseal(const struct secret *key, struct bytes associated, struct bytes sealed,
	struct buf *out, struct error *err)
{
	if (sealed.len < CRYPTO_SEAL_OVERHEAD)
		return error_set(err, ERROR_DAMAGED, "too short to have been sealed");
	/* The tag's room as well: that is never nothing, so there is always memory. */
	if (!fits(associated, sealed.len, err) || !buf_reserve(out, sealed.len, err)
		|| !unseal(key, associated, sealed, out->at + out->len, err))
		return false;
	out->len += sealed.len - CRYPTO_SEAL_OVERHEAD;
	return true;
}

bool crypto_seal_secret(const struct secret *key, struct bytes associated,
	const struct secret *plain, struct buf *out, struct error *err)
{
	return crypto_seal(
		key, associated, (struct bytes){plain->at, sizeof(plain->at)}, out, err);
}

bool crypto_unseal_secret(const struct secret *key, struct bytes associated,
	struct bytes sealed, struct secret *out, struct error *err)
{
	SECRET plain = {{0}};

	if (sealed.len != sizeof(plain.at) + CRYPTO_SEAL_OVERHEAD)
		return error_set(err, ERROR_DAMAGED, "not a sealed key");
	if (!fits(associated, sealed.len, err)
		|| !unseal(key, associated, sealed, plain.at, err))
		return false;
	*out = plain;
	return true;
}
