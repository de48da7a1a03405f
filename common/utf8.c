#include "common/utf8.h"

/* RFC 3629 section 4: what the first byte announces, and what the second may be. */
static const struct lead {
	uint8_t first, last; /* range of the first byte */
	uint8_t len;
	uint8_t low, high; /* range of the second byte; the others are 80..BF */
} leads[] = {
	{0x00, 0x7f, 1, 0, 0}, {0xc2, 0xdf, 2, 0x80, 0xbf},
	{0xe0, 0xe0, 3, 0xa0, 0xbf},                              /* no overlong forms */
	{0xe1, 0xec, 3, 0x80, 0xbf}, {0xed, 0xed, 3, 0x80, 0x9f}, /* no surrogates */
	{0xee, 0xef, 3, 0x80, 0xbf}, {0xf0, 0xf0, 4, 0x90, 0xbf}, /* no overlong forms */
	{0xf1, 0xf3, 4, 0x80, 0xbf}, {0xf4, 0xf4, 4, 0x80, 0x8f}, /* nothing above U+10FFFF */
};

static const struct lead *lead_of(uint8_t byte)
{
	for (size_t i = 0; i < COUNT(leads); i++)
		if (byte >= leads[i].first && byte <= leads[i].last)
			return &leads[i];
	return NULL;
}

size_t utf8_length(struct bytes text)
{
	const struct lead *const lead = text.len == 0 ? NULL : lead_of(text.at[0]);

	if (lead == NULL || lead->len > text.len)
		return 0;
	if (lead->len > 1 && (text.at[1] < lead->low || text.at[1] > lead->high))
		return 0;
	for (size_t i = 2; i < lead->len; i++)
		if ((text.at[i] & 0xc0) != 0x80)
			return 0;
	return lead->len;
}

size_t utf8_valid(struct bytes text)
{
	size_t done = 0;

	while (done < text.len) {
		const size_t len = utf8_length((struct bytes){text.at + done, text.len - done});

		if (len == 0)
			break;
		done += len;
	}
	return done;
}

size_t utf8_encode(uint32_t code, uint8_t at[static 4])
{
	const size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	static const uint8_t marks[] = {0, 0x00, 0xc0, 0xe0, 0xf0};

	for (size_t i = len - 1; i > 0; i--) {
		at[i] = (uint8_t)(0x80 | (code & 0x3f));
		code >>= 6;
	}
	at[0] = (uint8_t)(marks[len] | code);
	return len;
}
