/*
 * New metadata: what changed is signed again, and what would expire before the timestamp
 * that goes with it; a snapshot and a timestamp always.  Every signature comes with a raised
 * version: who has the old one would else keep it.
 */
#include <stdio.h>
#include <string.h>

#include "common/tuf/tuf_path.h"
#include "courier/admin/trust.h"

struct mint {
	struct trust *trust;
	const struct trust_change *change;
	struct tuf_metadata *new_root, *new_targets; /* NULL: as before */
	const struct tuf_metadata *root, *targets;   /* as they will be */
	const struct tuf_role *publisher;            /* as targets will delegate to it */
	bool rekey;                                  /* publisher has other keys now */
	int64_t until, later;                        /* of the timestamp; of all else */
	struct json *meta;                           /* of the snapshot */
	struct tuf_metadata *snapshot, *timestamp;
	struct trust_set set;
};

static void mint_done(struct mint *mint)
{
	tuf_metadata_free(mint->new_root);
	tuf_metadata_free(mint->new_targets);
	tuf_metadata_free(mint->snapshot);
	tuf_metadata_free(mint->timestamp);
	json_free(mint->meta);
	trust_set_free(&mint->set);
}

/* ---- who signs, and until when ---- */

static bool same_keyids(const struct tuf_role *a, const struct tuf_role *b)
{
	const char *const *const ids_a = a->keyids.at, *const *const ids_b = b->keyids.at;

	if (a->keyids.count != b->keyids.count)
		return false;
	for (size_t i = 0; i < a->keyids.count; i++)
		if (strcmp(ids_a[i], ids_b[i]) != 0)
			return false;
	return true;
}

static bool take_change(struct mint *mint, struct error *err)
{
	const struct trust_change *const change = mint->change;
	const struct trust_role *const publisher = &mint->trust->roles[0];

	if ((change->root != NULL
		    && !tuf_draft_metadata(change->root, TUF_ROOT, &mint->new_root, err))
		|| (change->targets != NULL
			&& !tuf_draft_metadata(
				change->targets, TUF_TARGETS, &mint->new_targets, err)))
		return false;
	mint->root = mint->new_root != NULL ? mint->new_root : trust_top(mint->trust, TUF_ROOT);
	mint->targets = mint->new_targets != NULL ? mint->new_targets
						  : trust_top(mint->trust, TUF_TARGETS);
	if (!trust_delegation(mint->targets, &mint->publisher, err))
		return false;
	mint->rekey = publisher->metadata == NULL
		|| !same_keyids(&publisher->metadata->bins->role, mint->publisher);
	return true;
}

int64_t trust_limit(
	const struct tuf_metadata *root, const struct tuf_metadata *targets, const char **role)
{
	*role = root->expires <= targets->expires ? "root" : "targets";
	return root->expires <= targets->expires ? root->expires : targets->expires;
}

/* A promise made for somebody's trip is kept by what is published during it. */
static int64_t usual_end(const struct mint *mint)
{
	const struct tuf_metadata *const before = trust_top(mint->trust, TUF_TIMESTAMP);
	const int64_t usual = mint->trust->now + TRUST_TIMESTAMP_DAYS * TRUST_DAY;

	if (mint->change->until != 0)
		return mint->change->exact || before == NULL
				|| before->expires < mint->change->until
			? mint->change->until
			: before->expires;
	return before != NULL && before->expires > usual ? before->expires : usual;
}

static bool set_end(struct mint *mint, struct error *err)
{
	const char *role = NULL;
	const int64_t limit = trust_limit(mint->root, mint->targets, &role);
	const int64_t now = mint->trust->now;
	char text[TUF_TIME_TEXT];

	mint->until = usual_end(mint);
	if (!tuf_write_time(limit, text, err))
		return false;
	if (limit <= now || (mint->change->until != 0 && limit < mint->until))
		return error_set(err, ERROR_EXPIRED,
			"%s expires %s: it is the limit; its holders renew it, see "
			"courier-admin trust rotate --renew %s",
			role, text, role);
	if (mint->until <= now)
		return error_set(err, ERROR_USAGE, "the end lies in the past");
	if (limit < mint->until) {
		output_say(mint->trust->output,
			"%s expires %s, and with it all else: renew it with courier-admin "
			"trust rotate --renew %s",
			role, text, role);
		mint->until = limit;
	}
	mint->later = now + TRUST_ONLINE_DAYS * TRUST_DAY;
	if (mint->later < mint->until)
		mint->later = mint->until;
	return true;
}

/* ---- files ---- */

