/*
 * tuf_read.h - reading signed JSON by tables: what a member is called, where its value
 * goes and which function reads it.
 *
 * Every read function finds the first token of its value in reader->token and leaves
 * the last one there.  Members no table names are skipped: they are legal, and covered
 * by the signature like all others.  Names are compared by what they mean, so that an
 * escape in one hides nothing.  Everything refused is ERROR_MALFORMED.
 */
#ifndef COMMON_TUF_READ_H
#define COMMON_TUF_READ_H

#include "common/json_token.h"
#include "common/tuf/tuf_arena.h"

struct tuf_reader {
	struct json_tokens *tokens;
	struct json_token token;
	struct bytes document;   /* borrowed */
	struct tuf_arena *arena; /* where texts and lists go; borrowed */
	const char *what;        /* the member being read, for what is said of it */
	bool strict_keyids;      /* see struct tuf_settings */
};

/* Begin DOCUMENT: its first token is pulled. */
NODISCARD bool tuf_reader_begin(
	struct tuf_reader *, struct bytes document, struct tuf_arena *, struct error *);
/* After the value: nothing may follow it. */
NODISCARD bool tuf_reader_end(struct tuf_reader *, struct error *);
void tuf_reader_done(struct tuf_reader *);

typedef bool tuf_read(struct tuf_reader *, void *at, struct error *);
typedef bool tuf_read_named(
	struct tuf_reader *, const struct json_token *name, void *self, struct error *);

struct tuf_field {
	const char *name;
	tuf_read *read;
	size_t offset; /* of what READ fills, in the struct the table is for */
	bool required;
};

enum { TUF_FIELDS_MAX = 16 }; /* of one table */

/* An object by a table. */
NODISCARD bool tuf_read_object(struct tuf_reader *, const struct tuf_field *, size_t count,
	void *self, struct error *);
/* An object whose names are data: EACH finds the value's first token. */
NODISCARD bool tuf_read_members(
	struct tuf_reader *, tuf_read_named *each, void *self, struct error *);
/* An array. */
NODISCARD bool tuf_read_elements(
	struct tuf_reader *, tuf_read *each, void *self, struct error *);

tuf_read tuf_read_text;      /* const char *, in the arena */
tuf_read tuf_read_some_text; /* the same, not empty */
tuf_read tuf_read_bool;      /* bool */
tuf_read tuf_read_integer;   /* int64_t, not negative */
tuf_read tuf_read_positive;  /* int64_t, at least 1 */
tuf_read tuf_read_time;      /* int64_t: seconds since 1970, from YYYY-MM-DDTHH:MM:SSZ */
tuf_read tuf_read_slice;     /* struct bytes: the value as it stands in the document */
tuf_read tuf_read_texts;     /* struct tuf_list of const char * */

/* Over the value, whatever it is. */
NODISCARD bool tuf_skip(struct tuf_reader *, struct error *);
/* What a name or text means, into the arena. */
NODISCARD bool tuf_token_text(
	struct tuf_reader *, const struct json_token *, const char **, struct error *);
/* Does the name or text mean TEXT, which needs no escapes? */
bool tuf_token_is(const struct json_token *, const char *text);

#endif
