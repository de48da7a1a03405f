/*
 * file.h - small files that survive a power cut, and streams of large ones.
 */
#ifndef COMMON_FILE_H
#define COMMON_FILE_H

#include <sys/types.h>

#include "common/bytes.h"

/* Append the content of the file at PATH to BUF.  More than MAX bytes is
 * ERROR_MALFORMED.  A missing file is ERROR_FAILED unless FOUND is given: then
 * it is *FOUND = false and success. */
NODISCARD bool file_read(
	const char *path, size_t max, struct buf *, bool *found, struct error *);

/* Replace the file at PATH so that after a power cut it has either its old
 * content or all of CONTENT: temporary file beside it, fsync, rename, fsync of
 * the directory.  The file gets MODE. */
NODISCARD bool file_replace(const char *path, struct bytes content, mode_t, struct error *);

/* Remove PATH durably; a missing file is success. */
NODISCARD bool file_remove(const char *path, struct error *);

/* Rename durably; both in the same directory. */
NODISCARD bool file_rename(const char *from, const char *to, struct error *);

/* fsync the directory that holds PATH. */
NODISCARD bool file_sync_directory_of(const char *path, struct error *);

/* Make the directory PATH, and its parents, with MODE; existing is success. */
NODISCARD bool file_make_directory(const char *path, mode_t, struct error *);

/* Join DIRECTORY and NAME with a slash into PATH of ROOM characters. */
NODISCARD bool file_path(
	char *path, size_t room, const char *directory, const char *name, struct error *);

/* A source that reads the descriptor from where it stands.  FD is borrowed and
 * must outlive the source. */
struct source file_source(int *fd);

/* A sink that writes all it is given to the descriptor.  FD is borrowed. */
struct sink file_sink(int *fd);

/* Close *FD unless it is negative, and make it -1: for CLEANUP(). */
void file_close(int *fd);

#endif
