/* Cables that are pulled, silent, or in somebody else's hands. */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/text.h"
#include "tests/deliver_site.h"
#include "tests/test.h"

/* ---- pulled ---- */

static void a_cable_pulled_and_plugged_in_again_resumes(void **state)
{
	struct site *const site = *state;
	struct device *const pump = site_device(site, "pump-1", true, true);
	struct error err = {0};

	pump->cut_at = SITE_ARTIFACT / 3;
	site_assign(site, pump, "dep-1");
	site_open(site);
	site_name_link(site, pump);
	MUST(site_deliver(site, &err));
	device_stop(pump);
	assert_int_equal(site_told(site, "pump-1")->result.word, DELIVER_CONFIRMED);
	assert_int_equal(pump->offers, 2);
	assert_true(pump->began[1] >= SITE_ARTIFACT / 3);
	assert_true(pump->authentic);
}

static void a_lost_device_is_taken_up_by_the_next_run(void **state)
{
	struct site *const site = *state;
	struct device *const pump = site_device(site, "pump-1", true, true);
	struct error err = {0};

	pump->cut_at = SITE_ARTIFACT / 3;
	pump->cut_for_good = true;
	site->options.wait_s = 3;
	site_assign(site, pump, "dep-1");
	site_open(site);
	assert_false(site_deliver(site, &err));
	assert_int_equal(err.code, ERROR_LINK);

	const struct told *const told = site_told(site, "pump-1");

	assert_int_equal(told->result.word, DELIVER_LINK_LOST);
	assert_false(told->result.safe_to_unplug);
	assert_in_range(told->result.percent, 1, 99);
	assert_non_null(strstr(told->reason, "unchanged"));
	assert_int_equal(site_parcel(site, pump, "dep-1"), PARCEL_OFFERED);
	device_stop(pump);
	site->options.wait_s = SITE_WAIT_S;
	device_start(pump);
	MUST(site_deliver(site, &err));
	device_stop(pump);
	assert_int_equal(site_told(site, "pump-1")->result.word, DELIVER_CONFIRMED);
	assert_true(pump->began[1] >= SITE_ARTIFACT / 3);
	assert_true(pump->authentic);
}

static void a_device_lost_while_it_installs_is_not_called_unchanged(void **state)
{
	struct site *const site = *state;
	struct device *const pump = site_device(site, "pump-1", true, true);
	struct error err = {0};

	pump->manner = DEVICE_LINGERS;
	pump->cut_at = SITE_ARTIFACT;
	pump->cut_for_good = true;
	site->options.wait_s = 3;
	site_assign(site, pump, "dep-1");
	site_open(site);
	assert_false(site_deliver(site, &err));
	assert_int_equal(site_told(site, "pump-1")->result.word, DELIVER_LINK_LOST);
	assert_null(strstr(site_told(site, "pump-1")->reason, "unchanged"));
	assert_non_null(strstr(site_told(site, "pump-1")->reason, "goes on by itself"));
}

static void another_device_on_the_same_cable_is_left_alone(void **state)
{
	struct site *const site = *state;
	struct device *const pump = site_device(site, "pump-1", true, true);
	struct party heir = {0};
	struct error err = {0};

	MUST(fleet_member(&site->fleet, CERTIFICATE_DEVICE, CRYPTO_ED25519, "pump-2", NULL,
		FLEET_BORN + 86400, &heir, &err));
	pump->cut_at = SITE_ARTIFACT / 3;
	pump->heir = &heir;
	pump->heir_id = "pump-2";
	site_assign(site, pump, "dep-1");
	site_open(site);
	assert_false(site_deliver(site, &err));
	assert_int_equal(err.code, ERROR_WRONG_DEVICE);
	device_stop(pump);
	assert_int_equal(site->told_count, 1);
	assert_non_null(strstr(site_told(site, "pump-1")->reason, "another device"));
	assert_int_equal(pump->artifact.len, 0);
	party_done(&heir);
}

