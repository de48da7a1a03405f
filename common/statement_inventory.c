#include <stdlib.h>
#include <string.h>

#include "common/dsse.h"
#include "common/statement_parts.h"
#include "common/text.h"

void inventory_free(struct inventory *inventory)
{
	free(inventory->identity);
	artifact_pairs_free(&inventory->provides);
	json_free(inventory->attributes);
	for (size_t i = 0; i < inventory->type_count; i++)
		free(inventory->types[i]);
	*inventory = (struct inventory){0};
}

static void add_policy(struct json *object, const struct inventory *inventory)
{
	struct json *const policy = json_add_object(object, "policy");
	struct json *const types = json_add_array(policy, "types");

	for (size_t i = 0; i < inventory->type_count; i++)
		json_append_string(types, inventory->types[i]);
	json_add_string(policy, "counter_name", inventory->counter_name);
	json_add_integer(policy, "counter", (int64_t)inventory->counter);
	json_add_bool(policy, "counter_required", inventory->counter_required);
	json_add_bool(policy, "has_anchor", inventory->has_anchor);
	json_add_bool(policy, "signature_required", inventory->signature_required);
	json_add_string(policy, "report", inventory->report);
}

static const char *const direction_words[] = {"none", "required"};

static void add_tuf(struct json *object, const struct inventory_tuf *tuf)
{
	if (!tuf->present)
		return;

	struct json *const member = json_add_object(object, "tuf");

	json_add_string(member, "direction", direction_words[tuf->directed]);
	json_add_integer(member, "root", tuf->root);
	json_add_integer(member, "timestamp", tuf->timestamp);
	json_add_integer(member, "snapshot", tuf->snapshot);
	json_add_integer(member, "targets", tuf->targets);
	json_add_integer(member, "sequence", (int64_t)tuf->sequence);
}

bool inventory_sign(const struct inventory *inventory, const struct crypto_key *key,
	struct buf *envelope, struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = statement_new(&inventory->key);
	char nonce[SIGNED_TIME_TEXT];

	json_add_string(object, "device", inventory->device);
	json_add_string(object, "software", inventory->software);
	statement_add_time(object, &inventory->time);
	if (!statement_add_parsed(object, "identity", inventory->identity, err))
		return false;

	struct json *const provides = json_add_object(object, "provides");

	for (size_t i = 0; i < inventory->provides.count; i++)
		json_add_string(provides, inventory->provides.at[i].name,
			inventory->provides.at[i].value);
	json_add_copy(object, "attributes", inventory->attributes);
	add_policy(object, inventory);
	json_add_integer(object, "space", (int64_t)inventory->space);
	json_add_integer(object, "crl", inventory->crl_number);
	json_add_integer(object, "newest", (int64_t)inventory->newest);
	hex_encode((struct bytes){inventory->nonce, sizeof(inventory->nonce)}, nonce);
	json_add_string(object, "nonce", nonce);
	add_tuf(object, &inventory->tuf);
	return statement_sign(object, DSSE_INVENTORY, key, envelope, err);
}

static bool read_provides(const struct json *object, struct inventory *out, struct error *err)
{
	const struct json *provides = NULL;

	if (!json_need_object(object, "provides", &provides, err))
		return false;
	if (json_count(provides) > ARTIFACT_PAIRS_MAX)
		return error_set(
			err, ERROR_MALFORMED, "more than %d provides", (int)ARTIFACT_PAIRS_MAX);
	for (const struct json *at = json_first(provides); at != NULL; at = json_next(at)) {
		const char *const value = json_string(at);

		if (value == NULL)
			return error_set(err, ERROR_MALFORMED, "a provide that is no string");
		if (!artifact_pairs_add(&out->provides, json_name(at), value, err))
			return false;
	}
	return true;
}

static bool read_attributes(const struct json *object, struct inventory *out, struct error *err)
{
	const struct json *attributes = NULL;

	if (!json_need_array(object, "attributes", &attributes, err))
		return false;
	if (json_count(attributes) > STATEMENT_ATTRIBUTES_MAX)
		return error_set(err, ERROR_MALFORMED, "more than %d attributes",
			(int)STATEMENT_ATTRIBUTES_MAX);
	out->attributes = json_new_array();
	for (const struct json *at = json_first(attributes); at != NULL; at = json_next(at)) {
		const char *name = NULL;

		if (!json_need_string(at, "name", &name, err))
			return false;
		json_append_copy(out->attributes, at);
	}
	return true;
}

