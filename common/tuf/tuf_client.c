/* The workflow up to the top-level targets (sections 5.2 to 5.6). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/tuf/tuf_path.h"
#include "common/tuf/tuf_private.h"

/* "4294967296.", a quoted name, ".json" and a NUL. */
enum { FILE_NAME_ROOM = 20 + TUF_NAME_MAX + 6 };

bool tuf_unexpired(
	const struct tuf *tuf, const struct tuf_metadata *metadata, struct error *err)
{
	if (tuf->settings.now < metadata->expires)
		return true;
	return error_set(err, ERROR_EXPIRED, "authentic, but it has expired");
}

/* What the host gives may be broken or somebody else's: no reason to give up when it is
 * only the stored copy.  Everything else is. */
static bool is_unusable(enum error_code code)
{
	return code == ERROR_MALFORMED || code == ERROR_SIGNATURE || code == ERROR_EXPIRED
		|| code == ERROR_ROLLBACK;
}

/* ---- files ---- */

/* The name of a role's file; VERSION 0: without one. */
static bool file_name(
	const char *role, int64_t version, char name[static FILE_NAME_ROOM], struct error *err)
{
	char quoted[TUF_NAME_MAX + 1];

	if (!tuf_quote(role, quoted, sizeof(quoted)))
		return error_set(err, ERROR_MALFORMED, "name of a role: too long");
	if (version > 0)
		(void)snprintf(
			name, FILE_NAME_ROOM, "%lld.%s.json", (long long)version, quoted);
	else
		(void)snprintf(name, FILE_NAME_ROOM, "%s.json", quoted);
	return true;
}

static bool fetch(struct tuf *tuf, const char *role, int64_t version, size_t max,
	struct buf *raw, bool *found, struct error *err)
{
	char name[FILE_NAME_ROOM];

	if (!file_name(role, version, name, err))
		return false;
	if (!tuf->host.fetch(tuf->host.self, name, max, raw, found, err))
		return error_while(err, "%s", name);
	if (*found && raw->len > max)
		return error_set(err, ERROR_MALFORMED, "%s: more than %zu bytes", name, max);
	return true;
}

static bool fetch_needed(struct tuf *tuf, const char *role, int64_t version, size_t max,
	struct buf *raw, struct error *err)
{
	char name[FILE_NAME_ROOM];
	bool found = false;

	if (!file_name(role, version, name, err)
		|| !fetch(tuf, role, version, max, raw, &found, err))
		return false;
	if (!found)
		return error_set(
			err, ERROR_FAILED, "%s: the repository does not have it", name);
	return true;
}

static bool load(
	struct tuf *tuf, const char *role, struct buf *raw, bool *found, struct error *err)
{
	char name[FILE_NAME_ROOM];

	return file_name(role, 0, name, err)
		&& tuf->host.load(tuf->host.self, name, TUF_FILE_MAX, raw, found, err);
}

static bool store(struct tuf *tuf, const char *role, const struct tuf_metadata *metadata,
	struct error *err)
{
	char name[FILE_NAME_ROOM];

	return file_name(role, 0, name, err)
		&& tuf->host.store(tuf->host.self, name, buf_bytes(&metadata->raw), err);
}

/* Say which role it was about, the way files name it. */
static bool about(const char *role, struct error *err)
{
	char quoted[TUF_NAME_MAX + 1];

	return error_while(
		err, "%s", tuf_quote(role, quoted, sizeof(quoted)) ? quoted : "role");
}

/* ---- from bytes to metadata ---- */

/* RAW is taken over. */
static bool verify(struct tuf *tuf, const struct tuf_wanted *wanted, struct buf *raw,
	struct tuf_metadata **out, struct error *err)
{
	CLEANUP(tuf_metadata_cleanup) struct tuf_metadata *metadata = NULL;

	if (!tuf_metadata_new(raw, wanted->kind, !tuf->settings.lax_keyids, &metadata, err)
		|| !tuf_verify(metadata, wanted->keys, wanted->role, err)
		|| !tuf_metadata_read(metadata, err))
		return false;
	*out = metadata;
	metadata = NULL;
	return true;
}

/* The same, and they must be the very file that META is about. */
static bool verify_listed(struct tuf *tuf, const struct tuf_wanted *wanted,
	const struct tuf_meta *meta, struct buf *raw, struct tuf_metadata **out,
	struct error *err)
{
	CLEANUP(tuf_metadata_cleanup) struct tuf_metadata *metadata = NULL;

	if (!tuf_check_file(buf_bytes(raw), meta->length, &meta->hashes, err)
		|| !verify(tuf, wanted, raw, &metadata, err))
		return false;
	if (metadata->version != meta->version)
		return error_set(err,
			metadata->version < meta->version ? ERROR_ROLLBACK : ERROR_SIGNATURE,
			"version %lld, but %lld is listed", (long long)metadata->version,
			(long long)meta->version);
	*out = metadata;
	metadata = NULL;
	return true;
}

/* The stored copy, if its signatures still hold: keys that were rotated away take what
 * they signed with them, and so end a fast-forward attack. */
