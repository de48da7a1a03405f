/*
 * The courier is a device at the server, too: it says what it carries, and whom it met
 * that nobody has certified yet.
 */
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "courier/sync_parts.h"

#define TOKEN_ID "courier:" /* no device's id has a colon */

enum {
	PAIRINGS_MAX = 64, /* newcomers told of at a time: a server takes 100 attributes */
	PRINT_SHOWN = 8,   /* bytes of a key's fingerprint in an attribute's name */
};

struct counts {
	size_t devices, parcels, outbox;
};

static bool count_device(void *self, const struct store_device *device, struct error *err)
{
	(void)err;
	((struct counts *)self)->devices += device->server != NULL;
	return true;
}

static bool count_parcel(void *self, const struct store_parcel *parcel, struct error *err)
{
	(void)err;
	((struct counts *)self)->parcels += parcel->state <= PARCEL_ANSWERED;
	return true;
}

static bool count_receipt(void *self, const struct store_receipt *receipt, struct error *err)
{
	(void)receipt;
	(void)err;
	((struct counts *)self)->outbox++;
	return true;
}

/* ---- newcomers ---- */

struct newcomers {
	struct sync_hand *hand;
	struct server *server;
	const char *server_name;
	struct json *attributes;
	size_t count;
};

static bool is_newcomer(const struct newcomers *newcomers, const struct store_device *device)
{
	return !device->certified && device->identity.len > 0
		&& (device->server == NULL
			|| strcmp(device->server, newcomers->server_name) == 0);
}

static bool add_pairing(struct newcomers *newcomers, const struct store_device *device,
	const struct identity *identity, struct error *err)
{
	struct json *const one = json_append_object(newcomers->attributes);
	char print[2 * PRINT_SHOWN + 1], name[64];
	CLEANUP(buf_free) struct buf copy = {0};
	const char *text = NULL;

	hex_encode((struct bytes){identity->key.at, PRINT_SHOWN}, print);
	(void)snprintf(name, sizeof(name), "courier_pairing_%s", print);
	if (!buf_append(&copy, buf_bytes(&device->identity), err)
		|| !buf_text(&copy, &text, err))
		return false;
	json_add_string(one, "name", name);
	json_add_string(one, "value", text);
	newcomers->count++;
	return true;
}

/* Ask once as the newcomer: the refusal is what puts it before the operator. */
static bool knock(
	struct newcomers *newcomers, const struct identity *identity, struct error *err)
{
	struct server_device who = {.id_data = identity->identity};
	const bool ok = newcomers->server->kind->login(newcomers->server, &who, err);

	if (who.token.at != NULL)
		secret_wipe_bytes(who.token.at, who.token.room);
	buf_free(&who.token);
	return ok || err->code == ERROR_UNAUTHORISED;
}

static bool look_at_newcomer(void *self, const struct store_device *device, struct error *err)
{
	struct newcomers *const newcomers = self;
	CLEANUP(identity_free) struct identity identity = {0};
	struct error ignored = {0};

	if (!is_newcomer(newcomers, device) || newcomers->count == PAIRINGS_MAX
		|| !identity_open(buf_bytes(&device->identity), &identity, &ignored))
		return true;
	/* Those that are served have their own talk. */
	if (!device->identity_sent && device->server == NULL
		&& !knock(newcomers, &identity, err))
		return false;
	return add_pairing(newcomers, device, &identity, err);
}

static bool note_sent(void *self, const struct store_device *device, struct error *err)
{
	const struct newcomers *const newcomers = self;
	struct store_device sent = *device; /* borrows what DEVICE owns */

	if (!is_newcomer(newcomers, device) || device->identity_sent)
		return true;
	sent.identity_sent = true;
	return store_put_device(newcomers->hand->sync->store, &sent,
		"sync: the operator can see that it asks to be certified", err);
}

/* ---- itself ---- */

static void add_number(struct json *array, const char *name, size_t value)
{
	struct json *const one = json_append_object(array);

	json_add_string(one, "name", name);
	json_add_integer(one, "value", (int64_t)value);
}

static void add_text(struct json *array, const char *name, const char *value)
{
	struct json *const one = json_append_object(array);

	json_add_string(one, "name", name);
	json_add_string(one, "value", value);
}

