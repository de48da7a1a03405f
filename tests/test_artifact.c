#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/artifacts.h"
#include "tests/test.h"

enum { WHOLE = 1 << 20 };

/* ---- good ones ---- */

struct good {
	const char *name, *key, *artifact;
	uint64_t payload;
	size_t files, scripts;
};

static const struct good good[] = {
	{"unsigned", NULL, "rel-2", 6, 1, 0},
	{"rsa", "rsa", "rel-2", 6, 1, 0},
	{"p256", "p256", "rel-2", 6, 1, 0},
	{"no-files", NULL, "rel-2", 0, 0, 0},
	{"bootstrap", NULL, "rel-0", 0, 0, 0},
	{"full-none", "p256", "rel-2", 206604, 2, 1},
	{"full-gzip", "p256", "rel-2", 206604, 2, 1},
	{"full-lzma", "p256", "rel-2", 206604, 2, 1},
	{"good-gz", NULL, "rel-3", 1028, 2, 0},
	{"good-plain", NULL, "rel-3", 1028, 2, 0},
	{"good-xz", NULL, "rel-3", 1028, 2, 0},
	{"good-zst", NULL, "rel-3", 1028, 2, 0},
	{"good-ed25519", "lab-ed25519", "rel-3", 1028, 2, 0},
	{"good-p256-der", "lab-p256", "rel-3", 1028, 2, 0},
	{"good-padded", NULL, "rel-3", 1028, 2, 0},
	{"good-unicode", NULL, "rel-3", 1, 1, 0},
	{"good-script", NULL, "rel-3", 1028, 2, 1},
	{"good-depends", NULL, "rel-3", 1028, 2, 0},
};

static void read_good(const char *directory, const struct good *want, size_t piece)
{
	CLEANUP(buf_free) struct buf content = {0};
	CLEANUP(artifact_free) struct artifact artifact = {0};
	CLEANUP(crypto_public_cleanup)
	struct crypto_public *key
		= want->key != NULL ? artifacts_key(directory, want->key) : NULL;
	struct digest digest = {{0}};
	struct error err = {0};

	artifacts_load(directory, want->name, &content);
	if (!artifacts_read(buf_bytes(&content), piece, key, NULL, &artifact, &err))
		fail_msg("%s: %s", want->name, err.text);
	MUST(crypto_sha256(buf_bytes(&content), &digest, &err));
	assert_true(digest_equal(&artifact.digest, &digest));
	assert_int_equal(artifact.size, content.len);
	assert_string_equal(artifact.name, want->artifact);
	assert_int_equal(artifact.payload_size, want->payload);
	assert_int_equal(artifact.file_count, want->files);
	assert_int_equal(artifact.script_count, want->scripts);
	assert_int_equal(artifact.is_signed, want->key != NULL);
}

static void good_artifacts_are_read(void **state)
{
	for (size_t i = 0; i < COUNT(good); i++)
		read_good(*state, &good[i], WHOLE);
}

static void pieces_of_any_size_make_no_difference(void **state)
{
	static const size_t pieces[] = {1, 511, 513, 4096};

	for (size_t i = 0; i < COUNT(good); i++)
		for (size_t j = 0; j < COUNT(pieces); j++)
			read_good(*state, &good[i], pieces[j]);
}

static void read_named(
	const char *directory, const char *name, const char *key_name, struct artifact *out)
{
	CLEANUP(buf_free) struct buf content = {0};
	CLEANUP(crypto_public_cleanup)
	struct crypto_public *key
		= key_name != NULL ? artifacts_key(directory, key_name) : NULL;
	struct error err = {0};

	artifacts_load(directory, name, &content);
	MUST(artifacts_read(buf_bytes(&content), WHOLE, key, NULL, out, &err));
}

/* WANT: "name=value ", one after the other. */
static void expect_pairs(const struct artifact_pairs *pairs, const char *want)
{
	CLEANUP(buf_free) struct buf text = {0};
	struct error err = {0};
	const char *got = NULL;

	for (size_t i = 0; i < pairs->count; i++)
		MUST(buf_print(&text, &err, "%s=%s ", pairs->at[i].name, pairs->at[i].value));
	MUST(buf_text(&text, &got, &err));
	assert_string_equal(got, want);
}

