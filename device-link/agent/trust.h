/*
 * trust.h - who the device is and whom it believes: its key and certificate, the
 * fleet root, the revocation list, the keys that may have signed an artifact.
 *
 * Facts in the state directory: key.pem, certificate.pem, root.pem, crl.pem (with the chain
 * that vouches for the list, once a courier brought it; former versions kept that beside it,
 * in crl-issuer.pem).
 */
#ifndef DEVICE_LINK_AGENT_TRUST_H
#define DEVICE_LINK_AGENT_TRUST_H

#include "common/certificate.h"
#include "device-link/agent/agent_settings.h"
#include "device-link/agent/marks.h"

struct trust {
	struct crypto_key *key;
	struct crypto_public *half; /* its public half */
	struct digest fingerprint;  /* of it */
	struct certificate *chain;  /* self-signed until the operator certified the key */
	struct certificate_holder holder;
	bool certified;
	struct buf root;             /* PEM */
	struct buf crl_pem;          /* as it lies on disk, the chain for it included */
	struct certificate_crl *crl; /* NULL: who signed it is not known yet */
	struct crypto_public **keys; /* of artifacts */
	size_t key_count;
};

/* Key and certificate; the key is made when there is none. */
NODISCARD bool trust_load_own(const struct agent_settings *, struct trust *, struct error *);

/* The rest.  ERROR_USAGE says what is missing; ERROR_ROLLBACK when the CRL is older than
 * one seen before.  MARKS is raised, not saved. */
NODISCARD bool trust_load_fleet(
	const struct agent_settings *, struct marks *, struct trust *, struct error *);
void trust_free(struct trust *);

/* The group a courier must be of; NULL: any will do. */
const char *trust_group(const struct agent_settings *, const struct trust *);

/* Make sure that the device's own CRL is verified, if need be with the help of the issuer
 * in the chain of COURIER: to be called before the two that follow.  Where it cannot be, or
 * is older than one that was seen, WHY says so, and only one not older will do. */
NODISCARD bool trust_know_crl(struct trust *, const struct agent_settings *,
	const struct certificate *courier, struct marks *, struct error *why, struct error *);

/* Take in a CRL that COURIER carried, if it is authentic and newer: it is on disk
 * then, and *TAKEN true.  What is wrong with one that is not is in WHY. */
NODISCARD bool trust_take_crl(struct trust *, const struct agent_settings *,
	const struct certificate *courier, struct bytes crl, struct marks *, bool *taken,
	struct error *why, struct error *);

/* Is the courier on the CRL?  With none that is verified, everybody is. */
bool trust_revoked(const struct trust *, const struct certificate *courier);

/* A certificate chain of our own that a courier brought: onto the disk, if it is for our
 * key, not older than ours, and of the identity IDENTITY.  It counts from the next
 * trust_load_own(). */
NODISCARD bool trust_take_chain(const struct trust *, const struct agent_settings *,
	struct bytes chain, const struct digest *identity, bool *taken, struct error *why,
	struct error *);

#endif
