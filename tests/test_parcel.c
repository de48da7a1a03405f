#include <string.h>

#include "common/parcel.h"
#include "tests/test.h"

enum { STATES = PARCEL_DROPPED + 1, EVENTS = PARCEL_RETRIED + 1 };

static void follow(const enum parcel_event *day, size_t count, enum parcel_state *at)
{
	struct error err = {0};

	for (size_t i = 0; i < count; i++)
		MUST(parcel_next(at, day[i], &err));
}

static void a_parcel_goes_the_whole_way(void **state)
{
	static const enum parcel_event day[] = {
		PARCEL_LOST, /* the link expired before it was whole */
		PARCEL_FETCHED,
		PARCEL_TAKEN,
		PARCEL_TAKEN, /* again, after a pulled cable */
		PARCEL_IN_PLACE,
		PARCEL_OUTCOME,
		PARCEL_UPLOADED,
	};
	enum parcel_state at = PARCEL_WANTED;
	struct error err = {0};

	(void)state;
	follow(day, COUNT(day), &at);
	assert_int_equal(at, PARCEL_REPORTED);
	assert_false(parcel_next(&at, PARCEL_TAKEN, &err));
	assert_int_equal(err.code, ERROR_USAGE);
	assert_string_equal(err.text, "a parcel that is reported cannot be taken");
	assert_int_equal(at, PARCEL_REPORTED);
}

static void a_failure_can_be_retried_until_it_is_reported(void **state)
{
	static const enum parcel_event day[]
		= {PARCEL_FETCHED, PARCEL_TAKEN, PARCEL_OUTCOME, PARCEL_RETRIED};
	enum parcel_state at = PARCEL_WANTED;
	struct error err = {0};

	(void)state;
	follow(day, COUNT(day), &at);
	assert_int_equal(at, PARCEL_READY);
	at = PARCEL_REPORTED;
	assert_false(parcel_next(&at, PARCEL_RETRIED, &err));
	at = PARCEL_KEPT;
	assert_false(parcel_next(&at, PARCEL_RETRIED, &err));
}

static void no_state_refuses_a_receipt(void **state)
{
	struct error err = {0};

	(void)state;
	for (int from = 0; from < STATES; from++) {
		enum parcel_state installed = (enum parcel_state)from;
		enum parcel_state answered = (enum parcel_state)from;

		MUST(parcel_next(&installed, PARCEL_IN_PLACE, &err));
		MUST(parcel_next(&answered, PARCEL_OUTCOME, &err));
		assert_true(answered == PARCEL_ANSWERED || from == (int)answered);
	}
}

/* Every edge into a state that closes a deployment starts from a receipt. */
static void only_a_receipt_closes_a_deployment(void **state)
{
	struct error err = {0};

	(void)state;
	for (int from = 0; from < STATES; from++) {
		for (int event = 0; event < EVENTS; event++) {
			enum parcel_state to = (enum parcel_state)from;

			if (!parcel_next(&to, (enum parcel_event)event, &err)) {
				assert_int_equal(err.code, ERROR_USAGE);
				assert_int_equal(to, from);
				continue;
			}
			if (to == PARCEL_ANSWERED && from != PARCEL_ANSWERED)
				assert_int_equal(event, PARCEL_OUTCOME);
			if (to == PARCEL_REPORTED || to == PARCEL_KEPT)
				assert_true(from == PARCEL_ANSWERED || from == PARCEL_KEPT
					|| from == (int)to);
		}
	}
}

static void what_a_device_installed_is_never_dropped(void **state)
{
	struct error err = {0};

	(void)state;
	for (int from = PARCEL_INSTALLED; from <= PARCEL_KEPT; from++) {
		for (int event = 0; event < EVENTS; event++) {
			enum parcel_state to = (enum parcel_state)from;

			if (parcel_next(&to, (enum parcel_event)event, &err))
				assert_int_not_equal(to, PARCEL_DROPPED);
		}
	}
}

static void names_of_states_are_read_back(void **state)
{
	enum parcel_state back = PARCEL_WANTED;
	struct error err = {0};

	(void)state;
	for (int i = 0; i < STATES; i++) {
		MUST(parcel_state_parse(parcel_state_name((enum parcel_state)i), &back, &err));
		assert_int_equal(back, i);
	}
	assert_false(parcel_state_parse("Wanted", &back, &err));
	assert_int_equal(err.code, ERROR_MALFORMED);
	assert_string_equal(parcel_state_name((enum parcel_state)STATES), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_parcel_goes_the_whole_way),
		cmocka_unit_test(a_failure_can_be_retried_until_it_is_reported),
		cmocka_unit_test(no_state_refuses_a_receipt),
		cmocka_unit_test(only_a_receipt_closes_a_deployment),
		cmocka_unit_test(what_a_device_installed_is_never_dropped),
		cmocka_unit_test(names_of_states_are_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
