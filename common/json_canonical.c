/*
 * The OLPC dialect of canonical JSON, as TUF clients sign it: from the tokens,
 * never from a tree.  What is written of each object is put in order when the
 * object ends, so nothing here needs recursion.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/json_token.h"

struct member {
	struct json_token name;
	size_t at, len; /* "name":value in the text */
};

struct level {
	bool is_object;
	size_t start;        /* of its content in the text */
	size_t first_member; /* of an object */
	size_t count;        /* elements of an array */
};

struct canonical {
	struct buf text; /* written so far; the members of open objects without commas */
	struct buf scratch;
	struct member *members; /* of all open objects, innermost last */
	size_t member_count, member_room;
	struct level levels[JSON_DEPTH_MAX + 1]; /* 0 is the document itself */
	size_t depth;
};

static void canonical_done(struct canonical *self)
{
	buf_free(&self->text);
	buf_free(&self->scratch);
	free(self->members);
}

static struct level *innermost(struct canonical *self)
{
	return &self->levels[self->depth];
}

static bool write_string(
	struct canonical *self, const struct json_token *token, struct error *err)
{
	struct buf *const text = &self->text;
	struct buf *const meaning = &self->scratch;

	meaning->len = 0;
	/* In the worst case each byte gets a backslash. */
	if (!json_token_text(token, meaning, err)
		|| !buf_reserve(text, 2 * meaning->len + 2, err))
		return false;
	text->at[text->len++] = '"';
	for (size_t i = 0; i < meaning->len; i++) {
		if (meaning->at[i] == '"' || meaning->at[i] == '\\')
			text->at[text->len++] = '\\';
		text->at[text->len++] = meaning->at[i];
	}
	text->at[text->len++] = '"';
	return true;
}

/* ---- objects ---- */

static void end_member(struct canonical *self, const struct level *object)
{
	if (self->member_count > object->first_member) {
		struct member *const last = &self->members[self->member_count - 1];

		last->len = self->text.len - last->at;
	}
}

static bool put_name(struct canonical *self, const struct json_token *name, struct error *err)
{
	end_member(self, innermost(self));
	if (self->member_count == self->member_room) {
		const size_t room = self->member_room == 0 ? 32 : 2 * self->member_room;
		struct member *const members = realloc(self->members, room * sizeof(*members));

		if (members == NULL)
			return error_errno(err, "cannot allocate %zu members", room);
		self->members = members;
		self->member_room = room;
	}
	self->members[self->member_count++] = (struct member){*name, self->text.len, 0};
	return write_string(self, name, err) && buf_append(&self->text, bytes_of(":"), err);
}

static int compare_members(const void *a, const void *b)
{
	const struct member *const member_a = a, *const member_b = b;

	return json_token_compare(&member_a->name, &member_b->name);
}

/* The members from FIRST on, in their new order, and the closing brace. */
static bool gather_members(struct canonical *self, size_t first, struct error *err)
{
	self->scratch.len = 0;
	for (size_t i = first; i < self->member_count; i++) {
		const struct member *const member = &self->members[i];
		const struct bytes text = {self->text.at + member->at, member->len};

		if ((i > first && !buf_append(&self->scratch, bytes_of(","), err))
			|| !buf_append(&self->scratch, text, err))
			return false;
	}
	return buf_append(&self->scratch, bytes_of("}"), err);
}

static bool put_object_end(
	struct canonical *self, const struct json_token *token, struct error *err)
{
	const struct level object = *innermost(self);
	const size_t count = self->member_count - object.first_member;

	(void)token;
	end_member(self, &object);
	if (count > 1)
		qsort(self->members + object.first_member, count, sizeof(*self->members),
			compare_members);
	if (!gather_members(self, object.first_member, err))
		return false;
	self->text.len = object.start;
	self->member_count = object.first_member;
	self->depth--;
	return buf_append(&self->text, buf_bytes(&self->scratch), err);
}

/* ---- values ---- */

/* Whatever begins a value: its comma, if it is not the first of an array. */
static bool begin_value(struct canonical *self, struct error *err)
{
	struct level *const level = innermost(self);

	if (level->is_object || level->count++ == 0)
		return true;
	return buf_append(&self->text, bytes_of(","), err);
}

static bool put_open(struct canonical *self, const struct json_token *token, struct error *err)
{
	const bool is_object = token->kind == JSON_TOKEN_OBJECT;

	if (!begin_value(self, err)
		|| !buf_append(&self->text, bytes_of(is_object ? "{" : "["), err))
		return false;
	self->levels[++self->depth]
		= (struct level){is_object, self->text.len, self->member_count, 0};
	return true;
}

static bool put_array_end(
	struct canonical *self, const struct json_token *token, struct error *err)
{
	(void)token;
	self->depth--;
	return buf_append(&self->text, bytes_of("]"), err);
}

static bool put_string(
	struct canonical *self, const struct json_token *token, struct error *err)
{
	return begin_value(self, err) && write_string(self, token, err);
}

/* Digits stay as they are; only zero has two ways to be written. */
static bool put_literal(
	struct canonical *self, const struct json_token *token, struct error *err)
{
	const bool minus_zero = bytes_equal(token->text, bytes_of("-0"));

	return begin_value(self, err)
		&& buf_append(&self->text, minus_zero ? bytes_of("0") : token->text, err);
}

static bool put_token(struct canonical *self, const struct json_token *token, struct error *err)
{
	static bool (*const put[])(
		struct canonical *, const struct json_token *, struct error *)
		= {
			[JSON_TOKEN_OBJECT] = put_open,
			[JSON_TOKEN_OBJECT_END] = put_object_end,
			[JSON_TOKEN_ARRAY] = put_open,
			[JSON_TOKEN_ARRAY_END] = put_array_end,
			[JSON_TOKEN_NAME] = put_name,
			[JSON_TOKEN_STRING] = put_string,
			[JSON_TOKEN_NUMBER] = put_literal,
			[JSON_TOKEN_TRUE] = put_literal,
			[JSON_TOKEN_FALSE] = put_literal,
			[JSON_TOKEN_NULL] = put_literal,
		};

	return put[token->kind](self, token, err);
}

bool json_canonical(struct bytes document, struct buf *out, struct error *err)
{
	CLEANUP(json_tokens_cleanup) struct json_tokens *tokens = NULL;
	CLEANUP(canonical_done) struct canonical canonical = {0};
	struct json_token token = {0};

	if (!json_tokens_new(document, JSON_LISTING, &tokens, err)
		|| !json_tokens_next(tokens, &token, err))
		return false;
	while (token.kind != JSON_TOKEN_END)
		if (!put_token(&canonical, &token, err)
			|| !json_tokens_next(tokens, &token, err))
			return false;
	return buf_append(out, buf_bytes(&canonical.text), err);
}
