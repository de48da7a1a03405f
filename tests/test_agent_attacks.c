/*
 * Every attack of the TUF specification's list (section 1.5.2), mounted by the courier
 * itself: it has a valid certificate, it meets the real courier-agent over a real link, and
 * it lies.  What comes of each is told, nothing is installed, nothing on the device's disk
 * is another, and the next honest visit succeeds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/json.h"
#include "tests/agent_stand.h"
#include "tests/test.h"
#include "tests/tuf_carry.h"

#define LONG_AGO "2020-01-01T00:00:00Z"

struct scene {
	struct stand stand;
	struct carry carry;
	struct digest tuf; /* of what the device keeps of the repository */
};

static struct digest digest_of(const struct buf *artifact)
{
	struct digest digest;
	struct error err = {0};

	MUST(crypto_sha256(buf_bytes(artifact), &digest, &err));
	return digest;
}

static const struct office_file *served(const struct scene *scene, const char *name)
{
	for (size_t i = 0; i < OFFICE_FILES; i++)
		if (strcmp(scene->carry.office.served[i].name, name) == 0)
			return &scene->carry.office.served[i];
	fail_msg("%s is not served", name);
	abort();
}

/* ---- what the repository says ---- */

/* A new direction: ARTIFACT (as stand_load() knows it) for DEPLOYMENT.  It is what the
 * courier has from now on. */
static void direct(struct scene *scene, const char *artifact, const char *deployment)
{
	struct direction *const direction = &scene->carry.direction;
	struct direction_artifact *const named = &direction->artifacts[0];

	stand_load(&scene->stand, artifact, deployment);
	(void)snprintf(named->path, sizeof(named->path), "artifacts/%s.mender", artifact);
	named->sha256 = digest_of(&scene->stand.artifact);
	named->length = scene->stand.artifact.len;
	(void)snprintf(direction->deployment, sizeof(direction->deployment), "%s", deployment);
	direction->sequence++;
	carry_publish_next(&scene->carry);
}

/* What is served now is what is carried. */
static void pack(struct scene *scene)
{
	scene->stand.set.len = 0;
	carry_pack(&scene->carry, 0, &scene->stand.set);
}

static void begin(struct scene *scene, void **state)
{
	struct stand *const stand = &scene->stand;
	const char *text = NULL;
	struct digest digest;
	struct error err = {0};

	stand_begin(stand, *state);
	stand_load(stand, "file-2", "dep-1");
	digest = digest_of(&stand->artifact);
	carry_new(&scene->carry, "d1", "dep-1", "artifacts/file-2.mender", &digest,
		stand->artifact.len);
	carry_publish(&scene->carry);
	carry_publish_next(&scene->carry);
	pack(scene);

	struct buf *const root = &scene->carry.office.served[0].content;

	assert_string_equal(scene->carry.office.served[0].name, "1.root.json");
	MUST(buf_text(root, &text, &err));
	stand_write(stand, "pinned.json", text);
	stand_configure(stand, "tuf-root = pinned.json\ndirection = required", "");
	stand_start(stand);
	/* One visit with nothing to offer: now the device has begun with its root. */
	stand->deployment = NULL;
	stand_expect(stand, STAND_DONE);
	stand->deployment = "dep-1";
}

static void end(struct scene *scene)
{
	stand_end(&scene->stand);
	carry_done(&scene->carry);
}

/* ---- what comes of it ---- */

static void assert_app(const struct scene *scene, const char *expected)
{
	char text[64];

	stand_read(&scene->stand, "target/app", text, sizeof(text));
	assert_string_equal(text, expected);
}

/* Of names and contents. */
static struct digest what_it_keeps(const struct scene *scene)
{
	static const char *const names[] = {"root.json", "timestamp.json", "snapshot.json"};
	CLEANUP(buf_free) struct buf all = {0};
	struct digest digest;
	struct error err = {0};
	char path[128];

