/*
 * A child changes a store and tells what is done; it is killed at a moment that a seed
 * chooses; what it told is there, and at most one change more.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "courier/store_blob.h"
#include "tests/store_home.h"
#include "tests/test.h"

enum { ROUNDS = 30, STEPS = 400, TOLD_MAX = 12, WAIT_MAX_US = 3000 };

/* ---- the child ---- */

/* Step N is one transaction: a parcel is put, fetched, answered, and begins anew. */
static bool step(struct store *store, unsigned n, struct error *err)
{
	struct store_receipt receipt = {.device = "dev", .sequence = n + 1, .verified = true};
	struct store_parcel parcel = {.device = "dev", .attempt = 1};

	(void)snprintf(parcel.deployment, sizeof(parcel.deployment), "d%u", n / 3);
	if (n % 3 == 0)
		return store_put_parcel(store, &parcel, "assigned", err);
	if (n % 3 == 1)
		return store_move_parcel(
			store, "dev", parcel.deployment, PARCEL_FETCHED, NULL, err);

	const bool done = buf_print(&receipt.envelope, err, "receipt of %u", n)
		&& store_put_receipt(
			store, &receipt, parcel.deployment, true, PARCEL_OUTCOME, err);

	store_receipt_free(&receipt);
	return done;
}

/* Tell, by one byte each, what is durable. */
static _Noreturn void work(const struct home *home, int told, unsigned from)
{
	struct store *store = NULL;
	struct error err = {0};

	if (!store_open(home->path, &home->passphrase, &store, &err))
		_exit(1);
	for (unsigned n = from; n < from + STEPS; n++)
		if (!step(store, n, &err) || write(told, ".", 1) != 1)
			_exit(1);
	for (;;)
		(void)pause();
}

/* Write a blob, again and again from where it is; a byte for each that is whole. */
static _Noreturn void carry(const struct home *home, int told, const uint8_t *content)
{
	struct store *store = NULL;
	struct error err = {0};
	char name[16];

	if (!store_open(home->path, &home->passphrase, &store, &err))
		_exit(1);
	for (unsigned n = 0; n < STEPS; n++) {
		struct store_blob *blob = NULL;
		uint64_t offset = 0;
		struct sink sink;

		(void)snprintf(name, sizeof(name), "b%u", n);
		if (!store_blob_begin(store, name, &blob, &sink, &offset, &err)) {
			if (err.code != ERROR_NOTHING)
				_exit(1);
		} else if (!sink.write(sink.self,
				   (struct bytes){
					   content + offset, HOME_BLOB_SIZE - (size_t)offset},
				   &err)
			|| !store_blob_finish(blob, &err)) {
			_exit(1);
		}
		store_blob_close(blob);
		if (write(told, ".", 1) != 1)
			_exit(1);
	}
	for (;;)
		(void)pause();
}

/* ---- the parent ---- */

/* Kill the child a moment after it told as much as the seed says, at most MOST; how much
 * it told in the end. */
static unsigned kill_at(pid_t child, int told, uint64_t seed, unsigned most)
{
	uint32_t random[2] = {0};
	unsigned count = 0;
	int status = 0;
	char byte = 0;

	noise(seed, (uint8_t *)random, sizeof(random));
	for (const unsigned least = random[0] % (most + 1); count < least; count++)
		assert_int_equal(read(told, &byte, 1), 1);

	const struct timespec wait = {0, 1000L * (long)(random[1] % WAIT_MAX_US)};

	(void)nanosleep(&wait, NULL);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	while (read(told, &byte, 1) == 1)
		count++;
	assert_int_equal(close(told), 0);
	return count;
}

static bool count_row(void *self, const struct store_audit_row *row, struct error *err)
{
	(void)row;
	(void)err;
	++*(unsigned *)self;
	return true;
}

/* As many changes as the audit log has rows, no more and no fewer. */
static void assert_state(struct home *home, unsigned done)
{
	for (unsigned n = 0; n < done; n++) {
		CLEANUP(store_parcel_free) struct store_parcel parcel = {0};
		struct error err = {0};
		bool found = false, has = false;
		char deployment[16];

		(void)snprintf(deployment, sizeof(deployment), "d%u", n / 3);
		MUST(store_get_parcel(home->store, "dev", deployment, &parcel, &found, &err));
		assert_true(found);
		if (n + 1 == done || n % 3 == 2)
			assert_int_equal(parcel.state,
				n % 3 == 0           ? PARCEL_WANTED
					: n % 3 == 1 ? PARCEL_READY
						     : PARCEL_ANSWERED);
		MUST(store_has_receipt(home->store, "dev", n + 1, &has, &err));
		assert_int_equal(has, n % 3 == 2);
	}
}

