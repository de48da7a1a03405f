/* Artifacts far larger than memory, made as they are read. */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/artifacts.h"
#include "tests/test.h"

enum {
	BLOCK = 512,
	KIBIBYTES_MAX = 32 * 1024,
};

/* An artifact with one unpacked file of zeros: what comes before it, the zeros, and
 * the zeros that end the archives. */
struct tape {
	struct buf front;
	uint64_t zeros, at;
};

static void tape_done(struct tape *tape)
{
	buf_free(&tape->front);
}

static bool tape_read(void *self, uint8_t *at, size_t room, size_t *got, struct error *err)
{
	struct tape *const tape = self;
	const uint64_t front = tape->front.len, end = front + tape->zeros;
	const uint64_t left = (tape->at < front ? front : end) - tape->at;
	const size_t len = left < room ? (size_t)left : room;

	(void)err;
	if (tape->at < front)
		memcpy(at, tape->front.at + tape->at, len);
	else
		memset(at, 0, len);
	tape->at += len;
	*got = len;
	return true;
}

static uint64_t padded(uint64_t size)
{
	return (size + BLOCK - 1) / BLOCK * BLOCK;
}

/* Sizes from 8 GiB are binary, as GNU tar writes them. */
static void put_size(char field[12], uint64_t size)
{
	if (size < UINT64_C(1) << 33) {
		(void)snprintf(field, 12, "%011llo", (unsigned long long)size);
		return;
	}
	field[0] = (char)0x80;
	for (int i = 11; i > 3; i--, size >>= 8)
		field[i] = (char)(size & 255);
}

static void put_header(struct buf *tar, const char *name, uint64_t size)
{
	char header[BLOCK] = {0};
	struct error err = {0};
	unsigned sum = 0;

	(void)snprintf(header, 100, "%s", name);
	memcpy(header + 100, "0000600\0000000000\0000000000", 23);
	put_size(header + 124, size);
	memcpy(header + 136, "00000000000", 11);
	memcpy(header + 148, "        0", 9);
	memcpy(header + 257, "ustar\00000", 8);
	for (size_t i = 0; i < BLOCK; i++)
		sum += (unsigned char)header[i];
	(void)snprintf(header + 148, 8, "%06o", sum);
	MUST(buf_append(tar, (struct bytes){(const uint8_t *)header, BLOCK}, &err));
}

static void put_zeros(struct buf *tar, uint64_t len)
{
	static const uint8_t zeros[2 * BLOCK];
	struct error err = {0};

	MUST(buf_append(tar, (struct bytes){zeros, len}, &err));
}

static void put_member(struct buf *tar, const char *name, struct bytes content)
{
	struct error err = {0};

	put_header(tar, name, content.len);
	MUST(buf_append(tar, content, &err));
	put_zeros(tar, padded(content.len) - content.len);
}

static void digest_of_zeros(uint64_t len, char text[static DIGEST_TEXT])
{
	static const uint8_t zeros[65536];
	CLEANUP(crypto_hash_cleanup) struct crypto_hash *hash = NULL;
	struct digest digest = {{0}};
	struct error err = {0};

	MUST(crypto_hash_new(&hash, &err));
	for (; len > 0; len -= len < sizeof(zeros) ? len : sizeof(zeros))
		MUST(crypto_hash_add(hash,
			(struct bytes){zeros, len < sizeof(zeros) ? len : sizeof(zeros)},
			&err));
	MUST(crypto_hash_peek(hash, &digest, &err));
	digest_text(&digest, text);
}

static void put_line(struct buf *manifest, struct bytes content, const char *name)
{
	struct digest digest = {{0}};
	char text[DIGEST_TEXT];
	struct error err = {0};

	MUST(crypto_sha256(content, &digest, &err));
	digest_text(&digest, text);
	MUST(buf_print(manifest, &err, "%s  %s\n", text, name));
}

static void put_header_tar(struct buf *header)
{
	put_member(header, "header-info",
		bytes_of("{\"payloads\":[{\"type\":\"file\"}],"
			 "\"artifact_provides\":{\"artifact_name\":\"large\"},"
			 "\"artifact_depends\":{\"device_type\":[\"testbox\"]}}"));
	put_member(header, "headers/0000/type-info", bytes_of("{\"type\":\"file\"}"));
	put_zeros(header, 2 * BLOCK);
}

