#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "courier/store_keys.h"

static const char *const tables[TABLE_COUNT] = {
	[TABLE_SECRET] = "secret",
	[TABLE_TOKEN] = "token",
	[TABLE_URL] = "url",
	[TABLE_BLOB] = "blob",
	[TABLE_METADATA] = "metadata",
	[TABLE_PAPER] = "paper",
	[TABLE_DEVICE] = "device",
	[TABLE_PARCEL] = "parcel",
	[TABLE_RECEIPT] = "receipt",
	[TABLE_AUDIT] = "audit",
	[TABLE_HEAD] = "head",
};

static bool is_acting(enum store_table table)
{
	return table < TABLE_PAPER;
}

/* ---- memory ---- */

bool keys_new(struct keys **out, struct error *err)
{
	struct keys *const keys = mmap(NULL, sizeof(*keys), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (keys == MAP_FAILED)
		return error_errno(err, "cannot allocate memory for keys");
	/* Not permitted everywhere (RLIMIT_MEMLOCK): then swap is the owner's affair. */
	(void)mlock(keys, sizeof(*keys));
	(void)madvise(keys, sizeof(*keys), MADV_DONTDUMP);
	*out = keys;
	return true;
}

void keys_free(struct keys *keys)
{
	if (keys == NULL)
		return;
	secret_wipe_bytes(keys, sizeof(*keys));
	(void)munmap(keys, sizeof(*keys));
}

void keys_cleanup(struct keys **keys)
{
	keys_free(*keys);
	*keys = NULL;
}

void keys_wrapped_free(struct keys_wrapped *wrapped)
{
	buf_free(&wrapped->acting);
	buf_free(&wrapped->reports);
}

void wiped_free(struct buf *buf)
{
	if (buf->at != NULL)
		secret_wipe_bytes(buf->at, buf->room);
	buf_free(buf);
}

/* ---- from the passphrase to the keys of the tables ---- */

bool keys_checksum(const struct keys_wrapped *wrapped, struct digest *out, struct error *err)
{
	const uint8_t cost[] = {wrapped->cost.log_n, wrapped->cost.r, wrapped->cost.p};
	CLEANUP(crypto_hash_cleanup) struct crypto_hash *hash = NULL;

	return crypto_hash_new(&hash, err)
		&& crypto_hash_add(
			hash, (struct bytes){wrapped->store, sizeof(wrapped->store)}, err)
		&& crypto_hash_add(
			hash, (struct bytes){wrapped->salt, sizeof(wrapped->salt)}, err)
		&& crypto_hash_add(hash, (struct bytes){cost, sizeof(cost)}, err)
		&& crypto_hash_add(hash, buf_bytes(&wrapped->acting), err)
		&& crypto_hash_add(hash, buf_bytes(&wrapped->reports), err)
		&& crypto_hash_peek(hash, out, err);
}

bool keys_derive(struct keys *keys, struct error *err)
{
	char label[64];

	for (enum store_table i = 0; i < TABLE_COUNT; i++) {
		const struct secret *const root = is_acting(i) ? &keys->acting : &keys->reports;

		if (is_acting(i) && !keys->has_acting)
			continue;
		(void)snprintf(label, sizeof(label), "courier store seal %s", tables[i]);
		if (!crypto_derive(root, label, &keys->seal[i], err))
			return false;
		(void)snprintf(label, sizeof(label), "courier store name %s", tables[i]);
		if (!crypto_derive(root, label, &keys->name[i], err))
			return false;
	}
	return true;
}

void keys_wipe_acting(struct keys *keys)
{
	secret_wipe(&keys->acting);
	keys->has_acting = false;
	for (enum store_table i = 0; i < TABLE_PAPER; i++) {
		secret_wipe(&keys->seal[i]);
		secret_wipe(&keys->name[i]);
	}
}

/* The two keys that wrap; they exist only while a store is made or opened. */
static bool stretch(const struct keys_wrapped *wrapped, const struct passphrase *passphrase,
	struct secret *acting, struct secret *reports, struct error *err)
{
	SECRET key = {{0}};

	return crypto_stretch(passphrase, wrapped->salt, wrapped->cost, &key, err)
		&& crypto_derive(&key, "courier store wrap acting", acting, err)
		&& crypto_derive(&key, "courier store wrap reports", reports, err);
}

static struct bytes store_id(const struct keys_wrapped *wrapped)
{
	return (struct bytes){wrapped->store, sizeof(wrapped->store)};
}

bool keys_generate(const struct passphrase *passphrase, struct crypto_cost cost,
	struct keys *keys, struct keys_wrapped *out, struct error *err)
{
	CLEANUP(keys_wrapped_free) struct keys_wrapped made = {.cost = cost};
	SECRET acting = {{0}};
	SECRET reports = {{0}};

	if (passphrase->at[0] == 0)
		return error_set(err, ERROR_USAGE, "the passphrase is empty");
	if (!crypto_random(made.store, sizeof(made.store), err)
		|| !crypto_random(made.salt, sizeof(made.salt), err)
		|| !crypto_random(keys->acting.at, sizeof(keys->acting.at), err)
		|| !crypto_random(keys->reports.at, sizeof(keys->reports.at), err)
		|| !stretch(&made, passphrase, &acting, &reports, err)
		|| !crypto_seal_secret(
			&acting, store_id(&made), &keys->acting, &made.acting, err)
		|| !crypto_seal_secret(
			&reports, store_id(&made), &keys->reports, &made.reports, err))
		return false;
	keys->has_acting = true;
	if (!keys_derive(keys, err))
		return false;
	*out = made;
	made = (struct keys_wrapped){0};
	return true;
}

bool keys_unwrap(const struct keys_wrapped *wrapped, const struct passphrase *passphrase,
	struct keys *keys, struct error *err)
{
	SECRET acting = {{0}};
	SECRET reports = {{0}};

	if (!stretch(wrapped, passphrase, &acting, &reports, err))
		return false;
	if (!crypto_unseal_secret(&reports, store_id(wrapped), buf_bytes(&wrapped->reports),
		    &keys->reports, err))
		return err->code == ERROR_DAMAGED
			? error_set(err, ERROR_UNAUTHORISED, "wrong passphrase")
			: false;
	keys->has_acting = wrapped->acting.len > 0;
	if (keys->has_acting
		&& !crypto_unseal_secret(&acting, store_id(wrapped),
			buf_bytes(&wrapped->acting), &keys->acting, err))
		return error_while(err, "the acting key");
	return keys_derive(keys, err);
}

/* ---- cells ---- */

enum { WORD_SIZE = 8, ASSOCIATED_SIZE = 4 * WORD_SIZE + 2 * DIGEST_SIZE };

static void put_word(uint8_t at[static WORD_SIZE], const char *word)
{
	const size_t len = strlen(word);

	memset(at, 0, WORD_SIZE);
	memcpy(at, word, len < WORD_SIZE ? len : WORD_SIZE);
}

static void put_integer(uint8_t at[static WORD_SIZE], uint64_t value)
{
	for (size_t i = WORD_SIZE; i-- > 0; value >>= 8)
		at[i] = (uint8_t)value;
}

static void associate(const struct cell *cell, uint8_t at[static ASSOCIATED_SIZE])
{
	put_word(at, tables[cell->table]);
	at += WORD_SIZE;
	put_word(at, cell->column);
	at += WORD_SIZE;
	memcpy(at, cell->key.at, DIGEST_SIZE);
	at += DIGEST_SIZE;
	memcpy(at, cell->owner.at, DIGEST_SIZE);
	at += DIGEST_SIZE;
	put_integer(at, cell->clear[0]);
	at += WORD_SIZE;
	put_integer(at, cell->clear[1]);
}

static bool usable(const struct keys *keys, enum store_table table, struct error *err)
{
	return !is_acting(table) || keys->has_acting
		|| error_set(err, ERROR_UNAUTHORISED,
			"the key for acting was wiped from this store");
}

bool cell_name(const struct keys *keys, enum store_table table, const char *a, const char *b,
	struct digest *out, struct error *err)
{
	CLEANUP(wiped_free) struct buf name = {0};

	if (!usable(keys, table, err) || !buf_append(&name, bytes_of(a), err))
		return false;
	if (b != NULL
		&& (!buf_append(&name, (struct bytes){(const uint8_t *)"", 1}, err)
			|| !buf_append(&name, bytes_of(b), err)))
		return false;
	return crypto_hmac(&keys->name[table], buf_bytes(&name), out, err);
}

bool cell_seal(const struct keys *keys, const struct cell *cell, struct bytes plain,
	struct buf *out, struct error *err)
{
	uint8_t with[ASSOCIATED_SIZE];

	associate(cell, with);
	return usable(keys, cell->table, err)
		&& crypto_seal(&keys->seal[cell->table], (struct bytes){with, sizeof(with)},
			plain, out, err);
}

static bool changed(const struct cell *cell, struct error *err)
{
	return err->code == ERROR_DAMAGED ? error_set(err, ERROR_DAMAGED,
		       "the store is damaged: a row of \"%s\" was changed on disk",
		       tables[cell->table])
					  : false;
}

bool cell_unseal(const struct keys *keys, const struct cell *cell, struct bytes sealed,
	struct buf *out, struct error *err)
{
	uint8_t with[ASSOCIATED_SIZE];

	associate(cell, with);
	if (!usable(keys, cell->table, err))
		return false;
	return crypto_unseal(&keys->seal[cell->table], (struct bytes){with, sizeof(with)},
		       sealed, out, err)
		|| changed(cell, err);
}

bool cell_seal_secret(const struct keys *keys, const struct cell *cell,
	const struct secret *secret, struct buf *out, struct error *err)
{
	uint8_t with[ASSOCIATED_SIZE];

	associate(cell, with);
	return usable(keys, cell->table, err)
		&& crypto_seal_secret(&keys->seal[cell->table],
			(struct bytes){with, sizeof(with)}, secret, out, err);
}

bool cell_unseal_secret(const struct keys *keys, const struct cell *cell, struct bytes sealed,
	struct secret *out, struct error *err)
{
	uint8_t with[ASSOCIATED_SIZE];

	associate(cell, with);
	if (!usable(keys, cell->table, err))
		return false;
	return crypto_unseal_secret(&keys->seal[cell->table],
		       (struct bytes){with, sizeof(with)}, sealed, out, err)
		|| changed(cell, err);
}
