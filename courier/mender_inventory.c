/*
 * The inventory: what a device says of itself, in as many attributes as the server
 * takes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "courier/mender_request.h"

#define DROPPED "courier_attributes_dropped"

enum {
	/* For the brackets, and for the attribute that counts the others. */
	FRAME_MAX = 128,
};

enum importance { DEVICE_TYPE, ARTIFACT_NAME, PROVIDES, PROVENANCE, OTHERS };

/* One attribute, printed. */
struct entry {
	char name[MENDER_NAME_MAX + 1];
	struct buf text; /* {"name":...,"value":...} */
	enum importance importance;
	size_t order; /* of appearance */
};

struct entries {
	struct entry *at;
	size_t count, room;
};

static void entries_done(struct entries *entries)
{
	for (size_t i = 0; i < entries->count; i++)
		buf_free(&entries->at[i].text);
	free(entries->at);
}

static enum importance importance_of(const char *name, bool provided)
{
	if (strcmp(name, "device_type") == 0)
		return DEVICE_TYPE;
	if (strcmp(name, "artifact_name") == 0)
		return ARTIFACT_NAME;
	if (provided)
		return PROVIDES;
	return strncmp(name, "courier_", 8) == 0 ? PROVENANCE : OTHERS;
}

static bool has_name(const struct entries *entries, const char *name)
{
	for (size_t i = 0; i < entries->count; i++)
		if (strcmp(entries->at[i].name, name) == 0)
			return true;
	return false;
}

/* Take the printed OBJECT over as an entry called NAME; the first of a name wins. */
static bool entries_add(struct entries *entries, const char *name, const struct json *object,
	bool provided, struct error *err)
{
	if (has_name(entries, name) || strcmp(name, DROPPED) == 0)
		return true;
	if (entries->count == entries->room) {
		const size_t room = 2 * entries->room + 64;
		struct entry *const at = realloc(entries->at, room * sizeof(*at));

		if (at == NULL)
			return error_errno(err, "cannot allocate");
		entries->at = at;
		entries->room = room;
	}

	struct entry *const entry = &entries->at[entries->count];

	*entry = (struct entry){
		.importance = importance_of(name, provided), .order = entries->count};
	(void)snprintf(entry->name, sizeof(entry->name), "%s", name);
	entries->count++;
	return json_print(object, &entry->text, err);
}

/* ---- values ---- */

static bool is_number(const struct json *value)
{
	int64_t integer = 0;

	return json_integer(value, &integer);
}

/* Texts or numbers throughout, and at least one. */
static bool is_homogeneous(const struct json *array)
{
	size_t texts = 0, numbers = 0;

	for (const struct json *child = json_first(array); child != NULL;
		child = json_next(child)) {
		texts += json_string(child) != NULL;
		numbers += is_number(child);
	}
	return json_count(array) > 0
		&& (texts == json_count(array) || numbers == json_count(array));
}

static bool is_taken(const struct json *value)
{
	return json_string(value) != NULL || is_number(value)
		|| (json_is_array(value) && is_homogeneous(value));
}

/* Add VALUE to OBJECT as a kind of value that the server takes. */
static bool add_value(struct json *object, const struct json *value, struct error *err)
{
	CLEANUP(buf_free) struct buf printed = {0};
	const char *text = NULL;

	if (is_taken(value)) {
		json_add_copy(object, "value", value);
		return true;
	}
	if (!json_print(value, &printed, err) || !buf_text(&printed, &text, err))
		return false;
	json_add_string(object, "value", text);
	return true;
}

/* A name the server takes, in ROOM of MENDER_NAME_MAX + 1; false for an empty one. */
static bool name_cut(const char *name, char *room)
{
	const size_t len = mender_cut(bytes_of(name), MENDER_NAME_MAX);

	memcpy(room, name, len);
	room[len] = 0;
	return len > 0;
}

static bool add_provides(
	struct entries *entries, const struct artifact_pairs *provides, struct error *err)
{
	char name[MENDER_NAME_MAX + 1];

	for (size_t i = 0; provides != NULL && i < provides->count; i++) {
		CLEANUP(json_cleanup) struct json *object = json_new_object();

		if (!name_cut(provides->at[i].name, name))
			continue;
		json_add_string(object, "name", name);
		json_add_string(object, "value", provides->at[i].value);
		if (!entries_add(entries, name, object, true, err))
			return false;
	}
	return true;
}

static bool add_attributes(
	struct entries *entries, const struct json *attributes, struct error *err)
{
	const struct json *const first = attributes == NULL ? NULL : json_first(attributes);
	char name[MENDER_NAME_MAX + 1];

	for (const struct json *each = first; each != NULL; each = json_next(each)) {
		CLEANUP(json_cleanup) struct json *object = json_new_object();
		const struct json *const value = json_member(each, "value");
		const char *const text = json_string(json_member(each, "name"));

		if (text == NULL || value == NULL || !name_cut(text, name))
			continue;
		json_add_string(object, "name", name);
		if (!add_value(object, value, err)
			|| !entries_add(entries, name, object, false, err))
			return false;
	}
	return true;
}

/* ---- choosing ---- */

static int by_importance(const void *a, const void *b)
{
	const struct entry *const left = a;
	const struct entry *const right = b;

	if (left->importance != right->importance)
		return left->importance < right->importance ? -1 : 1;
	return left->order < right->order ? -1 : 1;
}

static bool entries_print(
	const struct entries *entries, size_t max, struct buf *out, struct error *err)
{
	size_t kept = 0, dropped = 0;

	if (!buf_append(out, bytes_of("["), err))
		return false;
	for (size_t i = 0; i < entries->count; i++) {
		const struct buf *const text = &entries->at[i].text;

		if (kept == max || out->len + text->len > MENDER_BODY_MAX - FRAME_MAX) {
			dropped++;
			continue;
		}
		if ((kept > 0 && !buf_append(out, bytes_of(","), err))
			|| !buf_append(out, buf_bytes(text), err))
			return false;
		kept++;
	}
	if (dropped > 0
		&& !buf_print(out, err, "%s{\"name\":\"" DROPPED "\",\"value\":%zu}",
			kept > 0 ? "," : "", dropped))
		return false;
	return buf_append(out, bytes_of("]"), err);
}

/* Do all of them fit, as they are? */
static bool all_fit(const struct entries *entries)
{
	size_t sum = FRAME_MAX;

	for (size_t i = 0; i < entries->count; i++)
		sum += entries->at[i].text.len + 1;
	return entries->count <= MENDER_ATTRIBUTES_MAX && sum <= MENDER_BODY_MAX;
}

bool mender_request_inventory(const struct artifact_pairs *provides,
	const struct json *attributes, struct buf *out, struct error *err)
{
	CLEANUP(entries_done) struct entries entries = {0};
	CLEANUP(buf_free) struct buf body = {0};

	if (!add_provides(&entries, provides, err)
		|| !add_attributes(&entries, attributes, err))
		return false;
	if (entries.count > 0)
		qsort(entries.at, entries.count, sizeof(*entries.at), by_importance);

	/* What counts the others needs a place of its own. */
	const size_t max = MENDER_ATTRIBUTES_MAX - !all_fit(&entries);

	return entries_print(&entries, max, &body, err)
		&& buf_append(out, buf_bytes(&body), err);
}
