/* enroll --pending: review what couriers met, and accept some of it. */
#include <stdlib.h>
#include <string.h>

#include "courier/admin/cmd_enroll.h"
#include "courier/admin/meeting.h"

/* A courier and its bundle. */
struct carrier {
	struct courier_record record;
	struct control control;
	bool changed;
};

struct review {
	struct enroll *enroll;
	struct carrier *carriers;
	size_t carrier_count;
	struct meetings meetings;
	struct crypto_key *courier_issuer, *device_issuer;
};

static void review_done(struct review *review)
{
	for (size_t i = 0; i < review->carrier_count; i++) {
		courier_record_free(&review->carriers[i].record);
		control_free(&review->carriers[i].control);
	}
	free(review->carriers);
	meetings_free(&review->meetings);
	crypto_key_free(review->courier_issuer);
	crypto_key_free(review->device_issuer);
}

/* ---- gathering ---- */

static bool add_carrier(struct review *review, const char *id, struct error *err)
{
	struct carrier *const carrier = &review->carriers[review->carrier_count];
	const struct authority *const authority = &review->enroll->authority;

	review->carrier_count++;
	return courier_record_need(authority, id, &carrier->record, err)
		&& bundle_read(authority, &carrier->record, &carrier->control, err);
}

static bool add_carriers(struct review *review, struct error *err)
{
	const struct enroll *const enroll = review->enroll;
	const char *const only = enroll->options->courier;

	review->carriers = calloc(enroll->keys.count + 1, sizeof(*review->carriers));
	if (review->carriers == NULL)
		return error_errno(err, "cannot allocate");
	if (only != NULL)
		return add_carrier(review, only, err);
	for (size_t i = 0; i < enroll->keys.count; i++)
		if (!add_carrier(review, enroll->keys.at[i].courier, err))
			return false;
	return true;
}

static bool gather(struct review *review, struct error *err)
{
	struct enroll *const enroll = review->enroll;

	if (!add_carriers(review, err)
		|| !enrol_open(&enroll->options->access, &enroll->admin, err)
		|| !enrol_devices_read(enroll->admin, &enroll->devices, err))
		return false;
	output_trace(
		&enroll->call->output, "the server has %zu devices", enroll->devices.count);
	for (size_t i = 0; i < review->carrier_count; i++)
		if (!meetings_add(&review->meetings, &enroll->call->output, &enroll->authority,
			    &review->carriers[i].record, &review->carriers[i].control,
			    enroll->admin, &enroll->devices, &enroll->keys, err))
			return false;
	meetings_sift(&review->meetings);
	return true;
}

/* Keys that couriers showed but no statement explains. */
static bool show_unexplained(const struct review *review, struct error *err)
{
	const struct enrol_devices *const devices = &review->enroll->devices;

	for (size_t i = 0; i < devices->count; i++) {
		const struct admin_device *const device = &devices->at[i];
		bool explained = false;

		for (size_t j = 0; j < review->meetings.count; j++)
			explained = explained || review->meetings.at[j].device == device;
		for (size_t j = 0; !explained && j < review->carrier_count; j++) {
			const struct courier_record *const record = &review->carriers[j].record;
			const struct admin_set *const set
				= admin_device_set(device, &record->server);

			if (set != NULL && set->status == ADMIN_PENDING)
				output_say(&review->enroll->call->output,
					"%s asked to speak for %s, but nobody enrolled it and "
					"no "
					"identity statement came with it",
					record->id, device->id_data);
		}
	}
	(void)err;
	return true;
}

/* ---- choosing ---- */

static bool choose(const struct review *review, bool *chosen, struct error *err)
{
	const struct enroll_options *const options = review->enroll->options;
	const struct meetings *const meetings = &review->meetings;
	size_t index = 0;

	for (size_t i = 0; i < options->accept.count; i++) {
		if (!meetings_find(meetings, options->accept.at[i], &index, err))
			return false;
		if (options->id == NULL && meetings->at[index].id[0] == 0)
			return error_set(err, ERROR_USAGE,
				"%s has no id yet: accept it alone, with --id ID",
				options->accept.at[i]);
		chosen[index] = true;
	}
	for (size_t i = 0; options->all && i < meetings->count; i++)
		chosen[i] = chosen[i] || (meetings->at[i].id[0] != 0 && !meetings->at[i].rival);
	return true;
}

/* ---- accepting ---- */

static struct carrier *carrier_of(const struct review *review, const struct meeting *meeting)
{
	for (size_t i = 0; i < review->carrier_count; i++)
		if (strcmp(review->carriers[i].record.id, meeting->courier) == 0)
			return &review->carriers[i];
	return NULL;
}

/* The name it gets: what was said, or what is known. */
static bool describe(const struct review *review, const struct meeting *meeting,
	const struct control_device *listed, struct device_record *record, struct error *err)
{
	const struct enroll_options *const options = review->enroll->options;
	const char *const id = options->id != NULL ? options->id : meeting->id;
	const char *const group = options->group != NULL ? options->group
		: listed != NULL                         ? listed->group
							 : NULL;

	if (!certificate_id_valid(id) || strcmp(id, CERTIFICATE_UNCERTIFIED) == 0)
		return error_set(err, ERROR_USAGE, "%s: no id", id);
	if (listed != NULL && strcmp(listed->id, id) != 0)
		return error_set(
			err, ERROR_USAGE, "that identity is called %s already", listed->id);
	memcpy(record->id, id, strlen(id) + 1);
	if (group != NULL)
		(void)snprintf(record->group, sizeof(record->group), "%s", group);
	record->identity = strdup(meeting->request.statement.identity);
	return record->identity != NULL || error_errno(err, "cannot allocate");
}

