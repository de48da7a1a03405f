#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/tuf/carried.h"
#include "tests/test.h"
#include "tests/tuf_carry.h"

enum { SIZE = 40960 };

static const struct digest digest = {{1, 2, 3}};

/* A repository, a device that trusts its first root, and what that is asked. */
struct scene {
	struct carry carry;
	struct tuf_host host; /* of the device: what it stored */
	struct carried_question question;
	struct carried_answer answer;
	struct buf set;
};

static int begin(void **state)
{
	struct scene *const scene = calloc(1, sizeof(*scene));

	assert_non_null(scene);
	carry_new(&scene->carry, "pump-1", "dep-1", "artifacts/r.mender", &digest, SIZE);
	carry_publish(&scene->carry);
	office_trust(&scene->carry.office, 1);
	scene->host = office_host(&scene->carry.office);
	scene->question = (struct carried_question){.device = "pump-1",
		.device_type = "pump",
		.deployment = "dep-1",
		.digest = digest,
		.size = SIZE,
		.directed = true,
		.now = OFFICE_NOW};
	*state = scene;
	return 0;
}

static int end(void **state)
{
	struct scene *const scene = *state;

	carry_done(&scene->carry);
	buf_free(&scene->set);
	free(scene);
	return 0;
}

static void pack(struct scene *scene)
{
	scene->set.len = 0;
	carry_pack(&scene->carry, 0, &scene->set);
}

static bool judge_packed(struct scene *scene, struct error *err)
{
	CLEANUP(tuf_set_done) struct tuf_set set = {0};

	return tuf_set_open(buf_bytes(&scene->set), &set, err)
		&& carried_judge(&set, &scene->host, &scene->question, &scene->answer, err);
}

/* Carry what is published now, and judge it. */
static bool judge(struct scene *scene, struct error *err)
{
	pack(scene);
	return judge_packed(scene, err);
}

static void must_fail(struct scene *scene, enum error_code code, const char *why)
{
	struct error err = {0};

	if (judge(scene, &err))
		fail_msg("judged good, but: %s", why);
	if (err.code != code || strstr(err.text, why) == NULL)
		fail_msg("%d, %s; not %d, %s", (int)err.code, err.text, (int)code, why);
}

static void what_is_directed_is_good(void **state)
{
	struct scene *const scene = *state;
	struct error err = {0};

	MUST(judge(scene, &err));
	assert_string_equal(scene->answer.path, "artifacts/r.mender");
	assert_int_equal(scene->answer.versions[TUF_TARGETS], 1);
	assert_int_equal(scene->answer.mark.sequence, 1);
	assert_int_equal(scene->answer.valid_until, 1902614400); /* OFFICE_FUTURE */
	assert_string_equal(scene->answer.role, "root");
	assert_true(scene->answer.hashes.has_sha256);
	/* What only counts as long as it is the newest is kept; the rest is in the set. */
	assert_int_equal(office_stored(&scene->carry.office, "timestamp.json"), 1);
	assert_int_equal(office_stored(&scene->carry.office, "snapshot.json"), 1);
	assert_int_equal(office_stored(&scene->carry.office, "targets.json"), 0);
}

static void it_may_be_judged_again_and_again(void **state)
{
	struct scene *const scene = *state;
	struct error err = {0};

	for (int i = 0; i < 3; i++) {
		MUST(judge(scene, &err));
		scene->question.mark = scene->answer.mark;
	}
}

static void a_direction_for_another_device_does_not_serve(void **state)
{
	struct scene *const scene = *state;

	/* Published under our path, by a mistake or by a thief of the publisher's key. */
	(void)snprintf(
		scene->carry.direction.device, sizeof(scene->carry.direction.device), "pump-2");
	carry_publish_next(&scene->carry);
	must_fail(scene, ERROR_WRONG_DEVICE, "is for pump-2, not for pump-1");
}

