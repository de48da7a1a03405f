#include <time.h>

#include "courier/admin/admin_command.h"

struct init_options {
	const char *fleet;
	struct argument_list artifact_keys;
};

static const struct argument options_table[] = {
	{"fleet", ARGUMENT_TEXT, offsetof(struct init_options, fleet), "NAME",
		"what the fleet is called in its certificates"},
	{"artifact-key", ARGUMENT_LIST, offsetof(struct init_options, artifact_keys), "FILE",
		"a public key that artifacts are signed with; may be repeated"},
};

static bool show(struct admin_call *call, struct error *err)
{
	CLEANUP(json_cleanup) struct json *fact = json_new_object();
	CLEANUP(buf_free) struct buf text = {0};
	CLEANUP(authority_close) struct authority authority = {.lock = -1};
	CLEANUP(certificate_cleanup) struct certificate *chain = NULL;
	struct digest root = {{0}};
	char hex[DIGEST_TEXT];
	const char *line = NULL;

	if (!authority_open(call->directory, false, &authority, err)
		|| !certificate_parse(buf_bytes(&authority.root), &chain, err)
		|| !certificate_fingerprint(chain, &root, err))
		return false;
	digest_text(&root, hex);
	json_add_string(fact, "directory", authority.directory);
	json_add_string(fact, "fleet", authority.fleet);
	json_add_string(fact, "root", hex);
	if (!buf_print(&text, err, "%s: fleet %s, fleet root %s", authority.directory,
		    authority.fleet, hex)
		|| !buf_text(&text, &line, err))
		return false;
	output_fact(&call->output, fact, line);
	output_say(&call->output,
		"move %s/root to a machine without a network, and a copy to a safe: no daily "
		"command needs it",
		authority.directory);
	return true;
}

static bool run_init(struct admin_call *call, const void *given,
	const struct argument_list *words, struct error *err)
{
	const struct init_options *const options = given;
	CLEANUP(authority_close) struct authority authority = {.lock = -1};

	if (words->count == 1)
		call->directory = words->at[0];
	if (words->count > 1)
		return error_set(err, ERROR_USAGE, "needs one directory");
	if (options->fleet == NULL)
		return error_set(err, ERROR_USAGE, "needs --fleet NAME");
	if (!authority_create(call->directory, options->fleet, &call->unlock, time(NULL), err)
		|| !authority_open(call->directory, true, &authority, err))
		return false;
	for (size_t i = 0; i < options->artifact_keys.count; i++)
		if (!authority_artifact_key_add(&authority, options->artifact_keys.at[i], err))
			return false;
	return show(call, err);
}

const struct admin_command cmd_init = {
	.name = "init",
	.arguments = "[DIR] --fleet NAME [OPTIONS]",
	.summary = "make a fleet: its root, its two issuers, revocation list number 1",
	.options = options_table,
	.option_count = COUNT(options_table),
	.options_size = sizeof(struct init_options),
	.run = run_init,
};