/* DIGEST: of SIZE zeros. */
static void tape_make(struct tape *tape, uint64_t size, const char *digest)
{
	CLEANUP(buf_free) struct buf header = {0}, manifest = {0};
	const struct bytes version = bytes_of("{\"format\":\"mender\",\"version\":3}");
	const uint64_t inner = BLOCK + padded(size) + 2 * BLOCK;
	struct error err = {0};

	put_header_tar(&header);
	MUST(buf_print(&manifest, &err, "%s  data/0000/zeros\n", digest));
	put_line(&manifest, buf_bytes(&header), "header.tar");
	put_line(&manifest, version, "version");
	put_member(&tape->front, "version", version);
	put_member(&tape->front, "manifest", buf_bytes(&manifest));
	put_member(&tape->front, "header.tar", buf_bytes(&header));
	put_header(&tape->front, "data/0000.tar", inner);
	put_header(&tape->front, "zeros", size);
	tape->zeros = padded(size) + 4 * BLOCK;
}

/* In a child of its own, whose memory nobody used before. */
static int read_in_little_memory(struct source source, uint64_t size)
{
	CLEANUP(artifact_free) struct artifact artifact = {0};
	const struct artifact_trust nobody = {0};
	struct rusage before = {0}, after = {0};
	struct error err = {0};

	(void)getrusage(RUSAGE_SELF, &before);
	if (!artifact_read(source, &nobody, NULL, &artifact, &err)) {
		(void)fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	(void)getrusage(RUSAGE_SELF, &after);
	(void)fprintf(stderr, "%llu bytes read in %ld KiB\n",
		(unsigned long long)artifact.payload_size, after.ru_maxrss - before.ru_maxrss);
	return artifact.payload_size == size
			&& after.ru_maxrss - before.ru_maxrss < KIBIBYTES_MAX
		? 0
		: 2;
}

static void expect_little_memory(struct source source, uint64_t size)
{
	const pid_t child = fork();
	int status = -1;

	assert_true(child >= 0);
	if (child == 0)
		_exit(read_in_little_memory(source, size));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void a_large_payload_needs_little_memory(void **state)
{
	CLEANUP(tape_done) struct tape tape = {0};
	const uint64_t size = 300 << 20;
	char digest[DIGEST_TEXT];

	(void)state;
	digest_of_zeros(size, digest);
	tape_make(&tape, size, digest);
	expect_little_memory((struct source){tape_read, &tape}, size);
}

static void a_packed_payload_needs_little_memory(void **state)
{
	CLEANUP(buf_free) struct buf content = {0};

	artifacts_load(*state, "good-large", &content);

	struct artifacts_source source = {buf_bytes(&content), 65536};

	expect_little_memory(artifacts_source(&source), 64 << 20);
}

static bool refuse(void *self, const char *name, uint64_t size, struct error *err)
{
	uint64_t *const seen = self;

	*seen = size;
	return error_set(err, ERROR_SPACE, "no room for %s", name);
}

static void a_file_is_refused_by_its_size_before_a_byte_of_it(void **state)
{
	static const uint64_t sizes[]
		= {UINT64_C(8589934591), UINT64_C(8589934592), UINT64_C(10) << 40};
	char digest[DIGEST_TEXT];

	(void)state;
	digest_of_zeros(0, digest);
	for (size_t i = 0; i < COUNT(sizes); i++) {
		CLEANUP(tape_done) struct tape tape = {0};
		const struct artifact_trust nobody = {0};
		struct artifact artifact = {0};
		struct error err = {0};
		uint64_t seen = 0;
		const struct artifact_payload payload = {refuse, NULL, NULL, &seen};

		tape_make(&tape, sizes[i], digest);
		assert_false(artifact_read(
			(struct source){tape_read, &tape}, &nobody, &payload, &artifact, &err));
		assert_int_equal(err.code, ERROR_SPACE);
		assert_int_equal(seen, sizes[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_large_payload_needs_little_memory),
		cmocka_unit_test(a_packed_payload_needs_little_memory),
		cmocka_unit_test(a_file_is_refused_by_its_size_before_a_byte_of_it),
	};

	return cmocka_run_group_tests(tests, artifacts_make, artifacts_remove);
}
