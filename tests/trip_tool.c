/*
 * trip_tool - what surrounds a courier in tests: the operator who signs its bundle, and
 * devices that take parcels and sign receipts; with the project's own code, straight
 * into a store.
 *
 *   trip_tool store HOME PASSFILE                     a store whose passphrase is cheap
 *   trip_tool fleet DIR                               root and issuers
 *   trip_tool control DIR REQUEST NUMBER DAYS DEVICES OUT
 *        DEVICES: {"devices": [{"id", "identity", and the texts of a control device}]}
 *   trip_tool visit DIR HOME PASSFILE VISIT           what deliver would have kept
 *        VISIT: JSON object, see visit() below
 *   trip_tool fill HOME PASSFILE [VISIT]              every device visited, with a parcel
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/file.h"
#include "common/json_listing.h"
#include "courier/artifact_facts.h"
#include "courier/control.h"
#include "courier/store_private.h"

static void must(bool ok, const struct error *err)
{
	if (ok)
		return;
	(void)fprintf(stderr, "trip_tool: %s\n", err->text);
	exit(1);
}

#define MUST(call) must((call), &err)

static void load(const char *directory, const char *name, struct buf *out)
{
	char path[PATH_MAX];
	struct error err = {0};

	MUST(file_path(path, sizeof(path), directory, name, &err));
	MUST(file_read(path, CONTROL_MAX, out, NULL, &err));
}

static void save(const char *directory, const char *name, const struct buf *content)
{
	char path[PATH_MAX];
	struct error err = {0};

	MUST(file_path(path, sizeof(path), directory, name, &err));
	MUST(file_replace(path, buf_bytes(content), 0600, &err));
}

static struct json *load_json(const char *path)
{
	CLEANUP(buf_free) struct buf text = {0};
	struct json *value = NULL;
	struct error err = {0};

	MUST(file_read(path, CONTROL_MAX, &text, NULL, &err));
	MUST(json_parse(buf_bytes(&text), JSON_SIGNED, &value, &err));
	return value;
}

/* ---- keys: the same for the same name ---- */

static struct crypto_key *key_of(const char *name)
{
	struct crypto_key *key = NULL;
	struct error err = {0};
	struct digest digest;
	SECRET seed = {{0}};

	MUST(crypto_sha256(bytes_of(name), &digest, &err));
	memcpy(seed.at, digest.at, sizeof(seed.at));
	MUST(crypto_key_from_seed(&seed, &key, &err));
	return key;
}

static struct crypto_public *half_of(const char *name)
{
	CLEANUP(crypto_key_cleanup) struct crypto_key *key = key_of(name);
	struct crypto_public *half = NULL;
	struct error err = {0};

	MUST(crypto_public_of(key, &half, &err));
	return half;
}

static void make_issuer(const char *directory, const struct buf *root_pem, const char *name,
	enum certificate_role role)
{
	CLEANUP(crypto_key_cleanup) struct crypto_key *root = key_of("root");
	CLEANUP(crypto_public_cleanup) struct crypto_public *half = half_of(name);
	CLEANUP(buf_free) struct buf pem = {0};
	struct error err = {0};

	MUST(certificate_make_issuer(
		root, buf_bytes(root_pem), half, role, time(NULL), &pem, &err));
	save(directory, name, &pem);
}

static void fleet(char **argv)
{
	CLEANUP(crypto_key_cleanup) struct crypto_key *root = key_of("root");
	CLEANUP(buf_free) struct buf pem = {0};
	struct error err = {0};

	MUST(certificate_make_root(root, "Example Fleet", time(NULL), &pem, &err));
	save(argv[0], "root", &pem);
	make_issuer(argv[0], &pem, "couriers", CERTIFICATE_COURIER);
	make_issuer(argv[0], &pem, "devices", CERTIFICATE_DEVICE);
}

static void load_passphrase(const char *path, struct passphrase *out)
{
	CLEANUP(buf_free) struct buf text = {0};
	struct error err = {0};

	MUST(file_read(path, sizeof(out->at) - 1, &text, NULL, &err));
	memcpy(out->at, text.at, text.len);
	out->at[strcspn(out->at, "\n")] = 0;
}

static struct store *open_store(const char *home, const char *passphrase_file)
{
	struct passphrase passphrase = {{0}};
	struct store *opened = NULL;
	struct error err = {0};

	load_passphrase(passphrase_file, &passphrase);
	MUST(store_open(home, &passphrase, &opened, &err));
	return opened;
}

