/*
 * trust.h - the operator's side of a TUF repository: what is signed, what waits for
 * signatures, and the tree that a web server serves.
 *
 * In the directory of an authority (authority.h):
 *
 *	trust/trust.json    how many bins, where the tree is; written last at init
 *	trust/online/ID.pem the keys of snapshot, timestamp and publisher, by keyid
 *	trust/metadata/     all metadata now valid, under the names they are served by; the
 *	                    tree is made from these, and never read back
 *	trust/staged/       a root or targets that wait for signatures: what holders carry
 *	trust/install/      metadata on their way to metadata/ and the tree: what is found
 *	                    here is finished by the next command
 *	TREE/metadata/, TREE/targets/
 *
 * The keys of root and top-level targets are never here: their holders sign on machines
 * of their own (trust_verb_sign.c).  Top-level targets only delegate, to "publisher", which
 * lists artifacts and control bundles and delegates directions to bins by hash, so that
 * a device carries the directions of its own bin and not of the whole fleet.
 */
#ifndef COURIER_ADMIN_TRUST_H
#define COURIER_ADMIN_TRUST_H

#include "common/tuf/tuf.h"
#include "common/tuf/tuf_write.h"
#include "courier/admin/admin_command.h"

#define TRUST_PUBLISHER "publisher"
#define TRUST_BIN "bin"
#define TRUST_DAY INT64_C(86400) /* seconds */

enum {
	TRUST_VERSION = 1,         /* of trust.json */
	TRUST_BITS_DEFAULT = 6,    /* 64 bins: of 10,000 directions, 160 or 40 kB in each */
	TRUST_BITS_MAX = 12,       /* 4096 bins: a snapshot of 0.6 MB */
	TRUST_TARGETS_MAX = 5000,  /* of one role: what is read as a tree stays within json.h */
	TRUST_TIMESTAMP_DAYS = 30, /* how long metadata last when nobody says */
	TRUST_ONLINE_DAYS = 365,   /* what a signature need not be renewed for before */
	TRUST_ROOT_DAYS = 3650,
	TRUST_TARGETS_DAYS = 1825,
	TRUST_DAYS_MAX = 36500,
	TRUST_ONLINE_KEYS_MAX = 16, /* in one command */
	TRUST_HOLDER_MAX = 64,      /* characters of a holder's name */
	TRUST_NAME_MAX = 32         /* bytes of the name of a role of ours, with the NUL */
};

/* The publisher or a bin: what it lists. */
struct trust_role {
	char name[TRUST_NAME_MAX];
	struct tuf_metadata *metadata; /* NULL: never signed yet */
	struct json *targets;          /* path to facts */
	bool changed;                  /* TARGETS is not what was signed */
};

struct trust {
	struct authority authority; /* locked */
	const struct output *output;
	char directory[PATH_MAX], tree[PATH_MAX];
	int64_t bits, now;
	struct tuf *tuf;          /* a client of metadata/; NULL: no root was ever accepted */
	struct trust_role *roles; /* publisher, then the bins in their order */
	size_t role_count;
	struct unlock unlock; /* of the online keys */
	struct passphrase passphrase;
	bool is_unlocked;
	struct {
		char id[DIGEST_TEXT];
		struct crypto_key *key;
	} keys[TRUST_ONLINE_KEYS_MAX];
	size_t key_count;
};

/* ---- trust.c: the directory; whatever these say, the caller closes ---- */

/* Make the directories of trust/, and of TREE, which is made absolute. */
NODISCARD bool trust_create(struct trust *, const char *tree, struct error *);
/* Write trust.json: now it is a repository. */
NODISCARD bool trust_mark(const struct trust *, struct error *);
/* Open the authority, and trust/ in it, with the lock held; finish what was being installed.
 * ERROR_USAGE: no trust init yet.  ERROR_DAMAGED: metadata/ does not verify. */
