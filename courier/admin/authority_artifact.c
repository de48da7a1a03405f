/* The keys that artifacts are signed with: what couriers and devices verify them by. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/text.h"
#include "courier/admin/authority_parts.h"

void authority_texts_free(char **texts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(texts[i]);
	free(texts);
}

bool authority_artifact_key_add(
	const struct authority *authority, const char *path, struct error *err)
{
	CLEANUP(buf_free) struct buf pem = {0}, ours = {0};
	CLEANUP(crypto_public_cleanup) struct crypto_public *key = NULL;
	struct digest fingerprint = {{0}};
	char text[DIGEST_TEXT], kept[PATH_MAX];

	if (!file_read(path, AUTHORITY_FILE_MAX, &pem, NULL, err))
		return false;
	if (!crypto_public_parse(buf_bytes(&pem), &key, err)
		|| !crypto_public_fingerprint(key, &fingerprint, err)
		|| !crypto_public_pem(key, &ours, err))
		return error_while(err, "%s: not a public key", path);
	digest_text(&fingerprint, text);
	return authority_path(authority, kept, err, "artifact-keys/%s.pem", text)
		&& file_replace(kept, buf_bytes(&ours), 0600, err);
}

static int is_pem(const struct dirent *entry)
{
	return strlen(entry->d_name) == DIGEST_TEXT - 1 + 4
		&& strcmp(entry->d_name + DIGEST_TEXT - 1, ".pem") == 0;
}

static bool read_key(
	const struct authority *authority, const char *name, char **out, struct error *err)
{
	CLEANUP(buf_free) struct buf pem = {0};
	CLEANUP(crypto_public_cleanup) struct crypto_public *key = NULL;
	char path[PATH_MAX];
	const char *text = NULL;

	if (!authority_path(authority, path, err, "artifact-keys/%s", name)
		|| !file_read(path, AUTHORITY_FILE_MAX, &pem, NULL, err)
		|| !crypto_public_parse(buf_bytes(&pem), &key, err)
		|| !buf_text(&pem, &text, err))
		return error_while(err, "artifact-keys/%s", name);
	return text_set(out, text, err);
}

static bool read_keys(const struct authority *authority, struct dirent **names, size_t count,
	char ***out, struct error *err)
{
	char **const keys = calloc(count + 1, sizeof(*keys));
	bool ok = keys != NULL || error_errno(err, "cannot allocate");

	if (ok && count > AUTHORITY_ARTIFACT_KEYS_MAX)
		ok = error_set(err, ERROR_USAGE, "artifact-keys: over %d keys",
			AUTHORITY_ARTIFACT_KEYS_MAX);
	for (size_t i = 0; ok && i < count; i++)
		ok = read_key(authority, names[i]->d_name, &keys[i], err);
	if (ok)
		*out = keys;
	else if (keys != NULL)
		authority_texts_free(keys, count);
	return ok;
}

bool authority_artifact_keys(
	const struct authority *authority, char ***keys, size_t *count, struct error *err)
{
	struct dirent **names = NULL;
	char path[PATH_MAX];

	if (!authority_path(authority, path, err, "artifact-keys"))
		return false;

	const int found = scandir(path, &names, is_pem, alphasort);

	if (found < 0)
		return error_errno(err, "%s: cannot read the directory", path);

	const bool ok = read_keys(authority, names, (size_t)found, keys, err);

	for (int i = 0; i < found; i++)
		free(names[i]);
	free(names);
	if (ok)
		*count = (size_t)found;
	return ok;
}
