"""The server's clock: the machine's, moved by an offset that tests may change."""

import datetime
import time


class Clock:
    def __init__(self, offset=0.0):
        self.offset = offset

    def now(self):
        """Seconds since the epoch, as this server believes."""
        return time.time() + self.offset

    def stamp(self):
        return stamp(self.now())


def stamp(seconds):
    """RFC 3339 in UTC, as Go writes it: no trailing zeros in the fraction."""
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    fraction = ("%06d" % moment.microsecond).rstrip("0")
    return text + ("." + fraction if fraction else "") + "Z"


def parse_stamp(text):
    """Seconds since the epoch; ValueError when the text is not RFC 3339."""
    if not isinstance(text, str) or len(text) < 20 or text[10] not in "Tt":
        raise ValueError("not RFC 3339: %r" % (text,))
    head, zone = text[:19], text[19:]
    fraction = 0.0
    if zone.startswith("."):
        digits = len(zone[1:]) - len(zone[1:].lstrip("0123456789"))
        fraction = float("0" + zone[: digits + 1])
        zone = zone[digits + 1 :]
    if zone in ("Z", "z"):
        zone = "+00:00"
    moment = datetime.datetime.strptime(head.upper() + zone, "%Y-%m-%dT%H:%M:%S%z")
    return moment.timestamp() + fraction
