/*
 * certificate.h - the X.509 profile of the project (RFC 5280), and the CRL.
 *
 *	fleet root            CA, pathlen 1, signs the two issuers
 *	  device issuer       CA, pathlen 0, EKU serverAuth clientAuth device-role
 *	  courier issuer      CA, pathlen 0, EKU serverAuth clientAuth courier-role,
 *	                      keyUsage also cRLSign: the CRL is its
 *	    leaf              not CA, digitalSignature, EKU serverAuth clientAuth and the
 *	                      role of its issuer; one id in subjectAltName:
 *	                      URI:urn:courier:<id> or URI:urn:device:<id>
 *
 * A leaf further carries, all as subjectAltName URIs:
 *	urn:courier-group:<label>              a courier: each label; a device: its one
 *	urn:device-identity:sha256:<64 hex>    a device: digest of its canonical id_data
 * The subject's commonName is a courier's technician, a device's id.  Other URIs that
 * begin with urn:courier or urn:device, in any case, are refused, others ignored.
 * Roles are extended key usages below an arc of ours, CERTIFICATE_ROLE_ARC: .1 is a
 * courier, .2 a device.
 * Issuers and leaves must both name the role, and only that one: a device issuer cannot
 * make couriers.  Keys are Ed25519 or P-256.  Root and issuers are valid from a day
 * before they were made, without end; a leaf from and until exactly what it says.
 *
 * Verification here never looks at a clock: time is judged by the caller, after
 * signature, role and CRL, against a floor (courier-agent(8)).
 *
 * Chains travel and lie on disk as PEM: leaf first, then its issuer.
 */
#ifndef COMMON_CERTIFICATE_H
#define COMMON_CERTIFICATE_H

#include "common/bytes.h"
#include "common/crypto.h"

enum {
	CERTIFICATE_ID_MAX = 64,      /* characters of an id or label, without the NUL */
	CERTIFICATE_NAME_MAX = 64,    /* bytes of a commonName (X.520 ub-common-name) */
	CERTIFICATE_GROUPS_MAX = 16,  /* labels in one certificate */
	CERTIFICATE_PEM_MAX = 16384,  /* bytes of a chain or CRL in PEM */
	CERTIFICATE_CRL_MAX = 262144, /* bytes of a CRL in DER */
	CERTIFICATE_SERIAL_SIZE = 16,
};

/* The UUID b70f6d36-f5b0-4e79-b9bd-d74fab01b12b in the arc that Microsoft keeps for those
 * who registered none.  2.25.<UUID> would be shorter, but Go and python3-cryptography
 * refuse every certificate with a number of more than 31 bits in an identifier. */
#define CERTIFICATE_ROLE_ARC                                                                   \
	"1.2.840.113556.1.8000.2554."                                                          \
	"46863.27958.62896.20089.47549.14110635.110891"

/* The id of a device that the operator has not certified yet; no issued certificate has it. */
#define CERTIFICATE_UNCERTIFIED "uncertified"

enum certificate_role { CERTIFICATE_COURIER = 1, CERTIFICATE_DEVICE = 2 };

/* What a leaf says about its holder. */
struct certificate_holder {
	enum certificate_role role;
	char id[CERTIFICATE_ID_MAX + 1];     /* A-Z a-z 0-9 . _ - only, not first . or - */
	char name[CERTIFICATE_NAME_MAX + 1]; /* technician, UTF-8; the id for a device */
	char groups[CERTIFICATE_GROUPS_MAX][CERTIFICATE_ID_MAX + 1];
	size_t group_count;
	bool has_identity;             /* devices: */
	struct digest identity;        /* SHA-256 of the canonical id_data */
	int64_t not_before, not_after; /* Unix seconds; without end: 253402300799 */
};

/* Is TEXT fit to be an id, or a group label? */
bool certificate_id_valid(const char *text);
bool certificate_in_group(const struct certificate_holder *, const char *group);

struct certificate; /* a chain: leaf, then issuers */

/* At most four certificates in DER and PEM, with only white space around them. */
NODISCARD bool certificate_parse(struct bytes pem, struct certificate **, struct error *);
NODISCARD bool certificate_pem(const struct certificate *, struct buf *, struct error *);
void certificate_free(struct certificate *);
void certificate_cleanup(struct certificate **);

/* The leaf's fields.  ERROR_MALFORMED if it does not follow the profile.  Says
 * nothing about trust. */
NODISCARD bool certificate_holder(
	const struct certificate *, struct certificate_holder *, struct error *);
NODISCARD bool certificate_public(
	const struct certificate *, struct crypto_public **, struct error *);
