#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "device-link/session.h"
#include "tests/fleet.h"
#include "tests/test.h"

enum { FOREVER = INT32_MAX };

/* Two fleets, and somebody of every kind; made once. */
struct cast {
	struct fleet ours, theirs;
	struct party courier, stranger_courier, expired_courier;
	struct party device, stranger_device, tpm_device, newcomer;
	struct party impostor; /* a device of ours that plays the courier */
	struct party forged;   /* a courier that the device issuer made */
};

/* Copy the extension NID of FROM over TO's. */
static bool graft(X509 *to, X509 *from, int nid)
{
	X509_EXTENSION *const old = X509_delete_ext(to, X509_get_ext_by_NID(to, nid, -1));
	const bool ok = old != NULL
		&& X509_add_ext(to, X509_get_ext(from, X509_get_ext_by_NID(from, nid, -1)), -1)
			== 1;

	X509_EXTENSION_free(old);
	return ok;
}

/* The courier's own certificate, but signed by whoever signed the device's: what a
 * stolen device issuer could make. */
static bool forge(const struct cast *cast, struct party *forged, struct error *err)
{
	X509 *const device = certificate_x509(cast->device.chain, 0);
	X509 *const leaf = X509_dup(certificate_x509(cast->courier.chain, 0));
	STACK_OF(X509) *const stack = sk_X509_new_null();
	const bool ok = leaf != NULL && stack != NULL
		&& X509_set_issuer_name(leaf, X509_get_issuer_name(device)) == 1
		&& graft(leaf, device, NID_authority_key_identifier)
		&& X509_sign(leaf, crypto_key_pkey(cast->ours.issuer[CERTIFICATE_DEVICE]), NULL)
			> 0
		&& sk_X509_push(stack, certificate_x509(cast->device.chain, 1)) > 0
		&& certificate_from_x509(leaf, stack, &forged->chain, err);

	sk_X509_free(stack);
	X509_free(leaf);
	return ok;
}

static int make_cast(void **state)
{
	struct cast *const cast = calloc(1, sizeof(*cast));
	struct error err = {0};

	*state = cast;
	if (cast == NULL || !fleet_make(&cast->ours, "ours", &err)
		|| !fleet_make(&cast->theirs, "theirs", &err))
		return -1;

	const struct {
		const struct fleet *fleet;
		enum certificate_role role;
		enum crypto_kind kind;
		const char *id;
		int64_t not_after;
		struct party *party;
	} members[] = {
		{&cast->ours, CERTIFICATE_COURIER, CRYPTO_ED25519, "c1", FOREVER,
			&cast->courier},
		{&cast->theirs, CERTIFICATE_COURIER, CRYPTO_ED25519, "c1", FOREVER,
			&cast->stranger_courier},
		{&cast->ours, CERTIFICATE_COURIER, CRYPTO_ED25519, "c2", FLEET_BORN + 1,
			&cast->expired_courier},
		{&cast->ours, CERTIFICATE_DEVICE, CRYPTO_ED25519, "d1", FOREVER, &cast->device},
		{&cast->theirs, CERTIFICATE_DEVICE, CRYPTO_ED25519, "d1", FOREVER,
			&cast->stranger_device},
		{&cast->ours, CERTIFICATE_DEVICE, CRYPTO_P256, "d2", FOREVER,
			&cast->tpm_device},
		{&cast->ours, CERTIFICATE_DEVICE, CRYPTO_ED25519, "d3", FOREVER,
			&cast->impostor},
	};

	for (size_t i = 0; i < COUNT(members); i++)
		if (!fleet_member(members[i].fleet, members[i].role, members[i].kind,
			    members[i].id, NULL, members[i].not_after, members[i].party,
			    &err)) {
			print_error("%s: %s\n", members[i].id, err.text);
			return -1;
		}
	return fleet_newcomer(CRYPTO_ED25519, &cast->newcomer, &err)
			&& forge(cast, &cast->forged, &err)
		? 0
		: -1;
}

static int end_cast(void **state)
{
	struct cast *const cast = *state;
	struct party *const parties[] = {&cast->courier, &cast->stranger_courier,
		&cast->expired_courier, &cast->device, &cast->stranger_device,
		&cast->tpm_device, &cast->newcomer, &cast->impostor};

	for (size_t i = 0; i < COUNT(parties); i++)
		party_done(parties[i]);
	certificate_free(cast->forged.chain);
	fleet_done(&cast->ours);
	fleet_done(&cast->theirs);
	free(cast);
	return 0;
}

enum { COURIER, DEVICE, ENDS };

/* Both ends of a conversation, the bytes on their way, and how each end fared. */
struct pair {
	struct session *end[ENDS];
	struct buf to[ENDS];
	struct error why[ENDS];
	bool failed[ENDS];
	size_t carried; /* bytes so far, both ways */
	size_t spoil;   /* flip a bit of the byte that is carried after so many */
	uint8_t bit;
};

