/*
 * repository.h - a TUF repository that stands beside the servers.
 *
 * The courier is a client as any other, with the system's clock, so that what a device
 * would refuse is known before the trip.  But it keeps every file as it came, and every
 * root from the first on, for devices judge all of it again.  Files are in the store
 * under the names the repository gives them, sealed.  Those with a version in their name
 * never change; the others are replaced by repository_commit(), all in one transaction:
 * what is carried hangs together whenever the power goes, and what was fetched before
 * that is not fetched again.
 *
 * Metadata are at URL/metadata/, targets at URL/targets/.
 */
#ifndef COURIER_REPOSITORY_H
#define COURIER_REPOSITORY_H

#include "common/tuf/tuf.h"
#include "common/tuf/tuf_path.h"
#include "courier/http.h"
#include "courier/store.h"

/* One [repository NAME] section of courier.conf(5); borrowed for the repository's life. */
struct repository_settings {
	const char *name, *url;
	const char *root;    /* file: where trust begins */
	const char *ca_file; /* NULL: the system's authorities */
	const char *proxy;   /* NULL: none */
};

enum { REPOSITORY_URL_MAX = 3 * TUF_PATH_MAX + 160 /* of a target, relative; with the NUL */ };

struct repository;

/* To fetch from: reads the root file; no network.  What was kept by another root than that
 * is dropped.  NOW: what expires then has expired. */
NODISCARD bool repository_open(struct store *, const struct repository_settings *, int64_t now,
	struct repository **, struct error *);
/* What is kept of the repository called NAME, without any network and at no time: nothing
 * has expired.  *FOUND false: nothing is kept. */
NODISCARD bool repository_open_kept(
	struct store *, const char *name, struct repository **, bool *found, struct error *);
void repository_close(struct repository *); /* NULL does nothing */
void repository_cleanup(struct repository **);

/* Walk the roots, then timestamp, snapshot and targets; fetches only what is new.  The
 * roots before the one of the settings are fetched, too.  ERROR_DEFERRED as long as the
 * repository asked to be left alone; else as tuf_refresh(). */
NODISCARD bool repository_refresh(struct repository *, struct error *);

/* A target, and where it is. */
struct repository_target {
	struct tuf_target_facts facts; /* custom is empty */
	char url[REPOSITORY_URL_MAX];  /* below targets/ */
	char role[TUF_NAME_MAX + 1];   /* that expires first of those who vouch for it */
	int64_t until;                 /* when, Unix seconds */
};

/* As tuf_find().  Any thread. */
NODISCARD bool repository_find(struct repository *, const char *path,
	struct repository_target *, bool *found, struct error *);
/* Append a target of at most MAX bytes: from the store if it is there, else fetched by HTTP
 * (that of the thread; NULL: only from the store, ERROR_NOTHING when it is not there) and
 * kept.  ERROR_GONE: the repository does not have it; ERROR_SIGNATURE unless it is what was
 * signed.  Any thread. */
NODISCARD bool repository_content(struct repository *, struct http *,
	const struct repository_target *, size_t max, struct buf *, struct error *);
/* A connection for repository_content(). */
NODISCARD bool repository_http(
	const struct repository_settings *, struct http **, struct error *);

/* What was fetched is what is carried from now on. */
NODISCARD bool repository_commit(struct repository *, struct error *);
/* After repository_commit(): what is kept as FILE but neither listed by the snapshot nor
 * asked for by repository_content() is not needed any more. */
bool repository_needs(struct repository *, const char *file);

/* For people, after a refresh. */
struct repository_facts {
	int64_t version[TUF_KIND_COUNT];
	int64_t until; /* of the top-level roles, Unix seconds */
	char role[TUF_NAME_MAX + 1];
	size_t files;   /* fetched */
	uint64_t bytes; /* likewise */
};

void repository_facts(struct repository *, struct repository_facts *);
const char *repository_name(const struct repository *);

#endif
