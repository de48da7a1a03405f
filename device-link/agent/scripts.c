#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"
#include "common/statement.h"
#include "common/utf8.h"
#include "device-link/agent/process.h"
#include "device-link/agent/scripts.h"

enum { DEVICE_TYPE_FILE_MAX = 4096 };

static const char prefix[] = "mender-inventory-";

/* ---- key=value lines ---- */

struct line {
	char *key, *value;
};

struct lines {
	char *text; /* cut up in place */
	struct line at[SCRIPTS_KEYS_MAX];
	size_t count;
};

static void lines_free(struct lines *lines)
{
	free(lines->text);
	lines->text = NULL;
}

static bool take_line(struct lines *lines, char *line, struct error *err)
{
	char *const equals = strchr(line, '=');

	if (line[0] == 0)
		return true;
	if (equals == NULL || equals == line)
		return error_set(err, ERROR_MALFORMED, "not key=value: '%.60s'", line);
	if (lines->count == SCRIPTS_KEYS_MAX)
		return error_set(
			err, ERROR_MALFORMED, "more than %d lines", (int)SCRIPTS_KEYS_MAX);
	*equals = 0;
	lines->at[lines->count++] = (struct line){line, equals + 1};
	return true;
}

static bool lines_parse(struct bytes text, struct lines *out, struct error *err)
{
	if (text.len > SCRIPTS_OUTPUT_MAX)
		return error_set(
			err, ERROR_MALFORMED, "more than %d bytes", (int)SCRIPTS_OUTPUT_MAX);
	if (text.len > 0 && memchr(text.at, 0, text.len) != NULL)
		return error_set(err, ERROR_MALFORMED, "a NUL byte");
	out->text = malloc(text.len + 1);
	if (out->text == NULL)
		return error_errno(err, "cannot allocate %zu bytes", text.len + 1);
	if (text.len > 0)
		memcpy(out->text, text.at, text.len);
	out->text[text.len] = 0;

	char *rest = out->text;

	for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
		line[strcspn(line, "\r")] = 0;
		if (!take_line(out, line, err))
			return false;
	}
	return true;
}

static bool seen_before(const struct lines *lines, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (strcmp(lines->at[i].key, lines->at[index].key) == 0)
			return true;
	return false;
}

static size_t times(const struct lines *lines, const char *key)
{
	size_t count = 0;

	for (size_t i = 0; i < lines->count; i++)
		count += strcmp(lines->at[i].key, key) == 0;
	return count;
}

/* Member NAME of OBJECT: the value of KEY, or an array of its values. */
static void add_values(
	struct json *object, const char *name, const struct lines *lines, const char *key)
{
	const bool many = times(lines, key) > 1;
	struct json *const array = many ? json_add_array(object, name) : NULL;

	for (size_t i = 0; i < lines->count; i++) {
		if (strcmp(lines->at[i].key, key) != 0)
			continue;
		if (many)
			json_append_string(array, lines->at[i].value);
		else
			json_add_string(object, name, lines->at[i].value);
	}
}

bool scripts_parse(struct bytes text, struct json **object, struct error *err)
{
	CLEANUP(lines_free) struct lines lines = {0};

	if (!lines_parse(text, &lines, err))
		return false;

	struct json *const out = json_new_object();

	for (size_t i = 0; i < lines.count; i++)
		if (!seen_before(&lines, i))
			add_values(out, lines.at[i].key, &lines, lines.at[i].key);
	*object = out;
	return true;
}

bool scripts_pairs(struct bytes text, struct artifact_pairs *pairs, struct error *err)
{
	CLEANUP(lines_free) struct lines lines = {0};

	if (!lines_parse(text, &lines, err))
		return false;
	for (size_t i = 0; i < lines.count; i++)
		if (!artifact_pairs_add(pairs, lines.at[i].key, lines.at[i].value, err))
			return false;
	return true;
}

/* ---- running ---- */

static int64_t monotonic_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool scripts_run(const char *const *argv, int *left_ms, struct buf *text, struct error *err)
{
	const int timeout_ms
		= *left_ms < SCRIPTS_TIMEOUT_MS ? *left_ms : (int)SCRIPTS_TIMEOUT_MS;
	const int64_t start = monotonic_ms();

	if (timeout_ms <= 0)
		return error_set(err, ERROR_TIMEOUT,
			"%s: not run: the scripts before it took all the time there is",
			argv[0]);

	const bool ok = process_run(&(struct process_how){.argv = argv}, timeout_ms, text, err);
	const int64_t took = monotonic_ms() - start;

	*left_ms = took < *left_ms ? *left_ms - (int)took : 0;
	return ok;
}

/* ---- identity ---- */

