#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/text.h"
#include "courier/deliver_host.h"

enum { NEW_ID_DIGITS = 16 };

/* ---- papers ---- */

void deliver_papers_free(struct deliver_papers *papers)
{
	control_free(&papers->control);
	certificate_free(papers->chain);
	crypto_key_free(papers->key);
	buf_free(&papers->root);
	*papers = (struct deliver_papers){0};
}

static bool load_key(struct store *store, struct crypto_key **key, struct error *err)
{
	SECRET seed = {0};

	return store_get_secret(store, STORE_COURIER_KEY, &seed, err)
		&& crypto_key_from_seed(&seed, key, err);
}

bool deliver_papers_load(struct store *store, struct deliver_papers *out, struct error *err)
{
	CLEANUP(deliver_papers_free) struct deliver_papers papers = {0};
	CLEANUP(buf_free) struct buf bundle = {0};
	bool found = false;

	if (!store_get_paper(store, "control", &bundle, &found, err))
		return false;
	if (!found)
		return error_set(err, ERROR_UNAUTHORISED,
			"this courier has no certificate yet: give courier-request.pem to the "
			"operator, then run courier init with the control bundle that comes "
			"back");
	if (!store_get_paper(store, "root", &papers.root, &found, err)
		|| !control_open(
			buf_bytes(&bundle), buf_bytes(&papers.root), 0, &papers.control, err)
		|| !certificate_parse(bytes_of(papers.control.chain), &papers.chain, err)
		|| !load_key(store, &papers.key, err))
		return false;
	*out = papers;
	papers = (struct deliver_papers){0};
	return true;
}

/* ---- who is it ---- */

static bool replace_buf(struct buf *buf, struct bytes with, struct error *err)
{
	buf->len = 0;
	return buf_append(buf, with, err);
}

/* Once a device has shown a certificate, nobody without one can speak for it. */
static bool was_certified(const struct deliver_host *host, const char *id)
{
	CLEANUP(store_device_free) struct store_device known = {0};
	struct error err = {0};
	bool found = false;

	return !store_get_device(host->store, id, &known, &found, &err)
		|| (found && known.certified);
}

/* The device that the operator enrolled under this identity for a first visit; NULL if
 * there is none. */
static const struct control_device *enrolled(
	const struct deliver_host *host, const struct digest *identity)
{
	const struct control *const control = &host->papers->control;
	struct error err = {0};

	for (size_t i = 0; i < control->device_count; i++) {
		const struct control_device *const device = &control->devices[i];
		struct digest own;

		if (device->first_visit
			&& identity_digest(bytes_of(device->identity), &own, &err)
			&& digest_equal(&own, identity) && !was_certified(host, device->id))
			return device;
	}
	return NULL;
}

/* A certified device is who its certificate says; what it says of itself must agree. */
static bool name_certified(struct deliver_host *host, const struct visit_peer *peer,
	char id[static CERTIFICATE_ID_MAX + 1], struct error *err)
{
	struct certificate_holder holder;
	struct digest identity;

	if (!certificate_holder(peer->chain, &holder, err)
		|| !identity_digest(bytes_of(host->inventory.identity), &identity, err))
		return false;
	if (strcmp(holder.id, host->inventory.device) != 0
		|| (holder.has_identity && !digest_equal(&holder.identity, &identity)))
		return error_set(err, ERROR_WRONG_DEVICE,
			"certified as %s, but its inventory is of another device: its identity "
			"script may have changed its answer",
			holder.id);
	memcpy(id, holder.id, sizeof(holder.id));
	return true;
}

/* One without a certificate is who the operator enrolled under the identity it states,
 * or a newcomer named by its key. */
