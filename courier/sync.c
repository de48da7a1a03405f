#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "courier/enrolment.h"
#include "courier/opening.h"
#include "courier/sync_parts.h"

/* ---- what a sync has ---- */

static void sync_done(struct sync *sync)
{
	for (size_t i = 0; i < sync->artifact_key_count; i++)
		crypto_public_free(sync->artifact_keys[i]);
	free(sync->artifact_keys);
	free(sync->jobs);
	crypto_key_free(sync->key);
	control_free(&sync->control);
	(void)pthread_mutex_destroy(&sync->mutex);
}

static bool load_artifact_keys(struct sync *sync, struct error *err)
{
	const struct control *const control = &sync->control;

	sync->artifact_keys
		= calloc(control->artifact_key_count + 1, sizeof(*sync->artifact_keys));
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
	for (size_t i = 0; i < sync->job_count; i++)
		if (strcmp(sync->jobs[i].device, device->id) == 0)
			return true;

	struct sync_job *const jobs
		= realloc(sync->jobs, (sync->job_count + 1) * sizeof(*sync->jobs));

	if (jobs == NULL)
		return error_errno(err, "cannot allocate memory");
	sync->jobs = jobs;
	memset(&jobs[sync->job_count], 0, sizeof(*jobs));
	memcpy(jobs[sync->job_count++].device, device->id, sizeof(device->id));
	return true;
}

static bool add_named(struct sync *sync, const char *name, struct error *err)
{
	CLEANUP(store_device_free) struct store_device device = {0};

	if (!store_find_device(sync->store, name, &device, err))
		return false;
	return device.server != NULL
		? add_job(sync, &device, err)
		: error_set(err, ERROR_USAGE, "%s was met, but is not served", device.id);
}

static bool find_jobs(struct sync *sync, struct error *err)
{
	const struct sync_options *const options = sync->options;

	if (options->devices == NULL && !store_each_device(sync->store, add_job, sync, err))
		return false;
	for (size_t i = 0; options->devices != NULL && i < options->device_count; i++)
		if (!add_named(sync, options->devices[i], err))
			return false;
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

/* ---- the pool: threads that take the next piece of work until there is none ---- */

struct pool {
	struct sync *sync;
	void (*work)(struct sync_hand *, struct pool *, size_t index);
	const struct sync_artifact *artifacts; /* of the second phase */
	size_t count, next;
	pthread_mutex_t mutex; /* next */
};

static bool take_next(struct pool *pool, size_t *index)
{
	pthread_mutex_lock(&pool->mutex);
	*index = pool->next;
	pool->next += *index < pool->count ? 1 : 0;
	pthread_mutex_unlock(&pool->mutex);
	return *index < pool->count;
}

static void hand_done(struct sync_hand *hand)
{
	for (size_t i = 0; i < COUNT(hand->servers); i++)
		server_close(hand->servers[i]);
}

static void *run_hand(void *self)
{
	struct pool *const pool = self;
	CLEANUP(hand_done) struct sync_hand hand = {.sync = pool->sync};
	size_t index = 0;

	while (take_next(pool, &index))
		pool->work(&hand, pool, index);
	return NULL;
}

/* A thread that cannot be had is not missed: this one works, too. */
static void pool_run(struct pool *pool)
{
	const size_t wanted = (size_t)pool->sync->settings->parallel;
	pthread_t threads[64];
	size_t count = 0;

	(void)pthread_mutex_init(&pool->mutex, NULL);
	while (count < COUNT(threads) && count + 1 < wanted && count + 1 < pool->count
		&& pthread_create(&threads[count], NULL, run_hand, pool) == 0)
		count++;
	(void)run_hand(pool);
	for (size_t i = 0; i < count; i++)
		(void)pthread_join(threads[i], NULL);
	(void)pthread_mutex_destroy(&pool->mutex);
}

/* ---- first phase ---- */

static void talk_work(struct sync_hand *hand, struct pool *pool, size_t index)
{
	struct sync_job *const job = &pool->sync->jobs[index];

	sync_talk(hand, job);
	if (!job->wants_fetch)
		sync_tell(pool->sync, &job->result);
}

static void talk_all(struct sync *sync)
{
	struct pool pool = {.sync = sync, .work = talk_work, .count = sync->job_count};

	pool_run(&pool);
}

/* ---- second phase ---- */

static void fetch_work(struct sync_hand *hand, struct pool *pool, size_t index)
{
	const struct sync_artifact *const artifact = &pool->artifacts[index];

	sync_fetch(hand, artifact);
	for (size_t i = 0; i < artifact->job_count; i++)
		sync_tell(pool->sync, &artifact->jobs[i]->result);
}

static int by_blob(const void *a, const void *b)
{
	const struct sync_job *const *const left = a;
	const struct sync_job *const *const right = b;

	return strcmp((*left)->blob, (*right)->blob);
}

/* Those who want an artifact, sorted by it; each run of equals is one piece of work. */
static size_t group(struct sync_job **wanting, size_t count, struct sync_artifact *artifacts)
{
	size_t groups = 0;

	if (count > 0)
		qsort(wanting, count, sizeof(struct sync_job *), by_blob);
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || strcmp(wanting[i - 1]->blob, wanting[i]->blob) != 0)
			artifacts[groups++] = (struct sync_artifact){
				.blob = wanting[i]->blob, .jobs = &wanting[i]};
		artifacts[groups - 1].job_count++;
	}
	return groups;
}

