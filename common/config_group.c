#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/config_group.h"
#include "common/nearest.h"

/* ---- names nobody knows ---- */

/* Several names in one sentence. */
struct names {
	char text[256];
	size_t len;
};

static void add_name(struct names *names, const char *name)
{
	const char *const comma = names->len == 0 ? "" : ", ";

	if (names->len + strlen(comma) + strlen(name) >= sizeof(names->text))
		return;
	(void)stpcpy(stpcpy(names->text + names->len, comma), name);
	names->len = strlen(names->text);
}

bool config_unknown_section(
	const struct config_section *table, size_t count, const char *name, struct error *err)
{
	struct nearest nearest = {.wrong = name};
	struct names names = {.len = 0};

	for (size_t i = 0; i < count; i++) {
		nearest_offer(&nearest, table[i].name);
		add_name(&names, table[i].name);
	}
	if (nearest.name != NULL)
		return error_set(err, ERROR_USAGE,
			"unknown section [%.64s], did you mean [%s]?", name, nearest.name);
	return error_set(
		err, ERROR_USAGE, "unknown section [%.64s], there are: %s", name, names.text);
}

bool config_unknown_key(
	const struct config_section *section, const char *name, struct error *err)
{
	struct nearest nearest = {.wrong = name};
	struct names names = {.len = 0};

	for (size_t i = 0; i < section->key_count; i++) {
		nearest_offer(&nearest, section->keys[i].name);
		add_name(&names, section->keys[i].name);
	}
	if (nearest.name != NULL)
		return error_set(err, ERROR_USAGE,
			"unknown key \"%.64s\" in [%s], did you mean \"%s\"?", name,
			section->name, nearest.name);
	return error_set(err, ERROR_USAGE, "unknown key \"%.64s\" in [%s], there are: %s", name,
		section->name, names.text);
}

/* ---- structures ---- */

bool config_no_memory(struct error *err)
{
	return error_errno(err, "cannot allocate the configuration");
}

static bool make_room(struct config_group *group, size_t size, struct error *err)
{
	if (group->count < group->room)
		return true;

	const size_t room = group->room == 0 ? 1 : 2 * group->room;
	uint8_t *const at = realloc(group->at, room * size);

	if (at == NULL)
		return config_no_memory(err);
	group->at = at;

	size_t *const lines = realloc(group->lines, room * sizeof(*lines));

	if (lines == NULL)
		return config_no_memory(err);
	group->lines = lines;
	group->room = room;
	return true;
}

/* One more structure, with the defaults in it. */
bool config_group_add(struct config_group *group, const struct config_section *section,
	size_t line, struct error *err)
{
	if (!make_room(group, section->size, err))
		return false;

	uint8_t *const at = group->at + group->count * section->size;

	if (section->defaults != NULL)
		memcpy(at, section->defaults, section->size);
	else
		memset(at, 0, section->size);
	group->lines[group->count++] = line;
	return true;
}

static const char *label_at(
	const struct config_section *section, const struct config_group *group, size_t index)
{
	const char *label = NULL;

	memcpy(&label, group->at + index * section->size + section->label, sizeof(label));
	return label;
}

static bool check_label(const struct config_section *section, const struct config_group *group,
	const char *label, struct error *err)
{
	if (strlen(label) > CONFIG_NAME_MAX)
		return error_set(
			err, ERROR_USAGE, "name longer than %d bytes", (int)CONFIG_NAME_MAX);
	if (strpbrk(label, "[]") != NULL)
		return error_set(err, ERROR_USAGE, "bracket in a name");
	for (size_t i = 0; i < group->count; i++)
		if (strcmp(label_at(section, group, i), label) == 0)
			return error_set(err, ERROR_USAGE, "[%s %s] is already in line %zu",
				section->name, label, group->lines[i]);
	if (group->count == CONFIG_SECTIONS_MAX)
		return error_set(err, ERROR_USAGE, "more than %d sections [%s]",
			(int)CONFIG_SECTIONS_MAX, section->name);
	return true;
}

bool config_group_takes(const struct config_group *group, const struct config_section *section,
	const char *label, struct error *err)
{
	if (section->named && *label == 0)
		return error_set(err, ERROR_USAGE, "needs a name: [%s NAME]", section->name);
	if (section->named)
		return check_label(section, group, label, err);
	if (*label != 0)
		return error_set(err, ERROR_USAGE, "takes no name: [%s]", section->name);
	if (group->count > 0)
		return error_set(err, ERROR_USAGE, "[%s] is already in line %zu", section->name,
			group->lines[0]);
	return true;
}

void *config_group_last(const struct config_group *group, const struct config_section *section)
{
	return group->at + (group->count - 1) * section->size;
}

void config_group_done(struct config_group *group)
{
	free(group->at);
	free(group->lines);
	*group = (struct config_group){0};
}
