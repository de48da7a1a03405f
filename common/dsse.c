#include <stdlib.h>
#include <string.h>

#include "common/dsse.h"
#include "common/json_token.h"

/* All of an envelope but its four strings. */
static const char skeleton[] = "{\"payload\":\"\",\"payloadType\":\"\","
			       "\"signatures\":[{\"keyid\":\"\",\"sig\":\"\"}]}";

/* What an envelope holds, borrowed from it: texts without escapes. */
struct parts {
	struct bytes payload, type, keyid, signature;
};

/* Pre-authentication encoding (DSSE protocol 1.0.2, "Signature Definition"):
 * "DSSEv1" SP length(type) SP type SP length(payload) SP payload. */
static bool encode_head(const char *type, size_t len, struct buf *pae, struct error *err)
{
	return buf_print(pae, err, "DSSEv1 %zu %s %zu ", strlen(type), type, len);
}

static bool encode(const char *type, struct bytes payload, struct buf *pae, struct error *err)
{
	return encode_head(type, payload.len, pae, err) && buf_append(pae, payload, err);
}

/* ---- writing ---- */

/* Nothing in a type may need an escape. */
static bool check_type(const char *type, struct error *err)
{
	for (const char *c = type; *c != 0; c++)
		if (*c <= ' ' || *c > '~' || *c == '"' || *c == '\\')
			return error_set(err, ERROR_USAGE, "not a payload type");
	return true;
}

static bool key_id(const struct crypto_key *key, struct digest *id, struct error *err)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;

	return crypto_public_of(key, &public, err)
		&& crypto_public_fingerprint(public, id, err);
}

static bool print(const char *type, struct bytes payload, const struct digest *id,
	struct bytes signature, struct buf *out, struct error *err)
{
	char keyid[DIGEST_TEXT];

	digest_text(id, keyid);
	return buf_print(out, err, "{\"payload\":\"") && crypto_base64_append(out, payload, err)
		&& buf_print(out, err,
			"\",\"payloadType\":\"%s\",\"signatures\":[{\"keyid\":\"%s\",\"sig\":"
			"\"",
			type, keyid)
		&& crypto_base64_append(out, signature, err) && buf_print(out, err, "\"}]}");
}

static bool sign(const struct crypto_key *key, const char *type, struct bytes payload,
	struct buf *envelope, struct error *err)
{
	CLEANUP(buf_free) struct buf pae = {0};
	struct crypto_signature signature = {.len = 0};
	struct digest id = {{0}};

	return check_type(type, err) && encode(type, payload, &pae, err)
		&& crypto_sign(key, buf_bytes(&pae), &signature, err) && key_id(key, &id, err)
		&& print(type, payload, &id, (struct bytes){signature.at, signature.len},
			envelope, err);
}

bool dsse_sign(const struct crypto_key *key, const char *type, struct bytes payload,
	struct buf *envelope, struct error *err)
{
	CLEANUP(buf_free) struct buf text = {0};

	if (!sign(key, type, payload, &text, err))
		return error_while(err, "cannot sign %s", type);
	if (text.len > DSSE_MAX)
		return error_set(err, ERROR_FAILED,
			"cannot sign %s: envelope of %zu bytes, over %d", type, text.len,
			(int)DSSE_MAX);
	return buf_append(envelope, buf_bytes(&text), err);
}

/* ---- reading ---- */

/* The next token must be of KIND, and TEXT unless that is NULL. */
static bool take(struct json_tokens *tokens, enum json_token_kind kind, const char *text,
	struct json_token *token, struct error *err)
{
	if (!json_tokens_next(tokens, token, err))
		return error_while(err, "envelope");
	if (token->kind != kind || token->escaped
		|| (text != NULL && !bytes_equal(token->text, bytes_of(text))))
		return error_set(err, ERROR_MALFORMED, "not an envelope");
	return true;
}

static bool take_tokens(struct json_tokens *tokens, struct parts *parts, struct error *err)
{
	const struct {
		enum json_token_kind kind;
		const char *text;
		struct bytes *out;
	} shape[] = {
		{JSON_TOKEN_OBJECT, NULL, NULL},
		{JSON_TOKEN_NAME, "payload", NULL},
		{JSON_TOKEN_STRING, NULL, &parts->payload},
		{JSON_TOKEN_NAME, "payloadType", NULL},
		{JSON_TOKEN_STRING, NULL, &parts->type},
		{JSON_TOKEN_NAME, "signatures", NULL},
		{JSON_TOKEN_ARRAY, NULL, NULL},
		{JSON_TOKEN_OBJECT, NULL, NULL},
		{JSON_TOKEN_NAME, "keyid", NULL},
		{JSON_TOKEN_STRING, NULL, &parts->keyid},
		{JSON_TOKEN_NAME, "sig", NULL},
		{JSON_TOKEN_STRING, NULL, &parts->signature},
		{JSON_TOKEN_OBJECT_END, NULL, NULL},
		{JSON_TOKEN_ARRAY_END, NULL, NULL},
		{JSON_TOKEN_OBJECT_END, NULL, NULL},
		{JSON_TOKEN_END, NULL, NULL},
	};
	struct json_token token = {0};

	for (size_t i = 0; i < COUNT(shape); i++) {
		if (!take(tokens, shape[i].kind, shape[i].text, &token, err))
			return false;
		if (shape[i].out != NULL)
			*shape[i].out = token.text;
	}
	return true;
}

