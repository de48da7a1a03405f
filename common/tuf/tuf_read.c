#include <string.h>
#include <time.h>

#include "common/tuf/tuf_read.h"

static bool refuse(const struct tuf_reader *reader, const char *why, struct error *err)
{
	return error_set(err, ERROR_MALFORMED, "%s: %s", reader->what, why);
}

static bool pull(struct tuf_reader *reader, struct error *err)
{
	return json_tokens_next(reader->tokens, &reader->token, err);
}

bool tuf_reader_begin(struct tuf_reader *reader, struct bytes document, struct tuf_arena *arena,
	struct error *err)
{
	reader->document = document;
	reader->arena = arena;
	reader->what = "document";
	return json_tokens_new(document, JSON_LISTING, &reader->tokens, err)
		&& pull(reader, err);
}

bool tuf_reader_end(struct tuf_reader *reader, struct error *err)
{
	return pull(reader, err);
}

void tuf_reader_done(struct tuf_reader *reader)
{
	json_tokens_cleanup(&reader->tokens);
}

/* ---- texts ---- */

bool tuf_token_is(const struct json_token *token, const char *text)
{
	const struct json_token other = {.kind = token->kind, .text = bytes_of(text)};

	return json_token_compare(token, &other) == 0;
}

bool tuf_token_text(struct tuf_reader *reader, const struct json_token *token, const char **out,
	struct error *err)
{
	CLEANUP(buf_free) struct buf meaning = {0};

	if (!token->escaped)
		return tuf_arena_text(reader->arena, token->text, out, err);
	return json_token_text(token, &meaning, err)
		&& tuf_arena_text(reader->arena, buf_bytes(&meaning), out, err);
}

bool tuf_read_text(struct tuf_reader *reader, void *at, struct error *err)
{
	const char **const out = at;

	if (reader->token.kind != JSON_TOKEN_STRING)
		return refuse(reader, "not a string", err);
	return tuf_token_text(reader, &reader->token, out, err);
}

bool tuf_read_some_text(struct tuf_reader *reader, void *at, struct error *err)
{
	if (reader->token.kind == JSON_TOKEN_STRING && reader->token.text.len == 0)
		return refuse(reader, "empty", err);
	return tuf_read_text(reader, at, err);
}

static bool read_one_text(struct tuf_reader *reader, void *self, struct error *err)
{
	struct tuf_list *const list = self;
	const char *text = NULL;

	if (!tuf_read_text(reader, &text, err))
		return false;

	const char **const added = tuf_list_add(list, reader->arena, sizeof(*added), err);

	if (added == NULL)
		return false;
	*added = text;
	return true;
}

bool tuf_read_texts(struct tuf_reader *reader, void *at, struct error *err)
{
	return tuf_read_elements(reader, read_one_text, at, err);
}

/* ---- other scalars ---- */

bool tuf_read_bool(struct tuf_reader *reader, void *at, struct error *err)
{
	bool *const out = at;

	if (reader->token.kind != JSON_TOKEN_TRUE && reader->token.kind != JSON_TOKEN_FALSE)
		return refuse(reader, "neither true nor false", err);
	*out = reader->token.kind == JSON_TOKEN_TRUE;
	return true;
}

bool tuf_read_integer(struct tuf_reader *reader, void *at, struct error *err)
{
	int64_t *const out = at, value = 0;

	if (reader->token.kind != JSON_TOKEN_NUMBER
		|| !json_token_integer(&reader->token, &value) || value < 0)
		return refuse(reader, "not an integer of 0 or more", err);
	*out = value;
	return true;
}

bool tuf_read_positive(struct tuf_reader *reader, void *at, struct error *err)
{
	int64_t *const out = at, value = 0;

	if (!tuf_read_integer(reader, &value, err))
		return false;
	if (value == 0)
		return refuse(reader, "0, but must be 1 or more", err);
	*out = value;
	return true;
}

