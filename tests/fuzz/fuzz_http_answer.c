/*
 * Header lines of a server, one a line of the input.  Whatever was understood, said again
 * in the plainest way, is understood as the same; a range lies within its whole; a body is
 * kept as it came, in whatever pieces.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "courier/http_answer.h"
#include "tests/fuzz/fuzz.h"

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* The next line of TEXT in LINE, as libcurl gives one: without NUL, whole or not at all. */
static bool next_line(struct bytes *text, char *line, size_t room)
{
	const uint8_t *const end = text->len == 0 ? NULL : memchr(text->at, '\n', text->len);
	const size_t len = end == NULL ? text->len : (size_t)(end - text->at);

	if (text->len == 0)
		return false;
	(void)snprintf(line, room, "%.*s", len < room ? (int)len : 0, (const char *)text->at);
	text->at += end == NULL ? len : len + 1;
	text->len -= end == NULL ? len : len + 1;
	return true;
}

static void say(struct http_response *to, const char *name, const char *value)
{
	char line[2048];

	(void)snprintf(line, sizeof(line), "%s%s", name, value);
	http_take_header(to, line);
}

static void say_again(const struct http_response *heard, struct http_response *again)
{
	char line[128];

	(void)snprintf(line, sizeof(line), "HTTP/1.1 %ld", heard->status);
	http_take_header(again, line);
	say(again, "content-type:", heard->content_type);
	say(again, "LOCATION: ", heard->location);
	say(again, "Link:\t", heard->link);
	if (heard->range_total > heard->range_first)
		(void)snprintf(line, sizeof(line), "Content-Range: bytes %llu-%llu/%llu",
			(unsigned long long)heard->range_first,
			(unsigned long long)heard->range_first,
			(unsigned long long)heard->range_total);
	else
		(void)snprintf(line, sizeof(line), "Content-Range: bytes */%llu",
			(unsigned long long)heard->range_total);
	http_take_header(again, line);
}

static void check_headers(const struct http_response *heard)
{
	struct http_response again = {0};
	const struct http_request from = {.offset = heard->range_first};

	must(heard->range_total == 0 ? heard->range_first == 0
				     : heard->range_first < heard->range_total);
	say_again(heard, &again);
	must(again.status == heard->status);
	must(strcmp(again.content_type, heard->content_type) == 0);
	must(strcmp(again.location, heard->location) == 0);
	must(strcmp(again.link, heard->link) == 0);
	must(again.range_first == heard->range_first);
	must(again.range_total == heard->range_total);
	must(heard->status != 206 || http_delivered(&from, heard) == (heard->range_total > 0));
	http_response_free(&again);
}

static void check_body(struct bytes input)
{
	struct http_response response = {0};
	struct bytes rest = input;
	struct error err = {0};

	while (rest.len > 0) {
		const size_t wanted = (size_t)rest.at[0] * rest.at[0] + 1;
		const size_t piece = wanted < rest.len ? wanted : rest.len;

		must(http_keep_body(&response.body, (struct bytes){rest.at, piece}, &err));
		rest = (struct bytes){rest.at + piece, rest.len - piece};
	}
	must(bytes_equal(buf_bytes(&response.body), input));
	http_response_free(&response);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	struct http_response heard = {0};
	struct bytes text = {at, len};
	char line[2048];

	while (next_line(&text, line, sizeof(line)))
		http_take_header(&heard, line);
	check_headers(&heard);
	http_response_free(&heard);
	check_body((struct bytes){at, len});
	return 0;
}
