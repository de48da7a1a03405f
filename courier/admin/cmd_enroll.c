#include <stdlib.h>

#include "courier/admin/cmd_enroll.h"

#define AT(member) offsetof(struct enroll_options, member)

static const struct argument options_table[] = {
	{"courier", ARGUMENT_TEXT, AT(courier), "ID", "who is to serve the devices"},
	{"server", ARGUMENT_TEXT, AT(access.url), "URL", "the central server"},
	{"ca", ARGUMENT_TEXT, AT(access.ca), "FILE",
		"its certificate authority; else the system's"},
	{"kind", ARGUMENT_TEXT, AT(access.kind), "KIND", "of server; mender if absent"},
	{"proxy", ARGUMENT_TEXT, AT(access.proxy), "URL", "to reach it through"},
	{"token-file", ARGUMENT_TEXT, AT(access.token_file), "FILE", "your access token there"},
	{"login-file", ARGUMENT_TEXT, AT(access.login_file), "FILE",
		"two lines: user, password"},
	{"user", ARGUMENT_TEXT, AT(access.user), "NAME",
		"your user; the password is asked for"},
	{"pending", ARGUMENT_FLAG, AT(pending), NULL, "show what couriers met on site"},
	{"accept", ARGUMENT_LIST, AT(accept), "DEVICE",
		"of those: id, server's id or key; may be repeated"},
	{"all", ARGUMENT_FLAG, AT(all), NULL, "accept all of those whose id is known"},
	{"id", ARGUMENT_TEXT, AT(id), "ID", "what the one accepted is to be called"},
	{"group", ARGUMENT_TEXT, AT(group), "LABEL",
		"only couriers of this group may visit it"},
	{"label", ARGUMENT_TEXT, AT(label), "TEXT", "what people call it"},
	{"site", ARGUMENT_TEXT, AT(site), "TEXT", "where it is"},
	{"days", ARGUMENT_NUMBER, AT(days), "N",
		"how long its certificate lasts; else for ever"},
	{"replace", ARGUMENT_FLAG, AT(replace), NULL, "a device of that id has a new key"},
};

/* ---- what is shown ---- */

static void add_displaced(struct json *fact, const struct enrol_result *result)
{
	struct json *const array = json_add_array(fact, "displaced");

	for (size_t i = 0; i < result->displaced_count; i++) {
		struct json *const object = json_append_object(array);

		json_add_string(object, "holder", result->displaced[i].holder);
		json_add_string(object, "was", admin_status_name(result->displaced[i].was));
		json_add_string(object, "set", result->displaced[i].set);
	}
}

bool enroll_show(const struct enroll *enroll, const char *id, const char *identity,
	const struct enrol_result *result, struct error *err)
{
	CLEANUP(json_cleanup) struct json *fact = json_new_object();
	CLEANUP(buf_free) struct buf text = {0};
	const char *line = NULL;

	json_add_string(fact, "device", id);
	json_add_string(fact, "identity", identity);
	json_add_string(fact, "server_device", result->device);
	json_add_string(fact, "status", admin_status_name(result->status));
	json_add_bool(fact, "changed", result->changed);
	add_displaced(fact, result);
	if (!buf_print(&text, err, "%-24s %s%s", id, admin_status_name(result->status),
		    result->changed ? "" : ", as before"))
		return false;
	for (size_t i = 0; i < result->displaced_count; i++)
		if (!buf_print(&text, err, "%s%s (%s)", i == 0 ? "; displaced: " : ", ",
			    result->displaced[i].holder,
			    admin_status_name(result->displaced[i].was)))
			return false;
	if (!buf_text(&text, &line, err))
		return false;
	output_fact(&enroll->call->output, fact, line);
	return true;
}

/* Whoever is not let in, or asked to leave, need not ask for the next device. */
static bool ends_all(enum error_code code)
{
	return code == ERROR_UNAUTHORISED || code == ERROR_DEFERRED || code == ERROR_TIMEOUT;
}

