/*
 * store_record.h - a struct as a run of bytes, before it is sealed.
 *
 * A record is a list of fields, each a tag (1 byte), a length (4 bytes, big-endian)
 * and that many bytes: text without its NUL, integers big-endian.  What is NULL,
 * empty or zero is left out.  Tags are never used again: new fields get new ones.
 * Records are read only after they were authenticated, so whatever does not fit is
 * damage, or a mistake of ours.
 */
#ifndef COURIER_STORE_RECORD_H
#define COURIER_STORE_RECORD_H

#include "common/bytes.h"

enum record_kind {
	RECORD_TEXT,   /* char[N], with its NUL */
	RECORD_STRING, /* char *, owned, may be NULL */
	RECORD_BUF,    /* struct buf */
	RECORD_BOOL,
	RECORD_UNSIGNED,
	RECORD_INT64,
	RECORD_UINT64,
	RECORD_DIGEST,
};

struct record_field {
	uint8_t tag; /* 1 and up */
	enum record_kind kind;
	size_t offset, size; /* of the member */
};

/* What is stored of a struct. */
struct record_layout {
	const struct record_field *fields;
	size_t count, size; /* of fields; of the struct */
};

/* clang-format off */
#define RECORD_FIELD(number, type, member)                                                     \
	{(number), _Generic(&((type *)0)->member,                                              \
		char **: RECORD_STRING, struct buf *: RECORD_BUF, bool *: RECORD_BOOL,         \
		unsigned *: RECORD_UNSIGNED, int64_t *: RECORD_INT64,                          \
		uint64_t *: RECORD_UINT64, struct digest *: RECORD_DIGEST,                     \
		default: RECORD_TEXT), offsetof(type, member), sizeof(((type *)0)->member)}
/* clang-format on */

/* Append RECORD as bytes. */
NODISCARD bool record_pack(
	const struct record_layout *, const void *record, struct buf *, struct error *);
/* Read them into RECORD, which is zero before and the caller's to free after;
 * ERROR_DAMAGED when they do not fit, and RECORD is zero again. */
NODISCARD bool record_unpack(
	const struct record_layout *, struct bytes, void *record, struct error *);
/* Free what the fields own, and make RECORD zero. */
void record_free(const struct record_layout *, void *record);

#endif
