#include <stdlib.h>
#include <string.h>

#include "common/plan.h"
#include "courier/artifact_facts.h"
#include "courier/output.h"
#include "courier/rehearsal.h"

enum {
	BAUD_DEFAULT = 115200,
	BITS_PER_BYTE = 10, /* start, eight, stop */
	EFFICIENCY = 95,    /* percent of the line's bytes that are the artifact's */
};

static void block(struct rehearsal *rehearsal, const struct error *why)
{
	if (rehearsal->blocker_count == REHEARSAL_BLOCKERS_MAX)
		return;

	struct rehearsal_blocker *const blocker
		= &rehearsal->blockers[rehearsal->blocker_count++];

	blocker->code = why->code;
	memcpy(blocker->why, why->text, sizeof(blocker->why));
}

/* ---- the wire ---- */

static uint64_t slowest_baud(const struct settings *settings)
{
	uint64_t slowest = 0;

	for (size_t i = 0; i < settings->link_count; i++) {
		const char *const comma = strrchr(settings->links[i], ',');
		const uint64_t baud
			= comma == NULL ? BAUD_DEFAULT : strtoull(comma + 1, NULL, 10);

		if (baud > 0 && (slowest == 0 || baud < slowest))
			slowest = baud;
	}
	return slowest == 0 ? BAUD_DEFAULT : slowest;
}

static int64_t wire_seconds(const struct settings *settings, uint64_t size)
{
	const uint64_t rate = slowest_baud(settings) * EFFICIENCY / 100 / BITS_PER_BYTE;

	return (int64_t)((size + rate - 1) / rate);
}

/* ---- our own papers ---- */

static void judge_time(const struct certificate_holder *us, const struct trip_device *trip,
	int64_t date, struct rehearsal *out)
{
	struct error why = {0};
	char end[32];

	output_time(us->not_after, end);
	if (us->not_after < date)
		(void)error_set(&why, ERROR_EXPIRED, "our certificate ends %s", end);
	else if (trip->has_inventory && trip->inventory.time.floor > us->not_after)
		(void)error_set(&why, ERROR_EXPIRED,
			"our certificate ends %s, and the device knows that it is later", end);
	if (why.code != ERROR_NONE)
		block(out, &why);
}

void rehearsal_papers_done(struct rehearsal_papers *papers)
{
	mandate_close_kept(&papers->kept);
}

bool rehearsal_read_papers(struct store *store, const struct settings *settings,
	const struct control *control, struct rehearsal_papers *out, struct error *err)
{
	CLEANUP(certificate_cleanup) struct certificate *chain = NULL;
	CLEANUP(certificate_crl_cleanup) struct certificate_crl *crl = NULL;
	struct rehearsal_papers made = {.revoked = false};

	if (!certificate_parse(bytes_of(control->chain), &chain, err)
		|| !certificate_holder(chain, &made.us, err)
		|| !certificate_crl_parse(bytes_of(control->crl), bytes_of(control->chain),
			bytes_of(control->root), &crl, err))
		return false;
	made.revoked = certificate_crl_revokes(crl, chain);
	if (!mandate_open_kept(store, settings, &made.kept, err))
		return false;
	*out = made;
	return true;
}

static void judge_us(const struct rehearsal_papers *papers, const struct trip_device *trip,
	int64_t date, struct rehearsal *out)
{
	const char *const group = trip->device->group;
	struct error why = {0};

	out->until = papers->us.not_after;
	judge_time(&papers->us, trip, date, out);
	if (papers->revoked && !error_set(&why, ERROR_UNAUTHORISED, "this courier is revoked"))
		block(out, &why);
	if (group != NULL && !certificate_in_group(&papers->us, group)
		&& !error_set(&why, ERROR_UNAUTHORISED,
			"the device is of group %s, our certificate is not", group))
		block(out, &why);
}

/* ---- the device's decision ---- */

/* Of a device that was never visited only its type is known. */
static void judge_type(
	const struct trip_device *trip, const struct artifact *artifact, struct rehearsal *out)
{
	const char *const type = trip->device->device_type;
	bool fits = type == NULL;
	struct error why = {0};

	for (size_t i = 0; i < artifact->depends.count; i++)
		fits |= strcmp(artifact->depends.at[i].name, "device_type") == 0 && type != NULL
			&& strcmp(artifact->depends.at[i].value, type) == 0;
	if (!fits
		&& !error_set(&why, ERROR_WRONG_DEVICE, "%s is not for devices of type %s",
			artifact->name, type))
		block(out, &why);
}

static bool judge_artifact(
	const struct trip_device *trip, struct rehearsal *out, struct error *err)
{
	CLEANUP(artifact_free) struct artifact artifact = {0};
	struct error why = {0};

	if (trip->parcel.facts == NULL)
		return error_set(err, ERROR_DAMAGED, "%s: %s has no facts", trip->device->id,
			trip->parcel.deployment);
	if (!artifact_facts_parse(trip->parcel.facts, &artifact, err))
		return false;
	out->rehearsed = trip->has_inventory;
	if (!trip->has_inventory) {
		judge_type(trip, &artifact, out);
		return true;
	}
	if (!plan_permits(&trip->inventory, &artifact, &why))
		block(out, &why);
	if (why.code != ERROR_NONE && why.code != ERROR_SPACE
		&& !plan_space(&trip->inventory, artifact.size, artifact.payload_size, &why))
		block(out, &why);
	return true;
}

