/* text.h - text that a struct owns. */
#ifndef COMMON_TEXT_H
#define COMMON_TEXT_H

#include "common/error.h"

/* Replace *AT, which may be NULL, by a copy of TEXT, which may be NULL. */
NODISCARD bool text_set(char **at, const char *text, struct error *);
/* Are both NULL, or the same text? */
bool text_same(const char *, const char *);
void text_cleanup(char **); /* for CLEANUP() */

#endif
