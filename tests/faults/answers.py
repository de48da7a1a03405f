"""A server that fails at one request of a sync, in each way the lab can produce."""

import re

from verdict import need

HTML = "<!doctype html><title>Log in</title><p>Welcome to the hotel's network."
DEVICE = r"^/(api/devices/|mender-artifact-storage/)"
WAYS = {
    **{"status-%d" % status: {"action": "status", "status": status}
       for status in (401, 403, 404, 409, 500, 503)},
    "status-429": {"action": "status", "status": 429, "retry_after": 1},
    "reset-before": {"action": "reset-before"},
    "reset-after": {"action": "reset-after"},
    "reset-body": {"action": "reset-body", "after_bytes": 3},
    "truncate": {"action": "truncate", "after_bytes": 3},
    "html": {"action": "replace", "body": HTML, "content_type": "text/html"},
    "expired": {"action": "expired"},
}
# What a server says on purpose: it does not want that deployment to go on, or to be told.
FINAL = ("status-404", "status-409")


class Requests:
    """The N-th request of the first sync (STEP 0: it fetches), or of the last (2: it reports)."""

    weight = 1

    def __init__(self, name, step):
        self.name, self.step = name, step

    def begin(self, world):
        world.installs, world.where = "lab-exec", "server"
        for what in ("install", "health"):
            world.device.say(what, 0)
        world.deploy("lab-exec")
        for words in (("sync",), ("deliver",))[: self.step]:
            world.must(*words)

    def cases(self, world):
        self.begin(world)
        before = len(world.requests())
        world.must("sync")
        count = sum(1 for one in world.requests()[before:] if re.match(DEVICE, one["path"]))
        world.settle()
        world.agree()
        return ["%s/%d" % (way, at) for way in WAYS for at in range(1, count + 1)]

    def play(self, world, what, seed):
        way, at = what.split("/")
        self.begin(world)
        world.admin.control(do="fault", path=DEVICE, skip=int(at) - 1, count=1, **WAYS[way])
        try:
            done = world.run("sync")
            need(done.returncode in range(50), "crashed: %s", done)
        finally:
            faults = world.admin.control(do="faults")["faults"]
            world.struck = any(one["hits"] for one in faults)
            world.admin.control(do="clear")
        world.settle()
        return world.agree()


POINTS = (Requests("server-fetch", 0), Requests("server-report", 2))
