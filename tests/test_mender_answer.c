#include <string.h>

#include "courier/mender_answer.h"
#include "tests/test.h"

/* All but its last brace. */
static const char answer[]
	= "{\"id\": \"b7b6a7a0-3f3e-4b45-9f0d-0f4a9c4b7a11\", \"artifact\": {\"id\": "
	  "\"art-id\","
	  " \"artifact_name\": \"rel-2\", \"source\": {\"uri\":"
	  " \"https://s3.example/a.mender?X-Amz-Expires=86400\\u0026X-Amz-Signature=abc\","
	  " \"expire\": \"2027-01-01T00:00:00Z\"}, \"device_types_compatible\": [\"testbox\"]}";

static bool next_of(const char *more, struct server_assignment *out, struct error *err)
{
	CLEANUP(buf_free) struct buf text = {0};

	assert_true(buf_print(&text, err, "%s%s}", answer, more));
	return mender_answer_next(buf_bytes(&text), out, err);
}

static void an_assignment_has_its_url_unescaped(void **state)
{
	CLEANUP(server_assignment_free) struct server_assignment found = {0};
	struct error err = {0};

	(void)state;
	MUST(next_of("", &found, &err));
	assert_string_equal(found.deployment, "b7b6a7a0-3f3e-4b45-9f0d-0f4a9c4b7a11");
	assert_string_equal(found.artifact_id, "art-id");
	assert_string_equal(found.artifact_name, "rel-2");
	assert_string_equal(found.url,
		"https://s3.example/a.mender?X-Amz-Expires=86400&X-Amz-Signature=abc");
	assert_int_equal(found.expires, 1798761600);
	assert_null(found.request);
}

static void a_pause_on_the_way_is_refused(void **state)
{
	static const char *const fine[] = {
		",\"update_control_map\":null",
		",\"update_control_map\":{\"id\":\"x\",\"states\":{}}",
		",\"update_control_map\":{\"states\":{\"ArtifactInstall_Enter\":"
		"{\"action\":\"continue\"}}}",
		",\"update_control_map\":{\"states\":{\"ArtifactReboot_Enter\":"
		"{\"action\":\"force_continue\",\"on_action_executed\":\"continue\"}}}",
	};
	static const char *const refused[] = {
		",\"update_control_map\":{\"states\":{\"ArtifactInstall_Enter\":"
		"{\"action\":\"pause\"}}}",
		",\"update_control_map\":{\"states\":{\"ArtifactCommit_Enter\":"
		"{\"action\":\"continue\",\"on_map_expire\":\"fail\"}}}",
		",\"update_control_map\":{\"states\":{\"ArtifactCommit_Enter\":{\"action\":1}}"
		"}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(fine); i++) {
		CLEANUP(server_assignment_free) struct server_assignment found = {0};
		struct error err = {0};

		MUST(next_of(fine[i], &found, &err));
	}
	for (size_t i = 0; i < COUNT(refused); i++) {
		CLEANUP(server_assignment_free) struct server_assignment found = {0};
		struct error err = {0};

		assert_false(next_of(refused[i], &found, &err));
		assert_int_equal(err.code, ERROR_FAILED);
		assert_null(found.url);
	}
}

static void every_truncation_of_an_assignment_is_malformed(void **state)
{
	CLEANUP(buf_free) struct buf text = {0};
	CLEANUP(server_assignment_free) struct server_assignment found = {0};
	struct error err = {0};

	(void)state;
	MUST(buf_print(&text, &err, "%s}", answer));
	for (size_t len = 0; len < text.len; len++) {
		assert_false(mender_answer_next((struct bytes){text.at, len}, &found, &err));
		assert_int_equal(err.code, ERROR_MALFORMED);
	}
}

static void what_is_no_assignment_is_malformed(void **state)
{
	static const char *const bad[] = {
		"<html>Sign in to the hotel network</html>",
		"[]",
		"{}",
		"{\"id\":\"../../x\",\"artifact\":{\"id\":\"a\",\"artifact_name\":\"n\","
		"\"source\":{\"uri\":\"https://h/\"}}}",
		"{\"id\":\"d\",\"artifact\":{\"id\":\"a\",\"artifact_name\":\"\","
		"\"source\":{\"uri\":\"https://h/\"}}}",
		"{\"id\":\"d\",\"artifact\":{\"id\":\"a\",\"artifact_name\":\"n\","
		"\"source\":{\"uri\":\"https://h/ x\"}}}",
		"{\"id\":\"d\",\"artifact\":{\"id\":\"a\",\"artifact_name\":\"n\","
		"\"source\":{\"uri\":\"\"}}}",
		"{\"id\":\"d\",\"artifact\":{\"id\":\"a\",\"artifact_name\":\"n\","
		"\"source\":{\"uri\":\"https://h/\",\"expire\":\"soon\"}}}",
		"{\"id\":\"d\",\"artifact\":{\"id\":\"a\",\"artifact_name\":\"n\","
		"\"source\":{\"uri\":\"https://h/\",\"method\":\"PUT\"}}}",
		"{\"id\":\"d\",\"id\":\"e\",\"artifact\":{\"id\":\"a\",\"artifact_name\":\"n\","
		"\"source\":{\"uri\":\"https://h/\"}}}",
	};
	CLEANUP(server_assignment_free) struct server_assignment found = {0};
	struct error err = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_false(mender_answer_next(bytes_of(bad[i]), &found, &err));
		assert_int_equal(err.code, ERROR_MALFORMED);
	}
}