static void store(char **argv)
{
	static const struct crypto_cost cheap = {.log_n = 2, .r = 8, .p = 1};
	struct passphrase passphrase = {{0}};
	struct error err = {0};

	load_passphrase(argv[1], &passphrase);
	MUST(store_create_with_cost(argv[0], &passphrase, cheap, &err));
}

/* ---- the operator ---- */

static char *text_in(const struct json *object, const char *name)
{
	const char *const text = json_string(json_member(object, name));

	return text == NULL ? NULL : strdup(text);
}

static char *copy_of(struct buf *buf)
{
	const char *text = NULL;
	struct error err = {0};

	MUST(buf_text(buf, &text, &err));
	return strdup(text);
}

/* A chain for the device's key. */
static char *certify(const char *directory, const char *id)
{
	CLEANUP(crypto_key_cleanup) struct crypto_key *issuer = key_of("devices");
	CLEANUP(crypto_public_cleanup) struct crypto_public *half = half_of(id);
	CLEANUP(buf_free) struct buf issuer_pem = {0}, chain = {0};
	struct certificate_holder holder = {
		.role = CERTIFICATE_DEVICE, .not_before = time(NULL), .not_after = INT64_MAX};
	struct error err = {0};

	(void)snprintf(holder.id, sizeof(holder.id), "%s", id);
	load(directory, "devices", &issuer_pem);
	MUST(certificate_make_leaf(
		issuer, buf_bytes(&issuer_pem), half, &holder, &chain, &err));
	return copy_of(&chain);
}

static void read_device(
	const char *directory, const struct json *object, struct control_device *out)
{
	CLEANUP(buf_free) struct buf identity = {0};
	const char *text = NULL;
	struct error err = {0};

	MUST(json_need_text(object, "id", out->id, sizeof(out->id), &err));
	MUST(json_print(json_member(object, "identity"), &identity, &err));
	MUST(buf_text(&identity, &text, &err));
	out->identity = strdup(text);
	out->device_type = text_in(object, "type");
	out->artifact = text_in(object, "artifact");
	out->label = text_in(object, "label");
	out->site = text_in(object, "site");
	out->group = text_in(object, "group");
	out->server = text_in(object, "server");
	if (json_member(object, "certify") != NULL)
		out->chain = certify(directory, out->id);
	out->next_deployment = text_in(object, "next_deployment");
	out->next_request = text_in(object, "next_request");
}

/* The fleet's directory, and where its devices go. */
struct listed {
	const char *directory;
	struct control *control;
};

static bool add_device(void *self, const struct json *object, struct error *err)
{
	const struct listed *const listed = self;
	struct control *const control = listed->control;
	const size_t count = control->device_count++;

	(void)err;
	control->devices
		= realloc(control->devices, control->device_count * sizeof(*control->devices));
	memset(&control->devices[count], 0, sizeof(*control->devices));
	read_device(listed->directory, object, &control->devices[count]);
	return true;
}

static void read_devices(const char *directory, const char *path, struct control *control)
{
	CLEANUP(buf_free) struct buf text = {0};
	CLEANUP(json_cleanup) struct json *rest = NULL;
	struct listed listed = {directory, control};
	struct error err = {0};

	MUST(file_read(path, CONTROL_MAX, &text, NULL, &err));
	MUST(json_listing_read(
		buf_bytes(&text), JSON_SIGNED, "devices", add_device, &listed, &rest, &err));
}

static void issue(const char *directory, const char *request, int days, struct buf *chain)
{
	CLEANUP(crypto_key_cleanup) struct crypto_key *issuer = key_of("couriers");
	CLEANUP(crypto_public_cleanup) struct crypto_public *key = NULL;
	CLEANUP(buf_free) struct buf issuer_pem = {0}, text = {0};
	const struct certificate_holder holder = {.role = CERTIFICATE_COURIER,
		.id = "c-1",
		.name = "Ida",
		.groups = {"north"},
		.group_count = 1,
		.not_before = time(NULL) - 86400 * 60,
		.not_after = time(NULL) + 86400 * (int64_t)days};
	static const char end[] = "-----END CERTIFICATE REQUEST-----\n";
	struct error err = {0};

	load(directory, "couriers", &issuer_pem);
	MUST(file_read(request, 65536, &text, NULL, &err));

	const char *whole = NULL;

	MUST(buf_text(&text, &whole, &err));
	MUST(certificate_request_open(
		(struct bytes){text.at, (size_t)(strstr(whole, end) - whole) + strlen(end)},
		&key, &err));
	MUST(certificate_make_leaf(issuer, buf_bytes(&issuer_pem), key, &holder, chain, &err));
}