static void pair_done(struct pair *pair)
{
	for (int i = 0; i < ENDS; i++) {
		session_free(pair->end[i]);
		buf_free(&pair->to[i]);
	}
}

static void start(struct pair *pair, const struct fleet *courier_fleet,
	const struct party *courier, const struct fleet *device_fleet,
	const struct party *device)
{
	const struct session_identity who[ENDS] = {
		fleet_identity(courier_fleet, courier), fleet_identity(device_fleet, device)};
	struct error err = {0};

	MUST(session_new(
		SESSION_COURIER, &who[COURIER], &pair->end[COURIER], &pair->to[DEVICE], &err));
	MUST(session_new(
		SESSION_DEVICE, &who[DEVICE], &pair->end[DEVICE], &pair->to[COURIER], &err));
}

/* Give END what is on its way to it. */
static void deliver(struct pair *pair, int end)
{
	CLEANUP(buf_free) struct buf bytes = pair->to[end];

	pair->to[end] = (struct buf){0};
	if (pair->bit != 0 && pair->spoil >= pair->carried
		&& pair->spoil < pair->carried + bytes.len)
		bytes.at[pair->spoil - pair->carried] ^= pair->bit;
	pair->carried += bytes.len;
	if (session_state(pair->end[end]) == SESSION_OVER)
		return;
	if (!session_receive(
		    pair->end[end], buf_bytes(&bytes), &pair->to[!end], &pair->why[end]))
		pair->failed[end] = true;
}

static void talk(struct pair *pair)
{
	while (pair->to[COURIER].len > 0 || pair->to[DEVICE].len > 0) {
		deliver(pair, DEVICE);
		deliver(pair, COURIER);
	}
}

static bool both_open(const struct pair *pair)
{
	return session_state(pair->end[COURIER]) == SESSION_OPEN
		&& session_state(pair->end[DEVICE]) == SESSION_OPEN;
}

static void say(struct pair *pair, int end, const char *text)
{
	struct error err = {0};

	MUST(session_send(pair->end[end], bytes_of(text), &pair->to[!end], &err));
	talk(pair);
}

static void assert_heard(struct pair *pair, int end, const char *text)
{
	struct bytes message = {0};

	assert_true(session_message(pair->end[end], &message));
	assert_true(bytes_equal(message, bytes_of(text)));
}

static const char *id_of_peer(const struct session *session, bool *certified)
{
	static struct certificate_holder holder;
	const struct certificate *const chain = session_peer(session, certified);
	struct error err = {0};

	assert_non_null(chain);
	MUST(certificate_holder(chain, &holder, &err));
	return holder.id;
}

static void friends_hear_each_other(void **state)
{
	const struct cast *const cast = *state;
	const struct party *const devices[] = {&cast->device, &cast->tpm_device};
	static const char *const ids[] = {"d1", "d2"};

	for (size_t i = 0; i < COUNT(devices); i++) {
		CLEANUP(pair_done) struct pair pair = {0};
		struct bytes message = {0};
		bool certified = false;

		start(&pair, &cast->ours, &cast->courier, &cast->ours, devices[i]);
		assert_null(session_peer(pair.end[COURIER], &certified));
		talk(&pair);
		assert_true(both_open(&pair));
		assert_string_equal(id_of_peer(pair.end[COURIER], &certified), ids[i]);
		assert_true(certified);
		assert_string_equal(id_of_peer(pair.end[DEVICE], &certified), "c1");
		assert_true(certified);
		say(&pair, COURIER, "offer");
		say(&pair, COURIER, "more");
		assert_heard(&pair, DEVICE, "offer");
		assert_heard(&pair, DEVICE, "more");
		assert_false(session_message(pair.end[DEVICE], &message));
		say(&pair, DEVICE, "want");
		assert_heard(&pair, COURIER, "want");
	}
}

/* Who meets whom, what each end is told, and with which code. */
struct meeting {
	const struct fleet *fleets[ENDS];
	const struct party *parties[ENDS];
	enum error_code codes[ENDS];
	const char *texts[ENDS];
};

static void assert_turned_away(const struct meeting *meeting)
{
	CLEANUP(pair_done) struct pair pair = {0};

	start(&pair, meeting->fleets[COURIER], meeting->parties[COURIER],
		meeting->fleets[DEVICE], meeting->parties[DEVICE]);
	talk(&pair);
	for (int end = 0; end < ENDS; end++) {
		struct bytes message = {0};

		assert_true(pair.failed[end]);
		assert_int_equal(session_state(pair.end[end]), SESSION_OVER);
		assert_false(session_message(pair.end[end], &message));
		assert_int_equal(pair.why[end].code, meeting->codes[end]);
		if (strstr(pair.why[end].text, meeting->texts[end]) == NULL)
			fail_msg("\"%s\" does not say \"%s\"", pair.why[end].text,
				meeting->texts[end]);
	}
}

