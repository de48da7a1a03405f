/*
 * tuf-client - common/tuf with the command line of the TUF client conformance suite.
 *
 *	tuf-client --metadata-dir DIR init ROOT
 *	tuf-client --metadata-url URL --metadata-dir DIR refresh
 *	tuf-client --metadata-url URL --metadata-dir DIR --target-name NAME...
 *		--target-dir DIR --target-base-url URL download
 *
 * Exit status 0 or 1, and no other.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"
#include "common/tuf/tuf_path.h"
#include "tests/conformance/site.h"

enum {
	TARGETS_MAX = 64,
	LOCAL_NAME_MAX = 200,
	TICK_MAX_MS = 100 /* no kernel's clock ticks slower */
};

struct request {
	const char *metadata_url, *metadata_dir, *target_dir, *target_base_url;
	const char *targets[TARGETS_MAX];
	size_t target_count;
	const char *command, *root;
};

struct client {
	const struct request *request;
	struct site site;
	struct timespec last; /* when the last target was written */
};

static void client_done(struct client *client)
{
	site_done(&client->site);
}

static bool open_client(struct client *client, struct tuf **tuf, struct error *err)
{
	client->site.url = client->request->metadata_url;
	client->site.directory = client->request->metadata_dir;
	return site_open(&client->site, tuf, err);
}

/* ---- targets ---- */

/* What is being written: no quoted name begins like this. */
static const char part_prefix[] = ".%new-";

/* The same name for the same path, no slash in it and no dot before it. */
static bool local_path(
	const char *dir, const char *prefix, const char *target, char *path, struct error *err)
{
	char name[LOCAL_NAME_MAX + DIGEST_TEXT];
	struct digest digest;

	if (!tuf_quote(target, name, LOCAL_NAME_MAX)) {
		if (!crypto_sha256(bytes_of(target), &digest, err))
			return false;
		digest_text(&digest, name);
	}

	const bool dot = name[0] == '.';

	if (snprintf(path, PATH_MAX, "%s/%s%s%s", dir, prefix, dot ? "%2E" : "",
		    name + (dot ? 1 : 0))
		>= PATH_MAX)
		return error_set(err, ERROR_FAILED, "%s: path too long", dir);
	return true;
}

static bool check_all(struct source source, struct tuf_check *check, struct error *err)
{
	uint8_t at[65536];
	size_t got = 0;

	do
		if (!source.read(source.self, at, sizeof(at), &got, err)
			|| !tuf_check_add(check, (struct bytes){at, got}, err))
			return false;
	while (got > 0);
	return tuf_check_end(check, err);
}

