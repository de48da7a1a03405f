/* The real courier-agent with a TUF root pinned, met by couriers honest and other. */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"
#include "tests/agent_stand.h"
#include "tests/test.h"
#include "tests/tuf_carry.h"

/* A device that pins the first root of a repository; what that directs it to is loaded. */
struct scene {
	struct stand stand;
	struct carry carry;
};

static void pin(struct scene *scene)
{
	char path[PATH_MAX];
	struct error err = {0};

	(void)snprintf(path, sizeof(path), "%s/tuf-root.json", scene->stand.directory);
	for (size_t i = 0; i < OFFICE_FILES; i++)
		if (strcmp(scene->carry.office.served[i].name, "1.root.json") == 0)
			MUST(file_replace(path,
				buf_bytes(&scene->carry.office.served[i].content), 0600, &err));
}

static void pack(struct scene *scene)
{
	scene->stand.set.len = 0;
	carry_pack(&scene->carry, 0, &scene->stand.set);
}

static void begin_with(
	struct scene *scene, void **state, const char *artifact, const char *settings)
{
	struct digest digest;
	struct error err = {0};

	stand_begin(&scene->stand, *state);
	stand_load(&scene->stand, artifact, "dep-1");
	MUST(crypto_sha256(buf_bytes(&scene->stand.artifact), &digest, &err));
	carry_new(&scene->carry, "d1", "dep-1", "artifacts/rel-2.mender", &digest,
		scene->stand.artifact.len);
	carry_publish(&scene->carry);
	pin(scene);
	pack(scene);
	stand_configure(&scene->stand, settings, "");
	stand_start(&scene->stand);
}

static void begin(struct scene *scene, void **state)
{
	begin_with(scene, state, "file-2", "tuf-root = tuf-root.json");
}

static void end(struct scene *scene)
{
	carry_done(&scene->carry);
	stand_end(&scene->stand);
}

/* The operator wants something else of the device. */
static void direct(struct scene *scene, const char *artifact, const char *deployment)
{
	struct direction *const direction = &scene->carry.direction;
	struct error err = {0};

	stand_load(&scene->stand, artifact, deployment);
	MUST(crypto_sha256(
		buf_bytes(&scene->stand.artifact), &direction->artifacts[0].sha256, &err));
	direction->artifacts[0].length = scene->stand.artifact.len;
	(void)snprintf(direction->deployment, sizeof(direction->deployment), "%s", deployment);
	direction->sequence++;
	carry_publish_next(&scene->carry);
	pack(scene);
}

static void fail_with_log(struct scene *scene, const char *what)
{
	char log[8192];

	stand_read(&scene->stand, "agent.log", log, sizeof(log));
	fail_msg("%s: code %d, '%s'\n%s", what, scene->stand.code, scene->stand.text, log);
}

static void must_confirm(struct scene *scene)
{
	stand_expect(&scene->stand, STAND_DONE);
	if (scene->stand.kept_count == 0
		|| stand_last(&scene->stand)->outcome != OUTCOME_CONFIRMED)
		fail_with_log(scene, "not confirmed");
}

/* The device takes nothing of the artifact, says why, and the deployment stays open. */
static void must_wait(struct scene *scene, enum error_code code, const char *why)
{
	const size_t kept = scene->stand.kept_count;

	stand_expect(&scene->stand, STAND_DONE);
	if (scene->stand.code != code || strstr(scene->stand.text, why) == NULL)
		fail_with_log(scene, why);
	assert_int_equal(scene->stand.kept_count, kept);
	assert_int_equal(scene->stand.sent, 0);
	assert_true(stand_saw(&scene->stand, MESSAGE_PHASE_WAITING));
}

static bool exists(const struct scene *scene, const char *name)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", scene->stand.directory, name);
	return access(path, F_OK) == 0;
}

