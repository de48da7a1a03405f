/*
 * crypto_openssl.h - OpenSSL behind crypto.h and certificate.h, for the files that
 * implement them and nobody else.
 *
 * Every failure of OpenSSL leaves through crypto_fail(), which empties its error
 * queue: what stays there would be blamed on the next caller.
 */
#ifndef COMMON_CRYPTO_OPENSSL_H
#define COMMON_CRYPTO_OPENSSL_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "common/crypto.h"

struct crypto_key {
	EVP_PKEY *pkey;
	enum crypto_kind kind;
};

struct crypto_public {
	EVP_PKEY *pkey;
	enum crypto_kind kind;
};

/* error_set() with OpenSSL's last reason, if there is one, after the text. */
bool crypto_fail(struct error *, enum error_code, const char *fmt, ...) PRINTF(3, 4);
#define crypto_fail(...) ((void)(crypto_fail)(__VA_ARGS__), false)

/* What kind of key it is: ERROR_MALFORMED for those we do not accept. */
NODISCARD bool crypto_kind_of(const EVP_PKEY *, enum crypto_kind *, struct error *);

/* A key of ours around PKEY, which gets one reference more; RSA is ERROR_USAGE. */
NODISCARD bool crypto_key_wrap(EVP_PKEY *, struct crypto_key **, struct error *);

/* A public key of ours around PKEY, which must hold no private half and gets one
 * reference more. */
NODISCARD bool crypto_public_wrap(EVP_PKEY *, struct crypto_public **, struct error *);

/* The digest that signatures by keys of this kind are made with; NULL for Ed25519,
 * which signs the message itself. */
const EVP_MD *crypto_signing_digest(enum crypto_kind);

/* One PEM block (RFC 7468): its label and what it holds, wiped by crypto_pem_done(). */
struct crypto_pem {
	char *label;
	uint8_t *der;
	size_t len; /* bytes of DER */
};

/* Take the first block off *TEXT.  Only white space may stand before it; *FOUND is
 * false when there is nothing else.  Headers as in RFC 1421 are refused. */
NODISCARD bool crypto_pem_next(
	struct bytes *text, struct crypto_pem *, bool *found, struct error *);
/* The same from a BIO, for keys: their text enters no buffer of ours. */
NODISCARD bool crypto_pem_read(BIO *, struct crypto_pem *, struct error *);
/* What may stand between blocks. */
bool crypto_pem_is_space(uint8_t);
/* Append one block to PEM. */
NODISCARD bool crypto_pem_append(
	struct buf *pem, const char *label, struct bytes der, struct error *);
void crypto_pem_done(struct crypto_pem *);

/* NOLINTBEGIN(bugprone-macro-parentheses): a type stands in none */
#define CRYPTO_CLEANUP(type, release)                                                          \
	static inline void drop_##type(type **it)                                              \
	{                                                                                      \
		release(*it);                                                                  \
	}
/* NOLINTEND(bugprone-macro-parentheses) */

CRYPTO_CLEANUP(BIO, BIO_free)
CRYPTO_CLEANUP(EVP_PKEY, EVP_PKEY_free)
CRYPTO_CLEANUP(EVP_MD_CTX, EVP_MD_CTX_free)
CRYPTO_CLEANUP(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free)

#endif
