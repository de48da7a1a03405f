#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/json_token.h"
#include "common/utf8.h"

/* What may come next. */
enum expect {
	EXPECT_VALUE,
	EXPECT_VALUE_OR_END, /* just after [ */
	EXPECT_NAME,
	EXPECT_NAME_OR_END, /* just after { */
	EXPECT_MORE,        /* after a value in an array or object: a comma or the end */
	EXPECT_NOTHING,     /* after the document's value */
};

/* An array or object that is open. */
struct level {
	bool is_object;
	size_t first_name; /* of those remembered, the first of this object */
};

struct json_tokens {
	struct bytes document;
	size_t position;
	enum json_dialect dialect;
	enum expect expect;
	size_t value_count;
	struct level levels[JSON_DEPTH_MAX];
	size_t depth;
	/* Names of all open objects, innermost last, until their twins can be looked for. */
	struct json_token *names;
	size_t name_count, name_room;
};

static bool bad(size_t position, const char *what, struct error *err)
{
	return error_set(err, ERROR_MALFORMED, "JSON: %s at byte %zu", what, position);
}

/* The byte OFFSET after the current one; 0, which no token contains, past the end. */
static uint8_t peek(const struct json_tokens *tokens, size_t offset)
{
	const size_t left = tokens->document.len - tokens->position;

	return offset < left ? tokens->document.at[tokens->position + offset] : 0;
}

static struct bytes rest_of(const struct json_tokens *tokens)
{
	return (struct bytes){tokens->document.at + tokens->position,
		tokens->document.len - tokens->position};
}

static bool at_end(const struct json_tokens *tokens)
{
	return tokens->position == tokens->document.len;
}

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_space(struct json_tokens *tokens)
{
	while (is_space(peek(tokens, 0)))
		tokens->position++;
}

/* ---- strings ---- */

static bool read_hex(const struct json_tokens *tokens, size_t offset, uint32_t *code)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	uint32_t value = 0;

	for (size_t i = 0; i < 4; i++) {
		const uint8_t c = peek(tokens, offset + i);
		const char *const digit = c == 0 ? NULL : strchr(digits, c);

		if (digit == NULL)
			return false;
		value = value << 4 | (uint32_t)((digit - digits) & 15);
	}
	*code = value;
	return true;
}

/* \uXXXX, or two of them that are a surrogate pair. */
static bool skip_unicode(struct json_tokens *tokens, struct error *err)
{
	uint32_t code = 0, low = 0;

	if (!read_hex(tokens, 2, &code))
		return bad(tokens->position, "\\u without four hex digits", err);
	if (code == 0)
		return bad(tokens->position, "U+0000", err);
	if (code < 0xd800 || code > 0xdfff) {
		tokens->position += 6;
		return true;
	}
	if (code > 0xdbff || peek(tokens, 6) != '\\' || peek(tokens, 7) != 'u'
		|| !read_hex(tokens, 8, &low) || low < 0xdc00 || low > 0xdfff)
		return bad(tokens->position, "lone surrogate", err);
	tokens->position += 12;
	return true;
}

static bool skip_escape(struct json_tokens *tokens, struct error *err)
{
	const uint8_t letter = peek(tokens, 1);

	if (letter == 'u')
		return skip_unicode(tokens, err);
	if (letter == 0 || strchr("\"\\/bfnrt", letter) == NULL)
		return bad(tokens->position, "unknown escape", err);
	tokens->position += 2;
	return true;
}

/* One character of a string, which has not ended. */
static bool skip_character(struct json_tokens *tokens, bool *escaped, struct error *err)
{
	const size_t len = utf8_length(rest_of(tokens));

	if (at_end(tokens))
		return bad(tokens->position, "string without an end", err);
	if (peek(tokens, 0) == '\\') {
		*escaped = true;
		return skip_escape(tokens, err);
	}
	if (peek(tokens, 0) < 0x20)
		return bad(tokens->position, "control character in a string", err);
	if (len == 0)
		return bad(tokens->position, "invalid UTF-8", err);
	tokens->position += len;
	return true;
}

/* Characters of one byte that mean themselves, of which most strings are made. */
static void skip_plain(struct json_tokens *tokens)
{
	const uint8_t *const at = tokens->document.at;
	size_t position = tokens->position;

	while (position < tokens->document.len && at[position] >= 0x20 && at[position] < 0x80
		&& at[position] != '"' && at[position] != '\\')
		position++;
	tokens->position = position;
}

/* From its opening quote to behind its closing one. */
static bool read_string(struct json_tokens *tokens, struct json_token *out, struct error *err)
{
	const size_t start = ++tokens->position;
	bool escaped = false;

	for (skip_plain(tokens); peek(tokens, 0) != '"'; skip_plain(tokens))
		if (!skip_character(tokens, &escaped, err))
			return false;
	out->escaped = escaped;
	out->text = (struct bytes){tokens->document.at + start, tokens->position - start};
	tokens->position++;
	return true;
}

/* ---- numbers ---- */

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static size_t skip_digits(struct json_tokens *tokens)
{
	const size_t start = tokens->position;

	while (is_digit(peek(tokens, 0)))
		tokens->position++;
	return tokens->position - start;
}

