#include <string.h>

#include "common/text.h"
#include "courier/deliver_host.h"
#include "courier/mandate.h"

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

/* Does RECEIPT end what we brought? */
static bool is_errand(const struct deliver_host *host, const struct receipt *receipt)
{
	return host->parcel.device[0] != 0
		&& strcmp(host->parcel.deployment, receipt->deployment) == 0
		&& (!host->parcel.has_digest
			|| digest_equal(&host->parcel.digest, &receipt->digest));
}

/* For store_each_receipt(): how did the errand end? */
struct verdict {
	const struct deliver_host *host;
	bool confirmed;
};

static bool weigh(void *self, const struct store_receipt *kept, struct error *err)
{
	struct verdict *const verdict = self;
	struct receipt receipt;
	struct error foreign = {0}; /* of a former key, perhaps: says nothing of today */

	(void)err;
	if (receipt_open(buf_bytes(&kept->envelope), verdict->host->key, &receipt, &foreign)
		&& is_errand(verdict->host, &receipt) && outcome_terminal(receipt.outcome))
		verdict->confirmed = receipt.outcome == OUTCOME_CONFIRMED;
	return true;
}

/* The errand has its answer.  *AGAIN: it was a failure, of a former run, and the person
 * wants it tried again. */
static bool try_again(struct deliver_host *host, bool *again, struct error *err)
{
	struct verdict verdict = {.host = host};
	struct store_parcel *const parcel = &host->parcel;
	CLEANUP(store_parcel_free) struct store_parcel answered = {0};

	*again = false;
	if (!host->options->retry || host->retried || host->has_outcome)
		return true;
	if (!store_each_receipt(host->store, host->device.id, false, weigh, &verdict, err))
		return false;
	if (verdict.confirmed)
		return true;
	answered = *parcel;
	*parcel = (struct store_parcel){0};
	host->retried = true;
	return store_move_parcel(host->store, answered.device, answered.deployment,
		       PARCEL_RETRIED, "retried on site", err)
		&& store_get_parcel(
			host->store, answered.device, answered.deployment, parcel, again, err);
}

static bool find_parcel(struct deliver_host *host, bool *found, struct error *err)
{
	store_parcel_free(&host->parcel);
	*found = false;
	if (!store_open_parcel(host->store, host->device.id, &host->parcel, found, err))
		return false;
	return !*found || host->parcel.state != PARCEL_ANSWERED || try_again(host, found, err);
}

/* Put together anew for every conversation: as long as it is the same it has the same
 * digest. */
static bool find_metadata(struct deliver_host *host, struct error *err)
{
	const struct trip_device trip = {
		.device = &host->device,
		.has_inventory = true,
		.inventory = host->inventory,
		.has_parcel = true,
		.parcel = host->parcel,
	};

	buf_free(&host->metadata);
	return trip_tuf(&trip) != TRIP_TUF_DEMANDED
		|| mandate_bring(host->store, host->settings, &trip, &host->metadata, err);
}

static bool describe_offer(
	struct deliver_host *host, struct message_offer *offer, struct error *err)
{
	const struct store_parcel *const parcel = &host->parcel;
	struct digest metadata = {{0}};

	if (!find_metadata(host, err)
		|| (host->metadata.len > 0
			&& !crypto_sha256(buf_bytes(&host->metadata), &metadata, err)))
		return false;
	*offer = (struct message_offer){
		.deployment = bytes_of(parcel->deployment),
		.name = bytes_of(parcel->artifact_name),
		.digest = parcel->digest,
		.size = parcel->size,
		.unpacked = parcel->unpacked,
		.metadata_size = host->metadata.len,
		.metadata_digest = metadata,
		.flags = (uint8_t)((host->options->stage ? MESSAGE_OFFER_STAGE : 0)
			| (parcel->attempt > 1 ? MESSAGE_OFFER_RETRY : 0)),
	};
	return true;
}

static bool choose_errand(
	struct deliver_host *host, struct visit_errand *errand, struct error *err)
{
	bool found = false;

	host->unfetched = false;
	host->passed = !host->chosen ? "not asked for"
		: host->options->identify || may_serve(host)
		? NULL
		: "not one of this courier's devices: the operator enrolls it";
	if (host->passed != NULL || host->options->identify) {
		*errand = (struct visit_errand){.identify = host->passed == NULL};
		return true;
	}
	if (!find_parcel(host, &found, err))
		return false;
	host->unfetched = found && host->parcel.state == PARCEL_WANTED;
	*errand = (struct visit_errand){.has_offer = found && !host->unfetched};
	return !errand->has_offer || describe_offer(host, &errand->offer, err);
}

static bool met(void *self, const struct visit_peer *peer, struct visit_errand *errand,
	struct error *err)
{
	struct deliver_host *const host = self;

	host->accepted = true;
	if (!deliver_who(host, peer, err))
		return false;
	host->met = true;
	host->chosen = is_chosen(host, err);
	return choose_errand(host, errand, err);
}

/* ---- receipts ---- */

/* One that came before the device was certified counts once it comes again. */
static bool lacks(void *self, uint64_t sequence)
{
	struct deliver_host *const host = self;
	bool (*const ask)(struct store *, const char *, uint64_t, bool *, struct error *)
		= host->device.certified ? store_has_verified_receipt : store_has_receipt;
	struct error err = {0};
	bool has = false;

	return ask(host->store, host->device.id, host->device.former + sequence, &has, &err)
		&& !has;
}

/* A device may withhold what its site no longer lets out, but not give another. */
static bool comes_with(
	const struct digest *digest, struct bytes bytes, bool *fits, struct error *err)
{
	struct digest own;

	if (!crypto_sha256(bytes, &own, err))
		return false;
	*fits = bytes.len == 0 || digest_equal(&own, digest);
	return true;
}

