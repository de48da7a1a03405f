#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"
#include "courier/artifact_facts.h"

/* Depends names repeat, so pairs are an array of [name, value] rather than an object. */
static void add_pairs(struct json *object, const char *name, const struct artifact_pairs *pairs)
{
	struct json *const array = json_add_array(object, name);

	for (size_t i = 0; i < pairs->count; i++) {
		json_append_string(array, pairs->at[i].name);
		json_append_string(array, pairs->at[i].value);
	}
}

bool artifact_facts_print(const struct artifact *artifact, struct buf *out, struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = json_new_object();

	json_add_string(object, "name", artifact->name);
	if (artifact->payload_type != NULL)
		json_add_string(object, "type", artifact->payload_type);
	add_pairs(object, "provides", &artifact->provides);
	add_pairs(object, "depends", &artifact->depends);
	json_add_integer(object, "payload_size", (int64_t)artifact->payload_size);
	json_add_integer(object, "size", (int64_t)artifact->size);
	json_add_bool(object, "signed", artifact->is_signed);
	json_add_digest(object, "digest", &artifact->digest);
	return json_print(object, out, err);
}

static bool need_pairs(const struct json *object, const char *name,
	struct artifact_pairs *pairs, struct error *err)
{
	const struct json *array = NULL;

	if (!json_need_array(object, name, &array, err))
		return false;
	for (const struct json *at = json_first(array); at != NULL; at = json_next(at)) {
		const char *const key = json_string(at);

		at = json_next(at);

		const char *const value = at == NULL ? NULL : json_string(at);

		if (key == NULL || value == NULL)
			return error_set(err, ERROR_MALFORMED, "%s: not pairs of text", name);
		if (!artifact_pairs_add(pairs, key, value, err))
			return false;
	}
	return true;
}

static bool need_size(
	const struct json *object, const char *name, uint64_t *out, struct error *err)
{
	int64_t value = 0;

	if (!json_need_integer(object, name, &value, err))
		return false;
	*out = (uint64_t)value;
	return value >= 0 || error_set(err, ERROR_MALFORMED, "%s is negative", name);
}

bool artifact_facts_parse(const char *facts, struct artifact *out, struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = NULL;
	CLEANUP(artifact_free) struct artifact artifact = {0};
	const char *name = NULL;

	if (!json_parse(bytes_of(facts), JSON_SIGNED, &object, err)
		|| !json_need_string(object, "name", &name, err)
		|| !need_pairs(object, "provides", &artifact.provides, err)
		|| !need_pairs(object, "depends", &artifact.depends, err)
		|| !need_size(object, "payload_size", &artifact.payload_size, err)
		|| !need_size(object, "size", &artifact.size, err)
		|| !json_need_bool(object, "signed", &artifact.is_signed, err)
		|| !json_need_digest(object, "digest", &artifact.digest, err))
		return error_while(err, "artifact facts");

	const char *const type = json_string(json_member(object, "type"));

	if (!text_set(&artifact.name, name, err)
		|| !text_set(&artifact.payload_type, type, err))
		return false;
	*out = artifact;
	artifact = (struct artifact){0};
	return true;
}
