/* store_blob.c - blobs on their way in, and out. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "courier/store_blob.h"

struct store_blob {
	struct store *store;
	struct writer writer;
	bool claimed;
	char *name;
	char file[BLOB_FILE], part[BLOB_FILE];
	int fd;
	struct blob_row row;
	uint64_t chunks;   /* on disk, each full */
	uint64_t unsynced; /* bytes written since the last fsync */
	struct buf sealed; /* the chunk being written */
	size_t len;        /* of PLAIN */
	uint8_t plain[BLOB_CHUNK];
};

/* ---- one writer for each name ---- */

static struct writer **find_writer(struct store *store, const struct digest *key)
{
	struct writer **at = &store->writers;

	while (*at != NULL && !digest_equal(&(*at)->key, key))
		at = &(*at)->next;
	return at;
}

bool blob_claim(struct store *store, struct writer *writer, struct error *err)
{
	(void)pthread_mutex_lock(&store->writers_mutex);

	struct writer **const at = find_writer(store, &writer->key);
	const bool free_now = *at == NULL;

	if (free_now)
		*at = writer;
	(void)pthread_mutex_unlock(&store->writers_mutex);
	return free_now || error_set(err, ERROR_BUSY, "is being written");
}

void blob_release(struct store *store, struct writer *writer)
{
	(void)pthread_mutex_lock(&store->writers_mutex);
	*find_writer(store, &writer->key) = writer->next;
	(void)pthread_cond_broadcast(&store->writers_changed);
	(void)pthread_mutex_unlock(&store->writers_mutex);
}

void store_blob_name(
	const char *server, const char *artifact_id, char name[static STORE_BLOB_NAME_MAX])
{
	(void)snprintf(name, STORE_BLOB_NAME_MAX, "%s/%s", server, artifact_id);
}

void store_blob_wait(struct store *store, const char *name)
{
	struct error ignored = {0};
	struct digest key;

	if (!cell_name(store->keys, TABLE_BLOB, name, NULL, &key, &ignored))
		return;
	(void)pthread_mutex_lock(&store->writers_mutex);
	while (*find_writer(store, &key) != NULL)
		(void)pthread_cond_wait(&store->writers_changed, &store->writers_mutex);
	(void)pthread_mutex_unlock(&store->writers_mutex);
}

/* ---- writing ---- */

static bool write_at(int fd, uint64_t offset, struct bytes bytes, struct error *err)
{
	while (bytes.len > 0) {
		const ssize_t done = pwrite(fd, bytes.at, bytes.len, (off_t)offset);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return error_errno(err, "cannot write a blob");
		bytes.at += done;
		bytes.len -= (size_t)done;
		offset += (uint64_t)done;
	}
	return true;
}

static bool sync_file(struct store_blob *blob, struct error *err)
{
	if (fsync(blob->fd) != 0)
		return error_errno(err, "cannot sync a blob");
	blob->unsynced = 0;
	return true;
}

static bool write_chunk(struct store_blob *blob, bool last, struct error *err)
{
	const struct bytes plain = {blob->plain, blob->len};

	blob->sealed.len = 0;
	if (!chunk_seal(&blob->row.secret, blob->chunks, last, plain, &blob->sealed, err)
		|| !write_at(
			blob->fd, blob->chunks * BLOB_SEALED, buf_bytes(&blob->sealed), err))
		return false;
	blob->unsynced += blob->len;
	return true;
}

/* A full chunk goes to disk at once.  After a failure it is still in PLAIN. */
static bool flush(struct store_blob *blob, struct error *err)
{
	if (blob->len < BLOB_CHUNK)
		return true;
	if (!write_chunk(blob, false, err)
		|| (blob->unsynced >= BLOB_SYNC && !sync_file(blob, err)))
		return false;
	blob->chunks++;
	blob->len = 0;
	return true;
}

static bool sink_write(void *self, struct bytes bytes, struct error *err)
{
	struct store_blob *const blob = self;

	while (bytes.len > 0) {
		const size_t room = BLOB_CHUNK - blob->len;
		const size_t some = bytes.len < room ? bytes.len : room;

		memcpy(blob->plain + blob->len, bytes.at, some);
		blob->len += some;
		bytes.at += some;
		bytes.len -= some;
		if (!flush(blob, err))
			return error_while(err, "%s", blob->name);
	}
	return true;
}

/* ---- beginning, and beginning again ---- */

/* How many full chunks of FD authenticate. */
static bool count_chunks(struct store_blob *blob, uint64_t *out, struct error *err)
{
	CLEANUP(wiped_free) struct buf plain = {0};
	uint64_t number = 0;

	for (;; number++) {
		plain.len = 0;
		if (chunk_read(blob->fd, &blob->row.secret, number, false, BLOB_SEALED, &plain,
			    err))
			continue;
		if (err->code != ERROR_DAMAGED)
			return false;
		*out = number;
		return true;
	}
}

