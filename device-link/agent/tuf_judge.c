#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"
#include "device-link/agent/judge.h"
#include "device-link/agent/tuf_judge.h"

/* ---- a set in a file ---- */

struct set_file {
	int fd;
	struct tuf_set set;
};

static void set_file_close(struct set_file *file)
{
	tuf_set_done(&file->set);
	file_close(&file->fd);
}

static bool read_file(void *self, uint64_t offset, uint8_t *at, size_t len, struct error *err)
{
	const struct set_file *const file = self;

	for (size_t done = 0; done < len;) {
		const ssize_t got
			= pread(file->fd, at + done, len - done, (off_t)(offset + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got == 0 ? error_set(err, ERROR_FAILED, "the set shrank")
					: error_errno(err, "cannot read the set");
		done += (size_t)got;
	}
	return true;
}

/* FILE stays where it is until it is closed. */
static bool open_set(struct set_file *file, const char *path, struct error *err)
{
	struct stat there;

	file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (file->fd < 0 || fstat(file->fd, &there) != 0)
		return error_errno(err, "%s: cannot open", path);

	const struct tuf_set_source source = {read_file, file, (uint64_t)there.st_size};

	return tuf_set_open_source(&source, &file->set, err);
}

/* ---- the question ---- */

/* What the metadata say moves the floor once, however often they are shown. */
static int64_t raised_floor(const struct marks *marks, int64_t issued)
{
	return issued == 0 || issued == marks->tuf.issued ? marks->floor
							  : judge_floor(marks->floor, issued);
}

static struct carried_question ask(const struct tuf_order *order, int64_t issued)
{
	const int64_t clock = (int64_t)time(NULL);
	const int64_t floor = raised_floor(order->marks, issued);

	return (struct carried_question){
		.device = order->trust->holder.id,
		.device_type = order->device_type,
		.deployment = order->job->deployment,
		.digest = order->job->digest,
		.size = order->job->size,
		.directed = order->settings->directed,
		.now = clock > floor ? clock : floor,
		.mark = order->marks->tuf.mark,
	};
}

static void take_answer(struct tuf_verdict *verdict, const struct carried_answer *answer)
{
	verdict->mark = answer->mark;
	verdict->hashes = answer->hashes;
	for (size_t kind = 0; kind < TUF_KIND_COUNT; kind++)
		if (answer->versions[kind] > 0)
			verdict->versions[kind] = answer->versions[kind];
}

/* What the disk did is no verdict. */
static bool is_verdict(enum error_code code)
{
	return code == ERROR_EXPIRED || code == ERROR_ROLLBACK || code == ERROR_SIGNATURE
		|| code == ERROR_WRONG_DEVICE || code == ERROR_CONTACT
		|| code == ERROR_MALFORMED || code == ERROR_FAILED;
}

static bool refuse(struct tuf_verdict *verdict, const struct error *why)
{
	verdict->good = false;
	verdict->code = why->code == ERROR_MALFORMED ? ERROR_SIGNATURE : why->code;
	(void)snprintf(verdict->why, sizeof(verdict->why), "%s", why->text);
	return true;
}

/* ---- the device's own set ---- */

static bool has_own(const struct job *job)
{
	static const struct digest none;

	return !digest_equal(&job->active, &none);
}

static bool judge_own(
	const struct tuf_order *order, struct tuf_verdict *verdict, struct error *err)
{
	CLEANUP(set_file_close) struct set_file own = {.fd = -1};
	const struct tuf_host host = tuf_store_host(order->store);
	const struct carried_question question = ask(order, 0);
	struct carried_answer answer;
	char path[PATH_MAX];

	if (!tuf_store_set(order->store, &order->job->active, path, err)
		|| !open_set(&own, path, err)
		|| !carried_judge(&own.set, &host, &question, &answer, err))
		return false;
	take_answer(verdict, &answer);
	return true;
}

/* WHAT did not serve: perhaps what the device has does. */
static bool fall_back(const struct tuf_order *order, const char *what,
	struct tuf_verdict *verdict, struct error *err)
{
	struct error why = {0};

	(void)err;
	if (has_own(order->job) && judge_own(order, verdict, &why)) {
		verdict->good = verdict->own = true;
		(void)snprintf(verdict->why, sizeof(verdict->why),
			"%s: the device goes on with its own", what);
		return true;
	}
	verdict->code = ERROR_CONTACT;
	(void)snprintf(verdict->why, sizeof(verdict->why),
		"%s%s%.380s: run courier sync, and come again", what,
		why.text[0] == '\0' ? "" : ", and its own do not serve: ", why.text);
	return true;
}

/* ---- what was carried ---- */

static bool is_late(const struct tuf_order *order, const struct tuf_set *set,
	const struct tuf_verdict *verdict, enum error_code code, bool *late, struct error *err)
{
	const struct tuf_host pinned = tuf_store_pinned_host(order->store);

	*late = false;
	return (code != ERROR_ROLLBACK && code != ERROR_SIGNATURE)
		|| carried_is_older(set, &pinned, verdict->versions, late, err);
}

static bool judge_carried(
	const struct tuf_order *order, struct tuf_verdict *verdict, struct error *err)
{
	CLEANUP(set_file_close) struct set_file carried = {.fd = -1};
	const struct tuf_host host = tuf_store_host(order->store);
	struct carried_answer answer = {.path = ""};
	struct error why = {0};
	bool late = false;

	if (!open_set(&carried, order->carried, &why))
		return why.code == ERROR_MALFORMED ? refuse(verdict, &why)
						   : error_set(err, why.code, "%s", why.text);
	if (!carried_issued(&carried.set, &host, &verdict->issued, err))
		return false;

	const struct carried_question question = ask(order, verdict->issued);

	verdict->good = carried_judge(&carried.set, &host, &question, &answer, &why);
	take_answer(verdict, &answer);
	if (verdict->good)
		return true;
	if (!is_verdict(why.code))
		return error_set(err, why.code, "%s", why.text);
	if (!is_late(order, &carried.set, verdict, why.code, &late, err))
		return false;
	return late ? fall_back(order, "the device already has newer metadata", verdict, err)
		    : refuse(verdict, &why);
}

/* Large pieces come and go: what was given back must not stay in the process. */
static void keep_small(void)
{
#ifdef M_MMAP_THRESHOLD
	enum { LARGE = 64 * 1024 };

	(void)mallopt(M_MMAP_THRESHOLD, LARGE);
#endif
}

bool tuf_judge(const struct tuf_order *order, struct tuf_verdict *out, struct error *err)
{
	struct tuf_verdict verdict = {.mark = order->marks->tuf.mark};
	struct error why = {0};
	bool told = true;

	keep_small();
	memcpy(verdict.versions, order->marks->tuf.versions, sizeof(verdict.versions));
	if (!order->trust->certified && order->settings->directed)
		told = !error_set(&why, ERROR_UNAUTHORISED,
			       "the device has no certificate yet: nothing can direct it")
			&& refuse(&verdict, &why);
	else if (order->carried == NULL)
		told = fall_back(order, "no metadata came with the offer", &verdict, err);
	else
		told = judge_carried(order, &verdict, err);
	if (!told)
		return error_while(err, "metadata");
	*out = verdict;
	return true;
}

int tuf_judge_child(void *self)
{
	const struct tuf_order *const order = self;
	struct tuf_verdict verdict = {.good = false};
	struct error err = {0};

	if (tuf_judge(order, &verdict, &err) && tuf_verdict_save(order->fact, &verdict, &err))
		return 0;
	fprintf(stderr, "%s\n", err.text);
	return (int)err.code;
}

/* ---- the fact ---- */

bool tuf_verdict_save(const char *path, const struct tuf_verdict *verdict, struct error *err)
{
	CLEANUP(buf_free) struct buf text = {0};
	CLEANUP(json_cleanup) struct json *object = json_new_object();

	json_add_bool(object, "good", verdict->good);
	json_add_bool(object, "own", verdict->own);
	json_add_integer(object, "code", (int64_t)verdict->code);
	json_add_string(object, "why", verdict->why);
	json_add_integer(object, "issued", verdict->issued);
	marks_add_tuf(object, &verdict->mark, verdict->versions);
	return json_print(object, &text, err)
		&& file_replace(path, buf_bytes(&text), 0600, err);
}

static bool read_verdict(const struct json *object, struct tuf_verdict *out, struct error *err)
{
	int64_t code = 0;

	if (!json_need_bool(object, "good", &out->good, err)
		|| !json_need_bool(object, "own", &out->own, err)
		|| !json_need_integer(object, "code", &code, err)
		|| !json_need_text(object, "why", out->why, sizeof(out->why), err)
		|| !json_need_integer(object, "issued", &out->issued, err)
		|| !marks_read_tuf(object, &out->mark, out->versions, err))
		return false;
	out->code = (enum error_code)code;
	return true;
}

bool tuf_verdict_load(const char *path, struct tuf_verdict *out, struct error *err)
{
	enum { VERDICT_SIZE_MAX = 16384 };
	CLEANUP(buf_free) struct buf text = {0};
	CLEANUP(json_cleanup) struct json *object = NULL;
	struct tuf_verdict verdict = {.good = false};

	if (!file_read(path, VERDICT_SIZE_MAX, &text, NULL, err))
		return false;
	if (!json_parse(buf_bytes(&text), JSON_SIGNED, &object, err)
		|| !read_verdict(object, &verdict, err))
		return error_while(err, "%s", path);
	*out = verdict;
	return true;
}

void tuf_verdict_mark(const struct tuf_verdict *verdict, struct marks *marks)
{
	marks->floor = raised_floor(marks, verdict->issued);
	if (verdict->issued != 0)
		marks->tuf.issued = verdict->issued;
	marks->tuf.mark = verdict->mark;
	memcpy(marks->tuf.versions, verdict->versions, sizeof(marks->tuf.versions));
}
