#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/json.h"
#include "common/json_token.h"
#include "tests/test.h"

static struct bytes repeated(struct buf *buf, const char *text, size_t count)
{
	struct error err = {0};

	for (size_t i = 0; i < count; i++)
		MUST(buf_append(buf, bytes_of(text), &err));
	return buf_bytes(buf);
}

static void expect_refusal(
	struct bytes document, enum json_dialect dialect, const char *what, size_t position)
{
	struct json *tree = NULL;
	struct error err = {0};
	char text[128];

	(void)snprintf(text, sizeof(text), "JSON: %s at byte %zu", what, position);
	if (json_check(document, dialect, &err))
		fail_msg("passed, but should be: %s", text);
	assert_string_equal(err.text, text);
	assert_int_equal(err.code, ERROR_MALFORMED);
	assert_false(json_parse(document, dialect, &tree, &err));
	assert_null(tree);
}

static void each_ban_names_the_byte(void **state)
{
	static const struct {
		const char *document, *what;
		size_t position;
	} bans[] = {
		{"", "unexpected end", 0},
		{"  ", "unexpected end", 2},
		{"[", "unexpected end", 1},
		{"[1", "unexpected end", 2},
		{"[1,", "unexpected end", 3},
		{"{\"a\":", "unexpected end", 5},
		{"{\"a\":1,", "unexpected end", 7},
		{"\xef\xbb\xbf{}", "byte order mark", 0},
		{"{} x", "something after the value", 3},
		{"1 2", "something after the value", 2},
		{"truefalse", "something after the value", 4},
		{"tru", "no value", 0},
		{"nul l", "no value", 0},
		{"True", "no value", 0},
		{"NaN", "no value", 0},
		{"Infinity", "no value", 0},
		{"'a'", "no value", 0},
		{"[,1]", "no value", 1},
		{"[1,]", "no value", 3},
		{"[1 2]", "neither , nor ]", 3},
		{"[1}", "neither , nor ]", 2},
		{"/**/1", "no value", 0},
		{"\x01[]", "no value", 0},
		{"\xc2\xa0[]", "no value", 0},
		{"{,}", "no member name", 1},
		{"{\"a\":1,}", "no member name", 7},
		{"{a:1}", "no member name", 1},
		{"{1:1}", "no member name", 1},
		{"{\"a\" 1}", "no colon", 5},
		{"{\"a\"", "no colon", 4},
		{"{\"a\":1]", "neither , nor }", 6},
		{"{\"a\":1 \"b\":2}", "neither , nor }", 7},
		{"{\"a\":}", "no value", 5},
		{"\"abc", "string without an end", 4},
		{"\"abc\\\"", "string without an end", 6},
		{"\"a\nb\"", "control character in a string", 2},
		{"\"a\x1f\"", "control character in a string", 2},
		{"\"\\x41\"", "unknown escape", 1},
		{"\"\\", "unknown escape", 1},
		{"\"\\u12\"", "\\u without four hex digits", 1},
		{"\"\\u00zz\"", "\\u without four hex digits", 1},
		{"\"a\\u0000b\"", "U+0000", 2},
		{"\"\\ud800\"", "lone surrogate", 1},
		{"\"\\udc00\"", "lone surrogate", 1},
		{"\"\\ud800\\u0041\"", "lone surrogate", 1},
		{"\"\\ud800\\ud800\"", "lone surrogate", 1},
		{"\"\\ud800x\"", "lone surrogate", 1},
		{"\"\x80\"", "invalid UTF-8", 1},
		{"\"a\xc0\xaf\"", "invalid UTF-8", 2},
		{"\"\xe0\x80\x80\"", "invalid UTF-8", 1},
		{"\"\xed\xa0\x80\"", "invalid UTF-8", 1},
		{"\"\xf0\x8f\xbf\xbf\"", "invalid UTF-8", 1},
		{"\"\xf4\x90\x80\x80\"", "invalid UTF-8", 1},
		{"\"\xf5\x80\x80\x80\"", "invalid UTF-8", 1},
		{"\"\xe2\x82\"", "invalid UTF-8", 1},
		{"[01]", "number with a leading zero", 1},
		{"[-01]", "number with a leading zero", 1},
		{"[+1]", "no value", 1},
		{"[.5]", "no value", 1},
		{"[-]", "number without digits", 1},
		{"[1.]", "number without digits", 1},
		{"[1e]", "number without digits", 1},
		{"[1e+]", "number without digits", 1},
		{"[0x1]", "neither , nor ]", 2},
		{"{\"a\":1,\"a\":2}", "duplicate key", 7},
		{"{\"a\":1,\"b\":{\"c\":1,\"d\":2,\"c\":3}}", "duplicate key", 24},
		{"{\"a\":1,\"\\u0061\":2}", "duplicate key", 7},
		{"{\"\\u00e9\":1,\"\xc3\xa9\":2}", "duplicate key", 12},
		{"{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}", "duplicate key", 18},
		{"{\"a/b\":1,\"c\":2,\"a\\/b\":3}", "duplicate key", 15},
		{"{\"\":1,\"\":2}", "duplicate key", 6},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bans); i++) {
		expect_refusal(bytes_of(bans[i].document), JSON_SIGNED, bans[i].what,
			bans[i].position);
		expect_refusal(bytes_of(bans[i].document), JSON_FOREIGN, bans[i].what,
			bans[i].position);
	}
}

