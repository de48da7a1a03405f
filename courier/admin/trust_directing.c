/* One device's direction: what it says, and where it is listed. */
#include <stdio.h>
#include <string.h>

#include "common/direction.h"
#include "courier/admin/record.h"
#include "courier/admin/trust.h"

static bool on_record(const struct trust *trust, const char *device, struct error *err)
{
	CLEANUP(device_record_free) struct device_record record = {0};
	bool found = false;

	if (!certificate_id_valid(device)
		|| !device_record_read(&trust->authority, device, &record, &found, err))
		return error_set(err, ERROR_USAGE, "%.64s: no id", device);
	return found
		|| error_set(
			err, ERROR_USAGE, "%s: no device of that id is certified here", device);
}

static bool fits(const struct json *types, const char *device_type)
{
	if (device_type == NULL || json_count(types) == 0)
		return true;
	for (const struct json *each = json_first(types); each != NULL; each = json_next(each))
		if (json_string(each) != NULL && strcmp(json_string(each), device_type) == 0)
			return true;
	return false;
}

static bool take_artifact(struct direction *direction, const char *path,
	const struct json *facts, const char *device_type, struct error *err)
{
	const struct json *const types
		= json_member(json_member(facts, "custom"), "device_types");
	const char *const only
		= json_count(types) == 1 ? json_string(json_first(types)) : device_type;
	int64_t length = 0;

	if (!fits(types, device_type))
		return true;
	if (direction->count == DIRECTION_ARTIFACTS_MAX)
		return error_set(
			err, ERROR_USAGE, "over %d artifacts", DIRECTION_ARTIFACTS_MAX);

	struct direction_artifact *const out = &direction->artifacts[direction->count];

	if (strlen(path) >= sizeof(out->path)
		|| (only != NULL && strlen(only) >= sizeof(out->device_type)))
		return error_set(err, ERROR_USAGE, "%s: too long to be directed to", path);
	if (!json_need_integer(facts, "length", &length, err)
		|| !json_need_digest(json_member(facts, "hashes"), "sha256", &out->sha256, err))
		return error_while(err, "%s", path);
	out->length = (uint64_t)length;
	memcpy(out->path, path, strlen(path) + 1);
	if (only != NULL)
		memcpy(out->device_type, only, strlen(only) + 1);
	direction->count++;
	return true;
}

static bool take_artifacts(const struct trust_directing *directing, struct direction *direction,
	const char *device_type, struct error *err)
{
	for (size_t i = 0; i < directing->artifacts.count; i++) {
		const char *const path = directing->artifacts.at[i];
		const struct json *facts = NULL;

		if (!trust_target(directing->trust, path, &facts, err))
			return false;
		if (facts == NULL)
			return error_set(err, ERROR_USAGE,
				"%s: not published; courier-admin trust publish does that",
				path);
		if (!take_artifact(direction, path, facts, device_type, err))
			return false;
	}
	return direction->count > 0
		|| error_set(err, ERROR_WRONG_DEVICE, "none of the artifacts is for a %s",
			device_type == NULL ? "device" : device_type);
}

static bool make(const struct trust_directing *directing, const char *device,
	const char *device_type, struct direction *out, struct error *err)
{
	if (strlen(directing->deployment) >= sizeof(out->deployment)
		|| strlen(device) >= sizeof(out->device))
		return error_set(err, ERROR_USAGE, "a deployment's id is too long");
	memcpy(out->device, device, strlen(device) + 1);
	memcpy(out->deployment, directing->deployment, strlen(directing->deployment) + 1);
	return take_artifacts(directing, out, device_type, err);
}

/* Is it what is listed already, but for the sequence it would get? */
static bool is_listed(
	struct direction *direction, const struct json *listed, bool *out, struct error *err)
{
	CLEANUP(buf_free) struct buf content = {0};
	struct digest before = {{0}}, digest = {{0}};
	const uint64_t fresh = direction->sequence;
	int64_t sequence = 0;

	*out = false;
	if (listed == NULL)
		return true;
	if (!json_need_integer(json_member(listed, "custom"), "sequence", &sequence, err)
		|| !json_need_digest(json_member(listed, "hashes"), "sha256", &before, err))
		return false;
	direction->sequence = (uint64_t)sequence;
	if (!direction_print(direction, &content, err)
		|| !crypto_sha256(buf_bytes(&content), &digest, err))
		return false;
	*out = digest_equal(&before, &digest);
	if (!*out)
		direction->sequence = fresh;
	return true;
}

