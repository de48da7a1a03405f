/* A target: where it is, and whether bytes are it. */
#include <stdlib.h>
#include <string.h>

#include "common/tuf/tuf.h"
#include "common/tuf/tuf_path.h"

struct tuf_check {
	struct tuf_target_facts facts;
	uint64_t added; /* bytes */
	struct crypto_hash *sha256, *sha512;
};

bool tuf_target_url(const struct tuf_target *target, struct buf *url, struct error *err)
{
	const struct tuf_hashes *const hashes = &target->facts.hashes;
	char text[2 * CRYPTO_SHA512_SIZE + 1];

	if (!target->consistent)
		return tuf_path_url(target->path, NULL, url, err);
	if (!hashes->has_sha256 && !hashes->has_sha512)
		return error_set(err, ERROR_SIGNATURE, "no hash of a kind that is known");
	hex_encode(hashes->has_sha256 ? digest_bytes(&hashes->sha256)
				      : (struct bytes){hashes->sha512, sizeof(hashes->sha512)},
		text);
	return tuf_path_url(target->path, text, url, err);
}

bool tuf_check_new(const struct tuf_target *target, struct tuf_check **out, struct error *err)
{
	CLEANUP(tuf_check_cleanup) struct tuf_check *check = calloc(1, sizeof(*check));
	const struct tuf_hashes *const hashes = &target->facts.hashes;

	if (check == NULL)
		return error_errno(err, "cannot allocate a check");
	if (hashes->unusable || (!hashes->has_sha256 && !hashes->has_sha512))
		return error_set(
			err, ERROR_SIGNATURE, "signed with a hash of a kind that is not known");
	check->facts = target->facts;
	if ((hashes->has_sha256 && !crypto_hash_new(&check->sha256, err))
		|| (hashes->has_sha512 && !crypto_hash_new_512(&check->sha512, err)))
		return false;
	*out = check;
	check = NULL;
	return true;
}

bool tuf_check_add(struct tuf_check *check, struct bytes bytes, struct error *err)
{
	if (bytes.len > (uint64_t)check->facts.length - check->added)
		return error_set(err, ERROR_SIGNATURE, "more than the %lld bytes signed",
			(long long)check->facts.length);
	check->added += bytes.len;
	return (check->sha256 == NULL || crypto_hash_add(check->sha256, bytes, err))
		&& (check->sha512 == NULL || crypto_hash_add(check->sha512, bytes, err));
}

static bool sha256_is(const struct tuf_check *check, struct error *err)
{
	struct digest digest;

	if (!crypto_hash_peek(check->sha256, &digest, err))
		return false;
	if (!digest_equal(&digest, &check->facts.hashes.sha256))
		return error_set(err, ERROR_SIGNATURE, "its SHA-256 is not the signed one");
	return true;
}

static bool sha512_is(const struct tuf_check *check, struct error *err)
{
	uint8_t digest[CRYPTO_SHA512_SIZE];

	if (!crypto_hash_peek_512(check->sha512, digest, err))
		return false;
	if (memcmp(digest, check->facts.hashes.sha512, sizeof(digest)) != 0)
		return error_set(err, ERROR_SIGNATURE, "its SHA-512 is not the signed one");
	return true;
}

bool tuf_check_end(const struct tuf_check *check, struct error *err)
{
	if (check->added != (uint64_t)check->facts.length)
		return error_set(err, ERROR_SIGNATURE, "%llu bytes, but %lld are signed",
			(unsigned long long)check->added, (long long)check->facts.length);
	return (check->sha256 == NULL || sha256_is(check, err))
		&& (check->sha512 == NULL || sha512_is(check, err));
}

void tuf_check_free(struct tuf_check *check)
{
	if (check == NULL)
		return;
	crypto_hash_free(check->sha256);
	crypto_hash_free(check->sha512);
	free(check);
}

void tuf_check_cleanup(struct tuf_check **check)
{
	tuf_check_free(*check);
	*check = NULL;
}
