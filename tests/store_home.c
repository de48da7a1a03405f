#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "tests/store_home.h"
#include "tests/test.h"

/* All that a passphrase must cost in a test. */
static const struct crypto_cost cheap = {.log_n = 2, .r = 8, .p = 1};

/* HOME/.. is new.  In memory where there is such a place: thousands of fsyncs are not
 * what is tested. */
static void make_place(struct home *home)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "%s/courier-store-XXXXXX",
		access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(path));
	(void)snprintf(home->path, sizeof(home->path), "%s/home", path);
}

void home_init(struct home *home)
{
	struct error err = {0};

	*home = (struct home){.passphrase = {"correct horse"}};
	make_place(home);
	MUST(store_create_with_cost(home->path, &home->passphrase, cheap, &err));
	home_open(home);
}

void home_open(struct home *home)
{
	struct error err = {0};

	assert_null(home->store);
	MUST(store_open(home->path, &home->passphrase, &home->store, &err));
}

void home_close(struct home *home)
{
	store_cleanup(&home->store);
}

static void run(char command[static 3 * PATH_MAX])
{
	assert_int_equal(system(command), 0);
}

void home_wipe(struct home *home)
{
	char command[3 * PATH_MAX];

	home_close(home);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", home->path);
	run(command);
}

void home_done(struct home *home)
{
	home_wipe(home);
	*strrchr(home->path, '/') = 0;
	assert_int_equal(rmdir(home->path), 0);
}

void home_file(const struct home *home, const char *name, char path[static PATH_MAX])
{
	struct error err = {0};

	MUST(file_path(path, PATH_MAX, home->path, name, &err));
}

void home_tamper(const struct home *home, const char *sql)
{
	char path[PATH_MAX], *why = NULL;
	sqlite3 *database = NULL;

	assert_null(home->store);
	home_file(home, "store.db", path);
	assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
	if (sqlite3_exec(database, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
	assert_int_equal(sqlite3_close(database), SQLITE_OK);
}

void noise(uint64_t seed, uint8_t *at, size_t len)
{
	uint64_t x = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;

	for (size_t i = 0; i < len; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		at[i] = (uint8_t)(x >> 24);
	}
}

/* ---- content ---- */

static void put_key(struct home *home, enum store_secret which, uint64_t seed)
{
	struct error err = {0};
	struct secret secret;

	noise(seed, secret.at, sizeof(secret.at));
	MUST(store_put_secret(home->store, which, &secret, &err));
}

static void put_device(struct home *home, const char *id, const char *label)
{
	char id_data[64], label_copy[32];
	char server[] = "hosted-server-name", site[] = "north-pit-site";
	struct store_device device = {.server = server, .site = site, .id_data = id_data};
	struct error err = {0};

	(void)snprintf(device.id, sizeof(device.id), "%s", id);
	(void)snprintf(id_data, sizeof(id_data), "{\"mac\":\"52:54:00:%s\"}", id);
	(void)snprintf(label_copy, sizeof(label_copy), "%s", label);
	device.label = label_copy;
	MUST(buf_append(&device.inventory, bytes_of("inventory-envelope-of-"), &err));
	MUST(buf_append(&device.inventory, bytes_of(id), &err));
	MUST(store_put_device(home->store, &device, "enrolled-device-event", &err));
	buf_free(&device.inventory);
}

static void put_parcel(struct home *home, const char *device, const char *deployment)
{
	char url[] = "https://storage.example/artifact-url?X-Amz-Signature=cafe";
	char artifact[] = "release-4711", request[] = "{\"frozen\":\"request-body\"}";
	struct store_parcel parcel
		= {.url = url, .artifact_name = artifact, .request = request, .attempt = 1};
	struct error err = {0};

	(void)snprintf(parcel.device, sizeof(parcel.device), "%s", device);
	(void)snprintf(parcel.deployment, sizeof(parcel.deployment), "%s", deployment);
	MUST(store_put_parcel(home->store, &parcel, "assigned-parcel-event", &err));
}

static void put_receipt(struct home *home, const char *device, uint64_t sequence)
{
	struct store_receipt receipt = {.sequence = sequence, .verified = true};
	struct error err = {0};

	(void)snprintf(receipt.device, sizeof(receipt.device), "%s", device);
	MUST(buf_print(&receipt.envelope, &err, "receipt-envelope-%llu",
		(unsigned long long)sequence));
	MUST(buf_print(&receipt.log, &err, "deployment-log-lines"));
	MUST(store_put_receipt(
		home->store, &receipt, "deployment-one", true, PARCEL_OUTCOME, &err));
	store_receipt_free(&receipt);
}

static void put_blob(struct home *home, const char *name, size_t len, bool whole)
{
	CLEANUP(store_blob_cleanup) struct store_blob *blob = NULL;
	uint8_t *const content = malloc(len);
	struct error err = {0};
	uint64_t offset = 0;
	struct sink sink;

	assert_non_null(content);
	noise(HOME_BLOB_SEED, content, len);
	MUST(store_blob_begin(home->store, name, &blob, &sink, &offset, &err));
	assert_int_equal(offset, 0);
	MUST(sink.write(sink.self, (struct bytes){content, len}, &err));
	if (whole)
		MUST(store_blob_finish(blob, &err));
	free(content);
}

void home_fill(struct home *home)
{
	struct error err = {0};

	put_key(home, STORE_COURIER_KEY, 1);
	put_key(home, STORE_SERVER_KEY, 2);
	MUST(store_put_metadata(home->store, "fleet-repository", "7.snapshot-file.json",
		bytes_of("signed-by-repository"), &err));
	MUST(store_put_metadata(home->store, "fleet-repository", "8.snapshot-file.json",
		bytes_of("signed-by-repository-later"), &err));
	MUST(store_put_paper(
		home->store, "control-paper", bytes_of("control-bundle-content"), &err));
	put_device(home, "pump-house-one", "yellow-label");
	put_device(home, "pump-house-two", "green-label");
	MUST(store_put_token(home->store, "pump-house-one", "token-of-device-one", &err));
	MUST(store_put_token(home->store, "pump-house-two", "token-of-device-two", &err));
	put_parcel(home, "pump-house-one", "deployment-one");
	put_parcel(home, "pump-house-two", "deployment-two");
	put_receipt(home, "pump-house-one", 1);
	put_receipt(home, "pump-house-one", 2);
	put_blob(home, "server/blob-name-whole", HOME_BLOB_SIZE, true);
	put_blob(home, "server/blob-name-part", HOME_BLOB_SIZE, false);
}

const char *const home_needles[] = {"hosted-server-name", "north-pit-site", "52:54:00",
	"pump-house", "yellow-label", "green-label", "inventory-envelope",
	"enrolled-device-event", "storage.example", "Signature=cafe", "release-4711",
	"request-body", "deployment-one", "deployment-two", "assigned-parcel-event",
	"receipt-envelope", "deployment-log-lines", "control-paper", "control-bundle-content",
	"token-of-device", "blob-name", "fleet-repository", "snapshot-file",
	"signed-by-repository", "courier key", "correct horse", NULL};
