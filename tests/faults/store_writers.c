/*
 * store_writers - threads that change one store together, for tests to break its disk.
 *
 *   store_writers make HOME                  a new store
 *   store_writers put HOME THREADS EACH      each thread puts EACH devices: a line "kept ID" or
 *                                            "lost ID" tells what it was told of each
 *   store_writers show HOME                  a line for each device that is there; opening
 *                                            has checked the store, its audit log too
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "courier/store_private.h"

enum { THREADS_MAX = 16 };

/* All that the passphrase of a test must cost. */
static const struct crypto_cost cheap = {.log_n = 2, .r = 8, .p = 1};
static const struct passphrase passphrase = {"correct horse"};

struct putter {
	struct store *store;
	pthread_t thread;
	long number, each;
};

/* One write for a line: threads do not mix theirs. */
static void tell(const char *what, const char *id)
{
	char line[128];
	const int len = snprintf(line, sizeof(line), "%s %s\n", what, id);

	if (write(STDOUT_FILENO, line, (size_t)len) != len)
		abort();
}

static void *put_all(void *self)
{
	const struct putter *const putter = self;

	for (long i = 0; i < putter->each; i++) {
		struct store_device device = {.visited = i};
		struct error err = {0};

		(void)snprintf(
			device.id, sizeof(device.id), "pump-%02ld-%03ld", putter->number, i);
		tell(store_put_device(putter->store, &device, "put", &err) ? "kept" : "lost",
			device.id);
	}
	return NULL;
}

static bool put(struct store *store, long threads, long each)
{
	struct putter putters[THREADS_MAX];

	if (threads < 1 || threads > THREADS_MAX)
		return false;
	for (long i = 0; i < threads; i++) {
		putters[i] = (struct putter){.store = store, .number = i, .each = each};
		if (pthread_create(&putters[i].thread, NULL, put_all, &putters[i]) != 0)
			abort();
	}
	for (long i = 0; i < threads; i++)
		(void)pthread_join(putters[i].thread, NULL);
	return true;
}

static bool show(void *self, const struct store_device *device, struct error *err)
{
	(void)self;
	(void)err;
	tell("there", device->id);
	return true;
}

static bool run(int argc, char **argv, struct error *err)
{
	CLEANUP(store_cleanup) struct store *store = NULL;

	if (strcmp(argv[1], "make") == 0)
		return store_create_with_cost(argv[2], &passphrase, cheap, err);
	if (!store_open(argv[2], &passphrase, &store, err))
		return false;
	if (strcmp(argv[1], "show") == 0)
		return store_each_device(store, show, NULL, err);
	return (argc == 5 && put(store, strtol(argv[3], NULL, 10), strtol(argv[4], NULL, 10)))
		|| error_set(err, ERROR_USAGE, "make, put or show?");
}

int main(int argc, char **argv)
{
	struct error err = {0};

	if (argc < 3)
		return 2;
	if (run(argc, argv, &err))
		return 0;
	(void)fprintf(stderr, "store_writers: %s\n", err.text);
	return 1;
}
