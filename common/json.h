/*
 * json.h - strict JSON: a tokeniser of ours decides what is well-formed, cJSON
 * holds the tree, a canonical writer of ours says it in one way only.
 *
 * cJSON alone accepts duplicate keys, rounds integers, and cuts strings at NUL:
 * no foreign byte reaches it before json_check() has passed.
 */
#ifndef COMMON_JSON_H
#define COMMON_JSON_H

#include "common/bytes.h"

enum {
	JSON_DEPTH_MAX = 32,              /* arrays and objects, one in another */
	JSON_SIZE_MAX = 16 * 1024 * 1024, /* bytes of a document */
	JSON_VALUES_MAX = 65536,          /* values in a document, arrays and objects counted */
	JSON_LISTING_VALUES_MAX = 262144, /* the same, where no tree is made of them */
	JSON_NUMBER_MAX = 63,             /* characters of a number: what cJSON can hold */
};

#define JSON_INTEGER_MAX INT64_C(9007199254740991) /* 2^53 - 1: what a double can hold */

enum json_dialect {
	JSON_SIGNED,  /* integers only, magnitude at most 2^53 - 1 */
	JSON_FOREIGN, /* a server's answer: fractions and exponents are let through */
	/* As JSON_SIGNED, but JSON_LISTING_VALUES_MAX values: pulled as tokens or made
	 * canonical, never parsed to a tree. */
	JSON_LISTING,
};

/* RFC 8259 and: UTF-8 valid, no BOM, no duplicate keys, no lone surrogates, no
 * U+0000, nothing over the limits above, nothing but white space after the value.
 * ERROR_MALFORMED says what and at which byte, counted from 0. */
NODISCARD bool json_check(struct bytes, enum json_dialect, struct error *);

struct json; /* a value; a child is borrowed from its parent */

NODISCARD bool json_parse(struct bytes, enum json_dialect, struct json **, struct error *);
void json_free(struct json *); /* of a whole document only */
void json_cleanup(struct json **);

/* Reading.  A missing member is NULL / not found, a member of another type too:
 * the _need_ forms make both ERROR_MALFORMED "NAME missing or not a ...". */
const struct json *json_member(const struct json *object, const char *name);
const char *json_string(const struct json *); /* NULL unless a string; borrowed */
NODISCARD bool json_need_string(
	const struct json *object, const char *name, const char **, struct error *);
/* Copies; ERROR_MALFORMED when it does not fit ROOM with its NUL. */
NODISCARD bool json_need_text(
	const struct json *object, const char *name, char *text, size_t room, struct error *);
NODISCARD bool json_need_integer(
	const struct json *object, const char *name, int64_t *, struct error *);
/* An integer that is not negative. */
NODISCARD bool json_need_count(
	const struct json *object, const char *name, uint64_t *, struct error *);
NODISCARD bool json_need_bool(
	const struct json *object, const char *name, bool *, struct error *);
NODISCARD bool json_need_digest(
	const struct json *object, const char *name, struct digest *, struct error *);
NODISCARD bool json_need_object(
	const struct json *object, const char *name, const struct json **, struct error *);
NODISCARD bool json_need_array(
	const struct json *object, const char *name, const struct json **, struct error *);
bool json_is_object(const struct json *);
bool json_is_array(const struct json *);
bool json_is_null(const struct json *);
/* False unless an integer of at most JSON_INTEGER_MAX in magnitude. */
bool json_integer(const struct json *, int64_t *);
/* Walking arrays and objects: the first child, then the next; NULL at the end. */
const struct json *json_first(const struct json *);
const struct json *json_next(const struct json *);
const char *json_name(const struct json *); /* of a member; NULL for an array element */
size_t json_count(const struct json *);

/* Building.  Sticky: a failed allocation, or an integer over JSON_INTEGER_MAX, makes
 * json_print() fail, so that a document reads as a list of its fields.  Text must be
 * UTF-8: what is not is replaced by U+FFFD.  Objects keep the order of insertion.
 * Adding to NULL adds nothing; a NULL text or copy is a failure. */
struct json *json_new_object(void);
struct json *json_new_array(void);
void json_add_string(struct json *object, const char *name, const char *);
void json_add_integer(struct json *object, const char *name, int64_t);
void json_add_bool(struct json *object, const char *name, bool);
void json_add_null(struct json *object, const char *name);
void json_add_digest(struct json *object, const char *name, const struct digest *);
void json_add_copy(struct json *object, const char *name, const struct json *);
struct json *json_add_object(struct json *object, const char *name); /* borrowed */
struct json *json_add_array(struct json *object, const char *name);  /* borrowed */
void json_append_string(struct json *array, const char *);
void json_append_integer(struct json *array, int64_t);
void json_append_copy(struct json *array, const struct json *);
struct json *json_append_object(struct json *array); /* borrowed */
/* Append the document, without white space.  What it prints passes json_check() in
 * the FOREIGN dialect: a name added twice, or too deep a nesting, is ERROR_FAILED. */
NODISCARD bool json_print(const struct json *, struct buf *, struct error *);

/* Canonical form (OLPC dialect: no white space, keys sorted by byte, only " and \
 * escaped) of a document in the LISTING dialect; appended. */
NODISCARD bool json_canonical(struct bytes document, struct buf *, struct error *);

#endif