static void a_set_for_another_device_does_not_serve(void **state)
{
	struct scene *const scene = *state;

	(void)snprintf(
		scene->carry.direction.device, sizeof(scene->carry.direction.device), "pump-2");
	(void)snprintf(scene->carry.at, sizeof(scene->carry.at), "pump-2");
	carry_publish_next(&scene->carry);
	must_fail(scene, ERROR_WRONG_DEVICE, "there is no target devices/pump-1/");
}

static void a_direction_to_another_deployment_waits(void **state)
{
	struct scene *const scene = *state;

	scene->question.deployment = "dep-2";
	must_fail(scene, ERROR_CONTACT, "directed to deployment dep-1, not to dep-2");
	assert_int_equal(scene->answer.mark.sequence, 1); /* it counts nevertheless */
}

static void software_that_is_not_the_one_directed_is_refused(void **state)
{
	struct scene *const scene = *state;

	scene->question.digest.at[5] ^= 1;
	must_fail(scene, ERROR_SIGNATURE, "another artifact than the one offered");
	scene->question.digest.at[5] ^= 1;
	scene->question.size++;
	must_fail(scene, ERROR_SIGNATURE, "another artifact than the one offered");
}

static void software_for_another_type_is_refused(void **state)
{
	struct scene *const scene = *state;
	struct direction_artifact *const artifact = &scene->carry.direction.artifacts[0];
	struct error err = {0};

	(void)snprintf(artifact->device_type, sizeof(artifact->device_type), "valve");
	carry_publish_next(&scene->carry);
	must_fail(scene, ERROR_WRONG_DEVICE, "no artifact for a device of type pump");
	(void)snprintf(artifact->device_type, sizeof(artifact->device_type), "pump");
	carry_publish_next(&scene->carry);
	MUST(judge(scene, &err));
}

static void what_is_directed_must_be_a_target_too(void **state)
{
	struct scene *const scene = *state;
	struct direction_artifact *const artifact = &scene->carry.direction.artifacts[0];
	struct error err = {0};

	/* The targets list r.mender; then the direction is changed to what they do not. */
	(void)snprintf(artifact->path, sizeof(artifact->path), "artifacts/other.mender");
	scene->carry.content.len = 0;
	MUST(direction_print(&scene->carry.direction, &scene->carry.content, &err));

	char text[1024], hex[DIGEST_TEXT], ours[DIGEST_TEXT];
	struct digest of_direction;

	MUST(crypto_sha256(buf_bytes(&scene->carry.content), &of_direction, &err));
	digest_text(&of_direction, hex);
	digest_text(&digest, ours);
	(void)snprintf(text, sizeof(text),
		"\"artifacts/r.mender\":{\"length\":%d,\"hashes\":{\"sha256\":\"%s\"}},"
		"\"devices/pump-1/direction.json\":{\"length\":%zu,\"hashes\":{\"sha256\":"
		"\"%s\"}}",
		(int)SIZE, ours, scene->carry.content.len, hex);
	scene->carry.state.targets = text;
	office_publish(&scene->carry.office, &scene->carry.state);
	must_fail(scene, ERROR_SIGNATURE, "artifacts/other.mender is not a target");
}

static void a_direction_that_was_changed_is_refused(void **state)
{
	struct scene *const scene = *state;

	pack(scene);
	scene->carry.content.at[scene->carry.content.len - 4] ^= 1;
	must_fail(scene, ERROR_SIGNATURE, "devices/pump-1/direction.json");
}

static void an_older_direction_does_not_serve_again(void **state)
{
	struct scene *const scene = *state;
	struct error err = {0};

	scene->carry.direction.sequence = 7;
	carry_publish_next(&scene->carry);
	MUST(judge(scene, &err));
	scene->question.mark = scene->answer.mark;
	/* Fresh metadata, signed by all who must, that list an old direction again. */
	scene->carry.direction.sequence = 6;
	carry_publish_next(&scene->carry);
	must_fail(scene, ERROR_ROLLBACK, "direction 6, but 7 was seen before");
	assert_int_equal(scene->answer.mark.sequence, 7);
	scene->carry.direction.sequence = 7;
	carry_publish_next(&scene->carry);
	MUST(judge(scene, &err));
}

