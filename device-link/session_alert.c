#include "device-link/session_alert.h"

/* "the device", WHAT, "courier", AFTER; RFC 8446 6.2 for the numbers. */
static const struct alert {
	unsigned number;
	enum error_code code;
	const char *what, *after;
} alerts[] = {
	{40, ERROR_FAILED, "finds no common ground with this", ": are both of today?"},
	{42, ERROR_UNAUTHORISED, "cannot read the certificate of this",
		": was it made by courier-admin?"},
	{43, ERROR_UNAUTHORISED, "does not accept a certificate of another role from this",
		": it must be issued for one"},
	{48, ERROR_UNAUTHORISED, "does not trust the certificate chain of this",
		": they belong to different fleets, or it has no certificate yet"},
	{49, ERROR_UNAUTHORISED, "denies access to this", ""},
	{51, ERROR_UNAUTHORISED, "cannot verify the signature of this",
		": its key does not fit its certificate"},
	{70, ERROR_FAILED, "speaks no TLS version of this", ": only 1.3 will do"},
	{80, ERROR_FAILED, "has trouble of its own with this", ": see its log"},
	{116, ERROR_UNAUTHORISED, "wants a certificate from this", ", and got none"},
	{120, ERROR_FAILED, "speaks another protocol than this",
		": only courier-link/1 will do"},
};

const char *session_side_text(enum session_side side)
{
	return side == SESSION_COURIER ? "courier" : "device";
}

const char *session_peer_text(enum session_side side)
{
	return session_side_text(side == SESSION_COURIER ? SESSION_DEVICE : SESSION_COURIER);
}

bool session_alert(enum session_side side, unsigned alert, struct error *err)
{
	for (size_t i = 0; i < COUNT(alerts); i++)
		if (alerts[i].number == alert)
			return error_set(err, alerts[i].code, "the %s %s %s%s",
				session_peer_text(side), alerts[i].what,
				session_side_text(side), alerts[i].after);
	return error_set(err, ERROR_MALFORMED,
		"the %s could not make sense of what it heard (TLS alert %u)",
		session_peer_text(side), alert);
}
