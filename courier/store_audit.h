/*
 * store_audit.h - the hash chain under every change.
 *
 *	chain[0] = 32 zero bytes
 *	chain[n] = SHA-256(chain[n-1] || n (8 bytes, big-endian) || record)
 *
 * where the record is time, device and event as store_record.h packs them.  The rows
 * are sealed each under its number, and number and chain of the last one are sealed
 * as the head, written in the same transaction: a row changed, moved, taken out, or
 * cut off the end is seen.
 */
#ifndef COURIER_STORE_AUDIT_H
#define COURIER_STORE_AUDIT_H

#include "courier/store_private.h"

/* Append a row after *HEAD, and make it the head; within a transaction. */
NODISCARD bool audit_append(
	struct store *, struct head *, const char *device, const char *event, struct error *);

#endif
