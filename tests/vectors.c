#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "tests/vectors.h"

enum { VECTORS_MAX = 64, FILE_MAX = 256 * 1024 };

struct vectors {
	size_t count;
	struct {
		char name[64];
		struct buf bytes;
	} at[VECTORS_MAX];
};

static bool add_hex(struct vectors *vectors, const char *hex, struct error *err)
{
	uint8_t at[64];
	const size_t len = strlen(hex) / 2;

	return (vectors->count > 0 && len <= sizeof(at))
		? hex_decode(hex, at, len, err)
			&& buf_append(&vectors->at[vectors->count - 1].bytes,
				(struct bytes){at, len}, err)
		: error_set(err, ERROR_MALFORMED, "hex without a name, or too long a line");
}

static bool add_line(struct vectors *vectors, const char *line, struct error *err)
{
	if (line[0] == '#' || line[0] == '\0')
		return true;
	if (line[0] == ' ')
		return add_hex(vectors, line + strspn(line, " "), err);
	if (vectors->count == VECTORS_MAX
		|| strlen(line) >= sizeof(vectors->at[vectors->count].name))
		return error_set(err, ERROR_MALFORMED, "too many vectors");
	memcpy(vectors->at[vectors->count].name, line, strlen(line) + 1);
	vectors->count++;
	return true;
}

bool vectors_open(const char *path, struct vectors **out, struct error *err)
{
	CLEANUP(vectors_cleanup) struct vectors *vectors = calloc(1, sizeof(*vectors));
	CLEANUP(buf_free) struct buf text = {0};
	bool found = false;

	if (vectors == NULL)
		return error_errno(err, "cannot allocate vectors");
	if (!file_read(path, FILE_MAX, &text, &found, err)
		|| !buf_append(&text, (struct bytes){(const uint8_t *)"", 1}, err))
		return false;
	if (!found)
		return error_set(err, ERROR_FAILED, "%s: no such file", path);
	for (char *line = (char *)text.at, *next = NULL; line != NULL; line = next) {
		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		if (!add_line(vectors, line, err))
			return error_while(err, "%s: %s", path, line);
	}
	*out = vectors;
	vectors = NULL;
	return true;
}

void vectors_free(struct vectors *vectors)
{
	if (vectors == NULL)
		return;
	for (size_t i = 0; i < vectors->count; i++)
		buf_free(&vectors->at[i].bytes);
	free(vectors);
}

void vectors_cleanup(struct vectors **vectors)
{
	vectors_free(*vectors);
}

size_t vectors_count(const struct vectors *vectors)
{
	return vectors->count;
}

const char *vectors_name(const struct vectors *vectors, size_t index)
{
	return vectors->at[index].name;
}

struct bytes vectors_bytes(const struct vectors *vectors, size_t index)
{
	return buf_bytes(&vectors->at[index].bytes);
}

bool vectors_find(const struct vectors *vectors, const char *name, struct bytes *bytes)
{
	for (size_t i = 0; i < vectors->count; i++)
		if (strcmp(vectors->at[i].name, name) == 0) {
			*bytes = vectors_bytes(vectors, i);
			return true;
		}
	return false;
}
