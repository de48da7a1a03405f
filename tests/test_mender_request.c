#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "courier/mender_request.h"
#include "tests/test.h"

static const char *text_of(struct buf *buf)
{
	struct error err = {0};
	const char *text = NULL;

	MUST(buf_text(buf, &text, &err));
	return text;
}

static void pairs_of(struct artifact_pairs *pairs, const char *const words[][2], size_t count)
{
	struct error err = {0};

	for (size_t i = 0; i < count; i++)
		MUST(artifact_pairs_add(pairs, words[i][0], words[i][1], &err));
}

static const char *const provides[][2] = {
	{"rootfs-image.version", "one & only"},
	{"device_type", "testbox"},
	{"artifact_name", "rel-1"},
	{"empty", ""},
	{"artifact_group", "g"},
};

static void the_auth_request_names_only_what_is_known(void **state)
{
	const struct server_settings settings = {.tenant_token = "TENANT"};
	const struct server_settings plain = {.name = "x"};
	const struct server_device device
		= {.id_data = "{\"mac\":\"02:00\"}", .tier = "standard"};
	const struct server_device bare = {.id_data = "{\"mac\":\"02:00\"}"};
	CLEANUP(buf_free) struct buf body = {0};
	struct error err = {0};

	(void)state;
	MUST(mender_request_auth(&settings, &device, "PEM\n", &body, &err));
	assert_string_equal(text_of(&body),
		"{\"id_data\":\"{\\\"mac\\\":\\\"02:00\\\"}\",\"tenant_token\":\"TENANT\","
		"\"tier\":\"standard\",\"pubkey\":\"PEM\\n\"}");
	body.len = 0;
	MUST(mender_request_auth(&plain, &bare, "PEM\n", &body, &err));
	assert_string_equal(text_of(&body),
		"{\"id_data\":\"{\\\"mac\\\":\\\"02:00\\\"}\",\"pubkey\":\"PEM\\n\"}");
}

static void one_frozen_request_speaks_both_dialects(void **state)
{
	CLEANUP(artifact_pairs_free) struct artifact_pairs pairs = {0};
	CLEANUP(buf_free) struct buf frozen = {0};
	CLEANUP(buf_free) struct buf v2 = {0};
	CLEANUP(buf_free) struct buf v1 = {0};
	struct error err = {0};

	(void)state;
	pairs_of(&pairs, provides, COUNT(provides));
	MUST(mender_request_frozen(&pairs, &frozen, &err));
	assert_string_equal(text_of(&frozen),
		"{\"artifact_group\":\"g\",\"artifact_name\":\"rel-1\","
		"\"device_type\":\"testbox\",\"rootfs-image.version\":\"one & only\"}");
	MUST(mender_request_next_v2(text_of(&frozen), &v2, &err));
	assert_string_equal(text_of(&v2),
		"{\"device_provides\":{\"artifact_group\":\"g\",\"artifact_name\":\"rel-1\","
		"\"device_type\":\"testbox\",\"rootfs-image.version\":\"one & only\"}}");
	MUST(mender_request_next_v1(text_of(&frozen), &v1, &err));
	assert_string_equal(text_of(&v1),
		"{\"artifact_name\":\"rel-1\",\"device_type\":\"testbox\",\"artifact_"
		"provides\":"
		"{\"artifact_group\":\"g\",\"rootfs-image.version\":\"one & only\"}}");
}

static void the_order_of_provides_does_not_change_the_frozen_request(void **state)
{
	CLEANUP(artifact_pairs_free) struct artifact_pairs forth = {0};
	CLEANUP(artifact_pairs_free) struct artifact_pairs back = {0};
	CLEANUP(buf_free) struct buf one = {0};
	CLEANUP(buf_free) struct buf two = {0};
	struct error err = {0};

	(void)state;
	pairs_of(&forth, provides, COUNT(provides));
	for (size_t i = COUNT(provides); i-- > 0;)
		pairs_of(&back, &provides[i], 1);
	MUST(mender_request_frozen(&forth, &one, &err));
	MUST(mender_request_frozen(&back, &two, &err));
	assert_string_equal(text_of(&one), text_of(&two));
}

static void without_further_provides_v1_is_what_the_official_client_sends(void **state)
{
	CLEANUP(buf_free) struct buf v1 = {0};
	struct error err = {0};

	(void)state;
	MUST(mender_request_next_v1(
		"{\"artifact_name\":\"rel-1\",\"device_type\":\"testbox\"}", &v1, &err));
	assert_string_equal(
		text_of(&v1), "{\"artifact_name\":\"rel-1\",\"device_type\":\"testbox\"}");
}

