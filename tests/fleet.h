/*
 * fleet.h - a fleet root, its two issuers, and certificates under them, made on the
 * spot with the project's own code.
 */
#ifndef TESTS_FLEET_H
#define TESTS_FLEET_H

#include "common/certificate.h"
#include "device-link/session.h"

enum { FLEET_BORN = 1790000000 /* Unix seconds: notBefore of everything */ };

struct fleet {
	struct crypto_key *root, *issuer[3]; /* by enum certificate_role */
	struct buf root_pem, issuer_pem[3];
};

/* Somebody with a key and a chain. */
struct party {
	struct crypto_key *key;
	struct certificate *chain;
	struct buf pem; /* of the chain */
};

NODISCARD bool fleet_make(struct fleet *, const char *name, struct error *);
/* Another issuer of ROLE, under the same root and of the same name. */
NODISCARD bool fleet_rotate(struct fleet *, enum certificate_role, struct error *);
void fleet_done(struct fleet *);

/* A member of ROLE named ID, in GROUP (NULL: none), valid until NOT_AFTER. */
NODISCARD bool fleet_member(const struct fleet *, enum certificate_role, enum crypto_kind,
	const char *id, const char *group, int64_t not_after, struct party *, struct error *);
/* A device that nobody certified. */
NODISCARD bool fleet_newcomer(enum crypto_kind, struct party *, struct error *);
void party_done(struct party *);

/* Borrows both. */
struct session_identity fleet_identity(const struct fleet *, const struct party *);

/* A courier's and a device's session, brought to where messages may flow. */
NODISCARD bool fleet_meet(const struct session_identity *courier,
	const struct session_identity *device, struct session *ends[2], struct error *);

#endif