static void a_raw_nul_is_refused_wherever_it_stands(void **state)
{
	(void)state;
	expect_refusal((struct bytes){(const uint8_t *)"\"a\0b\"", 5}, JSON_FOREIGN,
		"control character in a string", 2);
	expect_refusal((struct bytes){(const uint8_t *)"[\0]", 3}, JSON_FOREIGN, "no value", 1);
	expect_refusal((struct bytes){(const uint8_t *)"{}\0", 3}, JSON_FOREIGN,
		"something after the value", 2);
	expect_refusal((struct bytes){(const uint8_t *)"\0", 1}, JSON_FOREIGN, "no value", 0);
}

static void signed_documents_hold_only_integers_a_double_can_hold(void **state)
{
	static const struct {
		const char *document, *what;
	} bans[] = {
		{"[1.0]", "number that is no integer"},
		{"[1e2]", "number that is no integer"},
		{"[-0.0]", "number that is no integer"},
		{"[0E0]", "number that is no integer"},
		{"[9007199254740992]", "integer over 2^53 - 1"},
		{"[-9007199254740992]", "integer over 2^53 - 1"},
		{"[18446744073709551617]", "integer over 2^53 - 1"},
		{"[9223372036854775808]", "integer over 2^53 - 1"},
	};
	struct error err = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(bans); i++) {
		expect_refusal(bytes_of(bans[i].document), JSON_SIGNED, bans[i].what, 1);
		MUST(json_check(bytes_of(bans[i].document), JSON_FOREIGN, &err));
	}
	MUST(json_check(
		bytes_of("[9007199254740991,-9007199254740991,0,-0]"), JSON_SIGNED, &err));
}

static void what_rfc_8259_allows_passes(void **state)
{
	static const char *const documents[] = {
		"0",
		"-1",
		"\"\"",
		"null",
		" \t\r\n{} \t\r\n",
		"[[],{},[{}]]",
		"{ \"a\" : [ 1 , true , false , null , \"x\" ] }",
		"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0001\\uD83D\\uDE00\\uffff\"",
		"\"\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"
		"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"",
		"{\"a\":{\"a\":{\"a\":1}},\"A\":2,\"a \":3}",
		"[{\"a\":1},{\"a\":1}]",
	};
	static const char *const foreign[] = {
		"0.5", "-0.0", "1E400", "1e-400", "123456789012345678901234567890", "1.5e+10"};
	struct error err = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(documents); i++) {
		CLEANUP(json_cleanup) struct json *tree = NULL;

		MUST(json_check(bytes_of(documents[i]), JSON_SIGNED, &err));
		MUST(json_parse(bytes_of(documents[i]), JSON_SIGNED, &tree, &err));
	}
	for (size_t i = 0; i < COUNT(foreign); i++) {
		CLEANUP(json_cleanup) struct json *tree = NULL;

		MUST(json_parse(bytes_of(foreign[i]), JSON_FOREIGN, &tree, &err));
	}
}