static void an_url_is_neither_empty_nor_endless(void **state)
{
	(void)state;
	for (size_t len = MENDER_URL_MAX - 1; len <= MENDER_URL_MAX + 1; len++) {
		CLEANUP(server_assignment_free) struct server_assignment found = {0};
		CLEANUP(buf_free) struct buf text = {0};
		struct error err = {0};

		MUST(buf_print(&text, &err,
			"{\"id\":\"d\",\"artifact\":{\"id\":\"a\",\"artifact_name\":\"n\","
			"\"source\":{\"uri\":\"https://h/%0*d\"}}}",
			(int)(len - strlen("https://h/")), 0));
		assert_int_equal(mender_answer_next(buf_bytes(&text), &found, &err),
			len <= MENDER_URL_MAX);
		assert_int_equal(
			err.code, len <= MENDER_URL_MAX ? ERROR_NONE : ERROR_MALFORMED);
	}
}

static void a_long_artifact_id_is_named_by_its_digest(void **state)
{
	static const char body[]
		= "{\"id\":\"d\",\"artifact\":{\"id\":"
		  "\"00000000-0000-0000-0000-00000000000011111111-1111-1111-1111-"
		  "111111111111\","
		  "\"artifact_name\":\"n\",\"source\":{\"uri\":\"https://h/\"}}}";
	CLEANUP(server_assignment_free) struct server_assignment found = {0};
	struct error err = {0};

	(void)state;
	MUST(mender_answer_next(bytes_of(body), &found, &err));
	assert_int_equal(strlen(found.artifact_id), 64);
}

static void times_are_read_with_their_offset(void **state)
{
	static const struct {
		const char *text;
		int64_t time;
	} good[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2026-11-22T10:00:00Z", 1795341600},
		{"2026-11-22T12:00:00+02:00", 1795341600},
		{"2026-11-22T10:00:00.123456789Z", 1795341600},
		{"2024-02-29T23:59:59-00:01", 1709251259},
	};
	static const char *const bad[] = {"", "2026-11-22", "2026-11-22 10:00:00Z",
		"2026-11-22T10:00:00", "2026-13-22T10:00:00Z", "2026-11-22T24:00:00Z",
		"2026-11-22T10:00:00+2:00", "2026-11-22T10:00:00Zx", "-026-11-22T10:00:00Z"};
	struct error err = {0};
	int64_t time = 7;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		MUST(mender_time_parse(good[i].text, &time, &err));
		assert_int_equal(time, good[i].time);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(mender_time_parse(bad[i], &time, &err));
}

static void a_token_says_when_it_ends(void **state)
{
	/* {"alg":"EdDSA"} . {"jti":"set-1","sub":"dev-1","exp":1795341600,"mender.device":true}
	 */
	static const char token[] = "eyJhbGciOiJFZERTQSJ9."
				    "eyJqdGkiOiJzZXQtMSIsInN1YiI6ImRldi0xIiwiZXhwIjoxNzk1MzQxNj"
				    "AwLCJtZW5kZXIuZGV2aWNl"
				    "Ijp0cnVlfQ.c2ln\n";
	CLEANUP(mender_token_free) struct buf kept = {0};
	struct mender_claims claims = {0};
	struct error err = {0};

	(void)state;
	MUST(mender_answer_token(bytes_of(token), &kept, &err));
	assert_int_equal(kept.len, strlen(token) - 1);
	MUST(mender_answer_claims(buf_bytes(&kept), &claims, &err));
	assert_string_equal(claims.device, "dev-1");
	assert_string_equal(claims.set, "set-1");
	assert_int_equal(claims.expires, 1795341600);
}

