/* store_reader.c - whole blobs, read where one likes. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "courier/store_blob.h"

struct store_reader {
	int fd;
	struct blob_row row;
	struct buf chunk; /* the last one read */
	uint64_t number;  /* its number; UINT64_MAX: none */
	uint64_t next;    /* where the source stands */
};

void store_reader_close(struct store_reader *reader)
{
	if (reader == NULL)
		return;
	file_close(&reader->fd);
	blob_row_wipe(&reader->row);
	wiped_free(&reader->chunk);
	free(reader);
}

void store_reader_cleanup(struct store_reader **reader)
{
	store_reader_close(*reader);
	*reader = NULL;
}

static bool open_file(
	struct store *store, const char *name, struct store_reader *reader, struct error *err)
{
	char file[BLOB_FILE], part[BLOB_FILE];
	bool found = false;

	if (!blob_row_read(store, name, &reader->row, &found, err))
		return false;
	if (!found || !reader->row.whole)
		return error_set(err, ERROR_NOTHING, "is not in the store, or not whole");
	blob_file(&reader->row.key, file, part);
	reader->fd = openat(store->blobs, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (reader->fd < 0 || !blob_file_there(store, file, reader->row.size))
		return error_set(err, ERROR_DAMAGED,
			"the store is damaged: the file of a blob is missing or cut short");
	return true;
}

bool store_reader_open(
	struct store *store, const char *name, struct store_reader **out, struct error *err)
{
	CLEANUP(store_reader_cleanup) struct store_reader *reader = calloc(1, sizeof(*reader));

	if (reader == NULL)
		return error_errno(err, "cannot allocate memory");
	reader->fd = -1;
	reader->number = UINT64_MAX;
	if (!open_file(store, name, reader, err))
		return error_while(err, "%s", name);
	*out = reader;
	reader = NULL;
	return true;
}

uint64_t store_reader_size(const struct store_reader *reader)
{
	return reader->row.size;
}

static bool need_chunk(struct store_reader *reader, uint64_t number, struct error *err)
{
	const uint64_t start = number * BLOB_CHUNK;
	const bool last = reader->row.size - start < BLOB_CHUNK;
	const size_t len = last ? (size_t)(reader->row.size - start) : BLOB_CHUNK;

	if (reader->number == number)
		return true;
	reader->number = UINT64_MAX;
	reader->chunk.len = 0;
	if (!chunk_read(reader->fd, &reader->row.secret, number, last,
		    len + CRYPTO_SEAL_OVERHEAD, &reader->chunk, err))
		return false;
	reader->number = number;
	return true;
}

bool store_reader_at(struct store_reader *reader, uint64_t offset, uint8_t *at, size_t len,
	struct error *err)
{
	if (offset > reader->row.size || len > reader->row.size - offset)
		return error_set(err, ERROR_USAGE, "beyond the end of the blob");
	while (len > 0) {
		const size_t from = (size_t)(offset % BLOB_CHUNK);
		const size_t some = len < BLOB_CHUNK - from ? len : BLOB_CHUNK - from;

		if (!need_chunk(reader, offset / BLOB_CHUNK, err))
			return false;
		memcpy(at, reader->chunk.at + from, some);
		at += some;
		offset += some;
		len -= some;
	}
	return true;
}

/* At the end the last chunk is judged even when it is empty. */
static bool source_read(void *self, uint8_t *at, size_t room, size_t *got, struct error *err)
{
	struct store_reader *const reader = self;
	const uint64_t left = reader->row.size - reader->next;
	const size_t len = left < room ? (size_t)left : room;

	if (left == 0) {
		if (!need_chunk(reader, reader->row.size / BLOB_CHUNK, err))
			return false;
	} else if (!store_reader_at(reader, reader->next, at, len, err)) {
		return false;
	}
	reader->next += len;
	*got = len;
	return true;
}

struct source store_reader_source(struct store_reader *reader)
{
	return (struct source){source_read, reader};
}
