/*
 * admin_kind.h - what an operator does at a central server: see its devices, and
 * decide which keys may speak for them.
 *
 * At the server a device has any number of auth sets, each one public key, of which at
 * most one is accepted: a courier's key is one more set of every device it serves.
 *
 * To add a server, write one file that defines a struct admin_kind and name it in
 * the table in admin_kind.c.
 */
#ifndef COURIER_ADMIN_ADMIN_KIND_H
#define COURIER_ADMIN_ADMIN_KIND_H

#include "common/json.h"
#include "courier/server.h"

enum {
	ADMIN_ID_MAX = 64, /* characters of a device's or an auth set's id */
};

/* In order of strength: a device has the status of its strongest auth set. */
enum admin_status {
	ADMIN_NO_SETS, /* of a device only */
	ADMIN_REJECTED,
	ADMIN_PENDING,
	ADMIN_PREAUTHORISED, /* accepted as soon as it asks */
	ADMIN_ACCEPTED,
};

const char *admin_status_name(enum admin_status); /* "accepted", ... */

struct admin_set {
	char id[ADMIN_ID_MAX + 1];
	enum admin_status status;
	char *key_pem;
};

struct admin_device {
	char id[ADMIN_ID_MAX + 1]; /* the server's own */
	char *id_data;             /* JSON object, no white space, members sorted */
	enum admin_status status;
	bool leaving; /* decommissioning is under way */
	struct admin_set *sets;
	size_t set_count;
};

void admin_device_free(struct admin_device *); /* caller's memory; zero is fine */

/* The set whose key has this fingerprint; NULL if there is none.  Borrowed. */
const struct admin_set *admin_device_set(
	const struct admin_device *, const struct digest *fingerprint);
/* The set of that status whose key has another fingerprint; NULL if there is none. */
const struct admin_set *admin_device_other_set(const struct admin_device *,
	const struct digest *fingerprint, enum admin_status status);

/* How an operator proves who they are: a token, or else a name and a password. */
struct admin_login {
	const char *token_file; /* NULL: none */
	const char *user;
	const struct passphrase *password;
};

/* What a deployment asks for: which devices are to get what. */
struct admin_deployment {
	char *artifact; /* the artifact's name */
	char **devices; /* the server's ids */
	size_t count;
};

void admin_deployment_free(struct admin_deployment *); /* caller's memory; zero is fine */

struct admin {
	const struct admin_kind *kind;
};

/*
 * Errors: ERROR_UNAUTHORISED the operator is not known or may not; ERROR_DEFERRED the
 * server asks to be left alone; ERROR_BUSY another key is in the way, named in the
 * text; ERROR_FAILED otherwise.  A change is reported as done only after the device
 * was read back and shows it; AFTER, if not NULL, is what was read, the caller's to
 * free.  Its id is empty when the device is gone.
 */
struct admin_kind {
	const char *name; /* "mender" */

	/* Log in.  Settings are borrowed. */
	bool (*open)(const struct server_settings *, const struct admin_login *,
		struct admin **, struct error *);

	/* Call VISIT for each device until it returns false (then the error is its).
	 * VISIT must not change the server: collect, then act. */
	bool (*each_device)(struct admin *,
		bool (*visit)(void *self, const struct admin_device *, struct error *),
		void *self, struct error *);

	/* One device, by the server's id. *FOUND false: there is none. */
	bool (*device)(struct admin *, const char *id, struct admin_device *, bool *found,
		struct error *);

	/* Let the key KEY_PEM speak for the identity ID_DATA from when it first asks; success
	 * if it may already.  A set of that key that is there, pending or rejected, is
	 * accepted at once, as by accept().  Never makes a second preauthorised set on one
	 * device: ERROR_BUSY names the first. */
	bool (*preauthorise)(struct admin *, const char *id_data, const char *key_pem,
		struct admin_device *after, struct error *);

	/* Accept SET of DEVICE; a set that was accepted is rejected first, so that its
	 * tokens die at once.  ERROR_FAILED for a preauthorised set: it waits for its
	 * holder. */
	bool (*accept)(struct admin *, const char *device, const char *set,
		struct admin_device *after, struct error *);

	/* Reject it: sticky, and its tokens die at once.  ERROR_FAILED for a preauthorised
	 * set: it can be rejected once its holder has asked. */
	bool (*reject)(struct admin *, const char *device, const char *set,
		struct admin_device *after, struct error *);

	/* Remove it: its holder may ask again, and is then pending.  ERROR_BUSY when the
	 * server would remove more than that. */
	bool (*forget)(struct admin *, const char *device, const char *set,
		struct admin_device *after, struct error *);

	/* What DEVICE last said of itself: array of {"name", "value", ...}. */
	bool (*inventory)(struct admin *, const char *device, struct json **, struct error *);

	/* The deployment of that id, whatever became of it since.  What the server says of
	 * an artifact is its name; what is to be had under it is not for the server to say. */
	bool (*deployment)(
		struct admin *, const char *id, struct admin_deployment *, struct error *);

	void (*close)(struct admin *);
};

extern const struct admin_kind admin_mender;

/* The kind of that name.  ERROR_USAGE names those there are. */
NODISCARD bool admin_kind_find(const char *name, const struct admin_kind **, struct error *);
void admin_close(struct admin *); /* NULL does nothing */
void admin_cleanup(struct admin **);

#endif
