/* Which keys count, under which names. */
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "tests/test.h"
#include "tests/tuf_office.h"

#define P256                                                                                   \
	"-----BEGIN PUBLIC KEY-----\\n"                                                        \
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE10FJGUrOiczdkg9KwfoxqSyprJ3B\\n"                  \
	"un1Iad9i/ChVVbi2sdQz7xZovcIsoG0hlVGdjP9wCLwX7LZhAftt6cauSw==\\n"                      \
	"-----END PUBLIC KEY-----\\n"
#define ED25519 "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"

static bool read_keys(const char *text, bool strict, struct tuf_list *keys,
	struct tuf_arena *arena, struct error *err)
{
	CLEANUP(tuf_reader_done) struct tuf_reader reader = {.strict_keyids = strict};

	return tuf_reader_begin(&reader, bytes_of(text), arena, err)
		&& tuf_read_keys(&reader, keys, err) && tuf_reader_end(&reader, err);
}

static void key_json(char *text, size_t room, const char *id, const char *type,
	const char *scheme, const char *public)
{
	(void)snprintf(text, room,
		"{\"%s\":{\"keytype\":\"%s\",\"scheme\":\"%s\",\"keyval\":{\"public\":%s}}}",
		id, type, scheme, public);
}

static void keys_that_make_no_sense_are_kept_but_unusable(void **state)
{
	static const struct {
		const char *type, *scheme, *public;
		bool usable;
	} rows[] = {
		{"ed25519", "ed25519", "\"" ED25519 "\"", true},
		{"ed25519", "ed25519",
			"\"FC51CD8E6218A1A38DA47ED00230F0580816ED13BA3303AC5DEB911548908025\"",
			true},
		{"ed25519", "ed25519", "\"" ED25519 "00\"", false},
		{"ed25519", "ed25519", "\"fc51\"", false},
		{"ed25519", "ed25519", "\"\"", false},
		{"ed25519", "ed25519", "7", false},
		{"ed25519", "ed25519", "\"" P256 "\"", false},
		{"ed25519", "ed448", "\"" ED25519 "\"", false},
		{"ecdsa", "ecdsa-sha2-nistp256", "\"" P256 "\"", true},
		{"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", "\"" P256 "\"", true},
		{"ecdsa", "ecdsa-sha2-nistp384", "\"" P256 "\"", false},
		{"rsa", "rsassa-pss-sha256", "\"" P256 "\"", false},
		{"rsa", "rsa-pkcs1v15-sha256", "\"" P256 "\"", false},
		{"lattice", "dilithium", "{\"a\":[1]}", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(tuf_arena_done) struct tuf_arena arena = {0};
		CLEANUP(tuf_keys_done) struct tuf_list keys = {0};
		struct error err = {0};
		char text[512];

		key_json(
			text, sizeof(text), "id", rows[i].type, rows[i].scheme, rows[i].public);
		MUST(read_keys(text, false, &keys, &arena, &err));
		assert_int_equal(keys.count, 1);
		assert_non_null(tuf_key_find(&keys, "id"));
		if ((tuf_key_find(&keys, "id")->public != NULL) != rows[i].usable)
			fail_msg("row %zu", i);
		assert_null(tuf_key_find(&keys, "other"));
	}
}

static void a_key_says_type_scheme_and_value(void **state)
{
	static const char *const bad[] = {"{\"a\":1}", "{\"a\":{}}", "[]",
		"{\"a\":{\"keytype\":\"x\",\"scheme\":\"y\"}}",
		"{\"a\":{\"keytype\":1,\"scheme\":\"y\",\"keyval\":{}}}",
		"{\"a\":{\"keytype\":\"x\",\"scheme\":\"y\",\"keyval\":\"z\"}}",
		"{\"a\":{\"keytype\":\"x\",\"keyval\":{}}}"};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		CLEANUP(tuf_arena_done) struct tuf_arena arena = {0};
		CLEANUP(tuf_keys_done) struct tuf_list keys = {0};
		struct error err = {0};

		assert_false(read_keys(bad[i], false, &keys, &arena, &err));
		assert_int_equal(err.code, ERROR_MALFORMED);
	}
}

/* The id is the hash of all of the key, members we do not know included. */
static void a_strict_keyid_is_the_hash_of_its_key(void **state)
{
	static const char key[]
		= "{ \"scheme\": \"ed25519\", \"x-note\": [1, \"\\u20ac\"],"
		  "\"keytype\":\"ed25519\",\"keyval\":{\"public\":\"" ED25519 "\"}}";
	CLEANUP(buf_free) struct buf form = {0};
	struct digest digest;
	char id[DIGEST_TEXT], text[512];
	struct error err = {0};

	(void)state;
	MUST(json_canonical(bytes_of(key), &form, &err));
	MUST(crypto_sha256(buf_bytes(&form), &digest, &err));
	digest_text(&digest, id);
	for (int i = 0; i < 2; i++) {
		CLEANUP(tuf_arena_done) struct tuf_arena arena = {0};
		CLEANUP(tuf_keys_done) struct tuf_list strict = {0}, lax = {0};

		(void)snprintf(text, sizeof(text), "{\"%s\":%s}", id, key);
		assert_int_equal(read_keys(text, true, &strict, &arena, &err), i == 0);
		MUST(read_keys(text, false, &lax, &arena, &err));
		id[3] ^= 1;
	}
	assert_int_equal(err.code, ERROR_MALFORMED);
	assert_non_null(strstr(err.text, "not the SHA-256 of its key"));
}

