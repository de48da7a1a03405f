/* The files of a repository in the store, and the TUF client's way to them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "courier/repository_private.h"

static bool get(struct repository *repository, const char *file, struct buf *out, bool *found,
	struct error *err)
{
	return store_get_metadata(repository->store, repository->name, file, out, found, err);
}

static bool put(struct repository *repository, const char *file, struct bytes content,
	struct error *err)
{
	return store_put_metadata(repository->store, repository->name, file, content, err);
}

/* A short text that is kept as FILE; none is empty. */
static bool get_text(struct repository *repository, const char *file,
	char text[static REPOSITORY_FILE_MAX], struct error *err)
{
	CLEANUP(buf_free) struct buf out = {0};
	bool found = false;

	if (!get(repository, file, &out, &found, err))
		return false;
	if (out.len >= REPOSITORY_FILE_MAX)
		return error_set(err, ERROR_DAMAGED, "%s of a repository is too long", file);
	if (out.len > 0)
		memcpy(text, out.at, out.len);
	text[out.len] = 0;
	return true;
}

/* "7.snapshot.json", but not "targets.json". */
static bool has_version(const char *file)
{
	const size_t digits = strspn(file, "0123456789");

	return digits > 0 && file[digits] == '.';
}

static void root_name(int64_t version, char file[static REPOSITORY_FILE_MAX])
{
	(void)snprintf(file, REPOSITORY_FILE_MAX, "%lld.root.json", (long long)version);
}

/* ---- fetch ---- */

/* What has a version and is here was verified when it came. */
static bool fetch_kept(struct repository *repository, const char *file, struct buf *out,
	bool *found, struct error *err)
{
	const bool is_root = strstr(file, ".root.json") != NULL;

	*found = false;
	if (repository->http != NULL
		&& (is_root || !has_version(file) || repository->distrusts_kept))
		return true;
	if (!get(repository, file, out, found, err))
		return false;
	repository->kept_used += *found;
	return true;
}

static bool fetch(void *self, const char *file, size_t max, struct buf *out, bool *found,
	struct error *err)
{
	struct repository *const repository = self;

	(void)snprintf(repository->served, sizeof(repository->served), "%s", file);
	if (!fetch_kept(repository, file, out, found, err))
		return false;
	repository->was_kept = *found;
	return *found || repository->http == NULL
		|| repository_get(
			repository, repository->http, "metadata", file, max, out, found, err);
}

/* ---- load ---- */

static bool load_root(
	struct repository *repository, struct buf *out, bool *found, struct error *err)
{
	char version[REPOSITORY_FILE_MAX], file[REPOSITORY_FILE_MAX];

	if (!get_text(repository, REPOSITORY_LAST_ROOT, version, err))
		return false;
	root_name(strtoll(version, NULL, 10), file);
	return get(repository, file, out, found, err);
}

static bool load_snapshot(
	struct repository *repository, struct buf *out, bool *found, struct error *err)
{
	*found = false;
	return get_text(repository, REPOSITORY_LAST_SNAPSHOT, repository->snapshot, err)
		&& (repository->snapshot[0] == 0
			|| get(repository, repository->snapshot, out, found, err));
}

/* To look at what is kept nothing but a root is needed: all else is fetched from there. */
static bool load(void *self, const char *file, size_t max, struct buf *out, bool *found,
	struct error *err)
{
	struct repository *const repository = self;

	(void)max;
	*found = false;
	if (strcmp(file, "root.json") == 0)
		return load_root(repository, out, found, err);
	if (repository->http == NULL)
		return true;
	if (strcmp(file, "snapshot.json") == 0)
		return load_snapshot(repository, out, found, err);
	return get(repository, file, out, found, err);
}

/* ---- store ---- */

/* At once: no root is walked twice, and one more does not disturb what is carried. */
static bool store_root(struct repository *repository, const char *file, struct bytes content,
	struct error *err)
{
	CLEANUP(store_batch_end) struct store_batch batch = {0};
	char version[32];

	(void)snprintf(version, sizeof(version), "%.*s", (int)strspn(file, "0123456789"), file);
	return store_batch_begin(&batch, repository->store, err)
		&& put(repository, file, content, err)
		&& put(repository, REPOSITORY_LAST_ROOT, bytes_of(version), err)
		&& store_batch_commit(&batch, err);
}

static bool stage(struct repository *repository, const char *file, struct bytes content,
	struct error *err)
{
	char name[REPOSITORY_FILE_MAX + 1];
	char *const added = tuf_list_add(
		&repository->staged, &repository->arena, REPOSITORY_FILE_MAX, err);

	if (added == NULL)
		return false;
	(void)snprintf(added, REPOSITORY_FILE_MAX, "%s", file);
	(void)snprintf(name, sizeof(name), REPOSITORY_NEW "%s", file);
	return put(repository, name, content, err);
}

/* FILE has no version; as what it was served just now is what it is kept as. */
static bool keep(void *self, const char *file, struct bytes content, struct error *err)
{
	struct repository *const repository = self;
	const char *const served = repository->served;

	if (repository->http == NULL)
		return true;
	if (strcmp(file, "root.json") == 0)
		return store_root(repository, served, content, err);
	if (strcmp(file, "snapshot.json") == 0) {
		(void)snprintf(
			repository->snapshot, sizeof(repository->snapshot), "%s", served);
		repository->snapshot_is_new = true;
	}
	if (!has_version(served))
		return stage(repository, served, content, err);
	return repository->was_kept || put(repository, served, content, err);
}

