/*
 * store_blob.h - blob files: what writing and reading them have in common.
 *
 * HOME/blobs/KEY, the key of its row in hex; KEY.part while it is written.  A file is a
 * row of chunks, each AES-256-GCM under the blob's own random key (which is sealed in
 * its row), each of BLOB_CHUNK bytes of plaintext but the last, which has fewer, and
 * is always there.  Associated data: "blob" and four zero bytes, the number of the
 * chunk (8 bytes, big-endian), 1 for the last chunk and 0 for others (1 byte).  So no
 * chunk can be changed, moved, left out, or cut off the end.
 */
#ifndef COURIER_STORE_BLOB_H
#define COURIER_STORE_BLOB_H

#include <sys/types.h>

#include "courier/store_private.h"

enum {
	BLOB_CHUNK = 64 * 1024,                          /* bytes of plaintext */
	BLOB_SEALED = BLOB_CHUNK + CRYPTO_SEAL_OVERHEAD, /* bytes of a full chunk on disk */
	BLOB_SYNC = 4 * 1024 * 1024,                     /* bytes between two fsyncs */
	BLOB_FILE = DIGEST_TEXT + sizeof(".part"),       /* characters of a file's name */
};

/* A row. */
struct blob_row {
	struct digest key;
	bool whole;
	uint64_t size;        /* once whole */
	struct secret secret; /* that seals its chunks */
};

void blob_row_wipe(struct blob_row *);

/* The mutex is taken here. */
NODISCARD bool blob_row_read(
	struct store *, const char *name, struct blob_row *, bool *found, struct error *);

/* Write the row, and EVENT in the audit log. */
NODISCARD bool blob_row_write(struct store *, const char *name, const struct blob_row *,
	const char *event, struct error *);

/* Be the only one who writes or drops the blob of this key, until the release.
 * ERROR_BUSY: somebody else is.  The writer is the caller's memory. */
NODISCARD bool blob_claim(struct store *, struct writer *, struct error *);
void blob_release(struct store *, struct writer *);

/* The name of the file of this key, and of the one being written. */
void blob_file(
	const struct digest *key, char file[static BLOB_FILE], char part[static BLOB_FILE]);

/* Bytes on disk of a whole blob. */
uint64_t blob_disk_size(uint64_t size);
/* Is the file of a whole blob there, and as long as it must be? */
bool blob_file_there(const struct store *, const char *file, uint64_t size);

NODISCARD bool chunk_seal(const struct secret *, uint64_t number, bool last, struct bytes plain,
	struct buf *out, struct error *);
/* Read chunk NUMBER, LEN bytes on disk, from FD, and append its plaintext to OUT.
 * ERROR_DAMAGED when it is not as it was sealed, or not all there. */
NODISCARD bool chunk_read(int fd, const struct secret *, uint64_t number, bool last, size_t len,
	struct buf *out, struct error *);

#endif
