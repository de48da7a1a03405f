/*
 * home.h - where things are (XDG Base Directory Specification 0.8).
 *
 *			COURIER_HOME set	otherwise
 *	store		$COURIER_HOME		$XDG_STATE_HOME/courier, ~/.local/state/courier
 *	courier.conf	$COURIER_HOME/		$XDG_CONFIG_HOME/courier/, ~/.config/courier/
 *
 * Variables that are empty count as not set, and so do XDG ones that are not absolute,
 * as the specification wants.  ~ is $HOME, or what the password database says.
 */
#ifndef COURIER_HOME_H
#define COURIER_HOME_H

#include <stddef.h>

#include "common/error.h"

/* The directory of the store.  PATH of ROOM characters; PATH_MAX is enough. */
NODISCARD bool home_directory(char *path, size_t room, struct error *);
/* The configuration file, when no other was named. */
NODISCARD bool home_settings(char *path, size_t room, struct error *);

#endif
