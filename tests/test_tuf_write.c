#include <stdlib.h>
#include <string.h>

#include "common/tuf/tuf_write.h"
#include "tests/test.h"

enum { NOW = 1900000000, LATER = NOW + 86400 };

static struct error err;

struct signer {
	struct crypto_key *key;
	struct json *object;
	char id[DIGEST_TEXT];
};

static void signer_new(struct signer *signer, uint8_t seed, const char *holder)
{
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;
	SECRET secret = {{0}};

	memset(secret.at, seed, sizeof(secret.at));
	MUST(crypto_key_from_seed(&secret, &signer->key, &err));
	MUST(crypto_public_of(signer->key, &public, &err));
	MUST(tuf_write_key(public, holder, &signer->object, signer->id, &err));
}

static void signer_done(struct signer *signer)
{
	crypto_key_free(signer->key);
	json_free(signer->object);
}

/* A root in which SIGNERS hold every role, with a threshold of THRESHOLD. */
static void draft_root(
	const struct signer *signers, size_t count, int threshold, struct tuf_draft *out)
{
	CLEANUP(json_cleanup) struct json *root = NULL;

	MUST(tuf_write_begin(TUF_ROOT, 1, NOW, LATER, &root, &err));
	json_add_bool(root, "consistent_snapshot", true);

	struct json *const keys = json_add_object(root, "keys");
	struct json *const roles = json_add_object(root, "roles");

	for (size_t i = 0; i < count; i++)
		json_add_copy(keys, signers[i].id, signers[i].object);
	for (int kind = 0; kind < TUF_KIND_COUNT; kind++) {
		struct json *const role
			= json_add_object(roles, tuf_kind_name((enum tuf_kind)kind));
		struct json *const ids = json_add_array(role, "keyids");

		json_add_integer(role, "threshold", threshold);
		for (size_t i = 0; i < count; i++)
			json_append_string(ids, signers[i].id);
	}
	MUST(tuf_draft_new(root, out, &err));
}

static bool verifies(const struct tuf_draft *draft)
{
	CLEANUP(tuf_metadata_cleanup) struct tuf_metadata *root = NULL;

	MUST(tuf_draft_metadata(draft, TUF_ROOT, &root, &err));
	return tuf_verify(root, &root->keys, &root->roles[TUF_ROOT], &err);
}

static void what_is_written_is_read(void **state)
{
	CLEANUP(signer_done) struct signer anna = {0};
	CLEANUP(tuf_draft_done) struct tuf_draft draft = {.count = 0};
	CLEANUP(tuf_metadata_cleanup) struct tuf_metadata *root = NULL;

	(void)state;
	signer_new(&anna, 1, "anna");
	draft_root(&anna, 1, 1, &draft);
	assert_false(verifies(&draft));
	MUST(tuf_draft_sign(&draft, anna.id, anna.key, &err));
	assert_true(verifies(&draft));
	MUST(tuf_draft_metadata(&draft, TUF_ROOT, &root, &err));
	assert_int_equal(root->version, 1);
	assert_int_equal(root->expires, LATER);
	assert_true(root->consistent_snapshot);
	assert_string_equal(root->spec_version, TUF_WRITE_SPEC);
	assert_non_null(tuf_key_find(&root->keys, anna.id)->public);
}

static void a_holder_has_a_keyid_of_their_own(void **state)
{
	CLEANUP(signer_done) struct signer named = {0}, nameless = {0};

	(void)state;
	signer_new(&named, 1, "anna");
	signer_new(&nameless, 1, NULL);
	assert_string_not_equal(named.id, nameless.id);
	/* As securesystemslib computes it. */
	assert_string_equal(nameless.id,
		"7ab6b86cb2c9684b0ddc10896153aa2595decf4d4327a5ff1a8ab7422c828b12");
}

static void signatures_gather_one_after_the_other(void **state)
{
	struct signer both[2] = {{0}};
	CLEANUP(tuf_draft_done) struct tuf_draft draft = {.count = 0}, carried = {.count = 0};
	CLEANUP(buf_free) struct buf file = {0}, once = {0}, again = {0};

	(void)state;
	signer_new(&both[0], 1, "anna");
	signer_new(&both[1], 2, "bert");
	draft_root(both, 2, 2, &draft);
	MUST(tuf_draft_sign(&draft, both[0].id, both[0].key, &err));
	assert_false(verifies(&draft));
	assert_int_equal(err.code, ERROR_SIGNATURE);
	MUST(tuf_draft_sign(&draft, both[0].id, both[0].key, &err)); /* counts once */
	assert_int_equal(draft.count, 1);
	MUST(tuf_draft_print(&draft, &file, &err));
	MUST(tuf_draft_read(buf_bytes(&file), TUF_ROOT, &carried, &err));
	MUST(tuf_draft_sign(&carried, both[1].id, both[1].key, &err));
	MUST(tuf_draft_merge(&draft, &carried, &err));
	assert_true(verifies(&draft));
	/* In whichever order, it is the same file. */
	MUST(tuf_draft_print(&draft, &once, &err));
	MUST(tuf_draft_print(&carried, &again, &err));
	assert_true(bytes_equal(buf_bytes(&once), buf_bytes(&again)));
	signer_done(&both[0]);
	signer_done(&both[1]);
}