static bool name_newcomer(struct deliver_host *host, const struct visit_peer *peer,
	char id[static CERTIFICATE_ID_MAX + 1], struct error *err)
{
	CLEANUP(identity_free) struct identity stated = {0};
	struct digest key, identity;
	char digits[DIGEST_TEXT];

	if (!identity_open(peer->accept->identity, &stated, err)
		|| !crypto_public_fingerprint(host->key, &key, err)
		|| !identity_digest(bytes_of(stated.identity), &identity, err))
		return false;
	if (!digest_equal(&key, &stated.key))
		return error_set(
			err, ERROR_SIGNATURE, "its identity statement is of another key");

	const struct control_device *const known = enrolled(host, &identity);

	digest_text(&key, digits);
	if (known != NULL)
		memcpy(id, known->id, sizeof(known->id));
	else
		(void)snprintf(id, CERTIFICATE_ID_MAX + 1, "new-%.*s", NEW_ID_DIGITS, digits);
	return text_set(&host->device.id_data, stated.identity, err)
		&& text_set(&host->device.device_type, stated.device_type, err)
		&& replace_buf(&host->device.identity, peer->accept->identity, err);
}

/* Read its inventory and learn its id; *ID is set. */
static bool name_device(struct deliver_host *host, const struct visit_peer *peer,
	char id[static CERTIFICATE_ID_MAX + 1], struct error *err)
{
	inventory_free(&host->inventory);
	crypto_public_free(host->key);
	host->key = NULL;
	if (!certificate_public(peer->chain, &host->key, err)
		|| !inventory_open(peer->accept->inventory, host->key, &host->inventory, err))
		return false;
	return peer->certified ? name_certified(host, peer, id, err)
			       : name_newcomer(host, peer, id, err);
}

/* What the store knows of ID, brought up to date with what it just said. */
static bool remember(struct deliver_host *host, const struct visit_peer *peer, const char *id,
	struct error *err)
{
	CLEANUP(store_device_free) struct store_device known = {0};
	CLEANUP(store_device_free) struct store_device stated = host->device;
	CLEANUP(buf_free) struct buf pem = {0};
	const char *text = NULL;
	bool found = false;

	host->device = (struct store_device){0};
	if (!store_get_device(host->store, id, &known, &found, err))
		return false;
	if (!found) {
		known = stated; /* a newcomer, or one that another courier serves */
		stated = (struct store_device){0};
		memcpy(known.id, id, strlen(id) + 1);
	} else if (!peer->certified
		&& !replace_buf(&known.identity, buf_bytes(&stated.identity), err)) {
		return false;
	}
	if (!crypto_public_pem(host->key, &pem, err) || !buf_text(&pem, &text, err)
		|| !text_set(&known.key_pem, text, err)
		|| !replace_buf(&known.inventory, peer->accept->inventory, err))
		return false;
	known.certified = peer->certified;
	known.inventory_sent = false;
	known.identity_sent = known.identity_sent && peer->certified;
	known.visited = (int64_t)time(NULL);
	if (!store_put_device(host->store, &known, "visited", err))
		return false;
	host->device = known;
	known = (struct store_device){0};
	return true;
}

/* ---- the errand ---- */

static bool is_chosen(const struct deliver_host *host, struct error *err)
{
	const struct deliver_options *const options = host->options;

	for (size_t i = 0; i < options->device_count; i++) {
		CLEANUP(store_device_free) struct store_device named = {0};

		if (store_find_device(host->store, options->devices[i], &named, err)
			&& strcmp(named.id, host->device.id) == 0)
			return true;
	}
	return options->device_count == 0;
}

/* May this courier serve it at all?  One not certified only where the operator said
 * so. */
static bool may_serve(const struct deliver_host *host)
{
	const struct control *const control = &host->papers->control;

	for (size_t i = 0; i < control->device_count; i++)
		if (strcmp(control->devices[i].id, host->device.id) == 0)
			return host->device.certified || control->devices[i].first_visit;
	return false;
}

static bool find_parcel(struct deliver_host *host, bool *found, struct error *err)
{
	store_parcel_free(&host->parcel);
	if (!store_open_parcel(host->store, host->device.id, &host->parcel, found, err)
		|| !*found)
		return !*found;
	if (host->parcel.state != PARCEL_ANSWERED)
		return true;
	if (!host->options->retry) {
		*found = false;
		return true;
	}
	*found = store_move_parcel(host->store, host->device.id, host->parcel.deployment,
		PARCEL_RETRIED, "retried on site", err);
	return *found
		&& store_get_parcel(host->store, host->device.id, host->parcel.deployment,
			&host->parcel, found, err);
}