bool scripts_identity(const char *path, int *left_ms, struct buf *canonical, struct error *err)
{
	const char *const argv[] = {path, NULL};
	CLEANUP(buf_free) struct buf text = {0}, printed = {0};
	CLEANUP(json_cleanup) struct json *object = NULL;

	if (!scripts_run(argv, left_ms, &text, err))
		return false;
	if (!scripts_parse(buf_bytes(&text), &object, err))
		return error_while(err, "%s", path);
	if (json_count(object) == 0)
		return error_set(err, ERROR_FAILED, "%s: prints no identity", path);
	/* A name that differs by a replaced byte would be another device. */
	if (utf8_valid(buf_bytes(&text)) != text.len)
		return error_set(err, ERROR_MALFORMED, "%s: identity is not UTF-8", path);
	return json_print(object, &printed, err)
		&& json_canonical(buf_bytes(&printed), canonical, err);
}

/* ---- inventory ---- */

void scripts_inventory_free(struct scripts_inventory *inventory)
{
	json_free(inventory->attributes);
	buf_free(&inventory->failed);
	*inventory = (struct scripts_inventory){0};
}

static bool add_inventory(
	const char *path, int *left_ms, struct json *attributes, struct error *err)
{
	const char *const argv[] = {path, NULL};
	CLEANUP(buf_free) struct buf text = {0};
	CLEANUP(lines_free) struct lines lines = {0};

	if (!scripts_run(argv, left_ms, &text, err)
		|| !lines_parse(buf_bytes(&text), &lines, err))
		return false;
	for (size_t i = 0; i < lines.count; i++) {
		if (seen_before(&lines, i)
			|| json_count(attributes) >= STATEMENT_ATTRIBUTES_MAX)
			continue;

		struct json *const attribute = json_append_object(attributes);

		json_add_string(attribute, "name", lines.at[i].key);
		add_values(attribute, "value", &lines, lines.at[i].key);
	}
	return true;
}

static int is_inventory_script(const struct dirent *entry)
{
	return strncmp(entry->d_name, prefix, sizeof(prefix) - 1) == 0;
}

static bool run_named(const char *directory, const char *name, int *left_ms,
	struct scripts_inventory *inventory, struct error *err)
{
	char path[4096];
	struct error why = {0};

	if (!file_path(path, sizeof(path), directory, name, err))
		return false;
	if (access(path, X_OK) != 0)
		return true; /* Mender, too, runs only what is executable */
	inventory->not_run += *left_ms <= 0;
	return add_inventory(path, left_ms, inventory->attributes, &why)
		|| buf_print(&inventory->failed, err, "%s\n", why.text);
}

bool scripts_inventory(
	const char *directory, int *left_ms, struct scripts_inventory *out, struct error *err)
{
	CLEANUP(scripts_inventory_free)
	struct scripts_inventory inventory = {.attributes = json_new_array()};
	struct dirent **entries = NULL;
	const int count = scandir(directory, &entries, is_inventory_script, alphasort);
	bool ok = count >= 0
		|| buf_print(&inventory.failed, err, "%s: cannot read\n", directory);

	for (int i = 0; i < count; i++) {
		if (ok && i < SCRIPTS_MAX)
			ok = run_named(directory, entries[i]->d_name, left_ms, &inventory, err);
		free(entries[i]);
	}
	free(entries);
	/* What a device has too many of must not keep it from going back to old software. */
	if (ok && count > SCRIPTS_MAX)
		ok = buf_print(&inventory.failed, err,
			"%s: only the first %d of %d scripts are run\n", directory,
			(int)SCRIPTS_MAX, count);
	if (ok) {
		*out = inventory;
		inventory = (struct scripts_inventory){0};
	}
	return ok;
}

/* ---- device type ---- */

bool scripts_device_type(const char *path, char *type, size_t room, struct error *err)
{
	CLEANUP(buf_free) struct buf text = {0};
	CLEANUP(lines_free) struct lines lines = {0};

	if (!file_read(path, DEVICE_TYPE_FILE_MAX, &text, NULL, err))
		return false;
	if (!lines_parse(buf_bytes(&text), &lines, err))
		return error_while(err, "%s", path);
	if (lines.count != 1 || strcmp(lines.at[0].key, "device_type") != 0
		|| lines.at[0].value[0] == 0)
		return error_set(
			err, ERROR_MALFORMED, "%s: not one line device_type=TYPE", path);
	if (strlen(lines.at[0].value) >= room)
		return error_set(err, ERROR_MALFORMED, "%s: device type too long", path);
	memcpy(type, lines.at[0].value, strlen(lines.at[0].value) + 1);
	return true;
}
