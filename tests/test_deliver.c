/* What a device does with what it is brought, and what the person is told. */
#include <string.h>

#include "tests/deliver_site.h"
#include "tests/test.h"

static void an_update_is_delivered_and_its_receipt_kept(void **state)
{
	struct site *const site = *state;
	struct device *const pump = site_device(site, "pump-1", true, true);
	struct error err = {0};

	site_assign(site, pump, "dep-1");
	site_open(site);
	MUST(site_deliver(site, &err));
	device_stop(pump);

	const struct told *const told = site_told(site, "pump-1");

	assert_int_equal(site->told_count, 1);
	assert_int_equal(told->result.word, DELIVER_CONFIRMED);
	assert_true(told->result.safe_to_unplug);
	assert_false(told->result.unverified);
	assert_int_equal(told->result.code, ERROR_NONE);
	assert_int_equal(told->result.collected, 1);
	assert_string_equal(told->label, "pump-1 on site");
	assert_string_equal(told->artifact, "release-2");
	assert_string_equal(told->before, "release-1");
	assert_string_equal(told->after, "release-2");
	assert_true(pump->authentic);
	assert_true(pump->receipts[0].kept);
	assert_int_equal(site_parcel(site, pump, "dep-1"), PARCEL_ANSWERED);
	site_has_receipt(site, pump, "pump-1", 1);
	assert_int_equal(told->result.percent, 100);
}

static void one_device_that_fails_is_alone_with_that(void **state)
{
	struct site *const site = *state;
	struct device *const good = site_device(site, "pump-1", true, true);
	struct device *const bad = site_device(site, "pump-2", true, true);
	struct error err = {0};

	bad->refuses = MESSAGE_REFUSED_REVOKED;
	site_assign(site, good, "dep-1");
	site_assign(site, bad, "dep-2");
	site_open(site);
	assert_false(site_deliver(site, &err));
	assert_int_equal(err.code, ERROR_PARTIAL);
	assert_int_equal(site->told_count, 2);
	assert_int_equal(site_told(site, "pump-1")->result.word, DELIVER_CONFIRMED);
	assert_int_equal(site_parcel(site, good, "dep-1"), PARCEL_ANSWERED);
	/* A device that refuses at once is never known by name. */
	assert_int_equal(site_told(site, "")->result.word, DELIVER_NOT_ACCEPTED);
	assert_int_equal(site_parcel(site, bad, "dep-2"), PARCEL_READY);
}

static void a_device_that_refuses_this_courier_says_why(void **state)
{
	struct site *const site = *state;
	struct device *const pump = site_device(site, "pump-1", true, true);
	struct error err = {0};

	pump->refuses = MESSAGE_REFUSED_REVOKED;
	site_open(site);
	assert_false(site_deliver(site, &err));
	assert_int_equal(err.code, ERROR_UNAUTHORISED);

	const struct told *const told = site_told(site, "");

	assert_int_equal(told->result.code, ERROR_UNAUTHORISED);
	assert_non_null(strstr(told->reason, "revocation"));
	assert_non_null(strstr(told->reason, "as the test says"));
	assert_false(told->result.safe_to_unplug);
	assert_string_equal(told->link + strlen("serial:"), site->addresses[0]);
}

static void a_device_of_another_fleet_is_not_believed(void **state)
{
	struct site *const site = *state;
	struct device *const pump = site_device(site, "pump-1", true, true);
	struct fleet others = {0};
	struct party stranger = {0};
	struct error err = {0};

	MUST(fleet_make(&others, "others", &err));
	MUST(fleet_member(&others, CERTIFICATE_DEVICE, CRYPTO_ED25519, "pump-1", NULL,
		FLEET_BORN + 86400, &stranger, &err));
	pump->identity = fleet_identity(&others, &stranger);
	site_assign(site, pump, "dep-1");
	site_open(site);
	assert_false(site_deliver(site, &err));
	assert_int_equal(err.code, ERROR_SIGNATURE);
	assert_int_equal(site_told(site, "")->result.word, DELIVER_ERROR);
	assert_int_equal(site_parcel(site, pump, "dep-1"), PARCEL_READY);
	device_stop(pump);
	party_done(&stranger);
	fleet_done(&others);
}

