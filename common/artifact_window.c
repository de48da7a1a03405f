/*
 * How far back a packed stream makes its unpacker look is the packer's choice, up to
 * gigabytes, and nothing signed covers how a payload is packed.  liblzma and libzstd
 * could be told a limit; libarchive does not let us.  So these walk over the frames
 * of .xz (the xz file format, 1.1.0) and .zst (RFC 8878) before libarchive sees them,
 * without unpacking anything, and stop at a window that is too large.
 */
#include <string.h>

#include "common/artifact_parts.h"

enum {
	XZ_HEADER = 12,  /* bytes; the footer, too */
	XZ_LZMA2 = 0x21, /* the filter that has a window */
};

static bool wait_for(struct artifact_window *walk, size_t need,
	bool (*step)(struct artifact_window *, struct error *))
{
	walk->need = need;
	walk->step = step;
	return true;
}

static bool damaged(struct error *err, const char *what)
{
	return error_set(err, ERROR_MALFORMED, "packed stream: %s", what);
}

static bool judge(uint64_t window, struct error *err)
{
	if (window <= ARTIFACT_WINDOW_MAX)
		return true;
	return error_set(err, ERROR_SPACE,
		"packed stream: a window of %llu MiB, at most %d are taken",
		(unsigned long long)(window >> 20), ARTIFACT_WINDOW_MAX >> 20);
}

/* ---- xz ---- */

static bool xz_block(struct artifact_window *, struct error *);
static bool xz_chunk(struct artifact_window *, struct error *);

static bool xz_stream(struct artifact_window *walk, struct error *err)
{
	static const uint8_t sizes[16]
		= {0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64};

	if (memcmp(walk->have, "\xfd\x37zXZ", 6) != 0)
		return damaged(err, "not xz");
	walk->check = sizes[walk->have[7] & 15];
	return wait_for(walk, 1, xz_block);
}

/* A variable-length integer at *AT of the block header; only its end matters. */
static bool pass_number(const struct artifact_window *walk, size_t *at)
{
	while (*at < walk->need && (walk->have[*at] & 0x80) != 0)
		++*at;
	return ++*at <= walk->need;
}

static uint64_t xz_window(unsigned bits)
{
	return (uint64_t)(2 | (bits & 1)) << (bits / 2 + 11);
}

/* What follows the size byte of a block header: flags, sizes, filters. */
static bool xz_filters(struct artifact_window *walk, struct error *err)
{
	const uint8_t flags = walk->have[0];
	size_t at = 1;

	if (((flags & 0x40) != 0 && !pass_number(walk, &at))
		|| ((flags & 0x80) != 0 && !pass_number(walk, &at)))
		return damaged(err, "damaged block header");
	for (int filters = (flags & 3) + 1; filters > 0; filters--) {
		if (at + 2 >= walk->need)
			return damaged(err, "damaged block header");

		const uint8_t id = walk->have[at], size = walk->have[at + 1];

		/* One byte each, or liblzma knows no such filter. */
		if (((id | size) & 0x80) != 0 || (id == XZ_LZMA2) != (filters == 1))
			return damaged(err, "unknown filter");
		if (id == XZ_LZMA2 && !judge(xz_window(walk->have[at + 2] & 63U), err))
			return false;
		at += 2U + size;
	}
	walk->packed = 0;
	return wait_for(walk, 1, xz_chunk);
}

static bool xz_plain_chunk(struct artifact_window *walk, struct error *err)
{
	(void)err;
	walk->skip = ((uint64_t)walk->have[0] << 8 | walk->have[1]) + 1;
	walk->packed += walk->skip + 2;
	return wait_for(walk, 1, xz_chunk);
}

static bool xz_packed_chunk(struct artifact_window *walk, struct error *err)
{
	(void)err;
	walk->skip = ((uint64_t)walk->have[2] << 8 | walk->have[3]) + 1 + walk->properties;
	walk->packed += walk->skip + 4;
	return wait_for(walk, 1, xz_chunk);
}

/* The first byte of an LZMA2 chunk; zero ends the block. */
static bool xz_chunk(struct artifact_window *walk, struct error *err)
{
	const uint8_t control = walk->have[0];

	walk->packed++;
	if (control >= 0x80) {
		walk->properties = control >= 0xc0;
		return wait_for(walk, 4, xz_packed_chunk);
	}
	if (control > 2)
		return damaged(err, "damaged chunk");
	if (control > 0)
		return wait_for(walk, 2, xz_plain_chunk);
	walk->skip = (-walk->packed & 3) + walk->check;
	walk->blocks++;
	return wait_for(walk, 1, xz_block);
}

static bool xz_after(struct artifact_window *walk, struct error *err)
{
	(void)walk;
	return damaged(err, "trailing data after its end");
}