static bool load_signed(struct tuf *tuf, const struct tuf_wanted *wanted,
	struct tuf_metadata **out, struct error *err)
{
	CLEANUP(buf_free) struct buf raw = {0};
	struct error why = {0};
	bool found = false;

	if (!load(tuf, wanted->name, &raw, &found, err))
		return false;
	if (!found || verify(tuf, wanted, &raw, out, &why) || is_unusable(why.code))
		return true;
	*err = why;
	return false;
}

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

	if (!load(tuf, "root", &raw, &found, err))
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

	if (!verify(tuf, &wanted, raw, &root, err) || !self_signed(root, err))
		return false;
	if (root->version != version)
		return error_set(err,
			root->version < version ? ERROR_ROLLBACK : ERROR_SIGNATURE,
			"version %lld inside", (long long)root->version);
	if (!store(tuf, "root", root, err))
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

		if (!fetch(tuf, "root", version, tuf->settings.max[TUF_ROOT], &raw, &found,
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

	if (!load_signed(tuf, &wanted, &old, err)
		|| !fetch_needed(
			tuf, "timestamp", 0, tuf->settings.max[TUF_TIMESTAMP], &raw, err)
		|| !verify(tuf, &wanted, &raw, &new, err)
		|| (old != NULL && !not_older(old, new, &same, err))
		|| !tuf_unexpired(tuf, same ? old : new, err)
		|| (!same && !store(tuf, "timestamp", new, err)))
		return about("timestamp", err);
	keep(tuf, same ? &old : &new);
	return true;
}

/* ---- what is listed ---- */

/* Fetch what META is about, under its version where the repository keeps all of them. */
static bool fetch_listed(struct tuf *tuf, const struct tuf_wanted *wanted,
	const struct tuf_meta *meta, struct tuf_metadata **out, struct error *err)
{
	const bool consistent = tuf->top[TUF_ROOT]->consistent_snapshot;
	CLEANUP(buf_free) struct buf raw = {0};

	if (meta->length > TUF_FILE_MAX)
		return error_set(
			err, ERROR_MALFORMED, "%lld bytes long", (long long)meta->length);

	const size_t max
		= meta->length < 0 ? tuf->settings.max[wanted->kind] : (size_t)meta->length;

	return fetch_needed(tuf, wanted->name, consistent ? meta->version : 0, max, &raw, err)
		&& verify_listed(tuf, wanted, meta, &raw, out, err);
}

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

	if (!load_signed(tuf, &wanted, &old, err))
		return about("snapshot", err);
	if (old != NULL && old->version == meta->version && tuf_unexpired(tuf, old, &ignored)) {
		keep(tuf, &old);
		return true;
	}
	if (!fetch_listed(tuf, &wanted, meta, &new, err)
		|| (old != NULL && !nothing_lost(old, new, err))
		|| !tuf_unexpired(tuf, new, err) || !store(tuf, "snapshot", new, err))
		return about("snapshot", err);
	keep(tuf, &new);
	return true;
}

/* The stored copy, if it is what is listed. */
static bool load_listed(struct tuf *tuf, const struct tuf_wanted *wanted,
	const struct tuf_meta *meta, struct tuf_metadata **out, struct error *err)
{
	CLEANUP(tuf_metadata_cleanup) struct tuf_metadata *metadata = NULL;
	CLEANUP(buf_free) struct buf raw = {0};
	struct error why = {0};
	bool found = false;

	if (!load(tuf, wanted->name, &raw, &found, err))
		return false;
	if (!found)
		return true;
	if (verify_listed(tuf, wanted, meta, &raw, &metadata, &why)
		&& tuf_unexpired(tuf, metadata, &why)) {
		*out = metadata;
		metadata = NULL;
		return true;
	}
	if (is_unusable(why.code))
		return true;
	*err = why;
	return false;
}

static bool obtain(struct tuf *tuf, const struct tuf_wanted *wanted, struct tuf_metadata **out,
	struct error *err)
{
	CLEANUP(tuf_metadata_cleanup) struct tuf_metadata *metadata = NULL;
	char name[TUF_NAME_MAX + 6];

	(void)snprintf(name, sizeof(name), "%s.json", wanted->name);

	const struct tuf_meta *const meta = tuf_metadata_meta(tuf->top[TUF_SNAPSHOT], name);

	if (meta == NULL)
		return error_set(err, ERROR_SIGNATURE, "the snapshot does not list it");
	if (!load_listed(tuf, wanted, meta, &metadata, err))
		return false;
	if (metadata == NULL
		&& (!fetch_listed(tuf, wanted, meta, &metadata, err)
			|| !tuf_unexpired(tuf, metadata, err)
			|| !store(tuf, wanted->name, metadata, err)))
		return false;
	*out = metadata;
	metadata = NULL;
	return true;
}

bool tuf_obtain(struct tuf *tuf, const struct tuf_wanted *wanted, struct tuf_metadata **out,
	struct error *err)
{
	return obtain(tuf, wanted, out, err) || about(wanted->name, err);
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
		return about("root", err);
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
