/* What one device needs of a repository, put together. */
#include <stdio.h>
#include <string.h>

#include "common/tuf/tuf_set.h"
#include "courier/mandate.h"
#include "courier/repository_private.h"

static bool add_root(struct repository *repository, int64_t version,
	struct tuf_set_writer *writer, bool *found, struct error *err)
{
	CLEANUP(buf_free) struct buf root = {0};
	char file[32];

	(void)snprintf(file, sizeof(file), "%lld.root.json", (long long)version);
	return store_get_metadata(repository->store, repository->name, file, &root, found, err)
		&& (!*found
			|| tuf_set_add(writer, TUF_SET_METADATA, file, buf_bytes(&root), err));
}

/* From the newest down to the first that is here. */
static bool add_roots(
	struct repository *repository, struct tuf_set_writer *writer, struct error *err)
{
	bool found = true;

	for (int64_t version = tuf_top(repository->tuf, TUF_ROOT)->version;
		found && version > 0; version--)
		if (!add_root(repository, version, writer, &found, err))
			return false;
	return true;
}

static bool add_direction(struct repository *repository, const char *device,
	struct tuf_set_writer *writer, struct error *err)
{
	struct repository_target target;
	CLEANUP(buf_free) struct buf content = {0};
	char path[DIRECTION_PATH_ROOM];
	bool found = false;

	direction_path(device, path);
	if (!repository_find(repository, path, &target, &found, err))
		return false;
	return !found
		|| (repository_content(repository, NULL, &target, DIRECTION_MAX, &content, err)
			&& tuf_set_add(
				writer, TUF_SET_DIRECTION, path, buf_bytes(&content), err));
}

/* To find it is to fetch, and so to add, what leads to it. */
static bool add_artifact(struct repository *repository, const struct mandate *mandate,
	struct tuf_set_writer *writer, struct error *err)
{
	struct repository_target target;
	const struct bytes nothing = {NULL, 0};
	bool found = false;

	return mandate->path[0] == 0
		|| (repository_find(repository, mandate->path, &target, &found, err)
			&& tuf_set_add(writer, TUF_SET_ARTIFACT, mandate->path, nothing, err));
}

bool mandate_pack(struct store *store, const char *repository, const char *device,
	const struct mandate *mandate, struct buf *set, struct error *err)
{
	CLEANUP(tuf_set_writer_done) struct tuf_set_writer writer = {0};
	CLEANUP(repository_cleanup) struct repository *kept = NULL;

	return repository_open_recorded(store, repository, &writer, &kept, err)
		&& add_roots(kept, &writer, err) && add_direction(kept, device, &writer, err)
		&& add_artifact(kept, mandate, &writer, err)
		&& tuf_set_encode(&writer, buf_sink(set), err);
}

bool mandate_bring(struct store *store, const struct settings *settings,
	const struct trip_device *trip, struct buf *set, struct error *err)
{
	CLEANUP(mandate_close_kept) struct mandate_kept kept = {.count = 0};
	CLEANUP(buf_free) struct buf packed = {0};
	struct error why = {0};
	struct mandate mandate;

	if (!mandate_open_kept(store, settings, &kept, err))
		return false;

	const struct mandate_sources sources = mandate_sources_kept(&kept);

	if (!mandate_for(&sources, trip, &mandate, err))
		return false;
	if (!mandate.found)
		return true;
	if (mandate_pack(store, settings->repositories[mandate.source].name, trip->device->id,
		    &mandate, &packed, &why))
		return buf_append(set, buf_bytes(&packed), err);
	if (why.code != ERROR_DAMAGED && why.code != ERROR_UNAUTHORISED)
		return true;
	*err = why;
	return false;
}
