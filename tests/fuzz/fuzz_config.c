/*
 * What was read, written down in the plainest way, reads the same again.
 */
#include <stdlib.h>
#include <string.h>

#include "common/config.h"
#include "tests/fuzz/fuzz.h"

struct section {
	const char *name, *text, *path;
	struct config_list texts, words;
	int64_t number, size, duration;
	bool yes;
	int choice;
};

static const char *const choices[] = {"one", "two", NULL};

static const struct config_key keys[] = {
	{"text", CONFIG_TEXT, .offset = offsetof(struct section, text)},
	{"path", CONFIG_PATH, .offset = offsetof(struct section, path)},
	{"texts", CONFIG_TEXT, .offset = offsetof(struct section, texts), .repeat = true},
	{"words", CONFIG_WORDS, .offset = offsetof(struct section, words)},
	{"number", CONFIG_INTEGER, .offset = offsetof(struct section, number), .min = INT64_MIN,
		.max = INT64_MAX},
	{"size", CONFIG_SIZE, .offset = offsetof(struct section, size)},
	{"duration", CONFIG_DURATION, .offset = offsetof(struct section, duration)},
	{"yes", CONFIG_BOOL, .offset = offsetof(struct section, yes)},
	{"choice", CONFIG_CHOICE, .offset = offsetof(struct section, choice),
		.choices = choices},
};

static const struct config_section table[] = {
	{"one", .keys = keys, .key_count = COUNT(keys), .size = sizeof(struct section)},
	{"many", .named = true, .label = offsetof(struct section, name), .keys = keys,
		.key_count = COUNT(keys), .size = sizeof(struct section)},
};

static struct error err;

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void write_text(struct buf *out, const char *key, const char *text)
{
	if (text != NULL)
		must(buf_print(out, &err, "%s = %s\n", key, text));
}

static void write_words(struct buf *out, const struct config_list *words)
{
	if (words->count == 0)
		return;
	must(buf_print(out, &err, "words ="));
	for (size_t i = 0; i < words->count; i++) {
		must(buf_print(out, &err, " \""));
		for (const char *c = words->at[i]; *c != 0; c++)
			must(buf_print(out, &err, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c));
		must(buf_print(out, &err, "\""));
	}
	must(buf_print(out, &err, "\n"));
	must(words->at[words->count] == NULL);
}

static void write_section(struct buf *out, const struct section *section)
{
	write_text(out, "text", section->text);
	write_text(out, "path", section->path);
	for (size_t i = 0; i < section->texts.count; i++)
		write_text(out, "texts", section->texts.at[i]);
	write_words(out, &section->words);
	must(buf_print(out, &err, "number = %lld\nsize = %lld\nduration = %llds\n",
		(long long)section->number, (long long)section->size,
		(long long)section->duration));
	must(buf_print(out, &err, "yes = %s\nchoice = %s\n", section->yes ? "yes" : "no",
		choices[section->choice]));
}

static void write_config(struct buf *out, const struct config *config)
{
	size_t count = 0;
	const struct section *const many = config_all(config, "many", &count);

	must(buf_print(out, &err, "[one]\n"));
	write_section(out, config_one(config, "one"));
	for (size_t i = 0; i < count; i++) {
		must(buf_print(out, &err, "[many %s]\n", many[i].name));
		write_section(out, &many[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	CLEANUP(config_cleanup) struct config *config = NULL, *again = NULL;
	CLEANUP(buf_free) struct buf first = {0}, second = {0};

	if (!config_parse(
		    "fuzz.conf", (struct bytes){at, len}, table, COUNT(table), &config, &err)) {
		must(config == NULL && strncmp(err.text, "fuzz.conf:", 10) == 0);
		return 0;
	}
	write_config(&first, config);
	if (first.len > CONFIG_SIZE_MAX)
		return 0;
	must(config_parse("fuzz.conf", buf_bytes(&first), table, COUNT(table), &again, &err));
	write_config(&second, again);
	must(bytes_equal(buf_bytes(&first), buf_bytes(&second)));
	return 0;
}
