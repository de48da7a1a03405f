#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>

#include "common/file.h"
#include "common/text.h"
#include "device-link/agent/describe.h"
#include "device-link/agent/spool.h"
#include "device-link/message.h"

enum { BOOT_ID_SIZE_MAX = 4096 };

bool describe_time(
	const char *boot_id, int64_t floor, struct device_time *out, struct error *err)
{
	CLEANUP(buf_free) struct buf text = {0};
	struct device_time now = {.clock = (int64_t)time(NULL), .floor = floor};
	struct timespec up = {0};
	const char *boot = NULL;

	if (!file_read(boot_id, BOOT_ID_SIZE_MAX, &text, NULL, err)
		|| !buf_text(&text, &boot, err))
		return false;
	(void)clock_gettime(CLOCK_BOOTTIME, &up);
	now.uptime_s = (int64_t)up.tv_sec;
	(void)snprintf(now.boot, sizeof(now.boot), "%.*s", (int)strcspn(boot, " \t\r\n"), boot);
	*out = now;
	return true;
}

/* The file system that holds DIRECTORY, or will once it is made. */
static bool look_at(const char *directory, struct statvfs *there)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s", directory);
	while (statvfs(path, there) != 0) {
		char *const slash = strrchr(path, '/');

		if (errno != ENOENT || slash == NULL || slash == path)
			return false;
		*slash = 0;
	}
	return true;
}

bool describe_space(const struct agent_settings *settings, uint64_t *space, struct error *err)
{
	struct statvfs there;

	if (!look_at(settings->spool, &there))
		return error_errno(err, "%s: cannot look at", settings->spool);

	/* One artifact file at a time: whatever is there is gone on with, or goes. */
	const uint64_t left = (uint64_t)there.f_bavail * there.f_frsize
		+ spool_held(settings->spool) + spool_held(settings->sets);

	*space = left > settings->reserve ? left - settings->reserve : 0;
	return true;
}

static bool copy_types(
	const struct agent_settings *settings, struct inventory *inventory, struct error *err)
{
	for (size_t i = 0; i < settings->installer_count; i++) {
		if (!text_set(&inventory->types[i], settings->installers[i].type, err))
			return false;
		inventory->type_count++;
	}
	return true;
}

static bool is_basic(const char *name)
{
	return strcmp(name, "device_type") == 0 || strcmp(name, "artifact_name") == 0;
}

static bool copy_provides(const struct survey *survey, bool basic_only,
	struct inventory *inventory, struct error *err)
{
	const struct artifact_pairs *const pairs = &survey->provides;

	for (size_t i = 0; i < pairs->count; i++)
		if ((!basic_only || is_basic(pairs->at[i].name))
			&& !artifact_pairs_add(&inventory->provides, pairs->at[i].name,
				pairs->at[i].value, err))
			return false;
	return true;
}

static void copy_attributes(const struct survey *survey, struct inventory *inventory)
{
	for (const struct json *at = json_first(survey->attributes); at != NULL;
		at = json_next(at))
		json_append_copy(inventory->attributes, at);
}

static void fill_tuf(const struct agent_settings *settings, const struct marks_tuf *tuf,
	struct inventory *inventory)
{
	if (settings->tuf_root == NULL)
		return;
	inventory->tuf = (struct inventory_tuf){
		.present = true,
		.directed = settings->directed,
		.root = tuf->versions[TUF_ROOT],
		.timestamp = tuf->versions[TUF_TIMESTAMP],
		.snapshot = tuf->versions[TUF_SNAPSHOT],
		.targets = tuf->versions[TUF_TARGETS],
		.sequence = tuf->mark.sequence,
	};
}