static void provides_depends_and_clears_come_in_order(void **state)
{
	CLEANUP(artifact_free) struct artifact artifact = {0};

	read_named(*state, "full-gzip", "p256", &artifact);
	assert_string_equal(artifact.payload_type, "file");
	expect_pairs(&artifact.provides,
		"artifact_name=rel-2 artifact_group=field courier.counter=7 "
		"rootfs-image.file.version=rel-2 ");
	expect_pairs(&artifact.depends,
		"device_type=testbox device_type=otherbox artifact_name=rel-0 "
		"artifact_name=rel-1 artifact_group=lab app.version=1 ");
	assert_int_equal(artifact.clear_count, 2);
	assert_string_equal(artifact.clears[0], "app.*");
	assert_string_equal(artifact.clears[1], "rootfs-image.file.*");
}

static void an_empty_payload_has_no_type(void **state)
{
	CLEANUP(artifact_free) struct artifact artifact = {0};

	read_named(*state, "bootstrap", NULL, &artifact);
	assert_null(artifact.payload_type);
}

/* ---- signatures ---- */

static void any_trusted_key_will_do(void **state)
{
	CLEANUP(buf_free) struct buf content = {0};
	CLEANUP(artifact_free) struct artifact artifact = {0};
	struct crypto_public *keys[] = {
		artifacts_key(*state, "stranger"),
		artifacts_key(*state, "lab-ed25519"),
		artifacts_key(*state, "rsa"),
		artifacts_key(*state, "p256"),
	};
	const struct artifact_trust trust = {keys, COUNT(keys)}, fewer = {keys, 3};
	struct artifacts_source source = {{0}, WHOLE};
	struct error err = {0};

	artifacts_load(*state, "p256", &content);
	source.rest = buf_bytes(&content);
	MUST(artifact_read(artifacts_source(&source), &trust, NULL, &artifact, &err));
	assert_true(artifact.is_signed);
	source.rest = buf_bytes(&content);
	assert_false(artifact_read(artifacts_source(&source), &fewer, NULL, &artifact, &err));
	assert_int_equal(err.code, ERROR_SIGNATURE);
	for (size_t i = 0; i < COUNT(keys); i++)
		crypto_public_free(keys[i]);
}

static void without_a_key_the_signature_is_not_judged(void **state)
{
	CLEANUP(artifact_free) struct artifact artifact = {0};

	read_named(*state, "sig-not-base64", NULL, &artifact);
	assert_false(artifact.is_signed);
}

/* ---- bad ones ---- */

struct bad {
	const char *name, *key;
	enum error_code code;
	const char *words;
};

#define MALFORMED NULL, ERROR_MALFORMED
#define SPACE NULL, ERROR_SPACE

