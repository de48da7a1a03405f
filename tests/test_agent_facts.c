/* What the agent keeps on disk: receipts, the job, marks, the spool, the log. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "device-link/agent/job.h"
#include "device-link/agent/job_log.h"
#include "device-link/agent/marks.h"
#include "device-link/agent/ring.h"
#include "device-link/agent/spool.h"
#include "device-link/agent/work.h"
#include "tests/test.h"

static char *directory;

static int make(void **state)
{
	(void)state;
	directory = strdup("/tmp/courier-facts-XXXXXX");
	return directory != NULL && mkdtemp(directory) != NULL ? 0 : -1;
}

static int clear(void **state)
{
	struct error err = {0};

	(void)state;
	MUST(work_remove_tree(directory, &err));
	free(directory);
	return 0;
}

static const char *path_of(const char *name, char path[PATH_MAX])
{
	(void)snprintf(path, PATH_MAX, "%s/%s", directory, name);
	return path;
}

/* ---- receipts ---- */

static const struct digest none; /* of the artifacts of these receipts */

static void append(struct ring *ring, const struct crypto_key *key,
	const struct crypto_public *half, uint64_t sequence)
{
	struct receipt receipt = {.sequence = sequence, .outcome = OUTCOME_CONFIRMED};
	struct error err = {0};

	MUST(crypto_public_fingerprint(half, &receipt.key, &err));
	(void)snprintf(receipt.deployment, sizeof(receipt.deployment), "dep-%llu",
		(unsigned long long)sequence);
	MUST(ring_append(ring, &receipt, key, bytes_of("log"), bytes_of("inventory"), &err));
}

static void the_ring_keeps_the_newest_and_the_chain(void **state)
{
	CLEANUP(crypto_key_cleanup) struct crypto_key *key = NULL;
	CLEANUP(crypto_public_cleanup) struct crypto_public *half = NULL;
	CLEANUP(buf_free) struct buf first = {0}, second = {0}, other = {0};
	struct ring ring, again;
	struct receipt receipt;
	struct digest digest;
	struct error err = {0};
	bool found = false;

	(void)state;
	MUST(crypto_key_generate(CRYPTO_ED25519, &key, &err));
	MUST(crypto_public_of(key, &half, &err));
	MUST(ring_load(&ring, directory, half, &err));
	assert_int_equal(ring_newest(&ring), 0);
	for (uint64_t i = 1; i <= MESSAGE_RING + 3; i++)
		append(&ring, key, half, i);
	MUST(ring_load(&again, directory, half, &err));
	assert_int_equal(ring_oldest(&again), 4);
	assert_int_equal(ring_newest(&again), MESSAGE_RING + 3);
	assert_memory_equal(&ring, &again, sizeof(ring));
	assert_null(ring_find(&ring, "dep-3", &none));
	assert_int_equal(ring_find(&ring, "dep-4", &none)->sequence, 4);

	MUST(ring_read(&ring, 3, &first, &other, &other, &found, &err));
	assert_false(found);
	MUST(ring_read(&ring, 4, &first, &other, &other, &found, &err));
	assert_true(found);
	MUST(ring_read(&ring, 5, &second, &other, &other, &found, &err));
	MUST(receipt_open(buf_bytes(&second), half, &receipt, &err));
	MUST(crypto_sha256(buf_bytes(&first), &digest, &err));
	assert_true(digest_equal(&receipt.previous, &digest));
	/* No number twice, and none left out. */
	receipt.sequence = MESSAGE_RING + 3;
	assert_false(ring_append(&ring, &receipt, key, bytes_of(""), bytes_of(""), &err));
	assert_int_equal(err.code, ERROR_DAMAGED);
}

static bool has(const struct ring *ring, uint64_t sequence)
{
	CLEANUP(buf_free) struct buf envelope = {0}, log = {0}, inventory = {0};
	struct error err = {0};
	bool found = false;

	MUST(ring_read(ring, sequence, &envelope, &log, &inventory, &found, &err));
	return found;
}

