#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/file.h"
#include "courier/admin/authority_parts.h"

const char *const authority_issuer_names[]
	= {[CERTIFICATE_COURIER] = "courier-issuer", [CERTIFICATE_DEVICE] = "device-issuer"};

bool authority_path(const struct authority *authority, char path[static PATH_MAX],
	struct error *err, const char *fmt, ...)
{
	char name[PATH_MAX];
	va_list args;

	va_start(args, fmt);

	const int len = vsnprintf(name, sizeof(name), fmt, args);

	va_end(args);
	if (len < 0 || (size_t)len >= sizeof(name))
		return error_set(err, ERROR_FAILED, "a path is too long");
	return file_path(path, PATH_MAX, authority->directory, name, err);
}

static int is_id(const struct dirent *entry)
{
	return certificate_id_valid(entry->d_name);
}

bool authority_each_id(const struct authority *authority, const char *directory,
	bool (*visit)(void *self, const char *id, struct error *), void *self,
	struct error *err)
{
	struct dirent **names = NULL;
	char path[PATH_MAX];
	bool ok = true;

	if (!authority_path(authority, path, err, "%s", directory))
		return false;

	const int count = scandir(path, &names, is_id, alphasort);

	if (count < 0)
		return error_errno(err, "%s: cannot read the directory", path);
	for (int i = 0; i < count; i++) {
		ok = ok && visit(self, names[i]->d_name, err);
		free(names[i]);
	}
	free(names);
	return ok;
}

bool authority_read(
	const struct authority *authority, const char *name, struct buf *out, struct error *err)
{
	char path[PATH_MAX];

	return authority_path(authority, path, err, "%s", name)
		&& file_read(path, AUTHORITY_FILE_MAX, out, NULL, err);
}

bool authority_write(const struct authority *authority, const char *name, struct bytes content,
	struct error *err)
{
	char path[PATH_MAX];

	return authority_path(authority, path, err, "%s", name)
		&& file_replace(path, content, 0600, err);
}

bool authority_take_lock(struct authority *authority, struct error *err)
{
	char path[PATH_MAX];

	if (!authority_path(authority, path, err, "lock"))
		return false;
	authority->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (authority->lock < 0)
		return error_errno(err, "%s: cannot open", path);
	if (flock(authority->lock, LOCK_EX | LOCK_NB) == 0)
		return true;
	if (errno == EWOULDBLOCK)
		return error_set(err, ERROR_BUSY,
			"%s: another courier-admin is changing it; try again when it is done",
			authority->directory);
	return error_errno(err, "%s: cannot lock", path);
}

/* ---- opening ---- */

static bool read_fleet(struct authority *authority, struct error *err)
{
	CLEANUP(buf_free) struct buf text = {0};
	CLEANUP(json_cleanup) struct json *object = NULL;
	char path[PATH_MAX];
	int64_t version = 0;
	bool found = false;

	if (!authority_path(authority, path, err, "fleet.json")
		|| !file_read(path, AUTHORITY_FILE_MAX, &text, &found, err))
		return false;
	if (!found)
		return error_set(err, ERROR_USAGE,
			"%s: no authority there; name it with --dir or COURIER_ADMIN_DIR, or "
			"make "
			"one with courier-admin init",
			authority->directory);
	if (!json_parse(buf_bytes(&text), JSON_SIGNED, &object, err)
		|| !json_need_integer(object, "version", &version, err)
		|| !json_need_text(
			object, "fleet", authority->fleet, sizeof(authority->fleet), err))
		return error_while(err, "%s", path);
	return version == AUTHORITY_VERSION
		|| error_set(err, ERROR_DAMAGED, "%s: version %lld, this program knows %d",
			path, (long long)version, AUTHORITY_VERSION);
}

/* The CRL leads by way of the courier issuer to the root: all three fit together. */
static bool check_papers(const struct authority *authority, struct error *err)
{
	CLEANUP(certificate_crl_cleanup) struct certificate_crl *crl = NULL;

	if (certificate_crl_parse(buf_bytes(&authority->crl),
		    buf_bytes(&authority->issuer[CERTIFICATE_COURIER]),
		    buf_bytes(&authority->root), &crl, err))
		return true;
	err->code = ERROR_DAMAGED;
	return error_while(err, "%s: its papers do not fit together", authority->directory);
}

