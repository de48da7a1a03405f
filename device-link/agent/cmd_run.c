#include "device-link/agent/agent.h"
#include "device-link/agent/command.h"

bool cmd_run(const struct command_line *line, struct error *err)
{
	CLEANUP(agent_settings_free) struct agent_settings settings = {0};

	if (line->argc > 1)
		return error_set(err, ERROR_USAGE, "run takes no arguments");
	return agent_settings_load(line->settings_path, &settings, err)
		&& agent_run(&settings, err);
}
