/*
 * plan.h - may this device install this artifact?  Pure, and the same code on the
 * device, where it decides, and on the courier, where it rehearses.
 */
#ifndef COMMON_PLAN_H
#define COMMON_PLAN_H

#include "common/statement.h"

/* Before the first byte: is there room for SIZE bytes of artifact and UNPACKED
 * bytes of the installer's own copy?  ERROR_SPACE says how much is missing. */
NODISCARD bool plan_space(
	const struct inventory *, uint64_t size, uint64_t unpacked, struct error *);

/*
 * Once the artifact is known whole, in this order:
 *	no anchor              ERROR_SIGNATURE  it installs nothing
 *	unsigned, key required ERROR_SIGNATURE
 *	depends not met        ERROR_WRONG_DEVICE
 *	no installer for type  ERROR_WRONG_DEVICE
 *	counter missing        ERROR_ROLLBACK   with the one-line remedy
 *	counter below the mark ERROR_ROLLBACK
 *	space                  ERROR_SPACE
 */
NODISCARD bool plan_permits(const struct inventory *, const struct artifact *, struct error *);

/* Is a refusal with this code for ever (a REFUSED receipt closes the deployment),
 * or may another visit do better? */
bool plan_terminal(enum error_code);

/* The artifact's counter; *FOUND false when it has none.  ERROR_MALFORMED unless it
 * is a decimal integer of at most 15 digits. */
NODISCARD bool plan_counter(const struct artifact *, const char *counter_name,
	uint64_t *counter, bool *found, struct error *);

#endif
