/*
 * store_keys.h - the keys of a store, and cells: the sealed values of its rows.
 *
 *	passphrase --scrypt--> wrapping keys --AES-256-GCM--> acting key, reports key
 *	acting | reports --HKDF--> for each table, one key that seals and one that names
 *
 * A row is found by HMAC(name key, its name).  A cell is AES-256-GCM(seal key) with
 * associated data
 *
 *	table (8 bytes, zero-padded) column (8 bytes) key (32) owner (32)
 *	clear[0] (8, big-endian) clear[1] (8)
 *
 * so that a cell that is changed, moved to another row, column or table, or left
 * beside other readable values than it was sealed with, is ERROR_DAMAGED.  What this
 * cannot show is a row, or the whole store, replaced by an older copy of itself, or
 * taken away; of the audit log (store_audit.h) it shows that too.
 */
#ifndef COURIER_STORE_KEYS_H
#define COURIER_STORE_KEYS_H

#include "common/bytes.h"
#include "common/crypto.h"
#include "common/secret.h"

enum store_table {
	TABLE_SECRET, /* under the acting key, up to TABLE_METADATA */
	TABLE_TOKEN,
	TABLE_URL,
	TABLE_BLOB,
	TABLE_METADATA,
	TABLE_PAPER, /* under the reports key from here on */
	TABLE_DEVICE,
	TABLE_PARCEL,
	TABLE_RECEIPT,
	TABLE_AUDIT,
	TABLE_HEAD,
	TABLE_COUNT,
};

enum { STORE_ID_SIZE = 16 };

/* As in the table "keys": readable. */
struct keys_wrapped {
	uint8_t store[STORE_ID_SIZE], salt[CRYPTO_SALT_SIZE];
	struct crypto_cost cost;
	struct buf acting, reports; /* sealed; ACTING empty: wiped */
};

void keys_wrapped_free(struct keys_wrapped *);
/* SHA-256 over all of it: tells a damaged disk from a wrong passphrase, no more. */
NODISCARD bool keys_checksum(const struct keys_wrapped *, struct digest *, struct error *);

/* The keys themselves, in memory that is locked where the system permits, left out of
 * dumps, and wiped by keys_free(). */
struct keys {
	struct secret acting, reports;
	bool has_acting;
	struct secret seal[TABLE_COUNT], name[TABLE_COUNT];
};

NODISCARD bool keys_new(struct keys **, struct error *);
void keys_free(struct keys *);
void keys_cleanup(struct keys **);

/* New random keys, wrapped under PASSPHRASE at COST. */
NODISCARD bool keys_generate(const struct passphrase *, struct crypto_cost, struct keys *,
	struct keys_wrapped *, struct error *);
/* ERROR_UNAUTHORISED: wrong passphrase. */
NODISCARD bool keys_unwrap(
	const struct keys_wrapped *, const struct passphrase *, struct keys *, struct error *);
/* All that hangs from acting and reports; after they were set by other means. */
NODISCARD bool keys_derive(struct keys *, struct error *);
/* Forget the acting key and all that hangs from it. */
void keys_wipe_acting(struct keys *);

struct cell {
	enum store_table table;
	const char *column;
	struct digest key, owner;
	uint64_t clear[2];
};

/* The key of the row called A, or A and B; B may be NULL. */
NODISCARD bool cell_name(const struct keys *, enum store_table, const char *a, const char *b,
	struct digest *, struct error *);
/* Appended to OUT.  ERROR_UNAUTHORISED when the acting key was wiped. */
NODISCARD bool cell_seal(const struct keys *, const struct cell *, struct bytes plain,
	struct buf *out, struct error *);
/* OUT is for wiped_free().  ERROR_DAMAGED names the table. */
NODISCARD bool cell_unseal(const struct keys *, const struct cell *, struct bytes sealed,
	struct buf *out, struct error *);
NODISCARD bool cell_seal_secret(const struct keys *, const struct cell *, const struct secret *,
	struct buf *out, struct error *);
NODISCARD bool cell_unseal_secret(const struct keys *, const struct cell *, struct bytes sealed,
	struct secret *, struct error *);

/* buf_free() for what was sealed: wiped first. */
void wiped_free(struct buf *);

#endif
