/* Every artifact once: fetched by the URL of any device that wants it, and verified. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/text.h"
#include "courier/artifact_facts.h"
#include "courier/sync_parts.h"

enum {
	FAILURES_MAX = 6,      /* broken transfers in a row without PROGRESS_MIN */
	TRANSFERS_MAX = 10000, /* of one artifact, whatever they bring */
	FRESH_URLS_MAX = 3,    /* for one device */
	RESTARTS_MAX = 2,      /* from the first byte */
	PROGRESS_MIN = 65536,  /* bytes that make a transfer worth another try */
	PAUSE_MS = 100,        /* before the second try; doubled each time */
};

/* One artifact being fetched. */
struct fetching {
	struct sync_hand *hand;
	const struct sync_artifact *artifact;
	struct sync_talk *talk; /* with whose URL */
	struct sink blob;
	uint64_t got;
	unsigned failures, transfers, fresh_urls, restarts;
};

static bool pour(void *self, struct bytes bytes, struct error *err)
{
	struct fetching *const fetching = self;
	const struct sync_options *const options = fetching->hand->sync->options;
	struct sync *const sync = fetching->hand->sync;

	if (!fetching->blob.write(fetching->blob.self, bytes, err))
		return false;
	fetching->got += bytes.len;
	if (options->progress == NULL)
		return true;
	pthread_mutex_lock(&sync->mutex);
	options->progress(options->self, fetching->talk->job->device, fetching->got, 0);
	pthread_mutex_unlock(&sync->mutex);
	return true;
}

static void pause_before(unsigned failures)
{
	const long pause_ms = (long)PAUSE_MS << (failures < 5 ? failures : 5);
	const struct timespec pause
		= {.tv_sec = pause_ms / 1000, .tv_nsec = pause_ms % 1000 * 1000000};

	(void)nanosleep(&pause, NULL);
}

/* One transfer, from where the last one stopped.  *WHOLE: it is done. */
static bool transfer(struct fetching *fetching, const struct server_assignment *assignment,
	bool *whole, struct error *err)
{
	struct store *const store = fetching->hand->sync->store;
	struct sync_talk *const talk = fetching->talk;
	CLEANUP(store_blob_cleanup) struct store_blob *blob = NULL;
	struct sink sink = {pour, fetching};
	uint64_t offset = 0;

	if (!store_blob_begin(
		    store, fetching->artifact->blob, &blob, &fetching->blob, &offset, err)) {
		*whole = err->code == ERROR_NOTHING;
		return *whole;
	}
	fetching->got = offset;
	if (!talk->server->kind->fetch(talk->server, assignment, offset, sink, err)) {
		if (fetching->got - offset >= PROGRESS_MIN)
			fetching->failures = 0;
		return false;
	}
	*whole = store_blob_finish(blob, err);
	return *whole;
}

/* After a failed transfer: what makes the next one better?  False: nothing does. */
static bool mend(struct fetching *fetching, const struct store_parcel *parcel,
	struct server_assignment *assignment, struct error *err)
{
	if (err->code == ERROR_EXPIRED) {
		if (fetching->fresh_urls++ >= FRESH_URLS_MAX)
			return false;
		server_assignment_free(assignment);
		return sync_want_again(fetching->talk, parcel, assignment, err);
	}
	if (err->code == ERROR_DAMAGED)
		return fetching->restarts++ < RESTARTS_MAX
			&& store_blob_drop(
				fetching->hand->sync->store, fetching->artifact->blob, err);
	if (err->code == ERROR_BUSY) {
		store_blob_wait(fetching->hand->sync->store, fetching->artifact->blob);
		return true;
	}
	if ((err->code != ERROR_FAILED && err->code != ERROR_TIMEOUT)
		|| fetching->failures++ >= FAILURES_MAX)
		return false;
	pause_before(fetching->failures);
	return true;
}

static bool copy_assignment(
	const struct store_parcel *parcel, struct server_assignment *out, struct error *err)
{
	(void)snprintf(out->deployment, sizeof(out->deployment), "%s", parcel->deployment);
	out->expires = parcel->url_expires;
	return text_set(&out->url, parcel->url == NULL ? "" : parcel->url, err);
}

