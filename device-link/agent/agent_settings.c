#include <stdio.h>
#include <string.h>

#include "common/file.h"
#include "device-link/agent/agent_settings.h"

static const char *const reports[] = {"full", "outcome", "none", NULL};
static const char *const directions[] = {"required", "none", NULL};
static const char *const kinds[] = {"exec", "file", "mender", NULL};

/* [agent] and [installer TYPE] as they stand in the file. */
struct agent_section {
	const char *state, *link, *identity, *inventory, *device_type, *artifact, *group;
	const char *counter, *boot_id, *spool;
	struct config_list provides, gate, health, identify, reboot, set_clock, artifact_keys;
	int64_t hook_timeout, health_timeout, reserve;
	const char *tuf_root;
	int report, direction;
};

struct installer_section {
	const char *type, *target;
	int kind;
	struct config_list install, commit, rollback, running, command;
	int64_t timeout;
};

#define AGENT(member) .offset = offsetof(struct agent_section, member)
#define INSTALLER(member) .offset = offsetof(struct installer_section, member)

static const struct config_key agent_keys[] = {
	{"state", CONFIG_PATH, AGENT(state)},
	{"link", CONFIG_TEXT, AGENT(link)},
	{"identity", CONFIG_PATH, AGENT(identity)},
	{"inventory", CONFIG_PATH, AGENT(inventory)},
	{"device-type", CONFIG_PATH, AGENT(device_type)},
	{"artifact", CONFIG_TEXT, AGENT(artifact)},
	{"provides", CONFIG_WORDS, AGENT(provides)},
	{"artifact-key", CONFIG_PATH, AGENT(artifact_keys), .repeat = true},
	{"tuf-root", CONFIG_PATH, AGENT(tuf_root)},
	{"direction", CONFIG_CHOICE, AGENT(direction), .choices = directions},
	{"counter", CONFIG_TEXT, AGENT(counter)},
	{"report", CONFIG_CHOICE, AGENT(report), .choices = reports},
	{"group", CONFIG_TEXT, AGENT(group)},
	{"gate", CONFIG_WORDS, AGENT(gate)},
	{"health", CONFIG_WORDS, AGENT(health)},
	{"identify", CONFIG_WORDS, AGENT(identify)},
	{"reboot", CONFIG_WORDS, AGENT(reboot)},
	{"set-clock", CONFIG_WORDS, AGENT(set_clock)},
	{"boot-id", CONFIG_PATH, AGENT(boot_id)},
	{"hook-timeout", CONFIG_DURATION, AGENT(hook_timeout), .min = 1, .max = 3600},
	{"health-timeout", CONFIG_DURATION, AGENT(health_timeout), .min = 1, .max = 86400},
	{"spool", CONFIG_PATH, AGENT(spool)},
	{"reserve", CONFIG_SIZE, AGENT(reserve)},
};

static const struct config_key installer_keys[] = {
	{"kind", CONFIG_CHOICE, INSTALLER(kind), .required = true, .choices = kinds},
	{"install", CONFIG_WORDS, INSTALLER(install)},
	{"commit", CONFIG_WORDS, INSTALLER(commit)},
	{"rollback", CONFIG_WORDS, INSTALLER(rollback)},
	{"running", CONFIG_WORDS, INSTALLER(running)},
	{"command", CONFIG_WORDS, INSTALLER(command)},
	{"target", CONFIG_PATH, INSTALLER(target)},
	{"timeout", CONFIG_DURATION, INSTALLER(timeout), .min = 1, .max = 86400},
};

static const struct agent_section agent_defaults = {
	.state = "/var/lib/courier-agent",
	.link = "serial:/dev/ttyS1,115200",
	.identity = "/usr/share/mender/identity/mender-device-identity",
	.inventory = "/usr/share/mender/inventory",
	.device_type = "/var/lib/mender/device_type",
	.artifact = "unknown",
	.counter = "courier.counter",
	.boot_id = "/proc/sys/kernel/random/boot_id",
	.hook_timeout = 30,
	.health_timeout = 300,
	.reserve = INT64_C(4) * 1024 * 1024,
};

static const struct installer_section installer_defaults = {.timeout = 3600};

static const struct config_section sections[] = {
	{"agent", .keys = agent_keys, .key_count = COUNT(agent_keys),
		.size = sizeof(struct agent_section), .defaults = &agent_defaults},
	{"installer", .named = true, .label = offsetof(struct installer_section, type),
		.keys = installer_keys, .key_count = COUNT(installer_keys),
		.size = sizeof(struct installer_section), .defaults = &installer_defaults},
};

static const char *const *argv_of(const struct config_list *list)
{
	return list->count > 0 ? list->at : NULL;
}

static bool take_installer(const struct installer_section *section, size_t index,
	struct agent_settings *settings, struct error *err)
{
	settings->installers[index] = (struct installer_settings){
		.type = section->type,
		.kind = kinds[section->kind],
		.install = argv_of(&section->install),
		.commit = argv_of(&section->commit),
		.rollback = argv_of(&section->rollback),
		.running = argv_of(&section->running),
		.command = argv_of(&section->command),
		.target = section->target,
		.timeout_s = (int)section->timeout,
	};
	return installer_find(kinds[section->kind], &settings->kinds[index], err);
}

