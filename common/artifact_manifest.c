#include <stdlib.h>
#include <string.h>

#include "common/artifact_parts.h"

enum {
	HEX = DIGEST_TEXT - 1, /* characters of a digest */
	GAP = 2,               /* blanks between digest and name */
	LINES_MAX = ARTIFACT_FILES_MAX + 2,
};

static bool is_control(const unsigned char *c)
{
	return *c < ' ' || *c == 0x7f || (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0);
}

bool artifact_is_plain(const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c != 0; c++)
		if (is_control(c))
			return false;
	return true;
}

bool artifact_is_flat(const char *name)
{
	return *name != 0 && strcmp(name, ".") != 0 && strcmp(name, "..") != 0
		&& strchr(name, '/') == NULL && artifact_is_plain(name);
}

/* The header's suffix says how it is packed, not which part it is. */
static void drop_header_suffix(char *name)
{
	static const char *const names[] = {"header.tar.gz", "header.tar.xz", "header.tar.zst"};

	for (size_t i = 0; i < COUNT(names); i++)
		if (strcmp(name, names[i]) == 0)
			name[strlen("header.tar")] = 0;
}

static bool parse_line(struct bytes text, struct artifact_line *line, struct error *err)
{
	char hex[DIGEST_TEXT] = {0};

	if (text.len <= HEX + GAP || memcmp(text.at + HEX, "  ", GAP) != 0)
		return error_set(err, ERROR_MALFORMED, "not a checksum, two blanks and a name");
	memcpy(hex, text.at, HEX);
	if (!digest_parse(hex, &line->digest, err))
		return false;

	const size_t len = text.len - HEX - GAP;

	if (len > ARTIFACT_MEMBER_MAX)
		return error_set(err, ERROR_MALFORMED, "a name of %zu bytes", len);
	memcpy(line->name, text.at + HEX + GAP, len);
	if (strlen(line->name) != len || strchr(line->name, ' ') != NULL
		|| !artifact_is_plain(line->name))
		return error_set(
			err, ERROR_MALFORMED, "a name with blanks or control characters");
	drop_header_suffix(line->name);
	return true;
}

static const struct artifact_line *find(
	const struct artifact_manifest *manifest, const char *name)
{
	for (size_t i = 0; i < manifest->count; i++)
		if (strcmp(manifest->lines[i].name, name) == 0)
			return &manifest->lines[i];
	return NULL;
}

static bool add_line(struct artifact_manifest *manifest, struct bytes text, struct error *err)
{
	struct artifact_line line = {0};

	if (!parse_line(text, &line, err))
		return error_while(err, "manifest line %zu", manifest->count + 1);
	if (find(manifest, line.name) != NULL)
		return error_set(
			err, ERROR_MALFORMED, "manifest: %s is listed twice", line.name);
	manifest->lines[manifest->count++] = line;
	return true;
}

static size_t count_lines(struct bytes text)
{
	size_t count = 0;

	for (size_t i = 0; i < text.len; i++)
		count += text.at[i] == '\n';
	return count;
}

bool artifact_manifest_parse(
	struct bytes text, struct artifact_manifest *manifest, struct error *err)
{
	CLEANUP(artifact_manifest_free) struct artifact_manifest lines = {0};
	const size_t count = count_lines(text);

	if (count == 0 || text.at[text.len - 1] != '\n')
		return error_set(err, ERROR_MALFORMED, "manifest: does not end with a newline");
	if (count > LINES_MAX)
		return error_set(
			err, ERROR_SPACE, "manifest: more than %d files", ARTIFACT_FILES_MAX);
	lines.lines = calloc(count, sizeof(*lines.lines));
	if (lines.lines == NULL)
		return error_errno(err, "cannot allocate a manifest of %zu lines", count);
	while (text.len > 0) {
		const uint8_t *const end = memchr(text.at, '\n', text.len);
		const size_t len = (size_t)(end - text.at);

		if (!add_line(&lines, (struct bytes){text.at, len}, err))
			return false;
		text.at += len + 1;
		text.len -= len + 1;
	}
	*manifest = lines;
	lines = (struct artifact_manifest){0};
	return true;
}

bool artifact_manifest_take(struct artifact_manifest *manifest, const char *name,
	const struct artifact_line **out, struct error *err)
{
	const struct artifact_line *const line = find(manifest, name);

	if (line == NULL)
		return error_set(err, ERROR_MALFORMED, "%s is not in the manifest", name);
	if (line->taken)
		return error_set(err, ERROR_MALFORMED, "%s is there twice", name);
	manifest->lines[line - manifest->lines].taken = true;
	*out = line;
	return true;
}

bool artifact_line_match(
	const struct artifact_line *line, const struct digest *digest, struct error *err)
{
	if (!digest_equal(&line->digest, digest))
		return error_set(err, ERROR_SIGNATURE,
			"%s: checksum differs from the manifest's", line->name);
	return true;
}

bool artifact_manifest_complete(const struct artifact_manifest *manifest, struct error *err)
{
	for (size_t i = 0; i < manifest->count; i++)
		if (!manifest->lines[i].taken)
			return error_set(err, ERROR_MALFORMED,
				"%s is in the manifest but not in the artifact",
				manifest->lines[i].name);
	return true;
}

void artifact_manifest_free(struct artifact_manifest *manifest)
{
	free(manifest->lines);
	*manifest = (struct artifact_manifest){0};
}