/* What is not a text of somebody else's. */
static void fill_policy(const struct agent_settings *settings, const struct trust *trust,
	const struct marks *marks, struct inventory *inventory)
{
	memcpy(inventory->device, trust->holder.id, sizeof(inventory->device));
	inventory->key = trust->fingerprint;
	(void)snprintf(inventory->counter_name, sizeof(inventory->counter_name), "%s",
		settings->counter);
	inventory->counter = marks->counter;
	/* Directions count, too; beside a key, both must be satisfied. */
	inventory->counter_required
		= trust->key_count > 0 || settings->tuf_root == NULL || !settings->directed;
	inventory->has_anchor = trust->key_count > 0 || settings->tuf_root != NULL;
	inventory->signature_required = trust->key_count > 0;
	(void)snprintf(inventory->report, sizeof(inventory->report), "%s",
		agent_report_name(settings->report));
	inventory->crl_number = marks->crl;
	fill_tuf(settings, &marks->tuf, inventory);
	memcpy(inventory->nonce, marks->nonce, sizeof(inventory->nonce));
	(void)snprintf(inventory->software, sizeof(inventory->software), "courier-agent %s",
		COURIER_VERSION);
}

static bool fill(const struct agent_settings *settings, const struct trust *trust,
	const struct marks *marks, const struct survey *survey, enum agent_report report,
	struct inventory *inventory, struct error *err)
{
	fill_policy(settings, trust, marks, inventory);
	inventory->attributes = json_new_array();
	if (report == AGENT_REPORT_FULL)
		copy_attributes(survey, inventory);
	return text_set(&inventory->identity, survey->identity, err)
		&& describe_time(settings->boot_id, marks->floor, &inventory->time, err)
		&& describe_space(settings, &inventory->space, err)
		&& copy_provides(survey, report == AGENT_REPORT_NONE, inventory, err)
		&& copy_types(settings, inventory, err);
}

static bool make(const struct agent_settings *settings, const struct trust *trust,
	const struct marks *marks, const struct survey *survey, enum agent_report report,
	uint64_t newest, struct inventory *out, struct error *err)
{
	CLEANUP(inventory_free) struct inventory inventory = {0};

	if (!fill(settings, trust, marks, survey, report, &inventory, err))
		return error_while(err, "inventory");
	inventory.newest = newest;
	*out = inventory;
	inventory = (struct inventory){0};
	return true;
}

bool describe_inventory(const struct agent_settings *settings, const struct trust *trust,
	const struct marks *marks, const struct survey *survey, uint64_t newest,
	struct inventory *out, struct error *err)
{
	return make(settings, trust, marks, survey, AGENT_REPORT_FULL, newest, out, err);
}

/* Provides of many words may leave no room for attributes. */
static bool sign_fitting(struct inventory *inventory, const struct crypto_key *key,
	struct buf *envelope, struct error *err)
{
	const size_t before = envelope->len;

	if (!inventory_sign(inventory, key, envelope, err))
		return false;
	if (envelope->len - before <= MESSAGE_STATEMENT_MAX)
		return true;
	envelope->len = before;
	json_free(inventory->attributes);
	inventory->attributes = json_new_array();
	return inventory_sign(inventory, key, envelope, err);
}

bool describe_signed(const struct agent_settings *settings, const struct trust *trust,
	const struct marks *marks, const struct survey *survey, uint64_t newest,
	struct buf *envelope, struct error *err)
{
	CLEANUP(inventory_free) struct inventory inventory = {0};

	return make(settings, trust, marks, survey, settings->report, newest, &inventory, err)
		&& sign_fitting(&inventory, trust->key, envelope, err);
}

bool describe_identity(const struct agent_settings *settings, const struct trust *trust,
	const struct marks *marks, const struct survey *survey, struct buf *envelope,
	struct error *err)
{
	CLEANUP(buf_free) struct buf request = {0};
	CLEANUP(identity_free) struct identity identity = {.key = trust->fingerprint};
	const char *text = NULL;

	if (!describe_time(settings->boot_id, marks->floor, &identity.time, err)
		|| !certificate_request_make(trust->key, CERTIFICATE_UNCERTIFIED, &request, err)
		|| !buf_text(&request, &text, err))
		return false;
	(void)snprintf(
		identity.device_type, sizeof(identity.device_type), "%s", survey->device_type);
	return text_set(&identity.identity, survey->identity, err)
		&& text_set(&identity.request, text, err)
		&& identity_sign(&identity, trust->key, envelope, err);
}
