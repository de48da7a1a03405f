/*
 * csv.h - one line of comma-separated values (RFC 4180), strictly: no line breaks inside
 * cells, no quotes but around a whole cell.
 */
#ifndef COURIER_ADMIN_CSV_H
#define COURIER_ADMIN_CSV_H

#include "common/bytes.h"

enum {
	CSV_CELLS_MAX = 32,   /* in a line */
	CSV_LINE_MAX = 16384, /* bytes of a line, without its end */
};

/* Cells are texts without NUL; borrowed from TEXT. */
struct csv_row {
	const char *cells[CSV_CELLS_MAX];
	size_t count;
	char text[CSV_LINE_MAX + CSV_CELLS_MAX + 1];
};

/* Take the next line off *TEXT, without its LF or CR LF.  False when there is none. */
bool csv_line(struct bytes *text, struct bytes *line);

/* ERROR_MALFORMED says what is wrong as to who made the file in a spreadsheet. */
NODISCARD bool csv_parse(struct bytes line, struct csv_row *, struct error *);

#endif
