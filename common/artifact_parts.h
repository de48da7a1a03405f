/*
 * artifact_parts.h - the parts of an artifact as bytes: what common/artifact.c
 * hands over once a part has been unpacked and its checksum compared.  Pure: no
 * archive, no stream.  Nobody but common/artifact*.c includes it.
 */
#ifndef COMMON_ARTIFACT_PARTS_H
#define COMMON_ARTIFACT_PARTS_H

#include "common/artifact.h"

enum {
	ARTIFACT_MEMBER_MAX = 100,    /* bytes of a name in the manifest */
	ARTIFACT_BLOCK_HEADER = 1024, /* bytes, of an xz block, at most */
};

/* No control characters, C1 included: fit for a terminal and a log. */
bool artifact_is_plain(const char *text);
/* A name that stays in the directory it is put in: plain, not empty, no slash, not
 * "." or "..". */
bool artifact_is_flat(const char *file_name);

/* ---- manifest ---- */

/* One line: what the manifest says of one part. */
struct artifact_line {
	char name[ARTIFACT_MEMBER_MAX + 1];
	struct digest digest;
	bool taken;
};

struct artifact_manifest {
	struct artifact_line *lines;
	size_t count;
};

/* Lines "<64 lower-case hex>  <name>\n" in any order, none twice.  The header is
 * entered as "header.tar" whatever suffix the manifest gives it. */
NODISCARD bool artifact_manifest_parse(
	struct bytes, struct artifact_manifest *, struct error *);
/* The line of NAME, once: ERROR_MALFORMED if there is none or it was taken before.
 * Borrowed. */
NODISCARD bool artifact_manifest_take(struct artifact_manifest *, const char *name,
	const struct artifact_line **, struct error *);
/* ERROR_SIGNATURE if DIGEST is not what the line says. */
NODISCARD bool artifact_line_match(
	const struct artifact_line *, const struct digest *, struct error *);
/* ERROR_MALFORMED names the first line nobody took. */
NODISCARD bool artifact_manifest_complete(const struct artifact_manifest *, struct error *);
void artifact_manifest_free(struct artifact_manifest *);

/* ---- windows ---- */

/* A walk over the frames of a packed stream, in pieces of any size. */
struct artifact_window {
	bool (*step)(struct artifact_window *, struct error *); /* NULL: nothing to judge */
	uint8_t have[ARTIFACT_BLOCK_HEADER];                    /* what step() looks at */
	size_t len, need;                                       /* bytes there, and wanted */
	uint64_t skip;                                          /* bytes to pass first */
	uint64_t packed, blocks, numbers;
	size_t check, properties, content; /* sizes of parts to come */
};

/* SUFFIX: ".xz" or ".zst"; no other packing has a window that matters. */
void artifact_window_begin(struct artifact_window *, const char *suffix);
/* The next bytes of the stream: ERROR_SPACE at a window over ARTIFACT_WINDOW_MAX,
 * ERROR_MALFORMED at what cannot be walked over. */
NODISCARD bool artifact_window_check(struct artifact_window *, struct bytes, struct error *);

/* ---- JSON members ---- */

/* "version": format mender, version 3. */
NODISCARD bool artifact_version_check(struct bytes, struct error *);
/* "header-info": fills name, payload_type, provides and depends. */
NODISCARD bool artifact_header_info(struct bytes, struct artifact *, struct error *);
/* "headers/0000/type-info", after header-info: adds provides, depends and clears. */
NODISCARD bool artifact_type_info(struct bytes, struct artifact *, struct error *);
/* "headers/0000/meta-data": empty, or a JSON object; whose, is the installer's business. */
NODISCARD bool artifact_meta_data(struct bytes, struct error *);

#endif
