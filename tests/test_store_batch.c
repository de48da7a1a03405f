#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/store_home.h"
#include "tests/test.h"

static int begin(void **state)
{
	static struct home home;

	home_init(&home);
	*state = &home;
	return 0;
}

static int end(void **state)
{
	home_done(*state);
	return 0;
}

static void put_many(struct store *store, const char *event, size_t count)
{
	struct error err = {0};

	for (size_t i = 0; i < count; i++) {
		struct store_device device = {0};

		(void)snprintf(device.id, sizeof(device.id), "many-%03zu", i);
		MUST(store_put_device(store, &device, event, &err));
	}
}

static bool count_many(void *self, const struct store_device *device, struct error *err)
{
	(void)err;
	*(size_t *)self += strncmp(device->id, "many-", 5) == 0;
	return true;
}

static bool count_rows(void *self, const struct store_audit_row *row, struct error *err)
{
	(void)row;
	(void)err;
	++*(size_t *)self;
	return true;
}

static void expect_counts(struct store *store, size_t devices, size_t rows)
{
	size_t found = 0, audited = 0;
	struct error err = {0};

	MUST(store_each_device(store, count_many, &found, &err));
	MUST(store_each_audit(store, count_rows, &audited, &err));
	assert_int_equal(found, devices);
	assert_int_equal(audited, rows);
}

static void a_batch_is_kept_whole(void **state)
{
	struct home *const home = *state;
	struct store_batch batch = {0};
	struct error err = {0};

	MUST(store_batch_begin(&batch, home->store, &err));
	put_many(home->store, "one of many", 50);
	expect_counts(home->store, 50, 50);
	MUST(store_batch_commit(&batch, &err));
	store_batch_end(&batch);
	home_close(home);
	home_open(home);
	expect_counts(home->store, 50, 50);
}

static void a_batch_that_is_not_committed_never_was(void **state)
{
	struct home *const home = *state;
	struct store_batch batch = {0};
	struct error err = {0};

	put_many(home->store, "before", 1);
	MUST(store_batch_begin(&batch, home->store, &err));
	put_many(home->store, "one of many", 50);
	store_batch_end(&batch);
	expect_counts(home->store, 1, 1);
	put_many(home->store, "after", 2);
	expect_counts(home->store, 2, 3);
	home_close(home);
	home_open(home);
	expect_counts(home->store, 2, 3);
}

static void a_change_that_fails_within_a_batch_is_undone_alone(void **state)
{
	struct home *const home = *state;
	const struct store_device nameless = {0};
	struct store_batch batch = {0}, inner = {0};
	struct error err = {0};

	MUST(store_batch_begin(&batch, home->store, &err));
	put_many(home->store, "one of many", 5);
	assert_false(store_put_device(home->store, &nameless, "no id", &err));
	assert_false(
		store_move_parcel(home->store, "many-001", "none", PARCEL_FETCHED, NULL, &err));
	assert_false(store_batch_begin(&inner, home->store, &err));
	assert_int_equal(err.code, ERROR_USAGE);
	store_batch_end(&inner);
	put_many(home->store, "again", 6);
	MUST(store_batch_commit(&batch, &err));
	store_batch_end(&batch);
	expect_counts(home->store, 6, 11);
}

struct waiting {
	struct store *store;
	bool told_kept;
};

static void *put_and_wait(void *self)
{
	struct waiting *const waiting = self;
	struct store_device device = {.id = "waiting"};
	struct error err = {0};

	waiting->told_kept = store_put_device(waiting->store, &device, "waits", &err);
	return NULL;
}

static void wait_for_a_member(struct store *store)
{
	for (bool there = false; !there;) {
		CLEANUP(store_unlock) struct store *locked = store_lock(store);

		there = locked->group.count > 0;
	}
}

/* SQLite undoes a transaction by itself when a statement, even one that only reads, meets a
 * failing disk. */
