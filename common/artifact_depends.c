#include <stdlib.h>
#include <string.h>

#include "common/artifact.h"
#include "common/text.h"

OWNER_UNSEEN_BEGIN
bool artifact_pairs_add(
	struct artifact_pairs *pairs, const char *name, const char *value, struct error *err)
{
	struct artifact_pair *const at
		= realloc(pairs->at, (pairs->count + 1) * sizeof(*pairs->at));

	if (at == NULL)
		return error_errno(err, "cannot allocate %s", name);
	pairs->at = at;

	struct artifact_pair pair = {NULL, NULL};

	if (!text_set(&pair.name, name, err) || !text_set(&pair.value, value, err)) {
		free(pair.name);
		return false;
	}
	pairs->at[pairs->count++] = pair;
	return true;
}
OWNER_UNSEEN_END

const char *artifact_pairs_find(const struct artifact_pairs *pairs, const char *name)
{
	for (size_t i = 0; i < pairs->count; i++)
		if (strcmp(pairs->at[i].name, name) == 0)
			return pairs->at[i].value;
	return NULL;
}

void artifact_pairs_free(struct artifact_pairs *pairs)
{
	for (size_t i = 0; i < pairs->count; i++) {
		free(pairs->at[i].name);
		free(pairs->at[i].value);
	}
	free(pairs->at);
	*pairs = (struct artifact_pairs){0};
}

void artifact_free(struct artifact *artifact)
{
	free(artifact->name);
	free(artifact->payload_type);
	artifact_pairs_free(&artifact->provides);
	artifact_pairs_free(&artifact->depends);
	for (size_t i = 0; i < artifact->clear_count; i++)
		free(artifact->clears[i]);
	free(artifact->clears);
	*artifact = (struct artifact){0};
}

/* Is VALUE one of those that will do for NAME? */
static bool will_do(const struct artifact_pairs *depends, const char *name, const char *value)
{
	for (size_t i = 0; i < depends->count; i++)
		if (strcmp(depends->at[i].name, name) == 0
			&& strcmp(depends->at[i].value, value) == 0)
			return true;
	return false;
}

/* "needs device_type a or b, the device has c" */
static bool does_not_fit(const struct artifact_pairs *depends, const char *name,
	const char *has, struct error *err)
{
	CLEANUP(buf_free) struct buf wanted = {0};
	const char *text = NULL;

	for (size_t i = 0; i < depends->count; i++)
		if (strcmp(depends->at[i].name, name) == 0
			&& !buf_print(&wanted, err, "%s%s", wanted.len == 0 ? "" : " or ",
				depends->at[i].value))
			return false;
	if (!buf_text(&wanted, &text, err))
		return false;
	if (has == NULL)
		return error_set(err, ERROR_WRONG_DEVICE,
			"the artifact needs %s %.200s, the device has none", name, text);
	return error_set(err, ERROR_WRONG_DEVICE,
		"the artifact needs %s %.200s, the device has %.100s", name, text, has);
}

bool artifact_fits(const struct artifact *artifact, const struct artifact_pairs *provides,
	struct error *err)
{
	const struct artifact_pairs *const depends = &artifact->depends;

	for (size_t i = 0; i < depends->count; i++) {
		const char *const name = depends->at[i].name;
		const char *const has = artifact_pairs_find(provides, name);

		if (has == NULL || !will_do(depends, name, has))
			return does_not_fit(depends, name, has, err);
	}
	return true;
}

/* A star is any run of characters, and nothing else is special: Mender's globs. */
static bool matches(const char *glob, const char *text)
{
	const char *star = NULL, *resume = NULL;

	while (*text != 0) {
		if (*glob == '*') {
			star = ++glob;
			resume = text;
		} else if (*glob == *text) {
			glob++;
			text++;
		} else if (star != NULL) {
			glob = star;
			text = ++resume;
		} else {
			return false;
		}
	}
	while (*glob == '*')
		glob++;
	return *glob == 0;
}

/* The device type is what the device is, not what an artifact made of it. */
static bool is_cleared(const struct artifact *artifact, const char *name)
{
	if (strcmp(name, "device_type") == 0)
		return false;
	for (size_t i = 0; i < artifact->clear_count; i++)
		if (matches(artifact->clears[i], name))
			return true;
	return false;
}

bool artifact_apply(
	const struct artifact *artifact, struct artifact_pairs *provides, struct error *err)
{
	CLEANUP(artifact_pairs_free) struct artifact_pairs after = {0};

	for (size_t i = 0; i < provides->count; i++) {
		const struct artifact_pair *const pair = &provides->at[i];

		if (!is_cleared(artifact, pair->name)
			&& artifact_pairs_find(&artifact->provides, pair->name) == NULL
			&& !artifact_pairs_add(&after, pair->name, pair->value, err))
			return false;
	}
	for (size_t i = 0; i < artifact->provides.count; i++) {
		const struct artifact_pair *const pair = &artifact->provides.at[i];

		if (!artifact_pairs_add(&after, pair->name, pair->value, err))
			return false;
	}
	artifact_pairs_free(provides);
	*provides = after;
	after = (struct artifact_pairs){0};
	return true;
}
