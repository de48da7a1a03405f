/*
 * artifact.h - the Mender Artifact, format version 3, read once from front to end
 * in bounded memory.
 *
 * Courier and device run this same code: the courier so as not to carry rubbish,
 * the device because it trusts nobody else.  Order is enforced as the format says:
 * version, manifest, manifest.sig, header.tar[.gz|.xz|.zst], data/0000.tar[...];
 * one payload, no augmented parts.  Every manifest entry must be seen, and nothing
 * else.  Names cannot leave the payload (no slash, no "..", no control characters).
 *
 * Memory is a few buffers and the header, whatever the size: under 32 MiB for parts
 * that are not packed, gz, or zst up to level 19.  xz as mender-artifact writes it
 * has a window of 64 MiB, and an unpacker keeps as much of the payload as fits in it.
 */
#ifndef COMMON_ARTIFACT_H
#define COMMON_ARTIFACT_H

#include "common/bytes.h"
#include "common/crypto.h"

enum {
	ARTIFACT_NAME_MAX = 255,        /* bytes of an artifact, provides or depends name */
	ARTIFACT_VALUE_MAX = 1024,      /* bytes of a provides or depends value */
	ARTIFACT_PAIRS_MAX = 128,       /* provides, and depends, each */
	ARTIFACT_FILES_MAX = 1024,      /* files in the payload */
	ARTIFACT_MANIFEST_MAX = 262144, /* bytes, as of the other small members */
	ARTIFACT_HEADER_MAX = 4194304,  /* bytes of the header, packed and unpacked */
	ARTIFACT_WINDOW_MAX = 67108864, /* bytes an unpacker may look back */
};

struct artifact_pair {
	char *name, *value;
};

/* Names with values, in order of appearance.  A depends name may repeat: any of
 * its values will do. */
struct artifact_pairs {
	struct artifact_pair *at;
	size_t count;
};

/* Append a copy of NAME and VALUE. */
NODISCARD bool artifact_pairs_add(
	struct artifact_pairs *, const char *name, const char *value, struct error *);
/* The first value of NAME; NULL if there is none.  Borrowed. */
const char *artifact_pairs_find(const struct artifact_pairs *, const char *name);
void artifact_pairs_free(struct artifact_pairs *);

/* What an artifact says of itself. */
struct artifact {
	char *name;
	char *payload_type;             /* NULL: an empty payload (bootstrap artifact) */
	struct artifact_pairs provides; /* artifact_name, artifact_group, type-info's */
	struct artifact_pairs depends;  /* device_type, artifact_name, ..., type-info's */
	char **clears;                  /* clears_artifact_provides: globs */
	size_t clear_count;
	uint64_t payload_size; /* bytes of all payload files, unpacked */
	size_t file_count;
	size_t script_count;  /* state scripts in the header: what they do is Mender's */
	bool is_signed;       /* there was a manifest.sig and it verified */
	struct digest digest; /* SHA-256 of the whole file */
	uint64_t size;        /* bytes of the whole file */
};

void artifact_free(struct artifact *); /* caller's memory; zero is fine */

/* Who may have signed it.  Any one of the keys will do.  With no key the signature
 * is not judged and is_signed stays false: whether that is acceptable is for the
 * caller's policy to say. */
struct artifact_trust {
	struct crypto_public *const *keys;
	size_t key_count;
};

/* Where payload files go as they are read; members may be NULL.  The digest of a
 * file is compared before end() is called, but the bytes went by already: whoever
 * takes them keeps them inert until artifact_read() succeeded. */
struct artifact_payload {
	bool (*begin)(void *self, const char *file_name, uint64_t size, struct error *);
	bool (*write)(void *self, struct bytes, struct error *);
	bool (*end)(void *self, struct error *);
	void *self;
};

/*
 * Read SOURCE to its end.  *out is filled on success and is then the caller's to
 * free.  PAYLOAD may be NULL.
 *
 * ERROR_MALFORMED  not a version 3 artifact, or one we do not take; names the part
 * ERROR_SIGNATURE  unsigned while keys are given, no key fits, or a checksum differs
 * ERROR_SPACE      a limit above is exceeded, unpacked data included
 * and whatever SOURCE or PAYLOAD say.
 */
NODISCARD bool artifact_read(struct source, const struct artifact_trust *,
	const struct artifact_payload *, struct artifact *out, struct error *);

/* Does a device with PROVIDES (device_type among them) satisfy every depends?
 * ERROR_WRONG_DEVICE names the first that is not. */
NODISCARD bool artifact_fits(
	const struct artifact *, const struct artifact_pairs *provides, struct error *);

/* What a device provides after committing the artifact: drop what matches a
 * clears glob, then add its provides. */
NODISCARD bool artifact_apply(
	const struct artifact *, struct artifact_pairs *provides, struct error *);

#endif
