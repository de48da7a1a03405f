/* Whose signatures count, and whether a file is the one that was meant. */
#include <string.h>

#include "common/json.h"
#include "common/tuf/tuf_metadata.h"

/* The keys that signed so far. */
struct count {
	const struct tuf_key *keys[TUF_KEYIDS_MAX];
	size_t len;
};

static const struct tuf_signature *signature_by(
	const struct tuf_metadata *metadata, const char *keyid)
{
	const struct tuf_signature *const all = metadata->signatures.at;

	for (size_t i = 0; i < metadata->signatures.count; i++)
		if (strcmp(all[i].keyid, keyid) == 0)
			return &all[i];
	return NULL;
}

static bool verifies(
	const struct tuf_key *key, const struct tuf_signature *signature, struct bytes message)
{
	uint8_t at[CRYPTO_SIGNATURE_MAX];
	struct error err = {0};
	size_t len = 0;

	return tuf_hex(signature->sig, at, sizeof(at), &len)
		&& key->verify(key->public, message, (struct bytes){at, len}, &err);
}

static bool is_counted(const struct count *count, const struct tuf_key *key)
{
	for (size_t i = 0; i < count->len; i++)
		if (digest_equal(&count->keys[i]->fingerprint, &key->fingerprint))
			return true;
	return false;
}

bool tuf_verify(const struct tuf_metadata *metadata, const struct tuf_list *keys,
	const struct tuf_role *role, struct error *err)
{
	const char *const *const ids = role->keyids.at;
	CLEANUP(buf_free) struct buf form = {0};
	struct count count = {.len = 0};

	if (!json_canonical(metadata->signed_part, &form, err))
		return false;
	for (size_t i = 0; i < role->keyids.count; i++) {
		const struct tuf_key *const key = tuf_key_find(keys, ids[i]);
		const struct tuf_signature *const signature = signature_by(metadata, ids[i]);

		if (key != NULL && key->public != NULL && signature != NULL
			&& !is_counted(&count, key)
			&& verifies(key, signature, buf_bytes(&form)))
			count.keys[count.len++] = key;
		if ((int64_t)count.len >= role->threshold)
			return true;
	}
	return error_set(err, ERROR_SIGNATURE, "signed by %zu of the %lld keys it needs",
		count.len, (long long)role->threshold);
}

static bool has_sha512(struct bytes file, const uint8_t *expected, struct error *err)
{
	CLEANUP(crypto_hash_cleanup) struct crypto_hash *hash = NULL;
	uint8_t digest[CRYPTO_SHA512_SIZE];

	if (!crypto_hash_new_512(&hash, err) || !crypto_hash_add(hash, file, err)
		|| !crypto_hash_peek_512(hash, digest, err))
		return false;
	if (memcmp(digest, expected, sizeof(digest)) != 0)
		return error_set(err, ERROR_SIGNATURE, "its SHA-512 is not the signed one");
	return true;
}

static bool has_sha256(struct bytes file, const struct digest *expected, struct error *err)
{
	struct digest digest;

	if (!crypto_sha256(file, &digest, err))
		return false;
	if (!digest_equal(&digest, expected))
		return error_set(err, ERROR_SIGNATURE, "its SHA-256 is not the signed one");
	return true;
}

bool tuf_check_file(
	struct bytes file, int64_t length, const struct tuf_hashes *hashes, struct error *err)
{
	if (length >= 0 && (uint64_t)length != file.len)
		return error_set(err, ERROR_SIGNATURE, "%zu bytes, but %lld are signed",
			file.len, (long long)length);
	if (hashes == NULL)
		return true;
	if (hashes->unusable)
		return error_set(err, ERROR_SIGNATURE, "a hash of a kind that is not known");
	return (!hashes->has_sha256 || has_sha256(file, &hashes->sha256, err))
		&& (!hashes->has_sha512 || has_sha512(file, hashes->sha512, err));
}