static void add_artifact_key(const char *directory, struct control *control)
{
	CLEANUP(buf_free) struct buf key = {0};
	char path[PATH_MAX];
	struct error err = {0};
	bool found = false;

	MUST(file_path(path, sizeof(path), directory, "artifact.pub", &err));
	MUST(file_read(path, 65536, &key, &found, &err));
	control->artifact_keys = calloc(1, sizeof(char *));
	if (found)
		control->artifact_keys[control->artifact_key_count++] = copy_of(&key);
}

static void control(char **argv)
{
	CLEANUP(crypto_key_cleanup) struct crypto_key *issuer = key_of("couriers");
	CLEANUP(buf_free)
	struct buf root = {0}, couriers = {0}, chain = {0}, crl = {0}, out = {0};
	CLEANUP(control_free) struct control made = {.courier = "c-1", .issued = time(NULL)};
	struct error err = {0};

	load(argv[0], "root", &root);
	load(argv[0], "couriers", &couriers);
	issue(argv[0], argv[1], atoi(argv[3]), &chain);
	MUST(certificate_make_crl(
		issuer, buf_bytes(&couriers), 1, time(NULL), NULL, 0, &crl, &err));
	made.number = strtoull(argv[2], NULL, 10);
	made.root = copy_of(&root);
	made.chain = copy_of(&chain);
	made.crl = copy_of(&crl);
	add_artifact_key(argv[0], &made);
	read_devices(argv[0], argv[4], &made);
	MUST(control_sign(&made, issuer, &out, &err));
	MUST(file_replace(argv[5], buf_bytes(&out), 0600, &err));
}

/* ---- devices ---- */

static int64_t number_in(const struct json *object, const char *name, int64_t otherwise)
{
	int64_t value = otherwise;

	(void)json_integer(json_member(object, name), &value);
	return value;
}

static const char *word_in(const struct json *object, const char *name, const char *otherwise)
{
	const char *const text = json_string(json_member(object, name));

	return text == NULL ? otherwise : text;
}

static void sign_inventory(const struct json *visit, const struct store_device *device,
	const struct crypto_key *key, struct buf *out)
{
	CLEANUP(inventory_free)
	struct inventory inventory = {.has_anchor = true,
		.signature_required = true,
		.counter_required = true,
		.counter_name = "courier.counter",
		.report = "full",
		.software = "0.1.0"};
	CLEANUP(crypto_public_cleanup) struct crypto_public *half = NULL;
	struct error err = {0};

	(void)snprintf(inventory.device, sizeof(inventory.device), "%s", device->id);
	inventory.time = (struct device_time){.clock = number_in(visit, "clock", time(NULL)),
		.floor = number_in(visit, "floor", 1700000000),
		.uptime_s = 60,
		.boot = "boot-1"};
	MUST(crypto_public_of(key, &half, &err));
	MUST(crypto_public_fingerprint(half, &inventory.key, &err));
	inventory.identity = strdup(device->id_data);
	MUST(artifact_pairs_add(&inventory.provides, "device_type",
		word_in(visit, "type", device->device_type), &err));
	MUST(artifact_pairs_add(&inventory.provides, "artifact_name",
		word_in(visit, "running", "rel-1"), &err));
	inventory.attributes = json_new_array();

	struct json *const one = json_append_object(inventory.attributes);

	json_add_string(one, "name", "kernel");
	json_add_string(one, "value", word_in(visit, "kernel", "6.1"));
	inventory.counter = (uint64_t)number_in(visit, "counter", 1);
	inventory.space = (uint64_t)number_in(visit, "space", 1 << 30);
	inventory.types[inventory.type_count++] = strdup(word_in(visit, "installer", "file"));
	inventory.newest = (uint64_t)number_in(visit, "newest", 0);
	inventory.crl_number = 1;
	inventory.tuf = (struct inventory_tuf){
		.present = number_in(visit, "tuf_root", 0) > 0,
		.directed = number_in(visit, "tuf_root", 0) > 0,
		.root = number_in(visit, "tuf_root", 0),
		.timestamp = number_in(visit, "tuf_timestamp", 0),
		.sequence = (uint64_t)number_in(visit, "tuf_sequence", 0),
	};
	MUST(inventory_sign(&inventory, key, out, &err));
}

static void keep_inventory(struct store *at, const struct json *visit,
	struct store_device *device, const struct crypto_key *key)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *half = NULL;
	CLEANUP(buf_free) struct buf pem = {0};
	struct error err = {0};

	MUST(crypto_public_of(key, &half, &err));
	MUST(crypto_public_pem(half, &pem, &err));
	free(device->key_pem);
	device->key_pem = copy_of(&pem);
	buf_free(&device->inventory);
	sign_inventory(visit, device, key, &device->inventory);
	device->inventory_sent = false;
	device->certified = number_in(visit, "certified", 1) != 0;
	device->visited = time(NULL);
	MUST(store_put_device(at, device, "visited", &err));
}

