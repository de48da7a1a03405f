#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "common/certificate.h"
#include "tests/test.h"

enum { DAY = 86400 };

static const int64_t now = 1772323200; /* 2026-03-01 */

struct fleet {
	struct crypto_key *root_key, *courier_key, *device_key, *leaf_key;
	struct crypto_public *leaf;
	struct buf root, couriers, devices;
};

static void make_issuer(struct fleet *fleet, enum certificate_role role,
	const struct crypto_key *key, struct buf *pem)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;
	struct error err = {0};

	MUST(crypto_public_of(key, &public, &err));
	MUST(certificate_make_issuer(
		fleet->root_key, buf_bytes(&fleet->root), public, role, now, pem, &err));
}

static int make_fleet(void **state)
{
	struct fleet *const fleet = calloc(1, sizeof(*fleet));
	struct error err = {0};

	MUST(crypto_key_generate(CRYPTO_ED25519, &fleet->root_key, &err));
	MUST(crypto_key_generate(CRYPTO_ED25519, &fleet->courier_key, &err));
	MUST(crypto_key_generate(CRYPTO_P256, &fleet->device_key, &err));
	MUST(crypto_key_generate(CRYPTO_ED25519, &fleet->leaf_key, &err));
	MUST(crypto_public_of(fleet->leaf_key, &fleet->leaf, &err));
	MUST(certificate_make_root(
		fleet->root_key, "Example Fl\xc3\xb6tte", now, &fleet->root, &err));
	make_issuer(fleet, CERTIFICATE_COURIER, fleet->courier_key, &fleet->couriers);
	make_issuer(fleet, CERTIFICATE_DEVICE, fleet->device_key, &fleet->devices);
	*state = fleet;
	return 0;
}

static int free_fleet(void **state)
{
	struct fleet *const fleet = *state;

	crypto_key_free(fleet->root_key);
	crypto_key_free(fleet->courier_key);
	crypto_key_free(fleet->device_key);
	crypto_key_free(fleet->leaf_key);
	crypto_public_free(fleet->leaf);
	buf_free(&fleet->root);
	buf_free(&fleet->couriers);
	buf_free(&fleet->devices);
	free(fleet);
	return 0;
}

static struct certificate_holder courier(void)
{
	return (struct certificate_holder){
		.role = CERTIFICATE_COURIER,
		.id = "c-17",
		.name = "Ida N\xc3\xb8rgaard",
		.groups = {"north", "mines"},
		.group_count = 2,
		.not_before = now,
		.not_after = now + (int64_t)30 * DAY,
	};
}

static struct certificate_holder device(void)
{
	return (struct certificate_holder){
		.role = CERTIFICATE_DEVICE,
		.id = "pump-7",
		.name = "pump-7",
		.groups = {"north"},
		.group_count = 1,
		.has_identity = true,
		.identity = {{1, 2, 3}},
		.not_before = now,
		.not_after = INT64_MAX,
	};
}

static struct certificate *issue(
	const struct fleet *fleet, const struct certificate_holder *holder)
{
	const bool is_courier = holder->role == CERTIFICATE_COURIER;
	CLEANUP(buf_free) struct buf pem = {0};
	struct certificate *chain = NULL;
	struct error err = {0};

	MUST(certificate_make_leaf(is_courier ? fleet->courier_key : fleet->device_key,
		buf_bytes(is_courier ? &fleet->couriers : &fleet->devices), fleet->leaf, holder,
		&pem, &err));
	MUST(certificate_parse(buf_bytes(&pem), &chain, &err));
	return chain;
}

static void same_holder(const struct certificate_holder *a, const struct certificate_holder *b)
{
	assert_int_equal(a->role, b->role);
	assert_string_equal(a->id, b->id);
	assert_string_equal(a->name, b->name);
	assert_int_equal(a->group_count, b->group_count);
	for (size_t i = 0; i < a->group_count; i++)
		assert_string_equal(a->groups[i], b->groups[i]);
	assert_int_equal(a->has_identity, b->has_identity);
	assert_true(digest_equal(&a->identity, &b->identity));
	assert_int_equal(a->not_before, b->not_before);
}