/* The key of the certificate after the leaf, which certificate_verify() makes sure is its
 * issuer.  ERROR_MALFORMED if there is none. */
NODISCARD bool certificate_issuer_public(
	const struct certificate *, struct crypto_public **, struct error *);
/* SHA-256 of the leaf's DER. */
NODISCARD bool certificate_fingerprint(
	const struct certificate *, struct digest *, struct error *);

/* Does the chain lead from a leaf of ROLE, by way of the issuer that stands after it, to
 * ROOT (PEM, one self-signed certificate), every certificate following the profile?
 * ERROR_SIGNATURE if not. Time is not looked at. */
NODISCARD bool certificate_verify(const struct certificate *, struct bytes root_pem,
	enum certificate_role, struct error *);

/* ---- what TLS needs, for device-link/session.c only: OpenSSL types as void ---- */

/* The X509 of position INDEX (0 is the leaf), borrowed; NULL past the end. */
void *certificate_x509(const struct certificate *, size_t index);
void *crypto_key_pkey(const struct crypto_key *); /* EVP_PKEY, borrowed */
/* A chain from an X509 leaf and STACK_OF(X509) as a TLS peer presented them; copies. */
NODISCARD bool certificate_from_x509(
	void *leaf, void *stack, struct certificate **, struct error *);

/* ---- revocation ---- */

struct certificate_crl;

/* Parse DER or PEM and verify: signed by a courier issuer (given in the PEM chain
 * ISSUER_PEM, or carried with it) that leads to ROOT; a cRLNumber (RFC 5280 5.2.3) that fits 63
 * bits; no critical extensions.  nextUpdate is ignored.  ERROR_SIGNATURE if not authentic. */
NODISCARD bool certificate_crl_parse(struct bytes crl, struct bytes issuer_pem,
	struct bytes root_pem, struct certificate_crl **, struct error *);
int64_t certificate_crl_number(const struct certificate_crl *);
int64_t certificate_crl_this_update(const struct certificate_crl *); /* Unix seconds */
/* Is the leaf on it? */
bool certificate_crl_revokes(const struct certificate_crl *, const struct certificate *);
void certificate_crl_free(struct certificate_crl *);
void certificate_crl_cleanup(struct certificate_crl **);

/* ---- the operator's side ---- */

/* A certificate request (PKCS#10, PEM) for KEY: proof that its holder has it. */
NODISCARD bool certificate_request_make(
	const struct crypto_key *, const char *common_name, struct buf *pem, struct error *);
/* Verify the request's own signature (ERROR_SIGNATURE) and give its key.  Its subject is
 * not looked at: the operator says who somebody is. */
NODISCARD bool certificate_request_open(
	struct bytes pem, struct crypto_public **, struct error *);

/* A self-signed device certificate with role and id "uncertified": what a device
 * shows before the operator certified it.  Appends PEM. */
NODISCARD bool certificate_make_uncertified(
	const struct crypto_key *, struct buf *pem, struct error *);

/* Self-signed fleet root named NAME (the issuers' organizationName), valid from a day
 * before NOW without end (RFC 5280 4.1.2.5: 99991231235959Z).  Appends PEM. */
NODISCARD bool certificate_make_root(const struct crypto_key *, const char *name, int64_t now,
	struct buf *pem, struct error *);
/* An issuer for ROLE under the root.  Appends one PEM certificate. */
NODISCARD bool certificate_make_issuer(const struct crypto_key *root, struct bytes root_pem,
	const struct crypto_public *subject, enum certificate_role, int64_t now,
	struct buf *pem, struct error *);
/* A leaf for HOLDER (role, id, name, groups, identity, validity) under the issuer.
 * notAfter of INT64_MAX is "without end".  KEY must be that of the first certificate of
 * ISSUER_PEM; what does not fit the profile is ERROR_USAGE.  Appends leaf then issuer. */
NODISCARD bool certificate_make_leaf(const struct crypto_key *issuer, struct bytes issuer_pem,
	const struct crypto_public *subject, const struct certificate_holder *, struct buf *pem,
	struct error *);
/* The serial of the leaf, to revoke it by. */
NODISCARD bool certificate_serial(
	const struct certificate *, uint8_t serial[CERTIFICATE_SERIAL_SIZE], struct error *);
/* CRL number NUMBER (from 1) at time NOW, never outdated by itself, that revokes the COUNT
 * serials.  Appends PEM. */
NODISCARD bool certificate_make_crl(const struct crypto_key *issuer, struct bytes issuer_pem,
	int64_t number, int64_t now, const uint8_t (*serials)[CERTIFICATE_SERIAL_SIZE],
	size_t count, struct buf *pem, struct error *);

#endif
