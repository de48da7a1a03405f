/*
 * tuf_set.h - the TUF files that are carried to one device, as one run of bytes: object
 * METADATA of courier-link(7).
 *
 *	magic    "TUFSET1\n"
 *	records  strictly ascending by kind, then by the bytes of the name:
 *		u8   kind
 *		u16  length of the name, the name
 *		u32  length of the content, the content
 *
 * Integers are big-endian; nothing is left over.  So a set says what it holds in one way
 * only, and its digest names it.  Nothing in it is trusted for being in it: it is where a
 * client of tuf.h fetches from.
 */
#ifndef COMMON_TUF_SET_H
#define COMMON_TUF_SET_H

#include "common/bytes.h"

enum {
	TUF_SET_MAX = 16 << 20,       /* bytes of a set */
	TUF_SET_FILES_MAX = 8192,     /* records of a set */
	TUF_SET_NAME_MAX = 512,       /* bytes of a name */
	TUF_SET_CONTENT_MAX = 5 << 19 /* bytes of one content */
};

enum tuf_set_kind {
	TUF_SET_METADATA,  /* a metadata file, as the repository names it: "1.root.json"; its
			      name is of letters, digits and "_.-~%" */
	TUF_SET_DIRECTION, /* the content of a target that directs a device, by target path */
	TUF_SET_ARTIFACT,  /* the target path of the artifact that comes with the set; no
			      content.  A hint, for a device that needs no direction */
	TUF_SET_KIND_COUNT
};

/* Where the bytes of a set are: in memory, or in a file too large to be. */
struct tuf_set_source {
	/* Exactly LEN bytes from OFFSET on; never asked for more than SIZE has. */
	bool (*read)(void *self, uint64_t offset, uint8_t *at, size_t len, struct error *);
	void *self;
	uint64_t size;
};

/* One record, without its content. */
struct tuf_set_record {
	enum tuf_set_kind kind;
	char name[TUF_SET_NAME_MAX + 1];
	uint64_t offset; /* of the content in the set */
	size_t len;      /* of the content */
};

struct tuf_set {
	struct tuf_set_source source;
	struct bytes bytes; /* when they are in memory */
	uint32_t *at;       /* where each record begins */
	size_t count;
};

/* Check the form of a set and remember where its records are.  The bytes, or what the
 * source reads from, are borrowed until tuf_set_done().  ERROR_MALFORMED unless it is a set
 * within the limits. */
NODISCARD bool tuf_set_open(struct bytes, struct tuf_set *, struct error *);
NODISCARD bool tuf_set_open_source(
	const struct tuf_set_source *, struct tuf_set *, struct error *);
void tuf_set_done(struct tuf_set *); /* caller's memory; zero is fine */

/* The content of a record of a set in memory, borrowed from there; false: none. */
bool tuf_set_find(const struct tuf_set *, enum tuf_set_kind, const char *name, struct bytes *);
/* The same of any set, appended; more than MAX bytes are ERROR_MALFORMED. */
NODISCARD bool tuf_set_read(const struct tuf_set *, enum tuf_set_kind, const char *name,
	size_t max, struct buf *, bool *found, struct error *);
/* The record at INDEX, below the count, in the order of the set. */
NODISCARD bool tuf_set_record(
	const struct tuf_set *, size_t index, struct tuf_set_record *, struct error *);

/* ---- making one ---- */

struct tuf_set_item;

/* Zero-initialise. */
struct tuf_set_writer {
	struct tuf_set_item *items;
	size_t count, room;
	uint64_t size; /* bytes of the set, as far as it is now */
};

/* Add a record, in any order; NAME and content are copied.  ERROR_MALFORMED over a limit or
 * when the name is none for its kind. */
NODISCARD bool tuf_set_add(struct tuf_set_writer *, enum tuf_set_kind, const char *name,
	struct bytes content, struct error *);
/* Pour the set into SINK.  ERROR_USAGE when two records have one kind and name. */
NODISCARD bool tuf_set_encode(struct tuf_set_writer *, struct sink, struct error *);
void tuf_set_writer_done(struct tuf_set_writer *);

#endif
