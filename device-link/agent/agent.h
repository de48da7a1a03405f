/*
 * agent.h - courier-agent's daemon: one thread, one loop over the cable and the
 * children.  The agent goes on without a courier; a courier is only ever told.
 */
#ifndef DEVICE_LINK_AGENT_AGENT_H
#define DEVICE_LINK_AGENT_AGENT_H

#include "device-link/agent/agent_settings.h"

/* Run until SIGTERM or SIGINT, which end it in order (true). */
NODISCARD bool agent_run(const struct agent_settings *, struct error *);

#endif
