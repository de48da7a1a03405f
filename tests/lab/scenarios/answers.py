"""A server that answers what no Mender would: nothing is lost, nothing is believed.

Each fault is switched on for one sync, which must say so and exit in order; then it is
switched off, and the same deployment succeeds.
"""

from .stage import ANY, SOME, check, said, same

HUGE = 3 << 20  # bytes, more than any answer may have
NEXT = "/deployments/device/deployments/next"
AUTH = "/authentication/auth_requests"
STATUS = "/status$"
ATTRIBUTES = "/inventory/device/attributes"
WRONG = (None, 7, "", [], True, "x" * 70000)  # the last one is huge
ORDERLY = (0, 1, SOME, 3, 10)
PORTAL = "<!doctype html><title>Welcome aboard</title><p>Please log in to the ship's network."


def fault(stage, **fields):
    stage.admin.control(do="fault", count=0, **fields)


def clear(stage):
    stage.admin.control(do="clear")


def is_open(stage, update):
    """Nothing that a server said has ended it."""
    row = stage.admin.rows(update.deployment).get(stage.server_id(update.devices[0]), {})
    check(row.get("status") not in ("success", "failure"), "closed: %s", row)


def tried(stage, update, what, statuses=ORDERLY):
    """A sync under the fault ends in order, one way or another."""
    done = stage.courier.run("sync", timeout=60)
    check(done.returncode in statuses, "%s: %s", what, said(done))
    is_open(stage, update)
    clear(stage)
    return done


def refused(stage, update, what):
    """It says what is wrong, in one line for the device."""
    done = tried(stage, update, what, (1, SOME, 10))
    check(update.devices[0].id in done.stdout, "sync does not name the device: %s", said(done))
    check("carrying" not in done.stdout, "%s: %s", what, said(done))


def mended(stage, update):
    clear(stage)
    stage.bring(update)
    stage.runs(update.devices[0], update)
    update.ended(update.devices[0], "success")


def nested(names, value):
    for name in reversed(names):
        value = {name: value}
    return value


JSON = "application/json"
RUBBISH = ((PORTAL, "text/html"), ("{", JSON), ("[" * 5000, JSON), ("", JSON),
           ("\0\x01\x02", JSON), ("1e999", JSON), ('{"a":' * 3000, JSON), ("x" * HUGE, JSON))
FIELDS = (("id",), ("artifact",), ("artifact", "id"), ("artifact", "artifact_name"),
          ("artifact", "source"), ("artifact", "source", "uri"),
          ("artifact", "source", "expire"), ("artifact", "device_types_compatible"))
# Without these one can do: when a URL ends is tried out, and the artifact says its types.
OPTIONAL = {("artifact", "source", "expire"), ("artifact", "device_types_compatible")}
LONG = ("artifact", "id")  # of a configuration; it is only compared


def fields_of_next(stage):
    """'next' with each field missing, of another type, or huge"""
    update = stage.update(stage.devices[0])
    for names in FIELDS:
        for value in WRONG:
            fault(stage, path=NEXT, action="merge", fields=nested(names, value))
            may_be = names in OPTIONAL or (names == LONG and value == WRONG[-1])
            try_one = tried if may_be else refused
            try_one(stage, update, "%s %.20r" % (".".join(names), value))
    mended(stage, update)


def strange_urls(stage):
    """'next' with a download URL that is none, or leads elsewhere"""
    update = stage.update(stage.devices[0])
    for uri in ("file:///etc/passwd", "ftp://localhost/x", "http://localhost/x", "//x", "x",
                "https://localhost:1/x", "https://user:pw@localhost/x", "https://lo\ncalhost/",
                "javascript:alert(1)", "https://" + "a" * 5000):
        fault(stage, path=NEXT, action="merge",
              fields={"artifact": {"source": {"uri": uri}}})
        refused(stage, update, uri)
    mended(stage, update)


def portals(stage):
    """a portal's page, rubbish, or megabytes in the place of each answer"""
    update = stage.update(stage.devices[0])
    for path in (NEXT, AUTH, STATUS, ATTRIBUTES, "mender-artifact-storage"):
        for body, kind in RUBBISH:
            fault(stage, path=path, action="replace", body=body, content_type=kind)
            tried(stage, update, "%s %.20r" % (path, body))
    mended(stage, update)


def every_status(stage):
    """every status a server or a proxy can give, for each request"""
    update = stage.update(stage.devices[0])
    for path in (NEXT, AUTH, STATUS, ATTRIBUTES, "mender-artifact-storage"):
        for status in (204, 302, 400, 401, 403, 404, 407, 409, 413, 422, 500, 502, 503):
            if (path, status) == (STATUS, 409):
                continue  # aborted: what it means is tried in trouble.py
            fault(stage, path=path, action="status", status=status, body=PORTAL)
            tried(stage, update, "%s %d" % (path, status))
    mended(stage, update)


def reports_of_an_outcome(stage):
    """an outcome is kept, whatever the server says to it, until it takes it"""
    device = stage.devices[0]
    update = stage.update(device)
    stage.sync()
    stage.deliver(device.id)
    for path in (STATUS, "/log$", ATTRIBUTES):
        for how in ({"action": "status", "status": 500}, {"action": "reset-before"},
                    {"action": "replace", "status": 200, "body": PORTAL,
                     "content_type": "text/html"}):
            fault(stage, method="PUT", path=path, **how)
            done = stage.courier.run("sync", timeout=60)
            check(done.returncode in ORDERLY, "%s: %s", path, said(done))
            clear(stage)
    stage.sync(status=ANY)
    update.ended(device, "success")
    same(stage.receipt(update, device)["outcome"], "CONFIRMED", "the receipt's outcome")


def a_portal_takes_no_outcome(stage):
    """a portal that answers a report with its own page has not taken it"""
    device = stage.devices[0]
    update = stage.update(device)
    stage.sync()
    stage.deliver(device.id)
    fault(stage, method="PUT", path=STATUS, action="replace", status=200, body=PORTAL,
          content_type="text/html")
    stage.sync(status=SOME)
    clear(stage)
    stage.sync()
    update.ended(device, "success")


SCENARIOS = (fields_of_next, strange_urls, portals, every_status, reports_of_an_outcome,
             a_portal_takes_no_outcome)
