/*
 * json_token.h - the strict tokeniser beneath json.h, pulled one token at a time.
 *
 * For whoever must not lose a bit of a document: the canonical writer, signature
 * checks, large listings read without a tree.  Numbers are given as their digits,
 * never as a double.  The bans are those of json_check(): they hold for what was
 * pulled so far, and for the document once JSON_TOKEN_END came (a key's twin is
 * only found at the end of its object).
 *
 *	CLEANUP(json_tokens_cleanup) struct json_tokens *tokens = NULL;
 *	struct json_token token = {0};
 *
 *	if (!json_tokens_new(document, JSON_SIGNED, &tokens, err))
 *		return false;
 *	do
 *		if (!json_tokens_next(tokens, &token, err))
 *			return false;
 *	while (token.kind != JSON_TOKEN_END);
 */
#ifndef COMMON_JSON_TOKEN_H
#define COMMON_JSON_TOKEN_H

#include "common/json.h"

enum json_token_kind {
	JSON_TOKEN_END, /* of the document */
	JSON_TOKEN_OBJECT,
	JSON_TOKEN_OBJECT_END,
	JSON_TOKEN_ARRAY,
	JSON_TOKEN_ARRAY_END,
	JSON_TOKEN_NAME, /* of a member; its value is the next token */
	JSON_TOKEN_STRING,
	JSON_TOKEN_NUMBER,
	JSON_TOKEN_TRUE,
	JSON_TOKEN_FALSE,
	JSON_TOKEN_NULL,
};

struct json_token {
	enum json_token_kind kind;
	bool escaped;      /* a name or string with a backslash in it */
	struct bytes text; /* as in the document, strings without their quotes; borrowed */
};

struct json_tokens;

/* DOCUMENT is borrowed until json_tokens_free(). */
NODISCARD bool json_tokens_new(
	struct bytes document, enum json_dialect, struct json_tokens **, struct error *);
/* The next token; JSON_TOKEN_END again and again after the last.  After an error
 * the tokens can only be freed.  ERROR_MALFORMED says what and at which byte. */
NODISCARD bool json_tokens_next(struct json_tokens *, struct json_token *, struct error *);
/* Let JSON_VALUES_MAX count from here: for one element after the other of a listing. */
void json_tokens_recount(struct json_tokens *);
/* Where the next token is looked for: bytes from the start of the document. */
size_t json_tokens_position(const struct json_tokens *);
void json_tokens_free(struct json_tokens *);
void json_tokens_cleanup(struct json_tokens **);

/* Append what a name or string means: its text without escapes, UTF-8, no NUL in it. */
NODISCARD bool json_token_text(const struct json_token *, struct buf *, struct error *);
/* Order two names or strings by the bytes of what they mean: negative, 0, positive. */
int json_token_compare(const struct json_token *, const struct json_token *);
/* The number as an integer; false when it is none or does not fit. */
bool json_token_integer(const struct json_token *, int64_t *);

#endif