struct tuf_host repository_host(struct repository *repository)
{
	return (struct tuf_host){
		.fetch = fetch,
		.load = load,
		.store = keep,
		.self = repository,
	};
}

/* ---- commit ---- */

static bool replace(struct repository *repository, const char *file, struct error *err)
{
	CLEANUP(buf_free) struct buf content = {0};
	char name[REPOSITORY_FILE_MAX + 1];
	bool found = false;

	(void)snprintf(name, sizeof(name), REPOSITORY_NEW "%s", file);
	/* The same file may have been staged twice. */
	return get(repository, name, &content, &found, err)
		&& (!found
			|| (put(repository, file, buf_bytes(&content), err)
				&& store_drop_metadata(
					repository->store, repository->name, name, err)));
}

bool repository_commit(struct repository *repository, struct error *err)
{
	CLEANUP(store_batch_end) struct store_batch batch = {0};
	const char(*const staged)[REPOSITORY_FILE_MAX] = repository->staged.at;

	if (repository->staged.count == 0 && !repository->snapshot_is_new)
		return true;
	if (!store_batch_begin(&batch, repository->store, err))
		return false;
	for (size_t i = 0; i < repository->staged.count; i++)
		if (!replace(repository, staged[i], err))
			return false;
	if (repository->snapshot_is_new
		&& !put(repository, REPOSITORY_LAST_SNAPSHOT, bytes_of(repository->snapshot),
			err))
		return false;
	repository->staged.count = 0;
	return store_batch_commit(&batch, err);
}

/* ---- where trust begins ---- */

static bool is_of_others(void *self, const char *name, const char *file)
{
	(void)file;
	return strcmp(name, self) != 0;
}

static bool begin_anew(struct repository *repository, const char *file, struct error *err)
{
	return store_sweep_metadata(repository->store, is_of_others, repository->name, err)
		&& store_root(repository, file, buf_bytes(&repository->pinned), err);
}

bool repository_pin(struct repository *repository, struct error *err)
{
	CLEANUP(buf_free) struct buf kept = {0};
	char file[REPOSITORY_FILE_MAX];
	bool found = false;

	root_name(repository->pinned_version, file);
	if (!get(repository, file, &kept, &found, err))
		return false;
	return (found && bytes_equal(buf_bytes(&kept), buf_bytes(&repository->pinned)))
		|| begin_anew(repository, file, err);
}

/* Is OLD what came before NEW?  It must be signed by its own keys, and NEW by them. */
static bool is_former(struct buf *old, const struct tuf_metadata *new,
	struct tuf_metadata **out, struct error *err)
{
	CLEANUP(tuf_metadata_cleanup) struct tuf_metadata *root = NULL;

	if (!tuf_metadata_new(old, TUF_ROOT, true, &root, err) || !tuf_metadata_read(root, err)
		|| !tuf_verify(root, &root->keys, &root->roles[TUF_ROOT], err)
		|| !tuf_verify(new, &root->keys, &root->roles[TUF_ROOT], err))
		return false;
	if (root->version != new->version - 1)
		return error_set(
			err, ERROR_SIGNATURE, "version %lld inside", (long long)root->version);
	*out = root;
	root = NULL;
	return true;
}

/* The root before NEW, from the store or fetched; none is *OUT NULL. */
static bool former_root(struct repository *repository, const struct tuf_metadata *new,
	struct tuf_metadata **out, struct error *err)
{
	CLEANUP(buf_free) struct buf raw = {0}, copy = {0};
	char file[REPOSITORY_FILE_MAX];
	bool kept = false, found = false;

	root_name(new->version - 1, file);
	if (!get(repository, file, &raw, &kept, err)
		|| (!kept
			&& !repository_get(repository, repository->http, "metadata", file,
				TUF_ROOT_MAX, &raw, &found, err)))
		return error_while(err, "%s", file);
	if (!kept && !found)
		return true;
	return (buf_append(&copy, buf_bytes(&raw), err) && is_former(&raw, new, out, err)
		       && (kept || put(repository, file, buf_bytes(&copy), err)))
		|| error_while(err, "%s", file);
}

bool repository_former_roots(struct repository *repository, struct error *err)
{
	CLEANUP(tuf_metadata_cleanup) struct tuf_metadata *root = NULL;
	CLEANUP(buf_free) struct buf raw = {0};
	bool more = repository->pinned_version > 1;

	if (!buf_append(&raw, buf_bytes(&repository->pinned), err)
		|| !tuf_metadata_new(&raw, TUF_ROOT, true, &root, err)
		|| !tuf_metadata_read(root, err))
		return false;
	while (more) {
		CLEANUP(tuf_metadata_cleanup) struct tuf_metadata *former = NULL;

		if (!former_root(repository, root, &former, err))
			return false;
		more = former != NULL && former->version > 1;
		if (former == NULL)
			break;
		tuf_metadata_free(root);
		root = former;
		former = NULL;
	}
	return true;
}
