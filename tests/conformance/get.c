#include <stdlib.h>

#include <curl/curl.h>

#include "tests/conformance/get.h"

enum {
	CONNECT_TIMEOUT_MS = 10000,
	SLOWEST = 256,   /* bytes a second, on average */
	PATIENCE_S = 20, /* with what is slower */
	TIMEOUT_MS = 600000,
};

struct get {
	CURL *curl;
	struct sink sink;
	bool found, failed;
	struct error *err;
};

static long status_of(const struct get *get)
{
	long status = 0;

	(void)curl_easy_getinfo(get->curl, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

static size_t pour(char *at, size_t size, size_t count, void *self)
{
	struct get *const get = self;
	const struct bytes bytes = {(const uint8_t *)at, size * count};

	if (status_of(get) != 200)
		return bytes.len;
	get->failed = !get->sink.write(get->sink.self, bytes, get->err);
	return get->failed ? 0 : bytes.len;
}

static bool set_up(CURL *curl)
{
	return curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, pour) == CURLE_OK
		&& curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L) == CURLE_OK
		&& curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK
		&& curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK
		&& curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK
		&& curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS)
		== CURLE_OK
		&& curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS) == CURLE_OK
		&& curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, (long)SLOWEST) == CURLE_OK
		&& curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)PATIENCE_S) == CURLE_OK;
}

bool get_new(struct get **out, struct error *err)
{
	CLEANUP(get_cleanup) struct get *get = calloc(1, sizeof(*get));

	if (get == NULL)
		return error_errno(err, "cannot allocate a client");
	get->curl = curl_easy_init();
	if (get->curl == NULL || !set_up(get->curl))
		return error_set(err, ERROR_FAILED, "cannot set up libcurl");
	*out = get;
	get = NULL;
	return true;
}

bool get(struct get *get, const char *url, struct sink sink, bool *found, struct error *err)
{
	get->sink = sink;
	get->err = err;
	get->failed = false;
	if (curl_easy_setopt(get->curl, CURLOPT_URL, url) != CURLE_OK
		|| curl_easy_setopt(get->curl, CURLOPT_WRITEDATA, get) != CURLE_OK)
		return error_set(err, ERROR_FAILED, "%s: no URL", url);

	const CURLcode code = curl_easy_perform(get->curl);
	const long status = status_of(get);

	if (get->failed)
		return error_while(err, "%s", url);
	if (code != CURLE_OK)
		return error_set(err, ERROR_FAILED, "%s: %s", url, curl_easy_strerror(code));
	if (status != 200 && status != 403 && status != 404)
		return error_set(err, ERROR_FAILED, "%s: status %ld", url, status);
	*found = status == 200;
	return true;
}

void get_cleanup(struct get **get)
{
	if (*get == NULL)
		return;
	curl_easy_cleanup((*get)->curl);
	free(*get);
	*get = NULL;
}