/* A role of KEYIDS, over a file that keys "a" and "b" signed, with THRESHOLD. */
static bool verifies(const struct tuf_list *keys, const struct tuf_metadata *metadata,
	int count, const char *const *ids, int threshold)
{
	const char *copies[8];
	const struct tuf_role role = {.name = "x",
		.keyids = {.at = copies, .count = (size_t)count},
		.threshold = threshold};
	struct error err = {0};

	memcpy(copies, ids, (size_t)count * sizeof(*ids));
	if (tuf_verify(metadata, keys, &role, &err))
		return true;
	assert_int_equal(err.code, ERROR_SIGNATURE);
	return false;
}

static void a_threshold_counts_distinct_keys_that_signed(void **state)
{
	CLEANUP(office_done) struct office office;
	CLEANUP(tuf_metadata_cleanup) struct tuf_metadata *metadata = NULL;
	CLEANUP(tuf_arena_done) struct tuf_arena arena = {0};
	CLEANUP(tuf_keys_done) struct tuf_list keys = {0};
	CLEANUP(buf_free) struct buf raw = {0}, all = {0};
	const char *text = NULL;
	struct error err = {0};

	(void)state;
	office_new(&office);

	const char *const a = office.keys[0].id, *const b = office.keys[1].id,
			  *const c = office.keys[2].id;
	const char *const ids[] = {a, b, c, "unknown", "twin"};

	MUST(buf_print(&all, &err, "{\"twin\":%s,", office.keys[0].text));
	office_keys(&office, "abc", &all);
	MUST(buf_print(&all, &err, "}"));
	MUST(buf_text(&all, &text, &err));
	MUST(read_keys(text, false, &keys, &arena, &err));
	office_sign(&office, "{\"version\":1}", "ab", &raw);
	MUST(tuf_metadata_new(&raw, TUF_TARGETS, false, &metadata, &err));
	assert_true(verifies(&keys, metadata, 5, ids, 1));
	assert_true(verifies(&keys, metadata, 5, ids, 2));
	assert_false(verifies(&keys, metadata, 5, ids, 3));
	assert_true(verifies(&keys, metadata, 1, ids + 1, 1));
	assert_false(verifies(&keys, metadata, 1, ids + 2, 1));
	assert_false(verifies(&keys, metadata, 1, ids + 3, 1));
	assert_false(verifies(&keys, metadata, 0, ids, 1));
}

/* One key under two ids, both of which signed: one holder. */
static void two_names_for_a_key_are_one_key(void **state)
{
	CLEANUP(office_done) struct office office;
	CLEANUP(tuf_metadata_cleanup) struct tuf_metadata *metadata = NULL;
	CLEANUP(tuf_arena_done) struct tuf_arena arena = {0};
	CLEANUP(tuf_keys_done) struct tuf_list keys = {0};
	CLEANUP(buf_free) struct buf once = {0}, twice = {0};
	static const char *const ids[] = {"one", "two"};
	char text[600], *sig = NULL;
	struct error err = {0};
	const char *raw = NULL;

	(void)state;
	office_new(&office);
	(void)snprintf(text, sizeof(text), "{\"one\":%s,\"two\":%s}", office.keys[0].text,
		office.keys[0].text);
	MUST(read_keys(text, false, &keys, &arena, &err));
	office_sign(&office, "{\"version\":1}", "a", &once);
	MUST(buf_text(&once, &raw, &err));
	sig = strstr((char *)once.at, "\"sig\":\"");
	assert_non_null(sig);
	MUST(buf_print(&twice, &err,
		"{\"signatures\":[{\"keyid\":\"one\",%.*s},{\"keyid\":\"two\",%.*s}],"
		"\"signed\":{\"version\":1}}",
		128 + 8, sig, 128 + 8, sig));
	MUST(tuf_metadata_new(&twice, TUF_TARGETS, false, &metadata, &err));
	assert_true(verifies(&keys, metadata, 2, ids, 1));
	assert_false(verifies(&keys, metadata, 2, ids, 2));
}

static void hex_of_either_case_is_decoded_and_nothing_else(void **state)
{
	static const struct {
		const char *text;
		int len;
	} rows[] = {{"", 0}, {"00fF", 2}, {"0", -1}, {"0g", -1}, {" 00", -1}, {"00 ", -1},
		{"0x00", -1}, {"0011223344", -1}};
	uint8_t at[4];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t len = 99;

		assert_int_equal(tuf_hex(rows[i].text, at, sizeof(at), &len), rows[i].len >= 0);
		assert_int_equal(len, rows[i].len >= 0 ? rows[i].len : 99);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_that_make_no_sense_are_kept_but_unusable),
		cmocka_unit_test(a_key_says_type_scheme_and_value),
		cmocka_unit_test(a_strict_keyid_is_the_hash_of_its_key),
		cmocka_unit_test(a_threshold_counts_distinct_keys_that_signed),
		cmocka_unit_test(two_names_for_a_key_are_one_key),
		cmocka_unit_test(hex_of_either_case_is_decoded_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
