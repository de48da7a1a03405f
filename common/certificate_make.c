#include <openssl/err.h>
#include <string.h>

#include "common/certificate_openssl.h"

enum { BACKDATED = 24 * 60 * 60 /* seconds an authority is older than its ceremony */ };

static const char *const role_usages[] = {
	[CERTIFICATE_COURIER] = "serverAuth,clientAuth," CERTIFICATE_ROLE_ARC ".1",
	[CERTIFICATE_DEVICE] = "serverAuth,clientAuth," CERTIFICATE_ROLE_ARC ".2",
};

static int64_t backdated(int64_t now)
{
	return now > BACKDATED ? now - BACKDATED : 0;
}

/* ---- authorities ---- */

bool certificate_make_root(const struct crypto_key *key, const char *name, int64_t now,
	struct buf *pem, struct error *err)
{
	static const struct certificate_extension extensions[] = {
		{NID_basic_constraints, "critical,CA:TRUE,pathlen:1"},
		{NID_key_usage, "critical,keyCertSign"},
	};
	const struct certificate_plan plan = {
		.signer = key,
		.subject = key->pkey,
		.common_name = name,
		.not_before = backdated(now),
		.not_after = CERTIFICATE_TIME_MAX,
		.extensions = extensions,
		.extension_count = COUNT(extensions),
	};

	return certificate_build(&plan, pem, err)
		|| error_while(err, "cannot make the fleet root");
}

static bool is_key_of(const struct crypto_key *key, X509 *x509, struct error *err)
{
	if (X509_check_private_key(x509, key->pkey) == 1)
		return true;
	ERR_clear_error();
	return error_set(err, ERROR_USAGE, "the key is not that of the certificate");
}

bool certificate_read_issuer(const struct crypto_key *key, struct bytes pem,
	enum certificate_role role, struct certificate **out, struct error *err)
{
	CLEANUP(certificate_cleanup) struct certificate *issuer = NULL;

	if (!certificate_parse(pem, &issuer, err)
		|| !certificate_follows_issuer(issuer->chain[0], role, err)
		|| !is_key_of(key, issuer->chain[0], err))
		return false;
	*out = issuer;
	issuer = NULL;
	return true;
}

/* The text of the first commonName, or "" where there is none that fits. */
static void name_of(X509 *x509, char name[static CERTIFICATE_NAME_MAX + 1])
{
	const X509_NAME *const subject = X509_get_subject_name(x509);
	const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	uint8_t *text = NULL;
	const int len = at < 0
		? -1
		: ASN1_STRING_to_UTF8(
			&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));

	name[0] = 0;
	if (len > 0 && len <= CERTIFICATE_NAME_MAX)
		memcpy(name, text, (size_t)len + 1);
	OPENSSL_free(text);
}

