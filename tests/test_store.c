#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/store_home.h"
#include "tests/test.h"

/* ---- open and close ---- */

static void a_store_is_made_once(void **state)
{
	struct error err = {0};
	struct home home;
	struct stat there;

	(void)state;
	home_init(&home);
	assert_true(store_exists(home.path));
	assert_int_equal(stat(home.path, &there), 0);
	assert_int_equal(there.st_mode & 0777, 0700);
	home_close(&home);
	assert_false(store_create(home.path, &home.passphrase, &err));
	assert_int_equal(err.code, ERROR_BUSY);
	home_done(&home);
}

static void without_a_store_there_is_nothing_to_open(void **state)
{
	const struct passphrase passphrase = {"x"}, empty = {""};
	char path[] = "/tmp/courier-none-XXXXXX";
	struct store *store = NULL;
	struct error err = {0};

	(void)state;
	assert_non_null(mkdtemp(path));
	assert_false(store_exists(path));
	assert_false(store_open(path, &passphrase, &store, &err));
	assert_int_equal(err.code, ERROR_USAGE);
	assert_non_null(strstr(err.text, "courier init"));
	assert_int_equal(rmdir(path), 0); /* not even a lock was left */
	assert_false(store_create(path, &empty, &err));
	assert_int_equal(err.code, ERROR_USAGE);
	assert_false(store_exists(path));

	struct home left = {0};

	(void)snprintf(left.path, sizeof(left.path), "%s", path);
	home_wipe(&left);
}

static void a_wrong_passphrase_is_told_from_damage(void **state)
{
	const struct passphrase wrong = {"correct horsf"};
	struct store *store = NULL;
	struct error err = {0};
	struct home home;

	(void)state;
	home_init(&home);
	home_close(&home);
	assert_false(store_open(home.path, &wrong, &store, &err));
	assert_int_equal(err.code, ERROR_UNAUTHORISED);
	assert_null(store);
	home_open(&home);
	home_done(&home);
}

/* The other process: once told, is it told to wait? */
static _Noreturn void try_to_open(const struct home *home, int told)
{
	struct store *store = NULL;
	struct error err = {0};
	char byte = 0;

	if (read(told, &byte, 1) != 1)
		_exit(2);
	_exit(!store_open(home->path, &home->passphrase, &store, &err) && err.code == ERROR_BUSY
			? 0
			: 1);
}

