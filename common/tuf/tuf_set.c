#include <stdlib.h>
#include <string.h>

#include "common/tuf/tuf_set.h"
#include "common/utf8.h"

#define MAGIC "TUFSET1\n"

enum {
	MAGIC_SIZE = sizeof(MAGIC) - 1,
	KIND_SIZE = 1,
	NAME_LENGTH_SIZE = 2,
	CONTENT_LENGTH_SIZE = 4,
	RECORD_SIZE = KIND_SIZE + NAME_LENGTH_SIZE + CONTENT_LENGTH_SIZE /* without both */
};

static uint32_t load(const uint8_t *at, size_t size)
{
	uint32_t value = 0;

	for (size_t i = 0; i < size; i++)
		value = value << 8 | at[i];
	return value;
}

static void put(uint8_t *at, size_t size, uint32_t value)
{
	for (size_t i = size; i > 0; i--, value >>= 8)
		at[i - 1] = (uint8_t)value;
}

/* ---- what may be in it ---- */

static bool is_file_name(struct bytes name)
{
	for (size_t i = 0; i < name.len; i++) {
		const uint8_t c = name.at[i];
		const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		if (!is_letter && !(c >= '0' && c <= '9')
			&& (c == 0 || strchr("_.-~%", c) == NULL))
			return false;
	}
	return true;
}

static bool is_path(struct bytes name)
{
	return memchr(name.at, 0, name.len) == NULL && utf8_valid(name) == name.len;
}

static const struct {
	bool (*is_name)(struct bytes);
	size_t content_max;
} kinds[TUF_SET_KIND_COUNT] = {
	[TUF_SET_METADATA] = {is_file_name, TUF_SET_CONTENT_MAX},
	[TUF_SET_DIRECTION] = {is_path, TUF_SET_CONTENT_MAX},
	[TUF_SET_ARTIFACT] = {is_path, 0},
};

static bool may_be(
	enum tuf_set_kind kind, struct bytes name, uint64_t content_len, struct error *err)
{
	if ((unsigned)kind >= TUF_SET_KIND_COUNT)
		return error_set(err, ERROR_MALFORMED, "a record of an unknown kind");
	if (name.len == 0 || name.len > TUF_SET_NAME_MAX || !kinds[kind].is_name(name))
		return error_set(err, ERROR_MALFORMED, "a record without a proper name");
	if (content_len > kinds[kind].content_max)
		return error_set(err, ERROR_MALFORMED, "a record of more than %zu bytes",
			kinds[kind].content_max);
	return true;
}

static int compare(
	enum tuf_set_kind kind_a, struct bytes a, enum tuf_set_kind kind_b, struct bytes b)
{
	if (kind_a != kind_b)
		return kind_a < kind_b ? -1 : 1;

	const int order = memcmp(a.at, b.at, a.len < b.len ? a.len : b.len);

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* ---- reading ---- */

static struct bytes name_of(const struct tuf_set_record *record)
{
	return bytes_of(record->name);
}

static bool read_at(
	const struct tuf_set *set, uint64_t offset, uint8_t *at, size_t len, struct error *err)
{
	if (offset > set->source.size || len > set->source.size - offset)
		return error_set(err, ERROR_MALFORMED, "a record that is cut off");
	if (len == 0)
		return true; /* AT may be NULL */
	if (set->source.read != NULL)
		return set->source.read(set->source.self, offset, at, len, err);
	if (set->bytes.at == NULL)
		return error_set(err, ERROR_MALFORMED, "a set of no bytes");
	memcpy(at, set->bytes.at + offset, len);
	return true;
}

/* The record that begins at OFFSET. */
static bool read_record(const struct tuf_set *set, uint64_t offset, struct tuf_set_record *out,
	struct error *err)
{
	uint8_t head[KIND_SIZE + NAME_LENGTH_SIZE], tail[CONTENT_LENGTH_SIZE];
	struct tuf_set_record record = {0};

	if (!read_at(set, offset, head, sizeof(head), err))
		return false;
	offset += sizeof(head);

	const size_t name_len = load(head + KIND_SIZE, NAME_LENGTH_SIZE);