/* Somebody nobody knows: his identity statement is all there is. */
static void keep_newcomer(struct store *at, const struct json *visit, const char *name,
	const struct crypto_key *key)
{
	CLEANUP(identity_free) struct identity identity = {.device_type = "pump"};
	CLEANUP(store_device_free) struct store_device device = {0};
	CLEANUP(crypto_public_cleanup) struct crypto_public *half = NULL;
	CLEANUP(buf_free) struct buf request = {0}, id_data = {0};
	char digits[DIGEST_TEXT];
	struct error err = {0};

	MUST(crypto_public_of(key, &half, &err));
	MUST(crypto_public_fingerprint(half, &identity.key, &err));
	MUST(certificate_request_make(key, name, &request, &err));
	MUST(buf_print(&id_data, &err, "{\"serial\":\"%s\"}", name));
	identity.identity = copy_of(&id_data);
	identity.request = copy_of(&request);
	identity.time.clock = time(NULL);
	(void)snprintf(identity.time.boot, sizeof(identity.time.boot), "boot-1");
	MUST(identity_sign(&identity, key, &device.identity, &err));
	digest_text(&identity.key, digits);
	(void)snprintf(device.id, sizeof(device.id), "new-%.12s", digits);
	device.id_data = copy_of(&id_data);
	device.device_type = strdup("pump");
	keep_inventory(at, visit, &device, key);
}

static enum outcome outcome_of(const char *name)
{
	for (enum outcome at = OUTCOME_INSTALLED; at <= OUTCOME_FAILED; at++)
		if (strcmp(outcome_name(at), name) == 0)
			return at;
	(void)fprintf(stderr, "trip_tool: no outcome %s\n", name);
	exit(1);
}

static void fill_receipt(const struct json *visit, const struct store_device *device,
	const struct crypto_key *key, struct receipt *out)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *half = NULL;
	struct error err = {0};

	(void)snprintf(out->device, sizeof(out->device), "%s", device->id);
	MUST(crypto_public_of(key, &half, &err));
	MUST(crypto_public_fingerprint(half, &out->key, &err));
	out->sequence = (uint64_t)number_in(visit, "sequence", 1);
	(void)snprintf(out->deployment, sizeof(out->deployment), "%s",
		word_in(visit, "deployment", ""));
	(void)snprintf(out->artifact, sizeof(out->artifact), "%s",
		word_in(visit, "artifact", "rel-2"));
	(void)snprintf(out->before, sizeof(out->before), "rel-1");
	(void)snprintf(
		out->after, sizeof(out->after), "%s", word_in(visit, "running", "rel-1"));
	(void)snprintf(out->reason, sizeof(out->reason), "%s", word_in(visit, "reason", ""));
	out->outcome = outcome_of(word_in(visit, "outcome", "CONFIRMED"));
	out->code = out->outcome == OUTCOME_CONFIRMED || out->outcome == OUTCOME_INSTALLED
		? ERROR_NONE
		: ERROR_FAILED;
	out->time = (struct device_time){.clock = number_in(visit, "clock", time(NULL)),
		.floor = number_in(visit, "floor", 1700000000),
		.uptime_s = 61,
		.boot = "boot-1"};
	(void)snprintf(out->courier, sizeof(out->courier), "c-1");
	(void)snprintf(out->technician, sizeof(out->technician), "Ida");
}

static void keep_receipt(struct store *at, const struct json *visit,
	const struct store_device *device, const struct crypto_key *key)
{
	struct store_receipt stored = {.verified = number_in(visit, "certified", 1) != 0};
	struct receipt receipt = {0};
	struct error err = {0};

	fill_receipt(visit, device, key, &receipt);
	(void)snprintf(stored.device, sizeof(stored.device), "%s", device->id);
	stored.sequence = receipt.sequence;
	sign_inventory(visit, device, key, &stored.inventory);
	MUST(buf_print(&stored.log, &err, "installing\ndone\n"));
	MUST(crypto_sha256(buf_bytes(&stored.log), &receipt.log, &err));
	MUST(crypto_sha256(buf_bytes(&stored.inventory), &receipt.inventory, &err));
	MUST(receipt_sign(&receipt, key, &stored.envelope, &err));
	MUST(store_put_receipt(at, &stored, receipt.deployment, true,
		outcome_terminal(receipt.outcome) ? PARCEL_OUTCOME : PARCEL_IN_PLACE, &err));
	store_receipt_free(&stored);
}

