#include <stdlib.h>
#include <string.h>

#include "common/dsse.h"
#include "common/file.h"
#include "tests/test.h"

static const char type[] = DSSE_RECEIPT;

static struct crypto_key *key_of(uint8_t fill)
{
	struct crypto_key *key = NULL;
	struct error err = {0};
	SECRET seed = {0};

	memset(seed.at, fill, sizeof(seed.at));
	MUST(crypto_key_from_seed(&seed, &key, &err));
	return key;
}

static struct crypto_public *public_of(const struct crypto_key *key)
{
	struct crypto_public *public = NULL;
	struct error err = {0};

	MUST(crypto_public_of(key, &public, &err));
	return public;
}

/* PLAIN as a string that json.c did not make. */
static void base64_of(const char *plain, struct buf *out)
{
	struct error err = {0};
	const char *text = NULL;

	MUST(crypto_base64_append(out, bytes_of(plain), &err));
	MUST(buf_text(out, &text, &err));
}

static void unhex(const char *text, struct buf *out)
{
	const size_t len = strlen(text) / 2;
	struct error err = {0};

	MUST(buf_reserve(out, len + 1, &err));
	MUST(hex_decode(text, out->at, len, &err));
	out->len = len;
	out->at[len] = 0;
}

static void check_vector(char *line)
{
	CLEANUP(buf_free)
	struct buf payload = {0}, kind = {0}, envelope = {0}, made = {0}, opened = {0};
	CLEANUP(crypto_key_cleanup) struct crypto_key *key = NULL;
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;
	struct error err = {0};
	SECRET seed = {0};
	char *rest = NULL;

	MUST(hex_decode(strtok_r(line, " ", &rest), seed.at, sizeof(seed.at), &err));

	const char *const payload_hex = strtok_r(NULL, " ", &rest);

	unhex(payload_hex[0] == '-' ? "" : payload_hex, &payload);
	unhex(strtok_r(NULL, " ", &rest), &kind);
	unhex(strtok_r(NULL, " ", &rest), &envelope);
	MUST(crypto_key_from_seed(&seed, &key, &err));
	MUST(dsse_sign(key, (const char *)kind.at, buf_bytes(&payload), &made, &err));
	assert_true(bytes_equal(buf_bytes(&made), buf_bytes(&envelope)));
	public = public_of(key);
	MUST(dsse_open(buf_bytes(&envelope), (const char *)kind.at, public, &opened, &err));
	assert_true(bytes_equal(buf_bytes(&opened), buf_bytes(&payload)));
}

static void envelopes_are_those_python_makes(void **state)
{
	CLEANUP(buf_free) struct buf file = {0};
	struct error err = {0};
	const char *text = NULL;
	char *rest = NULL;
	int count = 0;

	(void)state;
	MUST(file_read(TEST_VECTORS "/dsse.txt", 1 << 20, &file, NULL, &err));
	MUST(buf_text(&file, &text, &err));
	for (char *line = strtok_r((char *)file.at, "\n", &rest); line != NULL;
		line = strtok_r(NULL, "\n", &rest)) {
		if (line[0] == '#')
			continue;
		check_vector(line);
		count++;
	}
	assert_int_equal(count, 5);
}

static void only_the_signer_s_key_opens_it(void **state)
{
	CLEANUP(crypto_key_cleanup) struct crypto_key *one = key_of(1), *two = key_of(2);
	CLEANUP(crypto_public_cleanup)
	struct crypto_public *public_one = public_of(one), *public_two = public_of(two);
	CLEANUP(buf_free) struct buf envelope = {0}, payload = {0};
	struct digest id = {{0}}, expected = {{0}};
	struct error err = {0};

	(void)state;
	MUST(dsse_sign(one, type, bytes_of("x"), &envelope, &err));
	assert_false(dsse_open(buf_bytes(&envelope), type, public_two, &payload, &err));
	assert_int_equal(err.code, ERROR_SIGNATURE);
	assert_int_equal(payload.len, 0);
	MUST(dsse_open(buf_bytes(&envelope), type, public_one, &payload, &err));
	MUST(dsse_keyid(buf_bytes(&envelope), &id, &err));
	MUST(crypto_public_fingerprint(public_one, &expected, &err));
	assert_true(digest_equal(&id, &expected));
}

