#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/config.h"
#include "common/file.h"
#include "common/text.h"
#include "courier/home.h"
#include "courier/settings.h"

enum {
	TENANT_TOKEN_MAX = 8192, /* bytes */
	PARALLEL_MAX = 64,
	DAY_S = 86400,
};

/* ---- the table of courier.conf(5) ---- */

struct server_section {
	const char *name, *kind, *url, *ca, *proxy, *tenant_token_file;
};

struct repository_section {
	const char *name, *url, *root, *ca, *proxy;
};

struct links_section {
	struct config_list serial;
	int64_t wait, reboot;
};

struct sync_section {
	int64_t parallel;
};

struct store_section {
	const char *home;
	int64_t remember;
};

static const struct config_key server_keys[] = {
	{"kind", CONFIG_TEXT, .offset = offsetof(struct server_section, kind)},
	{"url", CONFIG_TEXT, .offset = offsetof(struct server_section, url), .required = true},
	{"ca", CONFIG_PATH, .offset = offsetof(struct server_section, ca)},
	{"proxy", CONFIG_TEXT, .offset = offsetof(struct server_section, proxy)},
	{"tenant-token-file", CONFIG_PATH,
		.offset = offsetof(struct server_section, tenant_token_file)},
};
static const struct config_key repository_keys[] = {
	{"url", CONFIG_TEXT, .offset = offsetof(struct repository_section, url),
		.required = true},
	{"root", CONFIG_PATH, .offset = offsetof(struct repository_section, root),
		.required = true},
	{"ca", CONFIG_PATH, .offset = offsetof(struct repository_section, ca)},
	{"proxy", CONFIG_TEXT, .offset = offsetof(struct repository_section, proxy)},
};
static const struct config_key links_keys[] = {
	{"serial", CONFIG_WORDS, .offset = offsetof(struct links_section, serial),
		.repeat = true},
	{"wait", CONFIG_DURATION, .offset = offsetof(struct links_section, wait), .min = 1,
		.max = DAY_S},
	{"reboot", CONFIG_DURATION, .offset = offsetof(struct links_section, reboot), .min = 1,
		.max = DAY_S},
};
static const struct config_key sync_keys[] = {
	{"parallel", CONFIG_INTEGER, .offset = offsetof(struct sync_section, parallel),
		.min = 1, .max = PARALLEL_MAX},
};
static const struct config_key store_keys[] = {
	{"home", CONFIG_PATH, .offset = offsetof(struct store_section, home)},
	{"remember", CONFIG_DURATION, .offset = offsetof(struct store_section, remember),
		.min = 0, .max = DAY_S},
};

static const struct server_section server_defaults = {.kind = "mender"};
static const struct links_section links_defaults = {.wait = 30, .reboot = 300};
static const struct sync_section sync_defaults = {.parallel = 8};

