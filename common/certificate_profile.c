#include <openssl/err.h>
#include <string.h>

#include "common/certificate_openssl.h"

bool certificate_name_valid(struct bytes name)
{
	if (name.len == 0 || name.len > CERTIFICATE_NAME_MAX)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		const bool c1 = name.at[i] == 0xc2 && i + 1 < name.len && name.at[i + 1] < 0xa0;

		if (name.at[i] < ' ' || name.at[i] == 0x7f || c1)
			return false;
	}
	return true;
}

/* The bits of usage_bits() and the usages they stand for. */
enum { USAGE_SERVER = 1, USAGE_CLIENT = 2, USAGE_COURIER = 4, USAGE_DEVICE = 8 };

static const char *const usage_names[] = {
	"1.3.6.1.5.5.7.3.1",
	"1.3.6.1.5.5.7.3.2",
	CERTIFICATE_ROLE_ARC ".1",
	CERTIFICATE_ROLE_ARC ".2",
};

static unsigned usage_bit(const ASN1_OBJECT *usage)
{
	char text[128] = "";

	(void)OBJ_obj2txt(text, sizeof(text), usage, 1);
	for (size_t i = 0; i < COUNT(usage_names); i++)
		if (strcmp(text, usage_names[i]) == 0)
			return 1U << i;
	return 0;
}

static unsigned usage_bits(X509 *x509)
{
	CLEANUP(drop_EXTENDED_KEY_USAGE)
	EXTENDED_KEY_USAGE *usages = X509_get_ext_d2i(x509, NID_ext_key_usage, NULL, NULL);
	unsigned bits = 0;

	for (int i = 0; i < sk_ASN1_OBJECT_num(usages); i++)
		bits |= usage_bit(sk_ASN1_OBJECT_value(usages, i));
	ERR_clear_error();
	return bits;
}

bool certificate_role_of(X509 *x509, enum certificate_role *role, struct error *err)
{
	static const struct {
		unsigned bits;
		enum certificate_role role;
	} meanings[] = {
		{USAGE_SERVER | USAGE_CLIENT | USAGE_COURIER, CERTIFICATE_COURIER},
		{USAGE_SERVER | USAGE_CLIENT | USAGE_DEVICE, CERTIFICATE_DEVICE},
	};
	const unsigned bits = usage_bits(x509);

	for (size_t i = 0; i < COUNT(meanings); i++)
		if (meanings[i].bits == bits) {
			*role = meanings[i].role;
			return true;
		}
	return error_set(err, ERROR_MALFORMED, "certificate of neither a courier nor a device");
}

bool certificate_follows(X509 *x509, struct error *err)
{
	EVP_PKEY *const pkey = X509_get0_pubkey(x509);
	enum crypto_kind kind = CRYPTO_RSA;

	if ((X509_get_extension_flags(x509) & EXFLAG_INVALID) != 0
		|| X509_get_version(x509) != X509_VERSION_3)
		return crypto_fail(err, ERROR_MALFORMED, "certificate with broken extensions");
	if (pkey == NULL)
		return crypto_fail(err, ERROR_MALFORMED, "certificate without a usable key");
	if (!crypto_kind_of(pkey, &kind, err))
		return error_while(err, "certificate");
	if (kind == CRYPTO_RSA)
		return error_set(err, ERROR_MALFORMED, "certificate for an RSA key");
	return true;
}

static bool follows_ca(X509 *x509, long pathlen, struct error *err)
{
	const uint32_t flags = X509_get_extension_flags(x509);
	const uint32_t wanted = EXFLAG_BCONS | EXFLAG_CA | EXFLAG_KUSAGE;

	if (!certificate_follows(x509, err))
		return false;
	if ((flags & wanted) != wanted || (X509_get_key_usage(x509) & KU_KEY_CERT_SIGN) == 0)
		return error_set(err, ERROR_MALFORMED, "certificate that may not issue others");
	if (X509_get_pathlen(x509) != pathlen)
		return error_set(err, ERROR_MALFORMED,
			"issuing certificate with path length %ld instead of %ld",
			X509_get_pathlen(x509), pathlen);
	return true;
}

bool certificate_follows_root(X509 *x509, struct error *err)
{
	return follows_ca(x509, 1, err);
}

bool certificate_follows_issuer(X509 *x509, enum certificate_role role, struct error *err)
{
	enum certificate_role found = role;

	if (!follows_ca(x509, 0, err) || !certificate_role_of(x509, &found, err))
		return error_while(err, "issuer");
	if (found != role)
		return error_set(err, ERROR_MALFORMED, "issuer of %s, not of %s",
			found == CERTIFICATE_COURIER ? "couriers" : "devices",
			role == CERTIFICATE_COURIER ? "couriers" : "devices");
	return true;
}
