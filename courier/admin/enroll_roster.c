/* enroll DEVICES.csv: everything is checked, and every key at hand, before the server is asked
 * for anything. */
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "courier/admin/cmd_enroll.h"
#include "courier/admin/roster.h"

struct round {
	struct enroll *enroll;
	struct roster roster;
	struct courier_record record;
	struct control control;
	struct crypto_key *issuer;
	bool changed; /* the bundle */
};

static void round_done(struct round *round)
{
	roster_free(&round->roster);
	courier_record_free(&round->record);
	control_free(&round->control);
	crypto_key_free(round->issuer);
}

/* ---- before anything is done ---- */

static void tell_mistakes(
	const struct output *output, const char *path, const struct roster_mistakes *mistakes)
{
	for (size_t i = 0; i < mistakes->count && i < ROSTER_MISTAKES_MAX; i++)
		output_say(
			output, "%s:%zu: %s", path, mistakes->at[i].line, mistakes->at[i].text);
}

static bool read_roster(struct round *round, const char *path, struct error *err)
{
	CLEANUP(buf_free) struct buf csv = {0};
	struct roster_mistakes mistakes;

	mistakes.count = 0;
	if (!file_read(path, ROSTER_SIZE_MAX, &csv, NULL, err))
		return false;
	if (roster_parse(buf_bytes(&csv), &round->roster, &mistakes, err))
		return true;
	tell_mistakes(&round->enroll->call->output, path, &mistakes);
	return error_while(err, "%s", path);
}

/* The authority, and the courier's bundle, may know the device otherwise. */
static bool check_device(
	const struct round *round, const struct roster_device *device, struct error *err)
{
	CLEANUP(device_record_free) struct device_record known = {0};
	const struct control_device *const listed
		= bundle_find(&round->control, device->identity);
	bool found = false;

	if (!device_record_read(&round->enroll->authority, device->id, &known, &found, err))
		return false;
	if (found && strcmp(known.identity, device->identity) != 0)
		return error_set(err, ERROR_USAGE, "%s is certified for another identity: %s",
			device->id, known.identity);
	if (listed != NULL && strcmp(listed->id, device->id) != 0)
		return error_set(err, ERROR_USAGE,
			"that identity is called %s in the courier's bundle", listed->id);
	for (size_t i = 0; i < round->control.device_count; i++)
		if (strcmp(round->control.devices[i].id, device->id) == 0
			&& &round->control.devices[i] != listed)
			return error_set(err, ERROR_USAGE,
				"%s is another device in the courier's bundle", device->id);
	return true;
}

/* An identity is certified for one id. */
static bool check_record(void *self, const struct device_record *known, struct error *err)
{
	const struct round *const round = self;

	for (size_t i = 0; i < round->roster.count; i++) {
		const struct roster_device *const device = &round->roster.at[i];

		if (strcmp(device->identity, known->identity) == 0
			&& strcmp(device->id, known->id) != 0)
			return error_set(err, ERROR_USAGE,
				"nothing was done: line %zu: that identity is certified for %s",
				device->line, known->id);
	}
	return true;
}

static bool check_devices(struct round *round, const char *path, struct error *err)
{
	for (size_t i = 0; i < round->roster.count; i++)
		if (!check_device(round, &round->roster.at[i], err))
			return error_while(err, "%s: nothing was done: line %zu", path,
				round->roster.at[i].line);
	return device_record_each(&round->enroll->authority, check_record, round, err)
		|| error_while(err, "%s", path);
}

static bool prepare(struct round *round, const char *path, struct error *err)
{
	struct enroll *const enroll = round->enroll;

	return read_roster(round, path, err)
		&& courier_record_need(
			&enroll->authority, enroll->options->courier, &round->record, err)
		&& bundle_read(&enroll->authority, &round->record, &round->control, err)
		&& check_devices(round, path, err)
		&& authority_issuer_key(&enroll->authority, CERTIFICATE_COURIER,
			&enroll->call->unlock, &round->issuer, err);
}

/* ---- one device ---- */