static void strangers_are_turned_away_and_told_why(void **state)
{
	const struct cast *const cast = *state;
	const struct party forger = {.key = cast->courier.key, .chain = cast->forged.chain};
	const struct meeting meetings[] = {
		/* A courier of another fleet. */
		{{&cast->ours, &cast->ours}, {&cast->stranger_courier, &cast->device},
			{ERROR_UNAUTHORISED, ERROR_SIGNATURE},
			{"does not trust the certificate chain of this courier",
				"courier's certificate is not to be trusted"}},
		/* A device of another fleet. */
		{{&cast->ours, &cast->ours}, {&cast->courier, &cast->stranger_device},
			{ERROR_SIGNATURE, ERROR_UNAUTHORISED},
			{"device's certificate is not to be trusted",
				"does not trust the certificate chain of this device"}},
		/* A device's certificate in the courier's place. */
		{{&cast->ours, &cast->ours}, {&cast->impostor, &cast->device},
			{ERROR_UNAUTHORISED, ERROR_SIGNATURE},
			{"another role", "has the role of a device"}},
		/* A courier's certificate by the device issuer. */
		{{&cast->ours, &cast->ours}, {&forger, &cast->device},
			{ERROR_UNAUTHORISED, ERROR_SIGNATURE},
			{"does not trust the certificate chain of this courier",
				"issuer of devices, not of couriers"}},
		/* A courier's certificate in the device's place. */
		{{&cast->ours, &cast->ours}, {&cast->courier, &cast->expired_courier},
			{ERROR_SIGNATURE, ERROR_UNAUTHORISED},
			{"has the role of a courier", "another role"}},
		/* Only a device may be uncertified. */
		{{&cast->ours, &cast->ours}, {&cast->newcomer, &cast->device},
			{ERROR_UNAUTHORISED, ERROR_SIGNATURE},
			{"another role", "has the role of a device"}},
	};

	for (size_t i = 0; i < COUNT(meetings); i++)
		assert_turned_away(&meetings[i]);
}

static void time_is_not_judged_here(void **state)
{
	const struct cast *const cast = *state;
	CLEANUP(pair_done) struct pair pair = {0};

	start(&pair, &cast->ours, &cast->expired_courier, &cast->ours, &cast->device);
	talk(&pair);
	assert_true(both_open(&pair));
	say(&pair, DEVICE, "refused: expired");
	assert_heard(&pair, COURIER, "refused: expired");
}

static void an_uncertified_device_is_heard_and_known_as_such(void **state)
{
	const struct cast *const cast = *state;
	CLEANUP(pair_done) struct pair pair = {0};
	bool certified = true;

	start(&pair, &cast->ours, &cast->courier, &cast->ours, &cast->newcomer);
	talk(&pair);
	assert_true(both_open(&pair));
	assert_string_equal(id_of_peer(pair.end[COURIER], &certified), "uncertified");
	assert_false(certified);
	say(&pair, DEVICE, "identity");
	assert_heard(&pair, COURIER, "identity");
}

static void both_ends_derive_the_same_and_each_session_another(void **state)
{
	const struct cast *const cast = *state;
	uint8_t derived[2][ENDS][SESSION_EXPORTER_SIZE];
	struct error err = {0};

	for (int i = 0; i < 2; i++) {
		CLEANUP(pair_done) struct pair pair = {0};

		start(&pair, &cast->ours, &cast->courier, &cast->ours, &cast->device);
		assert_false(session_exporter(pair.end[COURIER], derived[i][COURIER], &err));
		talk(&pair);
		MUST(session_exporter(pair.end[COURIER], derived[i][COURIER], &err));
		MUST(session_exporter(pair.end[DEVICE], derived[i][DEVICE], &err));
		assert_memory_equal(
			derived[i][COURIER], derived[i][DEVICE], SESSION_EXPORTER_SIZE);
	}
	assert_memory_not_equal(derived[0][0], derived[1][0], SESSION_EXPORTER_SIZE);
}

static void a_close_is_heard(void **state)
{
	const struct cast *const cast = *state;
	CLEANUP(pair_done) struct pair pair = {0};
	struct error err = {0};

	start(&pair, &cast->ours, &cast->courier, &cast->ours, &cast->device);
	talk(&pair);
	MUST(session_send(pair.end[COURIER], bytes_of("last"), &pair.to[DEVICE], &err));
	MUST(session_close(pair.end[COURIER], &pair.to[DEVICE], &err));
	talk(&pair);
	assert_false(pair.failed[DEVICE]);
	assert_int_equal(session_state(pair.end[DEVICE]), SESSION_OVER);
	assert_heard(&pair, DEVICE, "last");
	assert_false(session_send(pair.end[DEVICE], bytes_of("late"), &pair.to[0], &err));
	assert_false(session_receive(pair.end[DEVICE], bytes_of("late"), &pair.to[0], &err));
	assert_int_equal(err.code, ERROR_USAGE);
}

