#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/dsse.h"
#include "common/file.h"
#include "device-link/agent/ring.h"

enum { NUMBER_WIDTH = 16 };

static const char suffix[] = ".receipt";

static bool path_of(const struct ring *ring, uint64_t sequence, const char *kind,
	char path[PATH_MAX], struct error *err)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "%0*llu%s", NUMBER_WIDTH,
		(unsigned long long)sequence, kind);
	return file_path(path, PATH_MAX, ring->directory, name, err);
}

static bool number_of(const char *name, uint64_t *sequence)
{
	if (strspn(name, "0123456789") != NUMBER_WIDTH
		|| strcmp(name + NUMBER_WIDTH, suffix) != 0)
		return false;
	*sequence = strtoull(name, NULL, 10);
	return *sequence > 0;
}

static int is_receipt(const struct dirent *entry)
{
	uint64_t sequence = 0;

	return number_of(entry->d_name, &sequence);
}

/* ---- reading ---- */

static void remember(struct ring *ring, const struct receipt *receipt)
{
	struct ring_entry *const entry = &ring->at[ring->count++];

	*entry = (struct ring_entry){.sequence = receipt->sequence, .readable = true};
	memcpy(entry->deployment, receipt->deployment, sizeof(entry->deployment));
	entry->digest = receipt->digest;
	entry->outcome = receipt->outcome;
	memcpy(entry->courier, receipt->courier, sizeof(entry->courier));
}

/* One that a former key of this device signed is good, though not for us. */
static bool is_damaged(struct bytes envelope, const struct crypto_public *key)
{
	struct digest own, signer;
	struct error none = {0};

	return !dsse_keyid(envelope, &signer, &none)
		|| !crypto_public_fingerprint(key, &own, &none) || digest_equal(&own, &signer);
}

static bool load_one(
	struct ring *ring, const char *name, const struct crypto_public *key, struct error *err)
{
	CLEANUP(buf_free) struct buf envelope = {0};
	struct receipt receipt = {0};
	struct error damage = {0};
	char path[PATH_MAX];
	uint64_t sequence = 0;

	if (!number_of(name, &sequence)
		|| !file_path(path, sizeof(path), ring->directory, name, err)
		|| !file_read(path, MESSAGE_STATEMENT_MAX, &envelope, NULL, err)
		|| !crypto_sha256(buf_bytes(&envelope), &ring->previous, err))
		return false;
	if (receipt_open(buf_bytes(&envelope), key, &receipt, &damage)
		&& receipt.sequence == sequence)
		remember(ring, &receipt);
	else
		ring->at[ring->count++] = (struct ring_entry){
			.sequence = sequence, .damaged = is_damaged(buf_bytes(&envelope), key)};
	return true;
}

bool ring_load(struct ring *ring, const char *directory, const struct crypto_public *key,
	struct error *err)
{
	struct dirent **names = NULL;
	bool ok = true;

	*ring = (struct ring){0};
	if ((size_t)snprintf(ring->directory, PATH_MAX, "%s", directory) >= PATH_MAX)
		return error_set(err, ERROR_FAILED, "%s: path too long", directory);
	if (!file_make_directory(directory, 0700, err))
		return false;

	const int count = scandir(directory, &names, is_receipt, alphasort);

	if (count < 0)
		return error_errno(err, "%s: cannot read", directory);
	for (int i = 0; i < count; i++) {
		/* One more than the ring holds is what a power cut may leave. */
		if (ok && i >= count - MESSAGE_RING)
			ok = load_one(ring, names[i]->d_name, key, err);
		free(names[i]);
	}
	free(names);
	return ok;
}

uint64_t ring_oldest(const struct ring *ring)
{
	return ring->count == 0 ? 0 : ring->at[0].sequence;
}

uint64_t ring_newest(const struct ring *ring)
{
	return ring->count == 0 ? 0 : ring->at[ring->count - 1].sequence;
}

static bool is_of(const struct ring_entry *entry, const char *deployment)
{
	return entry->readable && strcmp(entry->deployment, deployment) == 0;
}

