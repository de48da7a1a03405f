/*
 * agent_parts.h - the daemon's inside, for agent*.c only.
 *
 *	agent.c         its life and its loop
 *	agent_line.c    the cable, conversations, messages in and out
 *	agent_admit.c   may this courier visit?
 *	agent_visit.c   what a courier asks and offers (visit_device_host)
 *	agent_take.c    offers taken: a new job
 *	agent_tuf.c     metadata that come with offers
 *	agent_clock.c   the time as the operator tells it
 *	agent_work.c    the job: facts, actions, children
 *	agent_after.c   what follows when a child has ended
 *	agent_turn.c    from what was done, or could not be, to what comes next
 *	agent_survey.c  asking the scripts
 *	agent_receipt.c receipts, and what there is to say
 */
#ifndef DEVICE_LINK_AGENT_AGENT_PARTS_H
#define DEVICE_LINK_AGENT_AGENT_PARTS_H

#include "device-link/agent/agent.h"
#include "device-link/agent/agent_plan.h"
#include "device-link/agent/describe.h"
#include "device-link/agent/process.h"
#include "device-link/agent/ring.h"
#include "device-link/agent/spool.h"
#include "device-link/agent/tuf_judge.h"
#include "device-link/agent/work.h"
#include "device-link/channel.h"
#include "device-link/visit.h"

enum {
	AGENT_SAYINGS = 32,
	AGENT_GATE_MS = 60 * 1000,    /* between two questions to a gate that said later */
	AGENT_REOPEN_MS = 10 * 1000,  /* the longest wait before the cable is tried again */
	AGENT_SAY_MS = 5 * 1000,      /* for the last words before a reboot */
	AGENT_REBOOT_MS = 300 * 1000, /* for a reboot that was commanded to happen */
	AGENT_RETRY_MS = 10 * 1000,
	AGENT_QUIET_MS = 30 * 1000, /* for a courier whose turn it is; slow lines get more */
	AGENT_TRICKLE = 4096,       /* bytes of DATA in that time are too few */
};

/* Something the courier is to be told. */
struct agent_saying {
	uint64_t sequence; /* of a receipt; 0: a STATE */
	enum message_phase phase;
	uint32_t wait_s;
	enum error_code code; /* why it waits */
	char deployment[STATEMENT_DEPLOYMENT_MAX + 1];
	char text[MESSAGE_TEXT_MAX + 1];
};

/* What the one child under way is for. */
enum agent_purpose {
	PURPOSE_NONE,
	PURPOSE_GATE,
	PURPOSE_JUDGE,
	PURPOSE_VERIFY,
	PURPOSE_INSTALL,
	PURPOSE_COMMIT,
	PURPOSE_ROLL_BACK,
	PURPOSE_LOOK,
	PURPOSE_CHECK,
	PURPOSE_REBOOT,
};

/* The metadata of the job. */
struct agent_tuf {
	struct tuf_store store;
	struct spool *spool; /* while they come */
	bool hashed;         /* all of the spool file */
	uint64_t asked;      /* end of what was asked for */
	bool mismatched;     /* once already */
	bool judged;         /* the device is directed to the job's artifact: */
	bool own;            /* by the set it had before */
	char fact_path[PATH_MAX], set_path[PATH_MAX];
};

struct agent {
	const struct agent_settings *settings;
	struct trust trust;
	struct marks marks;
	struct ring ring;
	struct job job;
	char marks_path[PATH_MAX], job_path[PATH_MAX], log_path[PATH_MAX];
	char verified_path[PATH_MAX], work_path[PATH_MAX], file_path[PATH_MAX];
	char boot[STATEMENT_BOOT_MAX + 1]; /* of now */
	int64_t now_ms;
	int signals; /* a signalfd */
	bool stopping;

	/* the cable */
	struct channel *channel; /* NULL: waits to be opened */
	int64_t reopen_ms, reopen_wait_ms;
	struct error line_error; /* the last one said */
	struct session_identity identity;

