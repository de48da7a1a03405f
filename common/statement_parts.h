/*
 * statement_parts.h - what all statements have, for statement*.c only.
 *
 *	statement.c            the envelope, and members that several have
 *	statement_receipt.c    outcome of an update
 *	statement_inventory.c  the facts a device decides from
 *	statement_identity.c   who a device says it is
 */
#ifndef COMMON_STATEMENT_PARTS_H
#define COMMON_STATEMENT_PARTS_H

#include "common/statement.h"

/* Every statement begins alike; the caller frees. */
struct json *statement_new(const struct digest *key);
/* Append the envelope of type TYPE (dsse.h). */
NODISCARD bool statement_sign(const struct json *, const char *type, const struct crypto_key *,
	struct buf *envelope, struct error *);
/* Verify with KEY, then read the members every statement has; the caller frees. */
NODISCARD bool statement_open(struct bytes envelope, const char *type,
	const struct crypto_public *key, struct json **, struct digest *named, struct error *);

/* Member "time". */
void statement_add_time(struct json *, const struct device_time *);
NODISCARD bool statement_need_time(const struct json *, struct device_time *, struct error *);

/* Member NAME: JSON as a text has it, and as canonical JSON, to be freed. */
NODISCARD bool statement_add_parsed(
	struct json *, const char *name, const char *text, struct error *);
NODISCARD bool statement_need_canonical(
	const struct json *, const char *name, char **, struct error *);

#endif
