/* What is wrong with this device's set-up: a line for each finding, with the remedy. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "device-link/agent/command.h"
#include "device-link/agent/describe.h"
#include "device-link/agent/tuf_store.h"
#include "device-link/link.h"

struct findings {
	const struct agent_settings *settings;
	struct trust trust;
	struct marks marks;
	struct survey survey;
	unsigned count;
	bool known; /* who the device is */
};

static void findings_free(struct findings *findings)
{
	trust_free(&findings->trust);
	survey_free(&findings->survey);
}

static void find(struct findings *findings, const char *fmt, ...) PRINTF(2, 3);
static void find(struct findings *findings, const char *fmt, ...)
{
	va_list arguments;

	va_start(arguments, fmt);
	(void)vprintf(fmt, arguments);
	va_end(arguments);
	(void)putchar('\n');
	findings->count++;
}

/* What of a file or directory is for nobody else. */
struct place {
	mode_t mode; /* bits that must not be set */
	bool own;    /* it must be the agent's; else root may have it, too */
	const char *remedy;
};

static const struct place private_place = {S_IRWXG | S_IRWXO, true, "go-rwx"};
static const struct place own_place = {S_IWGRP | S_IWOTH, true, "go-w"};
static const struct place fixed_place = {S_IWGRP | S_IWOTH, false, "go-w"};

/* A missing one is not judged. */
static void check_place(struct findings *findings, const char *path, const struct place *place)
{
	struct stat there;

	if (stat(path, &there) != 0)
		return;
	if (there.st_uid != geteuid() && (place->own || there.st_uid != 0))
		find(findings, "%s: belongs to user %u, and this is user %u: chown it", path,
			(unsigned)there.st_uid, (unsigned)geteuid());
	if ((there.st_mode & place->mode) != 0)
		find(findings, "%s: others can %s it: chmod %s it", path,
			(place->mode & S_IRGRP) != 0 ? "read" : "change", place->remedy);
}

/* Whoever reads the key is the device; whoever changes the rest decides what it installs. */
static void check_places(struct findings *findings, const char *settings_path)
{
	static const struct {
		const char *name;
		const struct place *place;
	} facts[] = {
		{"key.pem", &private_place},
		{"ring", &private_place},
		{"certificate.pem", &fixed_place},
		{"root.pem", &fixed_place},
		{"crl.pem", &fixed_place},
		{"marks.json", &fixed_place},
		{"job.json", &fixed_place},
		{"provides.json", &fixed_place},
		{"tuf", &fixed_place},
	};
	const struct agent_settings *const settings = findings->settings;
	struct error err = {0};
	char path[PATH_MAX];

	check_place(findings, settings->state, &private_place);
	check_place(findings, settings->spool, &own_place);
	check_place(findings, settings_path, &fixed_place);
	for (size_t i = 0; i < COUNT(facts); i++)
		if (agent_settings_fact(settings, facts[i].name, path, &err))
			check_place(findings, path, facts[i].place);
	if (settings->tuf_root != NULL)
		check_place(findings, settings->tuf_root, &fixed_place);
	for (size_t i = 0; i < settings->artifact_key_count; i++)
		check_place(findings, settings->artifact_keys[i], &fixed_place);
}

static void check_trust(struct findings *findings)
{
	const struct agent_settings *const settings = findings->settings;
	struct error err = {0}, tuf = {0};
	char path[PATH_MAX];

	findings->known = trust_load_own(settings, &findings->trust, &err);
	if (!findings->known) {
		find(findings, "%s", err.text);
		return;
	}
	if (!findings->trust.certified)
		find(findings,
			"this device has no certificate: give what `courier-agent request` "
			"prints to courier-admin provision, or let a courier carry it");
	if (!agent_settings_fact(settings, "marks.json", path, &err)
		|| !marks_load(path, &findings->marks, &err)
		|| !trust_load_fleet(settings, &findings->marks, &findings->trust, &err))
		find(findings, "%s", err.text);
	if (settings->artifact_key_count == 0 && settings->tuf_root == NULL)
		find(findings,
			"neither artifact-key nor tuf-root is configured: without an anchor "
			"this device installs nothing");
	if (!tuf_store_check(settings, &tuf))
		find(findings, "%s", tuf.text);
}