static void an_interrupted_run_is_taken_up_by_the_next(void **state)
{
	struct site *const site = *state;
	struct device *const pump = site_device(site, "pump-1", true, true);
	struct error err = {0};

	pump->slow = true;
	site->stop_at = SITE_ARTIFACT / 4;
	site_assign(site, pump, "dep-1");
	site_open(site);
	assert_false(site_deliver(site, &err));
	assert_int_equal(err.code, ERROR_CONTACT);
	assert_int_equal(site_told(site, "pump-1")->result.word, DELIVER_ANOTHER);
	assert_int_equal(site_parcel(site, pump, "dep-1"), PARCEL_OFFERED);
	site->stop_at = 0;
	MUST(site_deliver(site, &err));
	device_stop(pump);
	assert_int_equal(site_told(site, "pump-1")->result.word, DELIVER_CONFIRMED);
	assert_true(pump->began[1] > 0);
	assert_true(pump->authentic);
}

/* ---- silent ---- */

static void a_cable_nobody_named_may_be_silent(void **state)
{
	struct site *const site = *state;
	struct device *const pump = site_device(site, "pump-1", true, true);
	struct error err = {0};

	pump->silent = true;
	site->options.wait_s = 1;
	site_open(site);
	assert_false(site_deliver(site, &err));
	assert_int_equal(err.code, ERROR_NOTHING);
	assert_int_equal(site->told_count, 0);
}

static void a_cable_that_was_named_may_not(void **state)
{
	struct site *const site = *state;
	struct device *const pump = site_device(site, "pump-1", true, true);
	struct error err = {0};

	pump->silent = true;
	site->options.wait_s = 1;
	site_open(site);
	site_name_link(site, pump);
	assert_false(site_deliver(site, &err));
	assert_int_equal(err.code, ERROR_LINK);
	assert_int_equal(site_told(site, "")->result.word, DELIVER_NO_DEVICE);
	assert_non_null(strstr(site_told(site, "")->reason, "switched on"));
}

static void a_login_prompt_is_shown_to_the_person(void **state)
{
	struct site *const site = *state;
	struct device *const pump = site_device(site, "pump-1", true, true);
	struct error err = {0};

	pump->prompt = "\r\npump-1 login: ";
	site->options.wait_s = 2;
	site_open(site);
	assert_false(site_deliver(site, &err));
	assert_int_equal(err.code, ERROR_LINK);
	assert_int_equal(site_told(site, "")->result.word, DELIVER_NO_DEVICE);
	assert_non_null(strstr(site_told(site, "")->reason, "login:"));
}

static void a_busy_device_is_there_all_the_same(void **state)
{
	struct site *const site = *state;
	struct device *const pump = site_device(site, "pump-1", true, true);
	struct error err = {0};

	pump->busy = true;
	site->options.wait_s = 3;
	site_open(site);
	assert_false(site_deliver(site, &err));
	assert_int_equal(err.code, ERROR_CONTACT);
	assert_int_equal(site_told(site, "")->result.word, DELIVER_WAITING);
}

/* ---- named ---- */

static void only_the_device_that_was_asked_for_is_served(void **state)
{
	struct site *const site = *state;
	struct device *const one = site_device(site, "pump-1", true, true);
	struct device *const two = site_device(site, "pump-2", true, true);
	struct error err = {0};

	site_assign(site, one, "dep-1");
	site_assign(site, two, "dep-2");
	site_open(site);
	site_name_device(site, "pump-2 on"); /* of its label */
	MUST(site_deliver(site, &err));
	assert_int_equal(site_told(site, "pump-2")->result.word, DELIVER_CONFIRMED);
	assert_int_equal(site->told_count, 1);
	assert_int_equal(site_parcel(site, one, "dep-1"), PARCEL_READY);
	assert_int_equal(site_parcel(site, two, "dep-2"), PARCEL_ANSWERED);
}

static void a_device_on_none_of_the_cables_is_missed(void **state)
{
	struct site *const site = *state;
	struct device *const one = site_device(site, "pump-1", true, true);
	struct device *const two = site_device(site, "pump-2", true, true);
	struct error err = {0};

	two->silent = true;
	site->options.wait_s = 3;
	site_open(site);
	site_name_device(site, "pump-2");
	assert_false(site_deliver(site, &err));
	assert_int_equal(err.code, ERROR_LINK);
	assert_non_null(strstr(err.text, "pump-2"));
	assert_int_equal(site->told_count, 0);
	device_stop(one);
	assert_int_equal(one->conversations, 1);
	assert_int_equal(one->offers, 0);
	/* nor when nobody is there at all */
	assert_false(site_deliver(site, &err));
	assert_int_equal(err.code, ERROR_LINK);
}

