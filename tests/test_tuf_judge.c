/* The device's part of a repository: what is kept where; with the argument "memory": what
 * judging costs, which sanitizers and valgrind change. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/file.h"
#include "device-link/agent/tuf_judge.h"
#include "tests/test.h"
#include "tests/tuf_carry.h"

enum { SIZE = 4096, KIBIBYTES_MAX = 32 * 1024 };

/* A device of a few facts, and what is carried to it. */
struct scene {
	char directory[64];
	struct agent_settings settings;
	struct trust trust;
	struct marks marks;
	struct job job;
	struct tuf_store store;
	char state[PATH_MAX], root[PATH_MAX], set[PATH_MAX], fact[PATH_MAX];
	struct carry carry;
	struct tuf_order order;
};

static void path_of(const struct scene *scene, const char *name, char path[PATH_MAX])
{
	(void)snprintf(path, PATH_MAX, "%s/%s", scene->directory, name);
}

static void serve_root(struct scene *scene, const char *name)
{
	struct error err = {0};

	for (size_t i = 0; i < OFFICE_FILES; i++)
		if (strcmp(scene->carry.office.served[i].name, name) == 0)
			MUST(file_replace(scene->root,
				buf_bytes(&scene->carry.office.served[i].content), 0600, &err));
}

static int begin(void **state)
{
	static const struct digest digest = {{1}};
	struct scene *const scene = calloc(1, sizeof(*scene));

	assert_non_null(scene);
	(void)snprintf(scene->directory, sizeof(scene->directory), "/tmp/courier-judge-XXXXXX");
	assert_non_null(mkdtemp(scene->directory));
	path_of(scene, "state", scene->state);
	path_of(scene, "root.json", scene->root);
	path_of(scene, "carried", scene->set);
	path_of(scene, "judged.json", scene->fact);
	carry_new(&scene->carry, "d1", "dep-1", "artifacts/app", &digest, SIZE);
	carry_publish(&scene->carry);
	serve_root(scene, "1.root.json");
	scene->settings = (struct agent_settings){
		.state = scene->state, .tuf_root = scene->root, .directed = true};
	scene->trust.certified = true;
	(void)snprintf(scene->trust.holder.id, sizeof(scene->trust.holder.id), "d1");
	(void)snprintf(scene->job.deployment, sizeof(scene->job.deployment), "dep-1");
	scene->job.digest = digest;
	scene->job.size = SIZE;
	scene->order = (struct tuf_order){&scene->settings, &scene->trust, &scene->marks,
		&scene->job, "testbox", &scene->store, scene->set, scene->fact};
	*state = scene;
	return 0;
}

static int end(void **state)
{
	struct scene *const scene = *state;
	char command[128];

	carry_done(&scene->carry);
	(void)snprintf(command, sizeof(command), "rm -rf %s", scene->directory);
	assert_int_equal(system(command), 0);
	free(scene);
	return 0;
}

static void must_begin(struct scene *scene)
{
	struct error err = {0};

	MUST(tuf_store_begin(&scene->settings, &scene->marks.tuf, &scene->store, &err));
}

static void pack(struct scene *scene)
{
	CLEANUP(buf_free) struct buf set = {0};
	struct error err = {0};

	carry_pack(&scene->carry, 0, &set);
	MUST(file_replace(scene->set, buf_bytes(&set), 0600, &err));
}

static struct tuf_verdict judge(struct scene *scene)
{
	struct tuf_verdict verdict = {.good = false};
	struct error err = {0};

	MUST(tuf_judge(&scene->order, &verdict, &err));
	tuf_verdict_mark(&verdict, &scene->marks);
	return verdict;
}

static int64_t kept_version(const struct scene *scene, const char *name)
{
	CLEANUP(buf_free) struct buf content = {0};
	struct error err = {0};
	char path[PATH_MAX], file[64];
	const char *text = NULL;
	bool found = false;

	(void)snprintf(file, sizeof(file), "state/tuf/%s", name);
	path_of(scene, file, path);
	MUST(file_read(path, TUF_ROOT_MAX, &content, &found, &err));
	if (!found)
		return 0;
	MUST(buf_text(&content, &text, &err));
	text = strstr(text, "\"version\":");
	assert_non_null(text);
	return strtoll(text + strlen("\"version\":"), NULL, 10);
}

