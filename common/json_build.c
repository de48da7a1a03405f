/*
 * Building: what could not be added is marked where it should have been, in a field
 * that cJSON uses for numbers only, so that json_print() finds out.
 */
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "common/json.h"
#include "common/json_build.h"
#include "common/utf8.h"

static cJSON *node(struct json *json)
{
	return (cJSON *)json;
}

static void mark_failed(cJSON *container)
{
	if (container != NULL)
		container->valueint = JSON_BUILD_FAILED;
}

bool json_build_failed(const cJSON *item)
{
	return (cJSON_IsObject(item) || cJSON_IsArray(item))
		&& item->valueint == JSON_BUILD_FAILED;
}

/* A copy of TEXT in which everything is UTF-8; NULL when there is no memory. */
static char *clean_text(const char *text)
{
	static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */
	struct bytes rest = bytes_of(text);
	char *const clean = malloc(3 * rest.len + 1);
	size_t len = 0;

	if (clean == NULL)
		return NULL;
	while (rest.len > 0) {
		const size_t whole = utf8_length(rest);

		memcpy(clean + len, whole == 0 ? (const void *)replacement : rest.at,
			whole == 0 ? 3 : whole);
		len += whole == 0 ? 3 : whole;
		rest.at += whole == 0 ? 1 : whole;
		rest.len -= whole == 0 ? 1 : whole;
	}
	clean[len] = 0;
	return clean;
}

static void free_text(char **text)
{
	free(*text);
	*text = NULL;
}

static cJSON *new_string(const char *text)
{
	CLEANUP(free_text) char *clean = text == NULL ? NULL : clean_text(text);

	return clean == NULL ? NULL : cJSON_CreateString(clean);
}

static cJSON *new_integer(int64_t value)
{
	if (value > JSON_INTEGER_MAX || value < -JSON_INTEGER_MAX)
		return NULL;
	return cJSON_CreateNumber((double)value);
}

/* A copy that stands on its own: a member's name does not follow it. */
static cJSON *new_copy(const struct json *json)
{
	cJSON *const copy = json == NULL ? NULL : cJSON_Duplicate((const cJSON *)json, true);

	if (copy != NULL && copy->string != NULL) {
		cJSON_free(copy->string);
		copy->string = NULL;
	}
	return copy;
}

/* Both take ITEM, which is NULL when it could not be made, and give it back only
 * if it was added. */
static struct json *add(struct json *object, const char *name, cJSON *item)
{
	CLEANUP(free_text) char *clean = clean_text(name);

	if (cJSON_IsObject(node(object)) && item != NULL && clean != NULL
		&& cJSON_AddItemToObject(node(object), clean, item))
		return (struct json *)item;
	cJSON_Delete(item);
	mark_failed(node(object));
	return NULL;
}

static struct json *append(struct json *array, cJSON *item)
{
	if (cJSON_IsArray(node(array)) && item != NULL
		&& cJSON_AddItemToArray(node(array), item))
		return (struct json *)item;
	cJSON_Delete(item);
	mark_failed(node(array));
	return NULL;
}

struct json *json_new_object(void)
{
	return (struct json *)cJSON_CreateObject();
}

struct json *json_new_array(void)
{
	return (struct json *)cJSON_CreateArray();
}

void json_add_string(struct json *object, const char *name, const char *text)
{
	(void)add(object, name, new_string(text));
}

void json_add_integer(struct json *object, const char *name, int64_t value)
{
	(void)add(object, name, new_integer(value));
}

void json_add_bool(struct json *object, const char *name, bool value)
{
	(void)add(object, name, cJSON_CreateBool(value));
}

void json_add_null(struct json *object, const char *name)
{
	(void)add(object, name, cJSON_CreateNull());
}

void json_add_digest(struct json *object, const char *name, const struct digest *digest)
{
	char text[DIGEST_TEXT];

	digest_text(digest, text);
	(void)add(object, name, new_string(text));
}

void json_add_copy(struct json *object, const char *name, const struct json *json)
{
	(void)add(object, name, new_copy(json));
}

struct json *json_add_object(struct json *object, const char *name)
{
	return add(object, name, cJSON_CreateObject());
}

struct json *json_add_array(struct json *object, const char *name)
{
	return add(object, name, cJSON_CreateArray());
}

void json_append_string(struct json *array, const char *text)
{
	(void)append(array, new_string(text));
}

void json_append_integer(struct json *array, int64_t value)
{
	(void)append(array, new_integer(value));
}

void json_append_copy(struct json *array, const struct json *json)
{
	(void)append(array, new_copy(json));
}

struct json *json_append_object(struct json *array)
{
	return append(array, cJSON_CreateObject());
}
