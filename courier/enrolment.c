#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "courier/enrolment.h"
#include "courier/opening.h"

static bool get_papers(struct store *store, struct buf *envelope, struct buf *root, bool *found,
	struct error *err)
{
	bool has_envelope = false, has_root = false;

	if (!store_get_paper(store, ENROLMENT_CONTROL, envelope, &has_envelope, err)
		|| !store_get_paper(store, ENROLMENT_ROOT, root, &has_root, err))
		return false;
	*found = has_envelope && has_root;
	return true;
}

bool enrolment_open(struct store *store, struct control *out, bool *found, struct error *err)
{
	CLEANUP(buf_free) struct buf envelope = {0}, root = {0};

	return get_papers(store, &envelope, &root, found, err)
		&& (!*found
			|| control_open(buf_bytes(&envelope), buf_bytes(&root), 0, out, err));
}

bool enrolment_open_head(struct store *store, control_visit *visit, void *self,
	struct control *out, bool *found, struct error *err)
{
	CLEANUP(buf_free) struct buf envelope = {0}, root = {0};

	return get_papers(store, &envelope, &root, found, err)
		&& (!*found
			|| control_open_head(buf_bytes(&envelope), buf_bytes(&root), 0, visit,
				self, out, err));
}

static bool none_yet(struct error *err)
{
	return error_set(err, ERROR_USAGE,
		"no bundle of the operator yet: take it in with `courier init "
		"FILE.control`");
}

bool enrolment_need(struct store *store, struct control *out, struct error *err)
{
	bool found = false;

	return enrolment_open(store, out, &found, err) && (found || none_yet(err));
}

bool enrolment_need_head(struct store *store, control_visit *visit, void *self,
	struct control *out, struct error *err)
{
	bool found = false;

	return enrolment_open_head(store, visit, self, out, &found, err)
		&& (found || none_yet(err));
}

/* ---- is it for us? ---- */

static bool is_for_our_key(
	struct store *store, const struct control *control, struct error *err)
{
	CLEANUP(crypto_key_cleanup) struct crypto_key *key = NULL;
	CLEANUP(crypto_public_cleanup) struct crypto_public *ours = NULL, *theirs = NULL;
	CLEANUP(certificate_cleanup) struct certificate *chain = NULL;
	struct digest our_print, their_print;

	if (!opening_key(store, STORE_COURIER_KEY, &key, err)
		|| !crypto_public_of(key, &ours, err)
		|| !crypto_public_fingerprint(ours, &our_print, err)
		|| !certificate_parse(bytes_of(control->chain), &chain, err)
		|| !certificate_public(chain, &theirs, err)
		|| !crypto_public_fingerprint(theirs, &their_print, err))
		return false;
	return digest_equal(&our_print, &their_print)
		|| error_set(err, ERROR_SIGNATURE,
			"the bundle is for courier %s, whose certificate is of another key "
			"than this store's",
			control->courier);
}

static bool print_of_root(const char *pem, struct digest *out, struct error *err)
{
	CLEANUP(certificate_cleanup) struct certificate *root = NULL;

	return certificate_parse(bytes_of(pem), &root, err)
		&& certificate_fingerprint(root, out, err);
}

static bool former_number(
	struct store *store, struct bytes root, uint64_t *number, struct error *err)
{
	CLEANUP(control_free) struct control former = {0};
	CLEANUP(buf_free) struct buf envelope = {0};
	bool found = false;

	if (!store_get_paper(store, ENROLMENT_CONTROL, &envelope, &found, err)
		|| (found
			&& !control_open_head(
				buf_bytes(&envelope), root, 0, NULL, NULL, &former, err)))
		return false;
	*number = former.number;
	return true;
}

/* ---- devices ---- */

