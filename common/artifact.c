#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>

#include "common/artifact_reader.h"

enum {
	ROOM = 65536,           /* bytes asked of the source at once */
	TAR_END = 2 * 512,      /* two blocks of zeros */
	TAR_PADDING = 20 * 512, /* at most, after them: GNU tar fills its record */
	PACKED_FILTERS = 2,     /* the unpacker, and the source itself */
};

struct reader {
	const char *what;
	struct source from;
	uint64_t limit;                /* bytes FROM may give */
	uint64_t taken;                /* bytes FROM gave */
	uint64_t solid;                /* bytes up to its last that is not zero */
	bool drained;                  /* FROM is at its end */
	struct artifact_window window; /* of what is packed */
	struct error failure;          /* what FROM said when it failed */
	struct archive *archive;
	bool is_tar;
	char name[READER_NAME_MAX + 1];
	uint64_t size, offset; /* of the member, and what was read of it */
	bool finished;         /* nothing more in the member */
	uint64_t end;          /* of the last finished member, padding included */
	struct bytes block;    /* read from the archive, not yet by reader_source() */
	uint8_t room[ROOM];
};

/* ---- what goes in ---- */

static size_t solid_part(const uint8_t *at, size_t len)
{
	if (len > 0 && at[0] == 0 && memcmp(at, at + 1, len - 1) == 0)
		return 0;
	while (len > 0 && at[len - 1] == 0)
		len--;
	return len;
}

/* The next bytes of FROM, into the room. */
static bool feed(struct reader *reader, size_t *got, struct error *err)
{
	*got = 0;
	if (reader->drained)
		return true;
	if (!reader->from.read(reader->from.self, reader->room, ROOM, got, err))
		return false;
	reader->drained = *got == 0;

	const size_t solid = solid_part(reader->room, *got);

	if (solid > 0)
		reader->solid = reader->taken + solid;
	reader->taken += *got;
	if (reader->taken > reader->limit)
		return error_set(err, ERROR_SPACE, "%s: more than %llu bytes unpacked",
			reader->what, (unsigned long long)reader->limit);
	return artifact_window_check(&reader->window, (struct bytes){reader->room, *got}, err)
		|| error_while(err, "%s", reader->what);
}

/* libarchive asks for bytes.  It may ask again after a failure. */
static la_ssize_t give(struct archive *archive, void *self, const void **at)
{
	struct reader *const reader = self;
	size_t got = 0;

	if (reader->failure.code != ERROR_NONE || !feed(reader, &got, &reader->failure)) {
		archive_set_error(archive, EIO, "cannot read");
		return -1;
	}
	*at = reader->room;
	return (la_ssize_t)got;
}

/* What libarchive, or the source below it, says is wrong. */
static bool fail(const struct reader *reader, struct error *err)
{
	const char *const why = archive_error_string(reader->archive);

	if (reader->failure.code != ERROR_NONE) {
		*err = reader->failure;
		return false;
	}
	return error_set(err,
		archive_errno(reader->archive) == ENOMEM ? ERROR_FAILED : ERROR_MALFORMED,
		"%s: %s", reader->what, why != NULL ? why : "cut short or damaged");
}

/* libarchive may swallow a failure of the source and call it the end. */
static bool is_sound(const struct reader *reader, int status)
{
	return reader->failure.code == ERROR_NONE
		&& (status == ARCHIVE_OK || status == ARCHIVE_WARN || status == ARCHIVE_EOF);
}

/* ---- opening ---- */

struct packing {
	const char *suffix;
	int code;
	int (*support)(struct archive *);
};

static const struct packing *packing_of(const char *suffix)
{
	static const struct packing packings[] = {
		{".gz", ARCHIVE_FILTER_GZIP, archive_read_support_filter_gzip},
		{".xz", ARCHIVE_FILTER_XZ, archive_read_support_filter_xz},
		{".zst", ARCHIVE_FILTER_ZSTD, archive_read_support_filter_zstd},
	};

	for (size_t i = 0; i < COUNT(packings); i++)
		if (strcmp(packings[i].suffix, suffix) == 0)
			return &packings[i];
	return NULL;
}

