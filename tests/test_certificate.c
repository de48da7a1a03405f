#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#include "common/certificate.h"
#include "common/file.h"
#include "tests/test.h"

/* Certificates that another implementation made: vectors/certificate.py. */
static void read_vector(const char *name, struct buf *pem)
{
	char path[512];
	struct error err = {0};

	(void)snprintf(path, sizeof(path), "%s/certificate/%s.pem", TEST_VECTORS, name);
	MUST(file_read(path, CERTIFICATE_PEM_MAX, pem, NULL, &err));
}

static struct certificate *vector(const char *name)
{
	CLEANUP(buf_free) struct buf pem = {0};
	struct certificate *chain = NULL;
	struct error err = {0};

	read_vector(name, &pem);
	MUST(certificate_parse(buf_bytes(&pem), &chain, &err));
	return chain;
}

static bool verify(
	const char *name, const char *root, enum certificate_role role, struct error *err)
{
	CLEANUP(certificate_cleanup) struct certificate *chain = vector(name);
	CLEANUP(buf_free) struct buf pem = {0};

	read_vector(root, &pem);
	return certificate_verify(chain, buf_bytes(&pem), role, err);
}

/* ---- trust ---- */

static void chains_of_the_profile_are_trusted(void **state)
{
	struct error err = {0};

	(void)state;
	MUST(verify("courier", "root", CERTIFICATE_COURIER, &err));
	MUST(verify("courier-with-root", "root", CERTIFICATE_COURIER, &err));
	MUST(verify("courier-of-another-name-space", "root", CERTIFICATE_COURIER, &err));
	MUST(verify("device", "root", CERTIFICATE_DEVICE, &err));
	MUST(verify("device-p256", "root", CERTIFICATE_DEVICE, &err));
}

static void trust_ends_at_the_fleet_and_the_role(void **state)
{
	struct error err = {0};

	(void)state;
	assert_false(verify("courier", "stranger-root", CERTIFICATE_COURIER, &err));
	assert_int_equal(err.code, ERROR_SIGNATURE);
	assert_false(verify("courier", "root", CERTIFICATE_DEVICE, &err));
	assert_int_equal(err.code, ERROR_SIGNATURE);
	assert_false(verify("device", "root", CERTIFICATE_COURIER, &err));
	assert_int_equal(err.code, ERROR_SIGNATURE);
}

static const struct refusal {
	const char *name;
	enum certificate_role role;
	const char *why;
} refusals[] = {
	/* chains */
	{"alone", CERTIFICATE_COURIER, "unable to get local issuer"},
	{"issuer-third", CERTIFICATE_COURIER, "does not stand after it"},
	{"stranger", CERTIFICATE_COURIER, "unable to get"},
	{"by-device-issuer", CERTIFICATE_COURIER, "issuer of devices, not of couriers"},
	{"by-device-issuer", CERTIFICATE_DEVICE, "a courier's, not a device's"},
	{"by-issuer-without-role", CERTIFICATE_COURIER, "issuer: certificate of neither"},
	{"by-issuer-of-both", CERTIFICATE_COURIER, "issuer: certificate of neither"},
	{"by-issuer-without-limit", CERTIFICATE_COURIER, "path length -1 instead of 0"},
	{"by-issuer-that-may-not", CERTIFICATE_COURIER, ""},
	{"by-root", CERTIFICATE_COURIER, "a chain of 2 instead of 3"},
	{"by-sub-issuer", CERTIFICATE_COURIER, "path length constraint exceeded"},
	{"by-leaf", CERTIFICATE_COURIER, "invalid CA certificate"},
	{"self-signed", CERTIFICATE_DEVICE, "self-signed certificate"},
	/* what a leaf may do */
	{"of-both", CERTIFICATE_COURIER, "neither a courier nor a device"},
	{"of-neither", CERTIFICATE_COURIER, "neither a courier nor a device"},
	{"not-for-tls", CERTIFICATE_COURIER, "unsuitable certificate purpose"},
	{"without-server-auth", CERTIFICATE_COURIER, "neither a courier nor a device"},
	{"authority", CERTIFICATE_COURIER, "it may issue others"},
	{"without-key-usage", CERTIFICATE_COURIER, "not for digital signatures"},
	{"for-nothing", CERTIFICATE_COURIER, "unsuitable certificate purpose"},
	{"signs-lists", CERTIFICATE_COURIER, "not for digital signatures"},
	{"rsa", CERTIFICATE_COURIER, "RSA"},
	{"p384", CERTIFICATE_COURIER, "neither an Ed25519"},
	{"critical", CERTIFICATE_COURIER, "unhandled critical extension"},
	/* who it is */
	{"without-name", CERTIFICATE_COURIER, "not one commonName"},
	{"two-names", CERTIFICATE_COURIER, "not one commonName"},
	{"escape", CERTIFICATE_COURIER, "unprintable"},
	{"device-of-another-name", CERTIFICATE_DEVICE, "not the device's id"},
	{"no-names", CERTIFICATE_COURIER, "no id"},
	{"no-id", CERTIFICATE_COURIER, "no id"},
	{"two-ids", CERTIFICATE_COURIER, "more than one id"},
	{"id-of-a-device", CERTIFICATE_COURIER, "a URI that its role does not have"},
	{"both-ids", CERTIFICATE_COURIER, "a URI that its role does not have"},
	{"id-empty", CERTIFICATE_COURIER, "an id of other characters"},
	{"id-dotted", CERTIFICATE_COURIER, "an id of other characters"},
	{"id-dashed", CERTIFICATE_COURIER, "an id of other characters"},
	{"id-slash", CERTIFICATE_COURIER, "an id of other characters"},
	{"id-long", CERTIFICATE_COURIER, "an id of other characters"},
	{"id-endless", CERTIFICATE_COURIER, "a malformed URI"},
	{"id-nul", CERTIFICATE_COURIER, "a malformed URI"},
	{"loud", CERTIFICATE_COURIER, "a URI that its role does not have"},
	{"unknown", CERTIFICATE_COURIER, "a URI that its role does not have"},
	{"unknown-device", CERTIFICATE_COURIER, "a URI that its role does not have"},
	{"identity-of-a-device", CERTIFICATE_COURIER, "a URI that its role does not have"},
	{"group-empty", CERTIFICATE_COURIER, "a group of other characters"},
	{"group-space", CERTIFICATE_COURIER, "a group of other characters"},
	{"17-groups", CERTIFICATE_COURIER, "more than 16 groups"},
	{"65-names", CERTIFICATE_COURIER, "too many names"},
	{"device-two-groups", CERTIFICATE_DEVICE, "more than 1 groups"},
	{"device-two-identities", CERTIFICATE_DEVICE, "more than one identity"},
	{"device-identity-short", CERTIFICATE_DEVICE, "hex"},
	{"device-identity-loud", CERTIFICATE_DEVICE, "hex"},
};

