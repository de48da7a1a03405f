/*
 * survey.h - what the device is at this moment: identity, device type, provides and
 * inventory, asked of its scripts.  They may take their time, so they run in a child,
 * which prints one JSON object.
 */
#ifndef DEVICE_LINK_AGENT_SURVEY_H
#define DEVICE_LINK_AGENT_SURVEY_H

#include "device-link/agent/agent_settings.h"

enum { SURVEY_ATTRIBUTES_SIZE = 24 * 1024 /* bytes of attributes; the rest is dropped */ };

struct survey {
	char *identity;       /* canonical JSON object; "{}" when the script failed */
	struct digest digest; /* of it */
	char *device_type, *artifact_name;
	struct artifact_pairs provides; /* device_type and artifact_name among them */
	struct json *attributes;        /* array of {"name", "value"} */
	bool good;                      /* identity, device type and provides are known */
	char why[256];                  /* if not: what is wrong */
};

/* For process_start_function(); SELF is a const struct agent_settings.  What failed is
 * also told on stderr, a line each. */
int survey_child(void *self);

/* What the child printed. */
NODISCARD bool survey_parse(struct bytes, struct survey *, struct error *);
/* Ask in this very process, for commands; what failed is told on stderr. */
NODISCARD bool survey_now(const struct agent_settings *, struct survey *, struct error *);
void survey_free(struct survey *); /* caller's memory; zero is fine */

/* What the command for it tells, within *LEFT_MS (scripts_run()); without one, what the agent
 * keeps itself: provides.json. */
NODISCARD bool survey_provides(
	const struct agent_settings *, int *left_ms, struct artifact_pairs *, struct error *);
/* After a commit. */
NODISCARD bool survey_apply(
	const struct agent_settings *, const struct artifact *, struct error *);

#endif
