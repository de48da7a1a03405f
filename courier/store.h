/*
 * store.h - what the laptop remembers: SQLite in WAL mode with synchronous=FULL,
 * and sealed blobs beside it.
 *
 * Every function that changes something is one transaction, durable when it
 * returns, and appends a row to the hash-chained audit log in that same
 * transaction.  What is secret or telling is sealed before SQLite sees it; names
 * are HMACs.  Two keys lie under the passphrase: the acting key (courier and server
 * key, tokens, download URLs, artifacts, metadata) and the reports key (devices, receipts,
 * inventory, audit), so that acting can be wiped and reports kept.  What stays
 * readable on a stolen disk is listed in courier(1).
 *
 * A store is used by one process at a time (ERROR_BUSY) and by any number of its
 * threads.  Structs given out are the caller's to free; blobs and readers are closed
 * before the store.
 */
#ifndef COURIER_STORE_H
#define COURIER_STORE_H

#include "common/parcel.h"
#include "common/secret.h"
#include "common/statement.h"

struct store;

/* ---- open and close ---- */

/* Make a new store in directory HOME (created, mode 0700).  ERROR_BUSY if there is
 * one already. */
NODISCARD bool store_create(const char *home, const struct passphrase *, struct error *);
bool store_exists(const char *home);

/* ERROR_UNAUTHORISED: wrong passphrase.  ERROR_DAMAGED: corrupt, or written by a
 * newer version (the text says which).  ERROR_BUSY: another process has it. */
NODISCARD bool store_open(
	const char *home, const struct passphrase *, struct store **, struct error *);
/* With the keys a former store_remember() left in the kernel's keyring; *FOUND false
 * when there are none, or the kernel forbids it. */
NODISCARD bool store_open_remembered(
	const char *home, struct store **, bool *found, struct error *);
/* Leave the keys in the kernel's keyring for TIMEOUT_S seconds (0: take them out);
 * *DONE false where the kernel forbids it. */
NODISCARD bool store_remember(struct store *, unsigned timeout_s, bool *done, struct error *);
/* Forget for ever the acting key and all under it: keys, tokens, URLs, blobs.  What
 * the reports key opens stays; what needs the other is ERROR_UNAUTHORISED from here on. */
NODISCARD bool store_wipe_acting(struct store *, struct error *);
void store_close(struct store *);
void store_cleanup(struct store **);

/* ---- the courier's own keys and papers ---- */

enum store_secret { STORE_COURIER_KEY, STORE_SERVER_KEY }; /* Ed25519 seeds; acting key */

/* store_get_secret(): ERROR_NOTHING when it was never put. */
NODISCARD bool store_put_secret(
	struct store *, enum store_secret, const struct secret *, struct error *);
NODISCARD bool store_get_secret(
	struct store *, enum store_secret, struct secret *, struct error *);

enum { STORE_PAPER_MAX = 8 * 1024 * 1024 /* bytes */ };

/* Named papers (control bundle, ...), sealed with the reports key, of at most
 * STORE_PAPER_MAX.  *FOUND false: none of that name. */
NODISCARD bool store_put_paper(struct store *, const char *name, struct bytes, struct error *);
NODISCARD bool store_get_paper(
	struct store *, const char *name, struct buf *, bool *found, struct error *);

/* ---- many changes as one ---- */

/*
 *	CLEANUP(store_batch_end) struct store_batch batch = {0};
 *	return store_batch_begin(&batch, store, err) && ... && store_batch_commit(&batch, err);
 *
 * What this thread changes in between is one transaction: durable when it is
 * committed, undone altogether when it is not, and synced to disk once, whatever the
 * number of changes.  Each still has its audit row.  Other threads wait; so neither
 * people nor cables nor servers are waited for in between, and no blob is written.
 */
struct store_batch {
	struct store *store; /* NULL: over */
};

NODISCARD bool store_batch_begin(struct store_batch *, struct store *, struct error *);
NODISCARD bool store_batch_commit(struct store_batch *, struct error *);
void store_batch_end(struct store_batch *);

/* ---- devices ---- */

/* A device this courier serves, or met.  All text is owned by the struct; NULL or
 * empty: not known.  ID is what people call it: the certificate's id, or the one
 * the operator gave. */
struct store_device {
	char id[CERTIFICATE_ID_MAX + 1];
	char *server;  /* name of the configured server; NULL: only met on site */
	char *id_data; /* JSON object, as the server knows the identity */
	char *device_type, *artifact; /* as shipped, until its inventory tells */
	char *label, *site, *group, *tier;
	char *key_pem;        /* its public key, from a verified certificate or statement */
	char *former_pem;     /* the certified key it had before that one; NULL: none */
	bool certified;       /* the key's certificate chains to the fleet root */
	char *chain_pem;      /* a new certificate to bring to it; NULL: none */
	struct buf inventory; /* last DSSE_INVENTORY envelope */
	struct buf identity;  /* last DSSE_IDENTITY envelope, of an uncertified device */
	bool inventory_sent;  /* the server has that inventory */
	bool identity_sent;
	int64_t visited;    /* Unix seconds by this laptop's clock; 0 never */
	int64_t synced;     /* likewise */
	uint64_t newest;    /* highest receipt sequence here; never falls, whatever is put */
	uint64_t former;    /* added to the sequences it gives: what it had given before it
			       lost its memory and began at 1 again */
	char *problem;      /* last refusal by the server, for people; NULL: none */
	int64_t not_before; /* the server asked to be left alone until then */
};

