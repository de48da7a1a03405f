/* link_master.h - the far end of a pty as a link, for a device whose cable a test pulls. */
#ifndef TESTS_LINK_MASTER_H
#define TESTS_LINK_MASTER_H

#include "device-link/link.h"

/* FD, non-blocking, is borrowed. */
NODISCARD bool link_master_new(int fd, struct link **, struct error *);

#endif
