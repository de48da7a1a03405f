#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"
#include "common/utf8.h"
#include "device-link/agent/job_log.h"

enum { LINE_MAX_BYTES = 1024 };

void job_log_clean(char *text)
{
	text[utf8_valid(bytes_of(text))] = 0;
	for (; *text != 0; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

static bool append(const char *path, struct bytes text, struct error *err)
{
	CLEANUP(file_close)
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	const struct sink sink = file_sink(&fd);

	if (fd < 0)
		return error_errno(err, "%s: cannot open", path);
	return sink.write(sink.self, text, err) || error_while(err, "%s", path);
}

/* A log that grew too long is cut to its newest part. */
static bool bound(const char *path, struct error *err)
{
	CLEANUP(buf_free) struct buf text = {0};
	struct stat there;

	if (stat(path, &there) != 0 || there.st_size < JOB_LOG_FILE_MAX)
		return true;
	return job_log_read(path, &text, err)
		&& file_replace(path, buf_bytes(&text), 0600, err);
}

bool job_log_say(const char *path, const char *text, struct error *err)
{
	CLEANUP(buf_free) struct buf line = {0};
	const time_t now = time(NULL);
	struct timespec up = {0};
	struct tm utc = {0};
	char stamp[32];

	(void)clock_gettime(CLOCK_BOOTTIME, &up);
	(void)gmtime_r(&now, &utc);
	(void)strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &utc);
	return buf_print(&line, err, "%s up %lld s: %s\n", stamp, (long long)up.tv_sec, text)
		&& append(path, buf_bytes(&line), err) && bound(path, err);
}

static bool add_line(struct buf *text, const char *name, struct bytes line, struct error *err)
{
	char clean[LINE_MAX_BYTES + 1];
	const size_t len = line.len < LINE_MAX_BYTES ? line.len : LINE_MAX_BYTES;

	for (size_t i = 0; i < len; i++)
		clean[i] = (char)(line.at[i] < 0x20 && line.at[i] != '\t' ? '?' : line.at[i]);
	clean[len] = 0;
	return len == 0 || buf_print(text, err, "%s: %s\n", name, clean);
}

bool job_log_output(const char *path, const char *name, struct bytes output, struct error *err)
{
	CLEANUP(buf_free) struct buf text = {0};

	while (output.len > 0) {
		const uint8_t *const end = memchr(output.at, '\n', output.len);
		const size_t len = end == NULL ? output.len : (size_t)(end - output.at);

		if (!add_line(&text, name, (struct bytes){output.at, len}, err))
			return false;
		output.at += end == NULL ? len : len + 1;
		output.len -= end == NULL ? len : len + 1;
	}
	return text.len == 0 || (append(path, buf_bytes(&text), err) && bound(path, err));
}

bool job_log_read(const char *path, struct buf *out, struct error *err)
{
	CLEANUP(buf_free) struct buf text = {0};
	bool found = false;

	if (!file_read(path, (size_t)2 * JOB_LOG_FILE_MAX, &text, &found, err))
		return false;
	if (text.len > JOB_LOG_MAX) {
		buf_drop(&text, text.len - JOB_LOG_MAX);

		const uint8_t *const end = memchr(text.at, '\n', text.len);

		buf_drop(&text, end == NULL ? 0 : (size_t)(end - text.at) + 1);
	}
	return buf_append(out, buf_bytes(&text), err);
}
