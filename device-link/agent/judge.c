#include "device-link/agent/judge.h"

int64_t judge_floor(int64_t floor, int64_t at)
{
	if (at <= floor)
		return floor;
	if (floor > 0 && at - floor > JUDGE_STEP_S)
		return floor + JUDGE_STEP_S;
	return at;
}

static bool refuse(enum message_refusal *why, enum message_refusal reason)
{
	*why = reason;
	return false;
}

bool judge_courier(const struct judge_facts *facts, int64_t *floor, enum message_refusal *why)
{
	if (facts->revoked)
		return refuse(why, MESSAGE_REFUSED_REVOKED);
	if (!facts->in_group)
		return refuse(why, MESSAGE_REFUSED_GROUP);
	if (*floor > 0 && facts->not_before > *floor
		&& facts->not_before - *floor > JUDGE_STEP_S)
		return refuse(why, MESSAGE_REFUSED_NOT_YET);
	*floor = judge_floor(*floor, facts->not_before);

	const int64_t now = facts->clock > *floor ? facts->clock : *floor;

	return now <= facts->not_after || refuse(why, MESSAGE_REFUSED_EXPIRED);
}