bool certificate_make_issuer(const struct crypto_key *key, struct bytes root_pem,
	const struct crypto_public *subject, enum certificate_role role, int64_t now,
	struct buf *pem, struct error *err)
{
	const bool courier = role == CERTIFICATE_COURIER;
	const struct certificate_extension extensions[] = {
		{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
		{NID_key_usage,
			courier ? "critical,keyCertSign,cRLSign" : "critical,keyCertSign"},
		{NID_ext_key_usage, role_usages[role]},
	};
	CLEANUP(certificate_cleanup) struct certificate *root = NULL;
	char fleet[CERTIFICATE_NAME_MAX + 1];

	if (!certificate_read_root(root_pem, &root, err)
		|| !is_key_of(key, root->chain[0], err))
		return error_while(err, "cannot make an issuer");
	name_of(root->chain[0], fleet);

	const struct certificate_plan plan = {
		.signer = key,
		.issuer = root->chain[0],
		.subject = subject->pkey,
		.common_name = courier ? "courier issuer" : "device issuer",
		.organization = fleet,
		.not_before = backdated(now),
		.not_after = CERTIFICATE_TIME_MAX,
		.extensions = extensions,
		.extension_count = COUNT(extensions),
	};

	return certificate_build(&plan, pem, err) || error_while(err, "cannot make an issuer");
}

/* ---- leaves ---- */

static bool is_usable(const struct certificate_holder *holder, struct error *err)
{
	const bool courier = holder->role == CERTIFICATE_COURIER;

	if (!courier && holder->role != CERTIFICATE_DEVICE)
		return error_set(err, ERROR_USAGE, "neither a courier nor a device");
	if (!certificate_id_valid(holder->id))
		return error_set(err, ERROR_USAGE,
			"an id has 1 to %d of A-Z a-z 0-9 . _ -, not first . or -",
			CERTIFICATE_ID_MAX);
	if (holder->group_count > (courier ? CERTIFICATE_GROUPS_MAX : 1U))
		return error_set(err, ERROR_USAGE, "too many groups");
	for (size_t i = 0; i < holder->group_count; i++)
		if (!certificate_id_valid(holder->groups[i]))
			return error_set(err, ERROR_USAGE, "a group is spelt like an id");
	if (courier && holder->has_identity)
		return error_set(err, ERROR_USAGE, "a courier has no device's identity");
	if (holder->not_before > holder->not_after)
		return error_set(err, ERROR_USAGE, "a validity that ends before it begins");
	return true;
}

/* What the profile's characters allow needs no quoting in x509v3_config(5). */
static bool write_uris(
	const struct certificate_holder *holder, struct buf *text, struct error *err)
{
	char identity[DIGEST_TEXT];

	if (!buf_print(text, err, "URI:urn:%s:%s",
		    holder->role == CERTIFICATE_COURIER ? "courier" : "device", holder->id))
		return false;
	for (size_t i = 0; i < holder->group_count; i++)
		if (!buf_print(text, err, ",URI:urn:courier-group:%s", holder->groups[i]))
			return false;
	digest_text(&holder->identity, identity);
	return !holder->has_identity
		|| buf_print(text, err, ",URI:urn:device-identity:sha256:%s", identity);
}

/* ISSUER NULL: self-signed. */
static bool build_leaf(const struct crypto_key *signer, X509 *issuer, EVP_PKEY *subject,
	const struct certificate_holder *holder, struct buf *pem, struct error *err)
{
	CLEANUP(buf_free) struct buf uris = {0};
	const char *names = NULL;

	if (!is_usable(holder, err) || !write_uris(holder, &uris, err)
		|| !buf_text(&uris, &names, err))
		return false;

	const struct certificate_extension extensions[] = {
		{NID_basic_constraints, "critical,CA:FALSE"},
		{NID_key_usage, "critical,digitalSignature"},
		{NID_ext_key_usage, role_usages[holder->role]},
		{NID_subject_alt_name, names},
	};
	const struct certificate_plan plan = {
		.signer = signer,
		.issuer = issuer,
		.subject = subject,
		.common_name = holder->role == CERTIFICATE_DEVICE ? holder->id : holder->name,
		.not_before = holder->not_before,
		.not_after = holder->not_after,
		.extensions = extensions,
		.extension_count = COUNT(extensions),
	};

	return certificate_build(&plan, pem, err);
}

bool certificate_make_leaf(const struct crypto_key *key, struct bytes issuer_pem,
	const struct crypto_public *subject, const struct certificate_holder *holder,
	struct buf *pem, struct error *err)
{
	CLEANUP(certificate_cleanup) struct certificate *issuer = NULL;
	CLEANUP(buf_free) struct buf made = {0};

	if (strcmp(holder->id, CERTIFICATE_UNCERTIFIED) == 0)
		return error_set(err, ERROR_USAGE, "the id \"%s\" means that there is none",
			CERTIFICATE_UNCERTIFIED);
	if (!certificate_read_issuer(key, issuer_pem, holder->role, &issuer, err)
		|| !build_leaf(key, issuer->chain[0], subject->pkey, holder, &made, err))
		return error_while(err, "cannot certify %s", holder->id);

	const struct certificate above = {{issuer->chain[0]}, 1};

	return certificate_pem(&above, &made, err) && buf_append(pem, buf_bytes(&made), err);
}

bool certificate_make_uncertified(
	const struct crypto_key *key, struct buf *pem, struct error *err)
{
	const struct certificate_holder holder = {
		.role = CERTIFICATE_DEVICE,
		.id = CERTIFICATE_UNCERTIFIED,
		.not_before = 0, /* the device may not know the time */
		.not_after = CERTIFICATE_TIME_MAX,
	};

	return build_leaf(key, NULL, key->pkey, &holder, pem, err)
		|| error_while(err, "cannot make a certificate for the device");
}