/* Add the draft as NAME of VERSION (0: none in its name), and read it back. */
static bool add_file(struct mint *mint, const struct tuf_draft *draft, enum tuf_kind kind,
	const char *name, int64_t version, struct tuf_metadata **out, struct error *err)
{
	CLEANUP(tuf_metadata_cleanup) struct tuf_metadata *metadata = NULL;
	CLEANUP(buf_free) struct buf file = {0};
	char file_name[TRUST_NAME_MAX + 32];

	(void)snprintf(file_name, sizeof(file_name),
		version == 0 ? "%.0lld%s.json" : "%lld.%s.json", (long long)version, name);
	if (!json_check(buf_bytes(&draft->form), JSON_SIGNED, err)
		|| !tuf_draft_print(draft, &file, err)
		|| !tuf_draft_metadata(draft, kind, &metadata, err)
		|| !trust_set_add(&mint->set, file_name, &file, err))
		return error_while(err, "%s", name);
	*out = metadata;
	metadata = NULL;
	return true;
}

/* What snapshot and timestamp say of a file. */
static bool list_file(struct json *meta, const char *name, const struct tuf_metadata *metadata,
	struct error *err)
{
	char file[TRUST_NAME_MAX + 8];
	struct digest digest = {{0}};
	struct json *object = NULL;

	if (!crypto_sha256(buf_bytes(&metadata->raw), &digest, err))
		return false;
	(void)snprintf(file, sizeof(file), "%s.json", name);
	object = json_add_object(meta, file);
	json_add_integer(object, "version", metadata->version);
	tuf_write_hashes(object, (int64_t)metadata->raw.len, &digest);
	return true;
}

/* ---- publisher and bins ---- */

static void add_delegations(const struct mint *mint, const struct json *keys, struct json *out)
{
	struct json *const delegations = json_add_object(out, "delegations");
	struct json *const ours = json_add_object(delegations, "keys");
	struct json *const bins = json_add_object(delegations, "succinct_roles");
	struct json *const ids = json_add_array(bins, "keyids");
	const char *const *const keyids = mint->publisher->keyids.at;

	for (size_t i = 0; i < mint->publisher->keyids.count; i++) {
		json_add_copy(ours, keyids[i], json_member(keys, keyids[i]));
		json_append_string(ids, keyids[i]);
	}
	json_add_integer(bins, "threshold", mint->publisher->threshold);
	json_add_integer(bins, "bit_length", mint->trust->bits);
	json_add_string(bins, "name_prefix", TRUST_BIN);
}

/* The keys as top-level targets have them: publisher's are the bins', too. */
static bool read_keys(const struct mint *mint, struct json **out, struct error *err)
{
	CLEANUP(json_cleanup) struct json *document = NULL;
	CLEANUP(json_cleanup) struct json *copy = json_new_object();
	const struct json *delegations = NULL, *keys = NULL;

	if (!json_parse(mint->targets->signed_part, JSON_SIGNED, &document, err)
		|| !json_need_object(document, "delegations", &delegations, err)
		|| !json_need_object(delegations, "keys", &keys, err))
		return false;
	for (const struct json *each = json_first(keys); each != NULL; each = json_next(each))
		json_add_copy(copy, json_name(each), each);
	*out = copy;
	copy = NULL;
	return true;
}

static bool sign_role(struct mint *mint, struct trust_role *role, struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = NULL;
	CLEANUP(json_cleanup) struct json *keys = NULL;
	CLEANUP(tuf_draft_done) struct tuf_draft draft = {.count = 0};
	CLEANUP(tuf_metadata_cleanup) struct tuf_metadata *metadata = NULL;
	const int64_t version = role->metadata == NULL ? 1 : role->metadata->version + 1;

	if (!tuf_write_begin(TUF_TARGETS, version, mint->trust->now, mint->later, &object, err))
		return false;
	json_add_copy(object, "targets", role->targets);
	if (role == &mint->trust->roles[0]) {
		if (!read_keys(mint, &keys, err))
			return false;
		add_delegations(mint, keys, object);
	}
	if (!tuf_draft_new(object, &draft, err)
		|| !trust_online_sign(mint->trust, &draft, mint->publisher, true, err)
		|| !add_file(mint, &draft, TUF_TARGETS, role->name, version, &metadata, err))
		return false;
	tuf_metadata_free(role->metadata);
	role->metadata = metadata;
	role->changed = false;
	metadata = NULL;
	return true;
}

static bool sign_roles(struct mint *mint, struct error *err)
{
	struct trust *const trust = mint->trust;

	for (size_t i = 0; i < trust->role_count; i++) {
		struct trust_role *const role = &trust->roles[i];
		const bool must
			= mint->rekey || role->changed || role->metadata->expires < mint->until;

		if ((must && !sign_role(mint, role, err))
			|| !list_file(mint->meta, role->name, role->metadata, err))
			return false;
	}
	return true;
}

