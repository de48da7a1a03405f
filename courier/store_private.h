/*
 * store_private.h - what the files of the store share.
 *
 * One connection under one mutex: reading takes the mutex (store_lock()), changing
 * takes it with a transaction (change_begin()), or with a part of one when there is a
 * batch, or a group of threads.  Blobs are read and written outside it.  Callbacks are called
 * without it, unless their thread has it for a batch.
 */
#ifndef COURIER_STORE_PRIVATE_H
#define COURIER_STORE_PRIVATE_H

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>

#include "courier/store.h"
#include "courier/store_keys.h"
#include "courier/store_sql.h"

/* What find and device_of_key look at, in order of id; read at first need. */
struct index_entry {
	char id[CERTIFICATE_ID_MAX + 1];
	char *label;               /* owned; NULL none */
	struct digest fingerprint; /* zero: no key */
};

struct index {
	bool read;
	struct index_entry *at;
	size_t count, room;
};

/* The end of the audit log. */
struct head {
	uint64_t number; /* of the last row; 0 none */
	struct digest chain;
};

/*
 * The changes of several threads that are one transaction, because the next one came
 * before the last was committed: a disk syncs them all in the time of one.  Each waits
 * until all are durable; what undoes the transaction fails all of them.
 */
struct group {
	bool open;             /* the transaction, the members and their heads */
	struct head former;    /* to go back to */
	struct change *member; /* done, waiting for the commit; NULL: none yet */
	size_t count;          /* of members */
	atomic_size_t coming;  /* threads that want to begin a change */
	pthread_cond_t over;   /* for members */
};

/* A batch that somebody makes just now: the mutex is his. */
struct batch {
	bool open;
	struct head former; /* to go back to */
};

/* A blob that somebody writes, or drops, just now. */
struct writer {
	struct digest key;
	struct writer *next;
};

struct store {
	char home[PATH_MAX];
	int lock, blobs; /* descriptors: HOME/lock, HOME/blobs */
	struct sql_database database;
	struct keys *keys;
	uint8_t id[STORE_ID_SIZE];
	pthread_mutex_t mutex; /* database, head, index, batch; recursive */
	struct head head;
	struct index index;
	struct group group;
	struct batch batch;
	pthread_mutex_t writers_mutex;
	pthread_cond_t writers_changed;
	struct writer *writers;
};

/* store_create() at a price of the caller's choosing: tests stretch a passphrase
 * hundreds of times. */
NODISCARD bool store_create_with_cost(
	const char *home, const struct passphrase *, struct crypto_cost, struct error *);

int64_t store_now(void); /* Unix seconds */

/* CLEANUP(store_unlock) struct store *locked = store_lock(store); */
struct store *store_lock(struct store *);
void store_unlock(struct store **);

/* ---- changing ---- */

/*
 *	CLEANUP(change_end) struct change change = {0};
 *	return change_begin(&change, store, err) && ... && change_commit(&change, ...);
 *
 * The mutex is held from change_begin() to change_end(), but change_commit() may let
 * others take it to join the group: no statement is under way then.  What was not
 * committed is undone.
 */
struct change {
	struct store *store;
	bool open;           /* neither committed nor undone */
	bool part;           /* of a batch or a group that others began */
	struct change *next; /* member of the group */
	bool over, kept;     /* the group was committed, or could not be: */
	struct error why;
};

NODISCARD bool change_begin(struct change *, struct store *, struct error *);
/* Append the audit row and commit.  DEVICE may be NULL. */
NODISCARD bool change_commit(
	struct change *, const char *device, const char *event, struct error *);
void change_end(struct change *);

/* Read the head, and see that the log ends there.  At opening. */
NODISCARD bool audit_check(struct store *, struct error *);
/* The head of an empty log; within the transaction that makes a store. */
NODISCARD bool audit_create(struct store *, struct error *);

/* ---- rows with one cell ---- */

/* Append the plaintext to OUT (for wiped_free()), or the sealed bytes to the row. */
NODISCARD bool row_get(struct store *, enum sql_statement, const struct cell *, struct buf *out,
	bool *found, struct error *);
NODISCARD bool row_put(struct store *, enum sql_statement, const struct cell *,
	struct bytes plain, struct error *);
NODISCARD bool row_drop(
	struct store *, enum sql_statement, const struct digest *key, struct error *);

/* The keys of all rows a started statement gives. */
struct digests {
	struct digest *at;
	size_t count, room;
};

NODISCARD bool digests_read(struct sql *, struct digests *, struct error *);
void digests_free(struct digests *);

/* ---- what one table wants of another; the mutex is held ---- */

/* The key of a device's rows; the owner of its parcels and receipts. */
NODISCARD bool device_key(
	const struct store *, const char *id, struct digest *, struct error *);
/* A receipt with this sequence is here now. */
NODISCARD bool device_raise_newest(
	struct store *, const char *id, uint64_t sequence, struct error *);
/* Move the parcel if there is one.  FROM and TO for the audit row. */
NODISCARD bool parcel_move(struct store *, const char *device, const char *deployment,
	enum parcel_event, const char *reason, bool *found, enum parcel_state *from,
	enum parcel_state *to, struct error *);

/* Remove every file of blobs that has no row; at most what nobody writes just now. */
NODISCARD bool blob_remove_strays(struct store *, struct error *);

/* ---- is every row as it was sealed?  At opening, before other threads ---- */

/* Keys, owners, states and other readable values choose which rows are looked at: a
 * row that was changed in one of them would not be seen again otherwise.  Reads all
 * but the bodies of devices, receipts and audit rows, which are judged when read. */
NODISCARD bool paper_check(struct store *, struct error *);
NODISCARD bool parcel_check(struct store *, struct error *);
NODISCARD bool receipt_check(struct store *, struct error *);
NODISCARD bool blob_check(struct store *, struct error *);
NODISCARD bool metadata_check(struct store *, struct error *);

/* ---- the index ---- */

/* Read it unless it is read. */
NODISCARD bool index_need(struct store *, struct error *);
/* Insert or replace; after the row was committed.  Cannot fail: at worst the index is
 * forgotten and read again. */
void index_put(struct store *, const struct index_entry *);
void index_free(struct index *);
/* The brief of a device's row, as it is sealed for the index. */
NODISCARD bool index_pack(const struct index_entry *, struct buf *, struct error *);

#endif
