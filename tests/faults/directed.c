/*
 * A device that a TUF repository directs, and two updates for it that have come whole: what
 * the agent finds when it is started after the last byte.
 *
 * usage: fault-directed DIRECTORY ARTIFACTS
 *
 * Writes DIRECTORY as courier-agent -c DIRECTORY/agent.conf wants it, and beside it for each
 * update N: N.set, N.mender and N.json, the job.  The second one brings new roots, and a
 * device that has the first one active.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/file.h"
#include "device-link/agent/job.h"
#include "tests/fleet.h"
#include "tests/test.h"
#include "tests/tuf_carry.h"

enum { FILE_MAX = 16 << 20 };

static const char *directory;

static void path_of(const char *name, char path[PATH_MAX])
{
	(void)snprintf(path, PATH_MAX, "%s/%s", directory, name);
}

static void put(const char *name, struct bytes content, mode_t mode)
{
	struct error err = {0};
	char path[PATH_MAX];

	path_of(name, path);
	MUST(file_replace(path, content, mode, &err));
}

static void make_directory(const char *name)
{
	struct error err = {0};
	char path[PATH_MAX];

	path_of(name, path);
	MUST(file_make_directory(path, 0700, &err));
}

static void provision(void)
{
	CLEANUP(fleet_done) struct fleet fleet = {0};
	CLEANUP(party_done) struct party device = {0};
	CLEANUP(buf_free) struct buf crl = {0};
	struct error err = {0};
	char path[PATH_MAX];

	MUST(fleet_make(&fleet, "test", &err));
	MUST(fleet_member(&fleet, CERTIFICATE_DEVICE, CRYPTO_ED25519, "d1", NULL, INT64_MAX,
		&device, &err));
	MUST(certificate_make_crl(fleet.issuer[CERTIFICATE_COURIER],
		buf_bytes(&fleet.issuer_pem[CERTIFICATE_COURIER]), 1, FLEET_BORN, NULL, 0, &crl,
		&err));
	make_directory("state");
	make_directory("inventory");
	make_directory("target");
	path_of("state/key.pem", path);
	MUST(crypto_key_save(device.key, path, NULL, &err));
	put("state/certificate.pem", buf_bytes(&device.pem), 0600);
	put("state/root.pem", buf_bytes(&fleet.root_pem), 0600);
	put("state/crl.pem", buf_bytes(&crl), 0600);
}

static void configure(const char *artifacts)
{
	CLEANUP(buf_free) struct buf text = {0};
	struct error err = {0};

	MUST(buf_print(&text, &err,
		"[agent]\nstate = state\nlink = serial:%s/no-cable,115200\nidentity = "
		"identity\n"
		"inventory = inventory\ndevice-type = device_type\nboot-id = boot_id\n"
		"artifact = rel-1\nartifact-key = %s/p256.pub\ntuf-root = tuf-root.json\n"
		"reserve = 0\n[installer file]\nkind = file\ntarget = target\n",
		directory, artifacts));
	put("agent.conf", buf_bytes(&text), 0600);
	put("device_type", bytes_of("device_type=testbox\n"), 0600);
	put("boot_id", bytes_of("boot-1\n"), 0600);
	put("target/app", bytes_of("old\n"), 0600);
	put("identity", bytes_of("#!/bin/sh\necho serial=SN-1\n"), 0700);
}

static void load(const char *artifacts, int number, struct buf *out, struct digest *digest)
{
	struct error err = {0};
	char path[PATH_MAX], name[32];

	(void)snprintf(path, sizeof(path), "%s/file-%d.mender", artifacts, number + 1);
	MUST(file_read(path, FILE_MAX, out, NULL, &err));
	MUST(crypto_sha256(buf_bytes(out), digest, &err));
	(void)snprintf(name, sizeof(name), "%d.mender", number);
	put(name, buf_bytes(out), 0600);
}

/* What a device has saved once the offer of update NUMBER was taken. */
static void write_job(
	int number, struct bytes artifact, const struct digest *active, struct digest *set)
{
	struct job job = {.phase = JOB_RECEIVING,
		.before = "rel-1",
		.size = artifact.len,
		.active = *active};
	CLEANUP(buf_free) struct buf bytes = {0};
	struct error err = {0};
	char path[PATH_MAX], name[32];

	(void)snprintf(name, sizeof(name), "%d.set", number);
	path_of(name, path);
	MUST(file_read(path, FILE_MAX, &bytes, NULL, &err));
	MUST(crypto_sha256(buf_bytes(&bytes), set, &err));
	MUST(crypto_sha256(artifact, &job.digest, &err));
	job.set = *set;
	job.set_size = bytes.len;
	(void)snprintf(job.deployment, sizeof(job.deployment), "dep-%d", number);
	(void)snprintf(job.name, sizeof(job.name), "rel-%d", number + 1);
	(void)snprintf(job.courier.id, sizeof(job.courier.id), "c1");
	(void)snprintf(name, sizeof(name), "%d.json", number);
	path_of(name, path);
	MUST(job_save(path, &job, &err));
}

static void pack(struct carry *carry, int number)
{
	CLEANUP(buf_free) struct buf set = {0};
	char name[32];

	carry_pack(carry, 0, &set);
	(void)snprintf(name, sizeof(name), "%d.set", number);
	put(name, buf_bytes(&set), 0600);
}

/* The next update: two more roots, and a direction to it. */
static void publish_second(struct carry *carry, const struct digest *digest, uint64_t size)
{
	struct direction *const direction = &carry->direction;

	for (int version = 2; version <= 3; version++) {
		carry->state.roles[TUF_ROOT].version = version;
		carry_publish(carry);
	}
	direction->sequence++;
	direction->artifacts[0].sha256 = *digest;
	direction->artifacts[0].length = size;
	(void)snprintf(direction->deployment, sizeof(direction->deployment), "dep-2");
	carry_publish_next(carry);
}

int main(int argc, char **argv)
{
	static const struct digest none;
	static struct carry carry;
	CLEANUP(buf_free) struct buf first = {0}, second = {0};
	struct digest digest, set;

	if (argc != 3)
		return 2;
	directory = argv[1];
	provision();
	configure(argv[2]);
	load(argv[2], 1, &first, &digest);
	carry_new(&carry, "d1", "dep-1", "artifacts/app.mender", &digest, first.len);
	carry_publish(&carry);
	put("tuf-root.json", buf_bytes(&carry.office.served[0].content), 0600);
	pack(&carry, 1);
	write_job(1, buf_bytes(&first), &none, &set);
	load(argv[2], 2, &second, &digest);
	publish_second(&carry, &digest, second.len);
	pack(&carry, 2);
	write_job(2, buf_bytes(&second), &set, &set);
	carry_done(&carry);
	return 0;
}