static void a_request_without_a_type_or_a_name_is_not_made(void **state)
{
	static const char *const half[][2]
		= {{"device_type", "testbox"}, {"artifact_name", ""}};
	static const char *const bad[] = {"", "7", "{}", "{\"artifact_name\":\"a\"}",
		"{\"artifact_name\":\"a\",\"device_type\":7}",
		"{\"artifact_name\":\"a\",\"device_type\":\"b\",\"x\":{}}",
		"{\"artifact_name\":\"a\",\"device_type\":\"b\"},{}"};
	CLEANUP(artifact_pairs_free) struct artifact_pairs pairs = {0};
	CLEANUP(buf_free) struct buf out = {0};
	struct error err = {0};

	(void)state;
	pairs_of(&pairs, half, COUNT(half));
	assert_false(mender_request_frozen(&pairs, &out, &err));
	assert_int_equal(err.code, ERROR_USAGE);
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_false(mender_request_next_v1(bad[i], &out, &err));
		assert_int_equal(err.code, ERROR_MALFORMED);
		assert_false(mender_request_next_v2(bad[i], &out, &err));
		assert_int_equal(err.code, ERROR_MALFORMED);
	}
	assert_int_equal(out.len, 0);
}

static void a_substate_is_cut_between_characters(void **state)
{
	CLEANUP(buf_free) struct buf body = {0};
	char long_text[302];
	struct error err = {0};

	(void)state;
	long_text[0] = 'x';
	for (size_t i = 1; i < 301; i += 2)
		memcpy(long_text + i, "\xc3\xa4", 2); /* ä: byte 200 falls inside one */
	long_text[301] = 0;
	MUST(mender_request_status("failure", long_text, &body, &err));
	assert_int_equal(body.len,
		strlen("{\"status\":\"failure\",\"substate\":\"\"}") + MENDER_SUBSTATE_MAX - 1);
	MUST(json_check(buf_bytes(&body), JSON_FOREIGN, &err));
	body.len = 0;
	MUST(mender_request_status("success", "", &body, &err));
	assert_string_equal(text_of(&body), "{\"status\":\"success\"}");
}

/* ---- log ---- */

static void a_log_keeps_times_and_levels_and_the_receipt_verbatim(void **state)
{
	static const char log[] = "2026-11-22T09:59:58Z ERROR no space left\n"
				  "\n"
				  "2026-11-22T09:59:59Z rebooting\r\n"
				  "plain \x01 text\n"
				  "   \n";
	static const char receipt[] = "{\"payload\":\"e30=\",\"payloadType\":\"x\"}";
	CLEANUP(buf_free) struct buf body = {0};
	struct error err = {0};

	(void)state;
	MUST(mender_request_log(bytes_of(log), bytes_of(receipt), 1795341600, &body, &err));
	assert_string_equal(text_of(&body),
		"{\"messages\":["
		"{\"timestamp\":\"2026-11-22T09:59:58Z\",\"level\":\"error\","
		"\"message\":\"no space left\"},"
		"{\"timestamp\":\"2026-11-22T09:59:59Z\",\"level\":\"info\","
		"\"message\":\"rebooting \"},"
		"{\"timestamp\":\"2026-11-22T10:00:00Z\",\"level\":\"info\","
		"\"message\":\"plain   text\"},"
		"{\"timestamp\":\"2026-11-22T10:00:00Z\",\"level\":\"info\","
		"\"message\":\"courier-receipt: "
		"{\\\"payload\\\":\\\"e30=\\\",\\\"payloadType\\\":\\\"x\\\"}\"}]}");
}

static void nothing_to_say_is_no_log(void **state)
{
	CLEANUP(buf_free) struct buf body = {0};
	struct error err = {0};

	(void)state;
	MUST(mender_request_log((struct bytes){0}, (struct bytes){0}, 0, &body, &err));
	MUST(mender_request_log(bytes_of("\n \n\n"), (struct bytes){0}, 0, &body, &err));
	assert_int_equal(body.len, 0);
}