static void nothing_beside_the_profile_is_trusted(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refusals); i++) {
		const struct refusal *const one = &refusals[i];
		struct error err = {0};

		if (verify(one->name, "root", one->role, &err))
			fail_msg("%s was trusted", one->name);
		if (err.code != ERROR_SIGNATURE || strstr(err.text, one->why) == NULL)
			fail_msg("%s: %d: %s", one->name, err.code, err.text);
	}
}

static void every_flipped_byte_of_a_leaf_is_refused(void **state)
{
	CLEANUP(buf_free) struct buf pem = {0}, der = {0}, root = {0};
	static const char begin[] = "-----BEGIN CERTIFICATE-----\n";
	static const char end[] = "-----END CERTIFICATE-----\n";
	struct error err = {0};

	(void)state;
	read_vector("courier", &pem);
	read_vector("root", &root);

	const char *text = NULL;

	MUST(buf_text(&pem, &text, &err));

	const char *const tail = strstr(text, end);
	CLEANUP(buf_free) struct buf body = {0};

	for (const char *at = text + strlen(begin); at < tail; at++)
		if (*at != '\n')
			MUST(buf_append(&body, (struct bytes){(const uint8_t *)at, 1}, &err));
	MUST(crypto_base64_decode(buf_bytes(&body), &der, &err));
	for (size_t i = 0; i < der.len; i++) {
		CLEANUP(buf_free) struct buf changed = {0};
		CLEANUP(certificate_cleanup) struct certificate *chain = NULL;

		der.at[i] ^= 0x01;
		MUST(buf_append(&changed, bytes_of(begin), &err));
		MUST(crypto_base64_append(&changed, buf_bytes(&der), &err));
		MUST(buf_print(&changed, &err, "\n%s", tail));
		der.at[i] ^= 0x01;
		if (certificate_parse(buf_bytes(&changed), &chain, &err)
			&& certificate_verify(
				chain, buf_bytes(&root), CERTIFICATE_COURIER, &err))
			fail_msg("byte %zu", i);
	}
}

static void only_a_root_is_a_root(void **state)
{
	static const char *const wrong[] = {"courier-issuer", "courier", "self-signed"};
	struct error err = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		assert_false(verify("courier", wrong[i], CERTIFICATE_COURIER, &err));
		assert_int_equal(err.code, ERROR_MALFORMED);
		assert_non_null(strstr(err.text, "fleet root"));
	}
}

/* ---- what is read ---- */

