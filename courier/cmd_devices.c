/* courier devices: those that are served, and those that were met. */
#include <getopt.h>
#include <string.h>

#include "courier/command.h"
#include "courier/trip.h"

struct listing {
	const struct courier *courier;
	size_t count;
};

static const char *type_of(const struct trip_device *trip)
{
	const char *const told = trip->has_inventory
		? artifact_pairs_find(&trip->inventory.provides, "device_type")
		: NULL;

	return told != NULL ? told : trip->device->device_type;
}

static void add_time(struct json *object, const char *name, int64_t time)
{
	if (time != 0)
		json_add_integer(object, name, time);
}

/* A device may say any number. */
static int64_t missing_of(const struct trip_device *trip)
{
	return trip->gaps.missing < JSON_INTEGER_MAX ? (int64_t)trip->gaps.missing
						     : JSON_INTEGER_MAX;
}

static void add_fact(const struct trip_device *trip, struct json *fact)
{
	const struct store_device *const device = trip->device;

	json_add_string(fact, "device", device->id);
	output_add(fact, "label", device->label);
	output_add(fact, "site", device->site);
	output_add(fact, "group", device->group);
	output_add(fact, "server", device->server);
	output_add(fact, "identity", device->id_data);
	output_add(fact, "type", type_of(trip));
	output_add(fact, "running", trip->running);
	json_add_bool(fact, "certified", device->certified);
	if (trip->has_parcel) {
		json_add_string(fact, "parcel", parcel_state_name(trip->parcel.state));
		output_add(fact, "artifact", trip->parcel.artifact_name);
		json_add_string(fact, "deployment", trip->parcel.deployment);
	}
	json_add_integer(fact, "unsent", trip->unsent);
	if (trip->gaps.missing > 0) {
		json_add_integer(fact, "missing", missing_of(trip));
		json_add_string(fact, "gaps", trip->gaps.text);
	}
	add_time(fact, "visited", device->visited);
	add_time(fact, "synced", device->synced);
	output_add(fact, "problem", device->problem);
}

static const char *or_dash(const char *text)
{
	return text == NULL || text[0] == 0 ? "-" : text;
}

static void date(int64_t time, char text[static 32])
{
	if (time == 0)
		memcpy(text, "never", sizeof("never"));
	else
		output_time(time, text);
}

static bool print_line(const struct trip_device *trip, struct buf *line, struct error *err)
{
	const struct store_device *const device = trip->device;
	char visited[32], synced[32];

	date(device->visited, visited);
	date(device->synced, synced);
	return buf_print(line, err, "%-20s %-16s %-12s %-12s %-16s", device->id,
		       or_dash(device->label), or_dash(device->site), or_dash(type_of(trip)),
		       or_dash(trip->running))
		&& (trip->has_parcel ? buf_print(line, err, "  %s %s",
			    or_dash(trip->parcel.artifact_name),
			    parcel_state_name(trip->parcel.state))
				     : buf_print(line, err, "  -"))
		&& buf_print(line, err, "  visited %s, synced %s", visited, synced)
		&& (device->server != NULL || buf_print(line, err, "  not served"))
		&& (device->certified || device->key_pem == NULL
			|| buf_print(line, err, "  not certified"))
		&& (trip->unsent == 0 || buf_print(line, err, "  %u to upload", trip->unsent))
		&& (trip->gaps.missing == 0
			|| buf_print(line, err, "  receipts missing: %s", trip->gaps.text))
		&& (device->problem == NULL || buf_print(line, err, "  %s", device->problem));
}

static bool list_one(void *self, const struct trip_device *trip, struct error *err)
{
	struct listing *const listing = self;
	CLEANUP(json_cleanup) struct json *fact = json_new_object();
	CLEANUP(buf_free) struct buf line = {0};
	const char *text = NULL;

	add_fact(trip, fact);
	if (!print_line(trip, &line, err) || !buf_text(&line, &text, err))
		return false;
	output_fact(&listing->courier->output, fact, text);
	listing->count++;
	return true;
}

bool cmd_devices(struct courier *courier, int argc, char **argv, struct error *err)
{
	static const struct option none[] = {{NULL, 0, NULL, 0}};
	struct listing listing = {.courier = courier};

	if (getopt_long(argc, argv, ":", none, NULL) != -1)
		return error_set(err, ERROR_USAGE, "usage: courier devices [DEVICE...]");
	if (!trip_each(courier->store, argv + optind, false, list_one, &listing, err))
		return false;
	return listing.count > 0
		|| error_set(err, ERROR_NOTHING,
			"no device is known yet: take the operator's bundle in with `courier "
			"init FILE.control`");
}
