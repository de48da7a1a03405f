#include <string.h>

#include "device-link/message.h"
#include "tests/test.h"
#include "tests/vectors.h"

#define RUN(text)                                                                              \
	{                                                                                      \
		(const uint8_t *)(text), sizeof(text) - 1                                      \
	}

/* What the vectors say in bytes; tests/vectors/message.hex. */
static const struct sample {
	const char *name;
	struct message message;
} samples[] = {
	{"hello",
		{MESSAGE_HELLO,
			.hello = {.version = 1,
				.software = RUN("courier 0.1.0"),
				.crl = RUN("CRL"),
				.time = RUN("T")}}},
	{"accept-idle",
		{MESSAGE_ACCEPT,
			.accept = {.version = 1,
				.software = RUN("courier-agent 0.1.0"),
				.inventory = RUN("{}")}}},
	{"accept-checking",
		{MESSAGE_ACCEPT,
			.accept = {.version = 1,
				.software = RUN("agent"),
				.identity = RUN("ID"),
				.inventory = RUN("{}"),
				.oldest = 3,
				.newest = 258,
				.phase = MESSAGE_PHASE_CHECKING,
				.deployment = RUN("dep-1")}}},
	{"refused",
		{MESSAGE_REFUSED,
			.refused = {MESSAGE_REFUSED_EXPIRED,
				RUN("notAfter 2026-11-01, we are at 2026-11-22")}}},
	{"collect", {MESSAGE_COLLECT, .collect = 258}},
	{"receipt", {MESSAGE_RECEIPT, .receipt = {258, RUN("{'r'}"), RUN("ok\n"), RUN("{}")}}},
	{"receipt-gone", {MESSAGE_RECEIPT, .receipt = {.sequence = 3}}},
	{"kept", {MESSAGE_KEPT, .kept = 258}},
	{"offer",
		{MESSAGE_OFFER,
			.offer = {.deployment = RUN("dep-1"),
				.name = RUN("pump-fw-1.4"),
				.digest = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
					15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28,
					29, 30, 31}},
				.size = 1048576,
				.unpacked = 2000000,
				.flags = MESSAGE_OFFER_STAGE}}},
	{"offer-metadata",
		{MESSAGE_OFFER,
			.offer = {.deployment = RUN("dep-1"),
				.name = RUN("pump-fw-1.4"),
				.digest = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
					15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28,
					29, 30, 31}},
				.size = 1048576,
				.unpacked = 2000000,
				.metadata_size = 4660,
				.metadata_digest = {{32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42,
					43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56,
					57, 58, 59, 60, 61, 62, 63}},
				.flags = MESSAGE_OFFER_RETRY}}},
	{"nothing", {.type = MESSAGE_NOTHING}},
	{"want", {MESSAGE_WANT, .want = {MESSAGE_ARTIFACT, 65536, 262144}}},
	{"data", {MESSAGE_DATA, .data = {MESSAGE_METADATA, 2, RUN("\xde\xad\xbe\xef")}}},
	{"state",
		{MESSAGE_STATE,
			.state = {.phase = MESSAGE_PHASE_WAITING,
				.percent = 255,
				.code = ERROR_EXPIRED,
				.deployment = RUN("dep-1"),
				.text = RUN("pump runs: 3 m\xc2\xb3/s")}}},
	{"state-rebooting",
		{MESSAGE_STATE,
			.state = {.phase = MESSAGE_PHASE_REBOOTING,
				.wait_s = 90,
				.deployment = RUN("dep-1")}}},
	{"identify", {.type = MESSAGE_IDENTIFY}},
	{"bye", {.type = MESSAGE_BYE}},
};

static void every_message_lies_in_bytes_as_its_vector_says(void **state)
{
	const struct vectors *const vectors = *state;
	struct error err = {0};

	assert_int_equal(vectors_count(vectors), COUNT(samples));
	for (size_t i = 0; i < COUNT(samples); i++) {
		CLEANUP(buf_free) struct buf bytes = {0};
		struct bytes expected = {0};

		assert_true(vectors_find(vectors, samples[i].name, &expected));
		MUST(message_encode(&samples[i].message, &bytes, &err));
		if (!bytes_equal(buf_bytes(&bytes), expected))
			fail_msg("%s differs from its vector", samples[i].name);
	}
}

