/*
 * tuf_metadata.h - one TUF file: its bytes as received, who signed them, what they say.
 *
 * Strict, and in two steps: tuf_metadata_new() reads the envelope and nothing else;
 * what is signed is read by tuf_metadata_read(), after tuf_verify() wherever a key is
 * known before.  The bytes are kept as they came, for they are what is stored and
 * forwarded: nothing is ever written back from what was read.
 *
 * TUF specification 1.0, section 4; spec_version 1.x is accepted, x being anything.
 */
#ifndef COMMON_TUF_METADATA_H
#define COMMON_TUF_METADATA_H

#include "common/json.h"
#include "common/tuf/tuf_key.h"

enum {
	TUF_SIGNATURES_MAX = 512,    /* of one file */
	TUF_DELEGATIONS_MAX = 16384, /* of one file */
	TUF_NAME_MAX = 240,          /* bytes of a role's name as file names have it */
	TUF_BIN_BITS_MAX = 32
};

enum tuf_kind { TUF_ROOT, TUF_TIMESTAMP, TUF_SNAPSHOT, TUF_TARGETS, TUF_KIND_COUNT };

/* "root", "timestamp", "snapshot", "targets" */
const char *tuf_kind_name(enum tuf_kind);

struct tuf_signature {
	const char *keyid, *sig;
};

/* Hashes that a file must have, all of them. */
struct tuf_hashes {
	bool has_sha256, has_sha512;
	bool unusable; /* there is one more, of a kind we cannot check */
	struct digest sha256;
	uint8_t sha512[CRYPTO_SHA512_SIZE];
};

/* What is said of a metadata file (timestamp and snapshot). */
struct tuf_meta {
	const char *name;
	int64_t version;
	int64_t length;                  /* bytes; -1: not said */
	const struct tuf_hashes *hashes; /* NULL: not said; few say them of every file */
};

/* Where in the file a target is; read by tuf_metadata_target(). */
struct tuf_target_place {
	struct json_token path;
	struct bytes value;
};

/* What is said of a target. */
struct tuf_target_facts {
	int64_t length; /* bytes */
	struct tuf_hashes hashes;
	struct bytes custom; /* JSON as signed; empty: none */
};

/* Hash bins (TAP 15): ROLE says who signs all of them, its name is their prefix. */
struct tuf_bins {
	struct tuf_role role;
	int64_t bit_length;
};

struct tuf_metadata {
	enum tuf_kind kind;
	struct buf raw;
	struct tuf_arena arena;
	struct bytes signed_part;
	struct tuf_list signatures; /* struct tuf_signature: no two of one keyid */
	bool strict_keyids;

	/* From here on once tuf_metadata_read() succeeded. */
	const char *type, *spec_version;
	int64_t version, expires; /* seconds since 1970 */
	int64_t issued; /* likewise: when it was signed, as our member x-issued says; 0: it does
			   not */

	struct tuf_list keys; /* struct tuf_key: of a root, or of delegations */
	struct tuf_role roles[TUF_KIND_COUNT]; /* root */
	bool consistent_snapshot;              /* root */
	struct tuf_list meta;        /* timestamp, snapshot: struct tuf_meta, by name */
	struct tuf_list targets;     /* targets: struct tuf_target_place, by path */
	struct tuf_list delegations; /* targets: struct tuf_role, in order of priority */
	struct tuf_bins *bins;       /* targets: instead of delegations */
};

/* Take RAW over (it is left empty) and read its envelope. */
NODISCARD bool tuf_metadata_new(struct buf *raw, enum tuf_kind, bool strict_keyids,
	struct tuf_metadata **, struct error *);
/* Read what is signed; _type must be that of the kind. */
NODISCARD bool tuf_metadata_read(struct tuf_metadata *, struct error *);
void tuf_metadata_free(struct tuf_metadata *);
void tuf_metadata_cleanup(struct tuf_metadata **);

/* What a timestamp or snapshot says of the file NAME ("targets.json"); NULL: nothing. */
const struct tuf_meta *tuf_metadata_meta(const struct tuf_metadata *, const char *name);
/* What is said of the target PATH by these metadata alone.  Custom is borrowed. */
NODISCARD bool tuf_metadata_target(const struct tuf_metadata *, const char *path,
	struct tuf_target_facts *, bool *found, struct error *);

/* Count the keys of ROLE, as KEYS has them, that signed: ERROR_SIGNATURE when fewer
 * than the threshold did.  Distinct keys count, under however many ids. */
NODISCARD bool tuf_verify(const struct tuf_metadata *, const struct tuf_list *keys,
	const struct tuf_role *, struct error *);

/* ERROR_SIGNATURE unless FILE has that length (-1: any) and all of the hashes (NULL: any). */
NODISCARD bool tuf_check_file(
	struct bytes file, int64_t length, const struct tuf_hashes *, struct error *);

/* For the tables of tuf_listing.c. */
tuf_read tuf_read_meta;        /* struct tuf_list of struct tuf_meta, sorted */
tuf_read tuf_read_targets;     /* struct tuf_list of struct tuf_target_place, sorted */
tuf_read tuf_read_delegations; /* struct tuf_metadata */
tuf_read tuf_read_hashes;      /* struct tuf_hashes */

#endif