NODISCARD bool trust_open(struct admin_call *, struct trust *, struct error *);
/* The same, and ERROR_CONTACT while no root was accepted yet. */
NODISCARD bool trust_open_live(struct admin_call *, struct trust *, struct error *);
/* Open only the authority, for init. */
NODISCARD bool trust_begin(struct admin_call *, struct trust *, struct error *);
void trust_close(struct trust *); /* zero, with a lock of -1, is fine */
NODISCARD bool trust_path(const struct trust *, char path[static PATH_MAX], struct error *,
	const char *fmt, ...) PRINTF(4, 5);
/* Append the newest root of the authority's repository, for a device to pin: *FOUND false
 * while there is none.  Needs no trust_open(): the caller has the lock. */
NODISCARD bool trust_pinned_root(
	const struct authority *, struct buf *, bool *found, struct error *);
/* Read the metadata again after they changed. */
NODISCARD bool trust_load(struct trust *, struct error *);
/* The newest root or targets; NULL before the first. */
const struct tuf_metadata *trust_top(const struct trust *, enum tuf_kind);
NODISCARD bool trust_log(
	struct trust *, const char *event, const struct json *, struct error *);

/* ---- trust_role.c: what publisher and bins list ---- */

/* Into trust->roles: verified against those who delegate to them; empty where they never
 * were signed. */
NODISCARD bool trust_roles_load(struct trust *, struct error *);
void trust_roles_free(struct trust *);
/* The role that lists PATH. */
NODISCARD bool trust_role_of(
	struct trust *, const char *path, struct trust_role **, struct error *);
/* What is listed of PATH; NULL: nothing.  Borrowed until the next change. */
NODISCARD bool trust_target(
	struct trust *, const char *path, const struct json **, struct error *);
/* List FACTS, which are copied, as PATH; NULL: no more. */
NODISCARD bool trust_target_set(
	struct trust *, const char *path, const struct json *facts, struct error *);
/* The delegation to publisher in top-level targets; ERROR_DAMAGED if there is none. */
NODISCARD bool trust_delegation(
	const struct tuf_metadata *targets, const struct tuf_role **, struct error *);

/* ---- trust_online.c: the keys of every day ---- */

/* A new key in trust/online; adds it to KEYS, a JSON object.  All have one passphrase: at
 * first a new one is asked for, later it must open a key that is there. */
NODISCARD bool trust_online_make(
	struct trust *, struct json *keys, char id[static DIGEST_TEXT], struct error *);
/* Sign with every key of ROLE that is here.  REQUIRED: ERROR_USAGE unless enough for the
 * threshold are. */
NODISCARD bool trust_online_sign(struct trust *, struct tuf_draft *, const struct tuf_role *,
	bool required, struct error *);

/* ---- trust_mint.c: new metadata ---- */

struct trust_change {
	const struct tuf_draft *root, *targets; /* signed enough; NULL: as before */
	int64_t until;                          /* 0: as long as is usual */
	bool exact; /* UNTIL is asked for, even if it is sooner than before */
};

/* Sign what changed, what would expire too early, snapshot and timestamp; install it.
 * ERROR_EXPIRED: root or targets would expire first, and which. */
NODISCARD bool trust_mint(struct trust *, const struct trust_change *, struct error *);
/* The first of root and targets to expire. */
int64_t trust_limit(
	const struct tuf_metadata *root, const struct tuf_metadata *targets, const char **role);

/* ---- trust_install.c: metadata to files ---- */

struct trust_set {
	struct {
		char name[TUF_NAME_MAX + 32];
		struct buf content;
	} * at;
	size_t count;
};

void trust_set_free(struct trust_set *);
/* The CONTENT is taken over. */
NODISCARD bool trust_set_add(
	struct trust_set *, const char *name, struct buf *content, struct error *);
/* Make SET what is served.  A client that comes at any moment, and after any kill, finds
 * the old state or the new one; between a root and a timestamp, ROOT_FIRST says which of the
 * two goes first. */