/* A byte of the index: the number of its records, and two numbers for each. */
static bool xz_index(struct artifact_window *walk, struct error *err)
{
	walk->packed++;
	if (walk->packed > 1 + 9 * (1 + 2 * walk->blocks))
		return damaged(err, "damaged index");
	if ((walk->have[0] & 0x80) == 0 && walk->numbers-- == 1) {
		walk->skip = (-walk->packed & 3) + 4 + XZ_HEADER;
		return wait_for(walk, 1, xz_after);
	}
	return wait_for(walk, 1, xz_index);
}

/* The first byte of a block header, or of the index. */
static bool xz_block(struct artifact_window *walk, struct error *err)
{
	(void)err;
	if (walk->have[0] > 0)
		return wait_for(walk, 4U * walk->have[0] + 3, xz_filters);
	walk->packed = 1;
	walk->numbers = 1 + 2 * walk->blocks;
	return wait_for(walk, 1, xz_index);
}

/* ---- zst ---- */

static bool zstd_magic(struct artifact_window *, struct error *);

static uint64_t little_endian(const uint8_t *at, size_t len)
{
	uint64_t value = 0;

	while (len-- > 0)
		value = value << 8 | at[len];
	return value;
}

static bool zstd_block(struct artifact_window *walk, struct error *err)
{
	const uint64_t header = little_endian(walk->have, 3);
	const uint64_t type = header >> 1 & 3;

	if (type == 3)
		return damaged(err, "damaged block");
	walk->skip = type == 1 ? 1 : header >> 3;
	if ((header & 1) == 0)
		return wait_for(walk, 3, zstd_block);
	walk->skip += walk->check;
	walk->blocks++;
	return wait_for(walk, 4, zstd_magic);
}

/* What follows the descriptor: window, dictionary, content size. */
static bool zstd_frame(struct artifact_window *walk, struct error *err)
{
	const uint8_t *const have = walk->have;
	const unsigned exponent = have[0] >> 3, eighths = have[0] & 7;
	/* A single segment is its own window; 2 bytes count from 256. */
	const uint64_t window = walk->content > 0
		? little_endian(have + walk->need - walk->content, walk->content)
			+ (walk->content == 2 ? 256 : 0)
		: (UINT64_C(1) << (10 + exponent)) / 8 * (8 + eighths);

	return judge(window, err) && wait_for(walk, 3, zstd_block);
}

static bool zstd_descriptor(struct artifact_window *walk, struct error *err)
{
	static const uint8_t dictionary[4] = {0, 1, 2, 4}, content[4] = {0, 2, 4, 8};
	const uint8_t descriptor = walk->have[0];
	const bool single = (descriptor & 0x20) != 0;
	const size_t size = descriptor >> 6 == 0 && single ? 1 : content[descriptor >> 6];

	(void)err;
	walk->check = (descriptor & 4) != 0 ? 4 : 0;
	walk->content = single ? size : 0;
	return wait_for(walk, (single ? 0 : 1) + dictionary[descriptor & 3] + size, zstd_frame);
}

static bool zstd_skippable(struct artifact_window *walk, struct error *err)
{
	(void)err;
	walk->skip = little_endian(walk->have, 4);
	return wait_for(walk, 4, zstd_magic);
}

static bool zstd_magic(struct artifact_window *walk, struct error *err)
{
	const uint64_t magic = little_endian(walk->have, 4);

	if (magic == 0xfd2fb528)
		return wait_for(walk, 1, zstd_descriptor);
	if ((magic & 0xfffffff0) == 0x184d2a50)
		return wait_for(walk, 4, zstd_skippable);
	return damaged(err, walk->blocks == 0 ? "not zst" : "trailing data after its end");
}

/* ---- both ---- */

void artifact_window_begin(struct artifact_window *walk, const char *suffix)
{
	*walk = (struct artifact_window){0};
	if (strcmp(suffix, ".xz") == 0)
		(void)wait_for(walk, XZ_HEADER, xz_stream);
	else if (strcmp(suffix, ".zst") == 0)
		(void)wait_for(walk, 4, zstd_magic);
}

bool artifact_window_check(struct artifact_window *walk, struct bytes bytes, struct error *err)
{
	while (walk->step != NULL && bytes.len > 0) {
		const uint64_t want = walk->skip > 0 ? walk->skip : walk->need - walk->len;
		const size_t len = want < bytes.len ? (size_t)want : bytes.len;

		if (walk->skip > 0) {
			walk->skip -= len;
		} else {
			memcpy(walk->have + walk->len, bytes.at, len);
			walk->len += len;
		}
		bytes.at += len;
		bytes.len -= len;
		if (walk->skip == 0 && walk->len == walk->need) {
			walk->len = 0;
			if (!walk->step(walk, err))
				return false;
		}
	}
	return true;
}
