/*
 * Write what our code makes into a directory, for others to judge: root, issuers, a
 * courier, a device, a request, a revocation list with the courier on it, and the
 * courier's key under the passphrase "correct".
 * usage: write_fleet DIRECTORY
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/certificate.h"
#include "common/file.h"

static const int64_t now = 1772323200; /* 2026-03-01 */

static void must(bool ok, const struct error *err)
{
	if (ok)
		return;
	(void)fprintf(stderr, "write_fleet: %s\n", err->text);
	exit(EXIT_FAILURE);
}

static void write_pem(const char *name, const struct buf *pem)
{
	struct error err = {0};

	must(file_replace(name, buf_bytes(pem), 0600, &err), &err);
}

struct party {
	struct crypto_key *key;
	struct crypto_public *public;
	struct buf pem;
};

static void party_init(struct party *party, enum crypto_kind kind)
{
	struct error err = {0};

	must(crypto_key_generate(kind, &party->key, &err), &err);
	must(crypto_public_of(party->key, &party->public, &err), &err);
}

static void party_done(struct party *party)
{
	crypto_key_free(party->key);
	crypto_public_free(party->public);
	buf_free(&party->pem);
}

static void write_issuer(const struct party *root, enum certificate_role role, const char *name,
	struct party *issuer)
{
	struct error err = {0};

	must(certificate_make_issuer(root->key, buf_bytes(&root->pem), issuer->public, role,
		     now, &issuer->pem, &err),
		&err);
	write_pem(name, &issuer->pem);
}

static void write_leaf(const struct party *issuer, const char *name,
	const struct certificate_holder *holder, struct party *leaf)
{
	struct error err = {0};

	must(certificate_make_leaf(issuer->key, buf_bytes(&issuer->pem), leaf->public, holder,
		     &leaf->pem, &err),
		&err);
	write_pem(name, &leaf->pem);
}

static void write_crl(const struct party *issuer, const struct party *revoked)
{
	CLEANUP(certificate_cleanup) struct certificate *chain = NULL;
	CLEANUP(buf_free) struct buf pem = {0};
	uint8_t serials[1][CERTIFICATE_SERIAL_SIZE];
	struct error err = {0};

	must(certificate_parse(buf_bytes(&revoked->pem), &chain, &err), &err);
	must(certificate_serial(chain, serials[0], &err), &err);
	must(certificate_make_crl(issuer->key, buf_bytes(&issuer->pem), 7, now,
		     (const uint8_t(*)[CERTIFICATE_SERIAL_SIZE])serials, 1, &pem, &err),
		&err);
	write_pem("crl.pem", &pem);
}

static void write_key(const struct party *party)
{
	CLEANUP(buf_free) struct buf request = {0};
	PASSPHRASE passphrase = {"correct"};
	struct error err = {0};

	must(certificate_request_make(party->key, "c-17", &request, &err), &err);
	write_pem("request.pem", &request);
	must(crypto_key_save(party->key, "key.pem", &passphrase, &err), &err);
}

int main(int argc, char **argv)
{
	const struct certificate_holder ida = {.role = CERTIFICATE_COURIER,
		.id = "c-17",
		.name = "Ida",
		.groups = {"north"},
		.group_count = 1,
		.not_before = now,
		.not_after = now + (int64_t)30 * 86400};
	const struct certificate_holder pump = {.role = CERTIFICATE_DEVICE,
		.id = "pump-7",
		.has_identity = true,
		.not_before = now,
		.not_after = INT64_MAX};
	CLEANUP(party_done) struct party root = {0}, couriers = {0}, devices = {0};
	CLEANUP(party_done) struct party courier = {0}, device = {0};
	struct error err = {0};

	if (argc != 2 || chdir(argv[1]) != 0) {
		(void)fprintf(stderr, "usage: write_fleet DIRECTORY\n");
		return 2;
	}
	party_init(&root, CRYPTO_ED25519);
	party_init(&couriers, CRYPTO_ED25519);
	party_init(&devices, CRYPTO_P256);
	party_init(&courier, CRYPTO_ED25519);
	party_init(&device, CRYPTO_P256);
	must(certificate_make_root(root.key, "Example Fleet", now, &root.pem, &err), &err);
	write_pem("root.pem", &root.pem);
	write_issuer(&root, CERTIFICATE_COURIER, "couriers.pem", &couriers);
	write_issuer(&root, CERTIFICATE_DEVICE, "devices.pem", &devices);
	write_leaf(&couriers, "courier.pem", &ida, &courier);
	write_leaf(&devices, "device.pem", &pump, &device);
	write_crl(&couriers, &courier);
	write_key(&courier);
	return 0;
}
