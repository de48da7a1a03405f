/*
 * Whatever is changed in a set that is good: it is good for nothing, or for the same.  And
 * whatever was stored on the way, the good one still serves.
 *
 * The input is a list of changes, three bytes of offset and one to exclusive-or with; or,
 * after a first byte of 255, a set of its own.
 */
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/tuf/carried.h"
#include "tests/fuzz/fuzz.h"

enum { CHANGE = 4 /* bytes */ };

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* ---- a device in memory ---- */

static const char *const names[] = {"root.json", "timestamp.json", "snapshot.json"};

struct device {
	struct buf files[COUNT(names)];
};

static void device_done(struct device *device)
{
	for (size_t i = 0; i < COUNT(names); i++)
		buf_free(&device->files[i]);
}

static bool load(void *self, const char *file, size_t max, struct buf *out, bool *found,
	struct error *err)
{
	struct device *const device = self;

	*found = false;
	for (size_t i = 0; i < COUNT(names); i++)
		if (strcmp(names[i], file) == 0 && device->files[i].len > 0) {
			*found = device->files[i].len <= max;
			return buf_append(out, buf_bytes(&device->files[i]), err);
		}
	return true;
}

static bool store(void *self, const char *file, struct bytes content, struct error *err)
{
	struct device *const device = self;

	for (size_t i = 0; i < COUNT(names); i++)
		if (strcmp(names[i], file) == 0) {
			device->files[i].len = 0;
			return buf_append(&device->files[i], content, err);
		}
	abort();
}

/* ---- judging ---- */

static struct buf root, good;

static bool judge(struct device *device, struct bytes bytes, struct carried_answer *answer)
{
	const struct tuf_host host = {.load = load, .store = store, .self = device};
	CLEANUP(tuf_set_done) struct tuf_set set = {0};
	struct carried_question question = {.device = "pump-1",
		.device_type = "pump",
		.deployment = "dep-1",
		.size = 16,
		.directed = true,
		.now = 1800000000};
	struct error err = {0};
	int64_t issued = 0;

	must(crypto_sha256(bytes_of("pump software 2\n"), &question.digest, &err));
	if (!tuf_set_open(bytes, &set, &err))
		return false;
	must(carried_issued(&set, &host, &issued, &err));
	must(issued == 0 || issued == 1793491200);
	return carried_judge(&set, &host, &question, answer, &err);
}

static void prepare(void)
{
	struct error err = {0};

	must(file_read(TEST_VECTORS "/carried/root.json", 1 << 20, &root, NULL, &err)
		&& file_read(TEST_VECTORS "/carried/set", 1 << 20, &good, NULL, &err));
}

static void check(const struct carried_answer *answer)
{
	must(strcmp(answer->path, "artifacts/rel-2.mender") == 0);
	must(answer->mark.sequence == 41 && answer->versions[TUF_TIMESTAMP] == 2);
	must(answer->hashes.has_sha512);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	CLEANUP(device_done) struct device device = {0};
	CLEANUP(buf_free) struct buf bytes = {0};
	struct carried_answer answer;
	struct error err = {0};
	const bool own = len > 0 && at[0] == 255;

	if (good.len == 0)
		prepare();
	must(buf_append(&device.files[0], buf_bytes(&root), &err));
	must(buf_append(
		&bytes, own ? (struct bytes){at + 1, len - 1} : buf_bytes(&good), &err));
	for (size_t i = 0; !own && i + CHANGE <= len; i += CHANGE)
		bytes.at[((size_t)at[i] << 16 | (size_t)at[i + 1] << 8 | at[i + 2]) % bytes.len]
			^= at[i + 3];
	if (judge(&device, buf_bytes(&bytes), &answer))
		check(&answer);
	must(judge(&device, buf_bytes(&good), &answer));
	check(&answer);
	must(answer.versions[TUF_ROOT] == 3); /* of the other one some may be missing */
	return 0;
}