static void what_is_issued_is_trusted_and_says_the_same(void **state)
{
	const struct fleet *const fleet = *state;
	const struct certificate_holder holders[] = {courier(), device()};
	struct error err = {0};

	for (size_t i = 0; i < COUNT(holders); i++) {
		CLEANUP(certificate_cleanup)
		struct certificate *chain = issue(fleet, &holders[i]);
		struct certificate_holder holder;

		MUST(certificate_verify(chain, buf_bytes(&fleet->root), holders[i].role, &err));
		MUST(certificate_holder(chain, &holder, &err));
		same_holder(&holder, &holders[i]);
		assert_int_equal(holder.not_after,
			i == 0 ? now + (int64_t)30 * DAY : INT64_C(253402300799));
	}
}

static void the_most_that_fits_is_issued(void **state)
{
	const struct fleet *const fleet = *state;
	struct certificate_holder most = courier(), holder;
	struct error err = {0};

	memset(most.id, 'c', CERTIFICATE_ID_MAX);
	memset(most.name, 'n', CERTIFICATE_NAME_MAX);
	most.group_count = CERTIFICATE_GROUPS_MAX;
	for (size_t i = 0; i < CERTIFICATE_GROUPS_MAX; i++)
		memset(most.groups[i], (int)('a' + i), CERTIFICATE_ID_MAX);

	CLEANUP(certificate_cleanup) struct certificate *chain = issue(fleet, &most);

	MUST(certificate_verify(chain, buf_bytes(&fleet->root), CERTIFICATE_COURIER, &err));
	MUST(certificate_holder(chain, &holder, &err));
	same_holder(&holder, &most);
}

static void not_issued(const struct fleet *fleet, const struct certificate_holder *holder)
{
	CLEANUP(buf_free) struct buf pem = {0};
	struct error err = {0};

	assert_false(certificate_make_leaf(fleet->courier_key, buf_bytes(&fleet->couriers),
		fleet->leaf, holder, &pem, &err));
	assert_int_equal(err.code, ERROR_USAGE);
	assert_int_equal(pem.len, 0);
}

static void nothing_beside_the_profile_is_issued(void **state)
{
	const struct fleet *const fleet = *state;
	struct certificate_holder wrong[9];

	for (size_t i = 0; i < COUNT(wrong); i++)
		wrong[i] = courier();
	memcpy(wrong[0].id, "a,URI:urn:courier:b", 20);
	wrong[1].id[0] = 0;
	wrong[2].name[0] = 0;
	memcpy(wrong[3].name, "Ida\x1b[2J", 8);
	memcpy(wrong[4].name, "Ida\xff", 5);
	memcpy(wrong[5].groups[1], "a b", 4);
	wrong[6].has_identity = true;
	wrong[7].not_after = wrong[7].not_before - 1;
	memcpy(wrong[8].id, CERTIFICATE_UNCERTIFIED, sizeof(CERTIFICATE_UNCERTIFIED));
	for (size_t i = 0; i < COUNT(wrong); i++)
		not_issued(fleet, &wrong[i]);
}

static void issuers_keep_to_their_role(void **state)
{
	const struct fleet *const fleet = *state;
	const struct certificate_holder ida = courier(), pump = device();
	CLEANUP(buf_free) struct buf pem = {0};
	struct error err = {0};

	assert_false(certificate_make_leaf(
		fleet->device_key, buf_bytes(&fleet->devices), fleet->leaf, &ida, &pem, &err));
	assert_false(certificate_make_leaf(fleet->courier_key, buf_bytes(&fleet->couriers),
		fleet->leaf, &pump, &pem, &err));
	assert_false(certificate_make_leaf(
		fleet->leaf_key, buf_bytes(&fleet->couriers), fleet->leaf, &ida, &pem, &err));
	assert_int_equal(err.code, ERROR_USAGE);
	assert_false(certificate_make_leaf(
		fleet->root_key, buf_bytes(&fleet->root), fleet->leaf, &ida, &pem, &err));
	assert_false(certificate_make_issuer(fleet->courier_key, buf_bytes(&fleet->couriers),
		fleet->leaf, CERTIFICATE_COURIER, now, &pem, &err));
	assert_int_equal(pem.len, 0);
}

static void another_fleet_is_not_trusted(void **state)
{
	const struct fleet *const fleet = *state;
	const struct certificate_holder ida = courier();
	CLEANUP(certificate_cleanup) struct certificate *chain = issue(fleet, &ida);
	CLEANUP(buf_free) struct buf root = {0};
	struct error err = {0};

	MUST(certificate_make_root(fleet->leaf_key, "Example Fl\xc3\xb6tte", now, &root, &err));
	assert_false(certificate_verify(chain, buf_bytes(&root), CERTIFICATE_COURIER, &err));
	assert_int_equal(err.code, ERROR_SIGNATURE);
}

