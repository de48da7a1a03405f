#include <math.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "common/json.h"

/* struct json is cJSON's node, known by name only in this folder's json files. */
static const cJSON *node(const struct json *json)
{
	return (const cJSON *)json;
}

static const struct json *json_of(const cJSON *item)
{
	return (const struct json *)item;
}

bool json_parse(
	struct bytes document, enum json_dialect dialect, struct json **out, struct error *err)
{
	if (dialect == JSON_LISTING)
		return error_set(err, ERROR_USAGE, "JSON: no tree is made of a listing");
	if (!json_check(document, dialect, err))
		return false;

	cJSON *const tree = cJSON_ParseWithLengthOpts(
		(const char *)document.at, document.len, NULL, false);

	if (tree == NULL)
		return error_set(err, ERROR_FAILED, "JSON: cannot allocate the document");
	*out = (struct json *)tree;
	return true;
}

void json_free(struct json *json)
{
	cJSON_Delete((cJSON *)json);
}

void json_cleanup(struct json **json)
{
	json_free(*json);
	*json = NULL;
}

/* ---- any value ---- */

const char *json_string(const struct json *json)
{
	return cJSON_GetStringValue(node(json));
}

bool json_is_object(const struct json *json)
{
	return cJSON_IsObject(node(json)) != 0;
}

bool json_is_array(const struct json *json)
{
	return cJSON_IsArray(node(json)) != 0;
}

bool json_is_null(const struct json *json)
{
	return cJSON_IsNull(node(json)) != 0;
}

bool json_integer(const struct json *json, int64_t *out)
{
	const double value = cJSON_GetNumberValue(node(json));

	/* Compared so that not-a-number fails, too. */
	if (!(fabs(value) <= (double)JSON_INTEGER_MAX) || trunc(value) != value)
		return false;
	*out = (int64_t)value;
	return true;
}

const struct json *json_first(const struct json *json)
{
	if (!json_is_object(json) && !json_is_array(json))
		return NULL;
	return json_of(node(json)->child);
}

const struct json *json_next(const struct json *json)
{
	return json_of(node(json)->next);
}

const char *json_name(const struct json *json)
{
	return node(json)->string;
}

size_t json_count(const struct json *json)
{
	size_t count = 0;

	for (const struct json *child = json_first(json); child != NULL;
		child = json_next(child))
		count++;
	return count;
}

/* ---- members of an object ---- */

const struct json *json_member(const struct json *object, const char *name)
{
	if (!json_is_object(object))
		return NULL;
	return json_of(cJSON_GetObjectItemCaseSensitive(node(object), name));
}

static bool lacks(const char *name, const char *kind, struct error *err)
{
	return error_set(err, ERROR_MALFORMED, "%.64s missing or not %s", name, kind);
}

bool json_need_string(
	const struct json *object, const char *name, const char **out, struct error *err)
{
	const char *const text = json_string(json_member(object, name));

	if (text == NULL)
		return lacks(name, "a string", err);
	*out = text;
	return true;
}

bool json_need_text(
	const struct json *object, const char *name, char *text, size_t room, struct error *err)
{
	const char *const found = json_string(json_member(object, name));

	if (found == NULL)
		return lacks(name, "a string", err);
	if (strlen(found) >= room)
		return error_set(err, ERROR_MALFORMED, "%.64s longer than %zu bytes", name,
			room == 0 ? 0 : room - 1);
	memcpy(text, found, strlen(found) + 1);
	return true;
}

bool json_need_integer(
	const struct json *object, const char *name, int64_t *out, struct error *err)
{
	return json_integer(json_member(object, name), out) || lacks(name, "an integer", err);
}

bool json_need_count(
	const struct json *object, const char *name, uint64_t *out, struct error *err)
{
	int64_t value = 0;

	if (!json_need_integer(object, name, &value, err))
		return false;
	if (value < 0)
		return error_set(err, ERROR_MALFORMED, "%.64s is negative", name);
	*out = (uint64_t)value;
	return true;
}

bool json_need_bool(const struct json *object, const char *name, bool *out, struct error *err)
{
	const cJSON *const member = node(json_member(object, name));

	if (!cJSON_IsBool(member))
		return lacks(name, "true or false", err);
	*out = cJSON_IsTrue(member) != 0;
	return true;
}

bool json_need_digest(
	const struct json *object, const char *name, struct digest *out, struct error *err)
{
	const char *const text = json_string(json_member(object, name));
	struct digest digest = {{0}};

	if (text == NULL || !digest_parse(text, &digest, err))
		return lacks(name, "a SHA-256 in lower-case hex", err);
	*out = digest;
	return true;
}

bool json_need_object(
	const struct json *object, const char *name, const struct json **out, struct error *err)
{
	const struct json *const member = json_member(object, name);

	if (!json_is_object(member))
		return lacks(name, "an object", err);
	*out = member;
	return true;
}

bool json_need_array(
	const struct json *object, const char *name, const struct json **out, struct error *err)
{
	const struct json *const member = json_member(object, name);

	if (!json_is_array(member))
		return lacks(name, "an array", err);
	*out = member;
	return true;
}
