#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/text.h"
#include "courier/mender_admin.h"

#define DEVAUTH "/api/management/v2/devauth/devices"
#define LOGIN "/api/management/v1/useradm/auth/login"
#define INVENTORY "/api/management/v1/inventory/devices"
#define DEPLOYMENTS "/api/management/v1/deployments/deployments"
#define HISTORY "/api/management/v1/deployments/deployments/devices"

enum { LOGIN_MAX = 512 /* bytes of "email:password" */ };

bool mender_admin_open(
	struct mender_admin *admin, const struct server_settings *settings, struct error *err)
{
	struct mender_admin opened = {0};

	if (!mender_host_open(
		    &opened.host, settings->url, settings->ca_file, settings->proxy, err))
		return error_while(err, "server %s", settings->name);
	*admin = opened;
	return true;
}

void mender_admin_close(struct mender_admin *admin)
{
	mender_token_free(&admin->token);
	mender_host_close(&admin->host);
}

/* ---- who is asking ---- */

/* "Authorization: Basic ..." into HEADER; the caller wipes it. */
static bool basic(const char *email, const struct passphrase *password,
	char header[static 2 * LOGIN_MAX], struct error *err)
{
	static const char name[] = "Authorization: Basic ";
	char pair[LOGIN_MAX];
	const int len = snprintf(pair, sizeof(pair), "%s:%s", email, password->at);
	const bool fits = len > 0 && (size_t)len < sizeof(pair) && strchr(email, ':') == NULL;

	if (fits) {
		memcpy(header, name, sizeof(name));
		crypto_base64_encode((struct bytes){(const uint8_t *)pair, (size_t)len},
			header + sizeof(name) - 1);
	}
	secret_wipe_bytes(pair, sizeof(pair));
	return fits
		|| error_set(err, ERROR_USAGE, "%.64s: no user name for this server", email);
}

bool mender_admin_login(struct mender_admin *admin, const char *email,
	const struct passphrase *password, struct error *err)
{
	CLEANUP(http_response_free) struct http_response response = {0};
	char header[2 * LOGIN_MAX];
	const struct mender_call call = {.method = "POST", .path = LOGIN, .header = header};

	if (!basic(email, password, header, err))
		return false;

	const bool sent = mender_send(&admin->host, &call, &response, err);

	secret_wipe_bytes(header, sizeof(header));
	if (!sent)
		return false;
	if (response.status == 401)
		return error_set(err, ERROR_UNAUTHORISED,
			"%s: the server does not know this name with this password", email);
	if (response.status != 200)
		return mender_refused(&response, "login", err);
	return mender_answer_token(buf_bytes(&response.body), &admin->token, err);
}

bool mender_admin_use_token(struct mender_admin *admin, const char *path, struct error *err)
{
	CLEANUP(mender_token_free) struct buf content = {0};

	/* Room for all of it: a buffer that grows leaves copies. */
	if (!buf_reserve(&content, MENDER_TOKEN_MAX + 8192, err)
		|| !file_read(path, MENDER_TOKEN_MAX, &content, NULL, err))
		return false;
	return mender_answer_token(buf_bytes(&content), &admin->token, err)
		|| error_set(err, ERROR_USAGE, "%s: holds no token", path);
}

/* ---- calls ---- */

static bool send_call(struct mender_admin *admin, struct mender_call call,
	struct http_response *response, struct error *err)
{
	if (admin->token.len == 0)
		return error_set(err, ERROR_UNAUTHORISED, "not logged in");
	if (!buf_text(&admin->token, &call.bearer, err)
		|| !mender_send(&admin->host, &call, response, err))
		return false;
	if (response->status != 401)
		return true;
	http_response_free(response);
	return error_set(
		err, ERROR_UNAUTHORISED, "the server does not accept the operator's token");
}

static bool check_id(const char *id, struct error *err)
{
	return mender_id_valid(id)
		|| error_set(err, ERROR_USAGE, "%.64s: no id of this server", id);
}

bool mender_admin_page(
	struct mender_admin *admin, unsigned page, struct mender_page *out, struct error *err)
{
	CLEANUP(http_response_free) struct http_response response = {0};
	char path[MENDER_PATH_MAX];

	(void)snprintf(
		path, sizeof(path), DEVAUTH "?page=%u&per_page=%d", page, MENDER_ADMIN_PAGE);
	if (!send_call(
		    admin, (struct mender_call){.method = "GET", .path = path}, &response, err))
		return false;
	if (response.status != 200)
		return mender_refused(&response, "devices", err);
	return mender_answer_devices(buf_bytes(&response.body), out, err);
}

bool mender_admin_device(struct mender_admin *admin, const char *id, struct admin_device *out,
	bool *found, struct error *err)
{
	CLEANUP(http_response_free) struct http_response response = {0};
	char path[MENDER_PATH_MAX];

	if (!check_id(id, err))
		return false;
	(void)snprintf(path, sizeof(path), DEVAUTH "/%s", id);
	if (!send_call(
		    admin, (struct mender_call){.method = "GET", .path = path}, &response, err))
		return false;
	if (response.status != 200 && response.status != 404)
		return mender_refused(&response, "device", err);
	if (response.status == 200
		&& !mender_answer_device(buf_bytes(&response.body), out, err))
		return false;
	*found = response.status == 200;
	return true;
}

