#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/artifact_parts.h"
#include "common/json.h"
#include "common/text.h"

/* TEXT is NULL unless the JSON value was a string. */
static bool check_text(const char *what, const char *text, size_t max, struct error *err)
{
	if (text == NULL)
		return error_set(err, ERROR_MALFORMED, "%s is not a string", what);
	if (strlen(text) > max)
		return error_set(err, ERROR_SPACE, "%s is longer than %zu bytes", what, max);
	if (!artifact_is_plain(text))
		return error_set(err, ERROR_MALFORMED, "%s has control characters", what);
	return true;
}

static bool copy_text(const char *what, const char *text, char **out, struct error *err)
{
	if (!check_text(what, text, ARTIFACT_NAME_MAX, err))
		return false;
	if (*text == 0)
		return error_set(err, ERROR_MALFORMED, "%s is empty", what);
	return text_set(out, text, err);
}

static bool add_pair(struct artifact_pairs *pairs, const char *name, const struct json *value,
	struct error *err)
{
	if (pairs->count == ARTIFACT_PAIRS_MAX)
		return error_set(err, ERROR_SPACE, "more than %d provides or depends",
			ARTIFACT_PAIRS_MAX);
	return check_text(name, json_string(value), ARTIFACT_VALUE_MAX, err)
		&& artifact_pairs_add(pairs, name, json_string(value), err);
}

/* Any element of a non-empty array of strings will do. */
static bool add_any_of(struct artifact_pairs *pairs, const char *name, const struct json *array,
	struct error *err)
{
	const struct json *value = json_first(array);

	if (value == NULL)
		return error_set(err, ERROR_MALFORMED, "%s depends on nothing", name);
	for (; value != NULL; value = json_next(value))
		if (!add_pair(pairs, name, value, err))
			return false;
	return true;
}

static bool add_depend(struct artifact_pairs *pairs, const char *name, const struct json *value,
	struct error *err)
{
	return json_is_array(value) ? add_any_of(pairs, name, value, err)
				    : add_pair(pairs, name, value, err);
}

/* A member that may be missing, or null as Go writes a missing one. */
static const struct json *optional(const struct json *object, const char *name)
{
	const struct json *const value = json_member(object, name);

	return json_is_null(value) ? NULL : value;
}

bool artifact_version_check(struct bytes text, struct error *err)
{
	CLEANUP(json_cleanup) struct json *json = NULL;
	const char *format = NULL;
	int64_t version = 0;

	if (!json_parse(text, JSON_FOREIGN, &json, err)
		|| !json_need_string(json, "format", &format, err)
		|| !json_need_integer(json, "version", &version, err))
		return error_while(err, "version");
	if (strcmp(format, "mender") != 0)
		return error_set(err, ERROR_MALFORMED, "version: the format is not mender");
	if (version != 3)
		return error_set(err, ERROR_MALFORMED,
			"version: format version %" PRId64 ", only 3 is taken", version);
	return true;
}

/* ---- header-info ---- */

static bool read_payloads(const struct json *info, struct artifact *artifact, struct error *err)
{
	const struct json *payloads = NULL;

	if (!json_need_array(info, "payloads", &payloads, err))
		return false;
	if (json_count(payloads) != 1)
		return error_set(err, ERROR_MALFORMED, "%zu payloads, only one is taken",
			json_count(payloads));

	const struct json *const type = json_member(json_first(payloads), "type");

	if (json_is_null(type))
		return true;
	return copy_text("payload type", json_string(type), &artifact->payload_type, err);
}

static bool read_own_provides(
	const struct json *info, struct artifact *artifact, struct error *err)
{
	const struct json *provides = NULL;

	if (!json_need_object(info, "artifact_provides", &provides, err))
		return false;

	const struct json *const name = json_member(provides, "artifact_name");
	const struct json *const group = optional(provides, "artifact_group");

	return copy_text("artifact_name", json_string(name), &artifact->name, err)
		&& add_pair(&artifact->provides, "artifact_name", name, err)
		&& (group == NULL
			|| add_pair(&artifact->provides, "artifact_group", group, err));
}