static void describe_offer(const struct deliver_host *host, struct message_offer *offer)
{
	const struct store_parcel *const parcel = &host->parcel;

	*offer = (struct message_offer){
		.deployment = bytes_of(parcel->deployment),
		.name = bytes_of(parcel->artifact_name),
		.digest = parcel->digest,
		.size = parcel->size,
		.unpacked = parcel->unpacked,
		.flags = (uint8_t)((host->options->stage ? MESSAGE_OFFER_STAGE : 0)
			| (parcel->attempt > 1 ? MESSAGE_OFFER_RETRY : 0)),
	};
}

static bool choose_errand(
	struct deliver_host *host, struct visit_errand *errand, struct error *err)
{
	bool found = false;

	host->unfetched = false;
	if (host->options->identify) {
		*errand = (struct visit_errand){.identify = host->chosen};
		return true;
	}
	if (!host->chosen || !may_serve(host)) {
		*errand = (struct visit_errand){0};
		return true;
	}
	if (!find_parcel(host, &found, err))
		return false;
	host->unfetched = found && host->parcel.state == PARCEL_WANTED;
	*errand = (struct visit_errand){.has_offer = found && !host->unfetched};
	if (errand->has_offer)
		describe_offer(host, &errand->offer);
	return true;
}

static bool met(void *self, const struct visit_peer *peer, struct visit_errand *errand,
	struct error *err)
{
	struct deliver_host *const host = self;
	char id[CERTIFICATE_ID_MAX + 1] = "";

	store_device_free(&host->device);
	if (!name_device(host, peer, id, err) || !remember(host, peer, id, err))
		return false;
	host->met = true;
	host->chosen = is_chosen(host, err);
	return choose_errand(host, errand, err);
}

/* ---- receipts ---- */

static bool lacks(void *self, uint64_t sequence)
{
	struct deliver_host *const host = self;
	struct error err = {0};
	bool has = false;

	return store_has_receipt(host->store, host->device.id, sequence, &has, &err) && !has;
}

static bool digests_match(
	const struct receipt *receipt, const struct message_receipt *message, struct error *err)
{
	struct digest log, inventory;

	if (!crypto_sha256(message->log, &log, err)
		|| !crypto_sha256(message->inventory, &inventory, err))
		return false;
	if (receipt->sequence != message->sequence || !digest_equal(&log, &receipt->log)
		|| !digest_equal(&inventory, &receipt->inventory))
		return error_set(err, ERROR_SIGNATURE,
			"receipt %llu does not belong to what came with it",
			(unsigned long long)message->sequence);
	return true;
}

static bool fill_receipt(const struct deliver_host *host, const struct message_receipt *message,
	struct store_receipt *out, struct error *err)
{
	memcpy(out->device, host->device.id, sizeof(out->device));
	out->sequence = message->sequence;
	out->verified = host->device.certified;
	return buf_append(&out->envelope, message->envelope, err)
		&& buf_append(&out->log, message->log, err)
		&& buf_append(&out->inventory, message->inventory, err);
}

/* Does RECEIPT end what we brought? */
static bool is_errand(const struct deliver_host *host, const struct receipt *receipt)
{
	return host->parcel.device[0] != 0
		&& strcmp(host->parcel.deployment, receipt->deployment) == 0
		&& (!host->parcel.has_digest
			|| digest_equal(&host->parcel.digest, &receipt->digest));
}

static bool has_parcel(
	struct deliver_host *host, const struct receipt *receipt, bool *has, struct error *err)
{
	CLEANUP(store_parcel_free) struct store_parcel parcel = {0};

	return store_get_parcel(
		host->store, host->device.id, receipt->deployment, &parcel, has, err);
}

