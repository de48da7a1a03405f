#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/dsse.h"
#include "common/statement.h"
#include "tests/test.h"

static struct crypto_key *new_key(struct digest *fingerprint, struct crypto_public **public)
{
	struct crypto_key *key = NULL;
	struct error err = {0};

	MUST(crypto_key_generate(CRYPTO_ED25519, &key, &err));
	MUST(crypto_public_of(key, public, &err));
	MUST(crypto_public_fingerprint(*public, fingerprint, &err));
	return key;
}

static struct receipt sample_receipt(const struct digest *key)
{
	return (struct receipt){
		.device = "pump-7",
		.key = *key,
		.sequence = 12,
		.previous = {{1, 2}},
		.deployment = "b7b6a7a0-3f3e-4b45-9f0d-0f4a9c4b7a11",
		.artifact = "rel-2",
		.digest = {{3}},
		.before = "rel-1",
		.after = "rel-2",
		.outcome = OUTCOME_CONFIRMED,
		.reason = "healthy",
		.time = {1795318688, 1795000000, 120, "boot-1"},
		.courier = "anna",
		.technician = "Anna Sörensen",
		.courier_certificate = {{4}},
		.exporter = {5},
		.log = {{6}},
		.inventory = {{7}},
	};
}

static void a_receipt_says_the_same_at_both_ends(void **state)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;
	CLEANUP(crypto_key_cleanup) struct crypto_key *key = NULL;
	CLEANUP(buf_free) struct buf envelope = {0};
	struct receipt back;
	struct digest fingerprint;
	struct error err = {0};

	(void)state;
	key = new_key(&fingerprint, &public);

	const struct receipt receipt = sample_receipt(&fingerprint);

	MUST(receipt_sign(&receipt, key, &envelope, &err));
	MUST(receipt_open(buf_bytes(&envelope), public, &back, &err));
	assert_string_equal(back.device, receipt.device);
	assert_string_equal(back.technician, receipt.technician);
	assert_string_equal(back.deployment, receipt.deployment);
	assert_string_equal(back.before, receipt.before);
	assert_string_equal(back.reason, receipt.reason);
	assert_string_equal(back.time.boot, receipt.time.boot);
	assert_int_equal(back.sequence, 12);
	assert_int_equal(back.outcome, OUTCOME_CONFIRMED);
	assert_int_equal(back.time.floor, receipt.time.floor);
	assert_memory_equal(back.exporter, receipt.exporter, 32);
	assert_true(digest_equal(&back.previous, &receipt.previous));
	assert_true(digest_equal(&back.log, &receipt.log));
}

static void a_receipt_of_another_key_is_forged(void **state)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL, *other = NULL;
	CLEANUP(crypto_key_cleanup) struct crypto_key *key = NULL, *stranger = NULL;
	CLEANUP(buf_free) struct buf envelope = {0}, lie = {0};
	struct digest fingerprint, foreign;
	struct receipt back;
	struct error err = {0};

	(void)state;
	key = new_key(&fingerprint, &public);
	stranger = new_key(&foreign, &other);

	const struct receipt receipt = sample_receipt(&fingerprint);

	MUST(receipt_sign(&receipt, key, &envelope, &err));
	assert_false(receipt_open(buf_bytes(&envelope), other, &back, &err));
	assert_int_equal(err.code, ERROR_SIGNATURE);
	/* signed by the stranger, but naming the device's key */
	MUST(receipt_sign(&receipt, stranger, &lie, &err));
	assert_false(receipt_open(buf_bytes(&lie), other, &back, &err));
	assert_int_equal(err.code, ERROR_SIGNATURE);
}

static void every_flipped_bit_of_a_receipt_is_noticed(void **state)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;
	CLEANUP(crypto_key_cleanup) struct crypto_key *key = NULL;
	CLEANUP(buf_free) struct buf envelope = {0};
	struct digest fingerprint;
	struct receipt back;
	struct error err = {0};

	(void)state;
	key = new_key(&fingerprint, &public);

	const struct receipt receipt = sample_receipt(&fingerprint);

	MUST(receipt_sign(&receipt, key, &envelope, &err));

	/* The keyid is a hint that nobody trusts: all but it is judged. */
	const char *text = NULL;

	MUST(buf_text(&envelope, &text, &err));

	const char *const keyid = strstr(text, "keyid");
	const size_t hint = (size_t)(keyid - text), hint_end = hint + strlen("keyid\":\"") + 64;

	for (size_t bit = 0; bit < envelope.len * 8; bit++) {
		if (bit / 8 >= hint && bit / 8 < hint_end)
			continue;
		envelope.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(receipt_open(buf_bytes(&envelope), public, &back, &err));
		envelope.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	MUST(receipt_open(buf_bytes(&envelope), public, &back, &err));
}

