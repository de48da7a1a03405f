/* What the server is told of a device besides its outcomes. */
#include <stdio.h>
#include <string.h>

#include "courier/sync_parts.h"
#include "courier/trip.h"

/* ---- attributes ---- */

static void add_text(struct json *array, const char *name, const char *value)
{
	struct json *const one = json_append_object(array);

	json_add_string(one, "name", name);
	json_add_string(one, "value", value);
}

static void add_time(struct json *array, const char *name, int64_t time)
{
	char text[32];

	output_time(time, text);
	add_text(array, name, text);
}

static void add_outcome(struct json *array, const struct receipt *newest)
{
	struct json *const one = json_append_object(array);

	json_add_string(one, "name", "courier_receipt");
	json_add_integer(one, "value", (int64_t)newest->sequence);
	add_text(array, "courier_outcome", outcome_name(newest->outcome));
}

/* So that a colleague's courier asks with the same bytes. */
static bool add_next(struct json *array, const struct store_parcel *open, struct error *err)
{
	CLEANUP(json_cleanup) struct json *next = json_new_object();
	CLEANUP(buf_free) struct buf printed = {0};
	const char *text = NULL;

	json_add_string(next, "deployment", open->deployment);
	json_add_string(next, "request", open->request);
	if (!json_print(next, &printed, err) || !buf_text(&printed, &text, err))
		return false;
	add_text(array, "courier_next", text);
	return true;
}

static bool technician(
	const struct sync_talk *talk, struct certificate_holder *out, struct error *err)
{
	CLEANUP(certificate_cleanup) struct certificate *chain = NULL;

	return certificate_parse(bytes_of(talk->sync->control.chain), &chain, err)
		&& certificate_holder(chain, out, err);
}

/* Ours come first: the first of a name wins, and no device speaks for a courier. */
bool sync_attributes(const struct sync_talk *talk, const struct inventory *inventory,
	const struct receipt *newest, const struct store_parcel *open, struct json **out,
	struct error *err)
{
	CLEANUP(json_cleanup) struct json *array = json_new_array();
	const struct device_time *const time = inventory != NULL ? &inventory->time
		: newest != NULL                                 ? &newest->time
								 : NULL;
	struct receipt_gaps gaps = {0};
	struct certificate_holder us;
	char nonce[SIGNED_TIME_TEXT];

	if (!technician(talk, &us, err)
		|| !trip_gaps(talk->sync->store, &talk->device,
			talk->has_inventory ? &talk->inventory : NULL, &gaps, err))
		return false;
	add_text(array, "courier_id", newest != NULL ? newest->courier : us.id);
	add_text(array, "courier_technician", newest != NULL ? newest->technician : us.name);
	if (talk->device.visited > 0)
		add_time(array, "courier_collected_at", talk->device.visited);
	if (newest != NULL)
		add_outcome(array, newest);
	/* A courier that hides a receipt cannot hide that there is one. */
	if (gaps.missing > 0)
		add_text(array, "courier_receipts_missing", gaps.text);
	if (time != NULL) {
		add_time(array, "courier_device_time", time->clock);
		add_time(array, "courier_floor", time->floor);
	}
	if (inventory != NULL) {
		hex_encode((struct bytes){inventory->nonce, sizeof(inventory->nonce)}, nonce);
		add_text(array, "courier_nonce", nonce); /* for courier-admin set-time */
	}
	/* Nobody vouches for what a newcomer says of itself. */
	if (inventory != NULL && !talk->device.certified)
		add_text(array, "courier_unverified", "the device's key is not certified yet");
	if (open != NULL && open->request != NULL && !add_next(array, open, err))
		return false;
	for (const struct json *at
		= inventory == NULL ? NULL : json_first(inventory->attributes);
		at != NULL; at = json_next(at))
		json_append_copy(array, at);
	*out = array;
	array = NULL;
	return true;
}

/* ---- provides ---- */

static bool copy_pairs(
	const struct artifact_pairs *from, struct artifact_pairs *to, struct error *err)
{
	for (size_t i = 0; i < from->count; i++)
		if (!artifact_pairs_add(to, from->at[i].name, from->at[i].value, err))
			return false;
	return true;
}

static bool is_known(const char *text)
{
	return text != NULL && text[0] != 0;
}

bool sync_provides(const struct sync_talk *talk, const struct receipt *newest,
	struct artifact_pairs *out, bool *found, struct error *err)
{
	CLEANUP(artifact_pairs_free) struct artifact_pairs pairs = {0};
	const struct artifact_pairs *const own = &talk->inventory.provides;
	const char *const type = talk->device.device_type;
	const char *const name = newest != NULL && is_known(newest->after)
		? newest->after
		: talk->device.artifact;

	*found = true;
	if (talk->has_inventory && artifact_pairs_find(own, "device_type") != NULL
		&& artifact_pairs_find(own, "artifact_name") != NULL) {
		if (!copy_pairs(own, &pairs, err))
			return false;
	} else if (!is_known(type) || !is_known(name)) {
		*found = false;
		return true;
	} else if (!artifact_pairs_add(&pairs, "device_type", type, err)
		|| !artifact_pairs_add(&pairs, "artifact_name", name, err)) {
		return false;
	}
	*out = pairs;
	pairs = (struct artifact_pairs){0};
	return true;
}

/* ---- sending ---- */

/* A colleague's request is at the server already, with the inventory he took. */
static bool is_colleagues(const struct sync_talk *talk, const struct store_parcel *open)
{
	return talk->job->next_deployment != NULL
		&& strcmp(talk->job->next_deployment, open->deployment) == 0;
}

static bool send(struct sync_talk *talk, const struct store_parcel *open, struct error *err)
{
	CLEANUP(artifact_pairs_free) struct artifact_pairs provides = {0};
	CLEANUP(json_cleanup) struct json *attributes = NULL;
	struct receipt newest;
	bool has_newest = false, has_provides = false;

	if (!sync_newest(talk, &newest, &has_newest, err)
		|| !sync_provides(
			talk, has_newest ? &newest : NULL, &provides, &has_provides, err)
		|| !sync_attributes(talk, talk->has_inventory ? &talk->inventory : NULL,
			has_newest ? &newest : NULL, open, &attributes, err))
		return false;

	const struct server_report report = {
		.attributes = attributes,
		.provides = has_provides ? &provides : NULL,
		.time = talk->sync->now,
	};

	return sync_keep_token(talk,
		talk->server->kind->report(
			talk->server, &talk->who, SERVER_INVENTORY, &report, err),
		err);
}

bool sync_inventory(struct sync_talk *talk, struct error *err)
{
	CLEANUP(store_parcel_free) struct store_parcel open = {0};
	bool is_open = false;

	if (talk->device.inventory_sent)
		return true;
	if (!store_open_parcel(talk->sync->store, talk->job->device, &open, &is_open, err))
		return false;
	if (!talk->has_inventory && (!is_open || is_colleagues(talk, &open)))
		return true;
	if (!send(talk, is_open ? &open : NULL, err))
		return false;
	talk->device.inventory_sent = true;
	return true;
}
