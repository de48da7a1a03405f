/* Who signs a target: the walk through the delegations (section 5.6.7). */
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "common/tuf/tuf_path.h"
#include "common/tuf/tuf_private.h"
#include "common/utf8.h"

/* A role to visit, and on whose word. */
struct visit {
	const char *name;
	const struct tuf_metadata *delegator; /* NULL: the top-level targets */
	const struct tuf_role *role;
};

struct search {
	struct tuf *tuf;
	const char *path;
	struct digest hash; /* of the path, once somebody asked for it */
	bool is_hashed;
	struct tuf_arena arena;
	struct tuf_list pending; /* struct visit, the next one last */
	struct tuf_list visited; /* const char * */
};

static void search_done(struct search *search)
{
	tuf_arena_done(&search->arena);
}

/* ---- metadata in memory ---- */

static void free_held(struct tuf_held *held)
{
	tuf_metadata_free(held->metadata);
	free(held->name);
	free(held);
}

void tuf_release_held(struct tuf *tuf)
{
	while (tuf->held != NULL) {
		struct tuf_held *const held = tuf->held;

		tuf->held = held->next;
		free_held(held);
	}
}

/* Nobody was verified on the word of metadata that are gone. */
static void forget_word_of(struct tuf *tuf, const struct tuf_metadata *delegator)
{
	for (struct tuf_held *held = tuf->held; held != NULL; held = held->next)
		if (held->delegator == delegator) {
			held->delegator = NULL;
			held->role = NULL;
		}
}

/* Release what was not used for the longest time; false when this search uses all. */
static bool release_one(struct tuf *tuf)
{
	struct tuf_held **oldest = NULL;

	for (struct tuf_held **at = &tuf->held; *at != NULL; at = &(*at)->next)
		if ((*at)->used != tuf->searches
			&& (oldest == NULL || (*at)->used < (*oldest)->used))
			oldest = at;
	if (oldest == NULL)
		return false;

	struct tuf_held *const held = *oldest;

	*oldest = held->next;
	forget_word_of(tuf, held->metadata);
	free_held(held);
	return true;
}

static bool is_too_much(const struct tuf *tuf)
{
	size_t count = 0, size = 0;

	for (const struct tuf_held *held = tuf->held; held != NULL; held = held->next) {
		count++;
		size += held->metadata->raw.len;
	}
	return (count > TUF_HELD_ROLES_MAX && count > tuf->settings.roles_max)
		|| size > tuf->settings.held_max;
}

static bool hold(struct tuf *tuf, const struct visit *visit, struct tuf_metadata **metadata,
	struct tuf_held **out, struct error *err)
{
	struct tuf_held *const held = calloc(1, sizeof(*held));

	if (held == NULL)
		return error_errno(err, "cannot allocate a role");
	if (!text_set(&held->name, visit->name, err)) {
		free(held);
		return false;
	}
	held->metadata = *metadata;
	held->delegator = visit->delegator;
	held->role = visit->role;
	held->used = tuf->searches;
	held->next = tuf->held;
	tuf->held = held;
	*metadata = NULL;
	while (is_too_much(tuf))
		if (!release_one(tuf))
			return error_set(err, ERROR_MALFORMED,
				"one search needs more than %zu bytes of metadata",
				tuf->settings.held_max);
	*out = held;
	return true;
}

static struct tuf_held *find_held(struct tuf *tuf, const char *name)
{
	for (struct tuf_held *held = tuf->held; held != NULL; held = held->next)
		if (strcmp(held->name, name) == 0)
			return held;
	return NULL;
}

/* Two delegators may name the same role and mean different keys: what one vouches for
 * is nothing to the other. */
static bool vouched_for(struct tuf_held *held, const struct visit *visit, struct error *err)
{
	if (held->delegator == visit->delegator && held->role == visit->role)
		return true;
	if (!tuf_verify(held->metadata, &visit->delegator->keys, visit->role, err))
		return tuf_about(visit->name, err);
	held->delegator = visit->delegator;
	held->role = visit->role;
	return true;
}