static void a_p256_key_signs_and_opens(void **state)
{
	CLEANUP(crypto_key_cleanup) struct crypto_key *key = NULL;
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;
	CLEANUP(buf_free) struct buf envelope = {0}, payload = {0};
	struct error err = {0};

	(void)state;
	MUST(crypto_key_generate(CRYPTO_P256, &key, &err));
	public = public_of(key);
	MUST(dsse_sign(key, type, bytes_of("payload"), &envelope, &err));
	MUST(dsse_open(buf_bytes(&envelope), type, public, &payload, &err));
	assert_true(bytes_equal(buf_bytes(&payload), bytes_of("payload")));
}

static void an_envelope_of_another_type_is_none(void **state)
{
	CLEANUP(crypto_key_cleanup) struct crypto_key *key = key_of(1);
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = public_of(key);
	CLEANUP(buf_free) struct buf envelope = {0}, payload = {0};
	struct error err = {0};

	(void)state;
	MUST(dsse_sign(key, DSSE_TIME, bytes_of("{}"), &envelope, &err));
	assert_false(dsse_open(buf_bytes(&envelope), type, public, &payload, &err));
	assert_int_equal(err.code, ERROR_MALFORMED);
	assert_false(dsse_peek(buf_bytes(&envelope), type, &payload, &err));
	assert_int_equal(err.code, ERROR_MALFORMED);
	MUST(dsse_peek(buf_bytes(&envelope), DSSE_TIME, &payload, &err));
	assert_true(bytes_equal(buf_bytes(&payload), bytes_of("{}")));
}