static void a_change_that_returned_survives_a_kill(void **state)
{
	struct error err = {0};
	unsigned done = 0;
	struct home home;

	(void)state;
	home_init(&home);
	for (uint64_t round = 0; round < ROUNDS; round++) {
		unsigned rows = 0;
		int ends[2];

		home_close(&home);
		assert_int_equal(pipe(ends), 0);

		const pid_t child = fork();

		if (child == 0)
			work(&home, ends[1], done);
		assert_int_equal(close(ends[1]), 0);

		const unsigned told = kill_at(child, ends[0], round + 1, TOLD_MAX);

		home_open(&home);
		MUST(store_each_audit(home.store, count_row, &rows, &err));
		if (rows != done + told && rows != done + told + 1)
			fail_msg("round %d: %u rows, %u told", (int)round, rows - done, told);
		done = rows;
		assert_state(&home, done);
	}
	assert_true(done > 0);
	home_done(&home);
}

static void a_blob_survives_a_kill_as_a_part_or_whole(void **state)
{
	uint8_t *const content = malloc(HOME_BLOB_SIZE), *const got = malloc(HOME_BLOB_SIZE);
	struct error err = {0};
	unsigned most = 0;
	struct home home;

	(void)state;
	assert_non_null(content);
	assert_non_null(got);
	noise(5, content, HOME_BLOB_SIZE);
	home_init(&home);
	for (uint64_t round = 0; round < ROUNDS; round++) {
		int ends[2];

		home_close(&home);
		assert_int_equal(pipe(ends), 0);

		const pid_t child = fork();

		if (child == 0)
			carry(&home, ends[1], content);
		assert_int_equal(close(ends[1]), 0);

		const unsigned told = kill_at(child, ends[0], 100 + round, TOLD_MAX);

		most = told > most ? told : most;
		home_open(&home);
		for (unsigned n = 0; n < told; n++) {
			CLEANUP(store_reader_cleanup) struct store_reader *reader = NULL;
			char name[16];

			(void)snprintf(name, sizeof(name), "b%u", n);
			MUST(store_reader_open(home.store, name, &reader, &err));
			assert_int_equal(store_reader_size(reader), HOME_BLOB_SIZE);
			MUST(store_reader_at(reader, 0, got, HOME_BLOB_SIZE, &err));
			assert_memory_equal(got, content, HOME_BLOB_SIZE);
		}
	}
	assert_true(most > 0);
	home_done(&home);
	free(content);
	free(got);
}

/* A store is made whole or not at all. */
static _Noreturn void make(const char *home, const struct passphrase *passphrase)
{
	const struct crypto_cost cost = {.log_n = 2, .r = 8, .p = 1};
	struct error err = {0};

	if (!store_create_with_cost(home, passphrase, cost, &err))
		_exit(1);
	for (;;)
		(void)pause();
}

static void a_store_half_made_is_none(void **state)
{
	(void)state;
	for (uint64_t round = 0; round < ROUNDS; round++) {
		struct home home;
		int ends[2];

		home_init(&home);
		home_wipe(&home);
		assert_int_equal(pipe(ends), 0);

		const pid_t child = fork();

		if (child == 0)
			make(home.path, &home.passphrase);
		assert_int_equal(close(ends[1]), 0);
		(void)kill_at(child, ends[0], 1000 + round, 0);
		if (!store_exists(home.path)) {
			const struct crypto_cost cost = {.log_n = 2, .r = 8, .p = 1};
			struct error err = {0};

			MUST(store_create_with_cost(home.path, &home.passphrase, cost, &err));
		}
		home_open(&home);
		home_done(&home);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_change_that_returned_survives_a_kill),
		cmocka_unit_test(a_blob_survives_a_kill_as_a_part_or_whole),
		cmocka_unit_test(a_store_half_made_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