/* The server asks to be left alone: the device remembers. */
static void keep_peace(struct sync_talk *talk, const struct error *why)
{
	struct error err = {0};

	sync_note(talk, why);
	if (!store_put_device(talk->sync->store, &talk->device,
		    "sync: the server asked to be left alone", &err))
		sync_note(talk, &err);
}

/* As many as it takes. */
static bool transfers(struct fetching *fetching, struct store_parcel *parcel,
	struct server_assignment *assignment, struct error *err)
{
	bool whole = false;

	fetching->fresh_urls = 0;
	while (!whole) {
		if (fetching->transfers++ >= TRANSFERS_MAX)
			return error_set(err, ERROR_FAILED, "too many broken transfers");
		if (!transfer(fetching, assignment, &whole, err)
			&& !mend(fetching, parcel, assignment, err))
			return false;
	}
	return true;
}

/* Fetch with the URL of JOB's device. */
static bool fetch_by(struct fetching *fetching, struct sync_job *job, struct error *err)
{
	CLEANUP(server_assignment_free) struct server_assignment assignment = {0};
	CLEANUP(store_parcel_free) struct store_parcel parcel = {0};
	CLEANUP(sync_talk_done) struct sync_talk talk = {0};
	bool found = false;

	if (!sync_talk_begin(fetching->hand, job, &talk, err)
		|| !store_get_parcel(fetching->hand->sync->store, job->device, job->deployment,
			&parcel, &found, err)
		|| !copy_assignment(&parcel, &assignment, err))
		return false;
	fetching->talk = &talk;

	const bool whole = transfers(fetching, &parcel, &assignment, err);

	fetching->talk = NULL;
	if (!whole && err->code == ERROR_DEFERRED)
		keep_peace(&talk, err);
	return whole;
}

/* ---- verify ---- */

static bool verify(struct sync *sync, const char *blob, struct artifact *out, struct error *err)
{
	CLEANUP(store_reader_cleanup) struct store_reader *reader = NULL;
	const struct artifact_trust trust = {
		.keys = sync->artifact_keys,
		.key_count = sync->artifact_key_count,
	};

	return store_reader_open(sync->store, blob, &reader, err)
		&& artifact_read(store_reader_source(reader), &trust, NULL, out, err);
}

/* One device's parcel is now what the artifact says. */
static bool ready(struct sync *sync, struct sync_job *job, const struct sync_artifact *artifact,
	struct error *err)
{
	CLEANUP(store_parcel_free) struct store_parcel parcel = {0};
	bool found = false;

	if (!store_get_parcel(sync->store, job->device, job->deployment, &parcel, &found, err)
		|| !found)
		return false;
	parcel.has_digest = true;
	parcel.digest = artifact->digest;
	parcel.size = artifact->size;
	parcel.unpacked = artifact->payload_size;
	if (!text_set(&parcel.facts, artifact->facts, err)
		|| !store_put_parcel(sync->store, &parcel, "artifact verified", err)
		|| !store_move_parcel(
			sync->store, job->device, job->deployment, PARCEL_FETCHED, NULL, err))
		return false;
	sync_compare(job, &artifact->digest, artifact->size);
	job->result.size = artifact->size;
	job->result.carrying = true;
	job->result.changed = true;
	return true;
}

/* ---- outcomes of the phase, in job and store ---- */

static bool keep_problem(
	struct sync *sync, struct sync_job *job, bool is_bad, struct error *err)
{
	CLEANUP(store_parcel_free) struct store_parcel parcel = {0};
	CLEANUP(store_device_free) struct store_device device = {0};
	bool has_parcel = false, has_device = false;

	if (!store_get_parcel(
		    sync->store, job->device, job->deployment, &parcel, &has_parcel, err)
		|| !store_get_device(sync->store, job->device, &device, &has_device, err)
		|| !has_parcel || !has_device)
		return false;
	return text_set(&parcel.reason, job->problem, err)
		&& text_set(&device.problem, job->problem, err)
		&& store_put_parcel(sync->store, &parcel,
			is_bad ? "artifact does not verify" : "artifact not fetched", err)
		&& store_put_device(sync->store, &device, "sync: no artifact", err);
}