/* Each byte, keyid included: an envelope has one form only. */
static void every_changed_bit_and_every_truncation_is_refused(void **state)
{
	CLEANUP(crypto_key_cleanup) struct crypto_key *key = key_of(1);
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = public_of(key);
	CLEANUP(buf_free) struct buf envelope = {0}, payload = {0};
	struct error err = {0};

	(void)state;
	MUST(dsse_sign(key, type, bytes_of("{\"device\":\"pump-7\"}"), &envelope, &err));
	for (size_t i = 0; i < 8 * envelope.len; i++) {
		envelope.at[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_false(dsse_open(buf_bytes(&envelope), type, public, &payload, &err));
		assert_true(err.code == ERROR_MALFORMED || err.code == ERROR_SIGNATURE);
		envelope.at[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t i = 0; i < envelope.len; i++)
		assert_false(dsse_open(
			(struct bytes){envelope.at, i}, type, public, &payload, &err));
	assert_int_equal(payload.len, 0);
	MUST(dsse_open(buf_bytes(&envelope), type, public, &payload, &err));
}

/* The parts of a good envelope, to be put together in wrong ways. */
struct pieces {
	struct buf payload, sig, envelope;
	char keyid[DIGEST_TEXT];
};

static void pieces_done(struct pieces *pieces)
{
	buf_free(&pieces->payload);
	buf_free(&pieces->sig);
	buf_free(&pieces->envelope);
}

static void cut(const struct crypto_key *key, struct pieces *pieces)
{
	struct crypto_signature signature = {.len = 0};
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = public_of(key);
	CLEANUP(buf_free) struct buf pae = {0};
	struct digest id = {{0}};
	struct error err = {0};
	const char *text = NULL;

	base64_of("hi", &pieces->payload);
	MUST(buf_print(&pae, &err, "DSSEv1 %zu %s 2 hi", strlen(type), type));
	MUST(crypto_sign(key, buf_bytes(&pae), &signature, &err));
	MUST(crypto_base64_append(
		&pieces->sig, (struct bytes){signature.at, signature.len}, &err));
	MUST(buf_text(&pieces->sig, &text, &err));
	MUST(crypto_public_fingerprint(public, &id, &err));
	digest_text(&id, pieces->keyid);
}

/* In FORM, P K S and Y stand for payload, keyid, signature and type; ' for ". */
static void put_together(struct pieces *pieces, const char *form)
{
	struct error err = {0};

	pieces->envelope.len = 0;
	for (; *form != 0; form++) {
		const char one[] = {*form == '\'' ? '"' : *form, 0};
		const char *const part = *form == 'P' ? (const char *)pieces->payload.at
			: *form == 'K'                ? pieces->keyid
			: *form == 'S'                ? (const char *)pieces->sig.at
			: *form == 'Y'                ? type
						      : one;

		MUST(buf_append(&pieces->envelope, bytes_of(part), &err));
	}
}

static void only_the_one_form_is_taken(void **state)
{
	static const char *const wrong[] = {
		"",
		"{}",
		"[]",
		"'P'",
		"{'payload':'P','payloadType':'Y','signatures':[]}",
		"{'payload':'P','payloadType':'Y','signatures':[{'keyid':'K','sig':'S'},"
		"{'keyid':'K','sig':'S'}]}",
		"{'payload':'P','payloadType':'Y','signatures':[{'keyid':'K','sig':'S','x':1}]"
		"}",
		"{'payload':'P','payloadType':'Y','signatures':[{'sig':'S'}]}",
		"{'payload':'P','payloadType':'Y','signatures':[{'keyid':'','sig':'S'}]}",
		"{'payload':'P','payloadType':'Y','signatures':[{'sig':'S','keyid':'K'}]}",
		"{'payload':'P','payloadType':'Y','signatures':[{'keyid':'K','sig':'S'}],'x':"
		"1}",
		"{'payloadType':'Y','payload':'P','signatures':[{'keyid':'K','sig':'S'}]}",
		"{'payload':'P','payloadType':'Y', 'signatures':[{'keyid':'K','sig':'S'}]}",
		"{'payload':'P','payloadType':'Y','signatures':[{'keyid':'K','sig':'S'}]}\n",
		"{'payload':'P\\u003d','payloadType':'Y','signatures':[{'keyid':'K','sig':'S'}]"
		"}",
		"{'payload':'P','payload':'P','payloadType':'Y',"
		"'signatures':[{'keyid':'K','sig':'S'}]}",
		"{'payload':'P','payloadType':'Y','signatures':{'keyid':'K','sig':'S'}}",
		"{'payload':'P','payloadType':'Y','signatures':[['K','S']]}",
	};
	CLEANUP(crypto_key_cleanup) struct crypto_key *key = key_of(1);
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = public_of(key);
	CLEANUP(pieces_done) struct pieces pieces = {.envelope = {0}};
	CLEANUP(buf_free) struct buf payload = {0};
	struct error err = {0};

	(void)state;
	cut(key, &pieces);
	for (size_t i = 0; i < COUNT(wrong); i++) {
		put_together(&pieces, wrong[i]);
		if (dsse_open(buf_bytes(&pieces.envelope), type, public, &payload, &err))
			fail_msg("taken: %s", wrong[i]);
		assert_int_equal(err.code, ERROR_MALFORMED);
		assert_int_equal(payload.len, 0);
	}
	put_together(&pieces,
		"{'payload':'P','payloadType':'Y','signatures':[{'keyid':'K','sig':'S'}]}");
	MUST(dsse_open(buf_bytes(&pieces.envelope), type, public, &payload, &err));
}

static void too_large_an_envelope_is_neither_made_nor_read(void **state)
{
	static const uint8_t zeros[DSSE_MAX + 1];
	CLEANUP(crypto_key_cleanup) struct crypto_key *key = key_of(1);
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = public_of(key);
	CLEANUP(buf_free) struct buf envelope = {0}, payload = {0};
	struct error err = {0};

	(void)state;
	assert_false(
		dsse_sign(key, type, (struct bytes){zeros, DSSE_MAX / 4 * 3}, &envelope, &err));
	assert_int_equal(envelope.len, 0);
	MUST(dsse_sign(
		key, type, (struct bytes){zeros, DSSE_MAX / 4 * 3 - 256}, &envelope, &err));
	MUST(dsse_open(buf_bytes(&envelope), type, public, &payload, &err));
	assert_int_equal(payload.len, DSSE_MAX / 4 * 3 - 256);
	assert_false(
		dsse_open((struct bytes){zeros, sizeof(zeros)}, type, public, &payload, &err));
	assert_int_equal(err.code, ERROR_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(envelopes_are_those_python_makes),
		cmocka_unit_test(only_the_signer_s_key_opens_it),
		cmocka_unit_test(a_p256_key_signs_and_opens),
		cmocka_unit_test(an_envelope_of_another_type_is_none),
		cmocka_unit_test(every_changed_bit_and_every_truncation_is_refused),
		cmocka_unit_test(only_the_one_form_is_taken),
		cmocka_unit_test(too_large_an_envelope_is_neither_made_nor_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
