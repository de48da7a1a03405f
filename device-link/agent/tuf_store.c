#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "device-link/agent/tuf_store.h"

static const char suffix[] = ".set";

/* ---- the host of a client ---- */

static bool load(void *self, const char *file, size_t max, struct buf *out, bool *found,
	struct error *err)
{
	const struct tuf_store *const store = self;
	char path[PATH_MAX];

	return file_path(path, sizeof(path), store->directory, file, err)
		&& file_read(path, max, out, found, err);
}

static bool load_pinned(void *self, const char *file, size_t max, struct buf *out, bool *found,
	struct error *err)
{
	const struct tuf_store *const store = self;

	*found = false;
	return strcmp(file, "root.json") != 0 || file_read(store->pinned, max, out, found, err);
}

static bool keep(void *self, const char *file, struct bytes content, struct error *err)
{
	const struct tuf_store *const store = self;
	char path[PATH_MAX];

	return file_path(path, sizeof(path), store->directory, file, err)
		&& file_replace(path, content, 0600, err);
}

struct tuf_host tuf_store_host(struct tuf_store *store)
{
	return (struct tuf_host){.load = load, .store = keep, .self = store};
}

struct tuf_host tuf_store_pinned_host(struct tuf_store *store)
{
	return (struct tuf_host){.load = load_pinned, .self = store};
}

/* ---- the pinned root ---- */

static bool find_places(
	const struct agent_settings *settings, struct tuf_store *store, struct error *err)
{
	if ((size_t)snprintf(store->pinned, sizeof(store->pinned), "%s", settings->tuf_root)
		>= sizeof(store->pinned))
		return error_set(err, ERROR_USAGE, "tuf-root: path too long");
	return agent_settings_fact(settings, "tuf", store->directory, err);
}

static bool load_given(void *self, const char *file, size_t max, struct buf *out, bool *found,
	struct error *err)
{
	const struct bytes *const root = self;

	(void)file;
	*found = root->len <= max;
	return !*found || buf_append(out, *root, err);
}

/* A root signed by its own keys. */
static bool check_root(struct bytes root, int64_t *version, struct error *err)
{
	const struct tuf_host host = {.load = load_given, .self = &root};
	const struct tuf_settings settings = {.now = INT64_MIN};
	CLEANUP(tuf_cleanup) struct tuf *tuf = NULL;

	if (!tuf_open(&host, &settings, &tuf, err))
		return false;
	*version = tuf_top(tuf, TUF_ROOT)->version;
	return true;
}

static bool read_pinned(
	const struct tuf_store *store, struct buf *root, int64_t *version, struct error *err)
{
	bool found = false;
	const bool is_read = file_read(store->pinned, TUF_ROOT_MAX, root, &found, err);

	if (is_read && !found)
		(void)error_set(err, ERROR_USAGE,
			"%s: missing: tuf-root names it, and without it nothing can be "
			"trusted: copy the bundle of courier-admin provision, or the root of "
			"your repository, to there",
			store->pinned);
	if (!is_read || !found || !check_root(buf_bytes(root), version, err)) {
		err->code = ERROR_USAGE;
		return error_while(err, "tuf-root");
	}
	return true;
}

bool tuf_store_check(const struct agent_settings *settings, struct error *err)
{
	CLEANUP(buf_free) struct buf root = {0};
	struct tuf_store store = {.directory = ""};
	int64_t version = 0;

	return settings->tuf_root == NULL
		|| (find_places(settings, &store, err)
			&& read_pinned(&store, &root, &version, err));
}

/* Has all begun with this very root? */
static bool is_begun(
	const struct tuf_store *store, struct bytes pinned, bool *begun, struct error *err)
{
	CLEANUP(buf_free) struct buf old = {0}, root = {0};
	char path[PATH_MAX], root_path[PATH_MAX];
	bool found = false, has_root = false;

	if (!file_path(path, sizeof(path), store->directory, "pinned.json", err)
		|| !file_path(root_path, sizeof(root_path), store->directory, "root.json", err)
		|| !file_read(path, TUF_ROOT_MAX, &old, &found, err)
		|| !file_read(root_path, TUF_ROOT_MAX, &root, &has_root, err))
		return false;
	*begun = found && has_root && bytes_equal(buf_bytes(&old), pinned);
	return true;
}

