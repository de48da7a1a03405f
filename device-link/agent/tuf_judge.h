/*
 * tuf_judge.h - does the repository direct this device to the artifact offered?  In a child
 * process, for it takes time and memory; what it found is a fact on disk: judged.json.
 */
#ifndef DEVICE_LINK_AGENT_TUF_JUDGE_H
#define DEVICE_LINK_AGENT_TUF_JUDGE_H

#include "device-link/agent/job.h"
#include "device-link/agent/trust.h"
#include "device-link/agent/tuf_store.h"

/* All borrowed. */
struct tuf_order {
	const struct agent_settings *settings;
	const struct trust *trust;
	const struct marks *marks;
	const struct job *job;
	const char *device_type;
	struct tuf_store *store;
	const char *carried; /* the set that came with the offer; NULL: none did */
	const char *fact;    /* where what was found is kept */
};

struct tuf_verdict {
	bool good;
	bool own; /* by the set the device had before, which is newer than what was carried */
	enum error_code code; /* why not */
	char why[512];        /* a sentence: why not, or what is remarkable; may be empty */
	int64_t issued;       /* when the newest statement in what was carried was signed; 0 */
	struct carried_mark mark;
	int64_t versions[TUF_KIND_COUNT];
	struct tuf_hashes hashes; /* of the artifact; only in the process that judged */
};

/* Judge, in this order: what was signed when raises the floor; what was carried is judged
 * by the later of clock and floor; if it is older than what the device has, the device's
 * own set is.  False only when it cannot be told. */
NODISCARD bool tuf_judge(const struct tuf_order *, struct tuf_verdict *, struct error *);

/* For process_start_function(); SELF is a struct tuf_order.  0 when FACT was written, else
 * an enum error_code, and why on stderr. */
int tuf_judge_child(void *self);

NODISCARD bool tuf_verdict_save(const char *path, const struct tuf_verdict *, struct error *);
NODISCARD bool tuf_verdict_load(const char *path, struct tuf_verdict *, struct error *);

/* What it says becomes part of the marks; they are not saved here. */
void tuf_verdict_mark(const struct tuf_verdict *, struct marks *);

#endif
