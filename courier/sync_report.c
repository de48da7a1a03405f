/* Bringing outcomes home: of each deployment the newest terminal receipt, in order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "courier/sync_parts.h"

/* One receipt of the device, read. */
struct entry {
	struct receipt receipt;
	uint64_t sequence; /* in the store */
	bool sent;
};

/* All that count, by sequence. */
struct history {
	const struct sync_talk *talk;
	struct entry *at;
	size_t count, room;
};

static void history_done(struct history *history)
{
	free(history->at);
}

/* With the key the device had then, which may not be the one it has now. */
static bool read_receipt(const struct sync_talk *talk, const struct store_receipt *stored,
	struct receipt *out, struct error *err)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *key = NULL;

	if (stored->key_pem == NULL)
		return talk->key != NULL
			&& receipt_open(buf_bytes(&stored->envelope), talk->key, out, err);
	return crypto_public_parse(bytes_of(stored->key_pem), &key, err)
		&& receipt_open(buf_bytes(&stored->envelope), key, out, err);
}

/* What is not verified proves nothing here: it stays queued until the operator has
 * certified the key. */
static bool remember(void *self, const struct store_receipt *receipt, struct error *err)
{
	struct history *const history = self;
	struct entry entry = {.sequence = receipt->sequence, .sent = receipt->sent};
	struct error ignored = {0};

	if (!receipt->verified
		|| !read_receipt(history->talk, receipt, &entry.receipt, &ignored))
		return true;
	if (history->count == history->room) {
		const size_t room = 2 * history->room + 16;
		struct entry *const at = realloc(history->at, room * sizeof(*at));

		if (at == NULL)
			return error_errno(err, "cannot allocate memory");
		history->at = at;
		history->room = room;
	}
	history->at[history->count++] = entry;
	return true;
}

bool sync_newest(
	const struct sync_talk *talk, struct receipt *out, bool *found, struct error *err)
{
	CLEANUP(history_done) struct history history = {.talk = talk};

	if (!store_each_receipt(
		    talk->sync->store, talk->job->device, false, remember, &history, err))
		return false;
	*found = false;
	for (size_t i = 0; i < history.count; i++) {
		if (!outcome_terminal(history.at[i].receipt.outcome))
			continue;
		*out = history.at[i].receipt;
		*found = true;
	}
	return true;
}

/* ---- one report ---- */

/* The times a device has may all be wrong; the floor never is later than the truth. */
static int64_t best_time(const struct device_time *time)
{
	return time->clock > time->floor ? time->clock : time->floor;
}

static void print_substate(const struct receipt *receipt, char *text, size_t room)
{
	char time[32];

	output_time(best_time(&receipt->time), time);
	(void)snprintf(text, room, "%s %s%s by %s%s%s", outcome_name(receipt->outcome),
		receipt->time.clock < receipt->time.floor ? "after " : "", time,
		receipt->technician, receipt->reason[0] == 0 ? "" : ": ", receipt->reason);
}

struct upload {
	struct sync_talk *talk;
	const struct receipt *receipt;
	uint64_t sequence;    /* of the receipt in the store */
	const char *declined; /* why the server will never take the outcome; NULL: it did */
};

static const char *why_declined(enum error_code code)
{
	return code == ERROR_ABORTED ? "aborted at the server"
		: code == ERROR_GONE ? "the server no longer knows the deployment"
				     : NULL;
}

/* *DECLINED: why the server says that it never will take this; NULL: it took it. */
static bool send_step(struct sync_talk *talk, enum server_step step,
	const struct server_report *report, const char **declined, struct error *err)
{
	const struct server_kind *const kind = talk->server->kind;
	const bool ok = sync_keep_token(
		talk, kind->report(talk->server, &talk->who, step, report, err), err);

	*declined = ok ? NULL : why_declined(err->code);
	return ok || (*declined != NULL && step != SERVER_INVENTORY);
}

/* A "never" may be the mistake of a moment, but with what follows from it the server would
 * fail the deployment: it must have been said twice.  (Not asked by `next`: with the old
 * request a following deployment may end as "already installed".) */
static bool send_declined(struct sync_talk *talk, enum server_step step,
	const struct server_report *report, const char **declined, struct error *err)
{
	const char *again = NULL;

	if (!send_step(talk, step, report, &again, err))
		return false;
	if (again != NULL && strcmp(again, *declined) != 0)
		return error_set(err, ERROR_FAILED,
			"the server contradicts itself (%s; %s): the outcome stays queued",
			*declined, again);
	*declined = again;
	return true;
}

