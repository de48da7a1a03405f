#include <string.h>

#include "common/file.h"
#include "common/json.h"
#include "device-link/agent/job.h"

enum { JOB_SIZE_MAX = 65536 };

static const char *const phases[] = {
	[JOB_NONE] = "idle",
	[JOB_RECEIVING] = "receiving",
	[JOB_STAGED] = "staged",
	[JOB_INSTALLING] = "installing",
	[JOB_REBOOTING] = "rebooting",
	[JOB_CHECKING] = "checking",
	[JOB_COMMITTING] = "committing",
	[JOB_ROLLING_BACK] = "rolling back",
	[JOB_LOOKING] = "looking",
};

const char *job_phase_name(enum job_phase phase)
{
	return phases[phase];
}

/* ---- writing ---- */

static void add_exporter(struct json *object, const uint8_t exporter[32])
{
	struct digest digest;

	memcpy(digest.at, exporter, sizeof(digest.at));
	json_add_digest(object, "exporter", &digest);
}

static void add_courier(struct json *object, const struct job_courier *courier)
{
	struct json *const member = json_add_object(object, "courier");

	json_add_string(member, "id", courier->id);
	json_add_string(member, "technician", courier->technician);
	json_add_digest(member, "certificate", &courier->certificate);
	add_exporter(member, courier->exporter);
}

static void add_due(struct json *object, const struct job_due *due)
{
	struct json *const member = json_add_object(object, "due");

	json_add_integer(member, "sequence", (int64_t)due->sequence);
	json_add_string(member, "outcome", outcome_name(due->outcome));
	json_add_integer(member, "code", (int64_t)due->code);
	json_add_string(member, "reason", due->reason);
}

static bool is_nothing(const struct job *job)
{
	static const struct digest none;

	return job->phase == JOB_NONE && job->due.sequence == 0
		&& digest_equal(&job->active, &none);
}

void job_reset(struct job *job)
{
	*job = (struct job){.active = job->active};
}

static void add_set(struct json *object, const struct job *job)
{
	struct json *const member = json_add_object(object, "metadata");

	json_add_digest(member, "digest", &job->set);
	json_add_integer(member, "size", (int64_t)job->set_size);
	json_add_digest(member, "active", &job->active);
}

bool job_save(const char *path, const struct job *job, struct error *err)
{
	CLEANUP(buf_free) struct buf text = {0};
	CLEANUP(json_cleanup) struct json *object = NULL;

	if (is_nothing(job))
		return file_remove(path, err);
	object = json_new_object();
	json_add_string(object, "phase", phases[job->phase]);
	json_add_string(object, "deployment", job->deployment);
	json_add_string(object, "name", job->name);
	json_add_string(object, "before", job->before);
	json_add_digest(object, "digest", &job->digest);
	json_add_integer(object, "size", (int64_t)job->size);
	json_add_integer(object, "unpacked", (int64_t)job->unpacked);
	json_add_bool(object, "stage", job->stage);
	json_add_bool(object, "committed", job->committed);
	json_add_bool(object, "healthy", job->healthy);
	json_add_bool(object, "rolled_back", job->rolled_back);
	json_add_integer(object, "tries", (int64_t)job->tries);
	json_add_integer(object, "mismatches", (int64_t)job->mismatches);
	json_add_string(object, "boot", job->boot);
	json_add_integer(object, "code", (int64_t)job->code);
	json_add_string(object, "reason", job->reason);
	add_set(object, job);
	add_courier(object, &job->courier);
	add_due(object, &job->due);
	return json_print(object, &text, err)
		&& file_replace(path, buf_bytes(&text), 0600, err);
}

/* ---- reading ---- */

static bool need_code(const struct json *object, enum error_code *out, struct error *err)
{
	uint64_t code = 0;

	if (!json_need_count(object, "code", &code, err))
		return false;
	if (code > ERROR_GONE)
		return error_set(err, ERROR_MALFORMED, "code out of range");
	*out = (enum error_code)code;
	return true;
}

static bool need_phase(const struct json *object, enum job_phase *out, struct error *err)
{
	const char *text = NULL;

	if (!json_need_string(object, "phase", &text, err))
		return false;
	for (size_t i = 0; i < COUNT(phases); i++) {
		if (strcmp(phases[i], text) == 0) {
			*out = (enum job_phase)i;
			return true;
		}
	}
	return error_set(err, ERROR_MALFORMED, "unknown phase");
}

