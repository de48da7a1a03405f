#include <stdlib.h>
#include <string.h>

#include "courier/store_record.h"

enum { HEADER_SIZE = 5 /* bytes: tag and length */ };

static void put_integer(uint8_t *at, size_t len, uint64_t value)
{
	while (len-- > 0) {
		at[len] = (uint8_t)value;
		value >>= 8;
	}
}

static uint64_t get_integer(const uint8_t *at, size_t len)
{
	uint64_t value = 0;

	for (size_t i = 0; i < len; i++)
		value = value << 8 | at[i];
	return value;
}

/* An integer as 8 bytes in ROOM; zero is left out. */
static struct bytes integer_bytes(uint64_t value, uint8_t room[static 8])
{
	put_integer(room, 8, value);
	return (struct bytes){room, value == 0 ? 0 : 8};
}

static struct bytes text_bytes(const char *text)
{
	return text == NULL ? (struct bytes){NULL, 0} : bytes_of(text);
}

static struct bytes digest_or_nothing(const struct digest *digest)
{
	static const struct digest none;

	return digest_equal(digest, &none) ? (struct bytes){NULL, 0} : digest_bytes(digest);
}

/* The bytes of a member; nothing when it is NULL, empty or zero. */
static struct bytes member_bytes(enum record_kind kind, const void *at, uint8_t room[static 8])
{
	switch (kind) {
	case RECORD_TEXT:
		return text_bytes(at);
	case RECORD_STRING:
		return text_bytes(*(char *const *)at);
	case RECORD_BUF:
		return buf_bytes(at);
	case RECORD_BOOL:
		return integer_bytes(*(const bool *)at, room);
	case RECORD_UNSIGNED:
		return integer_bytes(*(const unsigned *)at, room);
	case RECORD_INT64:
		return integer_bytes((uint64_t) * (const int64_t *)at, room);
	case RECORD_UINT64:
		return integer_bytes(*(const uint64_t *)at, room);
	case RECORD_DIGEST:
		return digest_or_nothing(at);
	}
	return (struct bytes){NULL, 0};
}

bool record_pack(const struct record_layout *layout, const void *record, struct buf *out,
	struct error *err)
{
	for (size_t i = 0; i < layout->count; i++) {
		const struct record_field *const field = &layout->fields[i];
		uint8_t room[8], header[HEADER_SIZE] = {field->tag};
		const struct bytes value
			= member_bytes(field->kind, (const char *)record + field->offset, room);

		if (value.len == 0)
			continue;
		if (value.len > UINT32_MAX)
			return error_set(err, ERROR_USAGE, "field %u is too large", field->tag);
		put_integer(header + 1, 4, value.len);
		if (!buf_append(out, (struct bytes){header, sizeof(header)}, err)
			|| !buf_append(out, value, err))
			return false;
	}
	return true;
}

static bool damaged(struct error *err, unsigned tag)
{
	return error_set(err, ERROR_DAMAGED, "field %u of a record does not fit", tag);
}

OWNER_UNSEEN_BEGIN
static bool take_string(char **out, struct bytes value, struct error *err)
{
	char *const text = strndup((const char *)value.at, value.len);

	if (text == NULL)
		return error_errno(err, "cannot allocate %zu bytes", value.len);
	*out = text;
	return true;
}
OWNER_UNSEEN_END

/* What has no length of its own: copied as it is, or as 8 bytes. */
static bool take_number(const struct record_field *field, void *at, uint64_t value)
{
	switch (field->kind) {
	case RECORD_BOOL:
		*(bool *)at = value != 0;
		return value <= 1;
	case RECORD_UNSIGNED:
		*(unsigned *)at = (unsigned)value;
		return value <= UINT32_MAX;
	case RECORD_INT64:
		*(int64_t *)at = (int64_t)value;
		return true;
	case RECORD_UINT64:
		*(uint64_t *)at = value;
		return true;
	case RECORD_TEXT:
	case RECORD_STRING:
	case RECORD_BUF:
	case RECORD_DIGEST:
		break;
	}
	return false;
}

static bool take(
	const struct record_field *field, void *at, struct bytes value, struct error *err)
{
	const bool text = field->kind == RECORD_TEXT || field->kind == RECORD_STRING;

	if (text && memchr(value.at, 0, value.len) != NULL)
		return damaged(err, field->tag);
	if (field->kind == RECORD_STRING)
		return take_string(at, value, err);
	if (field->kind == RECORD_BUF)
		return buf_append(at, value, err);
	if (field->kind == RECORD_TEXT
			? value.len < field->size
			: field->kind == RECORD_DIGEST && value.len == DIGEST_SIZE) {
		memcpy(at, value.at, value.len);
		return true;
	}
	return (value.len == 8 && take_number(field, at, get_integer(value.at, 8)))
		|| damaged(err, field->tag);
}

/* The fields come in the order of the layout, each at most once. */
static bool unpack(
	const struct record_layout *layout, struct bytes in, void *record, struct error *err)
{
	size_t next = 0;

	while (in.len > 0) {
		const uint8_t tag = in.at[0];

		while (next < layout->count && layout->fields[next].tag != tag)
			next++;
		if (next == layout->count || in.len < HEADER_SIZE)
			return damaged(err, tag);

		const size_t len = (size_t)get_integer(in.at + 1, 4);

		if (len == 0 || len > in.len - HEADER_SIZE)
			return damaged(err, tag);

		const struct record_field *const field = &layout->fields[next++];
		const struct bytes value = {in.at + HEADER_SIZE, len};

		if (!take(field, (char *)record + field->offset, value, err))
			return false;
		in.at += HEADER_SIZE + len;
		in.len -= HEADER_SIZE + len;
	}
	return true;
}

bool record_unpack(
	const struct record_layout *layout, struct bytes in, void *record, struct error *err)
{
	if (unpack(layout, in, record, err))
		return true;
	record_free(layout, record);
	return false;
}

void record_free(const struct record_layout *layout, void *record)
{
	for (size_t i = 0; i < layout->count; i++) {
		void *const at = (char *)record + layout->fields[i].offset;

		if (layout->fields[i].kind == RECORD_STRING)
			free(*(char **)at);
		if (layout->fields[i].kind == RECORD_BUF)
			buf_free(at);
	}
	memset(record, 0, layout->size);
}
