/*
 * artifact_reader.h - a tar archive, or one packed stream, read from a source.
 *
 * common/artifact.c implements it and is libarchive's only door.  libarchive is
 * lenient where an archive ends early, goes on after its end, or is not what its
 * suffix says; a reader is not: it counts what goes in and accounts for each byte.
 */
#ifndef COMMON_ARTIFACT_READER_H
#define COMMON_ARTIFACT_READER_H

#include "common/artifact_parts.h"

enum { READER_NAME_MAX = ARTIFACT_NAME_MAX };

struct reader;

/* A tar archive.  WHAT names it in messages and is borrowed.  FROM may give LIMIT
 * bytes, then it is ERROR_SPACE. */
NODISCARD bool reader_open_tar(
	const char *what, struct source from, uint64_t limit, struct reader **, struct error *);

/* The unpacked content of a packed stream (gz, xz, zst), as one member without a
 * name, already begun.  SUFFIX with its dot.  Whatever follows the stream in FROM
 * is ERROR_MALFORMED. */
NODISCARD bool reader_open_packed(const char *what, const char *suffix, struct source from,
	struct reader **, struct error *);

void reader_close(struct reader **); /* for CLEANUP() */

/* Go to the next member, past what was not read of this one; false in *found at the
 * end, which is where FROM ends too.  A member is a regular file without holes. */
NODISCARD bool reader_next(struct reader *, bool *found, struct error *);
const char *reader_name(const struct reader *); /* borrowed; plain, and not empty */
uint64_t reader_size(const struct reader *);

/* More of the member's content; nothing at its end.  Borrowed until the next call. */
NODISCARD bool reader_read(struct reader *, struct bytes *, struct error *);

/* The member's content as a source; READER is borrowed. */
struct source reader_source(struct reader *);

#endif