	if (name_len > TUF_SET_NAME_MAX)
		return error_set(err, ERROR_MALFORMED, "a record with too long a name");
	if (!read_at(set, offset, (uint8_t *)record.name, name_len, err)
		|| !read_at(set, offset + name_len, tail, sizeof(tail), err))
		return false;
	record.kind = (enum tuf_set_kind)head[0];
	record.offset = offset + name_len + sizeof(tail);
	record.len = load(tail, sizeof(tail));

	const struct bytes name = {(const uint8_t *)record.name, name_len};

	if (!may_be(record.kind, name, record.len, err))
		return false;
	if (record.len > set->source.size - record.offset)
		return error_set(err, ERROR_MALFORMED, "a record that is cut off");
	*out = record;
	return true;
}

static bool add_place(struct tuf_set *set, size_t *room, uint64_t offset, struct error *err)
{
	if (set->count == TUF_SET_FILES_MAX)
		return error_set(
			err, ERROR_MALFORMED, "more than %d records", (int)TUF_SET_FILES_MAX);
	if (set->count == *room) {
		const size_t more = *room == 0 ? 64 : *room * 2;
		uint32_t *const at = realloc(set->at, more * sizeof(*at));

		if (at == NULL)
			return error_errno(err, "cannot allocate a set");
		set->at = at;
		*room = more;
	}
	set->at[set->count++] = (uint32_t)offset;
	return true;
}

static bool read_places(struct tuf_set *set, struct error *err)
{
	struct tuf_set_record last = {0}, record = {0};
	size_t room = 0;

	for (uint64_t at = MAGIC_SIZE; at < set->source.size; at = record.offset + record.len) {
		if (!add_place(set, &room, at, err) || !read_record(set, at, &record, err))
			return false;
		if (set->count > 1
			&& compare(last.kind, name_of(&last), record.kind, name_of(&record))
				>= 0)
			return error_set(err, ERROR_MALFORMED, "records out of order");
		last = record;
	}
	return true;
}

static bool open_set(struct tuf_set *set, struct error *err)
{
	uint8_t magic[MAGIC_SIZE];

	if (set->source.size > TUF_SET_MAX)
		return error_set(err, ERROR_MALFORMED, "more than %d bytes", (int)TUF_SET_MAX);
	if (!read_at(set, 0, magic, sizeof(magic), err))
		return false;
	if (memcmp(magic, MAGIC, MAGIC_SIZE) != 0)
		return error_set(err, ERROR_MALFORMED, "not one");
	return read_places(set, err);
}

/* What the memory of SET is, moves to OUT. */
static bool open_and_move(struct tuf_set *set, struct tuf_set *out, struct error *err)
{
	if (!open_set(set, err))
		return error_while(err, "set");
	*out = *set;
	*set = (struct tuf_set){0};
	return true;
}

bool tuf_set_open_source(
	const struct tuf_set_source *source, struct tuf_set *out, struct error *err)
{
	CLEANUP(tuf_set_done) struct tuf_set set = {.source = *source};

	return open_and_move(&set, out, err);
}

bool tuf_set_open(struct bytes bytes, struct tuf_set *out, struct error *err)
{
	CLEANUP(tuf_set_done) struct tuf_set set = {.source.size = bytes.len, .bytes = bytes};

	return open_and_move(&set, out, err);
}

void tuf_set_done(struct tuf_set *set)
{
	free(set->at);
	*set = (struct tuf_set){0};
}

bool tuf_set_record(const struct tuf_set *set, size_t index, struct tuf_set_record *record,
	struct error *err)
{
	return read_record(set, set->at[index], record, err);
}

static bool find(const struct tuf_set *set, enum tuf_set_kind kind, const char *name,
	struct tuf_set_record *out, bool *found, struct error *err)
{
	size_t low = 0, high = set->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		struct tuf_set_record record;

		if (!tuf_set_record(set, middle, &record, err))
			return false;

		const int order = compare(kind, bytes_of(name), record.kind, name_of(&record));

		if (order == 0) {
			*out = record;
			*found = true;
			return true;
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	*found = false;
	return true;
}

bool tuf_set_find(const struct tuf_set *set, enum tuf_set_kind kind, const char *name,
	struct bytes *content)
{
	struct tuf_set_record record;
	struct error ignored = {0};
	bool found = false;

