#include "device-link/agent/marks.h"
#include "common/file.h"
#include "common/json.h"

enum { MARKS_SIZE_MAX = 4096 };

/* A mark of its own: it may be missing. */
static bool read_nonce(const struct json *object, struct marks *marks, struct error *err)
{
	char nonce[SIGNED_TIME_TEXT];

	marks->has_nonce = json_member(object, "nonce") != NULL;
	return !marks->has_nonce
		|| (json_need_text(object, "nonce", nonce, sizeof(nonce), err)
			&& hex_decode(nonce, marks->nonce, sizeof(marks->nonce), err));
}

void marks_add_tuf(struct json *object, const struct carried_mark *mark,
	const int64_t versions[TUF_KIND_COUNT])
{
	json_add_integer(object, "sequence", (int64_t)mark->sequence);
	json_add_digest(object, "direction", &mark->direction);
	json_add_digest(object, "keys", &mark->keys);
	for (size_t kind = 0; kind < TUF_KIND_COUNT; kind++)
		json_add_integer(object, tuf_kind_name((enum tuf_kind)kind), versions[kind]);
}

bool marks_read_tuf(const struct json *object, struct carried_mark *mark,
	int64_t versions[TUF_KIND_COUNT], struct error *err)
{
	int64_t sequence = 0;

	if (!json_need_integer(object, "sequence", &sequence, err)
		|| !json_need_digest(object, "direction", &mark->direction, err)
		|| !json_need_digest(object, "keys", &mark->keys, err))
		return false;
	for (size_t kind = 0; kind < TUF_KIND_COUNT; kind++)
		if (!json_need_integer(
			    object, tuf_kind_name((enum tuf_kind)kind), &versions[kind], err))
			return false;
	mark->sequence = (uint64_t)sequence;
	return sequence >= 0 || error_set(err, ERROR_MALFORMED, "a mark below 0");
}

/* Of their own, too. */
static bool read_tuf(const struct json *object, struct marks_tuf *tuf, struct error *err)
{
	const struct json *member = NULL;

	return json_member(object, "tuf") == NULL
		|| (json_need_object(object, "tuf", &member, err)
			&& json_need_integer(member, "issued", &tuf->issued, err)
			&& marks_read_tuf(member, &tuf->mark, tuf->versions, err));
}

static void add_tuf(struct json *object, const struct marks_tuf *tuf)
{
	struct json *const member = json_add_object(object, "tuf");

	json_add_integer(member, "issued", tuf->issued);
	marks_add_tuf(member, &tuf->mark, tuf->versions);
}

static bool read_marks(const struct json *object, struct marks *marks, struct error *err)
{
	int64_t counter = 0;

	if (!json_need_integer(object, "floor", &marks->floor, err)
		|| !json_need_integer(object, "crl", &marks->crl, err)
		|| !json_need_integer(object, "counter", &counter, err)
		|| !read_nonce(object, marks, err) || !read_tuf(object, &marks->tuf, err))
		return false;
	if (marks->floor < 0 || marks->crl < 0 || counter < 0)
		return error_set(err, ERROR_MALFORMED, "a mark below 0");
	marks->counter = (uint64_t)counter;
	return true;
}

bool marks_load(const char *path, struct marks *out, struct error *err)
{
	CLEANUP(buf_free) struct buf text = {0};
	CLEANUP(json_cleanup) struct json *object = NULL;
	struct marks marks = {0};
	bool found = false;

	if (!file_read(path, MARKS_SIZE_MAX, &text, &found, err))
		return false;
	if (found
		&& (!json_parse(buf_bytes(&text), JSON_SIGNED, &object, err)
			|| !read_marks(object, &marks, err)))
		return error_while(err, "%s", path);
	*out = marks;
	return true;
}

/* Is this what the file holds? */
static bool is_there(const char *path, struct bytes text)
{
	CLEANUP(buf_free) struct buf there = {0};
	struct error ignored = {0};
	bool found = false;

	return file_read(path, MARKS_SIZE_MAX, &there, &found, &ignored) && found
		&& bytes_equal(buf_bytes(&there), text);
}

bool marks_save(const char *path, const struct marks *marks, struct error *err)
{
	CLEANUP(buf_free) struct buf text = {0};
	CLEANUP(json_cleanup) struct json *object = json_new_object();
	char nonce[SIGNED_TIME_TEXT];

	hex_encode((struct bytes){marks->nonce, sizeof(marks->nonce)}, nonce);
	json_add_integer(object, "floor", marks->floor);
	json_add_integer(object, "crl", marks->crl);
	json_add_integer(object, "counter", (int64_t)marks->counter);
	if (marks->has_nonce)
		json_add_string(object, "nonce", nonce);
	if (marks->tuf.versions[TUF_ROOT] > 0)
		add_tuf(object, &marks->tuf);
	if (!json_print(object, &text, err))
		return false;
	/* A disk may be full; and who wrote it may have died before its name was safe. */
	if (is_there(path, buf_bytes(&text)))
		return file_sync_directory_of(path, err);
	return file_replace(path, buf_bytes(&text), 0600, err);
}

bool marks_new_nonce(struct marks *marks, struct error *err)
{
	marks->has_nonce = crypto_random(marks->nonce, sizeof(marks->nonce), err);
	return marks->has_nonce;
}
