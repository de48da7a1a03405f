#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/text.h"
#include "device-link/agent/process.h"
#include "device-link/agent/scripts.h"
#include "device-link/agent/survey.h"
#include "device-link/agent/verified.h"

enum { PROVIDES_SIZE_MAX = 512 * 1024 };

static const char provides_fact[] = "provides.json";

/* ---- provides ---- */

static bool kept_provides(const struct agent_settings *settings, struct artifact_pairs *pairs,
	bool *found, struct error *err)
{
	CLEANUP(buf_free) struct buf text = {0};
	CLEANUP(json_cleanup) struct json *object = NULL;
	char path[PATH_MAX];

	if (!agent_settings_fact(settings, provides_fact, path, err)
		|| !file_read(path, PROVIDES_SIZE_MAX, &text, found, err))
		return false;
	if (!*found)
		return true;
	return (json_parse(buf_bytes(&text), JSON_SIGNED, &object, err)
		       && verified_pairs(object, pairs, err))
		|| error_while(err, "%s", path);
}

static bool asked_provides(const struct agent_settings *settings, int *left_ms,
	struct artifact_pairs *pairs, struct error *err)
{
	CLEANUP(buf_free) struct buf text = {0};

	return scripts_run(settings->provides, left_ms, &text, err)
		&& scripts_pairs(buf_bytes(&text), pairs, err);
}

bool survey_provides(const struct agent_settings *settings, int *left_ms,
	struct artifact_pairs *out, struct error *err)
{
	CLEANUP(artifact_pairs_free) struct artifact_pairs pairs = {0};
	bool found = true;

	if (settings->provides != NULL ? !asked_provides(settings, left_ms, &pairs, err)
				       : !kept_provides(settings, &pairs, &found, err))
		return false;
	if (artifact_pairs_find(&pairs, "artifact_name") == NULL
		&& !artifact_pairs_add(&pairs, "artifact_name", settings->artifact, err))
		return false;
	*out = pairs;
	pairs = (struct artifact_pairs){0};
	return true;
}

bool survey_apply(const struct agent_settings *settings, const struct artifact *artifact,
	struct error *err)
{
	CLEANUP(artifact_pairs_free) struct artifact_pairs pairs = {0};
	CLEANUP(json_cleanup) struct json *object = json_new_object();
	CLEANUP(buf_free) struct buf text = {0};
	char path[PATH_MAX];
	int left_ms = 0; /* nothing is run */

	if (settings->provides != NULL) /* whoever answers keeps them */
		return true;
	if (!survey_provides(settings, &left_ms, &pairs, err)
		|| !artifact_apply(artifact, &pairs, err))
		return false;
	for (size_t i = 0; i < pairs.count; i++)
		json_add_string(object, pairs.at[i].name, pairs.at[i].value);
	return agent_settings_fact(settings, provides_fact, path, err)
		&& json_print(object, &text, err)
		&& file_replace(path, buf_bytes(&text), 0600, err);
}

/* ---- in the child ---- */

static void note(struct json *object, bool *good, const struct error *why)
{
	fprintf(stderr, "%s\n", why->text);
	if (*good)
		json_add_string(object, "why", why->text);
	*good = false;
}

static void say_identity(
	const struct agent_settings *settings, int *left_ms, struct json *object, bool *good)
{
	CLEANUP(buf_free) struct buf canonical = {0};
	const char *text = "{}";
	struct error err = {0};

	if (!scripts_identity(settings->identity, left_ms, &canonical, &err)
		|| !buf_text(&canonical, &text, &err))
		note(object, good, &err);
	json_add_string(object, "identity", text);
}

/* The provides, the device type among them. */
static bool all_provides(const struct agent_settings *settings, int *left_ms,
	struct artifact_pairs *out, struct error *err)
{
	CLEANUP(artifact_pairs_free) struct artifact_pairs pairs = {0}, all = {0};
	char type[ARTIFACT_NAME_MAX + 1];

	if (!scripts_device_type(settings->device_type, type, sizeof(type), err)
		|| !survey_provides(settings, left_ms, &pairs, err)
		|| !artifact_pairs_add(&all, "device_type", type, err))
		return false;
	for (size_t i = 0; i < pairs.count; i++)
		if (artifact_pairs_find(&all, pairs.at[i].name) == NULL
			&& !artifact_pairs_add(&all, pairs.at[i].name, pairs.at[i].value, err))
			return false;
	*out = all;
	all = (struct artifact_pairs){0};
	return true;
}

static void say_provides(
	const struct agent_settings *settings, int *left_ms, struct json *object, bool *good)
{
	CLEANUP(artifact_pairs_free) struct artifact_pairs pairs = {0};
	struct error err = {0};

	if (!all_provides(settings, left_ms, &pairs, &err))
		note(object, good, &err);
	verified_add_pairs(object, "provides", &pairs);
}

