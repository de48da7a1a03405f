/*
 * authority.h - the operator's directory: the fleet root, its two issuers, and what
 * they issued.
 *
 *	fleet.json               the fleet's name; written last: without it nothing is valid
 *	root.pem                 the fleet root's certificate
 *	root/key.pem             its key: for an offline machine, no daily command reads it
 *	device-issuer/           key.pem, certificate.pem
 *	courier-issuer/          key.pem, certificate.pem
 *	crl.pem                  the newest CRL, and the courier issuer that signed it
 *	artifact-keys/           public keys that artifacts are signed with
 *	couriers/ID/, devices/ID/  records (record.h)
 *	issued.log               what was issued, a JSON object a line; "previous" is the
 *	                         SHA-256 of the line before, without its newline
 *	lock                     held by a command that changes something
 *
 * Keys are PKCS#8 in PEM, encrypted.  Every file is replaced whole and durably.
 */
#ifndef COURIER_ADMIN_AUTHORITY_H
#define COURIER_ADMIN_AUTHORITY_H

#include <limits.h>

#include "common/certificate.h"
#include "common/json.h"
#include "courier/passphrase.h"

enum {
	AUTHORITY_VERSION = 1,
	AUTHORITY_FILE_MAX = 65536,        /* bytes of a small file */
	AUTHORITY_LOG_MAX = 256 * 1048576, /* bytes of issued.log */
	AUTHORITY_ARTIFACT_KEYS_MAX = 16,
	AUTHORITY_PASSPHRASE_MIN = 8, /* bytes of a new passphrase */
};

/* How each key's passphrase comes. */
struct authority_unlock {
	struct unlock root, issuer[CERTIFICATE_DEVICE + 1]; /* by enum certificate_role */
};

struct authority {
	char *directory;
	char fleet[CERTIFICATE_NAME_MAX + 1];
	struct buf root, crl, issuer[CERTIFICATE_DEVICE + 1]; /* PEM */
	struct digest last; /* of the last line of issued.log */
	int lock;           /* descriptor; -1: not held */
};

/* Make a new one in DIRECTORY, which must be empty or not exist. */
NODISCARD bool authority_create(const char *directory, const char *fleet,
	const struct authority_unlock *, int64_t now, struct error *);
/* ERROR_DAMAGED when a certificate or the log does not fit the rest.  CHANGE: hold the lock
 * (ERROR_BUSY).  Caller's memory. */
NODISCARD bool authority_open(
	const char *directory, bool change, struct authority *, struct error *);
void authority_close(struct authority *); /* zero, with a lock of -1, is fine */

/* A path inside, of at most PATH_MAX characters. */
NODISCARD bool authority_path(const struct authority *, char path[static PATH_MAX],
	struct error *, const char *fmt, ...) PRINTF(4, 5);

/* Call VISIT with each id that names something in DIRECTORY ("couriers"), sorted. */
NODISCARD bool authority_each_id(const struct authority *, const char *directory,
	bool (*visit)(void *self, const char *id, struct error *), void *self, struct error *);

/* The issuer of ROLE's key; asks for its passphrase. */
NODISCARD bool authority_issuer_key(const struct authority *, enum certificate_role,
	const struct authority_unlock *, struct crypto_key **, struct error *);

/* Add EVENT with MEMBERS (copied; may be NULL) to issued.log.  Durable. */
NODISCARD bool authority_log(struct authority *, const char *event, int64_t now,
	const struct json *members, struct error *);
/* Does issued.log have the certificate of that fingerprint? */
NODISCARD bool authority_log_has(const struct authority *, const struct digest *certificate,
	bool *found, struct error *);

/* A certificate for HOLDER, logged before it is given out.  Appends the chain's PEM. */
NODISCARD bool authority_certify(struct authority *, const struct crypto_key *issuer,
	const struct crypto_public *, const struct certificate_holder *, struct buf *chain,
	struct error *);

/* Remember the public key in the PEM file at PATH as one that signs artifacts. */
NODISCARD bool authority_artifact_key_add(
	const struct authority *, const char *path, struct error *);
/* All of them, in PEM, sorted by fingerprint: an allocated array of allocated texts. */
NODISCARD bool authority_artifact_keys(
	const struct authority *, char ***keys, size_t *count, struct error *);
void authority_texts_free(char **texts, size_t count);

#endif
