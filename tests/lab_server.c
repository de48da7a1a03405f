#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/file.h"
#include "courier/http.h"
#include "tests/lab_server.h"
#include "tests/test.h"

enum { LOG_MAX = 64 * 1024 * 1024 /* bytes of the request log */ };

const char *lab_environment(const char *name)
{
	const char *const value = getenv(name);

	if (value == NULL)
		fail_msg("%s is not set: run by tests/with_server.sh", name);
	return value;
}

void lab_run(struct buf *output, const char *verb, const char *arguments)
{
	CLEANUP(buf_free) struct buf command = {0};
	struct error err = {0};
	const char *text = NULL;
	char piece[4096];
	size_t got = 0;

	MUST(buf_print(&command, &err, "/usr/bin/python3 -B '%s' %s '%s' %s",
		lab_environment("LAB"), verb, lab_environment("LAB_DIR"), arguments));
	MUST(buf_text(&command, &text, &err));

	FILE *const pipe = popen(text, "r");

	assert_non_null(pipe);
	while ((got = fread(piece, 1, sizeof(piece), pipe)) > 0)
		MUST(buf_append(output, (struct bytes){(uint8_t *)piece, got}, &err));
	if (pclose(pipe) != 0)
		fail_msg("%s", text);
	while (output->len > 0 && output->at[output->len - 1] == '\n')
		output->len--;
}

/* The socket is reached through the directory's descriptor: its own path may be too long. */
static int connect_control(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct error err = {0};
	char path[256];

	MUST(file_path(path, sizeof(path), lab_environment("LAB_DIR"), "server", &err));

	CLEANUP(file_close) int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const int control = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(directory >= 0 && control >= 0);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/control",
		directory);
	assert_int_equal(
		connect(control, (const struct sockaddr *)&address, sizeof(address)), 0);
	return control;
}

void lab_control(const char *request)
{
	CLEANUP(file_close) int control = connect_control();
	char answer[4096] = "";
	size_t len = 0;

	assert_int_equal(dprintf(control, "%s\n", request), strlen(request) + 1);
	while (len + 1 < sizeof(answer) && memchr(answer, '\n', len) == NULL) {
		const ssize_t got = read(control, answer + len, sizeof(answer) - 1 - len);

		assert_true(got > 0);
		len += (size_t)got;
	}
	if (strstr(answer, "\"ok\": true") == NULL)
		fail_msg("%s: %s", request, answer);
}

void lab_fault(const char *fields)
{
	CLEANUP(buf_free) struct buf request = {0};
	struct error err = {0};
	const char *text = NULL;

	MUST(buf_print(&request, &err, "{\"do\": \"fault\", %s}", fields));
	MUST(buf_text(&request, &text, &err));
	lab_control(text);
}

static void read_token(char *token, size_t room)
{
	CLEANUP(buf_free) struct buf content = {0};
	struct error err = {0};

	MUST(file_read(lab_environment("LAB_TOKEN_FILE"), room - 1, &content, NULL, &err));
	memcpy(token, content.at, content.len);
	token[content.len] = 0;
	token[strcspn(token, "\n")] = 0;
}

void lab_manage(const char *method, const char *path, const char *body, long status)
{
	CLEANUP(http_response_free) struct http_response response = {0};
	CLEANUP(http_cleanup) struct http *http = NULL;
	char url[512], token[4096];
	struct error err = {0};

	read_token(token, sizeof(token));
	(void)snprintf(url, sizeof(url), "%s%s", lab_environment("LAB_URL"), path);
	MUST(http_new(lab_environment("LAB_CA"), NULL, &http, &err));

	const struct http_request request = {
		.method = method,
		.url = url,
		.body = body == NULL ? (struct bytes){0} : bytes_of(body),
		.content_type = "application/json",
		.bearer = token,
	};

	MUST(http_send(http, &request, &response, &err));
	assert_int_equal(response.status, status);
}

static bool holds(const struct json *line, const char *text)
{
	char request[1024];

	(void)snprintf(request, sizeof(request), "%s %s",
		json_string(json_member(line, "method")),
		json_string(json_member(line, "path")));
	return strstr(request, text) != NULL;
}

size_t lab_requests(const char *text, struct json **last)
{
	CLEANUP(buf_free) struct buf log = {0};
	struct error err = {0};
	size_t count = 0;
	char path[256];

	MUST(file_path(
		path, sizeof(path), lab_environment("LAB_DIR"), "server/requests.jsonl", &err));
	MUST(file_read(path, LOG_MAX, &log, NULL, &err));
	for (size_t at = 0; at < log.len;) {
		const uint8_t *const end = memchr(log.at + at, '\n', log.len - at);
		CLEANUP(json_cleanup) struct json *line = NULL;

		assert_non_null(end);

		const struct bytes bytes = {log.at + at, (size_t)(end - log.at) - at};

		MUST(json_parse(bytes, JSON_FOREIGN, &line, &err));
		at += bytes.len + 1;
		if (!holds(line, text))
			continue;
		count++;
		if (last != NULL) {
			json_cleanup(last);
			*last = line;
			line = NULL;
		}
	}
	return count;
}