static void what_was_found_comes_back(void **state)
{
	struct scene *const scene = *state;
	struct tuf_verdict verdict, again;
	struct error err = {0};

	must_begin(scene);
	assert_int_equal(scene->marks.tuf.versions[TUF_ROOT], 1);
	pack(scene);
	verdict = judge(scene);
	assert_true(verdict.good);
	assert_int_equal(tuf_judge_child(&scene->order), 0);
	MUST(tuf_verdict_load(scene->fact, &again, &err));
	assert_true(again.good && !again.own);
	assert_int_equal(again.mark.sequence, 1);
	assert_true(digest_equal(&again.mark.direction, &verdict.mark.direction));
	assert_true(digest_equal(&again.mark.keys, &verdict.mark.keys));
	assert_memory_equal(again.versions, verdict.versions, sizeof(again.versions));
}

static void the_same_root_again_forgets_nothing(void **state)
{
	struct scene *const scene = *state;

	must_begin(scene);
	scene->carry.state.roles[TUF_ROOT].version = 2;
	carry_publish_next(&scene->carry);
	pack(scene);
	assert_true(judge(scene).good);
	assert_int_equal(kept_version(scene, "root.json"), 2);
	must_begin(scene);
	assert_int_equal(kept_version(scene, "root.json"), 2);
}

static void another_root_begins_anew_but_keeps_what_its_keys_vouch_for(void **state)
{
	struct scene *const scene = *state;
	struct tuf_verdict verdict;

	must_begin(scene);
	scene->carry.direction.sequence = 5;
	carry_publish_next(&scene->carry);
	pack(scene);
	assert_true(judge(scene).good);
	/* The next root, provisioned: nothing older serves for that. */
	scene->carry.state.roles[TUF_ROOT].version = 2;
	scene->carry.state.roles[TUF_TIMESTAMP].version = 1;
	scene->carry.direction.sequence = 6;
	carry_publish(&scene->carry);
	serve_root(scene, "2.root.json");
	must_begin(scene);
	assert_int_equal(kept_version(scene, "root.json"), 2);
	pack(scene);
	verdict = judge(scene);
	assert_false(verdict.good);
	assert_int_equal(verdict.code, ERROR_CONTACT); /* late: its timestamp is older */
	assert_int_equal(kept_version(scene, "timestamp.json"), 2);
}

static void a_root_that_is_none_is_refused(void **state)
{
	struct scene *const scene = *state;
	struct error err = {0};

	MUST(tuf_store_check(&scene->settings, &err));
	MUST(file_replace(scene->root, bytes_of("{}"), 0600, &err));
	assert_false(tuf_store_check(&scene->settings, &err));
	assert_int_equal(err.code, ERROR_USAGE);
	assert_int_equal(unlink(scene->root), 0);
	assert_false(tuf_store_check(&scene->settings, &err));
	assert_int_equal(err.code, ERROR_USAGE);
	assert_false(tuf_store_begin(&scene->settings, &scene->marks.tuf, &scene->store, &err));
	assert_int_equal(access(scene->state, F_OK), 0);
	assert_int_equal(kept_version(scene, "root.json"), 0);
}

static void a_statement_moves_the_floor_once(void **state)
{
	struct scene *const scene = *state;
	const int64_t floor = 1800000000;

	must_begin(scene);
	scene->marks.floor = floor;
	scene->carry.state.issued = "2099-01-01T00:00:00Z";
	carry_publish(&scene->carry);
	pack(scene);
	(void)judge(scene);
	assert_int_equal(scene->marks.floor, floor + INT64_C(5) * 31557600);
	(void)judge(scene);
	assert_int_equal(scene->marks.floor, floor + INT64_C(5) * 31557600);
	/* What says nothing new of the time moves nothing. */
	scene->carry.state.issued = "2027-03-01T00:00:00Z";
	carry_publish_next(&scene->carry);
	pack(scene);
	(void)judge(scene);
	assert_int_equal(scene->marks.floor, floor + INT64_C(5) * 31557600);
}

