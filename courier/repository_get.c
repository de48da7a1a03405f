/* A file of a repository by HTTP: bounded in size and in time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "courier/repository_private.h"

enum {
	ATTEMPTS_MAX = 3,
	PAUSE_MS = 200,    /* before the second attempt; doubled for the third */
	GRACE_S = 60,      /* a file may take so long, and then */
	RATE_MIN = 512,    /* bytes a second more */
	RETRY_DEFAULT = 60 /* seconds, when a 429 does not say */
};

/* A file on its way. */
struct incoming {
	struct buf *to;
	size_t begin, max; /* bytes there before; bytes it may have */
	int64_t began_s;
};

static int64_t clock_s(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec;
}

/* One that sends for ever, or a byte now and then, is not waited for. */
static bool take(void *self, struct bytes bytes, struct error *err)
{
	struct incoming *const incoming = self;
	const size_t got = incoming->to->len - incoming->begin;

	if (bytes.len > incoming->max - got)
		return error_set(
			err, ERROR_MALFORMED, "it sends more than %zu bytes", incoming->max);
	if (clock_s() - incoming->began_s > GRACE_S + (int64_t)(got / RATE_MIN))
		return error_set(err, ERROR_TIMEOUT,
			"it sends too slowly: %zu bytes in %lld seconds", got,
			(long long)(clock_s() - incoming->began_s));
	return buf_append(incoming->to, bytes, err);
}

static bool make_url(const struct repository *repository, const char *below, const char *file,
	struct buf *url, struct error *err)
{
	const char *const base = repository->settings->url;
	size_t len = strlen(base);

	while (len > 0 && base[len - 1] == '/')
		len--;
	return buf_append(url, (struct bytes){(const uint8_t *)base, len}, err)
		&& buf_print(url, err, "/%s/%s", below, file);
}

/* ---- what an answer means ---- */

static bool keep_peace(
	struct repository *repository, const struct http_response *response, struct error *err)
{
	const int64_t wait_s
		= response->retry_after_s > 0 ? response->retry_after_s : RETRY_DEFAULT;
	char until[32];

	(void)snprintf(until, sizeof(until), "%lld", (long long)(repository->now + wait_s));
	if (!store_put_metadata(repository->store, repository->name, REPOSITORY_NOT_BEFORE,
		    bytes_of(until), err))
		return false;
	return error_set(err, ERROR_DEFERRED,
		"the repository asks to be left alone for %lld seconds", (long long)wait_s);
}

static bool asks_for_patience(const struct http_response *response)
{
	return response->status == 429
		|| (response->status == 503 && response->retry_after_s > 0);
}

/* A hotel's login page comes with any status. */
static bool is_page(struct bytes body)
{
	size_t i = 0;

	while (i < body.len && strchr(" \t\r\n", body.at[i]) != NULL)
		i++;
	return i < body.len && body.at[i] == '<';
}

/* Storage behind a repository may say 403 of what it does not have. */
static bool judge(struct repository *repository, const struct http_request *request,
	const struct http_response *response, struct bytes body, bool *found, struct error *err)
{
	if (asks_for_patience(response))
		return keep_peace(repository, response, err);
	if (http_delivered(request, response) && !is_page(body)) {
		*found = true;
		return true;
	}
	if (http_delivered(request, response))
		return error_set(err, ERROR_FAILED,
			"the answer is a web page: something between here and the repository "
			"gave it (a network that wants a login?)");
	if (response->status == 404 || response->status == 403) {
		*found = false;
		return true;
	}
	return error_set(err, ERROR_FAILED, "the repository answered %ld", response->status);
}

/* ---- attempts ---- */

static bool attempt(struct repository *repository, struct http *http, const char *url,
	size_t max, struct buf *out, bool *found, bool *again, struct error *err)
{
	CLEANUP(http_response_free) struct http_response response = {0};
	const struct http_request request = {.method = "GET", .url = url};
	struct incoming incoming = {out, out->len, max, clock_s()};
	const size_t begin = out->len;
	bool ok = false;

	*again = false;
	if (http_fetch(http, &request, (struct sink){take, &incoming}, &response, err)) {
		const struct bytes body = {out->at + begin, out->len - begin};

		*again = response.status >= 500 && !asks_for_patience(&response);
		ok = judge(repository, &request, &response, body, found, err);
	} else {
		*again = err->code == ERROR_FAILED;
	}
	if (!ok || !*found)
		out->len = begin;
	return ok;
}

static void pause_before(unsigned attempt)
{
	const long pause_ms = (long)PAUSE_MS << attempt;
	const struct timespec pause = {.tv_sec = 0, .tv_nsec = pause_ms * 1000000};

	(void)nanosleep(&pause, NULL);
}

bool repository_get(struct repository *repository, struct http *http, const char *below,
	const char *file, size_t max, struct buf *out, bool *found, struct error *err)
{
	CLEANUP(buf_free) struct buf url = {0};
	const char *text = NULL;
	const size_t begin = out->len;
	bool again = true;

	if (!make_url(repository, below, file, &url, err) || !buf_text(&url, &text, err))
		return false;
	for (unsigned i = 0; again && i < ATTEMPTS_MAX; i++) {
		if (i > 0)
			pause_before(i - 1);
		if (attempt(repository, http, text, max, out, found, &again, err)) {
			(void)atomic_fetch_add(&repository->files, *found);
			(void)atomic_fetch_add(&repository->bytes, out->len - begin);
			return true;
		}
	}
	return false;
}
