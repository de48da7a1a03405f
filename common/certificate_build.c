#include <openssl/err.h>
#include <string.h>

#include "common/certificate_openssl.h"

/* Sixteen random bytes, positive and never shorter. */
static bool put_serial(X509 *x509, struct error *err)
{
	uint8_t serial[CERTIFICATE_SERIAL_SIZE];

	if (!crypto_random(serial, sizeof(serial), err))
		return false;
	serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40);

	CLEANUP(drop_BIGNUM) BIGNUM *value = BN_bin2bn(serial, sizeof(serial), NULL);

	if (value == NULL || BN_to_ASN1_INTEGER(value, X509_get_serialNumber(x509)) == NULL)
		return crypto_fail(err, ERROR_FAILED, "cannot write a serial");
	return true;
}

bool certificate_name_add(X509_NAME *name, int nid, const char *text, struct error *err)
{
	const struct bytes bytes = bytes_of(text);

	if (!certificate_name_valid(bytes))
		return error_set(err, ERROR_USAGE,
			"a name must have 1 to %d printable characters", CERTIFICATE_NAME_MAX);
	if (X509_NAME_add_entry_by_NID(
		    name, nid, MBSTRING_UTF8, bytes.at, (int)bytes.len, -1, 0)
		!= 1)
		return crypto_fail(err, ERROR_USAGE, "not a name");
	return true;
}

static bool put_names(X509 *x509, const struct certificate_plan *plan, struct error *err)
{
	X509_NAME *const subject = X509_get_subject_name(x509);

	if (plan->organization != NULL
		&& !certificate_name_add(
			subject, NID_organizationName, plan->organization, err))
		return false;
	if (!certificate_name_add(subject, NID_commonName, plan->common_name, err))
		return false;

	const X509_NAME *const issuer
		= plan->issuer == NULL ? subject : X509_get_subject_name(plan->issuer);

	if (X509_set_issuer_name(x509, issuer) != 1)
		return crypto_fail(err, ERROR_FAILED, "cannot name an issuer");
	return true;
}

static bool put_extension(
	X509 *x509, X509V3_CTX *ctx, struct certificate_extension extension, struct error *err)
{
	CLEANUP(drop_X509_EXTENSION)
	X509_EXTENSION *made = X509V3_EXT_nconf_nid(NULL, ctx, extension.nid, extension.value);

	if (made == NULL || X509_add_ext(x509, made, -1) != 1)
		return crypto_fail(err, ERROR_FAILED, "cannot write extension %s",
			OBJ_nid2sn(extension.nid));
	return true;
}

static bool put_extensions(X509 *x509, const struct certificate_plan *plan, struct error *err)
{
	static const struct certificate_extension whose_key
		= {NID_subject_key_identifier, "hash"};
	static const struct certificate_extension whose_signature
		= {NID_authority_key_identifier, "keyid:always"};
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, plan->issuer == NULL ? x509 : plan->issuer, x509, NULL, NULL, 0);
	for (size_t i = 0; i < plan->extension_count; i++)
		if (!put_extension(x509, &ctx, plan->extensions[i], err))
			return false;
	return put_extension(x509, &ctx, whose_key, err)
		&& (plan->issuer == NULL || put_extension(x509, &ctx, whose_signature, err));
}

static bool fill(X509 *x509, const struct certificate_plan *plan, struct error *err)
{
	if (X509_set_version(x509, X509_VERSION_3) != 1
		|| X509_set_pubkey(x509, plan->subject) != 1)
		return crypto_fail(err, ERROR_FAILED, "cannot write a certificate");
	return put_serial(x509, err) && put_names(x509, plan, err)
		&& certificate_time_write(X509_getm_notBefore(x509), plan->not_before, err)
		&& certificate_time_write(X509_getm_notAfter(x509), plan->not_after, err)
		&& put_extensions(x509, plan, err);
}

bool certificate_build(const struct certificate_plan *plan, struct buf *pem, struct error *err)
{
	CLEANUP(drop_X509) X509 *x509 = X509_new();
	enum crypto_kind kind = CRYPTO_RSA;

	if (!crypto_kind_of(plan->subject, &kind, err))
		return false;
	if (kind == CRYPTO_RSA)
		return error_set(err, ERROR_USAGE, "no certificates for RSA keys");
	if (x509 == NULL)
		return crypto_fail(err, ERROR_FAILED, "cannot make a certificate");
	if (!fill(x509, plan, err))
		return false;
	if (X509_sign(x509, plan->signer->pkey, crypto_signing_digest(plan->signer->kind)) <= 0)
		return crypto_fail(err, ERROR_FAILED, "cannot sign a certificate");

	const struct certificate one = {{x509}, 1};

	return certificate_pem(&one, pem, err);
}
