#include <stdlib.h>
#include <string.h>

#include "common/dsse.h"
#include "common/json_listing.h"
#include "common/statement.h"
#include "common/text.h"
#include "courier/control.h"

static void device_free(struct control_device *device)
{
	char *const texts[] = {device->identity, device->device_type, device->artifact,
		device->label, device->site, device->group, device->tier, device->server,
		device->chain, device->next_deployment, device->next_request, device->time};

	for (size_t i = 0; i < COUNT(texts); i++)
		free(texts[i]);
}

void control_free(struct control *control)
{
	for (size_t i = 0; i < control->device_count; i++)
		device_free(&control->devices[i]);
	for (size_t i = 0; i < control->artifact_key_count; i++)
		free(control->artifact_keys[i]);
	free(control->devices);
	free(control->by_id);
	free(control->artifact_keys);
	free(control->root);
	free(control->chain);
	free(control->crl);
	*control = (struct control){0};
}

/* The optional texts of a device, and where they lie: one table for both ways. */
static const struct {
	const char *name;
	size_t offset;
} device_texts[] = {
	{"type", offsetof(struct control_device, device_type)},
	{"artifact", offsetof(struct control_device, artifact)},
	{"label", offsetof(struct control_device, label)},
	{"site", offsetof(struct control_device, site)},
	{"group", offsetof(struct control_device, group)},
	{"tier", offsetof(struct control_device, tier)},
	{"server", offsetof(struct control_device, server)},
	{"chain", offsetof(struct control_device, chain)},
	{"next_deployment", offsetof(struct control_device, next_deployment)},
	{"next_request", offsetof(struct control_device, next_request)},
	{"time", offsetof(struct control_device, time)},
};

static char **text_of(struct control_device *device, size_t i)
{
	return (char **)(void *)((char *)device + device_texts[i].offset);
}

/* ---- writing ---- */

static bool add_device(
	const struct control_device *device, struct buf *payload, struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = json_new_object();
	CLEANUP(json_cleanup) struct json *identity = NULL;
	struct control_device copy = *device;

	if (!json_parse(bytes_of(device->identity), JSON_SIGNED, &identity, err))
		return error_while(err, "%s: identity", device->id);
	json_add_string(object, "id", device->id);
	json_add_copy(object, "identity", identity);
	json_add_bool(object, "first_visit", device->first_visit);
	for (size_t i = 0; i < COUNT(device_texts); i++)
		if (*text_of(&copy, i) != NULL)
			json_add_string(object, device_texts[i].name, *text_of(&copy, i));
	return json_listing_add(object, payload, err);
}

bool control_sign(const struct control *control, const struct crypto_key *issuer,
	struct buf *envelope, struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = json_new_object();
	CLEANUP(buf_free) struct buf payload = {0};

	json_add_integer(object, "version", CONTROL_VERSION);
	json_add_string(object, "courier", control->courier);
	json_add_integer(object, "number", (int64_t)control->number);
	json_add_integer(object, "issued", control->issued);
	json_add_string(object, "root", control->root);
	json_add_string(object, "chain", control->chain);
	json_add_string(object, "crl", control->crl);

	struct json *const keys = json_add_array(object, "artifact_keys");

	for (size_t i = 0; i < control->artifact_key_count; i++)
		json_append_string(keys, control->artifact_keys[i]);

	if (!json_listing_begin(object, "devices", &payload, err))
		return false;
	for (size_t i = 0; i < control->device_count; i++)
		if (!add_device(&control->devices[i], &payload, err))
			return false;
	return json_listing_end(&payload, err)
		&& dsse_sign(issuer, DSSE_CONTROL, buf_bytes(&payload), envelope, err);
}

/* ---- reading ---- */

static bool need_copy(
	const struct json *object, const char *name, char **out, struct error *err)
{
	const char *text = NULL;

	return json_need_string(object, name, &text, err) && text_set(out, text, err);
}

static bool need_identity(const struct json *object, char **out, struct error *err)
{
	CLEANUP(buf_free) struct buf printed = {0}, canonical = {0};
	const struct json *identity = NULL;
	const char *text = NULL;

	return json_need_object(object, "identity", &identity, err)
		&& json_print(identity, &printed, err)
		&& json_canonical(buf_bytes(&printed), &canonical, err)
		&& buf_text(&canonical, &text, err) && text_set(out, text, err);
}

/* A bundle whose devices are being read, one after the other: to be kept, or shown. */
struct reading {
	struct control *control;
	size_t room; /* of its devices */
	control_visit *visit;
	void *self;
};