static void a_name_that_nobody_has_stops_it_all(void **state)
{
	struct site *const site = *state;
	struct device *const pump = site_device(site, "pump-1", true, true);
	struct error err = {0};

	site_open(site);
	site_name_device(site, "fan-1");
	assert_false(site_deliver(site, &err));
	assert_int_equal(err.code, ERROR_USAGE);
	device_stop(pump);
	assert_int_equal(pump->conversations, 0);
}

static void a_device_of_another_courier_gives_only_its_receipts(void **state)
{
	struct site *const site = *state;
	struct device *const pump = site_device(site, "pump-1", true, false);
	struct error err = {0};

	device_sign(pump, "dep-1", OUTCOME_CONFIRMED);
	site_open(site);
	MUST(site_deliver(site, &err));
	device_stop(pump);
	assert_int_equal(site_told(site, "pump-1")->result.word, DELIVER_NOT_SERVED);
	assert_non_null(strstr(site_told(site, "pump-1")->reason, "enrolls"));
	site_has_receipt(site, pump, "pump-1", 1);
}

/* ---- without a certificate ---- */

static void a_newcomer_is_met_and_not_served(void **state)
{
	struct site *const site = *state;
	struct device *const stranger = site_device(site, "pump-9", false, false);
	CLEANUP(store_device_free) struct store_device known = {0};
	struct error err = {0};
	bool found = false;

	site_open(site);
	assert_false(site_deliver(site, &err));
	assert_int_equal(err.code, ERROR_UNVERIFIED);
	device_stop(stranger);

	const struct told *const told = &site->told[0];

	assert_int_equal(site->told_count, 1);
	assert_int_equal(told->result.word, DELIVER_MET);
	assert_true(told->result.unverified);
	assert_int_equal(strncmp(told->device, "new-", 4), 0);
	MUST(store_get_device(site->home.store, told->device, &known, &found, &err));
	assert_true(found);
	assert_false(known.certified);
	assert_string_equal(known.id_data, "{\"serial\":\"pump-9\"}");
	assert_true(known.identity.len > 0);
	assert_int_equal(stranger->offers, 0);
}

static void a_first_visit_is_served_and_stays_unverified(void **state)
{
	struct site *const site = *state;
	struct device *const pump = site_device(site, "pump-1", false, true);
	struct error err = {0};

	site_assign(site, pump, "dep-1");
	site_open(site);
	assert_false(site_deliver(site, &err));
	assert_int_equal(err.code, ERROR_UNVERIFIED);
	device_stop(pump);
	assert_int_equal(site_told(site, "pump-1")->result.word, DELIVER_CONFIRMED);
	assert_true(site_told(site, "pump-1")->result.unverified);
	site_has_receipt(site, pump, "pump-1", 1);
	assert_int_equal(site_parcel(site, pump, "dep-1"), PARCEL_ANSWERED);
}

static void an_impostor_does_not_become_a_certified_device(void **state)
{
	struct site *const site = *state;
	struct device *const pump = site_device(site, "pump-1", true, true);
	struct device *const impostor = site_device(site, "impostor", false, false);
	CLEANUP(store_device_free) struct store_device before = {0};
	CLEANUP(store_device_free) struct store_device after = {0};
	struct error err = {0};
	bool found = false;

	site->listed[0].first_visit = true; /* the operator forgot */
	impostor->serial = pump->serial;
	site_open(site);
	site_name_link(site, pump);
	MUST(site_deliver(site, &err));
	MUST(store_get_device(site->home.store, "pump-1", &before, &found, &err));
	site_assign(site, pump, "dep-1");
	site->options.link_count = 0;
	site_name_link(site, impostor);
	assert_false(site_deliver(site, &err));
	assert_int_equal(err.code, ERROR_UNVERIFIED);
	assert_int_equal(site->told[0].result.word, DELIVER_MET);
	assert_int_equal(strncmp(site->told[0].device, "new-", 4), 0);
	MUST(store_get_device(site->home.store, "pump-1", &after, &found, &err));
	assert_true(after.certified);
	assert_string_equal(after.key_pem, before.key_pem);
	assert_true(bytes_equal(buf_bytes(&after.inventory), buf_bytes(&before.inventory)));
	assert_int_equal(site_parcel(site, pump, "dep-1"), PARCEL_READY);
	device_stop(impostor);
	assert_int_equal(impostor->offers, 0);
}

