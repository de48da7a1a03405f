/*
 * The agent's own files, after a bad disk or a curious hand.  By the first byte: 'J' the
 * job, 'M' the marks, 'A' the verified artifact.  What loads, saved and loaded again, is
 * saved the same; and no mark, size or number in it is below zero.  'S' is the integrator's
 * courier-agent.conf: what loads has every part the agent needs, within its limits.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "device-link/agent/agent_settings.h"
#include "device-link/agent/job.h"
#include "device-link/agent/marks.h"
#include "device-link/agent/verified.h"
#include "tests/fuzz/fuzz.h"

static char directory[] = "/dev/shm/fuzz-agent-XXXXXX"; /* where fsync() costs nothing */
static char path[sizeof(directory) + 8];

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void clear(void)
{
	(void)unlink(path);
	(void)rmdir(directory);
}

static void make_place(void)
{
	if (path[0] != 0)
		return;
	must(mkdtemp(directory) != NULL);
	(void)snprintf(path, sizeof(path), "%s/file", directory);
	must(atexit(clear) == 0);
}

static void write_input(struct bytes input)
{
	FILE *const file = fopen(path, "wb");

	must(file != NULL && fwrite(input.at, 1, input.len, file) == input.len);
	must(fclose(file) == 0);
}

/* Load the file, and save what it says: false when it does not load. */
static bool job_again(void)
{
	struct job job;
	struct error err = {0};

	if (!job_load(path, &job, &err))
		return false;
	must(job.size <= INT64_MAX && job.tries <= INT64_MAX);
	must(job.due.sequence <= INT64_MAX);
	must(job_save(path, &job, &err));
	return access(path, F_OK) == 0; /* a job of nothing is no file */
}

static bool marks_again(void)
{
	struct marks marks;
	struct error err = {0};

	if (!marks_load(path, &marks, &err))
		return false;
	must(marks.floor >= 0 && marks.crl >= 0 && marks.counter <= INT64_MAX);
	must(marks_save(path, &marks, &err));
	return true;
}

static bool artifact_again(void)
{
	CLEANUP(artifact_free) struct artifact artifact = {0};
	struct error err = {0};

	if (!verified_load(path, &artifact, &err))
		return false;
	must(artifact.size <= INT64_MAX && artifact.payload_size <= INT64_MAX);
	must(verified_save(path, &artifact, &err));
	return true;
}

static bool check_settings(void)
{
	CLEANUP(agent_settings_free) struct agent_settings settings = {0};
	struct error err = {0};

	if (!agent_settings_load(path, &settings, &err)) {
		must(settings.config == NULL && strncmp(err.text, path, strlen(path)) == 0);
		return false;
	}
	must(settings.state[0] == '/' && settings.spool[0] == '/');
	must(settings.link[0] != 0 && settings.counter[0] != 0);
	must(settings.hook_timeout_s > 0 && settings.health_timeout_s > 0);
	must(settings.installer_count <= STATEMENT_TYPES_MAX);
	for (size_t i = 0; i < settings.installer_count; i++)
		must(settings.kinds[i] != NULL);
	must(settings.artifact_keys == NULL
		|| settings.artifact_keys[settings.artifact_key_count] == NULL);
	return false; /* nothing writes it */
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	CLEANUP(buf_free) struct buf first = {0}, second = {0};
	bool (*const again)(void) = len == 0 ? NULL
		: at[0] == 'J'               ? job_again
		: at[0] == 'M'               ? marks_again
		: at[0] == 'A'               ? artifact_again
		: at[0] == 'S'               ? check_settings
					     : NULL;
	struct error err = {0};

	if (again == NULL)
		return 0;
	make_place();
	write_input((struct bytes){at + 1, len - 1});
	if (!again())
		return 0;
	must(file_read(path, 1 << 22, &first, NULL, &err));
	must(again());
	must(file_read(path, 1 << 22, &second, NULL, &err));
	must(bytes_equal(buf_bytes(&first), buf_bytes(&second)));
	return 0;
}