static void an_outcome_that_is_no_success_is_told_and_kept(void **state)
{
	static const struct {
		enum outcome outcome;
		enum deliver_word word;
		enum error_code code;
	} cases[] = {
		{OUTCOME_ROLLED_BACK, DELIVER_ROLLED_BACK, ERROR_FAILED},
		{OUTCOME_REFUSED, DELIVER_REFUSED, ERROR_SIGNATURE},
		{OUTCOME_FAILED, DELIVER_FAILED, ERROR_FAILED},
	};
	struct site *const site = *state;
	struct device *const pump = site_device(site, "pump-1", true, true);
	char deployment[] = "dep-0";

	site_open(site);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct error err = {0};

		device_stop(pump);
		deployment[4]++;
		site_assign(site, pump, deployment);
		pump->outcome = cases[i].outcome;
		pump->artifact.len = 0;
		device_start(pump);
		assert_false(site_deliver(site, &err));
		assert_int_equal(err.code, cases[i].code);

		const struct told *const told = site_told(site, "pump-1");

		assert_int_equal(told->result.word, cases[i].word);
		assert_true(told->result.safe_to_unplug);
		assert_string_equal(told->after, "release-1");
		assert_non_null(strstr(told->reason, "as the test says"));
		assert_int_equal(site_parcel(site, pump, deployment), PARCEL_ANSWERED);
		site_has_receipt(site, pump, "pump-1", i + 1);
	}
}

static void a_staged_update_is_not_yet_an_outcome(void **state)
{
	struct site *const site = *state;
	struct device *const pump = site_device(site, "pump-1", true, true);
	struct error err = {0};

	pump->manner = DEVICE_STAGES;
	site->options.stage = true;
	site_assign(site, pump, "dep-1");
	site_open(site);
	MUST(site_deliver(site, &err));
	device_stop(pump);

	const struct told *const told = site_told(site, "pump-1");

	assert_int_equal(told->result.word, DELIVER_STAGED);
	assert_string_equal(told->reason, "tonight");
	assert_true(told->result.safe_to_unplug);
	assert_true((pump->flags & MESSAGE_OFFER_STAGE) != 0);
	assert_true(pump->authentic);
	assert_int_equal(site_parcel(site, pump, "dep-1"), PARCEL_OFFERED);
}

static void a_gate_that_says_later_leaves_the_parcel_ready(void **state)
{
	struct site *const site = *state;
	struct device *const pump = site_device(site, "pump-1", true, true);
	struct error err = {0};

	pump->manner = DEVICE_WAITS;
	site_assign(site, pump, "dep-1");
	site_open(site);
	assert_false(site_deliver(site, &err));
	assert_int_equal(err.code, ERROR_CONTACT);

	const struct told *const told = site_told(site, "pump-1");

	assert_int_equal(told->result.word, DELIVER_WAITING);
	assert_string_equal(told->reason, "the pump is running");
	assert_false(told->result.safe_to_unplug);
	assert_int_equal(site_parcel(site, pump, "dep-1"), PARCEL_READY);
}

static void metadata_too_old_for_the_device_have_a_status_of_their_own(void **state)
{
	struct site *const site = *state;
	struct device *const pump = site_device(site, "pump-1", true, true);
	struct error err = {0};

	pump->manner = DEVICE_EXPIRED;
	site_assign(site, pump, "dep-1");
	site_open(site);
	assert_false(site_deliver(site, &err));
	assert_int_equal(err.code, ERROR_EXPIRED);

	const struct told *const told = site_told(site, "pump-1");

	assert_int_equal(told->result.word, DELIVER_WAITING);
	assert_int_equal(told->result.code, ERROR_EXPIRED);
	assert_string_equal(told->reason, "timestamp: authentic, but it has expired");
	assert_int_equal(site_parcel(site, pump, "dep-1"), PARCEL_READY);
}

