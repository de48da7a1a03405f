/*
 * sync_parts.h - what the files of sync share.
 *
 * Every device has a talk with its server: outcomes, inventory, next, claim
 * (sync_talk.c, sync_report.c, sync_inventory.c, sync_want.c).  Every artifact that
 * somebody then wants is fetched and verified, once, whatever the number of devices
 * that want it (sync_fetch.c).  Repositories vouch for both (sync_vouch.c).  Threads share this
 * work (sync_pool.c).  Last the courier speaks for itself (sync_courier.c).  All of it may be
 * interrupted at any instant: what was done is in the store, and the next sync does the rest.
 */
#ifndef COURIER_SYNC_PARTS_H
#define COURIER_SYNC_PARTS_H

#include <pthread.h>
#include <stdatomic.h>

#include "courier/control.h"
#include "courier/sync.h"

/* One device of this sync; one thread at a time has it. */
struct sync_job {
	char device[CERTIFICATE_ID_MAX + 1];
	struct sync_result result; /* its texts are those below */
	char *artifact, *problem;  /* owned; NULL none */
	bool wants_fetch;          /* of DEPLOYMENT's artifact, kept as BLOB */
	char *deployment, *blob;   /* owned; NULL none */
	bool listed; /* by the operator; else only its outcomes are our business */
	/* A colleague's: for what, and how, he asked `next`.  Owned; NULL none. */
	char *next_deployment, *next_request;
	/* What a repository says of its artifact: */
	bool is_vouched, is_indifferent; /* the device does not ask for it */
	struct digest vouched_digest;
	uint64_t vouched_size;
	char *limit; /* owned; NULL none */
};

/* One repository of this sync. */
struct sync_repository {
	struct repository *at; /* NULL: not to be had */
	struct error why;      /* code NONE: nothing is wrong */
	uint64_t control;      /* number of the bundle taken in from it; 0 none */
};

struct sync {
	struct store *store;
	const struct settings *settings;
	const struct sync_options *options;
	int64_t now;            /* Unix seconds, at the start */
	struct control control; /* what the operator said last */
	struct crypto_key *key; /* server key: ours for every device */
	struct crypto_public **artifact_keys;
	size_t artifact_key_count;
	struct sync_job *jobs;
	size_t job_count, job_room;
	pthread_mutex_t mutex; /* callbacks */
	struct sync_repository repositories[SETTINGS_REPOSITORIES_MAX];
	atomic_bool lacks_metadata; /* of some device */
};

/* What one thread has: its own connections. */
struct sync_hand {
	struct sync *sync;
	struct server *servers[SETTINGS_SERVERS_MAX]; /* opened at first need */
	struct http *http[SETTINGS_REPOSITORIES_MAX]; /* likewise */
};

/* ---- a talk: one device and its server ---- */

struct sync_talk {
	struct sync *sync;
	struct sync_job *job;
	struct server *server; /* the hand's */
	struct store_device device;
	struct server_device who;
	struct buf token_kept;      /* the token as the store has it */
	struct crypto_public *key;  /* of the device; NULL: not known */
	struct inventory inventory; /* the newest it signed */
	bool has_inventory;
};

NODISCARD bool sync_talk_begin(
	struct sync_hand *, struct sync_job *, struct sync_talk *, struct error *);
void sync_talk_done(struct sync_talk *);

/* To be called with the result of every call to the server: keeps its token before
 * anything else is done, and gives the result back. */
NODISCARD bool sync_keep_token(struct sync_talk *, bool result, struct error *);

/* The hand's connection to the server called NAME. */
NODISCARD bool sync_server(
	struct sync_hand *, const char *name, struct server **, struct error *);

/* All of a device's talk: the talk.  What goes wrong is noted in the job. */
void sync_talk(struct sync_hand *, struct sync_job *);
/* Note in the job what is wrong; TEXT is copied. */
void sync_problem(struct sync_job *, enum error_code, const char *text);
/* Note in job and store what went wrong with the device. */
void sync_note(struct sync_talk *, const struct error *);

/* ---- its parts ---- */

/* Report every outcome the server lacks.  False: something is still queued, and
 * `next` must not be asked. */
NODISCARD bool sync_report(struct sync_talk *, struct error *);

/* Send the inventory unless the server has it. */
NODISCARD bool sync_inventory(struct sync_talk *, struct error *);
/* The attributes of an inventory: who says so and from when, then what INVENTORY (may
 * be NULL) has.  NEWEST: the last outcome; NULL none.  OPEN: the parcel whose frozen
 * request a colleague needs; NULL none. */
NODISCARD bool sync_attributes(const struct sync_talk *, const struct inventory *inventory,
	const struct receipt *newest, const struct store_parcel *open, struct json **,
	struct error *);
/* What the device provides, as far as is known: of its inventory, else of what the
 * operator and its outcomes say.  *FOUND false: not enough to ask a server with. */
NODISCARD bool sync_provides(const struct sync_talk *, const struct receipt *newest,
	struct artifact_pairs *, bool *found, struct error *);

/* The newest terminal outcome that counts (verified), of any deployment. */
NODISCARD bool sync_newest(
	const struct sync_talk *, struct receipt *, bool *found, struct error *);

/* Ask what the device should run, keep it as a parcel, claim it. */
NODISCARD bool sync_want(struct sync_talk *, struct error *);
/* Ask again for DEPLOYMENT, whose frozen request is REQUEST: a fresh download URL. */
NODISCARD bool sync_want_again(struct sync_talk *, const struct store_parcel *,
	struct server_assignment *, struct error *);

/* ---- artifacts ---- */

/* One artifact and those who want it. */
struct sync_artifact {
	char *blob;             /* owned */
	struct sync_job **jobs; /* served together; one hand at a time has them */
	size_t job_count;
	bool verified; /* it is here, and this is what it says: */
	struct digest digest;
	uint64_t size, payload_size;
	char *facts;
	/* The pool's: */
	struct sync_job **wanting; /* to be served next */
	size_t wanting_count, room;
	bool busy, queued;
	struct sync_artifact *next;
};

/* Fetch and verify it unless that is done; the parcels of its jobs are READY then. */
void sync_fetch(struct sync_hand *, struct sync_artifact *);

/* ---- repositories ---- */

/* Refresh all; what is wrong with one is noted there. */
void sync_repositories_begin(struct sync *);
void sync_repositories_done(struct sync *);
/* Take in the courier's own control bundle, if one of them has a newer one. */
void sync_control(struct sync *);
/* Fetch what repositories say of the job's parcel, and compare; what is wrong is noted in
 * the job. */
void sync_vouch(struct sync_hand *, struct sync_job *);
/* The artifact is here: is it what sync_vouch() was told of? */
void sync_compare(struct sync_job *, const struct digest *, uint64_t size);
/* After all jobs: what was fetched is carried from now on.  False: something is wrong with
 * a repository. */
NODISCARD bool sync_repositories_end(struct sync *, struct error *);

/* ---- the pool ---- */

/* The talk of every job, and every artifact they want. */
void sync_all(struct sync *);
/* Close its connections. */
void sync_hand_done(struct sync_hand *);

/* ---- the last ---- */

/* The courier's own device at every server; newcomers' first login.  Failures are told
 * as results for the device "courier". */
void sync_courier(struct sync_hand *);

/* Hand a result to the caller, one at a time. */
void sync_tell(struct sync *, const struct sync_result *);
/* The job is over and told: free all but how it ended. */
void sync_job_end(struct sync_job *);

/* Drop every artifact that no parcel needs: the end of a sync. */
NODISCARD bool sync_sweep(struct store *, struct error *);

#endif