static void what_is_directed_and_signed_is_installed(void **state)
{
	struct scene scene;

	begin(&scene, state);
	must_confirm(&scene);
	assert_int_equal(scene.stand.sent_set, scene.stand.set.len);
	/* What it knows now is in what it signs. */
	stand_expect(&scene.stand, STAND_DONE);
	assert_true(scene.stand.inventory.tuf.present);
	assert_true(scene.stand.inventory.tuf.directed);
	assert_int_equal(scene.stand.inventory.tuf.root, 1);
	assert_int_equal(scene.stand.inventory.tuf.timestamp, 1);
	assert_int_equal(scene.stand.inventory.tuf.sequence, 1);
	/* The next one, with what the first left behind. */
	direct(&scene, "file-3", "dep-2");
	must_confirm(&scene);
	stand_expect(&scene.stand, STAND_DONE);
	assert_int_equal(scene.stand.inventory.tuf.timestamp, 2);
	assert_int_equal(scene.stand.inventory.tuf.sequence, 2);
	end(&scene);
}

static void without_metadata_nothing_is_installed(void **state)
{
	struct scene scene;

	begin(&scene, state);
	scene.stand.set.len = 0;
	must_wait(&scene, ERROR_CONTACT, "no metadata came with the offer");
	pack(&scene);
	must_confirm(&scene);
	end(&scene);
}

static void a_device_without_a_root_does_not_ask_for_metadata(void **state)
{
	struct scene scene;

	begin_with(&scene, state, "file-2", "");
	must_confirm(&scene);
	assert_int_equal(scene.stand.sent_set, 0);
	assert_false(scene.stand.inventory.tuf.present);
	end(&scene);
}

static void both_anchors_must_agree(void **state)
{
	struct scene scene;

	/* Directed, but not signed by the key for artifacts: never. */
	begin_with(&scene, state, "unsigned", "tuf-root = tuf-root.json");
	stand_expect(&scene.stand, STAND_DONE);
	assert_int_equal(stand_last(&scene.stand)->outcome, OUTCOME_REFUSED);
	assert_int_equal(stand_last(&scene.stand)->code, ERROR_SIGNATURE);
	/* Signed by the key, but without the counter that goes with it. */
	direct(&scene, "uncounted", "dep-2");
	stand_expect(&scene.stand, STAND_DONE);
	assert_int_equal(stand_last(&scene.stand)->outcome, OUTCOME_REFUSED);
	assert_int_equal(stand_last(&scene.stand)->code, ERROR_ROLLBACK);
	/* Signed by the key, but not the one directed. */
	direct(&scene, "file-2", "dep-3");
	stand_load(&scene.stand, "file-3", "dep-3");
	must_wait(&scene, ERROR_SIGNATURE, "another artifact than the one offered");
	stand_load(&scene.stand, "file-2", "dep-3");
	must_confirm(&scene);
	end(&scene);
}

static void metadata_that_nobody_signed_end_nothing(void **state)
{
	struct scene scene;

	begin(&scene, state);
	scene.carry.state.roles[TUF_TIMESTAMP].signers = "h";
	carry_publish(&scene.carry);
	pack(&scene);
	must_wait(&scene, ERROR_SIGNATURE, "timestamp");
	assert_false(exists(&scene, "state/tuf/timestamp.json"));
	/* Others than were offered; no set at all; then the true ones. */
	carry_publish_next(&scene.carry);
	pack(&scene);
	scene.stand.wrong_set = true;
	must_wait(&scene, ERROR_SIGNATURE, "other bytes came than were offered");
	scene.stand.wrong_set = false;
	scene.stand.set.at[0] ^= 1;
	must_wait(&scene, ERROR_SIGNATURE, "set: not one");
	scene.carry.state.roles[TUF_TIMESTAMP].signers = NULL;
	carry_publish_next(&scene.carry);
	pack(&scene);
	must_confirm(&scene);
	end(&scene);
}

static void what_directs_another_device_does_not_serve(void **state)
{
	struct scene scene;

	begin(&scene, state);
	(void)snprintf(
		scene.carry.direction.device, sizeof(scene.carry.direction.device), "d2");
	carry_publish_next(&scene.carry);
	pack(&scene);
	must_wait(&scene, ERROR_WRONG_DEVICE, "the direction is for d2, not for d1");
	end(&scene);
}