static void messages_of_every_length_arrive_whole(void **state)
{
	static const size_t lengths[] = {1, 16379, 16380, 16381, 65536, SESSION_MESSAGE_MAX};
	const struct cast *const cast = *state;
	CLEANUP(pair_done) struct pair pair = {0};
	uint8_t *const at = calloc(1, SESSION_MESSAGE_MAX + 1);
	struct error err = {0};

	assert_non_null(at);
	start(&pair, &cast->ours, &cast->courier, &cast->ours, &cast->device);
	talk(&pair);
	for (size_t i = 0; i < COUNT(lengths); i++) {
		const struct bytes sent = {at, lengths[i]};
		struct bytes heard = {0};

		memset(at, (int)i + 1, lengths[i]);
		MUST(session_send(pair.end[COURIER], sent, &pair.to[DEVICE], &err));
		talk(&pair);
		assert_true(session_message(pair.end[DEVICE], &heard));
		assert_true(bytes_equal(sent, heard));
	}
	for (size_t len = 0; len <= SESSION_MESSAGE_MAX + 1; len += SESSION_MESSAGE_MAX + 1) {
		assert_false(session_send(
			pair.end[COURIER], (struct bytes){at, len}, &pair.to[DEVICE], &err));
		assert_int_equal(err.code, ERROR_USAGE);
	}
	free(at);
}

static void what_is_not_taken_is_bounded(void **state)
{
	static const uint8_t big[SESSION_MESSAGE_MAX - 1000];
	const struct bytes message = {big, sizeof(big)};
	const struct cast *const cast = *state;
	CLEANUP(pair_done) struct pair pair = {0};
	struct bytes heard = {0};
	struct error err = {0};

	start(&pair, &cast->ours, &cast->courier, &cast->ours, &cast->device);
	talk(&pair);
	for (int i = 0; i < 2; i++) {
		MUST(session_send(pair.end[COURIER], message, &pair.to[DEVICE], &err));
		talk(&pair);
	}
	MUST(session_send(pair.end[COURIER], message, &pair.to[DEVICE], &err));
	assert_false(session_receive(
		pair.end[DEVICE], buf_bytes(&pair.to[DEVICE]), &pair.to[COURIER], &err));
	assert_int_equal(err.code, ERROR_BUSY);
	for (int i = 0; i < 2; i++) {
		assert_true(session_message(pair.end[DEVICE], &heard));
		assert_true(bytes_equal(message, heard));
	}
	talk(&pair);
	assert_false(pair.failed[DEVICE]);
	assert_true(session_message(pair.end[DEVICE], &heard));
	assert_true(bytes_equal(message, heard));
}

/* However it is cut into pieces, and wherever it stops, nothing worse happens than
 * waiting. */
static void a_handshake_in_single_bytes_succeeds(void **state)
{
	const struct cast *const cast = *state;
	CLEANUP(pair_done) struct pair pair = {0};
	struct error err = {0};

	start(&pair, &cast->ours, &cast->courier, &cast->ours, &cast->device);
	while (pair.to[COURIER].len > 0 || pair.to[DEVICE].len > 0)
		for (int end = 0; end < ENDS; end++)
			while (pair.to[end].len > 0) {
				const struct bytes piece = {pair.to[end].at, 1};

				MUST(session_receive(
					pair.end[end], piece, &pair.to[!end], &err));
				buf_drop(&pair.to[end], 1);
			}
	assert_true(both_open(&pair));
}

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
		cmocka_unit_test(friends_hear_each_other),
		cmocka_unit_test(strangers_are_turned_away_and_told_why),
		cmocka_unit_test(time_is_not_judged_here),
		cmocka_unit_test(an_uncertified_device_is_heard_and_known_as_such),
		cmocka_unit_test(both_ends_derive_the_same_and_each_session_another),
		cmocka_unit_test(a_close_is_heard),
		cmocka_unit_test(messages_of_every_length_arrive_whole),
		cmocka_unit_test(what_is_not_taken_is_bounded),
		cmocka_unit_test(a_handshake_in_single_bytes_succeeds),
		cmocka_unit_test(a_flipped_bit_anywhere_does_no_harm),
		cmocka_unit_test(only_our_protocol_over_tls_1_3_will_do),
		cmocka_unit_test(a_message_of_no_length_or_too_much_ends_the_session),
		cmocka_unit_test(noise_ends_the_session_with_a_reason),
	};

	return cmocka_run_group_tests(tests, make_cast, end_cast);
}
