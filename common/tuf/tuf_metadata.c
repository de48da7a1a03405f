#include <stdlib.h>
#include <string.h>

#include "common/tuf/tuf_metadata.h"

static const char *const kind_names[TUF_KIND_COUNT] = {
	[TUF_ROOT] = "root",
	[TUF_TIMESTAMP] = "timestamp",
	[TUF_SNAPSHOT] = "snapshot",
	[TUF_TARGETS] = "targets",
};

const char *tuf_kind_name(enum tuf_kind kind)
{
	return kind_names[kind];
}

/* ---- the envelope ---- */

static bool read_signature(struct tuf_reader *reader, void *self, struct error *err)
{
	static const struct tuf_field fields[] = {
		{"keyid", tuf_read_text, offsetof(struct tuf_signature, keyid), true},
		{"sig", tuf_read_text, offsetof(struct tuf_signature, sig), true},
	};
	struct tuf_list *const list = self;

	if (list->count == TUF_SIGNATURES_MAX)
		return error_set(
			err, ERROR_MALFORMED, "more than %d signatures", TUF_SIGNATURES_MAX);

	struct tuf_signature *const added
		= tuf_list_add(list, reader->arena, sizeof(*added), err);

	if (added == NULL || !tuf_read_object(reader, fields, COUNT(fields), added, err))
		return false;
	for (const struct tuf_signature *other = list->at; other < added; other++)
		if (strcmp(other->keyid, added->keyid) == 0)
			return error_set(
				err, ERROR_MALFORMED, "two signatures by the same key");
	return true;
}

static bool read_signatures(struct tuf_reader *reader, void *at, struct error *err)
{
	return tuf_read_elements(reader, read_signature, at, err);
}

static bool read_signed(struct tuf_reader *reader, void *at, struct error *err)
{
	if (reader->token.kind != JSON_TOKEN_OBJECT)
		return error_set(err, ERROR_MALFORMED, "signed: not an object");
	return tuf_read_slice(reader, at, err);
}

static bool read_document(struct tuf_metadata *metadata, struct bytes document,
	const struct tuf_field *fields, size_t count, struct error *err)
{
	CLEANUP(tuf_reader_done)
	struct tuf_reader reader = {.strict_keyids = metadata->strict_keyids};

	return tuf_reader_begin(&reader, document, &metadata->arena, err)
		&& tuf_read_object(&reader, fields, count, metadata, err)
		&& tuf_reader_end(&reader, err);
}

bool tuf_metadata_new(struct buf *raw, enum tuf_kind kind, bool strict_keyids,
	struct tuf_metadata **out, struct error *err)
{
	static const struct tuf_field fields[] = {
		{"signatures", read_signatures, offsetof(struct tuf_metadata, signatures),
			true},
		{"signed", read_signed, offsetof(struct tuf_metadata, signed_part), true},
	};
	CLEANUP(tuf_metadata_cleanup)
	struct tuf_metadata *metadata = calloc(1, sizeof(*metadata));

	if (metadata == NULL)
		return error_errno(err, "cannot allocate metadata");
	metadata->kind = kind;
	metadata->strict_keyids = strict_keyids;
	metadata->raw = *raw;
	*raw = (struct buf){0};
	if (!read_document(metadata, buf_bytes(&metadata->raw), fields, COUNT(fields), err))
		return false;
	*out = metadata;
	metadata = NULL;
	return true;
}

void tuf_metadata_free(struct tuf_metadata *metadata)
{
	if (metadata == NULL)
		return;
	tuf_keys_done(&metadata->keys);
	tuf_arena_done(&metadata->arena);
	buf_free(&metadata->raw);
	free(metadata);
}

void tuf_metadata_cleanup(struct tuf_metadata **metadata)
{
	tuf_metadata_free(*metadata);
	*metadata = NULL;
}

/* ---- the roles of a root ---- */

static bool read_role(
	struct tuf_reader *reader, const struct json_token *name, void *self, struct error *err)
{
	static const struct tuf_field fields[] = {
		{"keyids", tuf_read_keyids, offsetof(struct tuf_role, keyids), true},
		{"threshold", tuf_read_positive, offsetof(struct tuf_role, threshold), true},
	};
	struct tuf_role *const roles = self;

