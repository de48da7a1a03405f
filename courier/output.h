/*
 * output.h - what a person or a script sees: stdout is data, stderr is talk.
 *
 * With --json each fact is one JSON object a line on stdout.  Without, the same fact
 * is a line of text.  Progress goes to stderr, only to a terminal, and only
 * without --json.  Thread-safe.  NO_COLOR and TERM=dumb are honoured.
 */
#ifndef COURIER_OUTPUT_H
#define COURIER_OUTPUT_H

#include <stdio.h>

#include "common/json.h"

struct output {
	bool json;
	bool verbose;
	bool color;    /* stdout is a terminal that takes it */
	bool progress; /* stderr is a terminal */
};

struct output output_new(bool json, bool verbose);

/* One fact: the object in JSON mode, else the text (with a newline added).  Takes
 * neither. */
void output_fact(const struct output *, const struct json *object, const char *text);

/* Add a member to an object unless TEXT is NULL or empty. */
void output_add(struct json *object, const char *name, const char *text);

/* Talk to stderr: "PROGRAM: TEXT". */
void output_say(const struct output *, const char *fmt, ...) PRINTF(2, 3);
/* The same, only when verbose. */
void output_trace(const struct output *, const char *fmt, ...) PRINTF(2, 3);

/* Replace the progress line of row ROW (0 and up) out of ROWS; nothing when there is
 * no terminal. */
void output_progress(const struct output *, size_t row, size_t rows, const char *text);
/* Clear the progress lines before something else is said. */
void output_progress_end(const struct output *);

/* "1.2 MB", "3 min 20 s", "2026-11-22T10:00:00Z": into TEXT of at least 32. */
void output_size(uint64_t bytes, char text[static 32]);
void output_duration(int64_t seconds, char text[static 32]);
void output_time(int64_t unix_seconds, char text[static 32]);

#endif