static bool read_types(const struct json *policy, struct inventory *out, struct error *err)
{
	const struct json *types = NULL;

	if (!json_need_array(policy, "types", &types, err))
		return false;
	for (const struct json *at = json_first(types); at != NULL; at = json_next(at)) {
		const char *const type = json_string(at);

		if (type == NULL || out->type_count == STATEMENT_TYPES_MAX)
			return error_set(err, ERROR_MALFORMED, "bad payload types");
		if (!text_set(&out->types[out->type_count], type, err))
			return false;
		out->type_count++;
	}
	return true;
}

static bool read_policy(const struct json *object, struct inventory *out, struct error *err)
{
	const struct json *policy = NULL;

	return json_need_object(object, "policy", &policy, err) && read_types(policy, out, err)
		&& json_need_text(policy, "counter_name", out->counter_name,
			sizeof(out->counter_name), err)
		&& json_need_count(policy, "counter", &out->counter, err)
		&& json_need_bool(policy, "counter_required", &out->counter_required, err)
		&& json_need_bool(policy, "has_anchor", &out->has_anchor, err)
		&& json_need_bool(policy, "signature_required", &out->signature_required, err)
		&& json_need_text(policy, "report", out->report, sizeof(out->report), err);
}

static bool need_nonce(const struct json *object, struct inventory *out, struct error *err)
{
	char nonce[SIGNED_TIME_TEXT];

	return json_need_text(object, "nonce", nonce, sizeof(nonce), err)
		&& hex_decode(nonce, out->nonce, sizeof(out->nonce), err);
}

static bool need_version_of(
	const struct json *object, const char *name, int64_t *out, struct error *err)
{
	if (!json_need_integer(object, name, out, err))
		return false;
	return *out >= 0 || error_set(err, ERROR_MALFORMED, "%s is negative", name);
}

/* Only of a device that pins a root. */
static bool read_tuf(const struct json *object, struct inventory_tuf *out, struct error *err)
{
	const struct json *member = NULL;
	const char *direction = NULL;

	if (json_member(object, "tuf") == NULL)
		return true;
	if (!json_need_object(object, "tuf", &member, err)
		|| !json_need_string(member, "direction", &direction, err)
		|| !need_version_of(member, "root", &out->root, err)
		|| !need_version_of(member, "timestamp", &out->timestamp, err)
		|| !need_version_of(member, "snapshot", &out->snapshot, err)
		|| !need_version_of(member, "targets", &out->targets, err)
		|| !json_need_count(member, "sequence", &out->sequence, err))
		return false;
	out->present = true;
	out->directed = strcmp(direction, direction_words[true]) == 0;
	return out->directed || strcmp(direction, direction_words[false]) == 0
		|| error_set(err, ERROR_MALFORMED, "direction: neither required nor none");
}

static bool read_inventory(const struct json *object, struct inventory *out, struct error *err)
{
	return json_need_text(object, "device", out->device, sizeof(out->device), err)
		&& json_need_text(object, "software", out->software, sizeof(out->software), err)
		&& statement_need_time(object, &out->time, err)
		&& statement_need_canonical(object, "identity", &out->identity, err)
		&& read_provides(object, out, err) && read_attributes(object, out, err)
		&& read_policy(object, out, err)
		&& json_need_count(object, "space", &out->space, err)
		&& json_need_integer(object, "crl", &out->crl_number, err)
		&& json_need_count(object, "newest", &out->newest, err)
		&& need_nonce(object, out, err) && read_tuf(object, &out->tuf, err);
}

bool inventory_open(struct bytes envelope, const struct crypto_public *key,
	struct inventory *out, struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = NULL;
	CLEANUP(inventory_free) struct inventory inventory = {0};

	if (!statement_open(envelope, DSSE_INVENTORY, key, &object, &inventory.key, err)
		|| !read_inventory(object, &inventory, err))
		return error_while(err, "inventory");
	*out = inventory;
	inventory = (struct inventory){0};
	return true;
}
