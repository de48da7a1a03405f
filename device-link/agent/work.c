#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/plan.h"
#include "device-link/agent/verified.h"
#include "device-link/agent/work.h"

/* ---- verifying ---- */

static bool read_artifact(
	const struct work_order *order, struct artifact *out, struct error *err)
{
	CLEANUP(file_close) int fd = open(order->file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	CLEANUP(artifact_free) struct artifact artifact = {0};
	const struct artifact_trust trust = {order->trust->keys, order->trust->key_count};

	if (fd < 0)
		return error_errno(err, "%s: cannot open", order->file);
	if (!artifact_read(file_source(&fd), &trust, NULL, &artifact, err))
		return false;
	if (!digest_equal(&artifact.digest, &order->job->digest))
		return error_set(err, ERROR_SIGNATURE, "the file is not the one offered");
	*out = artifact;
	artifact = (struct artifact){0};
	return true;
}

/* Is there room for what its own installer needs?  The file itself is there. */
static bool has_room(
	const struct work_order *order, const struct artifact *artifact, struct error *err)
{
	size_t index = 0;

	if (!agent_settings_installer(order->settings, artifact->payload_type, &index, err))
		return false;

	const struct installer *const kind = order->settings->kinds[index];
	const uint64_t need
		= kind->space(&order->settings->installers[index], artifact->payload_size);

	return plan_space(order->inventory, artifact->size, need, err);
}

/* The metadata may list more than the digest it was offered by: all must be its own. */
static bool has_hashes(
	const struct work_order *order, const struct tuf_hashes *hashes, struct error *err)
{
	const struct tuf_target target = {
		.path = "", .facts = {.length = (int64_t)order->job->size, .hashes = *hashes}};
	CLEANUP(file_close) int fd = open(order->file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	CLEANUP(tuf_check_cleanup) struct tuf_check *check = NULL;
	const struct source source = file_source(&fd);
	uint8_t piece[16384];
	size_t got = 0;

	if (!hashes->has_sha512)
		return true;
	if (fd < 0)
		return error_errno(err, "%s: cannot open", order->file);
	if (!tuf_check_new(&target, &check, err))
		return false;
	do {
		if (!source.read(source.self, piece, sizeof(piece), &got, err)
			|| !tuf_check_add(check, (struct bytes){piece, got}, err))
			return false;
	} while (got > 0);
	return tuf_check_end(check, err);
}

/* Time has passed since the metadata were judged, and other roots may have come. */
static bool is_directed(const struct work_order *order, bool *directed, struct error *err)
{
	struct tuf_verdict verdict = {.good = true};

	if (order->tuf == NULL) {
		*directed = true;
		return true;
	}
	if (!tuf_judge(order->tuf, &verdict, err)) {
		err->code = plan_terminal(err->code) ? ERROR_FAILED : err->code;
		return false;
	}
	if (verdict.good && !has_hashes(order, &verdict.hashes, err)) {
		verdict.good = false;
		verdict.code = err->code;
		(void)snprintf(verdict.why, sizeof(verdict.why), "%s", err->text);
	}
	if (!tuf_verdict_save(order->tuf->fact, &verdict, err))
		return false;
	*directed = verdict.good;
	return true;
}

int work_verify(void *self)
{
	const struct work_order *const order = self;
	CLEANUP(artifact_free) struct artifact artifact = {0};
	struct error err = {0};
	bool directed = false;

	if (is_directed(order, &directed, &err) && !directed)
		return WORK_UNDIRECTED;
	if (directed && read_artifact(order, &artifact, &err)
		&& plan_permits(order->inventory, &artifact, &err)
		&& has_room(order, &artifact, &err)
		&& verified_save(order->fact, &artifact, &err))
		return 0;
	fprintf(stderr, "%s\n", err.text);
	return (int)err.code;
}

/* ---- installing ---- */

static void export_environment(const struct work_order *order)
{
	struct work_environment environment;

	work_environment(order->job, &environment);
	for (size_t i = 0; environment.at[i] != NULL; i++) {
		char *const copy = strdup(environment.at[i]);

		if (copy != NULL)
			(void)putenv(copy); /* the child's for the rest of its life */
	}
}

struct run {
	const struct installer *kind;
	struct artifact_trust trust;
	struct installer_job job;
};

static bool prepare(const struct work_order *order, const struct artifact *artifact,
	struct run *run, struct error *err)
{
	size_t index = 0;

	if (!agent_settings_installer(order->settings, artifact->payload_type, &index, err)
		|| !file_make_directory(order->directory, 0700, err))
		return false;
	run->kind = order->settings->kinds[index];
	run->trust = (struct artifact_trust){order->trust->keys, order->trust->key_count};
	run->job = (struct installer_job){
		.settings = &order->settings->installers[index],
		.artifact = artifact,
		.trust = &run->trust,
		.file = order->file,
		.directory = order->directory,
		.healthy = order->job->healthy,
	};
	export_environment(order);
	return true;
}

static int complain(const struct error *err, int status)
{
	fprintf(stderr, "%s\n", err->text);
	return status;
}

int work_install(void *self)
{
	const struct work_order *const order = self;
	CLEANUP(artifact_free) struct artifact artifact = {0};
	struct run run = {0};
	struct error err = {0};

	/* Between verifying and now there may have been a power cut, or months. */
	if (!read_artifact(order, &artifact, &err) || !prepare(order, &artifact, &run, &err))
		return complain(&err, INSTALLER_FAILED);
	return run.kind->install(&run.job);
}

int work_commit(void *self)
{
	const struct work_order *const order = self;
	CLEANUP(artifact_free) struct artifact artifact = {0};
	struct run run = {0};
	struct error err = {0};

	if (!verified_load(order->fact, &artifact, &err)
		|| !prepare(order, &artifact, &run, &err))
		return complain(&err, INSTALLER_BROKEN);
	return run.kind->commit(&run.job);
}

int work_roll_back(void *self)
{
	const struct work_order *const order = self;
	CLEANUP(artifact_free) struct artifact artifact = {0};
	struct run run = {0};
	struct error err = {0};

	if (!verified_load(order->fact, &artifact, &err)
		|| !prepare(order, &artifact, &run, &err))
		return complain(&err, INSTALLER_BROKEN);
	return run.kind->rollback(&run.job);
}

int work_look(void *self)
{
	const struct work_order *const order = self;
	CLEANUP(artifact_free) struct artifact artifact = {0};
	struct run run = {0};
	struct error err = {0};

	if (!verified_load(order->fact, &artifact, &err)
		|| !prepare(order, &artifact, &run, &err))
		return complain(&err, INSTALLER_RUNS_UNKNOWN);
	return run.kind->running(&run.job);
}

bool work_timeout(const struct work_order *order, int *timeout_s, struct error *err)
{
	CLEANUP(artifact_free) struct artifact artifact = {0};
	size_t index = 0;

	if (!verified_load(order->fact, &artifact, err)
		|| !agent_settings_installer(
			order->settings, artifact.payload_type, &index, err))
		return false;
	*timeout_s = order->settings->installers[index].timeout_s;
	return true;
}

/* ---- odds and ends ---- */

static int remove_one(const char *path, const struct stat *there, int type, struct FTW *where)
{
	(void)there;
	(void)type;
	(void)where;
	return remove(path);
}

bool work_remove_tree(const char *directory, struct error *err)
{
	enum { DESCRIPTORS = 16 };

	return nftw(directory, remove_one, DESCRIPTORS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) == 0
		|| errno == ENOENT || error_errno(err, "%s: cannot remove", directory);
}

void work_environment(const struct job *job, struct work_environment *environment)
{
	char hex[DIGEST_TEXT];
	const struct {
		const char *name, *value;
	} words[WORK_WORDS] = {
		{"COURIER_DEPLOYMENT", job->deployment},
		{"COURIER_ARTIFACT", job->name},
		{"COURIER_ARTIFACT_BEFORE", job->before},
		{"COURIER_DIGEST", hex},
		{"COURIER_ID", job->courier.id},
		{"COURIER_TECHNICIAN", job->courier.technician},
	};

	digest_text(&job->digest, hex);
	for (size_t i = 0; i < WORK_WORDS; i++) {
		(void)snprintf(environment->text[i], sizeof(environment->text[i]), "%s=%s",
			words[i].name, words[i].value);
		environment->at[i] = environment->text[i];
	}
	environment->at[WORK_WORDS] = NULL;
}