static void what_has_expired_is_told_apart(void **state)
{
	struct scene scene;

	begin(&scene, state);
	scene.carry.state.roles[TUF_TIMESTAMP].expires = "2026-01-01T00:00:00Z";
	carry_publish(&scene.carry);
	pack(&scene);
	must_wait(&scene, ERROR_EXPIRED, "timestamp: authentic, but it has expired");
	/* The same deployment, by a courier that has synced. */
	scene.carry.state.roles[TUF_TIMESTAMP].expires = OFFICE_FUTURE;
	carry_publish_next(&scene.carry);
	pack(&scene);
	must_confirm(&scene);
	end(&scene);
}

static void a_courier_that_is_late_is_no_enemy(void **state)
{
	CLEANUP(buf_free) struct buf old = {0};
	struct error err = {0};
	struct scene scene;

	begin(&scene, state);
	MUST(buf_append(&old, buf_bytes(&scene.stand.set), &err));
	direct(&scene, "file-2", "dep-2");
	must_confirm(&scene);
	/* The second courier brings what was directed before. */
	stand_load(&scene.stand, "file-2", "dep-1");
	scene.stand.set.len = 0;
	MUST(buf_append(&scene.stand.set, buf_bytes(&old), &err));
	must_wait(&scene, ERROR_CONTACT, "the device already has newer metadata");
	end(&scene);
}

static void its_own_metadata_do_where_a_late_courier_brings_the_artifact(void **state)
{
	CLEANUP(buf_free) struct buf old = {0};
	struct error err = {0};
	struct scene scene;

	begin(&scene, state);
	MUST(buf_append(&old, buf_bytes(&scene.stand.set), &err));
	direct(&scene, "exec-2", "dep-2");
	/* There is no installer for it yet: it ends before anything is in place. */
	stand_expect(&scene.stand, STAND_DONE);
	assert_int_equal(stand_last(&scene.stand)->outcome, OUTCOME_REFUSED);
	direct(&scene, "file-3", "dep-3");
	scene.stand.flags = MESSAGE_OFFER_STAGE;
	stand_expect(&scene.stand, STAND_DONE);
	assert_true(stand_saw(&scene.stand, MESSAGE_PHASE_STAGED));
	/* Another offer ends what is staged; then the late one brings it again. */
	stand_load(&scene.stand, "file-2", "dep-1");
	scene.stand.flags = 0;
	scene.stand.set.len = 0;
	MUST(buf_append(&scene.stand.set, buf_bytes(&old), &err));
	must_wait(&scene, ERROR_CONTACT, "the device already has newer metadata");
	stand_load(&scene.stand, "file-3", "dep-3");
	must_confirm(&scene);
	assert_non_null(strstr(
		(const char *)scene.stand.logs[scene.stand.kept_count - 1].at, "its own"));
	end(&scene);
}

static void an_older_direction_does_not_serve_again(void **state)
{
	struct scene scene;

	begin(&scene, state);
	direct(&scene, "file-3", "dep-2");
	must_confirm(&scene);
	/* Fresh metadata, signed by all who must, list an old direction once more. */
	direct(&scene, "file-2", "dep-3");
	scene.carry.direction.sequence = 1;
	carry_publish_next(&scene.carry);
	pack(&scene);
	must_wait(&scene, ERROR_ROLLBACK, "direction 1, but 2 was seen before");
	end(&scene);
}

static void metadata_come_before_the_artifact_and_go_on_where_they_were(void **state)
{
	CLEANUP(buf_free) struct buf padding = {0};
	struct error err = {0};
	struct scene scene;

	begin(&scene, state);
	/* A member nobody knows makes them long. */
	MUST(buf_reserve(&padding, 400001, &err));
	memset(padding.at, 'x', 400000);
	memcpy(padding.at, ",\"x\":\"", 6);
	padding.at[399999] = '"';
	padding.at[400000] = 0;
	scene.carry.state.more_targets = (const char *)padding.at;
	carry_publish_next(&scene.carry);
	pack(&scene);
	scene.stand.cut_set_at = 300000;
	assert_int_equal(stand_visit(&scene.stand, 30), STAND_CUT);
	assert_int_equal(scene.stand.sent, 0);
	stand_kill(&scene.stand);
	scene.stand.cut_set_at = 0;
	stand_plug(&scene.stand);
	stand_start(&scene.stand);
	must_confirm(&scene);
	assert_true(scene.stand.sent_set < scene.stand.set.len);
	end(&scene);
}

