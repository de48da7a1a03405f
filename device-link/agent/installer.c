#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/file.h"
#include "device-link/agent/installer.h"

/* keep alphabetised */
static const struct installer *const installers[] = {
	&installer_exec,
	&installer_file,
	&installer_mender,
};

bool installer_find(const char *name, const struct installer **out, struct error *err)
{
	for (size_t i = 0; i < COUNT(installers); i++) {
		if (strcmp(installers[i]->name, name) == 0) {
			*out = installers[i];
			return true;
		}
	}
	return error_set(
		err, ERROR_USAGE, "%s: no such installer; there are exec, file, mender", name);
}

/* ---- unpacking ---- */

struct unpack {
	const char *directory;
	char path[PATH_MAX];
	int fd;
};

static bool unpack_begin(void *self, const char *name, uint64_t size, struct error *err)
{
	struct unpack *const unpack = self;

	(void)size;
	if (!file_path(unpack->path, sizeof(unpack->path), unpack->directory, name, err))
		return false;
	unpack->fd = open(
		unpack->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	return unpack->fd >= 0 || error_errno(err, "%s: cannot create", unpack->path);
}

static bool unpack_write(void *self, struct bytes bytes, struct error *err)
{
	struct unpack *const unpack = self;
	const struct sink sink = file_sink(&unpack->fd);

	return sink.write(sink.self, bytes, err) || error_while(err, "%s", unpack->path);
}

static bool unpack_end(void *self, struct error *err)
{
	struct unpack *const unpack = self;
	const bool ok
		= fsync(unpack->fd) == 0 || error_errno(err, "%s: cannot sync", unpack->path);

	file_close(&unpack->fd);
	return ok;
}

bool installer_unpack(const struct installer_job *job, const char *directory, struct error *err)
{
	CLEANUP(artifact_free) struct artifact artifact = {0};
	CLEANUP(file_close) int fd = open(job->file, O_RDONLY | O_CLOEXEC);
	struct unpack unpack = {.directory = directory, .fd = -1};
	const struct artifact_payload payload
		= {unpack_begin, unpack_write, unpack_end, &unpack};

	if (fd < 0)
		return error_errno(err, "%s: cannot open", job->file);
	if (!file_make_directory(directory, 0700, err))
		return false;

	const bool ok = artifact_read(file_source(&fd), job->trust, &payload, &artifact, err);

	file_close(&unpack.fd);
	if (!ok)
		return false;
	if (!digest_equal(&artifact.digest, &job->artifact->digest))
		return error_set(
			err, ERROR_SIGNATURE, "%s: changed since it was verified", job->file);
	return file_sync_directory_of(unpack.path, err);
}

static int remove_one(const char *path, const struct stat *there, int type, struct FTW *where)
{
	(void)there;
	(void)type;
	(void)where;
	return remove(path);
}

bool installer_clear(const char *directory, struct error *err)
{
	enum { DESCRIPTORS = 16 };

	if (nftw(directory, remove_one, DESCRIPTORS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0)
		return errno == ENOENT || error_errno(err, "%s: cannot remove", directory);
	return file_sync_directory_of(directory, err);
}

int installer_run(const char *const *argv)
{
	enum { UNRUN = 126 };
	char *const *words = NULL;
	int status = 0;
	const pid_t pid = fork();

	if (pid == 0) {
		/* It changes no word; only its type is from before const. */
		memcpy(&words, &argv, sizeof(words));
		(void)execvp(argv[0], words);
		fprintf(stderr, "%s: cannot run: %s\n", argv[0], strerror(errno));
		_exit(UNRUN);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (pid < 0)
		return UNRUN;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	fprintf(stderr, "%s: killed by signal %d\n", argv[0], WTERMSIG(status));
	return INSTALLER_RUN_KILLED;
}