static bool fetch_all(struct sync *sync, struct error *err)
{
	struct sync_job **const wanting
		= calloc(sync->job_count + 1, sizeof(struct sync_job *));
	struct sync_artifact *const artifacts = calloc(sync->job_count + 1, sizeof(*artifacts));
	struct pool pool = {.sync = sync, .work = fetch_work, .artifacts = artifacts};
	const bool ok = (wanting != NULL && artifacts != NULL)
		|| error_errno(err, "cannot allocate memory");
	size_t count = 0;

	for (size_t i = 0; ok && i < sync->job_count; i++)
		if (sync->jobs[i].wants_fetch)
			wanting[count++] = &sync->jobs[i];
	if (ok) {
		pool.count = group(wanting, count, artifacts);
		pool_run(&pool);
	}
	free(wanting);
	free(artifacts);
	return ok;
}

/* ---- at the end ---- */

static void courier_work(struct sync_hand *hand, struct pool *pool, size_t index)
{
	(void)pool;
	(void)index;
	sync_courier(hand);
}

/* Names of blobs that parcels may still need. */
struct needed {
	struct store *store;
	char (*at)[STORE_BLOB_NAME_MAX];
	size_t count;
};

static bool need_blob(void *self, const struct store_parcel *parcel, struct error *err)
{
	struct needed *const needed = self;
	CLEANUP(store_device_free) struct store_device device = {0};
	bool found = false;

	if (parcel->state > PARCEL_ANSWERED || parcel->artifact_id == NULL)
		return true;
	if (!store_get_device(needed->store, parcel->device, &device, &found, err))
		return false;
	if (!found || device.server == NULL)
		return true;

	void *const at = realloc(needed->at, (needed->count + 1) * sizeof(*needed->at));

	if (at == NULL)
		return error_errno(err, "cannot allocate memory");
	needed->at = at;
	store_blob_name(device.server, parcel->artifact_id, needed->at[needed->count++]);
	return true;
}

static bool is_needed(void *self, const char *name)
{
	const struct needed *const needed = self;

	for (size_t i = 0; i < needed->count; i++)
		if (strcmp(needed->at[i], name) == 0)
			return true;
	return false;
}

static bool sweep(struct sync *sync, struct error *err)
{
	struct needed needed = {.store = sync->store};
	const bool ok = store_each_parcel(sync->store, NULL, need_blob, &needed, err)
		&& store_blob_sweep(sync->store, is_needed, &needed, err);

	free(needed.at);
	return ok;
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
	struct pool last = {.sync = &sync, .work = courier_work, .count = 1};

	if (!enrolment_need(store, &sync.control, err) || !load_artifact_keys(&sync, err)
		|| !opening_key(store, STORE_SERVER_KEY, &sync.key, err)
		|| !find_jobs(&sync, err))
		return false;
	talk_all(&sync);
	if (!fetch_all(&sync, err))
		return false;
	if (options->devices == NULL)
		pool_run(&last);
	if (!sweep(&sync, err))
		return false;
	return sync.job_count > 0
		? verdict(&sync, err)
		: error_set(err, ERROR_NOTHING,
			"no device is served: the operator's bundle lists none");
}
