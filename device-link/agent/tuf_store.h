/*
 * tuf_store.h - what the device keeps of its TUF repository: the directory tuf in the state
 * directory.
 *
 *	pinned.json     the root that was provisioned, as all began with it
 *	root.json       the newest root, each step of the way from there
 *	timestamp.json  the newest seen: what is older serves no more, until their keys
 *	snapshot.json   change
 *	<digest>.set    the set that directed the device last (job.json says which)
 *
 * Each is replaced as a whole, durably, the moment it is verified; only the set waits for
 * the artifact it is about.
 */
#ifndef DEVICE_LINK_AGENT_TUF_STORE_H
#define DEVICE_LINK_AGENT_TUF_STORE_H

#include "common/tuf/carried.h"
#include "device-link/agent/agent_settings.h"
#include "device-link/agent/marks.h"

struct tuf_store {
	char directory[PATH_MAX];
	char pinned[PATH_MAX]; /* the root that was provisioned */
};

/* Is the root that `tuf-root` names there, and a root?  ERROR_USAGE says what to do. */
NODISCARD bool tuf_store_check(const struct agent_settings *, struct error *);

/* The same, and begin with it, once: another one than the last begins anew, but forgets
 * nothing that its keys still vouch for.  Without `tuf-root` *OUT is empty, and success. */
NODISCARD bool tuf_store_begin(const struct agent_settings *, struct marks_tuf *,
	struct tuf_store *out, struct error *);

/* For carried.h; the store is borrowed.  The second knows the pinned root only. */
struct tuf_host tuf_store_host(struct tuf_store *);
struct tuf_host tuf_store_pinned_host(struct tuf_store *);

/* Where the set of that digest is, or would be. */
NODISCARD bool tuf_store_set(
	const struct tuf_store *, const struct digest *, char path[PATH_MAX], struct error *);
/* Keep a copy of the file FROM, durably, as the set of that digest. */
NODISCARD bool tuf_store_keep(
	const struct tuf_store *, const struct digest *, const char *from, struct error *);
/* Remove all sets but that one. */
NODISCARD bool tuf_store_sweep(const struct tuf_store *, const struct digest *, struct error *);

#endif