static bool read_own_depends(
	const struct json *info, struct artifact *artifact, struct error *err)
{
	static const char *const names[] = {"artifact_name", "artifact_group"};
	const struct json *depends = NULL, *types = NULL;

	if (!json_need_object(info, "artifact_depends", &depends, err)
		|| !json_need_array(depends, "device_type", &types, err)
		|| !add_any_of(&artifact->depends, "device_type", types, err))
		return false;
	for (size_t i = 0; i < COUNT(names); i++) {
		const struct json *const value = optional(depends, names[i]);

		if (value != NULL && !add_depend(&artifact->depends, names[i], value, err))
			return false;
	}
	return true;
}

bool artifact_header_info(struct bytes text, struct artifact *artifact, struct error *err)
{
	CLEANUP(json_cleanup) struct json *info = NULL;

	return (json_parse(text, JSON_FOREIGN, &info, err) && read_payloads(info, artifact, err)
		       && read_own_provides(info, artifact, err)
		       && read_own_depends(info, artifact, err))
		|| error_while(err, "header-info");
}

/* ---- type-info ---- */

static bool same_type(
	const struct json *info, const struct artifact *artifact, struct error *err)
{
	const struct json *const member = json_member(info, "type");
	const char *const type = json_string(member);
	const bool same = artifact->payload_type == NULL
		? json_is_null(member)
		: type != NULL && strcmp(type, artifact->payload_type) == 0;

	return same || error_set(err, ERROR_MALFORMED, "another type than header-info's");
}

/* What header-info has fields for, type-info may not say again: it would widen the
 * device types, or rename the artifact. */
static bool check_name(const char *name, struct error *err)
{
	static const char *const reserved[]
		= {"", "device_type", "artifact_name", "artifact_group"};

	if (!check_text("a name", name, ARTIFACT_NAME_MAX, err))
		return false;
	for (size_t i = 0; i < COUNT(reserved); i++)
		if (strcmp(name, reserved[i]) == 0)
			return error_set(
				err, ERROR_MALFORMED, "\"%s\" is not its to say", name);
	return true;
}

/* Every member of the object NAME, if there is one, by ADD. */
static bool read_pairs(const struct json *info, const char *name, struct artifact_pairs *pairs,
	bool (*add)(struct artifact_pairs *, const char *, const struct json *, struct error *),
	struct error *err)
{
	const struct json *const object = optional(info, name);

	if (object == NULL)
		return true;
	if (!json_is_object(object))
		return error_set(err, ERROR_MALFORMED, "%s is not an object", name);
	for (const struct json *at = json_first(object); at != NULL; at = json_next(at)) {
		if (!check_name(json_name(at), err) || !add(pairs, json_name(at), at, err))
			return error_while(err, "%s", name);
	}
	return true;
}

static bool read_clears(const struct json *info, struct artifact *artifact, struct error *err)
{
	static const char name[] = "clears_artifact_provides";
	const struct json *const array = optional(info, name);

	if (array == NULL)
		return true;
	if (!json_is_array(array))
		return error_set(err, ERROR_MALFORMED, "%s is not an array", name);
	if (json_count(array) > ARTIFACT_PAIRS_MAX)
		return error_set(
			err, ERROR_SPACE, "more than %d in %s", ARTIFACT_PAIRS_MAX, name);
	artifact->clears = calloc(json_count(array) + 1, sizeof(*artifact->clears));
	if (artifact->clears == NULL)
		return error_errno(err, "cannot allocate %s", name);
	for (const struct json *at = json_first(array); at != NULL; at = json_next(at)) {
		if (!copy_text(name, json_string(at), &artifact->clears[artifact->clear_count],
			    err))
			return false;
		artifact->clear_count++;
	}
	return true;
}

bool artifact_type_info(struct bytes text, struct artifact *artifact, struct error *err)
{
	CLEANUP(json_cleanup) struct json *info = NULL;

	return (json_parse(text, JSON_FOREIGN, &info, err) && same_type(info, artifact, err)
		       && read_pairs(
			       info, "artifact_provides", &artifact->provides, add_pair, err)
		       && read_pairs(
			       info, "artifact_depends", &artifact->depends, add_depend, err)
		       && read_clears(info, artifact, err))
		|| error_while(err, "type-info");
}

bool artifact_meta_data(struct bytes text, struct error *err)
{
	CLEANUP(json_cleanup) struct json *json = NULL;

	if (text.len == 0)
		return true;
	if (!json_parse(text, JSON_FOREIGN, &json, err))
		return error_while(err, "meta-data");
	if (!json_is_object(json))
		return error_set(err, ERROR_MALFORMED, "meta-data: not an object");
	return true;
}
