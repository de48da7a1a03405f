/* To whom targets metadata delegate, and for what (TUF 4.5, TAP 15). */
#include <stdlib.h>
#include <string.h>

#include "common/tuf/tuf_metadata.h"
#include "common/tuf/tuf_path.h"

struct said_list {
	struct tuf_list texts;
	bool given;
};

struct said_role {
	struct tuf_role role;
	struct said_list paths, prefixes;
};

struct said_delegations {
	struct tuf_list keys, roles;
	bool has_roles;
	struct tuf_bins *bins;
};

static bool name_is_fit(const char *name, struct error *err)
{
	char quoted[TUF_NAME_MAX + 1];

	if (!tuf_quote(name, quoted, sizeof(quoted)))
		return error_set(err, ERROR_MALFORMED, "name of a role: too long");
	for (int kind = 0; kind < TUF_KIND_COUNT; kind++)
		if (strcmp(name, tuf_kind_name((enum tuf_kind)kind)) == 0)
			return error_set(err, ERROR_MALFORMED, "%s cannot be delegated",
				tuf_kind_name((enum tuf_kind)kind));
	return true;
}

static bool read_list(struct tuf_reader *reader, void *at, struct error *err)
{
	struct said_list *const list = at;
	const char *const what = reader->what;

	list->given = true;
	if (!tuf_read_texts(reader, &list->texts, err))
		return false;

	const char *const *const texts = list->texts.at;

	for (size_t i = 0; i < list->texts.count; i++)
		if (strlen(texts[i]) > TUF_PATH_MAX)
			return error_set(err, ERROR_MALFORMED, "%s: one is over %d bytes", what,
				TUF_PATH_MAX);
	return true;
}

static bool read_role(struct tuf_reader *reader, void *self, struct error *err)
{
#define ROLE(member) (offsetof(struct said_role, role) + offsetof(struct tuf_role, member))
	static const struct tuf_field fields[] = {
		{"name", tuf_read_some_text, ROLE(name), true},
		{"keyids", tuf_read_keyids, ROLE(keyids), true},
		{"threshold", tuf_read_positive, ROLE(threshold), true},
		{"terminating", tuf_read_bool, ROLE(terminating), true},
		{"paths", read_list, offsetof(struct said_role, paths), false},
		{"path_hash_prefixes", read_list, offsetof(struct said_role, prefixes), false},
	};
#undef ROLE
	struct tuf_list *const roles = self;
	struct said_role said = {0};

	if (!tuf_read_object(reader, fields, COUNT(fields), &said, err)
		|| !name_is_fit(said.role.name, err))
		return false;
	if (said.paths.given == said.prefixes.given)
		return error_set(err, ERROR_MALFORMED,
			"a delegation needs either paths or path_hash_prefixes");
	if (roles->count == TUF_DELEGATIONS_MAX)
		return error_set(
			err, ERROR_MALFORMED, "more than %d delegations", TUF_DELEGATIONS_MAX);

	struct tuf_role *const role = tuf_list_add(roles, reader->arena, sizeof(*role), err);

	if (role == NULL)
		return false;
	*role = said.role;
	role->paths = said.paths.texts;
	role->prefixes = said.prefixes.texts;
	return true;
}

static int compare_texts(const void *a, const void *b)
{
	const char *const *const text_a = a, *const *const text_b = b;

	return strcmp(*text_a, *text_b);
}

static bool names_differ(
	const struct tuf_list *roles, struct tuf_arena *arena, struct error *err)
{
	const struct tuf_role *const all = roles->at;
	const char **const names = tuf_arena_take(arena, roles->count * sizeof(*names), err);

	if (names == NULL)
		return false;
	for (size_t i = 0; i < roles->count; i++)
		names[i] = all[i].name;
	if (roles->count > 1)
		qsort(names, roles->count, sizeof(*names), compare_texts);
	for (size_t i = 1; i < roles->count; i++)
		if (strcmp(names[i - 1], names[i]) == 0)
			return error_set(
				err, ERROR_MALFORMED, "two delegations to the same name");
	return true;
}

static bool read_roles(struct tuf_reader *reader, void *at, struct error *err)
{
	struct said_delegations *const said = at;

	said->has_roles = true;
	return tuf_read_elements(reader, read_role, &said->roles, err)
		&& names_differ(&said->roles, reader->arena, err);
}

static bool read_bins(struct tuf_reader *reader, void *at, struct error *err)
{
#define ROLE(member) (offsetof(struct tuf_bins, role) + offsetof(struct tuf_role, member))
	static const struct tuf_field fields[] = {
		{"name_prefix", tuf_read_some_text, ROLE(name), true},
		{"keyids", tuf_read_keyids, ROLE(keyids), true},
		{"threshold", tuf_read_positive, ROLE(threshold), true},
		{"bit_length", tuf_read_positive, offsetof(struct tuf_bins, bit_length), true},
	};
#undef ROLE
	struct tuf_bins **const out = at;
	struct tuf_bins *const bins = tuf_arena_take(reader->arena, sizeof(*bins), err);
	const struct digest any = {{0}};
	char name[TUF_NAME_MAX + 1];

	if (bins == NULL || !tuf_read_object(reader, fields, COUNT(fields), bins, err))
		return false;
	if (bins->bit_length > TUF_BIN_BITS_MAX)
		return error_set(err, ERROR_MALFORMED, "bit_length: over %d", TUF_BIN_BITS_MAX);
	if (!tuf_bin_name(bins, &any, name, sizeof(name)))
		return error_set(err, ERROR_MALFORMED, "name_prefix: too long");
	if (!name_is_fit(name, err))
		return false;
	*out = bins;
	return true;
}

bool tuf_read_delegations(struct tuf_reader *reader, void *at, struct error *err)
{
	static const struct tuf_field fields[] = {
		{"keys", tuf_read_keys, offsetof(struct said_delegations, keys), true},
		{"roles", read_roles, 0, false},
		{"succinct_roles", read_bins, offsetof(struct said_delegations, bins), false},
	};
	struct tuf_metadata *const metadata = at;
	struct said_delegations said = {0};
	const bool ok = tuf_read_object(reader, fields, COUNT(fields), &said, err);

	metadata->keys = said.keys; /* in any case: they are released with the metadata */
	if (!ok)
		return false;
	if (said.has_roles == (said.bins != NULL))
		return error_set(err, ERROR_MALFORMED,
			"delegations: needs either roles or succinct_roles");
	metadata->delegations = said.roles;
	metadata->bins = said.bins;
	return true;
}
