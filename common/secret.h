/*
 * secret.h - keys: fixed size, never in a growable buffer, wiped on scope exit.
 *
 *	SECRET key = {0};
 *	if (!crypto_derive(..., &key, err)) return false;   (wiped either way)
 */
#ifndef COMMON_SECRET_H
#define COMMON_SECRET_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

struct secret {
	uint8_t at[32];
};

#define SECRET CLEANUP(secret_wipe) struct secret

void secret_wipe(struct secret *);
void secret_wipe_bytes(void *at, size_t len);

enum { PASSPHRASE_MAX = 256 }; /* bytes, with the NUL */

/* A passphrase or a token: text that wipes itself. */
struct passphrase {
	char at[PASSPHRASE_MAX];
};

#define PASSPHRASE CLEANUP(passphrase_wipe) struct passphrase

void passphrase_wipe(struct passphrase *);

/* No core dumps, not traceable by other processes of the same user, nothing
 * of this process in a crash report.  Called first in every main(). */
NODISCARD bool secret_harden_process(struct error *);

#endif