	/* the conversation */
	struct visit_device_host host;
	struct visit_device *visit;
	bool met, accepted; /* a survey was ordered for it; ACCEPT was made */
	int64_t heard_ms;   /* its last message, or when it became its turn */
	size_t trickle;     /* bytes of DATA since then */
	bool carried;       /* the job's artifact was offered in it */
	bool new_chain;     /* a certificate came: use it from the next one on */
	struct job_courier visitor;
	struct agent_saying sayings[AGENT_SAYINGS];
	size_t saying_count;
	struct agent_saying said; /* the texts of the message given last */
	struct message_refused refusal;
	char refusal_text[MESSAGE_TEXT_MAX + 1];
	struct buf inventory, statement, envelope, log; /* of messages */
	struct process *blinker;

	/* the survey */
	struct process *surveyor;
	struct survey survey;
	bool has_survey, survey_for_visit, survey_for_due;
	bool visit_surveyed, due_surveyed;
	int64_t survey_retry_ms;

	/* the job */
	struct process *worker;
	enum agent_purpose purpose;
	struct spool *spool;
	bool hashed;    /* all of the spool file */
	uint64_t asked; /* end of what was asked for */
	bool stuck;
	struct agent_tuf tuf;
	enum agent_gate gate;
	int64_t gate_ms; /* when it is asked again */
	char gate_reason[MESSAGE_TEXT_MAX + 1];
	bool reboot_told;  /* wait until the courier has heard it */
	int64_t reboot_ms; /* until when; 0: no reboot is under way */
};

/* ---- agent.c ---- */
void agent_say(const char *fmt, ...) PRINTF(1, 2); /* to stderr: the system's log */

/* ---- agent_line.c ---- */
/* Never fails for what the other end does. */
NODISCARD bool agent_line_step(struct agent *, struct error *);
void agent_line_close(struct agent *);
bool agent_line_visited(const struct agent *); /* a courier was accepted and is there */
/* No more than is on its way already. */
void agent_line_silence(struct agent *);

/* ---- agent_admit.c ---- */
/* The visit host's judge(). */
NODISCARD bool agent_judge(void *self, const struct certificate *courier,
	const struct message_hello *, bool *refused, struct message_refused *why,
	struct error *);

/* ---- agent_visit.c ---- */
void agent_visit_host(struct agent *, struct visit_device_host *);
/* Is it the device's turn: does it do something for which a courier waits? */
bool agent_visit_works(const struct agent *);

/* ---- agent_clock.c ---- */
/* Obey the operator's signed time, if it is for us and for our nonce: the floor is that
 * time then, *TOLD true and *AT it.  What is wrong with one is said in the log. */
NODISCARD bool agent_clock_take(
	struct agent *, struct bytes envelope, bool *told, int64_t *at, struct error *);

/* ---- agent_survey.c ---- */
NODISCARD bool agent_survey_start(struct agent *, struct error *);
NODISCARD bool agent_survey_step(struct agent *, struct error *);

/* ---- agent_receipt.c ---- */
/* The phase of the job as a courier sees it. */
enum message_phase agent_phase(const struct agent *);
/* Tell the courier, if one is there, of the phase as it is now. */
void agent_tell_phase(struct agent *, const char *text);
void agent_tell(struct agent *, enum message_phase, const char *deployment, const char *text);
/* The same, waiting, and why as an exit status. */
void agent_tell_waiting(struct agent *, enum error_code, const char *text);
void agent_tell_receipt(struct agent *, uint64_t sequence);
/* DEPLOYMENT is refused, and there is no room for a receipt that says so (ring.h). */
void agent_tell_unsaid(struct agent *, const char *deployment, const char *why);
/* The receipt that ended DEPLOYMENT, and that there is nothing more. */
void agent_tell_end(struct agent *, const char *deployment, uint64_t sequence);
/* Write the receipt that is due, and what follows from it. */
NODISCARD bool agent_write_receipt(struct agent *, struct error *);
/* The job is over: nothing of it stays but its receipts. */
NODISCARD bool agent_clear_job(struct agent *, struct error *);
/* Change the job, durably: go to PHASE, and a receipt is due if OUTCOME is not NULL. */
NODISCARD bool agent_go(struct agent *, enum job_phase, const enum outcome *, enum error_code,
	const char *reason, struct error *);