static void a_damaged_receipt_harms_no_other(void **state)
{
	CLEANUP(crypto_key_cleanup) struct crypto_key *key = NULL;
	CLEANUP(crypto_public_cleanup) struct crypto_public *half = NULL;
	struct ring ring;
	struct error err = {0};
	char path[PATH_MAX];

	(void)state;
	MUST(crypto_key_generate(CRYPTO_ED25519, &key, &err));
	MUST(crypto_public_of(key, &half, &err));
	MUST(ring_load(&ring, directory, half, &err));
	append(&ring, key, half, 1);
	append(&ring, key, half, 2);
	MUST(file_replace(
		path_of("0000000000000002.receipt", path), bytes_of("rot"), 0600, &err));
	MUST(ring_load(&ring, directory, half, &err));
	assert_int_equal(ring_newest(&ring), 2);
	assert_null(ring_find(&ring, "dep-2", &none));
	assert_non_null(ring_find(&ring, "dep-1", &none));
	assert_true(has(&ring, 1));
	assert_false(has(&ring, 2)); /* a courier would stop at it */
	append(&ring, key, half, 3);
}

static void what_a_former_key_signed_is_still_given(void **state)
{
	CLEANUP(crypto_key_cleanup) struct crypto_key *key = NULL, *later = NULL;
	CLEANUP(crypto_public_cleanup) struct crypto_public *half = NULL, *later_half = NULL;
	struct ring ring;
	struct error err = {0};

	(void)state;
	MUST(crypto_key_generate(CRYPTO_ED25519, &key, &err));
	MUST(crypto_public_of(key, &half, &err));
	MUST(crypto_key_generate(CRYPTO_ED25519, &later, &err));
	MUST(crypto_public_of(later, &later_half, &err));
	MUST(ring_load(&ring, directory, half, &err));
	append(&ring, key, half, 1);
	MUST(ring_load(&ring, directory, later_half, &err));
	append(&ring, later, later_half, 2);
	assert_null(ring_find(&ring, "dep-1", &none));
	assert_true(has(&ring, 1));
	assert_true(has(&ring, 2));
}

static void append_outcome(struct ring *ring, const struct crypto_key *key,
	const struct crypto_public *half, enum outcome outcome, const char *courier)
{
	struct receipt receipt = {.sequence = ring_newest(ring) + 1, .outcome = outcome};
	struct error err = {0};

	MUST(crypto_public_fingerprint(half, &receipt.key, &err));
	(void)snprintf(receipt.deployment, sizeof(receipt.deployment), "dep-%llu",
		(unsigned long long)receipt.sequence);
	(void)snprintf(receipt.courier, sizeof(receipt.courier), "%s", courier);
	receipt.code = outcome == OUTCOME_CONFIRMED ? ERROR_NONE : ERROR_ROLLBACK;
	MUST(ring_append(ring, &receipt, key, bytes_of(""), bytes_of(""), &err));
}

/* Refusals until there is no room: how many? */
static unsigned refuse_all(struct ring *ring, const struct crypto_key *key,
	const struct crypto_public *half, const char *courier)
{
	unsigned count = 0;

	for (; ring_may_refuse(ring, courier); count++)
		append_outcome(ring, key, half, OUTCOME_REFUSED, courier);
	return count;
}