NODISCARD bool trust_install(
	struct trust *, const struct trust_set *, bool root_first, struct error *);
/* Go on with an installation that was killed; nothing if there is none. */
NODISCARD bool trust_install_finish(struct trust *, struct error *);
/* Remove a directory of files; one that is not there is success. */
NODISCARD bool trust_directory_remove(const char *path, struct error *);
/* Make TREE/metadata what metadata/ is. */
NODISCARD bool trust_export(struct trust *, bool root_first, struct error *);

/* ---- trust_file.c: content of targets ---- */

/* A file of content in the tree, under its digest. */
NODISCARD bool trust_file_put(struct trust *, const char *path, struct bytes, struct error *);
/* The path of the file that is PATH's content of that digest. */
NODISCARD bool trust_file_path(const struct trust *, const char *path, const struct digest *,
	char out[static PATH_MAX], struct error *);
/* Remove all content of PATH but that of the digests given; NULL: none. */
NODISCARD bool trust_file_prune(struct trust *, const char *path, const struct digest *keep,
	const struct digest *also, struct error *);
/* Copy the file at FROM in as PATH, which is not there yet or the same. */
NODISCARD bool trust_file_copy(struct trust *, const char *from, const char *path,
	struct digest *, int64_t *length, struct error *);

/* ---- trust_stage.c: what waits for signatures ---- */

/* root.json and targets.json, either may be missing, and the root now trusted: in
 * trust/staged, and on the stick a holder carries. */
struct trust_stage {
	bool has[TUF_KIND_COUNT]; /* root, targets */
	struct tuf_draft draft[TUF_KIND_COUNT];
	struct tuf_metadata *metadata[TUF_KIND_COUNT]; /* the drafts, read */
	struct tuf_metadata *trusted;                  /* root; NULL: this is the first */
};

void trust_stage_free(struct trust_stage *);
NODISCARD bool trust_stage_read(const char *directory, struct trust_stage *, struct error *);
NODISCARD bool trust_stage_write(
	const char *directory, const struct trust_stage *, struct error *);
/* Take a role: what is to be signed. */
NODISCARD bool trust_stage_take(
	struct trust_stage *, enum tuf_kind, const struct json *, struct error *);
/* Is there anything staged in trust/staged? */
NODISCARD bool trust_stage_exists(const struct trust *, bool *, struct error *);
/* Forget it, at once. */
NODISCARD bool trust_stage_remove(const struct trust *, struct error *);
/* Stage it instead of what was staged before, at once. */
NODISCARD bool trust_stage_set(
	const struct trust *, const struct trust_stage *, struct error *);

/* Whose signatures a staged role needs: up to two lists, the old root's and the new's. */
struct trust_need {
	const struct tuf_metadata *root; /* that has the keys */
	const struct tuf_role *role;
	size_t signed_by; /* of its keys */
	bool met;
};

/* Count the signatures of KIND; returns how many NEEDs there are. */
NODISCARD bool trust_stage_needs(const struct trust_stage *, enum tuf_kind,
	struct trust_need need[static 2], size_t *count, struct error *);
/* Append, in words, what would be signed as KIND, and who did. */
NODISCARD bool trust_stage_describe(
	const struct trust_stage *, enum tuf_kind, struct buf *, struct error *);
/* The SHA-256 of what is signed, as a holder compares it. */
NODISCARD bool trust_stage_digest(const struct trust_stage *, enum tuf_kind,
	char text[static DIGEST_TEXT], struct error *);

/* ---- trust_key.c: public keys ---- */

/* What trust key wrote: the public key at PATH, whose name without .pub is the holder's.
 * Adds the key to KEYS, a JSON object, unless it is there. */
NODISCARD bool trust_key_read(const char *path, struct json *keys, char id[static DIGEST_TEXT],
	char holder[static TRUST_HOLDER_MAX + 1], struct error *);
