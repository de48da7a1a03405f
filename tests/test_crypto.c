#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/crypto.h"
#include "common/file.h"
#include "tests/test.h"

static const char manifest[] = "a manifest\n";

/* ---- base64 ---- */

static void base64_follows_rfc_4648(void **state)
{
	static const char *const pairs[][2]
		= {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"},
			{"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
	struct error err = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(pairs); i++) {
		CLEANUP(buf_free) struct buf text = {0}, plain = {0};

		MUST(crypto_base64_append(&text, bytes_of(pairs[i][0]), &err));
		assert_true(bytes_equal(buf_bytes(&text), bytes_of(pairs[i][1])));
		MUST(crypto_base64_decode(buf_bytes(&text), &plain, &err));
		assert_true(bytes_equal(buf_bytes(&plain), bytes_of(pairs[i][0])));
	}
}

static void base64_takes_only_what_it_would_write(void **state)
{
	static const char *const wrong[]
		= {"Zg", "Zg=", "Zg===", "=", "====", "Z===", "Zh==", "Zm9=", "Zm9v\n", "Zm9 ",
			" Zm9", "Zg==Zg==", "Zm-_", "Z=g=", "Zm9v===="};
	CLEANUP(buf_free) struct buf plain = {0};
	struct error err = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		assert_false(crypto_base64_decode(bytes_of(wrong[i]), &plain, &err));
		assert_int_equal(err.code, ERROR_MALFORMED);
		assert_int_equal(plain.len, 0);
	}
	assert_false(crypto_base64_decode(
		(struct bytes){(const uint8_t *)"Zm\0v", 4}, &plain, &err));
}

/* ---- digests and derived keys ---- */

static void digest_is(const struct digest *digest, const char *expected)
{
	char text[DIGEST_TEXT];

	digest_text(digest, text);
	assert_string_equal(text, expected);
}

