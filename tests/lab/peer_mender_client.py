#!/usr/bin/python3
"""Run Debian's mender-client against the stand-in server, and record what it sends.

usage: peer_mender_client.py [--record DIR]    (in a mount namespace: see peer_mender_client.sh)

For the open-source server's routes (v1) and the enterprise one's (v2): enrol and be accepted,
install an update, fail at one and send its log, be aborted during one.  The requests of each
journey are compared with those recorded earlier in vectors/mender-client/, which others take
for the real thing.  --record writes such records, DIR/<route>-<journey>.jsonl, instead.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import compare_wire  # noqa: E402
from labtool import artifact, mender_client, server_side  # noqa: E402
from labtool import journey as steps_of  # noqa: E402
from labtool.client import Admin  # noqa: E402
from labtool.home import Home  # noqa: E402

PATIENCE_S = 90
RECORDS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "vectors", "mender-client")
LOG_LINES_KEPT = 3  # in a record: the rest is the client's chatter
IDENTITY = {"mac": "02:00:00:00:00:01", "serial": "SN-0001"}
STATUS = "/status"


class Unlike(Exception):
    """The server and the client did not get on as they should."""


def is_report(status):
    def is_it(line):
        return line["path"].endswith(STATUS) and line["body"]["status"] == status
    return is_it


class Journey:
    """One server, one client, and what happens to them."""

    def __init__(self, directory, v2):
        self.home = Home(directory)
        server_side.up(self.home, v2=v2)
        artifact.signing_key(self.home, "rsa")
        self.admin = Admin(directory)
        self.client = mender_client.MenderClient(
            self.home, IDENTITY, artifact_key=artifact.key_paths(self.home, "rsa")[1])
        self.v2 = v2
        self.recorded = 0

    def stop(self):
        self.client.stop()
        self.home.stop("server")

    def wait(self, what, test):
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            found = test()
            if found:
                return found
            time.sleep(0.1)
        raise Unlike("waited in vain: " + what)

    def check(self, what, holds):
        if not holds:
            raise Unlike(what)

    def lines(self):
        with open(self.home.path("server", "requests.jsonl"), encoding="utf-8") as file:
            return [line for line in map(json.loads, file)
                    if not line["path"].startswith("/api/management/")]

    def since(self):
        """The requests of the present journey."""
        return self.lines()[self.recorded :]

    def device(self):
        return next(iter(self.admin.devices()), None)

    def enrol(self):
        """Started before anybody knows it: pending, then accepted."""
        self.client.start()
        device = self.wait("a pending device", self.device)
        self.check("pending: %s" % device["status"], device["status"] == "pending")
        self.check("identity: %s" % device["identity_data"],
                   device["identity_data"] == IDENTITY)
        self.check("one set", self.admin.accept_pending() == 1)
        self.id = device["id"]
        self.wait("inventory", lambda: self.reported("artifact_name") == "rel-1")
        self.check("list in inventory", self.reported("ip") == ["10.0.0.1", "10.0.0.2"])

    def reported(self, name):
        return self.admin.inventory(self.id).get(("inventory", name))

    def deploy(self, name, behaviour):
        self.client.behave(behaviour)
        self.admin.upload(artifact.make(self.home, name, "testmod", ["testbox"]))
        self.deployment = self.admin.deploy(name, name, [self.id])

    def row(self):
        return self.admin.rows(self.deployment).get(self.id, {"status": "unseen"})

    def wait_for(self, status):
        self.wait("status %s, have %s" % (status, self.row()["status"]),
                  lambda: self.row()["status"] == status)

    def after(self, begin, *ends):
        """Whether requests of these kinds followed, in this order, on the first that begin
        says yes to."""
        left = list(ends)
        begun = False
        for line in self.since():
            begun = begun or begin(line)
            if begun and left and line["path"].endswith(left[0]):
                left.pop(0)
        return begun and not left

    def wait_for_the_rest(self, begin):
        self.wait("inventory, and the next question",
                  lambda: self.after(begin, "/attributes", "/next"))

    def succeed(self):
        self.deploy("rel-2", "succeed")
        self.wait_for("success")
        self.wait_for_the_rest(is_report("success"))
        self.check("new name in inventory", self.reported("artifact_name") == "rel-2")
        self.check_statuses(["downloading", "installing", "success"])

    def fail(self):
        self.deploy("rel-3", "fail")
        self.wait_for("failure")
        self.wait_for_the_rest(is_report("failure"))
        self.check("a log", self.row()["log"])
        text = self.admin.log(self.deployment, self.id).body.decode()
        self.check("the module's words are in the log", "no room in the shed" in text)
        self.check("still the old one", self.reported("artifact_name") == "rel-2")
        self.check_statuses(["downloading", "installing", "failure"])

    def be_aborted(self):
        self.deploy("rel-4", "hold")
        # Earlier, between its first reports, the client drops the job and sends no inventory.
        self.wait("the module to hold", self.client.is_holding)
        self.wait_for("downloading")
        self.check("abort", self.admin.abort(self.deployment).status == 204)
        self.client.release()
        self.wait_for_the_rest(lambda line: line["status"] == 409)
        self.check("aborted stays", self.row()["status"] == "aborted")
        self.check("still the old one", self.reported("artifact_name") == "rel-2")

    def check_statuses(self, wanted):
        sent = [line["body"]["status"] for line in self.since()
                if line["path"].endswith(STATUS)]
        once = [status for at, status in enumerate(sent) if status not in sent[:at]]
        self.check("statuses %s" % sent, once == wanted)
        for line in self.since():
            if "/deployments/next" in line["path"]:
                v2 = "/v2/" in line["path"]
                self.check("v2 answered %s" % line["status"],
                           not v2 or (line["status"] == 404) == (not self.v2))

    def record(self, directory, name):
        """Keep or compare the journey's requests, and begin another."""
        journey = self.since()
        self.recorded += len(journey)
        name = "%s-%s.jsonl" % ("v2" if self.v2 else "v1", name)
        if directory is None:
            self.compare(name, journey)
            return
        os.makedirs(directory, exist_ok=True)
        path = os.path.join(directory, name)
        with open(path, "w", encoding="utf-8") as out:
            for line in journey:
                if line["path"].endswith("/log"):
                    del line["body"]["messages"][LOG_LINES_KEPT:]
                out.write(json.dumps(line, ensure_ascii=False) + "\n")

    def compare(self, name, lines):
        """Whether the record of this journey still tells the truth, both ways."""
        recorded = steps_of.steps(steps_of.read(os.path.join(RECORDS, name)))
        fresh = steps_of.steps(lines)
        for real, other in ((recorded, fresh), (fresh, recorded)):
            for difference in compare_wire.Comparison(real, other).run():
                raise Unlike("%s: %s" % (name, difference))


def run(v2, record):
    """All journeys with one server; how many went well, how many did not."""
    directory = tempfile.mkdtemp(prefix="peer-")
    journey = Journey(directory, v2)
    good = 0
    try:
        journey.enrol()
        for name, part in (("success", journey.succeed), ("failure", journey.fail),
                           ("abort", journey.be_aborted)):
            part()
            journey.record(record, name)
            good += 1
            print("%s %s: ok" % ("v2" if v2 else "v1", name), flush=True)
    except Unlike as error:
        print("%s: FAILED: %s" % ("v2" if v2 else "v1", error), flush=True)
        for line in journey.since():
            print(line["n"], line["method"], line["path"], line["body"], line["status"])
        sys.stdout.write(journey.home.read("log", "mender.log")[-4000:] + "\n")
    finally:
        journey.stop()
        shutil.rmtree(directory)
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", metavar="DIR")
    options = parser.parse_args()
    mender_client.detach_mounts()
    good = run(False, options.record) + run(True, options.record)
    print("%d passed, %d failed" % (good, 6 - good))
    return 0 if good == 6 else 1


if __name__ == "__main__":
    sys.exit(main())
