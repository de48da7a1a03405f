#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/nearest.h"
#include "common/text.h"
#include "common/utf8.h"
#include "courier/admin/csv.h"
#include "courier/admin/roster.h"
#include "courier/admin/roster_cell.h"

/* The columns, and where they go. */
static const struct column {
	const char *name;
	size_t offset;
	bool required;
	bool (*check)(const char *text, struct error *); /* NULL: any text */
} columns[] = {
	{"identity", offsetof(struct roster_device, identity), true, NULL},
	{"id", offsetof(struct roster_device, id), true, roster_check_id},
	{"type", offsetof(struct roster_device, type), true, NULL},
	{"artifact", offsetof(struct roster_device, artifact), false, NULL},
	{"label", offsetof(struct roster_device, label), false, NULL},
	{"site", offsetof(struct roster_device, site), false, NULL},
	{"group", offsetof(struct roster_device, group), false, roster_check_id},
	{"tier", offsetof(struct roster_device, tier), false, roster_check_tier},
};

enum { COLUMN_IDENTITY = 0 };

#define COLUMN_NAMES "identity, id, type, artifact, label, site, group, tier"

static char **member(struct roster_device *device, const struct column *column)
{
	return (char **)(void *)((char *)device + column->offset);
}

static void device_free(struct roster_device *device)
{
	for (size_t i = 0; i < COUNT(columns); i++)
		free(*member(device, &columns[i]));
}

void roster_free(struct roster *roster)
{
	for (size_t i = 0; i < roster->count; i++)
		device_free(&roster->at[i]);
	free(roster->at);
	*roster = (struct roster){0};
}

/* A file while it is read. */
struct reading {
	struct bytes rest;
	size_t line;
	size_t order[CSV_CELLS_MAX]; /* which column each cell of a line belongs to */
	size_t width;                /* cells of a line */
	struct csv_row row;
	struct roster roster;
	struct roster_mistakes *mistakes;
};

static void note(struct reading *reading, size_t line, const char *column, const char *text)
{
	struct roster_mistakes *const mistakes = reading->mistakes;
	const size_t i = mistakes->count++;

	if (i >= ROSTER_MISTAKES_MAX)
		return;
	mistakes->at[i].line = line;
	(void)snprintf(mistakes->at[i].text, sizeof(mistakes->at[i].text), "%s%s%s", column,
		column[0] == 0 ? "" : ": ", text);
}

/* ---- the file as a whole ---- */

static size_t lines_before(struct bytes text, size_t offset)
{
	size_t lines = 1;

	for (size_t i = 0; i < offset; i++)
		lines += text.at[i] == '\n';
	return lines;
}

/* What makes every further word about it pointless; false: noted. */
static bool check_file(struct reading *reading)
{
	const struct bytes all = reading->rest;
	const size_t valid = utf8_valid(all);

	if (all.len >= 2
		&& ((all.at[0] == 0xff && all.at[1] == 0xfe)
			|| (all.at[0] == 0xfe && all.at[1] == 0xff))) {
		note(reading, 1, "", "UTF-16: save the file as \"CSV UTF-8\"");
	} else if (all.len >= 2 && memcmp(all.at, "PK", 2) == 0) {
		note(reading, 1, "", "a spreadsheet, not CSV: save it as \"CSV UTF-8\"");
	} else if (all.len > 0 && memchr(all.at, 0, all.len) != NULL) {
		note(reading, 1, "", "has NUL bytes: not a text file");
	} else if (valid < all.len) {
		note(reading, lines_before(all, valid), "",
			"not UTF-8: save the file as \"CSV UTF-8\"");
	} else {
		return true;
	}
	return false;
}

static void skip_mark(struct reading *reading)
{
	if (reading->rest.len >= 3 && memcmp(reading->rest.at, "\xef\xbb\xbf", 3) == 0) {
		reading->rest.at += 3;
		reading->rest.len -= 3;
	}
}

/* ---- the first line ---- */

static bool separated_by(struct bytes line, char separator)
{
	return line.len > 0 && memchr(line.at, ',', line.len) == NULL
		&& memchr(line.at, separator, line.len) != NULL;
}

