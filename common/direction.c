#include <stdio.h>
#include <string.h>

#include "common/direction.h"

#define TYPE "direction"

/* ---- reading ---- */

static bool need_positive(
	const struct json *object, const char *name, uint64_t *out, struct error *err)
{
	int64_t value = 0;

	if (!json_need_integer(object, name, &value, err))
		return false;
	if (value < 1)
		return error_set(err, ERROR_MALFORMED, "%s is not above 0", name);
	*out = (uint64_t)value;
	return true;
}

static bool need_name(
	const struct json *object, const char *name, char *text, size_t room, struct error *err)
{
	if (!json_need_text(object, name, text, room, err))
		return false;
	return text[0] != '\0' || error_set(err, ERROR_MALFORMED, "%s is empty", name);
}

static bool read_artifact(
	const struct json *object, struct direction_artifact *out, struct error *err)
{
	return need_name(object, "path", out->path, sizeof(out->path), err)
		&& need_positive(object, "length", &out->length, err)
		&& json_need_digest(object, "sha256", &out->sha256, err)
		&& (json_member(object, "device_type") == NULL
			|| need_name(object, "device_type", out->device_type,
				sizeof(out->device_type), err));
}

static bool is_new(const struct direction *direction, const struct direction_artifact *added)
{
	for (size_t i = 0; i < direction->count; i++)
		if (strcmp(direction->artifacts[i].path, added->path) == 0)
			return false;
	return true;
}

static bool read_artifacts(const struct json *object, struct direction *out, struct error *err)
{
	const struct json *list = NULL;

	if (!json_need_array(object, "artifacts", &list, err))
		return false;
	if (json_count(list) < 1 || json_count(list) > DIRECTION_ARTIFACTS_MAX)
		return error_set(err, ERROR_MALFORMED, "not 1 to %d artifacts",
			(int)DIRECTION_ARTIFACTS_MAX);
	for (const struct json *at = json_first(list); at != NULL; at = json_next(at)) {
		struct direction_artifact *const artifact = &out->artifacts[out->count];

		if (!read_artifact(at, artifact, err))
			return error_while(err, "artifact %zu", out->count + 1);
		if (!is_new(out, artifact))
			return error_set(err, ERROR_MALFORMED, "%.80s: twice", artifact->path);
		out->count++;
	}
	return true;
}

static bool read_kind(const struct json *object, struct error *err)
{
	const char *type = NULL;
	int64_t version = 0;

	if (!json_need_string(object, "_type", &type, err)
		|| !json_need_integer(object, "version", &version, err))
		return false;
	if (strcmp(type, TYPE) != 0)
		return error_set(err, ERROR_MALFORMED, "_type is not " TYPE);
	return version == DIRECTION_VERSION
		|| error_set(err, ERROR_MALFORMED, "version %lld, this program knows %d",
			(long long)version, (int)DIRECTION_VERSION);
}

static bool parse(struct bytes document, struct direction *out, struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = NULL;
	struct direction direction = {.count = 0};

	if (document.len > DIRECTION_MAX)
		return error_set(
			err, ERROR_MALFORMED, "more than %d bytes", (int)DIRECTION_MAX);
	if (!json_parse(document, JSON_SIGNED, &object, err) || !read_kind(object, err)
		|| !need_name(object, "device", direction.device, sizeof(direction.device), err)
		|| !need_name(object, "deployment", direction.deployment,
			sizeof(direction.deployment), err)
		|| !need_positive(object, "sequence", &direction.sequence, err)
		|| !read_artifacts(object, &direction, err))
		return false;
	*out = direction;
	return true;
}

bool direction_parse(struct bytes document, struct direction *out, struct error *err)
{
	return parse(document, out, err) || error_while(err, "direction");
}

/* ---- writing ---- */

static bool print(const struct direction *direction, struct buf *out, struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = json_new_object();

	json_add_string(object, "_type", TYPE);
	json_add_integer(object, "version", DIRECTION_VERSION);
	json_add_string(object, "device", direction->device);
	json_add_string(object, "deployment", direction->deployment);
	json_add_integer(object, "sequence", (int64_t)direction->sequence);

	struct json *const list = json_add_array(object, "artifacts");

	for (size_t i = 0; i < direction->count; i++) {
		const struct direction_artifact *const artifact = &direction->artifacts[i];
		struct json *const element = json_append_object(list);

		json_add_string(element, "path", artifact->path);
		json_add_integer(element, "length", (int64_t)artifact->length);
		json_add_digest(element, "sha256", &artifact->sha256);
		if (artifact->device_type[0] != '\0')
			json_add_string(element, "device_type", artifact->device_type);
	}
	return json_print(object, out, err);
}

bool direction_print(const struct direction *direction, struct buf *out, struct error *err)
{
	CLEANUP(buf_free) struct buf printed = {0}, canonical = {0};
	struct direction again;

	if (direction->count > DIRECTION_ARTIFACTS_MAX)
		return error_set(err, ERROR_USAGE, "direction: too many artifacts");
	if (!print(direction, &printed, err)
		|| !json_canonical(buf_bytes(&printed), &canonical, err))
		return error_while(err, "direction");
	if (!direction_parse(buf_bytes(&canonical), &again, err)) {
		err->code = ERROR_USAGE;
		return false;
	}
	return buf_append(out, buf_bytes(&canonical), err);
}

void direction_path(const char *device, char path[static DIRECTION_PATH_ROOM])
{
	(void)snprintf(path, DIRECTION_PATH_ROOM, "devices/%.*s/direction.json",
		(int)CERTIFICATE_ID_MAX, device);
}

/* ---- choosing ---- */

bool direction_choose(const struct direction *direction, const char *device_type,
	const struct direction_artifact **out, struct error *err)
{
	const struct direction_artifact *chosen = NULL;

	for (size_t i = 0; i < direction->count; i++) {
		const struct direction_artifact *const artifact = &direction->artifacts[i];

		if (artifact->device_type[0] != '\0'
			&& strcmp(artifact->device_type, device_type) != 0)
			continue;
		if (chosen != NULL)
			return error_set(err, ERROR_MALFORMED,
				"direction: several artifacts for one device of type %s",
				device_type);
		chosen = artifact;
	}
	if (chosen == NULL)
		return error_set(err, ERROR_WRONG_DEVICE,
			"direction: no artifact for a device of type %s", device_type);
	*out = chosen;
	return true;
}
