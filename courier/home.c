#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "courier/home.h"

enum { PASSWD_MAX = 16384 /* bytes of one entry of the password database */ };

static const char *variable(const char *name)
{
	const char *const value = getenv(name);

	return value == NULL || value[0] == 0 ? NULL : value;
}

static bool join(char *path, size_t room, const char *a, const char *b, struct error *err)
{
	if (strlen(a) + strlen(b) >= room)
		return error_set(err, ERROR_USAGE, "%.200s...: path too long", a);
	(void)snprintf(path, room, "%s%s", a, b);
	return true;
}

/* ~ and then TAIL. */
static bool below_home(char *path, size_t room, const char *tail, struct error *err)
{
	const char *const home = variable("HOME");
	struct passwd entry, *found = NULL;
	char text[PASSWD_MAX];

	if (home != NULL)
		return join(path, room, home, tail, err);
	errno = getpwuid_r(getuid(), &entry, text, sizeof(text), &found);
	if (errno != 0)
		return error_errno(err, "cannot tell your home directory");
	if (found == NULL)
		return error_set(err, ERROR_USAGE,
			"you have no home directory: set HOME or COURIER_HOME");
	return join(path, room, found->pw_dir, tail, err);
}

/* TAIL in the directory that the variable XDG names, or in FALLBACK below ~. */
static bool base(char *path, size_t room, const char *xdg, const char *fallback,
	const char *tail, struct error *err)
{
	const char *const directory = variable(xdg);
	char below[PATH_MAX];

	if (directory != NULL && directory[0] == '/')
		return join(path, room, directory, tail, err);
	return join(below, sizeof(below), fallback, tail, err)
		&& below_home(path, room, below, err);
}

bool home_directory(char *path, size_t room, struct error *err)
{
	const char *const home = variable("COURIER_HOME");

	return home != NULL
		? join(path, room, home, "", err)
		: base(path, room, "XDG_STATE_HOME", "/.local/state", "/courier", err);
}

bool home_settings(char *path, size_t room, struct error *err)
{
	const char *const home = variable("COURIER_HOME");

	return home != NULL
		? join(path, room, home, "/courier.conf", err)
		: base(path, room, "XDG_CONFIG_HOME", "/.config", "/courier/courier.conf", err);
}