static void every_limit_is_kept(void **state)
{
	CLEANUP(buf_free) struct buf deep = {0}, wide = {0}, digits = {0}, large = {0};
	struct json *tree = NULL;
	struct error err = {0};

	(void)state;
	(void)repeated(&deep, "[", JSON_DEPTH_MAX);
	MUST(json_check(repeated(&deep, "]", JSON_DEPTH_MAX), JSON_SIGNED, &err));
	expect_refusal(repeated(&large, "[", JSON_DEPTH_MAX + 1), JSON_SIGNED,
		"nesting too deep", JSON_DEPTH_MAX);

	(void)repeated(&wide, "[0", 1);
	(void)repeated(&wide, ",0", JSON_VALUES_MAX - 2);
	MUST(json_check(repeated(&wide, "]", 1), JSON_SIGNED, &err));
	wide.len--;
	expect_refusal(repeated(&wide, ",0]", 1), JSON_SIGNED, "too many values",
		1 + 2 * (JSON_VALUES_MAX - 1));
	MUST(json_check(buf_bytes(&wide), JSON_LISTING, &err));
	wide.len--;
	(void)repeated(&wide, ",0", JSON_LISTING_VALUES_MAX - JSON_VALUES_MAX);
	expect_refusal(repeated(&wide, "]", 1), JSON_LISTING, "too many values",
		1 + 2 * (JSON_LISTING_VALUES_MAX - 1));
	assert_false(json_parse(bytes_of("{}"), JSON_LISTING, &tree, &err));
	assert_int_equal(err.code, ERROR_USAGE);
	expect_refusal(bytes_of("[1.0]"), JSON_LISTING, "number that is no integer", 1);

	MUST(json_check(repeated(&digits, "7", JSON_NUMBER_MAX), JSON_FOREIGN, &err));
	expect_refusal(repeated(&digits, "7", 1), JSON_FOREIGN, "number too long", 0);

	large.len = 0;
	(void)repeated(&large, " ", JSON_SIZE_MAX - 1);
	MUST(json_check(repeated(&large, "0", 1), JSON_SIGNED, &err));
	assert_false(json_check(repeated(&large, " ", 1), JSON_SIGNED, &err));
	assert_string_equal(err.text, "JSON: larger than 16777216 bytes");
}

/* Compared pair by pair these would take minutes under valgrind. */
static void many_names_are_compared_in_reasonable_time(void **state)
{
	CLEANUP(buf_free) struct buf document = {0};
	struct error err = {0};

	(void)state;
	MUST(buf_print(&document, &err, "{"));
	for (int i = 0; i < 60000; i++)
		MUST(buf_print(&document, &err, "\"\\u006eame%d\":0,", (i * 7919) % 60000));

	const size_t position = document.len;

	MUST(buf_print(&document, &err, "\"name31415\":0}"));
	expect_refusal(buf_bytes(&document), JSON_SIGNED, "duplicate key", position);
	document.len = position - 1;
	MUST(buf_print(&document, &err, "}"));
	MUST(json_check(buf_bytes(&document), JSON_SIGNED, &err));
}

static void tokens_come_one_by_one_with_their_text(void **state)
{
	static const char document[] = "{\"a\\n\":[-12,\"x\",true],\"b\":null}";
	static const struct {
		enum json_token_kind kind;
		const char *text;
	} expected[] = {
		{JSON_TOKEN_OBJECT, ""},
		{JSON_TOKEN_NAME, "a\\n"},
		{JSON_TOKEN_ARRAY, ""},
		{JSON_TOKEN_NUMBER, "-12"},
		{JSON_TOKEN_STRING, "x"},
		{JSON_TOKEN_TRUE, "true"},
		{JSON_TOKEN_ARRAY_END, ""},
		{JSON_TOKEN_NAME, "b"},
		{JSON_TOKEN_NULL, "null"},
		{JSON_TOKEN_OBJECT_END, ""},
		{JSON_TOKEN_END, ""},
		{JSON_TOKEN_END, ""},
	};
	CLEANUP(json_tokens_cleanup) struct json_tokens *tokens = NULL;
	CLEANUP(buf_free) struct buf text = {0};
	struct json_token token = {0};
	struct error err = {0};

	(void)state;
	MUST(json_tokens_new(bytes_of(document), JSON_SIGNED, &tokens, &err));
	for (size_t i = 0; i < COUNT(expected); i++) {
		int64_t number = 0;

		MUST(json_tokens_next(tokens, &token, &err));
		assert_int_equal(token.kind, expected[i].kind);
		assert_true(bytes_equal(token.text, bytes_of(expected[i].text)));
		assert_int_equal(
			json_token_integer(&token, &number), token.kind == JSON_TOKEN_NUMBER);
		assert_int_equal(number, token.kind == JSON_TOKEN_NUMBER ? -12 : 0);
		if (token.escaped)
			MUST(json_token_text(&token, &text, &err));
	}
	assert_int_equal(json_tokens_position(tokens), strlen(document));
	assert_true(bytes_equal(buf_bytes(&text), bytes_of("a\n")));
}

