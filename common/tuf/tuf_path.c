#include <stdio.h>
#include <string.h>

#include "common/tuf/tuf_path.h"
#include "common/utf8.h"

/* ---- names ---- */

static bool is_alphanumeric(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool tuf_quote(const char *text, char *out, size_t room)
{
	size_t len = 0;

	for (; *text != 0; text++) {
		const bool plain = is_alphanumeric(*text) || strchr("_.-~", *text) != NULL;

		if (len + (plain ? 1 : 3) >= room)
			return false;
		if (plain)
			out[len++] = *text;
		else
			len += (size_t)snprintf(out + len, 4, "%%%02X", (uint8_t)*text);
	}
	if (len >= room)
		return false;
	out[len] = 0;
	return true;
}

static bool is_hex(char c)
{
	return c != 0 && strchr("0123456789abcdefABCDEF", c) != NULL;
}

/* The path of a URL has these (RFC 3986 section 3.3), and escapes. */
static bool is_legal(const char *at)
{
	if (*at == '%')
		return is_hex(at[1]) && is_hex(at[2]);
	return is_alphanumeric(*at) || strchr("-._~!$&'()*+,;=:@/", *at) != NULL;
}

bool tuf_path_url(const char *path, const char *hash, struct buf *url, struct error *err)
{
	const char *const slash = strrchr(path, '/');
	const char *const last = slash == NULL ? path : slash + 1;

	for (const char *at = path;; at++) {
		if (at == last && hash != NULL && !buf_print(url, err, "%s.", hash))
			return false;
		if (*at == 0)
			return true;
		if (!buf_print(url, err, is_legal(at) ? "%c" : "%%%02X", (uint8_t)*at))
			return false;
	}
}

/* ---- patterns ---- */

/* One segment of a pattern or a path, and how far it is read. */
struct segment {
	const uint8_t *at;
	size_t len, next;
};

static struct segment segment_of(const char *text)
{
	return (struct segment){(const uint8_t *)text, strcspn(text, "/"), 0};
}

static uint8_t byte_at(const struct segment *segment, size_t offset)
{
	return offset < segment->len ? segment->at[offset] : 0;
}

/* How many bytes the character at OFFSET has; what is not UTF-8 is taken byte by byte. */
static size_t length_at(const struct segment *segment, size_t offset)
{
	const size_t len
		= utf8_length((struct bytes){segment->at + offset, segment->len - offset});

	return len == 0 ? 1 : len;
}

/* Bytes of UTF-8 are ordered as its code points are. */
static int compare_characters(
	const struct segment *a, size_t at_a, const struct segment *b, size_t at_b)
{
	const size_t len_a = length_at(a, at_a), len_b = length_at(b, at_b);
	const int order = memcmp(a->at + at_a, b->at + at_b, len_a < len_b ? len_a : len_b);

	return order != 0 ? order : (int)len_a - (int)len_b;
}

/* Where the ] of the set that begins at START is; the length of the pattern if it has
 * none, and [ is meant as itself. */
static size_t set_end(const struct segment *pattern, size_t start)
{
	size_t at = start + 1;

	if (byte_at(pattern, at) == '!')
		at++;
	if (byte_at(pattern, at) == ']')
		at++; /* the first one stands for itself */
	if (at >= pattern->len)
		return pattern->len;

	const uint8_t *const end = memchr(pattern->at + at, ']', pattern->len - at);

	return end == NULL ? pattern->len : (size_t)(end - pattern->at);
}

/* Is the next character of PATH in the set from AT to END, both in PATTERN? */
static bool set_has(
	const struct segment *pattern, size_t at, size_t end, const struct segment *path)
{
	while (at < end) {
		const size_t low = at;
		size_t high = at;

		at += length_at(pattern, at);
		if (byte_at(pattern, at) == '-' && at + 1 < end) {
			high = at + 1;
			at = high + length_at(pattern, high);
		}
		if (compare_characters(pattern, low, path, path->next) <= 0
			&& compare_characters(path, path->next, pattern, high) <= 0)
			return true;
	}
	return false;
}

/* Take one character off both when it matches. */
static bool take_one(struct segment *pattern, struct segment *path)
{
	const uint8_t c = byte_at(pattern, pattern->next);
	const size_t end = c == '[' ? set_end(pattern, pattern->next) : pattern->len;
	size_t behind = pattern->next;

	if (pattern->next == pattern->len)
		return false;
	if (end < pattern->len) {
		const bool negated = byte_at(pattern, pattern->next + 1) == '!';

		if (set_has(pattern, pattern->next + (negated ? 2 : 1), end, path) == negated)
			return false;
		behind = end + 1;
	} else {
		if (c != '?'
			&& compare_characters(pattern, pattern->next, path, path->next) != 0)
			return false;
		behind += length_at(pattern, pattern->next);
	}
	pattern->next = behind;
	path->next += length_at(path, path->next);
	return true;
}

/* Only the last * ever needs to give: an earlier one that took more would leave less to
 * those behind it. */
static bool segment_matches(struct segment pattern, struct segment path)
{
	struct segment star_pattern = {0}, star_path = {0};
	bool has_star = false;

	while (path.next < path.len) {
		if (byte_at(&pattern, pattern.next) == '*') {
			pattern.next++;
			star_pattern = pattern;
			star_path = path;
			has_star = true;
		} else if (!take_one(&pattern, &path)) {
			if (!has_star)
				return false;
			star_path.next += length_at(&star_path, star_path.next);
			pattern = star_pattern;
			path = star_path;
		}
	}
	while (byte_at(&pattern, pattern.next) == '*')
		pattern.next++;
	return pattern.next == pattern.len;
}

bool tuf_path_matches(const char *pattern, const char *path)
{
	for (;;) {
		const struct segment left = segment_of(pattern), right = segment_of(path);

		if (!segment_matches(left, right))
			return false;
		pattern += left.len;
		path += right.len;
		if (*pattern == 0 || *path == 0)
			return *pattern == *path;
		pattern++;
		path++;
	}
}

/* ---- delegations ---- */

bool tuf_role_covers(const struct tuf_role *role, const char *path, const struct digest *hash)
{
	const char *const *const paths = role->paths.at;
	const char *const *const prefixes = role->prefixes.at;
	char text[DIGEST_TEXT];

	for (size_t i = 0; i < role->paths.count; i++)
		if (tuf_path_matches(paths[i], path))
			return true;
	if (role->prefixes.count > 0)
		digest_text(hash, text);
	for (size_t i = 0; i < role->prefixes.count; i++)
		if (strncmp(text, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

bool tuf_bin_name(
	const struct tuf_bins *bins, const struct digest *hash, char *name, size_t room)
{
	const uint32_t first = (uint32_t)hash->at[0] << 24 | (uint32_t)hash->at[1] << 16
		| (uint32_t)hash->at[2] << 8 | hash->at[3];
	const uint64_t bin = (uint64_t)first >> (TUF_BIN_BITS_MAX - bins->bit_length);

	return (size_t)snprintf(name, room, "%s-%0*llx", bins->role.name,
		       (int)(bins->bit_length + 3) / 4, (unsigned long long)bin)
		< room;
}
