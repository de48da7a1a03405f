#include <stdlib.h>
#include <string.h>

#include "courier/admin/enrol.h"

static bool gives_way(const struct admin_set *set, const struct admin_set *ours)
{
	return set != ours
		&& (set->status == ADMIN_ACCEPTED || set->status == ADMIN_PREAUTHORISED);
}

/* Has our key its way already? */
static bool is_in(const struct admin_set *ours)
{
	return ours != NULL
		&& (ours->status == ADMIN_ACCEPTED || ours->status == ADMIN_PREAUTHORISED);
}

void enrol_displaces(const struct admin_device *device, const struct courier_record *record,
	const struct enrol_keys *keys, struct enrol_result *result)
{
	const struct admin_set *const ours
		= device == NULL ? NULL : admin_device_set(device, &record->server);

	result->displaced_count = 0;
	for (size_t i = 0; device != NULL && i < device->set_count; i++) {
		const struct admin_set *const set = &device->sets[i];
		struct enrol_displaced *const displaced
			= &result->displaced[result->displaced_count];

		if (!gives_way(set, ours) || result->displaced_count == ENROL_DISPLACED_MAX)
			continue;
		memcpy(displaced->set, set->id, sizeof(set->id));
		displaced->was = set->status;
		enrol_key_name(keys, set->key_pem, displaced->holder);
		result->displaced_count++;
	}
}

/* End what the others have.  An accepted set is rejected, which kills its tokens now; one
 * that waits for its holder can only be taken away. */
static bool displace(struct admin *admin, const struct admin_device *device,
	const struct enrol_result *result, struct error *err)
{
	for (size_t i = 0; i < result->displaced_count; i++) {
		const struct enrol_displaced *const at = &result->displaced[i];

		if (!(at->was == ADMIN_ACCEPTED ? admin->kind->reject : admin->kind->forget)(
			    admin, device->id, at->set, NULL, err))
			return error_while(err, "displacing %s", at->holder);
	}
	return true;
}

static bool read_back(const struct admin_device *after, const struct courier_record *record,
	struct enrol_result *result, struct error *err)
{
	const struct admin_set *const ours = admin_device_set(after, &record->server);

	if (!is_in(ours))
		return error_set(
			err, ERROR_FAILED, "the server does not show the courier's key");
	memcpy(result->device, after->id, sizeof(after->id));
	result->status = ours->status;
	return true;
}

bool enrol_delegate(struct admin *admin, const char *identity,
	const struct admin_device *device, const struct courier_record *record,
	const struct enrol_keys *keys, struct enrol_result *out, struct error *err)
{
	CLEANUP(admin_device_free) struct admin_device after = {0};
	struct enrol_result result = {.changed = false};

	enrol_displaces(device, record, keys, &result);
	result.changed = result.displaced_count > 0 || device == NULL
		|| !is_in(admin_device_set(device, &record->server));
	if ((result.displaced_count > 0 && !displace(admin, device, &result, err))
		|| !admin->kind->preauthorise(admin, identity, record->server_key, &after, err)
		|| !read_back(&after, record, &result, err))
		return false;
	*out = result;
	return true;
}

/* ---- what couriers leave in inventories ---- */

const char *enrol_attribute(const struct json *inventory, const char *name)
{
	for (const struct json *at = json_first(inventory); at != NULL; at = json_next(at)) {
		const char *const its = json_string(json_member(at, "name"));

		if (its != NULL && strcmp(its, name) == 0)
			return json_string(json_member(at, "value"));
	}
	return NULL;
}

/* {"deployment":"...","request":"..."}; nothing of it, unless all of it is right. */
static void parse_next(
	const char *text, struct json **object, const char **deployment, const char **request)
{
	struct error none = {0};

	*deployment = NULL;
	*request = NULL;
	if (!json_parse(bytes_of(text), JSON_SIGNED, object, &none)
		|| !json_need_string(*object, "deployment", deployment, &none)
		|| !json_need_string(*object, "request", request, &none)
		|| strlen(*deployment) > STATEMENT_DEPLOYMENT_MAX
		|| !json_check(bytes_of(*request), JSON_SIGNED, &none)) {
		*deployment = NULL;
		*request = NULL;
	}
}

bool enrol_take_next(struct admin *admin, const char *device, struct control_device *listed,
	bool *changed, struct error *err)
{
	CLEANUP(json_cleanup) struct json *inventory = NULL, *object = NULL;
	const char *text = NULL, *deployment = NULL, *request = NULL;

	if (!admin->kind->inventory(admin, device, &inventory, err))
		return error_while(err, "inventory");
	text = enrol_attribute(inventory, "courier_next");
	if (text != NULL)
		parse_next(text, &object, &deployment, &request);
	return bundle_set(&listed->next_deployment, deployment, changed, err)
		&& bundle_set(&listed->next_request, request, changed, err);
}
