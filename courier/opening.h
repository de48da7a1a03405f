/*
 * opening.h - opening the store: with keys the kernel still remembers, else with a
 * passphrase.
 */
#ifndef COURIER_OPENING_H
#define COURIER_OPENING_H

#include "courier/passphrase.h"
#include "courier/settings.h"
#include "courier/store.h"

/* ERROR_USAGE says how to make a store where there is none.  Where the settings say
 * so, the keys are left with the kernel for the next time. */
NODISCARD bool opening_store(
	const struct settings *, const struct unlock *, struct store **, struct error *);

/* The courier's keys.  ERROR_USAGE says how to make them. */
NODISCARD bool opening_key(
	struct store *, enum store_secret, struct crypto_key **, struct error *);

#endif
