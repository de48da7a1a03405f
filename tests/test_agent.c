/* The real courier-agent, met by a courier over a pty. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "tests/agent_stand.h"
#include "tests/test.h"

static void assert_text(const struct stand *stand, const char *name, const char *expected)
{
	char text[4096];

	stand_read(stand, name, text, sizeof(text));
	assert_string_equal(text, expected);
}

static void assert_outcome(const struct stand *stand, enum outcome outcome)
{
	char log[8192];

	if (stand_last(stand)->outcome == outcome)
		return;
	stand_read(stand, "agent.log", log, sizeof(log));
	fail_msg("%s, not %s: %s\n%s", outcome_name(stand_last(stand)->outcome),
		outcome_name(outcome), stand_last(stand)->reason, log);
}

static void an_update_is_installed_and_confirmed(void **state)
{
	struct stand stand;

	stand_begin(&stand, *state);
	stand_start(&stand);
	stand_load(&stand, "file-2", "dep-1");
	stand_expect(&stand, STAND_DONE);
	assert_int_equal(stand.kept_count, 2);
	assert_int_equal(stand.kept[0].outcome, OUTCOME_INSTALLED);
	assert_outcome(&stand, OUTCOME_CONFIRMED);
	assert_text(&stand, "target/app", "new\n");
	assert_string_equal(stand_last(&stand)->before, "rel-1");
	assert_string_equal(stand_last(&stand)->after, "rel-2");
	assert_string_equal(stand_last(&stand)->device, "d1");
	assert_string_equal(stand_last(&stand)->courier, "c1");
	assert_string_equal(stand_last(&stand)->artifact, "rel-2");
	assert_true(stand.certified);
	assert_true(stand_saw(&stand, MESSAGE_PHASE_INSTALLING));
	stand_end(&stand);
}

static void ready(struct stand *stand, void **state)
{
	stand_begin(stand, *state);
	stand_start(stand);
}

/* An exec installer: its install script ends with STATUS. */
static void use_exec(struct stand *stand, const char *agent, int status)
{
	CLEANUP(buf_free) struct buf rest = {0}, body = {0};
	struct error err = {0};
	const char *text = NULL, *script = NULL;

	MUST(buf_print(&rest, &err,
		"[installer exec]\nkind = exec\ninstall = %s/install {file}\n"
		"rollback = %s/rollback\ncommit = %s/commit\n",
		stand->directory, stand->directory, stand->directory));
	MUST(buf_text(&rest, &text, &err));
	stand_configure(stand, agent, text);
	MUST(buf_print(&body, &err,
		"cp target/app kept; cp \"$1\" target/app; echo installing $COURIER_ARTIFACT; "
		"exit %d",
		status));
	MUST(buf_text(&body, &script, &err));
	stand_script(stand, "install", script);
	stand_script(stand, "rollback", "cp kept target/app; echo rolled >>rolled");
	stand_script(stand, "commit", "echo committed >>committed");
}

static void an_exec_installer_may_do_it(void **state)
{
	struct stand stand;

	stand_begin(&stand, *state);
	use_exec(&stand, "", 0);
	stand_start(&stand);
	stand_load(&stand, "exec-2", "dep-1");
	stand_expect(&stand, STAND_DONE);
	assert_outcome(&stand, OUTCOME_CONFIRMED);
	assert_text(&stand, "target/app", "new\n");
	assert_text(&stand, "committed", "committed\n");
	assert_non_null(strstr((const char *)stand.logs[1].at, "install: installing rel-2"));
	stand_end(&stand);
}

static void a_failing_installer_is_told(void **state)
{
	struct stand stand;

	stand_begin(&stand, *state);
	use_exec(&stand, "", 1);
	stand_start(&stand);
	stand_load(&stand, "exec-2", "dep-1");
	stand_expect(&stand, STAND_DONE);
	assert_int_equal(stand.kept_count, 1);
	assert_outcome(&stand, OUTCOME_ROLLED_BACK);
	assert_int_equal(stand_last(&stand)->code, ERROR_FAILED);
	assert_string_equal(stand_last(&stand)->after, "rel-1");

	/* The operator wants it once more, and now it works. */
	use_exec(&stand, "", 0);
	stand_expect(&stand, STAND_DONE);
	assert_int_equal(stand.kept_count, 1);
	stand.flags = MESSAGE_OFFER_RETRY;
	stand_expect(&stand, STAND_DONE);
	assert_outcome(&stand, OUTCOME_CONFIRMED);
	stand_end(&stand);
}

static void an_unhealthy_update_is_rolled_back(void **state)
{
	char health[128];
	struct stand stand;

	stand_begin(&stand, *state);
	stand_script(&stand, "health", "grep -q old target/app || { echo sick >&2; exit 3; }");
	(void)snprintf(health, sizeof(health), "health = %s/health", stand.directory);
	stand_configure(&stand, health, "");
	stand_start(&stand);
	stand_load(&stand, "file-2", "dep-1");
	stand_expect(&stand, STAND_DONE);
	assert_int_equal(stand.kept_count, 2);
	assert_int_equal(stand.kept[0].outcome, OUTCOME_INSTALLED);
	assert_outcome(&stand, OUTCOME_ROLLED_BACK);
	assert_string_equal(stand_last(&stand)->reason, "the health hook says no: sick");
	assert_string_equal(stand_last(&stand)->after, "rel-1");
	assert_text(&stand, "target/app", "old\n");
	assert_true(stand_saw(&stand, MESSAGE_PHASE_CHECKING));
	assert_true(stand_saw(&stand, MESSAGE_PHASE_ROLLING_BACK));
	stand_end(&stand);
}

