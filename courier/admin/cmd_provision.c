#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "courier/admin/admin_command.h"
#include "courier/admin/device_request.h"
#include "courier/admin/record.h"
#include "courier/admin/trust.h"

enum { DAYS_MAX = 36500 };

#define AGENT_STATE "/var/lib/courier-agent"
#define TUF_ROOT_FILE "tuf-root.json"

struct provision_options {
	const char *out, *request, *identity, *id, *group, *state, *direction;
	struct argument_list artifact_keys;
	int64_t days;
	bool replace;
};

#define AT(member) offsetof(struct provision_options, member)

static const struct argument options_table[] = {
	{"out", ARGUMENT_TEXT, AT(out), "DIR", "where to write the device's files"},
	{"request", ARGUMENT_TEXT, AT(request), "FILE", "what courier-agent request wrote"},
	{"id", ARGUMENT_TEXT, AT(id), "ID", "the device's id, if it is to be certified"},
	{"group", ARGUMENT_TEXT, AT(group), "LABEL", "only couriers of this group may visit"},
	{"identity", ARGUMENT_TEXT, AT(identity), "JSON",
		"identity at the server, where the request does not say it"},
	{"days", ARGUMENT_NUMBER, AT(days), "N",
		"how long the certificate lasts; else for ever"},
	{"replace", ARGUMENT_FLAG, AT(replace), NULL, "the device of that id has a new key"},
	{"artifact-key", ARGUMENT_LIST, AT(artifact_keys), "FILE",
		"a public key that artifacts are signed with; may be repeated"},
	{"direction", ARGUMENT_TEXT, AT(direction), "HOW",
		"with a repository: required, or none; else the agent's default"},
	{"state", ARGUMENT_TEXT, AT(state), "DIR",
		"where the files will be on the device; else " AGENT_STATE},
};

struct provision {
	struct authority authority;
	const struct provision_options *options;
	struct device_request request;
	struct device_record record;
	size_t key_count;
	struct buf tuf_root; /* of the authority's repository */
	bool has_tuf;
};

static void provision_done(struct provision *provision)
{
	authority_close(&provision->authority);
	device_request_free(&provision->request);
	device_record_free(&provision->record);
	buf_free(&provision->tuf_root);
}

/* ---- the certificate ---- */

/* The statement and --identity may both say it, but not differently. */
static bool take_identity(struct provision *provision, struct error *err)
{
	char **const identity = &provision->record.identity;
	const char *const stated = provision->request.statement.identity;
	const char *const given = provision->options->identity;

	if (given == NULL && stated == NULL)
		return error_set(err, ERROR_USAGE,
			"the request does not say the device's identity: give --identity JSON");
	if (!device_identity(given != NULL ? given : stated, identity, err))
		return false;
	if (given != NULL && stated != NULL && strcmp(*identity, stated) != 0)
		return error_set(err, ERROR_WRONG_DEVICE,
			"the device says its identity is %s, --identity says %s", stated,
			*identity);
	return true;
}

static bool take_names(struct provision *provision, struct error *err)
{
	const struct provision_options *const options = provision->options;
	struct device_record *const record = &provision->record;

	if (options->id == NULL || !certificate_id_valid(options->id))
		return error_set(err, ERROR_USAGE, "%s",
			options->id == NULL ? "a request needs --id ID" : "--id: no id");
	if (strcmp(options->id, CERTIFICATE_UNCERTIFIED) == 0)
		return error_set(err, ERROR_USAGE, "--id: \"%s\" is nobody's id",
			CERTIFICATE_UNCERTIFIED);
	memcpy(record->id, options->id, strlen(options->id) + 1);
	if (options->group != NULL)
		memcpy(record->group, options->group, strlen(options->group) + 1);
	return true;
}

static bool certify(struct admin_call *call, struct provision *provision, struct error *err)
{
	const struct provision_options *const options = provision->options;
	CLEANUP(crypto_key_cleanup) struct crypto_key *issuer = NULL;

	return device_request_read(options->request, &provision->request, err)
		&& take_names(provision, err) && take_identity(provision, err)
		&& authority_issuer_key(
			&provision->authority, CERTIFICATE_DEVICE, &call->unlock, &issuer, err)
		&& device_record_certify(&provision->authority, issuer, provision->request.key,
			options->days, options->replace, &provision->record, err);
}

/* ---- the files ---- */

static bool write_file(const struct provision *provision, const char *name,
	const struct buf *content, struct error *err)
{
	char path[PATH_MAX];

	return file_path(path, sizeof(path), provision->options->out, name, err)
		&& file_replace(path, buf_bytes(content), 0644, err);
}

static bool write_keys(struct provision *provision, struct error *err)
{
	char **keys = NULL;
	char name[64];
	bool ok = true;

	if (!authority_artifact_keys(&provision->authority, &keys, &provision->key_count, err))
		return false;
	for (size_t i = 0; ok && i < provision->key_count; i++) {
		CLEANUP(buf_free) struct buf pem = {0};

		(void)snprintf(name, sizeof(name), "artifact-key-%zu.pem", i + 1);
		ok = buf_append(&pem, bytes_of(keys[i]), err)
			&& write_file(provision, name, &pem, err);
	}
	authority_texts_free(keys, provision->key_count);
	return ok;
}