static bool take_installers(struct agent_settings *settings, struct error *err)
{
	size_t count = 0;
	const struct installer_section *const all
		= config_all(settings->config, "installer", &count);

	if (count > STATEMENT_TYPES_MAX)
		return error_set(err, ERROR_USAGE, "more than %d [installer] sections",
			(int)STATEMENT_TYPES_MAX);
	settings->installer_count = count;
	for (size_t i = 0; i < count; i++)
		if (!take_installer(&all[i], i, settings, err))
			return false;
	return true;
}

static void take_texts(const struct agent_section *section, struct agent_settings *settings)
{
	static const char *const usual_reboot[] = {"systemctl", "reboot", NULL};

	settings->state = section->state;
	settings->link = section->link;
	settings->identity = section->identity;
	settings->inventory = section->inventory;
	settings->device_type = section->device_type;
	settings->artifact = section->artifact;
	settings->group = section->group;
	settings->counter = section->counter;
	settings->boot_id = section->boot_id;
	settings->provides = argv_of(&section->provides);
	settings->gate = argv_of(&section->gate);
	settings->health = argv_of(&section->health);
	settings->identify = argv_of(&section->identify);
	settings->set_clock = argv_of(&section->set_clock);
	settings->reboot = section->reboot.count > 0 ? section->reboot.at : usual_reboot;
	settings->artifact_keys = argv_of(&section->artifact_keys);
	settings->artifact_key_count = section->artifact_keys.count;
	settings->tuf_root = section->tuf_root;
	settings->directed = section->direction == 0;
	settings->hook_timeout_s = (int)section->hook_timeout;
	settings->health_timeout_s = (int)section->health_timeout;
	settings->report = (enum agent_report)section->report;
	settings->reserve = (uint64_t)section->reserve;
}

static bool check_lengths(const struct agent_section *section, struct error *err)
{
	if (strlen(section->counter) > ARTIFACT_NAME_MAX)
		return error_set(err, ERROR_USAGE, "counter: over %d bytes", ARTIFACT_NAME_MAX);
	if (strlen(section->artifact) > ARTIFACT_NAME_MAX)
		return error_set(
			err, ERROR_USAGE, "artifact: over %d bytes", ARTIFACT_NAME_MAX);
	if (section->group != NULL && !certificate_id_valid(section->group))
		return error_set(err, ERROR_USAGE,
			"group: a label has at most %d of A-Z a-z 0-9 . _ -",
			CERTIFICATE_ID_MAX);
	return true;
}

static bool take(struct agent_settings *settings, struct error *err)
{
	const struct agent_section *const section = config_one(settings->config, "agent");

	take_texts(section, settings);
	if (!check_lengths(section, err) || !take_installers(settings, err))
		return false;
	if (section->spool == NULL
		&& !agent_settings_fact(settings, "spool", settings->spool, err))
		return false;
	if (section->spool != NULL
		&& (size_t)snprintf(settings->spool, PATH_MAX, "%s", section->spool)
			>= PATH_MAX)
		return error_set(err, ERROR_USAGE, "spool: path too long");
	return file_path(settings->sets, PATH_MAX, settings->spool, "metadata", err);
}

bool agent_settings_load(const char *path, struct agent_settings *out, struct error *err)
{
	CLEANUP(agent_settings_free) struct agent_settings settings = {0};

	if (!config_read(path, sections, COUNT(sections), NULL, &settings.config, err))
		return false;
	if (!take(&settings, err))
		return error_while(err, "%s", path);
	*out = settings;
	settings.config = NULL;
	return true;
}

void agent_settings_free(struct agent_settings *settings)
{
	config_free(settings->config);
	settings->config = NULL;
}

const char *agent_report_name(enum agent_report report)
{
	return reports[report];
}

bool agent_settings_installer(const struct agent_settings *settings, const char *type,
	size_t *index, struct error *err)
{
	size_t any = settings->installer_count;

	for (size_t i = 0; i < settings->installer_count; i++) {
		if (type != NULL && strcmp(settings->installers[i].type, type) == 0) {
			*index = i;
			return true;
		}
		if (strcmp(settings->installers[i].type, "*") == 0)
			any = i;
	}
	if (type == NULL || any == settings->installer_count)
		return error_set(err, ERROR_WRONG_DEVICE, "no installer for payload %s",
			type == NULL ? "(empty)" : type);
	*index = any;
	return true;
}

uint64_t agent_settings_space(const struct agent_settings *settings, uint64_t unpacked)
{
	uint64_t most = 0;

	for (size_t i = 0; i < settings->installer_count; i++) {
		const uint64_t need
			= settings->kinds[i]->space(&settings->installers[i], unpacked);

		most = need > most ? need : most;
	}
	return most;
}

bool agent_settings_fact(const struct agent_settings *settings, const char *name,
	char path[PATH_MAX], struct error *err)
{
	return file_path(path, PATH_MAX, settings->state, name, err);
}