/* Metadata of the role, and its name as long as they are held. */
static bool metadata_of(struct tuf *tuf, const struct visit *visit,
	const struct tuf_metadata **out, const char **name, struct error *err)
{
	CLEANUP(tuf_metadata_cleanup) struct tuf_metadata *metadata = NULL;
	struct tuf_held *held = find_held(tuf, visit->name);

	if (visit->delegator == NULL) {
		*out = tuf->top[TUF_TARGETS];
		*name = visit->name;
		return true;
	}

	const struct tuf_wanted wanted
		= {TUF_TARGETS, visit->name, &visit->delegator->keys, visit->role};

	if (held != NULL) {
		if (!vouched_for(held, visit, err))
			return false;
	} else {
		if (!tuf_obtain(tuf, &wanted, &metadata, err)
			|| !hold(tuf, visit, &metadata, &held, err))
			return false;
	}
	held->used = tuf->searches;
	*out = held->metadata;
	*name = held->name;
	return true;
}

/* ---- the walk ---- */

OWNER_UNSEEN_BEGIN
static bool add_visit(
	struct search *search, struct tuf_list *list, struct visit visit, struct error *err)
{
	struct visit *const added = tuf_list_add(list, &search->arena, sizeof(*added), err);

	if (added == NULL)
		return false;
	*added = visit;
	return true;
}
OWNER_UNSEEN_END

static bool hash_path(struct search *search, struct error *err)
{
	if (!search->is_hashed)
		search->is_hashed = crypto_sha256(bytes_of(search->path), &search->hash, err);
	return search->is_hashed;
}

static bool choose_bin(struct search *search, const struct tuf_metadata *from,
	struct tuf_list *chosen, struct error *err)
{
	char name[TUF_NAME_MAX + 1];
	const char *kept = NULL;

	if (!hash_path(search, err))
		return false;
	if (!tuf_bin_name(from->bins, &search->hash, name, sizeof(name)))
		return error_set(err, ERROR_MALFORMED, "name of a bin: too long");
	return tuf_arena_text(&search->arena, bytes_of(name), &kept, err)
		&& add_visit(
			search, chosen, (struct visit){kept, from, &from->bins->role}, err);
}

/* Those that cover the path, in order; one that terminates ends the list, and what was
 * pending before it. */
static bool choose(struct search *search, const struct tuf_metadata *from,
	struct tuf_list *chosen, struct error *err)
{
	const struct tuf_role *const roles = from->delegations.at;

	if (from->bins != NULL)
		return choose_bin(search, from, chosen, err);
	for (size_t i = 0; i < from->delegations.count; i++) {
		if (roles[i].prefixes.count > 0 && !hash_path(search, err))
			return false;
		if (!tuf_role_covers(&roles[i], search->path, &search->hash))
			continue;
		if (!add_visit(search, chosen, (struct visit){roles[i].name, from, &roles[i]},
			    err))
			return false;
		if (roles[i].terminating) {
			search->pending.count = 0;
			break;
		}
	}
	return true;
}

static bool delegate(struct search *search, const struct tuf_metadata *from, struct error *err)
{
	struct tuf_list chosen = {0};

	if (!choose(search, from, &chosen, err))
		return false;

	const struct visit *const all = chosen.at;

	for (size_t i = all == NULL ? 0 : chosen.count; i > 0; i--)
		if (!add_visit(search, &search->pending, all[i - 1], err))
			return false;
	return true;
}

