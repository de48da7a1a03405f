/* roster_cell.h - between roster.c and roster_cell.c: is a cell what it should be? */
#ifndef COURIER_ADMIN_ROSTER_CELL_H
#define COURIER_ADMIN_ROSTER_CELL_H

#include "common/error.h"

/* What a spreadsheet does to any cell: spaces around it, formulas, error values, numbers in
 * scientific notation. */
NODISCARD bool roster_check_cell(const char *text, struct error *);

NODISCARD bool roster_check_id(const char *text, struct error *);
NODISCARD bool roster_check_tier(const char *text, struct error *);

/* An identity in either form; gives the canonical JSON object, allocated. */
NODISCARD bool roster_identity(const char *text, char **canonical, struct error *);

#endif