/* {"newcomer"} for a device that is not known; or {"device", "outcome" (none: only an
 * inventory), "deployment", "sequence", "artifact", "running", "reason", "clock", "floor",
 * "counter", "space", "certified", "tuf_root", "tuf_timestamp", "tuf_sequence", ...} */
static void visit(char **argv)
{
	CLEANUP(json_cleanup) struct json *what = load_json(argv[3]);
	CLEANUP(store_cleanup) struct store *at = open_store(argv[1], argv[2]);
	CLEANUP(store_device_free) struct store_device device = {0};
	struct error err = {0};

	if (json_member(what, "newcomer") != NULL) {
		CLEANUP(crypto_key_cleanup)
		struct crypto_key *own = key_of(word_in(what, "newcomer", ""));

		keep_newcomer(at, what, word_in(what, "newcomer", ""), own);
		return;
	}
	MUST(store_find_device(at, word_in(what, "device", ""), &device, &err));

	CLEANUP(crypto_key_cleanup) struct crypto_key *key = key_of(device.id);

	keep_inventory(at, what, &device, key);
	if (json_member(what, "outcome") != NULL)
		keep_receipt(at, what, &device, key);
}

/* ---- a full store ---- */

/* What every device is to have. */
struct cargo {
	struct store *store;
	struct json *visit; /* nothing that is peculiar */
	char *facts;
};

static char *print_facts(void)
{
	CLEANUP(artifact_free)
	struct artifact artifact = {.name = strdup("rel-2"),
		.payload_type = strdup("file"),
		.payload_size = 1000000,
		.file_count = 1,
		.is_signed = true,
		.size = 1010000};
	CLEANUP(buf_free) struct buf facts = {0};
	struct error err = {0};

	MUST(artifact_pairs_add(&artifact.provides, "artifact_name", "rel-2", &err));
	MUST(artifact_pairs_add(&artifact.provides, "courier.counter", "2", &err));
	MUST(artifact_pairs_add(&artifact.depends, "device_type", "pump", &err));
	MUST(artifact_facts_print(&artifact, &facts, &err));
	return copy_of(&facts);
}

static bool load_one(void *self, const struct store_device *device, struct error *unused)
{
	const struct cargo *const cargo = self;
	CLEANUP(crypto_key_cleanup) struct crypto_key *key = key_of(device->id);
	CLEANUP(store_device_free) struct store_device copy = {0};
	struct store_parcel parcel
		= {.deployment = "1", .attempt = 1, .size = 1010000, .has_digest = true};
	struct error err = {0};
	bool found = false;

	(void)unused;
	if (device->server == NULL)
		return true;
	(void)snprintf(parcel.device, sizeof(parcel.device), "%s", device->id);
	parcel.artifact_id = parcel.artifact_name = (char *)(uintptr_t) "rel-2";
	parcel.facts = cargo->facts;
	MUST(crypto_sha256(bytes_of("rel-2"), &parcel.digest, &err));
	MUST(store_get_device(cargo->store, device->id, &copy, &found, &err));
	keep_inventory(cargo->store, cargo->visit, &copy, key);
	MUST(store_put_parcel(cargo->store, &parcel, "loaded", &err));
	MUST(store_move_parcel(cargo->store, device->id, "1", PARCEL_FETCHED, NULL, &err));
	return true;
}

static void fill(char **argv)
{
	CLEANUP(store_cleanup) struct store *at = open_store(argv[0], argv[1]);
	CLEANUP(store_batch_end) struct store_batch batch = {0};
	CLEANUP(json_cleanup)
	struct json *visit = argv[2] == NULL ? json_new_object() : load_json(argv[2]);
	struct cargo cargo = {.store = at, .visit = visit, .facts = print_facts()};
	struct error err = {0};

	MUST(store_batch_begin(&batch, at, &err));
	MUST(store_each_device(at, load_one, &cargo, &err));
	MUST(store_batch_commit(&batch, &err));
	free(cargo.facts);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int arguments;
		void (*run)(char **argv);
	} commands[] = {
		{"store", 2, store},
		{"fleet", 1, fleet},
		{"control", 6, control},
		{"visit", 4, visit},
		{"fill", 2, fill},
		{"fill", 3, fill},
	};

	for (size_t i = 0; argc > 1 && i < COUNT(commands); i++) {
		if (strcmp(argv[1], commands[i].name) == 0
			&& argc - 2 == commands[i].arguments) {
			commands[i].run(argv + 2);
			return 0;
		}
	}
	(void)fprintf(stderr, "usage: see the head of tests/trip_tool.c\n");
	return 2;
}
