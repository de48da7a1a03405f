#include <stdlib.h>
#include <string.h>

#include "common/dsse.h"
#include "common/statement.h"
#include "common/text.h"

/* The order is that of enum outcome. */
static const struct {
	const char *name;
	bool terminal;
} outcomes[] = {
	{"INSTALLED", false},
	{"CONFIRMED", true},
	{"ROLLED_BACK", true},
	{"REFUSED", true},
	{"FAILED", true},
};

const char *outcome_name(enum outcome outcome)
{
	return outcomes[outcome].name;
}

bool outcome_terminal(enum outcome outcome)
{
	return outcomes[outcome].terminal;
}

static bool need_outcome(
	const struct json *object, const char *name, enum outcome *out, struct error *err)
{
	const char *text = NULL;

	if (!json_need_string(object, name, &text, err))
		return false;
	for (size_t i = 0; i < COUNT(outcomes); i++) {
		if (strcmp(outcomes[i].name, text) == 0) {
			*out = (enum outcome)i;
			return true;
		}
	}
	return error_set(err, ERROR_MALFORMED, "%s: unknown outcome", name);
}

static bool need_count(
	const struct json *object, const char *name, uint64_t *out, struct error *err)
{
	int64_t value = 0;

	if (!json_need_integer(object, name, &value, err))
		return false;
	if (value < 0)
		return error_set(err, ERROR_MALFORMED, "%s is negative", name);
	*out = (uint64_t)value;
	return true;
}

static void add_time(struct json *object, const struct device_time *at)
{
	struct json *const time = json_add_object(object, "time");

	json_add_integer(time, "clock", at->clock);
	json_add_integer(time, "floor", at->floor);
	json_add_integer(time, "uptime", at->uptime_s);
	json_add_string(time, "boot", at->boot);
}

static bool need_time(const struct json *object, struct device_time *at, struct error *err)
{
	const struct json *time = NULL;

	return json_need_object(object, "time", &time, err)
		&& json_need_integer(time, "clock", &at->clock, err)
		&& json_need_integer(time, "floor", &at->floor, err)
		&& json_need_integer(time, "uptime", &at->uptime_s, err)
		&& json_need_text(time, "boot", at->boot, sizeof(at->boot), err);
}

/* Every statement begins alike. */
static struct json *new_statement(const struct digest *key)
{
	struct json *const object = json_new_object();

	json_add_integer(object, "version", STATEMENT_VERSION);
	json_add_digest(object, "key", key);
	return object;
}

static bool sign(const struct json *object, const char *type, const struct crypto_key *key,
	struct buf *envelope, struct error *err)
{
	CLEANUP(buf_free) struct buf payload = {0};

	return json_print(object, &payload, err)
		&& dsse_sign(key, type, buf_bytes(&payload), envelope, err);
}

static bool need_version(const struct json *object, struct error *err)
{
	int64_t version = 0;

	if (!json_need_integer(object, "version", &version, err))
		return false;
	return version == STATEMENT_VERSION
		|| error_set(err, ERROR_MALFORMED,
			"statement of version %lld, this program knows %d", (long long)version,
			STATEMENT_VERSION);
}

/* Verify with KEY, then read the members every statement has. */
static bool open_statement(struct bytes envelope, const char *type,
	const struct crypto_public *key, struct json **out, struct digest *named,
	struct error *err)
{
	CLEANUP(buf_free) struct buf payload = {0};
	CLEANUP(json_cleanup) struct json *object = NULL;
	struct digest own;

	if (!dsse_open(envelope, type, key, &payload, err)
		|| !json_parse(buf_bytes(&payload), JSON_SIGNED, &object, err)
		|| !need_version(object, err) || !json_need_digest(object, "key", named, err)
		|| !crypto_public_fingerprint(key, &own, err))
		return false;
	if (!digest_equal(&own, named))
		return error_set(err, ERROR_SIGNATURE, "signed by another key than it names");
	*out = object;
	object = NULL;
	return true;
}

/* ---- receipt ---- */

static void add_courier(struct json *object, const struct receipt *receipt)
{
	struct json *const courier = json_add_object(object, "courier");
	struct digest exporter;

	memcpy(exporter.at, receipt->exporter, sizeof(exporter.at));
	json_add_string(courier, "id", receipt->courier);
	json_add_string(courier, "technician", receipt->technician);
	json_add_digest(courier, "certificate", &receipt->courier_certificate);
	json_add_digest(courier, "exporter", &exporter);
}

