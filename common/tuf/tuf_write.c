#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/tuf/tuf_write.h"

#define YEAR_10000 INT64_C(253402300800) /* seconds since 1970 */

bool tuf_write_time(int64_t seconds, char text[static TUF_TIME_TEXT], struct error *err)
{
	const time_t time = (time_t)seconds;
	struct tm tm = {0};

	if (seconds < 0 || seconds >= YEAR_10000 || gmtime_r(&time, &tm) == NULL)
		return error_set(
			err, ERROR_USAGE, "a time that is not in the years 1970 to 9999");
	return strftime(text, TUF_TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm) == TUF_TIME_TEXT - 1
		|| error_set(err, ERROR_FAILED, "cannot print a time");
}

/* ---- keys ---- */

/* SHA-256 of the canonical form: what a keyid is. */
static bool identify(const struct json *key, char id[static DIGEST_TEXT], struct error *err)
{
	CLEANUP(buf_free) struct buf text = {0}, form = {0};
	struct digest digest;

	if (!json_print(key, &text, err) || !json_canonical(buf_bytes(&text), &form, err)
		|| !crypto_sha256(buf_bytes(&form), &digest, err))
		return false;
	digest_text(&digest, id);
	return true;
}

bool tuf_write_key(const struct crypto_public *public, const char *holder, struct json **out,
	char id[static DIGEST_TEXT], struct error *err)
{
	CLEANUP(json_cleanup) struct json *key = json_new_object();
	uint8_t raw[CRYPTO_ED25519_SIZE];
	char hex[2 * sizeof(raw) + 1];

	if (!crypto_public_ed25519_bytes(public, raw, err))
		return false;
	hex_encode((struct bytes){raw, sizeof(raw)}, hex);
	json_add_string(key, "keytype", "ed25519");
	json_add_string(key, "scheme", "ed25519");
	json_add_string(json_add_object(key, "keyval"), "public", hex);
	if (holder != NULL)
		json_add_string(key, "x-holder", holder);
	if (!identify(key, id, err))
		return false;
	*out = key;
	key = NULL;
	return true;
}

/* ---- what is signed ---- */

bool tuf_write_begin(enum tuf_kind kind, int64_t version, int64_t issued, int64_t expires,
	struct json **out, struct error *err)
{
	struct json *object = NULL;
	char issued_text[TUF_TIME_TEXT], expires_text[TUF_TIME_TEXT];

	if (!tuf_write_time(issued, issued_text, err)
		|| !tuf_write_time(expires, expires_text, err))
		return false;
	object = json_new_object();
	json_add_string(object, "_type", tuf_kind_name(kind));
	json_add_string(object, "spec_version", TUF_WRITE_SPEC);
	json_add_integer(object, "version", version);
	json_add_string(object, "expires", expires_text);
	json_add_string(object, "x-issued", issued_text);
	*out = object;
	return true;
}

void tuf_write_hashes(struct json *object, int64_t length, const struct digest *digest)
{
	json_add_integer(object, "length", length);
	json_add_digest(json_add_object(object, "hashes"), "sha256", digest);
}

/* ---- drafts ---- */

void tuf_draft_done(struct tuf_draft *draft)
{
	buf_free(&draft->form);
	draft->count = 0;
}

/* The canonical form is what is written, too: it is JSON unless a control character, which
 * it does not escape, is in a string. */
static bool make_form(struct bytes document, struct buf *form, struct error *err)
{
	return json_canonical(document, form, err)
		&& (json_check(buf_bytes(form), JSON_LISTING, err)
			|| error_while(err, "what is to be signed"));
}

bool tuf_draft_new(const struct json *signed_part, struct tuf_draft *out, struct error *err)
{
	CLEANUP(buf_free) struct buf text = {0};
	CLEANUP(tuf_draft_done) struct tuf_draft draft = {.count = 0};

	if (!json_print(signed_part, &text, err)
		|| !make_form(buf_bytes(&text), &draft.form, err))
		return false;
	*out = draft;
	draft = (struct tuf_draft){.count = 0};
	return true;
}

static size_t find(const struct tuf_draft *draft, const char *keyid)
{
	size_t i = 0;

	while (i < draft->count && strcmp(draft->signatures[i].keyid, keyid) != 0)
		i++;
	return i;
}

/* Both have the length of what we write. */
static bool put(struct tuf_draft *draft, const char *keyid, const char *sig, struct error *err)
{
	const size_t at = find(draft, keyid);

	if (at == COUNT(draft->signatures))
		return error_set(err, ERROR_MALFORMED, "more than %d signatures",
			TUF_WRITE_SIGNATURES_MAX);
	memcpy(draft->signatures[at].keyid, keyid, DIGEST_TEXT);
	memcpy(draft->signatures[at].sig, sig, sizeof(draft->signatures[at].sig));
	if (at == draft->count)
		draft->count++;
	return true;
}