static bool keep(
	void *self, const struct message_receipt *message, bool *final, struct error *err)
{
	struct deliver_host *const host = self;
	CLEANUP(store_receipt_free) struct store_receipt kept = {0};
	struct receipt receipt;
	bool moves = false;

	if (!receipt_open(message->envelope, host->key, &receipt, err)
		|| !digests_match(&receipt, message, err)
		|| !fill_receipt(host, message, &kept, err)
		|| !has_parcel(host, &receipt, &moves, err)
		|| !store_put_receipt(host->store, &kept, receipt.deployment, moves,
			outcome_terminal(receipt.outcome) ? PARCEL_OUTCOME : PARCEL_IN_PLACE,
			err))
		return false;
	host->collected++;
	*final = is_errand(host, &receipt) && outcome_terminal(receipt.outcome);
	if (is_errand(host, &receipt)) {
		host->outcome = receipt;
		host->has_outcome = true;
	}
	return true;
}

/* ---- the artifact ---- */

static bool open_reader(struct deliver_host *host, struct error *err)
{
	char name[STORE_BLOB_NAME_MAX];

	if (host->reader != NULL)
		return true;
	store_blob_name(host->device.server, host->parcel.artifact_id, name);
	return store_reader_open(host->store, name, &host->reader, err);
}

static bool note_taken(struct deliver_host *host, struct error *err)
{
	if (host->taken)
		return true;
	host->taken = store_move_parcel(
		host->store, host->device.id, host->parcel.deployment, PARCEL_TAKEN, NULL, err);
	return host->taken;
}

static bool read_object(void *self, enum message_object object, uint64_t offset, uint8_t *at,
	size_t len, struct error *err)
{
	struct deliver_host *const host = self;

	if (object != MESSAGE_ARTIFACT)
		return error_set(
			err, ERROR_MALFORMED, "it asks for metadata, and there is none");
	return open_reader(host, err) && note_taken(host, err)
		&& store_reader_at(host->reader, offset, at, len, err);
}

static void progress(
	void *self, const struct message_state *state, uint64_t sent, uint64_t size)
{
	struct deliver_host *const host = self;

	if (sent > host->sent)
		host->sent = sent;
	host->show(host, message_phase_text(state->phase), sent, size);
}

/* ---- its life ---- */

struct visit_courier_host deliver_host_of(struct deliver_host *host)
{
	return (struct visit_courier_host){
		.self = host,
		.met = met,
		.lacks = lacks,
		.keep = keep,
		.read = read_object,
		.progress = progress,
	};
}

void deliver_host_done(struct deliver_host *host)
{
	store_device_free(&host->device);
	store_parcel_free(&host->parcel);
	crypto_public_free(host->key);
	inventory_free(&host->inventory);
	store_reader_close(host->reader);
}

/* A new chain for the device at the other end goes with HELLO: it is found by the id
 * its certificate has, or, before it has one, by its key. */
static const struct control_device *chain_for(
	const struct deliver_host *host, const struct session *session)
{
	const struct control *const control = &host->papers->control;
	CLEANUP(crypto_public_cleanup) struct crypto_public *key = NULL;
	struct digest fingerprint, own;
	struct error err = {0};
	bool certified = false;
	const struct certificate *const peer = session_peer(session, &certified);

	if (peer == NULL || !certificate_public(peer, &key, &err)
		|| !crypto_public_fingerprint(key, &fingerprint, &err))
		return NULL;
	for (size_t i = 0; i < control->device_count; i++) {
		CLEANUP(certificate_cleanup) struct certificate *chain = NULL;
		CLEANUP(crypto_public_cleanup) struct crypto_public *new_key = NULL;

		if (control->devices[i].chain != NULL
			&& certificate_parse(bytes_of(control->devices[i].chain), &chain, &err)
			&& certificate_public(chain, &new_key, &err)
			&& crypto_public_fingerprint(new_key, &own, &err)
			&& digest_equal(&own, &fingerprint))
			return &control->devices[i];
	}
	return NULL;
}

struct message_hello deliver_hello(
	const struct deliver_host *host, const struct session *session)
{
	const struct control_device *const known = chain_for(host, session);

	return (struct message_hello){
		.version = MESSAGE_VERSION,
		.software = bytes_of("courier " COURIER_VERSION),
		.crl = bytes_of(host->papers->control.crl),
		.chain = known != NULL ? bytes_of(known->chain) : (struct bytes){NULL, 0},
	};
}
