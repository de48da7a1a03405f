/*
 * Whatever is read can be signed and verified: by the key that signed and no other, with
 * every bit of what is signed.  Its canonical form says the same.
 */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/tuf/tuf_metadata.h"
#include "tests/fuzz/fuzz.h"

static void must(bool ok)
{
	if (!ok)
		abort();
}

static struct tuf_metadata *opened(enum tuf_kind kind, struct bytes bytes)
{
	struct tuf_metadata *metadata = NULL;
	CLEANUP(buf_free) struct buf raw = {0};
	struct error err = {0};

	must(buf_append(&raw, bytes, &err));
	return tuf_metadata_new(&raw, kind, false, &metadata, &err) ? metadata : NULL;
}

/* The key that signs, as metadata hold it. */
struct signer {
	struct crypto_key *private;
	struct tuf_key key;
	struct tuf_list keys;
	const char *id;
	struct tuf_role role;
};

static void signer_new(struct signer *signer)
{
	SECRET seed = {{7}};
	struct error err = {0};

	*signer = (struct signer){.id = "k"};
	must(crypto_key_from_seed(&seed, &signer->private, &err));
	signer->key.id = signer->id;
	signer->key.verify = crypto_verify;
	must(crypto_public_of(signer->private, &signer->key.public, &err));
	signer->keys = (struct tuf_list){.at = &signer->key, .count = 1};
	signer->role.keyids = (struct tuf_list){.at = &signer->id, .count = 1};
	signer->role.threshold = 1;
}

static void signer_done(struct signer *signer)
{
	tuf_keys_done(&signer->keys);
	crypto_key_free(signer->private);
}

/* A file that says SIGNED_PART and has a signature over FORM. */
static void sign(
	struct signer *signer, struct bytes signed_part, struct bytes form, struct buf *out)
{
	struct crypto_signature signature;
	char hex[2 * CRYPTO_SIGNATURE_MAX + 1];
	struct error err = {0};

	must(crypto_sign(signer->private, form, &signature, &err));
	hex_encode((struct bytes){signature.at, signature.len}, hex);
	must(buf_print(out, &err, "{\"signatures\":[{\"sig\":\"%s\",\"keyid\":\"k\"}],", hex)
		&& buf_print(out, &err, "\"signed\":") && buf_append(out, signed_part, &err)
		&& buf_print(out, &err, "}"));
}

static bool has_control(struct bytes text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.at[i] < 0x20)
			return true;
	return false;
}

static void same(const struct tuf_metadata *a, const struct tuf_metadata *b)
{
	must(a->version == b->version && a->expires == b->expires);
	must(a->keys.count == b->keys.count && a->meta.count == b->meta.count);
	must(a->targets.count == b->targets.count);
	must(a->delegations.count == b->delegations.count);
	must((a->bins == NULL) == (b->bins == NULL));
}

/* METADATA were read; sign what they say, and read it again. */
static void check_signed(const struct tuf_metadata *metadata, struct bytes form)
{
	CLEANUP(signer_done) struct signer signer;
	CLEANUP(buf_free) struct buf file = {0}, canonical = {0}, other = {0};
	CLEANUP(tuf_metadata_cleanup)
	struct tuf_metadata *again = NULL, *plain = NULL, *forged = NULL;
	struct error err = {0};

	signer_new(&signer);
	sign(&signer, metadata->signed_part, form, &file);
	again = opened(metadata->kind, buf_bytes(&file));
	must(again != NULL && tuf_verify(again, &signer.keys, &signer.role, &err));
	must(tuf_metadata_read(again, &err));
	same(metadata, again);
	must(buf_append(&other, form, &err));
	other.at[other.len / 2] ^= 1;
	file.len = 0;
	sign(&signer, metadata->signed_part, buf_bytes(&other), &file);
	forged = opened(metadata->kind, buf_bytes(&file));
	must(forged != NULL && !tuf_verify(forged, &signer.keys, &signer.role, &err));
	if (has_control(form))
		return; /* raw, as the dialect wants it: no JSON */
	sign(&signer, form, form, &canonical);
	plain = opened(metadata->kind, buf_bytes(&canonical));
	must(plain != NULL && tuf_verify(plain, &signer.keys, &signer.role, &err));
	must(tuf_metadata_read(plain, &err));
	same(metadata, plain);
}

static void check(enum tuf_kind kind, struct bytes bytes)
{
	CLEANUP(tuf_metadata_cleanup) struct tuf_metadata *metadata = opened(kind, bytes);
	CLEANUP(buf_free) struct buf form = {0};
	struct error err = {0};

	if (metadata == NULL)
		return;
	must(bytes_equal(buf_bytes(&metadata->raw), bytes));
	must(json_canonical(metadata->signed_part, &form, &err));
	if (!tuf_metadata_read(metadata, &err)) {
		must(err.code == ERROR_MALFORMED);
		return;
	}
	must(metadata->version > 0 && strcmp(metadata->type, tuf_kind_name(kind)) == 0);
	check_signed(metadata, buf_bytes(&form));
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	for (int kind = 0; kind < TUF_KIND_COUNT; kind++)
		check((enum tuf_kind)kind, (struct bytes){at, len});
	return 0;
}