static bool need_outcome(const struct json *object, enum outcome *out, struct error *err)
{
	const char *text = NULL;

	if (!json_need_string(object, "outcome", &text, err))
		return false;
	for (int i = 0; i <= OUTCOME_FAILED; i++) {
		if (strcmp(outcome_name((enum outcome)i), text) == 0) {
			*out = (enum outcome)i;
			return true;
		}
	}
	return error_set(err, ERROR_MALFORMED, "unknown outcome");
}

static bool read_courier(
	const struct json *object, struct job_courier *courier, struct error *err)
{
	const struct json *member = NULL;
	struct digest exporter;

	if (!json_need_object(object, "courier", &member, err)
		|| !json_need_text(member, "id", courier->id, sizeof(courier->id), err)
		|| !json_need_text(member, "technician", courier->technician,
			sizeof(courier->technician), err)
		|| !json_need_digest(member, "certificate", &courier->certificate, err)
		|| !json_need_digest(member, "exporter", &exporter, err))
		return false;
	memcpy(courier->exporter, exporter.at, sizeof(courier->exporter));
	return true;
}

static bool read_due(const struct json *object, struct job_due *due, struct error *err)
{
	const struct json *member = NULL;

	return json_need_object(object, "due", &member, err)
		&& json_need_count(member, "sequence", &due->sequence, err)
		&& need_outcome(member, &due->outcome, err)
		&& need_code(member, &due->code, err)
		&& json_need_text(member, "reason", due->reason, sizeof(due->reason), err);
}

/* A job of an agent that did not write it goes on, too: an update may be of the agent. */
static bool read_healthy(const struct json *object, struct job *job, struct error *err)
{
	job->healthy = job->phase == JOB_COMMITTING;
	return json_member(object, "healthy") == NULL
		|| json_need_bool(object, "healthy", &job->healthy, err);
}

/* A job of an older agent has none. */
static bool read_set(const struct json *object, struct job *job, struct error *err)
{
	const struct json *member = NULL;

	return json_member(object, "metadata") == NULL
		|| (json_need_object(object, "metadata", &member, err)
			&& json_need_digest(member, "digest", &job->set, err)
			&& json_need_count(member, "size", &job->set_size, err)
			&& json_need_digest(member, "active", &job->active, err));
}

static bool read_job(const struct json *object, struct job *job, struct error *err)
{
	return need_phase(object, &job->phase, err)
		&& json_need_text(
			object, "deployment", job->deployment, sizeof(job->deployment), err)
		&& json_need_text(object, "name", job->name, sizeof(job->name), err)
		&& json_need_text(object, "before", job->before, sizeof(job->before), err)
		&& json_need_digest(object, "digest", &job->digest, err)
		&& json_need_count(object, "size", &job->size, err)
		&& json_need_count(object, "unpacked", &job->unpacked, err)
		&& json_need_bool(object, "stage", &job->stage, err)
		&& json_need_bool(object, "committed", &job->committed, err)
		&& json_need_bool(object, "rolled_back", &job->rolled_back, err)
		&& json_need_count(object, "tries", &job->tries, err)
		&& json_need_count(object, "mismatches", &job->mismatches, err)
		&& json_need_text(object, "boot", job->boot, sizeof(job->boot), err)
		&& need_code(object, &job->code, err)
		&& json_need_text(object, "reason", job->reason, sizeof(job->reason), err)
		&& read_healthy(object, job, err) && read_set(object, job, err)
		&& read_courier(object, &job->courier, err) && read_due(object, &job->due, err);
}

bool job_load(const char *path, struct job *out, struct error *err)
{
	CLEANUP(buf_free) struct buf text = {0};
	CLEANUP(json_cleanup) struct json *object = NULL;
	struct job job = {0};
	bool found = false;

	if (!file_read(path, JOB_SIZE_MAX, &text, &found, err))
		return false;
	if (found
		&& (!json_parse(buf_bytes(&text), JSON_SIGNED, &object, err)
			|| !read_job(object, &job, err)))
		return error_while(err, "%s", path);
	*out = job;
	return true;
}