static void a_courier_is_read(void **state)
{
	CLEANUP(certificate_cleanup) struct certificate *chain = vector("courier");
	struct certificate_holder holder;
	struct error err = {0};

	(void)state;
	MUST(certificate_holder(chain, &holder, &err));
	assert_int_equal(holder.role, CERTIFICATE_COURIER);
	assert_string_equal(holder.id, "c-17");
	assert_string_equal(holder.name, "Ida");
	assert_int_equal(holder.group_count, 2);
	assert_true(certificate_in_group(&holder, "north"));
	assert_true(certificate_in_group(&holder, "mines"));
	assert_false(certificate_in_group(&holder, "mine"));
	assert_false(holder.has_identity);
	assert_int_equal(holder.not_before, 1772323200); /* 2026-03-01 */
	assert_int_equal(holder.not_after, 1774915200);  /* 2026-03-31 */
}

static void a_device_is_read(void **state)
{
	CLEANUP(certificate_cleanup) struct certificate *chain = vector("device");
	struct certificate_holder holder;
	struct digest expected;
	struct error err = {0};

	(void)state;
	MUST(certificate_holder(chain, &holder, &err));
	assert_int_equal(holder.role, CERTIFICATE_DEVICE);
	assert_string_equal(holder.id, "d-1");
	assert_string_equal(holder.name, "d-1");
	assert_int_equal(holder.group_count, 1);
	assert_true(certificate_in_group(&holder, "north"));
	assert_true(holder.has_identity);
	MUST(crypto_sha256(bytes_of("{\"mac\":\"00:11\"}"), &expected, &err));
	assert_true(digest_equal(&holder.identity, &expected));
	assert_int_equal(holder.not_after, 253402300799);
}

static void ids_are_plain_words(void **state)
{
	static const char *const right[] = {"a", "0", "_", "A.b-c_9",
		"0123456789012345678901234567890123456789012345678901234567890123"};
	static const char *const wrong[]
		= {"", ".", ".a", "-a", "a b", "a/b", "a\n", "\xc3\xa9", "a:b",
			"01234567890123456789012345678901234567890123456789012345678901234"};

	(void)state;
	for (size_t i = 0; i < COUNT(right); i++)
		assert_true(certificate_id_valid(right[i]));
	for (size_t i = 0; i < COUNT(wrong); i++)
		assert_false(certificate_id_valid(wrong[i]));
}

static void a_chain_is_written_as_it_was_read(void **state)
{
	CLEANUP(certificate_cleanup) struct certificate *chain = vector("courier");
	CLEANUP(buf_free) struct buf before = {0}, after = {0};
	CLEANUP(crypto_public_cleanup) struct crypto_public *own = NULL, *above = NULL;
	struct digest first, second;
	struct error err = {0};

	(void)state;
	read_vector("courier", &before);
	MUST(certificate_pem(chain, &after, &err));
	assert_true(bytes_equal(buf_bytes(&before), buf_bytes(&after)));
	assert_non_null(certificate_x509(chain, 1));
	assert_null(certificate_x509(chain, 2));
	MUST(certificate_public(chain, &own, &err));
	MUST(certificate_issuer_public(chain, &above, &err));
	MUST(crypto_public_fingerprint(own, &first, &err));
	MUST(crypto_public_fingerprint(above, &second, &err));
	assert_false(digest_equal(&first, &second));

	CLEANUP(certificate_cleanup) struct certificate *issuer = vector("courier-issuer");
	CLEANUP(crypto_public_cleanup) struct crypto_public *again = NULL;

	MUST(certificate_public(issuer, &again, &err));
	MUST(crypto_public_fingerprint(again, &first, &err));
	assert_true(digest_equal(&first, &second));
	assert_false(certificate_issuer_public(issuer, &again, &err));
}

static void what_is_not_a_chain_does_not_parse(void **state)
{
	static const char *const wrong[] = {"", "\n", "x", "-----BEGIN CERTIFICATE-----\n",
		"-----BEGIN PUBLIC KEY-----\nZm9v\n-----END PUBLIC KEY-----\n",
		"-----BEGIN CERTIFICATE-----\nZm9v\n-----END CERTIFICATE-----\n"};
	CLEANUP(certificate_cleanup) struct certificate *chain = NULL;
	CLEANUP(buf_free) struct buf pem = {0};
	struct error err = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		assert_false(certificate_parse(bytes_of(wrong[i]), &chain, &err));
		assert_int_equal(err.code, ERROR_MALFORMED);
	}
	for (size_t i = 0; i < 5; i++)
		read_vector("root", &pem);
	assert_false(certificate_parse(buf_bytes(&pem), &chain, &err));
	assert_int_equal(err.code, ERROR_MALFORMED);
	pem.len = pem.len / 5 * 4;
	MUST(buf_append(&pem, bytes_of("\n\n"), &err));
	MUST(certificate_parse(buf_bytes(&pem), &chain, &err));
}

