/*
 * tuf_path.h - target paths, the patterns that delegate them, and the names that roles
 * and targets have in URLs and directories.  Pure.
 */
#ifndef COMMON_TUF_PATH_H
#define COMMON_TUF_PATH_H

#include "common/tuf/tuf_metadata.h"

enum { TUF_PATH_MAX = 1024 }; /* bytes of a target path, and of a pattern */

/* Percent-encode every byte but letters, digits and "_.-~", upper-case: a name without
 * slashes, and never one of another text.  False when it does not fit ROOM with its
 * NUL. */
NODISCARD bool tuf_quote(const char *text, char *out, size_t room);

/* Does the shell-style PATTERN cover PATH?  Segment by segment: * and ? and [...] and
 * [!...] match within one, and a character is a code point.  Both are UTF-8.  No
 * recursion; at most length times length steps. */
bool tuf_path_matches(const char *pattern, const char *path);

/* Does the delegation cover PATH, whose SHA-256 is HASH (read only if there are prefixes)? */
bool tuf_role_covers(const struct tuf_role *, const char *path, const struct digest *hash);

/* The bin for a path with that SHA-256; false when its name does not fit. */
NODISCARD bool tuf_bin_name(
	const struct tuf_bins *, const struct digest *hash, char *name, size_t room);

/* Append where the target PATH is, as a URL relative to that of all targets: as it
 * stands, but bytes illegal in the path of a URL encoded; HASH and a dot before its last
 * segment unless HASH is NULL. */
NODISCARD bool tuf_path_url(
	const char *path, const char *hash, struct buf *url, struct error *);

#endif
