#include <string.h>

#include "common/artifact_reader.h"

/* An artifact being read.  The outer archive is the spine: each part takes the
 * member it stands at, and goes on to the next. */
struct reading {
	const struct artifact_trust *trust;
	const struct artifact_payload *payload;
	struct reader *outer;
	bool more; /* the outer archive stands at a member */
	struct buf version, manifest_text;
	struct artifact_manifest manifest;
	struct artifact artifact; /* in the making */
};

static void reading_done(struct reading *reading)
{
	reader_close(&reading->outer);
	buf_free(&reading->version);
	buf_free(&reading->manifest_text);
	artifact_manifest_free(&reading->manifest);
	artifact_free(&reading->artifact);
}

/* ---- sources ---- */

/* All that is read of an artifact, to its very end. */
struct whole {
	struct source from;
	struct crypto_hash *hash;
	uint64_t size;
};

static bool read_whole(void *self, uint8_t *at, size_t room, size_t *got, struct error *err)
{
	struct whole *const whole = self;

	if (!whole->from.read(whole->from.self, at, room, got, err)
		|| !crypto_hash_add(whole->hash, (struct bytes){at, *got}, err))
		return false;
	whole->size += *got;
	return true;
}

static bool read_bytes(void *self, uint8_t *at, size_t room, size_t *got, struct error *err)
{
	struct bytes *const bytes = self;
	const size_t len = bytes->len < room ? bytes->len : room;

	(void)err;
	*got = len;
	if (len == 0)
		return true;
	memcpy(at, bytes->at, len);
	bytes->at += len;
	bytes->len -= len;
	return true;
}

/* ---- members ---- */