static void unknown_column(struct reading *reading, const char *name)
{
	struct nearest nearest = {.wrong = name};
	char text[200];

	for (size_t i = 0; i < COUNT(columns); i++)
		nearest_offer(&nearest, columns[i].name);
	if (name[0] == 0)
		(void)snprintf(text, sizeof(text), "a column without a name: delete it");
	else if (nearest.name != NULL)
		(void)snprintf(
			text, sizeof(text), "no such column; did you mean %s?", nearest.name);
	else
		(void)snprintf(text, sizeof(text), "no such column; there are " COLUMN_NAMES);
	note(reading, reading->line, name, text);
}

static void take_name(struct reading *reading, size_t cell)
{
	const char *const name = reading->row.cells[cell];

	reading->order[cell] = COUNT(columns);
	for (size_t i = 0; i < COUNT(columns); i++)
		if (strcmp(columns[i].name, name) == 0)
			reading->order[cell] = i;
	if (reading->order[cell] == COUNT(columns)) {
		unknown_column(reading, name);
		return;
	}
	for (size_t i = 0; i < cell; i++)
		if (reading->order[i] == reading->order[cell])
			note(reading, reading->line, name, "two columns of that name");
}

static bool has_column(const struct reading *reading, size_t column)
{
	for (size_t i = 0; i < reading->width; i++)
		if (reading->order[i] == column)
			return true;
	return false;
}

/* False: nothing after it can be understood. */
static bool read_header(struct reading *reading)
{
	const size_t before = reading->mistakes->count;
	struct bytes line = {NULL, 0};
	struct error err = {0};

	reading->line = 1;
	if (!csv_line(&reading->rest, &line) || line.len == 0)
		note(reading, 1, "", "must name the columns: " COLUMN_NAMES);
	else if (separated_by(line, ';'))
		note(reading, 1, "",
			"columns are separated by semicolons: save the file with commas");
	else if (separated_by(line, '\t'))
		note(reading, 1, "",
			"columns are separated by tabs: save the file with commas");
	else if (!csv_parse(line, &reading->row, &err))
		note(reading, 1, "", err.text);
	if (reading->mistakes->count > before)
		return false;
	reading->width = reading->row.count;
	for (size_t i = 0; i < reading->width; i++)
		take_name(reading, i);
	for (size_t i = 0; i < COUNT(columns); i++)
		if (columns[i].required && !has_column(reading, i))
			note(reading, 1, columns[i].name, "this column is missing");
	return reading->mistakes->count == before;
}

/* ---- devices ---- */

static bool check_value(const struct column *column, const char *text, struct error *err)
{
	if (text[0] == 0)
		return !column->required || error_set(err, ERROR_USAGE, "is empty");
	if (!roster_check_cell(text, err))
		return false;
	if (column != &columns[COLUMN_IDENTITY] && strlen(text) > ROSTER_CELL_MAX)
		return error_set(err, ERROR_USAGE, "over %d bytes", ROSTER_CELL_MAX);
	return column->check == NULL || column->check(text, err);
}

static bool take_value(
	const struct column *column, const char *text, char **out, struct error *err)
{
	if (!check_value(column, text, err))
		return false;
	if (text[0] == 0)
		return true;
	if (column == &columns[COLUMN_IDENTITY])
		return roster_identity(text, out, err);
	return text_set(out, text, err);
}

static bool is_blank(const struct csv_row *row)
{
	for (size_t i = 0; i < row->count; i++)
		if (row->cells[i][0] != 0)
			return false;
	return true;
}

/* A line of as many cells as there are columns; false: noted. */
static bool check_row(struct reading *reading, struct bytes line)
{
	struct error err = {0};
	char text[64];

	if (!csv_parse(line, &reading->row, &err)) {
		note(reading, reading->line, "", err.text);
	} else if (is_blank(&reading->row)) {
		note(reading, reading->line, "", "an empty row: delete it");
	} else if (reading->row.count != reading->width) {
		(void)snprintf(text, sizeof(text), "%zu cells, but %zu columns",
			reading->row.count, reading->width);
		note(reading, reading->line, "", text);
	} else {
		return true;
	}
	return false;
}

