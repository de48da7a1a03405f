/* A repository that python-tuf made: all of it is accepted, and none of it changed. */
#include <stdio.h>
#include <string.h>

#include "common/file.h"
#include "common/tuf/tuf.h"
#include "tests/test.h"

enum { NOW = 1900000000 /* 2030 */ };

/* Reads the directory; stores nothing but the root, in memory.  In the file called SPOILT
 * the byte at AT is another. */
struct reader {
	struct buf root;
	const char *spoilt;
	size_t at;
};

static bool fetch(void *self, const char *name, size_t max, struct buf *out, bool *found,
	struct error *err)
{
	const struct reader *const reader = self;
	char path[4096];

	if (!file_path(path, sizeof(path), TEST_VECTORS "/tuf", name, err)
		|| !file_read(path, max, out, found, err))
		return false;
	if (*found && reader->spoilt != NULL && strcmp(name, reader->spoilt) == 0
		&& reader->at < out->len)
		out->at[reader->at] ^= 1;
	return true;
}

static bool load(void *self, const char *name, size_t max, struct buf *out, bool *found,
	struct error *err)
{
	const struct reader *const reader = self;

	(void)max;
	*found = strcmp(name, "root.json") == 0;
	return !*found || buf_append(out, buf_bytes(&reader->root), err);
}

static bool store(void *self, const char *name, struct bytes content, struct error *err)
{
	(void)self;
	(void)name;
	(void)content;
	(void)err;
	return true;
}

static bool refresh(struct reader *reader, struct tuf **tuf, struct error *err)
{
	const struct tuf_host host = {fetch, load, store, reader};
	const struct tuf_settings settings = {.now = NOW}; /* and strict about keyids */
	bool found = false;

	reader->root.len = 0;
	return fetch(reader, "1.root.json", TUF_ROOT_MAX, &reader->root, &found, err)
		&& tuf_open(&host, &settings, tuf, err) && tuf_refresh(*tuf, err);
}

static void reader_done(struct reader *reader)
{
	buf_free(&reader->root);
}

static void finds(struct tuf *tuf, const char *path, const char *role)
{
	CLEANUP(tuf_check_cleanup) struct tuf_check *check = NULL;
	struct tuf_target target = {0};
	struct error err = {0};
	bool found = false;

	MUST(tuf_find(tuf, path, &target, &found, &err));
	if (!found)
		fail_msg("%s: not found", path);
	if (role != NULL)
		assert_string_equal(target.role, role);
	/* each target's content is its path */
	MUST(tuf_check_new(&target, &check, &err));
	MUST(tuf_check_add(check, bytes_of(path), &err));
	MUST(tuf_check_end(check, &err));
}

static void all_of_it_is_accepted(void **state)
{
	CLEANUP(reader_done) struct reader reader = {.at = 0};
	CLEANUP(tuf_cleanup) struct tuf *tuf = NULL;
	struct tuf_target target = {0};
	struct error err = {0};
	bool found = true;
	char path[16];

	(void)state;
	MUST(refresh(&reader, &tuf, &err));
	assert_int_equal(tuf_top(tuf, TUF_ROOT)->version, 2);
	finds(tuf, "top", "targets");
	finds(tuf, "p\xc3\xa4th/a.bin", "by path/\xc3\xa9");
	for (int i = 0; i < 40; i++) {
		(void)snprintf(path, sizeof(path), "dir/%d", i);
		finds(tuf, path, NULL);
	}
	MUST(tuf_find(tuf, "dir/40", &target, &found, &err));
	assert_false(found);
	MUST(tuf_find(tuf, "path/b.bin", &target, &found, &err)); /* its role terminates */
	assert_false(found);
}

/* Bytes that may differ: white space outside "signed", and what nobody signs. */
static void none_of_it_may_differ(void **state)
{
	static const char *const names[]
		= {"2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		CLEANUP(reader_done) struct reader whole = {.spoilt = NULL};
		CLEANUP(buf_free) struct buf file = {0};
		const char *text = NULL, *signed_part = NULL;
		struct error err = {0};
		bool found = false;

		MUST(fetch(&whole, names[i], TUF_ROOT_MAX, &file, &found, &err));
		MUST(buf_text(&file, &text, &err));
		signed_part = strstr(text, "\"signed\"");
		assert_non_null(signed_part);
		for (size_t at = (size_t)(signed_part - text) + 12; at + 4 < file.len;
			at += 1 + file.len / 100) {
			CLEANUP(reader_done)
			struct reader reader = {.spoilt = names[i], .at = at};
			CLEANUP(tuf_cleanup) struct tuf *tuf = NULL;

			if (refresh(&reader, &tuf, &err))
				fail_msg("%s: byte %zu", names[i], at);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_it_is_accepted),
		cmocka_unit_test(none_of_it_may_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
