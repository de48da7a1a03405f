/* store_schema.h - the tables of the store, and every statement that touches them. */
#ifndef COURIER_STORE_SCHEMA_H
#define COURIER_STORE_SCHEMA_H

#include "courier/store_sql.h"

/* The text of a statement. */
const char *schema_statement(enum sql_statement);

/* Make the tables; within the caller's transaction. */
NODISCARD bool schema_create(struct sql_database *, struct error *);

/* Is it our file, of our version, with whole pages, and exactly our tables?
 * ERROR_DAMAGED says what is wrong, and what to do. */
NODISCARD bool schema_check(struct sql_database *, struct error *);

#endif