NODISCARD bool agent_save_job(struct agent *, struct error *);
/* A line of the job's log.  A full disk costs the line, not the job. */
void agent_log(struct agent *, const char *fmt, ...) PRINTF(2, 3);

/* ---- agent_work.c ---- */
NODISCARD bool agent_work_step(struct agent *, struct error *);
void agent_work_stop(struct agent *);
int64_t agent_work_deadline_ms(const struct agent *);
NODISCARD bool agent_refuse(struct agent *, const struct error *why, struct error *);
/* The artifact file cannot be written or read now: wait for the next offer. */
void agent_spool_failed(struct agent *, const struct error *why);

/* ---- agent_turn.c: to the phase the name says, durably ---- */
NODISCARD bool agent_to_commit(struct agent *, struct error *);
NODISCARD bool agent_to_roll_back(
	struct agent *, enum error_code, const char *why, struct error *);
NODISCARD bool agent_to_look(struct agent *, const char *why, struct error *);
/* The phase was begun AGENT_TRIES times and never ended: roll back; or, when it was the
 * rollback, look at what is in place. */
NODISCARD bool agent_cut_short(struct agent *, struct error *);
NODISCARD bool agent_cut_short_again(struct agent *, struct error *);
/* The new or the old software was started. */
NODISCARD bool agent_after_reboot(struct agent *, struct error *);
/* Endings: a receipt is due. */
NODISCARD bool agent_rolled_back(struct agent *, struct error *);
NODISCARD bool agent_give_up(struct agent *, struct error *);

/* ---- agent_after.c ---- */
NODISCARD bool agent_worker_step(struct agent *, struct error *);

/* ---- agent_tuf.c ---- */
NODISCARD bool agent_tuf_begin(struct agent *, struct error *);
/* Remove what a power cut left beside the active set. */
void agent_tuf_sweep(struct agent *);
/* Another job, or other metadata: nothing is known of them. */
void agent_tuf_reset(struct agent *);
/* The same, and nothing of them is on disk. */
NODISCARD bool agent_tuf_clear(struct agent *, struct error *);
/* The job's offer names these; and the conversation about them ended. */
void agent_tuf_offered(struct agent *, const struct message_offer *);
void agent_tuf_dropped(struct agent *);
/* Bytes they will take: while they come, and once they are kept. */
uint64_t agent_tuf_space(const struct agent *, const struct message_offer *);
void agent_tuf_facts(const struct agent *, struct agent_facts *);
NODISCARD bool agent_tuf_open(struct agent *, struct error *);
bool agent_tuf_hashing(const struct agent *);
void agent_tuf_hash(struct agent *);
bool agent_tuf_want(struct agent *, struct message_want *);
void agent_tuf_data(struct agent *, const struct message_data *);
NODISCARD bool agent_tuf_judge(struct agent *, struct error *);
NODISCARD bool agent_tuf_order(struct agent *, struct tuf_order *, struct error *);
/* A child has judged: obey what it found. */
NODISCARD bool agent_tuf_judged(struct agent *, struct error *);
NODISCARD bool agent_tuf_after(
	struct agent *, const struct process_end *, const char *line, struct error *);
/* They were judged once more, with the artifact, and are good. */
NODISCARD bool agent_tuf_again(struct agent *, struct error *);
/* The artifact is verified: the job, once saved, names the set as the active one. */
NODISCARD bool agent_tuf_keep(struct agent *, struct error *why);

/* ---- agent_take.c ---- */
/* A new job, in place of what there was: receive the artifact of OFFER.  It is not yet
 * on disk: what is refused at once must not be found there as if it were not. */
NODISCARD bool agent_work_take(struct agent *, const struct message_offer *, struct error *);
/* A courier offered what the job is about, or its conversation began anew. */
void agent_work_carried(struct agent *, bool stage);
void agent_work_dropped(struct agent *);

#endif