static void an_uncertified_device_shows_its_key_and_is_not_trusted(void **state)
{
	const struct fleet *const fleet = *state;
	CLEANUP(buf_free) struct buf pem = {0};
	CLEANUP(certificate_cleanup) struct certificate *chain = NULL;
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;
	struct certificate_holder holder;
	struct digest shown, own;
	struct error err = {0};

	MUST(certificate_make_uncertified(fleet->device_key, &pem, &err));
	MUST(certificate_parse(buf_bytes(&pem), &chain, &err));
	MUST(certificate_holder(chain, &holder, &err));
	assert_int_equal(holder.role, CERTIFICATE_DEVICE);
	assert_string_equal(holder.id, CERTIFICATE_UNCERTIFIED);
	assert_int_equal(holder.not_before, 0);
	MUST(certificate_public(chain, &public, &err));
	MUST(crypto_public_fingerprint(public, &shown, &err));
	crypto_public_free(public);
	public = NULL;
	MUST(crypto_public_of(fleet->device_key, &public, &err));
	MUST(crypto_public_fingerprint(public, &own, &err));
	assert_true(digest_equal(&shown, &own));
	assert_false(
		certificate_verify(chain, buf_bytes(&fleet->root), CERTIFICATE_DEVICE, &err));
	assert_int_equal(err.code, ERROR_SIGNATURE);
	assert_false(certificate_verify(chain, buf_bytes(&pem), CERTIFICATE_DEVICE, &err));
}

/* ---- requests ---- */

static void a_request_proves_its_key(void **state)
{
	static const enum crypto_kind kinds[] = {CRYPTO_ED25519, CRYPTO_P256};
	struct error err = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		CLEANUP(crypto_key_cleanup) struct crypto_key *key = NULL;
		CLEANUP(crypto_public_cleanup) struct crypto_public *own = NULL, *asked = NULL;
		CLEANUP(buf_free) struct buf pem = {0};
		struct digest first, second;

		MUST(crypto_key_generate(kinds[i], &key, &err));
		MUST(certificate_request_make(key, "pump-7", &pem, &err));
		MUST(certificate_request_open(buf_bytes(&pem), &asked, &err));
		MUST(crypto_public_of(key, &own, &err));
		MUST(crypto_public_fingerprint(own, &first, &err));
		MUST(crypto_public_fingerprint(asked, &second, &err));
		assert_true(digest_equal(&first, &second));
		assert_false(certificate_request_make(key, "a\nb", &pem, &err));
		assert_int_equal(err.code, ERROR_USAGE);
	}
}

static void every_flipped_bit_of_a_request_is_refused(void **state)
{
	CLEANUP(buf_free) struct buf pem = {0};
	const struct fleet *const fleet = *state;
	struct error err = {0};
	size_t forged = 0;

	MUST(certificate_request_make(fleet->leaf_key, "pump-7", &pem, &err));
	for (size_t i = 0; i < pem.len; i++)
		for (uint8_t bit = 1; bit < 0x80; bit = (uint8_t)(bit << 1)) {
			CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;

			pem.at[i] ^= bit;
			if (certificate_request_open(buf_bytes(&pem), &public, &err)) {
				CLEANUP(crypto_public_cleanup) struct crypto_public *own = NULL;
				struct digest first, second;

				/* White space for white space, then: the key is the same. */
				MUST(crypto_public_of(fleet->leaf_key, &own, &err));
				MUST(crypto_public_fingerprint(own, &first, &err));
				MUST(crypto_public_fingerprint(public, &second, &err));
				assert_true(digest_equal(&first, &second));
			} else if (err.code == ERROR_SIGNATURE)
				forged++;
			pem.at[i] ^= bit;
		}
	assert_true(forged > 0);
}

/* ---- revocation ---- */

