/*
 * dsse.h - Dead Simple Signing Envelope (secure-systems-lab/dsse, protocol 1.0.2),
 * narrowed to what we sign: exactly one signature, base64 standard alphabet.
 *
 *	{"payload":"<base64>","payloadType":"<type>",
 *	 "signatures":[{"keyid":"<fingerprint, hex>","sig":"<base64>"}]}
 *
 * This is its one form, to the byte: no white space, members in this order, keyid
 * the fingerprint of the key.  Anything else is refused, so that whoever carries a
 * receipt cannot make two of it.  The signature is over the pre-authentication
 * encoding "DSSEv1 <length> <type> <length> <payload>".
 *
 * Envelopes are stored and forwarded verbatim.  The key comes from a verified
 * certificate, never from keyid, which is only a hint.  Nothing of the payload is
 * decoded before its signature verified.
 */
#ifndef COMMON_DSSE_H
#define COMMON_DSSE_H

#include "common/bytes.h"
#include "common/crypto.h"

enum { DSSE_MAX = 16 * 1024 * 1024 }; /* bytes of an envelope */

#define DSSE_RECEIPT "application/vnd.courier.receipt+json"
#define DSSE_INVENTORY "application/vnd.courier.inventory+json"
#define DSSE_IDENTITY "application/vnd.courier.identity+json"
#define DSSE_CONTROL "application/vnd.courier.control+json"
#define DSSE_TIME "application/vnd.courier.time+json"

/* Appends the envelope. */
NODISCARD bool dsse_sign(const struct crypto_key *, const char *type, struct bytes payload,
	struct buf *envelope, struct error *);

/* Verify and append the payload.  ERROR_MALFORMED when it is no envelope of exactly
 * this TYPE, ERROR_SIGNATURE when the signature is not of this key. */
NODISCARD bool dsse_open(struct bytes envelope, const char *type, const struct crypto_public *,
	struct buf *payload, struct error *);

/* The payload without any judgement, appended: only to find in it the key that
 * dsse_open() is then to be called with. */
NODISCARD bool dsse_peek(
	struct bytes envelope, const char *type, struct buf *payload, struct error *);

/* The hint: which key says it signed.  Proves nothing. */
NODISCARD bool dsse_keyid(struct bytes envelope, struct digest *, struct error *);

#endif
