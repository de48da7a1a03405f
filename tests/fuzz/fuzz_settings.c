/*
 * courier.conf, whatever is in it: what loads is within its limits and has what a command
 * needs; what does not load is told with the file's name.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/file.h"
#include "courier/settings.h"
#include "tests/fuzz/fuzz.h"

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void check_server(const struct settings *settings, size_t i)
{
	const struct server_settings *found = NULL;
	struct error err = {0};

	must(settings->servers[i].kind != NULL && settings->servers[i].url != NULL);
	must(settings_server(settings, settings->servers[i].name, &found, &err));
	must(strcmp(found->name, settings->servers[i].name) == 0);
}

static void check(const struct settings *settings)
{
	const struct server_settings *only = NULL;
	struct error err = {0};

	must(settings->home != NULL && settings->home[0] == '/');
	must(settings->server_count <= SETTINGS_SERVERS_MAX);
	must(settings->link_count > 0 && settings->link_count <= SETTINGS_LINKS_MAX);
	for (size_t i = 0; i < settings->link_count; i++)
		must(settings->links[i] != NULL);
	must(settings->wait_s > 0 && settings->reboot_s > 0);
	must(settings->parallel > 0 && settings->remember_s >= 0);
	for (size_t i = 0; i < settings->server_count; i++)
		check_server(settings, i);
	must(settings_server(settings, NULL, &only, &err) == (settings->server_count == 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	CLEANUP(settings_cleanup) struct settings *settings = NULL;
	CLEANUP(file_close) int fd = memfd_create("settings", MFD_CLOEXEC);
	char path[32];
	struct error err = {0};

	must(fd >= 0 && write(fd, at, len) == (ssize_t)len);
	must(setenv("COURIER_HOME", "/nowhere", 1) == 0);
	(void)snprintf(path, sizeof(path), "/dev/fd/%d", fd);
	if (settings_load(path, &settings, &err))
		check(settings);
	else
		must(settings == NULL && strncmp(err.text, path, strlen(path)) == 0);
	return 0;
}