static bool read_device(
	const struct json *object, struct control_device *out, struct error *err)
{
	if (!json_need_text(object, "id", out->id, sizeof(out->id), err)
		|| !json_need_bool(object, "first_visit", &out->first_visit, err)
		|| !need_identity(object, &out->identity, err))
		return false;
	if (!certificate_id_valid(out->id))
		return error_set(err, ERROR_MALFORMED, "bad device id");
	for (size_t i = 0; i < COUNT(device_texts); i++)
		if (json_member(object, device_texts[i].name) != NULL
			&& !need_copy(object, device_texts[i].name, text_of(out, i), err))
			return error_while(err, "%s", out->id);
	return true;
}

static bool keep_one(void *self, const struct json *object, struct error *err)
{
	struct reading *const reading = self;
	struct control *const control = reading->control;

	if (control->device_count == reading->room) {
		const size_t room = reading->room + reading->room / 4 + 64;
		struct control_device *const devices
			= realloc(control->devices, room * sizeof(*devices));

		if (devices == NULL)
			return error_errno(err, "cannot allocate the devices");
		control->devices = devices;
		reading->room = room;
	}

	struct control_device *const device = &control->devices[control->device_count++];

	*device = (struct control_device){0};
	return read_device(object, device, err) || error_while(err, "devices");
}

static bool show_one(void *self, const struct json *object, struct error *err)
{
	const struct reading *const reading = self;
	CLEANUP(device_free) struct control_device device = {0};

	return (read_device(object, &device, err) || error_while(err, "devices"))
		&& reading->visit(reading->self, &device, err);
}

static int by_id(const void *a, const void *b)
{
	const struct control_device *const *const left = a;
	const struct control_device *const *const right = b;

	return strcmp((*left)->id, (*right)->id);
}

/* No room is kept for more. */
static void fit_devices(struct control *control)
{
	struct control_device *const devices
		= realloc(control->devices, (control->device_count + 1) * sizeof(*devices));

	if (devices != NULL)
		control->devices = devices;
}

static bool sort_devices(struct control *control, struct error *err)
{
	control->by_id
		= calloc(control->device_count + 1, sizeof(const struct control_device *));
	if (control->by_id == NULL)
		return error_errno(err, "cannot allocate the devices");
	for (size_t i = 0; i < control->device_count; i++)
		control->by_id[i] = &control->devices[i];
	qsort(control->by_id, control->device_count, sizeof(const struct control_device *),
		by_id);
	for (size_t i = 1; i < control->device_count; i++)
		if (strcmp(control->by_id[i - 1]->id, control->by_id[i]->id) == 0)
			return error_set(err, ERROR_MALFORMED, "%s is listed twice",
				control->by_id[i]->id);
	return true;
}

