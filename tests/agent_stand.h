/*
 * agent_stand.h - the real courier-agent on one end of a cable, a courier made of
 * visit and channel on the other.
 */
#ifndef TESTS_AGENT_STAND_H
#define TESTS_AGENT_STAND_H

#include <limits.h>
#include <sys/types.h>

#include "common/statement.h"
#include "device-link/visit.h"
#include "tests/fleet.h"

enum { STAND_KEPT = 64, STAND_PHASES = 64 };

/* The fleet, its couriers and the artifacts: made once. */
struct stand_world {
	struct fleet fleet;
	struct party device, courier, stranger;
	char artifacts[64]; /* directory */
	pid_t agent;        /* that runs now; 0: none */
};

struct stand {
	struct stand_world *world;
	char directory[64];
	pid_t agent;         /* 0: does not run */
	int cable;           /* our end */
	char name[PATH_MAX]; /* of the device's end */

	/* what the courier brings */
	const struct party *courier; /* who it is */
	struct buf artifact;
	struct buf crl;         /* empty: none */
	struct buf chain;       /* likewise: for the device */
	struct buf time;        /* likewise: a signed time */
	struct buf set;         /* likewise: TUF metadata, offered with the artifact */
	const char *deployment; /* NULL: nothing to offer */
	uint8_t flags;
	bool wrong_digest, wrong_bytes;
	bool wrong_set;      /* other bytes than were offered */
	uint64_t cut_at;     /* bytes sent after which the cable is pulled; 0: never */
	uint64_t cut_set_at; /* the same of the metadata */
	bool identify;
	bool mute;    /* opens the channel, and says nothing */
	bool lame;    /* listens, and says nothing after HELLO */
	bool trickle; /* gives what is asked for by the byte, one a second */
	bool mortal;  /* the agent may die at any time: then the visit ends, KILLED */
	int kill_ms;  /* kill -9 the agent so long after the visit began; 0: never */

	/* what it got */
	struct receipt kept[STAND_KEPT];
	struct buf logs[STAND_KEPT];
	size_t inventories[STAND_KEPT]; /* bytes that came with each */
	size_t kept_count;
	uint64_t newest; /* sequence */
	enum message_phase phases[STAND_PHASES];
	size_t phase_count;
	char text[MESSAGE_TEXT_MAX + 1]; /* of the last STATE */
	uint8_t code;                    /* likewise */
	struct inventory inventory;
	bool certified;
	struct identity identity; /* of one that is not */
	uint64_t sent, first;     /* bytes of artifact sent; offset of the first */
	uint64_t sent_set;        /* bytes of metadata sent */
	bool refused;
	struct error why; /* how a visit failed */
};

int stand_world_make(void **state);
int stand_world_remove(void **state);
/* After each test: an agent that a failure left behind is ended. */
int stand_world_quiet(void **state);

/* A device as the factory ships it, certified in group "north"; no agent runs yet. */
void stand_begin(struct stand *, struct stand_world *);
void stand_end(struct stand *);

/* Write courier-agent.conf: AGENT lines go to [agent], the rest as they stand. */
void stand_configure(struct stand *, const char *agent, const char *rest);
/* An executable script NAME of BODY below the stand's directory. */
void stand_script(const struct stand *, const char *name, const char *body);
void stand_write(const struct stand *, const char *name, const char *text);
/* The content of NAME; empty when there is none. */
void stand_read(const struct stand *, const char *name, char *text, size_t room);

void stand_start(struct stand *); /* its pid is in the file agent.pid */
void stand_kill(struct stand *);  /* -9 */
void stand_stop(struct stand *);  /* in order: it must exit 0 */
void stand_reap(struct stand *);  /* it is expected to end by itself */
/* A courier-agent command; its exit status, stdout in OUT if not NULL. */
int stand_command(
	const struct stand *, const char *command, const char *option, struct buf *out);

void stand_plug(struct stand *); /* a new cable */

/* The errand: ARTIFACT by name, for DEPLOYMENT. */
void stand_load(struct stand *, const char *artifact, const char *deployment);

enum stand_end {
	STAND_DONE,
	STAND_REBOOTING,
	STAND_FAILED,
	STAND_CUT,
	STAND_LATE,
	STAND_KILLED
};
/* One visit, or the attempt; LATE after SECONDS. */
enum stand_end stand_visit(struct stand *, int seconds);
/* A visit must end this way. */
void stand_expect(struct stand *, enum stand_end);

/* The newest receipt. */
const struct receipt *stand_last(const struct stand *);
bool stand_saw(const struct stand *, enum message_phase);

#endif