/* Every step in the server's order, then those it declined once more; a deployment that
 * was withdrawn takes no status, but all else. */
static bool send_steps(
	struct upload *upload, const struct server_report *report, struct error *err)
{
	struct sync_talk *const talk = upload->talk;
	const enum server_step *const order = talk->server->kind->report_order;
	const char *declined[SERVER_STEPS_END] = {NULL};

	for (const enum server_step *step = order; *step != SERVER_STEPS_END; step++)
		if (!send_step(talk, *step, report, &declined[*step], err))
			return false;
	for (const enum server_step *step = order; *step != SERVER_STEPS_END; step++) {
		if (declined[*step] != NULL
			&& !send_declined(talk, *step, report, &declined[*step], err))
			return false;
		if (upload->declined == NULL)
			upload->declined = declined[*step];
	}
	return true;
}

/* The parcel whose request must stay known to colleagues, once this is reported. */
static bool find_open(
	const struct upload *upload, struct store_parcel *out, bool *found, struct error *err)
{
	if (!store_open_parcel(
		    upload->talk->sync->store, upload->talk->job->device, out, found, err))
		return false;
	if (*found && strcmp(out->deployment, upload->receipt->deployment) == 0) {
		store_parcel_free(out);
		*found = false;
	}
	return true;
}

static bool send(void *self, const struct store_receipt *stored, struct error *err)
{
	struct upload *const upload = self;
	struct sync_talk *const talk = upload->talk;
	const struct receipt *const receipt = upload->receipt;
	CLEANUP(json_cleanup) struct json *attributes = NULL;
	CLEANUP(artifact_pairs_free) struct artifact_pairs provides = {0};
	CLEANUP(store_parcel_free) struct store_parcel open = {0};
	char substate[STATEMENT_REASON_MAX + CERTIFICATE_NAME_MAX + 80];
	bool has_provides = false, is_open = false;

	if (stored->sequence != upload->sequence)
		return true;
	print_substate(receipt, substate, sizeof(substate));
	if (!sync_provides(talk, receipt, &provides, &has_provides, err)
		|| !find_open(upload, &open, &is_open, err)
		|| !sync_attributes(talk, talk->has_inventory ? &talk->inventory : NULL,
			receipt, is_open ? &open : NULL, &attributes, err))
		return false;

	const struct server_report report = {
		.deployment = receipt->deployment,
		.success = receipt->outcome == OUTCOME_CONFIRMED,
		.substate = substate,
		.log = buf_bytes(&stored->log),
		.receipt = buf_bytes(&stored->envelope),
		.attributes = attributes,
		.provides = has_provides ? &provides : NULL,
		.time = best_time(&receipt->time),
	};

	return send_steps(upload, &report, err);
}

/* ---- and what follows from it ---- */

/* The parcel first: whoever is interrupted here sends the report once more, which
 * servers take. */
static bool close_parcel(struct upload *upload, struct error *err)
{
	struct sync_talk *const talk = upload->talk;
	CLEANUP(store_parcel_free) struct store_parcel parcel = {0};
	bool found = false;

	if (!store_get_parcel(talk->sync->store, talk->job->device, upload->receipt->deployment,
		    &parcel, &found, err))
		return false;
	if (upload->declined != NULL)
		talk->job->result.kept++;
	else
		talk->job->result.reported++;
	talk->job->result.changed = true;
	if (!found || parcel.state < PARCEL_ANSWERED || parcel.state == PARCEL_DROPPED)
		return true;
	if (upload->declined != NULL && parcel.state == PARCEL_REPORTED)
		return true;
	return store_move_parcel(talk->sync->store, talk->job->device,
		upload->receipt->deployment,
		upload->declined != NULL ? PARCEL_DECLINED : PARCEL_UPLOADED, upload->declined,
		err);
}

static bool mark_sent(
	const struct history *history, const struct entry *newest, struct error *err)
{
	const struct sync_talk *const talk = history->talk;

	for (size_t i = 0; i < history->count; i++) {
		const struct entry *const entry = &history->at[i];

		if (entry->sent || entry->sequence > newest->sequence
			|| strcmp(entry->receipt.deployment, newest->receipt.deployment) != 0)
			continue;
		if (!store_receipt_sent(
			    talk->sync->store, talk->job->device, entry->sequence, err))
			return false;
	}
	return true;
}

