#include <string.h>

#include "common/json_listing.h"
#include "common/json_token.h"

/* ---- reading ---- */

struct listing {
	struct bytes document;
	enum json_dialect dialect;
	const char *name;
	bool (*visit)(void *self, const struct json *element, struct error *);
	void *self;
	struct json_tokens *tokens;
	bool found;
	size_t begin, end; /* of the array's content */
};

static bool is_opening(enum json_token_kind kind)
{
	return kind == JSON_TOKEN_OBJECT || kind == JSON_TOKEN_ARRAY;
}

static bool is_closing(enum json_token_kind kind)
{
	return kind == JSON_TOKEN_OBJECT_END || kind == JSON_TOKEN_ARRAY_END;
}

/* To the end of the value that TOKEN begins. */
static bool skip(struct listing *listing, struct json_token token, struct error *err)
{
	for (size_t depth = is_opening(token.kind) ? 1 : 0; depth > 0;) {
		if (!json_tokens_next(listing->tokens, &token, err))
			return false;
		if (is_opening(token.kind))
			depth++;
		else if (is_closing(token.kind))
			depth--;
	}
	return true;
}

/* The element that ends here and began at FROM, a comma and white space before it. */
static bool visit_element(const struct listing *listing, size_t from, struct error *err)
{
	CLEANUP(json_cleanup) struct json *element = NULL;
	struct bytes text
		= {listing->document.at + from, json_tokens_position(listing->tokens) - from};

	while (text.len > 0 && strchr(", \t\r\n", text.at[0]) != NULL) {
		text.at++;
		text.len--;
	}
	return json_parse(text, listing->dialect, &element, err)
		&& listing->visit(listing->self, element, err);
}

static bool read_elements(struct listing *listing, struct error *err)
{
	struct json_token token = {0};

	listing->found = true;
	listing->begin = json_tokens_position(listing->tokens);
	for (;;) {
		const size_t from = json_tokens_position(listing->tokens);

		json_tokens_recount(listing->tokens);
		if (!json_tokens_next(listing->tokens, &token, err))
			return false;
		if (token.kind == JSON_TOKEN_ARRAY_END) {
			listing->end = json_tokens_position(listing->tokens) - 1;
			return true;
		}
		if (!skip(listing, token, err)
			|| (listing->visit != NULL && !visit_element(listing, from, err)))
			return false;
	}
}

static bool is_named(const struct json_token *name, const char *wanted)
{
	const struct json_token other = {.kind = JSON_TOKEN_NAME, .text = bytes_of(wanted)};

	return json_token_compare(name, &other) == 0;
}

static bool read_members(struct listing *listing, struct error *err)
{
	struct json_token name = {0}, value = {0};

	for (;;) {
		if (!json_tokens_next(listing->tokens, &name, err))
			return false;
		if (name.kind != JSON_TOKEN_NAME) /* the object's end, or the document's */
			return true;
		if (!json_tokens_next(listing->tokens, &value, err))
			return false;

		const bool is_it
			= value.kind == JSON_TOKEN_ARRAY && is_named(&name, listing->name);

		if (is_it && listing->found) /* the end of the object would tell, later */
			return error_set(err, ERROR_MALFORMED, "%s: twice", listing->name);
		if (!(is_it ? read_elements(listing, err) : skip(listing, value, err)))
			return false;
	}
}

static bool parse_rest(const struct listing *listing, struct json **out, struct error *err)
{
	CLEANUP(buf_free) struct buf rest = {0};
	const struct bytes whole = listing->document;

	return buf_append(&rest, (struct bytes){whole.at, listing->begin}, err)
		&& buf_append(&rest,
			(struct bytes){whole.at + listing->end, whole.len - listing->end}, err)
		&& json_parse(buf_bytes(&rest), listing->dialect, out, err);
}

bool json_listing_read(struct bytes document, enum json_dialect dialect, const char *name,
	bool (*visit)(void *self, const struct json *element, struct error *), void *self,
	struct json **rest, struct error *err)
{
	CLEANUP(json_tokens_cleanup) struct json_tokens *tokens = NULL;
	struct listing listing = {.document = document,
		.dialect = dialect,
		.name = name,
		.visit = visit,
		.self = self};
	struct json_token token = {0};

	if (!json_tokens_new(document, dialect, &tokens, err)
		|| !json_tokens_next(tokens, &token, err))
		return false;
	listing.tokens = tokens;
	if (token.kind == JSON_TOKEN_OBJECT && !read_members(&listing, err))
		return false;
	if (!listing.found)
		return error_set(err, ERROR_MALFORMED, "%s missing or not an array", name);
	return json_tokens_next(tokens, &token, err) && parse_rest(&listing, rest, err);
}

/* ---- writing ---- */

bool json_listing_begin(
	const struct json *rest, const char *name, struct buf *out, struct error *err)
{
	const size_t start = out->len;

	if (!json_print(rest, out, err))
		return false;
	out->len--; /* its closing brace */
	return buf_print(out, err, "%s\"%s\":[", out->len == start + 1 ? "" : ",", name);
}

bool json_listing_add(const struct json *element, struct buf *out, struct error *err)
{
	return (out->at[out->len - 1] == '[' || buf_print(out, err, ","))
		&& json_print(element, out, err);
}

bool json_listing_end(struct buf *out, struct error *err)
{
	return buf_print(out, err, "]}");
}
