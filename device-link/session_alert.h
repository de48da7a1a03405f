/*
 * session_alert.h - what a TLS alert (RFC 8446 6) means to a technician.
 */
#ifndef DEVICE_LINK_SESSION_ALERT_H
#define DEVICE_LINK_SESSION_ALERT_H

#include "device-link/session.h"

/* Set the error to what the peer of SIDE said with ALERT, and return false. */
bool session_alert(enum session_side side, unsigned alert, struct error *);

/* "courier" or "device". */
const char *session_side_text(enum session_side);
const char *session_peer_text(enum session_side);

#endif
