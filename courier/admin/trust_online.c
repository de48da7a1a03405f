/* The keys of snapshot, timestamp and publisher: here, encrypted, for every day. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "courier/admin/trust.h"

#define QUESTION "passphrase of the online keys"

static bool ask(struct trust *trust, bool is_new, struct error *err)
{
	PASSPHRASE passphrase = {{0}};

	if (trust->is_unlocked)
		return true;
	if (!(is_new ? passphrase_get_new(&trust->unlock, "new " QUESTION, &passphrase, err)
		     : passphrase_get(&trust->unlock, QUESTION, &passphrase, err)))
		return false;
	if (is_new && strnlen(passphrase.at, sizeof(passphrase.at)) < AUTHORITY_PASSPHRASE_MIN)
		return error_set(err, ERROR_USAGE,
			"the passphrase of the online keys has at least %d bytes",
			AUTHORITY_PASSPHRASE_MIN);
	trust->passphrase = passphrase;
	trust->is_unlocked = true;
	return true;
}

/* ---- loading ---- */

static struct crypto_key *loaded(const struct trust *trust, const char *id)
{
	for (size_t i = 0; i < trust->key_count; i++)
		if (strcmp(trust->keys[i].id, id) == 0)
			return trust->keys[i].key;
	return NULL;
}

static bool add(struct trust *trust, const char *id, struct crypto_key *key, struct error *err)
{
	if (trust->key_count == COUNT(trust->keys)) {
		crypto_key_free(key);
		return error_set(err, ERROR_FAILED, "over %zu online keys", COUNT(trust->keys));
	}
	memcpy(trust->keys[trust->key_count].id, id, DIGEST_TEXT);
	trust->keys[trust->key_count++].key = key;
	return true;
}

/* The key of that id; NULL when it is not here. */
static bool find(
	struct trust *trust, const char *id, const struct crypto_key **out, struct error *err)
{
	struct crypto_key *key = NULL;
	struct digest digest;
	char path[PATH_MAX];

	*out = loaded(trust, id);
	if (*out != NULL)
		return true;
	/* A keyid is as metadata have it, and a name of a file only if it is a digest. */
	if (!digest_parse(id, &digest, err)
		|| !trust_path(trust, path, err, "online/%s.pem", id))
		return false;
	if (access(path, F_OK) != 0 && errno == ENOENT)
		return true;
	if (!ask(trust, false, err) || !crypto_key_load(path, &trust->passphrase, &key, err)
		|| !add(trust, id, key, err))
		return error_while(err, "online key %.16s", id);
	*out = key;
	return true;
}

/* ---- making ---- */

/* Whatever passphrase we were given opens the keys that are there; if none is, it is a new
 * one. */
static bool check_passphrase(struct trust *trust, struct error *err)
{
	const struct tuf_metadata *const root = trust_top(trust, TUF_ROOT);
	bool is_new = true;

	for (int kind = TUF_TIMESTAMP; root != NULL && kind <= TUF_SNAPSHOT; kind++) {
		const char *const *const ids = root->roles[kind].keyids.at;

		for (size_t i = 0; i < root->roles[kind].keyids.count; i++) {
			const struct crypto_key *key = NULL;

			if (!find(trust, ids[i], &key, err))
				return false;
			is_new = is_new && key == NULL;
		}
	}
	return ask(trust, is_new, err);
}

bool trust_online_make(
	struct trust *trust, struct json *keys, char id[static DIGEST_TEXT], struct error *err)
{
	CLEANUP(crypto_key_cleanup) struct crypto_key *key = NULL;
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;
	CLEANUP(json_cleanup) struct json *object = NULL;
	char path[PATH_MAX];

	if (!check_passphrase(trust, err) || !crypto_key_generate(CRYPTO_ED25519, &key, err)
		|| !crypto_public_of(key, &public, err)
		|| !tuf_write_key(public, NULL, &object, id, err)
		|| !trust_path(trust, path, err, "online/%s.pem", id)
		|| !crypto_key_save(key, path, &trust->passphrase, err))
		return false;
	json_add_copy(keys, id, object);
	return true;
}

/* ---- signing ---- */

bool trust_online_sign(struct trust *trust, struct tuf_draft *draft,
	const struct tuf_role *role, bool required, struct error *err)
{
	const char *const *const ids = role->keyids.at;
	int64_t count = 0;

	for (size_t i = 0; i < role->keyids.count; i++) {
		const struct crypto_key *key = NULL;

		if (!find(trust, ids[i], &key, err))
			return false;
		if (key != NULL && !tuf_draft_sign(draft, ids[i], key, err))
			return false;
		count += key != NULL;
	}
	return count >= role->threshold || !required
		|| error_set(err, ERROR_USAGE,
			"%s: its key is not in %s/online; courier-admin trust rotate --new "
			"makes another",
			role->name, trust->directory);
}