/* An installer that fails, and a command that says what is in place all the same. */
static void what_is_in_place_is_what_is_told(void **state)
{
	static const struct {
		const char *commit, *running;
		enum outcome outcome;
		const char *after;
	} rows[] = {
		{"exit 1", "grep -q new target/app", OUTCOME_CONFIRMED, "rel-2"},
		{"cp kept target/app; exit 1", "grep -q new target/app || exit 10",
			OUTCOME_ROLLED_BACK, "rel-1"},
		{"exit 1", "exit 1", OUTCOME_FAILED, "rel-1"},
		{"kill -9 $$", "grep -q new target/app", OUTCOME_CONFIRMED, "rel-2"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct stand stand;
		char conf[4096];

		stand_begin(&stand, *state);
		use_exec(&stand, "", 0);
		stand_read(&stand, "agent.conf", conf, sizeof(conf) - 128);
		(void)snprintf(
			conf + strlen(conf), 128, "running = %s/running\n", stand.directory);
		stand_write(&stand, "agent.conf", conf);
		stand_script(&stand, "commit", rows[i].commit);
		stand_script(&stand, "running", rows[i].running);
		stand_start(&stand);
		stand_load(&stand, "exec-2", "dep-1");
		stand_expect(&stand, STAND_DONE);
		assert_outcome(&stand, rows[i].outcome);
		assert_string_equal(stand_last(&stand)->after, rows[i].after);
		assert_int_equal(stand_last(&stand)->code == ERROR_NONE,
			rows[i].outcome == OUTCOME_CONFIRMED);
		stand_end(&stand);
	}
}

static void new_software_that_cannot_be_taken_back_is_named(void **state)
{
	struct stand stand;
	char conf[4096], health[128];

	stand_begin(&stand, *state);
	(void)snprintf(health, sizeof(health), "health = %s/health", stand.directory);
	use_exec(&stand, health, 0);
	stand_read(&stand, "agent.conf", conf, sizeof(conf) - 128);
	(void)snprintf(conf + strlen(conf), 128, "running = %s/running\n", stand.directory);
	stand_write(&stand, "agent.conf", conf);
	stand_script(&stand, "health", "exit 1");
	stand_script(&stand, "rollback", "exit 1");
	stand_script(&stand, "running", "grep -q new target/app");
	stand_start(&stand);
	stand_load(&stand, "exec-2", "dep-1");
	stand_expect(&stand, STAND_DONE);
	assert_outcome(&stand, OUTCOME_FAILED);
	assert_non_null(strstr(stand_last(&stand)->reason, "health hook says no"));
	assert_non_null(strstr(stand_last(&stand)->reason, "the new software is in place"));
	assert_string_equal(stand_last(&stand)->after, "rel-2");
	stand_end(&stand);
}

static void nothing_older_than_what_was_confirmed(void **state)
{
	struct stand stand;

	ready(&stand, state);
	stand_load(&stand, "file-3", "dep-1");
	stand_expect(&stand, STAND_DONE);
	assert_outcome(&stand, OUTCOME_CONFIRMED);
	stand_load(&stand, "file-2", "dep-2");
	stand_expect(&stand, STAND_DONE);
	assert_int_equal(stand.inventory.counter, 3);
	assert_outcome(&stand, OUTCOME_REFUSED);
	assert_int_equal(stand_last(&stand)->code, ERROR_ROLLBACK);
	assert_text(&stand, "target/app", "newer\n");
	/* What was confirmed may be installed again, also after a restart. */
	stand_stop(&stand);
	stand_start(&stand);
	stand_load(&stand, "file-3", "dep-3");
	stand_expect(&stand, STAND_DONE);
	assert_outcome(&stand, OUTCOME_CONFIRMED);
	assert_int_equal(stand_last(&stand)->sequence, 5);
	stand_end(&stand);
}

static void what_the_device_must_not_have_is_refused(void **state)
{
	static const struct {
		const char *artifact;
		enum error_code code;
	} bad[] = {
		{"other", ERROR_WRONG_DEVICE}, {"unsigned", ERROR_SIGNATURE},
		{"uncounted", ERROR_ROLLBACK},
		{"exec-2", ERROR_WRONG_DEVICE}, /* no such installer here */
	};
	struct stand stand;

	ready(&stand, state);
	for (size_t i = 0; i < COUNT(bad); i++) {
		char deployment[16];

		(void)snprintf(deployment, sizeof(deployment), "dep-%zu", i);
		stand_load(&stand, bad[i].artifact, deployment);
		stand_expect(&stand, STAND_DONE);
		assert_int_equal(stand.kept_count, i + 1);
		assert_outcome(&stand, OUTCOME_REFUSED);
		assert_int_equal(stand_last(&stand)->code, bad[i].code);
	}
	assert_text(&stand, "target/app", "old\n");
	stand_end(&stand);
}

static void a_device_without_anchor_installs_nothing(void **state)
{
	struct stand stand;
	char text[4096], *key;

	stand_begin(&stand, *state);
	stand_read(&stand, "agent.conf", text, sizeof(text));
	key = strstr(text, "artifact-key");
	assert_non_null(key);
	*key = '#';
	stand_write(&stand, "agent.conf", text);
	stand_start(&stand);
	stand_load(&stand, "file-2", "dep-1");
	stand_expect(&stand, STAND_DONE);
	assert_outcome(&stand, OUTCOME_REFUSED);
	assert_int_equal(stand_last(&stand)->code, ERROR_SIGNATURE);
	stand_end(&stand);
}

static void use_reboot(struct stand *stand, const char *script)
{
	char line[256];

	(void)snprintf(line, sizeof(line), "reboot = %s/reboot", stand->directory);
	use_exec(stand, line, 4);
	stand_script(stand, "reboot", script);
}

static const char real_reboot[]
	= "echo boot-2 >boot_id; echo r >>reboots; kill -9 $(cat agent.pid)";

static void an_update_that_needs_a_reboot(void **state)
{
	struct stand stand;

	stand_begin(&stand, *state);
	use_reboot(&stand, real_reboot);
	stand_start(&stand);
	stand_load(&stand, "exec-2", "dep-1");
	stand_expect(&stand, STAND_REBOOTING);
	assert_int_equal(stand.kept_count, 1);
	assert_int_equal(stand_last(&stand)->outcome, OUTCOME_INSTALLED);
	stand_reap(&stand);
	stand_start(&stand);
	stand_expect(&stand, STAND_DONE);
	assert_int_equal(stand.kept_count, 2);
	assert_outcome(&stand, OUTCOME_CONFIRMED);
	assert_string_equal(stand.kept[0].time.boot, "boot-1");
	assert_string_equal(stand.kept[1].time.boot, "boot-2");
	assert_text(&stand, "reboots", "r\n");
	stand_end(&stand);
}

/* The command runs, the agent dies, and it is still the same boot: three times. */
static void many_inventory_scripts_stop_nothing(void **state)
{
	struct stand stand;
	char name[64];

	stand_begin(&stand, *state);
	for (int i = 0; i < 70; i++) {
		(void)snprintf(name, sizeof(name), "inventory/mender-inventory-%02d", i);
		stand_script(&stand, name, "echo n${0##*-}=1");
	}
	stand_start(&stand);
	stand_load(&stand, "file-2", "dep-1");
	stand_expect(&stand, STAND_DONE);
	assert_outcome(&stand, OUTCOME_CONFIRMED);
	assert_int_equal(json_count(stand.inventory.attributes), 64);
	stand_end(&stand);
}

static void who_asks_after_an_update_did_not_bring_it(void **state)
{
	const int64_t later = FLEET_BORN + INT64_C(20) * 365 * 86400;
	CLEANUP(party_done) struct party colleague = {0};
	struct error err = {0};
	struct stand stand;
	char line[128];

	stand_begin(&stand, *state);
	MUST(fleet_member(&stand.world->fleet, CERTIFICATE_COURIER, CRYPTO_ED25519, "c3",
		"north", later, &colleague, &err));
	stand_script(&stand, "gate", "[ $1 != reboot ] || exit 75");
	(void)snprintf(line, sizeof(line), "gate = %s/gate", stand.directory);
	use_exec(&stand, line, 4);
	stand_start(&stand);
	stand_load(&stand, "exec-2", "dep-1");
	stand_expect(&stand, STAND_DONE);
	stand.courier = &colleague;
	stand_expect(&stand, STAND_DONE);
	stand_stop(&stand);
	stand_write(&stand, "boot_id", "boot-2\n");
	stand_start(&stand);
	stand_expect(&stand, STAND_DONE);
	assert_outcome(&stand, OUTCOME_CONFIRMED);
	assert_string_equal(stand_last(&stand)->courier, "c1");
	stand_end(&stand);
}

static void a_reboot_that_does_not_happen_ends_in_rollback(void **state)
{
	struct stand stand;

	stand_begin(&stand, *state);
	use_reboot(&stand, "echo r >>reboots; kill -9 $(cat agent.pid)");
	stand_start(&stand);
	stand_load(&stand, "exec-2", "dep-1");
	stand_expect(&stand, STAND_REBOOTING);
	for (int i = 0; i < 3; i++) {
		stand_reap(&stand);
		stand_start(&stand);
	}
	stand_expect(&stand, STAND_DONE);
	assert_outcome(&stand, OUTCOME_ROLLED_BACK);
	assert_text(&stand, "target/app", "old\n");
	assert_text(&stand, "reboots", "r\nr\nr\n");
	stand_end(&stand);
}

static void a_pulled_cable_costs_little(void **state)
{
	struct stand stand;

	ready(&stand, state);
	stand_load(&stand, "big", "dep-1");
	stand.cut_at = stand.artifact.len / 2;
	stand_expect(&stand, STAND_CUT);
	stand_plug(&stand);
	stand.cut_at = 0;
	stand_expect(&stand, STAND_DONE);
	assert_outcome(&stand, OUTCOME_CONFIRMED);
	assert_true(stand.first > 0);
	assert_int_equal(stand.sent, stand.artifact.len - stand.first);
	stand_end(&stand);
}

/* The device goes on without the courier. */
static void a_cable_pulled_while_installing_stops_nothing(void **state)
{
	struct stand stand;

	stand_begin(&stand, *state);
	use_exec(&stand, "", 0);
	stand_script(&stand, "commit", "sleep 1");
	stand_start(&stand);
	stand_load(&stand, "exec-2", "dep-1");
	stand.cut_at = stand.artifact.len;
	stand_expect(&stand, STAND_CUT);
	stand_plug(&stand);
	stand.cut_at = 0;
	stand_expect(&stand, STAND_DONE);
	assert_int_equal(stand.kept_count, 2);
	assert_outcome(&stand, OUTCOME_CONFIRMED);
	stand_end(&stand);
}

static void a_wrong_transfer_is_tried_once_more(void **state)
{
	struct stand stand;

	ready(&stand, state);
	stand_load(&stand, "file-2", "dep-1");
	stand.wrong_bytes = true;
	stand_expect(&stand, STAND_DONE);
	assert_int_equal(stand.sent, 2 * stand.artifact.len);
	assert_outcome(&stand, OUTCOME_REFUSED);
	assert_int_equal(stand_last(&stand)->code, ERROR_SIGNATURE);
	stand_end(&stand);
}

static void use_gate(struct stand *stand, const char *script)
{
	char line[256];

	stand_script(stand, "gate", script);
	(void)snprintf(line, sizeof(line), "gate = %s/gate", stand->directory);
	stand_configure(stand, line, "");
}

static void the_gate_says_when(void **state)
{
	static const char *const questions[] = {"transfer", "install"};
	struct stand stand;

	stand_begin(&stand, *state);
	use_gate(&stand, "");
	stand_start(&stand);
	stand_load(&stand, "file-2", "dep-1");
	for (size_t i = 0; i < COUNT(questions); i++) {
		char script[256];

		(void)snprintf(script, sizeof(script),
			"[ $1 != %s ] && exit; echo \"the shift of $COURIER_TECHNICIAN ends "
			"at six\"; exit 75",
			questions[i]);
		stand_script(&stand, "gate", script);
		stand_expect(&stand, STAND_DONE);
		assert_int_equal(stand.kept_count, 0);
		assert_string_equal(stand.text, "the shift of c1 ends at six");
		assert_true(stand_saw(&stand, MESSAGE_PHASE_WAITING));
		assert_text(&stand, "target/app", "old\n");
	}
	stand_script(&stand, "gate", "");
	stand_expect(&stand, STAND_DONE);
	assert_outcome(&stand, OUTCOME_CONFIRMED);
	stand_end(&stand);
}

static void what_a_gate_says_is_fit_to_be_shown(void **state)
{
	struct stand stand;
	char log[4096];

	stand_begin(&stand, *state);
	use_gate(&stand, "printf 'red \\033[31m\\r\\n'; exit 75");
	stand_start(&stand);
	stand_load(&stand, "file-2", "dep-1");
	stand_expect(&stand, STAND_DONE);
	assert_string_equal(stand.text, "red ?[31m?");
	stand_read(&stand, "state/job.log", log, sizeof(log));
	assert_non_null(strstr(log, "gate: red ?[31m?\n"));
	assert_null(strchr(log, 0x1b));
	stand_end(&stand);
}

static void an_answer_about_another_offer_does_not_count(void **state)
{
	struct stand stand;

	stand_begin(&stand, *state);
	use_gate(&stand,
		"[ $COURIER_DEPLOYMENT = dep-1 ] && sleep 4 && exit; echo not this one; exit "
		"75");
	stand_start(&stand);
	stand_load(&stand, "file-2", "dep-1");
	for (int i = 0; i < 10 && !stand_saw(&stand, MESSAGE_PHASE_RECEIVING); i++)
		assert_int_equal(stand_visit(&stand, 1), STAND_LATE);
	/* The gate still thinks about that one. */
	stand_load(&stand, "file-3", "dep-2");
	stand_expect(&stand, STAND_DONE);
	assert_string_equal(stand.text, "not this one");
	assert_int_equal(stand.sent, 0);
	stand_end(&stand);
}

static void a_staged_update_waits(void **state)
{
	struct stand stand;

	ready(&stand, state);
	stand_load(&stand, "file-2", "dep-1");
	stand.flags = MESSAGE_OFFER_STAGE;
	stand_expect(&stand, STAND_DONE);
	assert_true(stand_saw(&stand, MESSAGE_PHASE_STAGED));
	assert_int_equal(stand.kept_count, 0);
	stand_kill(&stand);
	stand_start(&stand);
	stand_expect(&stand, STAND_DONE);
	assert_int_equal(stand.sent, 0);
	assert_text(&stand, "target/app", "old\n");
	stand.flags = 0;
	stand_expect(&stand, STAND_DONE);
	assert_outcome(&stand, OUTCOME_CONFIRMED);
	stand_end(&stand);
}

static void any_courier_collects_what_is_there(void **state)
{
	struct stand stand;

	ready(&stand, state);
	stand_load(&stand, "file-2", "dep-1");
	stand_expect(&stand, STAND_DONE);
	assert_int_equal(stand.kept_count, 2);

	const struct receipt first = stand.kept[0], second = stand.kept[1];

	stand.kept_count = 0;
	stand.deployment = NULL;
	stand_stop(&stand);
	stand_start(&stand);
	stand_expect(&stand, STAND_DONE);
	assert_int_equal(stand.kept_count, 2);
	assert_memory_equal(&stand.kept[0].digest, &first.digest, sizeof(first.digest));
	assert_int_equal(stand.kept[1].sequence, 2);
	assert_true(digest_equal(&stand.kept[1].log, &second.log));
	stand_end(&stand);
}

static void the_same_offer_has_the_same_answer(void **state)
{
	struct stand stand;

	ready(&stand, state);
	stand_load(&stand, "file-2", "dep-1");
	stand_expect(&stand, STAND_DONE);
	stand_expect(&stand, STAND_DONE);
	assert_int_equal(stand.sent, 0);
	assert_int_equal(stand.newest, 2);
	/* The same deployment with another artifact is another thing. */
	stand_load(&stand, "file-3", "dep-1");
	stand_expect(&stand, STAND_DONE);
	assert_int_equal(stand.sent, 0);
	assert_outcome(&stand, OUTCOME_REFUSED);
	assert_text(&stand, "target/app", "new\n");
	/* And does not change the answer. */
	stand_load(&stand, "file-2", "dep-1");
	stand_expect(&stand, STAND_DONE);
	assert_int_equal(stand.kept_count, 3);
	assert_int_equal(stand.sent, 0);
	stand_end(&stand);
}

static void nonsense_under_its_id_does_not_keep_a_deployment_out(void **state)
{
	struct stand stand;

	ready(&stand, state);
	stand_load(&stand, "unsigned", "dep-1");
	stand_expect(&stand, STAND_DONE);
	assert_outcome(&stand, OUTCOME_REFUSED);
	stand_load(&stand, "file-3", "dep-1");
	stand_expect(&stand, STAND_DONE);
	assert_outcome(&stand, OUTCOME_CONFIRMED);
	assert_text(&stand, "target/app", "newer\n");
	stand_end(&stand);
}

/* A courier may make a device say no for ever; it does not make it forget what it did. */
static void one_courier_has_but_so_many_refusals(void **state)
{
	struct stand stand;
	char deployment[16];

	ready(&stand, state);
	stand_load(&stand, "file-2", "dep-1");
	stand_expect(&stand, STAND_DONE);
	assert_outcome(&stand, OUTCOME_CONFIRMED);
	for (int i = 0; i < 34; i++) {
		(void)snprintf(deployment, sizeof(deployment), "no-%d", i);
		stand_load(&stand, i % 2 == 0 ? "other" : "unsigned", deployment);
		stand_expect(&stand, STAND_DONE);
	}
	assert_int_equal(stand.newest, 2 + 32);
	assert_int_equal(stand.kept_count, 2 + 32);
	assert_non_null(strstr(stand.text, "refused: "));
	assert_non_null(strstr(stand.text, "no receipt"));
	assert_true(stand_saw(&stand, MESSAGE_PHASE_WAITING));
	/* A good update is still one, and its number follows. */
	stand_load(&stand, "file-3", "dep-2");
	stand_expect(&stand, STAND_DONE);
	assert_outcome(&stand, OUTCOME_CONFIRMED);
	assert_int_equal(stand_last(&stand)->sequence, 2 + 32 + 2);
	stand_end(&stand);
}

static void a_promise_that_is_not_kept_binds_nobody(void **state)
{
	struct stand stand;

	ready(&stand, state);
	stand_load(&stand, "big", "dep-1");
	stand.cut_at = 100000;
	stand_expect(&stand, STAND_CUT);
	stand.cut_at = 0;
	stand_load(&stand, "file-3", "dep-1");
	stand_expect(&stand, STAND_DONE);
	assert_outcome(&stand, OUTCOME_CONFIRMED);
	assert_text(&stand, "target/app", "newer\n");
	stand_end(&stand);
}

/* ---- who may visit ---- */

static void expect_refusal(struct stand *stand, enum error_code code, const char *text)
{
	stand_expect(stand, STAND_FAILED);
	assert_int_equal(stand->why.code, code);
	if (strstr(stand->why.text, text) == NULL)
		fail_msg("'%s' does not say '%s'", stand->why.text, text);
}

static void make_crl(
	struct stand *stand, int64_t number, int64_t now, const struct party *revoked)
{
	const struct fleet *const fleet = &stand->world->fleet;
	uint8_t serials[1][CERTIFICATE_SERIAL_SIZE];
	struct error err = {0};

	if (revoked != NULL)
		MUST(certificate_serial(revoked->chain, serials[0], &err));
	stand->crl.len = 0;
	MUST(certificate_make_crl(fleet->issuer[CERTIFICATE_COURIER],
		buf_bytes(&fleet->issuer_pem[CERTIFICATE_COURIER]), number, now,
		revoked == NULL ? NULL : (const uint8_t(*)[CERTIFICATE_SERIAL_SIZE])serials,
		revoked == NULL ? 0 : 1, &stand->crl, &err));
}

static void a_courier_of_another_group_is_refused(void **state)
{
	struct stand stand;

	ready(&stand, state);
	stand.courier = &stand.world->stranger;
	expect_refusal(&stand, ERROR_UNAUTHORISED, "the device is of group north");
	stand.courier = &stand.world->courier;
	stand_expect(&stand, STAND_DONE);
	stand_end(&stand);
}

static void a_revoked_courier_is_refused_for_good(void **state)
{
	struct stand stand;

	ready(&stand, state);
	/* Its colleague of the other group brings the news, though refused itself. */
	stand.courier = &stand.world->stranger;
	make_crl(&stand, 7, FLEET_BORN + 100, &stand.world->courier);
	expect_refusal(&stand, ERROR_UNAUTHORISED, "group");
	stand.courier = &stand.world->courier;
	make_crl(&stand, 6, FLEET_BORN + 200, NULL);
	expect_refusal(&stand, ERROR_UNAUTHORISED, "revocation list number 7");
	stand_stop(&stand);
	stand_start(&stand);
	expect_refusal(&stand, ERROR_UNAUTHORISED, "revocation list number 7");
	stand_end(&stand);
}

static void an_old_list_put_back_opens_no_door(void **state)
{
	struct stand stand;

	stand_begin(&stand, *state);
	/* List 1 lies on the disk; whose it is, a courier must show first. */
	stand_write(&stand, "state/marks.json", "{\"floor\":0,\"crl\":7,\"counter\":0}");
	stand_start(&stand);
	for (int i = 0; i < 2; i++)
		expect_refusal(&stand, ERROR_LINK, "hung up");
	stand_end(&stand);
}

/* Whatever the RTC says: a signed statement is later than the certificate. */
static void an_expired_courier_is_refused(void **state)
{
	struct stand stand;
	struct party old;
	struct error err = {0};

	ready(&stand, state);
	MUST(fleet_member(&stand.world->fleet, CERTIFICATE_COURIER, CRYPTO_ED25519, "c3",
		"north", FLEET_BORN + 50, &old, &err));
	stand.courier = &old;
	make_crl(&stand, 2, FLEET_BORN + 100, NULL);
	expect_refusal(&stand, ERROR_EXPIRED, "it was valid until");
	party_done(&old);
	stand_end(&stand);
}

static void another_fleet_is_no_fleet(void **state)
{
	struct stand stand;
	struct fleet fleet;
	struct party stranger;
	struct error err = {0};

	ready(&stand, state);
	MUST(fleet_make(&fleet, "another", &err));
	MUST(fleet_member(&fleet, CERTIFICATE_COURIER, CRYPTO_ED25519, "c1", "north", INT64_MAX,
		&stranger, &err));
	stand.courier = &stranger;
	expect_refusal(&stand, ERROR_UNAUTHORISED, "");
	party_done(&stranger);
	fleet_done(&fleet);
	stand_end(&stand);
}

static void a_device_that_is_not_itself_says_so(void **state)
{
	struct stand stand;

	stand_begin(&stand, *state);
	stand_script(&stand, "identity", "echo serial=SN-2");
	stand_start(&stand);
	expect_refusal(&stand, ERROR_WRONG_DEVICE, "identity");
	assert_int_equal(stand_command(&stand, "check", NULL, NULL), 1);
	stand_end(&stand);
}

static void a_device_without_certificate_gets_one(void **state)
{
	struct stand stand;
	char path[PATH_MAX];
	struct error err = {0};

	stand_begin(&stand, *state);
	(void)snprintf(path, sizeof(path), "%s/state/certificate.pem", stand.directory);
	MUST(file_remove(path, &err));
	stand_start(&stand);
	stand_expect(&stand, STAND_DONE);
	assert_false(stand.certified);
	assert_string_equal(stand.identity.device_type, "testbox");
	assert_string_equal(stand.inventory.device, CERTIFICATE_UNCERTIFIED);
	MUST(buf_append(&stand.chain, buf_bytes(&stand.world->device.pem), &err));
	stand_expect(&stand, STAND_DONE);
	stand_expect(&stand, STAND_DONE);
	assert_true(stand.certified);
	assert_string_equal(stand.inventory.device, "d1");
	stand_end(&stand);
}

/* ---- what may leave ---- */

static void a_site_may_let_out_less(void **state)
{
	struct stand stand;

	ready(&stand, state);
	stand_expect(&stand, STAND_DONE);
	assert_int_equal(json_count(stand.inventory.attributes), 1);
	stand_stop(&stand);
	stand_configure(&stand, "report = outcome", "");
	stand_start(&stand);
	stand_load(&stand, "file-2", "dep-1");
	stand_expect(&stand, STAND_DONE);
	assert_int_equal(json_count(stand.inventory.attributes), 0);
	assert_outcome(&stand, OUTCOME_CONFIRMED);
	assert_int_equal(stand.logs[1].len, 0);
	stand_stop(&stand);
	stand_configure(&stand, "report = none", "");
	stand_start(&stand);
	stand_load(&stand, "file-3", "dep-2");
	stand.kept_count = 0;
	stand_expect(&stand, STAND_DONE);
	assert_string_equal(stand.text, "it has ended; this site lets no outcome out");
	assert_int_equal(stand.kept_count, 0);
	assert_text(&stand, "target/app", "newer\n");
	stand_end(&stand);
}

/* Collect all once more: does NAME leave with the first receipt? */
static void expect_leaving(struct stand *stand, const char *report, bool log, bool inventory)
{
	char line[64];

	stand_stop(stand);
	(void)snprintf(line, sizeof(line), "report = %s", report);
	stand_configure(stand, line, "");
	stand_start(stand);
	stand->deployment = NULL;
	stand->kept_count = 0;
	stand_expect(stand, STAND_DONE);
	assert_int_equal(stand->kept_count, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(stand->logs[i].len > 0, log);
		assert_int_equal(stand->inventories[i] > 0, inventory);
	}
}

static void what_was_kept_leaves_as_the_site_says_now(void **state)
{
	struct stand stand;

	ready(&stand, state);
	stand_load(&stand, "file-2", "dep-1");
	stand_expect(&stand, STAND_DONE);
	assert_true(stand.logs[0].len > 0 && stand.inventories[0] > 0);
	expect_leaving(&stand, "outcome", false, false);
	assert_outcome(&stand, OUTCOME_CONFIRMED);
	expect_leaving(&stand, "full", true, true);
	stand_end(&stand);
}

static void what_was_kept_under_outcome_may_leave(void **state)
{
	struct stand stand;

	stand_begin(&stand, *state);
	stand_configure(&stand, "report = outcome", "");
	stand_start(&stand);
	stand_load(&stand, "file-2", "dep-1");
	stand_expect(&stand, STAND_DONE);
	expect_leaving(&stand, "outcome", false, true);
	stand_end(&stand);
}

/* ---- power cuts ---- */

/* Receipts that are asked for may come after one that is told. */
static enum outcome outcome_of(const struct stand *stand, uint64_t sequence)
{
	for (size_t i = 0; i < stand->kept_count; i++)
		if (stand->kept[i].sequence == sequence)
			return stand->kept[i].outcome;
	fail_msg("receipt %llu was not kept", (unsigned long long)sequence);
	return OUTCOME_FAILED;
}

/* kill -9 at moments a seed chooses: one INSTALLED, one CONFIRMED, whatever happens. */
static void killed_at_any_moment_it_ends_well(void **state)
{
	uint32_t seed = 20261122;

	for (int round = 0; round < 8; round++) {
		struct stand stand;
		enum stand_end end = STAND_LATE;

		ready(&stand, state);
		stand_load(&stand, round % 2 == 0 ? "file-2" : "big", "dep-1");
		for (int kills = 0; kills < 2; kills++) {
			seed = seed * 1664525 + 1013904223;
			stand.kill_ms = 1 + (int)(seed >> 8) % 900;
			end = stand_visit(&stand, 30);
			stand.kill_ms = 0;
			if (stand.agent == 0)
				stand_start(&stand);
		}
		(void)end;
		stand_expect(&stand, STAND_DONE);
		assert_int_equal(stand.kept_count, 2);
		assert_int_equal(outcome_of(&stand, 1), OUTCOME_INSTALLED);
		assert_int_equal(outcome_of(&stand, 2), OUTCOME_CONFIRMED);
		assert_true(stand.newest <= 2);
		stand_end(&stand);
	}
}

/* What a job leaves when only its receipts and the end of job.json reached the disk. */
static void what_a_cut_left_of_an_ended_job_goes(void **state)
{
	static const char *const left[] = {"state/spool/"
					   "00112233445566778899aabbccddeeff"
					   "00112233445566778899aabbccddeeff.part",
		"state/artifact.json", "state/job.log"};
	struct stand stand;

	ready(&stand, state);
	stand_load(&stand, "file-2", "dep-1");
	stand_expect(&stand, STAND_DONE);
	stand_kill(&stand);
	for (size_t i = 0; i < COUNT(left); i++)
		stand_write(&stand, left[i], "left");
	stand_start(&stand);
	stand_expect(&stand, STAND_DONE);
	for (size_t i = 0; i < COUNT(left); i++) {
		char path[256];

		(void)snprintf(path, sizeof(path), "%s/%s", stand.directory, left[i]);
		assert_int_equal(access(path, F_OK), -1);
	}
	assert_int_equal(stand.kept_count, 2);
	stand_end(&stand);
}

/* A disk that fails while an offer is taken has taken nothing; the next one is. */
static void an_offer_that_cannot_be_kept_comes_again(void **state)
{
	char path[128];
	struct stand stand;

	ready(&stand, state);
	(void)snprintf(path, sizeof(path), "%s/state/job.log", stand.directory);
	assert_int_equal(mkdir(path, 0700), 0); /* no file: it cannot be removed as one */
	stand_load(&stand, "file-2", "dep-1");
	(void)stand_visit(&stand, 5);
	assert_int_equal(stand.kept_count, 0);
	assert_int_equal(rmdir(path), 0);
	stand_expect(&stand, STAND_DONE);
	assert_outcome(&stand, OUTCOME_CONFIRMED);
	stand_end(&stand);
}

/* ---- its commands ---- */

static void its_commands_say_what_they_know(void **state)
{
	CLEANUP(buf_free) struct buf status = {0}, request = {0};
	struct stand stand;
	struct error err = {0};
	const char *text = NULL;

	ready(&stand, state);
	stand_load(&stand, "file-2", "dep-1");
	stand_expect(&stand, STAND_DONE);
	assert_int_equal(stand_command(&stand, "status", "--json", &status), 0);
	MUST(buf_text(&status, &text, &err));
	assert_non_null(strstr(text, "\"outcome\":\"CONFIRMED\""));
	assert_non_null(strstr(text, "\"counter\":2"));
	assert_int_equal(stand_command(&stand, "request", NULL, &request), 0);
	MUST(buf_text(&request, &text, &err));
	assert_non_null(strstr(text, "-----BEGIN CERTIFICATE REQUEST-----"));
	assert_non_null(strstr(text, "\n{\"payload\""));
	assert_int_equal(stand_command(&stand, "status", "extra", NULL), ERROR_USAGE);
	assert_int_equal(stand_command(&stand, "nonsense", NULL, NULL), ERROR_USAGE);
	stand_end(&stand);
}

static void change_mode(const struct stand *stand, const char *name, mode_t mode)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", stand->directory, name);
	assert_int_equal(chmod(path, mode), 0);
}

