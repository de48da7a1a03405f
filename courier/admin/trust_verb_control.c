/* trust control: couriers' control bundles as targets. */
#include <stdio.h>
#include <string.h>

#include "common/file.h"
#include "courier/admin/record.h"
#include "courier/admin/trust.h"
#include "courier/control.h"

struct control_options {
	const char *passphrase_file;
};

static const struct argument options_table[] = {
	{"online-passphrase-file", ARGUMENT_TEXT,
		offsetof(struct control_options, passphrase_file), "FILE",
		"passphrase of the online keys; else it is asked for"},
};

struct publishing {
	struct trust *trust;
	size_t changed, seen;
};

static bool say(const struct trust *trust, const char *id, bool same, struct error *err)
{
	CLEANUP(json_cleanup) struct json *fact = json_new_object();

	json_add_string(fact, "courier", id);
	json_add_bool(fact, "changed", !same);
	return trust_say(
		trust, fact, err, "couriers/%s/control%s", id, same ? ": as before" : "");
}

static bool list(struct trust *trust, const char *path, struct bytes content, bool *same,
	struct error *err)
{
	CLEANUP(json_cleanup) struct json *facts = json_new_object();
	const struct json *listed = NULL;
	struct digest digest = {{0}}, before = {{0}};

	if (!crypto_sha256(content, &digest, err) || !trust_target(trust, path, &listed, err)
		|| (listed != NULL
			&& !json_need_digest(
				json_member(listed, "hashes"), "sha256", &before, err)))
		return false;
	*same = listed != NULL && digest_equal(&before, &digest);
	if (*same)
		return true;
	tuf_write_hashes(facts, (int64_t)content.len, &digest);
	return trust_file_put(trust, path, content, err)
		&& trust_file_prune(trust, path, &digest, listed == NULL ? NULL : &before, err)
		&& trust_target_set(trust, path, facts, err);
}

/* The bundle is read as its courier will: what it would refuse is not published. */
static bool publish(struct publishing *publishing, const char *id, bool need, struct error *err)
{
	struct trust *const trust = publishing->trust;
	CLEANUP(buf_free) struct buf envelope = {0};
	CLEANUP(control_free) struct control control = {0};
	char path[PATH_MAX], target[CERTIFICATE_ID_MAX + 32];
	bool found = false, same = false;

	if (!authority_path(&trust->authority, path, err, "couriers/%s/%s.control", id, id)
		|| !file_read(path, CONTROL_MAX, &envelope, &found, err))
		return false;
	if (!found)
		return !need
			|| error_set(
				err, ERROR_USAGE, "%s: no control bundle was signed yet", id);
	(void)snprintf(target, sizeof(target), "couriers/%s/control", id);
	if (!control_open(
		    buf_bytes(&envelope), buf_bytes(&trust->authority.root), 0, &control, err)
		|| !list(trust, target, buf_bytes(&envelope), &same, err))
		return error_while(err, "%s", path);
	publishing->changed += !same;
	publishing->seen++;
	return say(trust, id, same, err);
}

static bool visit(void *self, const char *id, struct error *err)
{
	return publish(self, id, false, err);
}

static bool publish_named(
	struct publishing *publishing, const struct argument_list *words, struct error *err)
{
	for (size_t i = 0; i < words->count; i++) {
		CLEANUP(courier_record_free) struct courier_record record = {.number = 0};

		if (!courier_record_need(
			    &publishing->trust->authority, words->at[i], &record, err)
			|| !publish(publishing, record.id, true, err))
			return false;
	}
	return true;
}

static bool run_control(struct admin_call *call, const void *given,
	const struct argument_list *words, struct error *err)
{
	const struct control_options *const options = given;
	CLEANUP(trust_close) struct trust trust = {.authority = {.lock = -1}};
	struct publishing publishing = {.trust = &trust};

	if (!trust_open_live(call, &trust, err) || !trust_roles_load(&trust, err))
		return false;
	trust.unlock.file = options->passphrase_file;
	if (!(words->count > 0
			    ? publish_named(&publishing, words, err)
			    : courier_record_each(&trust.authority, visit, &publishing, err)))
		return false;
	if (publishing.seen == 0)
		return error_set(err, ERROR_NOTHING, "no courier has a control bundle yet");
	return (publishing.changed == 0 || trust_mint(&trust, &(struct trust_change){0}, err))
		&& trust_say_minted(&trust, err);
}

const struct admin_command trust_verb_control = {
	.name = "control",
	.arguments = "[COURIER]...",
	.summary = "publish the newest control bundles of couriers, or of those named",
	.options = options_table,
	.option_count = COUNT(options_table),
	.options_size = sizeof(struct control_options),
	.run = run_control,
};
