#include <openssl/err.h>
#include <string.h>

#include "common/certificate_openssl.h"

static bool fill(X509_REQ *request, const struct crypto_key *key, const char *common_name,
	struct error *err)
{
	if (X509_REQ_set_version(request, X509_REQ_VERSION_1) != 1
		|| X509_REQ_set_pubkey(request, key->pkey) != 1)
		return crypto_fail(err, ERROR_FAILED, "cannot write");
	if (!certificate_name_add(
		    X509_REQ_get_subject_name(request), NID_commonName, common_name, err))
		return false;
	if (X509_REQ_sign(request, key->pkey, crypto_signing_digest(key->kind)) <= 0)
		return crypto_fail(err, ERROR_FAILED, "cannot sign");
	return true;
}

static bool append(X509_REQ *request, struct buf *pem, struct error *err)
{
	uint8_t *at = NULL;
	const int len = i2d_X509_REQ(request, &at);

	if (len <= 0)
		return crypto_fail(err, ERROR_FAILED, "cannot encode");

	const bool ok = crypto_pem_append(
		pem, "CERTIFICATE REQUEST", (struct bytes){at, (size_t)len}, err);

	OPENSSL_free(at);
	return ok;
}

bool certificate_request_make(const struct crypto_key *key, const char *common_name,
	struct buf *pem, struct error *err)
{
	CLEANUP(drop_X509_REQ) X509_REQ *request = X509_REQ_new();

	if (request == NULL)
		return crypto_fail(err, ERROR_FAILED, "cannot make a certificate request");
	return (fill(request, key, common_name, err) && append(request, pem, err))
		|| error_while(err, "cannot make a certificate request");
}

static bool read_request(struct bytes text, X509_REQ **request, struct error *err)
{
	CLEANUP(crypto_pem_done) struct crypto_pem pem = {0}, more = {0};
	bool found = false, another = false;

	if (text.len > CERTIFICATE_PEM_MAX)
		return error_set(err, ERROR_MALFORMED, "over %d bytes", CERTIFICATE_PEM_MAX);
	if (!crypto_pem_next(&text, &pem, &found, err)
		|| !crypto_pem_next(&text, &more, &another, err))
		return false;
	if (!found || another
		|| (strcmp(pem.label, "CERTIFICATE REQUEST") != 0
			&& strcmp(pem.label, "NEW CERTIFICATE REQUEST") != 0))
		return error_set(err, ERROR_MALFORMED, "not one request in PEM");

	const uint8_t *at = pem.der;

	*request = d2i_X509_REQ(NULL, &at, (long)pem.len);
	if (*request == NULL || at != pem.der + pem.len)
		return crypto_fail(err, ERROR_MALFORMED, "does not parse");
	return true;
}

bool certificate_request_open(struct bytes pem, struct crypto_public **out, struct error *err)
{
	CLEANUP(drop_X509_REQ) X509_REQ *request = NULL;
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;

	if (!read_request(pem, &request, err))
		return error_while(err, "certificate request");

	EVP_PKEY *const pkey = X509_REQ_get0_pubkey(request);

	if (pkey == NULL)
		return crypto_fail(err, ERROR_MALFORMED, "certificate request: no usable key");
	if (!crypto_public_wrap(pkey, &public, err))
		return error_while(err, "certificate request");
	if (public->kind == CRYPTO_RSA)
		return error_set(err, ERROR_USAGE, "certificate request: for an RSA key");
	if (X509_REQ_verify(request, pkey) != 1) {
		ERR_clear_error();
		return error_set(err, ERROR_SIGNATURE,
			"certificate request: not signed by the key in it");
	}
	*out = public;
	public = NULL;
	return true;
}
