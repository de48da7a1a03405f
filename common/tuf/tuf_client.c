/* The workflow up to the top-level targets (sections 5.2 to 5.6). */
#include <stdio.h>
#include <stdlib.h>

#include "common/tuf/tuf_private.h"

static void keep(struct tuf *tuf, struct tuf_metadata **metadata)
{
	tuf_metadata_free(tuf->top[(*metadata)->kind]);
	tuf->top[(*metadata)->kind] = *metadata;
	*metadata = NULL;
}

static struct tuf_wanted top_level(const struct tuf *tuf, enum tuf_kind kind)
{
	const struct tuf_metadata *const root = tuf->top[TUF_ROOT];

	return (struct tuf_wanted){kind, tuf_kind_name(kind), &root->keys, &root->roles[kind]};
}

/* ---- root ---- */

static bool self_signed(const struct tuf_metadata *root, struct error *err)
{
	return tuf_verify(root, &root->keys, &root->roles[TUF_ROOT], err);
}

static bool open_root(struct tuf *tuf, struct error *err)
{
	CLEANUP(tuf_metadata_cleanup) struct tuf_metadata *root = NULL;
	CLEANUP(buf_free) struct buf raw = {0};
	bool found = false;

	if (!tuf_load(tuf, "root", &raw, &found, err))
		return false;
	if (!found)
		return error_set(err, ERROR_USAGE, "no trusted root");
	if (!tuf_metadata_new(&raw, TUF_ROOT, !tuf->settings.lax_keyids, &root, err)
		|| !tuf_metadata_read(root, err) || !self_signed(root, err))
		return error_while(err, "trusted root");
	keep(tuf, &root);
	return true;
}

static bool next_root(struct tuf *tuf, struct buf *raw, struct error *err)
{
	const struct tuf_wanted wanted = top_level(tuf, TUF_ROOT);
	const int64_t version = tuf->top[TUF_ROOT]->version + 1;
	CLEANUP(tuf_metadata_cleanup) struct tuf_metadata *root = NULL;

	if (!tuf_accept(tuf, &wanted, raw, &root, err) || !self_signed(root, err))
		return false;
	if (root->version != version)
		return error_set(err,
			root->version < version ? ERROR_ROLLBACK : ERROR_SIGNATURE,
			"version %lld inside", (long long)root->version);
	if (!tuf_store(tuf, "root", root, err))
		return false;
	keep(tuf, &root);
	return true;
}

static bool walk_roots(struct tuf *tuf, struct error *err)
{
	for (size_t i = 0; i < tuf->settings.roots_max; i++) {
		const int64_t version = tuf->top[TUF_ROOT]->version + 1;
		CLEANUP(buf_free) struct buf raw = {0};
		bool found = false;

		if (!tuf_fetch(tuf, "root", version, tuf->settings.max[TUF_ROOT], &raw, &found,
			    err))
			return false;
		if (!found)
			return true;
		if (!next_root(tuf, &raw, err))
			return error_while(err, "%lld.root.json", (long long)version);
	}
	return error_set(err, ERROR_CONTACT, "more than %zu new roots at a time: refresh again",
		tuf->settings.roots_max);
}

/* ---- timestamp ---- */

static int64_t snapshot_version(const struct tuf_metadata *timestamp)
{
	return tuf_metadata_meta(timestamp, "snapshot.json")->version;
}

/* NEW against OLD, which was stored: *same when there is nothing new. */
static bool not_older(const struct tuf_metadata *old, const struct tuf_metadata *new,
	bool *same, struct error *err)
{
	if (new->version < old->version)
		return error_set(err, ERROR_ROLLBACK, "version %lld, but %lld was seen before",
			(long long)new->version, (long long)old->version);
	*same = new->version == old->version;
	if (!*same && snapshot_version(new) < snapshot_version(old))
		return error_set(err, ERROR_ROLLBACK,
			"lists snapshot %lld, but %lld was seen before",
			(long long)snapshot_version(new), (long long)snapshot_version(old));
	return true;
}

static bool update_timestamp(struct tuf *tuf, struct error *err)
{
	const struct tuf_wanted wanted = top_level(tuf, TUF_TIMESTAMP);
	CLEANUP(tuf_metadata_cleanup) struct tuf_metadata *old = NULL, *new = NULL;
	CLEANUP(buf_free) struct buf raw = {0};
	bool same = false;

	if (!tuf_load_signed(tuf, &wanted, &old, err)
		|| !tuf_fetch_needed(
			tuf, "timestamp", 0, tuf->settings.max[TUF_TIMESTAMP], &raw, err)
		|| !tuf_accept(tuf, &wanted, &raw, &new, err)
		|| (old != NULL && !not_older(old, new, &same, err))
		|| !tuf_unexpired(tuf, same ? old : new, err)
		|| (!same && !tuf_store(tuf, "timestamp", new, err)))
		return tuf_about("timestamp", err);
	keep(tuf, same ? &old : &new);
	return true;
}