static bool add_facts(struct sync *sync, struct json *array, struct error *err)
{
	CLEANUP(certificate_cleanup) struct certificate *chain = NULL;
	struct counts counts = {0};
	struct certificate_holder us;
	char now[32], until[32];

	if (!certificate_parse(bytes_of(sync->control.chain), &chain, err)
		|| !certificate_holder(chain, &us, err)
		|| !store_each_device(sync->store, count_device, &counts, err)
		|| !store_each_parcel(sync->store, NULL, count_parcel, &counts, err)
		|| !store_each_receipt(sync->store, NULL, true, count_receipt, &counts, err))
		return false;
	output_time(sync->now, now);
	output_time(us.not_after, until);
	add_text(array, "courier_id", us.id);
	add_text(array, "courier_technician", us.name);
	add_text(array, "courier_version", COURIER_VERSION);
	add_text(array, "courier_last_sync", now);
	add_text(array, "courier_certificate_not_after", until);
	add_number(array, "courier_control_number", sync->control.number);
	add_number(array, "courier_devices", counts.devices);
	add_number(array, "courier_parcels", counts.parcels);
	add_number(array, "courier_outbox", counts.outbox);
	return true;
}

static bool print_identity(const char *id, struct buf *out, struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = json_new_object();

	json_add_string(object, "courier", id);
	return json_print(object, out, err);
}

/* What is said of the token must be kept, come what may. */
static bool keep_token(struct store *store, struct server_device *who, const char *id, bool ok,
	struct error *err)
{
	struct error why = {0};
	const char *text = NULL;

	if (buf_text(&who->token, &text, &why) && store_put_token(store, id, text, &why))
		return ok;
	if (ok)
		*err = why;
	return false;
}

static bool send(struct sync *sync, struct server *server, const char *token_id,
	struct server_device *who, const struct json *attributes, struct error *err)
{
	CLEANUP(artifact_pairs_free) struct artifact_pairs provides = {0};
	const struct server_kind *const kind = server->kind;
	bool found = false;

	if (!artifact_pairs_add(&provides, "device_type", "courier", err)
		|| !artifact_pairs_add(
			&provides, "artifact_name", "courier-" COURIER_VERSION, err)
		|| !store_get_token(sync->store, token_id, &who->token, &found, err))
		return false;

	const struct server_report report
		= {.attributes = attributes, .provides = &provides, .time = sync->now};

	return keep_token(sync->store, who, token_id, kind->login(server, who, err), err)
		&& keep_token(sync->store, who, token_id,
			kind->report(server, who, SERVER_INVENTORY, &report, err), err);
}

static bool speak(struct sync_hand *hand, const char *server_name, struct error *err)
{
	struct sync *const sync = hand->sync;
	CLEANUP(json_cleanup) struct json *attributes = json_new_array();
	CLEANUP(buf_free) struct buf identity = {0};
	struct newcomers newcomers
		= {.hand = hand, .server_name = server_name, .attributes = attributes};
	struct server_device who = {0};
	char token_id[STORE_BLOB_NAME_MAX];
	bool ok = false;

	(void)snprintf(token_id, sizeof(token_id), TOKEN_ID "%s", server_name);
	ok = sync_server(hand, server_name, &newcomers.server, err)
		&& print_identity(sync->control.courier, &identity, err)
		&& buf_text(&identity, &who.id_data, err) && add_facts(sync, attributes, err)
		&& store_each_device(sync->store, look_at_newcomer, &newcomers, err)
		&& send(sync, newcomers.server, token_id, &who, attributes, err)
		&& store_each_device(sync->store, note_sent, &newcomers, err);
	if (who.token.at != NULL)
		secret_wipe_bytes(who.token.at, who.token.room);
	buf_free(&who.token);
	return ok;
}

void sync_courier(struct sync_hand *hand)
{
	const struct settings *const settings = hand->sync->settings;

	for (size_t i = 0; i < settings->server_count; i++) {
		struct sync_result result = {.device = "courier"};
		struct error err = {0};

		if (speak(hand, settings->servers[i].name, &err))
			continue;
		result.code = err.code;
		result.problem = err.text;
		sync_tell(hand->sync, &result);
	}
}
