#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "common/secret.h"
#include "courier/http_answer.h"

enum {
	HOST_MAX = 272,               /* characters of a host and its port */
	STRAY_MAX = 64 * 1024,        /* bytes of a body that fetch() did not ask for */
	RETRY_AFTER_MAX = 30 * 86400, /* seconds; more is no answer but an outage */
};

struct http {
	CURL *curl;
	char *ca_file, *proxy;
	char trouble[CURL_ERROR_SIZE]; /* libcurl's own words for the last failure */
};

/* One request on its way: what the callbacks need. */
struct exchange {
	const struct http_request *request;
	struct http_response response;
	struct sink sink; /* write is NULL: keep the body */
	struct error err; /* why a callback stopped */
	bool stopped;     /* by a callback, with ERR */
	bool cut;         /* enough was seen of a body nobody asked for */
};

static void url_cleanup(CURLU **url)
{
	curl_url_cleanup(*url);
}

static void text_cleanup(char **text)
{
	curl_free(*text);
}

/* Header lines may hold a token. */
static void lines_cleanup(struct curl_slist **lines)
{
	for (struct curl_slist *line = *lines; line != NULL; line = line->next)
		secret_wipe_bytes(line->data, strlen(line->data));
	curl_slist_free_all(*lines);
}

bool http_new(const char *ca_file, const char *proxy, struct http **out, struct error *err)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return error_set(err, ERROR_FAILED, "cannot initialise libcurl");

	CLEANUP(http_cleanup) struct http *http = calloc(1, sizeof(*http));

	if (http == NULL) {
		curl_global_cleanup();
		return error_errno(err, "cannot allocate");
	}
	http->curl = curl_easy_init();
	http->ca_file = strdup(ca_file == NULL ? "" : ca_file);
	http->proxy = strdup(proxy == NULL ? "" : proxy);
	if (http->curl == NULL || http->ca_file == NULL || http->proxy == NULL)
		return error_set(err, ERROR_FAILED, "cannot allocate");
	*out = http;
	http = NULL;
	return true;
}

void http_free(struct http *http)
{
	if (http == NULL)
		return;
	curl_easy_cleanup(http->curl);
	free(http->ca_file);
	free(http->proxy);
	free(http);
	curl_global_cleanup();
}

void http_cleanup(struct http **http)
{
	http_free(*http);
}

/* The host of URL, for people; refuses what is not https or names a user. */
static bool host_of(const char *text, char host[static HOST_MAX], struct error *err)
{
	CLEANUP(url_cleanup) CURLU *url = curl_url();
	CLEANUP(text_cleanup) char *scheme = NULL;
	CLEANUP(text_cleanup) char *user = NULL;
	CLEANUP(text_cleanup) char *name = NULL;
	CLEANUP(text_cleanup) char *port = NULL;

	if (url == NULL)
		return error_set(err, ERROR_FAILED, "cannot allocate");
	if (curl_url_set(url, CURLUPART_URL, text, CURLU_PATH_AS_IS | CURLU_NON_SUPPORT_SCHEME)
			!= CURLUE_OK
		|| curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK
		|| curl_url_get(url, CURLUPART_HOST, &name, 0) != CURLUE_OK)
		return error_set(err, ERROR_USAGE, "not a URL");

	const bool has_port = curl_url_get(url, CURLUPART_PORT, &port, 0) == CURLUE_OK;

	(void)snprintf(host, HOST_MAX, "%.255s%s%.8s", name, has_port ? ":" : "",
		has_port ? port : "");
	if (strcmp(scheme, "https") != 0)
		return error_set(
			err, ERROR_USAGE, "%s: only https is spoken, not %.16s", host, scheme);
	if (curl_url_get(url, CURLUPART_USER, &user, 0) == CURLUE_OK)
		return error_set(err, ERROR_USAGE, "%s: no user name may stand in a URL", host);
	return true;
}

/* ---- what is sent ---- */

