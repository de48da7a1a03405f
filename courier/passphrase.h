/*
 * passphrase.h - asking for a passphrase: at a terminal, or from where a script put it.
 *
 * A passphrase is a line of 1 to PASSPHRASE_MAX - 1 bytes; what follows the first line
 * of a file or descriptor is not read as part of it.  Nothing of it is echoed, printed
 * or kept in a buffer that is not wiped.
 */
#ifndef COURIER_PASSPHRASE_H
#define COURIER_PASSPHRASE_H

#include "common/secret.h"

/* How the passphrase comes: at a prompt unless one of these is given. */
struct unlock {
	const char *file; /* NULL: not from a file */
	int descriptor;   /* -1: not from a descriptor */
};

/* ERROR_USAGE: an empty or too long line, one with a NUL; a file that others than its
 * owner may read or change, or that is no file; neither a source nor a terminal.
 * QUESTION, such as "passphrase", is what the prompt says.  A signal that ends or stops
 * the process finds the terminal as it was; after a stop the question is asked again.
 * Of a descriptor not a byte is read beyond the line. */
NODISCARD bool passphrase_get(
	const struct unlock *, const char *question, struct passphrase *, struct error *);
/* The same for a new passphrase: a prompt asks twice, and ERROR_USAGE when they differ. */
NODISCARD bool passphrase_get_new(
	const struct unlock *, const char *question, struct passphrase *, struct error *);

#endif
