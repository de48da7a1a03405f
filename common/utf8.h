/*
 * utf8.h - which bytes are UTF-8 (RFC 3629): no overlong forms, no surrogates,
 * nothing above U+10FFFF.
 */
#ifndef COMMON_UTF8_H
#define COMMON_UTF8_H

#include "common/bytes.h"

/* Bytes (1 to 4) of the well-formed sequence at the start; 0 if there is none, or
 * no bytes at all. */
size_t utf8_length(struct bytes);

/* The offset of the first byte that begins no well-formed sequence; the length of
 * TEXT when all of it is UTF-8. */
size_t utf8_valid(struct bytes text);

/* Write the UTF-8 of CODE, which is no surrogate and at most U+10FFFF, and return
 * how many bytes that took. */
size_t utf8_encode(uint32_t code, uint8_t at[static 4]);

#endif
