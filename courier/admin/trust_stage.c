/* A root and targets that wait for signatures, in a directory that can be carried. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "courier/admin/trust.h"

#define TRUSTED "trusted-root.json"

static const enum tuf_kind kinds[] = {TUF_ROOT, TUF_TARGETS};

void trust_stage_free(struct trust_stage *stage)
{
	for (size_t i = 0; i < TUF_KIND_COUNT; i++) {
		tuf_draft_done(&stage->draft[i]);
		tuf_metadata_free(stage->metadata[i]);
	}
	tuf_metadata_free(stage->trusted);
	memset(stage, 0, sizeof(*stage));
}

static bool file_of(const char *directory, enum tuf_kind kind, char path[static PATH_MAX],
	struct error *err)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "%s.json", tuf_kind_name(kind));
	return file_path(path, PATH_MAX, directory, name, err);
}

/* ---- reading ---- */

static bool read_kind(
	const char *directory, enum tuf_kind kind, struct trust_stage *stage, struct error *err)
{
	CLEANUP(buf_free) struct buf file = {0};
	char path[PATH_MAX];

	if (!file_of(directory, kind, path, err)
		|| !file_read(path, TUF_ROOT_MAX, &file, &stage->has[kind], err))
		return false;
	return !stage->has[kind]
		|| (tuf_draft_read(buf_bytes(&file), kind, &stage->draft[kind], err)
			&& tuf_draft_metadata(
				&stage->draft[kind], kind, &stage->metadata[kind], err))
		|| error_while(err, "%s", path);
}

/* Shown to compare with, and signed by itself at least. */
static bool read_trusted(const char *directory, struct trust_stage *stage, struct error *err)
{
	CLEANUP(buf_free) struct buf raw = {0};
	char path[PATH_MAX];
	bool found = false;

	if (!file_path(path, sizeof(path), directory, TRUSTED, err)
		|| !file_read(path, TUF_ROOT_MAX, &raw, &found, err))
		return false;
	if (!found)
		return true;
	return (tuf_metadata_new(&raw, TUF_ROOT, true, &stage->trusted, err)
		       && tuf_metadata_read(stage->trusted, err)
		       && tuf_verify(stage->trusted, &stage->trusted->keys,
			       &stage->trusted->roles[TUF_ROOT], err))
		|| error_while(err, "%s", path);
}

bool trust_stage_read(const char *directory, struct trust_stage *out, struct error *err)
{
	CLEANUP(trust_stage_free) struct trust_stage stage = {.trusted = NULL};

	for (size_t i = 0; i < COUNT(kinds); i++)
		if (!read_kind(directory, kinds[i], &stage, err))
			return false;
	if (!read_trusted(directory, &stage, err))
		return false;
	if (!stage.has[TUF_ROOT] && !stage.has[TUF_TARGETS])
		return error_set(
			err, ERROR_NOTHING, "%s: nothing waits for signatures", directory);
	if (!stage.has[TUF_ROOT] && stage.trusted == NULL)
		return error_set(err, ERROR_MALFORMED,
			"%s: no root that says who signs the targets", directory);
	*out = stage;
	memset(&stage, 0, sizeof(stage));
	return true;
}

bool trust_stage_exists(const struct trust *trust, bool *out, struct error *err)
{
	char path[PATH_MAX], directory[PATH_MAX];
	bool exists = false;

	if (!trust_path(trust, directory, err, "staged"))
		return false;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		if (!file_of(directory, kinds[i], path, err))
			return false;
		exists = exists || access(path, F_OK) == 0;
	}
	*out = exists;
	return true;
}

/* ---- writing ---- */

bool trust_stage_take(struct trust_stage *stage, enum tuf_kind kind,
	const struct json *signed_part, struct error *err)
{
	if (!tuf_draft_new(signed_part, &stage->draft[kind], err)
		|| !tuf_draft_metadata(&stage->draft[kind], kind, &stage->metadata[kind], err))
		return error_while(err, "%s", tuf_kind_name(kind));
	stage->has[kind] = true;
	return true;
}