/* Exactly the digits of the pattern, and its other characters as they stand. */
static bool has_shape(const char *text)
{
	static const char shape[] = "0000-00-00T00:00:00Z";
	size_t i = 0;

	for (; shape[i] != 0; i++)
		if (shape[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != shape[i])
			return false;
	return text[i] == 0;
}

static int two_digits(const char *at)
{
	return 10 * (at[0] - '0') + at[1] - '0';
}

bool tuf_read_time(struct tuf_reader *reader, void *at, struct error *err)
{
	int64_t *const out = at;
	const char *text = NULL;

	if (!tuf_read_text(reader, &text, err))
		return false;
	if (!has_shape(text))
		return refuse(reader, "not a time as 2030-12-31T23:59:59Z", err);

	const struct tm said = {.tm_year = 100 * two_digits(text) + two_digits(text + 2) - 1900,
		.tm_mon = two_digits(text + 5) - 1,
		.tm_mday = two_digits(text + 8),
		.tm_hour = two_digits(text + 11),
		.tm_min = two_digits(text + 14),
		.tm_sec = two_digits(text + 17)};
	struct tm meant = said;
	const time_t seconds = timegm(&meant);

	/* timegm() makes the 31st of February a day of March. */
	if (meant.tm_mon != said.tm_mon || meant.tm_mday != said.tm_mday
		|| meant.tm_hour != said.tm_hour || meant.tm_min != said.tm_min
		|| meant.tm_sec != said.tm_sec)
		return refuse(reader, "no such time", err);
	*out = (int64_t)seconds;
	return true;
}

/* ---- objects and arrays ---- */

bool tuf_skip(struct tuf_reader *reader, struct error *err)
{
	size_t depth = 0;

	for (;;) {
		const enum json_token_kind kind = reader->token.kind;

		if (kind == JSON_TOKEN_OBJECT || kind == JSON_TOKEN_ARRAY)
			depth++;
		if (kind == JSON_TOKEN_OBJECT_END || kind == JSON_TOKEN_ARRAY_END)
			depth--;
		if (depth == 0)
			return true;
		if (!pull(reader, err))
			return false;
	}
}

/* Where the value begins follows from its token: an opening bracket is one byte, a
 * string has a quote before and after it. */
static size_t value_start(const struct tuf_reader *reader)
{
	if (reader->token.kind == JSON_TOKEN_OBJECT || reader->token.kind == JSON_TOKEN_ARRAY)
		return json_tokens_position(reader->tokens) - 1;

	const size_t at = (size_t)(reader->token.text.at - reader->document.at);

	return reader->token.kind == JSON_TOKEN_STRING ? at - 1 : at;
}

bool tuf_read_slice(struct tuf_reader *reader, void *at, struct error *err)
{
	struct bytes *const out = at;
	const size_t start = value_start(reader);

	if (!tuf_skip(reader, err))
		return false;
	*out = (struct bytes){
		reader->document.at + start, json_tokens_position(reader->tokens) - start};
	return true;
}

bool tuf_read_members(
	struct tuf_reader *reader, tuf_read_named *each, void *self, struct error *err)
{
	if (reader->token.kind != JSON_TOKEN_OBJECT)
		return refuse(reader, "not an object", err);
	if (!pull(reader, err))
		return false;
	while (reader->token.kind != JSON_TOKEN_OBJECT_END) {
		const struct json_token name = reader->token;

		if (!pull(reader, err) || !each(reader, &name, self, err) || !pull(reader, err))
			return false;
	}
	return true;
}

bool tuf_read_elements(struct tuf_reader *reader, tuf_read *each, void *self, struct error *err)
{
	if (reader->token.kind != JSON_TOKEN_ARRAY)
		return refuse(reader, "not an array", err);
	if (!pull(reader, err))
		return false;
	while (reader->token.kind != JSON_TOKEN_ARRAY_END)
		if (!each(reader, self, err) || !pull(reader, err))
			return false;
	return true;
}

/* What tuf_read_object() knows while it goes through the members. */
struct table {
	const struct tuf_field *fields;
	size_t count;
	uint8_t *self;
	bool seen[TUF_FIELDS_MAX];
};

static bool read_field(
	struct tuf_reader *reader, const struct json_token *name, void *self, struct error *err)
{
	struct table *const table = self;

	for (size_t i = 0; i < table->count; i++) {
		const struct tuf_field *const field = &table->fields[i];

		if (!tuf_token_is(name, field->name))
			continue;
		table->seen[i] = true;
		reader->what = field->name;
		return field->read(reader, table->self + field->offset, err);
	}
	return tuf_skip(reader, err);
}

bool tuf_read_object(struct tuf_reader *reader, const struct tuf_field *fields, size_t count,
	void *self, struct error *err)
{
	struct table table = {.fields = fields, .count = count, .self = self};

	if (!tuf_read_members(reader, read_field, &table, err))
		return false;
	for (size_t i = 0; i < count; i++)
		if (fields[i].required && !table.seen[i])
			return error_set(err, ERROR_MALFORMED, "%s missing", fields[i].name);
	return true;
}
