#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/text.h"
#include "device-link/agent/verified.h"

enum { VERIFIED_SIZE_MAX = 1024 * 1024 };

void verified_add_pairs(
	struct json *object, const char *name, const struct artifact_pairs *pairs)
{
	struct json *const member = json_add_object(object, name);

	for (size_t i = 0; i < pairs->count; i++)
		json_add_string(member, pairs->at[i].name, pairs->at[i].value);
}

bool verified_pairs(const struct json *object, struct artifact_pairs *pairs, struct error *err)
{
	for (const struct json *at = json_first(object); at != NULL; at = json_next(at))
		if (json_string(at) == NULL)
			return error_set(err, ERROR_MALFORMED, "%s: not a text", json_name(at));
		else if (!artifact_pairs_add(pairs, json_name(at), json_string(at), err))
			return false;
	return true;
}

bool verified_save(const char *path, const struct artifact *artifact, struct error *err)
{
	CLEANUP(buf_free) struct buf text = {0};
	CLEANUP(json_cleanup) struct json *object = json_new_object();

	json_add_string(object, "name", artifact->name);
	json_add_string(object, "payload_type",
		artifact->payload_type == NULL ? "" : artifact->payload_type);
	verified_add_pairs(object, "provides", &artifact->provides);

	struct json *const clears = json_add_array(object, "clears");

	for (size_t i = 0; i < artifact->clear_count; i++)
		json_append_string(clears, artifact->clears[i]);
	json_add_integer(object, "payload_size", (int64_t)artifact->payload_size);
	json_add_integer(object, "size", (int64_t)artifact->size);
	json_add_digest(object, "digest", &artifact->digest);
	return json_print(object, &text, err)
		&& file_replace(path, buf_bytes(&text), 0600, err);
}

static bool copy_text(
	const struct json *object, const char *name, char **out, struct error *err)
{
	const char *text = NULL;

	return json_need_string(object, name, &text, err) && text_set(out, text, err);
}

static bool read_clears(const struct json *object, struct artifact *artifact, struct error *err)
{
	const struct json *clears = NULL;

	if (!json_need_array(object, "clears", &clears, err))
		return false;
	artifact->clears = calloc(json_count(clears) + 1, sizeof(char *));
	if (artifact->clears == NULL)
		return error_errno(err, "cannot allocate globs");
	for (const struct json *at = json_first(clears); at != NULL; at = json_next(at)) {
		const char *const glob = json_string(at);

		if (glob == NULL)
			return error_set(err, ERROR_MALFORMED, "clears: not a text");
		if (!text_set(&artifact->clears[artifact->clear_count], glob, err))
			return false;
		artifact->clear_count++;
	}
	return true;
}

static bool read_sizes(const struct json *object, struct artifact *artifact, struct error *err)
{
	int64_t payload = 0, size = 0;

	if (!json_need_integer(object, "payload_size", &payload, err)
		|| !json_need_integer(object, "size", &size, err)
		|| !json_need_digest(object, "digest", &artifact->digest, err))
		return false;
	if (payload < 0 || size < 0)
		return error_set(err, ERROR_MALFORMED, "a size below 0");
	artifact->payload_size = (uint64_t)payload;
	artifact->size = (uint64_t)size;
	return true;
}

static bool read_artifact(
	const struct json *object, struct artifact *artifact, struct error *err)
{
	const struct json *provides = NULL;

	return copy_text(object, "name", &artifact->name, err)
		&& copy_text(object, "payload_type", &artifact->payload_type, err)
		&& json_need_object(object, "provides", &provides, err)
		&& verified_pairs(provides, &artifact->provides, err)
		&& read_clears(object, artifact, err) && read_sizes(object, artifact, err);
}

bool verified_load(const char *path, struct artifact *out, struct error *err)
{
	CLEANUP(buf_free) struct buf text = {0};
	CLEANUP(json_cleanup) struct json *object = NULL;
	CLEANUP(artifact_free) struct artifact artifact = {0};

	if (!file_read(path, VERIFIED_SIZE_MAX, &text, NULL, err))
		return false;
	if (!json_parse(buf_bytes(&text), JSON_SIGNED, &object, err)
		|| !read_artifact(object, &artifact, err))
		return error_while(err, "%s", path);
	*out = artifact;
	artifact = (struct artifact){0};
	return true;
}
