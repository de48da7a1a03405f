#include <string.h>

#include "courier/admin/csv.h"

bool csv_line(struct bytes *text, struct bytes *line)
{
	if (text->len == 0)
		return false;

	const uint8_t *const end = memchr(text->at, '\n', text->len);
	const size_t len = end == NULL ? text->len : (size_t)(end - text->at);
	const size_t taken = len + (end != NULL);

	*line = (struct bytes){text->at, len - (len > 0 && text->at[len - 1] == '\r')};
	text->at += taken;
	text->len -= taken;
	return true;
}

/* "..." at the front of *REST, in which "" is a quote. */
static bool quoted_cell(struct bytes *rest, char **to, struct error *err)
{
	size_t i = 1;

	for (; i < rest->len; i++) {
		if (rest->at[i] == '"' && (i + 1 == rest->len || rest->at[i + 1] != '"'))
			break;
		i += rest->at[i] == '"';
		*(*to)++ = (char)rest->at[i];
	}
	if (i >= rest->len)
		return error_set(err, ERROR_MALFORMED,
			"a quote that is opened is not closed in the same line: a cell must "
			"not "
			"have a line break");
	if (i + 1 < rest->len && rest->at[i + 1] != ',')
		return error_set(err, ERROR_MALFORMED,
			"something follows a closing quote: quotes inside a cell are written "
			"twice");
	rest->at += i + 1;
	rest->len -= i + 1;
	return true;
}

static bool plain_cell(struct bytes *rest, char **to, struct error *err)
{
	size_t i = 0;

	for (; i < rest->len && rest->at[i] != ','; i++) {
		if (rest->at[i] == '"')
			return error_set(err, ERROR_MALFORMED,
				"a quote inside a cell: put the whole cell in quotes and write "
				"those inside twice");
		*(*to)++ = (char)rest->at[i];
	}
	rest->at += i;
	rest->len -= i;
	return true;
}

static bool check_line(struct bytes line, struct error *err)
{
	if (line.len > CSV_LINE_MAX)
		return error_set(err, ERROR_MALFORMED, "over %d bytes", CSV_LINE_MAX);
	for (size_t i = 0; i < line.len; i++) {
		if (line.at[i] == '\r')
			return error_set(err, ERROR_MALFORMED,
				"a carriage return that does not end the line: save the file "
				"with line ends of Windows or Unix");
		if (line.at[i] < 0x20 || line.at[i] == 0x7f)
			return error_set(err, ERROR_MALFORMED, "a control character (0x%02x)%s",
				line.at[i],
				line.at[i] == '\t' ? ": separate the columns with commas" : "");
	}
	return true;
}

bool csv_parse(struct bytes line, struct csv_row *row, struct error *err)
{
	struct bytes rest = line;
	char *to = row->text;

	row->count = 0;
	if (!check_line(line, err))
		return false;
	for (;;) {
		if (row->count == CSV_CELLS_MAX)
			return error_set(err, ERROR_MALFORMED, "over %d cells", CSV_CELLS_MAX);
		row->cells[row->count++] = to;
		if (!(rest.len > 0 && rest.at[0] == '"' ? quoted_cell(&rest, &to, err)
							: plain_cell(&rest, &to, err)))
			return false;
		*to++ = 0;
		if (rest.len == 0)
			return true;
		rest.at++; /* the comma */
		rest.len--;
	}
}