void store_device_free(struct store_device *); /* caller's memory; zero is fine */

/* Insert or replace by id.  EVENT is the audit row's sentence. */
NODISCARD bool store_put_device(
	struct store *, const struct store_device *, const char *event, struct error *);
/* *FOUND false: no such id. */
NODISCARD bool store_get_device(
	struct store *, const char *id, struct store_device *, bool *found, struct error *);
/* By id, label, or any unique prefix of an id or a label.  ERROR_USAGE: none;
 * ERROR_BUSY: ambiguous, the text names the candidates. */
NODISCARD bool store_find_device(
	struct store *, const char *name, struct store_device *, struct error *);
/* By the fingerprint of its key. */
NODISCARD bool store_device_of_key(struct store *, const struct digest *, struct store_device *,
	bool *found, struct error *);
/* Call VISIT for each, in order of id, until it returns false (then the error is
 * its).  VISIT may change the store. */
NODISCARD bool store_each_device(struct store *,
	bool (*visit)(void *self, const struct store_device *, struct error *), void *self,
	struct error *);

/* The device's token at its server, acting key.  An empty token forgets it. */
NODISCARD bool store_put_token(
	struct store *, const char *device, const char *token, struct error *);
NODISCARD bool store_get_token(
	struct store *, const char *device, struct buf *, bool *found, struct error *);

/* ---- parcels ---- */

struct store_parcel {
	char device[CERTIFICATE_ID_MAX + 1];
	char deployment[STATEMENT_DEPLOYMENT_MAX + 1];
	enum parcel_state state;
	char *artifact_id; /* the server's id of the artifact: parcels share its blob */
	char *artifact_name;
	char *url;           /* download URL; acting key */
	int64_t url_expires; /* Unix seconds; 0 not known */
	char *request;       /* the frozen `next` body, replayed until the final status */
	bool has_digest;     /* known once READY: */
	struct digest digest;
	uint64_t size, unpacked;
	char *facts;      /* JSON: what the artifact says of itself (sync.c) */
	char *reason;     /* why it is KEPT or DROPPED, or is not yet READY */
	int64_t changed;  /* of the state, Unix seconds; set by the store */
	unsigned attempt; /* 1 and up; PARCEL_RETRIED counts it up */
	bool stage;       /* delivered with --stage */
};

void store_parcel_free(struct store_parcel *);

/* Insert, or replace all but the state, by (device, deployment). */
NODISCARD bool store_put_parcel(
	struct store *, const struct store_parcel *, const char *event, struct error *);
/* Change the state by the table in common/parcel.h, and the reason; REASON may be
 * NULL: none any more. */
NODISCARD bool store_move_parcel(struct store *, const char *device, const char *deployment,
	enum parcel_event, const char *reason, struct error *);
NODISCARD bool store_get_parcel(struct store *, const char *device, const char *deployment,
	struct store_parcel *, bool *found, struct error *);
/* The newest parcel of DEVICE that is not REPORTED, KEPT or DROPPED. */
NODISCARD bool store_open_parcel(
	struct store *, const char *device, struct store_parcel *, bool *found, struct error *);
/* For each parcel, of DEVICE if it is not NULL, oldest first. */
NODISCARD bool store_each_parcel(struct store *, const char *device,
	bool (*visit)(void *self, const struct store_parcel *, struct error *), void *self,
	struct error *);

/* ---- receipts ---- */

struct store_receipt {
	char device[CERTIFICATE_ID_MAX + 1];
	uint64_t sequence; /* the device's own, and what its former lives gave */
	char *key_pem;     /* whose signature it has: the device may have another key now;
			      NULL: of no key that is known here */
	struct buf envelope, log, inventory; /* verbatim */
	bool verified;                       /* the key was certified when it came */
	bool sent;                           /* the server has all of it */
	int64_t collected; /* Unix seconds by this laptop's clock; set by the store */
};

void store_receipt_free(struct store_receipt *);

/* Keep a receipt and, in the same transaction, move the parcel it belongs to (by
 * EVENT; only when there is such a parcel and MOVES is true).  A receipt that is
 * there already, byte for byte, is success and changes nothing (unless it is verified
 * only now: then that is noted, and the parcel moves); with other bytes
 * ERROR_SIGNATURE - unless it is verified and that one is not: then it takes its place. */