static void fill_inventory(struct inventory *inventory, const struct digest *key)
{
	struct error err = {0};

	*inventory = (struct inventory){
		.device = "pump-7",
		.key = *key,
		.time = {10, 20, 30, "b"},
		.identity = strdup("{\"mac\":\"02:00\",\"serial\":\"7\"}"),
		.attributes = json_new_array(),
		.counter_name = "courier.counter",
		.counter = 7,
		.counter_required = true,
		.has_anchor = true,
		.signature_required = true,
		.space = 1000000,
		.types = {strdup("file")},
		.type_count = 1,
		.report = "full",
		.crl_number = 3,
		.newest = 9,
		.nonce = {1, 2, 255},
		.software = "courier-agent 0",
	};
	MUST(artifact_pairs_add(&inventory->provides, "device_type", "pump", &err));
	MUST(artifact_pairs_add(&inventory->provides, "artifact_name", "rel-1", &err));
	json_add_string(json_append_object(inventory->attributes), "name", "kernel");
}

static void an_inventory_says_the_same_at_both_ends(void **state)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;
	CLEANUP(crypto_key_cleanup) struct crypto_key *key = NULL;
	CLEANUP(inventory_free) struct inventory inventory = {0}, back = {0};
	CLEANUP(buf_free) struct buf envelope = {0};
	struct digest fingerprint;
	struct error err = {0};

	(void)state;
	key = new_key(&fingerprint, &public);
	fill_inventory(&inventory, &fingerprint);
	MUST(inventory_sign(&inventory, key, &envelope, &err));
	MUST(inventory_open(buf_bytes(&envelope), public, &back, &err));
	assert_string_equal(back.identity, inventory.identity);
	assert_string_equal(artifact_pairs_find(&back.provides, "artifact_name"), "rel-1");
	assert_int_equal(json_count(back.attributes), 1);
	assert_string_equal(back.types[0], "file");
	assert_int_equal(back.counter, 7);
	assert_true(back.counter_required && back.has_anchor && back.signature_required);
	assert_int_equal(back.crl_number, 3);
	assert_int_equal(back.space, 1000000);
	assert_memory_equal(back.nonce, inventory.nonce, sizeof(back.nonce));
}

/* PAYLOAD with the first FROM become TO, signed anew. */
static void sign_changed(const struct crypto_key *key, const char *type, const char *payload,
	const char *from, const char *to, struct buf *envelope)
{
	CLEANUP(buf_free) struct buf changed = {0};
	const char *const place = strstr(payload, from);
	struct error err = {0};

	assert_non_null(place);
	MUST(buf_append(&changed,
		(struct bytes){(const uint8_t *)payload, (size_t)(place - payload)}, &err));
	MUST(buf_print(&changed, &err, "%s%s", to, place + strlen(from)));
	MUST(dsse_sign(key, type, buf_bytes(&changed), envelope, &err));
}

/* A device that has its key, and does not keep to the format. */
static void a_signed_inventory_is_still_read_with_care(void **state)
{
	static const struct {
		const char *from, *to, *words;
	} cases[] = {
		{"\"device_type\":\"pump\"", "\"device_type\":7", "no string"},
		{"\"types\":[\"file\"]", "\"types\":[7]", "types"},
		{"\"types\":[\"file\"]", "\"types\":\"file\"", "types"},
		{"\"types\":[\"file\"]",
			"\"types\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\","
			"\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\"]",
			"types"},
		{"{\"name\":\"kernel\"}", "{\"name\":7}", "name"},
		{"{\"name\":\"kernel\"}", "7", "name"},
		{"\"provides\":{", "\"provides\":7,\"other\":{", "provides"},
	};
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;
	CLEANUP(crypto_key_cleanup) struct crypto_key *key = NULL;
	CLEANUP(inventory_free) struct inventory inventory = {0};
	CLEANUP(buf_free) struct buf good = {0}, payload = {0};
	struct digest fingerprint;
	const char *text = NULL;
	struct error err = {0};

	(void)state;
	key = new_key(&fingerprint, &public);
	fill_inventory(&inventory, &fingerprint);
	MUST(inventory_sign(&inventory, key, &good, &err));
	MUST(dsse_open(buf_bytes(&good), DSSE_INVENTORY, public, &payload, &err));
	MUST(buf_text(&payload, &text, &err));
	for (size_t i = 0; i < COUNT(cases); i++) {
		CLEANUP(buf_free) struct buf envelope = {0};
		struct inventory back = {0};

		sign_changed(key, DSSE_INVENTORY, text, cases[i].from, cases[i].to, &envelope);
		assert_false(inventory_open(buf_bytes(&envelope), public, &back, &err));
		assert_int_equal(err.code, ERROR_MALFORMED);
		assert_non_null(strstr(err.text, cases[i].words));
		assert_null(back.identity);
	}
}