/*
 * Drop the torn tail, and take the last full chunk but its last byte back into
 * memory: that byte is asked for again, so that a blob of which all is there but the
 * end was not written down never begins at its end, which no server can answer.
 */
static bool resume(struct store_blob *blob, struct error *err)
{
	CLEANUP(wiped_free) struct buf plain = {0};
	uint64_t chunks = 0;

	if (!count_chunks(blob, &chunks, err))
		return false;
	if (ftruncate(blob->fd, (off_t)(chunks * BLOB_SEALED)) != 0)
		return error_errno(err, "cannot drop the torn end of a blob");
	if (chunks == 0)
		return true;
	if (!chunk_read(
		    blob->fd, &blob->row.secret, chunks - 1, false, BLOB_SEALED, &plain, err))
		return false;
	memcpy(blob->plain, plain.at, BLOB_CHUNK - 1);
	blob->len = BLOB_CHUNK - 1;
	blob->chunks = chunks - 1;
	return true;
}

/* A file that has its final name, while its row does not say that it is whole, was
 * overtaken by the end of the process: it is a part again. */
static bool open_part(struct store_blob *blob, struct error *err)
{
	const struct store *const store = blob->store;

	if (renameat(store->blobs, blob->file, store->blobs, blob->part) != 0
		&& errno != ENOENT)
		return error_errno(err, "cannot rename a blob");
	blob->fd = openat(
		store->blobs, blob->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (blob->fd < 0 || fsync(store->blobs) != 0)
		return error_errno(err, "cannot make a blob");
	return true;
}

/* The row of a new blob, or the one that is there. */
static bool need_row(struct store_blob *blob, struct error *err)
{
	struct store *const store = blob->store;
	bool found = false;
	char event[96];

	if (!blob_row_read(store, blob->name, &blob->row, &found, err))
		return false;
	if (found && !blob->row.whole)
		return true;
	if (found && blob_file_there(store, blob->file, blob->row.size))
		return error_set(err, ERROR_NOTHING, "is whole already");
	blob->row = (struct blob_row){.key = blob->writer.key};
	(void)snprintf(event, sizeof(event), "blob begun: %.64s", blob->name);
	return crypto_random(blob->row.secret.at, sizeof(blob->row.secret.at), err)
		&& blob_row_write(store, blob->name, &blob->row, event, err);
}

static bool begin(
	struct store *store, const char *name, struct store_blob *blob, struct error *err)
{
	blob->store = store;
	blob->fd = -1;
	blob->name = strdup(name);
	if (blob->name == NULL)
		return error_errno(err, "cannot allocate memory");
	if (!cell_name(store->keys, TABLE_BLOB, name, NULL, &blob->writer.key, err)
		|| !blob_claim(store, &blob->writer, err))
		return false;
	blob->claimed = true;
	blob_file(&blob->writer.key, blob->file, blob->part);
	return need_row(blob, err) && open_part(blob, err) && resume(blob, err);
}

bool store_blob_begin(struct store *store, const char *name, struct store_blob **out,
	struct sink *sink, uint64_t *offset, struct error *err)
{
	CLEANUP(store_blob_cleanup) struct store_blob *blob = calloc(1, sizeof(*blob));

	if (blob == NULL)
		return error_errno(err, "cannot allocate memory");
	if (!begin(store, name, blob, err))
		return error_while(err, "%s", name);
	*offset = blob->chunks * BLOB_CHUNK + blob->len;
	*sink = (struct sink){sink_write, blob};
	*out = blob;
	blob = NULL;
	return true;
}

void store_blob_close(struct store_blob *blob)
{
	if (blob == NULL)
		return;
	if (blob->fd >= 0)
		(void)fsync(blob->fd);
	file_close(&blob->fd);
	if (blob->claimed)
		blob_release(blob->store, &blob->writer);
	buf_free(&blob->sealed);
	free(blob->name);
	secret_wipe_bytes(blob, sizeof(*blob));
	free(blob);
}

void store_blob_cleanup(struct store_blob **blob)
{
	store_blob_close(*blob);
	*blob = NULL;
}

static bool finish(struct store_blob *blob, struct error *err)
{
	const struct store *const store = blob->store;
	char event[96];

	if (!flush(blob, err) || !write_chunk(blob, true, err) || !sync_file(blob, err))
		return false;
	if (renameat(store->blobs, blob->part, store->blobs, blob->file) != 0
		|| fsync(store->blobs) != 0)
		return error_errno(err, "cannot rename a blob");
	blob->row.whole = true;
	blob->row.size = blob->chunks * BLOB_CHUNK + blob->len;
	(void)snprintf(event, sizeof(event), "blob whole: %.64s", blob->name);
	return blob_row_write(blob->store, blob->name, &blob->row, event, err);
}

bool store_blob_finish(struct store_blob *blob, struct error *err)
{
	return finish(blob, err) || error_while(err, "%s", blob->name);
}