/* The suffix of NAME after STEM (".gz", "" ...); NULL if it is another part. */
static const char *suffix_of(const char *name, const char *stem)
{
	static const char *const suffixes[] = {"", ".gz", ".xz", ".zst"};
	const size_t len = strlen(stem);

	if (strncmp(name, stem, len) != 0)
		return NULL;
	for (size_t i = 0; i < COUNT(suffixes); i++)
		if (strcmp(name + len, suffixes[i]) == 0)
			return suffixes[i];
	return NULL;
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* The outer archive does not stand at WANTED. */
static bool out_of_order(const struct reading *reading, const char *wanted, struct error *err)
{
	const char *const name = reader_name(reading->outer);

	if (!reading->more)
		return error_set(
			err, ERROR_MALFORMED, "artifact: ends where %s should be", wanted);
	if (begins(name, "manifest-augment") || begins(name, "header-augment"))
		return error_set(err, ERROR_MALFORMED,
			"artifact: augmented parts are not taken (%s)", name);
	if (begins(name, "data/") && strcmp(wanted, "its end") == 0)
		return error_set(err, ERROR_MALFORMED,
			"artifact: only one payload is taken, and there is %s", name);
	return error_set(err, ERROR_MALFORMED, "artifact: %s where %s should be", name, wanted);
}

static bool advance(struct reading *reading, struct error *err)
{
	return reader_next(reading->outer, &reading->more, err);
}

/* Append the member READER stands at. */
static bool read_content(
	struct reader *reader, uint64_t max, struct buf *content, struct error *err)
{
	struct bytes block = {0};

	if (reader_size(reader) > max)
		return error_set(err, ERROR_SPACE, "%s: %llu bytes, at most %llu are taken",
			reader_name(reader), (unsigned long long)reader_size(reader),
			(unsigned long long)max);
	do {
		if (!reader_read(reader, &block, err) || !buf_append(content, block, err))
			return false;
	} while (block.len > 0);
	return true;
}

static bool take_member(
	struct reading *reading, const char *name, struct buf *content, struct error *err)
{
	if (!reading->more || strcmp(reader_name(reading->outer), name) != 0)
		return out_of_order(reading, name, err);
	return read_content(reading->outer, ARTIFACT_MANIFEST_MAX, content, err)
		&& advance(reading, err);
}

/* ---- manifest and signature ---- */

static bool verify(const struct artifact_trust *trust, struct bytes manifest,
	struct bytes encoded, struct error *err)
{
	CLEANUP(buf_free) struct buf signature = {0};

	if (!crypto_base64_decode(encoded, &signature, err))
		return error_set(err, ERROR_SIGNATURE, "manifest.sig: not base64");
	for (size_t i = 0; i < trust->key_count; i++)
		if (crypto_verify_artifact(
			    trust->keys[i], manifest, buf_bytes(&signature), err))
			return true;
	return error_set(err, ERROR_SIGNATURE,
		"manifest.sig: not signed by a key that is trusted (%zu tried)",
		trust->key_count);
}

static bool take_signature(struct reading *reading, struct error *err)
{
	CLEANUP(buf_free) struct buf encoded = {0};
	const bool judged = reading->trust->key_count > 0;

	if (!reading->more || strcmp(reader_name(reading->outer), "manifest.sig") != 0)
		return !judged || error_set(err, ERROR_SIGNATURE, "artifact: it is not signed");
	if (!take_member(reading, "manifest.sig", &encoded, err))
		return false;
	if (judged
		&& !verify(reading->trust, buf_bytes(&reading->manifest_text),
			buf_bytes(&encoded), err))
		return false;
	reading->artifact.is_signed = judged;
	return true;
}

/* CONTENT is what the manifest says NAME is. */
static bool match(
	struct reading *reading, const char *name, struct bytes content, struct error *err)
{
	const struct artifact_line *line = NULL;
	struct digest digest = {{0}};

	return artifact_manifest_take(&reading->manifest, name, &line, err)
		&& crypto_sha256(content, &digest, err)
		&& artifact_line_match(line, &digest, err);
}

/* Nothing of these is looked into before the signature vouches for the manifest,
 * and the manifest for the version. */
static bool take_front(struct reading *reading, struct error *err)
{
	return take_member(reading, "version", &reading->version, err)
		&& take_member(reading, "manifest", &reading->manifest_text, err)
		&& take_signature(reading, err)
		&& artifact_manifest_parse(
			buf_bytes(&reading->manifest_text), &reading->manifest, err)
		&& match(reading, "version", buf_bytes(&reading->version), err)
		&& artifact_version_check(buf_bytes(&reading->version), err);
}

/* ---- inner archives ---- */

struct inner {
	struct reader *packed, *tar;
};

static void inner_close(struct inner *inner)
{
	reader_close(&inner->tar);
	reader_close(&inner->packed);
}

static bool inner_open(struct inner *inner, const char *what, const char *suffix,
	struct source from, uint64_t limit, struct error *err)
{
	if (*suffix == 0)
		return reader_open_tar(what, from, limit, &inner->tar, err);
	return reader_open_packed(what, suffix, from, &inner->packed, err)
		&& reader_open_tar(what, reader_source(inner->packed), limit, &inner->tar, err);
}

/* ---- header ---- */

/* The header's members come in this order, scripts in between.  State scripts are
 * Mender's business: the header's checksum covers them. */
static bool take_scripts(
	struct reading *reading, struct reader *tar, bool *more, struct error *err)
{
	static const char folder[] = "scripts/";

	for (;;) {
		if (!reader_next(tar, more, err))
			return false;
		if (!*more || !begins(reader_name(tar), folder))
			return true;
		if (!artifact_is_flat(reader_name(tar) + strlen(folder)))
			return error_set(err, ERROR_MALFORMED,
				"header: %s would leave its folder", reader_name(tar));
		reading->artifact.script_count++;
	}
}

static bool take_json(struct reading *reading, struct reader *tar, const char *name,
	bool (*take)(struct bytes, struct artifact *, struct error *), struct error *err)
{
	CLEANUP(buf_free) struct buf content = {0};

	if (strcmp(reader_name(tar), name) != 0)
		return error_set(err, ERROR_MALFORMED, "header: %s where %s should be",
			reader_name(tar), name);
	return read_content(tar, ARTIFACT_MANIFEST_MAX, &content, err)
		&& take(buf_bytes(&content), &reading->artifact, err);
}

static bool take_meta_data(struct bytes text, struct artifact *artifact, struct error *err)
{
	(void)artifact;
	return artifact_meta_data(text, err);
}

static bool ends_before(const char *name, struct error *err)
{
	return error_set(err, ERROR_MALFORMED, "header: no %s", name);
}

static bool take_header_members(struct reading *reading, struct reader *tar, struct error *err)
{
	static const char type_info[] = "headers/0000/type-info";
	bool more = false;

	if (!reader_next(tar, &more, err))
		return false;
	if (!more)
		return ends_before("header-info", err);
	if (!take_json(reading, tar, "header-info", artifact_header_info, err)
		|| !take_scripts(reading, tar, &more, err))
		return false;
	if (!more)
		return ends_before(type_info, err);
	if (!take_json(reading, tar, type_info, artifact_type_info, err)
		|| !reader_next(tar, &more, err))
		return false;
	if (!more)
		return true;
	return take_json(reading, tar, "headers/0000/meta-data", take_meta_data, err)
		&& reader_next(tar, &more, err)
		&& (!more
			|| error_set(err, ERROR_MALFORMED, "header: %s does not belong there",
				reader_name(tar)));
}

/* The header is small: it is kept whole until its checksum is known, and only then
 * unpacked. */
static bool take_header(struct reading *reading, struct error *err)
{
	CLEANUP(buf_free) struct buf packed = {0};
	CLEANUP(inner_close) struct inner inner = {0};
	const char *const suffix
		= reading->more ? suffix_of(reader_name(reading->outer), "header.tar") : NULL;

	if (suffix == NULL)
		return out_of_order(reading, "header.tar", err);
	if (!read_content(reading->outer, ARTIFACT_HEADER_MAX, &packed, err)
		|| !match(reading, "header.tar", buf_bytes(&packed), err))
		return false;

	struct bytes rest = buf_bytes(&packed);

	return inner_open(&inner, "header", suffix, (struct source){read_bytes, &rest},
		       ARTIFACT_HEADER_MAX, err)
		&& take_header_members(reading, inner.tar, err) && advance(reading, err);
}

/* ---- payload ---- */

static bool sink_begin(
	const struct artifact_payload *payload, const struct reader *file, struct error *err)
{
	return payload == NULL || payload->begin == NULL
		|| payload->begin(payload->self, reader_name(file), reader_size(file), err);
}

static bool sink_write(
	const struct artifact_payload *payload, struct bytes bytes, struct error *err)
{
	return payload == NULL || payload->write == NULL
		|| payload->write(payload->self, bytes, err);
}

static bool sink_end(const struct artifact_payload *payload, struct error *err)
{
	return payload == NULL || payload->end == NULL || payload->end(payload->self, err);
}

static bool pour(const struct artifact_payload *payload, struct reader *file,
	struct digest *digest, struct error *err)
{
	CLEANUP(crypto_hash_cleanup) struct crypto_hash *hash = NULL;
	struct bytes block = {0};

	if (!crypto_hash_new(&hash, err))
		return false;
	for (;;) {
		if (!reader_read(file, &block, err))
			return false;
		if (block.len == 0)
			return crypto_hash_peek(hash, digest, err);
		if (!crypto_hash_add(hash, block, err) || !sink_write(payload, block, err))
			return false;
	}
}

static bool take_file(struct reading *reading, struct reader *file, struct error *err)
{
	CLEANUP(buf_free) struct buf path = {0};
	struct artifact *const artifact = &reading->artifact;
	const struct artifact_line *line = NULL;
	struct digest digest = {{0}};
	const char *name = NULL;

	if (!artifact_is_flat(reader_name(file)))
		return error_set(err, ERROR_MALFORMED, "payload: %s would leave its folder",
			reader_name(file));
	if (artifact->payload_type == NULL)
		return error_set(err, ERROR_MALFORMED, "payload: %s in an empty payload",
			reader_name(file));
	if (artifact->file_count == ARTIFACT_FILES_MAX)
		return error_set(
			err, ERROR_SPACE, "payload: more than %d files", ARTIFACT_FILES_MAX);
	if (!buf_print(&path, err, "data/0000/%s", reader_name(file))
		|| !buf_text(&path, &name, err)
		|| !artifact_manifest_take(&reading->manifest, name, &line, err)
		|| !sink_begin(reading->payload, file, err)
		|| !pour(reading->payload, file, &digest, err)
		|| !artifact_line_match(line, &digest, err) || !sink_end(reading->payload, err))
		return false;
	artifact->file_count++;
	artifact->payload_size += reader_size(file);
	return true;
}

static bool take_payload(struct reading *reading, struct error *err)
{
	CLEANUP(inner_close) struct inner inner = {0};
	const char *const suffix = reading->more
		? suffix_of(reader_name(reading->outer), "data/0000.tar")
		: NULL;
	bool more = false;

	if (suffix == NULL)
		return out_of_order(reading, "data/0000.tar", err);
	if (!inner_open(
		    &inner, "payload", suffix, reader_source(reading->outer), UINT64_MAX, err))
		return false;
	for (;;) {
		if (!reader_next(inner.tar, &more, err))
			return false;
		if (!more)
			return advance(reading, err);
		if (!take_file(reading, inner.tar, err))
			return false;
	}
}

/* ---- all of it ---- */

static bool read_parts(struct reading *reading, struct source whole, struct error *err)
{
	if (!reader_open_tar("artifact", whole, UINT64_MAX, &reading->outer, err)
		|| !advance(reading, err) || !take_front(reading, err)
		|| !take_header(reading, err) || !take_payload(reading, err))
		return false;
	if (reading->more)
		return out_of_order(reading, "its end", err);
	return artifact_manifest_complete(&reading->manifest, err);
}

bool artifact_read(struct source source, const struct artifact_trust *trust,
	const struct artifact_payload *payload, struct artifact *out, struct error *err)
{
	CLEANUP(crypto_hash_cleanup) struct crypto_hash *hash = NULL;
	CLEANUP(reading_done) struct reading reading = {.trust = trust, .payload = payload};

	if (!crypto_hash_new(&hash, err))
		return false;

	struct whole whole = {.from = source, .hash = hash};

	if (!read_parts(&reading, (struct source){read_whole, &whole}, err)
		|| !crypto_hash_peek(hash, &reading.artifact.digest, err))
		return false;
	reading.artifact.size = whole.size;
	*out = reading.artifact;
	reading.artifact = (struct artifact){0};
	return true;
}
