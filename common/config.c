#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/config_group.h"
#include "common/config_value.h"
#include "common/file.h"
#include "common/utf8.h"

struct config {
	const struct config_section *table;
	size_t table_count;
	struct config_group *groups; /* one for each entry of the table */
	struct config_memory memory;
};

/* The file while it is read. */
struct parser {
	struct config *config;
	const char *path;
	struct config_reader reader;
	size_t line;
	size_t section; /* the open one, in the table; table_count before the first */
	size_t *seen;   /* the line of each of its keys; 0: not yet */
};

static const struct config_section *section_of(const struct parser *parser)
{
	return &parser->config->table[parser->section];
}

static struct config_group *group_of(const struct parser *parser)
{
	return &parser->config->groups[parser->section];
}

/* The error happened in LINE. */
static bool in_line(const char *path, size_t line, struct error *err)
{
	return error_while(err, "%.140s:%zu", path, line);
}

/* ---- sections ---- */

static bool begin_section(
	struct parser *parser, const char *name, const char *label, struct error *err)
{
	struct config *const config = parser->config;

	parser->section = 0;
	while (parser->section < config->table_count
		&& strcmp(section_of(parser)->name, name) != 0)
		parser->section++;
	if (parser->section == config->table_count)
		return config_unknown_section(config->table, config->table_count, name, err);

	const struct config_section *const section = section_of(parser);
	struct config_group *const group = group_of(parser);

	if (!config_group_takes(group, section, label, err)
		|| !config_group_add(group, section, parser->line, err))
		return false;
	if (section->named)
		memcpy((char *)config_group_last(group, section) + section->label, &label,
			sizeof(label));
	parser->seen = config_allocate(
		&config->memory, (section->key_count + 1) * sizeof(*parser->seen));
	return parser->seen != NULL || config_no_memory(err);
}

static bool end_section(const struct parser *parser, struct error *err)
{
	if (parser->section == parser->config->table_count)
		return true;

	const struct config_section *const section = section_of(parser);
	const struct config_group *const group = group_of(parser);

	for (size_t i = 0; i < section->key_count; i++)
		if (section->keys[i].required && parser->seen[i] == 0) {
			(void)error_set(err, ERROR_USAGE, "[%s] needs the key \"%s\"",
				section->name, section->keys[i].name);
			return in_line(parser->path, group->lines[group->count - 1], err);
		}
	return true;
}

/* ---- lines ---- */

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* TEXT without the white space around it; its end is cut off in place. */
static char *trim(char *text)
{
	size_t len = 0;

	while (is_space(*text))
		text++;
	len = strlen(text);
	while (len > 0 && is_space(text[len - 1]))
		len--;
	text[len] = 0;
	return text;
}

/* [name] or [name LABEL] */
static bool read_header(struct parser *parser, char *line, struct error *err)
{
	const size_t len = strlen(line);

	if (len < 2 || line[len - 1] != ']')
		return error_set(err, ERROR_USAGE, "a section header must end with ]");
	line[len - 1] = 0;

	char *const name = trim(line + 1);
	char *const space = strpbrk(name, " \t\r");
	const char *label = "";

	if (space != NULL) {
		label = trim(space + 1);
		*space = 0;
	}
	return begin_section(parser, name, label, err);
}

static bool read_key(struct parser *parser, char *name, char *value, struct error *err)
{
	const struct config_section *const section = section_of(parser);
	struct config_group *const group = group_of(parser);
	size_t i = 0;

	while (i < section->key_count && strcmp(section->keys[i].name, name) != 0)
		i++;
	if (i == section->key_count)
		return config_unknown_key(section, name, err);
	if (parser->seen[i] != 0 && !section->keys[i].repeat)
		return error_set(
			err, ERROR_USAGE, "%s: is already in line %zu", name, parser->seen[i]);

	const bool first = parser->seen[i] == 0;

	parser->seen[i] = parser->line;
	return config_store(&parser->reader, &section->keys[i], value, first,
		       config_group_last(group, section), err)
		|| error_while(err, "%s", name);
}

static bool read_line(struct parser *parser, char *line, struct error *err)
{
	if (*line == 0 || *line == '#')
		return true;
	if (*line == '[')
		return read_header(parser, line, err);

	char *const equals = strchr(line, '=');

	if (equals == NULL || equals == line)
		return error_set(err, ERROR_USAGE,
			"neither [section] nor \"key = value\" nor a # comment");
	if (parser->section == parser->config->table_count)
		return error_set(err, ERROR_USAGE, "a key before any [section]");
	*equals = 0;
	return read_key(parser, trim(line), trim(equals + 1), err);
}

static bool read_lines(struct parser *parser, char *text, struct error *err)
{
	while (text != NULL) {
		char *const line = strsep(&text, "\n");
		char *const trimmed = trim(line);

		/* Errors of the section before come with their own line. */
		if (*trimmed == '[' && !end_section(parser, err))
			return false;
		parser->line++;
		if (!read_line(parser, trimmed, err))
			return in_line(parser->path, parser->line, err);
	}
	return end_section(parser, err);
}

