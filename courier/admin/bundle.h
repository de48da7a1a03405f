/*
 * bundle.h - the control bundles the authority keeps, one per courier: opened,
 * changed, numbered, signed again.
 */
#ifndef COURIER_ADMIN_BUNDLE_H
#define COURIER_ADMIN_BUNDLE_H

#include "courier/admin/record.h"
#include "courier/control.h"

/* The courier's newest bundle, its signature verified; one without devices when there
 * is none yet. */
NODISCARD bool bundle_read(const struct authority *, const struct courier_record *,
	struct control *, struct error *);
/* Give it the newest papers and the next number, sign it, keep it; RECORD's number follows.
 * Gives its path. */
NODISCARD bool bundle_write(struct authority *, struct courier_record *, struct control *,
	const struct crypto_key *issuer, char path[static PATH_MAX], struct error *);

/* The device with this canonical identity; NULL if there is none.  Borrowed. */
struct control_device *bundle_find(const struct control *, const char *identity);
/* One more, zero but for its id and identity, which are copied.  Borrowed until the next. */
NODISCARD bool bundle_add(struct control *, const char *id, const char *identity,
	struct control_device **, struct error *);
/* Set *TEXT to a copy of VALUE (NULL: none); *CHANGED when that makes a difference. */
NODISCARD bool bundle_set(char **text, const char *value, bool *changed, struct error *);

#endif
