/*
 * receipt_gaps.h - which receipts of a device are missing here.
 *
 * A device numbers what it signs.  Whoever carries receipts can hide some, but not that there
 * are some: numbers between those that are here, or up to the last of which the device speaks,
 * are missing.  What came before the first that is here is not: other couriers had it.
 */
#ifndef COURIER_RECEIPT_GAPS_H
#define COURIER_RECEIPT_GAPS_H

#include <stddef.h>
#include <stdint.h>

enum { RECEIPT_GAPS_TEXT = 96 /* bytes of the list, with its NUL */ };

struct receipt_gaps {
	uint64_t last;                /* of those that were added; 0: none yet */
	uint64_t missing;             /* how many */
	char text[RECEIPT_GAPS_TEXT]; /* "3-5, 9"; ends in "..." when there are too many */
};

/* A receipt that is here; they come in order. */
void receipt_gaps_add(struct receipt_gaps *, uint64_t sequence);
/* There are no more, but the device has signed one of NEWEST.  Without any that is here nothing
 * is known to be missing: its first visit may have been cut short. */
void receipt_gaps_end(struct receipt_gaps *, uint64_t newest);

#endif
