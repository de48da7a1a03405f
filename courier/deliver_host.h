/*
 * deliver_host.h - what a visit asks of the courier: who is this device, what is there
 * for it, keep its receipts.
 */
#ifndef COURIER_DELIVER_HOST_H
#define COURIER_DELIVER_HOST_H

#include "courier/control.h"
#include "courier/deliver.h"
#include "device-link/visit.h"

/* What every visit of a run shares; read-only while threads run. */
struct deliver_papers {
	struct control control; /* the control bundle */
	struct certificate *chain;
	struct crypto_key *key;
	struct buf root;
};

NODISCARD bool deliver_papers_load(struct store *, struct deliver_papers *, struct error *);
void deliver_papers_free(struct deliver_papers *);

/* One device, from its first ACCEPT to the end of its last visit in this run. */
struct deliver_host {
	struct store *store;
	const struct deliver_papers *papers;
	const struct deliver_options *options;
	const struct settings *settings;
	void (*show)(struct deliver_host *, const char *phase, uint64_t sent, uint64_t size);
	void *self; /* for show() */

	bool accepted; /* some device took this courier in */
	bool met;      /* and is known: DEVICE, KEY and INVENTORY hold */
	bool chosen;
	const char *passed; /* why it is not served; NULL: it is */
	struct store_device device;
	struct crypto_public *key;  /* of the device met */
	struct store_parcel parcel; /* the errand; empty device: none */
	bool retried;               /* its failure is tried again in this run */
	bool unfetched;             /* there is one, but its artifact is not here */
	bool taken;                 /* it asked for its first byte */
	struct store_reader *reader;
	struct buf metadata;        /* of the offer: what it needs to judge for itself */
	struct inventory inventory; /* the last one */
	unsigned collected;
	bool has_outcome;
	struct receipt outcome;   /* of the errand */
	uint64_t given;           /* bytes of the artifact on their way to it, or there */
	uint64_t sent;            /* of them, what it has confirmed */
	enum message_phase phase; /* the last one it said */
};

void deliver_host_done(struct deliver_host *);
/* Learn who the peer is - the device met before, if there was one - and keep what it says
 * of itself; fills device, key and inventory. */
NODISCARD bool deliver_who(struct deliver_host *, const struct visit_peer *, struct error *);

/* Whose signature a receipt has: the device's, or that of a key it had before. */
struct deliver_signer {
	struct crypto_public *key; /* NULL: of no key that was ever certified for it */
	char *pem;
	bool former;
};

void deliver_signer_free(struct deliver_signer *); /* caller's memory; zero is fine */
/* By the hint in the envelope, which proves nothing: open it with the key. */
NODISCARD bool deliver_signer_find(const struct deliver_host *, struct bytes envelope,
	struct deliver_signer *, struct error *);

struct visit_courier_host deliver_host_of(struct deliver_host *);
/* HELLO for the device last met, or a stranger; borrows from the host. */
struct message_hello deliver_hello(const struct deliver_host *, const struct session *);

#endif
