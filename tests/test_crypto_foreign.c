/* What others chose and we verify: SHA-512, RSASSA-PSS, Ed25519 keys as bare bytes. */
#include <string.h>

#include "common/crypto.h"
#include "tests/test.h"

static void sha_512_follows_fips_180(void **state)
{
	static const char expected[]
		= "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
		  "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
	CLEANUP(crypto_hash_cleanup) struct crypto_hash *hash = NULL, *other = NULL;
	uint8_t at[CRYPTO_SHA512_SIZE] = {0};
	char text[2 * sizeof(at) + 1];
	struct digest digest = {{0}};
	struct error err = {0};

	(void)state;
	MUST(crypto_hash_new_512(&hash, &err));
	MUST(crypto_hash_add(hash, bytes_of("abc"), &err));
	MUST(crypto_hash_peek_512(hash, at, &err));
	hex_encode((struct bytes){at, sizeof(at)}, text);
	assert_string_equal(text, expected);
	assert_false(crypto_hash_peek(hash, &digest, &err));
	assert_int_equal(err.code, ERROR_USAGE);
	MUST(crypto_hash_new(&other, &err));
	assert_false(crypto_hash_peek_512(other, at, &err));
	assert_int_equal(err.code, ERROR_USAGE);
}

/* RFC 8032 section 7.1, test 3. */
static void an_ed25519_key_comes_from_its_bytes(void **state)
{
	static const uint8_t message[] = {0xaf, 0x82};
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;
	uint8_t key[CRYPTO_ED25519_SIZE], signature[64];
	struct error err = {0};

	(void)state;
	MUST(hex_decode("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", key,
		sizeof(key), &err));
	MUST(hex_decode("6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
			"18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
		signature, sizeof(signature), &err));
	MUST(crypto_public_ed25519(key, &public, &err));
	assert_int_equal(crypto_public_kind(public), CRYPTO_ED25519);
	MUST(crypto_verify(public, (struct bytes){message, sizeof(message)},
		(struct bytes){signature, sizeof(signature)}, &err));
	assert_false(crypto_verify_pss(public, (struct bytes){message, sizeof(message)},
		(struct bytes){signature, sizeof(signature)}, &err));
	assert_int_equal(err.code, ERROR_USAGE);
}

/* Made with python3-cryptography: "abc", with a salt of 0, of 32 and of the most bytes. */
static const char pss_pem[]
	= "-----BEGIN PUBLIC KEY-----\n"
	  "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAw/AkUcAKhAMkrJ8d27mP\n"
	  "pX2QvcM/TqTL4Lgj5qYLqKU1ZbzzUEQI7UsN+8n1tu0Lm0lQp/mipTO4iBUbhA29\n"
	  "JQrrwvKfZG+OLj6Q5eDycNbzvYgCjGHLdwOJ6+UsJNUauobb/YyGwqbHSSBaVQWk\n"
	  "i0EkuHgJDUV86ZZWiOlejWZQ0Lst22XZbUWFUhF72z1R5FgpVie97OXpclI9yMnJ\n"
	  "d0G6KEbK2z+HjYset3dMRaPipft2jvePgOxvmwDmPLvLHfHmvt7A8MeWIX+J67pe\n"
	  "/EuchFe4kK8szJJUNCNb3i4eYi9KpVBEfMDAH+PCLOEK1nLk/0+7BfbDklYkrk88\n"
	  "5wIDAQAB\n"
	  "-----END PUBLIC KEY-----\n";
static const char *const pss_signatures[] = {
	"pZr7E7fMk9wNlxD60ebJxtE+U0m7Rtc60bBzVvBBitXGEskYytlkLBuVKsuemF0YtkvfEI9j3UxW"
	"sqkSqhAJUSLepr38ZpuK4BE4Boq9cgRn3Mfj4nusd4EkrjCYBZ+k3gwJVPER71j8TA9ITyf+qmQn"
	"gIF+6dWilaDaKtc/ZLqJnrB0eZWt2r6I8LOiE5u3rQRooL7mWqmqtmza/GFhP8+VUpLExbdM0xPk"
	"WfexVW7we6CZMsrP3kUnIalyV08EAqcrw4V+dXV8VUobMSLr0BmpHShy3o0oPiqNUx9hFWaL8FJf"
	"9zmqL7RF1F72hWpQRdl5PqgIFoqo1aTSFcWa5w==",
	"kcSCyWqk23RQaHpemdZbw4b5O5IY835fDLrJ1jGPtTvrHCYAnKBGmkYfoY+HX754BaoVJfz9FDQG"
	"2TQG42PlKW0ZVwLugAFspRX5vA50AgT4fWQfw1HNAhH6szd1Jq6j2DYNWMJwt/pwLCspegfrpSml"
	"hat2QIt7tfniuVxanSeHAPzVL0MwM0RGy2LqBEXxP49LNgf0lr1M9eG9Cnf1qYicfteEZhlknt4C"
	"5J1ipoRoZDGk32PRtjhFGqsUxR8cI42iNCr+8m9lfMQCtOgYXYgK2r2OpnC6gWyg4XQmVuBdbslf"
	"DhlUggyMrthT6Z5rnMK9UfCpUX19c5Y5Qr4Czw==",
	"OJ6blYjcwPYBXdKPuIp/dsMyNGzyN9mO0lBTbf7oedFZ4AkDHB38eT1T4cIh6zWk2a0xMlNF5WgW"
	"rZ/gB4MAVn3yDclCI8QPIb4FP5GQJE5wqp6UhUDet50oHnefzIGNX4iVd/Q3+rIjnn8meKiVCxqi"
	"ZUZFZiXNy8crgO5VZqyQV9IPqyEkgKn0f3zkI946dWvGBBU74kRS3XP60iy3wigPhbUvLn/MSkI9"
	"Px7YxaOjS/yigxUKV8gdxjrkJd/KoKclH1lr1UAbuQ/W1bEpJoDbft4lkDKACaMo1yJvVjjBgv7Z"
	"dGM2bXDKg4K+85+qh9X5vMXg0DSxueGRlVykjw==",
};

static void pss_signatures_verify_whatever_their_salt(void **state)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *rsa = NULL;
	struct error err = {0};

	(void)state;
	MUST(crypto_public_parse(bytes_of(pss_pem), &rsa, &err));
	for (size_t i = 0; i < COUNT(pss_signatures); i++) {
		CLEANUP(buf_free) struct buf signature = {0};

		MUST(crypto_base64_decode(bytes_of(pss_signatures[i]), &signature, &err));
		MUST(crypto_verify_pss(rsa, bytes_of("abc"), buf_bytes(&signature), &err));
		assert_false(
			crypto_verify_pss(rsa, bytes_of("abd"), buf_bytes(&signature), &err));
		assert_int_equal(err.code, ERROR_SIGNATURE);
		assert_false(crypto_verify(rsa, bytes_of("abc"), buf_bytes(&signature), &err));
		signature.at[100] ^= 1;
		assert_false(
			crypto_verify_pss(rsa, bytes_of("abc"), buf_bytes(&signature), &err));
		signature.len--;
		assert_false(
			crypto_verify_pss(rsa, bytes_of("abc"), buf_bytes(&signature), &err));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha_512_follows_fips_180),
		cmocka_unit_test(an_ed25519_key_comes_from_its_bytes),
		cmocka_unit_test(pss_signatures_verify_whatever_their_salt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
