/*
 * However the bytes arrive, one at a time or all at once, the verdict is the same and
 * the artifact says the same of itself.  What was read fits a device that has what
 * it depends on, which afterwards provides its name.
 */
#include <stdlib.h>
#include <string.h>

#include "common/artifact.h"
#include "tests/fuzz/fuzz.h"

struct arrival {
	struct bytes rest;
	size_t piece;
};

static void must(bool ok)
{
	if (!ok)
		abort();
}

static bool arrive(void *self, uint8_t *at, size_t room, size_t *got, struct error *err)
{
	struct arrival *const arrival = self;
	const size_t most = arrival->piece < room ? arrival->piece : room;

	(void)err;
	*got = arrival->rest.len < most ? arrival->rest.len : most;
	if (*got == 0)
		return true;
	memcpy(at, arrival->rest.at, *got);
	arrival->rest.at += *got;
	arrival->rest.len -= *got;
	return true;
}

static bool read_in(struct bytes input, size_t piece, struct artifact *artifact)
{
	struct arrival arrival = {input, piece};
	const struct artifact_trust nobody = {0};
	struct error err = {0};

	return artifact_read((struct source){arrive, &arrival}, &nobody, NULL, artifact, &err);
}

static void print_pairs(const struct artifact_pairs *pairs, struct buf *text)
{
	struct error err = {0};

	for (size_t i = 0; i < pairs->count; i++)
		must(buf_print(text, &err, "%s=%s\n", pairs->at[i].name, pairs->at[i].value));
}

static void print(const struct artifact *artifact, struct buf *text)
{
	struct error err = {0};

	must(buf_print(text, &err, "%s %s %llu %zu %zu %d\n", artifact->name,
		artifact->payload_type != NULL ? artifact->payload_type : "",
		(unsigned long long)artifact->payload_size, artifact->file_count,
		artifact->script_count, artifact->is_signed));
	print_pairs(&artifact->provides, text);
	print_pairs(&artifact->depends, text);
	for (size_t i = 0; i < artifact->clear_count; i++)
		must(buf_print(text, &err, "%s\n", artifact->clears[i]));
	must(buf_append(text, digest_bytes(&artifact->digest), &err));
}

/* A device made to measure takes it. */
static void install(const struct artifact *artifact)
{
	CLEANUP(artifact_pairs_free) struct artifact_pairs device = {0};
	struct error err = {0};

	for (size_t i = 0; i < artifact->depends.count; i++)
		must(artifact_pairs_add(&device, artifact->depends.at[i].name,
			artifact->depends.at[i].value, &err));
	must(artifact_fits(artifact, &device, &err));
	must(artifact_apply(artifact, &device, &err));
	must(strcmp(artifact_pairs_find(&device, "artifact_name"), artifact->name) == 0);
	must(strcmp(artifact_pairs_find(&device, "device_type"),
		     artifact_pairs_find(&artifact->depends, "device_type"))
		== 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	CLEANUP(artifact_free) struct artifact whole = {0};
	CLEANUP(artifact_free) struct artifact pieces = {0};
	CLEANUP(buf_free) struct buf one = {0}, other = {0};
	const struct bytes input = {at, len};
	struct digest digest = {{0}};
	struct error err = {0};

	const bool taken = read_in(input, 65536, &whole);

	must(read_in(input, 1, &pieces) == taken);
	if (!taken)
		return 0;
	must(crypto_sha256(input, &digest, &err) && digest_equal(&digest, &whole.digest));
	must(whole.size == len);
	print(&whole, &one);
	print(&pieces, &other);
	must(bytes_equal(buf_bytes(&one), buf_bytes(&other)));
	install(&whole);
	return 0;
}