/* Nothing in a header line may begin another one. */
static bool is_line(const char *text)
{
	for (; *text != 0; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

static bool add_line(
	struct curl_slist **lines, const char *name, const char *value, struct error *err)
{
	const size_t room = strlen(name) + strlen(value) + 1;

	if (!is_line(name) || !is_line(value))
		return error_set(
			err, ERROR_USAGE, "a request header holds a control character");

	char *const line = malloc(room);

	if (line == NULL)
		return error_errno(err, "cannot allocate");
	(void)snprintf(line, room, "%s%s", name, value);

	struct curl_slist *const more = curl_slist_append(*lines, line);

	secret_wipe_bytes(line, room);
	free(line);
	if (more == NULL)
		return error_set(err, ERROR_FAILED, "cannot allocate");
	*lines = more;
	return true;
}

static bool add_lines(
	struct curl_slist **lines, const struct http_request *request, struct error *err)
{
	/* A name without value keeps libcurl from sending its own. */
	const bool typed = request->content_type != NULL;

	if (!add_line(lines, typed ? "Content-Type: " : "Content-Type:",
		    typed ? request->content_type : "", err)
		|| !add_line(lines, "Expect:", "", err))
		return false;
	if (request->bearer != NULL
		&& !add_line(lines, "Authorization: Bearer ", request->bearer, err))
		return false;
	for (size_t i = 0; i < COUNT(request->headers) && request->headers[i] != NULL; i++)
		if (!add_line(lines, request->headers[i], "", err))
			return false;
	return true;
}

/* ---- what comes back ---- */

/* NOLINTNEXTLINE(readability-non-const-parameter): as libcurl has it */
static size_t on_header(char *at, size_t size, size_t count, void *self)
{
	struct exchange *const exchange = self;
	const struct bytes bytes = {(const uint8_t *)at, size * count};
	char line[2048];
	size_t kept = bytes.len < sizeof(line) ? bytes.len : sizeof(line) - 1;

	memcpy(line, bytes.at, kept);
	while (kept > 0 && strchr("\r\n \t", line[kept - 1]) != NULL)
		kept--;
	line[kept] = 0;
	if (bytes.len < sizeof(line)) /* a longer one is none that we know */
		http_take_header(&exchange->response, line);
	return bytes.len;
}

static bool take_body(struct exchange *exchange, struct bytes bytes, struct error *err)
{
	struct buf *const body = &exchange->response.body;
	const bool fetching = exchange->sink.write != NULL;

	if (fetching && http_delivered(exchange->request, &exchange->response))
		return exchange->sink.write(exchange->sink.self, bytes, err);
	if (fetching && bytes.len > STRAY_MAX - body->len) {
		exchange->cut = true;
		return false;
	}
	if (bytes.len > HTTP_BODY_MAX - body->len)
		return error_set(err, ERROR_MALFORMED, "the answer is larger than %d bytes",
			HTTP_BODY_MAX);
	return http_keep_body(body, bytes, err);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): as libcurl has it */
static size_t on_body(char *at, size_t size, size_t count, void *self)
{
	struct exchange *const exchange = self;
	const struct bytes bytes = {(const uint8_t *)at, size * count};

	if (take_body(exchange, bytes, &exchange->err))
		return bytes.len;
	exchange->stopped = !exchange->cut;
	return bytes.len == 0 ? 1 : 0;
}

/* ---- the request ---- */

static bool has_options(CURL *curl, const struct http_request *request)
{
	char range[32];

	(void)snprintf(range, sizeof(range), "%llu-", (unsigned long long)request->offset);
	return curl_easy_setopt(curl, CURLOPT_URL, request->url) == CURLE_OK
		&& curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method) == CURLE_OK
		&& (request->body.at == NULL
			|| (curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
				    (curl_off_t)request->body.len)
					== CURLE_OK
				&& curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body.at)
					== CURLE_OK))
		&& (request->offset == 0
			|| curl_easy_setopt(curl, CURLOPT_RANGE, range) == CURLE_OK);
}

/* What holds for every request. */
static bool has_policy(struct http *http, bool fetching)
{
	static const struct {
		CURLoption option;
		long value;
	} policy[] = {
		{CURLOPT_NOSIGNAL, 1},
		{CURLOPT_FOLLOWLOCATION, 0},
		{CURLOPT_PATH_AS_IS, 1},
		{CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
		{CURLOPT_SSL_VERIFYPEER, 1},
		{CURLOPT_SSL_VERIFYHOST, 2},
		{CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
		{CURLOPT_SUPPRESS_CONNECT_HEADERS, 1},
		{CURLOPT_CONNECTTIMEOUT_MS, HTTP_CONNECT_MS},
		{CURLOPT_LOW_SPEED_LIMIT, 1},
		{CURLOPT_LOW_SPEED_TIME, HTTP_STALL_MS / 1000},
		{CURLOPT_TCP_KEEPALIVE, 1},
	};
	CURL *const curl = http->curl;

	for (size_t i = 0; i < COUNT(policy); i++)
		if (curl_easy_setopt(curl, policy[i].option, policy[i].value) != CURLE_OK)
			return false;
	return curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK
		&& curl_easy_setopt(curl, CURLOPT_USERAGENT, "courier/" COURIER_VERSION)
		== CURLE_OK
		/* An empty text, unlike none, also forbids the environment's proxy. */
		&& curl_easy_setopt(curl, CURLOPT_PROXY, http->proxy) == CURLE_OK
		&& (http->ca_file[0] == 0
			|| curl_easy_setopt(curl, CURLOPT_CAINFO, http->ca_file) == CURLE_OK)
		/* An artifact may take as long as it keeps coming. */
		&& curl_easy_setopt(
			   curl, CURLOPT_TIMEOUT_MS, fetching ? 0L : (long)HTTP_ANSWER_MS)
		== CURLE_OK
		&& curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, http->trouble) == CURLE_OK;
}

static bool has_callbacks(CURL *curl, struct exchange *exchange, struct curl_slist *lines)
{
	return curl_easy_setopt(curl, CURLOPT_HTTPHEADER, lines) == CURLE_OK
		&& curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK
		&& curl_easy_setopt(curl, CURLOPT_HEADERDATA, exchange) == CURLE_OK
		&& curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK
		&& curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange) == CURLE_OK;
}

