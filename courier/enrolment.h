/*
 * enrolment.h - taking in what the operator says: a control bundle becomes papers and
 * devices in the store.
 */
#ifndef COURIER_ENROLMENT_H
#define COURIER_ENROLMENT_H

#include "courier/control.h"
#include "courier/settings.h"
#include "courier/store.h"

/* The papers, by name. */
#define ENROLMENT_CONTROL "control" /* the envelope, verbatim */
#define ENROLMENT_ROOT "root"       /* fleet root, PEM: pinned by the first bundle */
#define ENROLMENT_CHAIN "chain"     /* the courier's certificate and its issuer, PEM */
#define ENROLMENT_CRL "crl"         /* PEM */

/* The bundle taken last.  *FOUND false: none yet. */
NODISCARD bool enrolment_open(struct store *, struct control *, bool *found, struct error *);
/* The same, without its devices: each is shown to VISIT (control_open_head()). */
NODISCARD bool enrolment_open_head(struct store *, control_visit *visit, void *self,
	struct control *, bool *found, struct error *);
NODISCARD bool enrolment_need_head(
	struct store *, control_visit *visit, void *self, struct control *, struct error *);
/* As enrolment_open(), but none is ERROR_USAGE that says where one comes from. */
NODISCARD bool enrolment_need(struct store *, struct control *, struct error *);

/* What a bundle changed. */
struct enrolment {
	bool first;         /* it pinned the root */
	struct digest root; /* SHA-256 of its certificate */
	size_t added, changed, removed;
	size_t kept; /* no longer listed, but with outcomes the server lacks */
};

/*
 * Verify ENVELOPE against what was taken before, and take it: ERROR_SIGNATURE (not of
 * our fleet, or not for our key), ERROR_ROLLBACK (an older one).  Idempotent; it is
 * taken altogether or, when interrupted, not at all.  What is known of a device stays
 * known.  A device that is not listed any more is no longer served, but not
 * before its outcomes are uploaded.
 */
NODISCARD bool enrolment_take(struct store *, const struct settings *, struct bytes envelope,
	struct control *, struct enrolment *, struct error *);

#endif
