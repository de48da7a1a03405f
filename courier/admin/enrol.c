#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "courier/admin/enrol.h"

/* ---- logging in ---- */

enum { LOGIN_MAX = 1024, USER_MAX = 256 /* bytes */ };

/* Two lines.  The buffer held a password: it is wiped whatever happens. */
static bool split_login(
	char *text, const char **user, struct passphrase *password, struct error *err)
{
	char *const first = text + strcspn(text, "\r\n");
	char *const second = first + strspn(first, "\r\n");
	char *const end = second + strcspn(second, "\r\n");

	if (first == text || second == end)
		return error_set(err, ERROR_USAGE, "not two lines, user and password");
	if ((size_t)(end - second) >= sizeof(password->at))
		return error_set(err, ERROR_USAGE, "the password is too long");
	*first = 0;
	*end = 0;
	memcpy(password->at, second, strlen(second) + 1);
	*user = text;
	return true;
}

static bool read_login(const char *path, char text[static LOGIN_MAX], struct error *err)
{
	FILE *const file = fopen(path, "re");

	if (file == NULL)
		return error_errno(err, "%s: cannot open", path);
	setbuf(file, NULL); /* no copy that is not wiped */

	const size_t len = fread(text, 1, LOGIN_MAX, file);
	const bool ok = ferror(file) == 0;

	(void)fclose(file);
	if (!ok || len == LOGIN_MAX || memchr(text, 0, len) != NULL)
		return error_set(
			err, ERROR_USAGE, "%s: not two lines, user and password", path);
	text[len] = 0;
	return true;
}

struct login_text {
	char at[LOGIN_MAX];
};

static void login_wipe(struct login_text *text)
{
	secret_wipe_bytes(text->at, sizeof(text->at));
}

static bool find_login(const struct enrol_access *access, struct login_text *text,
	struct passphrase *password, struct admin_login *login, struct error *err)
{
	static const struct unlock prompt = {NULL, -1};
	char question[USER_MAX + 32];

	login->token_file = access->token_file;
	login->password = password;
	if (access->token_file != NULL)
		return true;
	if (access->login_file != NULL)
		return read_login(access->login_file, text->at, err)
			&& (split_login(text->at, &login->user, password, err)
				|| error_while(err, "%s", access->login_file));
	login->user = access->user;
	if (access->user == NULL)
		return error_set(err, ERROR_USAGE,
			"who are you at the server? --token-file FILE, --login-file FILE or "
			"--user NAME");
	(void)snprintf(
		question, sizeof(question), "password of %.200s at the server", access->user);
	return passphrase_get(&prompt, question, password, err);
}

bool enrol_open(const struct enrol_access *access, struct admin **out, struct error *err)
{
	CLEANUP(login_wipe) struct login_text text = {{0}};
	PASSPHRASE password = {{0}};
	const struct admin_kind *kind = NULL;
	struct admin_login login = {NULL};
	const struct server_settings settings = {
		.name = access->url,
		.kind = access->kind == NULL ? "mender" : access->kind,
		.url = access->url,
		.ca_file = access->ca,
		.proxy = access->proxy,
	};

	if (access->url == NULL)
		return error_set(err, ERROR_USAGE, "needs --server URL");
	return admin_kind_find(settings.kind, &kind, err)
		&& find_login(access, &text, &password, &login, err)
		&& (kind->open(&settings, &login, out, err)
			|| error_while(err, "%s", access->url));
}

/* ---- what the server has ---- */

void enrol_devices_free(struct enrol_devices *devices)
{
	for (size_t i = 0; i < devices->count; i++)
		admin_device_free(&devices->at[i]);
	free(devices->at);
	*devices = (struct enrol_devices){0};
}