/* The fraction and the exponent, if any. */
static bool skip_fraction(struct json_tokens *tokens)
{
	if (peek(tokens, 0) == '.') {
		tokens->position++;
		if (skip_digits(tokens) == 0)
			return false;
	}
	if ((peek(tokens, 0) | 0x20) == 'e') {
		const uint8_t sign = peek(tokens, 1);

		tokens->position += sign == '+' || sign == '-' ? 2 : 1;
		if (skip_digits(tokens) == 0)
			return false;
	}
	return true;
}

static bool judge_signed(
	const struct json_token *number, bool fraction, size_t start, struct error *err)
{
	int64_t value = 0;

	if (fraction)
		return bad(start, "number that is no integer", err);
	if (!json_token_integer(number, &value) || value > JSON_INTEGER_MAX
		|| value < -JSON_INTEGER_MAX)
		return bad(start, "integer over 2^53 - 1", err);
	return true;
}

static bool read_number(struct json_tokens *tokens, struct json_token *out, struct error *err)
{
	const size_t start = tokens->position;

	if (peek(tokens, 0) == '-')
		tokens->position++;
	if (peek(tokens, 0) == '0' && is_digit(peek(tokens, 1)))
		return bad(start, "number with a leading zero", err);
	if (skip_digits(tokens) == 0)
		return bad(start, "number without digits", err);

	const size_t digits_end = tokens->position;

	if (!skip_fraction(tokens))
		return bad(start, "number without digits", err);

	const struct json_token number = {.kind = JSON_TOKEN_NUMBER,
		.text = {tokens->document.at + start, tokens->position - start}};

	if (number.text.len > JSON_NUMBER_MAX)
		return bad(start, "number too long", err);
	if (tokens->dialect != JSON_FOREIGN
		&& !judge_signed(&number, tokens->position > digits_end, start, err))
		return false;
	*out = number;
	return true;
}

/* ---- arrays and objects ---- */

static void value_done(struct json_tokens *tokens)
{
	tokens->expect = tokens->depth == 0 ? EXPECT_NOTHING : EXPECT_MORE;
}

static bool open_level(struct json_tokens *tokens, bool is_object, struct error *err)
{
	if (tokens->depth == JSON_DEPTH_MAX)
		return bad(tokens->position, "nesting too deep", err);
	tokens->levels[tokens->depth++] = (struct level){is_object, tokens->name_count};
	tokens->expect = is_object ? EXPECT_NAME_OR_END : EXPECT_VALUE_OR_END;
	tokens->position++;
	return true;
}

/* By meaning; equals in order of appearance. */
static int compare_names(const void *a, const void *b)
{
	const struct json_token *const name_a = a, *const name_b = b;
	const int order = json_token_compare(name_a, name_b);

	return order != 0 ? order : name_a->text.at < name_b->text.at ? -1 : 1;
}

/* Sorting finds twins among many names in the time of a few. */
static bool names_differ(struct json_tokens *tokens, size_t first, struct error *err)
{
	const size_t count = tokens->name_count - first;

	if (count < 2)
		return true;

	struct json_token *const names = tokens->names + first;

	qsort(names, count, sizeof(*names), compare_names);
	for (size_t i = 1; i < count; i++)
		if (json_token_compare(&names[i - 1], &names[i]) == 0)
			return bad((size_t)(names[i].text.at - tokens->document.at) - 1,
				"duplicate key", err);
	return true;
}

static bool close_level(struct json_tokens *tokens, struct json_token *out, struct error *err)
{
	const struct level level = tokens->levels[tokens->depth - 1];

	if (level.is_object && !names_differ(tokens, level.first_name, err))
		return false;
	tokens->name_count = level.first_name;
	tokens->depth--;
	tokens->position++;
	value_done(tokens);
	*out = (struct json_token){
		.kind = level.is_object ? JSON_TOKEN_OBJECT_END : JSON_TOKEN_ARRAY_END};
	return true;
}

static bool remember_name(
	struct json_tokens *tokens, const struct json_token *name, struct error *err)
{
	if (tokens->name_count == tokens->name_room) {
		const size_t room = tokens->name_room == 0 ? 32 : 2 * tokens->name_room;
		struct json_token *const names = realloc(tokens->names, room * sizeof(*names));

		if (names == NULL)
			return error_errno(err, "cannot allocate %zu names", room);
		tokens->names = names;
		tokens->name_room = room;
	}
	tokens->names[tokens->name_count++] = *name;
	return true;
}

/* A name and its colon. */
static bool read_name(struct json_tokens *tokens, struct json_token *out, struct error *err)
{
	struct json_token name = {.kind = JSON_TOKEN_NAME};

	if (peek(tokens, 0) != '"')
		return bad(tokens->position, "no member name", err);
	if (!read_string(tokens, &name, err) || !remember_name(tokens, &name, err))
		return false;
	skip_space(tokens);
	if (peek(tokens, 0) != ':')
		return bad(tokens->position, "no colon", err);
	tokens->position++;
	tokens->expect = EXPECT_VALUE;
	*out = name;
	return true;
}

