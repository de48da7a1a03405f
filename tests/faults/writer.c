/*
 * writer - keeps a number in a file as a careful program does, or as careless ones do:
 * what a layer that drops unsynced writes must let pass, and must catch.
 *
 *   writer HOW DIRECTORY COUNT     HOW: right, no-sync, no-directory-sync, in-place
 *
 * DIRECTORY/value holds one number, written out LINES times, so that a torn file shows.  A
 * line on stdout tells each number that is safe.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINES = 400 };

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

static void put(const char *path, long number, bool sync)
{
	char text[32 * LINES];
	size_t len = 0;
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	for (int i = 0; i < LINES; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%ld\n", number);
	must(fd >= 0, path);
	must(write(fd, text, len / 2) == (ssize_t)(len / 2), path);
	must(write(fd, text + len / 2, len - len / 2) == (ssize_t)(len - len / 2), path);
	must(!sync || fsync(fd) == 0, path);
	(void)close(fd);
}

static void sync_directory(const char *path)
{
	const int fd = open(path, O_RDONLY | O_DIRECTORY);

	must(fd >= 0 && fsync(fd) == 0, path);
	(void)close(fd);
}

int main(int argc, char **argv)
{
	char new[4096], value[4096];

	if (argc != 4)
		return 2;
	/* As on a real disk, however full. */
	if (mkdir(argv[2], 0700) == 0 || errno != EEXIST)
		return 3;
	(void)snprintf(new, sizeof(new), "%s/value.new", argv[2]);
	(void)snprintf(value, sizeof(value), "%s/value", argv[2]);
	for (long number = 1; number <= strtol(argv[3], NULL, 10); number++) {
		const bool in_place = strcmp(argv[1], "in-place") == 0;

		put(in_place ? value : new, number, strcmp(argv[1], "no-sync") != 0);
		must(in_place || rename(new, value) == 0, value);
		if (strcmp(argv[1], "no-directory-sync") != 0)
			sync_directory(argv[2]);
		printf("%ld\n", number);
		must(fflush(stdout) == 0, "stdout");
	}
	return 0;
}
