#include <string.h>
#include <time.h>

#include "common/file.h"
#include "courier/admin/admin_command.h"
#include "courier/admin/bundle.h"

enum { DAYS = 30, DAYS_MAX = 366 };

struct issue_options {
	const char *id, *technician;
	struct argument_list groups, artifact_keys;
	int64_t days;
};

#define AT(member) offsetof(struct issue_options, member)

static const struct argument options_table[] = {
	{"id", ARGUMENT_TEXT, AT(id), "ID", "the courier's id"},
	{"technician", ARGUMENT_TEXT, AT(technician), "NAME", "who carries it"},
	{"group", ARGUMENT_LIST, AT(groups), "LABEL", "devices it may visit; may be repeated"},
	{"days", ARGUMENT_NUMBER, AT(days), "N",
		"how long the certificate lasts; 30 if absent"},
	{"artifact-key", ARGUMENT_LIST, AT(artifact_keys), "FILE",
		"a public key that artifacts are signed with; may be repeated"},
};

/* The request at PATH; for a courier we know it must be of the same keys. */
static bool take_request(
	struct courier_record *record, bool known, const char *path, struct error *err)
{
	CLEANUP(courier_record_free) struct courier_record taken = {0};
	CLEANUP(buf_free) struct buf pem = {0};
	struct digest before = {{0}}, now = {{0}};

	if (!file_read(path, AUTHORITY_FILE_MAX, &pem, NULL, err))
		return false;
	if (!known)
		return courier_record_take_request(record, buf_bytes(&pem), err)
			|| error_while(err, "%s", path);
	if (!courier_record_take_request(&taken, buf_bytes(&pem), err))
		return error_while(err, "%s", path);
	if (!crypto_public_fingerprint(record->key, &before, err)
		|| !crypto_public_fingerprint(taken.key, &now, err))
		return false;
	if (digest_equal(&before, &now) && digest_equal(&record->server, &taken.server))
		return true;
	return error_set(err, ERROR_BUSY,
		"%s: there is a courier of that name with other keys; give this one another id",
		record->id);
}

static bool take_technician(
	struct courier_record *record, const char *technician, struct error *err)
{
	if (technician == NULL)
		return record->technician[0] != 0
			|| error_set(err, ERROR_USAGE, "needs --technician NAME");
	if (strlen(technician) >= sizeof(record->technician))
		return error_set(
			err, ERROR_USAGE, "--technician: over %d bytes", CERTIFICATE_NAME_MAX);
	memcpy(record->technician, technician, strlen(technician) + 1);
	return true;
}

static bool take_groups(
	struct courier_record *record, const struct argument_list *groups, struct error *err)
{
	if (groups->count > COUNT(record->groups))
		return error_set(err, ERROR_USAGE, "--group: at most %d of them",
			CERTIFICATE_GROUPS_MAX);
	if (groups->count > 0)
		record->group_count = 0;
	for (size_t i = 0; i < groups->count; i++) {
		if (!certificate_id_valid(groups->at[i]))
			return error_set(
				err, ERROR_USAGE, "--group %s: no label", groups->at[i]);
		memcpy(record->groups[record->group_count++], groups->at[i],
			strlen(groups->at[i]) + 1);
	}
	return true;
}

/* Who the courier is to be: what we knew, and what is said now. */
static bool gather(const struct authority *authority, const struct issue_options *options,
	const struct argument_list *words, struct courier_record *record, struct error *err)
{
	bool known = false;

	if (options->id == NULL)
		return error_set(err, ERROR_USAGE, "needs --id ID");
	if (!courier_record_read(authority, options->id, record, &known, err))
		return false;
	if (words->count > 1 || (words->count == 0 && !known))
		return error_set(err, ERROR_USAGE, "needs the request that courier init wrote");
	memcpy(record->id, options->id, strlen(options->id) + 1);
	return (words->count == 0 || take_request(record, known, words->at[0], err))
		&& take_technician(record, options->technician, err)
		&& take_groups(record, &options->groups, err);
}

static bool certify(struct authority *authority, const struct crypto_key *issuer, int64_t days,
	struct courier_record *record, struct error *err)
{
	struct certificate_holder holder
		= {.role = CERTIFICATE_COURIER, .group_count = record->group_count};

	holder.not_before = time(NULL);
	holder.not_after = holder.not_before + days * 86400;
	memcpy(holder.id, record->id, sizeof(holder.id));
	memcpy(holder.name, record->technician, sizeof(holder.name));
	memcpy(holder.groups, record->groups, sizeof(holder.groups));
	buf_free(&record->chain);
	return authority_certify(authority, issuer, record->key, &holder, &record->chain, err);
}

static bool show(const struct admin_call *call, const struct courier_record *record,
	int64_t days, const char *path, struct error *err)
{
	CLEANUP(json_cleanup) struct json *fact = json_new_object();
	CLEANUP(buf_free) struct buf text = {0};
	const int64_t until = time(NULL) + days * 86400;
	char time_text[32];
	const char *line = NULL;

	output_time(until, time_text);
	json_add_string(fact, "courier", record->id);
	json_add_string(fact, "technician", record->technician);
	json_add_string(fact, "not_after", time_text);
	json_add_digest(fact, "server_key", &record->server);
	json_add_integer(fact, "number", (int64_t)record->number);
	json_add_string(fact, "control", path);
	if (!buf_print(&text, err, "%s (%s) until %s: control bundle %llu: %s", record->id,
		    record->technician, time_text, (unsigned long long)record->number, path)
		|| !buf_text(&text, &line, err))
		return false;
	output_fact(&call->output, fact, line);
	output_say(&call->output, "hand %s.control to %s, who runs: courier init %s.control",
		record->id, record->technician, record->id);
	return true;
}

static bool issue(struct admin_call *call, struct authority *authority,
	struct courier_record *record, int64_t days, struct error *err)
{
	CLEANUP(crypto_key_cleanup) struct crypto_key *issuer = NULL;
	CLEANUP(control_free) struct control control = {0};
	char path[PATH_MAX];

	return bundle_read(authority, record, &control, err)
		&& authority_issuer_key(
			authority, CERTIFICATE_COURIER, &call->unlock, &issuer, err)
		&& certify(authority, issuer, days, record, err)
		&& bundle_write(authority, record, &control, issuer, path, err)
		&& show(call, record, days, path, err);
}

static bool run_issue(struct admin_call *call, const void *given,
	const struct argument_list *words, struct error *err)
{
	const struct issue_options *const options = given;
	const int64_t days = options->days == 0 ? DAYS : options->days;
	CLEANUP(authority_close) struct authority authority = {.lock = -1};
	CLEANUP(courier_record_free) struct courier_record record = {0};

	if (days > DAYS_MAX)
		return error_set(err, ERROR_USAGE, "--days: at most %d", DAYS_MAX);
	if (!authority_open(call->directory, true, &authority, err)
		|| !gather(&authority, options, words, &record, err))
		return false;
	for (size_t i = 0; i < options->artifact_keys.count; i++)
		if (!authority_artifact_key_add(&authority, options->artifact_keys.at[i], err))
			return false;
	return issue(call, &authority, &record, days, err);
}

const struct admin_command cmd_issue = {
	.name = "issue",
	.arguments = "[REQUEST] --id ID --technician NAME [--group LABEL]... [OPTIONS]",
	.summary = "certify a courier, or renew it, and write its control bundle",
	.options = options_table,
	.option_count = COUNT(options_table),
	.options_size = sizeof(struct issue_options),
	.run = run_issue,
};
