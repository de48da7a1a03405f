#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "device-link/agent/spool.h"

enum { STEP_BYTES = 1024 * 1024, PIECE = 65536 };

struct spool {
	int fd;
	uint64_t limit, there;   /* bytes it shall have; bytes found at the beginning */
	uint64_t size, unsynced; /* hashed; not yet fsynced */
	struct digest digest;
	struct crypto_hash *hash;
};

static const char suffix[] = ".part";

/* Somebody else's files, in a directory that was chosen badly, are not ours to remove. */
static bool is_ours(const char *name)
{
	return strspn(name, "0123456789abcdef") == DIGEST_TEXT - 1
		&& strcmp(name + DIGEST_TEXT - 1, suffix) == 0;
}

bool spool_path(const char *directory, const struct digest *digest, char path[PATH_MAX],
	struct error *err)
{
	char hex[DIGEST_TEXT], name[DIGEST_TEXT + 8];

	digest_text(digest, hex);
	(void)snprintf(name, sizeof(name), "%s%s", hex, suffix);
	return file_path(path, PATH_MAX, directory, name, err);
}

/* Remove all spool files but the one named KEEP (NULL: none). */
static bool clear_but(const char *directory, const char *keep, struct error *err)
{
	DIR *const opened = opendir(directory);
	bool ok = true;

	if (opened == NULL)
		return errno == ENOENT || error_errno(err, "%s: cannot read", directory);
	for (struct dirent *entry = readdir(opened); entry != NULL; entry = readdir(opened))
		if (is_ours(entry->d_name) && (keep == NULL || strcmp(entry->d_name, keep) != 0)
			&& unlinkat(dirfd(opened), entry->d_name, 0) != 0 && ok)
			ok = error_errno(err, "%s/%s: cannot remove", directory, entry->d_name);
	(void)closedir(opened);
	return ok;
}

bool spool_clear(const char *directory, struct error *err)
{
	return clear_but(directory, NULL, err);
}

uint64_t spool_held(const char *directory)
{
	enum { BLOCK = 512 /* bytes: the unit of st_blocks */ };
	DIR *const opened = opendir(directory);
	uint64_t sum = 0;
	struct stat there;

	if (opened == NULL)
		return 0;
	for (struct dirent *entry = readdir(opened); entry != NULL; entry = readdir(opened))
		if (is_ours(entry->d_name)
			&& fstatat(dirfd(opened), entry->d_name, &there, AT_SYMLINK_NOFOLLOW)
				== 0)
			sum += (uint64_t)there.st_blocks * BLOCK;
	(void)closedir(opened);
	return sum;
}

/* Whoever can write there could swap the file between verifying and installing. */
static bool is_private(const char *directory, struct error *err)
{
	struct stat there;

	if (stat(directory, &there) != 0)
		return error_errno(err, "%s: cannot look at", directory);
	return (there.st_uid == geteuid() && (there.st_mode & (S_IWGRP | S_IWOTH)) == 0)
		|| error_set(err, ERROR_UNAUTHORISED,
			"%s: others than the agent can write there", directory);
}

static bool open_file(struct spool *spool, const char *path, struct error *err)
{
	struct stat there;

	spool->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (spool->fd < 0)
		return error_errno(err, "%s: cannot open", path);
	if (fstat(spool->fd, &there) != 0)
		return error_errno(err, "%s: cannot read", path);
	spool->there = (uint64_t)there.st_size;
	if (spool->there > spool->limit) {
		spool->there = 0;
		if (ftruncate(spool->fd, 0) != 0)
			return error_errno(err, "%s: cannot truncate", path);
	}
	return file_sync_directory_of(path, err);
}

bool spool_open(const char *directory, const struct digest *digest, uint64_t size,
	struct spool **out, struct error *err)
{
	CLEANUP(spool_cleanup) struct spool *spool = calloc(1, sizeof(*spool));
	char path[PATH_MAX];

	if (spool == NULL)
		return error_errno(err, "cannot allocate a spool");
	spool->fd = -1;
	spool->limit = size;
	spool->digest = *digest;
	if (!file_make_directory(directory, 0700, err) || !is_private(directory, err)
		|| !spool_path(directory, digest, path, err)
		|| !clear_but(directory, strrchr(path, '/') + 1, err)
		|| !open_file(spool, path, err) || !crypto_hash_new(&spool->hash, err))
		return false;
	*out = spool;
	spool = NULL;
	return true;
}

void spool_free(struct spool *spool)
{
	if (spool == NULL)
		return;
	file_close(&spool->fd);
	crypto_hash_free(spool->hash);
	free(spool);
}

void spool_cleanup(struct spool **spool)
{
	spool_free(*spool);
}

bool spool_step(struct spool *spool, bool *done, struct error *err)
{
	static const size_t most = PIECE;
	uint8_t at[PIECE];

	for (size_t sum = 0; sum < STEP_BYTES && spool->size < spool->there; sum += most) {
		const uint64_t left = spool->there - spool->size;
		const ssize_t got = read(spool->fd, at, left < most ? (size_t)left : most);

		if (got <= 0)
			return got == 0 ? error_set(err, ERROR_DAMAGED, "the spool file shrank")
					: error_errno(err, "cannot read the spool file");
		if (!crypto_hash_add(spool->hash, (struct bytes){at, (size_t)got}, err))
			return false;
		spool->size += (size_t)got;
	}
	*done = spool->size >= spool->there;
	return true;
}

uint64_t spool_size(const struct spool *spool)
{
	return spool->size;
}

bool spool_whole(const struct spool *spool)
{
	return spool->size == spool->limit;
}

bool spool_add(struct spool *spool, struct bytes bytes, struct error *err)
{
	const struct sink sink = file_sink(&spool->fd);

	if (bytes.len > spool->limit - spool->size)
		return error_set(err, ERROR_MALFORMED, "more bytes than the artifact has");
	if (!sink.write(sink.self, bytes, err) || !crypto_hash_add(spool->hash, bytes, err))
		return error_while(err, "spool file");
	spool->size += bytes.len;
	spool->unsynced += bytes.len;
	if (spool->unsynced < SPOOL_SYNC && !spool_whole(spool))
		return true;
	spool->unsynced = 0;
	return fdatasync(spool->fd) == 0 || error_errno(err, "spool file: cannot sync");
}

bool spool_matches(const struct spool *spool, bool *matches, struct error *err)
{
	struct digest digest;

	if (!crypto_hash_peek(spool->hash, &digest, err))
		return false;
	*matches = digest_equal(&digest, &spool->digest);
	return true;
}
