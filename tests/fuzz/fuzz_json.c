/*
 * What the tokeniser passes, cJSON parses; what is printed of it means the same;
 * the canonical form is its own canonical form, unless it holds a control character
 * raw, as the dialect wants it; the elements of a listing are those of the tree.
 */
#include <stdlib.h>

#include "common/json_listing.h"
#include "tests/fuzz/fuzz.h"

static void must(bool ok)
{
	if (!ok)
		abort();
}

static bool has_control(struct bytes text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.at[i] < 0x20)
			return true;
	return false;
}

/* Numbers out of a double's range parse, but cannot be printed. */
static void check_tree(struct bytes document, enum json_dialect dialect, struct buf *printed)
{
	CLEANUP(json_cleanup) struct json *tree = NULL;
	struct error err = {0};

	must(json_parse(document, dialect, &tree, &err));
	if (json_print(tree, printed, &err))
		must(json_check(buf_bytes(printed), dialect, &err));
	else
		must(dialect == JSON_FOREIGN);
}

static void check_canonical(struct bytes document)
{
	CLEANUP(buf_free) struct buf printed = {0}, form = {0}, again = {0};
	struct error err = {0};

	check_tree(document, JSON_SIGNED, &printed);
	must(json_canonical(document, &form, &err));
	must(json_canonical(buf_bytes(&printed), &again, &err));
	must(bytes_equal(buf_bytes(&form), buf_bytes(&again)));
	again.len = 0;
	if (json_canonical(buf_bytes(&form), &again, &err))
		must(bytes_equal(buf_bytes(&form), buf_bytes(&again)));
	else
		must(has_control(buf_bytes(&form)));
}

static bool print_element(void *self, const struct json *element, struct error *err)
{
	return json_print(element, self, err);
}

/* Read as a listing of its member "a". */
static void check_listing(struct bytes document)
{
	CLEANUP(buf_free) struct buf listed = {0}, printed = {0};
	CLEANUP(json_cleanup) struct json *tree = NULL, *rest = NULL;
	struct error err = {0};

	must(json_parse(document, JSON_SIGNED, &tree, &err));

	const struct json *const array = json_member(tree, "a");
	const bool is_listing = json_is_object(tree) && json_is_array(array);

	must(json_listing_read(document, JSON_SIGNED, "a", print_element, &listed, &rest, &err)
		== is_listing);
	if (!is_listing)
		return;
	for (const struct json *at = json_first(array); at != NULL; at = json_next(at))
		must(json_print(at, &printed, &err));
	must(bytes_equal(buf_bytes(&listed), buf_bytes(&printed)));
	must(json_count(rest) == json_count(tree));
	must(json_count(json_member(rest, "a")) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	CLEANUP(buf_free) struct buf printed = {0};
	const struct bytes document = {at, len};
	struct error err = {0};

	if (json_check(document, JSON_FOREIGN, &err))
		check_tree(document, JSON_FOREIGN, &printed);
	if (json_check(document, JSON_SIGNED, &err)) {
		must(json_check(document, JSON_FOREIGN, &err));
		check_canonical(document);
		check_listing(document);
	}
	return 0;
}
