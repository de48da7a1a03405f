#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/text.h"
#include "courier/enrolment.h"
#include "courier/opening.h"
#include "courier/sync_parts.h"

/* ---- what a sync has ---- */

void sync_job_end(struct sync_job *job)
{
	free(job->artifact);
	free(job->problem);
	free(job->deployment);
	free(job->blob);
	free(job->limit);
	free(job->next_deployment);
	free(job->next_request);
	job->artifact = job->problem = job->deployment = job->blob = job->limit = NULL;
	job->next_deployment = job->next_request = NULL;
	job->result.artifact = job->result.problem = job->result.limit = NULL;
}

static void sync_done(struct sync *sync)
{
	for (size_t i = 0; i < sync->artifact_key_count; i++)
		crypto_public_free(sync->artifact_keys[i]);
	free(sync->artifact_keys);
	for (size_t i = 0; i < sync->job_count; i++)
		sync_job_end(&sync->jobs[i]);
	free(sync->jobs);
	sync_repositories_done(sync);
	crypto_key_free(sync->key);
	control_free(&sync->control);
	(void)pthread_mutex_destroy(&sync->mutex);
}

static bool load_artifact_keys(struct sync *sync, struct error *err)
{
	const struct control *const control = &sync->control;

	sync->artifact_keys
		= calloc(control->artifact_key_count + 1, sizeof(struct crypto_public *));
	if (sync->artifact_keys == NULL)
		return error_errno(err, "cannot allocate memory");
	for (size_t i = 0; i < control->artifact_key_count; i++) {
		if (!crypto_public_parse(
			    bytes_of(control->artifact_keys[i]), &sync->artifact_keys[i], err))
			return error_while(err, "artifact key %zu of the bundle", i + 1);
		sync->artifact_key_count++;
	}
	return true;
}

static bool add_job(void *self, const struct store_device *device, struct error *err)
{
	struct sync *const sync = self;

	if (device->server == NULL)
		return true;
	if (sync->job_count == sync->job_room) {
		const size_t room = sync->job_room + sync->job_room / 4 + 64;
		struct sync_job *const jobs = realloc(sync->jobs, room * sizeof(*jobs));

		if (jobs == NULL)
			return error_errno(err, "cannot allocate memory");
		sync->jobs = jobs;
		sync->job_room = room;
	}

	struct sync_job *const job = &sync->jobs[sync->job_count++];

	*job = (struct sync_job){.wants_fetch = false};
	memcpy(job->device, device->id, sizeof(device->id));
	return true;
}

/* Two names may mean the same device. */
static bool has_job(const struct sync *sync, const char *device)
{
	for (size_t i = 0; i < sync->job_count; i++)
		if (strcmp(sync->jobs[i].device, device) == 0)
			return true;
	return false;
}

static bool add_named(struct sync *sync, const char *name, struct error *err)
{
	CLEANUP(store_device_free) struct store_device device = {0};

	if (!store_find_device(sync->store, name, &device, err))
		return false;
	if (device.server == NULL)
		return error_set(err, ERROR_USAGE, "%s was met, but is not served", device.id);
	return has_job(sync, device.id) || add_job(sync, &device, err);
}

static int by_device(const void *a, const void *b)
{
	return strcmp(
		((const struct sync_job *)a)->device, ((const struct sync_job *)b)->device);
}

/* What the operator's bundle says of the devices of this sync is all of it that is kept. */
static bool note_listed(void *self, const struct control_device *device, struct error *err)
{
	struct sync *const sync = self;
	struct sync_job wanted;

	memcpy(wanted.device, device->id, sizeof(wanted.device));

	struct sync_job *const job = sync->job_count == 0
		? NULL
		: bsearch(&wanted, sync->jobs, sync->job_count, sizeof(wanted), by_device);

	if (job == NULL)
		return true;
	job->listed = true;
	return text_set(&job->next_deployment, device->next_deployment, err)
		&& text_set(&job->next_request, device->next_request, err);
}

static bool list_jobs(struct sync *sync, struct error *err)
{
	control_free(&sync->control);
	return enrolment_need_head(sync->store, note_listed, sync, &sync->control, err);
}

static bool find_jobs(struct sync *sync, struct error *err)
{
	const struct sync_options *const options = sync->options;

	if (options->devices == NULL && !store_each_device(sync->store, add_job, sync, err))
		return false;
	for (size_t i = 0; options->devices != NULL && i < options->device_count; i++)
		if (!add_named(sync, options->devices[i], err))
			return false;
	if (sync->job_count > 0)
		qsort(sync->jobs, sync->job_count, sizeof(*sync->jobs), by_device);
	for (size_t i = 0; i < sync->job_count; i++)
		sync->jobs[i].result.device = sync->jobs[i].device;
	return true;
}

void sync_tell(struct sync *sync, const struct sync_result *result)
{
	if (sync->options->done == NULL)
		return;
	pthread_mutex_lock(&sync->mutex);
	sync->options->done(sync->options->self, result);
	pthread_mutex_unlock(&sync->mutex);
}

/* ---- at the end ---- */

static void tell_of_us(struct sync *sync)
{
	CLEANUP(sync_hand_done) struct sync_hand hand = {.sync = sync};

	sync_courier(&hand);
}

/* What all failed with, or that some did. */
static bool verdict(const struct sync *sync, struct error *err)
{
	size_t failed = 0;
	enum error_code code = ERROR_NONE;

	for (size_t i = 0; i < sync->job_count; i++) {
		const enum error_code one = sync->jobs[i].result.code;

		if (one == ERROR_NONE || one == ERROR_NOTHING)
			continue;
		code = failed++ == 0 || code == one ? one : ERROR_PARTIAL;
	}
	if (failed == 0)
		return true;
	return error_set(err, failed < sync->job_count ? ERROR_PARTIAL : code,
		"%zu of %zu devices failed", failed, sync->job_count);
}

static bool begin(struct sync *sync, struct error *err)
{
	if (sync->options->metadata_only && sync->settings->repository_count == 0)
		return error_set(err, ERROR_USAGE,
			"no repository is configured: courier.conf needs a section "
			"[repository NAME]");
	if (!enrolment_need_head(sync->store, NULL, NULL, &sync->control, err))
		return false;
	sync_repositories_begin(sync);
	sync_control(sync);
	return load_artifact_keys(sync, err)
		&& opening_key(sync->store, STORE_SERVER_KEY, &sync->key, err)
		&& find_jobs(sync, err) && list_jobs(sync, err);
}

/* What is wrong with a repository is wrong for all; but devices that failed are told
 * first. */
static bool end(struct sync *sync, struct error *err)
{
	struct error why = {0};
	const bool vouched = sync_repositories_end(sync, &why);

	if (sync->job_count > 0 && !verdict(sync, err))
		return false;
	if (!vouched) {
		*err = why;
		return false;
	}
	return sync->job_count > 0
		|| error_set(err, ERROR_NOTHING,
			"no device is served: the operator's bundle lists none");
}

bool sync_run(struct store *store, const struct settings *settings,
	const struct sync_options *options, struct error *err)
{
	CLEANUP(sync_done)
	struct sync sync = {
		.store = store,
		.settings = settings,
		.options = options,
		.now = (int64_t)time(NULL),
		.mutex = PTHREAD_MUTEX_INITIALIZER,
	};

	if (!begin(&sync, err))
		return false;
	sync_all(&sync);
	if (options->devices == NULL && !options->metadata_only)
		tell_of_us(&sync);
	if (!options->metadata_only && !sync_sweep(store, err))
		return false;
	return end(&sync, err);
}
