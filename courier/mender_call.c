#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "courier/mender_answer.h"
#include "courier/mender_call.h"

bool mender_host_open(struct mender_host *host, const char *url, const char *ca_file,
	const char *proxy, struct error *err)
{
	struct mender_host opened = {0};
	size_t len = strlen(url);

	while (len > 0 && url[len - 1] == '/')
		len--;
	if (strncasecmp(url, "https://", 8) != 0 || len <= 8)
		return error_set(
			err, ERROR_USAGE, "%.128s: a server's URL is https://HOST", url);
	if (len >= sizeof(opened.base))
		return error_set(err, ERROR_USAGE, "%.128s...: the URL is too long", url);
	memcpy(opened.base, url, len);
	if (!http_new(ca_file, proxy, &opened.http, err))
		return false;
	*host = opened;
	return true;
}

void mender_host_close(struct mender_host *host)
{
	http_free(host->http);
	*host = (struct mender_host){0};
}

bool mender_send(struct mender_host *host, const struct mender_call *call,
	struct http_response *response, struct error *err)
{
	char url[MENDER_BASE_MAX + MENDER_PATH_MAX];

	if ((size_t)snprintf(url, sizeof(url), "%s%s", host->base, call->path) >= sizeof(url))
		return error_set(err, ERROR_USAGE, "the request's path is too long");

	const struct http_request request = {
		.method = call->method,
		.url = url,
		.body = call->body,
		.content_type = call->body.at == NULL ? NULL : "application/json",
		.bearer = call->bearer,
		.headers = {call->header},
	};

	return http_send(host->http, &request, response, err);
}

bool mender_took(const struct http_response *response)
{
	return response->status >= 200 && response->status < 300 && response->body.len == 0;
}

static bool asks_for_patience(const struct http_response *response)
{
	return response->status == 429
		|| (response->status == 503 && response->retry_after_s > 0);
}

bool mender_refused(const struct http_response *response, const char *what, struct error *err)
{
	const struct bytes body = buf_bytes(&response->body);
	char words[MENDER_WORDS_MAX + 1];

	if (asks_for_patience(response))
		return error_set(err, ERROR_DEFERRED,
			"%s: the server asks to be left alone for %lld seconds", what,
			(long long)(response->retry_after_s > 0 ? response->retry_after_s
								: MENDER_RETRY_DEFAULT));
	if (response->status == 401)
		return error_set(err, ERROR_UNAUTHORISED,
			"%s: not accepted (pending, or revoked)", what);
	if (mender_is_page(body) && response->status < 300)
		return error_set(err, ERROR_FAILED, "%s: the answer is " MENDER_PAGE, what);
	if (response->status >= 200 && response->status < 300)
		return error_set(err, ERROR_FAILED,
			"%s: the answer is not one of this server's: something in between gave "
			"it",
			what);
	mender_answer_words(body, words);
	return error_set(err, response->status == 403 ? ERROR_UNAUTHORISED : ERROR_FAILED,
		"%s: the server answered %ld%s%s", what, response->status,
		words[0] == 0 ? "" : ": ", words);
}