	for (size_t i = 0; i < COUNT(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/state/tuf/%s", scene->stand.directory,
			names[i]);
		MUST(buf_print(&all, &err, "%s:", names[i]));
		MUST(file_read(path, 1 << 20, &all, &(bool){false}, &err));
	}
	MUST(crypto_sha256(buf_bytes(&all), &digest, &err));
	return digest;
}

/* The visit ends as visits do; the device says CODE and SENTENCE, gives no receipt, has
 * asked for no byte of the artifact, and runs what it ran. */
static void is_told(struct scene *scene, enum error_code code, const char *sentence)
{
	struct stand *const stand = &scene->stand;
	const size_t kept = stand->kept_count;
	char before[64], log[8192];

	stand_read(stand, "target/app", before, sizeof(before));
	stand_expect(stand, STAND_DONE);
	stand_read(stand, "agent.log", log, sizeof(log));
	if (stand->code != code || strstr(stand->text, sentence) == NULL)
		fail_msg("%d: %s; not %d: %s\n%s", (int)stand->code, stand->text, (int)code,
			sentence, log);
	assert_int_equal(stand->kept_count, kept);
	assert_int_equal(stand->sent, 0);
	assert_app(scene, before);
}

/* And nothing of the metadata is kept. */
static void is_refused(struct scene *scene, enum error_code code, const char *sentence)
{
	const struct digest before = what_it_keeps(scene);
	struct digest after;

	is_told(scene, code, sentence);
	after = what_it_keeps(scene);
	assert_true(digest_equal(&before, &after));
}

static void honest_succeeds(struct scene *scene, const char *app)
{
	char log[8192];

	pack(scene);
	stand_expect(&scene->stand, STAND_DONE);
	stand_read(&scene->stand, "agent.log", log, sizeof(log));
	if (scene->stand.kept_count == 0
		|| stand_last(&scene->stand)->outcome != OUTCOME_CONFIRMED)
		fail_msg("not confirmed: %d %s\n%s", (int)scene->stand.code, scene->stand.text,
			log);
	assert_app(scene, app);
}

/* ---- the attacks ---- */

/* Signed by the build, for this type, and nobody directed it here. */
static void arbitrary_software(void **state)
{
	struct scene scene;

	begin(&scene, state);
	stand_load(&scene.stand, "file-3", "dep-1");
	is_told(&scene, ERROR_SIGNATURE, "another artifact than the one offered");
	stand_load(&scene.stand, "file-3", "dep-2");
	is_told(&scene, ERROR_CONTACT, "directed to deployment dep-1, not to dep-2");
	/* The artifact's name is right, its bytes are not. */
	stand_load(&scene.stand, "file-2", "dep-1");
	scene.stand.artifact.at[scene.stand.artifact.len / 2] ^= 1;
	is_told(&scene, ERROR_SIGNATURE, "another artifact than the one offered");
	/* And without any metadata. */
	scene.stand.set.len = 0;
	is_told(&scene, ERROR_CONTACT, "no metadata came with the offer");
	stand_load(&scene.stand, "file-2", "dep-1");
	honest_succeeds(&scene, "new\n");
	end(&scene);
}

static void append_space(struct scene *scene, const char *name, size_t count)
{
	struct office_file *const file = (struct office_file *)(uintptr_t)served(scene, name);
	struct error err = {0};

	for (size_t i = 0; i < count; i++)
		MUST(buf_append(&file->content, bytes_of(" "), &err));
}

