/*
 * Printing is ours: cJSON writes 2^53 - 1 as 9.00719925474099e+15, because it holds
 * any two doubles within one part in 2^52 to be the same.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "common/json.h"
#include "common/json_build.h"

static bool print_text(const char *text, struct buf *out, struct error *err)
{
	static const char letters[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";

	/* \u0000 is the longest a byte becomes. */
	if (!buf_reserve(out, 6 * strlen(text) + 2, err))
		return false;
	out->at[out->len++] = '"';
	for (; *text != 0; text++) {
		const char *const letter = strchr(letters, *text);

		if (letter != NULL) {
			out->at[out->len++] = '\\';
			out->at[out->len++] = (uint8_t)names[letter - letters];
		} else if ((uint8_t)*text < 0x20) {
			char escape[7];

			(void)snprintf(escape, sizeof(escape), "\\u%04x", (unsigned)*text);
			memcpy(out->at + out->len, escape, 6);
			out->len += 6;
		} else {
			out->at[out->len++] = (uint8_t)*text;
		}
	}
	out->at[out->len++] = '"';
	return true;
}

/* A fraction came from a foreign document and goes on with all its digits. */
static bool print_number(const cJSON *item, struct buf *out, struct error *err)
{
	int64_t value = 0;

	if (json_integer((const struct json *)item, &value))
		return buf_print(out, err, "%lld", (long long)value);
	if (!isfinite(item->valuedouble))
		return error_set(err, ERROR_FAILED, "JSON: number too large to print");
	return buf_print(out, err, "%.17g", item->valuedouble);
}

static bool print_literal(const cJSON *item, struct buf *out, struct error *err)
{
	const char *const text = cJSON_IsNull(item) ? "null"
		: cJSON_IsTrue(item)                ? "true"
						    : "false";

	return buf_append(out, bytes_of(text), err);
}

/* The opening bracket of an array or object; the whole of anything else. */
static bool print_start(const cJSON *item, struct buf *out, struct error *err)
{
	if (json_build_failed(item))
		return error_set(err, ERROR_FAILED,
			"JSON: something could not be added to the document");
	if (cJSON_IsObject(item))
		return buf_append(out, bytes_of("{"), err);
	if (cJSON_IsArray(item))
		return buf_append(out, bytes_of("["), err);
	if (cJSON_IsString(item))
		return print_text(item->valuestring, out, err);
	if (cJSON_IsNumber(item))
		return print_number(item, out, err);
	return print_literal(item, out, err);
}

/* A member's name and the value's start. */
static bool print_child(
	const cJSON *parent, const cJSON *item, struct buf *out, struct error *err)
{
	if (cJSON_IsObject(parent)
		&& (!print_text(item->string, out, err)
			|| !buf_append(out, bytes_of(":"), err)))
		return false;
	return print_start(item, out, err);
}

/* The containers that ITEM is in, outermost first. */
struct path {
	const cJSON *at[JSON_DEPTH_MAX];
	size_t depth;
};

/* Close what ends after ITEM; then *next follows it, or is NULL at the very end. */
static bool print_ends(struct path *path, const cJSON *item, const cJSON **next,
	struct buf *out, struct error *err)
{
	while (path->depth > 0 && item->next == NULL) {
		item = path->at[--path->depth];
		if (!buf_append(out, bytes_of(cJSON_IsObject(item) ? "}" : "]"), err))
			return false;
	}
	*next = path->depth == 0 ? NULL : item->next;
	return *next == NULL || buf_append(out, bytes_of(","), err);
}

/* Step into ITEM if it has children, over it otherwise. */
static bool print_step(struct path *path, const cJSON *item, const cJSON **next,
	struct buf *out, struct error *err)
{
	const bool is_object = cJSON_IsObject(item), is_array = cJSON_IsArray(item);

	if ((is_object || is_array) && item->child != NULL) {
		if (path->depth == JSON_DEPTH_MAX)
			return error_set(err, ERROR_FAILED, "JSON: nesting too deep to print");
		path->at[path->depth++] = item;
		*next = item->child;
		return true;
	}
	if ((is_object || is_array) && !buf_append(out, bytes_of(is_object ? "}" : "]"), err))
		return false;
	return print_ends(path, item, next, out, err);
}

static bool print_tree(const cJSON *item, struct buf *out, struct error *err)
{
	struct path path = {.depth = 0};

	while (item != NULL) {
		const cJSON *const parent = path.depth == 0 ? NULL : path.at[path.depth - 1];

		if (!print_child(parent, item, out, err)
			|| !print_step(&path, item, &item, out, err))
			return false;
	}
	return true;
}

bool json_print(const struct json *json, struct buf *out, struct error *err)
{
	CLEANUP(buf_free) struct buf text = {0};

	if (json == NULL)
		return error_set(err, ERROR_FAILED, "JSON: no document to print");
	if (!print_tree((const cJSON *)json, &text, err))
		return false;
	if (!json_check(buf_bytes(&text), JSON_FOREIGN, err)) {
		err->code = ERROR_FAILED; /* our document, our mistake */
		return error_while(err, "cannot print");
	}
	return buf_append(out, buf_bytes(&text), err);
}