static void refusals_never_push_out_outcomes(void **state)
{
	CLEANUP(crypto_key_cleanup) struct crypto_key *key = NULL;
	CLEANUP(crypto_public_cleanup) struct crypto_public *half = NULL;
	struct ring ring;
	struct error err = {0};
	unsigned sum = 0;

	(void)state;
	MUST(crypto_key_generate(CRYPTO_ED25519, &key, &err));
	MUST(crypto_public_of(key, &half, &err));
	MUST(ring_load(&ring, directory, half, &err));
	append_outcome(&ring, key, half, OUTCOME_CONFIRMED, "c0");
	for (int i = 1; i <= 20; i++) {
		char courier[8];

		(void)snprintf(courier, sizeof(courier), "c%d", i);

		const unsigned count = refuse_all(&ring, key, half, courier);

		sum += count;
		assert_true(count <= RING_REFUSED_OF_ONE_MAX);
		assert_true(i > 1 || count == RING_REFUSED_OF_ONE_MAX);
		/* As the next agent finds it. */
		MUST(ring_load(&ring, directory, half, &err));
	}
	assert_int_equal(sum, RING_REFUSED_MAX);
	assert_int_equal(ring_oldest(&ring), 1);
	assert_int_equal(ring_newest(&ring), 1 + RING_REFUSED_MAX);
	assert_int_equal(ring_find(&ring, "dep-1", &none)->outcome, OUTCOME_CONFIRMED);
	/* As outcomes come, refusals leave, and there is room for another. */
	for (unsigned i = 0; i < MESSAGE_RING - RING_REFUSED_MAX; i++)
		append_outcome(&ring, key, half, OUTCOME_CONFIRMED, "c0");
	assert_false(ring_may_refuse(&ring, "c20"));
	append_outcome(&ring, key, half, OUTCOME_CONFIRMED, "c0");
	assert_true(ring_may_refuse(&ring, "c20"));
}

static void what_was_only_refused_binds_nobody(void **state)
{
	CLEANUP(crypto_key_cleanup) struct crypto_key *key = NULL;
	CLEANUP(crypto_public_cleanup) struct crypto_public *half = NULL;
	static const struct digest other = {{1}};
	struct ring ring;
	struct error err = {0};

	(void)state;
	MUST(crypto_key_generate(CRYPTO_ED25519, &key, &err));
	MUST(crypto_public_of(key, &half, &err));
	MUST(ring_load(&ring, directory, half, &err));
	append_outcome(&ring, key, half, OUTCOME_REFUSED, "c1");
	append_outcome(&ring, key, half, OUTCOME_CONFIRMED, "c1");
	assert_non_null(ring_find(&ring, "dep-1", &none));
	assert_null(ring_find(&ring, "dep-1", &other));
	assert_false(ring_was_tried(&ring, "dep-1"));
	assert_true(ring_was_tried(&ring, "dep-2"));
	assert_false(ring_was_tried(&ring, "dep-3"));
}

/* ---- the job ---- */

static void a_job_comes_back_as_it_was(void **state)
{
	struct job job = {.phase = JOB_REBOOTING,
			   .deployment = "dep-1",
			   .name = "rel-2",
			   .before = "rel-1",
			   .size = 12345,
			   .unpacked = 99,
			   .stage = true,
			   .rolled_back = true,
			   .healthy = true,
			   .tries = 2,
			   .mismatches = 1,
			   .boot = "boot-1",
			   .code = ERROR_FAILED,
			   .reason = "the health hook says \"no\"",
			   .courier = {.id = "c1", .technician = "Ann"},
			   .due = {7, OUTCOME_INSTALLED, ERROR_NONE, ""}},
		   back;
	struct error err = {0};
	char path[PATH_MAX];

	(void)state;
	job.courier.exporter[31] = 9;
	MUST(job_load(path_of("job.json", path), &back, &err));
	assert_int_equal(back.phase, JOB_NONE);
	MUST(job_save(path, &job, &err));
	MUST(job_load(path, &back, &err));
	assert_memory_equal(&job, &back, sizeof(job));
	MUST(file_replace(path, bytes_of("{\"phase\":\"dreaming\"}"), 0600, &err));
	assert_false(job_load(path, &back, &err));
	assert_int_equal(err.code, ERROR_MALFORMED);
	job.phase = JOB_NONE;
	job.due.sequence = 0;
	MUST(job_save(path, &job, &err));
	assert_int_not_equal(access(path, F_OK), 0);
}

