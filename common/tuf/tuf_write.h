/*
 * tuf_write.h - making TUF files: what is signed in canonical form, and who signed it.
 *
 * A file is drafted once and signed by one key after another, perhaps on machines far
 * apart: a draft is printed, carried, read and signed again, and its form never changes
 * by a byte, or the signatures before would be lost.  No I/O, no clock.  Whoever writes
 * chooses Ed25519, keyids that are the SHA-256 of their keys, and "x-issued" beside
 * "expires": when it was signed, which is what a device without a clock may learn from it.
 *
 * TUF specification 1.0, section 4.
 */
#ifndef COMMON_TUF_TUF_WRITE_H
#define COMMON_TUF_TUF_WRITE_H

#include "common/tuf/tuf_metadata.h"

#define TUF_WRITE_SPEC "1.0.31" /* the spec_version we write */

enum {
	TUF_TIME_TEXT = 21,           /* characters of a time, with the NUL */
	TUF_WRITE_SIGNATURE = 64,     /* bytes: Ed25519 */
	TUF_WRITE_SIGNATURES_MAX = 64 /* of one draft */
};

/* YYYY-MM-DDTHH:MM:SSZ of a second from 1970 to 9999, else ERROR_USAGE. */
NODISCARD bool tuf_write_time(int64_t, char text[static TUF_TIME_TEXT], struct error *);

/* A key as metadata have it, the caller's to free, and its id.  HOLDER, if not NULL, is
 * who has the private half: member x-holder.  ERROR_USAGE unless Ed25519. */
NODISCARD bool tuf_write_key(const struct crypto_public *, const char *holder,
	struct json **key, char id[static DIGEST_TEXT], struct error *);

/* The members that every kind has; ISSUED and EXPIRES in seconds since 1970.  The caller
 * adds the rest, and frees. */
NODISCARD bool tuf_write_begin(enum tuf_kind, int64_t version, int64_t issued, int64_t expires,
	struct json **, struct error *);
/* Add length and hashes, of which there is one. */
void tuf_write_hashes(struct json *, int64_t length, const struct digest *);

struct tuf_draft_signature {
	char keyid[DIGEST_TEXT];
	char sig[2 * TUF_WRITE_SIGNATURE + 1];
};

struct tuf_draft {
	struct buf form; /* canonical: what is signed */
	struct tuf_draft_signature signatures[TUF_WRITE_SIGNATURES_MAX];
	size_t count;
};

void tuf_draft_done(struct tuf_draft *); /* caller's memory; zero is fine */

/* One without signatures.  ERROR_MALFORMED when a text has control characters: in
 * canonical form they would be no JSON. */
NODISCARD bool tuf_draft_new(
	const struct json *signed_part, struct tuf_draft *, struct error *);
/* One from a file of KIND.  Signatures are not judged; ERROR_MALFORMED for any that we
 * would not have written. */
NODISCARD bool tuf_draft_read(
	struct bytes file, enum tuf_kind, struct tuf_draft *, struct error *);
/* Sign as KEYID; what that key signed before is replaced.  The key must be Ed25519. */
NODISCARD bool tuf_draft_sign(
	struct tuf_draft *, const char *keyid, const struct crypto_key *, struct error *);
/* Take the signatures that OTHER has and the draft lacks.  ERROR_SIGNATURE when they
 * signed something else. */
NODISCARD bool tuf_draft_merge(
	struct tuf_draft *, const struct tuf_draft *other, struct error *);
/* Append the file, canonical itself, signatures in the order of their keyids. */
NODISCARD bool tuf_draft_print(const struct tuf_draft *, struct buf *, struct error *);
/* Print it and read it back: strictly, as a client will. */
NODISCARD bool tuf_draft_metadata(
	const struct tuf_draft *, enum tuf_kind, struct tuf_metadata **, struct error *);

#endif
