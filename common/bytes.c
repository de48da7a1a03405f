#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"

struct bytes bytes_of(const char *text)
{
	return (struct bytes){(const uint8_t *)text, strlen(text)};
}

bool bytes_equal(struct bytes a, struct bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

bool buf_reserve(struct buf *buf, size_t len, struct error *err)
{
	if (len > SIZE_MAX / 4 - buf->len)
		return error_set(err, ERROR_FAILED, "buffer would be too large");
	if (len > buf->room - buf->len) {
		/* Often all that it will ever hold is put in at once; a text then ends. */
		const size_t room = buf->room == 0 ? len + 1 : 2 * (buf->len + len);
		uint8_t *const at = realloc(buf->at, room);

		if (at == NULL)
			return error_errno(err, "cannot allocate %zu bytes", room);
		buf->at = at;
		buf->room = room;
	}
	return true;
}

bool buf_append(struct buf *buf, struct bytes more, struct error *err)
{
	if (!buf_reserve(buf, more.len, err))
		return false;
	if (more.len > 0)
		memcpy(buf->at + buf->len, more.at, more.len);
	buf->len += more.len;
	return true;
}

bool buf_print(struct buf *buf, struct error *err, const char *fmt, ...)
{
	va_list args, again;

	va_start(args, fmt);
	va_copy(again, args);
	const int len = vsnprintf(NULL, 0, fmt, args);
	const bool ok = len >= 0 && buf_reserve(buf, (size_t)len + 1, err);

	if (ok) {
		(void)vsnprintf((char *)buf->at + buf->len, (size_t)len + 1, fmt, again);
		buf->len += (size_t)len;
	}
	va_end(again);
	va_end(args);
	return ok || (len < 0 && error_set(err, ERROR_FAILED, "cannot format text"));
}

void buf_drop(struct buf *buf, size_t len)
{
	if (len == 0)
		return;
	memmove(buf->at, buf->at + len, buf->len - len);
	buf->len -= len;
}

struct bytes buf_bytes(const struct buf *buf)
{
	return (struct bytes){buf->at, buf->len};
}

bool buf_text(struct buf *buf, const char **text, struct error *err)
{
	if (!buf_reserve(buf, 1, err))
		return false;
	buf->at[buf->len] = 0;
	*text = (const char *)buf->at;
	return true;
}

void buf_free(struct buf *buf)
{
	free(buf->at);
	*buf = (struct buf){0};
}

static bool buf_sink_write(void *self, struct bytes bytes, struct error *err)
{
	return buf_append(self, bytes, err);
}

struct sink buf_sink(struct buf *buf)
{
	return (struct sink){buf_sink_write, buf};
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
	return memcmp(a->at, b->at, sizeof(a->at)) == 0;
}

struct bytes digest_bytes(const struct digest *digest)
{
	return (struct bytes){digest->at, sizeof(digest->at)};
}

void hex_encode(struct bytes bytes, char *text)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < bytes.len; i++) {
		*text++ = digits[bytes.at[i] >> 4];
		*text++ = digits[bytes.at[i] & 15];
	}
	*text = 0;
}

void digest_text(const struct digest *digest, char text[static DIGEST_TEXT])
{
	hex_encode(digest_bytes(digest), text);
}

/* -1: no digit.  By a table, for digits are as good as random to a branch. */
static int nibble(char c)
{
	static const uint8_t more_by_one[256] = {
		['0'] = 1,
		['1'] = 2,
		['2'] = 3,
		['3'] = 4,
		['4'] = 5,
		['5'] = 6,
		['6'] = 7,
		['7'] = 8,
		['8'] = 9,
		['9'] = 10,
		['a'] = 11,
		['b'] = 12,
		['c'] = 13,
		['d'] = 14,
		['e'] = 15,
		['f'] = 16,
	};

	return more_by_one[(uint8_t)c] - 1;
}

bool hex_decode(const char *text, uint8_t *at, size_t len, struct error *err)
{
	if (strlen(text) != 2 * len)
		return error_set(err, ERROR_MALFORMED, "not %zu bytes of hex", len);
	for (size_t i = 0; i < 2 * len; i++)
		if (nibble(text[i]) < 0)
			return error_set(err, ERROR_MALFORMED, "not lower-case hex");
	for (size_t i = 0; i < len; i++)
		at[i] = (uint8_t)(nibble(text[2 * i]) << 4 | nibble(text[2 * i + 1]));
	return true;
}

bool digest_parse(const char *text, struct digest *digest, struct error *err)
{
	return hex_decode(text, digest->at, sizeof(digest->at), err);
}