static void what_decodes_encodes_to_the_same_bytes(void **state)
{
	const struct vectors *const vectors = *state;
	struct error err = {0};

	for (size_t i = 0; i < vectors_count(vectors); i++) {
		CLEANUP(buf_free) struct buf again = {0};
		struct message message = {0};

		MUST(message_decode(vectors_bytes(vectors, i), &message, &err));
		MUST(message_encode(&message, &again, &err));
		assert_true(bytes_equal(buf_bytes(&again), vectors_bytes(vectors, i)));
	}
}

static void every_truncation_and_every_extension_is_malformed(void **state)
{
	const struct vectors *const vectors = *state;
	struct error err = {0};
	struct message message;

	for (size_t i = 0; i < vectors_count(vectors); i++) {
		const struct bytes whole = vectors_bytes(vectors, i);
		CLEANUP(buf_free) struct buf longer = {0};

		for (size_t len = 0; len < whole.len; len++) {
			const struct bytes part = {whole.at, len};

			assert_false(message_decode(part, &message, &err));
			assert_int_equal(err.code, ERROR_MALFORMED);
		}
		MUST(buf_append(&longer, whole, &err));
		MUST(buf_append(&longer, bytes_of("."), &err));
		assert_false(message_decode(buf_bytes(&longer), &message, &err));
		assert_int_equal(err.code, ERROR_MALFORMED);
	}
}

/* Change one byte of a vector at a time: what must not pass, and what the reason
 * must name. */
static const struct damage {
	const char *name;
	size_t at;
	uint8_t value;
	const char *why;
} damages[] = {
	{"bye", 0, 0, "unknown message of type 0"},
	{"bye", 0, 14, "unknown message of type 14"},
	{"hello", 5, 0x1b, "hello.software"},           /* escape */
	{"hello", 5, 0xff, "hello.software"},           /* not UTF-8 */
	{"hello", 18, 0xff, "hello.crl"},               /* 0xff000003 bytes */
	{"accept-checking", 22, 0xff, "accept.oldest"}, /* over 2^63 - 1 */
	{"accept-checking", 29, 2, "ring"},             /* 257 receipts */
	{"accept-checking", 37, 3, "ring"},             /* 257 receipts */
	{"accept-checking", 38, 10, "accept.phase"},
	{"accept-checking", 38, 0, "every phase but idle"},
	{"accept-idle", 42, 1, "ring"}, /* from 0 to a number */
	{"accept-idle", 50, 1, "every phase but idle"},
	{"refused", 1, 0, "refused.reason"},
	{"refused", 1, 9, "refused.reason"},
	{"collect", 1, 0x80, "collect"},
	{"offer", 77, 1, "a digest of no metadata"},
	{"offer", 109, 4, "offer.flags"},
	{"offer-metadata", 73, 1, "offer.metadata_size"}, /* 16 MiB and more */
	{"want", 1, 2, "want.object"},
	{"want", 13, 1, "want.length"}, /* 262145 */
	{"data", 1, 2, "data.object"},
	{"state", 1, 10, "state.phase"},
	{"state", 2, 101, "over 100 percent"},
	{"state", 7, 100, "state.code"},
	{"state", 1, 0, "every phase but idle"},
	{"receipt-gone", 12, 1, "receipt"},
};

static void what_is_out_of_range_is_malformed(void **state)
{
	const struct vectors *const vectors = *state;

	for (size_t i = 0; i < COUNT(damages); i++) {
		const struct damage *const damage = &damages[i];
		CLEANUP(buf_free) struct buf bytes = {0};
		struct message message = {0};
		struct error err = {0};
		struct bytes whole = {0};

		assert_true(vectors_find(vectors, damage->name, &whole));
		MUST(buf_append(&bytes, whole, &err));
		assert_true(damage->at < bytes.len);
		bytes.at[damage->at] = damage->value;
		if (message_decode(buf_bytes(&bytes), &message, &err))
			fail_msg("%s: byte %zu may be %u", damage->name, damage->at,
				damage->value);
		assert_int_equal(err.code, ERROR_MALFORMED);
		if (strstr(err.text, damage->why) == NULL)
			fail_msg("%s does not name %s", err.text, damage->why);
	}
}