/*
 * An envelope must be written the way we write it, to the byte: then a receipt has
 * one envelope and one digest, and nobody who carries it can make it look like two.
 * The tokens are in our order and without escapes, so only white space can be in
 * excess, and the length tells.  WANTED is the only type allowed; NULL allows any.
 */
static bool parse(
	struct bytes envelope, const char *wanted, struct parts *out, struct error *err)
{
	CLEANUP(json_tokens_cleanup) struct json_tokens *tokens = NULL;
	struct parts parts = {.payload = {NULL, 0}};

	if (envelope.len > DSSE_MAX)
		return error_set(err, ERROR_MALFORMED, "envelope over %d bytes", (int)DSSE_MAX);
	if (!json_tokens_new(envelope, JSON_SIGNED, &tokens, err)
		|| !take_tokens(tokens, &parts, err))
		return false;
	if (envelope.len
		!= strlen(skeleton) + parts.payload.len + parts.type.len + parts.keyid.len
			+ parts.signature.len)
		return error_set(err, ERROR_MALFORMED, "envelope: white space");
	if (wanted != NULL && !bytes_equal(parts.type, bytes_of(wanted)))
		return error_set(err, ERROR_MALFORMED, "envelope: not of type %s", wanted);
	*out = parts;
	return true;
}

static bool decode(struct bytes text, const char *what, struct buf *out, struct error *err)
{
	return crypto_base64_decode(text, out, err) || error_while(err, "envelope: %s", what);
}

static bool read_keyid(const struct parts *parts, struct digest *id, struct error *err)
{
	char text[DIGEST_TEXT] = "";

	if (parts->keyid.len == sizeof(text) - 1)
		memcpy(text, parts->keyid.at, sizeof(text) - 1);
	return digest_parse(text, id, err) || error_while(err, "envelope: keyid");
}

static size_t decoded_length(struct bytes base64)
{
	size_t len = base64.len / 4 * 3;

	for (size_t i = base64.len; i > 0 && len > 0 && base64.at[i - 1] == '='; i--)
		len--;
	return len;
}

/* What was signed, with the payload as its end from *BEGIN on: one copy of it is enough. */
static bool decode_signed(const struct parts *parts, const char *type, struct buf *pae,
	size_t *begin, struct error *err)
{
	const size_t len = decoded_length(parts->payload);

	if (!buf_reserve(pae, parts->payload.len + strlen(type) + 64, err)
		|| !encode_head(type, len, pae, err))
		return false;
	*begin = pae->len;
	return decode(parts->payload, "payload", pae, err);
}

static bool verify(const struct parts *parts, struct bytes pae, const struct crypto_public *key,
	struct error *err)
{
	CLEANUP(buf_free) struct buf signature = {0};
	struct digest id = {{0}}, keyid = {{0}};

	if (!read_keyid(parts, &keyid, err) || !decode(parts->signature, "sig", &signature, err)
		|| !crypto_verify(key, pae, buf_bytes(&signature), err)
		|| !crypto_public_fingerprint(key, &id, err))
		return false;
	/* Part of the one form; what the signature says was settled above. */
	if (!digest_equal(&id, &keyid))
		return error_set(err, ERROR_MALFORMED, "envelope: keyid of another key");
	return true;
}

bool dsse_open(struct bytes envelope, const char *type, const struct crypto_public *key,
	struct buf *payload, struct error *err)
{
	CLEANUP(buf_free) struct buf pae = {0};
	struct parts parts = {.payload = {NULL, 0}};
	size_t begin = 0;

	if (!parse(envelope, type, &parts, err)
		|| !decode_signed(&parts, type, &pae, &begin, err)
		|| !verify(&parts, buf_bytes(&pae), key, err))
		return false;
	if (payload->at != NULL)
		return buf_append(
			payload, (struct bytes){pae.at + begin, pae.len - begin}, err);
	pae.len -= begin;
	memmove(pae.at, pae.at + begin, pae.len);
	*payload = pae;
	pae = (struct buf){0};
	return true;
}

bool dsse_peek(struct bytes envelope, const char *type, struct buf *payload, struct error *err)
{
	CLEANUP(buf_free) struct buf signature = {0};
	struct parts parts = {.payload = {NULL, 0}};
	struct digest id = {{0}};

	return parse(envelope, type, &parts, err)
		&& decode(parts.signature, "sig", &signature, err)
		&& read_keyid(&parts, &id, err)
		&& decode(parts.payload, "payload", payload, err);
}

bool dsse_keyid(struct bytes envelope, struct digest *id, struct error *err)
{
	struct parts parts = {.payload = {NULL, 0}};

	return parse(envelope, NULL, &parts, err) && read_keyid(&parts, id, err);
}