/* The holder of KEYID in the signed part of METADATA: their name, or the id's beginning. */
void trust_key_holder(
	const struct tuf_metadata *, const char *keyid, char text[static TRUST_HOLDER_MAX + 1]);
bool trust_holder_valid(const char *text);

/* ---- trust_plan.c: who is to sign what ---- */

enum { TRUST_PLAN_PUBLISHER = TUF_KIND_COUNT, TRUST_PLAN_ROLES, TRUST_SIGNERS_MAX = 32 };

/* Roles by enum tuf_kind, and the publisher's. */
struct trust_plan {
	struct json *keys; /* by id, those of nobody's role too */
	struct trust_signers {
		char ids[TRUST_SIGNERS_MAX][DIGEST_TEXT];
		char holders[TRUST_SIGNERS_MAX][TRUST_HOLDER_MAX + 1];
		size_t count;
		int64_t threshold;
	} roles[TRUST_PLAN_ROLES];
};

void trust_plan_free(struct trust_plan *); /* caller's memory; zero is fine */
/* As it is now, or, before the first root, nobody. */
NODISCARD bool trust_plan_read(const struct trust *, struct trust_plan *, struct error *);
/* Add the holder whose public key is at PATH; ERROR_USAGE if they are there. */
NODISCARD bool trust_plan_add(struct trust_plan *, int role, const char *path, struct error *);
/* Remove the holder of that name or keyid. */
NODISCARD bool trust_plan_remove(
	struct trust_plan *, int role, const char *holder, struct error *);
/* Give an online role a new key, its only one from now on. */
NODISCARD bool trust_plan_renew(struct trust *, struct trust_plan *, int role, struct error *);
/* ERROR_USAGE: a threshold that cannot be met, or a role without holders. */
NODISCARD bool trust_plan_check(const struct trust_plan *, struct error *);
/* What is to be signed as root or targets, into STAGE, DAYS from now. */
NODISCARD bool trust_plan_stage(const struct trust *, const struct trust_plan *, enum tuf_kind,
	int64_t days, struct trust_stage *, struct error *);

/* ---- trust_directing.c: what a device is to install ---- */

/* Of what is published: paths with their facts. */
struct trust_directing {
	struct trust *trust;
	const char *deployment;
	struct argument_list artifacts; /* target paths */
	struct json *directed;          /* array: the devices whose direction changed */
	size_t changed, failed;         /* devices */
};

/* Into issued.log, before anything is signed. */
NODISCARD bool trust_directing_log(const struct trust_directing *, struct error *);

/* Direct DEVICE to those of the artifacts that fit DEVICE_TYPE (NULL: not known).  Nothing
 * changes when it is directed so already. */
NODISCARD bool trust_direct_device(
	struct trust_directing *, const char *device, const char *device_type, struct error *);
/* Those published whose artifact_name is NAME; paths borrowed until the next change. */
NODISCARD bool trust_artifacts_named(
	const struct trust *, const char *name, struct argument_list *, struct error *);

/* ---- trust_say.c: what the verbs answer ---- */

/* Put STAGE where its holders' sticks are filled from, log it, and say what is next. */
NODISCARD bool trust_stage_announce(struct trust *, struct trust_stage *, struct error *);
/* A fact, and the same in words. */
NODISCARD bool trust_say(const struct trust *, struct json *fact, struct error *,
	const char *fmt, ...) PRINTF(4, 5);
/* Each staged role in words. */
NODISCARD bool trust_say_staged(
	const struct trust *, const struct trust_stage *, struct error *);
/* What was minted: versions and ends of all, in a line. */
NODISCARD bool trust_say_minted(const struct trust *, struct error *);

/* ---- the verbs, each a command of its own ---- */

extern const struct admin_command trust_verb_accept, trust_verb_control, trust_verb_direct,
	trust_verb_freshen, trust_verb_init, trust_verb_key, trust_verb_publish,
	trust_verb_remove, trust_verb_rotate, trust_verb_show, trust_verb_sign;

#endif
