#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "courier/mender_answer_parts.h"

static bool status_parse(
	const struct json *object, enum admin_status *status, struct error *err)
{
	static const struct {
		const char *name;
		enum admin_status status;
	} names[] = {
		{"noauth", ADMIN_NO_SETS},
		{"rejected", ADMIN_REJECTED},
		{"pending", ADMIN_PENDING},
		{"preauthorized", ADMIN_PREAUTHORISED},
		{"accepted", ADMIN_ACCEPTED},
	};
	const char *text = NULL;

	if (!json_need_string(object, "status", &text, err))
		return false;
	for (size_t i = 0; i < COUNT(names); i++) {
		if (strcmp(names[i].name, text) == 0) {
			*status = names[i].status;
			return true;
		}
	}
	return error_set(err, ERROR_MALFORMED, "status %.32s is not known", text);
}

/* The identity with sorted members, so that it compares as text. */
static bool identity_parse(const struct json *device, char **out, struct error *err)
{
	CLEANUP(buf_free) struct buf printed = {0};
	CLEANUP(buf_free) struct buf sorted = {0};
	const struct json *identity = NULL;
	const char *text = NULL;
	struct error why = {0};

	if (!json_need_object(device, "identity_data", &identity, err)
		|| !json_print(identity, &printed, err))
		return false;

	/* What has no canonical form is shown as it is, and equals nothing of ours. */
	const bool is_sorted = json_canonical(buf_bytes(&printed), &sorted, &why)
		&& json_check(buf_bytes(&sorted), JSON_SIGNED, &why);

	return buf_text(is_sorted ? &sorted : &printed, &text, err) && text_set(out, text, err);
}

static bool set_parse(const struct json *object, struct admin_set *set, struct error *err)
{
	const char *key = NULL;

	return mender_need_id(object, "id", set->id, err)
		&& status_parse(object, &set->status, err)
		&& json_need_string(object, "pubkey", &key, err)
		&& text_set(&set->key_pem, key, err);
}

static bool sets_parse(
	const struct json *object, struct admin_device *device, struct error *err)
{
	const struct json *const sets = json_member(object, "auth_sets");

	if (sets == NULL || json_is_null(sets))
		return true;
	if (!json_is_array(sets))
		return error_set(err, ERROR_MALFORMED, "auth_sets is no array");
	device->sets = calloc(json_count(sets) + 1, sizeof(*device->sets));
	if (device->sets == NULL)
		return error_errno(err, "cannot allocate");
	for (const struct json *set = json_first(sets); set != NULL; set = json_next(set))
		if (!set_parse(set, &device->sets[device->set_count++], err))
			return error_while(err, "auth set %zu", device->set_count);
	return true;
}

static bool device_parse(const struct json *object, struct admin_device *out, struct error *err)
{
	CLEANUP(admin_device_free) struct admin_device device = {0};
	struct error absent = {0};

	if (!json_is_object(object))
		return error_set(err, ERROR_MALFORMED, "a device is no object");
	if (!mender_need_id(object, "id", device.id, err)
		|| !identity_parse(object, &device.id_data, err)
		|| !status_parse(object, &device.status, err)
		|| !sets_parse(object, &device, err))
		return false;
	if (!json_need_bool(object, "decommissioning", &device.leaving, &absent))
		device.leaving = false;
	*out = device;
	device = (struct admin_device){0};
	return true;
}

bool mender_answer_device(struct bytes body, struct admin_device *out, struct error *err)
{
	CLEANUP(json_cleanup) struct json *answer = NULL;

	if (!mender_parse(body, &answer, err))
		return false;
	return device_parse(answer, out, err) || error_while(err, "the server's answer");
}

void mender_page_free(struct mender_page *page)
{
	for (size_t i = 0; i < page->count; i++)
		admin_device_free(&page->at[i]);
	free(page->at);
	*page = (struct mender_page){0};
}

static bool page_parse(const struct json *answer, struct mender_page *page, struct error *err)
{
	if (!json_is_array(answer) || json_count(answer) > MENDER_DEVICES_MAX)
		return error_set(err, ERROR_MALFORMED, "not a page of at most %d devices",
			MENDER_DEVICES_MAX);
	page->at = calloc(json_count(answer) + 1, sizeof(*page->at));
	if (page->at == NULL)
		return error_errno(err, "cannot allocate");
	for (const struct json *device = json_first(answer); device != NULL;
		device = json_next(device), page->count++)
		if (!device_parse(device, &page->at[page->count], err))
			return error_while(err, "device %zu", page->count);
	return true;
}

bool mender_answer_devices(struct bytes body, struct mender_page *out, struct error *err)
{
	CLEANUP(json_cleanup) struct json *answer = NULL;
	CLEANUP(mender_page_free) struct mender_page page = {0};

	if (!mender_parse(body, &answer, err))
		return false;
	if (!page_parse(answer, &page, err))
		return error_while(err, "the server's answer");
	*out = page;
	page = (struct mender_page){0};
	return true;
}
