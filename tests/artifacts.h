/* artifacts.h - real and hostile artifacts for tests, made by make_artifacts.sh. */
#ifndef TESTS_ARTIFACTS_H
#define TESTS_ARTIFACTS_H

#include "common/artifact.h"

/* Group fixtures: *STATE is the directory, a string. */
int artifacts_make(void **state);
int artifacts_remove(void **state);

/* Append NAME.mender. */
void artifacts_load(const char *directory, const char *name, struct buf *);
/* The key in NAME.pub; free it with crypto_public_free(). */
struct crypto_public *artifacts_key(const char *directory, const char *name);

/* A source of BYTES that gives at most PIECE at once. */
struct artifacts_source {
	struct bytes rest;
	size_t piece;
};

struct source artifacts_source(struct artifacts_source *);

/* artifact_read() of BYTES in pieces; KEY may be NULL. */
NODISCARD bool artifacts_read(struct bytes, size_t piece, struct crypto_public *key,
	const struct artifact_payload *, struct artifact *, struct error *);

/* The same in all but digest and size. */
bool artifacts_alike(const struct artifact *, const struct artifact *);

#endif
