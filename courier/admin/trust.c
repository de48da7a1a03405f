#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"
#include "courier/admin/trust.h"

bool trust_path(const struct trust *trust, char path[static PATH_MAX], struct error *err,
	const char *fmt, ...)
{
	char name[PATH_MAX];
	va_list args;

	va_start(args, fmt);

	const int len = vsnprintf(name, sizeof(name), fmt, args);

	va_end(args);
	if (len < 0 || (size_t)len >= sizeof(name))
		return error_set(err, ERROR_FAILED, "a path is too long");
	return file_path(path, PATH_MAX, trust->directory, name, err);
}

bool trust_log(
	struct trust *trust, const char *event, const struct json *members, struct error *err)
{
	return authority_log(&trust->authority, event, trust->now, members, err);
}

/* ---- making ---- */

bool trust_begin(struct admin_call *call, struct trust *trust, struct error *err)
{
	*trust = (struct trust){
		.authority = {.lock = -1},
		.output = &call->output,
		.now = time(NULL),
		.unlock = {NULL, -1},
	};
	return authority_open(call->directory, true, &trust->authority, err)
		&& authority_path(&trust->authority, trust->directory, err, "trust");
}

static bool make_directories(const struct trust *trust, struct error *err)
{
	static const char *const ours[] = {"online", "metadata"};
	static const char *const served[] = {"metadata", "targets"};
	char path[PATH_MAX];

	for (size_t i = 0; i < COUNT(ours); i++)
		if (!trust_path(trust, path, err, "%s", ours[i])
			|| !file_make_directory(path, 0700, err))
			return false;
	for (size_t i = 0; i < COUNT(served); i++)
		if (!file_path(path, sizeof(path), trust->tree, served[i], err)
			|| !file_make_directory(path, 0755, err))
			return false;
	return true;
}

static bool absolute(const char *path, char out[static PATH_MAX], struct error *err)
{
	char here[PATH_MAX];

	if (path[0] == '/') {
		if (strlen(path) >= PATH_MAX)
			return error_set(err, ERROR_USAGE, "the tree's path is too long");
		memcpy(out, path, strlen(path) + 1);
		return true;
	}
	if (getcwd(here, sizeof(here)) == NULL)
		return error_errno(err, "cannot find the working directory");
	return file_path(out, PATH_MAX, here, path, err);
}

bool trust_mark(const struct trust *trust, struct error *err)
{
	CLEANUP(json_cleanup) struct json *object = json_new_object();
	CLEANUP(buf_free) struct buf text = {0};
	char path[PATH_MAX];

	json_add_integer(object, "version", TRUST_VERSION);
	json_add_integer(object, "bits", trust->bits);
	json_add_string(object, "tree", trust->tree);
	return json_print(object, &text, err) && buf_append(&text, bytes_of("\n"), err)
		&& trust_path(trust, path, err, "trust.json")
		&& file_replace(path, buf_bytes(&text), 0600, err);
}

bool trust_create(struct trust *trust, const char *tree, struct error *err)
{
	return absolute(tree, trust->tree, err) && make_directories(trust, err);
}

/* ---- reading ---- */

static bool fetch(void *self, const char *file, size_t max, struct buf *out, bool *found,
	struct error *err)
{
	char path[PATH_MAX];

	return trust_path(self, path, err, "metadata/%s", file)
		&& file_read(path, max, out, found, err);
}

/* Every walk begins at the first root: there is none before it. */
static bool load(void *self, const char *file, size_t max, struct buf *out, bool *found,
	struct error *err)
{
	if (strcmp(file, "root.json") == 0)
		return fetch(self, "1.root.json", max, out, found, err);
	*found = false;
	return true;
}

static bool store(void *self, const char *file, struct bytes content, struct error *err)
{
	(void)self;
	(void)file;
	(void)content;
	(void)err;
	return true;
}

/* As a client, at a time when nothing had expired: what has is renewed here. */
bool trust_load(struct trust *trust, struct error *err)
{
	const struct tuf_host host = {fetch, load, store, trust};
	CLEANUP(tuf_cleanup) struct tuf *tuf = NULL;
	char first[PATH_MAX];

	if (!trust_path(trust, first, err, "metadata/1.root.json"))
		return false;
	if (access(first, F_OK) != 0 && errno == ENOENT)
		return true;
	if (!tuf_open(&host, &(struct tuf_settings){.now = 1}, &tuf, err)
		|| !tuf_refresh(tuf, err)) {
		err->code = ERROR_DAMAGED;
		return error_while(err, "%s/metadata", trust->directory);
	}
	tuf_close(trust->tuf);
	trust->tuf = tuf;
	tuf = NULL;
	return true;
}

const struct tuf_metadata *trust_top(const struct trust *trust, enum tuf_kind kind)
{
	return trust->tuf == NULL ? NULL : tuf_top(trust->tuf, kind);
}

static bool read_marker(struct trust *trust, struct error *err)
{
	CLEANUP(buf_free) struct buf text = {0};
	CLEANUP(json_cleanup) struct json *object = NULL;
	char path[PATH_MAX];
	int64_t version = 0;
	bool found = false;

	if (!trust_path(trust, path, err, "trust.json")
		|| !file_read(path, AUTHORITY_FILE_MAX, &text, &found, err))
		return false;
	if (!found)
		return error_set(err, ERROR_USAGE,
			"%s: no repository there; courier-admin trust init makes one",
			trust->directory);
	if (!json_parse(buf_bytes(&text), JSON_SIGNED, &object, err)
		|| !json_need_integer(object, "version", &version, err)
		|| !json_need_integer(object, "bits", &trust->bits, err)
		|| !json_need_text(object, "tree", trust->tree, sizeof(trust->tree), err))
		return error_while(err, "%s", path);
	return (version == TRUST_VERSION && trust->bits >= 1 && trust->bits <= TRUST_BITS_MAX)
		|| error_set(err, ERROR_DAMAGED, "%s: not of this program", path);
}

bool trust_open(struct admin_call *call, struct trust *trust, struct error *err)
{
	return trust_begin(call, trust, err) && read_marker(trust, err)
		&& trust_install_finish(trust, err) && trust_load(trust, err);
}

bool trust_open_live(struct admin_call *call, struct trust *trust, struct error *err)
{
	if (!trust_open(call, trust, err))
		return false;
	return trust->tuf != NULL
		|| error_set(err, ERROR_CONTACT,
			"the first root is not signed yet: carry %s/staged to its holders, "
			"then courier-admin trust accept",
			trust->directory);
}

bool trust_pinned_root(
	const struct authority *authority, struct buf *out, bool *found, struct error *err)
{
	struct trust trust = {.authority = {.lock = -1}};
	bool ok = authority_path(authority, trust.directory, err, "trust")
		&& trust_load(&trust, err);
	const struct tuf_metadata *const root = ok ? trust_top(&trust, TUF_ROOT) : NULL;

	if (root != NULL)
		ok = buf_append(out, buf_bytes(&root->raw), err);
	if (ok)
		*found = root != NULL;
	trust_close(&trust);
	return ok;
}

void trust_close(struct trust *trust)
{
	trust_roles_free(trust);
	tuf_close(trust->tuf);
	for (size_t i = 0; i < trust->key_count; i++)
		crypto_key_free(trust->keys[i].key);
	passphrase_wipe(&trust->passphrase);
	authority_close(&trust->authority);
	*trust = (struct trust){.authority = {.lock = -1}};
}