/* The key of a chain to bring, which must be a device's of our fleet. */
static bool key_of_chain(
	const char *chain_pem, struct bytes root, struct digest *out, struct error *err)
{
	CLEANUP(certificate_cleanup) struct certificate *chain = NULL;
	CLEANUP(crypto_public_cleanup) struct crypto_public *key = NULL;

	return (certificate_parse(bytes_of(chain_pem), &chain, err)
		       && certificate_verify(chain, root, CERTIFICATE_DEVICE, err)
		       && certificate_public(chain, &key, err)
		       && crypto_public_fingerprint(key, out, err))
		|| error_while(err, "its certificate");
}

/* What DEVICE said when it was met as NEWCOMER is what it said. */
static bool take_over(struct store *store, const struct store_device *newcomer,
	struct store_device *device, struct error *err)
{
	struct store_device left = *newcomer; /* borrows what NEWCOMER owns */

	if (device->inventory.len == 0
		&& (!text_set(&device->key_pem, newcomer->key_pem, err)
			|| !buf_append(
				&device->inventory, buf_bytes(&newcomer->inventory), err)))
		return false;
	if (device->visited < newcomer->visited)
		device->visited = newcomer->visited;
	left.key_pem = NULL;
	left.identity = (struct buf){0};
	return store_put_device(store, &left, "is a device of the operator's now", err);
}

/* Whom the chain certifies may have been met before it had a name. */
static bool find_newcomer(struct store *store, const struct control_device *listed,
	struct bytes root, struct store_device *device, struct error *err)
{
	CLEANUP(store_device_free) struct store_device newcomer = {0};
	struct digest key;
	bool found = false;

	if (listed->chain == NULL)
		return true;
	if (!key_of_chain(listed->chain, root, &key, err)
		|| !store_device_of_key(store, &key, &newcomer, &found, err))
		return false;
	return !found || newcomer.server != NULL || strcmp(newcomer.id, listed->id) == 0
		|| take_over(store, &newcomer, device, err);
}

/* Is there anything new in LISTED? */
static bool is_as_listed(const struct store_device *device, const struct control_device *listed,
	const char *server)
{
	return text_same(device->server, server) && text_same(device->id_data, listed->identity)
		&& text_same(device->device_type, listed->device_type)
		&& text_same(device->artifact, listed->artifact)
		&& text_same(device->label, listed->label)
		&& text_same(device->site, listed->site)
		&& text_same(device->group, listed->group)
		&& text_same(device->tier, listed->tier)
		&& (listed->chain == NULL || text_same(device->chain_pem, listed->chain));
}

static bool fill(struct store_device *device, const struct control_device *listed,
	const char *server, struct error *err)
{
	return text_set(&device->server, server, err)
		&& text_set(&device->id_data, listed->identity, err)
		&& text_set(&device->device_type, listed->device_type, err)
		&& text_set(&device->artifact, listed->artifact, err)
		&& text_set(&device->label, listed->label, err)
		&& text_set(&device->site, listed->site, err)
		&& text_set(&device->group, listed->group, err)
		&& text_set(&device->tier, listed->tier, err)
		&& (listed->chain == NULL || text_set(&device->chain_pem, listed->chain, err));
}

static bool take_device(struct store *store, const struct settings *settings,
	const struct control *control, const struct control_device *listed,
	struct enrolment *enrolment, struct error *err)
{
	CLEANUP(store_device_free) struct store_device device = {0};
	const struct server_settings *server = NULL;
	bool found = false;

	if (!settings_server(settings, listed->server, &server, err)
		|| !store_get_device(store, listed->id, &device, &found, err))
		return false;
	if (found && is_as_listed(&device, listed, server->name))
		return true;
	/* A token speaks for the identity it was given to. */
	if (found && !text_same(device.id_data, listed->identity)
		&& !store_put_token(store, listed->id, "", err))
		return false;
	(void)snprintf(device.id, sizeof(device.id), "%s", listed->id);
	if (!fill(&device, listed, server->name, err)
		|| !find_newcomer(store, listed, bytes_of(control->root), &device, err)
		|| !store_put_device(store, &device,
			found ? "changed by the operator" : "enrolled by the operator", err))
		return false;
	*(found ? &enrolment->changed : &enrolment->added) += 1;
	return true;
}

