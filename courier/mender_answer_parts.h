/*
 * mender_answer_parts.h - what the readers of answers share among themselves.
 */
#ifndef COURIER_MENDER_ANSWER_PARTS_H
#define COURIER_MENDER_ANSWER_PARTS_H

#include "courier/mender_answer.h"

/* json_parse(), and say whose words these were. */
NODISCARD bool mender_parse(struct bytes body, struct json **, struct error *);

/* A member that is a valid id. */
NODISCARD bool mender_need_id(const struct json *object, const char *name,
	char id[static ADMIN_ID_MAX + 1], struct error *);

#endif