static void each_root_is_kept_at_once(void **state)
{
	struct scene scene;

	begin(&scene, state);
	for (int version = 2; version <= 5; version++) {
		scene.carry.state.roles[TUF_ROOT].version = version;
		carry_publish_next(&scene.carry);
	}
	/* Roots are good, the rest is not: the roots stay. */
	scene.carry.state.roles[TUF_TIMESTAMP].signers = "h";
	carry_publish_next(&scene.carry);
	pack(&scene);
	must_wait(&scene, ERROR_SIGNATURE, "timestamp");
	stand_expect(&scene.stand, STAND_DONE);
	assert_int_equal(scene.stand.inventory.tuf.root, 5);
	end(&scene);
}

static void the_floor_rises_by_what_was_signed(void **state)
{
	struct scene scene;
	int64_t floor = 0;

	begin(&scene, state);
	scene.carry.state.issued = "2027-06-01T00:00:00Z"; /* later than any clock here */
	scene.carry.state.roles[TUF_TIMESTAMP].expires = "2027-05-01T00:00:00Z";
	carry_publish_next(&scene.carry);
	pack(&scene);
	/* By its clock it would be good, but it was signed after its own end: what is signed
	 * counts first. */
	must_wait(&scene, ERROR_EXPIRED, "timestamp");
	stand_expect(&scene.stand, STAND_DONE);
	floor = scene.stand.inventory.time.floor;
	assert_int_equal(floor, 1811808000);
	/* No more than five years at a time, and once. */
	scene.carry.state.issued = "2099-01-01T00:00:00Z";
	carry_publish_next(&scene.carry);
	pack(&scene);
	must_wait(&scene, ERROR_EXPIRED, "authentic, but it has expired");
	must_wait(&scene, ERROR_EXPIRED, "authentic, but it has expired");
	stand_expect(&scene.stand, STAND_DONE);
	assert_int_equal(scene.stand.inventory.time.floor, floor + 5 * 31557600);
	end(&scene);
}

static void a_root_that_is_missing_stops_the_agent(void **state)
{
	CLEANUP(buf_free) struct buf out = {0};
	struct stand stand;
	char log[8192];
	const char *text = NULL;
	struct error err = {0};

	stand_begin(&stand, *state);
	stand_configure(&stand, "tuf-root = nowhere.json", "");
	assert_int_equal(stand_command(&stand, "check", NULL, &out), 1);
	MUST(buf_text(&out, &text, &err));
	assert_non_null(strstr(text, "nowhere.json: missing: tuf-root names it"));
	assert_int_equal(stand_command(&stand, "run", NULL, NULL), ERROR_USAGE);
	stand_read(&stand, "agent.log", log, sizeof(log));
	assert_non_null(strstr(log, "nowhere.json: missing: tuf-root names it"));
	stand_write(&stand, "nowhere.json", "{}");
	assert_int_equal(stand_command(&stand, "run", NULL, NULL), ERROR_USAGE);
	assert_false(access("state/tuf/root.json", F_OK) == 0);
	stand_end(&stand);
}

static void where_no_direction_is_needed_being_a_target_is_enough(void **state)
{
	struct scene scene;

	begin_with(&scene, state, "file-2", "tuf-root = tuf-root.json\ndirection = none");
	scene.carry.undirected = true;
	carry_publish_next(&scene.carry);
	pack(&scene);
	must_confirm(&scene);
	assert_false(scene.stand.inventory.tuf.directed);
	end(&scene);
}

/* No key for artifacts: the repository is the one anchor. */
static void a_repository_alone_is_an_anchor(void **state)
{
	struct scene scene;
	char conf[4096], *key = NULL;

	begin_with(&scene, state, "uncounted", "tuf-root = tuf-root.json");
	stand_kill(&scene.stand);
	stand_read(&scene.stand, "agent.conf", conf, sizeof(conf));
	key = strstr(conf, "artifact-key");
	assert_non_null(key);
	key[0] = '#';
	stand_write(&scene.stand, "agent.conf", conf);
	stand_start(&scene.stand);
	must_confirm(&scene);
	assert_true(scene.stand.inventory.has_anchor);
	assert_false(scene.stand.inventory.signature_required);
	assert_false(scene.stand.inventory.counter_required);
	end(&scene);
}