bool trust_stage_write(
	const char *directory, const struct trust_stage *stage, struct error *err)
{
	char path[PATH_MAX];

	if (!file_path(path, sizeof(path), directory, TRUSTED, err)
		|| (stage->trusted != NULL
			&& !file_replace(path, buf_bytes(&stage->trusted->raw), 0644, err)))
		return false;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		CLEANUP(buf_free) struct buf file = {0};

		if (stage->has[kinds[i]]
			&& (!file_of(directory, kinds[i], path, err)
				|| !tuf_draft_print(&stage->draft[kinds[i]], &file, err)
				|| !file_replace(path, buf_bytes(&file), 0644, err)))
			return false;
	}
	return true;
}

/* Under another name it is nothing any more, however much of it is still there. */
bool trust_stage_remove(const struct trust *trust, struct error *err)
{
	char staged[PATH_MAX], old[PATH_MAX];

	if (!trust_path(trust, staged, err, "staged")
		|| !trust_path(trust, old, err, "staged.old")
		|| !trust_directory_remove(old, err))
		return false;
	if (access(staged, F_OK) != 0 && errno == ENOENT)
		return true;
	return file_rename(staged, old, err) && trust_directory_remove(old, err);
}

bool trust_stage_set(
	const struct trust *trust, const struct trust_stage *stage, struct error *err)
{
	char staged[PATH_MAX], fresh[PATH_MAX];

	return trust_path(trust, staged, err, "staged")
		&& trust_path(trust, fresh, err, "staged.new")
		&& trust_directory_remove(fresh, err) && file_make_directory(fresh, 0700, err)
		&& trust_stage_write(fresh, stage, err) && trust_stage_remove(trust, err)
		&& file_rename(fresh, staged, err);
}

/* ---- what it needs ---- */

/* The role of KIND in ROOT. */
static struct trust_need need_of(
	const struct tuf_metadata *staged, const struct tuf_metadata *root, enum tuf_kind kind)
{
	const struct tuf_role one = {.threshold = 1};
	struct trust_need need = {.root = root, .role = &root->roles[kind]};
	const char *const *const ids = need.role->keyids.at;
	struct error err = {0};

	for (size_t i = 0; i < need.role->keyids.count; i++) {
		const char *id = ids[i];
		struct tuf_role alone = one;

		alone.keyids = (struct tuf_list){.at = &id, .count = 1};
		need.signed_by += tuf_verify(staged, &root->keys, &alone, &err);
	}
	need.met = tuf_verify(staged, &root->keys, need.role, &err);
	return need;
}

/* Drafts gain signatures; METADATA is what they were when read. */
static bool current(const struct trust_stage *stage, enum tuf_kind kind,
	struct tuf_metadata **out, struct error *err)
{
	return tuf_draft_metadata(&stage->draft[kind], kind, out, err);
}

bool trust_stage_needs(const struct trust_stage *stage, enum tuf_kind kind,
	struct trust_need need[static 2], size_t *count, struct error *err)
{
	CLEANUP(tuf_metadata_cleanup) struct tuf_metadata *staged = NULL;
	const struct tuf_metadata *const root
		= stage->has[TUF_ROOT] ? stage->metadata[TUF_ROOT] : stage->trusted;

	if (!current(stage, kind, &staged, err))
		return false;
	*count = 0;
	need[(*count)++] = need_of(staged, root, kind);
	/* A root follows only on the word of the one before. */
	if (kind == TUF_ROOT && stage->trusted != NULL)
		need[(*count)++] = need_of(staged, stage->trusted, kind);
	return true;
}

bool trust_stage_digest(const struct trust_stage *stage, enum tuf_kind kind,
	char text[static DIGEST_TEXT], struct error *err)
{
	struct digest digest = {{0}};

	if (!crypto_sha256(buf_bytes(&stage->draft[kind].form), &digest, err))
		return false;
	digest_text(&digest, text);
	return true;
}
