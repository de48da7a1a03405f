/*
 * receipt_file.h - receipts where people have them: an envelope in a file, or in a line
 * "courier-receipt: {...}" of a deployment log, as text or as the JSON of its messages.
 */
#ifndef COURIER_ADMIN_RECEIPT_FILE_H
#define COURIER_ADMIN_RECEIPT_FILE_H

#include "common/statement.h"

enum { RECEIPT_FILE_MAX = 4 * 1024 * 1024 /* bytes */ };

/* Call VISIT with each envelope in FILE, a text; *COUNT is how many there were. */
NODISCARD bool receipt_file_each(struct bytes file,
	bool (*visit)(void *self, struct bytes envelope, struct error *), void *self,
	size_t *count, struct error *);

/* What a receipt claims before anything about it was verified: only to find the
 * certificate to verify it with. */
struct receipt_claim {
	char device[CERTIFICATE_ID_MAX + 1];
	struct digest key;
};

NODISCARD bool receipt_claim_read(
	struct bytes envelope, struct receipt_claim *, struct error *);
/* Device, deployment and artifact as claimed, the rest zero: to be told as unverified. */
NODISCARD bool receipt_claim_peek(struct bytes envelope, struct receipt *, struct error *);

/* Add what it says, as members to FACT and as text after TEXT.  Nothing for a zero one. */
NODISCARD bool receipt_describe(
	const struct receipt *, struct json *fact, struct buf *text, struct error *);

#endif