static void two_directions_of_one_number_are_refused(void **state)
{
	struct scene *const scene = *state;
	struct error err = {0};

	MUST(judge(scene, &err));
	scene->question.mark = scene->answer.mark;
	(void)snprintf(scene->carry.direction.deployment,
		sizeof(scene->carry.direction.deployment), "dep-2");
	scene->question.deployment = "dep-2";
	carry_publish_next(&scene->carry);
	must_fail(scene, ERROR_ROLLBACK, "another direction 1");
}

static void root_steps_keep_the_marks_unless_fresh_keys_come(void **state)
{
	struct scene *const scene = *state;
	struct error err = {0};

	scene->carry.direction.sequence = 7;
	carry_publish_next(&scene->carry);
	MUST(judge(scene, &err));
	scene->question.mark = scene->answer.mark;
	/* Another root with the same keys: what is old stays old. */
	scene->carry.state.roles[TUF_ROOT].version = 2;
	scene->carry.state.roles[TUF_TIMESTAMP].version = 1;
	scene->carry.direction.sequence = 1;
	carry_publish(&scene->carry);
	must_fail(scene, ERROR_ROLLBACK, "timestamp");
	assert_int_equal(office_stored(&scene->carry.office, "root.json"), 2);
	scene->carry.state.roles[TUF_TIMESTAMP].version = 3;
	carry_publish(&scene->carry);
	must_fail(scene, ERROR_ROLLBACK, "direction 1, but 7");
	/* The timestamp's key was stolen, and is another now: all begins anew. */
	scene->carry.state.roles[TUF_ROOT].version = 3;
	scene->carry.state.roles[TUF_TIMESTAMP].keys = "e";
	scene->carry.state.roles[TUF_TIMESTAMP].version = 1;
	carry_publish(&scene->carry);
	MUST(judge(scene, &err));
	assert_int_equal(scene->answer.mark.sequence, 1);
	assert_int_equal(office_stored(&scene->carry.office, "timestamp.json"), 1);
}

static void expired_metadata_say_which_and_change_nothing(void **state)
{
	struct scene *const scene = *state;

	scene->carry.state.roles[TUF_TIMESTAMP].expires = OFFICE_PAST;
	carry_publish(&scene->carry);
	must_fail(scene, ERROR_EXPIRED, "timestamp");
	assert_int_equal(office_stored(&scene->carry.office, "timestamp.json"), 0);
	scene->carry.state.roles[TUF_TIMESTAMP].expires = OFFICE_FUTURE;
	scene->carry.state.roles[TUF_TARGETS].expires = OFFICE_PAST;
	carry_publish(&scene->carry);
	must_fail(scene, ERROR_EXPIRED, "targets");
	assert_int_equal(office_stored(&scene->carry.office, "timestamp.json"), 1);
}

static bool issued(struct scene *scene, int64_t *at, struct error *err)
{
	CLEANUP(tuf_set_done) struct tuf_set set = {0};

	pack(scene);
	return tuf_set_open(buf_bytes(&scene->set), &set, err)
		&& carried_issued(&set, &scene->host, at, err);
}

static void when_it_was_signed_is_known_before_it_is_judged(void **state)
{
	struct scene *const scene = *state;
	struct error err = {0};
	int64_t at = -1;

	MUST(issued(scene, &at, &err));
	assert_int_equal(at, 0);
	scene->carry.state.roles[TUF_TIMESTAMP].expires = OFFICE_PAST;
	scene->carry.state.issued = "2030-03-16T00:00:00Z";
	carry_publish(&scene->carry);
	MUST(issued(scene, &at, &err));
	assert_int_equal(at, 1899849600);
	assert_int_equal(office_stored(&scene->carry.office, "timestamp.json"), 0);
	/* Nobody else's member of that name breaks anything. */
	scene->carry.state.issued = "yesterday";
	carry_publish(&scene->carry);
	MUST(issued(scene, &at, &err));
	assert_int_equal(at, 0);
	/* Who signed nothing has said nothing. */
	scene->carry.state.issued = "2031-03-16T00:00:00Z";
	scene->carry.state.roles[TUF_TIMESTAMP].signers = "h";
	carry_publish(&scene->carry);
	MUST(issued(scene, &at, &err));
	assert_int_equal(at, 0);
}

