#include <stdlib.h>
#include <string.h>

#include "common/dsse.h"
#include "common/json.h"

/* What an envelope holds. */
struct parts {
	struct buf payload;
	struct buf signature;
	struct digest keyid;
};

static void parts_done(struct parts *parts)
{
	buf_free(&parts->payload);
	buf_free(&parts->signature);
}

/* Pre-authentication encoding (DSSE protocol 1.0.2, "Signature Definition"):
 * "DSSEv1" SP length(type) SP type SP length(payload) SP payload. */
static bool encode(const char *type, struct bytes payload, struct buf *pae, struct error *err)
{
	return buf_print(pae, err, "DSSEv1 %zu %s %zu ", strlen(type), type, payload.len)
		&& buf_append(pae, payload, err);
}

/* ---- writing ---- */

static bool add_base64(
	struct json *object, const char *name, struct bytes bytes, struct error *err)
{
	CLEANUP(buf_free) struct buf encoded = {0};
	const char *text = NULL;

	if (!crypto_base64_append(&encoded, bytes, err) || !buf_text(&encoded, &text, err))
		return false;
	json_add_string(object, name, text);
	return true;
}

static bool print(
	const char *type, const struct parts *parts, struct buf *envelope, struct error *err)
{
	CLEANUP(json_cleanup) struct json *tree = json_new_object();

	if (!add_base64(tree, "payload", buf_bytes(&parts->payload), err))
		return false;
	json_add_string(tree, "payloadType", type);

	struct json *const signature = json_append_object(json_add_array(tree, "signatures"));

	json_add_digest(signature, "keyid", &parts->keyid);
	return add_base64(signature, "sig", buf_bytes(&parts->signature), err)
		&& json_print(tree, envelope, err);
}

static bool key_id(const struct crypto_key *key, struct digest *id, struct error *err)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;

	return crypto_public_of(key, &public, err)
		&& crypto_public_fingerprint(public, id, err);
}

bool dsse_sign(const struct crypto_key *key, const char *type, struct bytes payload,
	struct buf *envelope, struct error *err)
{
	CLEANUP(parts_done) struct parts parts = {0};
	CLEANUP(buf_free) struct buf pae = {0}, text = {0};
	struct crypto_signature signature = {.len = 0};

	if (!encode(type, payload, &pae, err)
		|| !crypto_sign(key, buf_bytes(&pae), &signature, err)
		|| !key_id(key, &parts.keyid, err) || !buf_append(&parts.payload, payload, err)
		|| !buf_append(
			&parts.signature, (struct bytes){signature.at, signature.len}, err)
		|| !print(type, &parts, &text, err))
		return error_while(err, "cannot sign %s", type);
	if (text.len > DSSE_MAX)
		return error_set(err, ERROR_FAILED,
			"cannot sign %s: envelope of %zu bytes, over %d", type, text.len,
			(int)DSSE_MAX);
	return buf_append(envelope, buf_bytes(&text), err);
}

/* ---- reading ---- */

static bool need_base64(
	const struct json *object, const char *name, struct buf *out, struct error *err)
{
	const char *text = NULL;

	return json_need_string(object, name, &text, err)
		&& (crypto_base64_decode(bytes_of(text), out, err)
			|| error_while(err, "%s", name));
}

static bool read_signature(const struct json *tree, struct parts *parts, struct error *err)
{
	const struct json *list = NULL;

	if (!json_need_array(tree, "signatures", &list, err))
		return false;
	if (json_count(list) != 1)
		return error_set(err, ERROR_MALFORMED, "not exactly one signature");
	return json_need_digest(json_first(list), "keyid", &parts->keyid, err)
		&& need_base64(json_first(list), "sig", &parts->signature, err);
}

static bool read_tree(
	const struct json *tree, const char **type, struct parts *parts, struct error *err)
{
	return json_need_string(tree, "payloadType", type, err)
		&& need_base64(tree, "payload", &parts->payload, err)
		&& read_signature(tree, parts, err);
}

/*
 * An envelope must be written the way we write it, to the byte: then a receipt has
 * one envelope and one digest, and nobody who carries it can make it look like two.
 */
static bool check_form(
	struct bytes envelope, const char *type, const struct parts *parts, struct error *err)
{
	CLEANUP(buf_free) struct buf again = {0};

	if (!print(type, parts, &again, err))
		return false;
	if (!bytes_equal(envelope, buf_bytes(&again)))
		return error_set(err, ERROR_MALFORMED, "not the one form of an envelope");
	return true;
}

/* WANTED is the only type allowed; NULL allows any. */
static bool parse(
	struct bytes envelope, const char *wanted, struct parts *parts, struct error *err)
{
	CLEANUP(json_cleanup) struct json *tree = NULL;
	const char *type = NULL;

	if (envelope.len > DSSE_MAX)
		return error_set(err, ERROR_MALFORMED, "envelope over %d bytes", (int)DSSE_MAX);
	if (!json_parse(envelope, JSON_SIGNED, &tree, err)
		|| !read_tree(tree, &type, parts, err))
		return error_while(err, "envelope");
	if (wanted != NULL && strcmp(type, wanted) != 0)
		return error_set(err, ERROR_MALFORMED, "envelope: not of type %s", wanted);
	return check_form(envelope, type, parts, err);
}

bool dsse_open(struct bytes envelope, const char *type, const struct crypto_public *key,
	struct buf *payload, struct error *err)
{
	CLEANUP(parts_done) struct parts parts = {0};
	CLEANUP(buf_free) struct buf pae = {0};
	struct digest id = {{0}};

	if (!parse(envelope, type, &parts, err)
		|| !encode(type, buf_bytes(&parts.payload), &pae, err)
		|| !crypto_verify(key, buf_bytes(&pae), buf_bytes(&parts.signature), err)
		|| !crypto_public_fingerprint(key, &id, err))
		return false;
	/* Part of the one form; what the signature says was settled above. */
	if (!digest_equal(&id, &parts.keyid))
		return error_set(err, ERROR_MALFORMED, "envelope: keyid of another key");
	return buf_append(payload, buf_bytes(&parts.payload), err);
}

bool dsse_peek(struct bytes envelope, const char *type, struct buf *payload, struct error *err)
{
	CLEANUP(parts_done) struct parts parts = {0};

	return parse(envelope, type, &parts, err)
		&& buf_append(payload, buf_bytes(&parts.payload), err);
}

bool dsse_keyid(struct bytes envelope, struct digest *id, struct error *err)
{
	CLEANUP(parts_done) struct parts parts = {0};

	if (!parse(envelope, NULL, &parts, err))
		return false;
	*id = parts.keyid;
	return true;
}
