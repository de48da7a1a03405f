#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/certificate_openssl.h"

bool certificate_id_valid(const char *text)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789_.-";
	const size_t len = strnlen(text, CERTIFICATE_ID_MAX + 1);

	return len > 0 && len <= CERTIFICATE_ID_MAX && strspn(text, letters) == len
		&& text[0] != '.' && text[0] != '-';
}

bool certificate_in_group(const struct certificate_holder *holder, const char *group)
{
	for (size_t i = 0; i < holder->group_count; i++)
		if (strcmp(holder->groups[i], group) == 0)
			return true;
	return false;
}

/* ---- reading and writing chains ---- */

bool certificate_add(struct certificate *chain, X509 *x509, struct error *err)
{
	if (chain->count == COUNT(chain->chain))
		return error_set(err, ERROR_MALFORMED, "more than %zu certificates",
			COUNT(chain->chain));
	if (X509_up_ref(x509) != 1)
		return crypto_fail(err, ERROR_FAILED, "cannot share a certificate");
	chain->chain[chain->count++] = x509;
	return true;
}

/* Is DER what we would write?  Otherwise one certificate has several fingerprints. */
static bool is_canonical(X509 *x509, struct bytes der)
{
	uint8_t *at = NULL;
	const int len = i2d_X509(x509, &at);
	const bool same = len > 0 && bytes_equal((struct bytes){at, (size_t)len}, der);

	OPENSSL_free(at);
	return same;
}

bool certificate_add_der(struct certificate *chain, struct bytes der, struct error *err)
{
	const uint8_t *at = der.at;
	CLEANUP(drop_X509) X509 *x509 = d2i_X509(NULL, &at, (long)der.len);

	if (x509 == NULL || !is_canonical(x509, der))
		return crypto_fail(err, ERROR_MALFORMED, "not a certificate");
	return certificate_add(chain, x509, err);
}

bool certificate_add_pem(struct certificate *chain, struct bytes text, struct error *err)
{
	for (bool found = true; found;) {
		CLEANUP(crypto_pem_done) struct crypto_pem pem = {0};

		if (!crypto_pem_next(&text, &pem, &found, err))
			return false;
		if (!found)
			break;
		if (strcmp(pem.label, "CERTIFICATE") != 0)
			return error_set(err, ERROR_MALFORMED, "not a certificate in PEM");
		if (!certificate_add_der(chain, (struct bytes){pem.der, pem.len}, err))
			return false;
	}
	return true;
}

bool certificate_parse(struct bytes pem, struct certificate **out, struct error *err)
{
	CLEANUP(certificate_cleanup) struct certificate *chain = calloc(1, sizeof(*chain));

	if (chain == NULL)
		return error_errno(err, "cannot allocate a certificate");
	if (pem.len > CERTIFICATE_PEM_MAX)
		return error_set(err, ERROR_MALFORMED, "certificates of over %d bytes",
			CERTIFICATE_PEM_MAX);
	if (!certificate_add_pem(chain, pem, err))
		return false;
	if (chain->count == 0)
		return error_set(err, ERROR_MALFORMED, "no certificate in PEM");
	*out = chain;
	chain = NULL;
	return true;
}

static bool append(X509 *x509, struct buf *pem, struct error *err)
{
	uint8_t *at = NULL;
	const int len = i2d_X509(x509, &at);

	if (len <= 0)
		return crypto_fail(err, ERROR_FAILED, "cannot encode a certificate");

	const bool ok
		= crypto_pem_append(pem, "CERTIFICATE", (struct bytes){at, (size_t)len}, err);

	OPENSSL_free(at);
	return ok;
}

bool certificate_pem(const struct certificate *chain, struct buf *pem, struct error *err)
{
	const size_t before = pem->len;

	for (size_t i = 0; i < chain->count; i++) {
		if (append(chain->chain[i], pem, err))
			continue;
		pem->len = before;
		return false;
	}
	return true;
}

void certificate_free(struct certificate *chain)
{
	if (chain == NULL)
		return;
	for (size_t i = 0; i < chain->count; i++)
		X509_free(chain->chain[i]);
	free(chain);
}

void certificate_cleanup(struct certificate **chain)
{
	certificate_free(*chain);
}

/* ---- the leaf ---- */

static bool public_of(X509 *x509, struct crypto_public **out, struct error *err)
{
	EVP_PKEY *const pkey = X509_get0_pubkey(x509);

	if (pkey == NULL)
		return crypto_fail(err, ERROR_MALFORMED, "certificate without a usable key");
	return crypto_public_wrap(pkey, out, err);
}

bool certificate_public(
	const struct certificate *chain, struct crypto_public **out, struct error *err)
{
	return public_of(chain->chain[0], out, err);
}

bool certificate_issuer_public(
	const struct certificate *chain, struct crypto_public **out, struct error *err)
{
	if (chain->count < 2)
		return error_set(err, ERROR_MALFORMED, "certificate without its issuer");
	return public_of(chain->chain[1], out, err);
}

bool certificate_fingerprint(
	const struct certificate *chain, struct digest *out, struct error *err)
{
	struct digest digest;

	if (X509_digest(chain->chain[0], EVP_sha256(), digest.at, NULL) != 1)
		return crypto_fail(err, ERROR_FAILED, "cannot hash a certificate");
	*out = digest;
	return true;
}

bool certificate_serial(const struct certificate *chain,
	uint8_t serial[CERTIFICATE_SERIAL_SIZE], struct error *err)
{
	const ASN1_INTEGER *const number = X509_get0_serialNumber(chain->chain[0]);
	CLEANUP(drop_BIGNUM) BIGNUM *value = ASN1_INTEGER_to_BN(number, NULL);

	if (value == NULL || BN_is_negative(value)
		|| BN_bn2binpad(value, serial, CERTIFICATE_SERIAL_SIZE) < 0)
		return crypto_fail(err, ERROR_MALFORMED, "certificate with a foreign serial");
	return true;
}

/* ---- times ---- */

bool certificate_time_read(const ASN1_TIME *time, int64_t *out, struct error *err)
{
	struct tm broken = {0};

	if (ASN1_TIME_to_tm(time, &broken) != 1)
		return crypto_fail(err, ERROR_MALFORMED, "not a time");
	*out = timegm(&broken);
	return true;
}

bool certificate_time_write(ASN1_TIME *time, int64_t seconds, struct error *err)
{
	const int64_t bounded = seconds < CERTIFICATE_TIME_MAX ? seconds : CERTIFICATE_TIME_MAX;

	if (seconds < 0)
		return error_set(err, ERROR_USAGE, "a time before 1970");
	if (ASN1_TIME_set(time, bounded) == NULL)
		return crypto_fail(err, ERROR_FAILED, "cannot write a time");
	return true;
}
