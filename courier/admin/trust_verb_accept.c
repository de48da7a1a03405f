/* trust accept: signatures come home; when there are enough, what they sign is served. */
#include <string.h>

#include "courier/admin/trust.h"

struct accept_options {
	const char *passphrase_file;
};

static const struct argument options_table[] = {
	{"online-passphrase-file", ARGUMENT_TEXT,
		offsetof(struct accept_options, passphrase_file), "FILE",
		"passphrase of the online keys; else it is asked for"},
};

static const enum tuf_kind kinds[] = {TUF_ROOT, TUF_TARGETS};

/* From a stick only signatures are taken: what they sign must be what was staged here. */
static bool merge(const char *directory, struct trust_stage *stage, struct error *err)
{
	CLEANUP(trust_stage_free) struct trust_stage carried = {.trusted = NULL};

	if (!trust_stage_read(directory, &carried, err))
		return false;
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (stage->has[kinds[i]] && carried.has[kinds[i]]
			&& !tuf_draft_merge(
				&stage->draft[kinds[i]], &carried.draft[kinds[i]], err))
			return error_while(err, "%s: %s is not what was staged here", directory,
				tuf_kind_name(kinds[i]));
	return true;
}

static bool is_complete(const struct trust_stage *stage, bool *out, struct error *err)
{
	bool complete = true;

	for (size_t i = 0; i < COUNT(kinds); i++) {
		struct trust_need need[2];
		size_t count = 0;

		if (!stage->has[kinds[i]])
			continue;
		if (!trust_stage_needs(stage, kinds[i], need, &count, err))
			return false;
		for (size_t j = 0; j < count; j++)
			complete = complete && need[j].met;
	}
	*out = complete;
	return true;
}

static bool log_accepted(
	struct trust *trust, const struct trust_stage *stage, struct error *err)
{
	CLEANUP(json_cleanup) struct json *members = json_new_object();

	for (size_t i = 0; i < COUNT(kinds); i++)
		if (stage->has[kinds[i]])
			json_add_integer(members, tuf_kind_name(kinds[i]),
				stage->metadata[kinds[i]]->version);
	return trust_log(trust, "trust accepted", members, err);
}

/* Installed before, by a command that was killed afterwards? */
static bool is_installed(const struct trust *trust, const struct trust_stage *stage)
{
	for (size_t i = 0; i < COUNT(kinds); i++) {
		const struct tuf_metadata *const now = trust_top(trust, kinds[i]);

		if (stage->has[kinds[i]]
			&& (now == NULL || now->version < stage->metadata[kinds[i]]->version))
			return false;
	}
	return true;
}

static bool install(struct trust *trust, const struct trust_stage *stage, struct error *err)
{
	const struct trust_change change = {
		.root = stage->has[TUF_ROOT] ? &stage->draft[TUF_ROOT] : NULL,
		.targets = stage->has[TUF_TARGETS] ? &stage->draft[TUF_TARGETS] : NULL,
	};

	if (is_installed(trust, stage))
		return trust_stage_remove(trust, err) && trust_say_minted(trust, err);
	return trust_roles_load(trust, err) && log_accepted(trust, stage, err)
		&& trust_mint(trust, &change, err) && trust_stage_remove(trust, err)
		&& trust_say_minted(trust, err);
}

/* What was staged follows the root that is trusted, and no other. */
static bool check_follows(
	const struct trust *trust, const struct trust_stage *stage, struct error *err)
{
	const struct tuf_metadata *const root = trust_top(trust, TUF_ROOT);

	if (is_installed(trust, stage))
		return true;
	return (root == NULL && stage->trusted == NULL)
		|| (root != NULL && stage->trusted != NULL
			&& bytes_equal(buf_bytes(&root->raw), buf_bytes(&stage->trusted->raw)))
		|| error_set(err, ERROR_DAMAGED,
			"%s/staged: made for another root than the one trusted",
			trust->directory);
}

static bool run(struct trust *trust, const struct argument_list *words, struct error *err)
{
	CLEANUP(trust_stage_free) struct trust_stage stage = {.trusted = NULL};
	char staged[PATH_MAX];
	bool complete = false;

	if (!trust_path(trust, staged, err, "staged") || !trust_stage_read(staged, &stage, err)
		|| !check_follows(trust, &stage, err))
		return false;
	for (size_t i = 0; i < words->count; i++)
		if (!merge(words->at[i], &stage, err))
			return false;
	if (!trust_stage_write(staged, &stage, err) || !is_complete(&stage, &complete, err))
		return false;
	if (complete)
		return install(trust, &stage, err);
	return trust_say_staged(trust, &stage, err)
		&& error_set(err, ERROR_CONTACT, "not all who must have signed yet");
}

static bool run_accept(struct admin_call *call, const void *given,
	const struct argument_list *words, struct error *err)
{
	const struct accept_options *const options = given;
	CLEANUP(trust_close) struct trust trust = {.authority = {.lock = -1}};

	if (!trust_open(call, &trust, err))
		return false;
	trust.unlock.file = options->passphrase_file;
	return run(&trust, words, err);
}

const struct admin_command trust_verb_accept = {
	.name = "accept",
	.arguments = "[DIR]...",
	.summary = "take the signatures on what was staged; serve it when they are enough",
	.options = options_table,
	.option_count = COUNT(options_table),
	.options_size = sizeof(struct accept_options),
	.run = run_accept,
};
