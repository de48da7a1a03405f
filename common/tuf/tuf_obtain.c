/* Files of metadata: their names, and the way from bytes to what can be trusted. */
#include <stdio.h>
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

bool tuf_fetch(struct tuf *tuf, const char *role, int64_t version, size_t max, struct buf *raw,
	bool *found, struct error *err)
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

bool tuf_fetch_needed(struct tuf *tuf, const char *role, int64_t version, size_t max,
	struct buf *raw, struct error *err)
{
	char name[FILE_NAME_ROOM];
	bool found = false;

	if (!file_name(role, version, name, err)
		|| !tuf_fetch(tuf, role, version, max, raw, &found, err))
		return false;
	if (!found)
		return error_set(
			err, ERROR_FAILED, "%s: the repository does not have it", name);
	return true;
}

bool tuf_load(
	struct tuf *tuf, const char *role, struct buf *raw, bool *found, struct error *err)
{
	char name[FILE_NAME_ROOM];

	return file_name(role, 0, name, err)
		&& tuf->host.load(tuf->host.self, name, TUF_FILE_MAX, raw, found, err);
}

bool tuf_store(struct tuf *tuf, const char *role, const struct tuf_metadata *metadata,
	struct error *err)
{
	char name[FILE_NAME_ROOM];

	return file_name(role, 0, name, err)
		&& tuf->host.store(tuf->host.self, name, buf_bytes(&metadata->raw), err);
}

bool tuf_about(const char *role, struct error *err)
{
	char quoted[TUF_NAME_MAX + 1];

	return error_while(
		err, "%s", tuf_quote(role, quoted, sizeof(quoted)) ? quoted : "role");
}

/* ---- from bytes to metadata ---- */

bool tuf_accept(struct tuf *tuf, const struct tuf_wanted *wanted, struct buf *raw,
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

	if (!tuf_check_file(buf_bytes(raw), meta->length, meta->hashes, err)
		|| !tuf_accept(tuf, wanted, raw, &metadata, err))
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

bool tuf_load_signed(struct tuf *tuf, const struct tuf_wanted *wanted,
	struct tuf_metadata **out, struct error *err)
{
	CLEANUP(buf_free) struct buf raw = {0};
	struct error why = {0};
	bool found = false;

	if (!tuf_load(tuf, wanted->name, &raw, &found, err))
		return false;
	if (!found || tuf_accept(tuf, wanted, &raw, out, &why) || is_unusable(why.code))
		return true;
	*err = why;
	return false;
}

bool tuf_fetch_listed(struct tuf *tuf, const struct tuf_wanted *wanted,
	const struct tuf_meta *meta, struct tuf_metadata **out, struct error *err)
{
	const bool consistent = tuf->top[TUF_ROOT]->consistent_snapshot;
	CLEANUP(buf_free) struct buf raw = {0};

	if (meta->length > TUF_FILE_MAX)
		return error_set(
			err, ERROR_MALFORMED, "%lld bytes long", (long long)meta->length);

	const size_t max
		= meta->length < 0 ? tuf->settings.max[wanted->kind] : (size_t)meta->length;

	return tuf_fetch_needed(
		       tuf, wanted->name, consistent ? meta->version : 0, max, &raw, err)
		&& verify_listed(tuf, wanted, meta, &raw, out, err);
}

/* The stored copy, if it is what is listed. */
static bool load_listed(struct tuf *tuf, const struct tuf_wanted *wanted,
	const struct tuf_meta *meta, struct tuf_metadata **out, struct error *err)
{
	CLEANUP(tuf_metadata_cleanup) struct tuf_metadata *metadata = NULL;
	CLEANUP(buf_free) struct buf raw = {0};
	struct error why = {0};
	bool found = false;

	if (!tuf_load(tuf, wanted->name, &raw, &found, err))
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
		&& (!tuf_fetch_listed(tuf, wanted, meta, &metadata, err)
			|| !tuf_unexpired(tuf, metadata, err)
			|| !tuf_store(tuf, wanted->name, metadata, err)))
		return false;
	*out = metadata;
	metadata = NULL;
	return true;
}

bool tuf_obtain(struct tuf *tuf, const struct tuf_wanted *wanted, struct tuf_metadata **out,
	struct error *err)
{
	return obtain(tuf, wanted, out, err) || tuf_about(wanted->name, err);
}
