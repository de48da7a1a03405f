#include <string.h>

#include "common/json.h"
#include "common/tuf/tuf_key.h"

/* A key as its members say it. */
struct said {
	const char *type, *scheme, *public;
};

/* -1: none */
static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *const digit = c == 0 ? NULL : strchr(digits, c);

	return digit == NULL ? -1 : (int)(digit - digits) & 15;
}

bool tuf_hex(const char *text, uint8_t *at, size_t room, size_t *len)
{
	const size_t count = strlen(text);

	if (count % 2 != 0 || count / 2 > room)
		return false;
	for (size_t i = 0; i < count; i += 2) {
		const int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);

		if (high < 0 || low < 0)
			return false;
		at[i / 2] = (uint8_t)(high << 4 | low);
	}
	*len = count / 2;
	return true;
}

static bool parse_ed25519(const char *text, struct crypto_public **out, struct error *err)
{
	uint8_t at[CRYPTO_ED25519_SIZE];
	size_t len = 0;

	if (!tuf_hex(text, at, sizeof(at), &len) || len != sizeof(at))
		return error_set(err, ERROR_MALFORMED, "not 32 bytes in hex");
	return crypto_public_ed25519(at, out, err);
}

static bool parse_pem(const char *text, struct crypto_public **out, struct error *err)
{
	return crypto_public_parse(bytes_of(text), out, err);
}

static const struct scheme {
	const char *type, *scheme;
	enum crypto_kind kind;
	bool (*parse)(const char *text, struct crypto_public **, struct error *);
	bool (*verify)(
		const struct crypto_public *, struct bytes, struct bytes, struct error *);
} schemes[] = {
	{"ed25519", "ed25519", CRYPTO_ED25519, parse_ed25519, crypto_verify},
	{"ecdsa", "ecdsa-sha2-nistp256", CRYPTO_P256, parse_pem, crypto_verify},
	{"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", CRYPTO_P256, parse_pem, crypto_verify},
	{"rsa", "rsassa-pss-sha256", CRYPTO_RSA, parse_pem, crypto_verify_pss},
};

static const struct scheme *scheme_of(const struct said *said)
{
	for (size_t i = 0; i < COUNT(schemes); i++)
		if (strcmp(said->type, schemes[i].type) == 0
			&& strcmp(said->scheme, schemes[i].scheme) == 0)
			return &schemes[i];
	return NULL;
}

/* Leaves the key unusable when it makes no sense. */
static void understand(const struct said *said, struct tuf_key *key)
{
	const struct scheme *const scheme = scheme_of(said);
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;
	struct error err = {0};

	if (scheme == NULL || said->public == NULL
		|| !scheme->parse(said->public, &public, &err)
		|| crypto_public_kind(public) != scheme->kind
		|| !crypto_public_fingerprint(public, &key->fingerprint, &err))
		return;
	key->verify = scheme->verify;
	key->public = public;
	public = NULL;
}

/* Keys of a type we do not know may keep anything in their keyval. */
static bool read_public(struct tuf_reader *reader, void *at, struct error *err)
{
	return reader->token.kind == JSON_TOKEN_STRING ? tuf_read_text(reader, at, err)
						       : tuf_skip(reader, err);
}

static bool read_keyval(struct tuf_reader *reader, void *at, struct error *err)
{
	static const struct tuf_field fields[] = {{"public", read_public, 0, false}};

	return tuf_read_object(reader, fields, COUNT(fields), at, err);
}

static bool id_matches(const char *id, struct bytes object, struct error *err)
{
	CLEANUP(buf_free) struct buf form = {0};
	struct digest digest;
	char text[DIGEST_TEXT];

	if (!json_canonical(object, &form, err)
		|| !crypto_sha256(buf_bytes(&form), &digest, err))
		return false;
	digest_text(&digest, text);
	if (strcmp(text, id) != 0)
		return error_set(err, ERROR_MALFORMED,
			"keys: an id that is not the SHA-256 of its key, which is %s", text);
	return true;
}

static bool read_key(
	struct tuf_reader *reader, const struct json_token *name, void *self, struct error *err)
{
	static const struct tuf_field fields[] = {
		{"keytype", tuf_read_text, offsetof(struct said, type), true},
		{"scheme", tuf_read_text, offsetof(struct said, scheme), true},
		{"keyval", read_keyval, offsetof(struct said, public), true},
	};
	struct tuf_list *const keys = self;
	const size_t start = json_tokens_position(reader->tokens) - 1;
	struct said said = {0};
	const char *id = NULL;

	if (keys->count == TUF_KEYS_MAX)
		return error_set(err, ERROR_MALFORMED, "more than %d keys", TUF_KEYS_MAX);
	if (!tuf_token_text(reader, name, &id, err)
		|| !tuf_read_object(reader, fields, COUNT(fields), &said, err))
		return false;

	const struct bytes object
		= {reader->document.at + start, json_tokens_position(reader->tokens) - start};

	if (reader->strict_keyids && !id_matches(id, object, err))
		return false;

	struct tuf_key *const key = tuf_list_add(keys, reader->arena, sizeof(*key), err);

	if (key == NULL)
		return false;
	key->id = id;
	understand(&said, key);
	return true;
}

bool tuf_read_keys(struct tuf_reader *reader, void *at, struct error *err)
{
	return tuf_read_members(reader, read_key, at, err);
}

bool tuf_read_keyids(struct tuf_reader *reader, void *at, struct error *err)
{
	struct tuf_list *const list = at;

	if (!tuf_read_texts(reader, list, err))
		return false;
	if (list->count > TUF_KEYIDS_MAX)
		return error_set(
			err, ERROR_MALFORMED, "more than %d keys for one role", TUF_KEYIDS_MAX);

	const char *const *const ids = list->at;

	for (size_t i = 1; i < list->count; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(ids[i], ids[j]) == 0)
				return error_set(
					err, ERROR_MALFORMED, "keyids: the same one twice");
	return true;
}

const struct tuf_key *tuf_key_find(const struct tuf_list *keys, const char *id)
{
	const struct tuf_key *const all = keys->at;

	for (size_t i = 0; i < keys->count; i++)
		if (strcmp(all[i].id, id) == 0)
			return &all[i];
	return NULL;
}

void tuf_keys_done(struct tuf_list *keys)
{
	struct tuf_key *const all = keys->at;

	for (size_t i = 0; i < keys->count; i++)
		crypto_public_free(all[i].public);
	keys->count = 0;
}
