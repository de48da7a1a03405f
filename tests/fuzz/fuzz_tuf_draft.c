/*
 * What came back on a stick: a draft that is read prints as a file that reads as the same
 * draft, byte for byte from then on, and whose form no signature changes.
 */
#include <stdlib.h>
#include <string.h>

#include "common/tuf/tuf_write.h"
#include "tests/fuzz/fuzz.h"

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void sign(struct tuf_draft *draft, struct error *err)
{
	CLEANUP(crypto_key_cleanup) struct crypto_key *key = NULL;
	CLEANUP(buf_free) struct buf before = {0};
	char id[DIGEST_TEXT] = "";
	SECRET seed = {{'f', 'u', 'z', 'z'}};

	memset(id, '0', DIGEST_TEXT - 1);
	must(crypto_key_from_seed(&seed, &key, err)
		&& buf_append(&before, buf_bytes(&draft->form), err));
	must(tuf_draft_sign(draft, id, key, err) || draft->count == TUF_WRITE_SIGNATURES_MAX);
	must(bytes_equal(buf_bytes(&before), buf_bytes(&draft->form)));
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	CLEANUP(tuf_draft_done) struct tuf_draft draft = {.count = 0}, again = {.count = 0};
	CLEANUP(buf_free) struct buf first = {0}, second = {0};
	struct error err = {0};

	if (!tuf_draft_read((struct bytes){at, len}, TUF_ROOT, &draft, &err))
		return 0;
	must(tuf_draft_print(&draft, &first, &err));
	must(tuf_draft_read(buf_bytes(&first), TUF_ROOT, &again, &err));
	must(again.count == draft.count);
	must(tuf_draft_merge(&draft, &again, &err) && draft.count == again.count);
	must(tuf_draft_print(&again, &second, &err));
	must(bytes_equal(buf_bytes(&first), buf_bytes(&second)));
	sign(&draft, &err);
	return 0;
}