static void what_signed_something_else_is_not_merged(void **state)
{
	struct signer both[2] = {{0}};
	CLEANUP(tuf_draft_done) struct tuf_draft draft = {.count = 0}, other = {.count = 0};

	(void)state;
	signer_new(&both[0], 1, "anna");
	signer_new(&both[1], 2, "bert");
	draft_root(both, 2, 2, &draft);
	draft_root(both, 2, 1, &other);
	MUST(tuf_draft_sign(&other, both[0].id, both[0].key, &err));
	assert_false(tuf_draft_merge(&draft, &other, &err));
	assert_int_equal(err.code, ERROR_SIGNATURE);
	assert_int_equal(draft.count, 0);
	signer_done(&both[0]);
	signer_done(&both[1]);
}

static void a_foreign_signature_is_malformed(void **state)
{
	static const char *const files[] = {
		"{\"signatures\":[{\"keyid\":\"x\",\"sig\":\"00\"}],\"signed\":{}}",
		"{\"signatures\":[{\"keyid\":\"x\"}],\"signed\":{}}",
		"{\"signatures\":[]}",
		"{\"signatures\":[],\"signed\":{}} {}",
		"",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(files); i++) {
		struct tuf_draft draft = {.count = 7};

		assert_false(tuf_draft_read(bytes_of(files[i]), TUF_ROOT, &draft, &err));
		assert_int_equal(err.code, ERROR_MALFORMED);
		assert_int_equal(draft.count, 7);
	}
}

static void what_would_be_no_json_is_not_drafted(void **state)
{
	CLEANUP(json_cleanup) struct json *object = json_new_object();
	struct tuf_draft draft = {.count = 7};

	(void)state;
	json_add_string(object, "name", "two\nlines");
	assert_false(tuf_draft_new(object, &draft, &err));
	assert_int_equal(err.code, ERROR_MALFORMED);
	assert_int_equal(draft.count, 7);
}

static void there_is_room_for_so_many_signatures(void **state)
{
	CLEANUP(signer_done) struct signer anna = {0};
	CLEANUP(tuf_draft_done) struct tuf_draft draft = {.count = 0};
	char id[DIGEST_TEXT];

	(void)state;
	signer_new(&anna, 1, NULL);
	draft_root(&anna, 1, 1, &draft);
	memcpy(id, anna.id, sizeof(id));
	for (int i = 0; i < TUF_WRITE_SIGNATURES_MAX; i++) {
		id[0] = "0123456789abcdef"[i / 16];
		id[1] = "0123456789abcdef"[i % 16];
		MUST(tuf_draft_sign(&draft, id, anna.key, &err));
	}
	id[0] = 'f';
	assert_false(tuf_draft_sign(&draft, id, anna.key, &err));
	assert_int_equal(err.code, ERROR_MALFORMED);
}

static void times_are_those_of_the_specification(void **state)
{
	char text[TUF_TIME_TEXT] = "";

	(void)state;
	MUST(tuf_write_time(0, text, &err));
	assert_string_equal(text, "1970-01-01T00:00:00Z");
	MUST(tuf_write_time(INT64_C(253402300799), text, &err));
	assert_string_equal(text, "9999-12-31T23:59:59Z");
	assert_false(tuf_write_time(INT64_C(253402300800), text, &err));
	assert_false(tuf_write_time(-1, text, &err));
	assert_string_equal(text, "9999-12-31T23:59:59Z");
}

static void other_kinds_of_keys_are_not_ours(void **state)
{
	CLEANUP(crypto_key_cleanup) struct crypto_key *key = NULL;
	CLEANUP(crypto_public_cleanup) struct crypto_public *public = NULL;
	CLEANUP(tuf_draft_done) struct tuf_draft draft = {.count = 0};
	CLEANUP(json_cleanup) struct json *object = json_new_object();
	struct json *made = NULL;
	char id[DIGEST_TEXT] = "";

	(void)state;
	MUST(crypto_key_generate(CRYPTO_P256, &key, &err));
	MUST(crypto_public_of(key, &public, &err));
	assert_false(tuf_write_key(public, NULL, &made, id, &err));
	assert_int_equal(err.code, ERROR_USAGE);
	MUST(tuf_draft_new(object, &draft, &err));
	memset(id, 'a', DIGEST_TEXT - 1);
	assert_false(tuf_draft_sign(&draft, id, key, &err));
	assert_int_equal(draft.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(a_holder_has_a_keyid_of_their_own),
		cmocka_unit_test(signatures_gather_one_after_the_other),
		cmocka_unit_test(what_signed_something_else_is_not_merged),
		cmocka_unit_test(a_foreign_signature_is_malformed),
		cmocka_unit_test(what_would_be_no_json_is_not_drafted),
		cmocka_unit_test(there_is_room_for_so_many_signatures),
		cmocka_unit_test(times_are_those_of_the_specification),
		cmocka_unit_test(other_kinds_of_keys_are_not_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
