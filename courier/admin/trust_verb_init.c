/* trust init: a repository, whose first root and targets wait for their holders. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "courier/admin/trust.h"

struct init_options {
	struct argument_list root, targets;
	int64_t root_threshold, targets_threshold, bins, root_days, targets_days;
	const char *tree, *passphrase_file;
};

#define AT(member) offsetof(struct init_options, member)

static const struct argument options_table[] = {
	{"root-key", ARGUMENT_LIST, AT(root), "FILE",
		"public key of a holder of root, HOLDER.pub; may be repeated"},
	{"root-threshold", ARGUMENT_NUMBER, AT(root_threshold), "N",
		"how many of them must sign; else more than half"},
	{"targets-key", ARGUMENT_LIST, AT(targets), "FILE",
		"the same for targets; else the holders of root"},
	{"targets-threshold", ARGUMENT_NUMBER, AT(targets_threshold), "N",
		"how many of them must sign; else more than half"},
	{"tree", ARGUMENT_TEXT, AT(tree), "DIR",
		"what a web server serves; else trust/repository in the authority"},
	{"bins", ARGUMENT_NUMBER, AT(bins), "N",
		"over how many files directions are spread: 2, 4, ... 4096; else 64"},
	{"root-days", ARGUMENT_NUMBER, AT(root_days), "N", "how long root lasts; else 3650"},
	{"targets-days", ARGUMENT_NUMBER, AT(targets_days), "N",
		"how long targets last; else 1825"},
	{"online-passphrase-file", ARGUMENT_TEXT, AT(passphrase_file), "FILE",
		"the new passphrase of the online keys; else it is asked for"},
};

static bool count_bits(int64_t bins, int64_t *bits, struct error *err)
{
	if (bins == 0)
		bins = 1 << TRUST_BITS_DEFAULT;
	for (int64_t i = 1; i <= TRUST_BITS_MAX; i++)
		if (bins == (int64_t)1 << i) {
			*bits = i;
			return true;
		}
	return error_set(
		err, ERROR_USAGE, "--bins: a power of two from 2 to %d", 1 << TRUST_BITS_MAX);
}

static bool take_holders(struct trust_plan *plan, enum tuf_kind kind,
	const struct argument_list *paths, int64_t threshold, struct error *err)
{
	struct trust_signers *const role = &plan->roles[kind];

	for (size_t i = 0; i < paths->count; i++)
		if (!trust_plan_add(plan, kind, paths->at[i], err))
			return false;
	role->threshold = threshold != 0 ? threshold : (int64_t)role->count / 2 + 1;
	return true;
}

static bool make_plan(struct trust *trust, const struct init_options *options,
	struct trust_plan *plan, struct error *err)
{
	static const int online[] = {TUF_SNAPSHOT, TUF_TIMESTAMP, TRUST_PLAN_PUBLISHER};

	if (!trust_plan_read(trust, plan, err)
		|| !take_holders(plan, TUF_ROOT, &options->root, options->root_threshold, err)
		|| !take_holders(plan, TUF_TARGETS,
			options->targets.count > 0 ? &options->targets : &options->root,
			options->targets_threshold, err))
		return false;
	for (size_t i = 0; i < COUNT(online); i++)
		if (!trust_plan_renew(trust, plan, online[i], err))
			return false;
	return trust_plan_check(plan, err);
}

static bool is_new(const struct trust *trust, struct error *err)
{
	char path[PATH_MAX];

	if (!trust_path(trust, path, err, "trust.json"))
		return false;
	if (access(path, F_OK) == 0)
		return error_set(
			err, ERROR_BUSY, "%s: there is a repository already", trust->directory);
	return errno == ENOENT || error_errno(err, "%s: cannot look at it", path);
}

static bool check_options(const struct init_options *options, struct error *err)
{
	if (options->root.count == 0)
		return error_set(err, ERROR_USAGE, "needs --root-key FILE");
	if (options->root_days > TRUST_DAYS_MAX || options->targets_days > TRUST_DAYS_MAX)
		return error_set(err, ERROR_USAGE, "at most %d days", TRUST_DAYS_MAX);
	return true;
}

/* trust.json comes last: without it this begins anew. */
static bool run(struct trust *trust, const struct init_options *options, struct error *err)
{
	CLEANUP(trust_plan_free) struct trust_plan plan = {.keys = NULL};
	CLEANUP(trust_stage_free) struct trust_stage stage = {.trusted = NULL};
	char tree[PATH_MAX];

	if (!trust_path(trust, tree, err, "repository")
		|| !trust_create(trust, options->tree != NULL ? options->tree : tree, err)
		|| !make_plan(trust, options, &plan, err)
		|| !trust_plan_stage(trust, &plan, TUF_ROOT,
			options->root_days != 0 ? options->root_days : TRUST_ROOT_DAYS, &stage,
			err)
		|| !trust_plan_stage(trust, &plan, TUF_TARGETS,
			options->targets_days != 0 ? options->targets_days : TRUST_TARGETS_DAYS,
			&stage, err))
		return false;
	return trust_stage_announce(trust, &stage, err) && trust_mark(trust, err);
}

static bool run_init(struct admin_call *call, const void *given,
	const struct argument_list *words, struct error *err)
{
	const struct init_options *const options = given;
	CLEANUP(trust_close) struct trust trust = {.authority = {.lock = -1}};

	if (words->count > 0)
		return error_set(err, ERROR_USAGE, "%s: not understood", words->at[0]);
	if (!check_options(options, err) || !trust_begin(call, &trust, err)
		|| !count_bits(options->bins, &trust.bits, err) || !is_new(&trust, err))
		return false;
	trust.unlock.file = options->passphrase_file;
	return run(&trust, options, err);
}

const struct admin_command trust_verb_init = {
	.name = "init",
	.arguments = "--root-key FILE... [--targets-key FILE]... [OPTIONS]",
	.summary = "make the online keys, and a first root and targets to be signed",
	.options = options_table,
	.option_count = COUNT(options_table),
	.options_size = sizeof(struct init_options),
	.run = run_init,
};
