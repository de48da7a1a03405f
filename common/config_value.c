#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/config_value.h"

/* ---- memory ---- */

struct config_chunk {
	struct config_chunk *next;
	max_align_t content[];
};

void *config_allocate(struct config_memory *memory, size_t len)
{
	struct config_chunk *const chunk = calloc(1, sizeof(*chunk) + len);

	if (chunk == NULL)
		return NULL;
	chunk->next = memory->first;
	memory->first = chunk;
	return chunk->content;
}

void config_release(struct config_memory *memory)
{
	while (memory->first != NULL) {
		struct config_chunk *const chunk = memory->first;

		memory->first = chunk->next;
		free(chunk);
	}
}

static bool no_memory(struct error *err)
{
	return error_errno(err, "cannot allocate the configuration");
}

/* ---- texts and lists ---- */

OWNER_UNSEEN_BEGIN
static bool add_to_list(const struct config_reader *reader, struct config_list *list,
	const char *text, struct error *err)
{
	if (list->count == CONFIG_LIST_MAX)
		return error_set(
			err, ERROR_USAGE, "at most %d are allowed", (int)CONFIG_LIST_MAX);
	if (list->at == NULL)
		list->at = config_allocate(
			reader->memory, (CONFIG_LIST_MAX + 1) * sizeof(*list->at));
	if (list->at == NULL)
		return no_memory(err);
	list->at[list->count++] = text;
	return true;
}
OWNER_UNSEEN_END

/* To the end of the list, or to where the one text goes. */
static bool store_one(const struct config_reader *reader, const struct config_key *key,
	const char *text, void *member, struct error *err)
{
	if (key->repeat)
		return add_to_list(reader, member, text, err);
	*(const char **)member = text;
	return true;
}

static bool store_text(const struct config_reader *reader, const struct config_key *key,
	char *value, void *member, struct error *err)
{
	return store_one(reader, key, value, member, err);
}

