#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "courier/store_blob.h"

enum { ASSOCIATED_SIZE = 8 + 8 + 1 };

static void associate(uint64_t number, bool last, uint8_t at[static ASSOCIATED_SIZE])
{
	memcpy(at, "blob\0\0\0", 8);
	for (size_t i = 16; i-- > 8; number >>= 8)
		at[i] = (uint8_t)number;
	at[16] = last;
}

bool chunk_seal(const struct secret *secret, uint64_t number, bool last, struct bytes plain,
	struct buf *out, struct error *err)
{
	uint8_t with[ASSOCIATED_SIZE];

	associate(number, last, with);
	return crypto_seal(secret, (struct bytes){with, sizeof(with)}, plain, out, err);
}

/* Up to LEN bytes at OFFSET. */
static bool read_at(
	int fd, uint64_t offset, uint8_t *at, size_t len, size_t *got, struct error *err)
{
	size_t have = 0;

	while (have < len) {
		const ssize_t done = pread(fd, at + have, len - have, (off_t)(offset + have));

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return error_errno(err, "cannot read a blob");
		if (done == 0)
			break;
		have += (size_t)done;
	}
	*got = have;
	return true;
}

bool chunk_read(int fd, const struct secret *secret, uint64_t number, bool last, size_t len,
	struct buf *out, struct error *err)
{
	uint8_t with[ASSOCIATED_SIZE], sealed[BLOB_SEALED];
	size_t got = 0;

	associate(number, last, with);
	if (!read_at(fd, number * BLOB_SEALED, sealed, len, &got, err))
		return false;
	if (got != len)
		return error_set(
			err, ERROR_DAMAGED, "the store is damaged: a blob is cut short");
	if (crypto_unseal(secret, (struct bytes){with, sizeof(with)},
		    (struct bytes){sealed, len}, out, err))
		return true;
	return err->code == ERROR_DAMAGED ? error_set(err, ERROR_DAMAGED,
		       "the store is damaged: chunk %llu of a blob was changed on disk",
		       (unsigned long long)number)
					  : false;
}

uint64_t blob_disk_size(uint64_t size)
{
	return size + (size / BLOB_CHUNK + 1) * CRYPTO_SEAL_OVERHEAD;
}

bool blob_file_there(const struct store *store, const char *file, uint64_t size)
{
	struct stat there;

	return fstatat(store->blobs, file, &there, AT_SYMLINK_NOFOLLOW) == 0
		&& S_ISREG(there.st_mode) && (uint64_t)there.st_size == blob_disk_size(size);
}