#define SECTION(keyword, type)                                                                 \
	.name = (keyword), .keys = type##_keys, .key_count = COUNT(type##_keys),               \
	.size = sizeof(struct type##_section)

static const struct config_section table[] = {
	{SECTION("server", server), .named = true,
		.label = offsetof(struct server_section, name), .defaults = &server_defaults},
	{SECTION("repository", repository), .named = true,
		.label = offsetof(struct repository_section, name)},
	{SECTION("links", links), .defaults = &links_defaults},
	{SECTION("sync", sync), .defaults = &sync_defaults},
	{SECTION("store", store)},
};

/* Where a cable is looked for when the file does not say. */
static const char *const usual_links[] = {"/dev/ttyUSB*", "/dev/ttyACM*"};

/* What was read owns the texts that the settings borrow. */
struct loaded {
	struct settings settings; /* first: this is what callers hold */
	struct config *config;
	char *tenant_tokens[SETTINGS_SERVERS_MAX];
};

/* ---- what the table cannot say ---- */

OWNER_UNSEEN_BEGIN
static bool read_token(const char *path, char **out, struct error *err)
{
	CLEANUP(buf_free) struct buf token = {0};
	bool ok = file_read(path, TENANT_TOKEN_MAX, &token, NULL, err);

	while (token.len > 0 && strchr("\r\n \t", token.at[token.len - 1]) != NULL)
		token.len--;
	if (ok && token.len == 0)
		ok = error_set(err, ERROR_USAGE, "%s: no token in it", path);
	if (ok) {
		*out = strndup((const char *)token.at, token.len);
		ok = *out != NULL || error_errno(err, "cannot allocate memory");
	}
	if (token.at != NULL)
		secret_wipe_bytes(token.at, token.room);
	return ok;
}
OWNER_UNSEEN_END

static bool take_server(
	struct loaded *loaded, const struct server_section *section, struct error *err)
{
	struct settings *const settings = &loaded->settings;
	char **const token = &loaded->tenant_tokens[settings->server_count];
	const struct server_kind *kind = NULL;

	if (!server_kind_find(section->kind, &kind, err)
		|| (section->tenant_token_file != NULL
			&& !read_token(section->tenant_token_file, token, err)))
		return error_while(err, "[server %s]", section->name);
	settings->servers[settings->server_count++] = (struct server_settings){
		.name = section->name,
		.kind = section->kind,
		.url = section->url,
		.ca_file = section->ca,
		.proxy = section->proxy,
		.tenant_token = *token,
	};
	return true;
}

static bool take_servers(struct loaded *loaded, struct error *err)
{
	size_t count = 0;
	const struct server_section *const sections
		= config_all(loaded->config, "server", &count);

	if (count > SETTINGS_SERVERS_MAX)
		return error_set(
			err, ERROR_USAGE, "more than %d servers", (int)SETTINGS_SERVERS_MAX);
	for (size_t i = 0; i < count; i++)
		if (!take_server(loaded, &sections[i], err))
			return false;
	return true;
}

static bool take_repositories(
	struct settings *settings, const struct config *config, struct error *err)
{
	size_t count = 0;
	const struct repository_section *const sections
		= config_all(config, "repository", &count);

	if (count > SETTINGS_REPOSITORIES_MAX)
		return error_set(err, ERROR_USAGE, "more than %d repositories",
			(int)SETTINGS_REPOSITORIES_MAX);
	for (size_t i = 0; i < count; i++)
		settings->repositories[settings->repository_count++]
			= (struct repository_settings){
				.name = sections[i].name,
				.url = sections[i].url,
				.root = sections[i].root,
				.ca_file = sections[i].ca,
				.proxy = sections[i].proxy,
			};
	return true;
}

static bool take_links(struct settings *settings, const struct config *config)
{
	const struct links_section *const links = config_one(config, "links");
	const size_t count = links->serial.count;

	for (size_t i = 0; i < count && i < SETTINGS_LINKS_MAX; i++)
		settings->links[settings->link_count++] = links->serial.at[i];
	for (size_t i = 0; count == 0 && i < COUNT(usual_links); i++)
		settings->links[settings->link_count++] = usual_links[i];
	settings->wait_s = (int)links->wait;
	settings->reboot_s = (int)links->reboot;
	return count <= SETTINGS_LINKS_MAX;
}

/* COURIER_HOME is stronger than the file, which is stronger than the usual place. */
static bool take_home(struct settings *settings, const char *configured, struct error *err)
{
	const char *const forced = getenv("COURIER_HOME");
	const bool usual = configured == NULL || (forced != NULL && forced[0] != 0);
	char path[PATH_MAX];

	if (usual && !home_directory(path, sizeof(path), err))
		return false;
	return text_set(&settings->home, usual ? path : configured, err);
}

static bool take(struct loaded *loaded, struct error *err)
{
	struct settings *const settings = &loaded->settings;
	const struct sync_section *const sync = config_one(loaded->config, "sync");
	const struct store_section *const store = config_one(loaded->config, "store");

	settings->parallel = (int)sync->parallel;
	settings->remember_s = (int)store->remember;
	if (!take_links(settings, loaded->config))
		return error_set(err, ERROR_USAGE, "[links] serial: more than %d patterns",
			(int)SETTINGS_LINKS_MAX);
	return take_servers(loaded, err) && take_repositories(settings, loaded->config, err)
		&& take_home(settings, store->home, err);
}

static void loaded_free(struct loaded **at)
{
	struct loaded *const loaded = *at;

	if (loaded == NULL)
		return;
	for (size_t i = 0; i < COUNT(loaded->tenant_tokens); i++) {
		if (loaded->tenant_tokens[i] != NULL)
			secret_wipe_bytes(
				loaded->tenant_tokens[i], strlen(loaded->tenant_tokens[i]));
		free(loaded->tenant_tokens[i]);
	}
	config_free(loaded->config);
	free(loaded->settings.home);
	free(loaded);
}

bool settings_load(const char *path, struct settings **out, struct error *err)
{
	CLEANUP(loaded_free) struct loaded *loaded = calloc(1, sizeof(*loaded));
	char usual[PATH_MAX] = "";
	bool found = false;

	if (loaded == NULL)
		return error_errno(err, "cannot allocate memory");
	if (path == NULL && !home_settings(usual, sizeof(usual), err))
		return false;

	const char *const from = path == NULL ? usual : path;

	if (!config_read(from, table, COUNT(table), path == NULL ? &found : NULL,
		    &loaded->config, err))
		return false;
	if (!take(loaded, err))
		return error_while(err, "%s", from);
	*out = &loaded->settings;
	loaded = NULL;
	return true;
}

void settings_free(struct settings *settings)
{
	struct loaded *loaded = (struct loaded *)settings;

	loaded_free(&loaded);
}

void settings_cleanup(struct settings **settings)
{
	settings_free(*settings);
}

bool settings_server(const struct settings *settings, const char *name,
	const struct server_settings **out, struct error *err)
{
	if (name == NULL && settings->server_count == 1) {
		*out = &settings->servers[0];
		return true;
	}
	if (name == NULL)
		return error_set(err, ERROR_USAGE,
			settings->server_count == 0
				? "no server is configured: courier.conf needs a section "
				  "[server NAME] with its url"
				: "several servers are configured: which one is not said");
	for (size_t i = 0; i < settings->server_count; i++) {
		if (strcmp(settings->servers[i].name, name) == 0) {
			*out = &settings->servers[i];
			return true;
		}
	}
	return error_set(err, ERROR_USAGE,
		"courier.conf has no section [server %s], which the operator's bundle names",
		name);
}
