/*
 * The parts a checksum keeps from fuzz_artifact.  A manifest that parses is what its
 * lines print; each line can be taken once.  A walk over a packed stream judges the
 * same in pieces of one byte.  What type-info adds can be found again.
 */
#include <stdlib.h>
#include <string.h>

#include "common/artifact_parts.h"
#include "tests/fuzz/fuzz.h"

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* The header's line has lost its suffix. */
static bool is_header(struct bytes line)
{
	static const char header[] = "header.tar";

	return line.len >= DIGEST_TEXT + sizeof(header) - 1
		&& memcmp(line.at + DIGEST_TEXT + 1, header, sizeof(header) - 1) == 0;
}

static void check_line(const struct artifact_line *line, struct bytes *text)
{
	CLEANUP(buf_free) struct buf again = {0};
	const uint8_t *const end = memchr(text->at, '\n', text->len);
	char hex[DIGEST_TEXT];
	struct error err = {0};

	must(end != NULL);

	const struct bytes there = {text->at, (size_t)(end - text->at)};

	digest_text(&line->digest, hex);
	must(buf_print(&again, &err, "%s  %s", hex, line->name));
	must(is_header(there) || bytes_equal(buf_bytes(&again), there));
	text->at += there.len + 1;
	text->len -= there.len + 1;
}

static void manifest(struct bytes text)
{
	CLEANUP(artifact_manifest_free) struct artifact_manifest manifest = {0};
	const struct artifact_line *line = NULL;
	struct error err = {0};

	if (!artifact_manifest_parse(text, &manifest, &err))
		return;
	for (size_t i = 0; i < manifest.count; i++) {
		const char *const name = manifest.lines[i].name;

		check_line(&manifest.lines[i], &text);
		must(!artifact_manifest_complete(&manifest, &err));
		must(artifact_manifest_take(&manifest, name, &line, &err));
		must(line == &manifest.lines[i]);
		must(!artifact_manifest_take(&manifest, name, &line, &err));
	}
	must(text.len == 0 && artifact_manifest_complete(&manifest, &err));
}

static void walk(struct bytes stream, const char *suffix)
{
	struct artifact_window whole = {0}, pieces = {0};
	struct error err = {0};
	bool ok = true;

	artifact_window_begin(&whole, suffix);
	artifact_window_begin(&pieces, suffix);
	for (size_t i = 0; ok && i < stream.len; i++)
		ok = artifact_window_check(&pieces, (struct bytes){stream.at + i, 1}, &err);
	must(artifact_window_check(&whole, stream, &err) == ok);
}

static void type_info(struct bytes text)
{
	CLEANUP(artifact_free) struct artifact artifact = {0};
	struct error err = {0};

	artifact.payload_type = strdup("file");
	if (artifact.payload_type == NULL || !artifact_type_info(text, &artifact, &err))
		return;
	must(artifact_pairs_find(&artifact.provides, "artifact_name") == NULL);
	must(artifact_pairs_find(&artifact.depends, "device_type") == NULL);
	must(artifact_fits(&artifact, &artifact.depends, &err));
}

static void header_info(struct bytes text)
{
	CLEANUP(artifact_free) struct artifact artifact = {0};
	struct error err = {0};

	if (!artifact_header_info(text, &artifact, &err))
		return;

	const char *const name = artifact_pairs_find(&artifact.provides, "artifact_name");

	must(name != NULL && strcmp(name, artifact.name) == 0);
	must(artifact_pairs_find(&artifact.depends, "device_type") != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	const struct bytes input = {at, len};

	manifest(input);
	walk(input, ".xz");
	walk(input, ".zst");
	header_info(input);
	type_info(input);
	return 0;
}