static bool read_papers(struct authority *authority, struct error *err)
{
	return authority_read(authority, "root.pem", &authority->root, err)
		&& authority_read(authority, "crl.pem", &authority->crl, err)
		&& authority_read(authority, "courier-issuer/certificate.pem",
			&authority->issuer[CERTIFICATE_COURIER], err)
		&& authority_read(authority, "device-issuer/certificate.pem",
			&authority->issuer[CERTIFICATE_DEVICE], err)
		&& check_papers(authority, err);
}

bool authority_open(
	const char *directory, bool change, struct authority *out, struct error *err)
{
	CLEANUP(authority_close)
	struct authority authority = {.directory = strdup(directory), .lock = -1};

	if (authority.directory == NULL)
		return error_errno(err, "cannot allocate");
	if (!read_fleet(&authority, err) || (change && !authority_take_lock(&authority, err))
		|| !read_papers(&authority, err) || !authority_log_check(&authority, err))
		return false;
	*out = authority;
	authority = (struct authority){.lock = -1};
	return true;
}

void authority_close(struct authority *authority)
{
	free(authority->directory);
	buf_free(&authority->root);
	buf_free(&authority->crl);
	for (size_t i = 0; i < COUNT(authority->issuer); i++)
		buf_free(&authority->issuer[i]);
	file_close(&authority->lock);
	*authority = (struct authority){.lock = -1};
}

/* ---- issuing ---- */

bool authority_issuer_key(const struct authority *authority, enum certificate_role role,
	const struct authority_unlock *unlock, struct crypto_key **out, struct error *err)
{
	const char *const name = authority_issuer_names[role];
	char path[PATH_MAX], question[64];
	PASSPHRASE passphrase = {0};

	(void)snprintf(question, sizeof(question), "passphrase of the %s", name);
	if (!authority_path(authority, path, err, "%s/key.pem", name)
		|| !passphrase_get(&unlock->issuer[role], question, &passphrase, err))
		return error_while(err, "%s", name);
	return crypto_key_load(path, &passphrase, out, err);
}

/* What is logged of a certificate: enough to revoke it by, and to find it again. */
static bool log_certificate(struct authority *authority, const struct certificate *chain,
	const struct certificate_holder *holder, struct error *err)
{
	CLEANUP(json_cleanup) struct json *members = json_new_object();
	uint8_t serial[CERTIFICATE_SERIAL_SIZE];
	char text[2 * CERTIFICATE_SERIAL_SIZE + 1];
	struct digest fingerprint = {{0}};

	if (!certificate_serial(chain, serial, err)
		|| !certificate_fingerprint(chain, &fingerprint, err))
		return false;
	hex_encode((struct bytes){serial, sizeof(serial)}, text);
	json_add_string(members, "id", holder->id);
	json_add_string(members, "name", holder->name);
	json_add_string(members, "serial", text);
	json_add_digest(members, "certificate", &fingerprint);
	json_add_integer(members, "not_before", holder->not_before);
	json_add_integer(members, "not_after", holder->not_after);
	return authority_log(authority,
		holder->role == CERTIFICATE_COURIER ? "courier certified" : "device certified",
		holder->not_before, members, err);
}

bool authority_certify(struct authority *authority, const struct crypto_key *issuer,
	const struct crypto_public *key, const struct certificate_holder *holder,
	struct buf *chain, struct error *err)
{
	CLEANUP(buf_free) struct buf pem = {0};
	CLEANUP(certificate_cleanup) struct certificate *made = NULL;
	struct certificate_holder read;

	return certificate_make_leaf(issuer, buf_bytes(&authority->issuer[holder->role]), key,
		       holder, &pem, err)
		&& certificate_parse(buf_bytes(&pem), &made, err)
		&& certificate_verify(made, buf_bytes(&authority->root), holder->role, err)
		&& certificate_holder(made, &read, err)
		&& log_certificate(authority, made, &read, err)
		&& buf_append(chain, buf_bytes(&pem), err);
}