/* The operator has certified its key meanwhile: the chain is in the bundle, and in the
 * store, before the device has it. */
static void a_certificate_on_its_way_vouches_already(void **state)
{
	struct site *const site = *state;
	struct device *const pump = site_device(site, "pump-1", false, true);
	struct certificate_holder holder = {.role = CERTIFICATE_DEVICE,
		.id = "pump-1",
		.name = "pump-1",
		.not_before = FLEET_BORN,
		.not_after = FLEET_BORN + 86400};
	CLEANUP(crypto_public_cleanup) struct crypto_public *half = NULL;
	CLEANUP(store_device_free) struct store_device known = {0};
	CLEANUP(buf_free) struct buf chain = {0}, key = {0};
	const char *text = NULL;
	struct error err = {0};
	bool found = false;

	MUST(crypto_public_of(pump->party.key, &half, &err));
	MUST(certificate_make_leaf(site->fleet.issuer[CERTIFICATE_DEVICE],
		buf_bytes(&site->fleet.issuer_pem[CERTIFICATE_DEVICE]), half, &holder, &chain,
		&err));
	MUST(buf_text(&chain, &text, &err));
	MUST(text_set(&site->listed[0].chain, text, &err));
	MUST(store_get_device(site->home.store, "pump-1", &known, &found, &err));
	MUST(crypto_public_pem(half, &key, &err));
	MUST(buf_text(&key, &text, &err));
	MUST(text_set(&known.key_pem, text, &err));
	known.certified = true;
	MUST(store_put_device(site->home.store, &known, "enrolled", &err));
	site_assign(site, pump, "dep-1");
	site_open(site);
	MUST(site_deliver(site, &err));
	device_stop(pump);
	pump->certified = true; /* for what is expected of its receipt */
	assert_int_equal(site_told(site, "pump-1")->result.word, DELIVER_CONFIRMED);
	assert_false(site_told(site, "pump-1")->result.unverified);
	site_has_receipt(site, pump, "pump-1", 1);
}

/* Somebody with the device's serial number made a first visit of its own, and left a
 * receipt; then the operator certified the key of the real one. */
static void what_an_impostor_signed_gives_way_to_the_device(void **state)
{
	struct site *const site = *state;
	struct device *const pump = site_device(site, "pump-1", true, true);
	struct device *const impostor = site_device(site, "impostor", false, false);
	struct error err = {0};

	site->listed[0].first_visit = true;
	impostor->serial = pump->serial;
	device_sign(impostor, "dep-1", OUTCOME_ROLLED_BACK);
	device_sign(pump, "dep-1", OUTCOME_CONFIRMED);
	site_open(site);
	site_name_link(site, impostor);
	assert_false(site_deliver(site, &err));
	assert_int_equal(err.code, ERROR_UNVERIFIED);
	site_has_receipt(site, impostor, "pump-1", 1);
	site->options.link_count = 0;
	site_name_link(site, pump);
	MUST(site_deliver(site, &err));
	device_stop(pump);
	assert_int_equal(site_told(site, "pump-1")->result.collected, 1);
	site_has_receipt(site, pump, "pump-1", 1);
	/* and never the other way about */
	site->options.link_count = 0;
	site_name_link(site, impostor);
	assert_false(site_deliver(site, &err));
	assert_int_equal(strncmp(site->told[0].device, "new-", 4), 0);
	site_has_receipt(site, pump, "pump-1", 1);
}

/* ---- the disk ---- */

