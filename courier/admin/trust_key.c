/* Public keys of holders, as they come on a stick, and the names of holders. */
#include <stdio.h>
#include <string.h>

#include "common/file.h"
#include "courier/admin/trust.h"

bool trust_holder_valid(const char *text)
{
	const size_t len = strlen(text);

	return len > 0 && len <= TRUST_HOLDER_MAX && text[0] != '.'
		&& strspn(text,
			   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
		== len;
}

static bool name_of(
	const char *path, char holder[static TRUST_HOLDER_MAX + 1], struct error *err)
{
	const char *const slash = strrchr(path, '/');
	const char *const name = slash == NULL ? path : slash + 1;
	const size_t len = strlen(name);
	char text[TRUST_HOLDER_MAX + 1] = "";

	if (len > 4 && len - 4 < sizeof(text) && strcmp(name + len - 4, ".pub") == 0)
		memcpy(text, name, len - 4);
	if (!trust_holder_valid(text))
		return error_set(err, ERROR_USAGE,
			"%s: the name of a holder's public key is HOLDER.pub", path);
	memcpy(holder, text, sizeof(text));
	return true;
}

bool trust_key_read(const char *path, struct json *keys, char id[static DIGEST_TEXT],
	char holder[static TRUST_HOLDER_MAX + 1], struct error *err)
{
	CLEANUP(buf_free) struct buf pem = {0};
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;
	CLEANUP(json_cleanup) struct json *key = NULL;

	if (!name_of(path, holder, err) || !file_read(path, AUTHORITY_FILE_MAX, &pem, NULL, err)
		|| !crypto_public_parse(buf_bytes(&pem), &public, err)
		|| !tuf_write_key(public, holder, &key, id, err))
		return error_while(err, "%s", path);
	if (json_member(keys, id) == NULL)
		json_add_copy(keys, id, key);
	return true;
}

void trust_key_holder(const struct tuf_metadata *metadata, const char *keyid,
	char text[static TRUST_HOLDER_MAX + 1])
{
	CLEANUP(json_cleanup) struct json *document = NULL;
	struct error err = {0};
	const char *holder = NULL;

	if (json_parse(metadata->signed_part, JSON_SIGNED, &document, &err)) {
		const struct json *keys = json_member(document, "keys");

		if (keys == NULL)
			keys = json_member(json_member(document, "delegations"), "keys");
		holder = json_string(json_member(json_member(keys, keyid), "x-holder"));
	}
	/* What is not a plain name could be made to look like anything on a terminal. */
	if (holder != NULL && trust_holder_valid(holder))
		(void)snprintf(text, TRUST_HOLDER_MAX + 1, "%s", holder);
	else
		(void)snprintf(text, TRUST_HOLDER_MAX + 1, "key %.16s", keyid);
}