/* What is missing, if anything is. */
static void add_count(struct json *array, const char *name, size_t count)
{
	char text[24];

	if (count == 0)
		return;
	(void)snprintf(text, sizeof(text), "%zu", count);

	struct json *const attribute = json_append_object(array);

	json_add_string(attribute, "name", name);
	json_add_string(attribute, "value", text);
}

/* Attributes, the first ones that fit. */
static bool fitting(
	const struct json *all, struct json *array, size_t *dropped, struct error *err)
{
	enum { COUNTS = 2 };
	CLEANUP(buf_free) struct buf text = {0};
	size_t sum = 0;

	for (const struct json *at = json_first(all); at != NULL; at = json_next(at)) {
		text.len = 0;
		if (!json_print(at, &text, err))
			return false;
		sum += text.len + 1;
		if (sum > SURVEY_ATTRIBUTES_SIZE
			|| json_count(array) == STATEMENT_ATTRIBUTES_MAX - COUNTS)
			++*dropped;
		else
			json_append_copy(array, at);
	}
	return true;
}

static bool say_attributes(const struct agent_settings *settings, int *left_ms,
	struct json *object, struct error *err)
{
	CLEANUP(scripts_inventory_free) struct scripts_inventory inventory = {0};
	struct json *const array = json_add_array(object, "attributes");
	const char *text = "";
	size_t dropped = 0;

	if (!scripts_inventory(settings->inventory, left_ms, &inventory, err)
		|| !buf_text(&inventory.failed, &text, err))
		return false;
	fputs(text, stderr);
	if (!fitting(inventory.attributes, array, &dropped, err))
		return false;
	add_count(array, "courier_attributes_dropped", dropped);
	add_count(array, "courier_scripts_not_run", inventory.not_run);
	return true;
}

static bool say_all(const struct agent_settings *settings, struct buf *text, struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = json_new_object();
	int left_ms = SCRIPTS_BUDGET_MS;
	bool good = true;

	say_identity(settings, &left_ms, object, &good);
	say_provides(settings, &left_ms, object, &good);
	json_add_bool(object, "good", good);
	return say_attributes(settings, &left_ms, object, err) && json_print(object, text, err);
}

int survey_child(void *self)
{
	CLEANUP(buf_free) struct buf text = {0};
	struct error err = {0};

	if (!say_all(self, &text, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	return fwrite(text.at, 1, text.len, stdout) == text.len ? 0 : 1;
}

/* ---- in the agent ---- */

static bool copy_found(
	const struct artifact_pairs *pairs, const char *name, char **out, struct error *err)
{
	const char *const value = artifact_pairs_find(pairs, name);

	return text_set(out, value == NULL ? "unknown" : value, err);
}

static bool read_attributes(const struct json *object, struct survey *survey, struct error *err)
{
	const struct json *attributes = NULL;

	if (!json_need_array(object, "attributes", &attributes, err))
		return false;
	survey->attributes = json_new_array();
	for (const struct json *at = json_first(attributes); at != NULL; at = json_next(at))
		json_append_copy(survey->attributes, at);
	return true;
}

static bool read_survey(const struct json *object, struct survey *survey, struct error *err)
{
	const struct json *provides = NULL;
	const char *identity = NULL;
	const char *const why = json_string(json_member(object, "why"));

	if (!json_need_bool(object, "good", &survey->good, err)
		|| !json_need_string(object, "identity", &identity, err)
		|| !json_need_object(object, "provides", &provides, err)
		|| !text_set(&survey->identity, identity, err)
		|| !identity_digest(bytes_of(identity), &survey->digest, err)
		|| !verified_pairs(provides, &survey->provides, err))
		return false;
	(void)snprintf(survey->why, sizeof(survey->why), "%s", why == NULL ? "" : why);
	return copy_found(&survey->provides, "device_type", &survey->device_type, err)
		&& copy_found(&survey->provides, "artifact_name", &survey->artifact_name, err)
		&& read_attributes(object, survey, err);
}

bool survey_parse(struct bytes text, struct survey *out, struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = NULL;
	CLEANUP(survey_free) struct survey survey = {0};

	if (!json_parse(text, JSON_FOREIGN, &object, err) || !read_survey(object, &survey, err))
		return error_while(err, "survey");
	*out = survey;
	survey = (struct survey){0};
	return true;
}

bool survey_now(const struct agent_settings *settings, struct survey *out, struct error *err)
{
	CLEANUP(buf_free) struct buf text = {0};

	return say_all(settings, &text, err) && survey_parse(buf_bytes(&text), out, err);
}

void survey_free(struct survey *survey)
{
	free(survey->identity);
	free(survey->device_type);
	free(survey->artifact_name);
	artifact_pairs_free(&survey->provides);
	json_free(survey->attributes);
	*survey = (struct survey){0};
}
