/*
 * Metadata to files, so that whoever comes at any moment finds the old state or the new.
 *
 * A set is first written whole to install.new/, which then becomes install/: from here
 * on it happens, whatever is killed, for the next command goes on with it.  Files with a
 * version in their name are what nobody asks for before a timestamp, or a root, names
 * them; so those two come last.  A name in install/ begins with the letter of its turn.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "courier/admin/trust.h"

/* ---- sets ---- */

void trust_set_free(struct trust_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		buf_free(&set->at[i].content);
	free(set->at);
	*set = (struct trust_set){0};
}

bool trust_set_add(
	struct trust_set *set, const char *name, struct buf *content, struct error *err)
{
	void *const more = realloc(set->at, (set->count + 1) * sizeof(*set->at));

	if (more == NULL)
		return error_errno(err, "cannot allocate");
	set->at = more;
	if (strlen(name) >= sizeof(set->at[0].name))
		return error_set(err, ERROR_FAILED, "%s: name too long", name);
	memcpy(set->at[set->count].name, name, strlen(name) + 1);
	set->at[set->count++].content = *content;
	*content = (struct buf){0};
	return true;
}

/* ---- directories ---- */

struct listing {
	struct dirent **at;
	int count;
};

static void listing_done(struct listing *listing)
{
	for (int i = 0; i < listing->count; i++)
		free(listing->at[i]);
	free(listing->at);
}

static int is_metadata(const struct dirent *entry)
{
	const size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 5
		&& strcmp(entry->d_name + len - 5, ".json") == 0;
}

/* Sorted; a directory that is not there has nothing in it. */
static bool list(const char *path, struct listing *out, struct error *err)
{
	const int count = scandir(path, &out->at, is_metadata, alphasort);

	if (count < 0 && errno != ENOENT)
		return error_errno(err, "%s: cannot read the directory", path);
	out->count = count < 0 ? 0 : count;
	return true;
}

static bool has(const struct listing *listing, const char *name)
{
	for (int i = 0; i < listing->count; i++)
		if (strcmp(listing->at[i]->d_name, name) == 0)
			return true;
	return false;
}

bool trust_directory_remove(const char *directory, struct error *err)
{
	DIR *const open = opendir(directory);
	char path[PATH_MAX];
	bool ok = true;

	if (open == NULL)
		return errno == ENOENT
			|| error_errno(err, "%s: cannot read the directory", directory);
	for (const struct dirent *at = readdir(open); ok && at != NULL; at = readdir(open))
		if (strcmp(at->d_name, ".") != 0 && strcmp(at->d_name, "..") != 0)
			ok = file_path(path, sizeof(path), directory, at->d_name, err)
				&& (unlink(path) == 0
					|| error_errno(err, "%s: cannot remove", path));
	(void)closedir(open);
	if (!ok)
		return false;
	if (rmdir(directory) != 0)
		return error_errno(err, "%s: cannot remove", directory);
	return file_sync_directory_of(directory, err);
}

static bool is_same(const char *path, struct bytes content)
{
	CLEANUP(buf_free) struct buf there = {0};
	struct error unreadable = {0};
	bool found = false;

	return file_read(path, content.len, &there, &found, &unreadable) && found
		&& bytes_equal(buf_bytes(&there), content);
}

static bool put(const char *directory, const char *name, struct bytes content, mode_t mode,
	struct error *err)
{
	char path[PATH_MAX];

	if (!file_path(path, sizeof(path), directory, name, err))
		return false;
	return is_same(path, content) || file_replace(path, content, mode, err);
}

/* ---- turns ---- */

enum turn { TURN_PLAIN, TURN_FIRST, TURN_LAST, TURN_COUNT };

static enum turn turn_of(const char *name, bool root_first)
{
	const char *const dot = strchr(name, '.');

	if (strcmp(name, "timestamp.json") == 0)
		return root_first ? TURN_LAST : TURN_FIRST;
	if (dot != NULL && strcmp(dot, ".root.json") == 0)
		return root_first ? TURN_FIRST : TURN_LAST;
	return TURN_PLAIN;
}

