/*
 * agent_settings.h - courier-agent.conf, section 5 of courier-agent(8): read whole
 * before anything is done.
 */
#ifndef DEVICE_LINK_AGENT_AGENT_SETTINGS_H
#define DEVICE_LINK_AGENT_AGENT_SETTINGS_H

#include <limits.h>

#include "common/config.h"
#include "common/statement.h"
#include "device-link/agent/installer.h"

#define AGENT_SETTINGS_PATH "/etc/courier-agent.conf"

/* What may leave the site. */
enum agent_report { AGENT_REPORT_FULL, AGENT_REPORT_OUTCOME, AGENT_REPORT_NONE };

struct agent_settings {
	const char *state;                /* directory */
	const char *link;                 /* address: link.h */
	const char *identity;             /* script */
	const char *inventory;            /* directory of scripts */
	const char *device_type;          /* file */
	const char *artifact;             /* what the device was shipped with */
	const char *group;                /* NULL: the certificate says */
	const char *counter;              /* name of the provide that must not fall */
	const char *boot_id;              /* file whose content changes with every boot */
	const char *const *provides;      /* argv; NULL: the agent keeps them itself */
	const char *const *gate;          /* argv, the question is added; NULL: always now */
	const char *const *health;        /* argv; NULL: not asked */
	const char *const *identify;      /* argv; NULL: cannot blink */
	const char *const *reboot;        /* argv */
	const char *const *set_clock;     /* argv, the time is added; NULL: cannot */
	const char *const *artifact_keys; /* paths; NULL-terminated */
	size_t artifact_key_count;
	const char *tuf_root; /* path of the pinned root; NULL: no repository vouches */
	bool directed;        /* the repository must direct this very device */
	int hook_timeout_s, health_timeout_s;
	enum agent_report report;
	char spool[PATH_MAX]; /* directory */
	char sets[PATH_MAX];  /* directory, for TUF metadata while they come */
	uint64_t reserve;     /* bytes of it that stay free */
	struct installer_settings installers[STATEMENT_TYPES_MAX];
	const struct installer *kinds[STATEMENT_TYPES_MAX]; /* of the same index */
	size_t installer_count;
	struct config *config; /* owns the texts */
};

/* The file at PATH; a missing one is an error. */
NODISCARD bool agent_settings_load(const char *path, struct agent_settings *, struct error *);
void agent_settings_free(struct agent_settings *);

const char *agent_report_name(enum agent_report); /* "full", ... */

/* The index of the installer for a payload TYPE ("*" is for any); ERROR_WRONG_DEVICE if
 * there is none. */
NODISCARD bool agent_settings_installer(
	const struct agent_settings *, const char *type, size_t *index, struct error *);

/* Bytes the installers may need besides the artifact file: the most any asks for. */
uint64_t agent_settings_space(const struct agent_settings *, uint64_t unpacked);

/* PATH of the fact NAME in the state directory. */
NODISCARD bool agent_settings_fact(
	const struct agent_settings *, const char *name, char path[PATH_MAX], struct error *);

#endif
