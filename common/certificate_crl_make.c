#include <openssl/err.h>

#include "common/certificate_openssl.h"

static bool revoke(X509_CRL *crl, const uint8_t serial[CERTIFICATE_SERIAL_SIZE], int64_t now,
	struct error *err)
{
	CLEANUP(drop_BIGNUM) BIGNUM *value = BN_bin2bn(serial, CERTIFICATE_SERIAL_SIZE, NULL);
	CLEANUP(drop_ASN1_INTEGER)
	ASN1_INTEGER *number = value == NULL ? NULL : BN_to_ASN1_INTEGER(value, NULL);
	CLEANUP(drop_ASN1_TIME) ASN1_TIME *when = ASN1_TIME_new();
	CLEANUP(drop_X509_REVOKED) X509_REVOKED *entry = X509_REVOKED_new();

	if (number == NULL || when == NULL || entry == NULL)
		return crypto_fail(err, ERROR_FAILED, "cannot revoke");
	if (!certificate_time_write(when, now, err))
		return false;
	if (X509_REVOKED_set_serialNumber(entry, number) != 1
		|| X509_REVOKED_set_revocationDate(entry, when) != 1
		|| X509_CRL_add0_revoked(crl, entry) != 1)
		return crypto_fail(err, ERROR_FAILED, "cannot revoke");
	entry = NULL;
	return true;
}

static bool put_times(X509_CRL *crl, int64_t now, struct error *err)
{
	CLEANUP(drop_ASN1_TIME) ASN1_TIME *from = ASN1_TIME_new();
	CLEANUP(drop_ASN1_TIME) ASN1_TIME *until = ASN1_TIME_new();

	if (from == NULL || until == NULL)
		return crypto_fail(err, ERROR_FAILED, "cannot write a time");
	if (!certificate_time_write(from, now, err)
		|| !certificate_time_write(until, CERTIFICATE_TIME_MAX, err))
		return false;
	if (X509_CRL_set1_lastUpdate(crl, from) != 1
		|| X509_CRL_set1_nextUpdate(crl, until) != 1)
		return crypto_fail(err, ERROR_FAILED, "cannot write a time");
	return true;
}

static bool put_number(X509_CRL *crl, int64_t number, struct error *err)
{
	CLEANUP(drop_ASN1_INTEGER) ASN1_INTEGER *value = ASN1_INTEGER_new();

	if (value == NULL || ASN1_INTEGER_set_int64(value, number) != 1
		|| X509_CRL_add1_ext_i2d(crl, NID_crl_number, value, 0, X509V3_ADD_DEFAULT)
			!= 1)
		return crypto_fail(err, ERROR_FAILED, "cannot write the number");
	return true;
}

static bool put_issuer(X509_CRL *crl, X509 *issuer, struct error *err)
{
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, issuer, NULL, NULL, crl, 0);

	CLEANUP(drop_X509_EXTENSION)
	X509_EXTENSION *whose = X509V3_EXT_nconf_nid(
		NULL, &ctx, NID_authority_key_identifier, "keyid:always");

	if (X509_CRL_set_version(crl, X509_CRL_VERSION_2) != 1
		|| X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer)) != 1
		|| whose == NULL || X509_CRL_add_ext(crl, whose, -1) != 1)
		return crypto_fail(err, ERROR_FAILED, "cannot name the issuer");
	return true;
}

static bool seal(
	X509_CRL *crl, const struct crypto_key *key, struct buf *pem, struct error *err)
{
	uint8_t *at = NULL;

	if (X509_CRL_sort(crl) != 1
		|| X509_CRL_sign(crl, key->pkey, crypto_signing_digest(key->kind)) <= 0)
		return crypto_fail(err, ERROR_FAILED, "cannot sign");

	const int len = i2d_X509_CRL(crl, &at);

	if (len <= 0)
		return crypto_fail(err, ERROR_FAILED, "cannot encode");

	const bool ok = len <= CERTIFICATE_CRL_MAX
		? crypto_pem_append(pem, "X509 CRL", (struct bytes){at, (size_t)len}, err)
		: error_set(
			err, ERROR_USAGE, "it would have over %d bytes", CERTIFICATE_CRL_MAX);

	OPENSSL_free(at);
	return ok;
}

bool certificate_make_crl(const struct crypto_key *key, struct bytes issuer_pem, int64_t number,
	int64_t now, const uint8_t (*serials)[CERTIFICATE_SERIAL_SIZE], size_t count,
	struct buf *pem, struct error *err)
{
	CLEANUP(certificate_cleanup) struct certificate *issuer = NULL;
	CLEANUP(drop_X509_CRL) X509_CRL *crl = X509_CRL_new();

	if (crl == NULL)
		return crypto_fail(err, ERROR_FAILED, "cannot make a revocation list");
	if (number < 1)
		return error_set(err, ERROR_USAGE, "a revocation list is numbered from 1");
	if (!certificate_read_issuer(key, issuer_pem, CERTIFICATE_COURIER, &issuer, err)
		|| !put_issuer(crl, issuer->chain[0], err) || !put_times(crl, now, err)
		|| !put_number(crl, number, err))
		return error_while(err, "revocation list");
	for (size_t i = 0; i < count; i++)
		if (!revoke(crl, serials[i], now, err))
			return error_while(err, "revocation list");
	return seal(crl, key, pem, err) || error_while(err, "revocation list");
}
