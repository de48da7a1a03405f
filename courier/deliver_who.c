/* Who is at the other end of the cable, and what is known of it. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/text.h"
#include "courier/deliver_host.h"

enum { NEW_ID_DIGITS = 16 };

struct who {
	char id[CERTIFICATE_ID_MAX + 1];
	bool vouched; /* a certificate of the fleet binds its key to the id */
	struct crypto_public *key;
	struct digest print; /* of the key */
	struct inventory inventory;
	struct identity stated; /* by one that shows no certificate */
};

static void who_free(struct who *who)
{
	crypto_public_free(who->key);
	inventory_free(&who->inventory);
	identity_free(&who->stated);
}

/* A certified device is who its certificate says; what it says of itself must agree. */
static bool name_certified(struct who *who, const struct visit_peer *peer, struct error *err)
{
	struct certificate_holder holder;
	struct digest identity;

	if (!certificate_holder(peer->chain, &holder, err)
		|| !identity_digest(bytes_of(who->inventory.identity), &identity, err))
		return false;
	if (strcmp(holder.id, who->inventory.device) != 0
		|| (holder.has_identity && !digest_equal(&holder.identity, &identity)))
		return error_set(err, ERROR_WRONG_DEVICE,
			"certified as %s, but its inventory is of another device: its identity "
			"script may have changed its answer",
			holder.id);
	memcpy(who->id, holder.id, sizeof(holder.id));
	who->vouched = true;
	return true;
}

/* *CERTIFIED: the device of that id has a key that the fleet certified, so nobody with
 * another can speak for it. */
static bool is_taken(struct store *store, const char *id, bool *certified, struct error *err)
{
	CLEANUP(store_device_free) struct store_device known = {0};
	bool found = false;

	if (!store_get_device(store, id, &known, &found, err))
		return false;
	*certified = found && known.certified;
	return true;
}

/* Take the id of the device that the operator enrolled under this identity for a first
 * visit, if there is one. */
static bool name_enrolled(const struct deliver_host *host, struct who *who, struct error *err)
{
	const struct control *const control = &host->papers->control;
	struct digest stated;

	if (!identity_digest(bytes_of(who->stated.identity), &stated, err))
		return false;
	for (size_t i = 0; who->id[0] == 0 && i < control->device_count; i++) {
		const struct control_device *const device = &control->devices[i];
		struct digest own;
		bool taken = false;

		if (!device->first_visit)
			continue;
		if (!identity_digest(bytes_of(device->identity), &own, err)
			|| !is_taken(host->store, device->id, &taken, err))
			return false;
		if (digest_equal(&own, &stated) && !taken)
			memcpy(who->id, device->id, sizeof(device->id));
	}
	return true;
}

/* One that shows no certificate is the device whose certificate we bring, if it has that
 * key; or the one enrolled under the identity it states; or a newcomer, named by its
 * key. */
static bool name_newcomer(const struct deliver_host *host, struct who *who,
	const struct visit_peer *peer, struct error *err)
{
	CLEANUP(store_device_free) struct store_device known = {0};
	char digits[DIGEST_TEXT];
	bool found = false;

	if (!identity_open(peer->accept->identity, &who->stated, err))
		return false;
	if (!digest_equal(&who->print, &who->stated.key))
		return error_set(
			err, ERROR_SIGNATURE, "its identity statement is of another key");
	if (!store_device_of_key(host->store, &who->print, &known, &found, err))
		return false;
	who->vouched = found && known.certified;
	if (who->vouched)
		memcpy(who->id, known.id, sizeof(who->id));
	else if (!name_enrolled(host, who, err))
		return false;
	if (who->id[0] == 0) {
		digest_text(&who->print, digits);
		(void)snprintf(who->id, sizeof(who->id), "new-%.*s", NEW_ID_DIGITS, digits);
	}
	return true;
}

static bool name_device(const struct deliver_host *host, struct who *who,
	const struct visit_peer *peer, struct error *err)
{
	struct digest first;

	if (!certificate_public(peer->chain, &who->key, err)
		|| !crypto_public_fingerprint(who->key, &who->print, err))
		return false;
	if (host->met) {
		if (!crypto_public_fingerprint(host->key, &first, err))
			return false;
		if (!digest_equal(&first, &who->print))
			return error_set(err, ERROR_WRONG_DEVICE,
				"another device is on the cable now: finish with %s, then run "
				"courier deliver again",
				host->device.id);
	}
	if (!inventory_open(peer->accept->inventory, who->key, &who->inventory, err))
		return false;
	return peer->certified ? name_certified(who, peer, err)
			       : name_newcomer(host, who, peer, err);
}

static bool replace_buf(struct buf *buf, struct bytes with, struct error *err)
{
	buf->len = 0;
	return buf_append(buf, with, err);
}

/* What it says of itself where it has no certificate: new, or not what it was. */
static bool take_statement(struct store_device *known, const struct who *who,
	const struct visit_peer *peer, bool found, struct error *err)
{
	return peer->certified
		|| ((found
			    || (text_set(&known->id_data, who->stated.identity, err)
				    && text_set(
					    &known->device_type, who->stated.device_type, err)))
			&& replace_buf(&known->identity, peer->accept->identity, err));
}

/* What it signed with a key that was certified is still to be had from it. */
static bool remember_key(
	struct store_device *known, const char *pem, bool vouched, struct error *err)
{
	if (known->certified && vouched && known->key_pem != NULL
		&& strcmp(known->key_pem, pem) != 0
		&& !text_set(&known->former_pem, known->key_pem, err))
		return false;
	return text_set(&known->key_pem, pem, err);
}

/* What the store knows of it, brought up to date with what it just said. */
static bool remember(const struct deliver_host *host, const struct who *who,
	const struct visit_peer *peer, struct store_device *out, struct error *err)
{
	CLEANUP(store_device_free) struct store_device known = {0};
	CLEANUP(buf_free) struct buf pem = {0};
	const char *text = NULL;
	bool found = false;

	if (!store_get_device(host->store, who->id, &known, &found, err))
		return false;
	if (known.certified && !who->vouched)
		return error_set(err, ERROR_SIGNATURE,
			"%s is certified, and this is another key: somebody may be posing as "
			"it",
			who->id);
	memcpy(known.id, who->id, sizeof(known.id));
	/* It knows of fewer receipts than it gave: its memory was wiped. */
	if (known.newest > known.former + who->inventory.newest)
		known.former = known.newest;
	if (!take_statement(&known, who, peer, found, err)
		|| !crypto_public_pem(who->key, &pem, err) || !buf_text(&pem, &text, err)
		|| !remember_key(&known, text, who->vouched, err)
		|| !replace_buf(&known.inventory, peer->accept->inventory, err))
		return false;
	known.certified = who->vouched;
	known.inventory_sent = false;
	known.identity_sent = known.identity_sent && peer->certified;
	known.visited = (int64_t)time(NULL);
	if (!store_put_device(host->store, &known, "visited", err))
		return false;
	*out = known;
	known = (struct store_device){0};
	return true;
}

bool deliver_who(struct deliver_host *host, const struct visit_peer *peer, struct error *err)
{
	CLEANUP(who_free) struct who who = {0};
	struct store_device device = {0};

	if (!name_device(host, &who, peer, err) || !remember(host, &who, peer, &device, err))
		return false;
	store_device_free(&host->device);
	crypto_public_free(host->key);
	inventory_free(&host->inventory);
	host->device = device;
	host->key = who.key;
	host->inventory = who.inventory;
	who.key = NULL;
	who.inventory = (struct inventory){0};
	return true;
}