static void a_device_without_a_certificate_has_no_id(void **state)
{
	struct scene *const scene = *state;

	must_begin(scene);
	scene->trust.certified = false;
	pack(scene);
	assert_int_equal(judge(scene).code, ERROR_UNAUTHORISED);
}

/* ---- memory ---- */

static long kibibytes(const char *name)
{
	char line[256];
	long value = -1;
	FILE *const file = fopen("/proc/self/status", "r");

	assert_non_null(file);
	while (value < 0 && fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			value = strtol(line + strlen(name), NULL, 10);
	(void)fclose(file);
	return value;
}

/* From now on the most that was resident is counted again. */
static void forget_most(void)
{
	FILE *const file = fopen("/proc/self/clear_refs", "w");

	if (file == NULL || fputs("5", file) < 0 || fclose(file) != 0)
		skip();
}

static void print_many(struct buf *out, const char *form, size_t size)
{
	struct error err = {0};

	for (int i = 0; out->len < size; i++)
		MUST(buf_print(out, &err, ",\"%06d%s", i, form));
}

/* Roots, a snapshot and targets as long as they may be. */
static void make_largest(struct scene *scene)
{
	static const char of_target[]
		= ".a\":{\"length\":1,\"hashes\":{\"sha256\":"
		  "\"0000000000000000000000000000000000000000000000000000000000000000\"}}";
	CLEANUP(buf_free) struct buf targets = {0}, listed = {0};
	struct error err = {0};
	const char *text = NULL;

	print_many(&targets, of_target, TUF_SET_CONTENT_MAX - 4096);
	print_many(&listed, ".json\":{\"version\":1}", TUF_SNAPSHOT_MAX - 4096);
	MUST(buf_text(&targets, &text, &err));
	scene->carry.others = text;
	MUST(buf_text(&listed, &text, &err));
	scene->carry.state.listed = text;
	for (int version = 2; version <= 40; version++) {
		scene->carry.state.roles[TUF_ROOT].version = version;
		office_publish(&scene->carry.office, &scene->carry.state);
	}
	carry_publish_next(&scene->carry);
	pack(scene);
	scene->carry.others = scene->carry.state.listed = NULL;
}

/* What the set takes to be made must not count: another process judges. */
static int judge_apart(struct scene *scene)
{
	const long before = kibibytes("VmRSS:");
	struct tuf_verdict verdict = {.good = false};
	struct error err = {0};

	forget_most();
	for (int i = 0; i < 2; i++)
		if (!tuf_judge(&scene->order, &verdict, &err) || !verdict.good) {
			fprintf(stderr, "%s %s\n", err.text, verdict.why);
			return 1;
		}

	const long most = kibibytes("VmHWM:") - before;

	fprintf(stderr, "judging took %ld KiB\n", most);
	return most < KIBIBYTES_MAX - 8 * 1024 ? 0 : 2;
}

static void judging_the_largest_set_takes_little_memory(void **state)
{
	struct scene *const scene = *state;
	int status = 0;

	must_begin(scene);
	make_largest(scene);

	const pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		carry_done(&scene->carry);
		_exit(judge_apart(scene));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_found_comes_back),
		TEST(the_same_root_again_forgets_nothing),
		TEST(another_root_begins_anew_but_keeps_what_its_keys_vouch_for),
		TEST(a_root_that_is_none_is_refused),
		TEST(a_statement_moves_the_floor_once),
		TEST(a_device_without_a_certificate_has_no_id),
	};
	const struct CMUnitTest memory[] = {
		TEST(judging_the_largest_set_takes_little_memory),
	};

	if (argc > 1 && strcmp(argv[1], "memory") == 0)
		return cmocka_run_group_tests(memory, NULL, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