static bool digests_match(
	const struct receipt *receipt, const struct message_receipt *message, struct error *err)
{
	bool log = false, inventory = false;

	if (!comes_with(&receipt->log, message->log, &log, err)
		|| !comes_with(&receipt->inventory, message->inventory, &inventory, err))
		return false;
	if (receipt->sequence != message->sequence || !log || !inventory)
		return error_set(err, ERROR_SIGNATURE,
			"receipt %llu does not belong to what came with it",
			(unsigned long long)message->sequence);
	return true;
}

static bool fill_receipt(const struct deliver_host *host, const struct message_receipt *message,
	const struct deliver_signer *signer, struct store_receipt *out, struct error *err)
{
	memcpy(out->device, host->device.id, sizeof(out->device));
	out->sequence = host->device.former + message->sequence;
	out->verified = host->device.certified && signer->key != NULL;
	return (signer->pem == NULL || text_set(&out->key_pem, signer->pem, err))
		&& buf_append(&out->envelope, message->envelope, err)
		&& buf_append(&out->log, message->log, err)
		&& buf_append(&out->inventory, message->inventory, err);
}

/* Is there a parcel that RECEIPT answers?  The same deployment with another artifact is
 * not what is wanted now. */
static bool has_parcel(
	struct deliver_host *host, const struct receipt *receipt, bool *has, struct error *err)
{
	CLEANUP(store_parcel_free) struct store_parcel parcel = {0};
	bool found = false;

	if (!store_get_parcel(
		    host->store, host->device.id, receipt->deployment, &parcel, &found, err))
		return false;
	*has = found && (!parcel.has_digest || digest_equal(&parcel.digest, &receipt->digest));
	return true;
}

/* Of a key that is not known here, or not what that key signed: kept as evidence, which the
 * operator may judge.  It ends nothing, and the visit goes on. */
static bool keep_foreign(
	struct deliver_host *host, const struct message_receipt *message, struct error *err)
{
	static const struct deliver_signer nobody = {0};
	CLEANUP(store_receipt_free) struct store_receipt kept = {0};

	if (!fill_receipt(host, message, &nobody, &kept, err)
		|| !store_put_receipt(host->store, &kept, "", false, PARCEL_OUTCOME, err))
		return false;
	host->collected++;
	return true;
}

static bool keep_own(struct deliver_host *host, const struct message_receipt *message,
	const struct deliver_signer *signer, const struct receipt *receipt, struct error *err)
{
	CLEANUP(store_receipt_free) struct store_receipt kept = {0};
	bool moves = false;

	if (!fill_receipt(host, message, signer, &kept, err)
		|| !has_parcel(host, receipt, &moves, err)
		|| !store_put_receipt(host->store, &kept, receipt->deployment, moves,
			outcome_terminal(receipt->outcome) ? PARCEL_OUTCOME : PARCEL_IN_PLACE,
			err))
		return false;
	host->collected++;
	return true;
}

static bool keep(
	void *self, const struct message_receipt *message, bool *final, struct error *err)
{
	struct deliver_host *const host = self;
	CLEANUP(deliver_signer_free) struct deliver_signer signer = {0};
	struct receipt receipt;
	struct error why = {0};

	if (!deliver_signer_find(host, message->envelope, &signer, err))
		return false;

	const bool good = signer.key != NULL
		&& receipt_open(message->envelope, signer.key, &receipt, &why)
		&& digests_match(&receipt, message, &why);

	if (!good && signer.former) {
		*final = false;
		return keep_foreign(host, message, err);
	}
	if (!good) {
		*err = why;
		return false;
	}
	if (!keep_own(host, message, &signer, &receipt, err))
		return false;
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

/* What cannot be read here must be fetched again, which is for sync to do. */
static bool lose_artifact(struct deliver_host *host, struct error *err)
{
	const struct store_parcel *const parcel = &host->parcel;
	char name[STORE_BLOB_NAME_MAX];
	struct error why = {0};

	if (err->code != ERROR_DAMAGED && err->code != ERROR_NOTHING)
		return false;
	store_blob_name(host->device.server, parcel->artifact_id, name);
	if (!store_blob_drop(host->store, name, &why)
		|| !store_move_parcel(host->store, parcel->device, parcel->deployment,
			PARCEL_LOST, "its artifact was damaged in the store", &why))
		return error_while(err, "%s", why.text);
	err->code = ERROR_DAMAGED;
	return error_while(err, "run courier sync, which fetches the artifact again");
}

static bool read_metadata(const struct deliver_host *host, uint64_t offset, uint8_t *at,
	size_t len, struct error *err)
{
	const struct buf *const metadata = &host->metadata;

	if (offset > metadata->len || len > metadata->len - offset)
		return error_set(err, ERROR_MALFORMED, "it asks for metadata beyond their end");
	if (len > 0)
		memcpy(at, metadata->at + offset, len);
	return true;
}

static bool read_object(void *self, enum message_object object, uint64_t offset, uint8_t *at,
	size_t len, struct error *err)
{
	struct deliver_host *const host = self;

	if (object == MESSAGE_METADATA)
		return read_metadata(host, offset, at, len, err);
	if (!open_reader(host, err))
		return lose_artifact(host, err);
	if (!note_taken(host, err))
		return false;
	return store_reader_at(host->reader, offset, at, len, err) || lose_artifact(host, err);
}

static void progress(
	void *self, const struct message_state *state, uint64_t sent, uint64_t size)
{
	struct deliver_host *const host = self;

	host->phase = state->phase;
	if (sent > host->given)
		host->given = sent;
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
	buf_free(&host->metadata);
}