/* Does `check` say TEXT of the file NAME? */
static void expect_finding(const struct stand *stand, const char *name, const char *text)
{
	CLEANUP(buf_free) struct buf said = {0};
	char line[PATH_MAX];
	const char *all = NULL;
	struct error err = {0};

	assert_int_equal(stand_command(stand, "check", NULL, &said), 1);
	MUST(buf_text(&said, &all, &err));
	(void)snprintf(line, sizeof(line), "%s/%s: %s", stand->directory, name, text);
	if ((strstr(all, line) != NULL) != (text[0] != 0))
		fail_msg("'%s' in: %s", line, all);
}

static void check_finds_what_others_could_touch(void **state)
{
	static const struct {
		const char *name, *text;
		mode_t good, bad;
	} places[] = {
		{"state", "others can read it: chmod go-rwx it", 0700, 0750},
		{"state/spool", "others can change it: chmod go-w it", 0700, 0770},
		{"state/key.pem", "others can read it: chmod go-rwx it", 0600, 0640},
		{"state/root.pem", "others can change it: chmod go-w it", 0644, 0646},
		{"agent.conf", "others can change it: chmod go-w it", 0644, 0664},
	};
	struct stand stand;
	char path[PATH_MAX];

	stand_begin(&stand, *state);
	(void)snprintf(path, sizeof(path), "%s/state/spool", stand.directory);
	assert_int_equal(mkdir(path, 0700), 0);
	for (size_t i = 0; i < COUNT(places); i++) {
		change_mode(&stand, places[i].name, places[i].good);
		expect_finding(&stand, places[i].name, "");
		change_mode(&stand, places[i].name, places[i].bad);
		expect_finding(&stand, places[i].name, places[i].text);
	}
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 12345, 0), 0);
		expect_finding(&stand, "state/spool", "belongs to user 12345");
	}
	stand_end(&stand);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			an_update_is_installed_and_confirmed, stand_world_quiet),
		cmocka_unit_test_teardown(an_exec_installer_may_do_it, stand_world_quiet),
		cmocka_unit_test_teardown(a_failing_installer_is_told, stand_world_quiet),
		cmocka_unit_test_teardown(
			an_unhealthy_update_is_rolled_back, stand_world_quiet),
		cmocka_unit_test_teardown(what_is_in_place_is_what_is_told, stand_world_quiet),
		cmocka_unit_test_teardown(
			new_software_that_cannot_be_taken_back_is_named, stand_world_quiet),
		cmocka_unit_test_teardown(
			nothing_older_than_what_was_confirmed, stand_world_quiet),
		cmocka_unit_test_teardown(
			what_the_device_must_not_have_is_refused, stand_world_quiet),
		cmocka_unit_test_teardown(
			a_device_without_anchor_installs_nothing, stand_world_quiet),
		cmocka_unit_test_teardown(an_update_that_needs_a_reboot, stand_world_quiet),
		cmocka_unit_test_teardown(
			many_inventory_scripts_stop_nothing, stand_world_quiet),
		cmocka_unit_test_teardown(
			who_asks_after_an_update_did_not_bring_it, stand_world_quiet),
		cmocka_unit_test_teardown(
			a_reboot_that_does_not_happen_ends_in_rollback, stand_world_quiet),
		cmocka_unit_test_teardown(a_pulled_cable_costs_little, stand_world_quiet),
		cmocka_unit_test_teardown(
			a_cable_pulled_while_installing_stops_nothing, stand_world_quiet),
		cmocka_unit_test_teardown(
			a_wrong_transfer_is_tried_once_more, stand_world_quiet),
		cmocka_unit_test_teardown(the_gate_says_when, stand_world_quiet),
		cmocka_unit_test_teardown(
			what_a_gate_says_is_fit_to_be_shown, stand_world_quiet),
		cmocka_unit_test_teardown(
			an_answer_about_another_offer_does_not_count, stand_world_quiet),
		cmocka_unit_test_teardown(a_staged_update_waits, stand_world_quiet),
		cmocka_unit_test_teardown(
			any_courier_collects_what_is_there, stand_world_quiet),
		cmocka_unit_test_teardown(
			the_same_offer_has_the_same_answer, stand_world_quiet),
		cmocka_unit_test_teardown(
			one_courier_has_but_so_many_refusals, stand_world_quiet),
		cmocka_unit_test_teardown(nonsense_under_its_id_does_not_keep_a_deployment_out,
			stand_world_quiet),
		cmocka_unit_test_teardown(
			a_promise_that_is_not_kept_binds_nobody, stand_world_quiet),
		cmocka_unit_test_teardown(
			a_courier_of_another_group_is_refused, stand_world_quiet),
		cmocka_unit_test_teardown(
			a_revoked_courier_is_refused_for_good, stand_world_quiet),
		cmocka_unit_test_teardown(
			an_old_list_put_back_opens_no_door, stand_world_quiet),
		cmocka_unit_test_teardown(an_expired_courier_is_refused, stand_world_quiet),
		cmocka_unit_test_teardown(another_fleet_is_no_fleet, stand_world_quiet),
		cmocka_unit_test_teardown(
			a_device_that_is_not_itself_says_so, stand_world_quiet),
		cmocka_unit_test_teardown(
			a_device_without_certificate_gets_one, stand_world_quiet),
		cmocka_unit_test_teardown(a_site_may_let_out_less, stand_world_quiet),
		cmocka_unit_test_teardown(
			what_was_kept_leaves_as_the_site_says_now, stand_world_quiet),
		cmocka_unit_test_teardown(
			what_was_kept_under_outcome_may_leave, stand_world_quiet),
		cmocka_unit_test_teardown(killed_at_any_moment_it_ends_well, stand_world_quiet),
		cmocka_unit_test_teardown(
			an_offer_that_cannot_be_kept_comes_again, stand_world_quiet),
		cmocka_unit_test_teardown(
			what_a_cut_left_of_an_ended_job_goes, stand_world_quiet),
		cmocka_unit_test_teardown(its_commands_say_what_they_know, stand_world_quiet),
		cmocka_unit_test_teardown(
			check_finds_what_others_could_touch, stand_world_quiet),
	};

	return cmocka_run_group_tests(tests, stand_world_make, stand_world_remove);
}