static void what_is_no_token_is_not_kept(void **state)
{
	static const char *const bad[] = {"", "a.b", "a..c", ".b.c", "a.b.", "a.b.c.d",
		"a.b.c\r\nX-Evil: 1", "{\"error\":\"no\"}", "a.b .c"};
	CLEANUP(mender_token_free) struct buf kept = {0};
	struct error err = {0};

	(void)state;
	MUST(mender_answer_token(bytes_of("a.b.c"), &kept, &err));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(mender_answer_token(bytes_of(bad[i]), &kept, &err));
	assert_true(bytes_equal(buf_bytes(&kept), bytes_of("a.b.c")));
}

static void an_error_becomes_one_line(void **state)
{
	char words[MENDER_WORDS_MAX + 1];

	(void)state;
	mender_answer_words(
		bytes_of("{\"error\":\"no\\r\\nreally\",\"request_id\":\"r\"}"), words);
	assert_string_equal(words, "no  really");
	mender_answer_words(bytes_of("<html>"), words);
	assert_string_equal(words, "");
	mender_answer_words(bytes_of("{\"error\":7}"), words);
	assert_string_equal(words, "");
}

static void a_page_of_devices_is_read_with_its_auth_sets(void **state)
{
	static const char body[]
		= "[{\"id\":\"d-1\",\"identity_data\":{\"serial\":\"SN-1\",\"mac\":\"02:00\"},"
		  "\"status\":\"accepted\",\"decommissioning\":false,\"auth_sets\":["
		  "{\"id\":\"s-1\",\"pubkey\":\"PEM\",\"status\":\"accepted\",\"ts\":\"x\"},"
		  "{\"id\":\"s-2\",\"pubkey\":\"PEM2\",\"status\":\"preauthorized\"}]},"
		  "{\"id\":\"d-2\",\"identity_data\":{},\"status\":\"noauth\",\"auth_sets\":"
		  "null,"
		  "\"decommissioning\":true}]";
	CLEANUP(mender_page_free) struct mender_page page = {0};
	struct error err = {0};

	(void)state;
	MUST(mender_answer_devices(bytes_of(body), &page, &err));
	assert_int_equal(page.count, 2);
	assert_string_equal(page.at[0].id_data, "{\"mac\":\"02:00\",\"serial\":\"SN-1\"}");
	assert_int_equal(page.at[0].set_count, 2);
	assert_int_equal(page.at[0].sets[1].status, ADMIN_PREAUTHORISED);
	assert_string_equal(page.at[0].sets[1].key_pem, "PEM2");
	assert_int_equal(page.at[1].status, ADMIN_NO_SETS);
	assert_true(page.at[1].leaving);
}

static void a_page_with_one_bad_device_is_malformed(void **state)
{
	static const char *const bad[] = {
		"{}",
		"[7]",
		"[{\"id\":\"d\",\"identity_data\":{},\"status\":\"accepted\",\"auth_sets\":{}}"
		"]",
		"[{\"id\":\"d\",\"identity_data\":{},\"status\":\"accepted\",\"auth_sets\":7}]",
		"[{\"id\":\"d\",\"identity_data\":\"{}\",\"status\":\"accepted\"}]",
		"[{\"id\":\"d\",\"identity_data\":{},\"status\":\"blessed\"}]",
		"[{\"id\":\"d\",\"identity_data\":{},\"status\":\"accepted\",\"auth_sets\":[{}]"
		"}]",
		"[{\"id\":\"d\",\"identity_data\":{},\"status\":\"accepted\",\"auth_sets\":[{"
		"\"id\":\"s\",\"pubkey\":\"P\",\"status\":\"accepted\"},{\"id\":\"/\"}]}]",
	};
	CLEANUP(mender_page_free) struct mender_page page = {0};
	struct error err = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_false(mender_answer_devices(bytes_of(bad[i]), &page, &err));
		assert_int_equal(err.code, ERROR_MALFORMED);
	}
	assert_null(page.at);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_assignment_has_its_url_unescaped),
		cmocka_unit_test(a_pause_on_the_way_is_refused),
		cmocka_unit_test(every_truncation_of_an_assignment_is_malformed),
		cmocka_unit_test(what_is_no_assignment_is_malformed),
		cmocka_unit_test(an_url_is_neither_empty_nor_endless),
		cmocka_unit_test(a_long_artifact_id_is_named_by_its_digest),
		cmocka_unit_test(times_are_read_with_their_offset),
		cmocka_unit_test(a_token_says_when_it_ends),
		cmocka_unit_test(what_is_no_token_is_not_kept),
		cmocka_unit_test(an_error_becomes_one_line),
		cmocka_unit_test(a_page_of_devices_is_read_with_its_auth_sets),
		cmocka_unit_test(a_page_with_one_bad_device_is_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