/* Is the target here already? */
static bool is_here(const struct tuf_target *target, const char *path)
{
	CLEANUP(file_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	CLEANUP(tuf_check_cleanup) struct tuf_check *check = NULL;
	struct error err = {0};

	return fd >= 0 && tuf_check_new(target, &check, &err)
		&& check_all(file_source(&fd), check, &err);
}

struct download {
	struct tuf_check *check;
	struct sink file;
};

static bool write_checked(void *self, struct bytes bytes, struct error *err)
{
	const struct download *const download = self;

	return tuf_check_add(download->check, bytes, err)
		&& download->file.write(download->file.self, bytes, err);
}

static bool fetch_target(
	struct client *client, const struct tuf_target *target, int *fd, struct error *err)
{
	CLEANUP(tuf_check_cleanup) struct tuf_check *check = NULL;
	CLEANUP(buf_free) struct buf name = {0}, url = {0};
	const char *text = NULL;
	bool found = false;

	if (!tuf_check_new(target, &check, err) || !tuf_target_url(target, &name, err)
		|| !buf_text(&name, &text, err)
		|| !site_join(client->request->target_base_url, text, &url, err)
		|| !buf_text(&url, &text, err))
		return false;

	struct download download = {check, file_sink(fd)};

	if (!get(client->site.get, text, (struct sink){write_checked, &download}, &found, err))
		return false;
	if (!found)
		return error_set(err, ERROR_FAILED, "%s: not there", text);
	return tuf_check_end(check, err);
}

static bool is_later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

/* Files are in the order of their times, which are those of a clock that ticks slowly:
 * wait for the next tick when the one before was as fast. */
static bool order(struct client *client, int fd, struct error *err)
{
	static const struct timespec pause = {.tv_nsec = 1000000};
	struct stat there = {0};

	if (fstat(fd, &there) != 0)
		return error_errno(err, "cannot tell a file's time");
	for (int i = 0; i < TICK_MAX_MS && !is_later(&there.st_mtim, &client->last); i++) {
		(void)nanosleep(&pause, NULL);
		if (futimens(fd, NULL) != 0 || fstat(fd, &there) != 0)
			return error_errno(err, "cannot set a file's time");
	}
	client->last = there.st_mtim;
	return true;
}

/* Into a file of its own first, so that what is there stays until this is it. */
static bool replace_target(struct client *client, const struct tuf_target *target,
	const char *path, struct error *err)
{
	char part[PATH_MAX];
	CLEANUP(file_close) int fd = -1;

	if (!local_path(client->request->target_dir, part_prefix, target->path, part, err))
		return false;
	fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return error_errno(err, "%s: cannot create", part);

	const bool ok = fetch_target(client, target, &fd, err) && order(client, fd, err);

	if (ok && fsync(fd) != 0)
		(void)error_errno(err, "%s: cannot sync", part);
	else if (ok && file_rename(part, path, err))
		return true;
	(void)unlink(part);
	return false;
}

static bool download_one(
	struct client *client, struct tuf *tuf, const char *name, struct error *err)
{
	struct tuf_target target = {0};
	char path[PATH_MAX];
	bool found = false;

	if (!tuf_find(tuf, name, &target, &found, err))
		return false;
	if (!found)
		return error_set(err, ERROR_FAILED, "no role signs it");
	if (!local_path(client->request->target_dir, "", name, path, err))
		return false;
	return is_here(&target, path) || replace_target(client, &target, path, err);
}

/* ---- commands ---- */

static bool run_init(const struct request *request, struct error *err)
{
	CLEANUP(buf_free) struct buf root = {0};
	char path[PATH_MAX];

	return file_make_directory(request->metadata_dir, 0755, err)
		&& file_path(path, sizeof(path), request->metadata_dir, "root.json", err)
		&& file_read(request->root, TUF_ROOT_MAX, &root, NULL, err)
		&& file_replace(path, buf_bytes(&root), 0644, err);
}

static bool run_refresh(const struct request *request, struct error *err)
{
	CLEANUP(client_done) struct client client = {.request = request};
	CLEANUP(tuf_cleanup) struct tuf *tuf = NULL;

	return open_client(&client, &tuf, err) && tuf_refresh(tuf, err);
}

static bool run_download(const struct request *request, struct error *err)
{
	CLEANUP(client_done) struct client client = {.request = request};
	CLEANUP(tuf_cleanup) struct tuf *tuf = NULL;

	if (!file_make_directory(request->target_dir, 0755, err)
		|| !open_client(&client, &tuf, err) || !tuf_refresh(tuf, err))
		return false;
	for (size_t i = 0; i < request->target_count; i++)
		if (!download_one(&client, tuf, request->targets[i], err))
			return error_while(err, "%s", request->targets[i]);
	return true;
}

static bool run(const struct request *request, struct error *err)
{
	const char *const command = request->command;

	if (command == NULL || request->metadata_dir == NULL)
		return error_set(err, ERROR_USAGE, "no command, or no --metadata-dir");
	if (strcmp(command, "init") == 0 && request->root != NULL)
		return run_init(request, err);
	if (request->metadata_url == NULL)
		return error_set(err, ERROR_USAGE, "no --metadata-url");
	if (strcmp(command, "refresh") == 0)
		return run_refresh(request, err);
	if (strcmp(command, "download") != 0 || request->target_count == 0
		|| request->target_dir == NULL || request->target_base_url == NULL)
		return error_set(
			err, ERROR_USAGE, "%s: no such command, or no target", command);
	return run_download(request, err);
}

static bool take_option(
	struct request *request, const char *option, const char *value, struct error *err)
{
	const struct {
		const char *name;
		const char **to;
	} options[] = {
		{"--metadata-url", &request->metadata_url},
		{"--metadata-dir", &request->metadata_dir},
		{"--target-dir", &request->target_dir},
		{"--target-base-url", &request->target_base_url},
		{"--target-name", &request->targets[request->target_count]},
	};

	for (size_t i = 0; i < COUNT(options); i++)
		if (strcmp(option, options[i].name) == 0) {
			*options[i].to = value;
			request->target_count += i == COUNT(options) - 1 ? 1 : 0;
			return true;
		}
	return error_set(err, ERROR_USAGE, "%s: no such option", option);
}

static bool parse(int argc, char **argv, struct request *request, struct error *err)
{
	int i = 1;

	for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
		if (request->target_count == TARGETS_MAX)
			return error_set(err, ERROR_USAGE, "more than %d targets", TARGETS_MAX);
		if (!take_option(request, argv[i], argv[i + 1], err))
			return false;
	}
	if (i < argc)
		request->command = argv[i];
	if (i + 1 < argc)
		request->root = argv[i + 1];
	return true;
}

int main(int argc, char **argv)
{
	struct request request = {0};
	struct error err = {0};

	if (parse(argc, argv, &request, &err) && run(&request, &err))
		return EXIT_SUCCESS;
	(void)fprintf(stderr, "tuf-client: %s\n", err.text);
	return EXIT_FAILURE;
}
