/*
 * The pool: threads (hands) that take the next piece of work until there is none.
 *
 * Talks come first.  A hand for which no talk is left fetches what those that are over
 * want, while slow ones still go on: no device waits for another.  What wants an
 * artifact while it is on its way is served when it is there, so it crosses once.
 */
#include <stdlib.h>
#include <string.h>

#include "courier/sync_parts.h"

struct pool {
	struct sync *sync;
	pthread_mutex_t mutex; /* all below */
	pthread_cond_t talked;
	size_t next, talking;             /* jobs: the first that nobody took; under way */
	struct sync_artifact **artifacts; /* all that anybody wanted, sorted by blob */
	size_t count, room;
	struct sync_artifact *first, *last; /* those to be fetched now */
};

/* A piece of work: one of them. */
struct work {
	struct sync_job *talk;
	struct sync_artifact *fetch;
};

/* ---- artifacts and who wants them; the mutex is held ---- */

static size_t place_of(const struct pool *pool, const char *blob)
{
	size_t low = 0, high = pool->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (strcmp(pool->artifacts[middle]->blob, blob) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool make_room(struct pool *pool)
{
	const size_t room = pool->room == 0 ? 16 : 2 * pool->room;

	if (pool->count < pool->room)
		return true;

	struct sync_artifact **const at
		= realloc(pool->artifacts, room * sizeof(struct sync_artifact *));

	if (at == NULL)
		return false;
	pool->artifacts = at;
	pool->room = room;
	return true;
}

/* NULL: out of memory. */
static struct sync_artifact *need_artifact(struct pool *pool, const char *blob)
{
	const size_t place = place_of(pool, blob);

	if (place < pool->count && strcmp(pool->artifacts[place]->blob, blob) == 0)
		return pool->artifacts[place];

	struct sync_artifact *const made = calloc(1, sizeof(*made));
	char *const name = strdup(blob);

	if (made == NULL || name == NULL || !make_room(pool)) {
		free(made);
		free(name);
		return NULL;
	}
	made->blob = name;
	memmove(&pool->artifacts[place + 1], &pool->artifacts[place],
		(pool->count - place) * sizeof(struct sync_artifact *));
	pool->artifacts[place] = made;
	pool->count++;
	return made;
}

static bool add_wanting(struct sync_artifact *artifact, struct sync_job *job)
{
	if (artifact->wanting_count == artifact->room) {
		const size_t room = artifact->room == 0 ? 16 : 2 * artifact->room;
		struct sync_job **const at
			= realloc(artifact->wanting, room * sizeof(struct sync_job *));

		if (at == NULL)
			return false;
		artifact->wanting = at;
		artifact->room = room;
	}
	artifact->wanting[artifact->wanting_count++] = job;
	return true;
}

static void queue(struct pool *pool, struct sync_artifact *artifact)
{
	if (artifact->busy || artifact->queued || artifact->wanting_count == 0)
		return;
	artifact->queued = true;
	artifact->next = NULL;
	if (pool->first == NULL)
		pool->first = artifact;
	else
		pool->last->next = artifact;
	pool->last = artifact;
}

/* Those who want it now are served together; who comes later is the next. */
static struct sync_artifact *unqueue(struct pool *pool)
{
	struct sync_artifact *const artifact = pool->first;

	pool->first = artifact->next;
	artifact->queued = false;
	artifact->busy = true;
	free(artifact->jobs);
	artifact->jobs = artifact->wanting;
	artifact->job_count = artifact->wanting_count;
	artifact->wanting = NULL;
	artifact->wanting_count = artifact->room = 0;
	return artifact;
}

static void artifacts_free(struct pool *pool)
{
	for (size_t i = 0; i < pool->count; i++) {
		free(pool->artifacts[i]->jobs);
		free(pool->artifacts[i]->wanting);
		free(pool->artifacts[i]->facts);
		free(pool->artifacts[i]->blob);
		free(pool->artifacts[i]);
	}
	free(pool->artifacts);
}

/* ---- work ---- */

/* Waits while a talk may still bring some.  False: there is no more. */
static bool take(struct pool *pool, struct work *out)
{
	struct work work = {NULL, NULL};

	(void)pthread_mutex_lock(&pool->mutex);
	while (pool->next == pool->sync->job_count && pool->first == NULL && pool->talking > 0)
		(void)pthread_cond_wait(&pool->talked, &pool->mutex);
	if (pool->next < pool->sync->job_count) {
		work.talk = &pool->sync->jobs[pool->next++];
		pool->talking++;
	} else if (pool->first != NULL) {
		work.fetch = unqueue(pool);
	}
	(void)pthread_mutex_unlock(&pool->mutex);
	*out = work;
	return work.talk != NULL || work.fetch != NULL;
}

OWNER_UNSEEN_BEGIN
/* What a job waits for, it is told of later. */
static bool wants(struct pool *pool, struct sync_job *job)
{
	struct sync_artifact *const artifact
		= job->wants_fetch ? need_artifact(pool, job->blob) : NULL;

	if (artifact != NULL && add_wanting(artifact, job)) {
		queue(pool, artifact);
		return true;
	}
	if (job->wants_fetch)
		sync_problem(job, ERROR_FAILED, "out of memory");
	return false;
}
OWNER_UNSEEN_END

/* Of thousands of devices only how it ended stays in memory. */
static void tell(struct pool *pool, struct sync_job *job)
{
	sync_tell(pool->sync, &job->result);
	sync_job_end(job);
}

static void talk(struct pool *pool, struct sync_hand *hand, struct sync_job *job)
{
	bool waits = false;

	if (!hand->sync->options->metadata_only)
		sync_talk(hand, job);
	sync_vouch(hand, job);
	(void)pthread_mutex_lock(&pool->mutex);
	waits = wants(pool, job);
	pool->talking--;
	(void)pthread_cond_broadcast(&pool->talked);
	(void)pthread_mutex_unlock(&pool->mutex);
	if (!waits)
		tell(pool, job);
}

/* Who began to want it meanwhile is served by this hand, if by no other. */
static void fetch(struct pool *pool, struct sync_hand *hand, struct sync_artifact *artifact)
{
	sync_fetch(hand, artifact);
	for (size_t i = 0; i < artifact->job_count; i++)
		tell(pool, artifact->jobs[i]);
	(void)pthread_mutex_lock(&pool->mutex);
	artifact->busy = false;
	queue(pool, artifact);
	(void)pthread_mutex_unlock(&pool->mutex);
}

void sync_hand_done(struct sync_hand *hand)
{
	for (size_t i = 0; i < COUNT(hand->servers); i++)
		server_close(hand->servers[i]);
	for (size_t i = 0; i < COUNT(hand->http); i++)
		http_free(hand->http[i]);
}

static void *run_hand(void *self)
{
	struct pool *const pool = self;
	CLEANUP(sync_hand_done) struct sync_hand hand = {.sync = pool->sync};
	struct work work;

	while (take(pool, &work))
		if (work.talk != NULL)
			talk(pool, &hand, work.talk);
		else
			fetch(pool, &hand, work.fetch);
	return NULL;
}

/* A thread that cannot be had is not missed: this one works, too. */
void sync_all(struct sync *sync)
{
	struct pool pool = {.sync = sync,
		.mutex = PTHREAD_MUTEX_INITIALIZER,
		.talked = PTHREAD_COND_INITIALIZER};
	pthread_t threads[64];
	size_t count = 0;

	while (count < COUNT(threads) && count + 1 < (size_t)sync->settings->parallel
		&& count + 1 < sync->job_count
		&& pthread_create(&threads[count], NULL, run_hand, &pool) == 0)
		count++;
	(void)run_hand(&pool);
	for (size_t i = 0; i < count; i++)
		(void)pthread_join(threads[i], NULL);
	artifacts_free(&pool);
	(void)pthread_cond_destroy(&pool.talked);
	(void)pthread_mutex_destroy(&pool.mutex);
}