static const struct bad bad[] = {
	{"unsigned", "rsa", ERROR_SIGNATURE, "it is not signed"},
	{"rsa", "stranger", ERROR_SIGNATURE, "not signed by a key that is trusted (1 tried)"},
	{"p256", "rsa", ERROR_SIGNATURE, "not signed by a key that is trusted"},
	{"good-ed25519", "p256", ERROR_SIGNATURE, "not signed by a key that is trusted"},
	{"sig-not-base64", "rsa", ERROR_SIGNATURE, "not base64"},
	{"sig-other-text", "lab-ed25519", ERROR_SIGNATURE, "not signed by a key"},
	{"augmented", MALFORMED, "augmented parts are not taken (manifest-augment)"},
	/* outer archive */
	{"version-2", MALFORMED, "format version 2, only 3 is taken"},
	{"version-text", MALFORMED, "version: version missing or not an integer"},
	{"format-other", MALFORMED, "the format is not mender"},
	{"version-twice", MALFORMED, "version where manifest should be"},
	{"no-manifest", MALFORMED, "header.tar.gz where manifest should be"},
	{"no-header", MALFORMED, "data/0000.tar.gz where header.tar should be"},
	{"no-payload", MALFORMED, "ends where data/0000.tar should be"},
	{"manifest-first", MALFORMED, "manifest where version should be"},
	{"payload-first", MALFORMED, "data/0000.tar.gz where header.tar should be"},
	{"payload-twice", MALFORMED, "only one payload is taken"},
	{"second-payload", MALFORMED, "only one payload is taken, and there is data/0001"},
	{"something-after", MALFORMED, "notes where its end should be"},
	{"hostile-augmented", MALFORMED, "augmented parts are not taken (manifest-augment)"},
	{"augmented-header", MALFORMED, "augmented parts are not taken (header-augment"},
	{"huge-version", SPACE, "version: 300000 bytes, at most 262144"},
	{"trailing", MALFORMED, "artifact: trailing data after its end"},
	{"trailing-zeros", MALFORMED, "artifact: trailing data after its end"},
	{"no-end", MALFORMED, "artifact: cut short"},
	{"one-block", MALFORMED, "artifact: cut short"},
	/* manifest */
	{"manifest-ghost", MALFORMED, "data/0000/ghost is in the manifest but not in"},
	{"manifest-self", MALFORMED, "manifest is in the manifest but not in"},
	{"manifest-unlisted", MALFORMED, "data/0000/app is not in the manifest"},
	{"manifest-twice", MALFORMED, "data/0000/app is listed twice"},
	{"manifest-two-headers", MALFORMED, "header.tar is listed twice"},
	{"manifest-upper", MALFORMED, "manifest line 1: not lower-case hex"},
	{"manifest-one-blank", MALFORMED, "line 4: not a checksum, two blanks and a name"},
	{"manifest-blank-name", MALFORMED, "a name with blanks"},
	{"manifest-cut", MALFORMED, "does not end with a newline"},
	{"manifest-crlf", MALFORMED, "a name with blanks or control characters"},
	{"manifest-empty", MALFORMED, "does not end with a newline"},
	{"manifest-nul", MALFORMED, "a name with blanks or control characters"},
	{"manifest-long-name", MALFORMED, "a name of 101 bytes"},
	{"manifest-wrong-version", NULL, ERROR_SIGNATURE, "version: checksum differs"},
	{"manifest-wrong-header", NULL, ERROR_SIGNATURE, "header.tar: checksum differs"},
	{"manifest-wrong-file", NULL, ERROR_SIGNATURE, "data/0000/app: checksum differs"},
	/* header */
	{"header-two-payloads", MALFORMED, "2 payloads, only one is taken"},
	{"header-no-payloads", MALFORMED, "0 payloads, only one is taken"},
	{"header-no-name", MALFORMED, "artifact_name is not a string"},
	{"header-empty-name", MALFORMED, "artifact_name is empty"},
	{"header-control-name", MALFORMED, "artifact_name has control characters"},
	{"header-long-name", SPACE, "artifact_name is longer than 255 bytes"},
	{"header-no-device", MALFORMED, "device_type missing or not an array"},
	{"header-empty-device", MALFORMED, "device_type depends on nothing"},
	{"header-number-device", MALFORMED, "device_type is not a string"},
	{"header-key-twice", MALFORMED, "duplicate"},
	{"header-not-json", MALFORMED, "header-info: JSON"},
	{"header-other-type", MALFORMED, "another type than header-info's"},
	{"header-null-type", MALFORMED, "another type than header-info's"},
	{"header-own-device", MALFORMED, "\"device_type\" is not its to say"},
	{"header-own-name", MALFORMED, "\"artifact_name\" is not its to say"},
	{"header-number-provides", MALFORMED, "x is not a string"},
	{"header-empty-depends", MALFORMED, "x depends on nothing"},
	{"header-text-clears", MALFORMED, "clears_artifact_provides is not an array"},
	{"header-many-provides", SPACE, "more than 128 provides or depends"},
	{"header-many-clears", SPACE, "more than 128 in clears_artifact_provides"},
	{"header-long-value", SPACE, "x is longer than 1024 bytes"},
	{"header-empty", MALFORMED, "header: no header-info"},
	{"header-no-type-info", MALFORMED, "header: no headers/0000/type-info"},
	{"header-type-info-first", MALFORMED, "type-info where header-info should be"},
	{"header-extra", MALFORMED, "headers/0001/type-info where headers/0000/meta-data"},
	{"header-meta-list", MALFORMED, "meta-data: not an object"},
	{"header-after-meta", MALFORMED, "header: x does not belong there"},
	{"header-script-out", MALFORMED, "scripts/../../etc/x would leave its folder"},
	{"header-link", MALFORMED, "header-info is not a regular file"},
	{"header-huge", SPACE, "at most 4194304 are taken"},
	{"header-bomb", SPACE, "header: more than 4194304 bytes unpacked"},
	{"header-huge-json", SPACE, "header-info: 300000 bytes"},
	{"header-trailing", MALFORMED, "header: trailing data after its end"},
	{"header-no-end", MALFORMED, "header: cut short"},
	/* payload */
	{"file-up", MALFORMED, "../app would leave its folder"},
	{"file-dots", MALFORMED, ".. would leave its folder"},
	{"file-absolute", MALFORMED, "/app would leave its folder"},
	{"file-folder", MALFORMED, "bin/app would leave its folder"},
	{"file-control", MALFORMED, "manifest line 2"},
	{"file-control-hidden", MALFORMED, "payload: a member with an unfit name"},
	{"file-c1", MALFORMED, "control characters"},
	{"file-twice", MALFORMED, "data/0000/app is there twice"},
	{"file-symlink", MALFORMED, "app is not a regular file"},
	{"file-hardlink", MALFORMED, "b is not a regular file"},
	{"file-directory", MALFORMED, "app/ is not a regular file"},
	{"file-device", MALFORMED, "app is not a regular file"},
	{"file-fifo", MALFORMED, "app is not a regular file"},
	{"file-sparse", MALFORMED, "app has holes"},
	{"file-many", SPACE, "more than 1024 files"},
	{"file-in-empty-payload", MALFORMED, "app in an empty payload"},
	{"payload-trailing", MALFORMED, "payload: trailing data after its end"},
	{"payload-zeros", MALFORMED, "payload: trailing data after its end"},
	{"payload-no-end", MALFORMED, "payload: cut short"},
	{"payload-one-block", MALFORMED, "payload: cut short"},
	{"payload-gz-trailing", MALFORMED, "payload: trailing data after its end"},
	{"payload-gz-more", MALFORMED, "payload: trailing data after its end"},
	{"payload-gz-cut", MALFORMED, "payload: cut short or damaged"},
	{"payload-gz-twice", MALFORMED, "not packed as its suffix says"},
	{"payload-not-gz", MALFORMED, "not packed as its suffix says"},
	{"payload-xz-as-gz", MALFORMED, "not packed as its suffix says"},
	{"payload-gz-as-xz", MALFORMED, "not xz"},
	{"payload-gz-as-zst", MALFORMED, "not zst"},
	{"payload-gz-as-plain", MALFORMED, "Unrecognized archive format"},
	{"payload-bz2", MALFORMED, "data/0000.tar.bz2 where data/0000.tar should be"},
	{"payload-empty", MALFORMED, "Unrecognized archive format"},
	{"payload-xz-window", SPACE, "a window of 128 MiB, at most 64 are taken"},
	{"payload-xz-twice", MALFORMED, "trailing data after its end"},
	{"payload-zst-window", SPACE, "a window of 128 MiB, at most 64 are taken"},
	{"payload-zst-later-window", SPACE, "a window of 1024 MiB, at most 64 are taken"},
};

