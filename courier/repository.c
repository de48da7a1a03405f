#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "courier/output.h"
#include "courier/repository_private.h"

enum { HELD_MAX = 6 << 20 /* bytes of delegated metadata in memory at a time */ };

/* ---- beginning and end ---- */

static bool make(
	struct store *store, const char *name, struct repository **out, struct error *err)
{
	struct repository *const made = calloc(1, sizeof(*made));

	if (made == NULL)
		return error_errno(err, "cannot allocate memory");
	made->store = store;
	(void)snprintf(made->name, sizeof(made->name), "%s", name);
	(void)pthread_mutex_init(&made->mutex, NULL);
	*out = made;
	return true;
}

void repository_close(struct repository *repository)
{
	if (repository == NULL)
		return;
	tuf_close(repository->tuf);
	http_free(repository->http);
	buf_free(&repository->pinned);
	tuf_arena_done(&repository->arena);
	free(repository->needed);
	(void)pthread_mutex_destroy(&repository->mutex);
	free(repository);
}

void repository_cleanup(struct repository **repository)
{
	repository_close(*repository);
	*repository = NULL;
}

static bool read_pinned(struct repository *repository, struct error *err)
{
	CLEANUP(tuf_metadata_cleanup) struct tuf_metadata *root = NULL;
	CLEANUP(buf_free) struct buf raw = {0};
	const char *const path = repository->settings->root;

	if (!file_read(path, TUF_ROOT_MAX, &raw, NULL, err)
		|| !buf_append(&repository->pinned, buf_bytes(&raw), err))
		return false;
	if (!tuf_metadata_new(&raw, TUF_ROOT, true, &root, err) || !tuf_metadata_read(root, err)
		|| !tuf_verify(root, &root->keys, &root->roles[TUF_ROOT], err))
		return error_while(err, "%s", path);
	repository->pinned_version = root->version;
	return true;
}

bool repository_http(
	const struct repository_settings *settings, struct http **out, struct error *err)
{
	return http_new(settings->ca_file, settings->proxy, out, err);
}

bool repository_open(struct store *store, const struct repository_settings *settings,
	int64_t now, struct repository **out, struct error *err)
{
	CLEANUP(repository_cleanup) struct repository *made = NULL;

	if (!make(store, settings->name, &made, err))
		return false;
	made->settings = settings;
	made->now = now;
	if (!read_pinned(made, err) || !repository_http(settings, &made->http, err)
		|| !repository_pin(made, err))
		return error_while(err, "repository %s", settings->name);
	*out = made;
	made = NULL;
	return true;
}

/* ---- refresh ---- */

static bool open_client(struct repository *repository, struct error *err)
{
	const struct tuf_host host = repository_host(repository);
	/* As strict as a device. */
	const struct tuf_settings settings = {.now = repository->now, .held_max = HELD_MAX};

	tuf_cleanup(&repository->tuf);
	return tuf_open(&host, &settings, &repository->tuf, err);
}

static bool may_ask(struct repository *repository, struct error *err)
{
	CLEANUP(buf_free) struct buf text = {0};
	const char *digits = NULL;
	char until[32];
	bool found = false;

	if (!store_get_metadata(repository->store, repository->name, REPOSITORY_NOT_BEFORE,
		    &text, &found, err)
		|| !buf_text(&text, &digits, err))
		return false;

	const int64_t not_before = found ? strtoll(digits, NULL, 10) : 0;

	output_time(not_before, until);
	return not_before <= repository->now
		|| error_set(err, ERROR_DEFERRED,
			"the repository asked to be left alone until %s", until);
}

/* With versions that came back after keys were changed, what is kept may be the old: once
 * more without it. */
static bool may_be_stale(struct repository *repository, const struct error *why)
{
	const bool may = repository->http != NULL && !repository->distrusts_kept
		&& repository->kept_used > 0
		&& (why->code == ERROR_SIGNATURE || why->code == ERROR_MALFORMED
			|| why->code == ERROR_ROLLBACK);

	repository->distrusts_kept |= may;
	return may;
}

