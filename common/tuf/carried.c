#include <stdio.h>
#include <string.h>

#include "common/tuf/carried.h"
#include "common/tuf/tuf_path.h"

/* What a device of 32 MiB can hold at a time: far more than it needs, far less than a
 * hostile courier could send. */
enum { HELD_MAX = 5 << 19, NOT_SHOWN = 80 };

/* ---- a client over a set ---- */

/* Which of the three stored files count. */
enum memory { ROOT_ONLY, ALL };

struct view {
	const struct tuf_set *set;
	const struct tuf_host *host;
	enum memory memory;
	bool keeps_roots;
};

static bool fetch(void *self, const char *file, size_t max, struct buf *out, bool *found,
	struct error *err)
{
	const struct view *const view = self;

	return tuf_set_read(view->set, TUF_SET_METADATA, file, max, out, found, err);
}

static bool counts(const struct view *view, const char *file)
{
	return strcmp(file, "root.json") == 0
		|| (view->memory == ALL
			&& (strcmp(file, "timestamp.json") == 0
				|| strcmp(file, "snapshot.json") == 0));
}

static bool load(void *self, const char *file, size_t max, struct buf *out, bool *found,
	struct error *err)
{
	const struct view *const view = self;

	if (counts(view, file))
		return view->host->load(view->host->self, file, max, out, found, err);
	*found = false;
	return true;
}

static bool store(void *self, const char *file, struct bytes content, struct error *err)
{
	const struct view *const view = self;
	const bool is_root = strcmp(file, "root.json") == 0;

	if (view->host->store == NULL || !counts(view, file) || (is_root && !view->keeps_roots))
		return true;
	return view->host->store(view->host->self, file, content, err);
}

static bool open_client(struct view *view, int64_t now, struct tuf **out, struct error *err)
{
	const struct tuf_host host = {fetch, load, store, view};
	const struct tuf_settings settings = {.now = now, .held_max = HELD_MAX};

	return tuf_open(&host, &settings, out, err);
}

static void fill_versions(const struct tuf *tuf, int64_t versions[TUF_KIND_COUNT])
{
	for (size_t kind = 0; kind < TUF_KIND_COUNT; kind++) {
		const struct tuf_metadata *const top = tuf_top(tuf, (enum tuf_kind)kind);

		versions[kind] = top == NULL ? 0 : top->version;
	}
}

/* ---- who signs what is fresh ---- */

static bool add_keyids(struct crypto_hash *hash, const struct tuf_metadata *root,
	enum tuf_kind kind, struct error *err)
{
	const struct tuf_list *const ids = &root->roles[kind].keyids;
	const char *const *const all = ids->at;
	const char *last = "";

	/* In order of the alphabet, however the root has them. */
	for (size_t done = 0; done < ids->count; done++) {
		const char *next = NULL;

		for (size_t i = 0; i < ids->count; i++)
			if (strcmp(all[i], last) > 0
				&& (next == NULL || strcmp(all[i], next) < 0))
				next = all[i];
		if (next == NULL)
			break;
		if (!crypto_hash_add(hash, bytes_of(next), err)
			|| !crypto_hash_add(hash, bytes_of(" "), err))
			return false;
		last = next;
	}
	return crypto_hash_add(hash, bytes_of("\n"), err);
}

static bool digest_keys(const struct tuf_metadata *root, struct digest *out, struct error *err)
{
	CLEANUP(crypto_hash_cleanup) struct crypto_hash *hash = NULL;

	return crypto_hash_new(&hash, err) && add_keyids(hash, root, TUF_TIMESTAMP, err)
		&& add_keyids(hash, root, TUF_SNAPSHOT, err)
		&& crypto_hash_peek(hash, out, err);
}

/* ---- the direction ---- */

static bool is_zero(const struct digest *digest)
{
	static const struct digest zero;

	return digest_equal(digest, &zero);
}

/* Is it at least as new as the newest before? */
static bool check_mark(
	const struct carried_mark *old, const struct carried_mark *new, struct error *err)
{
	if (!is_zero(&old->keys) && !digest_equal(&old->keys, &new->keys))
		return true;
	if (new->sequence < old->sequence)
		return error_set(err, ERROR_ROLLBACK,
			"direction %llu, but %llu was seen before",
			(unsigned long long)new->sequence, (unsigned long long)old->sequence);
	if (new->sequence == old->sequence && !is_zero(&old->direction)
		&& !digest_equal(&old->direction, &new->direction))
		return error_set(err, ERROR_ROLLBACK,
			"another direction %llu than the one seen before: directions must "
			"count "
			"up",
			(unsigned long long)new->sequence);
	return true;
}