/* "devices/<id>": the id that follows the last slash. */
static bool location_id(
	const char *location, char id[static ADMIN_ID_MAX + 1], struct error *err)
{
	const char *const slash = strrchr(location, '/');
	const char *const text = slash == NULL ? location : slash + 1;

	if (!mender_id_valid(text))
		return error_set(err, ERROR_MALFORMED,
			"the server's answer does not say which device it made");
	memcpy(id, text, strlen(text) + 1);
	return true;
}

static bool preauthorise_body(const char *id_data, const char *key_pem, bool force,
	struct buf *out, struct error *err)
{
	CLEANUP(json_cleanup) struct json *identity = NULL;
	CLEANUP(json_cleanup) struct json *body = json_new_object();

	if (!json_parse(bytes_of(id_data), JSON_FOREIGN, &identity, err)
		|| !json_is_object(identity))
		return error_set(err, ERROR_USAGE, "the device's identity is no JSON object");
	json_add_copy(body, "identity_data", identity);
	json_add_string(body, "pubkey", key_pem);
	if (force)
		json_add_bool(body, "force", true);
	return json_print(body, out, err);
}

bool mender_admin_preauthorise(struct mender_admin *admin, const char *id_data,
	const char *key_pem, bool force, char device[static ADMIN_ID_MAX + 1], bool *exists,
	struct error *err)
{
	CLEANUP(http_response_free) struct http_response response = {0};
	CLEANUP(admin_device_free) struct admin_device known = {0};
	CLEANUP(buf_free) struct buf body = {0};

	if (!preauthorise_body(id_data, key_pem, force, &body, err)
		|| !send_call(admin,
			(struct mender_call){
				.method = "POST", .path = DEVAUTH, .body = buf_bytes(&body)},
			&response, err))
		return false;
	if (response.status != 201 && response.status != 409)
		return mender_refused(&response, "preauthorisation", err);
	if (response.status == 201) {
		if (!force && !location_id(response.location, device, err))
			return false;
	} else {
		if (!mender_answer_device(buf_bytes(&response.body), &known, err))
			return false;
		memcpy(device, known.id, sizeof(known.id));
	}
	*exists = response.status == 409;
	return true;
}

static bool change_set(struct mender_admin *admin, const char *device, const char *set,
	const char *suffix, struct mender_call call, struct error *err)
{
	CLEANUP(http_response_free) struct http_response response = {0};
	char path[MENDER_PATH_MAX];

	if (!check_id(device, err) || !check_id(set, err))
		return false;
	(void)snprintf(path, sizeof(path), DEVAUTH "/%s/auth/%s%s", device, set, suffix);
	call.path = path;
	if (!send_call(admin, call, &response, err))
		return false;
	if (response.status == 422)
		return error_set(
			err, ERROR_FAILED, "the server's limit of accepted devices is reached");
	return mender_took(&response) || mender_refused(&response, "auth set", err);
}

bool mender_admin_set_status(struct mender_admin *admin, const char *device, const char *set,
	enum admin_status status, struct error *err)
{
	CLEANUP(json_cleanup) struct json *body = json_new_object();
	CLEANUP(buf_free) struct buf text = {0};

	/* These three have the same name here and there. */
	json_add_string(body, "status", admin_status_name(status));
	return json_print(body, &text, err)
		&& change_set(admin, device, set, "/status",
			(struct mender_call){.method = "PUT", .body = buf_bytes(&text)}, err);
}

bool mender_admin_delete_set(
	struct mender_admin *admin, const char *device, const char *set, struct error *err)
{
	return change_set(
		admin, device, set, "", (struct mender_call){.method = "DELETE"}, err);
}

/* ---- what a device said and did ---- */

bool mender_admin_inventory(
	struct mender_admin *admin, const char *device, struct json **out, struct error *err)
{
	CLEANUP(http_response_free) struct http_response response = {0};
	CLEANUP(json_cleanup) struct json *answer = NULL;
	CLEANUP(json_cleanup) struct json *copy = json_new_array();
	const struct json *attributes = NULL;
	char path[MENDER_PATH_MAX];

	if (!check_id(device, err))
		return false;
	(void)snprintf(path, sizeof(path), INVENTORY "/%s", device);
	if (!send_call(
		    admin, (struct mender_call){.method = "GET", .path = path}, &response, err))
		return false;
	if (response.status != 200)
		return mender_refused(&response, "inventory", err);
	if (!json_parse(buf_bytes(&response.body), JSON_FOREIGN, &answer, err)
		|| !json_need_array(answer, "attributes", &attributes, err))
		return error_while(err, "the server's answer");
	for (const struct json *each = json_first(attributes); each != NULL;
		each = json_next(each))
		json_append_copy(copy, each);
	*out = copy;
	copy = NULL;
	return true;
}