static void a_hash_may_be_looked_at_on_the_way(void **state)
{
	CLEANUP(crypto_hash_cleanup) struct crypto_hash *hash = NULL;
	struct digest digest;
	struct error err = {0};

	(void)state;
	MUST(crypto_hash_new(&hash, &err));
	MUST(crypto_hash_peek(hash, &digest, &err));
	digest_is(&digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	MUST(crypto_hash_add(hash, bytes_of("a"), &err));
	MUST(crypto_hash_peek(hash, &digest, &err));
	MUST(crypto_hash_add(hash, bytes_of("bc"), &err));
	MUST(crypto_hash_peek(hash, &digest, &err));
	digest_is(&digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	MUST(crypto_sha256(bytes_of("abc"), &digest, &err));
	digest_is(&digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	MUST(crypto_sha256((struct bytes){NULL, 0}, &digest, &err));
	digest_is(&digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/* The RFCs' own vectors have keys and salts of other sizes than ours.  These came from
 * plain implementations of HMAC, HKDF and scrypt that reproduce RFC 4231, RFC 5869
 * and RFC 7914. */
static void derived_keys_are_those_of_the_rfcs(void **state)
{
	static const uint8_t salt[CRYPTO_SALT_SIZE] = "SodiumChloride";
	PASSPHRASE passphrase = {"pleaseletmein"};
	SECRET key = {{0}}, derived = {{0}};
	struct digest digest, expected;
	struct error err = {0};

	(void)state;
	memset(key.at, 0x0b, sizeof(key.at));
	MUST(crypto_hmac(&key, bytes_of("Hi There"), &digest, &err));
	digest_is(&digest, "198a607eb44bfbc69903a0f1cf2bbdc5ba0aa3f3d9ae3c1c7a3b1696a0b68cf7");
	MUST(crypto_hmac(&key, (struct bytes){NULL, 0}, &digest, &err));

	MUST(crypto_derive(&key, "acting", &derived, &err));
	MUST(digest_parse("20655d2ad2837b2137b0f21dc3cb0f49462ab08a6b449d28bac1bfcf03a5c5d6",
		&expected, &err));
	assert_memory_equal(derived.at, expected.at, sizeof(derived.at));

	MUST(crypto_stretch(&passphrase, salt, (struct crypto_cost){4, 2, 3}, &derived, &err));
	MUST(digest_parse("9d70717ac858a002843abb04779786cd24273a28114fba2cc33dbb361bafa745",
		&expected, &err));
	assert_memory_equal(derived.at, expected.at, sizeof(derived.at));
}

static void an_impossible_cost_is_refused(void **state)
{
	static const struct crypto_cost wrong[] = {{0, 8, 1}, {14, 0, 1}, {14, 8, 0},
		{21, 8, 1}, {24, 1, 1}, {255, 255, 255}, {16, 1, 1}};
	static const uint8_t salt[CRYPTO_SALT_SIZE] = {0};
	PASSPHRASE passphrase = {"x"};
	SECRET key = {{0}};
	struct error err = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		assert_false(crypto_stretch(&passphrase, salt, wrong[i], &key, &err));
		assert_int_equal(err.code, ERROR_USAGE);
	}
}

static void a_cost_beyond_openssls_own_limit_is_served(void **state)
{
	static const uint8_t salt[CRYPTO_SALT_SIZE] = {0};
	PASSPHRASE passphrase = {"x"};
	SECRET key = {{0}};
	struct error err = {0};

	(void)state;
	MUST(crypto_stretch(&passphrase, salt, (struct crypto_cost){16, 8, 1}, &key, &err));
}

/* ---- signatures ---- */

/* RFC 8032 section 7.1, TEST 3. */
static void ed25519_follows_rfc_8032(void **state)
{
	static const uint8_t message[] = {0xaf, 0x82};
	CLEANUP(crypto_key_cleanup) struct crypto_key *key = NULL;
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;
	struct crypto_signature signature;
	SECRET seed = {{0}}, again = {{0}};
	uint8_t expected[64];
	struct error err = {0};

	(void)state;
	MUST(hex_decode("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
		seed.at, sizeof(seed.at), &err));
	MUST(hex_decode("6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
			"18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
		expected, sizeof(expected), &err));
	MUST(crypto_key_from_seed(&seed, &key, &err));
	MUST(crypto_key_seed(key, &again, &err));
	assert_memory_equal(seed.at, again.at, sizeof(seed.at));
	MUST(crypto_sign(key, (struct bytes){message, sizeof(message)}, &signature, &err));
	assert_int_equal(signature.len, sizeof(expected));
	assert_memory_equal(signature.at, expected, sizeof(expected));
	MUST(crypto_public_of(key, &public, &err));
	MUST(crypto_verify(public, (struct bytes){message, sizeof(message)},
		(struct bytes){signature.at, signature.len}, &err));
}

static void refuses(
	const struct crypto_public *public, const char *message, struct bytes signature)
{
	struct error err = {0};

	assert_false(crypto_verify(public, bytes_of(message), signature, &err));
	assert_int_equal(err.code, ERROR_SIGNATURE);
	assert_false(crypto_verify_artifact(public, bytes_of(message), signature, &err));
	assert_int_equal(err.code, ERROR_SIGNATURE);
}

static void every_flipped_bit_of_a_signature_is_refused(void **state)
{
	static const enum crypto_kind kinds[] = {CRYPTO_ED25519, CRYPTO_P256};
	struct error err = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		CLEANUP(crypto_key_cleanup) struct crypto_key *key = NULL;
		CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;
		struct crypto_signature signature;

		MUST(crypto_key_generate(kinds[i], &key, &err));
		MUST(crypto_public_of(key, &public, &err));
		assert_int_equal(crypto_public_kind(public), kinds[i]);
		MUST(crypto_sign(key, bytes_of(manifest), &signature, &err));

		const struct bytes whole = {signature.at, signature.len};

		MUST(crypto_verify(public, bytes_of(manifest), whole, &err));
		MUST(crypto_verify_artifact(public, bytes_of(manifest), whole, &err));
		refuses(public, "another manifest\n", whole);
		refuses(public, manifest, (struct bytes){signature.at, signature.len - 1});
		refuses(public, manifest, (struct bytes){NULL, 0});
		for (size_t bit = 0; bit < 8 * signature.len; bit++) {
			signature.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
			refuses(public, manifest, whole);
			signature.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

static const char rsa_pem[]
	= "-----BEGIN PUBLIC KEY-----\n"
	  "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEArN44Rc4A/e8z0TwSq6JQ\n"
	  "29yLiqXE/uDESuxEA+f/IcVNkGWoT71zfXBX5wZpBryjhyLcGTYg3eEWSKCzcTto\n"
	  "mn9akPnEGXEjmgzRm1VrcC7FQ8B9bb0cd1HJ+uA20UDkksnUpc0LspLxATqGBuUa\n"
	  "Xhb0tTlial9VTd5R3BQ7aFY2V/J1ZQk9tl6kqgZG3flxXiB0ARNpEUYrh9d+Le2b\n"
	  "bST/ak1RqMwZ82aUvKUdNqaE7ybgINVNtMAZqJDhTJJyvN/qJY/PQ+p3qC2sdB3h\n"
	  "OWMpa454+lKv60BWdmsTTwTUxeh3Dmt256Ok3A56YAigZIm60vqKTDpAWHpv3ZYu\n"
	  "YwIDAQAB\n"
	  "-----END PUBLIC KEY-----\n";
static const char rsa_signature[]
	= "JQCZDuF8rrZrRkQKX2zwWaxVSo0OUjez60rtIRH81p4JfKnIc9GRFziKPGsXsq6IwR6dnX41NBuo87JMWDiy"
	  "owY/REobjbxiSZXozf00Gvu349fTzI/Kgi2Ibp5mIIgI3CjFgTuCqBxnjsipiCvBfBPaMG/SiF83kcw/2rMH"
	  "KpubilzyXbpqwMFgEevBjCxM9+b1Ng4ZcxD4h2V5A32MuV5jNuhKCzaWRA0t2bWMcYSuXAzD8HTs0xuX16yL"
	  "Ke5+g0c5nluPv0lelCzguuOnUR1/kJCNn/CuKnhn4GswVq6bTohdIesM2GkVTiEPqcgqfaD0+9zkpzAFK9wO"
	  "yLwNUg==";
static const char p256_pem[]
	= "-----BEGIN PUBLIC KEY-----\n"
	  "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE10FJGUrOiczdkg9KwfoxqSyprJ3B\n"
	  "un1Iad9i/ChVVbi2sdQz7xZovcIsoG0hlVGdjP9wCLwX7LZhAftt6cauSw==\n"
	  "-----END PUBLIC KEY-----\n";
static const char p256_der[]
	= "MEUCIE7JMEWaMqw1m33Ec/7+vqKQeBe4CEg722l6OhwGOEl1AiEAyWobJpCVlmAX"
	  "J2LLPhBA9UVyKAEQq03Sst6D8svtKbQ=";
static const char p256_raw[]
	= "4ec930459a32ac359b7dc473fefebea2907817b808483bdb697a3a1c06384975"
	  "c96a1b2690959660172762cb3e1040f54572280110ab4dd2b2de83f2cbed29b4";

static void artifact_signatures_of_openssl_verify(void **state)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *rsa = NULL, *p256 = NULL;
	CLEANUP(buf_free) struct buf signature = {0}, der = {0};
	uint8_t raw[64];
	struct error err = {0};

	(void)state;
	MUST(crypto_public_parse(bytes_of(rsa_pem), &rsa, &err));
	assert_int_equal(crypto_public_kind(rsa), CRYPTO_RSA);
	MUST(crypto_base64_decode(bytes_of(rsa_signature), &signature, &err));
	MUST(crypto_verify_artifact(rsa, bytes_of(manifest), buf_bytes(&signature), &err));
	MUST(crypto_verify(rsa, bytes_of(manifest), buf_bytes(&signature), &err));
	signature.at[200] ^= 4;
	refuses(rsa, manifest, buf_bytes(&signature));

	MUST(crypto_public_parse(bytes_of(p256_pem), &p256, &err));
	MUST(crypto_base64_decode(bytes_of(p256_der), &der, &err));
	MUST(crypto_verify_artifact(p256, bytes_of(manifest), buf_bytes(&der), &err));
	MUST(hex_decode(p256_raw, raw, sizeof(raw), &err));
	MUST(crypto_verify_artifact(
		p256, bytes_of(manifest), (struct bytes){raw, sizeof(raw)}, &err));
	assert_false(crypto_verify(
		p256, bytes_of(manifest), (struct bytes){raw, sizeof(raw)}, &err));
	for (size_t bit = 0; bit < 8 * sizeof(raw); bit++) {
		raw[bit / 8] ^= (uint8_t)(1 << bit % 8);
		refuses(p256, manifest, (struct bytes){raw, sizeof(raw)});
		raw[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

/* ---- public keys ---- */

static void a_public_key_has_one_form_and_one_fingerprint(void **state)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL, *again = NULL;
	CLEANUP(buf_free) struct buf pem = {0};
	struct digest first, second;
	struct error err = {0};

	(void)state;
	MUST(crypto_public_parse(bytes_of(p256_pem), &public, &err));
	MUST(crypto_public_pem(public, &pem, &err));
	assert_true(bytes_equal(buf_bytes(&pem), bytes_of(p256_pem)));
	MUST(crypto_public_fingerprint(public, &first, &err));
	MUST(buf_append(&pem, bytes_of(" \n\r\n"), &err));
	MUST(crypto_public_parse(buf_bytes(&pem), &again, &err));
	MUST(crypto_public_fingerprint(again, &second, &err));
	assert_true(digest_equal(&first, &second));
}

/* The same P-256 key compressed, and with its curve spelt out; RSA of 1024 bits; P-384;
 * something that is not a key. */
static const char *const refused_keys[] = {
	"MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgAD10FJGUrOiczdkg9KwfoxqSyprJ3Bun1Iad9i/ChVVbg=",
	"MIIBSzCCAQMGByqGSM49AgEwgfcCAQEwLAYHKoZIzj0BAQIhAP////8AAAABAAAAAAAAAAAAAAAA////////"
	"////////MFsEIP////8AAAABAAAAAAAAAAAAAAAA///////////////8BCBaxjXYqjqT57PrvVV2mIa8ZR0G"
	"sMxTsPY7zjw+J9JgSwMVAMSdNgiG5wSTamZ44ROdJreBn36QBEEEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg"
	"9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9QIhAP////8AAAAA//////////+85vqt"
	"pxeehPO5ysL8YyVRAgEBA0IABNdBSRlKzonM3ZIPSsH6Maksqaydwbp9SGnfYvwoVVW4trHUM+8WaL3CLKBt"
	"IZVRnYz/cAi8F+y2YQH7benGrks=",
	"MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDBby5PkNvyq/YYFzW6yQPfmWsCZ1pEVkOcDZxCYuyf1YqP"
	"Lqo01Rze6Bq73a0YxIsqGJZwWBAKRQx+3nKaxws7QviShyLYgNUnx86j9g31ApXs2tPh9u6CG8Jtob5OSU1Q"
	"R0PWqjifOuVCkOjJ562Y8AAz9XxVDwP+VCluzTrcRQIDAQAB",
	"MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEpgHeYwCrMZwjg71fcnyAM6DrTyE/aSC/kQKtVjg/T9ZyXbjCvcJt"
	"S3/3stvHv9LqgvNQ1EKBMqtqEQXy7LxMF/bJDrvtlzJRYWYeH2c0Vyf4LyppFOzunKs2jlerr+AO",
	"Zm9vYmFy",
};

static void other_keys_are_refused(void **state)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;
	struct error err = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(refused_keys); i++) {
		char pem[2048];

		(void)snprintf(pem, sizeof(pem),
			"-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n",
			refused_keys[i]);
		assert_false(crypto_public_parse(bytes_of(pem), &public, &err));
		assert_int_equal(err.code, ERROR_MALFORMED);
	}
}

static void a_public_key_stands_alone_in_its_pem(void **state)
{
	static const char *const around[][2]
		= {{"", "x"}, {"x", ""}, {"", rsa_pem}, {rsa_pem, ""}, {"# a key\n", ""}};
	static const char *const wrong[] = {"", " \n", "-----BEGIN PUBLIC KEY-----\nMFkw",
		"-----BEGIN CERTIFICATE-----\nZm9v\n-----END CERTIFICATE-----\n"};
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;
	struct error err = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(around); i++) {
		char pem[1024];

		(void)snprintf(
			pem, sizeof(pem), "%s%s%s", around[i][0], p256_pem, around[i][1]);
		assert_false(crypto_public_parse(bytes_of(pem), &public, &err));
		assert_int_equal(err.code, ERROR_MALFORMED);
	}
	for (size_t i = 0; i < COUNT(wrong); i++) {
		assert_false(crypto_public_parse(bytes_of(wrong[i]), &public, &err));
		assert_int_equal(err.code, ERROR_MALFORMED);
	}
}

/* ---- private keys on disk ---- */

struct place {
	char directory[32], path[64];
};

static int make_place(void **state)
{
	static struct place place;

	place = (struct place){"/tmp/courier-test-XXXXXX", ""};
	if (mkdtemp(place.directory) == NULL)
		return -1;
	(void)snprintf(place.path, sizeof(place.path), "%s/key.pem", place.directory);
	*state = &place;
	return 0;
}

static int remove_place(void **state)
{
	const struct place *const place = *state;

	(void)unlink(place->path);
	return rmdir(place->directory);
}

static void same_key(const struct crypto_key *a, const struct crypto_key *b)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *one = NULL, *other = NULL;
	struct digest first, second;
	struct error err = {0};

	MUST(crypto_public_of(a, &one, &err));
	MUST(crypto_public_of(b, &other, &err));
	MUST(crypto_public_fingerprint(one, &first, &err));
	MUST(crypto_public_fingerprint(other, &second, &err));
	assert_true(digest_equal(&first, &second));
}

static void a_key_comes_back_from_disk(void **state)
{
	static const enum crypto_kind kinds[] = {CRYPTO_ED25519, CRYPTO_P256};
	const struct place *const place = *state;
	PASSPHRASE passphrase = {"correct"};
	struct error err = {0};
	struct stat about;

	for (size_t i = 0; i < 2 * COUNT(kinds); i++) {
		const struct passphrase *const with = i < COUNT(kinds) ? NULL : &passphrase;
		CLEANUP(crypto_key_cleanup) struct crypto_key *key = NULL, *again = NULL;

		MUST(crypto_key_generate(kinds[i % COUNT(kinds)], &key, &err));
		MUST(crypto_key_save(key, place->path, with, &err));
		assert_int_equal(stat(place->path, &about), 0);
		assert_int_equal(about.st_mode & 07777, 0600);
		MUST(crypto_key_load(place->path, with, &again, &err));
		same_key(key, again);
	}
}

static void a_wrong_passphrase_is_told_from_damage(void **state)
{
	const struct place *const place = *state;
	CLEANUP(crypto_key_cleanup) struct crypto_key *key = NULL, *again = NULL;
	PASSPHRASE right = {"correct"}, wrong = {"incorrect"}, empty = {""};
	struct error err = {0};

	MUST(crypto_key_generate(CRYPTO_ED25519, &key, &err));
	MUST(crypto_key_save(key, place->path, &right, &err));
	assert_false(crypto_key_load(place->path, &wrong, &again, &err));
	assert_int_equal(err.code, ERROR_UNAUTHORISED);
	assert_false(crypto_key_load(place->path, &empty, &again, &err));
	assert_int_equal(err.code, ERROR_UNAUTHORISED);
	assert_false(crypto_key_load(place->path, NULL, &again, &err));
	assert_int_equal(err.code, ERROR_UNAUTHORISED);
	assert_null(strstr(err.text, "correct"));
	assert_int_equal(truncate(place->path, 100), 0);
	assert_false(crypto_key_load(place->path, &right, &again, &err));
	assert_int_equal(err.code, ERROR_MALFORMED);
	assert_false(crypto_key_load("/nowhere/key.pem", &right, &again, &err));
	assert_int_equal(err.code, ERROR_FAILED);
	assert_false(crypto_key_save(key, "/nowhere/key.pem", &right, &err));
	assert_int_equal(err.code, ERROR_FAILED);
}

/* openssl genpkey -algorithm ed25519 | openssl pkcs8 -topk8 -scrypt -passout pass:correct */
static void a_key_sealed_by_openssl_opens(void **state)
{
	static const char sealed[]
		= "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
		  "MIGTME8GCSqGSIb3DQEFDTBCMCEGCSsGAQQB2kcECzAUBAgg+BOsmdTCoQICQAAC\n"
		  "AQgCAQEwHQYJYIZIAWUDBAEqBBDwSZX1Ohxy6jNX+zOAe5QgBEAjqN+4pvqkgUIC\n"
		  "OSObhr08D4Has1lC/Zw/VEGhO0lirud3CQ8iCDUH7ij+hmcw+qescuGXHMwMdUJ/\n"
		  "V5TYZ38h\n"
		  "-----END ENCRYPTED PRIVATE KEY-----\n";
	const struct place *const place = *state;
	CLEANUP(crypto_key_cleanup) struct crypto_key *key = NULL;
	PASSPHRASE passphrase = {"correct"};
	struct error err = {0};

	MUST(file_replace(place->path, bytes_of(sealed), 0600, &err));
	MUST(crypto_key_load(place->path, &passphrase, &key, &err));
}

static void no_rsa_key_signs(void **state)
{
	CLEANUP(crypto_key_cleanup) struct crypto_key *key = NULL;
	SECRET seed = {{0}};
	struct error err = {0};

	(void)state;
	assert_false(crypto_key_generate(CRYPTO_RSA, &key, &err));
	assert_int_equal(err.code, ERROR_USAGE);
	MUST(crypto_key_generate(CRYPTO_P256, &key, &err));
	assert_false(crypto_key_seed(key, &seed, &err));
	assert_int_equal(err.code, ERROR_USAGE);
}

/* ---- sealing ---- */

static void does_not_open(
	const struct secret *key, struct bytes associated, struct bytes sealed)
{
	CLEANUP(buf_free) struct buf plain = {0};
	struct error err = {0};

	assert_false(crypto_unseal(key, associated, sealed, &plain, &err));
	assert_int_equal(err.code, ERROR_DAMAGED);
	assert_int_equal(plain.len, 0);
}

static void what_was_sealed_opens(void **state)
{
	static const char *const plains[]
		= {"", "a", "sixteen bytes...", "more than one block"};
	SECRET key = {{1}};
	struct error err = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(plains); i++) {
		CLEANUP(buf_free) struct buf sealed = {0}, plain = {0};

		MUST(crypto_seal(&key, bytes_of("row 1"), bytes_of(plains[i]), &sealed, &err));
		assert_int_equal(sealed.len, strlen(plains[i]) + CRYPTO_SEAL_OVERHEAD);
		MUST(buf_append(&plain, bytes_of("kept "), &err));
		MUST(crypto_unseal(&key, bytes_of("row 1"), buf_bytes(&sealed), &plain, &err));
		assert_memory_equal(plain.at, "kept ", 5);
		assert_int_equal(plain.len, 5 + strlen(plains[i]));
		assert_memory_equal(plain.at + 5, plains[i], strlen(plains[i]));
		does_not_open(&key, bytes_of("row 2"), buf_bytes(&sealed));
		does_not_open(&key, (struct bytes){NULL, 0}, buf_bytes(&sealed));
	}
}

static void every_flipped_bit_of_a_seal_is_refused(void **state)
{
	CLEANUP(buf_free) struct buf sealed = {0};
	SECRET key = {{1}};
	char row[] = "row 1";
	struct error err = {0};

	(void)state;
	MUST(crypto_seal(&key, bytes_of(row), bytes_of("a token"), &sealed, &err));
	for (size_t bit = 0; bit < 8 * sealed.len; bit++) {
		sealed.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
		does_not_open(&key, bytes_of(row), buf_bytes(&sealed));
		sealed.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t bit = 0; bit < 8 * strlen("row 1"); bit++) {
		const struct bytes associated = {(const uint8_t *)row, strlen("row 1")};

		row[bit / 8] ^= (char)(1 << bit % 8);
		does_not_open(&key, associated, buf_bytes(&sealed));
		row[bit / 8] ^= (char)(1 << bit % 8);
	}
	for (size_t bit = 0; bit < 8 * sizeof(key.at); bit++) {
		key.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
		does_not_open(&key, bytes_of(row), buf_bytes(&sealed));
		key.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t len = 0; len < sealed.len; len++)
		does_not_open(&key, bytes_of(row), (struct bytes){sealed.at, len});
}

static void a_sealed_key_opens_as_a_key(void **state)
{
	CLEANUP(buf_free) struct buf sealed = {0}, twice = {0};
	SECRET key = {{1}}, inner = {{2}}, opened = {{0}};
	struct error err = {0};

	(void)state;
	MUST(crypto_seal_secret(&key, bytes_of("acting"), &inner, &sealed, &err));
	MUST(crypto_unseal_secret(&key, bytes_of("acting"), buf_bytes(&sealed), &opened, &err));
	assert_memory_equal(opened.at, inner.at, sizeof(opened.at));
	opened = (struct secret){{7}};
	assert_false(crypto_unseal_secret(
		&key, bytes_of("reports"), buf_bytes(&sealed), &opened, &err));
	assert_int_equal(err.code, ERROR_DAMAGED);
	assert_int_equal(opened.at[0], 7);
	MUST(crypto_seal(&key, bytes_of("acting"), bytes_of("not a key"), &twice, &err));
	assert_false(crypto_unseal_secret(
		&key, bytes_of("acting"), buf_bytes(&twice), &opened, &err));
}

static void the_same_is_never_sealed_alike(void **state)
{
	CLEANUP(buf_free) struct buf one = {0}, other = {0};
	SECRET key = {{1}};
	struct error err = {0};

	(void)state;
	MUST(crypto_seal(&key, bytes_of("row"), bytes_of("token"), &one, &err));
	MUST(crypto_seal(&key, bytes_of("row"), bytes_of("token"), &other, &err));
	assert_memory_not_equal(one.at, other.at, 12);
}

/* Last of all: whatever the tests before it left would be blamed on the next caller. */
static void openssls_error_queue_is_empty(void **state)
{
	(void)state;
	assert_int_equal(ERR_peek_error(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64_follows_rfc_4648),
		cmocka_unit_test(base64_takes_only_what_it_would_write),
		cmocka_unit_test(a_hash_may_be_looked_at_on_the_way),
		cmocka_unit_test(derived_keys_are_those_of_the_rfcs),
		cmocka_unit_test(an_impossible_cost_is_refused),
		cmocka_unit_test(a_cost_beyond_openssls_own_limit_is_served),
		cmocka_unit_test(ed25519_follows_rfc_8032),
		cmocka_unit_test(every_flipped_bit_of_a_signature_is_refused),
		cmocka_unit_test(artifact_signatures_of_openssl_verify),
		cmocka_unit_test(a_public_key_has_one_form_and_one_fingerprint),
		cmocka_unit_test(other_keys_are_refused),
		cmocka_unit_test(a_public_key_stands_alone_in_its_pem),
		cmocka_unit_test_setup_teardown(
			a_key_comes_back_from_disk, make_place, remove_place),
		cmocka_unit_test_setup_teardown(
			a_wrong_passphrase_is_told_from_damage, make_place, remove_place),
		cmocka_unit_test_setup_teardown(
			a_key_sealed_by_openssl_opens, make_place, remove_place),
		cmocka_unit_test(no_rsa_key_signs),
		cmocka_unit_test(what_was_sealed_opens),
		cmocka_unit_test(every_flipped_bit_of_a_seal_is_refused),
		cmocka_unit_test(a_sealed_key_opens_as_a_key),
		cmocka_unit_test(the_same_is_never_sealed_alike),
		cmocka_unit_test(openssls_error_queue_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
