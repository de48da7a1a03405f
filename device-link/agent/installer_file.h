/* installer_file.h - between the files of the installer `file` only. */
#ifndef DEVICE_LINK_AGENT_INSTALLER_FILE_H
#define DEVICE_LINK_AGENT_INSTALLER_FILE_H

#include <limits.h>

#include "device-link/agent/installer.h"

/* Where payload file NAME goes. */
NODISCARD bool installer_file_target(
	const struct installer_job *, const char *name, char path[PATH_MAX], struct error *);

/* Its running(): every payload file is held against what is in its place, and that against
 * the copy kept aside. */
int installer_file_running(const struct installer_job *);

#endif