/* A device whose key is certified needs no grace. */
static bool needs_first_visit(
	const struct round *round, const char *id, bool *out, struct error *err)
{
	CLEANUP(device_record_free) struct device_record known = {0};
	bool found = false;

	if (!device_record_read(&round->enroll->authority, id, &known, &found, err))
		return false;
	*out = !found;
	return true;
}

static bool list_texts(struct control_device *listed, const struct roster_device *device,
	bool *changed, struct error *err)
{
	return bundle_set(&listed->device_type, device->type, changed, err)
		&& bundle_set(&listed->artifact, device->artifact, changed, err)
		&& bundle_set(&listed->label, device->label, changed, err)
		&& bundle_set(&listed->site, device->site, changed, err)
		&& bundle_set(&listed->group, device->group, changed, err)
		&& bundle_set(&listed->tier, device->tier, changed, err);
}

static bool list(struct round *round, const struct roster_device *device,
	struct control_device **out, struct error *err)
{
	struct control_device *listed = bundle_find(&round->control, device->identity);

	if (listed == NULL) {
		round->changed = true;
		if (!bundle_add(&round->control, device->id, device->identity, &listed, err)
			|| !needs_first_visit(round, device->id, &listed->first_visit, err))
			return false;
	}
	*out = listed;
	return list_texts(listed, device, &round->changed, err);
}

static bool enrol_device(
	struct round *round, const struct roster_device *device, struct error *err)
{
	struct enroll *const enroll = round->enroll;
	const struct admin_device *const known
		= enrol_devices_find(&enroll->devices, device->identity);
	struct control_device *listed = NULL;
	struct enrol_result result;

	return enrol_delegate(enroll->admin, device->identity, known, &round->record,
		       &enroll->keys, &result, err)
		&& list(round, device, &listed, err)
		&& (known == NULL
			|| enrol_take_next(
				enroll->admin, result.device, listed, &round->changed, err))
		&& enroll_show(enroll, device->id, device->identity, &result, err);
}

/* ---- all of them ---- */

/* The courier is a device at the server, too. */
static bool enrol_courier(struct round *round, struct error *err)
{
	struct enroll *const enroll = round->enroll;
	char identity[CERTIFICATE_ID_MAX + 16];
	struct enrol_result result;

	return enrol_courier_identity(round->record.id, identity, err)
		&& enrol_delegate(enroll->admin, identity,
			enrol_devices_find(&enroll->devices, identity), &round->record,
			&enroll->keys, &result, err)
		&& enroll_show(enroll, round->record.id, identity, &result, err);
}

static bool enrol_devices(struct round *round, struct error *err)
{
	for (size_t i = 0; i < round->roster.count; i++) {
		const struct roster_device *const device = &round->roster.at[i];
		struct error why = {0};

		if (!enrol_device(round, device, &why)
			&& !enroll_go_on(
				round->enroll, device->id, device->identity, &why, err))
			return false;
	}
	return true;
}

static bool write_bundle(struct round *round, struct error *err)
{
	struct enroll *const enroll = round->enroll;
	char path[PATH_MAX];

	if (!round->changed) {
		output_say(&enroll->call->output, "control bundle %llu of %s stays as it is",
			(unsigned long long)round->record.number, round->record.id);
		return true;
	}
	return bundle_write(&enroll->authority, &round->record, &round->control, round->issuer,
		       path, err)
		&& enroll_hand_over(enroll, &round->control, path, err);
}

bool enroll_roster(struct enroll *enroll, const char *path, struct error *err)
{
	CLEANUP(round_done) struct round round = {.enroll = enroll};
	struct error ended = {0};

	if (!prepare(&round, path, err)
		|| !enrol_open(&enroll->options->access, &enroll->admin, err)
		|| !enrol_devices_read(enroll->admin, &enroll->devices, err))
		return false;

	output_trace(
		&enroll->call->output, "the server has %zu devices", enroll->devices.count);

	/* Whoever was enrolled before the server went away is in the bundle. */
	const bool done = enrol_courier(&round, &ended) && enrol_devices(&round, &ended);

	return write_bundle(&round, err)
		&& (done || error_set(err, ended.code, "%s", ended.text));
}
