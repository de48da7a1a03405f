#include <openssl/err.h>
#include <string.h>
#include <strings.h>

#include "common/certificate_openssl.h"

static bool take_id(struct certificate_holder *holder, const char *text, struct error *err)
{
	if (holder->id[0] != 0)
		return error_set(err, ERROR_MALFORMED, "more than one id");
	if (!certificate_id_valid(text))
		return error_set(err, ERROR_MALFORMED, "an id of other characters");
	memcpy(holder->id, text, strlen(text) + 1);
	return true;
}

static bool take_group(struct certificate_holder *holder, const char *text, struct error *err)
{
	const size_t most = holder->role == CERTIFICATE_DEVICE ? 1 : CERTIFICATE_GROUPS_MAX;

	if (holder->group_count == most)
		return error_set(err, ERROR_MALFORMED, "more than %zu groups", most);
	if (!certificate_id_valid(text))
		return error_set(err, ERROR_MALFORMED, "a group of other characters");
	memcpy(holder->groups[holder->group_count++], text, strlen(text) + 1);
	return true;
}

static bool take_identity(
	struct certificate_holder *holder, const char *text, struct error *err)
{
	if (holder->has_identity)
		return error_set(err, ERROR_MALFORMED, "more than one identity");
	holder->has_identity = true;
	return digest_parse(text, &holder->identity, err);
}

/* The URIs of the profile: who may have them, and what they say. */
static const struct uri {
	const char *prefix;
	unsigned roles; /* bits 1 << role */
	bool (*take)(struct certificate_holder *, const char *text, struct error *);
} uris[] = {
	{"urn:courier:", 1 << CERTIFICATE_COURIER, take_id},
	{"urn:device:", 1 << CERTIFICATE_DEVICE, take_id},
	{"urn:courier-group:", 1 << CERTIFICATE_COURIER | 1 << CERTIFICATE_DEVICE, take_group},
	{"urn:device-identity:sha256:", 1 << CERTIFICATE_DEVICE, take_identity},
};

/* In the part of the name space that is ours, however it is spelt? */
static bool is_ours(struct bytes uri)
{
	static const char *const spaces[] = {"urn:courier", "urn:device"};

	for (size_t i = 0; i < COUNT(spaces); i++) {
		const size_t len = strlen(spaces[i]);

		if (uri.len >= len && strncasecmp((const char *)uri.at, spaces[i], len) == 0)
			return true;
	}
	return false;
}

static bool take_uri(struct certificate_holder *holder, struct bytes uri, struct error *err)
{
	char text[128];

	if (!is_ours(uri))
		return true;
	if (uri.len >= sizeof(text) || memchr(uri.at, 0, uri.len) != NULL)
		return error_set(err, ERROR_MALFORMED, "a malformed URI");
	memcpy(text, uri.at, uri.len);
	text[uri.len] = 0;
	for (size_t i = 0; i < COUNT(uris); i++) {
		const size_t len = strlen(uris[i].prefix);

		if (strncmp(text, uris[i].prefix, len) == 0
			&& (uris[i].roles & 1U << holder->role) != 0)
			return uris[i].take(holder, text + len, err);
	}
	return error_set(err, ERROR_MALFORMED, "a URI that its role does not have");
}

static bool read_uris(X509 *leaf, struct certificate_holder *holder, struct error *err)
{
	CLEANUP(drop_GENERAL_NAMES)
	GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);

	if (names == NULL)
		return crypto_fail(err, ERROR_MALFORMED, "no id");
	if (sk_GENERAL_NAME_num(names) > CERTIFICATE_NAMES_MAX)
		return error_set(err, ERROR_MALFORMED, "too many names");
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *const name = sk_GENERAL_NAME_value(names, i);

		if (name->type != GEN_URI)
			continue;

		const ASN1_IA5STRING *const uri = name->d.uniformResourceIdentifier;
		const struct bytes text
			= {ASN1_STRING_get0_data(uri), (size_t)ASN1_STRING_length(uri)};

		if (!take_uri(holder, text, err))
			return false;
	}
	return holder->id[0] != 0 || error_set(err, ERROR_MALFORMED, "no id");
}

static bool read_name(X509 *leaf, struct certificate_holder *holder, struct error *err)
{
	const X509_NAME *const subject = X509_get_subject_name(leaf);
	const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	uint8_t *text = NULL;

	if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
		return error_set(err, ERROR_MALFORMED, "not one commonName");

	const int len = ASN1_STRING_to_UTF8(
		&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));

	if (len < 0)
		return crypto_fail(err, ERROR_MALFORMED, "a commonName that is not text");

	const bool valid = certificate_name_valid((struct bytes){text, (size_t)len});

	if (valid)
		memcpy(holder->name, text, (size_t)len); /* the NUL is there */
	OPENSSL_free(text);
	if (!valid)
		return error_set(err, ERROR_MALFORMED, "a commonName too long or unprintable");
	return holder->role != CERTIFICATE_DEVICE || strcmp(holder->name, holder->id) == 0
		|| error_set(err, ERROR_MALFORMED, "a commonName that is not the device's id");
}

static bool read_validity(X509 *leaf, struct certificate_holder *holder, struct error *err)
{
	if (!certificate_time_read(X509_get0_notBefore(leaf), &holder->not_before, err)
		|| !certificate_time_read(X509_get0_notAfter(leaf), &holder->not_after, err))
		return false;
	return holder->not_before <= holder->not_after
		|| error_set(err, ERROR_MALFORMED, "a validity that ends before it begins");
}

static bool is_leaf(X509 *leaf, struct error *err)
{
	const uint32_t flags = X509_get_extension_flags(leaf);
	const uint32_t usage = X509_get_key_usage(leaf);

	if ((flags & EXFLAG_CA) != 0)
		return error_set(err, ERROR_MALFORMED, "it may issue others");
	if ((flags & EXFLAG_KUSAGE) == 0 || (usage & KU_DIGITAL_SIGNATURE) == 0
		|| (usage & (KU_KEY_CERT_SIGN | KU_CRL_SIGN)) != 0)
		return error_set(err, ERROR_MALFORMED, "it is not for digital signatures");
	return true;
}

bool certificate_holder(
	const struct certificate *chain, struct certificate_holder *out, struct error *err)
{
	X509 *const leaf = chain->chain[0];
	struct certificate_holder holder = {0};

	if (!certificate_follows(leaf, err) || !certificate_role_of(leaf, &holder.role, err))
		return false;
	if (!is_leaf(leaf, err) || !read_uris(leaf, &holder, err)
		|| !read_name(leaf, &holder, err) || !read_validity(leaf, &holder, err))
		return error_while(err, "certificate");
	*out = holder;
	return true;
}