static bool store_path(const struct config_reader *reader, const struct config_key *key,
	char *value, void *member, struct error *err)
{
	const size_t directory = strlen(reader->directory), len = strlen(value);

	if (value[0] == '/' || directory == 0)
		return store_one(reader, key, value, member, err);

	char *const path = config_allocate(reader->memory, directory + len + 1);

	if (path == NULL)
		return no_memory(err);
	memcpy(path, reader->directory, directory);
	memcpy(path + directory, value, len + 1);
	return store_one(reader, key, path, member, err);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

/* The word in quotes at *AT, written over itself without them; NULL if it does not
 * end, or not before white space. */
static char *cut_quoted(char **at)
{
	char *const word = ++*at;
	char *to = word;

	while (**at != '"') {
		if (**at == '\\' && ((*at)[1] == '"' || (*at)[1] == '\\'))
			++*at;
		if (**at == 0)
			return NULL;
		*to++ = *(*at)++;
	}
	++*at;
	if (**at != 0 && !is_space(**at))
		return NULL;
	if (**at != 0)
		++*at;
	*to = 0;
	return word;
}

/* The plain word at *AT; NULL if there is a quote in it. */
static char *cut_plain(char **at)
{
	char *const word = *at;

	while (**at != 0 && !is_space(**at))
		if (*(*at)++ == '"')
			return NULL;
	if (**at != 0)
		*(*at)++ = 0;
	return word;
}

static bool store_words(const struct config_reader *reader, const struct config_key *key,
	char *value, void *member, struct error *err)
{
	(void)key;
	while (*value != 0) {
		const char *const word = *value == '"' ? cut_quoted(&value) : cut_plain(&value);

		if (word == NULL)
			return error_set(
				err, ERROR_USAGE, "a \" may only begin and end a whole word");
		if (!add_to_list(reader, member, word, err))
			return false;
		while (is_space(*value))
			value++;
	}
	return true;
}

/* ---- numbers ---- */

struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit plain_units[] = {{"", 1}, {NULL, 0}};
static const struct unit size_units[]
	= {{"", 1}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {NULL, 0}};
static const struct unit duration_units[]
	= {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {NULL, 0}};

static const struct {
	const struct unit *units;
	const char *what;
} numbers[] = {
	[CONFIG_INTEGER] = {plain_units, "a whole number"},
	[CONFIG_SIZE] = {size_units, "a size like 4096, 64K, 10M or 2G"},
	[CONFIG_DURATION] = {duration_units, "a time like 30s, 5m, 12h or 7d"},
};

static bool apply_unit(const struct unit *unit, const char *name, int64_t *value)
{
	/* Nothing is nothing in any unit. */
	if (*value == 0 && *name == 0)
		return true;
	while (unit->name != NULL && strcmp(unit->name, name) != 0)
		unit++;
	return unit->name != NULL && !__builtin_mul_overflow(*value, unit->factor, value);
}

static bool read_number(const struct unit *units, const char *text, int64_t *out)
{
	const char *const digits = text[0] == '-' ? text + 1 : text;
	char *end = NULL;

	if (digits[0] < '0' || digits[0] > '9')
		return false;
	errno = 0;

	int64_t value = strtoll(text, &end, 10);

	if (errno != 0 || !apply_unit(units, end, &value))
		return false;
	*out = value;
	return true;
}

static bool store_number(const struct config_reader *reader, const struct config_key *key,
	char *value, void *member, struct error *err)
{
	const char *const what = numbers[key->kind].what;
	const bool any = key->min == 0 && key->max == 0;
	int64_t number = 0;

	(void)reader;
	if (!read_number(numbers[key->kind].units, value, &number) || (any && number < 0))
		return error_set(err, ERROR_USAGE, "must be %s", what);
	if (!any && (number < key->min || number > key->max))
		return error_set(err, ERROR_USAGE, "must be %s, from %lld to %lld%s", what,
			(long long)key->min, (long long)key->max,
			key->kind == CONFIG_DURATION       ? " seconds"
				: key->kind == CONFIG_SIZE ? " bytes"
							   : "");
	*(int64_t *)member = number;
	return true;
}

/* ---- one of several ---- */

static bool store_bool(const struct config_reader *reader, const struct config_key *key,
	char *value, void *member, struct error *err)
{
	const bool yes = strcmp(value, "yes") == 0 || strcmp(value, "true") == 0;
	const bool no = strcmp(value, "no") == 0 || strcmp(value, "false") == 0;

	(void)reader;
	(void)key;
	if (!yes && !no)
		return error_set(err, ERROR_USAGE, "must be yes or no");
	*(bool *)member = yes;
	return true;
}

static bool refuse_choice(const struct config_key *key, struct error *err)
{
	char list[256] = "";
	char *end = list;

	for (size_t i = 0; key->choices[i] != NULL; i++) {
		const char *const comma = i == 0 ? "" : key->choices[i + 1] ? ", " : " or ";
		const size_t len = (size_t)(end - list) + strlen(comma);

		if (len + strlen(key->choices[i]) >= sizeof(list))
			break;
		end = stpcpy(stpcpy(end, comma), key->choices[i]);
	}
	return error_set(err, ERROR_USAGE, "must be %s", list);
}

static bool store_choice(const struct config_reader *reader, const struct config_key *key,
	char *value, void *member, struct error *err)
{
	(void)reader;
	for (int i = 0; key->choices[i] != NULL; i++) {
		if (strcmp(key->choices[i], value) != 0)
			continue;
		memcpy(member, &i, sizeof(i));
		return true;
	}
	return refuse_choice(key, err);
}

bool config_store(const struct config_reader *reader, const struct config_key *key, char *value,
	bool first, void *section, struct error *err)
{
	static bool (*const store[])(const struct config_reader *, const struct config_key *,
		char *, void *, struct error *)
		= {
			[CONFIG_TEXT] = store_text,
			[CONFIG_PATH] = store_path,
			[CONFIG_INTEGER] = store_number,
			[CONFIG_BOOL] = store_bool,
			[CONFIG_SIZE] = store_number,
			[CONFIG_DURATION] = store_number,
			[CONFIG_CHOICE] = store_choice,
			[CONFIG_WORDS] = store_words,
		};
	void *const member = (char *)section + key->offset;

	if (value[0] == 0)
		return error_set(err, ERROR_USAGE, "has no value");
	if (first && (key->repeat || key->kind == CONFIG_WORDS))
		memset(member, 0, sizeof(struct config_list));
	return store[key->kind](reader, key, value, member, err);
}