static bool copy_device(
	const struct admin_device *from, struct admin_device *out, struct error *err)
{
	CLEANUP(admin_device_free) struct admin_device device = *from;

	device.id_data = strdup(from->id_data);
	device.sets = calloc(from->set_count + 1, sizeof(*device.sets));
	device.set_count = 0;
	if (device.id_data == NULL || device.sets == NULL)
		return error_errno(err, "cannot allocate");
	for (size_t i = 0; i < from->set_count; i++) {
		device.sets[i] = from->sets[i];
		device.sets[i].key_pem = strdup(from->sets[i].key_pem);
		if (device.sets[i].key_pem == NULL)
			return error_errno(err, "cannot allocate");
		device.set_count++;
	}
	*out = device;
	device = (struct admin_device){0};
	return true;
}

static bool collect(void *self, const struct admin_device *device, struct error *err)
{
	struct enrol_devices *const devices = self;

	if (devices->count == devices->room) {
		const size_t room = 2 * devices->room + 64;
		struct admin_device *const at
			= realloc(devices->at, room * sizeof(*devices->at));

		if (at == NULL)
			return error_errno(err, "cannot allocate");
		devices->at = at;
		devices->room = room;
	}
	if (!copy_device(device, &devices->at[devices->count], err))
		return false;
	devices->count++;
	return true;
}

bool enrol_devices_read(struct admin *admin, struct enrol_devices *out, struct error *err)
{
	CLEANUP(enrol_devices_free) struct enrol_devices devices = {0};

	if (!admin->kind->each_device(admin, collect, &devices, err))
		return error_while(err, "reading the server's devices");
	*out = devices;
	devices = (struct enrol_devices){0};
	return true;
}

const struct admin_device *enrol_devices_find(
	const struct enrol_devices *devices, const char *identity)
{
	for (size_t i = 0; i < devices->count; i++)
		if (strcmp(devices->at[i].id_data, identity) == 0)
			return &devices->at[i];
	return NULL;
}

/* ---- whose key is it? ---- */

struct key_reading {
	const struct authority *authority;
	struct enrol_keys *keys;
};

static bool add_key(void *self, const char *id, struct error *err)
{
	struct key_reading *const reading = self;
	struct enrol_keys *const keys = reading->keys;
	CLEANUP(courier_record_free) struct courier_record record = {0};
	bool found = false;

	if (!courier_record_read(reading->authority, id, &record, &found, err))
		return false;
	if (!found)
		return true; /* an issue that was interrupted */
	if (keys->count == COUNT(keys->at))
		return error_set(err, ERROR_USAGE, "over %d couriers", ENROL_COURIERS_MAX);
	memcpy(keys->at[keys->count].courier, record.id, sizeof(record.id));
	keys->at[keys->count++].server = record.server;
	return true;
}

bool enrol_keys_read(
	const struct authority *authority, struct enrol_keys *keys, struct error *err)
{
	struct key_reading reading = {authority, keys};

	keys->count = 0;
	return courier_record_each(authority, add_key, &reading, err);
}

void enrol_key_name(const struct enrol_keys *keys, const char *key_pem,
	char text[static CERTIFICATE_ID_MAX + 16])
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *key = NULL;
	struct digest fingerprint = {{0}};
	struct error none = {0};
	char hex[DIGEST_TEXT];

	if (!crypto_public_parse(bytes_of(key_pem), &key, &none)
		|| !crypto_public_fingerprint(key, &fingerprint, &none)) {
		(void)snprintf(text, CERTIFICATE_ID_MAX + 16, "another key");
		return;
	}
	for (size_t i = 0; i < keys->count; i++) {
		if (digest_equal(&keys->at[i].server, &fingerprint)) {
			(void)snprintf(text, CERTIFICATE_ID_MAX + 16, "courier %s",
				keys->at[i].courier);
			return;
		}
	}
	digest_text(&fingerprint, hex);
	(void)snprintf(text, CERTIFICATE_ID_MAX + 16, "key %.16s", hex);
}

bool enrol_courier_identity(
	const char *courier, char text[static CERTIFICATE_ID_MAX + 16], struct error *err)
{
	if (!certificate_id_valid(courier))
		return error_set(err, ERROR_USAGE, "bad courier id");
	(void)snprintf(text, CERTIFICATE_ID_MAX + 16, "{\"courier\":\"%s\"}", courier);
	return true;
}
