#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "common/certificate_openssl.h"

/* Base64 in lines of 64 characters, and the certificates that may come along. */
enum { CRL_TEXT_MAX = CERTIFICATE_CRL_MAX / 2 * 3 + CERTIFICATE_PEM_MAX };

struct certificate_crl {
	X509_CRL *crl;
	int64_t number, this_update;
};

/* ---- parsing ---- */

static bool from_der(struct bytes der, X509_CRL **out, struct error *err)
{
	const uint8_t *at = der.at;

	if (*out != NULL)
		return error_set(err, ERROR_MALFORMED, "more than one");
	if (der.len > CERTIFICATE_CRL_MAX)
		return error_set(err, ERROR_MALFORMED, "over %d bytes", CERTIFICATE_CRL_MAX);
	*out = d2i_X509_CRL(NULL, &at, (long)der.len);
	if (*out == NULL || at != der.at + der.len)
		return crypto_fail(err, ERROR_MALFORMED, "does not parse");
	return true;
}

/* One CRL; certificates that came along go to CARRIED. */
static bool from_pem(
	struct bytes text, X509_CRL **out, struct certificate *carried, struct error *err)
{
	for (bool found = true; found;) {
		CLEANUP(crypto_pem_done) struct crypto_pem pem = {0};

		if (!crypto_pem_next(&text, &pem, &found, err))
			return false;
		if (!found)
			break;

		const struct bytes der = {pem.der, pem.len};

		if (strcmp(pem.label, "X509 CRL") == 0 ? !from_der(der, out, err)
				: strcmp(pem.label, "CERTIFICATE") == 0
				? !certificate_add_der(carried, der, err)
				: !error_set(err, ERROR_MALFORMED, "something else in PEM"))
			return false;
	}
	return *out != NULL || error_set(err, ERROR_MALFORMED, "none in PEM");
}

static bool from_bytes(
	struct bytes bytes, X509_CRL **out, struct certificate *carried, struct error *err)
{
	if (bytes.len > CRL_TEXT_MAX)
		return error_set(err, ERROR_MALFORMED, "over %d bytes", CRL_TEXT_MAX);
	if (bytes.len > 0 && bytes.at[0] == 0x30) /* SEQUENCE: DER */
		return from_der(bytes, out, err);
	return from_pem(bytes, out, carried, err);
}

/* ---- verifying ---- */

/* Critical extensions change what a CRL means (RFC 5280 5.2): one that speaks of some
 * certificates only, or only of what changed, is not one that we may rely on. */
static bool has_no_critical(const STACK_OF(X509_EXTENSION) * extensions, struct error *err)
{
	for (int i = 0; i < X509v3_get_ext_count(extensions); i++)
		if (X509_EXTENSION_get_critical(X509v3_get_ext(extensions, i)) != 0)
			return error_set(err, ERROR_MALFORMED, "with a critical extension");
	return true;
}

static bool is_plain(X509_CRL *crl, struct error *err)
{
	STACK_OF(X509_REVOKED) *const entries = X509_CRL_get_REVOKED(crl);

	if (!has_no_critical(X509_CRL_get0_extensions(crl), err))
		return false;
	for (int i = 0; i < sk_X509_REVOKED_num(entries); i++)
		if (!has_no_critical(
			    X509_REVOKED_get0_extensions(sk_X509_REVOKED_value(entries, i)),
			    err))
			return false;
	return true;
}

static bool read_number(X509_CRL *crl, int64_t *out, struct error *err)
{
	CLEANUP(drop_ASN1_INTEGER)
	ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
	int64_t value = -1;

	if (number == NULL || ASN1_INTEGER_get_int64(&value, number) != 1 || value < 0)
		return crypto_fail(err, ERROR_MALFORMED, "without a number of 63 bits");
	*out = value;
	return true;
}