static bool is_content(const struct tuf_target *target, struct bytes content, struct error *err)
{
	CLEANUP(tuf_check_cleanup) struct tuf_check *check = NULL;

	return tuf_check_new(target, &check, err) && tuf_check_add(check, content, err)
		&& tuf_check_end(check, err);
}

static bool read_direction(const struct tuf_set *set, struct tuf *tuf, const char *path,
	struct direction *out, struct digest *digest, struct error *err)
{
	CLEANUP(buf_free) struct buf content = {0};
	struct tuf_target target = {0};
	bool found = false;

	if (!tuf_find(tuf, path, &target, &found, err))
		return false;
	if (!found)
		return error_set(err, ERROR_WRONG_DEVICE,
			"nothing directs this device: there is no target %s", path);
	if (!tuf_set_read(set, TUF_SET_DIRECTION, path, DIRECTION_MAX, &content, &found, err))
		return false;
	if (!found)
		return error_set(err, ERROR_FAILED, "%s was not carried", path);
	if (!is_content(&target, buf_bytes(&content), err))
		return error_while(err, "%s", path);
	return crypto_sha256(buf_bytes(&content), digest, err)
		&& direction_parse(buf_bytes(&content), out, err);
}

static bool is_for(const struct direction *direction, const struct carried_question *question,
	struct error *err)
{
	if (strcmp(direction->device, question->device) != 0)
		return error_set(err, ERROR_WRONG_DEVICE, "the direction is for %s, not for %s",
			direction->device, question->device);
	return true;
}

static bool follow_direction(const struct tuf_set *set, struct tuf *tuf,
	const struct carried_question *question, const struct direction_artifact **out,
	struct direction *direction, struct carried_answer *answer, struct error *err)
{
	struct carried_mark mark = {.sequence = 0};
	char path[DIRECTION_PATH_ROOM];

	direction_path(question->device, path);
	if (!read_direction(set, tuf, path, direction, &mark.direction, err)
		|| !is_for(direction, question, err)
		|| !digest_keys(tuf_top(tuf, TUF_ROOT), &mark.keys, err))
		return false;
	mark.sequence = direction->sequence;
	if (!check_mark(&question->mark, &mark, err))
		return false;
	answer->mark = mark;
	if (strcmp(direction->deployment, question->deployment) != 0)
		return error_set(err, ERROR_CONTACT,
			"the device is directed to deployment %s, not to %s",
			direction->deployment, question->deployment);
	return direction_choose(direction, question->device_type, out, err);
}

/* ---- the artifact ---- */

static bool find_hint(const struct tuf_set *set, struct tuf_set_record *out, struct error *err)
{
	size_t hints = 0;

	for (size_t i = set->count; i > 0; i--) {
		struct tuf_set_record record;

		if (!tuf_set_record(set, i - 1, &record, err))
			return false;
		if (record.kind != TUF_SET_ARTIFACT)
			break; /* they come last */
		*out = record;
		hints++;
	}
	return hints == 1
		|| error_set(err, ERROR_MALFORMED, "the set does not say which target comes");
}

/* PATH must be a target of this length and hash; which is what was offered. */
static bool check_target(struct tuf *tuf, const char *path, uint64_t length,
	const struct digest *sha256, struct carried_answer *answer, struct error *err)
{
	struct tuf_target target = {0};
	bool found = false;

	if (!tuf_find(tuf, path, &target, &found, err))
		return false;
	if (!found)
		return error_set(
			err, ERROR_SIGNATURE, "%.*s is not a target", NOT_SHOWN * 2, path);

	const struct tuf_hashes *const hashes = &target.facts.hashes;

	if (hashes->unusable || !hashes->has_sha256)
		return error_set(err, ERROR_SIGNATURE, "%.*s has no hash that can be checked",
			NOT_SHOWN * 2, path);
	if ((uint64_t)target.facts.length != length || !digest_equal(&hashes->sha256, sha256))
		return error_set(err, ERROR_SIGNATURE,
			"%.*s is a target of another length or hash", NOT_SHOWN * 2, path);
	(void)snprintf(answer->path, sizeof(answer->path), "%s", path);
	answer->hashes = *hashes;
	return true;
}

