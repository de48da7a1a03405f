/* What the escapes of an already accepted JSON string mean (RFC 8259 section 7). */
#include <string.h>

#include "common/json_token.h"
#include "common/utf8.h"

static uint32_t hex_value(const uint8_t *at)
{
	uint32_t code = 0;

	for (size_t i = 0; i < 4; i++) {
		const uint8_t c = at[i];

		code = code << 4 | (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return code;
}

/* The escape at AT, a backslash: write what it means, return how long it was. */
static size_t unescape(const uint8_t *at, uint8_t meaning[static 4], size_t *len)
{
	static const char letters[] = "bfnrt", meanings[] = "\b\f\n\r\t";
	const char *const letter = strchr(letters, at[1]);

	if (at[1] != 'u') {
		meaning[0] = letter == NULL ? at[1] : (uint8_t)meanings[letter - letters];
		*len = 1;
		return 2;
	}

	const uint32_t code = hex_value(at + 2);
	const bool pair = code >= 0xd800 && code <= 0xdbff;
	const uint32_t low = pair ? hex_value(at + 8) : 0;

	*len = utf8_encode(
		pair ? 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00) : code, meaning);
	return pair ? 12 : 6;
}

/* Gives the bytes a string means, one by one. */
struct reader {
	struct bytes rest;
	uint8_t meaning[4];
	size_t next, len; /* what of the meaning is still to be given */
};

/* -1 at the end. */
static int reader_byte(struct reader *reader)
{
	size_t used = 1;

	if (reader->next < reader->len)
		return reader->meaning[reader->next++];
	if (reader->rest.len == 0)
		return -1;
	reader->meaning[0] = reader->rest.at[0];
	reader->len = 1;
	if (reader->meaning[0] == '\\')
		used = unescape(reader->rest.at, reader->meaning, &reader->len);
	reader->rest.at += used;
	reader->rest.len -= used;
	reader->next = 1;
	return reader->meaning[0];
}

bool json_token_text(const struct json_token *token, struct buf *text, struct error *err)
{
	struct reader reader = {.rest = token->text};

	/* What it means is never longer than how it is written. */
	if (!buf_reserve(text, token->text.len, err))
		return false;
	if (!token->escaped)
		return buf_append(text, token->text, err);
	for (int byte = reader_byte(&reader); byte >= 0; byte = reader_byte(&reader))
		text->at[text->len++] = (uint8_t)byte;
	return true;
}

static int compare_plain(struct bytes a, struct bytes b)
{
	const size_t len = a.len < b.len ? a.len : b.len;
	const int order = len == 0 ? 0 : memcmp(a.at, b.at, len);

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

int json_token_compare(const struct json_token *a, const struct json_token *b)
{
	struct reader reader_a = {.rest = a->text}, reader_b = {.rest = b->text};
	int byte_a = 0, byte_b = 0;

	if (!a->escaped && !b->escaped)
		return compare_plain(a->text, b->text);
	while (byte_a == byte_b && byte_a >= 0) {
		byte_a = reader_byte(&reader_a);
		byte_b = reader_byte(&reader_b);
	}
	return byte_a - byte_b;
}

bool json_token_integer(const struct json_token *token, int64_t *out)
{
	const bool negative = token->text.len > 0 && token->text.at[0] == '-';
	int64_t value = 0;

	if (token->kind != JSON_TOKEN_NUMBER)
		return false;
	for (size_t i = negative ? 1 : 0; i < token->text.len; i++) {
		const int digit = token->text.at[i] - '0';

		if (digit < 0 || digit > 9 || __builtin_mul_overflow(value, 10, &value)
			|| __builtin_sub_overflow(value, digit, &value))
			return false;
	}
	/* Kept negative on the way: there is one more of them. */
	if (!negative && __builtin_sub_overflow(0, value, &value))
		return false;
	*out = value;
	return true;
}