static void check_clock(struct findings *findings)
{
	const int64_t now = (int64_t)time(NULL);

	if (findings->marks.floor > 0 && now < findings->marks.floor)
		find(findings,
			"the clock is behind signed statements this device has seen: set "
			"it; without one a stolen courier's certificate does not expire "
			"here");
}

static void check_survey(struct findings *findings)
{
	const struct certificate_holder *const own = &findings->trust.holder;
	struct error err = {0};

	if (!survey_now(findings->settings, &findings->survey, &err)) {
		find(findings, "%s", err.text);
		return;
	}
	if (!findings->survey.good)
		find(findings, "%s", findings->survey.why);
	if (findings->known && findings->trust.certified && own->has_identity
		&& !digest_equal(&own->identity, &findings->survey.digest))
		find(findings,
			"the identity script says %s, which is not the identity in the "
			"certificate of %s: mend the script, or have the device certified "
			"again",
			findings->survey.identity, own->id);
}

static void check_installers(struct findings *findings)
{
	const struct agent_settings *const settings = findings->settings;

	if (settings->installer_count == 0)
		find(findings, "no [installer TYPE] section: this device can install nothing");
	for (size_t i = 0; i < settings->installer_count; i++) {
		struct error err = {0};

		if (!settings->kinds[i]->check(&settings->installers[i], &err))
			find(findings, "[installer %s]: %s", settings->installers[i].type,
				err.text);
	}
}

static void check_hook(struct findings *findings, const char *name, const char *const *argv)
{
	if (argv != NULL && strchr(argv[0], '/') != NULL && access(argv[0], X_OK) != 0)
		find(findings, "%s: %s cannot be run: is it there, and executable?", name,
			argv[0]);
}

static void check_hooks(struct findings *findings)
{
	const struct agent_settings *const settings = findings->settings;

	check_hook(findings, "gate", settings->gate);
	check_hook(findings, "health", settings->health);
	check_hook(findings, "identify", settings->identify);
	check_hook(findings, "reboot", settings->reboot);
	check_hook(findings, "provides", settings->provides);
	if (settings->health == NULL)
		find(findings,
			"no health hook: an update counts as healthy when its installer "
			"says it is done");
}

static void check_link(struct findings *findings)
{
	CLEANUP(link_cleanup) struct link *link = NULL;
	struct error err = {0};

	/* The daemon having it is as it should be. */
	if (!link_open(findings->settings->link, &link, &err) && err.code != ERROR_BUSY)
		find(findings, "link: %s", err.text);
}

static void check_space(struct findings *findings)
{
	struct error err = {0};
	uint64_t space = 0;

	if (!describe_space(findings->settings, &space, &err))
		find(findings, "spool: %s", err.text);
	else if (space == 0)
		find(findings, "spool: %s: no space beyond the reserve: free some",
			findings->settings->spool);
}

bool cmd_check(const struct command_line *line, struct error *err)
{
	CLEANUP(agent_settings_free) struct agent_settings settings = {0};
	CLEANUP(findings_free) struct findings findings = {.settings = &settings};

	if (line->argc > 1)
		return error_set(err, ERROR_USAGE, "check takes no arguments");
	if (!agent_settings_load(line->settings_path, &settings, err)) {
		err->code = ERROR_FAILED; /* a finding, not a wrong command */
		return false;
	}
	check_places(&findings, line->settings_path);
	check_trust(&findings);
	check_clock(&findings);
	check_survey(&findings);
	check_installers(&findings);
	check_hooks(&findings);
	check_link(&findings);
	check_space(&findings);
	if (findings.count == 0)
		return true;
	return error_set(err, ERROR_FAILED, "%u finding%s", findings.count,
		findings.count == 1 ? "" : "s");
}
