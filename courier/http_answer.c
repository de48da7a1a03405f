#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/secret.h"
#include "courier/http_answer.h"

void http_response_free(struct http_response *response)
{
	if (response->body.at != NULL)
		secret_wipe_bytes(response->body.at, response->body.room);
	buf_free(&response->body);
	*response = (struct http_response){0};
}

struct header {
	const char *name;
	void (*take)(struct http_response *, const char *value);
};

static void copy_value(char *to, size_t room, const char *value)
{
	(void)snprintf(to, room, "%s", value);
}

static void take_content_type(struct http_response *response, const char *value)
{
	copy_value(response->content_type, sizeof(response->content_type), value);
}

static void take_location(struct http_response *response, const char *value)
{
	copy_value(response->location, sizeof(response->location), value);
}

static void take_link(struct http_response *response, const char *value)
{
	copy_value(response->link, sizeof(response->link), value);
}

/* Decimal digits only, and no overflow. */
static bool take_number(const char **text, uint64_t *number)
{
	const char *at = *text;
	uint64_t sum = 0;

	for (; *at >= '0' && *at <= '9'; at++) {
		if (sum > (UINT64_MAX - 9) / 10)
			return false;
		sum = sum * 10 + (uint64_t)(*at - '0');
	}
	if (at == *text)
		return false;
	*text = at;
	*number = sum;
	return true;
}

/* "bytes 5-9/10", or with status 416 "bytes" and "*" and "/10" (RFC 9110, 14.4). */
static void take_content_range(struct http_response *response, const char *value)
{
	uint64_t first = 0, last = 0, total = 0;
	const char *at = value;

	if (strncasecmp(at, "bytes ", 6) != 0)
		return;
	at += 6;
	if (at[0] == '*') {
		at++;
	} else {
		if (!take_number(&at, &first) || *at++ != '-' || !take_number(&at, &last)
			|| last < first)
			return;
	}
	if (*at++ != '/' || !take_number(&at, &total) || *at != 0
		|| (value[6] != '*' && last >= total))
		return;
	response->range_first = first;
	response->range_total = total;
}

static const struct header headers[] = {
	{"content-type:", take_content_type},
	{"location:", take_location},
	{"link:", take_link},
	{"content-range:", take_content_range},
};

/* A header block begins anew after an interim answer (1xx). */
static void take_status(struct http_response *response, const char *line)
{
	const char *const space = strchr(line, ' ');

	http_response_free(response);
	response->status = space == NULL ? 0 : strtol(space, NULL, 10);
}

void http_take_header(struct http_response *response, const char *line)
{
	if (strncmp(line, "HTTP/", 5) == 0)
		take_status(response, line);
	for (size_t i = 0; i < COUNT(headers); i++) {
		const size_t len = strlen(headers[i].name);

		if (strncasecmp(line, headers[i].name, len) == 0)
			headers[i].take(response, line + len + strspn(line + len, " \t"));
	}
}

/* The body may be a token: nothing of it stays behind when it grows. */
bool http_keep_body(struct buf *body, struct bytes more, struct error *err)
{
	if (more.len > body->room - body->len) {
		struct buf larger = {0};

		if (!buf_reserve(&larger, body->len + more.len + 4096, err))
			return false;
		if (body->len > 0)
			memcpy(larger.at, body->at, body->len);
		larger.len = body->len;
		if (body->at != NULL)
			secret_wipe_bytes(body->at, body->room);
		buf_free(body);
		*body = larger;
	}
	return buf_append(body, more, err);
}

bool http_delivered(const struct http_request *request, const struct http_response *response)
{
	if (response->status == 200)
		return request->offset == 0;
	return response->status == 206 && response->range_total > 0
		&& response->range_first == request->offset;
}