/* Is ISSUER the courier issuer that signed the CRL? */
static bool signed_by(
	X509_CRL *crl, X509 *issuer, const struct certificate *root, struct error *err)
{
	X509 *above = NULL;

	if (X509_NAME_cmp(X509_get_subject_name(issuer), X509_CRL_get_issuer(crl)) != 0)
		return error_set(err, ERROR_SIGNATURE, "of another issuer");
	if (!certificate_follows_issuer(issuer, CERTIFICATE_COURIER, err)
		|| !certificate_leads(issuer, root, root, 0, 2, &above, err))
		return false;
	if ((X509_get_key_usage(issuer) & KU_CRL_SIGN) == 0)
		return error_set(err, ERROR_SIGNATURE, "its issuer may not sign CRLs");
	if (X509_CRL_verify(crl, X509_get0_pubkey(issuer)) == 1)
		return true;
	ERR_clear_error();
	return error_set(err, ERROR_SIGNATURE, "the signature does not verify");
}

static bool signed_by_one_of(X509_CRL *crl, const struct certificate *issuers,
	const struct certificate *root, struct error *err)
{
	for (size_t i = 0; i < issuers->count; i++)
		if (signed_by(crl, issuers->chain[i], root, err))
			return true;
	return false;
}

static bool authenticate(X509_CRL *crl, const struct certificate *given,
	const struct certificate *carried, struct bytes root_pem, struct error *err)
{
	CLEANUP(certificate_cleanup) struct certificate *root = NULL;
	struct error last = {0}; /* of those that did not sign it */

	if (!certificate_read_root(root_pem, &root, err))
		return false;
	(void)error_set(&last, ERROR_SIGNATURE, "no issuer is known");
	if (signed_by_one_of(crl, carried, root, &last)
		|| signed_by_one_of(crl, given, root, &last))
		return true;
	return error_set(err, ERROR_SIGNATURE, "%s", last.text);
}

static bool parse(struct certificate_crl *list, struct bytes bytes, struct bytes issuer_pem,
	struct bytes root_pem, struct error *err)
{
	CLEANUP(certificate_cleanup) struct certificate *given = calloc(1, sizeof(*given));
	CLEANUP(certificate_cleanup) struct certificate *carried = calloc(1, sizeof(*carried));

	if (given == NULL || carried == NULL)
		return error_errno(err, "cannot allocate");
	if (issuer_pem.len > CERTIFICATE_PEM_MAX)
		return error_set(err, ERROR_MALFORMED, "its issuers have over %d bytes",
			CERTIFICATE_PEM_MAX);
	return from_bytes(bytes, &list->crl, carried, err)
		&& certificate_add_pem(given, issuer_pem, err)
		&& authenticate(list->crl, given, carried, root_pem, err)
		&& is_plain(list->crl, err) && read_number(list->crl, &list->number, err)
		&& certificate_time_read(
			X509_CRL_get0_lastUpdate(list->crl), &list->this_update, err);
}

bool certificate_crl_parse(struct bytes crl, struct bytes issuer_pem, struct bytes root_pem,
	struct certificate_crl **out, struct error *err)
{
	CLEANUP(certificate_crl_cleanup)
	struct certificate_crl *list = calloc(1, sizeof(*list));

	if (list == NULL)
		return error_errno(err, "cannot allocate a revocation list");
	if (!parse(list, crl, issuer_pem, root_pem, err))
		return error_while(err, "revocation list");
	*out = list;
	list = NULL;
	return true;
}

/* ---- asking ---- */

int64_t certificate_crl_number(const struct certificate_crl *list)
{
	return list->number;
}

int64_t certificate_crl_this_update(const struct certificate_crl *list)
{
	return list->this_update;
}

bool certificate_crl_revokes(
	const struct certificate_crl *list, const struct certificate *chain)
{
	const X509 *const leaf = chain->chain[0];
	X509_REVOKED *entry = NULL;

	return X509_NAME_cmp(X509_CRL_get_issuer(list->crl), X509_get_issuer_name(leaf)) == 0
		&& X509_CRL_get0_by_serial(list->crl, &entry, X509_get0_serialNumber(leaf))
		!= 0;
}

void certificate_crl_free(struct certificate_crl *list)
{
	if (list == NULL)
		return;
	X509_CRL_free(list->crl);
	free(list);
}

void certificate_crl_cleanup(struct certificate_crl **list)
{
	certificate_crl_free(*list);
}
