#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/tuf/tuf_path.h"
#include "tests/test.h"

static void unhex(const char *hex, char *text, size_t room)
{
	struct error err = {0};
	const size_t len = strcmp(hex, "-") == 0 ? 0 : strlen(hex) / 2;

	assert_true(len < room);
	if (len > 0)
		MUST(hex_decode(hex, (uint8_t *)text, len, &err));
	text[len] = 0;
}

static void patterns_match_as_python_says(void **state)
{
	CLEANUP(buf_free) struct buf file = {0};
	struct error err = {0};
	const char *text = NULL;
	char *lines = NULL, *rest = NULL;
	int count = 0;

	(void)state;
	MUST(file_read(TEST_VECTORS "/tuf_paths.txt", 1 << 20, &file, NULL, &err));
	MUST(buf_text(&file, &text, &err));
	lines = (char *)file.at;
	for (char *line = strtok_r(lines, "\n", &rest); line != NULL;
		line = strtok_r(NULL, "\n", &rest)) {
		char *words = NULL, pattern[64], path[64];
		const char *const first = strtok_r(line, " ", &words);
		const char *const second = strtok_r(NULL, " ", &words);
		const char *const answer = strtok_r(NULL, " ", &words);

		if (first[0] == '#')
			continue;
		unhex(first, pattern, sizeof(pattern));
		unhex(second, path, sizeof(path));
		if (tuf_path_matches(pattern, path) != (strcmp(answer, "yes") == 0))
			fail_msg("%s, %s: should be %s", pattern, path, answer);
		count++;
	}
	assert_true(count > 1000);
}

/* Where trying every way takes longer than the universe has. */
static void a_hostile_pattern_costs_little(void **state)
{
	char pattern[TUF_PATH_MAX + 1], path[TUF_PATH_MAX + 1];

	(void)state;
	memset(path, 'a', TUF_PATH_MAX);
	path[TUF_PATH_MAX] = 0;
	for (size_t i = 0; i < TUF_PATH_MAX; i++)
		pattern[i] = "*a"[i % 2];
	pattern[TUF_PATH_MAX - 1] = 'b';
	pattern[TUF_PATH_MAX] = 0;
	assert_false(tuf_path_matches(pattern, path));
	memset(pattern, '[', TUF_PATH_MAX);
	pattern[0] = '*';
	memset(path, '[', TUF_PATH_MAX - 1);
	path[TUF_PATH_MAX - 1] = 'x';
	assert_false(tuf_path_matches(pattern, path));
}

static void a_quoted_name_has_no_slash_and_one_meaning(void **state)
{
	static const char *const rows[][2] = {
		{"role", "role"},
		{"../delegatedrole", "..%2Fdelegatedrole"},
		{"/x", "%2Fx"},
		{"?#%", "%3F%23%25"},
		{"a_.-~Z9", "a_.-~Z9"},
		{"\xe2\x82\xac \x7f\x01", "%E2%82%AC%20%7F%01"},
		{"", ""},
	};
	char out[64];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_true(tuf_quote(rows[i][0], out, sizeof(out)));
		assert_string_equal(out, rows[i][1]);
		assert_true(tuf_quote(rows[i][0], out, strlen(rows[i][1]) + 1));
		assert_false(tuf_quote(rows[i][0], out, strlen(rows[i][1])));
	}
}

static void a_path_becomes_a_url_with_the_hash_before_its_last_segment(void **state)
{
	static const char *const rows[][3] = {
		{"a", "a", "H.a"},
		{"d/e/a.b", "d/e/a.b", "d/e/H.a.b"},
		{"d/", "d/", "d/H."},
		{"a b", "a%20b", "H.a%20b"},
		{"50%", "50%25", "H.50%25"},
		{"a%20b", "a%20b", "H.a%20b"},
		{"a%2", "a%252", "H.a%252"},
		{"q?x#y", "q%3Fx%23y", "H.q%3Fx%23y"},
		{"\xc3\xa9", "%C3%A9", "H.%C3%A9"},
		{"a:@!$&'()*+,;=-._~", "a:@!$&'()*+,;=-._~", "H.a:@!$&'()*+,;=-._~"},
	};
	struct error err = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(buf_free) struct buf plain = {0}, hashed = {0};

		MUST(tuf_path_url(rows[i][0], NULL, &plain, &err));
		assert_true(bytes_equal(buf_bytes(&plain), bytes_of(rows[i][1])));
		MUST(tuf_path_url(rows[i][0], "H", &hashed, &err));
		assert_true(bytes_equal(buf_bytes(&hashed), bytes_of(rows[i][2])));
	}
}

static void prefixes_of_the_hash_may_end_in_half_a_byte(void **state)
{
	static const struct {
		const char *prefix;
		bool covers;
	} rows[] = {{"", true}, {"a", true}, {"ab", true}, {"abc", true}, {"abd", false},
		{"AB", false}, {"abcd00", true}, {"abcd000", true}, {"b", false}};
	const struct digest hash = {{0xab, 0xcd}};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *prefix = rows[i].prefix;
		const struct tuf_role role = {.prefixes = {.at = &prefix, .count = 1}};

		assert_int_equal(tuf_role_covers(&role, "x", &hash), rows[i].covers);
	}
}

static void a_bin_is_the_first_bits_of_the_hash(void **state)
{
	static const struct {
		int bits;
		const char *name;
	} rows[] = {{1, "b-1"}, {2, "b-2"}, {4, "b-a"}, {5, "b-15"}, {8, "b-ab"}, {9, "b-157"},
		{12, "b-abc"}, {16, "b-abcd"}, {31, "b-55e6f781"}, {32, "b-abcdef03"}};
	const struct digest hash = {{0xab, 0xcd, 0xef, 0x03}}, low = {{0}};
	char name[32];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct tuf_bins bins = {{.name = "b"}, rows[i].bits};

		assert_true(tuf_bin_name(&bins, &hash, name, sizeof(name)));
		assert_string_equal(name, rows[i].name);
		assert_true(tuf_bin_name(&bins, &low, name, sizeof(name)));
		assert_int_equal(strlen(name), strlen(rows[i].name)); /* padded */
		assert_false(tuf_bin_name(&bins, &hash, name, strlen(rows[i].name)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_match_as_python_says),
		cmocka_unit_test(a_hostile_pattern_costs_little),
		cmocka_unit_test(a_quoted_name_has_no_slash_and_one_meaning),
		cmocka_unit_test(a_path_becomes_a_url_with_the_hash_before_its_last_segment),
		cmocka_unit_test(prefixes_of_the_hash_may_end_in_half_a_byte),
		cmocka_unit_test(a_bin_is_the_first_bits_of_the_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
