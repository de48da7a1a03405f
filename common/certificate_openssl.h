/*
 * certificate_openssl.h - what the certificate files share behind certificate.h, and
 * nobody else sees.
 */
#ifndef COMMON_CERTIFICATE_OPENSSL_H
#define COMMON_CERTIFICATE_OPENSSL_H

#include <openssl/x509v3.h>

#include "common/certificate.h"
#include "common/crypto_openssl.h"

enum {
	CERTIFICATE_CHAIN_MAX = 4,  /* certificates, the root included */
	CERTIFICATE_NAMES_MAX = 64, /* entries of one subjectAltName */
};

/* Unix seconds of 99991231235959Z: "without end" (RFC 5280 4.1.2.5). */
#define CERTIFICATE_TIME_MAX INT64_C(253402300799)

struct certificate {
	X509 *chain[CERTIFICATE_CHAIN_MAX];
	size_t count;
};

CRYPTO_CLEANUP(X509, X509_free)
CRYPTO_CLEANUP(X509_REQ, X509_REQ_free)
CRYPTO_CLEANUP(X509_CRL, X509_CRL_free)
CRYPTO_CLEANUP(X509_REVOKED, X509_REVOKED_free)
CRYPTO_CLEANUP(X509_EXTENSION, X509_EXTENSION_free)
CRYPTO_CLEANUP(X509_STORE, X509_STORE_free)
CRYPTO_CLEANUP(X509_STORE_CTX, X509_STORE_CTX_free)
CRYPTO_CLEANUP(GENERAL_NAMES, GENERAL_NAMES_free)
CRYPTO_CLEANUP(EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free)
CRYPTO_CLEANUP(ASN1_INTEGER, ASN1_INTEGER_free)
CRYPTO_CLEANUP(ASN1_TIME, ASN1_TIME_free)
CRYPTO_CLEANUP(BIGNUM, BN_free)

/* Append the certificates of PEM to the chain. */
NODISCARD bool certificate_add_pem(struct certificate *, struct bytes pem, struct error *);
/* Append one certificate, of which the chain gets one reference more. */
NODISCARD bool certificate_add(struct certificate *, X509 *, struct error *);
/* Append the one whole DER certificate. */
NODISCARD bool certificate_add_der(struct certificate *, struct bytes der, struct error *);

NODISCARD bool certificate_time_read(const ASN1_TIME *, int64_t *, struct error *);
/* Later than CERTIFICATE_TIME_MAX is that; before 1970 is ERROR_USAGE. */
NODISCARD bool certificate_time_write(ASN1_TIME *, int64_t, struct error *);

/* Is it fit to be a commonName: 1 to CERTIFICATE_NAME_MAX bytes, nothing that moves a
 * terminal's cursor?  (OpenSSL sees to the UTF-8.) */
bool certificate_name_valid(struct bytes);

/* ---- the profile: ERROR_MALFORMED, with the reason, where it is not followed ---- */

/* The one role among its extended key usages, beside both of TLS. */
NODISCARD bool certificate_role_of(X509 *, enum certificate_role *, struct error *);
/* No RSA, no broken extensions: what is asked of every certificate. */
NODISCARD bool certificate_follows(X509 *, struct error *);
NODISCARD bool certificate_follows_root(X509 *, struct error *);
NODISCARD bool certificate_follows_issuer(X509 *, enum certificate_role, struct error *);

/* The one self-signed certificate in PEM. */
NODISCARD bool certificate_read_root(struct bytes pem, struct certificate **, struct error *);

/* Do signatures lead from SUBJECT, by way of the certificates of AMONG, to ROOT, with
 * LENGTH certificates in all?  The second, which is SUBJECT's issuer, goes to
 * *ISSUER, borrowed from AMONG or ROOT.  ERROR_SIGNATURE if not. */
NODISCARD bool certificate_leads(X509 *subject, const struct certificate *among,
	const struct certificate *root, int purpose, int length, X509 **issuer, struct error *);

/* ---- making ---- */

/* A line of an extension in the words of x509v3_config(5). */
struct certificate_extension {
	int nid;
	const char *value;
};

/* What certificate_build() needs; ISSUER NULL is self-signed. */
struct certificate_plan {
	const struct crypto_key *signer;
	X509 *issuer;
	EVP_PKEY *subject;
	const char *common_name, *organization; /* the latter may be NULL */
	int64_t not_before, not_after;
	const struct certificate_extension *extensions;
	size_t extension_count;
};

NODISCARD bool certificate_build(
	const struct certificate_plan *, struct buf *pem, struct error *);
NODISCARD bool certificate_name_add(X509_NAME *, int nid, const char *text, struct error *);
/* The first certificate of the PEM chain, which must be an issuer for ROLE and KEY's. */
NODISCARD bool certificate_read_issuer(const struct crypto_key *, struct bytes pem,
	enum certificate_role, struct certificate **, struct error *);

#endif