static bool was_visited(const struct search *search, const char *name)
{
	const char *const *const names = search->visited.at;

	for (size_t i = 0; i < search->visited.count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static bool mark_visited(struct search *search, const char *name, struct error *err)
{
	if (search->visited.count == search->tuf->settings.roles_max)
		return error_set(err, ERROR_FAILED, "gave up the search after %zu roles",
			search->visited.count);

	const char **const added
		= tuf_list_add(&search->visited, &search->arena, sizeof(*added), err);

	if (added == NULL)
		return false;
	*added = name;
	return true;
}

static bool visit_role(struct search *search, const struct visit *visit,
	struct tuf_target *target, bool *found, struct error *err)
{
	const struct tuf_metadata *metadata = NULL;
	struct tuf_target_facts facts = {0};
	const char *name = NULL;

	if (!mark_visited(search, visit->name, err)
		|| !metadata_of(search->tuf, visit, &metadata, &name, err)
		|| !tuf_metadata_target(metadata, search->path, &facts, found, err))
		return false;
	if (!*found)
		return delegate(search, metadata, err);
	target->path = search->path;
	target->role = name;
	target->facts = facts;
	target->consistent = search->tuf->top[TUF_ROOT]->consistent_snapshot;
	return true;
}

/* The last of the list, off it; false when it is empty. */
static bool take_visit(struct tuf_list *list, struct visit *out)
{
	const struct visit *const all = list->at;

	if (list->count == 0 || all == NULL)
		return false;
	*out = all[--list->count];
	return true;
}

static bool walk(
	struct search *search, struct tuf_target *target, bool *found, struct error *err)
{
	const struct visit first = {tuf_kind_name(TUF_TARGETS), NULL, NULL};
	struct visit next = {0};

	if (!add_visit(search, &search->pending, first, err))
		return false;
	while (!*found && take_visit(&search->pending, &next))
		if (!was_visited(search, next.name)
			&& !visit_role(search, &next, target, found, err))
			return false;
	return true;
}

static bool path_is_fit(const char *path, struct error *err)
{
	const struct bytes text = bytes_of(path);

	if (text.len == 0 || text.len > TUF_PATH_MAX || utf8_valid(text) != text.len)
		return error_set(err, ERROR_USAGE, "a target's path is 1 to %d bytes of UTF-8",
			TUF_PATH_MAX);
	return true;
}

bool tuf_find(struct tuf *tuf, const char *path, struct tuf_target *out, bool *found,
	struct error *err)
{
	CLEANUP(search_done) struct search search = {.tuf = tuf, .path = path};
	struct tuf_target target = {0};
	bool here = false;

	if (!tuf->is_fresh)
		return error_set(err, ERROR_USAGE, "a search needs a refresh before it");
	if (!path_is_fit(path, err))
		return false;
	tuf->searches++;
	if (!walk(&search, &target, &here, err))
		return false;
	if (here)
		*out = target;
	*found = here;
	return true;
}

/* ---- how long it lasts ---- */

static int64_t first_to_expire(const struct tuf *tuf, bool last_search, const char **role)
{
	int64_t first = INT64_MAX;

	for (size_t kind = 0; kind < TUF_KIND_COUNT; kind++)
		if (tuf->top[kind] != NULL && tuf->top[kind]->expires < first) {
			first = tuf->top[kind]->expires;
			*role = tuf_kind_name((enum tuf_kind)kind);
		}
	for (const struct tuf_held *held = tuf->held; held != NULL; held = held->next)
		if ((!last_search || held->used == tuf->searches)
			&& held->metadata->expires < first) {
			first = held->metadata->expires;
			*role = held->name;
		}
	return first;
}

int64_t tuf_valid_until(const struct tuf *tuf, const char **role)
{
	return first_to_expire(tuf, false, role);
}

int64_t tuf_search_until(const struct tuf *tuf, const char **role)
{
	return first_to_expire(tuf, true, role);
}

const char *tuf_search_role(const struct tuf *tuf, size_t index, int64_t *version)
{
	for (const struct tuf_held *held = tuf->held; held != NULL; held = held->next)
		if (held->used == tuf->searches && index-- == 0) {
			*version = held->metadata->version;
			return held->name;
		}
	return NULL;
}
