/*
 * Write what a device signs into a directory, for tests of programs that read it: its key,
 * its identity statement (which has a request inside), and receipts.
 * usage: write_statements DIRECTORY DEVICE SERIAL
 *
 *	NAME.key NAME.identity NAME.receipt NAME.forged   NAME is DEVICE
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/statement.h"

static struct error err;

static void must(bool ok)
{
	if (ok)
		return;
	(void)fprintf(stderr, "write_statements: %s\n", err.text);
	exit(EXIT_FAILURE);
}

static void write_as(const char *device, const char *suffix, const struct buf *content)
{
	char name[128];

	(void)snprintf(name, sizeof(name), "%s.%s", device, suffix);
	must(file_replace(name, buf_bytes(content), 0600, &err));
}

static void write_identity(const char *device, const char *serial, const struct digest *key,
	const struct crypto_key *private)
{
	CLEANUP(buf_free) struct buf request = {0}, json = {0}, envelope = {0};
	struct identity identity = {.key = *key, .device_type = "pump"};
	const char *text = NULL;

	must(certificate_request_make(private, "device", &request, &err)
		&& buf_text(&request, &text, &err));
	identity.request = strdup(text);
	must(buf_print(&json, &err, "{\"serial\":\"%s\"}", serial)
		&& buf_text(&json, &text, &err));
	identity.identity = strdup(text);
	must(identity_sign(&identity, private, &envelope, &err));
	write_as(device, "identity", &envelope);
	identity_free(&identity);
}

static void write_receipts(
	const char *device, const struct digest *key, const struct crypto_key *private)
{
	struct receipt receipt = {
		.key = *key,
		.sequence = 4,
		.deployment = "d4c7c2a1-0000-4000-8000-000000000001",
		.artifact = "rel-2",
		.before = "rel-1",
		.after = "rel-2",
		.outcome = OUTCOME_CONFIRMED,
		.time = {.clock = 1790000000, .floor = 1780000000, .uptime_s = 60, .boot = "b"},
		.courier = "anna",
		.technician = "Anna Berg",
	};
	CLEANUP(buf_free) struct buf envelope = {0};

	(void)snprintf(receipt.device, sizeof(receipt.device), "%s", device);
	must(receipt_sign(&receipt, private, &envelope, &err));
	write_as(device, "receipt", &envelope);

	/* A bit of the payload, which begins after {"payload":" */
	uint8_t *const at = envelope.at + envelope.len / 3;

	*at = *at == 'A' ? 'B' : 'A';
	write_as(device, "forged", &envelope);
}

int main(int argc, char **argv)
{
	CLEANUP(crypto_key_cleanup) struct crypto_key *private = NULL;
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;
	CLEANUP(buf_free) struct buf certificate = {0};
	struct digest key = {{0}};
	char name[128];

	if (argc != 4 || chdir(argv[1]) != 0)
		return EXIT_FAILURE;
	must(crypto_key_generate(CRYPTO_ED25519, &private, &err)
		&& crypto_public_of(private, &public, &err)
		&& crypto_public_fingerprint(public, &key, &err)
		&& certificate_make_uncertified(private, &certificate, &err));
	(void)snprintf(name, sizeof(name), "%s.key", argv[2]);
	must(crypto_key_save(private, name, NULL, &err));
	write_as(argv[2], "self", &certificate);
	write_identity(argv[2], argv[3], &key, private);
	write_receipts(argv[2], &key, private);
	return EXIT_SUCCESS;
}