static void the_lost_are_revoked_and_no_others(void **state)
{
	const struct fleet *const fleet = *state;
	const struct certificate_holder ida = courier();
	CLEANUP(certificate_cleanup) struct certificate *lost = issue(fleet, &ida);
	CLEANUP(certificate_cleanup) struct certificate *also = issue(fleet, &ida);
	CLEANUP(certificate_cleanup) struct certificate *kept = issue(fleet, &ida);
	CLEANUP(certificate_crl_cleanup) struct certificate_crl *crl = NULL;
	CLEANUP(buf_free) struct buf pem = {0};
	uint8_t serials[2][CERTIFICATE_SERIAL_SIZE];
	struct error err = {0};

	MUST(certificate_serial(lost, serials[0], &err));
	MUST(certificate_serial(also, serials[1], &err));
	assert_memory_not_equal(serials[0], serials[1], CERTIFICATE_SERIAL_SIZE);
	MUST(certificate_make_crl(fleet->courier_key, buf_bytes(&fleet->couriers), 41, now + 5,
		(const uint8_t(*)[CERTIFICATE_SERIAL_SIZE])serials, 2, &pem, &err));
	MUST(certificate_crl_parse(buf_bytes(&pem), buf_bytes(&fleet->couriers),
		buf_bytes(&fleet->root), &crl, &err));
	assert_int_equal(certificate_crl_number(crl), 41);
	assert_int_equal(certificate_crl_this_update(crl), now + 5);
	assert_true(certificate_crl_revokes(crl, lost));
	assert_true(certificate_crl_revokes(crl, also));
	assert_false(certificate_crl_revokes(crl, kept));
}

static void the_first_list_is_empty_and_numbered_1(void **state)
{
	const struct fleet *const fleet = *state;
	const struct certificate_holder ida = courier();
	CLEANUP(certificate_cleanup) struct certificate *chain = issue(fleet, &ida);
	CLEANUP(certificate_crl_cleanup) struct certificate_crl *crl = NULL;
	CLEANUP(buf_free) struct buf pem = {0}, carrying = {0};
	struct error err = {0};

	assert_false(certificate_make_crl(
		fleet->courier_key, buf_bytes(&fleet->couriers), 0, now, NULL, 0, &pem, &err));
	assert_int_equal(err.code, ERROR_USAGE);
	assert_false(certificate_make_crl(
		fleet->device_key, buf_bytes(&fleet->devices), 1, now, NULL, 0, &pem, &err));
	MUST(certificate_make_crl(
		fleet->courier_key, buf_bytes(&fleet->couriers), 1, now, NULL, 0, &pem, &err));
	MUST(buf_append(&carrying, buf_bytes(&fleet->couriers), &err));
	MUST(buf_append(&carrying, buf_bytes(&pem), &err));
	MUST(certificate_crl_parse(buf_bytes(&carrying), (struct bytes){NULL, 0},
		buf_bytes(&fleet->root), &crl, &err));
	assert_int_equal(certificate_crl_number(crl), 1);
	assert_false(certificate_crl_revokes(crl, chain));
}

static void a_list_of_thousands_fits(void **state)
{
	enum { MANY = 5000 };
	static uint8_t serials[MANY][CERTIFICATE_SERIAL_SIZE];
	const struct fleet *const fleet = *state;
	CLEANUP(certificate_crl_cleanup) struct certificate_crl *crl = NULL;
	CLEANUP(buf_free) struct buf pem = {0};
	struct error err = {0};

	for (size_t i = 0; i < MANY; i++) {
		serials[i][0] = 0x40;
		serials[i][14] = (uint8_t)(i >> 8);
		serials[i][15] = (uint8_t)i;
	}
	MUST(certificate_make_crl(fleet->courier_key, buf_bytes(&fleet->couriers), 2, now,
		(const uint8_t(*)[CERTIFICATE_SERIAL_SIZE])serials, MANY, &pem, &err));
	MUST(certificate_crl_parse(buf_bytes(&pem), buf_bytes(&fleet->couriers),
		buf_bytes(&fleet->root), &crl, &err));
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
		cmocka_unit_test(what_is_issued_is_trusted_and_says_the_same),
		cmocka_unit_test(the_most_that_fits_is_issued),
		cmocka_unit_test(nothing_beside_the_profile_is_issued),
		cmocka_unit_test(issuers_keep_to_their_role),
		cmocka_unit_test(another_fleet_is_not_trusted),
		cmocka_unit_test(an_uncertified_device_shows_its_key_and_is_not_trusted),
		cmocka_unit_test(a_request_proves_its_key),
		cmocka_unit_test(every_flipped_bit_of_a_request_is_refused),
		cmocka_unit_test(the_lost_are_revoked_and_no_others),
		cmocka_unit_test(the_first_list_is_empty_and_numbered_1),
		cmocka_unit_test(a_list_of_thousands_fits),
		cmocka_unit_test(openssls_error_queue_is_empty),
	};

	return cmocka_run_group_tests(tests, make_fleet, free_fleet);
}