static void endless_data(void **state)
{
	const struct office_file *timestamp = NULL;
	struct error err = {0};
	struct scene scene;
	size_t len = 0;

	begin(&scene, state);
	timestamp = served(&scene, "timestamp.json");
	len = timestamp->content.len;
	append_space(&scene, "timestamp.json", TUF_TIMESTAMP_MAX);
	pack(&scene);
	is_refused(&scene, ERROR_SIGNATURE, "timestamp.json");
	((struct office_file *)(uintptr_t)timestamp)->content.len = len;
	/* An artifact that goes on and on behind what was signed: not a byte is asked for. */
	pack(&scene);
	for (int i = 0; i < 1000; i++)
		MUST(buf_append(&scene.stand.artifact, bytes_of("and on "), &err));
	is_told(&scene, ERROR_SIGNATURE, "another artifact than the one offered");
	stand_load(&scene.stand, "file-2", "dep-1");
	honest_succeeds(&scene, "new\n");
	end(&scene);
}

/* More in the set than the device needs: it is no reason for anything. */
static void extraneous_dependencies(void **state)
{
	CLEANUP(tuf_set_writer_done) struct tuf_set_writer writer = {0};
	CLEANUP(tuf_set_done) struct tuf_set set = {0};
	CLEANUP(buf_free) struct buf honest = {0};
	struct error err = {0};
	struct scene scene;

	begin(&scene, state);
	MUST(buf_append(&honest, buf_bytes(&scene.stand.set), &err));
	MUST(tuf_set_open(buf_bytes(&honest), &set, &err));
	for (size_t i = 0; i < set.count; i++) {
		struct tuf_set_record record;

		MUST(tuf_set_record(&set, i, &record, &err));
		MUST(tuf_set_add(&writer, record.kind, record.name,
			(struct bytes){honest.at + record.offset, record.len}, &err));
	}
	MUST(tuf_set_add(
		&writer, TUF_SET_ARTIFACT, "artifacts/file-3.mender", bytes_of(""), &err));
	MUST(tuf_set_add(&writer, TUF_SET_DIRECTION, "devices/d2/direction.json",
		buf_bytes(&scene.carry.content), &err));
	MUST(tuf_set_add(&writer, TUF_SET_METADATA, "9.more.json", bytes_of("{}"), &err));
	scene.stand.set.len = 0;
	MUST(tuf_set_encode(&writer, buf_sink(&scene.stand.set), &err));
	stand_load(&scene.stand, "file-3", "dep-1");
	is_told(&scene, ERROR_SIGNATURE, "another artifact than the one offered");
	stand_load(&scene.stand, "file-2", "dep-1");
	stand_expect(&scene.stand, STAND_DONE);
	assert_int_equal(stand_last(&scene.stand)->outcome, OUTCOME_CONFIRMED);
	assert_app(&scene, "new\n");
	end(&scene);
}

/* With the online keys: the highest versions and sequence there are, so that nothing newer
 * ever comes. */
static void fast_forward(void **state)
{
	struct scene scene;
	struct office_role *const roles = scene.carry.state.roles;

	begin(&scene, state);
	roles[TUF_TIMESTAMP].version = roles[TUF_SNAPSHOT].version = JSON_INTEGER_MAX - 1;
	scene.carry.direction.sequence = JSON_INTEGER_MAX - 1;
	direct(&scene, "file-2", "dep-1");
	honest_succeeds(&scene, "new\n"); /* it is authentic, and directs what it did before */
	roles[TUF_TIMESTAMP].version = roles[TUF_SNAPSHOT].version = 5;
	scene.carry.direction.sequence = 1;
	direct(&scene, "file-3", "dep-2");
	pack(&scene);
	is_refused(&scene, ERROR_CONTACT, "already has newer metadata");
	/* The operator takes the keys from the thief, and the versions begin anew. */
	roles[TUF_ROOT].version = 2;
	roles[TUF_TIMESTAMP].keys = "e";
	roles[TUF_SNAPSHOT].keys = "f";
	carry_publish(&scene.carry);
	honest_succeeds(&scene, "newer\n");
	end(&scene);
}

