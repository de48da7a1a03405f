#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/dsse.h"
#include "courier/artifact_facts.h"
#include "courier/control.h"
#include "courier/output.h"
#include "tests/fleet.h"
#include "tests/test.h"

/* A fleet, its courier anna, and the text of a bundle's papers. */
struct bench {
	struct fleet fleet;
	struct party anna;
	struct buf crl;
};

static const char *text_of(struct buf *buf)
{
	const char *text = NULL;
	struct error err = {0};

	MUST(buf_text(buf, &text, &err));
	return text;
}

static void set_up(struct bench *bench, const char *name)
{
	struct error err = {0};

	*bench = (struct bench){0};
	MUST(fleet_make(&bench->fleet, name, &err));
	MUST(fleet_member(&bench->fleet, CERTIFICATE_COURIER, CRYPTO_ED25519, "anna", "north",
		FLEET_BORN + 86400, &bench->anna, &err));
	MUST(certificate_make_crl(bench->fleet.issuer[CERTIFICATE_COURIER],
		buf_bytes(&bench->fleet.issuer_pem[CERTIFICATE_COURIER]), 1, FLEET_BORN, NULL,
		0, &bench->crl, &err));
}

static void tear_down(struct bench *bench)
{
	buf_free(&bench->crl);
	party_done(&bench->anna);
	fleet_done(&bench->fleet);
}

static void sign(struct bench *bench, const char *courier, uint64_t number,
	const struct crypto_key *key, struct buf *envelope)
{
	struct control_device device = {
		.id = "pump-7",
		.identity = strdup("{\"serial\":\"7\"}"),
		.label = strdup("Pump 7, north shaft"),
		.chain = NULL,
		.first_visit = true,
	};
	char *keys[] = {strdup("key one")};
	const struct control control = {
		.courier = "",
		.number = number,
		.issued = FLEET_BORN,
		.root = strdup(text_of(&bench->fleet.root_pem)),
		.chain = strdup(text_of(&bench->anna.pem)),
		.crl = strdup(text_of(&bench->crl)),
		.artifact_keys = keys,
		.artifact_key_count = 1,
		.devices = &device,
		.device_count = 1,
	};
	struct control named = control;
	struct error err = {0};

	memcpy(named.courier, courier, strlen(courier) + 1);
	MUST(control_sign(&named, key, envelope, &err));
	free(device.identity);
	free(device.label);
	free(keys[0]);
	free(control.root);
	free(control.chain);
	free(control.crl);
}

static void a_bundle_says_the_same_at_both_ends(void **state)
{
	CLEANUP(buf_free) struct buf envelope = {0};
	CLEANUP(control_free) struct control control = {0};
	struct bench bench;
	struct error err = {0};

	(void)state;
	set_up(&bench, "fleet");
	sign(&bench, "anna", 3, bench.fleet.issuer[CERTIFICATE_COURIER], &envelope);
	MUST(control_open(buf_bytes(&envelope), (struct bytes){NULL, 0}, 0, &control, &err));
	assert_string_equal(control.courier, "anna");
	assert_int_equal(control.number, 3);
	assert_int_equal(control.device_count, 1);
	assert_string_equal(control.devices[0].label, "Pump 7, north shaft");
	assert_null(control.devices[0].site);
	assert_true(control.devices[0].first_visit);
	assert_string_equal(control.devices[0].identity, "{\"serial\":\"7\"}");
	assert_string_equal(control.artifact_keys[0], "key one");
	tear_down(&bench);
}

static bool count_pumps(void *self, const struct control_device *device, struct error *err)
{
	(void)err;
	*(size_t *)self += strcmp(device->id, "pump-7") == 0 && device->site == NULL
		&& strcmp(device->label, "Pump 7, north shaft") == 0;
	return true;
}

static void devices_may_be_shown_and_not_kept(void **state)
{
	CLEANUP(buf_free) struct buf envelope = {0}, forged = {0};
	CLEANUP(control_free) struct control control = {0}, none = {0};
	struct bench bench;
	struct error err = {0};
	size_t count = 0;

	(void)state;
	set_up(&bench, "fleet");
	sign(&bench, "anna", 3, bench.fleet.issuer[CERTIFICATE_COURIER], &envelope);
	MUST(control_open_head(buf_bytes(&envelope), (struct bytes){NULL, 0}, 0, count_pumps,
		&count, &control, &err));
	assert_int_equal(count, 1);
	assert_int_equal(control.number, 3);
	assert_int_equal(control.device_count, 0);
	assert_string_equal(control.artifact_keys[0], "key one");
	control_free(&control);
	MUST(control_open_head(
		buf_bytes(&envelope), (struct bytes){NULL, 0}, 0, NULL, NULL, &control, &err));
	assert_string_equal(control.courier, "anna");
	sign(&bench, "anna", 4, bench.anna.key, &forged);
	assert_false(control_open_head(buf_bytes(&forged), (struct bytes){NULL, 0}, 0,
		count_pumps, &count, &none, &err));
	assert_int_equal(count, 1); /* nothing is shown of what is not signed */
	tear_down(&bench);
}