/* ---- from metadata/ to the tree ---- */

static int64_t version_of(const char *name)
{
	return strtoll(name, NULL, 10);
}

static int compare_versions(const void *a, const void *b)
{
	const struct dirent *const *const entry_a = a, *const *const entry_b = b;
	const int64_t version_a = version_of((*entry_a)->d_name);
	const int64_t version_b = version_of((*entry_b)->d_name);

	return (version_a > version_b) - (version_a < version_b);
}

static bool export_turn(const struct trust *trust, const struct listing *names, enum turn turn,
	bool root_first, struct error *err)
{
	char from[PATH_MAX], to[PATH_MAX];

	if (!file_path(to, sizeof(to), trust->tree, "metadata", err))
		return false;
	for (int i = 0; i < names->count; i++) {
		CLEANUP(buf_free) struct buf content = {0};
		const char *const name = names->at[i]->d_name;

		if (turn_of(name, root_first) != turn)
			continue;
		if (!trust_path(trust, from, err, "metadata/%s", name)
			|| !file_read(from, TUF_FILE_MAX, &content, NULL, err)
			|| !put(to, name, buf_bytes(&content), 0644, err))
			return false;
	}
	return true;
}

/* What is no more in metadata/. */
static bool prune_tree(
	const struct trust *trust, const struct listing *names, struct error *err)
{
	CLEANUP(listing_done) struct listing served = {0};
	char directory[PATH_MAX], path[PATH_MAX];

	if (!file_path(directory, sizeof(directory), trust->tree, "metadata", err)
		|| !list(directory, &served, err))
		return false;
	for (int i = 0; i < served.count; i++)
		if (!has(names, served.at[i]->d_name)
			&& (!file_path(path, sizeof(path), directory, served.at[i]->d_name, err)
				|| !file_remove(path, err)))
			return false;
	return true;
}

bool trust_export(struct trust *trust, bool root_first, struct error *err)
{
	CLEANUP(listing_done) struct listing names = {0};
	char from[PATH_MAX], to[PATH_MAX];

	if (!trust_path(trust, from, err, "metadata")
		|| !file_path(to, sizeof(to), trust->tree, "metadata", err)
		|| !file_make_directory(to, 0755, err) || !list(from, &names, err))
		return false;
	/* Roots in their order: a client walks until one is missing. */
	if (names.count > 1)
		qsort(names.at, (size_t)names.count, sizeof(struct dirent *), compare_versions);
	for (int turn = 0; turn < TURN_COUNT; turn++)
		if (!export_turn(trust, &names, (enum turn)turn, root_first, err))
			return false;
	return prune_tree(trust, &names, err);
}

/* ---- what nobody needs any more ---- */

/* A snapshot's file and all it lists, of which KEEP is the list of names. */
static bool keep_snapshot(
	const struct trust *trust, const char *file, struct trust_set *keep, struct error *err)
{
	CLEANUP(tuf_metadata_cleanup) struct tuf_metadata *snapshot = NULL;
	CLEANUP(buf_free) struct buf raw = {0};
	struct buf none = {0};
	char path[PATH_MAX], name[TUF_NAME_MAX + 32];

	if (!trust_path(trust, path, err, "metadata/%s", file)
		|| !file_read(path, TUF_FILE_MAX, &raw, NULL, err)
		|| !tuf_metadata_new(&raw, TUF_SNAPSHOT, true, &snapshot, err)
		|| !tuf_metadata_read(snapshot, err) || !trust_set_add(keep, file, &none, err))
		return false;

	const struct tuf_meta *const metas = snapshot->meta.at;

	for (size_t i = 0; i < snapshot->meta.count; i++) {
		(void)snprintf(name, sizeof(name), "%lld.%s", (long long)metas[i].version,
			metas[i].name);
		if (!trust_set_add(keep, name, &none, err))
			return false;
	}
	return true;
}

