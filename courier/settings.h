/*
 * settings.h - courier.conf(5), read whole before anything is done.
 */
#ifndef COURIER_SETTINGS_H
#define COURIER_SETTINGS_H

#include "courier/repository.h"
#include "courier/server.h"

enum { SETTINGS_SERVERS_MAX = 16, SETTINGS_REPOSITORIES_MAX = 8, SETTINGS_LINKS_MAX = 64 };

struct settings {
	char *home;                                           /* where the store is */
	struct server_settings servers[SETTINGS_SERVERS_MAX]; /* [server NAME] */
	size_t server_count;
	struct repository_settings
		repositories[SETTINGS_REPOSITORIES_MAX]; /* [repository NAME] */
	size_t repository_count;
	/* [links] serial = PATTERN[,BAUD] ...: paths with wildcards, as written; the usual
	 * ones when the file has none. */
	const char *links[SETTINGS_LINKS_MAX];
	size_t link_count;
	int wait_s;     /* [links] wait: for a device to beacon */
	int reboot_s;   /* [links] reboot: for a device to come back */
	int parallel;   /* [sync] parallel: devices at a time */
	int remember_s; /* [store] remember: keys in the kernel's keyring; 0 never */
};

/* PATH NULL: the usual place (home.h); a missing file there means the defaults.
 * Errors name file, line and what is allowed. */
NODISCARD bool settings_load(const char *path, struct settings **, struct error *);
void settings_free(struct settings *);
void settings_cleanup(struct settings **);

/* The server called NAME, or the only one when NAME is NULL. */
NODISCARD bool settings_server(const struct settings *, const char *name,
	const struct server_settings **, struct error *);

#endif