static void a_device_that_restarts_is_waited_for(void **state)
{
	struct site *const site = *state;
	struct device *const pump = site_device(site, "pump-1", true, true);
	struct error err = {0};

	pump->manner = DEVICE_RESTARTS;
	site_assign(site, pump, "dep-1");
	site_open(site);
	MUST(site_deliver(site, &err));
	device_stop(pump);
	assert_int_equal(site->told_count, 1);
	assert_int_equal(site_told(site, "pump-1")->result.word, DELIVER_CONFIRMED);
	assert_true(site_told(site, "pump-1")->result.safe_to_unplug);
	assert_int_equal(pump->conversations, 2);
	assert_true(pump->receipts[0].kept);
	site_has_receipt(site, pump, "pump-1", 1);
}

static void receipts_are_collected_though_nothing_is_brought(void **state)
{
	struct site *const site = *state;
	struct device *const pump = site_device(site, "pump-1", true, true);
	struct error err = {0};

	device_sign(pump, "dep-old", OUTCOME_ROLLED_BACK);
	device_sign(pump, "dep-old", OUTCOME_CONFIRMED);
	site_open(site);
	MUST(site_deliver(site, &err));
	assert_int_equal(site_told(site, "pump-1")->result.word, DELIVER_UP_TO_DATE);
	assert_int_equal(site_told(site, "pump-1")->result.collected, 2);
	MUST(site_deliver(site, &err));
	assert_int_equal(site_told(site, "pump-1")->result.collected, 0);
	device_stop(pump);
	assert_true(pump->receipts[0].kept && pump->receipts[1].kept);
	site_has_receipt(site, pump, "pump-1", 1);
	site_has_receipt(site, pump, "pump-1", 2);
}

static void what_a_colleague_delivered_is_not_brought_again(void **state)
{
	struct site *const site = *state;
	struct device *const pump = site_device(site, "pump-1", true, true);
	struct error err = {0};

	site_assign(site, pump, "dep-1");
	pump->digest = site->digest;
	device_sign(pump, "dep-1", OUTCOME_CONFIRMED);
	site_open(site);
	MUST(site_deliver(site, &err));
	device_stop(pump);
	assert_int_equal(site_told(site, "pump-1")->result.word, DELIVER_CONFIRMED);
	assert_int_equal(site_parcel(site, pump, "dep-1"), PARCEL_ANSWERED);
	assert_int_equal(pump->artifact.len, 0);
}

static void a_receipt_for_another_artifact_is_no_answer(void **state)
{
	struct site *const site = *state;
	struct device *const pump = site_device(site, "pump-1", true, true);
	struct error err = {0};

	site_assign(site, pump, "dep-1");
	device_sign(pump, "dep-1", OUTCOME_CONFIRMED);
	site_open(site);
	MUST(site_deliver(site, &err));
	device_stop(pump);
	site_has_receipt(site, pump, "pump-1", 1);
	site_has_receipt(site, pump, "pump-1", 2);
	assert_true(pump->authentic);
	assert_int_equal(site_parcel(site, pump, "dep-1"), PARCEL_ANSWERED);
}

static void a_receipt_with_another_log_is_not_kept(void **state)
{
	struct site *const site = *state;
	struct device *const pump = site_device(site, "pump-1", true, true);
	struct error err = {0};

	pump->garbles_logs = true;
	site_assign(site, pump, "dep-1");
	site_open(site);
	assert_false(site_deliver(site, &err));
	assert_int_equal(err.code, ERROR_SIGNATURE);
	device_stop(pump);
	assert_int_equal(site_told(site, "pump-1")->result.word, DELIVER_ERROR);
	assert_false(site_told(site, "pump-1")->result.safe_to_unplug);
	assert_true(site_lacks_receipt(site, "pump-1", 1));
	assert_false(pump->receipts[0].kept);
	assert_int_equal(site_parcel(site, pump, "dep-1"), PARCEL_OFFERED);
}

