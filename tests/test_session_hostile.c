#include <openssl/ssl.h>
#include <string.h>

#include "tests/session_cast.h"
#include "tests/test.h"

/* The bytes that a handshake takes; ends vary with the signatures' lengths. */
static size_t handshake_size(const struct cast *cast)
{
	CLEANUP(pair_done) struct pair pair = {0};

	start(&pair, &cast->ours, &cast->courier, &cast->ours, &cast->device);
	talk(&pair);
	return pair.carried;
}

/* A spoilt handshake opens nothing, or what it opens is sound: the version in the
 * header of a record that is not encrypted means nothing (RFC 8446 5.1).  Every byte of
 * the two hellos, then, where all is under one seal, some. */
static void a_flipped_bit_anywhere_does_no_harm(void **state)
{
	enum { HELLOS = 450, STRIDE = 17 };
	const struct cast *const cast = *state;
	const size_t whole = handshake_size(cast);
	unsigned sound = 0, ended = 0;

	for (size_t at = 0; at < whole; at += at < HELLOS ? 1 : STRIDE) {
		CLEANUP(pair_done) struct pair pair = {.spoil = at};
		struct bytes message = {0};

		pair.bit = (uint8_t)(1 << at % 8);
		start(&pair, &cast->ours, &cast->courier, &cast->ours, &cast->device);
		talk(&pair);
		if (both_open(&pair)) {
			say(&pair, COURIER, "offer");
			assert_heard(&pair, DEVICE, "offer");
			sound++;
		} else {
			assert_false(session_message(pair.end[DEVICE], &message));
			ended += pair.failed[COURIER] || pair.failed[DEVICE];
		}
	}
	assert_true(ended > HELLOS / 2);
	assert_true(sound < 10);
}

/* ---- peers that are not of our making ---- */

/* A bare TLS peer of the device, with a certificate it would trust. */
struct raw {
	SSL_CTX *ctx;
	SSL *ssl;
	struct session *device;
	struct error why;
	bool failed;
};

static void raw_done(struct raw *raw)
{
	SSL_free(raw->ssl);
	SSL_CTX_free(raw->ctx);
	session_free(raw->device);
}