static bool check_directed(const struct tuf_set *set, struct tuf *tuf,
	const struct carried_question *question, struct carried_answer *answer,
	struct error *err)
{
	const struct direction_artifact *artifact = NULL;
	struct direction direction = {.count = 0};

	if (!follow_direction(set, tuf, question, &artifact, &direction, answer, err))
		return false;
	if (artifact->length != question->size
		|| !digest_equal(&artifact->sha256, &question->digest))
		return error_set(err, ERROR_SIGNATURE,
			"the device is directed to another artifact than the one offered");
	return check_target(
		tuf, artifact->path, question->size, &question->digest, answer, err);
}

static bool check_hinted(const struct tuf_set *set, struct tuf *tuf,
	const struct carried_question *question, struct carried_answer *answer,
	struct error *err)
{
	struct tuf_set_record hint;

	return find_hint(set, &hint, err)
		&& check_target(tuf, hint.name, question->size, &question->digest, answer, err);
}

/* ---- all of it ---- */

/* Only a rehearsal knows them apart from the files. */
static bool check_seen(const struct carried_question *question,
	const struct carried_answer *answer, struct error *err)
{
	for (size_t kind = 0; kind < TUF_KIND_COUNT; kind++)
		if (answer->versions[kind] < question->seen[kind])
			return error_set(err, ERROR_ROLLBACK,
				"%s: version %lld, but the device has %lld",
				tuf_kind_name((enum tuf_kind)kind),
				(long long)answer->versions[kind],
				(long long)question->seen[kind]);
	return true;
}

static void fill_end(const struct tuf *tuf, struct carried_answer *answer)
{
	const char *role = "";

	answer->valid_until = tuf_valid_until(tuf, &role);
	if (!tuf_quote(role, answer->role, sizeof(answer->role)))
		answer->role[0] = '\0';
}

bool carried_judge(const struct tuf_set *set, const struct tuf_host *host,
	const struct carried_question *question, struct carried_answer *answer,
	struct error *err)
{
	struct view view = {set, host, ALL, true};
	CLEANUP(tuf_cleanup) struct tuf *tuf = NULL;

	*answer = (struct carried_answer){.mark = question->mark};
	if (!open_client(&view, question->now, &tuf, err))
		return false;

	const bool fresh = tuf_refresh(tuf, err);

	fill_versions(tuf, answer->versions);
	if (!fresh || !check_seen(question, answer, err))
		return false;

	const bool good = question->directed ? check_directed(set, tuf, question, answer, err)
					     : check_hinted(set, tuf, question, answer, err);

	fill_end(tuf, answer);
	return good;
}

bool carried_issued(const struct tuf_set *set, const struct tuf_host *host, int64_t *issued,
	struct error *err)
{
	struct view view = {set, host, ROOT_ONLY, true};
	CLEANUP(tuf_cleanup) struct tuf *tuf = NULL;
	struct error ignored = {0};
	bool authentic = false;
	int64_t newest = 0;

	if (!open_client(&view, INT64_MIN, &tuf, err))
		return false;
	authentic = tuf_refresh(tuf, &ignored);
	for (size_t kind = 0; kind < TUF_KIND_COUNT; kind++) {
		const struct tuf_metadata *const top = tuf_top(tuf, (enum tuf_kind)kind);

		if (top != NULL && top->issued > newest)
			newest = top->issued;
	}
	(void)authentic; /* what was verified before a failure was said, too */
	*issued = newest;
	return true;
}

bool carried_is_older(const struct tuf_set *set, const struct tuf_host *host,
	const int64_t versions[TUF_KIND_COUNT], bool *older, struct error *err)
{
	struct view view = {set, host, ROOT_ONLY, false};
	CLEANUP(tuf_cleanup) struct tuf *tuf = NULL;
	int64_t theirs[TUF_KIND_COUNT] = {0};
	struct error ignored = {0};

	if (!open_client(&view, INT64_MIN, &tuf, err))
		return false;

	const bool authentic = tuf_refresh(tuf, &ignored);

	fill_versions(tuf, theirs);
	*older = authentic
		&& (theirs[TUF_ROOT] < versions[TUF_ROOT]
			|| theirs[TUF_TIMESTAMP] < versions[TUF_TIMESTAMP]);
	return true;
}