static void what_must_not_be_sent_is_not_encoded(void **state)
{
	static const uint8_t big[MESSAGE_DATA_MAX + 1];
	const struct message wrong[] = {
		{.type = (enum message_type)0},
		{.type = (enum message_type)14},
		{MESSAGE_COLLECT, .collect = 0},
		{MESSAGE_KEPT, .kept = UINT64_MAX},
		{MESSAGE_WANT, .want = {MESSAGE_ARTIFACT, 0, 0}},
		{MESSAGE_WANT, .want = {(enum message_object)2, 0, 1}},
		{MESSAGE_DATA, .data = {MESSAGE_ARTIFACT, 0, {big, 0}}},
		{MESSAGE_DATA, .data = {MESSAGE_ARTIFACT, 0, {big, sizeof(big)}}},
		{MESSAGE_REFUSED, .refused = {MESSAGE_REFUSED_BUSY, RUN("a\nb")}},
		{MESSAGE_STATE, .state = {.phase = MESSAGE_PHASE_STAGED}},
		{MESSAGE_STATE, .state = {.deployment = RUN("dep-1")}},
		{MESSAGE_ACCEPT, .accept = {.oldest = 1, .newest = MESSAGE_RING + 1}},
		{MESSAGE_RECEIPT, .receipt = {.sequence = 1, .log = RUN("log")}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		CLEANUP(buf_free) struct buf bytes = {0};
		struct error err = {0};

		MUST(buf_append(&bytes, bytes_of("before"), &err));
		if (message_encode(&wrong[i], &bytes, &err))
			fail_msg("wrong message %zu was encoded", i);
		assert_int_equal(err.code, ERROR_USAGE);
		assert_true(bytes_equal(buf_bytes(&bytes), bytes_of("before")));
	}
}

/* RFC 3629, and what a terminal should not be told. */
static void text_is_utf8_without_control_characters(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} texts[] = {
		{"", true},
		{"~ \xc2\xa0\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xef\xbf\xbd", true},
		{"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", true},
		{"\n", false},
		{"\x7f", false},
		{"\xc2\x80", false},         /* U+0080, a C1 control character */
		{"\xc2\x9b", false},         /* U+009B, the other escape */
		{"\xc0\x80", false},         /* overlong */
		{"\xc1\xbf", false},         /* overlong */
		{"\xe0\x9f\xbf", false},     /* overlong */
		{"\xf0\x8f\xbf\xbf", false}, /* overlong */
		{"\xed\xa0\x80", false},     /* a surrogate */
		{"\xf4\x90\x80\x80", false}, /* over U+10FFFF */
		{"\xf5\x80\x80\x80", false},
		{"\x80", false},
		{"\xe2\x82", false},
		{"\xe2\x82(", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		const struct message message = {
			MESSAGE_REFUSED,
			.refused = {MESSAGE_REFUSED_BUSY, bytes_of(texts[i].text)},
		};
		CLEANUP(buf_free) struct buf bytes = {0};
		struct error err = {0};

		if (message_encode(&message, &bytes, &err) != texts[i].good)
			fail_msg("text %zu is misjudged", i);
	}
}

static void every_refusal_has_its_sentence_and_its_code(void **state)
{
	(void)state;
	for (unsigned i = MESSAGE_REFUSED_VERSION; i <= MESSAGE_REFUSED_IDENTITY; i++) {
		const enum message_refusal reason = (enum message_refusal)i;

		assert_true(strlen(message_refusal_text(reason)) > 40);
		assert_int_not_equal(message_refusal_code(reason), ERROR_NONE);
	}
	assert_int_equal(message_refusal_code(MESSAGE_REFUSED_EXPIRED), ERROR_EXPIRED);
	assert_int_equal(message_refusal_code(MESSAGE_REFUSED_REVOKED), ERROR_UNAUTHORISED);
	assert_string_equal(message_phase_text(MESSAGE_PHASE_ROLLING_BACK), "rolling back");
	assert_string_equal(message_type_text(MESSAGE_WANT), "WANT");
}

int main(void)
{
	CLEANUP(vectors_cleanup) struct vectors *vectors = NULL;
	struct error err = {0};

	if (!vectors_open(TEST_VECTORS "/message.hex", &vectors, &err)) {
		print_error("test_message: %s\n", err.text);
		return 1;
	}

	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(
			every_message_lies_in_bytes_as_its_vector_says, vectors),
		cmocka_unit_test_prestate(what_decodes_encodes_to_the_same_bytes, vectors),
		cmocka_unit_test_prestate(
			every_truncation_and_every_extension_is_malformed, vectors),
		cmocka_unit_test_prestate(what_is_out_of_range_is_malformed, vectors),
		cmocka_unit_test(what_must_not_be_sent_is_not_encoded),
		cmocka_unit_test(text_is_utf8_without_control_characters),
		cmocka_unit_test(every_refusal_has_its_sentence_and_its_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