static void a_failure_is_tried_again_only_when_asked_for(void **state)
{
	struct site *const site = *state;
	struct device *const pump = site_device(site, "pump-1", true, true);
	struct error err = {0};

	pump->outcome = OUTCOME_ROLLED_BACK;
	site_assign(site, pump, "dep-1");
	site_open(site);
	assert_false(site_deliver(site, &err));
	device_stop(pump);
	pump->outcome = OUTCOME_CONFIRMED;
	device_start(pump);
	MUST(site_deliver(site, &err));
	assert_int_equal(site_told(site, "pump-1")->result.word, DELIVER_UP_TO_DATE);
	site->options.retry = true;
	MUST(site_deliver(site, &err));
	device_stop(pump);
	assert_int_equal(site_told(site, "pump-1")->result.word, DELIVER_CONFIRMED);
	assert_true((pump->flags & MESSAGE_OFFER_RETRY) != 0);
	assert_int_equal(pump->offers, 2);
	site_has_receipt(site, pump, "pump-1", 2);
	/* What went well is not done again, whatever was asked for. */
	device_start(pump);
	MUST(site_deliver(site, &err));
	device_stop(pump);
	assert_int_equal(site_told(site, "pump-1")->result.word, DELIVER_UP_TO_DATE);
	assert_int_equal(pump->offers, 2);
	assert_int_equal(site_parcel(site, pump, "dep-1"), PARCEL_ANSWERED);
}

static void a_failure_is_tried_again_once_in_a_run(void **state)
{
	struct site *const site = *state;
	struct device *const pump = site_device(site, "pump-1", true, true);
	struct error err = {0};

	pump->outcome = OUTCOME_ROLLED_BACK;
	pump->hangs_up = true;
	site->options.retry = true;
	site_assign(site, pump, "dep-1");
	site_open(site);
	assert_false(site_deliver(site, &err));
	device_stop(pump);
	assert_int_equal(site_told(site, "pump-1")->result.word, DELIVER_ROLLED_BACK);
	assert_true(site_told(site, "pump-1")->result.safe_to_unplug);
	assert_int_equal(pump->offers, 1);
	assert_int_equal(pump->receipt_count, 1);
}

static void a_device_blinks_when_asked_to(void **state)
{
	struct site *const site = *state;
	struct device *const pump = site_device(site, "pump-1", true, true);
	struct error err = {0};

	site->options.identify = true;
	site_assign(site, pump, "dep-1");
	site_open(site);
	MUST(site_deliver(site, &err));
	device_stop(pump);
	assert_int_equal(site_told(site, "pump-1")->result.word, DELIVER_IDENTIFIED);
	assert_int_equal(pump->offers, 0);
}

#define ON_SITE(test) cmocka_unit_test_setup_teardown(test, make_site, end_site)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_SITE(an_update_is_delivered_and_its_receipt_kept),
		ON_SITE(one_device_that_fails_is_alone_with_that),
		ON_SITE(a_device_that_refuses_this_courier_says_why),
		ON_SITE(a_device_of_another_fleet_is_not_believed),
		ON_SITE(an_outcome_that_is_no_success_is_told_and_kept),
		ON_SITE(a_staged_update_is_not_yet_an_outcome),
		ON_SITE(a_gate_that_says_later_leaves_the_parcel_ready),
		ON_SITE(metadata_too_old_for_the_device_have_a_status_of_their_own),
		ON_SITE(a_device_that_restarts_is_waited_for),
		ON_SITE(receipts_are_collected_though_nothing_is_brought),
		ON_SITE(what_a_colleague_delivered_is_not_brought_again),
		ON_SITE(a_receipt_for_another_artifact_is_no_answer),
		ON_SITE(a_receipt_with_another_log_is_not_kept),
		ON_SITE(a_failure_is_tried_again_only_when_asked_for),
		ON_SITE(a_failure_is_tried_again_once_in_a_run),
		ON_SITE(a_device_blinks_when_asked_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
