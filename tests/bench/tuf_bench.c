/*
 * tuf_bench - refresh, then search, as the peers of tests/bench/tuf.py do.
 *
 *	tuf_bench URL DIR < PATHS
 *
 * DIR holds the trusted root.json and keeps the rest.  Each line of standard input is the
 * path of a target, which must be found.  Says in JSON how long what took, twice over the
 * same paths: the second time all of them have been seen.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/conformance/site.h"

static double seconds(void)
{
	struct timespec now = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool read_all(struct buf *out, struct error *err)
{
	uint8_t at[65536];
	size_t got = 0;

	while ((got = fread(at, 1, sizeof(at), stdin)) > 0)
		if (!buf_append(out, (struct bytes){at, got}, err))
			return false;
	return true;
}

static bool find(struct tuf *tuf, const char *path, struct error *err)
{
	struct tuf_target target = {0};
	bool found = false;

	if (!tuf_find(tuf, path, &target, &found, err))
		return false;
	return found || error_set(err, ERROR_FAILED, "%s: not found", path);
}

/* PATHS: one after the other, each with a NUL behind it. */
static bool find_all(struct tuf *tuf, struct bytes paths, struct error *err)
{
	const char *const end = (const char *)paths.at + paths.len;

	for (const char *at = (const char *)paths.at; at < end; at += strlen(at) + 1)
		if (!find(tuf, at, err))
			return false;
	return true;
}

static bool run(struct site *site, struct error *err)
{
	CLEANUP(tuf_cleanup) struct tuf *tuf = NULL;
	CLEANUP(buf_free) struct buf paths = {0};
	double times[4] = {0};

	if (!read_all(&paths, err))
		return false;
	for (size_t i = 0; i < paths.len; i++)
		if (paths.at[i] == '\n')
			paths.at[i] = 0;
	times[0] = seconds();
	if (!site_open(site, &tuf, err) || !tuf_refresh(tuf, err))
		return false;
	times[1] = seconds();
	if (!find_all(tuf, buf_bytes(&paths), err))
		return false;
	times[2] = seconds();
	if (!find_all(tuf, buf_bytes(&paths), err))
		return false;
	times[3] = seconds();
	(void)printf("{\"refresh_s\": %.6f, \"search_s\": %.6f, \"again_s\": %.6f}\n",
		times[1] - times[0], times[2] - times[1], times[3] - times[2]);
	return true;
}

int main(int argc, char **argv)
{
	CLEANUP(site_done) struct site site = {0};
	struct error err = {0};

	if (argc == 3) {
		site.url = argv[1];
		site.directory = argv[2];
		if (run(&site, &err))
			return EXIT_SUCCESS;
	}
	(void)fprintf(stderr, "tuf_bench: %s\n", argc == 3 ? err.text : "usage: URL DIR");
	return EXIT_FAILURE;
}
