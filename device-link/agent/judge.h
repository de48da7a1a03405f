/*
 * judge.h - may this courier visit?  Pure: design "Time without a clock".
 *
 * TLS has judged chain and role.  What is left is judged in this order: revocation
 * and group without time; then the floor is raised by the certificate's notBefore;
 * then notAfter is held against the later of clock and floor.
 */
#ifndef DEVICE_LINK_AGENT_JUDGE_H
#define DEVICE_LINK_AGENT_JUDGE_H

#include "device-link/message.h"

/* One signed statement raises the floor by no more than this. */
#define JUDGE_STEP_S (INT64_C(5) * 31557600)

/* The floor after a verified statement signed at AT (Unix seconds).  A floor of 0 was
 * never set: the first statement sets it. */
int64_t judge_floor(int64_t floor, int64_t at);

struct judge_facts {
	bool revoked;
	bool in_group; /* also when the device has none */
	int64_t not_before, not_after;
	int64_t clock; /* RTC, Unix seconds: may be wrong both ways */
};

/* True: it may, and *FLOOR is raised.  False: *WHY; the floor is raised when it was time
 * that spoke against it, except for MESSAGE_REFUSED_NOT_YET. */
NODISCARD bool judge_courier(
	const struct judge_facts *, int64_t *floor, enum message_refusal *why);

#endif
