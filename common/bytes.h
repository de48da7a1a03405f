/*
 * bytes.h - a borrowed run of bytes, a buffer that grows, a place to write to,
 * and a place to read from.
 */
#ifndef COMMON_BYTES_H
#define COMMON_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

/* Borrowed: valid while whatever owns the bytes lives.  Passed by value. */
struct bytes {
	const uint8_t *at;
	size_t len;
};

/* The bytes of a string, without its NUL. */
struct bytes bytes_of(const char *text);
bool bytes_equal(struct bytes, struct bytes);

/* Owned: zero-initialise, buf_append(), then buf_free().  Never for secrets. */
struct buf {
	uint8_t *at;
	size_t len, room;
};

NODISCARD bool buf_append(struct buf *, struct bytes, struct error *);
NODISCARD bool buf_print(struct buf *, struct error *, const char *fmt, ...) PRINTF(3, 4);
/* Make room for LEN more bytes without changing the content. */
NODISCARD bool buf_reserve(struct buf *, size_t len, struct error *);
/* Drop the first LEN bytes. */
void buf_drop(struct buf *, size_t len);
struct bytes buf_bytes(const struct buf *);
/* The content as a string: a NUL follows the last byte, uncounted.  Borrowed. */
NODISCARD bool buf_text(struct buf *, const char **, struct error *);
void buf_free(struct buf *);

/* Where bytes go: a file, an encrypted blob, a hash, an installer. */
struct sink {
	bool (*write)(void *self, struct bytes, struct error *);
	void *self;
};

/* Where bytes come from; *got is 0 at the end. */
struct source {
	bool (*read)(void *self, uint8_t *at, size_t room, size_t *got, struct error *);
	void *self;
};

/* A sink that appends to a buffer; BUF is borrowed. */
struct sink buf_sink(struct buf *);

enum { DIGEST_SIZE = 32, DIGEST_TEXT = 2 * DIGEST_SIZE + 1 };

/* A SHA-256. */
struct digest {
	uint8_t at[DIGEST_SIZE];
};

bool digest_equal(const struct digest *, const struct digest *);
struct bytes digest_bytes(const struct digest *);

/* Lower-case hex, with a NUL: TEXT holds at least 2 * LEN + 1 characters. */
void hex_encode(struct bytes, char *text);
void digest_text(const struct digest *, char text[static DIGEST_TEXT]);
/* Strict: lower-case hex of exactly LEN bytes. */
NODISCARD bool hex_decode(const char *text, uint8_t *at, size_t len, struct error *);
NODISCARD bool digest_parse(const char *text, struct digest *, struct error *);

#endif