/* While another attempt is under way, a former failure must not close the deployment. */
static bool may_close(const struct sync_talk *talk, const struct receipt *receipt, bool *may,
	struct error *err)
{
	CLEANUP(store_parcel_free) struct store_parcel parcel = {0};
	bool found = false;

	if (!store_get_parcel(talk->sync->store, talk->job->device, receipt->deployment,
		    &parcel, &found, err))
		return false;
	*may = !found || parcel.state >= PARCEL_ANSWERED;
	return true;
}

static bool report_one(struct sync_talk *talk, const struct history *history,
	const struct entry *entry, struct error *err)
{
	struct upload upload
		= {.talk = talk, .receipt = &entry->receipt, .sequence = entry->sequence};
	bool may = false;

	if (!entry->sent) {
		if (!may_close(talk, &entry->receipt, &may, err))
			return false;
		if (!may)
			return true;
		if (!store_each_receipt(
			    talk->sync->store, talk->job->device, true, send, &upload, err))
			return error_while(err, "outcome of %s", entry->receipt.artifact);
		talk->device.inventory_sent = true;
		if (!close_parcel(&upload, err))
			return false;
	}
	return mark_sent(history, entry, err);
}

/* Is the entry the newest terminal one of its deployment? */
static bool is_last_word(const struct history *history, size_t index)
{
	const struct receipt *const one = &history->at[index].receipt;

	if (!outcome_terminal(one->outcome))
		return false;
	for (size_t i = index + 1; i < history->count; i++)
		if (outcome_terminal(history->at[i].receipt.outcome)
			&& strcmp(history->at[i].receipt.deployment, one->deployment) == 0)
			return false;
	return true;
}

static bool find_unsent(void *self, const struct store_receipt *receipt, struct error *err)
{
	(void)err;
	*(bool *)self |= receipt->verified;
	return true;
}

/* Unless the server must be left alone, what one deployment fails with does not keep
 * the others here. */
static bool goes_on_after(enum error_code code)
{
	return code == ERROR_FAILED || code == ERROR_MALFORMED || code == ERROR_USAGE;
}

/* ---- what was signed before the key was certified ---- */

/* Has the operator certified the key, whether or not the device has heard of it? */
static bool is_certified(const struct sync_talk *talk)
{
	CLEANUP(certificate_cleanup) struct certificate *chain = NULL;
	CLEANUP(crypto_public_cleanup) struct crypto_public *key = NULL;
	const char *const pem = talk->device.chain_pem;
	struct digest certified, own;
	struct error err = {0};

	if (talk->key == NULL || talk->device.certified || pem == NULL)
		return talk->key != NULL && talk->device.certified;
	return certificate_parse(bytes_of(pem), &chain, &err)
		&& certificate_verify(
			chain, bytes_of(talk->sync->control.root), CERTIFICATE_DEVICE, &err)
		&& certificate_public(chain, &key, &err)
		&& crypto_public_fingerprint(key, &certified, &err)
		&& crypto_public_fingerprint(talk->key, &own, &err)
		&& digest_equal(&certified, &own);
}

static bool vouch(void *self, const struct store_receipt *receipt, struct error *err)
{
	const struct sync_talk *const talk = self;
	struct store_receipt vouched = *receipt; /* borrows what RECEIPT owns */
	struct error ignored = {0};
	struct receipt read;

	if (receipt->verified
		|| !receipt_open(buf_bytes(&receipt->envelope), talk->key, &read, &ignored))
		return true;
	vouched.verified = true;
	return store_put_receipt(
		talk->sync->store, &vouched, read.deployment, false, PARCEL_OUTCOME, err);
}

/* ---- all of it ---- */

bool sync_report(struct sync_talk *talk, struct error *err)
{
	CLEANUP(history_done) struct history history = {.talk = talk};
	struct error first = {0};
	bool any = false;

	if ((is_certified(talk)
		    && !store_each_receipt(
			    talk->sync->store, talk->job->device, true, vouch, talk, err))
		|| !store_each_receipt(
			talk->sync->store, talk->job->device, true, find_unsent, &any, err))
		return false;
	if (!any)
		return true;
	if (!store_each_receipt(
		    talk->sync->store, talk->job->device, false, remember, &history, err))
		return false;
	for (size_t i = 0; i < history.count; i++) {
		if (!is_last_word(&history, i)
			|| report_one(talk, &history, &history.at[i], err))
			continue;
		if (!goes_on_after(err->code))
			return false;
		if (first.code == ERROR_NONE)
			first = *err;
	}
	if (first.code == ERROR_NONE)
		return true;
	*err = first;
	return false;
}