static bool refresh_once(struct repository *repository, struct error *err)
{
	repository->kept_used = 0;
	return open_client(repository, err) && tuf_refresh(repository->tuf, err);
}

static bool refresh(struct repository *repository, struct error *err)
{
	return refresh_once(repository, err)
		|| (may_be_stale(repository, err) && refresh_once(repository, err));
}

bool repository_refresh(struct repository *repository, struct error *err)
{
	return (may_ask(repository, err) && refresh(repository, err)
		       && repository_former_roots(repository, err))
		|| error_while(err, "repository %s", repository->name);
}

static bool open_kept(struct repository *repository, bool *found, struct error *err)
{
	CLEANUP(buf_free) struct buf timestamp = {0};

	if (!store_get_metadata(repository->store, repository->name, "timestamp.json",
		    &timestamp, found, err))
		return false;
	return !*found || refresh(repository, err);
}

bool repository_open_kept(struct store *store, const char *name, struct repository **out,
	bool *found, struct error *err)
{
	CLEANUP(repository_cleanup) struct repository *made = NULL;

	if (!make(store, name, &made, err))
		return false;
	if (!open_kept(made, found, err))
		return error_while(err, "repository %s, as it was fetched", name);
	if (*found) {
		*out = made;
		made = NULL;
	}
	return true;
}

/* ---- targets ---- */

static void note_until(struct repository *repository, struct repository_target *out)
{
	const char *role = "";

	out->until = tuf_search_until(repository->tuf, &role);
	(void)snprintf(out->role, sizeof(out->role), "%s", role);
}

static bool find(struct repository *repository, const char *path, struct repository_target *out,
	bool *found, struct error *err)
{
	CLEANUP(buf_free) struct buf url = {0};
	struct tuf_target target = {0};

	if (!tuf_find(repository->tuf, path, &target, found, err)
		&& (!may_be_stale(repository, err)
			|| !tuf_find(repository->tuf, path, &target, found, err)))
		return false;
	if (!*found)
		return true;
	if (!tuf_target_url(&target, &url, err))
		return false;
	if (url.len >= sizeof(out->url))
		return error_set(err, ERROR_MALFORMED, "its URL is too long");
	memcpy(out->url, url.at, url.len);
	out->url[url.len] = 0;
	out->facts = target.facts;
	out->facts.custom = (struct bytes){NULL, 0};
	note_until(repository, out);
	return true;
}

bool repository_find(struct repository *repository, const char *path,
	struct repository_target *out, bool *found, struct error *err)
{
	(void)pthread_mutex_lock(&repository->mutex);

	const bool ok = find(repository, path, out, found, err);

	(void)pthread_mutex_unlock(&repository->mutex);
	return ok || error_while(err, "repository %s, %.200s", repository->name, path);
}

/* ---- for people ---- */

void repository_facts(struct repository *repository, struct repository_facts *out)
{
	const char *role = "";

	*out = (struct repository_facts){.until = 0};
	(void)pthread_mutex_lock(&repository->mutex);
	for (size_t i = 0; i < TUF_KIND_COUNT; i++) {
		const struct tuf_metadata *const top
			= tuf_top(repository->tuf, (enum tuf_kind)i);

		out->version[i] = top == NULL ? 0 : top->version;
		if (top != NULL && (role[0] == 0 || top->expires < out->until)) {
			out->until = top->expires;
			role = tuf_kind_name((enum tuf_kind)i);
		}
	}
	(void)snprintf(out->role, sizeof(out->role), "%s", role);
	out->files = atomic_load(&repository->files);
	out->bytes = atomic_load(&repository->bytes);
	(void)pthread_mutex_unlock(&repository->mutex);
}

const char *repository_name(const struct repository *repository)
{
	return repository->name;
}
