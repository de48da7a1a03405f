#include <string.h>

#include "common/dsse.h"
#include "common/signed_time.h"
#include "tests/fleet.h"
#include "tests/test.h"

/* A fleet with two devices, and what the operator tells the first. */
struct scene {
	struct fleet fleet;
	struct party device, other;
	struct signed_time said;
	struct buf envelope;
};

static void begin(struct scene *scene)
{
	struct error err = {0};

	*scene = (struct scene){.said = {"d1", {1, 2, 3}, 1800000000}};
	MUST(fleet_make(&scene->fleet, "Lab", &err));
	MUST(fleet_member(&scene->fleet, CERTIFICATE_DEVICE, CRYPTO_ED25519, "d1", NULL,
		INT64_MAX, &scene->device, &err));
	MUST(fleet_member(&scene->fleet, CERTIFICATE_DEVICE, CRYPTO_ED25519, "d2", NULL,
		INT64_MAX, &scene->other, &err));
	MUST(signed_time_make(&scene->said, buf_bytes(&scene->device.pem),
		scene->fleet.issuer[CERTIFICATE_DEVICE], &scene->envelope, &err));
}

static void end(struct scene *scene)
{
	fleet_done(&scene->fleet);
	party_done(&scene->device);
	party_done(&scene->other);
	buf_free(&scene->envelope);
}

static bool opens(const struct scene *scene, struct error *err)
{
	struct signed_time read;

	return signed_time_open(
		buf_bytes(&scene->envelope), buf_bytes(&scene->fleet.root_pem), &read, err);
}

static void it_says_the_same_at_both_ends(void **state)
{
	struct scene scene;
	struct signed_time read;
	struct error err = {0};

	(void)state;
	begin(&scene);
	MUST(signed_time_open(
		buf_bytes(&scene.envelope), buf_bytes(&scene.fleet.root_pem), &read, &err));
	assert_string_equal(read.device, "d1");
	assert_memory_equal(read.nonce, scene.said.nonce, sizeof(read.nonce));
	assert_int_equal(read.at, 1800000000);
	end(&scene);
}

static void another_fleet_is_not_believed(void **state)
{
	struct scene scene, stranger;
	struct error err = {0};

	(void)state;
	begin(&scene);
	begin(&stranger);
	buf_free(&scene.envelope);
	scene.envelope = stranger.envelope;
	stranger.envelope = (struct buf){0};
	assert_false(opens(&scene, &err));
	assert_int_equal(err.code, ERROR_SIGNATURE);
	end(&stranger);
	end(&scene);
}

/* Its own key, or the courier issuer's, is no device issuer's. */
static void only_the_issuer_of_the_device_makes_one(void **state)
{
	struct scene scene;
	CLEANUP(buf_free) struct buf out = {0};
	struct error err = {0};

	(void)state;
	begin(&scene);
	assert_false(signed_time_make(
		&scene.said, buf_bytes(&scene.device.pem), scene.device.key, &out, &err));
	assert_int_equal(err.code, ERROR_USAGE);
	assert_false(signed_time_make(&scene.said, buf_bytes(&scene.device.pem),
		scene.fleet.issuer[CERTIFICATE_COURIER], &out, &err));
	assert_false(signed_time_make(&scene.said, buf_bytes(&scene.other.pem),
		scene.fleet.issuer[CERTIFICATE_DEVICE], &out, &err));
	scene.said.at = 0;
	assert_false(signed_time_make(&scene.said, buf_bytes(&scene.device.pem),
		scene.fleet.issuer[CERTIFICATE_DEVICE], &out, &err));
	assert_int_equal(out.len, 0);
	end(&scene);
}

/* Signed by somebody who has a certificate of the fleet, but who is no issuer. */
static void a_device_cannot_tell_itself(void **state)
{
	struct scene scene;
	CLEANUP(buf_free) struct buf payload = {0};
	struct error err = {0};

	(void)state;
	begin(&scene);
	MUST(dsse_peek(buf_bytes(&scene.envelope), DSSE_TIME, &payload, &err));
	scene.envelope.len = 0;
	MUST(dsse_sign(
		scene.device.key, DSSE_TIME, buf_bytes(&payload), &scene.envelope, &err));
	assert_false(opens(&scene, &err));
	assert_int_equal(err.code, ERROR_SIGNATURE);
	scene.envelope.len = 0;
	MUST(dsse_sign(scene.fleet.issuer[CERTIFICATE_DEVICE], DSSE_INVENTORY,
		buf_bytes(&payload), &scene.envelope, &err));
	assert_false(opens(&scene, &err));
	end(&scene);
}

/* The chain of one device, the name of another. */
static void the_chain_must_be_that_of_the_device_named(void **state)
{
	static const char name[] = "\"device\":\"d1\"";
	struct scene scene;
	CLEANUP(buf_free) struct buf payload = {0};
	struct error err = {0};

	(void)state;
	begin(&scene);
	MUST(dsse_peek(buf_bytes(&scene.envelope), DSSE_TIME, &payload, &err));

	uint8_t *const at = memmem(payload.at, payload.len, name, sizeof(name) - 1);

	assert_non_null(at);
	at[sizeof(name) - 3] = '2';
	scene.envelope.len = 0;
	MUST(dsse_sign(scene.fleet.issuer[CERTIFICATE_DEVICE], DSSE_TIME, buf_bytes(&payload),
		&scene.envelope, &err));
	assert_false(opens(&scene, &err));
	assert_int_equal(err.code, ERROR_SIGNATURE);
	end(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_says_the_same_at_both_ends),
		cmocka_unit_test(another_fleet_is_not_believed),
		cmocka_unit_test(only_the_issuer_of_the_device_makes_one),
		cmocka_unit_test(a_device_cannot_tell_itself),
		cmocka_unit_test(the_chain_must_be_that_of_the_device_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