const struct control_device *control_device(const struct control *control, const char *id)
{
	size_t low = 0, high = control->device_count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (strcmp(control->by_id[middle]->id, id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < control->device_count && strcmp(control->by_id[low]->id, id) == 0
		? control->by_id[low]
		: NULL;
}

OWNER_UNSEEN_BEGIN
static bool read_keys(const struct json *object, struct control *out, struct error *err)
{
	const struct json *keys = NULL;

	if (!json_need_array(object, "artifact_keys", &keys, err))
		return false;
	out->artifact_keys = calloc(json_count(keys) + 1, sizeof(*out->artifact_keys));
	if (out->artifact_keys == NULL)
		return error_errno(err, "cannot allocate the keys");
	for (const struct json *at = json_first(keys); at != NULL; at = json_next(at)) {
		const char *const pem = json_string(at);

		if (pem == NULL)
			return error_set(err, ERROR_MALFORMED, "an artifact key is no text");
		if (!text_set(&out->artifact_keys[out->artifact_key_count], pem, err))
			return false;
		out->artifact_key_count++;
	}
	return true;
}
OWNER_UNSEEN_END

static bool read_head(const struct json *object, struct control *out, struct error *err)
{
	int64_t version = 0, number = 0;

	if (!json_need_integer(object, "version", &version, err)
		|| !json_need_text(object, "courier", out->courier, sizeof(out->courier), err)
		|| !json_need_integer(object, "number", &number, err)
		|| !json_need_integer(object, "issued", &out->issued, err)
		|| !need_copy(object, "root", &out->root, err)
		|| !need_copy(object, "chain", &out->chain, err)
		|| !need_copy(object, "crl", &out->crl, err))
		return false;
	if (version != CONTROL_VERSION || number < 1)
		return error_set(err, ERROR_MALFORMED, "bundle of version %lld, number %lld",
			(long long)version, (long long)number);
	out->number = (uint64_t)number;
	return true;
}

/* The envelope's key is the courier issuer's, which the payload's chain carries: find
 * it there, prove that it chains to the root, then judge the signature with it. */
static bool issuer_key(const struct json *object, struct bytes root_pem,
	struct crypto_public **out, struct error *err)
{
	CLEANUP(certificate_cleanup) struct certificate *chain = NULL;
	const char *pem = NULL, *root = NULL;

	if (!json_need_string(object, "chain", &pem, err)
		|| !json_need_string(object, "root", &root, err)
		|| !certificate_parse(bytes_of(pem), &chain, err))
		return false;
	return certificate_verify(chain, root_pem.len > 0 ? root_pem : bytes_of(root),
		       CERTIFICATE_COURIER, err)
		&& certificate_issuer_public(chain, out, err);
}

/* All that is in it must hang together. */
static bool consistent(const struct control *control, struct bytes root_pem, uint64_t number,
	struct error *err)
{
	CLEANUP(certificate_cleanup) struct certificate *chain = NULL;
	CLEANUP(certificate_crl_cleanup) struct certificate_crl *crl = NULL;
	struct certificate_holder holder;

	if (root_pem.len > 0 && !bytes_equal(root_pem, bytes_of(control->root)))
		return error_set(err, ERROR_SIGNATURE,
			"from another fleet: its root is not the pinned one");
	if (control->number < number)
		return error_set(err, ERROR_ROLLBACK,
			"bundle number %llu, but number %llu was taken before",
			(unsigned long long)control->number, (unsigned long long)number);
	if (!certificate_parse(bytes_of(control->chain), &chain, err)
		|| !certificate_holder(chain, &holder, err)
		|| !certificate_crl_parse(bytes_of(control->crl), bytes_of(control->chain),
			bytes_of(control->root), &crl, err))
		return false;
	return strcmp(holder.id, control->courier) == 0
		|| error_set(err, ERROR_MALFORMED, "the certificate is of %s, not of %s",
			holder.id, control->courier);
}

/* What the bundle claims, without its devices: who is to have signed it. */
static bool find_issuer(struct bytes envelope, struct bytes root_pem,
	struct crypto_public **out, struct error *err)
{
	CLEANUP(buf_free) struct buf peeked = {0};
	CLEANUP(json_cleanup) struct json *claimed = NULL;

	return dsse_peek(envelope, DSSE_CONTROL, &peeked, err)
		&& json_listing_read(
			buf_bytes(&peeked), JSON_SIGNED, "devices", NULL, NULL, &claimed, err)
		&& issuer_key(claimed, root_pem, out, err);
}

static bool read_head_of(struct bytes payload, struct reading *reading,
	bool (*visit)(void *self, const struct json *element, struct error *),
	struct error *err)
{
	CLEANUP(json_cleanup) struct json *rest = NULL;

	return json_listing_read(payload, JSON_SIGNED, "devices", visit, reading, &rest, err)
		&& read_head(rest, reading->control, err)
		&& read_keys(rest, reading->control, err);
}

static bool keep_devices(struct bytes payload, struct reading *reading, struct error *err)
{
	if (!read_head_of(payload, reading, keep_one, err))
		return false;
	fit_devices(reading->control);
	return sort_devices(reading->control, err);
}

static bool show_devices(struct bytes payload, struct reading *reading, struct error *err)
{
	return read_head_of(payload, reading, reading->visit == NULL ? NULL : show_one, err);
}

static bool open_with(bool (*read)(struct bytes payload, struct reading *, struct error *),
	const struct reading *how, struct bytes envelope, struct bytes root_pem,
	uint64_t number, struct control *out, struct error *err)
{
	CLEANUP(control_free) struct control control = {0};
	CLEANUP(buf_free) struct buf payload = {0};
	CLEANUP(crypto_public_cleanup) struct crypto_public *key = NULL;
	struct reading reading = *how;

	reading.control = &control;
	if (!find_issuer(envelope, root_pem, &key, err)
		|| !dsse_open(envelope, DSSE_CONTROL, key, &payload, err)
		|| !read(buf_bytes(&payload), &reading, err)
		|| !consistent(&control, root_pem, number, err))
		return error_while(err, "control bundle");
	*out = control;
	control = (struct control){0};
	return true;
}

bool control_open(struct bytes envelope, struct bytes root_pem, uint64_t number,
	struct control *out, struct error *err)
{
	const struct reading how = {.visit = NULL};

	return open_with(keep_devices, &how, envelope, root_pem, number, out, err);
}

bool control_open_head(struct bytes envelope, struct bytes root_pem, uint64_t number,
	control_visit *visit, void *self, struct control *out, struct error *err)
{
	const struct reading how = {.visit = visit, .self = self};

	return open_with(show_devices, &how, envelope, root_pem, number, out, err);
}