/* What is said of it in the bin, for whoever asks what names what. */
static struct json *make_facts(
	const struct direction *direction, size_t length, const struct digest *digest)
{
	struct json *const facts = json_new_object();
	struct json *custom = NULL, *artifacts = NULL;

	tuf_write_hashes(facts, (int64_t)length, digest);
	custom = json_add_object(facts, "custom");
	json_add_string(custom, "deployment", direction->deployment);
	json_add_integer(custom, "sequence", (int64_t)direction->sequence);
	artifacts = json_add_array(custom, "artifacts");
	for (size_t i = 0; i < direction->count; i++)
		json_append_string(artifacts, direction->artifacts[i].path);
	return facts;
}

static bool list(struct trust *trust, const struct direction *direction, const char *path,
	struct error *err)
{
	CLEANUP(buf_free) struct buf content = {0};
	CLEANUP(json_cleanup) struct json *facts = NULL;
	const struct json *listed = NULL;
	struct digest digest = {{0}}, before = {{0}};

	if (!direction_print(direction, &content, err)
		|| !crypto_sha256(buf_bytes(&content), &digest, err)
		|| !trust_target(trust, path, &listed, err)
		|| (listed != NULL
			&& !json_need_digest(
				json_member(listed, "hashes"), "sha256", &before, err)))
		return false;

	/* What it takes the place of stays for whoever is half way through. */
	const struct digest *const also = listed == NULL ? NULL : &before;

	facts = make_facts(direction, content.len, &digest);
	return trust_file_put(trust, path, buf_bytes(&content), err)
		&& trust_file_prune(trust, path, &digest, also, err)
		&& trust_target_set(trust, path, facts, err);
}

static bool say(const struct trust *trust, const struct direction *direction, bool same,
	struct error *err)
{
	CLEANUP(json_cleanup) struct json *fact = json_new_object();
	struct json *const artifacts = json_add_array(fact, "artifacts");

	json_add_string(fact, "device", direction->device);
	json_add_string(fact, "deployment", direction->deployment);
	json_add_integer(fact, "sequence", (int64_t)direction->sequence);
	json_add_bool(fact, "changed", !same);
	for (size_t i = 0; i < direction->count; i++)
		json_append_string(artifacts, direction->artifacts[i].path);
	return trust_say(trust, fact, err, "%-24s %s%s, deployment %s%s", direction->device,
		direction->artifacts[0].path, direction->count > 1 ? " and others" : "",
		direction->deployment, same ? ", as before" : "");
}

bool trust_direct_device(struct trust_directing *directing, const char *device,
	const char *device_type, struct error *err)
{
	struct trust *const trust = directing->trust;
	/* Rises with every snapshot, and so with every direction, of all devices alike. */
	struct direction direction
		= {.sequence = (uint64_t)trust_top(trust, TUF_SNAPSHOT)->version + 1};
	char path[DIRECTION_PATH_ROOM];
	const struct json *listed = NULL;
	bool same = false;

	if (!on_record(trust, device, err)
		|| !make(directing, device, device_type, &direction, err))
		return false;
	direction_path(device, path);
	if (!trust_target(trust, path, &listed, err)
		|| !is_listed(&direction, listed, &same, err)
		|| (!same && !list(trust, &direction, path, err)))
		return false;
	if (!same) {
		json_append_string(directing->directed, device);
		directing->changed++;
	}
	return say(trust, &direction, same, err);
}

/* One line for all of them: the log is written anew with each. */
bool trust_directing_log(const struct trust_directing *directing, struct error *err)
{
	CLEANUP(json_cleanup) struct json *members = json_new_object();

	json_add_string(members, "deployment", directing->deployment);
	json_add_copy(members, "devices", directing->directed);
	return trust_log(directing->trust, "devices directed", members, err);
}

bool trust_artifacts_named(const struct trust *trust, const char *name,
	struct argument_list *out, struct error *err)
{
	for (const struct json *each = json_first(trust->roles[0].targets); each != NULL;
		each = json_next(each)) {
		const char *const is = json_string(
			json_member(json_member(each, "custom"), "artifact_name"));

		if (is == NULL || strcmp(is, name) != 0)
			continue;
		if (out->count == COUNT(out->at))
			return error_set(
				err, ERROR_USAGE, "too many artifacts are called %s", name);
		out->at[out->count++] = json_name(each);
	}
	return out->count > 0
		|| error_set(err, ERROR_USAGE,
			"no published artifact is called %s: courier-admin trust publish comes "
			"first",
			name);
}