static void marks_that_are_there_need_no_room(void **state)
{
	const struct marks marks = {.floor = 1790000000, .crl = 7, .counter = 42};
	const struct marks more = {.floor = 1790000000, .crl = 8, .counter = 42};
	struct stat before, after;
	struct error err = {0};
	char path[PATH_MAX];

	(void)state;
	MUST(marks_save(path_of("marks.json", path), &marks, &err));
	assert_int_equal(stat(path, &before), 0);
	MUST(marks_save(path, &marks, &err));
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	MUST(marks_save(path, &more, &err));
	assert_int_equal(stat(path, &after), 0);
	assert_int_not_equal(before.st_ino, after.st_ino);
}

static void marks_come_back_or_are_zero(void **state)
{
	struct marks marks = {.floor = 1, .crl = 2, .counter = 3};
	struct error err = {0};
	char path[PATH_MAX];

	(void)state;
	MUST(marks_load(path_of("marks.json", path), &marks, &err));
	assert_int_equal(marks.floor, 0);
	marks = (struct marks){.floor = 1790000000,
		.crl = 7,
		.counter = 42,
		.has_nonce = true,
		.nonce = {1, 255}};
	MUST(marks_save(path, &marks, &err));
	marks = (struct marks){0};
	MUST(marks_load(path, &marks, &err));
	assert_int_equal(marks.floor, 1790000000);
	assert_int_equal(marks.crl, 7);
	assert_int_equal(marks.counter, 42);
	assert_true(marks.has_nonce && marks.nonce[1] == 255);
	assert_int_equal(marks.tuf.versions[TUF_ROOT], 0);
	marks.tuf = (struct marks_tuf){
		1790000001, {8, {{1}}, {{2}}}, {[TUF_ROOT] = 3, [TUF_TIMESTAMP] = 4}};
	MUST(marks_save(path, &marks, &err));
	marks = (struct marks){0};
	MUST(marks_load(path, &marks, &err));
	assert_int_equal(marks.tuf.issued, 1790000001);
	assert_int_equal(marks.tuf.mark.sequence, 8);
	assert_int_equal(marks.tuf.mark.direction.at[0], 1);
	assert_int_equal(marks.tuf.mark.keys.at[0], 2);
	assert_int_equal(marks.tuf.versions[TUF_ROOT], 3);
	assert_int_equal(marks.tuf.versions[TUF_TIMESTAMP], 4);
	MUST(file_replace(
		path, bytes_of("{\"floor\":-1,\"crl\":0,\"counter\":0}"), 0600, &err));
	assert_false(marks_load(path, &marks, &err));
}

/* ---- the spool ---- */

static struct spool *open_spool(const struct digest *digest, uint64_t size)
{
	struct spool *spool = NULL;
	struct error err = {0};
	bool done = false;

	MUST(spool_open(directory, digest, size, &spool, &err));
	while (!done)
		MUST(spool_step(spool, &done, &err));
	return spool;
}

static void a_spool_goes_on_where_it_was(void **state)
{
	static uint8_t content[3 * 1024 * 1024];
	struct bytes half = {content, sizeof(content) / 2};
	struct bytes rest = {content + half.len, sizeof(content) - half.len};
	struct digest digest, other = {{1}};
	struct error err = {0};
	bool matches = false;
	char path[PATH_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(content); i++)
		content[i] = (uint8_t)(i * 7 + i / 300);
	MUST(crypto_sha256((struct bytes){content, sizeof(content)}, &digest, &err));

	struct spool *spool = open_spool(&digest, sizeof(content));

	MUST(spool_add(spool, half, &err));
	spool_free(spool);
	spool = open_spool(&digest, sizeof(content));
	assert_int_equal(spool_size(spool), half.len);
	assert_false(spool_whole(spool));
	MUST(spool_add(spool, rest, &err));
	assert_true(spool_whole(spool));
	MUST(spool_matches(spool, &matches, &err));
	assert_true(matches);
	assert_false(spool_add(spool, rest, &err));
	spool_free(spool);

	/* Another artifact takes its place. */
	MUST(spool_path(directory, &digest, path, &err));
	assert_int_equal(access(path, F_OK), 0);
	spool = open_spool(&other, 10);
	assert_int_equal(spool_size(spool), 0);
	assert_int_not_equal(access(path, F_OK), 0);
	MUST(spool_add(spool, (struct bytes){content, 10}, &err));
	MUST(spool_matches(spool, &matches, &err));
	assert_false(matches);
	spool_free(spool);
}