static void a_second_process_is_told_to_wait(void **state)
{
	struct home home;
	int status = 0;
	int ends[2];

	(void)state;
	home_init(&home);
	home_close(&home);
	assert_int_equal(pipe(ends), 0);

	const pid_t child = fork();

	if (child == 0)
		try_to_open(&home, ends[0]);
	home_open(&home);
	assert_int_equal(write(ends[1], ".", 1), 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(close(ends[0]), 0);
	assert_int_equal(close(ends[1]), 0);
	home_done(&home);
}

static void keys_are_remembered_or_the_kernel_forbids_it(void **state)
{
	struct secret put = {{7}}, got = {{0}};
	struct error err = {0};
	bool done = false, found = true;
	struct home home;

	(void)state;
	home_init(&home);
	MUST(store_put_secret(home.store, STORE_SERVER_KEY, &put, &err));
	MUST(store_remember(home.store, 60, &done, &err));
	home_close(&home);
	MUST(store_open_remembered(home.path, &home.store, &found, &err));
	assert_int_equal(found, done);
	if (found) {
		MUST(store_get_secret(home.store, STORE_SERVER_KEY, &got, &err));
		assert_memory_equal(&put, &got, sizeof(put));
		MUST(store_remember(home.store, 0, &done, &err));
		home_close(&home);
		MUST(store_open_remembered(home.path, &home.store, &found, &err));
		assert_false(found);
	}
	assert_null(home.store);
	home_done(&home);
}

/* ---- keys, papers, tokens ---- */

static void keys_and_papers_come_back(void **state)
{
	CLEANUP(buf_free) struct buf paper = {0};
	struct secret put = {{1, 2, 3}}, got = {{0}};
	struct error err = {0};
	struct home home;
	bool found = true;

	(void)state;
	home_init(&home);
	assert_false(store_get_secret(home.store, STORE_COURIER_KEY, &got, &err));
	assert_int_equal(err.code, ERROR_NOTHING);
	MUST(store_put_secret(home.store, STORE_COURIER_KEY, &put, &err));
	MUST(store_get_paper(home.store, "control", &paper, &found, &err));
	assert_false(found);
	MUST(store_put_paper(home.store, "control", bytes_of("one"), &err));
	MUST(store_put_paper(home.store, "control", bytes_of("another"), &err));
	MUST(store_put_paper(home.store, "empty", bytes_of(""), &err));
	home_close(&home);
	home_open(&home);
	MUST(store_get_secret(home.store, STORE_COURIER_KEY, &got, &err));
	assert_memory_equal(&put, &got, sizeof(put));
	assert_false(store_get_secret(home.store, STORE_SERVER_KEY, &got, &err));
	MUST(store_get_paper(home.store, "empty", &paper, &found, &err));
	assert_true(found && paper.len == 0);
	MUST(store_get_paper(home.store, "control", &paper, &found, &err));
	assert_true(found && bytes_equal(buf_bytes(&paper), bytes_of("another")));
	home_done(&home);
}

static void a_paper_has_a_limit(void **state)
{
	uint8_t *const large = calloc(1, STORE_PAPER_MAX + 1);
	CLEANUP(buf_free) struct buf paper = {0};
	struct error err = {0};
	struct home home;
	bool found = false;

	(void)state;
	assert_non_null(large);
	home_init(&home);
	MUST(store_put_paper(home.store, "a", (struct bytes){large, STORE_PAPER_MAX}, &err));
	MUST(store_get_paper(home.store, "a", &paper, &found, &err));
	assert_int_equal(paper.len, STORE_PAPER_MAX);
	assert_false(store_put_paper(
		home.store, "a", (struct bytes){large, STORE_PAPER_MAX + 1}, &err));
	assert_int_equal(err.code, ERROR_USAGE);
	home_done(&home);
	free(large);
}

static void an_empty_token_forgets_it(void **state)
{
	CLEANUP(buf_free) struct buf token = {0};
	struct error err = {0};
	struct home home;
	bool found = false;

	(void)state;
	home_init(&home);
	MUST(store_put_token(home.store, "dev1", "eyJ0", &err));
	MUST(store_get_token(home.store, "dev1", &token, &found, &err));
	assert_true(found && bytes_equal(buf_bytes(&token), bytes_of("eyJ0")));
	MUST(store_get_token(home.store, "dev2", &token, &found, &err));
	assert_false(found);
	MUST(store_put_token(home.store, "dev1", "", &err));
	MUST(store_get_token(home.store, "dev1", &token, &found, &err));
	assert_false(found);
	home_done(&home);
}

static void assert_file(
	const struct home *home, const char *repository, const char *file, const char *content)
{
	CLEANUP(buf_free) struct buf out = {0};
	struct error err = {0};
	bool found = false;

	MUST(store_get_metadata(home->store, repository, file, &out, &found, &err));
	assert_int_equal(found, content != NULL);
	if (content != NULL)
		assert_true(bytes_equal(buf_bytes(&out), bytes_of(content)));
}

static void put_file(
	const struct home *home, const char *repository, const char *file, const char *content)
{
	struct error err = {0};

	MUST(store_put_metadata(home->store, repository, file, bytes_of(content), &err));
}

static bool is_newer(void *self, const char *repository, const char *file)
{
	return strcmp(repository, self) == 0 && file[0] != '1';
}

static void files_of_repositories_are_kept_apart_and_swept(void **state)
{
	struct error err = {0};
	struct home home;
	char repository[] = "a";

	(void)state;
	home_init(&home);
	put_file(&home, "a", "1.snapshot.json", "old");
	put_file(&home, "a", "2.snapshot.json", "new");
	put_file(&home, "b", "2.snapshot.json", "another");
	put_file(&home, "a", "2.snapshot.json", "newer");
	assert_file(&home, "a", "2.snapshot.json", "newer");
	home_close(&home);
	home_open(&home);
	assert_file(&home, "a", "1.snapshot.json", "old");
	assert_file(&home, "a", "3.snapshot.json", NULL);
	MUST(store_sweep_metadata(home.store, is_newer, repository, &err));
	assert_file(&home, "a", "1.snapshot.json", NULL);
	assert_file(&home, "a", "2.snapshot.json", "newer");
	assert_file(&home, "b", "2.snapshot.json", NULL);
	MUST(store_drop_metadata(home.store, "a", "2.snapshot.json", &err));
	MUST(store_drop_metadata(home.store, "a", "2.snapshot.json", &err));
	assert_file(&home, "a", "2.snapshot.json", NULL);
	home_done(&home);
}

static void acting_can_be_wiped_and_reports_kept(void **state)
{
	CLEANUP(store_parcel_free) struct store_parcel parcel = {0};
	CLEANUP(buf_free) struct buf out = {0};
	struct secret secret = {{0}};
	struct error err = {0};
	struct home home;
	bool found = false;
	char path[PATH_MAX];

	(void)state;
	home_init(&home);
	home_fill(&home);
	MUST(store_wipe_acting(home.store, &err));
	for (int i = 0; i < 2; i++) {
		assert_false(store_get_secret(home.store, STORE_SERVER_KEY, &secret, &err));
		assert_int_equal(err.code, ERROR_UNAUTHORISED);
		assert_false(store_get_metadata(home.store, "fleet-repository",
			"7.snapshot-file.json", &out, &found, &err));
		assert_int_equal(err.code, ERROR_UNAUTHORISED);
		assert_false(store_get_token(home.store, "pump-house-one", &out, &found, &err));
		assert_int_equal(err.code, ERROR_UNAUTHORISED);
		MUST(store_get_parcel(
			home.store, "pump-house-two", "deployment-two", &parcel, &found, &err));
		assert_true(found && parcel.url == NULL);
		assert_string_equal(parcel.artifact_name, "release-4711");
		store_parcel_free(&parcel);
		home_close(&home);
		home_open(&home);
	}
	MUST(store_has_receipt(home.store, "pump-house-one", 1, &found, &err));
	assert_true(found);
	home_file(&home, "blobs", path);
	assert_int_equal(rmdir(path), 0); /* nothing is in it */
	home_done(&home);
}

/* ---- devices ---- */

static void put_device(struct home *home, const char *id, const char *label, const char *key)
{
	struct store_device device = {0};
	struct error err = {0};
	char text[64], pem[512];

	(void)snprintf(device.id, sizeof(device.id), "%s", id);
	(void)snprintf(text, sizeof(text), "%s", label == NULL ? "" : label);
	(void)snprintf(pem, sizeof(pem), "%s", key == NULL ? "" : key);
	device.label = label == NULL ? NULL : text;
	device.key_pem = key == NULL ? NULL : pem;
	MUST(store_put_device(home->store, &device, "put", &err));
}

static void every_member_of_a_device_comes_back(void **state)
{
	CLEANUP(store_device_free) struct store_device got = {0};
	CLEANUP(buf_free) struct buf pem = {0};
	CLEANUP(crypto_key_cleanup) struct crypto_key *key = NULL;
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;
	char texts[][16] = {"server", "{\"mac\":1}", "type", "artifact", "label", "site",
		"group", "tier", "chain", "problem"};
	struct store_device put = {.id = "dev1",
		.server = texts[0],
		.id_data = texts[1],
		.device_type = texts[2],
		.artifact = texts[3],
		.label = texts[4],
		.site = texts[5],
		.group = texts[6],
		.tier = texts[7],
		.chain_pem = texts[8],
		.problem = texts[9],
		.certified = true,
		.inventory_sent = true,
		.visited = 1700000000,
		.synced = -1,
		.newest = UINT64_MAX,
		.not_before = INT64_MAX};
	struct error err = {0};
	struct home home;
	bool found = false;
	const char *text = NULL;

	(void)state;
	home_init(&home);
	MUST(crypto_key_generate(CRYPTO_ED25519, &key, &err));
	MUST(crypto_public_of(key, &public, &err));
	MUST(crypto_public_pem(public, &pem, &err));
	MUST(buf_text(&pem, &text, &err));
	put.key_pem = strdup(text);
	MUST(buf_append(&put.inventory, (struct bytes){(const uint8_t *)"a\0b", 3}, &err));
	MUST(store_put_device(home.store, &put, "met", &err));
	home_close(&home);
	home_open(&home);
	MUST(store_get_device(home.store, "dev1", &got, &found, &err));
	assert_true(found);
	assert_string_equal(got.id, put.id);
	assert_string_equal(got.server, put.server);
	assert_string_equal(got.id_data, put.id_data);
	assert_string_equal(got.device_type, put.device_type);
	assert_string_equal(got.artifact, put.artifact);
	assert_string_equal(got.label, put.label);
	assert_string_equal(got.site, put.site);
	assert_string_equal(got.group, put.group);
	assert_string_equal(got.tier, put.tier);
	assert_string_equal(got.key_pem, put.key_pem);
	assert_string_equal(got.chain_pem, put.chain_pem);
	assert_string_equal(got.problem, put.problem);
	assert_true(got.certified && got.inventory_sent && !got.identity_sent);
	assert_true(bytes_equal(buf_bytes(&got.inventory), buf_bytes(&put.inventory)));
	assert_int_equal(got.identity.len, 0);
	assert_int_equal(got.visited, put.visited);
	assert_int_equal(got.synced, put.synced);
	assert_true(got.newest == put.newest);
	assert_int_equal(got.not_before, put.not_before);
	free(put.key_pem);
	buf_free(&put.inventory);
	home_done(&home);
}

static void assert_found(struct home *home, const char *name, const char *id)
{
	CLEANUP(store_device_free) struct store_device device = {0};
	struct error err = {0};

	MUST(store_find_device(home->store, name, &device, &err));
	assert_string_equal(device.id, id);
}

static void a_device_is_found_by_id_label_or_unique_prefix(void **state)
{
	struct store_device device = {0};
	struct error err = {0};
	struct home home;

	(void)state;
	home_init(&home);
	put_device(&home, "alpha", "crusher", NULL);
	put_device(&home, "alphabet", "beta", NULL);
	put_device(&home, "beta", NULL, NULL);
	put_device(&home, "gamma", "drill", NULL);
	for (int i = 0; i < 2; i++) {
		assert_found(&home, "alpha", "alpha"); /* whole before prefix */
		assert_found(&home, "alphab", "alphabet");
		assert_found(&home, "beta", "beta"); /* id before label */
		assert_found(&home, "cru", "alpha");
		assert_found(&home, "drill", "gamma");
		assert_false(store_find_device(home.store, "al", &device, &err));
		assert_int_equal(err.code, ERROR_BUSY);
		assert_string_equal(err.text, "\"al\" may be alpha, alphabet");
		assert_false(store_find_device(home.store, "x", &device, &err));
		assert_int_equal(err.code, ERROR_USAGE);
		assert_false(store_find_device(home.store, "", &device, &err));
		assert_int_equal(err.code, ERROR_USAGE);
		home_close(&home);
		home_open(&home);
	}
	put_device(&home, "gamma", "shovel", NULL); /* the index follows */
	assert_found(&home, "sho", "gamma");
	assert_false(store_find_device(home.store, "drill", &device, &err));
	home_done(&home);
}

static void a_device_is_found_by_its_key(void **state)
{
	CLEANUP(crypto_key_cleanup) struct crypto_key *key = NULL;
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;
	CLEANUP(store_device_free) struct store_device device = {0};
	CLEANUP(buf_free) struct buf pem = {0};
	struct digest fingerprint = {{0}};
	const char *text = NULL;
	struct error err = {0};
	struct home home;
	bool found = true;

	(void)state;
	home_init(&home);
	MUST(crypto_key_generate(CRYPTO_P256, &key, &err));
	MUST(crypto_public_of(key, &public, &err));
	MUST(crypto_public_pem(public, &pem, &err));
	MUST(buf_text(&pem, &text, &err));
	put_device(&home, "keyless", NULL, NULL);
	MUST(store_device_of_key(home.store, &fingerprint, &device, &found, &err));
	assert_false(found); /* zero is nobody's */
	MUST(crypto_public_fingerprint(public, &fingerprint, &err));
	MUST(store_device_of_key(home.store, &fingerprint, &device, &found, &err));
	assert_false(found);
	put_device(&home, "holder", NULL, text);
	home_close(&home);
	home_open(&home);
	MUST(store_device_of_key(home.store, &fingerprint, &device, &found, &err));
	assert_true(found);
	assert_string_equal(device.id, "holder");
	home_done(&home);
}

static void a_key_that_is_none_is_refused(void **state)
{
	struct store_device device = {.id = "dev1"};
	char pem[] = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
	struct error err = {0};
	struct home home;
	bool found = true;

	(void)state;
	home_init(&home);
	device.key_pem = pem;
	assert_false(store_put_device(home.store, &device, "met", &err));
	device.key_pem = NULL;
	MUST(store_get_device(home.store, "dev1", &device, &found, &err));
	assert_false(found);
	device.id[0] = 0;
	assert_false(store_put_device(home.store, &device, "met", &err));
	assert_int_equal(err.code, ERROR_USAGE);
	home_done(&home);
}

struct seen {
	struct home *home;
	char text[256];
	unsigned count;
};

static bool see_device(void *self, const struct store_device *device, struct error *err)
{
	struct seen *const seen = self;

	(void)snprintf(seen->text + strlen(seen->text), sizeof(seen->text) - strlen(seen->text),
		"%s ", device->id);
	return seen->count++ < 2
		? store_put_token(seen->home->store, device->id, "changed by a visit", err)
		: error_set(err, ERROR_NOTHING, "enough");
}

static void devices_are_visited_in_order_and_may_change_the_store(void **state)
{
	struct error err = {0};
	struct home home;

	(void)state;
	home_init(&home);
	put_device(&home, "c", NULL, NULL);
	put_device(&home, "a", NULL, NULL);
	put_device(&home, "d", NULL, NULL);
	put_device(&home, "b", NULL, NULL);

	struct seen seen = {.home = &home};

	assert_false(store_each_device(home.store, see_device, &seen, &err));
	assert_string_equal(err.text, "enough");
	assert_string_equal(seen.text, "a b c ");
	home_done(&home);
}

/* ---- parcels ---- */

static void put_parcel(struct home *home, const char *device, const char *deployment)
{
	struct store_parcel parcel = {.attempt = 1};
	struct error err = {0};

	(void)snprintf(parcel.device, sizeof(parcel.device), "%s", device);
	(void)snprintf(parcel.deployment, sizeof(parcel.deployment), "%s", deployment);
	MUST(store_put_parcel(home->store, &parcel, "assigned", &err));
}

static enum parcel_state state_of(struct home *home, const char *device, const char *deployment)
{
	CLEANUP(store_parcel_free) struct store_parcel parcel = {0};
	struct error err = {0};
	bool found = false;

	MUST(store_get_parcel(home->store, device, deployment, &parcel, &found, &err));
	assert_true(found);
	return parcel.state;
}

static void every_member_of_a_parcel_comes_back(void **state)
{
	char texts[][16] = {"artifact-id", "name", "https://u", "{}", "{\"x\":1}", "why"};
	CLEANUP(store_parcel_free) struct store_parcel got = {0};
	struct store_parcel put = {.device = "dev1",
		.deployment = "depl",
		.artifact_id = texts[0],
		.artifact_name = texts[1],
		.url = texts[2],
		.url_expires = 5,
		.request = texts[3],
		.has_digest = true,
		.digest = {{1, 2, 3}},
		.size = 7,
		.unpacked = UINT64_C(1) << 40,
		.facts = texts[4],
		.reason = texts[5],
		.attempt = 3,
		.stage = true};
	struct error err = {0};
	struct home home;
	bool found = false;

	(void)state;
	home_init(&home);
	MUST(store_put_parcel(home.store, &put, "assigned", &err));
	home_close(&home);
	home_open(&home);
	MUST(store_get_parcel(home.store, "dev1", "depl", &got, &found, &err));
	assert_true(found);
	assert_int_equal(got.state, PARCEL_WANTED);
	assert_string_equal(got.artifact_id, put.artifact_id);
	assert_string_equal(got.artifact_name, put.artifact_name);
	assert_string_equal(got.url, put.url);
	assert_int_equal(got.url_expires, put.url_expires);
	assert_string_equal(got.request, put.request);
	assert_true(got.has_digest && digest_equal(&got.digest, &put.digest));
	assert_int_equal(got.size, put.size);
	assert_int_equal(got.unpacked, put.unpacked);
	assert_string_equal(got.facts, put.facts);
	assert_string_equal(got.reason, put.reason);
	assert_int_equal(got.attempt, 3);
	assert_true(got.stage && got.changed > 0);
	MUST(store_get_parcel(home.store, "dev1", "other", &got, &found, &err));
	assert_false(found);
	home_done(&home);
}

static void putting_a_parcel_again_keeps_its_state(void **state)
{
	CLEANUP(store_parcel_free) struct store_parcel got = {0};
	struct store_parcel put = {.device = "dev1", .deployment = "depl", .attempt = 1};
	char url[] = "https://fresh";
	struct error err = {0};
	struct home home;
	bool found = false;

	(void)state;
	home_init(&home);
	MUST(store_put_parcel(home.store, &put, "assigned", &err));
	MUST(store_move_parcel(home.store, "dev1", "depl", PARCEL_FETCHED, NULL, &err));
	put.url = url;
	MUST(store_put_parcel(home.store, &put, "fresh URL", &err));
	MUST(store_get_parcel(home.store, "dev1", "depl", &got, &found, &err));
	assert_int_equal(got.state, PARCEL_READY);
	assert_string_equal(got.url, url);
	store_parcel_free(&got);
	put.url = NULL;
	MUST(store_put_parcel(home.store, &put, "no URL", &err));
	MUST(store_get_parcel(home.store, "dev1", "depl", &got, &found, &err));
	assert_null(got.url);
	home_done(&home);
}

static void a_parcel_moves_by_the_table_and_no_other_way(void **state)
{
	CLEANUP(store_parcel_free) struct store_parcel got = {0};
	struct error err = {0};
	struct home home;
	bool found = false;

	(void)state;
	home_init(&home);
	put_parcel(&home, "dev1", "depl");
	assert_false(store_move_parcel(home.store, "dev1", "depl", PARCEL_TAKEN, NULL, &err));
	assert_int_equal(err.code, ERROR_USAGE);
	assert_int_equal(state_of(&home, "dev1", "depl"), PARCEL_WANTED);
	assert_false(store_move_parcel(home.store, "dev1", "no", PARCEL_TAKEN, NULL, &err));
	assert_int_equal(err.code, ERROR_USAGE);
	MUST(store_move_parcel(home.store, "dev1", "depl", PARCEL_FETCHED, "because", &err));
	MUST(store_move_parcel(home.store, "dev1", "depl", PARCEL_OUTCOME, NULL, &err));
	MUST(store_move_parcel(home.store, "dev1", "depl", PARCEL_RETRIED, "again", &err));
	MUST(store_get_parcel(home.store, "dev1", "depl", &got, &found, &err));
	assert_int_equal(got.state, PARCEL_READY);
	assert_int_equal(got.attempt, 2);
	assert_string_equal(got.reason, "again");
	home_done(&home);
}

static bool see_parcel(void *self, const struct store_parcel *parcel, struct error *err)
{
	struct seen *const seen = self;

	(void)err;
	(void)snprintf(seen->text + strlen(seen->text), sizeof(seen->text) - strlen(seen->text),
		"%s/%s ", parcel->device, parcel->deployment);
	return true;
}

static void the_newest_open_parcel_is_the_one_that_counts(void **state)
{
	CLEANUP(store_parcel_free) struct store_parcel got = {0};
	struct error err = {0};
	bool found = true;
	struct home home;

	(void)state;
	home_init(&home);

	struct seen all = {.home = &home}, one = {.home = &home};

	MUST(store_open_parcel(home.store, "dev1", &got, &found, &err));
	assert_false(found);
	put_parcel(&home, "dev1", "z");
	put_parcel(&home, "dev2", "m");
	put_parcel(&home, "dev1", "a");
	MUST(store_open_parcel(home.store, "dev1", &got, &found, &err));
	assert_true(found);
	assert_string_equal(got.deployment, "a");
	store_parcel_free(&got);
	MUST(store_move_parcel(home.store, "dev1", "a", PARCEL_WITHDRAWN, "abort", &err));
	MUST(store_open_parcel(home.store, "dev1", &got, &found, &err));
	assert_string_equal(got.deployment, "z");
	MUST(store_each_parcel(home.store, NULL, see_parcel, &all, &err));
	assert_string_equal(all.text, "dev1/z dev2/m dev1/a ");
	MUST(store_each_parcel(home.store, "dev1", see_parcel, &one, &err));
	assert_string_equal(one.text, "dev1/z dev1/a ");
	home_done(&home);
}

/* ---- receipts ---- */

static bool put_receipt(struct home *home, const char *device, uint64_t sequence,
	const char *envelope, bool verified, struct error *err)
{
	struct store_receipt receipt = {.sequence = sequence, .verified = verified};

	(void)snprintf(receipt.device, sizeof(receipt.device), "%s", device);

	const bool done = buf_append(&receipt.envelope, bytes_of(envelope), err)
		&& buf_append(&receipt.log, bytes_of("line\n"), err)
		&& store_put_receipt(
			home->store, &receipt, "depl", verified, PARCEL_OUTCOME, err);

	store_receipt_free(&receipt);
	return done;
}

static void a_receipt_moves_its_parcel_in_the_same_transaction(void **state)
{
	CLEANUP(store_device_free) struct store_device device = {0};
	struct error err = {0};
	struct home home;
	bool found = false;

	(void)state;
	home_init(&home);
	put_device(&home, "dev1", NULL, NULL);
	put_parcel(&home, "dev1", "depl");
	MUST(put_receipt(&home, "dev1", 7, "signed", true, &err));
	assert_int_equal(state_of(&home, "dev1", "depl"), PARCEL_ANSWERED);
	MUST(store_get_device(home.store, "dev1", &device, &found, &err));
	assert_int_equal(device.newest, 7);
	device.newest = 3; /* a stale copy put back takes nothing away */
	MUST(store_put_device(home.store, &device, "visited", &err));
	store_device_free(&device);
	MUST(store_get_device(home.store, "dev1", &device, &found, &err));
	assert_int_equal(device.newest, 7);
	MUST(put_receipt(
		&home, "stranger", 1, "signed", true, &err)); /* no parcel, no device */
	MUST(store_has_receipt(home.store, "stranger", 1, &found, &err));
	assert_true(found);
	home_done(&home);
}

static void the_same_receipt_twice_is_once(void **state)
{
	struct error err = {0};
	struct home home;

	(void)state;
	home_init(&home);
	put_parcel(&home, "dev1", "depl");
	MUST(put_receipt(&home, "dev1", 1, "signed", true, &err));
	MUST(store_move_parcel(home.store, "dev1", "depl", PARCEL_RETRIED, NULL, &err));
	MUST(put_receipt(&home, "dev1", 1, "signed", true, &err));
	assert_int_equal(state_of(&home, "dev1", "depl"), PARCEL_READY);
	assert_false(put_receipt(&home, "dev1", 1, "forged", true, &err));
	assert_int_equal(err.code, ERROR_SIGNATURE);
	home_done(&home);
}

static void a_receipt_verified_later_moves_its_parcel_then(void **state)
{
	struct error err = {0};
	struct home home;

	(void)state;
	home_init(&home);
	put_parcel(&home, "dev1", "depl");
	MUST(put_receipt(&home, "dev1", 1, "signed", false, &err));
	assert_int_equal(state_of(&home, "dev1", "depl"), PARCEL_WANTED);
	MUST(put_receipt(&home, "dev1", 1, "signed", true, &err));
	assert_int_equal(state_of(&home, "dev1", "depl"), PARCEL_ANSWERED);
	home_done(&home);
}

static bool see_receipt(void *self, const struct store_receipt *receipt, struct error *err)
{
	struct seen *const seen = self;

	(void)err;
	assert_true(bytes_equal(buf_bytes(&receipt->log), bytes_of("line\n")));
	assert_true(receipt->collected > 0);
	(void)snprintf(seen->text + strlen(seen->text), sizeof(seen->text) - strlen(seen->text),
		"%s/%llu%s ", receipt->device, (unsigned long long)receipt->sequence,
		receipt->sent ? "!" : "");
	return true;
}

static void receipts_come_in_order_until_they_are_sent(void **state)
{
	struct error err = {0};
	struct home home;
	bool has = true;

	(void)state;
	home_init(&home);

	struct seen all = {.home = &home}, unsent = {.home = &home}, one = {.home = &home};

	MUST(put_receipt(&home, "dev2", 2, "a", true, &err));
	MUST(put_receipt(&home, "dev1", 10, "b", true, &err));
	MUST(put_receipt(&home, "dev1", 9, "c", true, &err));
	MUST(put_receipt(&home, "dev2", 1, "d", true, &err));
	MUST(store_receipt_sent(home.store, "dev1", 9, &err));
	MUST(store_receipt_sent(home.store, "dev1", 9, &err));
	assert_false(store_receipt_sent(home.store, "dev1", 8, &err));
	assert_int_equal(err.code, ERROR_USAGE);
	MUST(store_has_receipt(home.store, "dev1", 8, &has, &err));
	assert_false(has);
	home_close(&home);
	home_open(&home);
	MUST(store_each_receipt(home.store, NULL, false, see_receipt, &all, &err));
	assert_string_equal(all.text, "dev1/9! dev1/10 dev2/1 dev2/2 ");
	MUST(store_each_receipt(home.store, NULL, true, see_receipt, &unsent, &err));
	assert_string_equal(unsent.text, "dev1/10 dev2/1 dev2/2 ");
	MUST(store_each_receipt(home.store, "dev1", true, see_receipt, &one, &err));
	assert_string_equal(one.text, "dev1/10 ");
	home_done(&home);
}

/* ---- the audit log ---- */

static bool see_audit(void *self, const struct store_audit_row *row, struct error *err)
{
	struct seen *const seen = self;

	(void)err;
	assert_int_equal(row->number, ++seen->count);
	assert_true(row->time > 0);
	(void)snprintf(seen->text, sizeof(seen->text), "%s: %s",
		row->device == NULL ? "" : row->device, row->event);
	return true;
}

static unsigned audit_rows(struct home *home, char text[static 256])
{
	struct seen seen = {.home = home};
	struct error err = {0};

	MUST(store_each_audit(home->store, see_audit, &seen, &err));
	memcpy(text, seen.text, sizeof(seen.text));
	return seen.count;
}

static void every_change_leaves_a_row_and_a_failure_leaves_none(void **state)
{
	struct error err = {0};
	struct home home;
	char text[256];

	(void)state;
	home_init(&home);
	assert_int_equal(audit_rows(&home, text), 0);
	put_parcel(&home, "dev1", "depl");
	MUST(store_audit(home.store, "dev1", "visited", &err));
	assert_int_equal(audit_rows(&home, text), 2);
	assert_string_equal(text, "dev1: visited");
	assert_false(store_move_parcel(home.store, "dev1", "depl", PARCEL_TAKEN, NULL, &err));
	assert_int_equal(audit_rows(&home, text), 2);
	MUST(store_move_parcel(home.store, "dev1", "depl", PARCEL_FETCHED, "all there", &err));
	assert_int_equal(audit_rows(&home, text), 3);
	assert_string_equal(text, "dev1: parcel depl: wanted -> ready: all there");
	MUST(put_receipt(&home, "dev1", 1, "x", true, &err));
	assert_int_equal(audit_rows(&home, text), 4);
	assert_string_equal(
		text, "dev1: verified receipt 1 kept, parcel depl: ready -> answered");
	MUST(put_receipt(&home, "dev1", 1, "x", true, &err)); /* nothing changed */
	assert_int_equal(audit_rows(&home, text), 4);
	home_close(&home);
	home_open(&home);
	assert_int_equal(audit_rows(&home, text), 4);
	home_done(&home);
}

/* ---- threads ---- */

enum { THREADS = 4, ROUNDS = 25 };

static void *work(void *self)
{
	struct store *const store = self;
	struct error err = {0};
	char name[32];

	for (int i = 0; i < ROUNDS; i++) {
		struct store_parcel parcel = {.attempt = 1};

		(void)snprintf(name, sizeof(name), "%p-%d", (void *)&err, i);
		(void)snprintf(parcel.device, sizeof(parcel.device), "dev%d", i % 3);
		(void)snprintf(parcel.deployment, sizeof(parcel.deployment), "%s", name);
		if (!store_put_parcel(store, &parcel, "assigned", &err)
			|| !store_move_parcel(
				store, parcel.device, name, PARCEL_FETCHED, NULL, &err))
			return self;
	}
	return NULL;
}

static void threads_share_one_store(void **state)
{
	pthread_t threads[THREADS];
	struct home home;
	char text[256];

	(void)state;
	home_init(&home);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, home.store), 0);
	for (int i = 0; i < THREADS; i++) {
		void *failed = NULL;

		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	assert_int_equal(audit_rows(&home, text), 2 * THREADS * ROUNDS);
	home_done(&home);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_store_is_made_once),
		cmocka_unit_test(without_a_store_there_is_nothing_to_open),
		cmocka_unit_test(a_wrong_passphrase_is_told_from_damage),
		cmocka_unit_test(a_second_process_is_told_to_wait),
		cmocka_unit_test(keys_are_remembered_or_the_kernel_forbids_it),
		cmocka_unit_test(keys_and_papers_come_back),
		cmocka_unit_test(a_paper_has_a_limit),
		cmocka_unit_test(an_empty_token_forgets_it),
		cmocka_unit_test(files_of_repositories_are_kept_apart_and_swept),
		cmocka_unit_test(acting_can_be_wiped_and_reports_kept),
		cmocka_unit_test(every_member_of_a_device_comes_back),
		cmocka_unit_test(a_device_is_found_by_id_label_or_unique_prefix),
		cmocka_unit_test(a_device_is_found_by_its_key),
		cmocka_unit_test(a_key_that_is_none_is_refused),
		cmocka_unit_test(devices_are_visited_in_order_and_may_change_the_store),
		cmocka_unit_test(every_member_of_a_parcel_comes_back),
		cmocka_unit_test(putting_a_parcel_again_keeps_its_state),
		cmocka_unit_test(a_parcel_moves_by_the_table_and_no_other_way),
		cmocka_unit_test(the_newest_open_parcel_is_the_one_that_counts),
		cmocka_unit_test(a_receipt_moves_its_parcel_in_the_same_transaction),
		cmocka_unit_test(the_same_receipt_twice_is_once),
		cmocka_unit_test(a_receipt_verified_later_moves_its_parcel_then),
		cmocka_unit_test(receipts_come_in_order_until_they_are_sent),
		cmocka_unit_test(every_change_leaves_a_row_and_a_failure_leaves_none),
		cmocka_unit_test(threads_share_one_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