NODISCARD bool store_put_receipt(struct store *, const struct store_receipt *,
	const char *deployment, bool moves, enum parcel_event, struct error *);
NODISCARD bool store_has_receipt(
	struct store *, const char *device, uint64_t sequence, bool *has, struct error *);
/* The same, of those that were verified when they came, or came again. */
NODISCARD bool store_has_verified_receipt(
	struct store *, const char *device, uint64_t sequence, bool *has, struct error *);
NODISCARD bool store_receipt_sent(
	struct store *, const char *device, uint64_t sequence, struct error *);
/* For each receipt of DEVICE (of all when NULL), in order of device and sequence;
 * UNSENT: only those the server lacks. */
NODISCARD bool store_each_receipt(struct store *, const char *device, bool unsent,
	bool (*visit)(void *self, const struct store_receipt *, struct error *), void *self,
	struct error *);

/* ---- blobs: artifacts, sealed in chunks; acting key ---- */

enum { STORE_BLOB_NAME_MAX = 256 }; /* characters, with the NUL */

/* What the blob of a server's artifact is called. */
void store_blob_name(
	const char *server, const char *artifact_id, char name[static STORE_BLOB_NAME_MAX]);

struct store_blob; /* being written */

/*
 * Write the blob NAME (any text, such as "server/artifact-id"), or go on writing it
 * after an interruption: *offset is where.  Fsynced as it grows, so that offset
 * survives a power cut; never at the very end, so that a server always has a byte to
 * send.  ERROR_BUSY when another thread writes it; the caller then waits with
 * store_blob_wait().  ERROR_NOTHING when it is whole already.
 */
NODISCARD bool store_blob_begin(struct store *, const char *name, struct store_blob **,
	struct sink *, uint64_t *offset, struct error *);
/* Whole: durable from here on.  It is still to be closed. */
NODISCARD bool store_blob_finish(struct store_blob *, struct error *);
/* Stop writing; what is there is kept for the next store_blob_begin(). */
void store_blob_close(struct store_blob *);
void store_blob_cleanup(struct store_blob **);
/* Block until no thread writes NAME. */
void store_blob_wait(struct store *, const char *name);

/* Is the whole blob there, and how large? */
NODISCARD bool store_blob_size(
	struct store *, const char *name, uint64_t *size, bool *found, struct error *);
/* Drop it, finished or not; none of that name is success.  ERROR_BUSY when it is being
 * written. */
NODISCARD bool store_blob_drop(struct store *, const char *name, struct error *);
/* Drop every blob for which KEEP answers false, but those being written. */
NODISCARD bool store_blob_sweep(
	struct store *, bool (*keep)(void *self, const char *name), void *self, struct error *);

struct store_reader; /* used by one thread at a time */

/* ERROR_NOTHING: not there, or not whole. */
NODISCARD bool store_reader_open(
	struct store *, const char *name, struct store_reader **, struct error *);
uint64_t store_reader_size(const struct store_reader *);
/* Exactly LEN bytes at OFFSET; ERROR_DAMAGED when a bit was changed on disk. */
NODISCARD bool store_reader_at(
	struct store_reader *, uint64_t offset, uint8_t *at, size_t len, struct error *);
struct source store_reader_source(struct store_reader *); /* from the start, once */
void store_reader_close(struct store_reader *);
void store_reader_cleanup(struct store_reader **);

/* ---- files of TUF repositories; acting key ---- */

enum { STORE_METADATA_MAX = 16 * 1024 * 1024 /* bytes of a file */ };

/* Keep FILE of REPOSITORY, which may be any texts without line feeds; replaces. */
NODISCARD bool store_put_metadata(
	struct store *, const char *repository, const char *file, struct bytes, struct error *);
NODISCARD bool store_get_metadata(struct store *, const char *repository, const char *file,
	struct buf *, bool *found, struct error *);
/* Drop it; none of that name is success. */
NODISCARD bool store_drop_metadata(
	struct store *, const char *repository, const char *file, struct error *);
/* Drop all for which KEEP answers false, as one change. */
NODISCARD bool store_sweep_metadata(struct store *,
	bool (*keep)(void *self, const char *repository, const char *file), void *self,
	struct error *);

/* ---- the audit log ---- */

/* Append a row that goes with no other change: a visit, a sync, a refusal. */
NODISCARD bool store_audit(
	struct store *, const char *device, const char *event, struct error *);

struct store_audit_row {
	uint64_t number; /* 1 and up, no gaps */
	int64_t time;    /* Unix seconds by this laptop's clock */
	char *device;    /* empty: none */
	char *event;
	struct digest chain; /* SHA-256 over the former chain and this row */
};

/* For each row, oldest first; ERROR_DAMAGED when the chain is broken. */
NODISCARD bool store_each_audit(struct store *,
	bool (*visit)(void *self, const struct store_audit_row *, struct error *), void *self,
	struct error *);

#endif
