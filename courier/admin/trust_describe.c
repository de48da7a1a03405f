/* What a holder is about to sign, in words: nothing that is signed may go unsaid. */
#include <stdio.h>
#include <string.h>

#include "courier/admin/trust.h"

/* "anna (0123456789abcdef)": the name is part of what the id is the hash of. */
static bool say_key(const struct tuf_metadata *metadata, const char *keyid, struct buf *out,
	struct error *err)
{
	char holder[TRUST_HOLDER_MAX + 1];

	trust_key_holder(metadata, keyid, holder);
	return strncmp(holder, "key ", 4) == 0
		? buf_print(out, err, "%s", holder)
		: buf_print(out, err, "%s (%.16s)", holder, keyid);
}

static bool say_role(const struct tuf_metadata *metadata, const struct tuf_role *role,
	struct buf *out, struct error *err)
{
	const char *const *const ids = role->keyids.at;

	if (!buf_print(out, err, "%lld of ", (long long)role->threshold))
		return false;
	for (size_t i = 0; i < role->keyids.count; i++)
		if (!buf_print(out, err, "%s", i == 0 ? "" : ", ")
			|| !say_key(metadata, ids[i], out, err))
			return false;
	return true;
}

static bool say_head(const struct tuf_metadata *metadata, struct buf *out, struct error *err)
{
	char expires[TUF_TIME_TEXT];

	return tuf_write_time(metadata->expires, expires, err)
		&& buf_print(out, err, "%s, version %lld, expires %s\n",
			tuf_kind_name(metadata->kind), (long long)metadata->version, expires);
}

/* ---- a root ---- */

static bool has_id(const struct tuf_role *role, const char *keyid)
{
	const char *const *const ids = role->keyids.at;

	for (size_t i = 0; i < role->keyids.count; i++)
		if (strcmp(ids[i], keyid) == 0)
			return true;
	return false;
}

/* The keys of ROLE in A that it does not have in B. */
static bool say_missing(const struct tuf_metadata *a, const struct tuf_metadata *b,
	enum tuf_kind kind, const char *verb, struct buf *out, struct error *err)
{
	const struct tuf_role *const role = &a->roles[kind];
	const char *const *const ids = role->keyids.at;

	for (size_t i = 0; i < role->keyids.count; i++)
		if (!has_id(&b->roles[kind], ids[i])
			&& (!buf_print(out, err, "    %s %s ", tuf_kind_name(kind), verb)
				|| !say_key(a, ids[i], out, err) || !buf_print(out, err, "\n")))
			return false;
	return true;
}

static bool say_changes(const struct tuf_metadata *before, const struct tuf_metadata *after,
	struct buf *out, struct error *err)
{
	const size_t start = out->len;

	if (!buf_print(out, err, "  against root %lld:\n", (long long)before->version))
		return false;

	const size_t empty = out->len;

	for (int i = 0; i < TUF_KIND_COUNT; i++) {
		const enum tuf_kind kind = (enum tuf_kind)i;
		const int64_t was = before->roles[i].threshold, is = after->roles[i].threshold;

		if (!say_missing(after, before, kind, "gains", out, err)
			|| !say_missing(before, after, kind, "loses", out, err))
			return false;
		if (was != is
			&& !buf_print(out, err, "    %s needs %lld signatures, before %lld\n",
				tuf_kind_name(kind), (long long)is, (long long)was))
			return false;
	}
	if (before->consistent_snapshot != after->consistent_snapshot
		&& !buf_print(out, err, "    consistent_snapshot changes\n"))
		return false;
	if (out->len > empty)
		return true;
	out->len = start;
	return buf_print(out, err, "  the same keys and thresholds as root %lld\n",
		(long long)before->version);
}

