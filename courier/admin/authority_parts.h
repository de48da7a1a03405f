/* authority_parts.h - between the files of authority.h. */
#ifndef COURIER_ADMIN_AUTHORITY_PARTS_H
#define COURIER_ADMIN_AUTHORITY_PARTS_H

#include "courier/admin/authority.h"

/* The directory of the issuer of a role. */
extern const char *const authority_issuer_names[];

/* A small file inside, appended to OUT; and replaced, with mode 0600. */
NODISCARD bool authority_read(
	const struct authority *, const char *name, struct buf *out, struct error *);
NODISCARD bool authority_write(
	const struct authority *, const char *name, struct bytes, struct error *);
NODISCARD bool authority_take_lock(struct authority *, struct error *);

/* Read issued.log, follow its chain, set LAST. */
NODISCARD bool authority_log_check(struct authority *, struct error *);

#endif
