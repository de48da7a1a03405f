#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/text.h"
#include "tests/deliver_site.h"
#include "tests/test.h"

static const char server[] = "hosted", artifact_id[] = "artifact-2";

/* ---- what it is told ---- */

static void copy(char *to, size_t room, const char *text)
{
	(void)snprintf(to, room, "%s", text == NULL ? "" : text);
}

static void on_done(void *self, const struct deliver_result *result)
{
	struct site *const site = self;

	if (site->told_count == SITE_TOLD)
		return;

	struct told *const told = &site->told[site->told_count++];

	told->result = *result;
	copy(told->device, sizeof(told->device), result->device);
	copy(told->label, sizeof(told->label), result->label);
	copy(told->link, sizeof(told->link), result->link);
	copy(told->artifact, sizeof(told->artifact), result->artifact);
	copy(told->before, sizeof(told->before), result->before);
	copy(told->after, sizeof(told->after), result->after);
	copy(told->reason, sizeof(told->reason), result->reason);
}

void site_disk(bool full)
{
	struct rlimit limit;

	(void)getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = full ? 0 : limit.rlim_max;
	(void)setrlimit(RLIMIT_FSIZE, &limit);
}

static void on_progress(void *self, const struct deliver_progress *progress)
{
	struct site *const site = self;

	if (site->stop_at > 0 && progress->sent >= site->stop_at)
		atomic_store(&site->stop, true);
	if (site->full_when != NULL && strcmp(progress->phase, site->full_when) == 0)
		site_disk(true);
}

/* ---- its life ---- */

int make_site(void **state)
{
	struct site *const site = calloc(1, sizeof(*site));
	struct error err = {0};
	SECRET seed = {0};

	assert_non_null(site);
	(void)signal(SIGXFSZ, SIG_IGN);
	MUST(fleet_make(&site->fleet, "pumps", &err));
	MUST(fleet_member(&site->fleet, CERTIFICATE_COURIER, CRYPTO_ED25519, "anna", "north",
		FLEET_BORN + 86400, &site->anna, &err));
	home_init(&site->home);
	MUST(crypto_key_seed(site->anna.key, &seed, &err));
	MUST(store_put_secret(site->home.store, STORE_COURIER_KEY, &seed, &err));
	site->settings = (struct settings){.wait_s = SITE_WAIT_S, .reboot_s = SITE_WAIT_S};
	site->options = (struct deliver_options){
		.wait_s = SITE_WAIT_S,
		.stop = &site->stop,
		.done = on_done,
		.progress = on_progress,
		.self = site,
	};
	*state = site;
	return 0;
}

int end_site(void **state)
{
	struct site *const site = *state;

	site_disk(false);
	for (size_t i = 0; i < site->device_count; i++) {
		device_done(&site->devices[i]);
		free(site->listed[i].identity);
		free(site->listed[i].label);
		free(site->listed[i].chain);
	}
	home_done(&site->home);
	party_done(&site->anna);
	fleet_done(&site->fleet);
	free(site);
	return 0;
}

/* ---- who is there ---- */

static void enrol(struct site *site, size_t index, const char *id, bool certified)
{
	struct control_device *const listed = &site->listed[index];
	char text[128], hosted[] = "hosted";
	struct store_device known = {.server = hosted};
	struct error err = {0};

	copy(listed->id, sizeof(listed->id), id);
	copy(known.id, sizeof(known.id), id);
	listed->first_visit = !certified;
	(void)snprintf(text, sizeof(text), "{\"serial\":\"%s\"}", id);
	MUST(text_set(&listed->identity, text, &err));
	(void)snprintf(text, sizeof(text), "%s on site", id);
	MUST(text_set(&listed->label, text, &err));
	known.label = listed->label;
	known.id_data = listed->identity;
	MUST(store_put_device(site->home.store, &known, "enrolled", &err));
}

static void name_path(const char *home, struct device *device)
{
	(void)snprintf(device->path, sizeof(device->path), "%s.%s", home, device->serial);
}

static void name_address(const struct device *device, char address[static PATH_MAX + 96])
{
	(void)snprintf(address, PATH_MAX + 96, "%s,%d", device->path, (int)SITE_BAUD);
}

struct device *site_device(struct site *site, const char *id, bool certified, bool listed)
{
	const size_t index = site->device_count++;
	struct device *const device = &site->devices[index];

	assert_true(index < SITE_DEVICES);
	*device = (struct device){
		.fleet = &site->fleet,
		.certified = certified,
		.serial = id,
		.outcome = OUTCOME_CONFIRMED,
	};
	copy(device->id, sizeof(device->id), id);
	name_path(site->home.path, device);
	device_init(device);
	if (listed)
		enrol(site, index, id, certified);
	return device;
}

static void put_artifact(struct site *site, struct digest *digest)
{
	CLEANUP(store_blob_cleanup) struct store_blob *blob = NULL;
	static uint8_t content[SITE_ARTIFACT];
	char name[STORE_BLOB_NAME_MAX];
	struct error err = {0};
	uint64_t size = 0, offset = 0;
	bool found = false;
	struct sink sink;

	noise(1, content, sizeof(content));
	MUST(crypto_sha256((struct bytes){content, sizeof(content)}, digest, &err));
	store_blob_name(server, artifact_id, name);
	MUST(store_blob_size(site->home.store, name, &size, &found, &err));
	if (found)
		return;
	MUST(store_blob_begin(site->home.store, name, &blob, &sink, &offset, &err));
	MUST(sink.write(sink.self, (struct bytes){content, sizeof(content)}, &err));
	MUST(store_blob_finish(blob, &err));
}