static bool get(struct mender_admin *admin, const char *path, const char *what,
	struct json **out, struct error *err)
{
	CLEANUP(http_response_free) struct http_response response = {0};

	if (!send_call(
		    admin, (struct mender_call){.method = "GET", .path = path}, &response, err))
		return false;
	if (response.status == 404)
		return error_set(err, ERROR_GONE, "the server has no such %s", what);
	if (response.status != 200)
		return mender_refused(&response, what, err);
	return json_parse(buf_bytes(&response.body), JSON_FOREIGN, out, err)
		|| error_while(err, "the server's answer");
}

static bool take_devices(
	const struct json *ids, struct admin_deployment *deployment, struct error *err)
{
	if (!json_is_array(ids))
		return error_set(err, ERROR_MALFORMED, "the server's answer is no list");
	deployment->devices = calloc(json_count(ids) + 1, sizeof(*deployment->devices));
	if (deployment->devices == NULL)
		return error_errno(err, "cannot allocate");
	for (const struct json *each = json_first(ids); each != NULL; each = json_next(each)) {
		const char *const id = json_string(each);

		if (id == NULL || !mender_id_valid(id))
			return error_set(
				err, ERROR_MALFORMED, "the server's answer: not a device's id");
		if (!text_set(&deployment->devices[deployment->count], id, err))
			return false;
		deployment->count++;
	}
	return true;
}

bool mender_admin_deployment(struct mender_admin *admin, const char *id,
	struct admin_deployment *out, struct error *err)
{
	CLEANUP(json_cleanup) struct json *answer = NULL;
	CLEANUP(json_cleanup) struct json *ids = NULL;
	CLEANUP(admin_deployment_free) struct admin_deployment deployment = {.artifact = NULL};
	char path[MENDER_PATH_MAX];
	const char *artifact = NULL;

	if (!check_id(id, err))
		return false;
	(void)snprintf(path, sizeof(path), DEPLOYMENTS "/%s", id);
	if (!get(admin, path, "deployment", &answer, err)
		|| !json_need_string(answer, "artifact_name", &artifact, err)
		|| !text_set(&deployment.artifact, artifact, err))
		return false;
	(void)snprintf(path, sizeof(path), DEPLOYMENTS "/%s/device_list", id);
	if (!get(admin, path, "deployment", &ids, err) || !take_devices(ids, &deployment, err))
		return false;
	*out = deployment;
	deployment = (struct admin_deployment){0};
	return true;
}

static bool history_parse(
	const struct json *item, struct mender_history *out, struct error *err)
{
	const struct json *const deployment = json_member(item, "deployment");
	const struct json *const device = json_member(item, "device");
	struct mender_history found = {
		.substate = json_string(json_member(device, "substate")),
		.finished = json_string(json_member(device, "finished")),
	};
	struct error absent = {0};

	if (!json_need_string(deployment, "id", &found.deployment, err)
		|| !json_need_string(deployment, "name", &found.name, err)
		|| !json_need_string(deployment, "artifact_name", &found.artifact, err)
		|| !json_need_string(device, "status", &found.status, err))
		return error_while(err, "the server's answer");
	if (!json_need_bool(device, "log", &found.has_log, &absent))
		found.has_log = false;
	*out = found;
	return true;
}

static bool history_page(struct mender_admin *admin, const char *device, unsigned page,
	struct json **out, struct error *err)
{
	CLEANUP(http_response_free) struct http_response response = {0};
	CLEANUP(json_cleanup) struct json *answer = NULL;
	char path[MENDER_PATH_MAX];

	(void)snprintf(path, sizeof(path), HISTORY "/%s?page=%u&per_page=%d", device, page,
		MENDER_HISTORY_PAGE);
	if (!send_call(
		    admin, (struct mender_call){.method = "GET", .path = path}, &response, err))
		return false;
	if (response.status != 200)
		return mender_refused(&response, "deployments", err);
	if (!json_parse(buf_bytes(&response.body), JSON_FOREIGN, &answer, err))
		return error_while(err, "the server's answer");
	if (!json_is_array(answer))
		return error_set(err, ERROR_MALFORMED, "the server's answer is no list");
	*out = answer;
	answer = NULL;
	return true;
}

bool mender_admin_each_deployment(struct mender_admin *admin, const char *device,
	bool (*visit)(void *self, const struct mender_history *, struct error *), void *self,
	struct error *err)
{
	size_t count = MENDER_HISTORY_PAGE;

	if (!check_id(device, err))
		return false;
	for (unsigned page = 1; count == MENDER_HISTORY_PAGE; page++) {
		CLEANUP(json_cleanup) struct json *items = NULL;

		if (!history_page(admin, device, page, &items, err))
			return false;
		count = json_count(items);
		for (const struct json *item = json_first(items); item != NULL;
			item = json_next(item)) {
			struct mender_history history = {0};

			if (!history_parse(item, &history, err) || !visit(self, &history, err))
				return false;
		}
	}
	return true;
}
