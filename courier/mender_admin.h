/*
 * mender_admin.h - the operator's calls to a Mender server's management API, one by
 * one and without judgement: courier/admin/admin_mender.c decides which to make.
 *
 * Errors as in courier/admin/admin_kind.h.  Some changes take effect although the
 * server then answers 500: after a failure, read back what is true.
 */
#ifndef COURIER_MENDER_ADMIN_H
#define COURIER_MENDER_ADMIN_H

#include "courier/mender_answer.h"
#include "courier/mender_call.h"

enum {
	MENDER_ADMIN_PAGE = 100, /* devices asked for at a time; the server allows 500 */
	MENDER_HISTORY_PAGE = 20 /* deployments of a device; the server allows 20 */
};

struct mender_admin {
	struct mender_host host;
	struct buf token; /* text; wiped by mender_admin_close() */
};

/* No I/O. */
NODISCARD bool mender_admin_open(
	struct mender_admin *, const struct server_settings *, struct error *);
void mender_admin_close(struct mender_admin *); /* zero is fine */

/* E-mail address and password for a token. */
NODISCARD bool mender_admin_login(
	struct mender_admin *, const char *email, const struct passphrase *, struct error *);
/* A token from a file: one line. */
NODISCARD bool mender_admin_use_token(struct mender_admin *, const char *path, struct error *);

/* Page PAGE (1 and up) of all devices; one with fewer than MENDER_ADMIN_PAGE devices is
 * the last. */
NODISCARD bool mender_admin_page(
	struct mender_admin *, unsigned page, struct mender_page *, struct error *);
NODISCARD bool mender_admin_device(struct mender_admin *, const char *id, struct admin_device *,
	bool *found, struct error *);

/* *EXISTS: the server knows the identity already, as *DEVICE, and nothing was changed.
 * With FORCE it never says so, and DEVICE is not touched: the id in that answer is of no
 * device. */
NODISCARD bool mender_admin_preauthorise(struct mender_admin *, const char *id_data,
	const char *key_pem, bool force, char device[static ADMIN_ID_MAX + 1], bool *exists,
	struct error *);

/* STATUS is accepted, rejected or pending. */
NODISCARD bool mender_admin_set_status(struct mender_admin *, const char *device,
	const char *set, enum admin_status status, struct error *);
NODISCARD bool mender_admin_delete_set(
	struct mender_admin *, const char *device, const char *set, struct error *);

/* Array of {"name", "value", "scope", ...}; the caller's to free. */
NODISCARD bool mender_admin_inventory(
	struct mender_admin *, const char *device, struct json **, struct error *);

/* Name of the artifact and ids of the devices. */
NODISCARD bool mender_admin_deployment(
	struct mender_admin *, const char *id, struct admin_deployment *, struct error *);

/* One deployment of one device. */
struct mender_history {
	const char *deployment, *name, *artifact, *status; /* borrowed, never NULL */
	const char *substate, *finished;                   /* NULL: none */
	bool has_log;
};

/* For each deployment of DEVICE, newest first, until VISIT returns false. */
NODISCARD bool mender_admin_each_deployment(struct mender_admin *, const char *device,
	bool (*visit)(void *self, const struct mender_history *, struct error *), void *self,
	struct error *);

#endif
