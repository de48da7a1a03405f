/*
 * signed_time.h - the time, as the operator tells it to one device: what repairs a floor
 * that a wrong statement raised, and a clock that is wrong (courier-agent(8)).
 *
 * A DSSE_TIME envelope, signed with the key of the device issuer.  It carries the chain
 * of the device it is for, so whoever has the fleet root can find that key; and the
 * nonce that the device gave out last, which it replaces when it obeys.  So a statement
 * serves one device, once, and whoever carries it cannot keep it for later.
 */
#ifndef COMMON_SIGNED_TIME_H
#define COMMON_SIGNED_TIME_H

#include "common/certificate.h"

enum {
	SIGNED_TIME_NONCE = 16,       /* bytes */
	SIGNED_TIME_MAX = 24 * 1024,  /* bytes of an envelope */
	SIGNED_TIME_TEXT = 2 * 16 + 1 /* characters of a nonce in hex, with the NUL */
};

struct signed_time {
	char device[CERTIFICATE_ID_MAX + 1];
	uint8_t nonce[SIGNED_TIME_NONCE];
	int64_t at; /* Unix seconds, above 0 */
};

/* Sign with the key of the issuer in CHAIN_PEM, the certificate chain of the device;
 * appends the envelope.  ERROR_USAGE when the chain is of another device, or ISSUER not
 * the key of the one who signed it. */
NODISCARD bool signed_time_make(const struct signed_time *, struct bytes chain_pem,
	const struct crypto_key *issuer, struct buf *envelope, struct error *);

/* Verify against the fleet root, and read.  ERROR_SIGNATURE unless a device issuer of this
 * fleet said it of the device that its chain names. */
NODISCARD bool signed_time_open(
	struct bytes envelope, struct bytes root_pem, struct signed_time *, struct error *);

#endif