static void raw_start(struct raw *raw, const struct cast *cast, const char *alpn, int version)
{
	const struct session_identity who = fleet_identity(&cast->ours, &cast->device);
	const size_t len = strlen(alpn);
	CLEANUP(buf_free) struct buf out = {0};
	uint8_t wire[64] = {(uint8_t)len};
	struct error err = {0};

	memcpy(wire + 1, alpn, len);
	raw->ctx = SSL_CTX_new(TLS_client_method());
	assert_non_null(raw->ctx);
	assert_int_equal(SSL_CTX_set_max_proto_version(raw->ctx, version), 1);
	assert_int_equal(
		SSL_CTX_use_certificate(raw->ctx, certificate_x509(cast->courier.chain, 0)), 1);
	assert_int_equal(
		SSL_CTX_add1_chain_cert(raw->ctx, certificate_x509(cast->courier.chain, 1)), 1);
	assert_int_equal(
		SSL_CTX_use_PrivateKey(raw->ctx, crypto_key_pkey(cast->courier.key)), 1);
	raw->ssl = SSL_new(raw->ctx);
	assert_non_null(raw->ssl);
	SSL_set_bio(raw->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	if (len > 0)
		assert_int_equal(SSL_set_alpn_protos(raw->ssl, wire, (unsigned)len + 1), 0);
	MUST(session_new(SESSION_DEVICE, &who, &raw->device, &out, &err));
}

/* Carry what the raw peer has to say to the device, and the answer back. */
static void raw_turn(struct raw *raw)
{
	CLEANUP(buf_free) struct buf out = {0};
	uint8_t at[16384];
	size_t got = 0;

	while (BIO_read_ex(SSL_get_wbio(raw->ssl), at, sizeof(at), &got) == 1)
		if (session_state(raw->device) != SESSION_OVER && !raw->failed)
			raw->failed = !session_receive(
				raw->device, (struct bytes){at, got}, &out, &raw->why);
	if (out.len > 0)
		assert_int_equal(
			BIO_write_ex(SSL_get_rbio(raw->ssl), out.at, out.len, &got), 1);
}

static int raw_greet(struct raw *raw)
{
	int done = 0;

	for (int turn = 0; turn < 4 && done != 1; turn++) {
		done = SSL_connect(raw->ssl);
		raw_turn(raw);
	}
	return done;
}

static void only_our_protocol_over_tls_1_3_will_do(void **state)
{
	static const struct {
		const char *alpn;
		int version;
	} others[] = {{"", TLS1_3_VERSION}, {"h2", TLS1_3_VERSION},
		{"courier-link/2", TLS1_3_VERSION}, {"courier-link/1", TLS1_2_VERSION}};

	for (size_t i = 0; i < COUNT(others); i++) {
		CLEANUP(raw_done) struct raw raw = {0};

		raw_start(&raw, *state, others[i].alpn, others[i].version);
		(void)raw_greet(&raw);
		assert_true(raw.failed);
		assert_int_equal(session_state(raw.device), SESSION_OVER);
	}
}

static void raw_say(struct raw *raw, uint32_t length, size_t more)
{
	static const uint8_t zeros[1024];
	const uint8_t at[4] = {(uint8_t)(length >> 24), (uint8_t)(length >> 16),
		(uint8_t)(length >> 8), (uint8_t)length};
	size_t done = 0;

	assert_int_equal(SSL_write_ex(raw->ssl, at, sizeof(at), &done), 1);
	if (more > 0)
		assert_int_equal(SSL_write_ex(raw->ssl, zeros, more, &done), 1);
	raw_turn(raw);
}

static void a_message_of_no_length_or_too_much_ends_the_session(void **state)
{
	static const uint32_t lengths[] = {0, SESSION_MESSAGE_MAX + 1, UINT32_MAX};

	for (size_t i = 0; i < COUNT(lengths); i++) {
		CLEANUP(raw_done) struct raw raw = {0};
		struct bytes message = {0};

		raw_start(&raw, *state, "courier-link/1", TLS1_3_VERSION);
		assert_int_equal(raw_greet(&raw), 1);
		assert_int_equal(session_state(raw.device), SESSION_OPEN);
		raw_say(&raw, 3, 3);
		assert_false(raw.failed);
		raw_say(&raw, lengths[i], 0);
		assert_true(raw.failed);
		assert_int_equal(raw.why.code, ERROR_MALFORMED);
		assert_int_equal(session_state(raw.device), SESSION_OVER);
		assert_true(session_message(raw.device, &message));
		assert_int_equal(message.len, 3);
		assert_false(session_message(raw.device, &message));
		assert_int_equal(SSL_read(raw.ssl, (uint8_t[1]){0}, 1), 0);
		assert_int_equal(SSL_get_error(raw.ssl, 0), SSL_ERROR_ZERO_RETURN);
	}
}

static void noise_ends_the_session_with_a_reason(void **state)
{
	const struct cast *const cast = *state;
	CLEANUP(pair_done) struct pair pair = {0};
	CLEANUP(buf_free) struct buf out = {0};
	struct error err = {0};

	start(&pair, &cast->ours, &cast->courier, &cast->ours, &cast->device);
	assert_false(session_receive(
		pair.end[DEVICE], bytes_of("login: root\r\nPassword:"), &out, &err));
	assert_int_equal(err.code, ERROR_MALFORMED);
	assert_true(strlen(err.text) > 10);
	assert_int_equal(session_state(pair.end[DEVICE]), SESSION_OVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flipped_bit_anywhere_does_no_harm),
		cmocka_unit_test(only_our_protocol_over_tls_1_3_will_do),
		cmocka_unit_test(a_message_of_no_length_or_too_much_ends_the_session),
		cmocka_unit_test(noise_ends_the_session_with_a_reason),
	};

	return cmocka_run_group_tests(tests, make_cast, end_cast);
}
