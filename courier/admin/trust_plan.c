/* Who is to sign what: as it is, as it is to be, and as metadata say it. */
#include <stdio.h>
#include <string.h>

#include "courier/admin/trust.h"

static const char *const role_names[TRUST_PLAN_ROLES] = {
	[TUF_ROOT] = "root",
	[TUF_TIMESTAMP] = "timestamp",
	[TUF_SNAPSHOT] = "snapshot",
	[TUF_TARGETS] = "targets",
	[TRUST_PLAN_PUBLISHER] = TRUST_PUBLISHER,
};

void trust_plan_free(struct trust_plan *plan)
{
	json_free(plan->keys);
	memset(plan, 0, sizeof(*plan));
}

static bool add_signer(
	struct trust_signers *role, const char *id, const char *holder, struct error *err)
{
	if (role->count == TRUST_SIGNERS_MAX)
		return error_set(err, ERROR_USAGE, "over %d holders", TRUST_SIGNERS_MAX);
	memcpy(role->ids[role->count], id, DIGEST_TEXT);
	(void)snprintf(role->holders[role->count], sizeof(role->holders[0]), "%s", holder);
	role->count++;
	return true;
}

/* ---- as it is ---- */

static bool read_role(const struct tuf_metadata *metadata, const struct tuf_role *from,
	struct trust_signers *role, struct error *err)
{
	const char *const *const ids = from->keyids.at;
	char holder[TRUST_HOLDER_MAX + 1];
	struct digest digest;

	role->threshold = from->threshold;
	for (size_t i = 0; i < from->keyids.count; i++) {
		trust_key_holder(metadata, ids[i], holder);
		if (!digest_parse(ids[i], &digest, err)
			|| !add_signer(role, ids[i], holder, err))
			return error_while(err, "%s", from->name);
	}
	return true;
}

static bool read_keys(const struct tuf_metadata *metadata, struct json *keys, struct error *err)
{
	CLEANUP(json_cleanup) struct json *document = NULL;
	const struct json *found = NULL;

	if (!json_parse(metadata->signed_part, JSON_SIGNED, &document, err))
		return false;
	found = json_member(
		metadata->kind == TUF_ROOT ? document : json_member(document, "delegations"),
		"keys");
	for (const struct json *each = json_first(found); each != NULL; each = json_next(each))
		if (json_member(keys, json_name(each)) == NULL)
			json_add_copy(keys, json_name(each), each);
	return true;
}

bool trust_plan_read(const struct trust *trust, struct trust_plan *out, struct error *err)
{
	const struct tuf_metadata *const root = trust_top(trust, TUF_ROOT);
	const struct tuf_metadata *const targets = trust_top(trust, TUF_TARGETS);
	CLEANUP(trust_plan_free) struct trust_plan plan = {.keys = json_new_object()};
	const struct tuf_role *publisher = NULL;

	for (int i = 0; root != NULL && i < TUF_KIND_COUNT; i++)
		if (!read_role(root, &root->roles[i], &plan.roles[i], err))
			return false;
	if (root != NULL
		&& (!trust_delegation(targets, &publisher, err)
			|| !read_role(
				targets, publisher, &plan.roles[TRUST_PLAN_PUBLISHER], err)
			|| !read_keys(root, plan.keys, err)
			|| !read_keys(targets, plan.keys, err)))
		return false;
	*out = plan;
	plan.keys = NULL;
	return true;
}

/* ---- as it is to be ---- */

bool trust_plan_add(struct trust_plan *plan, int role, const char *path, struct error *err)
{
	struct trust_signers *const signers = &plan->roles[role];
	char id[DIGEST_TEXT], holder[TRUST_HOLDER_MAX + 1];

	if (!trust_key_read(path, plan->keys, id, holder, err))
		return false;
	for (size_t i = 0; i < signers->count; i++)
		if (strcmp(signers->holders[i], holder) == 0)
			return error_set(err, ERROR_USAGE,
				"%s has a key of %s already: give the new one another name, "
				"and remove the old",
				holder, role_names[role]);
	return add_signer(signers, id, holder, err);
}