static bool say_root(const struct tuf_metadata *root, const struct tuf_metadata *trusted,
	struct buf *out, struct error *err)
{
	for (int i = 0; i < TUF_KIND_COUNT; i++)
		if (!buf_print(out, err, "  %s: ", tuf_kind_name((enum tuf_kind)i))
			|| !say_role(root, &root->roles[i], out, err)
			|| !buf_print(out, err, "\n"))
			return false;
	if (!root->consistent_snapshot
		&& !buf_print(out, err, "  files are served without versions in their names\n"))
		return false;
	if (trusted == NULL)
		return buf_print(
			out, err, "  the first root: nothing vouches for it but its holders\n");
	return say_changes(trusted, root, out, err);
}

/* ---- targets ---- */

static bool say_texts(const struct tuf_list *list, struct buf *out, struct error *err)
{
	const char *const *const texts = list->at;

	for (size_t i = 0; i < list->count; i++)
		for (const char *at = texts[i]; *at != 0; at++)
			if (!buf_print(out, err, "%s%c", at == texts[i] ? " " : "",
				    *at >= ' ' && *at <= '~' ? *at : '?'))
				return false;
	return true;
}

static bool say_delegation(const struct tuf_metadata *targets, const struct tuf_role *role,
	struct buf *out, struct error *err)
{
	const char *name = role->name;
	const struct tuf_list one = {.at = &name, .count = 1};

	return buf_print(out, err, "  delegates to") && say_texts(&one, out, err)
		&& buf_print(out, err, ", %s, signed by ",
			role->terminating ? "finally" : "not finally")
		&& say_role(targets, role, out, err) && buf_print(out, err, ", all of")
		&& say_texts(&role->paths, out, err)
		&& (role->prefixes.count == 0
			|| (buf_print(out, err, " and all whose hash begins with")
				&& say_texts(&role->prefixes, out, err)))
		&& buf_print(out, err, "\n");
}

static bool say_targets(const struct tuf_metadata *targets, struct buf *out, struct error *err)
{
	const struct tuf_role *const roles = targets->delegations.at;
	const size_t count = targets->targets.count;

	if (!(count == 0 ? buf_print(out, err, "  lists no file itself\n")
			 : buf_print(out, err, "  LISTS %zu FILES ITSELF\n", count)))
		return false;
	for (size_t i = 0; i < targets->delegations.count; i++)
		if (!say_delegation(targets, &roles[i], out, err))
			return false;
	if (targets->bins == NULL)
		return true;
	return buf_print(out, err, "  DELEGATES EVERYTHING to %lld bits of bins, signed by ",
		       (long long)targets->bins->bit_length)
		&& say_role(targets, &targets->bins->role, out, err)
		&& buf_print(out, err, "\n");
}

/* ---- who signed ---- */

static bool say_needs(
	const struct trust_stage *stage, enum tuf_kind kind, struct buf *out, struct error *err)
{
	struct trust_need need[2];
	size_t count = 0;

	if (!trust_stage_needs(stage, kind, need, &count, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		const size_t missing
			= need[i].met ? 0 : (size_t)need[i].role->threshold - need[i].signed_by;

		if (!buf_print(out, err, "  by %s of root %lld: %zu of %lld signatures%s\n",
			    tuf_kind_name(kind), (long long)need[i].root->version,
			    need[i].signed_by, (long long)need[i].role->threshold,
			    missing == 0 ? "" : ", not enough"))
			return false;
	}
	return true;
}

bool trust_stage_describe(
	const struct trust_stage *stage, enum tuf_kind kind, struct buf *out, struct error *err)
{
	const struct tuf_metadata *const metadata = stage->metadata[kind];
	char digest[DIGEST_TEXT];

	return say_head(metadata, out, err)
		&& (kind == TUF_ROOT ? say_root(metadata, stage->trusted, out, err)
				     : say_targets(metadata, out, err))
		&& say_needs(stage, kind, out, err)
		&& trust_stage_digest(stage, kind, digest, err)
		&& buf_print(out, err, "  digest %s\n", digest);
}