/* libcurl's reasons in words a technician can act on. */
static const struct {
	CURLcode curl;
	enum error_code code;
	const char *words;
	bool detail; /* libcurl's own words say more */
} reasons[] = {
	{CURLE_COULDNT_RESOLVE_HOST, ERROR_FAILED, "unknown host, or no network", false},
	{CURLE_COULDNT_RESOLVE_PROXY, ERROR_FAILED, "the proxy's host is unknown", false},
	{CURLE_OPERATION_TIMEDOUT, ERROR_TIMEOUT, "timed out", false},
	{CURLE_PEER_FAILED_VERIFICATION, ERROR_FAILED, "TLS certificate not trusted", true},
	{CURLE_SSL_CACERT_BADFILE, ERROR_FAILED, "cannot read the file of authorities", true},
	{CURLE_SSL_CONNECT_ERROR, ERROR_FAILED, "TLS handshake failed", true},
	{CURLE_GOT_NOTHING, ERROR_FAILED, "closed the connection without an answer", false},
	{CURLE_PARTIAL_FILE, ERROR_FAILED, "connection lost in the middle of an answer", false},
	{CURLE_RECV_ERROR, ERROR_FAILED, "connection lost", false},
	{CURLE_SEND_ERROR, ERROR_FAILED, "connection lost while sending", false},
	{CURLE_WEIRD_SERVER_REPLY, ERROR_FAILED, "does not speak HTTP", false},
};

static bool no_answer(struct http *http, CURLcode code, const char *host, struct error *err)
{
	long os_error = 0;

	if (code == CURLE_COULDNT_CONNECT
		&& curl_easy_getinfo(http->curl, CURLINFO_OS_ERRNO, &os_error) == CURLE_OK
		&& os_error != 0) {
		errno = (int)os_error;
		return error_errno(err, "%s: cannot connect", host);
	}
	for (size_t i = 0; i < COUNT(reasons); i++)
		if (reasons[i].curl == code)
			return error_set(err, reasons[i].code, "%s: %s%s%.200s", host,
				reasons[i].words, reasons[i].detail ? ": " : "",
				reasons[i].detail ? http->trouble : "");
	return error_set(err, ERROR_FAILED, "%s: %s", host, curl_easy_strerror(code));
}

static void take_retry_after(struct http *http, struct http_response *response)
{
	curl_off_t seconds = 0;

	if (curl_easy_getinfo(http->curl, CURLINFO_RETRY_AFTER, &seconds) == CURLE_OK
		&& seconds > 0)
		response->retry_after_s = seconds < RETRY_AFTER_MAX ? seconds : RETRY_AFTER_MAX;
}

static bool perform(
	struct http *http, struct exchange *exchange, const char *host, struct error *err)
{
	CLEANUP(lines_cleanup) struct curl_slist *lines = NULL;

	curl_easy_reset(http->curl);
	http->trouble[0] = 0;
	if (!add_lines(&lines, exchange->request, err))
		return error_while(err, "%s", host);
	if (!has_policy(http, exchange->sink.write != NULL)
		|| !has_options(http->curl, exchange->request)
		|| !has_callbacks(http->curl, exchange, lines))
		return error_set(err, ERROR_FAILED, "%s: cannot prepare the request", host);

	const CURLcode code = curl_easy_perform(http->curl);

	if (exchange->stopped)
		return error_set(err, exchange->err.code, "%s", exchange->err.text);
	if (code != CURLE_OK && !exchange->cut)
		return no_answer(http, code, host, err);
	take_retry_after(http, &exchange->response);
	curl_easy_reset(http->curl); /* LINES go now */
	return true;
}

static bool exchange_run(struct http *http, struct exchange *exchange,
	struct http_response *out, struct error *err)
{
	char host[HOST_MAX];

	if (!host_of(exchange->request->url, host, err))
		return false;

	const bool ok = perform(http, exchange, host, err);

	if (ok)
		*out = exchange->response;
	else
		http_response_free(&exchange->response);
	return ok;
}

bool http_send(struct http *http, const struct http_request *request,
	struct http_response *response, struct error *err)
{
	struct exchange exchange = {.request = request};

	return exchange_run(http, &exchange, response, err);
}

bool http_fetch(struct http *http, const struct http_request *request, struct sink sink,
	struct http_response *response, struct error *err)
{
	struct exchange exchange = {.request = request, .sink = sink};

	return exchange_run(http, &exchange, response, err);
}