/* ---- revocation ---- */

static bool list(
	const char *name, const char *issuer, struct certificate_crl **out, struct error *err)
{
	CLEANUP(buf_free) struct buf crl = {0}, above = {0}, root = {0};

	read_vector(name, &crl);
	if (issuer != NULL)
		read_vector(issuer, &above);
	read_vector("root", &root);
	return certificate_crl_parse(
		buf_bytes(&crl), buf_bytes(&above), buf_bytes(&root), out, err);
}

static void a_list_revokes_whom_it_names(void **state)
{
	CLEANUP(certificate_crl_cleanup) struct certificate_crl *crl = NULL;
	CLEANUP(certificate_cleanup) struct certificate *revoked = vector("courier");
	CLEANUP(certificate_cleanup) struct certificate *other = vector("courier-with-root");
	CLEANUP(certificate_cleanup) struct certificate *device = vector("device");
	struct error err = {0};

	(void)state;
	MUST(list("crl", "courier-issuer", &crl, &err));
	assert_true(certificate_crl_number(crl) == INT64_MAX);
	assert_int_equal(certificate_crl_this_update(crl), 1772323200);
	assert_true(certificate_crl_revokes(crl, revoked));
	assert_false(certificate_crl_revokes(crl, other));
	assert_false(certificate_crl_revokes(crl, device));
}

static void the_issuer_of_a_list_may_come_along(void **state)
{
	CLEANUP(certificate_crl_cleanup) struct certificate_crl *chain = NULL, *carried = NULL;
	struct error err = {0};

	(void)state;
	MUST(list("crl", "courier", &chain, &err)); /* in a courier's whole chain */
	MUST(list("crl-carrying", NULL, &carried, &err));
}

static const struct {
	const char *name, *issuer;
	enum error_code code;
	const char *why;
} unlisted[] = {
	{"crl", NULL, ERROR_SIGNATURE, "no issuer is known"},
	{"crl", "device-issuer", ERROR_SIGNATURE, "another issuer"},
	{"crl-by-devices", "device-issuer", ERROR_SIGNATURE, "issuer of devices"},
	{"crl-by-root", "root", ERROR_SIGNATURE, "path length 1 instead of 0"},
	{"crl-forged", "courier-issuer", ERROR_SIGNATURE, "does not verify"},
	{"crl-by-stranger", NULL, ERROR_SIGNATURE, "unable to get"},
	{"crl-by-mute", NULL, ERROR_SIGNATURE, "may not sign"},
	{"crl-without-number", "courier-issuer", ERROR_MALFORMED, "without a number"},
	{"crl-number-64", "courier-issuer", ERROR_MALFORMED, "without a number of 63 bits"},
	{"crl-number-long", "courier-issuer", ERROR_MALFORMED, "without a number of 63 bits"},
	{"crl-delta", "courier-issuer", ERROR_MALFORMED, "critical"},
	{"crl-partial", "courier-issuer", ERROR_MALFORMED, "critical"},
	{"crl-of-others", "courier-issuer", ERROR_MALFORMED, "critical"},
	{"root", "courier-issuer", ERROR_MALFORMED, "none in PEM"},
};

static void other_lists_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(unlisted); i++) {
		CLEANUP(certificate_crl_cleanup) struct certificate_crl *crl = NULL;
		struct error err = {0};

		if (list(unlisted[i].name, unlisted[i].issuer, &crl, &err))
			fail_msg("%s was believed", unlisted[i].name);
		if (err.code != unlisted[i].code || strstr(err.text, unlisted[i].why) == NULL)
			fail_msg("%s: %d: %s", unlisted[i].name, err.code, err.text);
	}
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
		cmocka_unit_test(chains_of_the_profile_are_trusted),
		cmocka_unit_test(trust_ends_at_the_fleet_and_the_role),
		cmocka_unit_test(nothing_beside_the_profile_is_trusted),
		cmocka_unit_test(every_flipped_byte_of_a_leaf_is_refused),
		cmocka_unit_test(only_a_root_is_a_root),
		cmocka_unit_test(a_courier_is_read),
		cmocka_unit_test(a_device_is_read),
		cmocka_unit_test(ids_are_plain_words),
		cmocka_unit_test(a_chain_is_written_as_it_was_read),
		cmocka_unit_test(what_is_not_a_chain_does_not_parse),
		cmocka_unit_test(a_list_revokes_whom_it_names),
		cmocka_unit_test(the_issuer_of_a_list_may_come_along),
		cmocka_unit_test(other_lists_are_refused),
		cmocka_unit_test(openssls_error_queue_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