/* ---- what is listed ---- */

/* No file that OLD lists may be missing, or of a lower version, in NEW. */
static bool nothing_lost(
	const struct tuf_metadata *old, const struct tuf_metadata *new, struct error *err)
{
	const struct tuf_meta *const all = old->meta.at;

	for (size_t i = 0; i < old->meta.count; i++) {
		const struct tuf_meta *const now = tuf_metadata_meta(new, all[i].name);

		if (now == NULL || now->version < all[i].version)
			return error_set(err, ERROR_ROLLBACK, "a file of version %lld is %s",
				(long long)all[i].version, now == NULL ? "gone" : "older now");
	}
	return true;
}

static bool update_snapshot(struct tuf *tuf, struct error *err)
{
	const struct tuf_meta *const meta
		= tuf_metadata_meta(tuf->top[TUF_TIMESTAMP], "snapshot.json");
	const struct tuf_wanted wanted = top_level(tuf, TUF_SNAPSHOT);
	CLEANUP(tuf_metadata_cleanup) struct tuf_metadata *old = NULL, *new = NULL;
	struct error ignored = {0};

	if (!tuf_load_signed(tuf, &wanted, &old, err))
		return tuf_about("snapshot", err);
	if (old != NULL && old->version == meta->version && tuf_unexpired(tuf, old, &ignored)) {
		keep(tuf, &old);
		return true;
	}
	if (!tuf_fetch_listed(tuf, &wanted, meta, &new, err)
		|| (old != NULL && !nothing_lost(old, new, err))
		|| !tuf_unexpired(tuf, new, err) || !tuf_store(tuf, "snapshot", new, err))
		return tuf_about("snapshot", err);
	keep(tuf, &new);
	return true;
}

static bool update_targets(struct tuf *tuf, struct error *err)
{
	const struct tuf_wanted wanted = top_level(tuf, TUF_TARGETS);
	CLEANUP(tuf_metadata_cleanup) struct tuf_metadata *targets = NULL;

	if (!tuf_obtain(tuf, &wanted, &targets, err))
		return false;
	keep(tuf, &targets);
	return true;
}

/* ---- the client ---- */

static struct tuf_settings complete(const struct tuf_settings *given)
{
	static const size_t max[TUF_KIND_COUNT] = {
		[TUF_ROOT] = TUF_ROOT_MAX,
		[TUF_TIMESTAMP] = TUF_TIMESTAMP_MAX,
		[TUF_SNAPSHOT] = TUF_SNAPSHOT_MAX,
		[TUF_TARGETS] = TUF_TARGETS_MAX,
	};
	struct tuf_settings settings = *given;

	for (size_t i = 0; i < TUF_KIND_COUNT; i++)
		if (settings.max[i] == 0)
			settings.max[i] = max[i];
	if (settings.held_max == 0)
		settings.held_max = TUF_HELD_MAX;
	if (settings.roots_max == 0)
		settings.roots_max = TUF_ROOTS_MAX;
	if (settings.roles_max == 0)
		settings.roles_max = TUF_ROLES_MAX;
	return settings;
}

bool tuf_open(const struct tuf_host *host, const struct tuf_settings *settings,
	struct tuf **out, struct error *err)
{
	CLEANUP(tuf_cleanup) struct tuf *tuf = calloc(1, sizeof(*tuf));

	if (tuf == NULL)
		return error_errno(err, "cannot allocate a client");
	tuf->host = *host;
	tuf->settings = complete(settings);
	if (!open_root(tuf, err))
		return false;
	*out = tuf;
	tuf = NULL;
	return true;
}

/* All but the root: the host has them. */
static void forget(struct tuf *tuf)
{
	tuf->is_fresh = false;
	tuf_release_held(tuf);
	for (size_t kind = TUF_TIMESTAMP; kind < TUF_KIND_COUNT; kind++)
		tuf_metadata_cleanup(&tuf->top[kind]);
}

bool tuf_refresh(struct tuf *tuf, struct error *err)
{
	forget(tuf);
	if (!walk_roots(tuf, err))
		return false;
	if (!tuf_unexpired(tuf, tuf->top[TUF_ROOT], err))
		return tuf_about("root", err);
	if (!update_timestamp(tuf, err) || !update_snapshot(tuf, err)
		|| !update_targets(tuf, err))
		return false;
	tuf->is_fresh = true;
	return true;
}

void tuf_close(struct tuf *tuf)
{
	if (tuf == NULL)
		return;
	forget(tuf);
	tuf_metadata_free(tuf->top[TUF_ROOT]);
	free(tuf);
}

void tuf_cleanup(struct tuf **tuf)
{
	tuf_close(*tuf);
	*tuf = NULL;
}

const struct tuf_metadata *tuf_top(const struct tuf *tuf, enum tuf_kind kind)
{
	return tuf->top[kind];
}
