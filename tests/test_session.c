#include <stdlib.h>
#include <string.h>

#include "tests/session_cast.h"
#include "tests/test.h"

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
	};

	return cmocka_run_group_tests(tests, make_cast, end_cast);
}
