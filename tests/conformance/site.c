#include <limits.h>
#include <string.h>
#include <time.h>

#include "common/file.h"
#include "tests/conformance/site.h"

bool site_join(const char *base, const char *rest, struct buf *url, struct error *err)
{
	const size_t len = strlen(base);
	const bool slash = len > 0 && base[len - 1] == '/';

	return buf_print(url, err, "%s%s%s", base, slash ? "" : "/", rest);
}

struct bounded {
	struct buf *to;
	size_t max; /* bytes */
};

static bool write_bounded(void *self, struct bytes bytes, struct error *err)
{
	const struct bounded *const bounded = self;

	if (bytes.len > bounded->max - bounded->to->len)
		return error_set(err, ERROR_MALFORMED, "more than %zu bytes", bounded->max);
	return buf_append(bounded->to, bytes, err);
}

static bool fetch(void *self, const char *file, size_t max, struct buf *out, bool *found,
	struct error *err)
{
	const struct site *const site = self;
	struct bounded bounded = {out, max};
	CLEANUP(buf_free) struct buf url = {0};
	const char *text = NULL;

	return site_join(site->url, file, &url, err) && buf_text(&url, &text, err)
		&& get(site->get, text, (struct sink){write_bounded, &bounded}, found, err);
}

static bool load(void *self, const char *file, size_t max, struct buf *out, bool *found,
	struct error *err)
{
	const struct site *const site = self;
	char path[PATH_MAX];

	return file_path(path, sizeof(path), site->directory, file, err)
		&& file_read(path, max, out, found, err);
}

static bool store(void *self, const char *file, struct bytes content, struct error *err)
{
	const struct site *const site = self;
	char path[PATH_MAX];

	return file_path(path, sizeof(path), site->directory, file, err)
		&& file_replace(path, content, 0644, err);
}

bool site_open(struct site *site, struct tuf **tuf, struct error *err)
{
	const struct tuf_host host = {fetch, load, store, site};
	/* Keyids of repositories that others made may be any name. */
	const struct tuf_settings settings = {.now = (int64_t)time(NULL), .lax_keyids = true};

	return get_new(&site->get, err) && tuf_open(&host, &settings, tuf, err);
}

void site_done(struct site *site)
{
	get_cleanup(&site->get);
}