static bool take(
	struct tuf_draft *draft, const struct tuf_signature *signature, struct error *err)
{
	uint8_t sig[TUF_WRITE_SIGNATURE];
	struct digest keyid;

	if (!digest_parse(signature->keyid, &keyid, err)
		|| !hex_decode(signature->sig, sig, sizeof(sig), err)) {
		err->code = ERROR_MALFORMED;
		return error_while(err, "a signature");
	}
	return put(draft, signature->keyid, signature->sig, err);
}

bool tuf_draft_read(
	struct bytes file, enum tuf_kind kind, struct tuf_draft *out, struct error *err)
{
	CLEANUP(tuf_metadata_cleanup) struct tuf_metadata *metadata = NULL;
	CLEANUP(buf_free) struct buf raw = {0};
	CLEANUP(tuf_draft_done) struct tuf_draft draft = {.count = 0};

	if (!buf_append(&raw, file, err) || !tuf_metadata_new(&raw, kind, true, &metadata, err)
		|| !make_form(metadata->signed_part, &draft.form, err))
		return false;

	const struct tuf_signature *const signatures = metadata->signatures.at;

	for (size_t i = 0; i < metadata->signatures.count; i++)
		if (!take(&draft, &signatures[i], err))
			return false;
	*out = draft;
	draft = (struct tuf_draft){.count = 0};
	return true;
}

bool tuf_draft_sign(struct tuf_draft *draft, const char *keyid, const struct crypto_key *key,
	struct error *err)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;
	struct crypto_signature signature;
	struct digest id;
	char hex[2 * TUF_WRITE_SIGNATURE + 1];

	if (!digest_parse(keyid, &id, err) || !crypto_public_of(key, &public, err))
		return false;
	if (crypto_public_kind(public) != CRYPTO_ED25519)
		return error_set(err, ERROR_USAGE, "not an Ed25519 key");
	if (!crypto_sign(key, buf_bytes(&draft->form), &signature, err))
		return false;
	if (signature.len != TUF_WRITE_SIGNATURE)
		return error_set(err, ERROR_FAILED, "a signature of %zu bytes", signature.len);
	hex_encode((struct bytes){signature.at, signature.len}, hex);
	return put(draft, keyid, hex, err);
}

bool tuf_draft_merge(struct tuf_draft *draft, const struct tuf_draft *other, struct error *err)
{
	if (!bytes_equal(buf_bytes(&draft->form), buf_bytes(&other->form)))
		return error_set(err, ERROR_SIGNATURE, "something else was signed");
	for (size_t i = 0; i < other->count; i++)
		if (find(draft, other->signatures[i].keyid) == draft->count
			&& !put(draft, other->signatures[i].keyid, other->signatures[i].sig,
				err))
			return false;
	return true;
}

/* ---- files ---- */

static int compare_keyids(const void *a, const void *b)
{
	const struct tuf_draft_signature *const *const one = a, *const *const other = b;

	return strcmp((*one)->keyid, (*other)->keyid);
}

static bool print_signatures(const struct tuf_draft *draft, struct buf *out, struct error *err)
{
	const struct tuf_draft_signature *order[TUF_WRITE_SIGNATURES_MAX];

	for (size_t i = 0; i < draft->count; i++)
		order[i] = &draft->signatures[i];
	qsort(order, draft->count, sizeof(const struct tuf_draft_signature *), compare_keyids);
	for (size_t i = 0; i < draft->count; i++)
		if (!buf_print(out, err, "%s{\"keyid\":\"%s\",\"sig\":\"%s\"}",
			    i == 0 ? "" : ",", order[i]->keyid, order[i]->sig))
			return false;
	return true;
}

bool tuf_draft_print(const struct tuf_draft *draft, struct buf *out, struct error *err)
{
	CLEANUP(buf_free) struct buf file = {0};

	return buf_print(&file, err, "{\"signatures\":[") && print_signatures(draft, &file, err)
		&& buf_print(&file, err, "],\"signed\":")
		&& buf_append(&file, buf_bytes(&draft->form), err) && buf_print(&file, err, "}")
		&& buf_append(out, buf_bytes(&file), err);
}

bool tuf_draft_metadata(const struct tuf_draft *draft, enum tuf_kind kind,
	struct tuf_metadata **out, struct error *err)
{
	CLEANUP(tuf_metadata_cleanup) struct tuf_metadata *metadata = NULL;
	CLEANUP(buf_free) struct buf raw = {0};

	if (!tuf_draft_print(draft, &raw, err)
		|| !tuf_metadata_new(&raw, kind, true, &metadata, err)
		|| !tuf_metadata_read(metadata, err))
		return false;
	*out = metadata;
	metadata = NULL;
	return true;
}