static void a_group_that_was_undone_beneath_its_members_is_kept_by_nobody(void **state)
{
	struct home *const home = *state;
	CLEANUP(store_device_free) struct store_device device = {0};
	struct store_device next = {.id = "many-next"};
	struct waiting waiting = {.store = home->store};
	struct error err = {0};
	pthread_t thread;
	bool found = true;

	put_many(home->store, "before", 1);
	(void)atomic_fetch_add(&home->store->group.coming, 1);
	assert_int_equal(pthread_create(&thread, NULL, put_and_wait, &waiting), 0);
	wait_for_a_member(home->store);
	MUST(sql_run(&home->store->database, "ROLLBACK", &err));
	(void)atomic_fetch_sub(&home->store->group.coming, 1);
	MUST(store_put_device(home->store, &next, "after", &err));
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_false(waiting.told_kept);
	home_close(home);
	home_open(home); /* the audit log is checked here */
	MUST(store_get_device(home->store, "waiting", &device, &found, &err));
	assert_false(found);
	expect_counts(home->store, 2, 2);
}

struct rival {
	struct store *store;
	bool done;
};

static void *put_as_rival(void *self)
{
	struct rival *const rival = self;
	struct store_device device = {.id = "rival"};
	struct error err = {0};

	rival->done = store_put_device(rival->store, &device, "a rival", &err);
	return NULL;
}

static void another_thread_waits_for_a_batch_and_shares_nothing_of_it(void **state)
{
	struct home *const home = *state;
	CLEANUP(store_device_free) struct store_device device = {0};
	struct rival rival = {.store = home->store};
	struct store_batch batch = {0};
	struct error err = {0};
	pthread_t thread;
	bool found = false;

	MUST(store_batch_begin(&batch, home->store, &err));
	assert_int_equal(pthread_create(&thread, NULL, put_as_rival, &rival), 0);
	put_many(home->store, "one of many", 20);
	store_batch_end(&batch);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(rival.done);
	MUST(store_get_device(home->store, "rival", &device, &found, &err));
	assert_true(found);
	expect_counts(home->store, 0, 1);
}

/* ---- groups ---- */

enum { MEMBERS = 8, CHANGES = 60 };

struct member {
	struct store *store;
	unsigned number;
	size_t kept;
};

/* Every third change cannot be. */
static void *change_often(void *self)
{
	struct member *const member = self;
	struct error err = {0};

	for (unsigned i = 0; i < CHANGES; i++) {
		struct store_device device = {0};
		bool kept = false;

		(void)snprintf(device.id, sizeof(device.id), "many-%u-%03u", member->number, i);
		kept = i % 3 == 2 ? store_move_parcel(
			       member->store, device.id, "none", PARCEL_FETCHED, NULL, &err)
				  : store_put_device(member->store, &device, "by one", &err);
		member->kept += kept ? 1 : 0;
	}
	return NULL;
}

static void threads_that_change_together_fail_alone(void **state)
{
	struct home *const home = *state;
	struct member members[MEMBERS];
	pthread_t threads[MEMBERS];

	for (unsigned i = 0; i < MEMBERS; i++) {
		members[i] = (struct member){.store = home->store, .number = i};
		assert_int_equal(
			pthread_create(&threads[i], NULL, change_often, &members[i]), 0);
	}
	for (unsigned i = 0; i < MEMBERS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(members[i].kept, CHANGES / 3 * 2);
	}
	expect_counts(home->store, MEMBERS * CHANGES / 3 * 2, MEMBERS * CHANGES / 3 * 2);
	home_close(home);
	home_open(home);
	expect_counts(home->store, MEMBERS * CHANGES / 3 * 2, MEMBERS * CHANGES / 3 * 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_batch_is_kept_whole, begin, end),
		cmocka_unit_test_setup_teardown(
			a_group_that_was_undone_beneath_its_members_is_kept_by_nobody, begin,
			end),
		cmocka_unit_test_setup_teardown(
			a_batch_that_is_not_committed_never_was, begin, end),
		cmocka_unit_test_setup_teardown(
			a_change_that_fails_within_a_batch_is_undone_alone, begin, end),
		cmocka_unit_test_setup_teardown(
			another_thread_waits_for_a_batch_and_shares_nothing_of_it, begin, end),
		cmocka_unit_test_setup_teardown(
			threads_that_change_together_fail_alone, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