static bool need_courier(const struct json *object, struct receipt *out, struct error *err)
{
	const struct json *courier = NULL;
	struct digest exporter;

	if (!json_need_object(object, "courier", &courier, err)
		|| !json_need_text(courier, "id", out->courier, sizeof(out->courier), err)
		|| !json_need_text(
			courier, "technician", out->technician, sizeof(out->technician), err)
		|| !json_need_digest(courier, "certificate", &out->courier_certificate, err)
		|| !json_need_digest(courier, "exporter", &exporter, err))
		return false;
	memcpy(out->exporter, exporter.at, sizeof(exporter.at));
	return true;
}

bool receipt_sign(const struct receipt *receipt, const struct crypto_key *key,
	struct buf *envelope, struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = new_statement(&receipt->key);

	json_add_string(object, "device", receipt->device);
	json_add_integer(object, "sequence", (int64_t)receipt->sequence);
	json_add_digest(object, "previous", &receipt->previous);
	json_add_string(object, "deployment", receipt->deployment);
	json_add_string(object, "artifact", receipt->artifact);
	json_add_digest(object, "digest", &receipt->digest);
	json_add_string(object, "before", receipt->before);
	json_add_string(object, "after", receipt->after);
	json_add_string(object, "outcome", outcome_name(receipt->outcome));
	json_add_integer(object, "code", (int64_t)receipt->code);
	json_add_string(object, "reason", receipt->reason);
	add_time(object, &receipt->time);
	add_courier(object, receipt);
	json_add_digest(object, "log", &receipt->log);
	json_add_digest(object, "inventory", &receipt->inventory);
	return sign(object, DSSE_RECEIPT, key, envelope, err);
}

static bool read_receipt(const struct json *object, struct receipt *out, struct error *err)
{
	int64_t code = 0;

	if (!json_need_text(object, "device", out->device, sizeof(out->device), err)
		|| !need_count(object, "sequence", &out->sequence, err)
		|| !json_need_digest(object, "previous", &out->previous, err)
		|| !json_need_text(
			object, "deployment", out->deployment, sizeof(out->deployment), err)
		|| !json_need_text(
			object, "artifact", out->artifact, sizeof(out->artifact), err)
		|| !json_need_digest(object, "digest", &out->digest, err)
		|| !json_need_text(object, "before", out->before, sizeof(out->before), err)
		|| !json_need_text(object, "after", out->after, sizeof(out->after), err)
		|| !need_outcome(object, "outcome", &out->outcome, err)
		|| !json_need_integer(object, "code", &code, err)
		|| !json_need_text(object, "reason", out->reason, sizeof(out->reason), err)
		|| !need_time(object, &out->time, err) || !need_courier(object, out, err)
		|| !json_need_digest(object, "log", &out->log, err)
		|| !json_need_digest(object, "inventory", &out->inventory, err))
		return false;
	if (code < 0 || code > 255 || out->sequence == 0)
		return error_set(err, ERROR_MALFORMED, "code or sequence out of range");
	out->code = (enum error_code)code;
	return true;
}

bool receipt_open(struct bytes envelope, const struct crypto_public *key, struct receipt *out,
	struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = NULL;
	struct receipt receipt = {0};

	if (!open_statement(envelope, DSSE_RECEIPT, key, &object, &receipt.key, err)
		|| !read_receipt(object, &receipt, err))
		return error_while(err, "receipt");
	*out = receipt;
	return true;
}

/* ---- inventory ---- */

void inventory_free(struct inventory *inventory)
{
	free(inventory->identity);
	artifact_pairs_free(&inventory->provides);
	json_free(inventory->attributes);
	for (size_t i = 0; i < inventory->type_count; i++)
		free(inventory->types[i]);
	*inventory = (struct inventory){0};
}

/* The object in TEXT becomes member NAME. */
static bool add_parsed(
	struct json *object, const char *name, const char *text, struct error *err)
{
	CLEANUP(json_cleanup) struct json *value = NULL;

	if (!json_parse(bytes_of(text), JSON_SIGNED, &value, err))
		return error_while(err, "%s", name);
	json_add_copy(object, name, value);
	return true;
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
	CLEANUP(json_cleanup) struct json *object = new_statement(&inventory->key);
	char nonce[SIGNED_TIME_TEXT];