static void a_log_that_is_too_long_loses_its_oldest_lines_and_says_so(void **state)
{
	enum { LINES = 30000 };
	static const char receipt[] = "{\"payload\":\"e30=\"}";
	CLEANUP(buf_free) struct buf log = {0};
	CLEANUP(buf_free) struct buf body = {0};
	CLEANUP(json_cleanup) struct json *document = NULL;
	struct error err = {0};
	char words[64];

	(void)state;
	for (int i = 0; i < LINES; i++)
		MUST(buf_print(&log, &err, "line %d\n", i));
	MUST(mender_request_log(buf_bytes(&log), bytes_of(receipt), 0, &body, &err));
	assert_true(body.len <= MENDER_BODY_MAX);
	assert_true(body.len > MENDER_BODY_MAX - 1024);
	MUST(json_parse(buf_bytes(&body), JSON_FOREIGN, &document, &err));

	const struct json *const messages = json_member(document, "messages");
	const struct json *const first = json_first(messages);
	const struct json *last = first;
	const size_t lines = json_count(messages) - 2;

	assert_string_equal(json_string(json_member(first, "level")), "warning");
	(void)snprintf(words, sizeof(words), "courier: %zu older lines", LINES - lines);
	assert_memory_equal(json_string(json_member(first, "message")), words, strlen(words));
	(void)snprintf(words, sizeof(words), "line %zu", LINES - lines);
	assert_string_equal(json_string(json_member(json_next(first), "message")), words);
	while (json_next(last) != NULL)
		last = json_next(last);
	assert_string_equal(json_string(json_member(last, "message")),
		"courier-receipt: {\"payload\":\"e30=\"}");
}

static void a_receipt_that_is_no_text_is_not_sent(void **state)
{
	CLEANUP(buf_free) struct buf body = {0};
	struct error err = {0};

	(void)state;
	assert_false(mender_request_log(
		(struct bytes){0}, bytes_of("{\"payload\":\"\xff\"}"), 0, &body, &err));
	assert_int_equal(err.code, ERROR_MALFORMED);
	assert_int_equal(body.len, 0);
}

static void a_line_without_an_end_is_cut(void **state)
{
	CLEANUP(buf_free) struct buf log = {0};
	CLEANUP(buf_free) struct buf body = {0};
	struct error err = {0};

	(void)state;
	MUST(buf_reserve(&log, 3000000, &err));
	memset(log.at, 'x', 3000000);
	log.len = 3000000;
	MUST(mender_request_log(buf_bytes(&log), (struct bytes){0}, 0, &body, &err));
	assert_true(body.len > MENDER_LINE_MAX && body.len < MENDER_LINE_MAX + 128);
}

/* ---- inventory ---- */

static struct json *attributes_of(const char *text)
{
	struct json *document = NULL;
	struct error err = {0};

	MUST(json_parse(bytes_of(text), JSON_FOREIGN, &document, &err));
	return document;
}

static void values_become_what_the_server_takes(void **state)
{
	CLEANUP(json_cleanup)
	struct json *attributes = attributes_of(
		"[{\"name\":\"a\",\"value\":true},{\"name\":\"b\",\"value\":null},"
		"{\"name\":\"c\",\"value\":{\"x\":1}},{\"name\":\"d\",\"value\":[1,\"x\"]},"
		"{\"name\":\"e\",\"value\":[]},{\"name\":\"f\",\"value\":[\"x\",\"y\"]},"
		"{\"name\":\"g\",\"value\":[1,2]},{\"name\":\"h\",\"value\":7},"
		"{\"name\":\"\",\"value\":\"nameless\"},{\"name\":\"h\",\"value\":\"again\"},"
		"{\"value\":1},7]");
	CLEANUP(buf_free) struct buf body = {0};
	struct error err = {0};

	(void)state;
	MUST(mender_request_inventory(NULL, attributes, &body, &err));
	assert_string_equal(text_of(&body),
		"[{\"name\":\"a\",\"value\":\"true\"},{\"name\":\"b\",\"value\":\"null\"},"
		"{\"name\":\"c\",\"value\":\"{\\\"x\\\":1}\"},"
		"{\"name\":\"d\",\"value\":\"[1,\\\"x\\\"]\"},{\"name\":\"e\",\"value\":\"[]\"}"
		","
		"{\"name\":\"f\",\"value\":[\"x\",\"y\"]},{\"name\":\"g\",\"value\":[1,2]},"
		"{\"name\":\"h\",\"value\":7}]");
}

static struct json *many(size_t count, const char *prefix)
{
	struct json *const array = json_new_array();
	char name[64];

