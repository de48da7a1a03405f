/* What a cable, a disk or an adversary may do to single bytes of an artifact. */
#include <stdlib.h>
#include <string.h>

#include "tests/artifacts.h"
#include "tests/test.h"

enum { WHOLE = 1 << 20 };

static const struct subject {
	const char *name, *key;
	size_t step; /* bits: 1 for all of them, 9 for one in each byte */
} subjects[] = {
	{"p256", "p256", 1},
	{"good-gz", NULL, 9},
	{"good-plain", NULL, 9},
	{"good-xz", NULL, 9},
	{"good-zst", NULL, 9},
};

static struct crypto_public *key_of(const char *directory, const struct subject *subject)
{
	return subject->key != NULL ? artifacts_key(directory, subject->key) : NULL;
}

static void every_truncation_is_malformed(void **state)
{
	for (size_t i = 0; i < COUNT(subjects); i++) {
		CLEANUP(buf_free) struct buf content = {0};
		CLEANUP(crypto_public_cleanup)
		struct crypto_public *key = key_of(*state, &subjects[i]);
		struct artifact artifact = {0};
		struct error err = {0};

		artifacts_load(*state, subjects[i].name, &content);
		for (size_t len = 0; len < content.len; len++) {
			if (artifacts_read((struct bytes){content.at, len}, WHOLE, key, NULL,
				    &artifact, &err))
				fail_msg("%s: taken at %zu bytes", subjects[i].name, len);
			if (err.code != ERROR_MALFORMED)
				fail_msg(
					"%s: %s at %zu bytes", subjects[i].name, err.text, len);
		}
	}
}

/* Fails, or says the same of itself: of a tar header, times and owners are nobody's
 * business.  Returns whether it was taken. */
static bool flip(struct buf *content, size_t bit, struct crypto_public *key,
	const struct artifact *unharmed)
{
	CLEANUP(artifact_free) struct artifact artifact = {0};
	struct error err = {0};

	content->at[bit / 8] ^= (uint8_t)(1U << bit % 8);

	const bool taken
		= artifacts_read(buf_bytes(content), WHOLE, key, NULL, &artifact, &err);

	content->at[bit / 8] ^= (uint8_t)(1U << bit % 8);
	if (taken && !artifacts_alike(&artifact, unharmed))
		fail_msg("with bit %zu flipped it says something else", bit);
	if (taken && digest_equal(&artifact.digest, &unharmed->digest))
		fail_msg("with bit %zu flipped it has the same digest", bit);
	return taken;
}

static void every_flipped_bit_fails_or_does_not_matter(void **state)
{
	for (size_t i = 0; i < COUNT(subjects); i++) {
		CLEANUP(buf_free) struct buf content = {0};
		CLEANUP(artifact_free) struct artifact unharmed = {0};
		CLEANUP(crypto_public_cleanup)
		struct crypto_public *key = key_of(*state, &subjects[i]);
		struct error err = {0};
		size_t taken = 0;

		artifacts_load(*state, subjects[i].name, &content);
		MUST(artifacts_read(buf_bytes(&content), WHOLE, key, NULL, &unharmed, &err));
		for (size_t bit = 0; bit < 8 * content.len; bit += subjects[i].step)
			taken += flip(&content, bit, key, &unharmed);
		print_message("%s: %zu flips do not matter\n", subjects[i].name, taken);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_truncation_is_malformed),
		cmocka_unit_test(every_flipped_bit_fails_or_does_not_matter),
	};

	return cmocka_run_group_tests(tests, artifacts_make, artifacts_remove);
}
