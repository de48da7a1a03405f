/*
 * server.h - a central server, seen as one device at a time: where assignments come
 * from and outcomes go.
 *
 * To add a server protocol, write one file that defines a struct server_kind and
 * name it in the table in server.c.
 */
#ifndef COURIER_SERVER_H
#define COURIER_SERVER_H

#include "common/crypto.h"
#include "common/statement.h"

/* One [server NAME] section of courier.conf(5); borrowed for the server's life. */
struct server_settings {
	const char *name, *kind, *url;
	const char *ca_file;      /* NULL: the system's authorities */
	const char *proxy;        /* NULL: none */
	const char *tenant_token; /* NULL: none.  Secret */
};

/* The device for which we act.  The caller owns it; TOKEN changes by login(). */
struct server_device {
	const char *id_data; /* JSON object: the identity the server knows */
	const char *tier;    /* NULL: do not say */
	struct buf token; /* of the last login, text; empty: none.  Kept sealed by the store */
};

/* What the server wants for the device. */
struct server_assignment {
	char deployment[STATEMENT_DEPLOYMENT_MAX + 1];
	char artifact_id[STATEMENT_DEPLOYMENT_MAX + 1];
	char artifact_name[ARTIFACT_NAME_MAX + 1];
	char *url;       /* to fetch it from, until EXPIRES */
	int64_t expires; /* Unix seconds; 0 not known */
	char *request;   /* with what it was asked for, in canonical form: to be frozen */
};

void server_assignment_free(struct server_assignment *); /* zero is fine */

/* How the journey ended. */
struct server_report {
	const char *deployment;
	bool success;
	const char *substate;          /* one line for people; cut to what the server takes */
	struct bytes log;              /* text lines of the device's deployment log */
	struct bytes receipt;          /* DSSE envelope, goes verbatim, exempt from cutting */
	const struct json *attributes; /* inventory: array of {"name", "value"}; may be NULL */
	const struct artifact_pairs *provides; /* inventory, told first; may be NULL */
	int64_t time; /* of the outcome, best knowledge, Unix seconds */
};

/* Parts of a report, in the order a kind wants them. */
enum server_step { SERVER_STATUS, SERVER_LOG, SERVER_INVENTORY, SERVER_STEPS_END };

struct server {
	const struct server_kind *kind;
};

/*
 * Errors all functions share: ERROR_UNAUTHORISED not accepted (pending, rejected or
 * revoked: servers do not say which); ERROR_DEFERRED the server asks to be left
 * alone (retry_s() says how long; no function ever sleeps); ERROR_ABORTED the
 * deployment was withdrawn, ERROR_GONE it is no longer known; ERROR_MALFORMED an answer we
 * cannot read; ERROR_TIMEOUT and ERROR_FAILED otherwise.  Each function logs in by itself when
 * there is no token, and again, once, when the token is refused: the caller stores TOKEN of the
 * device whenever it changed, also after a failure (then it may be empty), and before anything
 * else: an old token must never be shown to a server again.
 *
 * A struct server is used by one thread at a time; open one per thread.
 */
struct server_kind {
	const char *name; /* "mender" */

	/* SERVER_STATUS .. in the order the server wants its reports; SERVER_STEPS_END ends. */
	const enum server_step *report_order;

	/* Settings and KEY (ours for every device) are borrowed.  Does no I/O. */
	bool (*open)(const struct server_settings *, const struct crypto_key *key,
		struct server **, struct error *);

	/* Make sure there is a token; one that is there and not expired is kept. */
	bool (*login)(struct server *, struct server_device *, struct error *);

	/* One part of the report.  Idempotent. */
	bool (*report)(struct server *, struct server_device *, enum server_step,
		const struct server_report *, struct error *);

	/* What should the device run?  PROVIDES as of its last inventory (device_type and
	 * artifact_name among them); FROZEN the request of a deployment that is still open,
	 * replayed as it is, or NULL to make one from PROVIDES. *FOUND false: nothing. */
	bool (*next)(struct server *, struct server_device *,
		const struct artifact_pairs *provides, const char *frozen,
		struct server_assignment *, bool *found, struct error *);

	/* Tell the server that it is on its way; ERROR_ABORTED when it was withdrawn.
	 * Never after the final status: it would open the deployment again. */
	bool (*claim)(struct server *, struct server_device *, const char *deployment,
		struct error *);

	/* Pour the artifact into SINK from OFFSET on; success when all of it is there.
	 * ERROR_EXPIRED: the URL is too old, ask next() for a fresh one.  ERROR_DAMAGED:
	 * what is there cannot be continued (the server sends no ranges, or has less than
	 * OFFSET bytes): nothing was written, drop it and fetch from 0.  After ERROR_FAILED
	 * or ERROR_TIMEOUT go on later with the bytes that came. */
	bool (*fetch)(struct server *, const struct server_assignment *, uint64_t offset,
		struct sink, struct error *);

	/* How long the last ERROR_DEFERRED asked for, in seconds. */
	int64_t (*retry_s)(const struct server *);

	void (*close)(struct server *);
};

extern const struct server_kind server_mender;

/* The kind of that name.  ERROR_USAGE names those there are. */
NODISCARD bool server_kind_find(const char *name, const struct server_kind **, struct error *);
void server_close(struct server *); /* NULL does nothing */
void server_cleanup(struct server **);

#endif