static bool is_kept(const struct trust_set *keep, const char *name)
{
	if (turn_of(name, true) != TURN_PLAIN)
		return true;
	for (size_t i = 0; i < keep->count; i++)
		if (strcmp(keep->at[i].name, name) == 0)
			return true;
	return false;
}

/* The newest two snapshots that are there: a client may be half way through the older. */
static bool keep_newest(const struct trust *trust, const struct listing *names,
	struct trust_set *keep, struct error *err)
{
	int kept = 0;

	for (int i = names->count - 1; i >= 0 && kept < 2; i--) {
		const char *const dot = strchr(names->at[i]->d_name, '.');

		if (strcmp(dot, ".snapshot.json") != 0)
			continue;
		if (!keep_snapshot(trust, names->at[i]->d_name, keep, err))
			return false;
		kept++;
	}
	return true;
}

static bool prune(const struct trust *trust, struct error *err)
{
	CLEANUP(trust_set_free) struct trust_set keep = {0};
	CLEANUP(listing_done) struct listing names = {0};
	char path[PATH_MAX];

	if (!trust_path(trust, path, err, "metadata") || !list(path, &names, err))
		return false;
	if (names.count > 1)
		qsort(names.at, (size_t)names.count, sizeof(struct dirent *), compare_versions);
	if (!keep_newest(trust, &names, &keep, err))
		return false;
	for (int i = 0; i < names.count; i++)
		if (!is_kept(&keep, names.at[i]->d_name)
			&& (!trust_path(trust, path, err, "metadata/%s", names.at[i]->d_name)
				|| !file_remove(path, err)))
			return false;
	return true;
}

/* ---- installing ---- */

static bool stage_files(
	const char *directory, const struct trust_set *set, bool root_first, struct error *err)
{
	char name[sizeof(set->at[0].name) + 2];

	if (!trust_directory_remove(directory, err)
		|| !file_make_directory(directory, 0700, err))
		return false;
	for (size_t i = 0; i < set->count; i++) {
		(void)snprintf(name, sizeof(name), "%c%s",
			'a' + (int)turn_of(set->at[i].name, root_first), set->at[i].name);
		if (!put(directory, name, buf_bytes(&set->at[i].content), 0600, err))
			return false;
	}
	return true;
}

/* INSTALL's files in their turns: they sort by it. */
static bool apply(const struct trust *trust, const char *install, const struct listing *names,
	struct error *err)
{
	char from[PATH_MAX], to[PATH_MAX];

	if (!trust_path(trust, to, err, "metadata"))
		return false;
	for (int i = 0; i < names->count; i++) {
		CLEANUP(buf_free) struct buf content = {0};

		if (!file_path(from, sizeof(from), install, names->at[i]->d_name, err)
			|| !file_read(from, TUF_FILE_MAX, &content, NULL, err)
			|| !put(to, names->at[i]->d_name + 1, buf_bytes(&content), 0600, err))
			return false;
	}
	return true;
}

bool trust_install_finish(struct trust *trust, struct error *err)
{
	CLEANUP(listing_done) struct listing names = {0};
	char install[PATH_MAX], done[PATH_MAX];

	if (!trust_path(trust, install, err, "install") || !list(install, &names, err))
		return false;
	if (names.count == 0)
		return true;

	const bool root_first = has(&names, "ctimestamp.json");

	/* Removed under another name: half of a set must not be taken for a set. */
	return apply(trust, install, &names, err) && trust_export(trust, root_first, err)
		&& prune(trust, err) && trust_export(trust, root_first, err)
		&& trust_path(trust, done, err, "install.new")
		&& trust_directory_remove(done, err) && file_rename(install, done, err)
		&& trust_directory_remove(done, err);
}

bool trust_install(
	struct trust *trust, const struct trust_set *set, bool root_first, struct error *err)
{
	char fresh[PATH_MAX], install[PATH_MAX];

	return trust_path(trust, fresh, err, "install.new")
		&& trust_path(trust, install, err, "install")
		&& stage_files(fresh, set, root_first, err) && file_rename(fresh, install, err)
		&& trust_install_finish(trust, err);
}