bool enroll_go_on(struct enroll *enroll, const char *id, const char *identity,
	const struct error *why, struct error *err)
{
	CLEANUP(json_cleanup) struct json *fact = json_new_object();
	CLEANUP(buf_free) struct buf text = {0};
	const char *line = NULL;

	enroll->failed++;
	json_add_string(fact, "device", id);
	json_add_string(fact, "identity", identity);
	json_add_string(fact, "error", why->text);
	if (!buf_print(&text, err, "%-24s FAILED: %s", id, why->text)
		|| !buf_text(&text, &line, err))
		return false;
	output_fact(&enroll->call->output, fact, line);
	return !ends_all(why->code)
		|| error_set(err, why->code, "%s; the same command goes on where it ended",
			why->text);
}

bool enroll_hand_over(const struct enroll *enroll, const struct control *control,
	const char *path, struct error *err)
{
	CLEANUP(json_cleanup) struct json *fact = json_new_object();
	CLEANUP(buf_free) struct buf text = {0};
	const char *line = NULL;

	json_add_string(fact, "courier", control->courier);
	json_add_integer(fact, "number", (int64_t)control->number);
	json_add_integer(fact, "devices", (int64_t)control->device_count);
	json_add_string(fact, "control", path);
	if (!buf_print(&text, err, "control bundle %llu of %s, %zu devices: %s",
		    (unsigned long long)control->number, control->courier,
		    control->device_count, path)
		|| !buf_text(&text, &line, err))
		return false;
	output_fact(&enroll->call->output, fact, line);
	output_say(&enroll->call->output,
		"hand %s.control over; its technician runs: courier init %s.control, then "
		"courier sync",
		control->courier, control->courier);
	return true;
}

/* ---- the command ---- */

static void enroll_done(struct enroll *enroll)
{
	admin_close(enroll->admin);
	enrol_devices_free(&enroll->devices);
	authority_close(&enroll->authority);
}

static void enroll_cleanup(struct enroll **enroll)
{
	if (*enroll != NULL)
		enroll_done(*enroll);
	free(*enroll);
}

static bool check_options(const struct enroll_options *options,
	const struct argument_list *words, struct error *err)
{
	const bool chosen = options->accept.count > 0 || options->all;
	const bool described = options->id != NULL || options->group != NULL
		|| options->label != NULL || options->site != NULL;

	if (options->pending != (words->count == 0) || words->count > 1)
		return error_set(err, ERROR_USAGE,
			"needs either a file of devices or --pending, and not both");
	if (!options->pending && options->courier == NULL)
		return error_set(err, ERROR_USAGE, "needs --courier ID");
	if (!options->pending && (chosen || described))
		return error_set(err, ERROR_USAGE,
			"--accept and what describes a device go with --pending: the file "
			"describes its own");
	if (options->id != NULL && (options->accept.count != 1 || options->all))
		return error_set(
			err, ERROR_USAGE, "--id names one device: give one --accept with it");
	if (options->group != NULL && !certificate_id_valid(options->group))
		return error_set(err, ERROR_USAGE, "--group %s: no label", options->group);
	return true;
}

static bool run_enroll(struct admin_call *call, const void *given,
	const struct argument_list *words, struct error *err)
{
	CLEANUP(enroll_cleanup) struct enroll *enroll = calloc(1, sizeof(*enroll));
	const struct enroll_options *const options = given;

	if (enroll == NULL)
		return error_errno(err, "cannot allocate");
	enroll->call = call;
	enroll->options = options;
	enroll->authority.lock = -1;
	if (!check_options(options, words, err)
		|| !authority_open(call->directory, true, &enroll->authority, err)
		|| !enrol_keys_read(&enroll->authority, &enroll->keys, err)
		|| !(options->pending ? enroll_pending(enroll, err)
				      : enroll_roster(enroll, words->at[0], err)))
		return false;
	return enroll->failed == 0
		|| error_set(err, ERROR_PARTIAL,
			"%zu devices failed; the same command tries them again",
			enroll->failed);
}

const struct admin_command cmd_enroll = {
	.name = "enroll",
	.arguments = "DEVICES.csv --courier ID | --pending [--accept DEVICE]...",
	.summary = "let a courier speak for devices at the central server",
	.options = options_table,
	.option_count = COUNT(options_table),
	.options_size = sizeof(struct enroll_options),
	.run = run_enroll,
};