static void freeze(void **state)
{
	struct scene scene;

	begin(&scene, state);
	scene.carry.state.roles[TUF_TIMESTAMP].expires = LONG_AGO;
	carry_publish_next(&scene.carry);
	pack(&scene);
	is_refused(&scene, ERROR_EXPIRED, "timestamp: authentic, but it has expired");
	scene.carry.state.roles[TUF_TIMESTAMP].expires = OFFICE_FUTURE;
	carry_publish_next(&scene.carry);
	honest_succeeds(&scene, "new\n");
	end(&scene);
}

/* A repository of the attacker's own, whole and well signed. */
static void malicious_mirror(void **state)
{
	struct scene scene;
	struct carry mirror;
	struct digest digest;

	begin(&scene, state);
	stand_load(&scene.stand, "file-3", "dep-1");
	digest = digest_of(&scene.stand.artifact);
	carry_new(&mirror, "d1", "dep-1", "artifacts/file-3.mender", &digest,
		scene.stand.artifact.len);
	for (int kind = 0; kind < TUF_KIND_COUNT; kind++)
		mirror.state.roles[kind].keys = (const char *[]){"e", "f", "g", "h"}[kind];
	carry_publish(&mirror);
	scene.stand.set.len = 0;
	carry_pack(&mirror, 0, &scene.stand.set);
	is_refused(&scene, ERROR_SIGNATURE, "timestamp: signed by 0 of the 1 keys it needs");
	/* And its own next root, to be trusted from now on. */
	mirror.state.roles[TUF_ROOT].version = 2;
	carry_publish_next(&mirror);
	scene.stand.set.len = 0;
	carry_pack(&mirror, 0, &scene.stand.set);
	is_refused(&scene, ERROR_SIGNATURE, "2.root.json: signed by 0 of the 1 keys it needs");
	carry_done(&mirror);
	stand_load(&scene.stand, "file-2", "dep-1");
	honest_succeeds(&scene, "new\n");
	end(&scene);
}

/* Files of two moments, each authentic: the new timestamp, and what was listed before. */
static void mix_and_match(void **state)
{
	CLEANUP(buf_free) struct buf old = {0};
	struct error err = {0};
	struct scene scene;

	begin(&scene, state);
	MUST(buf_append(&old, buf_bytes(&served(&scene, "2.targets.json")->content), &err));
	direct(&scene, "file-3", "dep-2");
	office_serve(&scene.carry.office, "3.targets.json", buf_bytes(&old));
	pack(&scene);
	is_told(&scene, ERROR_ROLLBACK, "targets: version 2, but 3 is listed");
	carry_publish(&scene.carry);
	honest_succeeds(&scene, "newer\n");
	end(&scene);
}

/* What directed the device before, after something newer was seen. */
static void rollback(void **state)
{
	CLEANUP(buf_free) struct buf old = {0};
	struct error err = {0};
	struct scene scene;

	begin(&scene, state);
	MUST(buf_append(&old, buf_bytes(&scene.stand.set), &err));
	direct(&scene, "file-3", "dep-2");
	honest_succeeds(&scene, "newer\n");
	stand_load(&scene.stand, "file-2", "dep-1");
	scene.stand.set.len = 0;
	MUST(buf_append(&scene.stand.set, buf_bytes(&old), &err));
	is_refused(&scene, ERROR_CONTACT, "already has newer metadata");
	assert_app(&scene, "newer\n");
	/* The thief of the online keys signs the old targets anew: the snapshot tells. */
	scene.carry.state.roles[TUF_TIMESTAMP].version++;
	scene.carry.state.roles[TUF_SNAPSHOT].version++;
	scene.carry.state.roles[TUF_TARGETS].version = 2;
	carry_publish(&scene.carry);
	pack(&scene);
	is_told(&scene, ERROR_ROLLBACK, "a file of version 3 is older now");
	assert_app(&scene, "newer\n");
	scene.carry.state.roles[TUF_TARGETS].version = 3;
	direct(&scene, "big-3", "dep-3");
	pack(&scene);
	stand_expect(&scene.stand, STAND_DONE);
	assert_int_equal(stand_last(&scene.stand)->outcome, OUTCOME_CONFIRMED);
	end(&scene);
}