static void fail_job(
	struct sync *sync, struct sync_job *job, bool is_bad, const struct error *why)
{
	char problem[512];
	struct error err = {0};

	(void)snprintf(problem, sizeof(problem), "%.120s: %.260s; %s", job->artifact, why->text,
		is_bad ? "it is not carried, and devices stay as they are: have it published "
			 "anew, then sync again"
		       : "devices stay as they are: sync again");
	sync_problem(job, why->code, problem);
	job->result.carrying = false;
	if (!keep_problem(sync, job, is_bad, &err))
		job->result.code = err.code == ERROR_NONE ? why->code : err.code;
}

static void fail_all(struct sync *sync, const struct sync_artifact *artifact, bool is_bad,
	const struct error *why)
{
	for (size_t i = 0; i < artifact->job_count; i++)
		fail_job(sync, artifact->jobs[i], is_bad, why);
}

static bool is_spoiled(enum error_code code)
{
	return code == ERROR_DAMAGED || code == ERROR_MALFORMED || code == ERROR_SIGNATURE
		|| code == ERROR_SPACE;
}

/* One transaction for all of them: a thousand parcels are ready as fast as one. */
static bool ready_all(
	struct sync *sync, const struct sync_artifact *artifact, struct error *err)
{
	CLEANUP(store_batch_end) struct store_batch batch = {0};

	if (!store_batch_begin(&batch, sync->store, err))
		return false;
	for (size_t i = 0; i < artifact->job_count; i++) {
		struct error why = {0};

		if (!ready(sync, artifact->jobs[i], artifact, &why))
			fail_job(sync, artifact->jobs[i], false, &why);
	}
	return store_batch_commit(&batch, err);
}

/* The whole blob says what it is, or is dropped. */
static bool judge(struct sync *sync, struct sync_artifact *artifact, struct error *err)
{
	CLEANUP(artifact_free) struct artifact read = {0};
	CLEANUP(buf_free) struct buf printed = {0};
	struct error why = {0};
	const char *facts = NULL;

	if (!verify(sync, artifact->blob, &read, err)) {
		/* What cannot be dropped now is judged again next time. */
		return is_spoiled(err->code)
				&& !store_blob_drop(sync->store, artifact->blob, &why)
			? error_while(err, "cannot drop it (%s)", why.text)
			: false;
	}
	if (!artifact_facts_print(&read, &printed, err) || !buf_text(&printed, &facts, err)
		|| !text_set(&artifact->facts, facts, err))
		return false;
	artifact->digest = read.digest;
	artifact->size = read.size;
	artifact->payload_size = read.payload_size;
	artifact->verified = true;
	return true;
}

/* Each device's URL is as good as another's: the next one is tried when one fails for
 * a reason of its own. */
static bool fetch(struct fetching *fetching, struct error *err)
{
	const struct sync_artifact *const artifact = fetching->artifact;

	for (size_t i = 0; i < artifact->job_count; i++) {
		if (fetch_by(fetching, artifact->jobs[i], err))
			return true;
		if (err->code == ERROR_SPACE || err->code == ERROR_DAMAGED
			|| fetching->failures > FAILURES_MAX)
			return false;
	}
	return false;
}

void sync_fetch(struct sync_hand *hand, struct sync_artifact *artifact)
{
	struct sync *const sync = hand->sync;
	struct error err = {0};

	for (unsigned attempt = 0;; attempt++) {
		struct fetching fetching = {.hand = hand, .artifact = artifact};

		if (!artifact->verified && !fetch(&fetching, &err)) {
			fail_all(sync, artifact, false, &err);
			return;
		}
		if ((artifact->verified || judge(sync, artifact, &err))
			&& ready_all(sync, artifact, &err))
			return;
		/* A disk that lost a bit is worth a second transfer; a bad artifact is not. */
		if (err.code != ERROR_DAMAGED || attempt > 0) {
			fail_all(sync, artifact, err.code != ERROR_DAMAGED, &err);
			return;
		}
	}
}
