/*
 * store_keyring.h - the keys of an open store, left with the kernel for a while
 * (user-keyring(7)), so that a technician does not type the passphrase at each
 * command.  Readable by processes of the same user only; gone at reboot, at the
 * timeout, and at logout of the last session.
 *
 * Containers often forbid it: that is an answer, not an error.
 */
#ifndef COURIER_STORE_KEYRING_H
#define COURIER_STORE_KEYRING_H

#include "common/secret.h"
#include "courier/store_keys.h"

enum { KEYRING_NAME = 48 /* characters, with the NUL */ };

/* What the keys of the store at HOME are called: tells stores apart, tells nothing
 * about them. */
NODISCARD bool keyring_name(const char *home, const uint8_t id[static STORE_ID_SIZE],
	char name[static KEYRING_NAME], struct error *);
/* TIMEOUT_S 0 removes them.  *DONE false where the kernel forbids it. */
NODISCARD bool keyring_put(const char *name, const struct secret *acting,
	const struct secret *reports, unsigned timeout_s, bool *done, struct error *);
/* *FOUND false where there are none, or the kernel forbids it. */
NODISCARD bool keyring_get(const char *name, struct secret *acting, struct secret *reports,
	bool *found, struct error *);

#endif