static void slow_retrieval(void **state)
{
	struct scene scene;
	char log[8192];

	begin(&scene, state);
	scene.stand.trickle = true;
	assert_int_equal(stand_visit(&scene.stand, 120), STAND_FAILED);
	assert_int_equal(scene.stand.why.code, ERROR_LINK);
	stand_read(&scene.stand, "agent.log", log, sizeof(log));
	assert_non_null(strstr(log, "it is its turn, and it brings next to nothing"));
	assert_int_equal(scene.stand.kept_count, 0);
	assert_app(&scene, "old\n");
	scene.stand.trickle = false;
	honest_succeeds(&scene, "new\n");
	end(&scene);
}

/* One of the two holders of targets keys was robbed; so was everything that is online. */
static void vulnerable_key_set(void **state)
{
	struct office_role *targets = NULL;
	struct scene scene;

	begin(&scene, state);
	targets = &scene.carry.state.roles[TUF_TARGETS];
	scene.carry.state.roles[TUF_ROOT].version = 2;
	targets->keys = "de";
	targets->threshold = 2;
	direct(&scene, "file-2", "dep-1");
	honest_succeeds(&scene, "new\n");
	targets->signers = "d";
	direct(&scene, "file-3", "dep-2");
	pack(&scene);
	is_told(&scene, ERROR_SIGNATURE, "targets: signed by 1 of the 2 keys it needs");
	targets->signers = "bcd";
	direct(&scene, "file-3", "dep-2");
	pack(&scene);
	is_told(&scene, ERROR_SIGNATURE, "targets: signed by 1 of the 2 keys it needs");
	targets->signers = NULL;
	direct(&scene, "file-3", "dep-2");
	honest_succeeds(&scene, "newer\n");
	end(&scene);
}

static void software_for_another_device(void **state)
{
	struct carry *carry = NULL;
	struct scene scene;

	begin(&scene, state);
	carry = &scene.carry;
	/* What is carried for a neighbour, whole. */
	(void)snprintf(carry->direction.device, sizeof(carry->direction.device), "d2");
	(void)snprintf(carry->at, sizeof(carry->at), "d2");
	direct(&scene, "file-2", "dep-1");
	pack(&scene);
	is_told(&scene, ERROR_WRONG_DEVICE, "there is no target devices/d1/");
	/* The neighbour's direction, listed as ours by who can sign. */
	(void)snprintf(carry->at, sizeof(carry->at), "d1");
	carry_publish_next(carry);
	pack(&scene);
	is_told(&scene, ERROR_WRONG_DEVICE, "is for d2, not for d1");
	/* Ours, for another type. */
	(void)snprintf(carry->direction.device, sizeof(carry->direction.device), "d1");
	(void)snprintf(carry->direction.artifacts[0].device_type,
		sizeof(carry->direction.artifacts[0].device_type), "otherbox");
	direct(&scene, "file-2", "dep-1");
	pack(&scene);
	is_told(&scene, ERROR_WRONG_DEVICE, "no artifact for a device of type testbox");
	carry->direction.artifacts[0].device_type[0] = '\0';
	direct(&scene, "file-2", "dep-1");
	honest_succeeds(&scene, "new\n");
	end(&scene);
}

int main(void)
{
#define ATTACK(name) cmocka_unit_test_teardown(name, stand_world_quiet)
	const struct CMUnitTest tests[] = {
		ATTACK(arbitrary_software),
		ATTACK(endless_data),
		ATTACK(extraneous_dependencies),
		ATTACK(fast_forward),
		ATTACK(freeze),
		ATTACK(malicious_mirror),
		ATTACK(mix_and_match),
		ATTACK(rollback),
		ATTACK(slow_retrieval),
		ATTACK(vulnerable_key_set),
		ATTACK(software_for_another_device),
	};

	return cmocka_run_group_tests(tests, stand_world_make, stand_world_remove);
}
