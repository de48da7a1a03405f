/* What timestamp, snapshot and targets list: files and targets. */
#include <stdlib.h>
#include <string.h>

#include "common/tuf/tuf_metadata.h"

/* ---- hashes ---- */

/* One that is no hash of ours can only be refused, when it comes to checking it. */
static bool read_hash(
	struct tuf_reader *reader, const struct json_token *name, void *self, struct error *err)
{
	struct tuf_hashes *const hashes = self;
	const bool is_256 = tuf_token_is(name, "sha256"), is_512 = tuf_token_is(name, "sha512");
	uint8_t *const at = is_256 ? hashes->sha256.at : hashes->sha512;
	const size_t size = is_256 ? sizeof(hashes->sha256.at) : sizeof(hashes->sha512);
	struct error ignored = {0};
	const char *text = NULL;

	if (!tuf_read_text(reader, &text, err))
		return false;
	if ((!is_256 && !is_512) || !hex_decode(text, at, size, &ignored))
		hashes->unusable = true;
	else if (is_256)
		hashes->has_sha256 = true;
	else
		hashes->has_sha512 = true;
	return true;
}

bool tuf_read_hashes(struct tuf_reader *reader, void *at, struct error *err)
{
	const struct tuf_hashes *const hashes = at;

	if (!tuf_read_members(reader, read_hash, at, err))
		return false;
	if (!hashes->has_sha256 && !hashes->has_sha512 && !hashes->unusable)
		return error_set(err, ERROR_MALFORMED, "hashes: none");
	return true;
}

/* ---- metadata files ---- */

/* Hashes take far more room than the rest, and are often not said. */
struct meta_said {
	int64_t version, length;
	struct tuf_hashes hashes;
};

static bool keep_hashes(struct tuf_reader *reader, const struct tuf_hashes *said,
	const struct tuf_hashes **out, struct error *err)
{
	struct tuf_hashes *kept = NULL;

	if (!said->has_sha256 && !said->has_sha512 && !said->unusable)
		return true;
	kept = tuf_arena_take(reader->arena, sizeof(*kept), err);
	if (kept == NULL)
		return false;
	*kept = *said;
	*out = kept;
	return true;
}

static bool read_one_meta(
	struct tuf_reader *reader, const struct json_token *name, void *self, struct error *err)
{
	static const struct tuf_field fields[] = {
		{"version", tuf_read_positive, offsetof(struct meta_said, version), true},
		{"length", tuf_read_integer, offsetof(struct meta_said, length), false},
		{"hashes", tuf_read_hashes, offsetof(struct meta_said, hashes), false},
	};
	struct meta_said said = {.length = -1};
	struct tuf_meta meta = {.hashes = NULL};

	if (!tuf_token_text(reader, name, &meta.name, err)
		|| !tuf_read_object(reader, fields, COUNT(fields), &said, err)
		|| !keep_hashes(reader, &said.hashes, &meta.hashes, err))
		return false;

	struct tuf_meta *const added = tuf_list_add(self, reader->arena, sizeof(meta), err);

	if (added == NULL)
		return false;
	meta.version = said.version;
	meta.length = said.length;
	*added = meta;
	return true;
}

static int compare_meta(const void *a, const void *b)
{
	const struct tuf_meta *const meta_a = a, *const meta_b = b;

	return strcmp(meta_a->name, meta_b->name);
}

bool tuf_read_meta(struct tuf_reader *reader, void *at, struct error *err)
{
	const struct tuf_list *const list = at;

	if (!tuf_read_members(reader, read_one_meta, at, err))
		return false;
	if (list->count > 1)
		qsort(list->at, list->count, sizeof(struct tuf_meta), compare_meta);
	return true;
}

const struct tuf_meta *tuf_metadata_meta(const struct tuf_metadata *metadata, const char *name)
{
	const struct tuf_meta key = {.name = name};

	if (metadata->meta.count == 0)
		return NULL;
	return bsearch(
		&key, metadata->meta.at, metadata->meta.count, sizeof(key), compare_meta);
}

/* ---- targets ---- */

static const struct tuf_field target_fields[] = {
	{"length", tuf_read_integer, offsetof(struct tuf_target_facts, length), true},
	{"hashes", tuf_read_hashes, offsetof(struct tuf_target_facts, hashes), true},
	{"custom", tuf_read_slice, offsetof(struct tuf_target_facts, custom), false},
};

/* Read to be sure that it can be; kept is only where it stands. */
static bool read_target(
	struct tuf_reader *reader, const struct json_token *name, void *self, struct error *err)
{
	const size_t start = json_tokens_position(reader->tokens) - 1;
	struct tuf_target_facts facts = {0};

	if (!tuf_read_object(reader, target_fields, COUNT(target_fields), &facts, err))
		return false;

	struct tuf_target_place *const place
		= tuf_list_add(self, reader->arena, sizeof(*place), err);

	if (place == NULL)
		return false;
	place->path = *name;
	place->value = (struct bytes){
		reader->document.at + start, json_tokens_position(reader->tokens) - start};
	return true;
}

static int compare_places(const void *a, const void *b)
{
	const struct tuf_target_place *const place_a = a, *const place_b = b;

	return json_token_compare(&place_a->path, &place_b->path);
}

bool tuf_read_targets(struct tuf_reader *reader, void *at, struct error *err)
{
	const struct tuf_list *const list = at;

	if (!tuf_read_members(reader, read_target, at, err))
		return false;
	if (list->count > 1)
		qsort(list->at, list->count, sizeof(struct tuf_target_place), compare_places);
	return true;
}

/* PATH as a token: a backslash begins an escape there. */
static bool path_token(
	const char *path, struct buf *text, struct json_token *out, struct error *err)
{
	for (const char *at = path; *at != 0; at++) {
		const struct bytes byte = {(const uint8_t *)at, 1};

		if ((*at == '\\' && !buf_append(text, byte, err))
			|| !buf_append(text, byte, err))
			return false;
	}
	*out = (struct json_token){.kind = JSON_TOKEN_NAME,
		.escaped = strchr(path, '\\') != NULL,
		.text = buf_bytes(text)};
	return true;
}

static bool read_facts(struct bytes value, struct tuf_target_facts *out, struct error *err)
{
	CLEANUP(tuf_reader_done) struct tuf_reader reader = {0};
	CLEANUP(tuf_arena_done) struct tuf_arena arena = {0};
	struct tuf_target_facts facts = {0};

	if (!tuf_reader_begin(&reader, value, &arena, err)
		|| !tuf_read_object(&reader, target_fields, COUNT(target_fields), &facts, err))
		return false;
	*out = facts;
	return true;
}

bool tuf_metadata_target(const struct tuf_metadata *metadata, const char *path,
	struct tuf_target_facts *facts, bool *found, struct error *err)
{
	CLEANUP(buf_free) struct buf text = {0};
	struct tuf_target_place key = {0};
	const struct tuf_target_place *place = NULL;

	if (!path_token(path, &text, &key.path, err))
		return false;
	if (metadata->targets.count > 0)
		place = bsearch(&key, metadata->targets.at, metadata->targets.count,
			sizeof(key), compare_places);
	if (place != NULL && !read_facts(place->value, facts, err))
		return false;
	*found = place != NULL;
	return true;
}
