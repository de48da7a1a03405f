/* What one device needs of a repository, put together. */
#include <stdio.h>
#include <string.h>

#include "common/tuf/tuf_set.h"
#include "courier/mandate.h"
#include "courier/repository_private.h"

/* A set in the making. */
struct packing {
	struct repository *repository;
	struct tuf_set_writer writer;
	struct tuf_list added; /* char [REPOSITORY_FILE_MAX]: files of metadata */
	struct tuf_arena arena;
};

static void packing_done(struct packing *packing)
{
	tuf_set_writer_done(&packing->writer);
	tuf_arena_done(&packing->arena);
}

/* ---- files of metadata ---- */

/* Two searches may go through the same role. */
static bool is_new(struct packing *packing, const char *file, bool *new, struct error *err)
{
	const char(*const all)[REPOSITORY_FILE_MAX] = packing->added.at;
	char *added = NULL;

	*new = false;
	for (size_t i = 0; i < packing->added.count; i++)
		if (strcmp(all[i], file) == 0)
			return true;
	added = tuf_list_add(&packing->added, &packing->arena, REPOSITORY_FILE_MAX, err);
	if (added == NULL)
		return false;
	(void)snprintf(added, REPOSITORY_FILE_MAX, "%s", file);
	*new = true;
	return true;
}

static bool add_file(struct packing *packing, const char *file, bool *found, struct error *err)
{
	const struct repository *const repository = packing->repository;
	CLEANUP(buf_free) struct buf content = {0};
	bool new = false;

	if (!is_new(packing, file, &new, err))
		return false;
	if (!new)
		return true;
	return store_get_metadata(
		       repository->store, repository->name, file, &content, found, err)
		&& (!*found
			|| tuf_set_add(&packing->writer, TUF_SET_METADATA, file,
				buf_bytes(&content), err));
}

/* Under the name by which it is served; VERSION 0: never with one. */
static bool add_role(
	struct packing *packing, const char *role, int64_t version, struct error *err)
{
	const struct tuf_metadata *const root = tuf_top(packing->repository->tuf, TUF_ROOT);
	char quoted[TUF_NAME_MAX + 1], file[REPOSITORY_FILE_MAX];
	bool found = true;

	if (!tuf_quote(role, quoted, sizeof(quoted)))
		return error_set(err, ERROR_MALFORMED, "name of a role: too long");
	if (version > 0 && root->consistent_snapshot)
		(void)snprintf(file, sizeof(file), "%lld.%s.json", (long long)version, quoted);
	else
		(void)snprintf(file, sizeof(file), "%s.json", quoted);
	return add_file(packing, file, &found, err)
		&& (found || error_set(err, ERROR_NOTHING, "%s was not fetched: sync", file));
}

/* From the newest down to the first that is here. */
static bool add_roots(struct packing *packing, struct error *err)
{
	bool found = true;

	for (int64_t version = tuf_top(packing->repository->tuf, TUF_ROOT)->version;
		found && version > 0; version--) {
		char file[REPOSITORY_FILE_MAX];

		(void)snprintf(file, sizeof(file), "%lld.root.json", (long long)version);
		if (!add_file(packing, file, &found, err))
			return false;
	}
	return true;
}

static bool add_top(struct packing *packing, struct error *err)
{
	const struct tuf *const tuf = packing->repository->tuf;

	return add_roots(packing, err) && add_role(packing, "timestamp", 0, err)
		&& add_role(packing, "snapshot", tuf_top(tuf, TUF_SNAPSHOT)->version, err)
		&& add_role(packing, "targets", tuf_top(tuf, TUF_TARGETS)->version, err);
}

/* ---- what they lead to ---- */

/* Find the target, and add all that the search went through. */
static bool add_path(struct packing *packing, const char *path,
	struct repository_target *target, bool *found, struct error *err)
{
	const char *role = NULL;
	int64_t version = 0;

	if (!repository_find(packing->repository, path, target, found, err))
		return false;
	for (size_t i = 0;
		(role = tuf_search_role(packing->repository->tuf, i, &version)) != NULL; i++)
		if (!add_role(packing, role, version, err))
			return false;
	return true;
}

static bool add_direction(struct packing *packing, const char *device, struct error *err)
{
	struct repository_target target;
	CLEANUP(buf_free) struct buf content = {0};
	char path[DIRECTION_PATH_ROOM];
	bool found = false;

	direction_path(device, path);
	if (!add_path(packing, path, &target, &found, err))
		return false;
	return !found
		|| (repository_content(
			    packing->repository, NULL, &target, DIRECTION_MAX, &content, err)
			&& tuf_set_add(&packing->writer, TUF_SET_DIRECTION, path,
				buf_bytes(&content), err));
}

static bool add_artifact(
	struct packing *packing, const struct mandate *mandate, struct error *err)
{
	struct repository_target target;
	const struct bytes nothing = {NULL, 0};
	bool found = false;

	return mandate->path[0] == 0
		|| (add_path(packing, mandate->path, &target, &found, err)
			&& tuf_set_add(&packing->writer, TUF_SET_ARTIFACT, mandate->path,
				nothing, err));
}

bool mandate_pack(struct repository *repository, const char *device,
	const struct mandate *mandate, struct buf *set, struct error *err)
{
	CLEANUP(packing_done) struct packing packing = {.repository = repository};

	return add_top(&packing, err) && add_direction(&packing, device, err)
		&& add_artifact(&packing, mandate, err)
		&& buf_reserve(set, (size_t)packing.writer.size, err)
		&& tuf_set_encode(&packing.writer, buf_sink(set), err);
}

bool mandate_bring(struct store *store, const struct settings *settings,
	const struct trip_device *trip, struct buf *set, struct error *err)
{
	CLEANUP(mandate_close_kept) struct mandate_kept kept = {.count = 0};
	struct mandate mandate;
	struct error why = {0};

	if (!mandate_open_kept(store, settings, &kept, err))
		return false;

	const struct mandate_sources sources = mandate_sources_kept(&kept);

	if (!mandate_for(&sources, trip, &mandate, err))
		return false;
	if (!mandate.found
		|| mandate_pack(kept.at[mandate.source], trip->device->id, &mandate, set, &why))
		return true;
	set->len = 0;
	if (why.code != ERROR_DAMAGED && why.code != ERROR_UNAUTHORISED)
		return true;
	*err = why;
	return false;
}