void site_assign(struct site *site, const struct device *device, const char *deployment)
{
	char id[] = "artifact-2", name[] = "release-2";
	struct store_parcel parcel = {
		.artifact_id = id,
		.artifact_name = name,
		.has_digest = true,
		.size = SITE_ARTIFACT,
		.unpacked = SITE_ARTIFACT,
		.attempt = 1,
	};
	struct error err = {0};

	put_artifact(site, &parcel.digest);
	site->digest = parcel.digest;
	copy(parcel.device, sizeof(parcel.device), device->id);
	copy(parcel.deployment, sizeof(parcel.deployment), deployment);
	MUST(store_put_parcel(site->home.store, &parcel, "assigned", &err));
	MUST(store_move_parcel(
		site->home.store, device->id, deployment, PARCEL_FETCHED, NULL, &err));
}

static void put_papers(struct site *site)
{
	CLEANUP(buf_free) struct buf crl = {0}, envelope = {0};
	struct control control = {.number = 1, .issued = FLEET_BORN, .devices = site->listed};
	const char *root = NULL, *chain = NULL, *list = NULL;
	struct error err = {0};

	MUST(certificate_make_crl(site->fleet.issuer[CERTIFICATE_COURIER],
		buf_bytes(&site->fleet.issuer_pem[CERTIFICATE_COURIER]), 1, FLEET_BORN, NULL, 0,
		&crl, &err));
	MUST(buf_text(&site->fleet.root_pem, &root, &err));
	MUST(buf_text(&site->anna.pem, &chain, &err));
	MUST(buf_text(&crl, &list, &err));
	copy(control.courier, sizeof(control.courier), "anna");
	for (size_t i = 0; i < site->device_count && site->listed[i].id[0] != 0; i++)
		control.device_count++;
	MUST(text_set(&control.root, root, &err));
	MUST(text_set(&control.chain, chain, &err));
	MUST(text_set(&control.crl, list, &err));
	MUST(control_sign(&control, site->fleet.issuer[CERTIFICATE_COURIER], &envelope, &err));
	MUST(store_put_paper(site->home.store, "control", buf_bytes(&envelope), &err));
	MUST(store_put_paper(site->home.store, "root", bytes_of(root), &err));
	free(control.root);
	free(control.chain);
	free(control.crl);
}

void site_open(struct site *site)
{
	put_papers(site);
	for (size_t i = 0; i < site->device_count; i++) {
		name_address(&site->devices[i], site->addresses[i]);
		site->settings.links[site->settings.link_count++] = site->addresses[i];
		device_start(&site->devices[i]);
	}
}

void site_name_device(struct site *site, const char *name)
{
	site->names[site->options.device_count++] = name;
	site->options.devices = site->names;
}

void site_name_link(struct site *site, const struct device *device)
{
	site->links[site->options.link_count++] = site->addresses[device - site->devices];
	site->options.links = site->links;
}

/* ---- what comes of it ---- */

bool site_deliver(struct site *site, struct error *err)
{
	site->told_count = 0;
	atomic_store(&site->stop, false);
	return deliver_run(site->home.store, &site->settings, &site->options, err);
}

const struct told *site_told(const struct site *site, const char *id)
{
	for (size_t i = 0; i < site->told_count; i++)
		if (strcmp(site->told[i].device, id) == 0)
			return &site->told[i];
	fail_msg("nothing was told of %s", id);
	return NULL;
}

enum parcel_state site_parcel(
	struct site *site, const struct device *device, const char *deployment)
{
	CLEANUP(store_parcel_free) struct store_parcel parcel = {0};
	struct error err = {0};
	bool found = false;

	MUST(store_get_parcel(site->home.store, device->id, deployment, &parcel, &found, &err));
	assert_true(found);
	return parcel.state;
}

struct search {
	const struct device *device;
	const char *id;
	uint64_t sequence;
	bool found;
};

static bool compare(void *self, const struct store_receipt *kept, struct error *err)
{
	struct search *const search = self;
	const struct device_receipt *const own
		= &search->device->receipts[search->sequence - 1];

	(void)err;
	if (strcmp(kept->device, search->id) != 0 || kept->sequence != search->sequence)
		return true;
	search->found = true;
	assert_true(bytes_equal(buf_bytes(&kept->envelope), buf_bytes(&own->envelope)));
	assert_true(bytes_equal(buf_bytes(&kept->log), buf_bytes(&own->log)));
	assert_true(bytes_equal(buf_bytes(&kept->inventory), buf_bytes(&own->inventory)));
	assert_true(kept->verified == search->device->certified);
	assert_false(kept->sent);
	return true;
}

void site_has_receipt(
	struct site *site, const struct device *device, const char *id, uint64_t sequence)
{
	struct search search = {device, id, sequence, false};
	struct error err = {0};

	MUST(store_each_receipt(site->home.store, id, true, compare, &search, &err));
	assert_true(search.found);
}

bool site_lacks_receipt(struct site *site, const char *id, uint64_t sequence)
{
	struct error err = {0};
	bool has = false;

	MUST(store_has_receipt(site->home.store, id, sequence, &has, &err));
	return !has;
}