static void bad_artifacts_are_refused_with_a_reason(void **state)
{
	for (size_t i = 0; i < COUNT(bad); i++) {
		CLEANUP(buf_free) struct buf content = {0};
		CLEANUP(crypto_public_cleanup)
		struct crypto_public *key
			= bad[i].key != NULL ? artifacts_key(*state, bad[i].key) : NULL;
		struct artifact artifact = {0}, untouched = {0};
		struct error err = {0};

		artifacts_load(*state, bad[i].name, &content);
		if (artifacts_read(buf_bytes(&content), WHOLE, key, NULL, &artifact, &err))
			fail_msg("%s: it was taken", bad[i].name);
		if (err.code != bad[i].code || strstr(err.text, bad[i].words) == NULL)
			fail_msg("%s: %d: %s", bad[i].name, err.code, err.text);
		assert_memory_equal(&artifact, &untouched, sizeof(artifact));
	}
}

/* ---- where payload files go ---- */

enum { SINK_FILES = 4 };

struct spool {
	struct buf log, content;
	size_t refuse; /* the file, counted from 1, that is refused */
	size_t begun;
};

static bool spool_begin(void *self, const char *name, uint64_t size, struct error *err)
{
	struct spool *const spool = self;

	if (++spool->begun == spool->refuse)
		return error_set(err, ERROR_SPACE, "no room for %s", name);
	return buf_print(&spool->log, err, "(%s %llu", name, (unsigned long long)size);
}