/* ---- the log ---- */

static void a_spool_is_nobody_elses(void **state)
{
	static const struct digest digest = {{7}};
	CLEANUP(spool_cleanup) struct spool *spool = NULL;
	struct error err = {0};
	char path[PATH_MAX];

	(void)state;
	MUST(file_replace(path_of("letters", path), bytes_of("dear"), 0600, &err));
	assert_int_equal(chmod(directory, 0770), 0);
	assert_false(spool_open(directory, &digest, 4, &spool, &err));
	assert_non_null(strstr(err.text, "others than the agent can write there"));
	assert_int_equal(chmod(directory, 0750), 0);
	MUST(spool_open(directory, &digest, 4, &spool, &err));
	MUST(spool_clear(directory, &err));
	assert_int_equal(access(path, F_OK), 0);
	MUST(spool_path(directory, &digest, path, &err));
	assert_int_not_equal(access(path, F_OK), 0);
}

static void the_log_keeps_its_newest_part(void **state)
{
	CLEANUP(buf_free) struct buf text = {0};
	struct error err = {0};
	const char *read = NULL;
	char path[PATH_MAX], line[64];

	(void)state;
	path_of("job.log", path);
	MUST(job_log_read(path, &text, &err));
	assert_int_equal(text.len, 0);
	for (int i = 0; i < 9000; i++) {
		(void)snprintf(line, sizeof(line), "line %d\a of many, many lines\n", i);
		MUST(job_log_output(path, "install", bytes_of(line), &err));
	}
	MUST(job_log_say(path, "the end", &err));
	MUST(job_log_read(path, &text, &err));
	MUST(buf_text(&text, &read, &err));
	assert_in_range(text.len, JOB_LOG_MAX - 100, JOB_LOG_MAX);
	assert_int_equal(strncmp(read, "install: line ", 14), 0);
	assert_non_null(strstr(read, "install: line 8999? of many, many lines\n"));
	assert_non_null(strstr(read, " s: the end\n"));
}

static void what_others_wrote_is_made_fit_to_be_shown(void **state)
{
	char text[] = "later\tor \x1b[1mnever\xc3\xa9 \xff not this";

	(void)state;
	job_log_clean(text);
	assert_string_equal(text, "later?or ?[1mnever\xc3\xa9 ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			the_ring_keeps_the_newest_and_the_chain, make, clear),
		cmocka_unit_test_setup_teardown(refusals_never_push_out_outcomes, make, clear),
		cmocka_unit_test_setup_teardown(
			what_was_only_refused_binds_nobody, make, clear),
		cmocka_unit_test_setup_teardown(a_damaged_receipt_harms_no_other, make, clear),
		cmocka_unit_test_setup_teardown(
			what_a_former_key_signed_is_still_given, make, clear),
		cmocka_unit_test_setup_teardown(a_job_comes_back_as_it_was, make, clear),
		cmocka_unit_test_setup_teardown(marks_that_are_there_need_no_room, make, clear),
		cmocka_unit_test_setup_teardown(marks_come_back_or_are_zero, make, clear),
		cmocka_unit_test_setup_teardown(a_spool_goes_on_where_it_was, make, clear),
		cmocka_unit_test_setup_teardown(a_spool_is_nobody_elses, make, clear),
		cmocka_unit_test_setup_teardown(the_log_keeps_its_newest_part, make, clear),
		cmocka_unit_test(what_others_wrote_is_made_fit_to_be_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
