/* Making an authority.  fleet.json comes last: what is there without it is no authority. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "courier/admin/authority_parts.h"

static void directory_cleanup(DIR **directory)
{
	if (*directory != NULL)
		(void)closedir(*directory);
}

static bool check_empty(const char *path, struct error *err)
{
	CLEANUP(directory_cleanup) DIR *directory = opendir(path);

	if (directory == NULL)
		return error_errno(err, "%s: cannot read the directory", path);
	for (const struct dirent *at = readdir(directory); at != NULL; at = readdir(directory))
		if (strcmp(at->d_name, ".") != 0 && strcmp(at->d_name, "..") != 0)
			return error_set(err, ERROR_BUSY,
				"%s: not empty; an authority is made in a new directory", path);
	return true;
}

static bool make_directories(const struct authority *authority, struct error *err)
{
	static const char *const names[] = {"root", "courier-issuer", "device-issuer",
		"artifact-keys", "couriers", "devices"};
	char path[PATH_MAX];

	for (size_t i = 0; i < COUNT(names); i++)
		if (!authority_path(authority, path, err, "%s", names[i])
			|| !file_make_directory(path, 0700, err))
			return false;
	return true;
}

/* A key in DIRECTORY, under a new passphrase. */
static bool make_key(const struct authority *authority, const char *directory,
	const struct unlock *unlock, struct crypto_key **out, struct error *err)
{
	CLEANUP(crypto_key_cleanup) struct crypto_key *key = NULL;
	char path[PATH_MAX], question[64];
	PASSPHRASE passphrase = {0};

	(void)snprintf(question, sizeof(question), "new passphrase of the %s", directory);
	if (!passphrase_get_new(unlock, question, &passphrase, err))
		return error_while(err, "%s", directory);
	if (strnlen(passphrase.at, sizeof(passphrase.at)) < AUTHORITY_PASSPHRASE_MIN)
		return error_set(err, ERROR_USAGE,
			"%s: a passphrase of an authority has at least %d bytes", directory,
			AUTHORITY_PASSPHRASE_MIN);
	if (!authority_path(authority, path, err, "%s/key.pem", directory)
		|| !crypto_key_generate(CRYPTO_ED25519, &key, err)
		|| !crypto_key_save(key, path, &passphrase, err))
		return false;
	*out = key;
	key = NULL;
	return true;
}

static bool log_paper(struct authority *authority, const char *event, struct bytes pem,
	int64_t now, struct error *err)
{
	CLEANUP(json_cleanup) struct json *members = json_new_object();
	struct digest digest = {{0}};

	if (!crypto_sha256(pem, &digest, err))
		return false;
	json_add_digest(members, "file", &digest);
	return authority_log(authority, event, now, members, err);
}

static bool make_root(struct authority *authority, const struct authority_unlock *unlock,
	int64_t now, struct crypto_key **key, struct error *err)
{
	return make_key(authority, "root", &unlock->root, key, err)
		&& certificate_make_root(*key, authority->fleet, now, &authority->root, err)
		&& authority_write(authority, "root.pem", buf_bytes(&authority->root), err)
		&& log_paper(authority, "root made", buf_bytes(&authority->root), now, err);
}

static bool make_issuer(struct authority *authority, const struct crypto_key *root,
	enum certificate_role role, const struct authority_unlock *unlock, int64_t now,
	struct crypto_key **key, struct error *err)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;
	struct buf *const pem = &authority->issuer[role];
	char name[64];

	(void)snprintf(name, sizeof(name), "%s/certificate.pem", authority_issuer_names[role]);
	return make_key(
		       authority, authority_issuer_names[role], &unlock->issuer[role], key, err)
		&& crypto_public_of(*key, &public, err)
		&& certificate_make_issuer(
			root, buf_bytes(&authority->root), public, role, now, pem, err)
		&& authority_write(authority, name, buf_bytes(pem), err)
		&& log_paper(authority,
			role == CERTIFICATE_COURIER ? "courier issuer made"
						    : "device issuer made",
			buf_bytes(pem), now, err);
}

/* Number 1, with nobody on it; it carries its issuer, so that a device needs only the root
 * to judge it. */
static bool make_crl(struct authority *authority, const struct crypto_key *issuer, int64_t now,
	struct error *err)
{
	const struct bytes issuer_pem = buf_bytes(&authority->issuer[CERTIFICATE_COURIER]);

	return certificate_make_crl(issuer, issuer_pem, 1, now, NULL, 0, &authority->crl, err)
		&& buf_append(&authority->crl, issuer_pem, err)
		&& authority_write(authority, "crl.pem", buf_bytes(&authority->crl), err)
		&& log_paper(authority, "CRL 1 made", buf_bytes(&authority->crl), now, err);
}

static bool make_fleet(const struct authority *authority, int64_t now, struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = json_new_object();
	CLEANUP(buf_free) struct buf text = {0};

	json_add_integer(object, "version", AUTHORITY_VERSION);
	json_add_string(object, "fleet", authority->fleet);
	json_add_integer(object, "made", now);
	return json_print(object, &text, err) && buf_append(&text, bytes_of("\n"), err)
		&& authority_write(authority, "fleet.json", buf_bytes(&text), err);
}

static bool make_all(struct authority *authority, const struct authority_unlock *unlock,
	int64_t now, struct error *err)
{
	CLEANUP(crypto_key_cleanup) struct crypto_key *root = NULL, *courier = NULL;
	CLEANUP(crypto_key_cleanup) struct crypto_key *device = NULL;

	return make_root(authority, unlock, now, &root, err)
		&& make_issuer(authority, root, CERTIFICATE_COURIER, unlock, now, &courier, err)
		&& make_issuer(authority, root, CERTIFICATE_DEVICE, unlock, now, &device, err)
		&& make_crl(authority, courier, now, err) && make_fleet(authority, now, err);
}

bool authority_create(const char *directory, const char *fleet,
	const struct authority_unlock *unlock, int64_t now, struct error *err)
{
	CLEANUP(authority_close)
	struct authority authority = {.directory = strdup(directory), .lock = -1};

	if (authority.directory == NULL)
		return error_errno(err, "cannot allocate");
	if (fleet[0] == 0 || strlen(fleet) > CERTIFICATE_NAME_MAX)
		return error_set(err, ERROR_USAGE, "a fleet's name has 1 to %d bytes",
			CERTIFICATE_NAME_MAX);
	memcpy(authority.fleet, fleet, strlen(fleet) + 1);
	if (!file_make_directory(directory, 0700, err) || !check_empty(directory, err)
		|| !authority_take_lock(&authority, err) || !make_directories(&authority, err))
		return false;
	return make_all(&authority, unlock, now, err)
		|| error_while(err, "%s is not finished: remove it and begin again", directory);
}