const struct ring_entry *ring_find(
	const struct ring *ring, const char *deployment, const struct digest *artifact)
{
	for (size_t i = ring->count; i > 0; i--)
		if (is_of(&ring->at[i - 1], deployment)
			&& digest_equal(&ring->at[i - 1].digest, artifact))
			return &ring->at[i - 1];
	return NULL;
}

bool ring_was_tried(const struct ring *ring, const char *deployment)
{
	for (size_t i = 0; i < ring->count; i++)
		if (is_of(&ring->at[i], deployment) && ring->at[i].outcome != OUTCOME_REFUSED)
			return true;
	return false;
}

bool ring_may_refuse(const struct ring *ring, const char *courier)
{
	size_t all = 0, of_one = 0;

	for (size_t i = 0; i < ring->count; i++) {
		const struct ring_entry *const entry = &ring->at[i];

		if (!entry->readable || entry->outcome != OUTCOME_REFUSED)
			continue;
		all++;
		of_one += strcmp(entry->courier, courier) == 0;
	}
	return all < RING_REFUSED_MAX && of_one < RING_REFUSED_OF_ONE_MAX;
}

bool ring_read(const struct ring *ring, uint64_t sequence, struct buf *envelope,
	struct buf *log, struct buf *inventory, bool *found, struct error *err)
{
	char path[PATH_MAX];
	bool other = false;

	for (size_t i = 0; i < ring->count; i++) {
		if (ring->at[i].sequence != sequence || !ring->at[i].damaged)
			continue;
		*found = false;
		return true;
	}
	return path_of(ring, sequence, suffix, path, err)
		&& file_read(path, MESSAGE_STATEMENT_MAX, envelope, found, err)
		&& path_of(ring, sequence, ".log", path, err)
		&& file_read(path, MESSAGE_LOG_MAX, log, &other, err)
		&& path_of(ring, sequence, ".inventory", path, err)
		&& file_read(path, MESSAGE_STATEMENT_MAX, inventory, &other, err);
}

/* ---- writing ---- */

static bool drop_oldest(struct ring *ring, struct error *err)
{
	static const char *const kinds[] = {".receipt", ".log", ".inventory"};
	char path[PATH_MAX];

	for (size_t i = 0; i < COUNT(kinds); i++)
		if (!path_of(ring, ring->at[0].sequence, kinds[i], path, err)
			|| !file_remove(path, err))
			return false;
	ring->count--;
	memmove(ring->at, ring->at + 1, ring->count * sizeof(ring->at[0]));
	return true;
}

static bool write_one(const struct ring *ring, uint64_t sequence, const char *kind,
	struct bytes content, struct error *err)
{
	char path[PATH_MAX];

	return path_of(ring, sequence, kind, path, err)
		&& file_replace(path, content, 0600, err);
}

bool ring_append(struct ring *ring, struct receipt *receipt, const struct crypto_key *key,
	struct bytes log, struct bytes inventory, struct error *err)
{
	CLEANUP(buf_free) struct buf envelope = {0};
	const uint64_t sequence = receipt->sequence;

	if (sequence != ring_newest(ring) + 1)
		return error_set(err, ERROR_DAMAGED, "receipt %llu does not follow %llu",
			(unsigned long long)sequence, (unsigned long long)ring_newest(ring));
	if (ring->count == MESSAGE_RING && !drop_oldest(ring, err))
		return false;
	receipt->previous = ring->previous;
	if (!crypto_sha256(log, &receipt->log, err)
		|| !crypto_sha256(inventory, &receipt->inventory, err)
		|| !receipt_sign(receipt, key, &envelope, err)
		|| !write_one(ring, sequence, ".log", log, err)
		|| !write_one(ring, sequence, ".inventory", inventory, err)
		|| !write_one(ring, sequence, suffix, buf_bytes(&envelope), err)
		|| !crypto_sha256(buf_bytes(&envelope), &ring->previous, err))
		return false;
	remember(ring, receipt);
	return true;
}
