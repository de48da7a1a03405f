#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "courier/mender_request.h"

size_t mender_cut(struct bytes text, size_t max)
{
	if (text.len <= max)
		return text.len;
	/* Bytes 10xxxxxx go on with what came before: at most three of them. */
	for (size_t len = max; len > 0 && max - len <= 3; len--)
		if ((text.at[len] & 0xc0) != 0x80)
			return len;
	return max;
}

/* Print DOCUMENT to OUT, which is untouched when that fails. */
static bool print(const struct json *document, struct buf *out, struct error *err)
{
	CLEANUP(buf_free) struct buf text = {0};

	return json_print(document, &text, err) && buf_append(out, buf_bytes(&text), err);
}

bool mender_request_auth(const struct server_settings *settings,
	const struct server_device *device, const char *key_pem, struct buf *out,
	struct error *err)
{
	CLEANUP(json_cleanup) struct json *body = json_new_object();

	json_add_string(body, "id_data", device->id_data);
	if (settings->tenant_token != NULL)
		json_add_string(body, "tenant_token", settings->tenant_token);
	if (device->tier != NULL)
		json_add_string(body, "tier", device->tier);
	json_add_string(body, "pubkey", key_pem);
	return json_print(body, out, err);
}

/* As much of TEXT as the server takes, counted when it is UTF-8: what was none may have
 * become longer. */
static void add_substate(struct json *body, const char *text)
{
	CLEANUP(json_cleanup) struct json *whole = json_new_array();
	char cut[MENDER_SUBSTATE_MAX + 1];

	json_append_string(whole, text);

	const char *const plain = json_string(json_first(whole));
	const size_t len = plain == NULL ? 0 : mender_cut(bytes_of(plain), MENDER_SUBSTATE_MAX);

	if (plain != NULL)
		memcpy(cut, plain, len);
	cut[len] = 0;
	json_add_string(body, "substate", plain == NULL ? NULL : cut);
}

bool mender_request_status(
	const char *status, const char *substate, struct buf *out, struct error *err)
{
	CLEANUP(json_cleanup) struct json *body = json_new_object();

	json_add_string(body, "status", status);
	if (substate != NULL && substate[0] != 0)
		add_substate(body, substate);
	return print(body, out, err);
}

/* ---- next ---- */

/* The first pair of the least name that follows AFTER (NULL: of all); NULL at the end. */
static const struct artifact_pair *following(
	const struct artifact_pairs *pairs, const char *after)
{
	const struct artifact_pair *least = NULL;

	for (size_t i = 0; i < pairs->count; i++) {
		const struct artifact_pair *const pair = &pairs->at[i];

		if ((after == NULL || strcmp(pair->name, after) > 0)
			&& (least == NULL || strcmp(pair->name, least->name) < 0))
			least = pair;
	}
	return least;
}

/* What the server insists on, in its own limits. */
static bool has_needed(const struct json *object, struct error *err)
{
	static const char *const needed[] = {"device_type", "artifact_name"};

	for (size_t i = 0; i < COUNT(needed); i++) {
		const char *const value = json_string(json_member(object, needed[i]));

		if (value == NULL || value[0] == 0)
			return error_set(err, ERROR_USAGE,
				"the %s of the device is not known, and the server needs it",
				needed[i]);
	}
	return true;
}

bool mender_request_frozen(
	const struct artifact_pairs *provides, struct buf *out, struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = json_new_object();

	for (const struct artifact_pair *pair = following(provides, NULL); pair != NULL;
		pair = following(provides, pair->name))
		if (pair->value[0] != 0 && strlen(pair->value) <= MENDER_VALUE_MAX)
			json_add_string(object, pair->name, pair->value);
	return has_needed(object, err) && print(object, out, err);
}

static bool frozen_parse(const char *frozen, struct json **out, struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = NULL;

	if (strlen(frozen) > MENDER_FROZEN_MAX)
		return error_set(err, ERROR_MALFORMED, "frozen request: too long");
	if (!json_parse(bytes_of(frozen), JSON_SIGNED, &object, err))
		return error_while(err, "frozen request");
	if (!json_is_object(object) || !has_needed(object, err))
		return error_set(err, ERROR_MALFORMED, "frozen request: incomplete");
	for (const struct json *member = json_first(object); member != NULL;
		member = json_next(member))
		if (json_string(member) == NULL)
			return error_set(err, ERROR_MALFORMED,
				"frozen request: %.64s is no string", json_name(member));
	*out = object;
	object = NULL;
	return true;
}

bool mender_request_next_v2(const char *frozen, struct buf *out, struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = NULL;

	return frozen_parse(frozen, &object, err)
		&& buf_print(out, err, "{\"device_provides\":%s}", frozen);
}

bool mender_request_next_v1(const char *frozen, struct buf *out, struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = NULL;
	CLEANUP(json_cleanup) struct json *body = json_new_object();

	if (!frozen_parse(frozen, &object, err))
		return false;
	json_add_copy(body, "artifact_name", json_member(object, "artifact_name"));
	json_add_copy(body, "device_type", json_member(object, "device_type"));

	/* Without further provides the member is left out, as the official client does. */
	struct json *const rest
		= json_count(object) > 2 ? json_add_object(body, "artifact_provides") : NULL;

	for (const struct json *member = json_first(object); member != NULL;
		member = json_next(member))
		if (strcmp(json_name(member), "artifact_name") != 0
			&& strcmp(json_name(member), "device_type") != 0)
			json_add_copy(rest, json_name(member), member);
	return print(body, out, err);
}
