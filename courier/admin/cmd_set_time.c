/* set-time: tell one device what time it is, when it believes a wrong one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/file.h"
#include "common/signed_time.h"
#include "courier/admin/admin_command.h"
#include "courier/admin/bundle.h"

struct set_time_options {
	const char *nonce, *inventory, *time;
};

#define AT(member) offsetof(struct set_time_options, member)

static const struct argument options_table[] = {
	{"nonce", ARGUMENT_TEXT, AT(nonce), "HEX",
		"the device's, as its refusal or its inventory says it"},
	{"inventory", ARGUMENT_TEXT, AT(inventory), "FILE",
		"or the device's inventory statement, which has the nonce"},
	{"time", ARGUMENT_TEXT, AT(time), "TIME",
		"YYYY-MM-DDTHH:MM:SSZ or @SECONDS; now if absent"},
};

struct set_time {
	struct admin_call *call;
	const struct set_time_options *options;
	struct authority authority;
	struct device_record device;
	struct crypto_key *device_issuer, *courier_issuer;
	struct signed_time time;
	struct buf envelope;
	size_t bundles; /* that have it */
};

static void set_time_done(struct set_time *it)
{
	authority_close(&it->authority);
	device_record_free(&it->device);
	crypto_key_free(it->device_issuer);
	crypto_key_free(it->courier_issuer);
	buf_free(&it->envelope);
}

/* ---- what is asked for ---- */

static bool parse_time(const char *text, int64_t *out, struct error *err)
{
	enum { YEAR_9999 = 8099 };
	struct tm utc = {0};
	char *end = NULL;
	long long seconds = 0;

	if (text == NULL) {
		*out = time(NULL);
		return true;
	}
	if (text[0] == '@') {
		seconds = strtoll(text + 1, &end, 10);
		if (text[1] == 0 || *end != 0)
			seconds = 0;
	} else {
		const char *const rest = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &utc);

		if (rest != NULL && *rest == 0 && utc.tm_year <= YEAR_9999)
			seconds = (long long)timegm(&utc);
	}
	if (seconds <= 0 || seconds > JSON_INTEGER_MAX)
		return error_set(err, ERROR_USAGE,
			"--time %s: neither YYYY-MM-DDTHH:MM:SSZ nor @SECONDS", text);
	*out = (int64_t)seconds;
	return true;
}

/* The nonce of the statement at PATH, which the device itself signed. */
static bool read_inventory(struct set_time *it, const char *path, struct error *err)
{
	CLEANUP(certificate_cleanup) struct certificate *chain = NULL;
	CLEANUP(crypto_public_cleanup) struct crypto_public *key = NULL;
	CLEANUP(inventory_free) struct inventory inventory = {0};
	CLEANUP(buf_free) struct buf envelope = {0};

	if (!file_read(path, AUTHORITY_FILE_MAX, &envelope, NULL, err)
		|| !certificate_parse(buf_bytes(&it->device.chain), &chain, err)
		|| !certificate_public(chain, &key, err)
		|| !inventory_open(buf_bytes(&envelope), key, &inventory, err))
		return error_while(err, "%s: not of %s", path, it->device.id);
	memcpy(it->time.nonce, inventory.nonce, sizeof(it->time.nonce));
	return true;
}

static bool read_nonce(struct set_time *it, struct error *err)
{
	const struct set_time_options *const options = it->options;

	if ((options->nonce == NULL) == (options->inventory == NULL))
		return error_set(err, ERROR_USAGE, "needs either --nonce or --inventory");
	if (options->inventory != NULL)
		return read_inventory(it, options->inventory, err);
	return hex_decode(options->nonce, it->time.nonce, sizeof(it->time.nonce), err)
		|| error_set(err, ERROR_USAGE,
			"--nonce %s: not the %d lower-case hex digits a device gives",
			options->nonce, 2 * SIGNED_TIME_NONCE);
}