static void a_full_disk_loses_no_receipt(void **state)
{
	struct site *const site = *state;
	struct device *const pump = site_device(site, "pump-1", true, true);
	struct error err = {0};

	site->full_when = "installing";
	site_assign(site, pump, "dep-1");
	site_open(site);
	assert_false(site_deliver(site, &err));
	site_disk(false);
	site->full_when = NULL;
	assert_int_equal(site_told(site, "pump-1")->result.word, DELIVER_ERROR);
	assert_false(site_told(site, "pump-1")->result.safe_to_unplug);
	assert_true(site_lacks_receipt(site, "pump-1", 1));
	device_stop(pump);
	assert_int_equal(pump->receipt_count, 1);
	assert_false(pump->receipts[0].kept);
	device_start(pump);
	MUST(site_deliver(site, &err));
	device_stop(pump);
	assert_int_equal(site_told(site, "pump-1")->result.word, DELIVER_CONFIRMED);
	assert_true(pump->receipts[0].kept);
	site_has_receipt(site, pump, "pump-1", 1);
	assert_int_equal(pump->receipt_count, 1);
}

/* Change a byte in the middle of every blob. */
static void damage_blobs(const struct site *site)
{
	char directory[PATH_MAX], path[PATH_MAX];
	struct error err = {0};
	const struct dirent *entry = NULL;
	unsigned count = 0;
	DIR *blobs = NULL;

	home_file(&site->home, "blobs", directory);
	blobs = opendir(directory);
	assert_non_null(blobs);
	for (entry = readdir(blobs); entry != NULL; entry = readdir(blobs)) {
		if (entry->d_name[0] == '.')
			continue;
		MUST(file_path(path, sizeof(path), directory, entry->d_name, &err));

		const int fd = open(path, O_RDWR | O_CLOEXEC);
		uint8_t byte = 0;

		assert_int_equal(pread(fd, &byte, 1, SITE_ARTIFACT / 2), 1);
		byte ^= 1;
		assert_int_equal(pwrite(fd, &byte, 1, SITE_ARTIFACT / 2), 1);
		(void)close(fd);
		count++;
	}
	(void)closedir(blobs);
	assert_int_equal(count, 1);
}

static void a_damaged_artifact_is_wanted_again(void **state)
{
	struct site *const site = *state;
	struct device *const pump = site_device(site, "pump-1", true, true);
	struct error err = {0};

	site_assign(site, pump, "dep-1");
	damage_blobs(site);
	site_open(site);
	assert_false(site_deliver(site, &err));
	assert_int_equal(err.code, ERROR_DAMAGED);
	device_stop(pump);
	assert_int_equal(site_told(site, "pump-1")->result.word, DELIVER_ERROR);
	assert_non_null(strstr(site_told(site, "pump-1")->reason, "courier sync"));
	assert_non_null(strstr(site_told(site, "pump-1")->reason, "unchanged"));
	assert_int_equal(site_parcel(site, pump, "dep-1"), PARCEL_WANTED);
	assert_int_equal(pump->receipt_count, 0);
}

#define ON_SITE(test) cmocka_unit_test_setup_teardown(test, make_site, end_site)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_SITE(a_cable_pulled_and_plugged_in_again_resumes),
		ON_SITE(a_lost_device_is_taken_up_by_the_next_run),
		ON_SITE(a_device_lost_while_it_installs_is_not_called_unchanged),
		ON_SITE(another_device_on_the_same_cable_is_left_alone),
		ON_SITE(an_interrupted_run_is_taken_up_by_the_next),
		ON_SITE(a_cable_nobody_named_may_be_silent),
		ON_SITE(a_cable_that_was_named_may_not),
		ON_SITE(a_login_prompt_is_shown_to_the_person),
		ON_SITE(a_busy_device_is_there_all_the_same),
		ON_SITE(only_the_device_that_was_asked_for_is_served),
		ON_SITE(a_device_on_none_of_the_cables_is_missed),
		ON_SITE(a_name_that_nobody_has_stops_it_all),
		ON_SITE(a_device_of_another_courier_gives_only_its_receipts),
		ON_SITE(a_newcomer_is_met_and_not_served),
		ON_SITE(a_first_visit_is_served_and_stays_unverified),
		ON_SITE(an_impostor_does_not_become_a_certified_device),
		ON_SITE(a_certificate_on_its_way_vouches_already),
		ON_SITE(what_an_impostor_signed_gives_way_to_the_device),
		ON_SITE(a_full_disk_loses_no_receipt),
		ON_SITE(a_damaged_artifact_is_wanted_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
