/*
 * The matcher agrees with the plainest one there is, which tries every way; names that
 * are quoted differ when the texts do, and hold nothing a directory minds.
 */
#include <stdlib.h>
#include <string.h>

#include "common/tuf/tuf_path.h"
#include "common/utf8.h"
#include "tests/fuzz/fuzz.h"

enum { TEXT_MAX = 16 }; /* bytes: trying every way takes its time */

static void must(bool ok)
{
	if (!ok)
		abort();
}

static uint32_t next_character(const char **at)
{
	const struct bytes rest = bytes_of(*at);
	const size_t len = utf8_length(rest);
	uint32_t code = rest.at[0];

	if (len > 1)
		code &= 0x7fU >> len;
	for (size_t i = 1; i < len; i++)
		code = code << 6 | (rest.at[i] & 0x3f);
	*at += len;
	return code;
}

/* Where the set that AT begins ends; NULL when it is none. */
static const char *end_of_set(const char *at)
{
	at += at[1] == '!' ? 2 : 1;
	if (*at == ']')
		at++;
	while (*at != ']' && *at != '/' && *at != 0)
		at++;
	return *at == ']' ? at : NULL;
}

static bool in_set(const char *at, const char *end, uint32_t code)
{
	const bool negated = at[1] == '!';
	bool found = false;

	at += negated ? 2 : 1;
	while (at < end) {
		const uint32_t low = next_character(&at);
		uint32_t high = low;

		if (*at == '-' && at + 1 < end) {
			at++;
			high = next_character(&at);
		}
		found = found || (low <= code && code <= high);
	}
	return found != negated;
}

/* NOLINTNEXTLINE(misc-no-recursion) */
static bool plainly_matches(const char *pattern, const char *path)
{
	const char *const end = *pattern == '[' ? end_of_set(pattern) : NULL;

	if (*pattern == 0 || *pattern == '/')
		return *path == *pattern
			&& (*pattern == 0 || plainly_matches(pattern + 1, path + 1));
	if (*pattern == '*') {
		while (pattern[1] == '*')
			pattern++; /* another one says nothing more */
		if (plainly_matches(pattern + 1, path))
			return true;
		if (*path == 0 || *path == '/')
			return false;
		(void)next_character(&path);
		return plainly_matches(pattern, path);
	}
	if (*path == 0 || *path == '/')
		return false;

	const uint32_t code = next_character(&path);

	if (end != NULL)
		return in_set(pattern, end, code) && plainly_matches(end + 1, path);
	if (*pattern != '?') {
		if (next_character(&pattern) != code)
			return false;
		return plainly_matches(pattern, path);
	}
	return plainly_matches(pattern + 1, path);
}

static void check_names(const char *a, const char *b)
{
	char quoted_a[3 * TEXT_MAX + 1], quoted_b[3 * TEXT_MAX + 1];

	must(tuf_quote(a, quoted_a, sizeof(quoted_a)));
	must(tuf_quote(b, quoted_b, sizeof(quoted_b)));
	must((strcmp(a, b) == 0) == (strcmp(quoted_a, quoted_b) == 0));
	must(strpbrk(quoted_a, "/\\ ?#\"\n") == NULL);
}

/* The input is a pattern, a NUL and a path. */
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	const uint8_t *const zero = len == 0 ? NULL : memchr(at, 0, len);
	char pattern[TEXT_MAX + 1] = "", path[TEXT_MAX + 1] = "";

	if (zero == NULL)
		return 0;

	const size_t first = (size_t)(zero - at), second = len - first - 1;

	if (first > TEXT_MAX || second > TEXT_MAX || memchr(zero + 1, 0, second) != NULL)
		return 0;
	memcpy(pattern, at, first);
	memcpy(path, zero + 1, second);
	check_names(pattern, path);
	if (utf8_valid(bytes_of(pattern)) == first && utf8_valid(bytes_of(path)) == second)
		must(tuf_path_matches(pattern, path) == plainly_matches(pattern, path));
	return 0;
}