static bool print_config(const struct provision *provision, struct buf *out, struct error *err)
{
	const struct provision_options *const options = provision->options;
	const char *const state = options->state != NULL ? options->state : AGENT_STATE;

	if (!buf_print(out, err,
		    "# /etc/courier-agent.conf of fleet %s: see courier-agent(8).\n"
		    "# The other files of this directory belong in %s.\n\n"
		    "[agent]\nstate = %s\n",
		    provision->authority.fleet, state, state))
		return false;
	for (size_t i = 0; i < provision->key_count; i++)
		if (!buf_print(
			    out, err, "artifact-key = %s/artifact-key-%zu.pem\n", state, i + 1))
			return false;
	if (provision->has_tuf
		&& !buf_print(out, err, "tuf-root = %s/" TUF_ROOT_FILE "\n", state))
		return false;
	if (options->direction != NULL
		&& !buf_print(out, err, "direction = %s\n", options->direction))
		return false;
	if (provision->key_count == 0 && !provision->has_tuf
		&& !buf_print(out, err,
			"# No artifact key is known: the agent installs nothing without one.\n"
			"# artifact-key = %s/artifact-key-1.pem\n",
			state))
		return false;
	if (options->group != NULL && !buf_print(out, err, "group = %s\n", options->group))
		return false;
	return buf_print(out, err,
		"\n# The port a courier is plugged into:\n# link = serial:/dev/ttyS1,115200\n"
		"# What the device was shipped with:\n# artifact = NAME\n"
		"# Decides whether an update stays:\n"
		"# health = /usr/lib/courier-agent/health\n\n"
		"# One section for each type of payload the device installs:\n"
		"# [installer rootfs-image]\n# kind = mender\n");
}

static bool write_files(struct provision *provision, struct error *err)
{
	CLEANUP(buf_free) struct buf config = {0};

	return file_make_directory(provision->options->out, 0755, err)
		&& write_keys(provision, err) && print_config(provision, &config, err)
		&& write_file(provision, "root.pem", &provision->authority.root, err)
		&& write_file(provision, "crl.pem", &provision->authority.crl, err)
		&& (!provision->has_tuf
			|| write_file(provision, TUF_ROOT_FILE, &provision->tuf_root, err))
		&& (provision->record.chain.len == 0
			|| write_file(
				provision, "certificate.pem", &provision->record.chain, err))
		&& write_file(provision, "courier-agent.conf", &config, err);
}

/* ---- the command ---- */

static bool show(
	const struct admin_call *call, const struct provision *provision, struct error *err)
{
	CLEANUP(json_cleanup) struct json *fact = json_new_object();
	CLEANUP(buf_free) struct buf text = {0};
	const struct device_record *const record = &provision->record;
	const bool certified = record->chain.len > 0;
	const char *line = NULL;

	json_add_string(fact, "directory", provision->options->out);
	json_add_bool(fact, "certified", certified);
	json_add_integer(fact, "artifact_keys", (int64_t)provision->key_count);
	json_add_bool(fact, "tuf_root", provision->has_tuf);
	if (certified) {
		json_add_string(fact, "id", record->id);
		json_add_string(fact, "identity", record->identity);
		json_add_digest(fact, "key", &record->key);
	}
	if (!(certified ? buf_print(&text, err, "%s: %s, certified as %s",
		      provision->options->out, record->id, record->identity)
			: buf_print(&text, err,
				"%s: not certified yet: it can be met, but vouches for "
				"nothing",
				provision->options->out))
		|| !buf_text(&text, &line, err))
		return false;
	output_fact(&call->output, fact, line);
	if (provision->key_count == 0 && !provision->has_tuf)
		output_say(&call->output,
			"no artifact key is known: the device will install nothing; "
			"--artifact-key FILE adds one");
	return true;
}

static bool check_options(const struct provision_options *options, struct error *err)
{
	if (options->out == NULL)
		return error_set(err, ERROR_USAGE, "needs --out DIR");
	if (options->group != NULL && !certificate_id_valid(options->group))
		return error_set(err, ERROR_USAGE, "--group %s: no label", options->group);
	if (options->direction != NULL && strcmp(options->direction, "required") != 0
		&& strcmp(options->direction, "none") != 0)
		return error_set(err, ERROR_USAGE, "--direction: required or none");
	if (options->days > DAYS_MAX)
		return error_set(err, ERROR_USAGE, "--days: at most %d", DAYS_MAX);
	if (options->request == NULL && (options->id != NULL || options->identity != NULL))
		return error_set(err, ERROR_USAGE,
			"--id and --identity go into a certificate, which needs --request");
	return true;
}

static bool run_provision(struct admin_call *call, const void *given,
	const struct argument_list *words, struct error *err)
{
	CLEANUP(provision_done)
	struct provision provision = {.authority = {.lock = -1}, .options = given};
	const struct provision_options *const options = given;

	if (words->count > 0)
		return error_set(err, ERROR_USAGE, "%s: not understood", words->at[0]);
	if (!check_options(options, err)
		|| !authority_open(call->directory, true, &provision.authority, err))
		return false;
	for (size_t i = 0; i < options->artifact_keys.count; i++)
		if (!authority_artifact_key_add(
			    &provision.authority, options->artifact_keys.at[i], err))
			return false;
	if (!trust_pinned_root(
		    &provision.authority, &provision.tuf_root, &provision.has_tuf, err))
		return false;
	if (options->direction != NULL && !provision.has_tuf)
		return error_set(err, ERROR_USAGE,
			"--direction: there is no repository yet that could direct; see "
			"courier-admin trust");
	return (options->request == NULL || certify(call, &provision, err))
		&& write_files(&provision, err) && show(call, &provision, err);
}

const struct admin_command cmd_provision = {
	.name = "provision",
	.arguments = "--out DIR [--request FILE --id ID [--identity JSON]] [--group LABEL]",
	.summary = "write what a device must have before couriers may visit it",
	.options = options_table,
	.option_count = COUNT(options_table),
	.options_size = sizeof(struct provision_options),
	.run = run_provision,
};
