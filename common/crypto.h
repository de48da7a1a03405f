/*
 * crypto.h - every primitive the project uses, over OpenSSL and nothing else.
 *
 * Ed25519 is what we choose (RFC 8032); device keys may be P-256 (TPMs); RSA is
 * accepted only to verify artifacts that somebody else signed.
 */
#ifndef COMMON_CRYPTO_H
#define COMMON_CRYPTO_H

#include "common/bytes.h"
#include "common/secret.h"

void crypto_base64_encode(struct bytes, char *text); /* 4 * ((len + 2) / 3) + 1 characters */
NODISCARD bool crypto_base64_append(struct buf *, struct bytes, struct error *);
/* Strict, padded, standard alphabet, no line breaks; appends what it decodes. */
NODISCARD bool crypto_base64_decode(struct bytes text, struct buf *, struct error *);

NODISCARD bool crypto_random(void *at, size_t len, struct error *);

/* ---- digests ---- */

struct crypto_hash; /* a SHA-256 in the making */

NODISCARD bool crypto_hash_new(struct crypto_hash **, struct error *);
NODISCARD bool crypto_hash_add(struct crypto_hash *, struct bytes, struct error *);
/* The digest of what was added so far; more may be added afterwards. */
NODISCARD bool crypto_hash_peek(const struct crypto_hash *, struct digest *, struct error *);
void crypto_hash_free(struct crypto_hash *);
void crypto_hash_cleanup(struct crypto_hash **);

enum { CRYPTO_SHA512_SIZE = 64 };

/* The same with SHA-512, only where somebody else chose it: crypto_hash_peek() of such
 * a hash, and crypto_hash_peek_512() of the other, is ERROR_USAGE. */
NODISCARD bool crypto_hash_new_512(struct crypto_hash **, struct error *);
NODISCARD bool crypto_hash_peek_512(
	const struct crypto_hash *, uint8_t at[static CRYPTO_SHA512_SIZE], struct error *);

NODISCARD bool crypto_sha256(struct bytes, struct digest *, struct error *);
NODISCARD bool crypto_hmac(
	const struct secret *, struct bytes, struct digest *, struct error *);

/* ---- keys ---- */

enum crypto_kind { CRYPTO_ED25519, CRYPTO_P256, CRYPTO_RSA };

struct crypto_key;    /* a private key and its public half */
struct crypto_public; /* a public key */

NODISCARD bool crypto_key_generate(enum crypto_kind, struct crypto_key **, struct error *);
/* An Ed25519 key from its 32-byte seed, and back (ERROR_USAGE for other kinds). */
NODISCARD bool crypto_key_from_seed(
	const struct secret *, struct crypto_key **, struct error *);
NODISCARD bool crypto_key_seed(const struct crypto_key *, struct secret *, struct error *);
/* PKCS#8 PEM at PATH, mode 0600, durable; encrypted (PBES2, AES-256, scrypt) when
 * PASSPHRASE is not NULL.  A wrong passphrase is ERROR_UNAUTHORISED. */
NODISCARD bool crypto_key_save(
	const struct crypto_key *, const char *path, const struct passphrase *, struct error *);
NODISCARD bool crypto_key_load(
	const char *path, const struct passphrase *, struct crypto_key **, struct error *);
void crypto_key_free(struct crypto_key *);
void crypto_key_cleanup(struct crypto_key **);

/* SubjectPublicKeyInfo, one PEM block and nothing but white space after it.  RSA
 * below 2048 bits and any curve but P-256 are refused. */
NODISCARD bool crypto_public_parse(struct bytes pem, struct crypto_public **, struct error *);
NODISCARD bool crypto_public_of(
	const struct crypto_key *, struct crypto_public **, struct error *);
NODISCARD bool crypto_public_pem(const struct crypto_public *, struct buf *, struct error *);
/* SHA-256 of the DER SubjectPublicKeyInfo: what "fingerprint" means everywhere. */
NODISCARD bool crypto_public_fingerprint(
	const struct crypto_public *, struct digest *, struct error *);
enum crypto_kind crypto_public_kind(const struct crypto_public *);
enum { CRYPTO_ED25519_SIZE = 32 };
/* An Ed25519 public key from the bytes of RFC 8032. */
NODISCARD bool crypto_public_ed25519(
	const uint8_t at[static CRYPTO_ED25519_SIZE], struct crypto_public **, struct error *);
/* And back; ERROR_USAGE for a key of another kind. */
NODISCARD bool crypto_public_ed25519_bytes(
	const struct crypto_public *, uint8_t at[static CRYPTO_ED25519_SIZE], struct error *);
void crypto_public_free(struct crypto_public *);
void crypto_public_cleanup(struct crypto_public **);

/* ---- signatures ---- */

enum { CRYPTO_SIGNATURE_MAX = 1024 }; /* bytes: RSA-8192 */

struct crypto_signature {
	uint8_t at[CRYPTO_SIGNATURE_MAX];
	size_t len;
};

/* Ed25519: over the message itself.  P-256: ECDSA with SHA-256, DER. */
NODISCARD bool crypto_sign(const struct crypto_key *, struct bytes message,
	struct crypto_signature *, struct error *);

/* Also RSA PKCS#1 v1.5 with SHA-256.  A signature that does not verify is
 * ERROR_SIGNATURE. */
NODISCARD bool crypto_verify(const struct crypto_public *, struct bytes message,
	struct bytes signature, struct error *);

/* As crypto_verify() of an RSA key, but PSS with SHA-256 in both places and a salt of
 * any length; ERROR_USAGE for another kind of key. */
NODISCARD bool crypto_verify_pss(const struct crypto_public *, struct bytes message,
	struct bytes signature, struct error *);

/* As crypto_verify(), but P-256 signatures may also be r || s, big-endian, 32
 * bytes each: what mender-artifact writes. */
NODISCARD bool crypto_verify_artifact(const struct crypto_public *, struct bytes message,
	struct bytes signature, struct error *);

/* ---- sealing ---- */

enum {
	CRYPTO_SEAL_OVERHEAD = 12 + 16, /* bytes: nonce before, tag after */
	CRYPTO_SALT_SIZE = 16,
};

/* Cost of a passphrase: scrypt N = 2^log_n, r, p (RFC 7914). */
struct crypto_cost {
	uint8_t log_n, r, p;
};

/* About 128 * 2^log_n * r bytes of memory.  ERROR_USAGE if that is over 1 GiB. */
NODISCARD bool crypto_stretch(const struct passphrase *, const uint8_t salt[CRYPTO_SALT_SIZE],
	struct crypto_cost, struct secret *, struct error *);

/* A key for one purpose from a key for many: HKDF-SHA256, LABEL as info. */
NODISCARD bool crypto_derive(
	const struct secret *, const char *label, struct secret *, struct error *);

/* AES-256-GCM with a random nonce: nonce || ciphertext || tag, appended to OUT.
 * At most 2^32 times per key. */
NODISCARD bool crypto_seal(const struct secret *, struct bytes associated, struct bytes plain,
	struct buf *out, struct error *);
/* Appends the plaintext to OUT; ERROR_DAMAGED, and nothing appended, if a bit of
 * either input differs. */
NODISCARD bool crypto_unseal(const struct secret *, struct bytes associated,
	struct bytes sealed, struct buf *out, struct error *);
/* The same for a key, which never enters a growable buffer. */
NODISCARD bool crypto_seal_secret(const struct secret *, struct bytes associated,
	const struct secret *plain, struct buf *out, struct error *);
NODISCARD bool crypto_unseal_secret(const struct secret *, struct bytes associated,
	struct bytes sealed, struct secret *, struct error *);

#endif
