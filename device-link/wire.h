/*
 * wire.h - reading and writing fields: big-endian integers, text, blocks.
 *
 * A reader or writer that fails once stays failed, so that a codec may go through
 * its list of fields and look at the end.  Runs that are read borrow from the input.
 */
#ifndef DEVICE_LINK_WIRE_H
#define DEVICE_LINK_WIRE_H

#include "common/bytes.h"

struct wire_reader {
	struct bytes rest;
	bool failed;
};

/* SIZE is 1 to 8 bytes.  0 when failed. */
uint64_t wire_read_integer(struct wire_reader *, size_t size);
struct bytes wire_read_run(struct wire_reader *, size_t len);
/* A u16 length and so many bytes of text (wire_is_text()), at most MAX. */
struct bytes wire_read_text(struct wire_reader *, size_t max);
/* A u32 length and so many bytes of anything, at most MAX. */
struct bytes wire_read_block(struct wire_reader *, size_t max);

/* Appends to OUT, which is borrowed; on failure what was appended is to be dropped. */
struct wire_writer {
	struct buf *out;
	bool failed;
	struct error err; /* why, when failed */
};

void wire_write_integer(struct wire_writer *, uint64_t, size_t size);
void wire_write_run(struct wire_writer *, struct bytes);
void wire_write_text(struct wire_writer *, struct bytes, size_t max);
void wire_write_block(struct wire_writer *, struct bytes, size_t max);

/* Well-formed UTF-8 (RFC 3629) without control characters (C0, DEL, C1): fit to be
 * shown on a terminal. */
bool wire_is_text(struct bytes);

#endif
