/* Contents of targets, and what of all that is kept is still needed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "courier/repository_private.h"

/* ---- contents ---- */

enum { CONTENT_NAME_ROOM = 1 + 2 * CRYPTO_SHA512_SIZE + 1 };

/* Contents are kept by their hash: targets of one content share it, and a new one does
 * not replace the old. */
static void content_name(const struct tuf_hashes *hashes, char name[static CONTENT_NAME_ROOM])
{
	const struct bytes hash = hashes->has_sha256
		? digest_bytes(&hashes->sha256)
		: (struct bytes){hashes->sha512, sizeof(hashes->sha512)};

	(void)snprintf(name, CONTENT_NAME_ROOM, REPOSITORY_TARGET);
	hex_encode(hash, name + 1);
}

static bool is_content(const struct tuf_target_facts *facts, struct bytes content, size_t max,
	struct error *err)
{
	const struct tuf_target target = {.path = "", .role = "", .facts = *facts};
	CLEANUP(tuf_check_cleanup) struct tuf_check *check = NULL;

	if ((uint64_t)facts->length > max)
		return error_set(err, ERROR_MALFORMED, "%lld bytes are too many",
			(long long)facts->length);
	return tuf_check_new(&target, &check, err) && tuf_check_add(check, content, err)
		&& tuf_check_end(check, err);
}

static bool note_needed(struct repository *repository, const char *name, struct error *err)
{
	struct digest hash;
	bool ok = true;

	if (!crypto_sha256(bytes_of(name), &hash, err))
		return false;
	(void)pthread_mutex_lock(&repository->mutex);
	if (repository->needed_count == repository->needed_room) {
		const size_t room
			= repository->needed_room == 0 ? 64 : 2 * repository->needed_room;
		struct digest *const at = realloc(repository->needed, room * sizeof(*at));

		ok = at != NULL || error_errno(err, "cannot allocate memory");
		repository->needed = ok ? at : repository->needed;
		repository->needed_room = ok ? room : repository->needed_room;
	}
	if (ok)
		repository->needed[repository->needed_count++] = hash;
	(void)pthread_mutex_unlock(&repository->mutex);
	return ok;
}

static bool fetch_content(struct repository *repository, struct http *http, const char *name,
	const struct repository_target *target, struct buf *out, struct error *err)
{
	const size_t max = (size_t)target->facts.length;
	bool found = false;

	if (http == NULL)
		return error_set(err, ERROR_NOTHING, "%s was not fetched: sync", target->url);
	if (!repository_get(repository, http, "targets", target->url, max, out, &found, err))
		return false;
	if (!found)
		return error_set(err, ERROR_GONE, "the repository does not have it");
	return is_content(&target->facts, buf_bytes(out), max, err)
		&& store_put_metadata(
			repository->store, repository->name, name, buf_bytes(out), err);
}

bool repository_content(struct repository *repository, struct http *http,
	const struct repository_target *target, size_t max, struct buf *out, struct error *err)
{
	CLEANUP(buf_free) struct buf kept = {0}, fetched = {0};
	char name[CONTENT_NAME_ROOM];
	struct error ignored = {0};
	bool found = false;

	content_name(&target->facts.hashes, name);
	if ((uint64_t)target->facts.length > max)
		return error_set(err, ERROR_MALFORMED, "%s: %lld bytes are too many",
			target->url, (long long)target->facts.length);
	if (!note_needed(repository, name, err)
		|| !store_get_metadata(
			repository->store, repository->name, name, &kept, &found, err))
		return false;
	if (found && is_content(&target->facts, buf_bytes(&kept), max, &ignored))
		return buf_append(out, buf_bytes(&kept), err);
	return (fetch_content(repository, http, name, target, &fetched, err)
		       && buf_append(out, buf_bytes(&fetched), err))
		|| error_while(err, "repository %s, %.200s", repository->name, target->url);
}

/* ---- what is not needed any more ---- */

static int compare_digests(const void *a, const void *b)
{
	return memcmp(a, b, DIGEST_SIZE);
}

static bool needs_content(struct repository *repository, const char *file)
{
	struct error ignored = {0};
	struct digest hash;

	if (!repository->needed_sorted && repository->needed_count > 0)
		qsort(repository->needed, repository->needed_count, sizeof(*repository->needed),
			compare_digests);
	repository->needed_sorted = true;
	return !crypto_sha256(bytes_of(file), &hash, &ignored)
		|| (repository->needed_count > 0
			&& bsearch(&hash, repository->needed, repository->needed_count,
				   sizeof(hash), compare_digests)
				!= NULL);
}

static int hex_value(char digit)
{
	const char *const digits = "0123456789ABCDEF";
	const char *const at = digit == 0 ? NULL : strchr(digits, digit);

	return at == NULL ? -1 : (int)(at - digits);
}

/* What tuf_quote() made of it; false: that was not its work. */
static bool unquote(const char *text, char *out)
{
	for (; *text != 0; text++) {
		if (*text != '%') {
			*out++ = *text;
			continue;
		}

		const int high = hex_value(text[1]);
		const int low = high < 0 ? -1 : hex_value(text[2]);

		if (low < 0)
			return false;
		*out++ = (char)(high * 16 + low);
		text += 2;
	}
	*out = 0;
	return true;
}

/* "7.x.json" in version 7, or "x.json": as the snapshot lists it. */
static bool is_listed(struct repository *repository, const char *file)
{
	const struct tuf_metadata *const snapshot = tuf_top(repository->tuf, TUF_SNAPSHOT);
	const size_t digits = strspn(file, "0123456789");
	const bool versioned = digits > 0 && file[digits] == '.';
	char name[REPOSITORY_FILE_MAX];

	if (strlen(file) >= sizeof(name)
		|| !unquote(versioned ? file + digits + 1 : file, name))
		return false;

	const struct tuf_meta *const meta = tuf_metadata_meta(snapshot, name);

	return meta != NULL && (!versioned || meta->version == strtoll(file, NULL, 10));
}

static bool is_root(const char *file)
{
	const size_t digits = strspn(file, "0123456789");

	return digits > 0 && strcmp(file + digits, ".root.json") == 0;
}

bool repository_needs(struct repository *repository, const char *file)
{
	if (file[0] == REPOSITORY_NEW[0])
		return false;
	if (file[0] == REPOSITORY_TARGET[0])
		return needs_content(repository, file);
	return file[0] == '@' || is_root(file) || strcmp(file, "timestamp.json") == 0
		|| strcmp(file, repository->snapshot) == 0 || is_listed(repository, file);
}
