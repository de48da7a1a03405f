/* The device's own judgement, before the trip. */
#include <stdio.h>
#include <string.h>

#include "common/tuf/carried.h"
#include "courier/mandate.h"

/* A device whose root is known, or begins with the first that is here. */
struct stand_in {
	const struct tuf_set *set;
	int64_t root;
};

enum { ROOTS_MAX = 4096 };

static bool find_root(const struct stand_in *device, struct bytes *out)
{
	const int64_t first = device->root > 0 ? device->root : 1;
	const int64_t last = device->root > 0 ? device->root : ROOTS_MAX;
	char name[32];

	for (int64_t version = first; version <= last; version++) {
		(void)snprintf(name, sizeof(name), "%lld.root.json", (long long)version);
		if (tuf_set_find(device->set, TUF_SET_METADATA, name, out))
			return true;
	}
	return false;
}

static bool load(void *self, const char *file, size_t max, struct buf *out, bool *found,
	struct error *err)
{
	struct bytes root;

	(void)max;
	*found = file[0] == 'r' && find_root(self, &root);
	return !*found || buf_append(out, root, err);
}

/* ---- marks that a new root makes void ---- */

static bool read_root(struct bytes bytes, struct tuf_metadata **out, struct error *err)
{
	CLEANUP(tuf_metadata_cleanup) struct tuf_metadata *root = NULL;
	CLEANUP(buf_free) struct buf raw = {0};

	if (!buf_append(&raw, bytes, err) || !tuf_metadata_new(&raw, TUF_ROOT, true, &root, err)
		|| !tuf_metadata_read(root, err))
		return false;
	*out = root;
	root = NULL;
	return true;
}

static bool has_keyid(const struct tuf_role *role, const char *keyid)
{
	const char *const *const all = role->keyids.at;

	for (size_t i = 0; i < role->keyids.count; i++)
		if (strcmp(all[i], keyid) == 0)
			return true;
	return false;
}

static bool same_keys(const struct tuf_role *old, const struct tuf_role *new)
{
	const char *const *const all = old->keyids.at;

	for (size_t i = 0; i < old->keyids.count; i++)
		if (!has_keyid(new, all[i]))
			return false;
	return old->keyids.count == new->keyids.count;
}

static bool newest_root(const struct tuf_set *set, int64_t from, struct bytes *out)
{
	struct stand_in next = {set, from};
	bool found = false;

	while (find_root(&next, out)) {
		found = true;
		next.root++;
	}
	return found;
}

/* What was signed with keys that have been replaced is nothing any more to a device that
 * learns of it: else a thief could raise versions for ever. */
static bool marks_are_void(const struct tuf_set *set, struct bytes trusted, int64_t version)
{
	CLEANUP(tuf_metadata_cleanup) struct tuf_metadata *old = NULL, *new = NULL;
	struct error ignored = {0};
	struct bytes newest;

	return newest_root(set, version, &newest) && read_root(trusted, &old, &ignored)
		&& read_root(newest, &new, &ignored)
		&& (!same_keys(&old->roles[TUF_TIMESTAMP], &new->roles[TUF_TIMESTAMP])
			|| !same_keys(&old->roles[TUF_SNAPSHOT], &new->roles[TUF_SNAPSHOT]));
}

static void judge(const struct tuf_set *set, const struct mandate_rehearsal *rehearsal,
	struct mandate *mandate)
{
	struct stand_in device = {set, rehearsal->seen[TUF_ROOT]};
	const struct tuf_host host = {.load = load, .self = &device};
	struct carried_question question = {
		.device = rehearsal->device,
		.device_type = rehearsal->device_type,
		.deployment = rehearsal->deployment,
		.digest = *rehearsal->digest,
		.size = rehearsal->size,
		.directed = rehearsal->directed,
		.now = rehearsal->date,
		.mark = {.sequence = rehearsal->sequence},
	};
	struct carried_answer answer = {.valid_until = 0};
	struct error why = {0};
	struct bytes root;

	if (!find_root(&device, &root)) {
		(void)error_set(&mandate->why, ERROR_CONTACT,
			"the device trusts root %lld of a repository, which is not among those "
			"that are here",
			(long long)device.root);
		return;
	}
	if (device.root > 0 && marks_are_void(set, root, device.root))
		question.mark.sequence = 0;
	else
		memcpy(question.seen, rehearsal->seen, sizeof(question.seen));
	if (carried_judge(set, &host, &question, &answer, &why)
		|| mandate->why.code != ERROR_NONE)
		return;
	if (why.code == ERROR_ROLLBACK) {
		why.code = ERROR_CONTACT;
		(void)error_while(&why, "the device already has newer metadata, sync");
	}
	mandate->why = why;
}

bool mandate_rehearse(struct repository *kept, const struct mandate_rehearsal *rehearsal,
	struct mandate *mandate, struct error *err)
{
	CLEANUP(buf_free) struct buf packed = {0};
	CLEANUP(tuf_set_done) struct tuf_set set = {.count = 0};
	struct error why = {0};

	if (!mandate_pack(kept, rehearsal->device, mandate, &packed, &why)
		|| !tuf_set_open(buf_bytes(&packed), &set, &why)) {
		if (why.code == ERROR_DAMAGED || why.code == ERROR_UNAUTHORISED) {
			*err = why;
			return false;
		}
		if (mandate->why.code == ERROR_NONE)
			mandate->why = why;
		return true;
	}
	judge(&set, rehearsal, mandate);
	return true;
}
