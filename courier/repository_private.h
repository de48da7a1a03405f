/* repository_private.h - what the files of the repository share. */
#ifndef COURIER_REPOSITORY_PRIVATE_H
#define COURIER_REPOSITORY_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "common/config.h"
#include "courier/repository.h"

enum { REPOSITORY_FILE_MAX = 20 + TUF_NAME_MAX + 6 + 1 /* "N.", a quoted name, ".json" */ };

/* Names of rows in the store besides those the repository gives.  No file of metadata
 * begins like them. */
#define REPOSITORY_LAST_ROOT "@root"         /* number of the newest root */
#define REPOSITORY_LAST_SNAPSHOT "@snapshot" /* as which file it was served */
#define REPOSITORY_NOT_BEFORE "@not-before"  /* Unix seconds: to be left alone until */
#define REPOSITORY_NEW "+"    /* before a file that is to replace the one without it */
#define REPOSITORY_TARGET "=" /* before the hash of a target's content */

struct repository {
	struct store *store;
	char name[CONFIG_NAME_MAX + 1];
	const struct repository_settings *settings; /* NULL: only what is kept */
	int64_t now;
	pthread_mutex_t mutex; /* all below */
	struct http *http;     /* NULL: only what is kept */
	struct tuf *tuf;
	struct buf pinned; /* root of the settings */
	int64_t pinned_version;
	char served[REPOSITORY_FILE_MAX];   /* the file fetched last */
	bool was_kept;                      /* it was here already */
	bool distrusts_kept;                /* fetch all anew */
	size_t kept_used;                   /* files that were here already */
	char snapshot[REPOSITORY_FILE_MAX]; /* as which file the newest was served */
	bool snapshot_is_new;
	struct tuf_list staged; /* char [REPOSITORY_FILE_MAX]: to be committed */
	struct tuf_arena arena; /* of the list */
	struct digest *needed;  /* hashes of contents; sorted once asked */
	size_t needed_count, needed_room;
	bool needed_sorted;
	atomic_size_t files, bytes; /* fetched, by any thread */
};

/* ---- by HTTP (repository_get.c) ---- */

/* Append BELOW/FILE of the repository, of at most MAX bytes.  Not there is *FOUND false.
 * ERROR_DEFERRED is remembered in the store. */
NODISCARD bool repository_get(struct repository *, struct http *, const char *below,
	const char *file, size_t max, struct buf *, bool *found, struct error *);

/* ---- files in the store (repository_files.c) ---- */

/* What the TUF client fetches from, loads and stores. */
struct tuf_host repository_host(struct repository *);
/* The pinned root is where trust begins: drop what began elsewhere. */
NODISCARD bool repository_pin(struct repository *, struct error *);
/* Fetch the roots before the pinned one, for devices that begin with them. */
NODISCARD bool repository_former_roots(struct repository *, struct error *);

#endif
