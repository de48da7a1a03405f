/* trust rotate: other holders, other thresholds, other online keys, or more time. */
#include <string.h>

#include "courier/admin/trust.h"

struct rotate_options {
	struct argument_list add_root, remove_root, add_targets, remove_targets;
	struct argument_list fresh, renew; /* roles */
	int64_t root_threshold, targets_threshold, root_days, targets_days;
	bool replace;
	const char *passphrase_file;
};

#define AT(member) offsetof(struct rotate_options, member)

static const struct argument options_table[] = {
	{"add-root", ARGUMENT_LIST, AT(add_root), "FILE",
		"one more holder of root, HOLDER.pub; may be repeated"},
	{"remove-root", ARGUMENT_LIST, AT(remove_root), "HOLDER",
		"one holder of root less, by name or keyid; may be repeated"},
	{"root-threshold", ARGUMENT_NUMBER, AT(root_threshold), "N",
		"how many of root's holders must sign"},
	{"add-targets", ARGUMENT_LIST, AT(add_targets), "FILE", "the same for targets"},
	{"remove-targets", ARGUMENT_LIST, AT(remove_targets), "HOLDER", "the same for targets"},
	{"targets-threshold", ARGUMENT_NUMBER, AT(targets_threshold), "N",
		"the same for targets"},
	{"new", ARGUMENT_LIST, AT(fresh), "ROLE",
		"a new key for snapshot, timestamp or publisher; may be repeated"},
	{"renew", ARGUMENT_LIST, AT(renew), "ROLE",
		"a later end for root or targets, nothing else; may be repeated"},
	{"root-days", ARGUMENT_NUMBER, AT(root_days), "N",
		"how long a new root lasts; else 3650"},
	{"targets-days", ARGUMENT_NUMBER, AT(targets_days), "N",
		"how long new targets last; else 1825"},
	{"replace", ARGUMENT_FLAG, AT(replace), NULL, "forget what waits for signatures"},
	{"online-passphrase-file", ARGUMENT_TEXT, AT(passphrase_file), "FILE",
		"passphrase of the online keys; else it is asked for"},
};

struct rotation {
	struct trust trust;
	struct trust_plan plan;
	struct trust_stage stage;
	bool must[TUF_KIND_COUNT]; /* root, targets: be signed again */
};

static void rotation_done(struct rotation *rotation)
{
	trust_plan_free(&rotation->plan);
	trust_stage_free(&rotation->stage);
	trust_close(&rotation->trust);
}

/* A name of ROLES, of which each makes some metadata anew. */
struct named_role {
	const char *name;
	int role;
	enum tuf_kind signed_in;
};

static bool find_role(const char *name, const struct named_role *roles, size_t count,
	const char *option, const struct named_role **out, struct error *err)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(roles[i].name, name) == 0) {
			*out = &roles[i];
			return true;
		}
	return error_set(err, ERROR_USAGE, "--%s %s: no role it can be used for", option, name);
}

static bool change_holders(struct rotation *rotation, enum tuf_kind kind,
	const struct argument_list *added, const struct argument_list *removed,
	int64_t threshold, struct error *err)
{
	for (size_t i = 0; i < removed->count; i++)
		if (!trust_plan_remove(&rotation->plan, kind, removed->at[i], err))
			return false;
	for (size_t i = 0; i < added->count; i++)
		if (!trust_plan_add(&rotation->plan, kind, added->at[i], err))
			return false;
	if (threshold != 0)
		rotation->plan.roles[kind].threshold = threshold;
	if (added->count + removed->count > 0 || threshold != 0) {
		rotation->must[TUF_ROOT] = true;
		rotation->must[kind] = true;
	}
	return true;
}

static bool change_online(
	struct rotation *rotation, const struct argument_list *fresh, struct error *err)
{
	static const struct named_role roles[] = {
		{"snapshot", TUF_SNAPSHOT, TUF_ROOT},
		{"timestamp", TUF_TIMESTAMP, TUF_ROOT},
		{TRUST_PUBLISHER, TRUST_PLAN_PUBLISHER, TUF_TARGETS},
	};
	const struct named_role *role = NULL;

	for (size_t i = 0; i < fresh->count; i++) {
		if (!find_role(fresh->at[i], roles, COUNT(roles), "new", &role, err)
			|| !trust_plan_renew(
				&rotation->trust, &rotation->plan, role->role, err))
			return false;
		rotation->must[role->signed_in] = true;
	}
	return true;
}

