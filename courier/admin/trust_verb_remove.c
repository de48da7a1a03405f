/* trust remove: a target that shall not be served any more. */
#include <string.h>

#include "courier/admin/trust.h"

struct remove_options {
	const char *passphrase_file;
};

static const struct argument options_table[] = {
	{"online-passphrase-file", ARGUMENT_TEXT,
		offsetof(struct remove_options, passphrase_file), "FILE",
		"passphrase of the online keys; else it is asked for"},
};

static bool names(const struct json *direction, const char *artifact)
{
	const struct json *const artifacts
		= json_member(json_member(direction, "custom"), "artifacts");

	for (const struct json *each = json_first(artifacts); each != NULL;
		each = json_next(each))
		if (json_string(each) != NULL && strcmp(json_string(each), artifact) == 0)
			return true;
	return false;
}

/* A device directed to what is gone could install nothing. */
static bool check_unused(const struct trust *trust, const char *path, struct error *err)
{
	for (size_t i = 1; i < trust->role_count; i++)
		for (const struct json *each = json_first(trust->roles[i].targets);
			each != NULL; each = json_next(each))
			if (names(each, path))
				return error_set(err, ERROR_BUSY,
					"%s: %s directs to it; direct it elsewhere, or remove "
					"that first",
					path, json_name(each));
	return true;
}

static bool remove_target(struct trust *trust, const char *path, struct error *err)
{
	CLEANUP(json_cleanup) struct json *members = json_new_object();
	const struct json *listed = NULL;

	if (!trust_target(trust, path, &listed, err))
		return false;
	if (listed == NULL)
		return error_set(err, ERROR_USAGE, "%s: no such target", path);
	json_add_string(members, "target", path);
	return check_unused(trust, path, err)
		&& trust_log(trust, "target removed", members, err)
		&& trust_target_set(trust, path, NULL, err);
}

static bool run_remove(struct admin_call *call, const void *given,
	const struct argument_list *words, struct error *err)
{
	const struct remove_options *const options = given;
	CLEANUP(trust_close) struct trust trust = {.authority = {.lock = -1}};

	if (words->count == 0)
		return error_set(err, ERROR_USAGE,
			"needs targets, as courier-admin trust show "
			"lists them");
	if (!trust_open_live(call, &trust, err) || !trust_roles_load(&trust, err))
		return false;
	trust.unlock.file = options->passphrase_file;
	for (size_t i = 0; i < words->count; i++)
		if (!remove_target(&trust, words->at[i], err))
			return false;
	if (!trust_mint(&trust, &(struct trust_change){0}, err))
		return false;
	/* Last: until now somebody could be directed to it. */
	for (size_t i = 0; i < words->count; i++)
		if (!trust_file_prune(&trust, words->at[i], NULL, NULL, err))
			return false;
	return trust_say_minted(&trust, err);
}

const struct admin_command trust_verb_remove = {
	.name = "remove",
	.arguments = "TARGET...",
	.summary = "serve a target no more",
	.options = options_table,
	.option_count = COUNT(options_table),
	.options_size = sizeof(struct remove_options),
	.run = run_remove,
};
