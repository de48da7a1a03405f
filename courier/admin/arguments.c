#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/nearest.h"
#include "courier/admin/arguments.h"

enum { NUMBER_MAX = 1000000 };

static bool add(struct argument_list *list, const char *text, struct error *err)
{
	if (list->count == COUNT(list->at))
		return error_set(err, ERROR_USAGE, "over %zu of them", COUNT(list->at));
	list->at[list->count++] = text;
	return true;
}

static bool store_number(int64_t *out, const char *text, struct error *err)
{
	char *end = NULL;

	errno = 0;

	const long long number = strtoll(text, &end, 10);

	if (errno != 0 || end == text || *end != 0 || number < 0 || number > NUMBER_MAX)
		return error_set(err, ERROR_USAGE, "not a number from 0 to %d", NUMBER_MAX);
	*out = number;
	return true;
}

static bool store(
	const struct argument *argument, void *out, const char *value, struct error *err)
{
	void *const member = (char *)out + argument->offset;

	if (argument->kind == ARGUMENT_FLAG) {
		*(bool *)member = true;
		return true;
	}
	if (argument->kind == ARGUMENT_LIST)
		return add(member, value, err);
	if (argument->kind == ARGUMENT_NUMBER)
		return store_number(member, value, err);
	if (*(const char **)member != NULL)
		return error_set(err, ERROR_USAGE, "given twice");
	*(const char **)member = value;
	return true;
}

/* The option that NAME, of LEN bytes, is. */
static const struct argument *find(const struct argument_group *groups, size_t count,
	const char *name, size_t len, void **out)
{
	for (size_t group = 0; group < count; group++) {
		for (size_t i = 0; i < groups[group].count; i++) {
			const struct argument *const at = &groups[group].at[i];

			if (strlen(at->name) == len && memcmp(at->name, name, len) == 0) {
				*out = groups[group].out;
				return at;
			}
		}
	}
	return NULL;
}

static bool unknown(const struct argument_group *groups, size_t count, const char *word,
	size_t len, struct error *err)
{
	char name[NEAREST_LENGTH_MAX + 1] = "";
	struct nearest nearest = {.wrong = name};

	memcpy(name, word, len < sizeof(name) ? len : sizeof(name) - 1);
	for (size_t group = 0; group < count; group++)
		for (size_t i = 0; i < groups[group].count; i++)
			nearest_offer(&nearest, groups[group].at[i].name);
	if (nearest.name != NULL)
		return error_set(err, ERROR_USAGE, "--%s: no such option; did you mean --%s?",
			name, nearest.name);
	return error_set(err, ERROR_USAGE, "--%s: no such option", name);
}

/* The option at ARGV[*INDEX], and its value, which may be the next word. */
static bool read_option(int argc, char **argv, int *index, const struct argument_group *groups,
	size_t count, struct error *err)
{
	const char *const name = argv[*index] + 2;
	const size_t len = strcspn(name, "=");
	const char *value = name[len] == '=' ? name + len + 1 : NULL;
	void *out = NULL;
	const struct argument *const option = find(groups, count, name, len, &out);

	if (option == NULL)
		return unknown(groups, count, name, len, err);
	if (option->kind == ARGUMENT_FLAG && value != NULL)
		return error_set(err, ERROR_USAGE, "--%s: takes no value", option->name);
	if (option->kind != ARGUMENT_FLAG && value == NULL && *index + 1 < argc)
		value = argv[++*index];
	if (option->kind != ARGUMENT_FLAG && (value == NULL || value[0] == 0))
		return error_set(
			err, ERROR_USAGE, "--%s: needs %s", option->name, option->value);
	++*index;
	return store(option, out, value, err) || error_while(err, "--%s", option->name);
}

bool arguments_read(int argc, char **argv, int *index, const struct argument_group *groups,
	size_t count, struct argument_list *words, struct error *err)
{
	bool options = true;

	while (*index < argc) {
		const char *const word = argv[*index];

		if (options && strcmp(word, "--") == 0) {
			options = false;
			++*index;
		} else if (options && strncmp(word, "--", 2) == 0) {
			if (!read_option(argc, argv, index, groups, count, err))
				return false;
		} else if (options && word[0] == '-' && word[1] != 0) {
			return error_set(err, ERROR_USAGE,
				"%s: no such option; options begin with two dashes", word);
		} else if (words == NULL) {
			return true;
		} else {
			if (!add(words, word, err))
				return error_while(err, "words");
			++*index;
		}
	}
	return true;
}

void arguments_help(FILE *stream, const struct argument *table, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char left[64];

		(void)snprintf(left, sizeof(left), "--%s %s", table[i].name,
			table[i].value == NULL ? "" : table[i].value);
		(void)fprintf(stream, "  %-32s %s\n", left, table[i].summary);
	}
}