	for (size_t i = 0; i < count; i++) {
		struct json *const object = json_append_object(array);

		(void)snprintf(name, sizeof(name), "%s%zu", prefix, i);
		json_add_string(object, "name", name);
		json_add_string(object, "value", "v");
	}
	return array;
}

static void too_many_attributes_lose_the_least_important(void **state)
{
	CLEANUP(artifact_pairs_free) struct artifact_pairs pairs = {0};
	CLEANUP(json_cleanup) struct json *attributes = many(120, "script_");
	CLEANUP(json_cleanup) struct json *document = NULL;
	CLEANUP(buf_free) struct buf body = {0};
	struct json *const ours = json_append_object(attributes);
	struct error err = {0};

	(void)state;
	json_add_string(ours, "name", "courier_id");
	json_add_string(ours, "value", "c-1");
	pairs_of(&pairs, provides, COUNT(provides));
	MUST(mender_request_inventory(&pairs, attributes, &body, &err));
	MUST(json_parse(buf_bytes(&body), JSON_FOREIGN, &document, &err));
	assert_int_equal(json_count(document), MENDER_ATTRIBUTES_MAX);

	static const char *const order[] = {"device_type", "artifact_name",
		"rootfs-image.version", "empty", "artifact_group", "courier_id", "script_0"};
	const struct json *each = json_first(document);

	for (size_t i = 0; i < COUNT(order); i++, each = json_next(each))
		assert_string_equal(json_string(json_member(each, "name")), order[i]);
	while (json_next(each) != NULL)
		each = json_next(each);
	assert_string_equal(
		json_string(json_member(each, "name")), "courier_attributes_dropped");

	int64_t dropped = 0;

	assert_true(json_integer(json_member(each, "value"), &dropped));
	assert_int_equal(dropped, 120 + 1 + 5 - 99);
}

static void a_hundred_attributes_are_not_too_many(void **state)
{
	CLEANUP(json_cleanup) struct json *attributes = many(100, "a");
	CLEANUP(json_cleanup) struct json *document = NULL;
	CLEANUP(buf_free) struct buf body = {0};
	struct error err = {0};

	(void)state;
	MUST(mender_request_inventory(NULL, attributes, &body, &err));
	MUST(json_parse(buf_bytes(&body), JSON_FOREIGN, &document, &err));
	assert_int_equal(json_count(document), 100);
	assert_null(strstr(text_of(&body), "dropped"));
}

static void an_inventory_stays_below_the_servers_size(void **state)
{
	CLEANUP(json_cleanup) struct json *attributes = many(3, "a");
	CLEANUP(buf_free) struct buf body = {0};
	struct error err = {0};
	char *const large = malloc(900001);

	(void)state;
	assert_non_null(large);
	memset(large, 'x', 900000);
	large[900000] = 0;
	for (int i = 0; i < 2; i++) {
		struct json *const object = json_append_object(attributes);

		json_add_string(object, "name", i == 0 ? "large0" : "large1");
		json_add_string(object, "value", large);
	}
	free(large);
	MUST(mender_request_inventory(NULL, attributes, &body, &err));
	assert_true(body.len > 900000 && body.len <= MENDER_BODY_MAX);
	assert_non_null(strstr(
		text_of(&body), "{\"name\":\"courier_attributes_dropped\",\"value\":1}]"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_auth_request_names_only_what_is_known),
		cmocka_unit_test(one_frozen_request_speaks_both_dialects),
		cmocka_unit_test(the_order_of_provides_does_not_change_the_frozen_request),
		cmocka_unit_test(without_further_provides_v1_is_what_the_official_client_sends),
		cmocka_unit_test(a_request_without_a_type_or_a_name_is_not_made),
		cmocka_unit_test(a_substate_is_cut_between_characters),
		cmocka_unit_test(a_log_keeps_times_and_levels_and_the_receipt_verbatim),
		cmocka_unit_test(nothing_to_say_is_no_log),
		cmocka_unit_test(a_log_that_is_too_long_loses_its_oldest_lines_and_says_so),
		cmocka_unit_test(a_receipt_that_is_no_text_is_not_sent),
		cmocka_unit_test(a_line_without_an_end_is_cut),
		cmocka_unit_test(values_become_what_the_server_takes),
		cmocka_unit_test(too_many_attributes_lose_the_least_important),
		cmocka_unit_test(a_hundred_attributes_are_not_too_many),
		cmocka_unit_test(an_inventory_stays_below_the_servers_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