/* The artifact has the digest it was offered by, but a second one that is listed is not its
 * own: whoever wrote that is wrong, or knows more than we do. */
static void every_digest_that_is_listed_must_be_its_own(void **state)
{
	static const char wrong[]
		= "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
		  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	CLEANUP(buf_free) struct buf targets = {0};
	struct error err = {0};
	struct scene scene;
	char hex[DIGEST_TEXT];
	const char *text = NULL;

	begin_with(&scene, state, "file-2", "tuf-root = tuf-root.json\ndirection = none");
	digest_text(&scene.carry.direction.artifacts[0].sha256, hex);
	MUST(buf_print(&targets, &err,
		"\"artifacts/rel-2.mender\":{\"length\":%zu,\"hashes\":{\"sha256\":\"%s\","
		"\"sha512\":\"%s\"}}",
		scene.stand.artifact.len, hex, wrong));
	MUST(buf_text(&targets, &text, &err));
	scene.carry.state.targets = text;
	office_publish(&scene.carry.office, &scene.carry.state);
	pack(&scene);
	stand_expect(&scene.stand, STAND_DONE);
	if (scene.stand.code != ERROR_SIGNATURE)
		fail_with_log(&scene, "sha512");
	assert_int_equal(scene.stand.kept_count, 0);
	end(&scene);
}

/* Room for the artifact and its installer, but not for the metadata as well. */
static void metadata_need_room_too(void **state)
{
	enum { PADDING = 400000 };
	CLEANUP(buf_free) struct buf padding = {0};
	struct error err = {0};
	struct scene scene;
	char path[PATH_MAX], options[64];

	begin(&scene, state);
	stand_kill(&scene.stand);
	(void)snprintf(path, sizeof(path), "%s/state/spool", scene.stand.directory);
	(void)mkdir(path, 0700);
	(void)snprintf(options, sizeof(options), "size=%llu,mode=0700",
		4ULL * scene.stand.artifact.len + PADDING);
	if (unshare(CLONE_NEWNS) != 0
		|| mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0
		|| mount("tmpfs", path, "tmpfs", 0, options) != 0) {
		end(&scene);
		skip();
	}
	stand_start(&scene.stand);
	MUST(buf_print(&padding, &err, ",\"x\":\"%0*d\"", PADDING, 0));
	MUST(buf_text(&padding, &scene.carry.state.more_targets, &err));
	carry_publish_next(&scene.carry);
	pack(&scene);
	stand_expect(&scene.stand, STAND_DONE);
	if (strstr(scene.stand.text, "bytes, the device has") == NULL)
		fail_with_log(&scene, "space");
	assert_int_equal(scene.stand.sent_set, 0);
	scene.carry.state.more_targets = NULL;
	office_remove(&scene.carry.office, "2.targets.json");
	carry_publish_next(&scene.carry);
	pack(&scene);
	must_confirm(&scene);
	stand_stop(&scene.stand);
	assert_int_equal(umount(path), 0);
	end(&scene);
}

#define TEST(name) cmocka_unit_test_teardown(name, stand_world_quiet)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_directed_and_signed_is_installed),
		TEST(without_metadata_nothing_is_installed),
		TEST(a_device_without_a_root_does_not_ask_for_metadata),
		TEST(both_anchors_must_agree),
		TEST(metadata_that_nobody_signed_end_nothing),
		TEST(what_directs_another_device_does_not_serve),
		TEST(what_has_expired_is_told_apart),
		TEST(a_courier_that_is_late_is_no_enemy),
		TEST(its_own_metadata_do_where_a_late_courier_brings_the_artifact),
		TEST(an_older_direction_does_not_serve_again),
		TEST(metadata_come_before_the_artifact_and_go_on_where_they_were),
		TEST(each_root_is_kept_at_once),
		TEST(the_floor_rises_by_what_was_signed),
		TEST(a_root_that_is_missing_stops_the_agent),
		TEST(where_no_direction_is_needed_being_a_target_is_enough),
		TEST(a_repository_alone_is_an_anchor),
		TEST(every_digest_that_is_listed_must_be_its_own),
		TEST(metadata_need_room_too),
	};

	return cmocka_run_group_tests(tests, stand_world_make, stand_world_remove);
}
