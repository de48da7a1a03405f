/*
 * Metadata beside artifacts: what repositories say of each parcel is fetched with it, and
 * compared with it before anybody sets out.
 *
 * Repositories are refreshed once, first of all.  Then each device has its own search, by
 * the hand that talks for it, through roles that all share.  Last, what was fetched takes
 * the place of what was carried - unless something could not be fetched: then the former
 * stay, which at least hang together, and the next sync goes on from there.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "courier/enrolment.h"
#include "courier/sync_parts.h"
#include "courier/trip.h"

#define CONTROL_PATH "couriers/%s/control"

/* ---- repositories ---- */

static void begin_one(struct sync *sync, size_t i)
{
	struct sync_repository *const one = &sync->repositories[i];
	struct error why = {0};

	if (repository_open(
		    sync->store, &sync->settings->repositories[i], sync->now, &one->at, &why)
		&& repository_refresh(one->at, &why))
		return;
	one->why = why;
	repository_cleanup(&one->at);
}

void sync_repositories_begin(struct sync *sync)
{
	for (size_t i = 0; i < sync->settings->repository_count; i++)
		begin_one(sync, i);
}

void sync_repositories_done(struct sync *sync)
{
	for (size_t i = 0; i < COUNT(sync->repositories); i++)
		repository_cleanup(&sync->repositories[i].at);
}

static bool has_any(const struct sync *sync)
{
	for (size_t i = 0; i < sync->settings->repository_count; i++)
		if (sync->repositories[i].at != NULL)
			return true;
	return false;
}

/* ---- the courier's own bundle ---- */

static bool take_bundle(
	struct sync *sync, struct sync_repository *one, struct bytes bundle, struct error *err)
{
	CLEANUP(control_free) struct control control = {0};
	CLEANUP(buf_free) struct buf former = {0};
	struct enrolment changes = {0};
	bool found = false;

	if (!store_get_paper(sync->store, ENROLMENT_CONTROL, &former, &found, err))
		return false;
	if (found && bytes_equal(buf_bytes(&former), bundle))
		return true;
	if (!enrolment_take(sync->store, sync->settings, bundle, &control, &changes, err))
		/* One that was handed over may be newer than what is published. */
		return err->code == ERROR_ROLLBACK;
	one->control = control.number;
	control_free(&sync->control);
	sync->control = control;
	control = (struct control){0};
	return true;
}

static bool look_for_bundle(struct sync *sync, size_t i, struct error *err)
{
	struct sync_repository *const one = &sync->repositories[i];
	CLEANUP(http_cleanup) struct http *http = NULL;
	CLEANUP(buf_free) struct buf bundle = {0};
	char path[sizeof(CONTROL_PATH) + CERTIFICATE_ID_MAX];
	struct repository_target target;
	bool found = false;

	(void)snprintf(path, sizeof(path), CONTROL_PATH, sync->control.courier);
	if (!repository_find(one->at, path, &target, &found, err))
		return false;
	return !found
		|| (repository_http(&sync->settings->repositories[i], &http, err)
			&& repository_content(one->at, http, &target, CONTROL_MAX, &bundle, err)
			&& take_bundle(sync, one, buf_bytes(&bundle), err));
}

void sync_control(struct sync *sync)
{
	for (size_t i = 0; i < sync->settings->repository_count; i++) {
		struct sync_repository *const one = &sync->repositories[i];
		struct error why = {0};

		if (one->at != NULL && !look_for_bundle(sync, i, &why)) {
			(void)error_while(&why, "control bundle");
			one->why = why;
		}
	}
}

/* ---- one device ---- */

/* The hand's connection to each repository that is to be had. */
static bool connect_hand(struct sync_hand *hand, struct mandate_sources *out,
	struct repository *at[static SETTINGS_REPOSITORIES_MAX], struct error *err)
{
	const struct settings *const settings = hand->sync->settings;

	for (size_t i = 0; i < settings->repository_count; i++) {
		at[i] = hand->sync->repositories[i].at;
		if (at[i] != NULL && hand->http[i] == NULL
			&& !repository_http(&settings->repositories[i], &hand->http[i], err))
			return false;
	}
	*out = (struct mandate_sources){at, hand->http, settings->repository_count};
	return true;
}

static void tell_mandate(struct sync_job *job, const struct mandate *mandate)
{
	char problem[640];

	if (mandate->why.code == ERROR_NONE || job->is_indifferent || job->problem != NULL)
		return;
	(void)snprintf(problem, sizeof(problem),
		"%.400s; the device would refuse it and stays as it is", mandate->why.text);
	sync_problem(job, mandate->why.code, problem);
}

static void note_mandate(struct sync *sync, struct sync_job *job, const struct mandate *mandate)
{
	struct error ignored = {0};

	if (!mandate->found)
		return;
	job->is_vouched = mandate->path[0] != 0 && mandate->why.code == ERROR_NONE;
	job->vouched_digest = mandate->digest;
	job->vouched_size = mandate->size;
	job->result.repository = sync->settings->repositories[mandate->source].name;
	job->result.until = mandate->until;
	tell_mandate(job, mandate);
	job->result.limit = text_set(&job->limit, mandate->role, &ignored) ? job->limit : "";
}

static bool tell_carried(
	struct sync_job *job, const struct store_parcel *parcel, struct error *err)
{
	job->result.carrying = parcel->state != PARCEL_WANTED;
	job->result.size = parcel->size;
	if (!text_set(&job->artifact, parcel->artifact_name, err))
		return false;
	job->result.artifact = job->artifact;
	return true;
}