static void token_integers_have_the_whole_range(void **state)
{
	static const struct {
		const char *text;
		bool fits;
		int64_t value;
	} numbers[] = {
		{"9223372036854775807", true, INT64_MAX},
		{"-9223372036854775808", true, INT64_MIN},
		{"9223372036854775808", false, 0},
		{"-9223372036854775809", false, 0},
		{"1.0", false, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(numbers); i++) {
		const struct json_token token
			= {.kind = JSON_TOKEN_NUMBER, .text = bytes_of(numbers[i].text)};
		int64_t value = 0;

		assert_int_equal(json_token_integer(&token, &value), numbers[i].fits);
		assert_int_equal(value, numbers[i].value);
	}
}

static void unhex(const char *text, struct buf *out)
{
	struct error err = {0};

	out->len = 0;
	MUST(buf_reserve(out, strlen(text) / 2 + 1, &err));
	MUST(hex_decode(text, out->at, strlen(text) / 2, &err));
	out->len = strlen(text) / 2;
}

static void the_canonical_form_is_what_python_says(void **state)
{
	CLEANUP(buf_free) struct buf file = {0}, document = {0}, expected = {0}, form = {0};
	struct error err = {0};
	const char *text = NULL;
	char *rest = NULL;
	int count = 0;

	(void)state;
	MUST(file_read(TEST_VECTORS "/canonical_json.txt", 1 << 20, &file, NULL, &err));
	MUST(buf_text(&file, &text, &err));
	for (char *line = strtok_r((char *)file.at, "\n", &rest); line != NULL;
		line = strtok_r(NULL, "\n", &rest)) {
		char *const space = strchr(line, ' ');

		if (line[0] == '#')
			continue;
		assert_non_null(space);
		*space = 0;
		unhex(line, &document);
		unhex(space + 1, &expected);
		form.len = 0;
		MUST(json_canonical(buf_bytes(&document), &form, &err));
		if (!bytes_equal(buf_bytes(&form), buf_bytes(&expected)))
			fail_msg("%s has canonical form %.*s", line, (int)form.len,
				(const char *)form.at);
		count++;
	}
	assert_true(count > 80);
}

static void the_canonical_form_is_only_of_signed_documents(void **state)
{
	CLEANUP(buf_free) struct buf form = {0};
	struct error err = {0};

	(void)state;
	assert_false(json_canonical(bytes_of("[1.5]"), &form, &err));
	assert_int_equal(err.code, ERROR_MALFORMED);
	assert_false(json_canonical(bytes_of("[1"), &form, &err));
	assert_int_equal(form.len, 0);
}

static void members_are_found_by_exact_name_and_type(void **state)
{
	static const char document[]
		= "{\"Name\":\"upper\",\"name\":\"lower\",\"n\":-5,\"yes\":true,\"no\":false,"
		  "\"none\":null,\"list\":[1,\"two\"],\"inner\":{\"x\":1.5}}";
	CLEANUP(json_cleanup) struct json *tree = NULL;
	const struct json *list = NULL, *inner = NULL;
	const char *text = NULL;
	struct error err = {0};
	int64_t number = 0;
	bool yes = false, no = true;
	char room[6];

	(void)state;
	MUST(json_parse(bytes_of(document), JSON_FOREIGN, &tree, &err));
	MUST(json_need_string(tree, "name", &text, &err));
	assert_string_equal(text, "lower");
	MUST(json_need_text(tree, "name", room, sizeof(room), &err));
	assert_string_equal(room, "lower");
	assert_false(json_need_text(tree, "name", room, sizeof(room) - 1, &err));
	assert_string_equal(err.text, "name longer than 4 bytes");
	assert_null(json_member(tree, "NAME"));
	MUST(json_need_integer(tree, "n", &number, &err));
	assert_int_equal(number, -5);
	MUST(json_need_bool(tree, "yes", &yes, &err));
	MUST(json_need_bool(tree, "no", &no, &err));
	assert_true(yes && !no);
	assert_true(json_is_null(json_member(tree, "none")));
	MUST(json_need_array(tree, "list", &list, &err));
	MUST(json_need_object(tree, "inner", &inner, &err));
	assert_false(json_need_integer(inner, "x", &number, &err));
	assert_string_equal(err.text, "x missing or not an integer");
	assert_int_equal(err.code, ERROR_MALFORMED);
	assert_false(json_need_string(tree, "n", &text, &err));
	assert_false(json_need_array(tree, "inner", &list, &err));
	assert_false(json_need_object(tree, "list", &inner, &err));
	assert_false(json_need_bool(tree, "n", &yes, &err));
	assert_false(json_need_string(list, "n", &text, &err));
	assert_false(json_need_string(NULL, "n", &text, &err));
}

static void children_are_walked_in_order(void **state)
{
	CLEANUP(json_cleanup) struct json *tree = NULL;
	struct error err = {0};

	(void)state;
	MUST(json_parse(bytes_of("{\"b\":1,\"a\":[true,\"x\"]}"), JSON_SIGNED, &tree, &err));

	const struct json *const b = json_first(tree);
	const struct json *const a = json_next(b);

	assert_string_equal(json_name(b), "b");
	assert_string_equal(json_name(a), "a");
	assert_null(json_next(a));
	assert_int_equal(json_count(tree), 2);
	assert_int_equal(json_count(a), 2);
	assert_int_equal(json_count(b), 0);
	assert_null(json_first(b));
	assert_null(json_name(json_first(a)));
	assert_string_equal(json_string(json_next(json_first(a))), "x");
	assert_null(json_first(NULL));
	assert_null(json_string(NULL));
}

static void integers_beyond_a_double_are_none(void **state)
{
	CLEANUP(json_cleanup) struct json *tree = NULL;
	struct error err = {0};
	int64_t number = 0;

	(void)state;
	MUST(json_parse(bytes_of("[9007199254740993,1e999,0.5,-1e300,9007199254740991,1e2]"),
		JSON_FOREIGN, &tree, &err));

	const struct json *item = json_first(tree);

	for (int i = 0; i < 4; i++, item = json_next(item))
		assert_false(json_integer(item, &number));
	assert_true(json_integer(item, &number));
	assert_true(number == JSON_INTEGER_MAX);
	assert_true(json_integer(json_next(item), &number));
	assert_int_equal(number, 100);
}

static void digests_are_read_and_written(void **state)
{
	CLEANUP(json_cleanup) struct json *tree = json_new_object();
	struct digest digest = {{0xab, 1}}, again = {{0}};
	struct error err = {0};

	(void)state;
	json_add_digest(tree, "sha256", &digest);
	json_add_string(tree, "short", "ab");
	MUST(json_need_digest(tree, "sha256", &again, &err));
	assert_true(digest_equal(&digest, &again));
	assert_false(json_need_digest(tree, "short", &again, &err));
	assert_string_equal(err.text, "short missing or not a SHA-256 in lower-case hex");
}

static struct json *a_document(void)
{
	struct json *const tree = json_new_object();
	struct json *const list = json_add_array(tree, "list");
	struct json *const inner = json_append_object(list);

	json_add_string(tree, "text", "a \"quoted\" \\ /\b\f\n\r\t\x01\x7f é");
	json_add_integer(tree, "large", JSON_INTEGER_MAX);
	json_add_integer(tree, "small", -JSON_INTEGER_MAX);
	json_add_bool(tree, "yes", true);
	json_add_null(tree, "none");
	json_add_integer(inner, "x", 0);
	json_add_object(inner, "empty");
	json_append_string(list, "");
	json_append_integer(list, -7);
	json_append_copy(list, json_member(inner, "x"));
	json_add_copy(tree, "copy", list);
	return tree;
}

static const char a_document_printed[]
	= "{\"list\":[{\"x\":0,\"empty\":{}},\"\",-7,0],"
	  "\"text\":\"a \\\"quoted\\\" \\\\ /\\b\\f\\n\\r\\t\\u0001\x7f é\","
	  "\"large\":9007199254740991,\"small\":-9007199254740991,\"yes\":true,\"none\":null,"
	  "\"copy\":[{\"x\":0,\"empty\":{}},\"\",-7,0]}";

static void what_is_built_is_printed_and_read_again(void **state)
{
	CLEANUP(json_cleanup) struct json *tree = a_document(), *again = NULL;
	CLEANUP(buf_free) struct buf text = {0}, second = {0}, part = {0};
	struct error err = {0};
	const char *printed = NULL;

	(void)state;
	MUST(json_print(tree, &text, &err));
	MUST(buf_text(&text, &printed, &err));
	assert_string_equal(printed, a_document_printed);
	MUST(json_parse(buf_bytes(&text), JSON_SIGNED, &again, &err));
	MUST(json_print(again, &second, &err));
	assert_true(bytes_equal(buf_bytes(&text), buf_bytes(&second)));
	MUST(json_print(json_member(again, "list"), &part, &err));
	assert_true(
		bytes_equal(buf_bytes(&part), bytes_of("[{\"x\":0,\"empty\":{}},\"\",-7,0]")));
}

static void text_that_is_not_utf8_is_replaced(void **state)
{
	CLEANUP(json_cleanup) struct json *tree = json_new_object();
	CLEANUP(buf_free) struct buf text = {0};
	struct error err = {0};

	(void)state;
	json_add_string(tree, "n\xff", "a\x80\xc3(\xed\xa0\x80z\xe2\x82");
	MUST(json_print(tree, &text, &err));
	assert_true(bytes_equal(buf_bytes(&text),
		bytes_of("{\"n\xef\xbf\xbd\":\"a\xef\xbf\xbd\xef\xbf\xbd("
			 "\xef\xbf\xbd\xef\xbf\xbd"
			 "\xef\xbf\xbdz\xef\xbf\xbd\xef\xbf\xbd\"}")));
}

static void what_could_not_be_added_shows_when_printing(void **state)
{
	CLEANUP(buf_free) struct buf text = {0};
	struct error err = {0};

	(void)state;
	for (int i = 0; i < 6; i++) {
		CLEANUP(json_cleanup) struct json *tree = json_new_object();
		struct json *const list = json_add_array(tree, "list");

		if (i == 0)
			json_append_integer(list, JSON_INTEGER_MAX + 1);
		if (i == 1)
			json_add_integer(tree, "n", INT64_MIN);
		if (i == 2)
			json_add_string(tree, "s", NULL);
		if (i == 3)
			json_add_copy(tree, "c", json_member(tree, "missing"));
		if (i == 4)
			json_add_string(list, "name", "an array has no members");
		if (i == 5)
			json_add_bool(tree, "list", true); /* twice */
		json_add_string(json_add_object(NULL, "x"), "y", "z");
		assert_false(json_print(tree, &text, &err));
		assert_int_equal(err.code, ERROR_FAILED);
		assert_int_equal(text.len, 0);
	}
	assert_false(json_print(NULL, &text, &err));
}

static void too_deep_a_document_is_not_printed(void **state)
{
	CLEANUP(json_cleanup) struct json *tree = json_new_array();
	CLEANUP(buf_free) struct buf text = {0};
	struct json *level = tree;
	struct error err = {0};

	(void)state;
	for (int i = 1; i < JSON_DEPTH_MAX; i++)
		level = i == 1 ? json_append_object(level) : json_add_object(level, "x");
	MUST(json_print(tree, &text, &err));
	level = json_add_object(level, "x");
	assert_false(json_print(tree, &text, &err));
	json_add_null(level, "x");
	assert_false(json_print(tree, &text, &err));
	assert_string_equal(err.text, "JSON: nesting too deep to print");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_ban_names_the_byte),
		cmocka_unit_test(a_raw_nul_is_refused_wherever_it_stands),
		cmocka_unit_test(signed_documents_hold_only_integers_a_double_can_hold),
		cmocka_unit_test(what_rfc_8259_allows_passes),
		cmocka_unit_test(every_limit_is_kept),
		cmocka_unit_test(many_names_are_compared_in_reasonable_time),
		cmocka_unit_test(tokens_come_one_by_one_with_their_text),
		cmocka_unit_test(token_integers_have_the_whole_range),
		cmocka_unit_test(the_canonical_form_is_what_python_says),
		cmocka_unit_test(the_canonical_form_is_only_of_signed_documents),
		cmocka_unit_test(members_are_found_by_exact_name_and_type),
		cmocka_unit_test(children_are_walked_in_order),
		cmocka_unit_test(integers_beyond_a_double_are_none),
		cmocka_unit_test(digests_are_read_and_written),
		cmocka_unit_test(what_is_built_is_printed_and_read_again),
		cmocka_unit_test(text_that_is_not_utf8_is_replaced),
		cmocka_unit_test(what_could_not_be_added_shows_when_printing),
		cmocka_unit_test(too_deep_a_document_is_not_printed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