static bool take_devices(struct store *store, const struct settings *settings,
	const struct control *control, struct enrolment *enrolment, struct error *err)
{
	for (size_t i = 0; i < control->device_count; i++)
		if (!take_device(
			    store, settings, control, &control->devices[i], enrolment, err))
			return error_while(err, "%s", control->devices[i].id);
	return true;
}

/* ---- those that are not listed any more ---- */

struct former {
	struct store *store;
	const struct control *control;
	struct enrolment *enrolment;
};

static bool count_receipt(void *self, const struct store_receipt *receipt, struct error *err)
{
	(void)receipt;
	(void)err;
	++*(size_t *)self;
	return true;
}

static bool drop_parcel(void *self, const struct store_parcel *parcel, struct error *err)
{
	struct store *const store = self;

	return parcel->state > PARCEL_OFFERED
		|| store_move_parcel(store, parcel->device, parcel->deployment,
			PARCEL_WITHDRAWN, "the operator no longer has us serve this device",
			err);
}

static bool leave(struct former *former, const struct store_device *device, struct error *err)
{
	struct store_device left = *device; /* borrows what DEVICE owns */

	left.server = NULL;
	former->enrolment->removed++;
	return store_each_parcel(former->store, device->id, drop_parcel, former->store, err)
		&& store_put_token(former->store, device->id, "", err)
		&& store_put_device(
			former->store, &left, "no longer served: not in the bundle", err);
}

static bool look_at_former(void *self, const struct store_device *device, struct error *err)
{
	struct former *const former = self;
	size_t unsent = 0;

	if (device->server == NULL || control_device(former->control, device->id) != NULL)
		return true;
	if (!store_each_receipt(former->store, device->id, true, count_receipt, &unsent, err))
		return false;
	if (unsent == 0)
		return leave(former, device, err);
	former->enrolment->kept++;
	return true;
}

/* ---- all of it ---- */

static bool put_papers(struct store *store, struct bytes envelope,
	const struct control *control, struct error *err)
{
	return store_put_paper(store, ENROLMENT_ROOT, bytes_of(control->root), err)
		&& store_put_paper(store, ENROLMENT_CHAIN, bytes_of(control->chain), err)
		&& store_put_paper(store, ENROLMENT_CRL, bytes_of(control->crl), err)
		&& store_put_paper(store, ENROLMENT_CONTROL, envelope, err);
}

/* One transaction: a bundle is taken altogether, or not at all. */
static bool take_all(struct store *store, const struct settings *settings,
	struct bytes envelope, const struct control *control, struct enrolment *enrolment,
	struct error *err)
{
	CLEANUP(store_batch_end) struct store_batch batch = {0};
	struct former former = {.store = store, .control = control, .enrolment = enrolment};

	return store_batch_begin(&batch, store, err)
		&& take_devices(store, settings, control, enrolment, err)
		&& store_each_device(store, look_at_former, &former, err)
		&& put_papers(store, envelope, control, err) && store_batch_commit(&batch, err);
}

bool enrolment_take(struct store *store, const struct settings *settings, struct bytes envelope,
	struct control *out, struct enrolment *enrolment, struct error *err)
{
	CLEANUP(control_free) struct control control = {0};
	CLEANUP(buf_free) struct buf root = {0};
	struct enrolment made = {0};
	uint64_t number = 0;
	bool pinned = false;

	if (!store_get_paper(store, ENROLMENT_ROOT, &root, &pinned, err)
		|| (pinned && !former_number(store, buf_bytes(&root), &number, err))
		|| !control_open(envelope, buf_bytes(&root), number, &control, err)
		|| !is_for_our_key(store, &control, err)
		|| !print_of_root(control.root, &made.root, err)
		|| !take_all(store, settings, envelope, &control, &made, err))
		return false;
	made.first = !pinned;
	*enrolment = made;
	*out = control;
	control = (struct control){0};
	return true;
}