static bool find_device(struct set_time *it, const char *id, struct error *err)
{
	bool found = false;

	if (!device_record_read(&it->authority, id, &it->device, &found, err))
		return false;
	if (!found)
		return error_set(
			err, ERROR_USAGE, "%s: no device of that id is certified here", id);
	memcpy(it->time.device, it->device.id, sizeof(it->time.device));
	return true;
}

/* ---- signed, and given to every courier that serves the device ---- */

static bool sign(struct set_time *it, struct error *err)
{
	CLEANUP(json_cleanup) struct json *members = json_new_object();
	const struct authority_unlock *const unlock = &it->call->unlock;

	json_add_string(members, "id", it->time.device);
	json_add_integer(members, "told", it->time.at);
	return authority_issuer_key(
		       &it->authority, CERTIFICATE_DEVICE, unlock, &it->device_issuer, err)
		&& authority_issuer_key(
			&it->authority, CERTIFICATE_COURIER, unlock, &it->courier_issuer, err)
		&& signed_time_make(&it->time, buf_bytes(&it->device.chain), it->device_issuer,
			&it->envelope, err)
		&& authority_log(&it->authority, "time signed", time(NULL), members, err);
}

static bool show(const struct set_time *it, const struct control *control, const char *path,
	struct error *err)
{
	CLEANUP(json_cleanup) struct json *fact = json_new_object();
	CLEANUP(buf_free) struct buf text = {0};
	const char *line = NULL;

	json_add_string(fact, "device", it->time.device);
	json_add_integer(fact, "time", it->time.at);
	json_add_string(fact, "courier", control->courier);
	json_add_integer(fact, "number", (int64_t)control->number);
	json_add_string(fact, "control", path);
	if (!buf_print(&text, err, "%s: its time, in control bundle %llu of %s: %s",
		    it->time.device, (unsigned long long)control->number, control->courier,
		    path)
		|| !buf_text(&text, &line, err))
		return false;
	output_fact(&it->call->output, fact, line);
	return true;
}

static bool give(void *self, const char *courier, struct error *err)
{
	struct set_time *const it = self;
	CLEANUP(courier_record_free) struct courier_record record = {0};
	CLEANUP(control_free) struct control control = {0};
	char path[PATH_MAX];
	const char *text = NULL;
	bool found = false, changed = false;

	if (!courier_record_read(&it->authority, courier, &record, &found, err)
		|| (found && !bundle_read(&it->authority, &record, &control, err))
		|| !buf_text(&it->envelope, &text, err))
		return false;
	for (size_t i = 0; i < control.device_count; i++)
		if (strcmp(control.devices[i].id, it->time.device) == 0
			&& !bundle_set(&control.devices[i].time, text, &changed, err))
			return false;
	if (!changed)
		return true;
	it->bundles++;
	return bundle_write(&it->authority, &record, &control, it->courier_issuer, path, err)
		&& show(it, &control, path, err);
}

/* ---- the command ---- */

static bool run_set_time(struct admin_call *call, const void *given,
	const struct argument_list *words, struct error *err)
{
	CLEANUP(set_time_done)
	struct set_time it = {.call = call, .options = given, .authority = {.lock = -1}};
	const char *device = NULL;

	if (!admin_only_word(words, "the id of a device", &device, err)
		|| !parse_time(it.options->time, &it.time.at, err)
		|| !authority_open(call->directory, true, &it.authority, err)
		|| !find_device(&it, device, err) || !read_nonce(&it, err) || !sign(&it, err)
		|| !courier_record_each(&it.authority, give, &it, err))
		return false;
	if (it.bundles == 0)
		return error_set(err, ERROR_NOTHING,
			"no courier serves %s: enroll it for one, then set its time", device);
	output_say(&call->output,
		"hand the bundle over: courier init takes it in; the device obeys at the next "
		"courier deliver, once");
	return true;
}

const struct admin_command cmd_set_time = {
	.name = "set-time",
	.arguments = "DEVICE --nonce HEX | --inventory FILE [--time TIME]",
	.summary = "tell a device that believes a wrong time what time it is",
	.options = options_table,
	.option_count = COUNT(options_table),
	.options_size = sizeof(struct set_time_options),
	.run = run_set_time,
};
