#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "common/file.h"
#include "tests/agent_stand.h"
#include "tests/test.h"

static int run(const char *const *argv, posix_spawn_file_actions_t *actions)
{
	pid_t child = 0;
	int status = -1;

	if (posix_spawnp(
		    &child, argv[0], actions, NULL, (char *const *)(uintptr_t)argv, environ)
			!= 0
		|| waitpid(child, &status, 0) != child)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- the world ---- */

static bool make_device(struct fleet *fleet, struct party *party, struct error *err)
{
	static const char identity[] = "{\"serial\":\"SN-1\"}";
	CLEANUP(crypto_public_cleanup) struct crypto_public *half = NULL;
	struct certificate_holder holder = {.role = CERTIFICATE_DEVICE,
		.id = "d1",
		.name = "d1",
		.groups = {"north"},
		.group_count = 1,
		.has_identity = true,
		.not_before = FLEET_BORN,
		.not_after = INT64_MAX};

	return identity_digest(bytes_of(identity), &holder.identity, err)
		&& crypto_key_generate(CRYPTO_ED25519, &party->key, err)
		&& crypto_public_of(party->key, &half, err)
		&& certificate_make_leaf(fleet->issuer[CERTIFICATE_DEVICE],
			buf_bytes(&fleet->issuer_pem[CERTIFICATE_DEVICE]), half, &holder,
			&party->pem, err)
		&& certificate_parse(buf_bytes(&party->pem), &party->chain, err);
}

int stand_world_make(void **state)
{
	struct stand_world *const world = calloc(1, sizeof(*world));
	const int64_t later = FLEET_BORN + INT64_C(20) * 365 * 86400;
	struct error err = {0};

	(void)snprintf(world->artifacts, sizeof(world->artifacts), "/tmp/courier-agent-XXXXXX");
	MUST(fleet_make(&world->fleet, "test", &err));
	MUST(make_device(&world->fleet, &world->device, &err));
	MUST(fleet_member(&world->fleet, CERTIFICATE_COURIER, CRYPTO_ED25519, "c1", "north",
		later, &world->courier, &err));
	MUST(fleet_member(&world->fleet, CERTIFICATE_COURIER, CRYPTO_ED25519, "c2", "south",
		later, &world->stranger, &err));
	*state = world;
	if (mkdtemp(world->artifacts) == NULL)
		return -1;
	return run((const char *const[]){"sh", TEST_AGENT_ARTIFACTS, world->artifacts, NULL},
		NULL);
}

int stand_world_remove(void **state)
{
	struct stand_world *const world = *state;
	const int status
		= run((const char *const[]){"rm", "-rf", world->artifacts, NULL}, NULL);

	fleet_done(&world->fleet);
	party_done(&world->device);
	party_done(&world->courier);
	party_done(&world->stranger);
	free(world);
	return status;
}

int stand_world_quiet(void **state)
{
	struct stand_world *const world = *state;

	if (world->agent > 0) {
		(void)kill(world->agent, SIGKILL);
		(void)waitpid(world->agent, NULL, 0);
	}
	world->agent = 0;
	return 0;
}

/* ---- the device ---- */

static void path_of(const struct stand *stand, const char *name, char path[PATH_MAX])
{
	(void)snprintf(path, PATH_MAX, "%s/%s", stand->directory, name);
}

static void write_bytes(const struct stand *stand, const char *name, struct bytes bytes)
{
	struct error err = {0};
	char path[PATH_MAX];

	path_of(stand, name, path);
	MUST(file_replace(path, bytes, 0600, &err));
}

void stand_write(const struct stand *stand, const char *name, const char *text)
{
	write_bytes(stand, name, bytes_of(text));
}

void stand_script(const struct stand *stand, const char *name, const char *body)
{
	char path[PATH_MAX], text[4096];

	(void)snprintf(text, sizeof(text), "#!/bin/sh\ncd %s\n%s\n", stand->directory, body);
	stand_write(stand, name, text);
	path_of(stand, name, path);
	assert_int_equal(chmod(path, 0700), 0);
}

void stand_read(const struct stand *stand, const char *name, char *text, size_t room)
{
	CLEANUP(buf_free) struct buf content = {0};
	struct error err = {0};
	char path[PATH_MAX];
	bool found = false;

	path_of(stand, name, path);
	MUST(file_read(path, 1 << 20, &content, &found, &err));
	(void)snprintf(text, room, "%.*s", (int)content.len,
		content.len == 0 ? "" : (const char *)content.at);
}

static void make_directory(const struct stand *stand, const char *name)
{
	char path[PATH_MAX];

	path_of(stand, name, path);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void provision(struct stand *stand)
{
	const struct fleet *const fleet = &stand->world->fleet;
	CLEANUP(buf_free) struct buf crl = {0};
	struct error err = {0};
	char path[PATH_MAX];

	MUST(certificate_make_crl(fleet->issuer[CERTIFICATE_COURIER],
		buf_bytes(&fleet->issuer_pem[CERTIFICATE_COURIER]), 1, FLEET_BORN, NULL, 0,
		&crl, &err));
	path_of(stand, "state/key.pem", path);
	MUST(crypto_key_save(stand->world->device.key, path, NULL, &err));
	write_bytes(stand, "state/certificate.pem", buf_bytes(&stand->world->device.pem));
	write_bytes(stand, "state/root.pem", buf_bytes(&fleet->root_pem));
	write_bytes(stand, "state/crl.pem", buf_bytes(&crl));
}

void stand_begin(struct stand *stand, struct stand_world *world)
{
	*stand = (struct stand){.world = world, .cable = -1, .courier = &world->courier};
	(void)snprintf(stand->directory, sizeof(stand->directory), "/tmp/courier-stand-XXXXXX");
	assert_non_null(mkdtemp(stand->directory));
	make_directory(stand, "state");
	make_directory(stand, "inventory");
	make_directory(stand, "target");
	provision(stand);
	stand_write(stand, "device_type", "device_type=testbox\n");
	stand_write(stand, "boot_id", "boot-1\n");
	stand_write(stand, "target/app", "old\n");
	stand_script(stand, "identity", "echo serial=SN-1");
	stand_script(stand, "inventory/mender-inventory-test", "echo site=mine");
	stand_configure(stand, "", "");
	stand_plug(stand);
}

void stand_end(struct stand *stand)
{
	if (stand->agent > 0)
		stand_stop(stand);
	file_close(&stand->cable);
	buf_free(&stand->artifact);
	buf_free(&stand->set);
	buf_free(&stand->crl);
	buf_free(&stand->chain);
	buf_free(&stand->time);
	for (size_t i = 0; i < STAND_KEPT; i++)
		buf_free(&stand->logs[i]);
	inventory_free(&stand->inventory);
	identity_free(&stand->identity);
	assert_int_equal(
		run((const char *const[]){"rm", "-rf", stand->directory, NULL}, NULL), 0);
}

void stand_configure(struct stand *stand, const char *agent, const char *rest)
{
	static const char usual[] = "[installer file]\nkind = file\ntarget = target\n";
	CLEANUP(buf_free) struct buf text = {0};
	struct error err = {0};
	const char *content = NULL;

	MUST(buf_print(&text, &err,
		"[agent]\nstate = state\nlink = serial:%s/tty,921600\nidentity = identity\n"
		"inventory = inventory\ndevice-type = device_type\nboot-id = boot_id\n"
		"artifact = rel-1\nartifact-key = %s/p256.pub\nreserve = 0\n%s\n%s",
		stand->directory, stand->world->artifacts, agent, rest[0] == 0 ? usual : rest));
	MUST(buf_text(&text, &content, &err));
	stand_write(stand, "agent.conf", content);
}

static void open_log(const struct stand *stand, posix_spawn_file_actions_t *actions)
{
	char path[PATH_MAX];

	path_of(stand, "agent.log", path);
	assert_int_equal(posix_spawn_file_actions_init(actions), 0);
	assert_int_equal(posix_spawn_file_actions_addopen(actions, STDERR_FILENO, path,
				 O_WRONLY | O_CREAT | O_APPEND, 0600),
		0);
}

void stand_start(struct stand *stand)
{
	posix_spawn_file_actions_t actions;
	char conf[PATH_MAX];
	const char *const argv[] = {TEST_AGENT, "-c", conf, "run", NULL};

	path_of(stand, "agent.conf", conf);
	open_log(stand, &actions);
	assert_int_equal(posix_spawn(&stand->agent, argv[0], &actions, NULL,
				 (char *const *)(uintptr_t)argv, environ),
		0);
	(void)posix_spawn_file_actions_destroy(&actions);
	stand->world->agent = stand->agent;
	(void)snprintf(conf, sizeof(conf), "%d\n", (int)stand->agent);
	stand_write(stand, "agent.pid", conf);
}

static int wait_for_agent(struct stand *stand)
{
	int status = 0;

	assert_int_equal(waitpid(stand->agent, &status, 0), stand->agent);
	stand->agent = stand->world->agent = 0;
	return status;
}

void stand_kill(struct stand *stand)
{
	assert_int_equal(kill(stand->agent, SIGKILL), 0);
	(void)wait_for_agent(stand);
}

void stand_stop(struct stand *stand)
{
	char log[8192];

	(void)kill(stand->agent, SIGTERM);

	const int status = wait_for_agent(stand);

	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		stand_read(stand, "agent.log", log, sizeof(log));
		fail_msg("the agent ended with status %x: %s", status, log);
	}
}

void stand_reap(struct stand *stand)
{
	(void)wait_for_agent(stand);
}

int stand_command(
	const struct stand *stand, const char *command, const char *option, struct buf *out)
{
	posix_spawn_file_actions_t actions;
	char conf[PATH_MAX], path[PATH_MAX];
	const char *const argv[] = {TEST_AGENT, "-c", conf, command, option, NULL};
	struct error err = {0};

	path_of(stand, "agent.conf", conf);
	path_of(stand, "stdout", path);
	open_log(stand, &actions);
	assert_int_equal(posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, path,
				 O_WRONLY | O_CREAT | O_TRUNC, 0600),
		0);

	const int status = run(argv, &actions);

	(void)posix_spawn_file_actions_destroy(&actions);
	if (out != NULL)
		MUST(file_read(path, 1 << 20, out, NULL, &err));
	return status;
}

/* ---- the cable ---- */

void stand_plug(struct stand *stand)
{
	char link[PATH_MAX];
	struct termios raw;

	/* The name first: a number without a pty is the next one's, of whatever test. */
	path_of(stand, "tty", link);
	(void)unlink(link);
	file_close(&stand->cable);
	stand->cable = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	assert_true(stand->cable >= 0);
	assert_int_equal(grantpt(stand->cable), 0);
	assert_int_equal(unlockpt(stand->cable), 0);
	assert_int_equal(ptsname_r(stand->cable, stand->name, sizeof(stand->name)), 0);
	assert_int_equal(tcgetattr(stand->cable, &raw), 0);
	cfmakeraw(&raw);
	assert_int_equal(tcsetattr(stand->cable, TCSANOW, &raw), 0);
	assert_int_equal(symlink(stand->name, link), 0);
}

const struct receipt *stand_last(const struct stand *stand)
{
	assert_true(stand->kept_count > 0);
	return &stand->kept[stand->kept_count - 1];
}

bool stand_saw(const struct stand *stand, enum message_phase phase)
{
	for (size_t i = 0; i < stand->phase_count; i++)
		if (stand->phases[i] == phase)
			return true;
	return false;
}