/* ---- values ---- */

static bool read_literal(struct json_tokens *tokens, struct json_token *out, struct error *err)
{
	static const struct {
		const char *text;
		enum json_token_kind kind;
	} literals[] = {
		{"true", JSON_TOKEN_TRUE},
		{"false", JSON_TOKEN_FALSE},
		{"null", JSON_TOKEN_NULL},
	};
	const struct bytes rest = rest_of(tokens);

	for (size_t i = 0; i < COUNT(literals); i++) {
		const struct bytes text = bytes_of(literals[i].text);

		if (rest.len < text.len || memcmp(rest.at, text.at, text.len) != 0)
			continue;
		*out = (struct json_token){
			.kind = literals[i].kind, .text = {rest.at, text.len}};
		tokens->position += text.len;
		return true;
	}
	return bad(tokens->position, "no value", err);
}

static bool read_scalar(struct json_tokens *tokens, struct json_token *out, struct error *err)
{
	struct json_token token = {.kind = JSON_TOKEN_STRING};
	const uint8_t c = peek(tokens, 0);
	const bool ok = c == '"'          ? read_string(tokens, &token, err)
		: c == '-' || is_digit(c) ? read_number(tokens, &token, err)
					  : read_literal(tokens, &token, err);

	if (!ok)
		return false;
	value_done(tokens);
	*out = token;
	return true;
}

static bool read_value(struct json_tokens *tokens, struct json_token *out, struct error *err)
{
	const uint8_t c = peek(tokens, 0);
	const size_t max
		= tokens->dialect == JSON_LISTING ? JSON_LISTING_VALUES_MAX : JSON_VALUES_MAX;

	if (++tokens->value_count > max)
		return bad(tokens->position, "too many values", err);
	if (c != '{' && c != '[')
		return read_scalar(tokens, out, err);
	if (!open_level(tokens, c == '{', err))
		return false;
	*out = (struct json_token){.kind = c == '{' ? JSON_TOKEN_OBJECT : JSON_TOKEN_ARRAY};
	return true;
}

/* A comma leads to the next member or element; anything else stays for the caller. */
static bool read_comma(struct json_tokens *tokens, bool in_object, struct error *err)
{
	if (peek(tokens, 0) != ',')
		return bad(tokens->position, in_object ? "neither , nor }" : "neither , nor ]",
			err);
	tokens->position++;
	skip_space(tokens);
	tokens->expect = in_object ? EXPECT_NAME : EXPECT_VALUE;
	return true;
}

static bool read_end(struct json_tokens *tokens, struct json_token *out, struct error *err)
{
	if (tokens->expect != EXPECT_NOTHING)
		return bad(tokens->position, "unexpected end", err);
	if (!at_end(tokens))
		return bad(tokens->position, "something after the value", err);
	*out = (struct json_token){.kind = JSON_TOKEN_END};
	return true;
}

bool json_tokens_next(struct json_tokens *tokens, struct json_token *out, struct error *err)
{
	const bool in_object = tokens->depth > 0 && tokens->levels[tokens->depth - 1].is_object;

	skip_space(tokens);
	if (at_end(tokens) || tokens->expect == EXPECT_NOTHING)
		return read_end(tokens, out, err);
	if ((tokens->expect == EXPECT_MORE || tokens->expect == EXPECT_NAME_OR_END
		    || tokens->expect == EXPECT_VALUE_OR_END)
		&& peek(tokens, 0) == (in_object ? '}' : ']'))
		return close_level(tokens, out, err);
	if (tokens->expect == EXPECT_MORE && !read_comma(tokens, in_object, err))
		return false;
	if (at_end(tokens))
		return read_end(tokens, out, err);
	if (tokens->expect == EXPECT_NAME || tokens->expect == EXPECT_NAME_OR_END)
		return read_name(tokens, out, err);
	return read_value(tokens, out, err);
}

/* ---- the tokeniser itself ---- */

bool json_tokens_new(struct bytes document, enum json_dialect dialect, struct json_tokens **out,
	struct error *err)
{
	if (document.len > JSON_SIZE_MAX)
		return error_set(
			err, ERROR_MALFORMED, "JSON: larger than %d bytes", (int)JSON_SIZE_MAX);
	if (document.len >= 3 && memcmp(document.at, "\xef\xbb\xbf", 3) == 0)
		return bad(0, "byte order mark", err);

	struct json_tokens *const tokens = calloc(1, sizeof(*tokens));

	if (tokens == NULL)
		return error_errno(err, "cannot allocate a tokeniser");
	tokens->document = document;
	tokens->dialect = dialect;
	*out = tokens;
	return true;
}

void json_tokens_recount(struct json_tokens *tokens)
{
	tokens->value_count = 0;
}

size_t json_tokens_position(const struct json_tokens *tokens)
{
	return tokens->position;
}

void json_tokens_free(struct json_tokens *tokens)
{
	if (tokens == NULL)
		return;
	free(tokens->names);
	free(tokens);
}

void json_tokens_cleanup(struct json_tokens **tokens)
{
	json_tokens_free(*tokens);
	*tokens = NULL;
}
