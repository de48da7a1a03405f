/*
 * http_answer.h - how an answer grows as its lines and bytes arrive; for http.c only.
 */
#ifndef COURIER_HTTP_ANSWER_H
#define COURIER_HTTP_ANSWER_H

#include "courier/http.h"

/* One header line, without its end.  A status line begins an answer anew: what came
 * before was an interim one. */
void http_take_header(struct http_response *, const char *line);

/* Append to a body that may be a token: nothing stays behind when it grows. */
NODISCARD bool http_keep_body(struct buf *, struct bytes, struct error *);

#endif