static void read_device(struct reading *reading)
{
	struct roster_device device = {.line = reading->line};
	const size_t before = reading->mistakes->count;

	for (size_t i = 0; i < reading->width; i++) {
		const struct column *const column = &columns[reading->order[i]];
		struct error err = {0};

		if (!take_value(column, reading->row.cells[i], member(&device, column), &err))
			note(reading, reading->line, column->name, err.text);
	}
	if (reading->mistakes->count == before && device.artifact != NULL
		&& device.type == NULL)
		note(reading, reading->line, "artifact", "needs a type");
	if (reading->mistakes->count > before)
		device_free(&device);
	else
		reading->roster.at[reading->roster.count++] = device;
}

/* Only white lines are left? */
static bool at_end(struct bytes rest)
{
	for (size_t i = 0; i < rest.len; i++)
		if (rest.at[i] != '\n' && rest.at[i] != '\r')
			return false;
	return true;
}

static void read_devices(struct reading *reading)
{
	struct bytes line = {NULL, 0};

	while (!at_end(reading->rest) && csv_line(&reading->rest, &line)) {
		reading->line++;
		if (reading->roster.count == ROSTER_DEVICES_MAX) {
			note(reading, reading->line, "",
				"too many devices for one courier: split the file");
			return;
		}
		if (check_row(reading, line))
			read_device(reading);
	}
	if (reading->roster.count == 0 && reading->mistakes->count == 0)
		note(reading, reading->line, "", "no devices below the names of the columns");
}

/* ---- the devices together ---- */

static void check_twins(struct reading *reading, size_t offset, const char *name)
{
	const struct column column = {.offset = offset};

	for (size_t i = 0; i < reading->roster.count; i++) {
		for (size_t j = 0; j < i; j++) {
			struct roster_device *const a = &reading->roster.at[j];
			struct roster_device *const b = &reading->roster.at[i];
			const char *const ours = *member(b, &column);
			char text[64];

			if (ours == NULL || *member(a, &column) == NULL
				|| strcmp(ours, *member(a, &column)) != 0)
				continue;
			(void)snprintf(text, sizeof(text), "the same as in line %zu", a->line);
			note(reading, b->line, name, text);
			break;
		}
	}
}

static bool read_all(struct reading *reading, struct error *err)
{
	reading->roster.at = calloc(ROSTER_DEVICES_MAX, sizeof(*reading->roster.at));
	if (reading->roster.at == NULL)
		return error_errno(err, "cannot allocate");
	if (reading->rest.len > ROSTER_SIZE_MAX) {
		note(reading, 1, "", "too large for a list of devices");
		return true;
	}
	if (!check_file(reading))
		return true;
	skip_mark(reading);
	if (!read_header(reading))
		return true;
	read_devices(reading);
	check_twins(reading, offsetof(struct roster_device, id), "id");
	check_twins(reading, offsetof(struct roster_device, identity), "identity");
	check_twins(reading, offsetof(struct roster_device, label), "label");
	return true;
}

static bool finish(struct reading *reading, struct roster *out, struct error *err)
{
	const struct roster_mistakes *const mistakes = reading->mistakes;

	if (mistakes->count > 0)
		return error_set(err, ERROR_USAGE,
			"%zu mistake%s, nothing was done; line %zu: %s", mistakes->count,
			mistakes->count == 1 ? "" : "s", mistakes->at[0].line,
			mistakes->at[0].text);
	*out = reading->roster;
	reading->roster = (struct roster){0};
	return true;
}

bool roster_parse(struct bytes csv, struct roster *out, struct roster_mistakes *mistakes,
	struct error *err)
{
	struct reading *const reading = calloc(1, sizeof(*reading));

	if (reading == NULL)
		return error_errno(err, "cannot allocate");
	mistakes->count = 0;
	reading->rest = csv;
	reading->mistakes = mistakes;

	const bool ok = read_all(reading, err) && finish(reading, out, err);

	roster_free(&reading->roster);
	free(reading);
	return ok;
}