static bool is_older(
	struct scene *scene, struct bytes bytes, const int64_t versions[TUF_KIND_COUNT])
{
	CLEANUP(tuf_set_done) struct tuf_set set = {0};
	struct office first;
	bool older = false;
	struct error err = {0};

	office_new(&first);
	office_serve(&first, "1.root.json", buf_bytes(&scene->carry.office.served[0].content));
	office_trust(&first, 1);

	const struct tuf_host host = office_host(&first);

	MUST(tuf_set_open(bytes, &set, &err));
	MUST(carried_is_older(&set, &host, versions, &older, &err));
	assert_int_equal(first.stores, 0);
	office_done(&first);
	return older;
}

static void who_is_late_is_told_from_who_is_hostile(void **state)
{
	struct scene *const scene = *state;
	CLEANUP(buf_free) struct buf old = {0};
	struct error err = {0};

	assert_string_equal(scene->carry.office.served[0].name, "1.root.json");
	carry_pack(&scene->carry, 0, &old);
	carry_publish_next(&scene->carry);
	MUST(judge(scene, &err));

	const struct carried_answer now = scene->answer;

	scene->set.len = 0;
	MUST(buf_append(&scene->set, buf_bytes(&old), &err));
	assert_false(judge_packed(scene, &err));
	assert_int_equal(err.code, ERROR_ROLLBACK);
	assert_true(is_older(scene, buf_bytes(&old), now.versions));
	/* Not even the keys are the same any more. */
	scene->carry.state.roles[TUF_ROOT].version = 2;
	scene->carry.state.roles[TUF_TIMESTAMP].keys = "e";
	carry_publish_next(&scene->carry);
	MUST(judge(scene, &err));
	assert_true(is_older(scene, buf_bytes(&old), scene->answer.versions));
	assert_false(is_older(scene, buf_bytes(&scene->set), scene->answer.versions));
	/* One that was tampered with is nobody's. */
	uint8_t *const at = memmem(old.at, old.len, "\"_type\":\"timestamp\"", 19);

	assert_non_null(at);
	at[2] ^= 1;
	assert_false(is_older(scene, buf_bytes(&old), scene->answer.versions));
}

static void a_rehearsal_knows_the_versions_only(void **state)
{
	struct scene *const scene = *state;
	struct error err = {0};

	scene->host.store = NULL;
	scene->question.mark = (struct carried_mark){.sequence = 1};
	MUST(judge(scene, &err));
	assert_int_equal(scene->carry.office.stores, 0);
	scene->question.seen[TUF_TIMESTAMP] = 2;
	must_fail(scene, ERROR_ROLLBACK, "timestamp: version 1, but the device has 2");
	scene->question.seen[TUF_TIMESTAMP] = 1;
	scene->question.mark.sequence = 2;
	must_fail(scene, ERROR_ROLLBACK, "direction 1, but 2");
}

static void without_a_direction_being_a_target_is_enough(void **state)
{
	struct scene *const scene = *state;
	struct error err = {0};

	scene->carry.undirected = true;
	carry_publish_next(&scene->carry);
	must_fail(scene, ERROR_WRONG_DEVICE, "nothing directs this device");
	scene->question.directed = false;
	scene->question.deployment = "any";
	MUST(judge(scene, &err));
	assert_string_equal(scene->answer.path, "artifacts/r.mender");
	scene->question.size++;
	must_fail(scene, ERROR_SIGNATURE, "another length or hash");
}

