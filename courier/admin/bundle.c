#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/file.h"
#include "common/text.h"
#include "courier/admin/bundle.h"

bool bundle_set(char **text, const char *value, bool *changed, struct error *err)
{
	if (text_same(*text, value))
		return true;
	if (!text_set(text, value, err))
		return false;
	*changed = true;
	return true;
}

struct control_device *bundle_find(const struct control *control, const char *identity)
{
	for (size_t i = 0; i < control->device_count; i++)
		if (strcmp(control->devices[i].identity, identity) == 0)
			return &control->devices[i];
	return NULL;
}

bool bundle_add(struct control *control, const char *id, const char *identity,
	struct control_device **out, struct error *err)
{
	const size_t count = control->device_count;
	struct control_device *const devices
		= realloc(control->devices, (count + 1) * sizeof(*devices));

	if (devices == NULL)
		return error_errno(err, "cannot allocate");
	control->devices = devices;
	devices[count] = (struct control_device){.identity = strdup(identity)};
	if (devices[count].identity == NULL)
		return error_errno(err, "cannot allocate");
	(void)snprintf(devices[count].id, sizeof(devices[count].id), "%s", id);
	control->device_count++;
	*out = &devices[count];
	return true;
}

bool bundle_read(const struct authority *authority, const struct courier_record *record,
	struct control *out, struct error *err)
{
	CLEANUP(buf_free) struct buf envelope = {0};
	char path[PATH_MAX];
	bool found = false;

	if (!authority_path(
		    authority, path, err, "couriers/%s/%s.control", record->id, record->id)
		|| !file_read(path, CONTROL_MAX, &envelope, &found, err))
		return false;
	if (!found) {
		*out = (struct control){0};
		return true;
	}
	return control_open(buf_bytes(&envelope), buf_bytes(&authority->root), 0, out, err)
		|| error_while(err, "%s", path);
}

static bool put_text(char **text, struct buf *value, struct error *err)
{
	const char *borrowed = NULL;
	bool changed = false;

	return buf_text(value, &borrowed, err) && bundle_set(text, borrowed, &changed, err);
}

static bool put_papers(struct authority *authority, struct courier_record *record,
	struct control *control, struct error *err)
{
	authority_texts_free(control->artifact_keys, control->artifact_key_count);
	control->artifact_keys = NULL;
	control->artifact_key_count = 0;
	memcpy(control->courier, record->id, sizeof(control->courier));
	control->issued = time(NULL);
	return put_text(&control->root, &authority->root, err)
		&& put_text(&control->chain, &record->chain, err)
		&& put_text(&control->crl, &authority->crl, err)
		&& authority_artifact_keys(
			authority, &control->artifact_keys, &control->artifact_key_count, err);
}

static bool log_bundle(
	struct authority *authority, const struct control *control, struct error *err)
{
	CLEANUP(json_cleanup) struct json *members = json_new_object();

	json_add_string(members, "id", control->courier);
	json_add_integer(members, "number", (int64_t)control->number);
	json_add_integer(members, "devices", (int64_t)control->device_count);
	return authority_log(authority, "control bundle signed", control->issued, members, err);
}

/* What we hand out must be what a courier takes. */
static bool check(const struct authority *authority, struct bytes envelope, struct error *err)
{
	CLEANUP(control_free) struct control read = {0};

	if (envelope.len > CONTROL_MAX)
		return error_set(err, ERROR_USAGE,
			"the bundle would have over %d bytes: give some of its devices to "
			"another "
			"courier",
			CONTROL_MAX);
	return control_open(envelope, buf_bytes(&authority->root), 0, &read, err);
}

bool bundle_write(struct authority *authority, struct courier_record *record,
	struct control *control, const struct crypto_key *issuer, char path[static PATH_MAX],
	struct error *err)
{
	CLEANUP(buf_free) struct buf envelope = {0};

	control->number
		= 1 + (control->number > record->number ? control->number : record->number);
	record->number = control->number;
	return put_papers(authority, record, control, err)
		&& control_sign(control, issuer, &envelope, err)
		&& check(authority, buf_bytes(&envelope), err)
		&& log_bundle(authority, control, err)
		&& courier_record_write(authority, record, err)
		&& authority_path(
			authority, path, err, "couriers/%s/%s.control", record->id, record->id)
		&& file_replace(path, buf_bytes(&envelope), 0600, err);
}