/* ---- snapshot and timestamp ---- */

/* With the keys of the root that will be, and of the one that is: so that whoever has
 * either takes it. */
static bool sign_top(struct mint *mint, enum tuf_kind kind, struct json *meta, int64_t expires,
	struct tuf_metadata **out, struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = NULL;
	CLEANUP(tuf_draft_done) struct tuf_draft draft = {.count = 0};
	const struct tuf_metadata *const before = trust_top(mint->trust, kind);
	const struct tuf_metadata *const old = trust_top(mint->trust, TUF_ROOT);
	const int64_t version = before == NULL ? 1 : before->version + 1;

	if (!tuf_write_begin(kind, version, mint->trust->now, expires, &object, err))
		return false;
	json_add_copy(object, "meta", meta);
	return tuf_draft_new(object, &draft, err)
		&& trust_online_sign(mint->trust, &draft, &mint->root->roles[kind], true, err)
		&& (mint->new_root == NULL || old == NULL
			|| trust_online_sign(
				mint->trust, &draft, &old->roles[kind], false, err))
		&& add_file(mint, &draft, kind, tuf_kind_name(kind),
			kind == TUF_TIMESTAMP ? 0 : version, out, err);
}

static bool sign_tops(struct mint *mint, struct error *err)
{
	CLEANUP(json_cleanup) struct json *meta = json_new_object();

	return list_file(mint->meta, "targets", mint->targets, err)
		&& sign_top(mint, TUF_SNAPSHOT, mint->meta, mint->later, &mint->snapshot, err)
		&& list_file(meta, "snapshot", mint->snapshot, err)
		&& sign_top(mint, TUF_TIMESTAMP, meta, mint->until, &mint->timestamp, err);
}

/* ---- root and targets ---- */

static bool add_signed(struct mint *mint, const struct tuf_draft *draft,
	const struct tuf_metadata *metadata, const char *name, struct error *err)
{
	CLEANUP(buf_free) struct buf file = {0};
	char file_name[TRUST_NAME_MAX + 32];

	(void)snprintf(file_name, sizeof(file_name), "%lld.%s.json",
		(long long)metadata->version, name);
	return tuf_draft_print(draft, &file, err)
		&& trust_set_add(&mint->set, file_name, &file, err);
}

static bool add_top(struct mint *mint, struct error *err)
{
	return (mint->new_root == NULL
		       || add_signed(mint, mint->change->root, mint->new_root, "root", err))
		&& (mint->new_targets == NULL
			|| add_signed(mint, mint->change->targets, mint->new_targets, "targets",
				err));
}

/* Would ROOT take these? */
static bool takes(const struct tuf_metadata *root, const struct tuf_metadata *timestamp,
	const struct tuf_metadata *snapshot, const struct tuf_metadata *targets)
{
	const struct tuf_metadata *const all[] = {timestamp, snapshot, targets};
	struct error err = {0};

	for (size_t i = 0; i < COUNT(all); i++)
		if (!tuf_verify(all[i], &root->keys, &root->roles[all[i]->kind], &err))
			return false;
	return true;
}

/* Which of a new root and a new timestamp a client may see without the other. */
static bool choose_order(const struct mint *mint)
{
	struct trust *const trust = mint->trust;

	if (mint->new_root == NULL || trust->tuf == NULL)
		return true;
	if (takes(trust_top(trust, TUF_ROOT), mint->timestamp, mint->snapshot, mint->targets))
		return false;
	if (!takes(mint->root, trust_top(trust, TUF_TIMESTAMP), trust_top(trust, TUF_SNAPSHOT),
		    trust_top(trust, TUF_TARGETS)))
		output_say(trust->output,
			"the keys before are not here: a client that comes between the new "
			"root "
			"and the new timestamp must come again");
	return true;
}

/* Nothing is served that a client would refuse. */
static bool check(const struct mint *mint, struct error *err)
{
	return takes(mint->root, mint->timestamp, mint->snapshot, mint->targets)
		|| error_set(err, ERROR_SIGNATURE,
			"root, targets, snapshot and timestamp do not go together");
}

bool trust_mint(struct trust *trust, const struct trust_change *change, struct error *err)
{
	CLEANUP(mint_done)
	struct mint mint = {.trust = trust, .change = change, .meta = json_new_object()};

	return take_change(&mint, err) && set_end(&mint, err) && sign_roles(&mint, err)
		&& sign_tops(&mint, err) && add_top(&mint, err) && check(&mint, err)
		&& trust_install(trust, &mint.set, choose_order(&mint), err)
		&& trust_load(trust, err);
}