	for (size_t i = 0; i < TUF_KIND_COUNT; i++)
		if (tuf_token_is(name, kind_names[i])) {
			roles[i].name = kind_names[i];
			return tuf_read_object(reader, fields, COUNT(fields), &roles[i], err);
		}
	return tuf_skip(reader, err); /* "mirrors", or somebody's extension */
}

static bool read_roles(struct tuf_reader *reader, void *at, struct error *err)
{
	const struct tuf_role *const roles = at;

	if (!tuf_read_members(reader, read_role, at, err))
		return false;
	for (size_t i = 0; i < TUF_KIND_COUNT; i++)
		if (roles[i].name == NULL)
			return error_set(err, ERROR_MALFORMED, "roles: no %s", kind_names[i]);
	return true;
}

/* ---- what is signed ---- */

/* A member of ours, that in somebody else's metadata may be anything. */
static bool read_issued(struct tuf_reader *reader, void *at, struct error *err)
{
	int64_t *const out = at;
	struct error ignored = {0};

	if (reader->token.kind != JSON_TOKEN_STRING)
		return tuf_skip(reader, err);
	if (!tuf_read_time(reader, at, &ignored))
		*out = 0;
	return true;
}

#define EVERY_KIND                                                                             \
	{"_type", tuf_read_text, offsetof(struct tuf_metadata, type), true},                   \
		{"spec_version", tuf_read_text, offsetof(struct tuf_metadata, spec_version),   \
			true},                                                                 \
		{"version", tuf_read_positive, offsetof(struct tuf_metadata, version), true},  \
		{"x-issued", read_issued, offsetof(struct tuf_metadata, issued), false},       \
	{                                                                                      \
		"expires", tuf_read_time, offsetof(struct tuf_metadata, expires), true         \
	}

static const struct tuf_field root_fields[] = {
	EVERY_KIND,
	{"keys", tuf_read_keys, offsetof(struct tuf_metadata, keys), true},
	{"roles", read_roles, offsetof(struct tuf_metadata, roles), true},
	{"consistent_snapshot", tuf_read_bool,
		offsetof(struct tuf_metadata, consistent_snapshot), false},
};

static const struct tuf_field listing_fields[] = {
	EVERY_KIND,
	{"meta", tuf_read_meta, offsetof(struct tuf_metadata, meta), true},
};

static const struct tuf_field targets_fields[] = {
	EVERY_KIND,
	{"targets", tuf_read_targets, offsetof(struct tuf_metadata, targets), true},
	{"delegations", tuf_read_delegations, 0, false},
};

static const struct {
	const struct tuf_field *fields;
	size_t count;
} tables[TUF_KIND_COUNT] = {
	[TUF_ROOT] = {root_fields, COUNT(root_fields)},
	[TUF_TIMESTAMP] = {listing_fields, COUNT(listing_fields)},
	[TUF_SNAPSHOT] = {listing_fields, COUNT(listing_fields)},
	[TUF_TARGETS] = {targets_fields, COUNT(targets_fields)},
};

/* Digits at *AT, which is moved behind them. */
static bool skip_number(const char **at)
{
	const size_t digits = strspn(*at, "0123456789");

	*at += digits;
	return digits > 0;
}

/* 1.X or 1.X.Y */
static bool is_our_version(const char *text)
{
	if (strncmp(text, "1.", 2) != 0)
		return false;
	text += 2;
	if (!skip_number(&text))
		return false;
	return *text == 0 || (*text++ == '.' && skip_number(&text) && *text == 0);
}

bool tuf_metadata_read(struct tuf_metadata *metadata, struct error *err)
{
	const char *const name = kind_names[metadata->kind];

	if (!read_document(metadata, metadata->signed_part, tables[metadata->kind].fields,
		    tables[metadata->kind].count, err))
		return false;
	if (strcmp(metadata->type, name) != 0)
		return error_set(err, ERROR_MALFORMED, "_type is not %s", name);
	if (!is_our_version(metadata->spec_version))
		return error_set(err, ERROR_MALFORMED, "spec_version is not 1.x");
	if (metadata->kind == TUF_TIMESTAMP
		&& tuf_metadata_meta(metadata, "snapshot.json") == NULL)
		return error_set(err, ERROR_MALFORMED, "meta: no snapshot.json");
	if (metadata->kind == TUF_SNAPSHOT
		&& tuf_metadata_meta(metadata, "targets.json") == NULL)
		return error_set(err, ERROR_MALFORMED, "meta: no targets.json");
	return true;
}