/* A format and at most one filter: libarchive guesses among what it was told of.
 * A filter libarchive was built without is ARCHIVE_WARN: it would run a program. */
static bool support(struct archive *archive, const struct packing *packing)
{
	if (packing == NULL)
		return archive_read_support_format_tar(archive) == ARCHIVE_OK;
	return archive_read_support_format_raw(archive) == ARCHIVE_OK
		&& packing->support(archive) == ARCHIVE_OK;
}

static bool open_archive(
	struct reader *reader, const struct packing *packing, struct error *err)
{
	reader->archive = archive_read_new();
	if (reader->archive == NULL)
		return error_set(err, ERROR_FAILED, "cannot allocate an archive");
	if (!support(reader->archive, packing))
		return error_set(err, ERROR_FAILED, "%s: libarchive was built without %s",
			reader->what, packing == NULL ? "tar" : packing->suffix);
	if (!is_sound(reader, archive_read_open(reader->archive, reader, NULL, give, NULL)))
		return fail(reader, err);
	return true;
}

static struct reader *new_reader(
	const char *what, struct source from, uint64_t limit, struct error *err)
{
	struct reader *const reader = calloc(1, sizeof(*reader));

	if (reader == NULL) {
		(void)error_errno(err, "cannot allocate a reader");
		return NULL;
	}
	reader->what = what;
	reader->from = from;
	reader->limit = limit;
	return reader;
}

bool reader_open_tar(const char *what, struct source from, uint64_t limit, struct reader **out,
	struct error *err)
{
	CLEANUP(reader_close) struct reader *reader = new_reader(what, from, limit, err);

	if (reader == NULL)
		return false;
	reader->is_tar = true;
	reader->finished = true;
	if (!open_archive(reader, NULL, err))
		return false;
	*out = reader;
	reader = NULL;
	return true;
}

bool reader_open_packed(const char *what, const char *suffix, struct source from,
	struct reader **out, struct error *err)
{
	const struct packing *const packing = packing_of(suffix);
	struct archive_entry *entry = NULL;

	if (packing == NULL)
		return error_set(err, ERROR_USAGE, "%s: no such packing: %s", what, suffix);

	CLEANUP(reader_close) struct reader *reader = new_reader(what, from, UINT64_MAX, err);

	if (reader == NULL)
		return false;
	artifact_window_begin(&reader->window, suffix);
	if (!open_archive(reader, packing, err))
		return false;
	/* libarchive would also take it unpacked, or packed twice. */
	if (archive_filter_count(reader->archive) != PACKED_FILTERS
		|| archive_filter_code(reader->archive, 0) != packing->code)
		return error_set(
			err, ERROR_MALFORMED, "%s: not packed as its suffix says", what);
	if (!is_sound(reader, archive_read_next_header(reader->archive, &entry)))
		return fail(reader, err);
	*out = reader;
	reader = NULL;
	return true;
}

void reader_close(struct reader **reader)
{
	if (*reader == NULL)
		return;
	(void)archive_read_free((*reader)->archive);
	free(*reader);
	*reader = NULL;
}

/* ---- ends ---- */

/* A tar archive ends with two blocks of zeros; nothing but zeros may follow. */
static bool end_tar(struct reader *reader, struct error *err)
{
	const uint64_t at = (uint64_t)archive_filter_bytes(reader->archive, 0);
	size_t got = 1;

	if (at != reader->end + TAR_END)
		return error_set(err, ERROR_MALFORMED, "%s: cut short: its end is missing",
			reader->what);
	while (got > 0 && reader->solid <= reader->end && reader->taken <= at + TAR_PADDING)
		if (!feed(reader, &got, err))
			return false;
	if (got > 0 || reader->solid > reader->end || reader->taken > at + TAR_PADDING)
		return error_set(
			err, ERROR_MALFORMED, "%s: trailing data after its end", reader->what);
	return true;
}