/* ---- files ---- */

/* A tab, or the end of a line? */
static bool may_control(struct bytes text, size_t i)
{
	const bool ends = i + 1 == text.len || text.at[i + 1] == '\n';

	return text.at[i] == '\t' || text.at[i] == '\n' || (text.at[i] == '\r' && ends);
}

/* Nothing but text: UTF-8, tabs and ends of lines. */
static bool check_text(const char *path, struct bytes text, struct error *err)
{
	const size_t valid = utf8_valid(text);
	const char *what = NULL;
	size_t line = 1;

	if (text.len >= 3 && memcmp(text.at, "\xef\xbb\xbf", 3) == 0)
		what = "a byte order mark";
	for (size_t i = 0; i < text.len && what == NULL; i++) {
		if (i == valid)
			what = "not UTF-8";
		else if ((text.at[i] < 0x20 || text.at[i] == 0x7f) && !may_control(text, i))
			what = "a control character";
		line += text.at[i] == '\n';
	}
	if (what == NULL)
		return true;
	(void)error_set(err, ERROR_USAGE, "%s", what);
	return in_line(path, line, err);
}

/* Required sections are there, and single ones have their defaults at least. */
static bool complete(struct config *config, struct error *err)
{
	for (size_t i = 0; i < config->table_count; i++) {
		const struct config_section *const section = &config->table[i];

		if (config->groups[i].count > 0)
			continue;
		if (section->required)
			return error_set(err, ERROR_USAGE, "no section [%s%s]", section->name,
				section->named ? " NAME" : "");
		if (!section->named && !config_group_add(&config->groups[i], section, 0, err))
			return false;
	}
	return true;
}

static char *copy(struct config_memory *memory, const void *at, size_t len)
{
	char *const text = config_allocate(memory, len + 1);

	if (text != NULL && len > 0)
		memcpy(text, at, len);
	return text;
}

static bool parse(struct config *config, const char *path, struct bytes text, struct error *err)
{
	const char *const slash = strrchr(path, '/');
	char *const lines = copy(&config->memory, text.at, text.len);
	struct parser parser = {
		.config = config,
		.path = path,
		.reader = {&config->memory,
			copy(&config->memory, path,
				slash == NULL ? 0 : (size_t)(slash - path) + 1)},
		.section = config->table_count,
	};

	if (lines == NULL || parser.reader.directory == NULL)
		return config_no_memory(err);
	return check_text(path, text, err) && read_lines(&parser, lines, err)
		&& (complete(config, err) || error_while(err, "%s", path));
}

static struct config *new_config(const struct config_section *table, size_t count)
{
	CLEANUP(config_cleanup) struct config *config = calloc(1, sizeof(*config));

	if (config == NULL)
		return NULL;
	config->table = table;
	config->groups = calloc(count + 1, sizeof(*config->groups));
	if (config->groups == NULL)
		return NULL;
	config->table_count = count;

	struct config *const made = config;

	config = NULL;
	return made;
}

bool config_parse(const char *path, struct bytes text, const struct config_section *table,
	size_t count, struct config **out, struct error *err)
{
	CLEANUP(config_cleanup) struct config *config = new_config(table, count);

	if (config == NULL)
		return config_no_memory(err);
	if (text.len > CONFIG_SIZE_MAX)
		return error_set(err, ERROR_USAGE, "%s: larger than %d bytes", path,
			(int)CONFIG_SIZE_MAX);
	if (!parse(config, path, text, err))
		return false;
	*out = config;
	config = NULL;
	return true;
}

bool config_read(const char *path, const struct config_section *table, size_t count,
	bool *found, struct config **out, struct error *err)
{
	CLEANUP(buf_free) struct buf text = {0};

	if (!file_read(path, CONFIG_SIZE_MAX, &text, found, err)) {
		if (err->code == ERROR_MALFORMED) /* too large */
			err->code = ERROR_USAGE;
		return false;
	}
	return config_parse(path, buf_bytes(&text), table, count, out, err);
}

void config_free(struct config *config)
{
	if (config == NULL)
		return;
	for (size_t i = 0; i < config->table_count; i++)
		config_group_done(&config->groups[i]);
	free(config->groups);
	config_release(&config->memory);
	free(config);
}

void config_cleanup(struct config **config)
{
	config_free(*config);
	*config = NULL;
}

/* ---- what was read ---- */

static const struct config_group *find_group(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->table_count; i++)
		if (strcmp(config->table[i].name, name) == 0)
			return &config->groups[i];
	return NULL;
}

const void *config_one(const struct config *config, const char *name)
{
	const struct config_group *const group = find_group(config, name);

	return group == NULL ? NULL : group->at;
}

const void *config_all(const struct config *config, const char *name, size_t *count)
{
	const struct config_group *const group = find_group(config, name);

	*count = group == NULL ? 0 : group->count;
	return group == NULL ? NULL : group->at;
}

size_t config_line(const struct config *config, const char *name, size_t index)
{
	const struct config_group *const group = find_group(config, name);

	return group == NULL || index >= group->count ? 0 : group->lines[index];
}