static void who_may_not_sign_a_bundle_cannot(void **state)
{
	CLEANUP(buf_free) struct buf by_anna = {0}, by_devices = {0}, misnamed = {0};
	struct control control = {0};
	struct bench bench;
	struct error err = {0};

	(void)state;
	set_up(&bench, "fleet");
	sign(&bench, "anna", 1, bench.anna.key, &by_anna);
	assert_false(
		control_open(buf_bytes(&by_anna), (struct bytes){NULL, 0}, 0, &control, &err));
	sign(&bench, "anna", 1, bench.fleet.issuer[CERTIFICATE_DEVICE], &by_devices);
	assert_false(control_open(
		buf_bytes(&by_devices), (struct bytes){NULL, 0}, 0, &control, &err));
	sign(&bench, "bert", 1, bench.fleet.issuer[CERTIFICATE_COURIER], &misnamed);
	assert_false(
		control_open(buf_bytes(&misnamed), (struct bytes){NULL, 0}, 0, &control, &err));
	tear_down(&bench);
}

static void another_fleets_bundle_is_refused(void **state)
{
	CLEANUP(buf_free) struct buf envelope = {0};
	struct control control = {0};
	struct bench ours, theirs;
	struct error err = {0};

	(void)state;
	set_up(&ours, "ours");
	set_up(&theirs, "theirs");
	sign(&theirs, "anna", 9, theirs.fleet.issuer[CERTIFICATE_COURIER], &envelope);
	assert_false(control_open(
		buf_bytes(&envelope), buf_bytes(&ours.fleet.root_pem), 0, &control, &err));
	assert_int_equal(err.code, ERROR_SIGNATURE);
	tear_down(&ours);
	tear_down(&theirs);
}

static void an_older_bundle_is_a_rollback(void **state)
{
	CLEANUP(buf_free) struct buf envelope = {0};
	CLEANUP(control_free) struct control control = {0};
	struct bench bench;
	struct error err = {0};

	(void)state;
	set_up(&bench, "fleet");
	sign(&bench, "anna", 3, bench.fleet.issuer[CERTIFICATE_COURIER], &envelope);
	assert_false(control_open(
		buf_bytes(&envelope), buf_bytes(&bench.fleet.root_pem), 4, &control, &err));
	assert_int_equal(err.code, ERROR_ROLLBACK);
	MUST(control_open(
		buf_bytes(&envelope), buf_bytes(&bench.fleet.root_pem), 3, &control, &err));
	tear_down(&bench);
}

static void facts_of_an_artifact_survive_the_store(void **state)
{
	CLEANUP(artifact_free)
	struct artifact artifact = {.name = strdup("rel-2"),
		.payload_type = strdup("file"),
		.payload_size = 5,
		.size = 9,
		.is_signed = true,
		.digest = {{7}}};
	CLEANUP(artifact_free) struct artifact back = {0};
	CLEANUP(buf_free) struct buf text = {0};
	struct error err = {0};

	(void)state;
	MUST(artifact_pairs_add(&artifact.depends, "device_type", "a", &err));
	MUST(artifact_pairs_add(&artifact.depends, "device_type", "b", &err));
	MUST(artifact_facts_print(&artifact, &text, &err));
	MUST(artifact_facts_parse(text_of(&text), &back, &err));
	assert_string_equal(back.name, "rel-2");
	assert_string_equal(back.payload_type, "file");
	assert_int_equal(back.depends.count, 2);
	assert_string_equal(back.depends.at[1].value, "b");
	assert_true(back.is_signed);
	assert_true(digest_equal(&back.digest, &artifact.digest));
	assert_false(artifact_facts_parse("{}", &artifact, &err));
}

static void people_read_sizes_and_times(void **state)
{
	char text[32];

	(void)state;
	output_size(999, text);
	assert_string_equal(text, "999 B");
	output_size(1234567, text);
	assert_string_equal(text, "1.2 MB");
	output_size(999700, text);
	assert_string_equal(text, "1.0 MB");
	output_duration(200, text);
	assert_string_equal(text, "3 min 20 s");
	output_time(0, text);
	assert_string_equal(text, "1970-01-01T00:00:00Z");
}

/* What output_fact() prints of TEXT. */
static void print_fact(const char *text, char *out, size_t room)
{
	const struct output output = {0};
	FILE *const file = tmpfile();
	const int usual = dup(STDOUT_FILENO);

	assert_non_null(file);
	(void)fflush(stdout);
	assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);
	output_fact(&output, NULL, text);
	assert_true(dup2(usual, STDOUT_FILENO) >= 0);
	(void)close(usual);
	rewind(file);
	out[fread(out, 1, room - 1, file)] = 0;
	(void)fclose(file);
}

static void foreign_text_does_nothing_to_a_terminal(void **state)
{
	char text[128];

	(void)state;
	print_fact("a\033[2Jb\nc\177d", text, sizeof(text));
	assert_string_equal(text, "a?[2Jb?c?d\n");
	print_fact("CSI \xc2\x9b"
		   "2J, \xc2\xb0"
		   "C, S\xc3\xb6rensen",
		text, sizeof(text));
	assert_string_equal(text,
		"CSI ?2J, \xc2\xb0"
		"C, S\xc3\xb6rensen\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bundle_says_the_same_at_both_ends),
		cmocka_unit_test(devices_may_be_shown_and_not_kept),
		cmocka_unit_test(who_may_not_sign_a_bundle_cannot),
		cmocka_unit_test(another_fleets_bundle_is_refused),
		cmocka_unit_test(an_older_bundle_is_a_rollback),
		cmocka_unit_test(facts_of_an_artifact_survive_the_store),
		cmocka_unit_test(people_read_sizes_and_times),
		cmocka_unit_test(foreign_text_does_nothing_to_a_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