/* Into the bundle: served at once, and given its certificate on that visit. */
static bool list(struct carrier *carrier, const struct enroll_options *options,
	const struct meeting *meeting, struct device_record *record, struct error *err)
{
	struct control_device *listed = bundle_find(&carrier->control, record->identity);
	const char *chain = NULL;
	bool *const changed = &carrier->changed;

	if (listed == NULL
		&& !bundle_add(&carrier->control, record->id, record->identity, &listed, err))
		return false;
	*changed = true;
	listed->first_visit = true;
	return buf_text(&record->chain, &chain, err)
		&& bundle_set(&listed->chain, chain, changed, err)
		&& bundle_set(&listed->device_type, meeting->request.statement.device_type,
			changed, err)
		&& bundle_set(&listed->group, record->group[0] == 0 ? NULL : record->group,
			changed, err)
		&& (options->label == NULL
			|| bundle_set(&listed->label, options->label, changed, err))
		&& (options->site == NULL
			|| bundle_set(&listed->site, options->site, changed, err));
}

static bool accept_one(struct review *review, const struct meeting *meeting, struct error *err)
{
	struct enroll *const enroll = review->enroll;
	struct carrier *const carrier = carrier_of(review, meeting);
	CLEANUP(device_record_free) struct device_record record = {0};
	struct enrol_result result;

	return describe(review, meeting,
		       bundle_find(&carrier->control, meeting->request.statement.identity),
		       &record, err)
		&& device_record_certify(&enroll->authority, review->device_issuer,
			meeting->request.key, enroll->options->days, enroll->options->replace,
			&record, err)
		&& enrol_delegate(enroll->admin, record.identity, meeting->device,
			&carrier->record, &enroll->keys, &result, err)
		&& list(carrier, enroll->options, meeting, &record, err)
		&& enroll_show(enroll, record.id, record.identity, &result, err);
}

static bool accept_chosen(struct review *review, const bool *chosen, struct error *err)
{
	for (size_t i = 0; i < review->meetings.count; i++) {
		const struct meeting *const meeting = &review->meetings.at[i];
		struct error why = {0};

		if (chosen[i] && !accept_one(review, meeting, &why)
			&& !enroll_go_on(review->enroll, meeting->key,
				meeting->request.statement.identity, &why, err))
			return false;
	}
	return true;
}

static bool write_bundles(struct review *review, struct error *err)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < review->carrier_count; i++) {
		struct carrier *const carrier = &review->carriers[i];

		if (carrier->changed
			&& (!bundle_write(&review->enroll->authority, &carrier->record,
				    &carrier->control, review->courier_issuer, path, err)
				|| !enroll_hand_over(
					review->enroll, &carrier->control, path, err)))
			return false;
	}
	return true;
}

static bool accept_all(struct review *review, const bool *chosen, struct error *err)
{
	struct enroll *const enroll = review->enroll;
	struct error ended = {0};

	if (!authority_issuer_key(&enroll->authority, CERTIFICATE_DEVICE, &enroll->call->unlock,
		    &review->device_issuer, err)
		|| !authority_issuer_key(&enroll->authority, CERTIFICATE_COURIER,
			&enroll->call->unlock, &review->courier_issuer, err))
		return false;

	/* Whatever was accepted before the server went away goes into the bundles. */
	const bool done = accept_chosen(review, chosen, &ended);

	return write_bundles(review, err)
		&& (done || error_set(err, ended.code, "%s", ended.text));
}

/* ---- the command ---- */

static bool show(const struct review *review, struct error *err)
{
	for (size_t i = 0; i < review->meetings.count; i++)
		if (!meeting_show(&review->meetings.at[i], &review->enroll->call->output, err))
			return false;
	return show_unexplained(review, err)
		&& (review->meetings.count > 0
			|| error_set(err, ERROR_NOTHING, "nothing is pending"));
}

static void chosen_cleanup(bool **chosen)
{
	free(*chosen);
}

bool enroll_pending(struct enroll *enroll, struct error *err)
{
	CLEANUP(review_done) struct review review = {.enroll = enroll};
	CLEANUP(chosen_cleanup) bool *chosen = NULL;
	const struct enroll_options *const options = enroll->options;

	if (!gather(&review, err))
		return false;
	if (options->accept.count == 0 && !options->all)
		return show(&review, err);
	chosen = calloc(review.meetings.count + 1, sizeof(*chosen));
	if (chosen == NULL)
		return error_errno(err, "cannot allocate");
	if (!choose(&review, chosen, err))
		return false;
	for (size_t i = 0; i < review.meetings.count; i++)
		if (chosen[i])
			return accept_all(&review, chosen, err);
	return error_set(err, ERROR_NOTHING,
		"nothing to accept: what is pending has no id yet, or was met twice");
}