static bool change_ends(
	struct rotation *rotation, const struct argument_list *renew, struct error *err)
{
	static const struct named_role roles[] = {
		{"root", TUF_ROOT, TUF_ROOT},
		{"targets", TUF_TARGETS, TUF_TARGETS},
	};
	const struct named_role *role = NULL;

	for (size_t i = 0; i < renew->count; i++) {
		if (!find_role(renew->at[i], roles, COUNT(roles), "renew", &role, err))
			return false;
		rotation->must[role->signed_in] = true;
	}
	return true;
}

static bool make_plan(
	struct rotation *rotation, const struct rotate_options *options, struct error *err)
{
	if (!trust_plan_read(&rotation->trust, &rotation->plan, err)
		|| !change_holders(rotation, TUF_ROOT, &options->add_root,
			&options->remove_root, options->root_threshold, err)
		|| !change_holders(rotation, TUF_TARGETS, &options->add_targets,
			&options->remove_targets, options->targets_threshold, err)
		|| !change_ends(rotation, &options->renew, err))
		return false;
	if (options->fresh.count > 0 && !change_online(rotation, &options->fresh, err))
		return false;
	if (!rotation->must[TUF_ROOT] && !rotation->must[TUF_TARGETS])
		return error_set(err, ERROR_USAGE, "nothing is to change: see --help");
	return trust_plan_check(&rotation->plan, err);
}

/* The root that is trusted goes along, for holders to compare with. */
static bool keep_trusted(struct rotation *rotation, struct error *err)
{
	const struct tuf_metadata *const root = trust_top(&rotation->trust, TUF_ROOT);
	CLEANUP(buf_free) struct buf raw = {0};

	return buf_append(&raw, buf_bytes(&root->raw), err)
		&& tuf_metadata_new(&raw, TUF_ROOT, true, &rotation->stage.trusted, err)
		&& tuf_metadata_read(rotation->stage.trusted, err);
}

static bool stage_kind(
	struct rotation *rotation, enum tuf_kind kind, int64_t days, struct error *err)
{
	return !rotation->must[kind]
		|| trust_plan_stage(
			&rotation->trust, &rotation->plan, kind, days, &rotation->stage, err);
}

static bool check_staged(const struct rotation *rotation, bool replace, struct error *err)
{
	bool exists = false;

	if (!trust_stage_exists(&rotation->trust, &exists, err))
		return false;
	return !exists || replace
		|| error_set(err, ERROR_BUSY,
			"%s/staged: something waits for signatures; courier-admin trust accept "
			"takes them, --replace forgets it",
			rotation->trust.directory);
}

static bool run_rotate(struct admin_call *call, const void *given,
	const struct argument_list *words, struct error *err)
{
	const struct rotate_options *const options = given;
	CLEANUP(rotation_done) struct rotation rotation = {.trust.authority.lock = -1};

	if (words->count > 0)
		return error_set(err, ERROR_USAGE, "%s: not understood", words->at[0]);
	if (options->root_days > TRUST_DAYS_MAX || options->targets_days > TRUST_DAYS_MAX)
		return error_set(err, ERROR_USAGE, "at most %d days", TRUST_DAYS_MAX);
	if (!trust_open_live(call, &rotation.trust, err))
		return false;
	rotation.trust.unlock.file = options->passphrase_file;
	return check_staged(&rotation, options->replace, err)
		&& make_plan(&rotation, options, err) && keep_trusted(&rotation, err)
		&& stage_kind(&rotation, TUF_ROOT,
			options->root_days != 0 ? options->root_days : TRUST_ROOT_DAYS, err)
		&& stage_kind(&rotation, TUF_TARGETS,
			options->targets_days != 0 ? options->targets_days : TRUST_TARGETS_DAYS,
			err)
		&& trust_stage_announce(&rotation.trust, &rotation.stage, err);
}

const struct admin_command trust_verb_rotate = {
	.name = "rotate",
	.arguments = "[--add-root FILE]... [--remove-root HOLDER]... [--new ROLE]... [OPTIONS]",
	.summary = "stage other holders, thresholds or online keys, or a later end",
	.options = options_table,
	.option_count = COUNT(options_table),
	.options_size = sizeof(struct rotate_options),
	.run = run_rotate,
};