static void a_file_that_is_missing_is_an_error_of_its_own(void **state)
{
	static const char *const files[]
		= {"timestamp.json", "1.snapshot.json", "1.targets.json"};
	struct scene *const scene = *state;

	scene->host.store = NULL;
	for (size_t i = COUNT(files); i > 0; i--) {
		office_remove(&scene->carry.office, files[i - 1]);
		must_fail(scene, ERROR_FAILED, files[i - 1]);
	}
}

static void a_store_that_fails_is_an_error_wherever_it_is(void **state)
{
	struct scene *const scene = *state;
	struct error err = {0};

	for (size_t fail = 1; fail <= 2; fail++) {
		scene->carry.office.fail_store = scene->carry.office.stores + 1;
		assert_false(judge(scene, &err));
		assert_int_equal(err.code, ERROR_SPACE);
		scene->carry.office.fail_store = scene->carry.office.stores + 2;
	}
	scene->carry.office.fail_store = 0;
	MUST(judge(scene, &err));
}

/* Three roots, a publisher, bins: nothing of it is of our making. */
static void what_python_makes_is_good_for_whom_it_directs(void **state)
{
	struct scene *const scene = *state;
	struct office *const office = &scene->carry.office;
	struct carried_question *const question = &scene->question;
	CLEANUP(buf_free) struct buf root = {0};
	struct error err = {0};

	MUST(file_read(TEST_VECTORS "/carried/root.json", 1 << 20, &root, NULL, &err));
	office_serve(office, "1.root.json", buf_bytes(&root));
	office_trust(office, 1);
	MUST(file_read(TEST_VECTORS "/carried/set", 1 << 20, &scene->set, NULL, &err));
	question->size = 16;
	MUST(crypto_sha256(bytes_of("pump software 2\n"), &question->digest, &err));
	MUST(judge_packed(scene, &err));
	assert_string_equal(scene->answer.path, "artifacts/rel-2.mender");
	assert_int_equal(scene->answer.mark.sequence, 41);
	assert_int_equal(scene->answer.versions[TUF_ROOT], 3);
	assert_int_equal(scene->answer.versions[TUF_TARGETS], 2);
	assert_true(scene->answer.hashes.has_sha512);
	assert_int_equal(scene->answer.valid_until, 4102444800);
	/* Her sister's bin, or her direction, was not carried; a valve gets other software. */
	question->device = "pump-2";
	assert_false(judge_packed(scene, &err));
	assert_int_equal(err.code, ERROR_FAILED);
	question->device = "pump-1";
	question->device_type = "valve";
	assert_false(judge_packed(scene, &err));
	assert_int_equal(err.code, ERROR_SIGNATURE);
	assert_non_null(strstr(err.text, "another artifact than the one offered"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_directed_is_good),
		TEST(it_may_be_judged_again_and_again),
		TEST(a_direction_for_another_device_does_not_serve),
		TEST(a_set_for_another_device_does_not_serve),
		TEST(a_direction_to_another_deployment_waits),
		TEST(software_that_is_not_the_one_directed_is_refused),
		TEST(software_for_another_type_is_refused),
		TEST(what_is_directed_must_be_a_target_too),
		TEST(a_direction_that_was_changed_is_refused),
		TEST(an_older_direction_does_not_serve_again),
		TEST(two_directions_of_one_number_are_refused),
		TEST(root_steps_keep_the_marks_unless_fresh_keys_come),
		TEST(expired_metadata_say_which_and_change_nothing),
		TEST(when_it_was_signed_is_known_before_it_is_judged),
		TEST(who_is_late_is_told_from_who_is_hostile),
		TEST(a_rehearsal_knows_the_versions_only),
		TEST(without_a_direction_being_a_target_is_enough),
		TEST(a_file_that_is_missing_is_an_error_of_its_own),
		TEST(a_store_that_fails_is_an_error_wherever_it_is),
		TEST(what_python_makes_is_good_for_whom_it_directs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
