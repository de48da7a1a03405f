/* The content of targets in the tree: under its digest, so that nothing is overwritten. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "courier/admin/trust.h"

enum { COPY_CHUNK = 65536 };

static const char *base_of(const char *path)
{
	const char *const slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

/* TREE/targets and the directory part of PATH. */
static bool directory_of(const struct trust *trust, const char *path, char out[static PATH_MAX],
	struct error *err)
{
	const int len = snprintf(out, PATH_MAX, "%s/targets/%.*s", trust->tree,
		(int)(base_of(path) - path), path);

	return (len > 0 && len < PATH_MAX)
		|| error_set(err, ERROR_FAILED, "%s: path too long", path);
}

bool trust_file_path(const struct trust *trust, const char *path, const struct digest *digest,
	char out[static PATH_MAX], struct error *err)
{
	char directory[PATH_MAX], text[DIGEST_TEXT], name[NAME_MAX + 1];

	digest_text(digest, text);
	if ((size_t)snprintf(name, sizeof(name), "%s.%s", text, base_of(path)) >= sizeof(name))
		return error_set(err, ERROR_USAGE, "%s: the name is too long", path);
	if (!directory_of(trust, path, directory, err))
		return false;
	directory[strlen(directory) - 1] = 0;
	return file_path(out, PATH_MAX, directory, name, err);
}

static bool make_room(const struct trust *trust, const char *path, char out[static PATH_MAX],
	struct error *err)
{
	if (!directory_of(trust, path, out, err))
		return false;
	out[strlen(out) - 1] = 0;
	return file_make_directory(out, 0755, err);
}

bool trust_file_put(
	struct trust *trust, const char *path, struct bytes content, struct error *err)
{
	char directory[PATH_MAX], to[PATH_MAX];
	struct digest digest = {{0}};

	return make_room(trust, path, directory, err) && crypto_sha256(content, &digest, err)
		&& trust_file_path(trust, path, &digest, to, err)
		&& file_replace(to, content, 0644, err);
}

/* ---- large ones ---- */

static bool pour(struct source from, struct sink to, struct digest *digest, int64_t *length,
	struct error *err)
{
	CLEANUP(crypto_hash_cleanup) struct crypto_hash *hash = NULL;
	uint8_t chunk[COPY_CHUNK];
	int64_t total = 0;

	if (!crypto_hash_new(&hash, err))
		return false;
	for (size_t got = 1; got > 0; total += (int64_t)got)
		if (!from.read(from.self, chunk, sizeof(chunk), &got, err)
			|| !crypto_hash_add(hash, (struct bytes){chunk, got}, err)
			|| !to.write(to.self, (struct bytes){chunk, got}, err))
			return false;
	if (!crypto_hash_peek(hash, digest, err))
		return false;
	*length = total;
	return true;
}

static bool copy(const char *from, const char *to, struct digest *digest, int64_t *length,
	struct error *err)
{
	CLEANUP(file_close) int in = open(from, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	CLEANUP(file_close) int out = -1;
	struct stat is;

	if (in < 0 || fstat(in, &is) != 0)
		return error_errno(err, "%s: cannot open", from);
	if (!S_ISREG(is.st_mode))
		return error_set(err, ERROR_USAGE, "%s: not a file", from);
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (out < 0 || fchmod(out, 0644) != 0)
		return error_errno(err, "%s: cannot create", to);
	if (!pour(file_source(&in), file_sink(&out), digest, length, err))
		return error_while(err, "%s", from);
	return fsync(out) == 0 || error_errno(err, "%s: cannot sync", to);
}

bool trust_file_copy(struct trust *trust, const char *from, const char *path,
	struct digest *digest, int64_t *length, struct error *err)
{
	char directory[PATH_MAX], part[PATH_MAX], to[PATH_MAX];

	if (!make_room(trust, path, directory, err)
		|| !file_path(part, sizeof(part), directory, "incoming.new", err))
		return false;
	return (copy(from, part, digest, length, err)
		       && trust_file_path(trust, path, digest, to, err)
		       && file_rename(part, to, err))
		|| (unlink(part), false);
}

/* ---- old ones ---- */

/* HEX.BASE, and not of those two digests. */
static bool is_old(const char *name, const char *base, const struct digest *keep,
	const struct digest *also)
{
	struct error err = {0};
	struct digest digest;
	char text[DIGEST_TEXT];

	if (strlen(name) <= DIGEST_TEXT - 1 || name[DIGEST_TEXT - 1] != '.'
		|| strcmp(name + DIGEST_TEXT, base) != 0)
		return false;
	memcpy(text, name, DIGEST_TEXT - 1);
	text[DIGEST_TEXT - 1] = 0;
	return digest_parse(text, &digest, &err)
		&& (keep == NULL || !digest_equal(&digest, keep))
		&& (also == NULL || !digest_equal(&digest, also));
}

bool trust_file_prune(struct trust *trust, const char *path, const struct digest *keep,
	const struct digest *also, struct error *err)
{
	char directory[PATH_MAX], each[PATH_MAX];
	bool ok = true;

	if (!directory_of(trust, path, directory, err))
		return false;

	DIR *const open = opendir(directory);

	if (open == NULL)
		return errno == ENOENT
			|| error_errno(err, "%s: cannot read the directory", directory);
	for (const struct dirent *at = readdir(open); ok && at != NULL; at = readdir(open))
		if (is_old(at->d_name, base_of(path), keep, also))
			ok = (size_t)snprintf(each, sizeof(each), "%s%s", directory, at->d_name)
					< sizeof(each)
				&& file_remove(each, err);
	(void)closedir(open);
	return ok;
}
