/*
 * statement.h - what a device says and signs: its identity, its inventory, and the
 * receipt of an update.  JSON payloads (common/json.h, SIGNED dialect) in DSSE
 * envelopes; each names its version, its device and the fingerprint of its key.
 * courier-link(7) lists the members.
 */
#ifndef COMMON_STATEMENT_H
#define COMMON_STATEMENT_H

#include "common/artifact.h"
#include "common/certificate.h"
#include "common/json.h"
#include "common/signed_time.h"

enum {
	STATEMENT_VERSION = 1,
	STATEMENT_REASON_MAX = 255,     /* bytes */
	STATEMENT_BOOT_MAX = 64,        /* characters of a boot id */
	STATEMENT_TYPES_MAX = 16,       /* payload types a device can install */
	STATEMENT_ATTRIBUTES_MAX = 256, /* inventory attributes */
	STATEMENT_DEPLOYMENT_MAX = 64,  /* characters of a deployment id */
};

/* How an update ended, or stands.  Only a receipt-backed terminal outcome closes a
 * deployment at the server. */
enum outcome {
	OUTCOME_INSTALLED, /* in place, not yet proved healthy: CONFIRMED or ROLLED_BACK follows
			    */
	OUTCOME_CONFIRMED, /* healthy and committed */
	OUTCOME_ROLLED_BACK, /* did not install or was not healthy; the old software runs */
	OUTCOME_REFUSED,     /* the device will not have it, for ever: wrong device, bad
				signature, rollback, same id with another digest */
	OUTCOME_FAILED, /* neither new nor old software could be put in order: needs a person */
};

const char *outcome_name(enum outcome); /* "CONFIRMED", ... */
bool outcome_terminal(enum outcome);    /* all but INSTALLED */

/* When, by the means a device has: any of them may be wrong, so all are told. */
struct device_time {
	int64_t clock; /* RTC, Unix seconds */
	int64_t floor; /* never later than the truth: see courier-agent(8) */
	int64_t uptime_s;
	char boot[STATEMENT_BOOT_MAX + 1]; /* changes with every boot */
};

struct receipt {
	char device[CERTIFICATE_ID_MAX + 1];
	struct digest key;      /* fingerprint of the device's key */
	uint64_t sequence;      /* 1 and up, never reused */
	struct digest previous; /* SHA-256 of the previous envelope; zero for the first */
	char deployment[STATEMENT_DEPLOYMENT_MAX + 1];
	char artifact[ARTIFACT_NAME_MAX + 1];
	struct digest digest;               /* of the artifact file */
	char before[ARTIFACT_NAME_MAX + 1]; /* artifact_name that ran before */
	char after[ARTIFACT_NAME_MAX + 1];  /* and that runs now */
	enum outcome outcome;
	enum error_code code; /* why not: ERROR_NONE when CONFIRMED or INSTALLED */
	char reason[STATEMENT_REASON_MAX + 1];
	struct device_time time;
	char courier[CERTIFICATE_ID_MAX + 1];      /* who brought it, from the certificate */
	char technician[CERTIFICATE_NAME_MAX + 1]; /* likewise */
	struct digest courier_certificate;
	uint8_t exporter[32];         /* of the session it was brought in */
	struct digest log, inventory; /* SHA-256 of what goes with it */
};

/* Sign: appends the envelope. */
NODISCARD bool receipt_sign(const struct receipt *, const struct crypto_key *,
	struct buf *envelope, struct error *);
/* Verify with the device's key, and read.  ERROR_SIGNATURE also when the fingerprint
 * inside is not that of KEY. */
NODISCARD bool receipt_open(struct bytes envelope, const struct crypto_public *key,
	struct receipt *, struct error *);

/* What the device trusts of a TUF repository: versions, and the newest direction; 0: none. */
struct inventory_tuf {
	bool present;  /* a root is pinned there: metadata must vouch for what it installs */
	bool directed; /* and direct it by its id */
	int64_t root, timestamp, snapshot, targets;
	uint64_t sequence;
};

/* The facts from which the device decides; the courier rehearses with the last ones. */
struct inventory {
	char device[CERTIFICATE_ID_MAX + 1];
	struct digest key;
	struct device_time time;
	char *identity;                 /* canonical JSON object: id_data */
	struct artifact_pairs provides; /* device_type among them */
	struct json *attributes;        /* array of {"name", "value"}: as the scripts say */
	char counter_name[ARTIFACT_NAME_MAX + 1]; /* provide that must not fall */
	uint64_t counter;                         /* its high-water mark */
	bool counter_required;
	bool has_anchor;                  /* false: it installs nothing */
	bool signature_required;          /* artifact keys are configured */
	uint64_t space;                   /* bytes free for an artifact file */
	char *types[STATEMENT_TYPES_MAX]; /* payload types it can install */
	size_t type_count;
	char report[16]; /* "full", "outcome" or "none" */
	int64_t crl_number;
	uint8_t nonce[SIGNED_TIME_NONCE]; /* for the operator's next signed time */
	uint64_t newest;                  /* receipt sequence */
	char software[64];                /* courier-agent version */
	struct inventory_tuf tuf;
};

void inventory_free(struct inventory *); /* caller's memory; zero is fine */
NODISCARD bool inventory_sign(const struct inventory *, const struct crypto_key *,
	struct buf *envelope, struct error *);
NODISCARD bool inventory_open(struct bytes envelope, const struct crypto_public *key,
	struct inventory *, struct error *);

/* Of a device that has no certificate yet: who it says it is, and its request. */
struct identity {
	struct digest key;
	char *identity; /* canonical JSON object: id_data */
	char device_type[ARTIFACT_NAME_MAX + 1];
	char *request; /* PKCS#10, PEM; its key is KEY */
	struct device_time time;
};

void identity_free(struct identity *);
NODISCARD bool identity_sign(const struct identity *, const struct crypto_key *,
	struct buf *envelope, struct error *);
/* The key is the request's own: proves possession, not who it is. */
NODISCARD bool identity_open(struct bytes envelope, struct identity *, struct error *);

/* SHA-256 of the canonical form of an id_data object: what a device certificate
 * binds. */
NODISCARD bool identity_digest(struct bytes id_data, struct digest *, struct error *);

#endif
