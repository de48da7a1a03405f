/*
 * tuf_key.h - the public keys and roles that metadata name (TUF 4.2, 4.3).
 *
 * Ed25519, ECDSA on P-256 and RSASSA-PSS are understood.  A key of another type, or one
 * that does not parse, is kept as unusable: it satisfies no threshold, and a root that
 * introduces a future algorithm does not lock out old devices.
 */
#ifndef COMMON_TUF_KEY_H
#define COMMON_TUF_KEY_H

#include "common/crypto.h"
#include "common/tuf/tuf_read.h"

enum {
	TUF_KEYS_MAX = 4096, /* of one file */
	TUF_KEYIDS_MAX = 256 /* of one role */
};

struct tuf_key {
	const char *id;
	struct crypto_public *public; /* NULL: unusable */
	struct digest fingerprint;    /* of the key itself, under whatever id */
	bool (*verify)(const struct crypto_public *, struct bytes message,
		struct bytes signature, struct error *);
};

/* Who must sign. */
struct tuf_role {
	const char *name;
	struct tuf_list keyids; /* const char *: no two alike */
	int64_t threshold;
	/* Of delegations only: exactly one of the lists is given. */
	bool terminating;
	struct tuf_list paths, prefixes; /* const char * */
};

/* Fills a struct tuf_list of struct tuf_key.  Strict: an id must be the SHA-256 of the
 * key's canonical form, unknown members included. */
tuf_read tuf_read_keys;
/* Fills keyids of a struct tuf_role. */
tuf_read tuf_read_keyids;

/* NULL when there is none. */
const struct tuf_key *tuf_key_find(const struct tuf_list *keys, const char *id);
/* Release what the keys hold beside the arena. */
void tuf_keys_done(struct tuf_list *keys);

/* Hex of either case, LEN bytes of it at most ROOM. */
bool tuf_hex(const char *text, uint8_t *at, size_t room, size_t *len);

#endif