	if (set->bytes.at == NULL || !find(set, kind, name, &record, &found, &ignored)
		|| !found)
		return false;
	*content = (struct bytes){set->bytes.at + record.offset, record.len};
	return true;
}

bool tuf_set_read(const struct tuf_set *set, enum tuf_set_kind kind, const char *name,
	size_t max, struct buf *out, bool *found, struct error *err)
{
	struct tuf_set_record record;
	bool is_there = false;

	if (!find(set, kind, name, &record, &is_there, err))
		return false;
	if (is_there) {
		if (record.len > max)
			return error_set(
				err, ERROR_MALFORMED, "%s: more than %zu bytes", name, max);
		if (!buf_reserve(out, record.len, err)
			|| !read_at(set, record.offset, out->at + out->len, record.len, err))
			return false;
		out->len += record.len;
	}
	*found = is_there;
	return true;
}

/* ---- making one ---- */

struct tuf_set_item {
	enum tuf_set_kind kind;
	char *name;
	struct buf content;
};

static void item_done(struct tuf_set_item *item)
{
	free(item->name);
	buf_free(&item->content);
}

static bool make_room(struct tuf_set_writer *writer, struct error *err)
{
	if (writer->count < writer->room)
		return true;

	const size_t room = writer->room == 0 ? 64 : writer->room * 2;
	struct tuf_set_item *const items = realloc(writer->items, room * sizeof(*items));

	if (items == NULL)
		return error_errno(err, "cannot allocate a set");
	writer->items = items;
	writer->room = room;
	return true;
}

bool tuf_set_add(struct tuf_set_writer *writer, enum tuf_set_kind kind, const char *name,
	struct bytes content, struct error *err)
{
	CLEANUP(item_done) struct tuf_set_item item = {.kind = kind};
	const uint64_t before = writer->size == 0 ? MAGIC_SIZE : writer->size;
	const uint64_t size = before + RECORD_SIZE + strlen(name) + content.len;

	if (!may_be(kind, bytes_of(name), content.len, err))
		return error_while(err, "%s", name);
	if (size > TUF_SET_MAX || writer->count == TUF_SET_FILES_MAX)
		return error_set(err, ERROR_MALFORMED,
			"what a device needs is more than %d bytes, or %d files",
			(int)TUF_SET_MAX, (int)TUF_SET_FILES_MAX);
	if (!make_room(writer, err) || !buf_append(&item.content, content, err))
		return false;
	item.name = strdup(name);
	if (item.name == NULL)
		return error_errno(err, "cannot allocate a set");
	writer->items[writer->count++] = item;
	writer->size = size;
	item = (struct tuf_set_item){0};
	return true;
}

static int compare_items(const void *a, const void *b)
{
	const struct tuf_set_item *const item_a = a, *const item_b = b;

	return compare(
		item_a->kind, bytes_of(item_a->name), item_b->kind, bytes_of(item_b->name));
}

static bool pour(const struct tuf_set_item *item, struct sink sink, struct error *err)
{
	const struct bytes name = bytes_of(item->name), content = buf_bytes(&item->content);
	uint8_t head[KIND_SIZE + NAME_LENGTH_SIZE], tail[CONTENT_LENGTH_SIZE];

	head[0] = (uint8_t)item->kind;
	put(head + KIND_SIZE, NAME_LENGTH_SIZE, (uint32_t)name.len);
	put(tail, sizeof(tail), (uint32_t)content.len);
	return sink.write(sink.self, (struct bytes){head, sizeof(head)}, err)
		&& sink.write(sink.self, name, err)
		&& sink.write(sink.self, (struct bytes){tail, sizeof(tail)}, err)
		&& (content.len == 0 || sink.write(sink.self, content, err));
}

bool tuf_set_encode(struct tuf_set_writer *writer, struct sink sink, struct error *err)
{
	if (writer->count > 1)
		qsort(writer->items, writer->count, sizeof(*writer->items), compare_items);
	for (size_t i = 1; i < writer->count; i++)
		if (compare_items(&writer->items[i - 1], &writer->items[i]) == 0)
			return error_set(err, ERROR_USAGE, "%s: twice", writer->items[i].name);
	if (!sink.write(sink.self, bytes_of(MAGIC), err))
		return false;
	for (size_t i = 0; i < writer->count; i++)
		if (!pour(&writer->items[i], sink, err))
			return false;
	return true;
}

void tuf_set_writer_done(struct tuf_set_writer *writer)
{
	for (size_t i = 0; i < writer->count; i++)
		item_done(&writer->items[i]);
	free(writer->items);
	*writer = (struct tuf_set_writer){0};
}