static void a_receipt_of_an_outcome_nobody_knows_is_malformed(void **state)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;
	CLEANUP(crypto_key_cleanup) struct crypto_key *key = NULL;
	CLEANUP(buf_free) struct buf good = {0}, payload = {0}, envelope = {0};
	struct digest fingerprint;
	struct receipt receipt;
	const char *text = NULL;
	char member[64];
	struct error err = {0};

	(void)state;
	key = new_key(&fingerprint, &public);
	receipt = sample_receipt(&fingerprint);
	(void)snprintf(
		member, sizeof(member), "\"outcome\":\"%s\"", outcome_name(receipt.outcome));
	MUST(receipt_sign(&receipt, key, &good, &err));
	MUST(dsse_open(buf_bytes(&good), DSSE_RECEIPT, public, &payload, &err));
	MUST(buf_text(&payload, &text, &err));
	sign_changed(key, DSSE_RECEIPT, text, member, "\"outcome\":\"splendid\"", &envelope);
	assert_false(receipt_open(buf_bytes(&envelope), public, &receipt, &err));
	assert_int_equal(err.code, ERROR_MALFORMED);
	assert_non_null(strstr(err.text, "unknown outcome"));
}

static void an_identity_proves_its_own_key(void **state)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;
	CLEANUP(crypto_key_cleanup) struct crypto_key *key = NULL, *other = NULL;
	CLEANUP(identity_free) struct identity identity = {0}, back = {0};
	CLEANUP(buf_free) struct buf request = {0}, envelope = {0}, lie = {0};
	const char *text = NULL;
	struct error err = {0};

	(void)state;
	key = new_key(&identity.key, &public);
	MUST(crypto_key_generate(CRYPTO_ED25519, &other, &err));
	MUST(certificate_request_make(key, "uncertified", &request, &err));
	MUST(buf_text(&request, &text, &err));
	identity.request = strdup(text);
	identity.identity = strdup("{\"serial\":\"7\"}");
	MUST(identity_sign(&identity, key, &envelope, &err));
	MUST(identity_open(buf_bytes(&envelope), &back, &err));
	assert_string_equal(back.identity, identity.identity);
	assert_true(digest_equal(&back.key, &identity.key));
	MUST(identity_sign(&identity, other, &lie, &err));
	identity_free(&back);
	assert_false(identity_open(buf_bytes(&lie), &back, &err));
	assert_int_equal(err.code, ERROR_SIGNATURE);
}

static void key_order_does_not_change_who_a_device_is(void **state)
{
	struct digest a, b, c;
	struct error err = {0};

	(void)state;
	MUST(identity_digest(bytes_of("{\"a\":\"1\", \"b\":\"2\"}"), &a, &err));
	MUST(identity_digest(bytes_of("{\"b\":\"2\",\"a\":\"1\"}"), &b, &err));
	MUST(identity_digest(bytes_of("{\"b\":\"2\",\"a\":1}"), &c, &err));
	assert_true(digest_equal(&a, &b));
	assert_false(digest_equal(&a, &c));
	assert_false(identity_digest(bytes_of("[]"), &a, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_receipt_says_the_same_at_both_ends),
		cmocka_unit_test(a_receipt_of_another_key_is_forged),
		cmocka_unit_test(every_flipped_bit_of_a_receipt_is_noticed),
		cmocka_unit_test(an_inventory_says_the_same_at_both_ends),
		cmocka_unit_test(a_signed_inventory_is_still_read_with_care),
		cmocka_unit_test(a_receipt_of_an_outcome_nobody_knows_is_malformed),
		cmocka_unit_test(an_identity_proves_its_own_key),
		cmocka_unit_test(key_order_does_not_change_who_a_device_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