/* ---- repositories ---- */

static void limit(
	const struct mandate *mandate, const struct settings *settings, struct rehearsal *out)
{
	if (mandate->until == 0 || mandate->until >= out->until)
		return;
	out->until = mandate->until;
	out->repository = settings->repositories[mandate->source].name;
	memcpy(out->limit, mandate->role, sizeof(out->limit));
}

static void judge_mandate_time(const struct mandate *mandate, const struct settings *settings,
	int64_t date, struct rehearsal *out)
{
	struct error why = {0};
	char end[32];

	output_time(mandate->until, end);
	if (mandate->until != 0 && mandate->until <= date
		&& !error_set(&why, ERROR_EXPIRED, "%s of repository %s ends %s", mandate->role,
			settings->repositories[mandate->source].name, end))
		block(out, &why);
}

/* The device's own judgement, of what it would be brought. */
static bool rehearse_mandate(const struct rehearsal_papers *papers,
	const struct trip_device *trip, int64_t date, struct mandate *mandate,
	struct error *err)
{
	const struct inventory_tuf *const known = &trip->inventory.tuf;
	const bool has_said = trip_tuf(trip) == TRIP_TUF_DEMANDED;
	const struct mandate_rehearsal rehearsal = {
		.device = trip->device->id,
		.device_type = trip_device_type(trip),
		.deployment = trip->parcel.deployment,
		.digest = &trip->parcel.digest,
		.size = trip->parcel.size,
		.directed = has_said ? known->directed : mandate->is_directed,
		.sequence = known->sequence,
		.seen = {[TUF_ROOT] = known->root,
			[TUF_TIMESTAMP] = known->timestamp,
			[TUF_SNAPSHOT] = known->snapshot,
			[TUF_TARGETS] = known->targets},
		.date = date,
	};

	return !trip->parcel.has_digest || mandate->why.code != ERROR_NONE
		|| mandate_rehearse(papers->kept.at[mandate->source], &rehearsal, mandate, err);
}

/* One expired role is said once, by the name that people know. */
static void block_mandate(const struct mandate *mandate, const struct settings *settings,
	int64_t date, struct rehearsal *out)
{
	judge_mandate_time(mandate, settings, date, out);
	if (mandate->why.code != ERROR_NONE
		&& (mandate->why.code != ERROR_EXPIRED || mandate->until > date))
		block(out, &mandate->why);
	limit(mandate, settings, out);
	out->is_vouched = mandate->why.code == ERROR_NONE;
}

static void block_unvouched(const struct rehearsal_papers *papers,
	const struct trip_device *trip, struct rehearsal *out)
{
	struct error why = papers->kept.why;

	if (trip_tuf(trip) != TRIP_TUF_DEMANDED && why.code == ERROR_NONE)
		return;
	if (why.code == ERROR_NONE)
		(void)error_set(&why, ERROR_CONTACT,
			"the device installs only what its repository %s, and %s",
			trip->inventory.tuf.directed ? "directs it to" : "vouches for",
			papers->kept.count == 0
				? "courier.conf has no section [repository NAME]"
				: "no repository speaks of this: have the operator publish a "
				  "direction, then sync");
	block(out, &why);
}

static bool judge_mandate(const struct rehearsal_papers *papers,
	const struct settings *settings, const struct trip_device *trip, int64_t date,
	struct rehearsal *out, struct error *err)
{
	const struct mandate_sources sources = mandate_sources_kept(&papers->kept);
	struct mandate mandate;

	if (trip_tuf(trip) == TRIP_TUF_IGNORED)
		return true;
	if (!mandate_for(&sources, trip, &mandate, err))
		return false;
	if (!mandate.found) {
		block_unvouched(papers, trip, out);
		return true;
	}
	if (!rehearse_mandate(papers, trip, date, &mandate, err))
		return false;
	block_mandate(&mandate, settings, date, out);
	return true;
}

static void block_unfetched(const struct trip_device *trip, struct rehearsal *out)
{
	struct error why = {0};

	(void)error_set(&why, ERROR_FAILED, "not fetched: %s",
		trip->parcel.reason == NULL ? "sync" : trip->parcel.reason);
	block(out, &why);
}

bool rehearsal_make(const struct rehearsal_papers *papers, const struct settings *settings,
	const struct trip_device *trip, int64_t date, struct rehearsal *out, struct error *err)
{
	struct rehearsal made = {0};
	const bool is_open = trip->has_parcel && trip->parcel.state < PARCEL_ANSWERED;

	if (is_open) {
		made.deliverable = true;
		made.wire_s = wire_seconds(settings, trip->parcel.size);
		judge_us(papers, trip, date, &made);
		if (trip->parcel.state != PARCEL_INSTALLED
			&& !judge_mandate(papers, settings, trip, date, &made, err))
			return false;
		if (trip->parcel.state == PARCEL_WANTED)
			block_unfetched(trip, &made);
		else if (trip->parcel.state != PARCEL_INSTALLED
			&& !judge_artifact(trip, &made, err))
			return false;
	}
	*out = made;
	return true;
}