bool tuf_store_begin(const struct agent_settings *settings, struct marks_tuf *marks,
	struct tuf_store *out, struct error *err)
{
	CLEANUP(buf_free) struct buf pinned = {0};
	struct tuf_store store = {.directory = ""};
	int64_t version = 0;
	bool begun = false;

	if (settings->tuf_root == NULL)
		return true;
	if (!find_places(settings, &store, err)
		|| !file_make_directory(store.directory, 0700, err)
		|| !read_pinned(&store, &pinned, &version, err)
		|| !is_begun(&store, buf_bytes(&pinned), &begun, err))
		return false;
	/* The root first: were it the other way round, a power cut would lose it. */
	if (!begun
		&& (!keep(&store, "root.json", buf_bytes(&pinned), err)
			|| !keep(&store, "pinned.json", buf_bytes(&pinned), err)))
		return false;
	if (!begun)
		marks->versions[TUF_ROOT] = version;
	*out = store;
	return true;
}

/* ---- sets ---- */

static void name_set(const struct digest *digest, char name[DIGEST_TEXT + 8])
{
	digest_text(digest, name);
	memcpy(name + DIGEST_TEXT - 1, suffix, sizeof(suffix));
}

bool tuf_store_set(const struct tuf_store *store, const struct digest *digest,
	char path[PATH_MAX], struct error *err)
{
	char name[DIGEST_TEXT + 8];

	name_set(digest, name);
	return file_path(path, PATH_MAX, store->directory, name, err);
}

static bool copy(int from, int to, struct error *err)
{
	const struct source source = file_source(&from);
	const struct sink sink = file_sink(&to);
	uint8_t piece[16384];
	size_t got = 0;

	do {
		if (!source.read(source.self, piece, sizeof(piece), &got, err)
			|| !sink.write(sink.self, (struct bytes){piece, got}, err))
			return false;
	} while (got > 0);
	return fsync(to) == 0 || error_errno(err, "cannot sync");
}

/* What a power cut leaves of one is no set: job.json does not name it yet. */
bool tuf_store_keep(const struct tuf_store *store, const struct digest *digest,
	const char *from, struct error *err)
{
	char path[PATH_MAX];

	if (!tuf_store_set(store, digest, path, err))
		return false;

	CLEANUP(file_close) int source = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (source < 0)
		return error_errno(err, "%s: cannot open", from);

	CLEANUP(file_close)
	int sink = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (sink < 0)
		return error_errno(err, "%s: cannot write", path);
	return (copy(source, sink, err) || error_while(err, "%s", path))
		&& file_sync_directory_of(path, err);
}

static bool is_set(const char *name)
{
	return strspn(name, "0123456789abcdef") == DIGEST_TEXT - 1
		&& strcmp(name + DIGEST_TEXT - 1, suffix) == 0;
}

bool tuf_store_sweep(
	const struct tuf_store *store, const struct digest *digest, struct error *err)
{
	DIR *const opened = opendir(store->directory);
	char name[DIGEST_TEXT + 8];
	bool ok = true;

	if (opened == NULL)
		return errno == ENOENT || error_errno(err, "%s: cannot read", store->directory);
	name_set(digest, name);
	for (struct dirent *entry = readdir(opened); entry != NULL; entry = readdir(opened))
		if (is_set(entry->d_name) && strcmp(entry->d_name, name) != 0
			&& unlinkat(dirfd(opened), entry->d_name, 0) != 0 && ok)
			ok = error_errno(
				err, "%s/%s: cannot remove", store->directory, entry->d_name);
	(void)closedir(opened);
	return ok;
}
