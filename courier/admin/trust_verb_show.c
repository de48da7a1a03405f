/* trust show: what is signed, by whom and until when; what waits; what a stick carries. */
#include <stdio.h>
#include <string.h>

#include "courier/admin/trust.h"

struct show_options {
	bool targets;
};

static const struct argument options_table[] = {
	{"targets", ARGUMENT_FLAG, offsetof(struct show_options, targets), NULL,
		"list every target, too"},
};

static bool show_role(const struct trust *trust, const char *name,
	const struct tuf_metadata *metadata, const struct tuf_metadata *keys,
	const struct tuf_role *role, struct error *err)
{
	CLEANUP(json_cleanup) struct json *fact = json_new_object();
	CLEANUP(buf_free) struct buf holders = {0};
	struct json *const array = json_add_array(fact, "holders");
	const char *const *const ids = role->keyids.at;
	const char *text = NULL;
	char expires[TUF_TIME_TEXT], holder[TRUST_HOLDER_MAX + 1];

	for (size_t i = 0; i < role->keyids.count; i++) {
		trust_key_holder(keys, ids[i], holder);
		json_append_string(array, holder);
		if (!buf_print(&holders, err, "%s%s", i == 0 ? "" : ", ", holder))
			return false;
	}
	if (!tuf_write_time(metadata->expires, expires, err) || !buf_text(&holders, &text, err))
		return false;
	json_add_string(fact, "role", name);
	json_add_integer(fact, "version", metadata->version);
	json_add_integer(fact, "expires", metadata->expires);
	json_add_bool(fact, "expired", metadata->expires <= trust->now);
	json_add_integer(fact, "threshold", role->threshold);
	return trust_say(trust, fact, err, "%-10s version %lld, %s %s, by %lld of %s", name,
		(long long)metadata->version,
		metadata->expires <= trust->now ? "EXPIRED" : "until", expires,
		(long long)role->threshold, text);
}

/* The bins are like one: of the one that expires first. */
static bool show_bins(const struct trust *trust, struct error *err)
{
	CLEANUP(json_cleanup) struct json *fact = json_new_object();
	int64_t first = trust->roles[1].metadata->expires;
	size_t directions = 0;
	char expires[TUF_TIME_TEXT];

	for (size_t i = 1; i < trust->role_count; i++) {
		const int64_t end = trust->roles[i].metadata->expires;

		first = end < first ? end : first;
		directions += json_count(trust->roles[i].targets);
	}
	if (!tuf_write_time(first, expires, err))
		return false;
	json_add_string(fact, "role", TRUST_BIN);
	json_add_integer(fact, "bins", (int64_t)trust->role_count - 1);
	json_add_integer(fact, "directions", (int64_t)directions);
	json_add_integer(fact, "expires", first);
	return trust_say(trust, fact, err, "%zu bins with %zu directions, until %s",
		trust->role_count - 1, directions, expires);
}

static bool show_roles(const struct trust *trust, struct error *err)
{
	const struct tuf_metadata *const root = trust_top(trust, TUF_ROOT);
	const struct tuf_metadata *const targets = trust_top(trust, TUF_TARGETS);
	const struct tuf_role *publisher = NULL;

	for (int i = 0; i < TUF_KIND_COUNT; i++)
		if (!show_role(trust, tuf_kind_name((enum tuf_kind)i),
			    trust_top(trust, (enum tuf_kind)i), root, &root->roles[i], err))
			return false;
	return trust_delegation(targets, &publisher, err)
		&& show_role(trust, TRUST_PUBLISHER, trust->roles[0].metadata, targets,
			publisher, err)
		&& show_bins(trust, err);
}

static bool show_targets(const struct trust *trust, struct error *err)
{
	for (size_t i = 0; i < trust->role_count; i++)
		for (const struct json *each = json_first(trust->roles[i].targets);
			each != NULL; each = json_next(each)) {
			CLEANUP(json_cleanup) struct json *fact = json_new_object();
			const char *const sha256 = json_string(
				json_member(json_member(each, "hashes"), "sha256"));

			json_add_string(fact, "target", json_name(each));
			json_add_copy(fact, "facts", each);
			if (!trust_say(trust, fact, err, "%s %s", sha256 == NULL ? "" : sha256,
				    json_name(each)))
				return false;
		}
	return true;
}

static bool show_staged(const struct trust *trust, const char *directory, struct error *err)
{
	CLEANUP(trust_stage_free) struct trust_stage stage = {.trusted = NULL};

	return trust_stage_read(directory, &stage, err) && trust_say_staged(trust, &stage, err);
}

static bool show_waiting(const struct trust *trust, struct error *err)
{
	char staged[PATH_MAX];
	bool exists = false;

	if (!trust_stage_exists(trust, &exists, err))
		return false;
	if (!exists)
		return true;
	output_say(trust->output, "waiting for signatures:");
	return trust_path(trust, staged, err, "staged") && show_staged(trust, staged, err);
}

static bool run_show(struct admin_call *call, const void *given,
	const struct argument_list *words, struct error *err)
{
	const struct show_options *const options = given;
	CLEANUP(trust_close)
	struct trust trust = {.authority = {.lock = -1}, .output = &call->output};

	if (words->count > 1)
		return error_set(err, ERROR_USAGE, "needs one directory at most");
	if (words->count == 1)
		return show_staged(&trust, words->at[0], err);
	if (!trust_open(call, &trust, err))
		return false;
	if (trust.tuf != NULL
		&& (!trust_roles_load(&trust, err) || !show_roles(&trust, err)
			|| (options->targets && !show_targets(&trust, err))))
		return false;
	return show_waiting(&trust, err);
}

const struct admin_command trust_verb_show = {
	.name = "show",
	.arguments = "[DIR] [--targets]",
	.summary = "show what is signed, by whom and until when, or what DIR wants signed",
	.options = options_table,
	.option_count = COUNT(options_table),
	.options_size = sizeof(struct show_options),
	.run = run_show,
};
