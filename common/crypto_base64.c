#include <string.h>

#include "common/crypto.h"

static const char alphabet[]
	= "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void encode_group(const uint8_t *at, size_t len, char text[static 4])
{
	const uint32_t bits = (uint32_t)at[0] << 16 | (len > 1 ? (uint32_t)at[1] << 8 : 0)
		| (len > 2 ? at[2] : 0U);

	text[0] = alphabet[bits >> 18];
	text[1] = alphabet[bits >> 12 & 63];
	text[2] = '=';
	text[3] = '=';
	if (len > 1)
		text[2] = alphabet[bits >> 6 & 63];
	if (len > 2)
		text[3] = alphabet[bits & 63];
}

void crypto_base64_encode(struct bytes bytes, char *text)
{
	for (size_t i = 0; i < bytes.len; i += 3, text += 4)
		encode_group(bytes.at + i, bytes.len - i, text);
	*text = 0;
}

bool crypto_base64_append(struct buf *buf, struct bytes bytes, struct error *err)
{
	const size_t len = 4 * (bytes.len / 3 + (bytes.len % 3 != 0));

	if (!buf_reserve(buf, len + 1, err))
		return false;
	crypto_base64_encode(bytes, (char *)buf->at + buf->len);
	buf->len += len;
	return true;
}

static int value(uint8_t c)
{
	const char *const found = c == 0 ? NULL : strchr(alphabet, c);

	return found == NULL ? -1 : (int)(found - alphabet);
}

/* Decode four characters to at most three bytes.  False for what crypto_base64_encode()
 * would not have written: the bits that the padding leaves over must be zero. */
static bool decode_group(const uint8_t *text, bool last, uint8_t at[static 3], size_t *len)
{
	const size_t pad = last && text[3] == '=' ? text[2] == '=' ? 2 : 1 : 0;
	uint32_t bits = 0;

	for (size_t i = 0; i < 4; i++) {
		const int six = i < 4 - pad ? value(text[i]) : 0;

		if (six < 0)
			return false;
		bits = bits << 6 | (uint32_t)six;
	}
	at[0] = (uint8_t)(bits >> 16);
	at[1] = (uint8_t)(bits >> 8);
	at[2] = (uint8_t)bits;
	*len = 3 - pad;
	return (pad < 1 || at[2] == 0) && (pad < 2 || at[1] == 0);
}

bool crypto_base64_decode(struct bytes text, struct buf *out, struct error *err)
{
	size_t len = out->len;

	if (text.len % 4 != 0)
		return error_set(err, ERROR_MALFORMED, "not base64");
	if (!buf_reserve(out, text.len / 4 * 3, err))
		return false;
	for (size_t i = 0; i < text.len; i += 4) {
		uint8_t at[3];
		size_t got = 0;

		if (!decode_group(text.at + i, i + 4 == text.len, at, &got))
			return error_set(err, ERROR_MALFORMED, "not base64");
		memcpy(out->at + len, at, got);
		len += got;
	}
	out->len = len;
	return true;
}
