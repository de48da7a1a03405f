/*
 * lab_server.h - the stand-in server that tests/with_server.sh started: what tests ask
 * of it beside the protocol they test.  Every function fails the test when it fails.
 */
#ifndef TESTS_LAB_SERVER_H
#define TESTS_LAB_SERVER_H

#include "common/json.h"

const char *lab_environment(const char *name);

/* The command `lab VERB DIR ARGUMENTS`; its output, without the last newline. */
void lab_run(struct buf *output, const char *verb, const char *arguments);

/* A request to the tests' own door, such as {"do": "clear"}. */
void lab_control(const char *request);
/* Switch a fault on: its fields without braces, such as "action": "reset-body". */
void lab_fault(const char *fields);

/* A call to the management API that must be answered with STATUS. */
void lab_manage(const char *method, const char *path, const char *body, long status);

/* How many requests there were whose method and path, "PUT /api/...", hold TEXT; the last
 * of them as the log has it, if LAST is not NULL. */
size_t lab_requests(const char *text, struct json **last);

#endif