bool trust_plan_remove(struct trust_plan *plan, int role, const char *holder, struct error *err)
{
	struct trust_signers *const signers = &plan->roles[role];

	for (size_t i = 0; i < signers->count; i++) {
		if (strcmp(signers->holders[i], holder) != 0
			&& strcmp(signers->ids[i], holder) != 0)
			continue;
		for (size_t j = i + 1; j < signers->count; j++) {
			memcpy(signers->ids[j - 1], signers->ids[j], DIGEST_TEXT);
			memcpy(signers->holders[j - 1], signers->holders[j],
				sizeof(signers->holders[0]));
		}
		signers->count--;
		return true;
	}
	return error_set(err, ERROR_USAGE, "%s holds no key of %s", holder, role_names[role]);
}

bool trust_plan_renew(struct trust *trust, struct trust_plan *plan, int role, struct error *err)
{
	struct trust_signers *const signers = &plan->roles[role];
	char id[DIGEST_TEXT];

	if (!trust_online_make(trust, plan->keys, id, err))
		return error_while(err, "%s", role_names[role]);
	signers->count = 0;
	signers->threshold = 1;
	return add_signer(signers, id, role_names[role], err);
}

bool trust_plan_check(const struct trust_plan *plan, struct error *err)
{
	for (int i = 0; i < TRUST_PLAN_ROLES; i++) {
		const struct trust_signers *const role = &plan->roles[i];

		if (role->count == 0)
			return error_set(
				err, ERROR_USAGE, "%s: nobody holds a key", role_names[i]);
		if (role->threshold < 1 || role->threshold > (int64_t)role->count)
			return error_set(err, ERROR_USAGE,
				"%s: %lld signatures cannot be had of %zu keys", role_names[i],
				(long long)role->threshold, role->count);
	}
	return true;
}

/* ---- as metadata ---- */

static void add_role(const struct trust_signers *role, struct json *object)
{
	struct json *const ids = json_add_array(object, "keyids");

	for (size_t i = 0; i < role->count; i++)
		json_append_string(ids, role->ids[i]);
	json_add_integer(object, "threshold", role->threshold);
}

/* The keys of ROLE that are not among KEYS yet. */
static void add_keys(
	const struct trust_plan *plan, const struct trust_signers *role, struct json *keys)
{
	for (size_t i = 0; i < role->count; i++)
		if (json_member(keys, role->ids[i]) == NULL)
			json_add_copy(
				keys, role->ids[i], json_member(plan->keys, role->ids[i]));
}

static void add_root(const struct trust_plan *plan, struct json *object)
{
	struct json *const keys = json_add_object(object, "keys");
	struct json *const roles = json_add_object(object, "roles");

	json_add_bool(object, "consistent_snapshot", true);
	for (int i = 0; i < TUF_KIND_COUNT; i++) {
		add_keys(plan, &plan->roles[i], keys);
		add_role(&plan->roles[i], json_add_object(roles, role_names[i]));
	}
}

static void add_targets(const struct trust_plan *plan, struct json *object)
{
	static const char *const paths[]
		= {"artifacts/*", "devices/*/direction.json", "couriers/*/control"};
	struct json *const delegations = json_add_object(object, "delegations");
	struct json *const keys = json_add_object(delegations, "keys");
	struct json *const role = json_append_object(json_add_array(delegations, "roles"));
	struct json *const covered = json_add_array(role, "paths");

	(void)json_add_object(object, "targets");
	add_keys(plan, &plan->roles[TRUST_PLAN_PUBLISHER], keys);
	json_add_string(role, "name", TRUST_PUBLISHER);
	json_add_bool(role, "terminating", true);
	for (size_t i = 0; i < COUNT(paths); i++)
		json_append_string(covered, paths[i]);
	add_role(&plan->roles[TRUST_PLAN_PUBLISHER], role);
}

bool trust_plan_stage(const struct trust *trust, const struct trust_plan *plan,
	enum tuf_kind kind, int64_t days, struct trust_stage *stage, struct error *err)
{
	const struct tuf_metadata *const before = trust_top(trust, kind);
	CLEANUP(json_cleanup) struct json *object = NULL;
	const int64_t version = before == NULL ? 1 : before->version + 1;

	if (!tuf_write_begin(
		    kind, version, trust->now, trust->now + days * TRUST_DAY, &object, err))
		return false;
	if (kind == TUF_ROOT)
		add_root(plan, object);
	else
		add_targets(plan, object);
	return trust_stage_take(stage, kind, object, err);
}