	json_add_string(object, "device", inventory->device);
	json_add_string(object, "software", inventory->software);
	add_time(object, &inventory->time);
	if (!add_parsed(object, "identity", inventory->identity, err))
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
	return sign(object, DSSE_INVENTORY, key, envelope, err);
}

/* Member NAME, an object, in its canonical form. */
static bool need_canonical(
	const struct json *object, const char *name, char **out, struct error *err)
{
	CLEANUP(buf_free) struct buf printed = {0}, canonical = {0};
	const struct json *member = NULL;
	const char *text = NULL;

	return json_need_object(object, name, &member, err) && json_print(member, &printed, err)
		&& json_canonical(buf_bytes(&printed), &canonical, err)
		&& buf_text(&canonical, &text, err) && text_set(out, text, err);
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
		&& need_count(policy, "counter", &out->counter, err)
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
		|| !need_count(member, "sequence", &out->sequence, err))
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
		&& need_time(object, &out->time, err)
		&& need_canonical(object, "identity", &out->identity, err)
		&& read_provides(object, out, err) && read_attributes(object, out, err)
		&& read_policy(object, out, err)
		&& need_count(object, "space", &out->space, err)
		&& json_need_integer(object, "crl", &out->crl_number, err)
		&& need_count(object, "newest", &out->newest, err)
		&& need_nonce(object, out, err) && read_tuf(object, &out->tuf, err);
}

bool inventory_open(struct bytes envelope, const struct crypto_public *key,
	struct inventory *out, struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = NULL;
	CLEANUP(inventory_free) struct inventory inventory = {0};

	if (!open_statement(envelope, DSSE_INVENTORY, key, &object, &inventory.key, err)
		|| !read_inventory(object, &inventory, err))
		return error_while(err, "inventory");
	*out = inventory;
	inventory = (struct inventory){0};
	return true;
}

/* ---- identity ---- */

void identity_free(struct identity *identity)
{
	free(identity->identity);
	free(identity->request);
	*identity = (struct identity){0};
}

bool identity_sign(const struct identity *identity, const struct crypto_key *key,
	struct buf *envelope, struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = new_statement(&identity->key);

	if (!add_parsed(object, "identity", identity->identity, err))
		return false;
	json_add_string(object, "device_type", identity->device_type);
	json_add_string(object, "request", identity->request);
	add_time(object, &identity->time);
	return sign(object, DSSE_IDENTITY, key, envelope, err);
}

/* The statement names its key only inside, in its request: so that must be read
 * before the signature can be judged.  The payload is put to no other use until it
 * was. */
static bool request_key(struct bytes envelope, struct crypto_public **out, struct error *err)
{
	CLEANUP(buf_free) struct buf payload = {0};
	CLEANUP(json_cleanup) struct json *object = NULL;
	const char *request = NULL;

	return dsse_peek(envelope, DSSE_IDENTITY, &payload, err)
		&& json_parse(buf_bytes(&payload), JSON_SIGNED, &object, err)
		&& json_need_string(object, "request", &request, err)
		&& certificate_request_open(bytes_of(request), out, err);
}

static bool read_identity(const struct json *object, struct identity *out, struct error *err)
{
	const char *request = NULL;

	return need_canonical(object, "identity", &out->identity, err)
		&& json_need_text(
			object, "device_type", out->device_type, sizeof(out->device_type), err)
		&& json_need_string(object, "request", &request, err)
		&& text_set(&out->request, request, err) && need_time(object, &out->time, err);
}

bool identity_open(struct bytes envelope, struct identity *out, struct error *err)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *key = NULL;
	CLEANUP(json_cleanup) struct json *object = NULL;
	CLEANUP(identity_free) struct identity identity = {0};

	if (!request_key(envelope, &key, err)
		|| !open_statement(envelope, DSSE_IDENTITY, key, &object, &identity.key, err)
		|| !read_identity(object, &identity, err))
		return error_while(err, "identity statement");
	*out = identity;
	identity = (struct identity){0};
	return true;
}

bool identity_digest(struct bytes id_data, struct digest *out, struct error *err)
{
	CLEANUP(buf_free) struct buf canonical = {0};

	if (id_data.len == 0 || id_data.at[0] != '{')
		return error_set(err, ERROR_MALFORMED, "identity is no JSON object");
	return json_canonical(id_data, &canonical, err)
		&& crypto_sha256(buf_bytes(&canonical), out, err);
}
