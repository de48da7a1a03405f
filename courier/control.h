/*
 * control.h - the control bundle: everything the operator tells one courier, signed
 * by the courier issuer (DSSE_CONTROL).  Made by courier-admin(1), taken in by
 * `courier init FILE`; courier(1) lists its members.
 */
#ifndef COURIER_CONTROL_H
#define COURIER_CONTROL_H

#include "common/certificate.h"
#include "common/json.h"

enum { CONTROL_MAX = 8 * 1024 * 1024 /* bytes of a bundle */, CONTROL_VERSION = 1 };

/* A device this courier is to serve. */
struct control_device {
	char id[CERTIFICATE_ID_MAX + 1];
	char *identity;                    /* canonical JSON object: id_data at the server */
	char *device_type, *artifact;      /* as shipped */
	char *label, *site, *group, *tier; /* NULL: none */
	char *server; /* name of the server in courier.conf; NULL: the only one */
	char *chain;  /* certificate chain to bring to it, PEM; NULL: none */
	char *next_deployment, *next_request; /* frozen `next` of a colleague; NULL: none */
	char *time;       /* signed time to bring to it (common/signed_time.h); NULL: none */
	bool first_visit; /* may be served before its key is certified */
};

struct control {
	char courier[CERTIFICATE_ID_MAX + 1];
	uint64_t number;      /* never falls */
	int64_t issued;       /* Unix seconds */
	char *root;           /* fleet root, PEM */
	char *chain;          /* the courier's certificate and its issuer, PEM */
	char *crl;            /* PEM */
	char **artifact_keys; /* PEM, each */
	size_t artifact_key_count;
	struct control_device *devices;
	size_t device_count;
	const struct control_device **by_id; /* of one that was read: for control_device() */
};

void control_free(struct control *); /* caller's memory; zero is fine */

/* The device called ID, in a bundle that was read; NULL: not listed. */
const struct control_device *control_device(const struct control *, const char *id);

/* Sign with the courier issuer's key; appends the envelope. */
NODISCARD bool control_sign(const struct control *, const struct crypto_key *issuer,
	struct buf *envelope, struct error *);

/*
 * Verify and read.  ROOT_PEM: the fleet root pinned by an earlier bundle; empty: the
 * bundle's own root is taken (the first bundle is handed over by the operator), and
 * all in it must be consistent with that root.  NUMBER: the last one taken;
 * a lower one is ERROR_ROLLBACK.  The signature must be of the courier issuer in the
 * bundle's own chain, and the CRL its.
 */
NODISCARD bool control_open(struct bytes envelope, struct bytes root_pem, uint64_t number,
	struct control *, struct error *);

/*
 * The same, but of a large fleet only what is asked for stays in memory: the control has no
 * devices, each is shown to VISIT (borrowed; NULL: none is) until it returns false.  To be used
 * with a bundle that control_open() has read once: no id is looked for twice.
 */
typedef bool control_visit(void *self, const struct control_device *, struct error *);
NODISCARD bool control_open_head(struct bytes envelope, struct bytes root_pem, uint64_t number,
	control_visit *visit, void *self, struct control *, struct error *);

#endif