static bool vouch(struct sync_hand *hand, struct sync_job *job,
	const struct store_device *device, struct error *err)
{
	CLEANUP(trip_device_done) struct trip_device trip = {0};
	struct repository *at[SETTINGS_REPOSITORIES_MAX] = {NULL};
	struct mandate_sources sources;
	struct mandate mandate;

	if (!trip_look(hand->sync->store, device, &trip, err))
		return false;
	if (!trip.has_parcel || trip.parcel.state > PARCEL_OFFERED)
		return true;
	job->is_indifferent = trip_tuf(&trip) == TRIP_TUF_IGNORED;
	if ((hand->sync->options->metadata_only && !tell_carried(job, &trip.parcel, err))
		|| !connect_hand(hand, &sources, at, err)
		|| !mandate_for(&sources, &trip, &mandate, err))
		return false;
	if (!mandate.found && trip_tuf(&trip) == TRIP_TUF_DEMANDED && job->problem == NULL)
		sync_problem(job, ERROR_CONTACT,
			"no repository speaks of it, and the device demands that: have the "
			"operator publish a direction, then sync");
	note_mandate(hand->sync, job, &mandate);
	return true;
}

static bool vouch_for_job(struct sync_hand *hand, struct sync_job *job, struct error *err)
{
	CLEANUP(store_device_free) struct store_device device = {0};
	bool found = false;

	return store_get_device(hand->sync->store, job->device, &device, &found, err)
		&& (!found || vouch(hand, job, &device, err));
}

void sync_vouch(struct sync_hand *hand, struct sync_job *job)
{
	struct error err = {0};

	if (!has_any(hand->sync) || vouch_for_job(hand, job, &err))
		return;
	atomic_store(&hand->sync->lacks_metadata, true);
	if (job->problem == NULL)
		sync_problem(job, err.code, err.text);
}

void sync_compare(struct sync_job *job, const struct digest *digest, uint64_t size)
{
	struct mandate mandate = {
		.found = job->is_vouched,
		.digest = job->vouched_digest,
		.size = job->vouched_size,
	};

	(void)snprintf(mandate.path, sizeof(mandate.path), "%.200s",
		job->artifact == NULL ? "" : job->artifact);
	mandate_compare(&mandate, digest, size);
	tell_mandate(job, &mandate);
}

/* ---- the end ---- */

struct rest {
	struct sync_hand *hand;
};

static bool is_job(const struct sync *sync, const char *device)
{
	for (size_t i = 0; i < sync->job_count; i++)
		if (strcmp(sync->jobs[i].device, device) == 0)
			return true;
	return false;
}

/* Somebody else's parcel: what it needs must not be older than the rest. */
static bool vouch_for_other(void *self, const struct store_parcel *parcel, struct error *err)
{
	const struct rest *const rest = self;
	struct sync_job job = {.wants_fetch = false};

	(void)err;
	if (parcel->state > PARCEL_OFFERED || is_job(rest->hand->sync, parcel->device))
		return true;
	memcpy(job.device, parcel->device, sizeof(job.device));
	sync_vouch(rest->hand, &job);
	sync_job_end(&job);
	return true;
}

static bool is_needed(void *self, const char *name, const char *file)
{
	struct sync *const sync = self;

	for (size_t i = 0; i < sync->settings->repository_count; i++)
		if (strcmp(sync->settings->repositories[i].name, name) == 0)
			return sync->repositories[i].at == NULL
				|| repository_needs(sync->repositories[i].at, file);
	return false;
}

static void tell_repository(struct sync *sync, size_t i)
{
	const struct sync_repository *const one = &sync->repositories[i];
	struct sync_repository_result result = {
		.name = sync->settings->repositories[i].name,
		.fresh = one->at != NULL && one->why.code == ERROR_NONE,
		.control = one->control,
		.code = one->why.code,
		.problem = one->why.code == ERROR_NONE ? NULL : one->why.text,
	};

	if (one->at != NULL)
		repository_facts(one->at, &result.facts);
	if (sync->options->repository != NULL)
		sync->options->repository(sync->options->self, &result);
}

static bool commit_all(struct sync *sync, struct error *err)
{
	for (size_t i = 0; i < sync->settings->repository_count; i++)
		if (sync->repositories[i].at != NULL
			&& !repository_commit(sync->repositories[i].at, err))
			return false;
	return store_sweep_metadata(sync->store, is_needed, sync, err);
}

bool sync_repositories_end(struct sync *sync, struct error *err)
{
	CLEANUP(sync_hand_done) struct sync_hand hand = {.sync = sync};
	struct rest rest = {&hand};
	const size_t count = sync->settings->repository_count;
	struct error first = {0};

	if (count > 0 && sync->options->devices != NULL
		&& !store_each_parcel(sync->store, NULL, vouch_for_other, &rest, err))
		return false;
	if (!atomic_load(&sync->lacks_metadata) && !commit_all(sync, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		tell_repository(sync, i);
		if (first.code == ERROR_NONE)
			first = sync->repositories[i].why;
	}
	if (first.code != ERROR_NONE)
		*err = first;
	else if (atomic_load(&sync->lacks_metadata))
		(void)error_set(&first, ERROR_FAILED,
			"not all metadata could be fetched: those carried before stay; sync "
			"again");
	if (first.code != ERROR_NONE)
		*err = first;
	return first.code == ERROR_NONE;
}