/* A packed stream ends where its source ends. */
static bool end_packed(struct reader *reader, struct error *err)
{
	const uint64_t used = (uint64_t)archive_filter_bytes(reader->archive, -1);
	size_t got = 1;

	while (got > 0 && reader->taken == used)
		if (!feed(reader, &got, err))
			return false;
	if (reader->taken != used)
		return error_set(
			err, ERROR_MALFORMED, "%s: trailing data after its end", reader->what);
	return true;
}

static bool end_member(struct reader *reader, struct error *err)
{
	reader->finished = true;
	if (!reader->is_tar)
		return end_packed(reader, err);
	if (reader->offset != reader->size)
		return error_set(err, ERROR_MALFORMED, "%s: %s has another size than it says",
			reader->what, reader->name);
	reader->end = (uint64_t)archive_filter_bytes(reader->archive, 0);
	return true;
}

/* ---- members ---- */

static bool is_ascii(const char *text)
{
	while (*text != 0 && (unsigned char)*text < 0x80)
		text++;
	return *text == 0;
}

/* STATUS is a warning for names libarchive cannot say in this locale: we compare
 * bytes and do not mind. */
static bool take_entry(
	struct reader *reader, struct archive_entry *entry, int status, struct error *err)
{
	const char *const name = archive_entry_pathname(entry);

	if (name == NULL || *name == 0 || strlen(name) > READER_NAME_MAX
		|| !artifact_is_plain(name))
		return error_set(
			err, ERROR_MALFORMED, "%s: a member with an unfit name", reader->what);
	if (status != ARCHIVE_OK && is_ascii(name))
		return fail(reader, err);
	if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) != NULL
		|| archive_entry_symlink(entry) != NULL)
		return error_set(err, ERROR_MALFORMED, "%s: %s is not a regular file",
			reader->what, name);
	if (archive_entry_sparse_count(entry) > 0 || !archive_entry_size_is_set(entry)
		|| archive_entry_size(entry) < 0)
		return error_set(err, ERROR_MALFORMED, "%s: %s has holes", reader->what, name);
	memcpy(reader->name, name, strlen(name) + 1);
	reader->size = (uint64_t)archive_entry_size(entry);
	reader->offset = 0;
	reader->finished = false;
	return true;
}

bool reader_next(struct reader *reader, bool *found, struct error *err)
{
	struct archive_entry *entry = NULL;
	struct bytes rest = {0};

	while (!reader->finished)
		if (!reader_read(reader, &rest, err))
			return false;

	const int status = archive_read_next_header(reader->archive, &entry);

	if (!is_sound(reader, status))
		return fail(reader, err);
	if (status == ARCHIVE_EOF ? !end_tar(reader, err)
				  : !take_entry(reader, entry, status, err))
		return false;
	*found = status != ARCHIVE_EOF;
	return true;
}

const char *reader_name(const struct reader *reader)
{
	return reader->name;
}

uint64_t reader_size(const struct reader *reader)
{
	return reader->size;
}

bool reader_read(struct reader *reader, struct bytes *out, struct error *err)
{
	const void *at = NULL;
	size_t len = 0;
	la_int64_t offset = 0;

	while (!reader->finished && len == 0) {
		const int status = archive_read_data_block(reader->archive, &at, &len, &offset);

		if (!is_sound(reader, status) || status == ARCHIVE_WARN)
			return fail(reader, err);
		if (status == ARCHIVE_EOF) {
			if (!end_member(reader, err))
				return false;
			len = 0;
		} else if ((uint64_t)offset != reader->offset) {
			return error_set(err, ERROR_MALFORMED, "%s: %s has holes", reader->what,
				reader->name);
		}
	}
	reader->offset += len;
	*out = (struct bytes){at, len};
	return true;
}

static bool read_some(void *self, uint8_t *at, size_t room, size_t *got, struct error *err)
{
	struct reader *const reader = self;

	if (reader->block.len == 0 && !reader_read(reader, &reader->block, err))
		return false;

	const size_t len = reader->block.len < room ? reader->block.len : room;

	*got = len;
	if (len == 0)
		return true;
	memcpy(at, reader->block.at, len);
	reader->block.at += len;
	reader->block.len -= len;
	return true;
}

struct source reader_source(struct reader *reader)
{
	return (struct source){read_some, reader};
}
