#include <limits.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/crypto_openssl.h"

bool(crypto_fail)(struct error *err, enum error_code code, const char *fmt, ...)
{
	const char *const why = ERR_reason_error_string(ERR_peek_last_error());
	char text[sizeof(err->text)];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	ERR_clear_error();
	return why == NULL ? error_set(err, code, "%s", text)
			   : error_set(err, code, "%s: %s", text, why);
}

bool crypto_random(void *at, size_t len, struct error *err)
{
	if (RAND_priv_bytes_ex(NULL, at, len, 0) != 1)
		return crypto_fail(err, ERROR_FAILED, "no random numbers");
	return true;
}

struct crypto_hash {
	EVP_MD_CTX *ctx;
};

static bool new_hash(const EVP_MD *md, struct crypto_hash **out, struct error *err)
{
	CLEANUP(crypto_hash_cleanup) struct crypto_hash *hash = calloc(1, sizeof(*hash));

	if (hash == NULL)
		return error_errno(err, "cannot allocate a hash");
	hash->ctx = EVP_MD_CTX_new();
	if (hash->ctx == NULL || EVP_DigestInit_ex2(hash->ctx, md, NULL) != 1)
		return crypto_fail(err, ERROR_FAILED, "cannot start a hash");
	*out = hash;
	hash = NULL;
	return true;
}

bool crypto_hash_new(struct crypto_hash **out, struct error *err)
{
	return new_hash(EVP_sha256(), out, err);
}

bool crypto_hash_new_512(struct crypto_hash **out, struct error *err)
{
	return new_hash(EVP_sha512(), out, err);
}

bool crypto_hash_add(struct crypto_hash *hash, struct bytes bytes, struct error *err)
{
	if (EVP_DigestUpdate(hash->ctx, bytes.at, bytes.len) != 1)
		return crypto_fail(err, ERROR_FAILED, "cannot hash");
	return true;
}

static bool peek(const struct crypto_hash *hash, uint8_t *at, size_t len, struct error *err)
{
	CLEANUP(drop_EVP_MD_CTX) EVP_MD_CTX *copy = EVP_MD_CTX_new();

	if ((size_t)EVP_MD_CTX_get_size(hash->ctx) != len)
		return error_set(err, ERROR_USAGE, "a hash of another length");
	if (copy == NULL || EVP_MD_CTX_copy_ex(copy, hash->ctx) != 1
		|| EVP_DigestFinal_ex(copy, at, NULL) != 1)
		return crypto_fail(err, ERROR_FAILED, "cannot hash");
	return true;
}

bool crypto_hash_peek(const struct crypto_hash *hash, struct digest *out, struct error *err)
{
	struct digest digest;

	if (!peek(hash, digest.at, sizeof(digest.at), err))
		return false;
	*out = digest;
	return true;
}

bool crypto_hash_peek_512(const struct crypto_hash *hash, uint8_t at[static CRYPTO_SHA512_SIZE],
	struct error *err)
{
	uint8_t digest[CRYPTO_SHA512_SIZE];

	if (!peek(hash, digest, sizeof(digest), err))
		return false;
	memcpy(at, digest, sizeof(digest));
	return true;
}

void crypto_hash_free(struct crypto_hash *hash)
{
	if (hash == NULL)
		return;
	EVP_MD_CTX_free(hash->ctx);
	free(hash);
}

void crypto_hash_cleanup(struct crypto_hash **hash)
{
	crypto_hash_free(*hash);
}

bool crypto_sha256(struct bytes bytes, struct digest *out, struct error *err)
{
	struct digest digest;

	if (EVP_Digest(bytes.at, bytes.len, digest.at, NULL, EVP_sha256(), NULL) != 1)
		return crypto_fail(err, ERROR_FAILED, "cannot hash");
	*out = digest;
	return true;
}

bool crypto_hmac(
	const struct secret *key, struct bytes bytes, struct digest *out, struct error *err)
{
	struct digest digest;

	if (HMAC(EVP_sha256(), key->at, sizeof(key->at), bytes.at, bytes.len, digest.at, NULL)
		== NULL)
		return crypto_fail(err, ERROR_FAILED, "cannot authenticate");
	*out = digest;
	return true;
}