static bool spool_write(void *self, struct bytes bytes, struct error *err)
{
	struct spool *const spool = self;

	return buf_append(&spool->content, bytes, err);
}

static bool spool_end(void *self, struct error *err)
{
	struct spool *const spool = self;

	return buf_print(&spool->log, err, ")");
}

static void spool_done(struct spool *spool)
{
	buf_free(&spool->log);
	buf_free(&spool->content);
}

static bool spool_read(
	const char *directory, const char *name, struct spool *spool, struct error *err)
{
	CLEANUP(buf_free) struct buf content = {0};
	CLEANUP(artifact_free) struct artifact artifact = {0};
	const struct artifact_payload payload = {spool_begin, spool_write, spool_end, spool};

	artifacts_load(directory, name, &content);
	return artifacts_read(buf_bytes(&content), 1000, NULL, &payload, &artifact, err);
}

static void payload_files_arrive_whole_and_in_order(void **state)
{
	static const char *const packed[] = {"good-gz", "good-plain", "good-xz", "good-zst"};

	for (size_t i = 0; i < COUNT(packed); i++) {
		CLEANUP(spool_done) struct spool spool = {0};
		struct error err = {0};

		MUST(spool_read(*state, packed[i], &spool, &err));
		assert_true(
			bytes_equal(buf_bytes(&spool.log), bytes_of("(app 4)(data.bin 1024)")));
		assert_int_equal(spool.content.len, 1028);
		assert_memory_equal(spool.content.at, "one\n", 4);
		for (size_t at = 0; at < 1024; at++)
			assert_int_equal(spool.content.at[4 + at], at & 255);
	}
}

static void a_refused_file_ends_the_reading(void **state)
{
	CLEANUP(spool_done) struct spool spool = {.refuse = 2};
	struct error err = {0};

	assert_false(spool_read(*state, "good-gz", &spool, &err));
	assert_int_equal(err.code, ERROR_SPACE);
	assert_string_equal(err.text, "no room for data.bin");
	assert_true(bytes_equal(buf_bytes(&spool.log), bytes_of("(app 4)")));
}

static void a_file_with_a_wrong_checksum_does_not_end(void **state)
{
	CLEANUP(spool_done) struct spool spool = {0};
	struct error err = {0};

	assert_false(spool_read(*state, "manifest-wrong-file", &spool, &err));
	assert_int_equal(err.code, ERROR_SIGNATURE);
	assert_true(bytes_equal(buf_bytes(&spool.log), bytes_of("(app 4")));
}

static bool broken(void *self, uint8_t *at, size_t room, size_t *got, struct error *err)
{
	struct artifacts_source *const source = self;
	const struct source good_source = artifacts_source(source);

	if (source->rest.len == 0)
		return error_set(err, ERROR_LINK, "the cable is out");
	return good_source.read(good_source.self, at, room, got, err);
}

static void what_the_source_says_is_passed_on(void **state)
{
	CLEANUP(buf_free) struct buf content = {0};
	const struct artifact_trust nobody = {0};

	artifacts_load(*state, "good-gz", &content);
	for (size_t cut = 0; cut <= content.len; cut += 64) {
		struct artifacts_source source = {{content.at, cut}, WHOLE};
		struct artifact artifact = {0};
		struct error err = {0};

		assert_false(artifact_read(
			(struct source){broken, &source}, &nobody, NULL, &artifact, &err));
		assert_string_equal(err.text, "the cable is out");
		assert_int_equal(err.code, ERROR_LINK);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_artifacts_are_read),
		cmocka_unit_test(pieces_of_any_size_make_no_difference),
		cmocka_unit_test(provides_depends_and_clears_come_in_order),
		cmocka_unit_test(an_empty_payload_has_no_type),
		cmocka_unit_test(any_trusted_key_will_do),
		cmocka_unit_test(without_a_key_the_signature_is_not_judged),
		cmocka_unit_test(bad_artifacts_are_refused_with_a_reason),
		cmocka_unit_test(payload_files_arrive_whole_and_in_order),
		cmocka_unit_test(a_refused_file_ends_the_reading),
		cmocka_unit_test(a_file_with_a_wrong_checksum_does_not_end),
		cmocka_unit_test(what_the_source_says_is_passed_on),
	};

	return cmocka_run_group_tests(tests, artifacts_make, artifacts_remove);
}
