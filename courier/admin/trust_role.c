/* What publisher and bins list, in memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/tuf/tuf_path.h"
#include "courier/admin/trust.h"

void trust_roles_free(struct trust *trust)
{
	for (size_t i = 0; i < trust->role_count; i++) {
		tuf_metadata_free(trust->roles[i].metadata);
		json_free(trust->roles[i].targets);
	}
	free(trust->roles);
	trust->roles = NULL;
	trust->role_count = 0;
}

bool trust_delegation(
	const struct tuf_metadata *targets, const struct tuf_role **out, struct error *err)
{
	const struct tuf_role *const roles = targets->delegations.at;

	for (size_t i = 0; i < targets->delegations.count; i++)
		if (strcmp(roles[i].name, TRUST_PUBLISHER) == 0) {
			*out = &roles[i];
			return true;
		}
	return error_set(err, ERROR_DAMAGED, "targets do not delegate to " TRUST_PUBLISHER);
}

/* ---- reading ---- */

/* The file that the snapshot lists; a bin is as yet unknown to a snapshot of fewer. */
static bool read_file(struct trust *trust, const char *name, struct buf *out, struct error *err)
{
	const struct tuf_metadata *const snapshot = trust_top(trust, TUF_SNAPSHOT);
	char file[TRUST_NAME_MAX + 8], path[PATH_MAX];

	(void)snprintf(file, sizeof(file), "%s.json", name);

	const struct tuf_meta *const meta = tuf_metadata_meta(snapshot, file);

	if (meta == NULL)
		return error_set(err, ERROR_DAMAGED, "the snapshot does not list it");
	return trust_path(trust, path, err, "metadata/%lld.%s", (long long)meta->version, file)
		&& file_read(path, TUF_FILE_MAX, out, NULL, err)
		&& tuf_check_file(buf_bytes(out), meta->length, meta->hashes, err);
}

static bool read_targets(
	const struct tuf_metadata *metadata, struct json **out, struct error *err)
{
	CLEANUP(json_cleanup) struct json *document = NULL;
	CLEANUP(json_cleanup) struct json *targets = json_new_object();
	const struct json *found = NULL;

	if (!json_parse(metadata->signed_part, JSON_SIGNED, &document, err)
		|| !json_need_object(document, "targets", &found, err))
		return false;
	for (const struct json *each = json_first(found); each != NULL; each = json_next(each))
		json_add_copy(targets, json_name(each), each);
	*out = targets;
	targets = NULL;
	return true;
}

/* Signed by ROLE, whose keys are in KEYS. */
static bool read_role(struct trust *trust, struct trust_role *out, const struct tuf_list *keys,
	const struct tuf_role *role, struct error *err)
{
	CLEANUP(buf_free) struct buf raw = {0};

	if (read_file(trust, out->name, &raw, err)
		&& tuf_metadata_new(&raw, TUF_TARGETS, true, &out->metadata, err)
		&& tuf_verify(out->metadata, keys, role, err)
		&& tuf_metadata_read(out->metadata, err)
		&& read_targets(out->metadata, &out->targets, err))
		return true;
	err->code = ERROR_DAMAGED;
	return error_while(err, "%s/metadata: %s", trust->directory, out->name);
}

static bool read_publisher(struct trust *trust, struct error *err)
{
	const struct tuf_metadata *const targets = trust_top(trust, TUF_TARGETS);
	const struct tuf_role *role = NULL;

	if (!trust_delegation(targets, &role, err)
		|| !read_role(trust, &trust->roles[0], &targets->keys, role, err))
		return false;

	const struct tuf_bins *const bins = trust->roles[0].metadata->bins;

	return (bins != NULL && bins->bit_length == trust->bits)
		|| error_set(err, ERROR_DAMAGED, "%s/metadata: %s has other bins",
			trust->directory, TRUST_PUBLISHER);
}

static bool read_roles(struct trust *trust, struct error *err)
{
	if (!read_publisher(trust, err))
		return false;

	const struct tuf_metadata *const publisher = trust->roles[0].metadata;

	for (size_t i = 1; i < trust->role_count; i++)
		if (!read_role(trust, &trust->roles[i], &publisher->keys,
			    &publisher->bins->role, err))
			return false;
	return true;
}

/* ---- names ---- */

/* The digits of the last bin's number. */
static int bin_digits(int64_t bits)
{
	return (int)((bits + 3) / 4);
}

static void name_roles(struct trust *trust)
{
	(void)snprintf(trust->roles[0].name, TRUST_NAME_MAX, "%s", TRUST_PUBLISHER);
	for (size_t i = 1; i < trust->role_count; i++)
		(void)snprintf(trust->roles[i].name, TRUST_NAME_MAX, "%s-%0*zx", TRUST_BIN,
			bin_digits(trust->bits), i - 1);
}

bool trust_roles_load(struct trust *trust, struct error *err)
{
	const size_t count = 1 + ((size_t)1 << trust->bits);

	trust_roles_free(trust);
	trust->roles = calloc(count, sizeof(*trust->roles));
	if (trust->roles == NULL)
		return error_errno(err, "cannot allocate %zu roles", count);
	trust->role_count = count;
	name_roles(trust);
	if (trust->tuf != NULL)
		return read_roles(trust, err);
	for (size_t i = 0; i < count; i++)
		trust->roles[i].targets = json_new_object();
	return true;
}

bool trust_role_of(
	struct trust *trust, const char *path, struct trust_role **out, struct error *err)
{
	const struct tuf_bins bins = {.role = {.name = TRUST_BIN}, .bit_length = trust->bits};
	struct digest hash = {{0}};
	char name[TUF_NAME_MAX + 1];

	if (strncmp(path, "devices/", 8) != 0) {
		*out = &trust->roles[0];
		return true;
	}
	if (!crypto_sha256(bytes_of(path), &hash, err))
		return false;
	if (!tuf_bin_name(&bins, &hash, name, sizeof(name)))
		return error_set(err, ERROR_FAILED, "%s: no bin", path);
	for (size_t i = 1; i < trust->role_count; i++)
		if (strcmp(trust->roles[i].name, name) == 0) {
			*out = &trust->roles[i];
			return true;
		}
	return error_set(err, ERROR_FAILED, "%s: no bin %s", path, name);
}

/* ---- looking and changing ---- */

bool trust_target(
	struct trust *trust, const char *path, const struct json **out, struct error *err)
{
	struct trust_role *role = NULL;

	if (!trust_role_of(trust, path, &role, err))
		return false;
	*out = json_member(role->targets, path);
	return true;
}

bool trust_target_set(
	struct trust *trust, const char *path, const struct json *facts, struct error *err)
{
	CLEANUP(json_cleanup) struct json *targets = json_new_object();
	struct trust_role *role = NULL;

	if (!trust_role_of(trust, path, &role, err))
		return false;
	for (const struct json *each = json_first(role->targets); each != NULL;
		each = json_next(each))
		if (strcmp(json_name(each), path) != 0)
			json_add_copy(targets, json_name(each), each);
	if (facts != NULL)
		json_add_copy(targets, path, facts);
	if (json_count(targets) > TRUST_TARGETS_MAX)
		return error_set(err, ERROR_USAGE,
			"%s: over %d targets in one role; remove what is not needed any more",
			role->name, TRUST_TARGETS_MAX);
	json_free(role->targets);
	role->targets = targets;
	role->changed = true;
	targets = NULL;
	return true;
}
