#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "courier/output.h"

enum { COLUMNS_MAX = 78 /* bytes of a progress line */ };

/* The terminal is one, whatever number of threads talk to it; this is its lock and
 * the number of progress lines now on it. */
static pthread_mutex_t terminal = PTHREAD_MUTEX_INITIALIZER;
static size_t rows_shown;

struct output output_new(bool json, bool verbose)
{
	const char *const term = getenv("TERM");
	const bool dumb = term == NULL || strcmp(term, "dumb") == 0;
	const char *const no_color = getenv("NO_COLOR");

	return (struct output){
		.json = json,
		.verbose = verbose,
		.color = !json && !dumb && (no_color == NULL || no_color[0] == 0)
			&& isatty(STDOUT_FILENO) == 1,
		.progress = !json && !dumb && isatty(STDERR_FILENO) == 1,
	};
}

/* Forget the progress lines: move above them and clear to the end of the screen. */
static void clear_progress(void)
{
	if (rows_shown > 0)
		fprintf(stderr, "\033[%zuA\033[J", rows_shown);
	rows_shown = 0;
}

/* What foreign text may do to a terminal: nothing.  U+0080 to U+009F are control characters,
 * too: C2 80 to C2 9F.  At most MAX bytes of it, and no half of a character. */
static void put_safely(FILE *stream, const char *text, size_t max)
{
	const unsigned char *const at = (const unsigned char *)text;
	size_t len = strnlen(text, max);

	if (len == max)
		while (len > 0 && (at[len] & 0xc0) == 0x80)
			len--;
	for (size_t i = 0; i < len; i++) {
		const bool wide = at[i] == 0xc2 && at[i + 1] >= 0x80 && at[i + 1] <= 0x9f;

		(void)fputc(at[i] < 0x20 || at[i] == 0x7f || wide ? '?' : at[i], stream);
		i += wide;
	}
}

static void put_line(FILE *stream, const char *text)
{
	put_safely(stream, text, SIZE_MAX);
	(void)fputc('\n', stream);
}

void output_fact(const struct output *output, const struct json *object, const char *text)
{
	CLEANUP(buf_free) struct buf line = {0};
	struct error err = {0};

	pthread_mutex_lock(&terminal);
	clear_progress();
	if (!output->json)
		put_line(stdout, text);
	else if (json_print(object, &line, &err) && buf_append(&line, bytes_of("\n"), &err))
		(void)fwrite(line.at, 1, line.len, stdout);
	else
		fprintf(stderr, "%s: %s\n", program_invocation_short_name, err.text);
	(void)fflush(stdout);
	pthread_mutex_unlock(&terminal);
}

void output_add(struct json *object, const char *name, const char *text)
{
	if (text != NULL && text[0] != 0)
		json_add_string(object, name, text);
}

static void say(const char *fmt, va_list args)
{
	char text[1024];

	(void)vsnprintf(text, sizeof(text), fmt, args);
	pthread_mutex_lock(&terminal);
	clear_progress();
	(void)fputs(program_invocation_short_name, stderr);
	(void)fputs(": ", stderr);
	put_line(stderr, text);
	pthread_mutex_unlock(&terminal);
}

void output_say(const struct output *output, const char *fmt, ...)
{
	va_list args;

	(void)output;
	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
}

void output_trace(const struct output *output, const char *fmt, ...)
{
	va_list args;

	if (!output->verbose)
		return;
	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
}

void output_progress(const struct output *output, size_t row, size_t rows, const char *text)
{
	if (!output->progress || row >= rows)
		return;
	pthread_mutex_lock(&terminal);
	while (rows_shown < rows) {
		(void)fputc('\n', stderr);
		rows_shown++;
	}
	fprintf(stderr, "\033[%zuA\r\033[K", rows_shown - row);
	put_safely(stderr, text, COLUMNS_MAX);
	fprintf(stderr, "\033[%zuB\r", rows_shown - row);
	pthread_mutex_unlock(&terminal);
}

void output_progress_end(const struct output *output)
{
	if (!output->progress)
		return;
	pthread_mutex_lock(&terminal);
	clear_progress();
	pthread_mutex_unlock(&terminal);
}

void output_size(uint64_t bytes, char text[static 32])
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 999.5 && unit + 1 < COUNT(units)) {
		value /= 1000;
		unit++;
	}
	(void)snprintf(text, 32, unit == 0 || value >= 99.5 ? "%.0f %s" : "%.1f %s", value,
		units[unit]);
}

void output_duration(int64_t seconds, char text[static 32])
{
	const long long s = seconds < 0 ? 0 : (long long)seconds;

	if (s < 60)
		(void)snprintf(text, 32, "%lld s", s);
	else if (s < 3600)
		(void)snprintf(text, 32, "%lld min %lld s", s / 60, s % 60);
	else if (s < 86400)
		(void)snprintf(text, 32, "%lld h %lld min", s / 3600, s % 3600 / 60);
	else
		(void)snprintf(text, 32, "%lld d %lld h", s / 86400, s % 86400 / 3600);
}

void output_time(int64_t unix_seconds, char text[static 32])
{
	const time_t at = (time_t)unix_seconds;
	struct tm utc;

	if (gmtime_r(&at, &utc) == NULL || strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
		(void)snprintf(text, 32, "%lld", (long long)unix_seconds);
}
