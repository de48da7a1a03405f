#!/usr/bin/python3
"""A device accepts metadata and artifact together, or not at all, whatever its disk does.

usage: test_directed.py LIBFAULT DIRECTED AGENT ARTIFACTS.sh [--all | CASE...]

The real agent, started with an update that has come whole, at whose every write it is killed,
the power is cut, the disk is full or fails.  After each: what is on the disk is what was, or
what shall be; nothing that was seen is forgotten; and started again it comes to its end.
"""

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import layer  # noqa: E402
import power  # noqa: E402

LIBRARY, DIRECTED, AGENT, MAKE = sys.argv[1:5]
WANTED = sys.argv[5:]
MODES = {"kill-before": layer.KILL_BEFORE, "kill-after": layer.KILL_AFTER, "full": layer.FULL,
         "io": layer.IO, "power": layer.KILL_AFTER}
SAMPLE = 9  # events of each mode, evenly from the first to the last
PATIENCE_S, STUCK_S = 60, 1.5


class Unlike(Exception):
    pass


def need(truth, text, *more):
    if not truth:
        raise Unlike(text % more)


def read(*parts):
    with open(os.path.join(*parts), "rb") as file:
        return file.read()


def version(path):
    return json.loads(read(path))["signed"]["version"]


class Device:
    def __init__(self, directory):
        self.directory = directory
        self.state = os.path.join(directory, "state")
        self.below = [self.state, os.path.join(directory, "target")]
        self.layer = layer.Layer(LIBRARY, directory + "-layer", self.below)
        self.sets = [hashlib.sha256(read(directory, "%d.set" % n)).hexdigest() for n in (1, 2)]

    def job(self):
        try:
            return json.loads(read(self.state, "job.json"))
        except FileNotFoundError:
            return {"phase": "idle", "due": {"sequence": 0}, "metadata": {"active": "0" * 64}}

    def marks(self):
        return json.loads(read(self.state, "marks.json"))

    def bring(self, number):
        """The update, as it is when its last byte has come."""
        job = json.loads(read(self.directory, "%d.json" % number))
        sets = os.path.join(self.state, "spool", "metadata")
        os.makedirs(sets, exist_ok=True)
        for name, path in (("%d.set" % number, os.path.join(sets, job["metadata"]["digest"])),
                           ("%d.mender" % number,
                            os.path.join(self.state, "spool", job["digest"]))):
            shutil.copy(os.path.join(self.directory, name), path + ".part")
        shutil.copy(os.path.join(self.directory, "%d.json" % number),
                    os.path.join(self.state, "job.json"))

    def over(self):
        job = self.job()
        return job["phase"] == "idle" and job["due"]["sequence"] == 0

    def begun(self):
        """It has looked at what was left by the one before, and says so."""
        return b", device d1, " in read(self.directory + ".log")

    def run(self, watched):
        """Until it has nothing more to do, or is dead, or does nothing after a fault."""
        environment = dict(os.environ)
        if watched:
            environment.update(self.layer.environment())
        with open(self.directory + ".log", "wb") as log:
            agent = subprocess.Popen([AGENT, "-c", os.path.join(self.directory, "agent.conf"),
                                      "run"], env=environment, stderr=log)
        end, struck = time.monotonic() + PATIENCE_S, None
        try:
            while agent.poll() is None and not (self.begun() and self.over()):
                now = time.monotonic()
                need(now < end, "it does not come to its end")
                struck = struck or (now if watched and self.layer.struck else None)
                if struck and now > struck + STUCK_S:
                    break
                time.sleep(0.01)
        finally:
            if agent.poll() is None:
                (agent.terminate if self.over() else agent.kill)()
            agent.wait(PATIENCE_S)

    # What must be true

    def sound(self, must_be_second):
        """At any moment; MUST_BE_SECOND: it has come to its end."""
        job, tuf = self.job(), os.path.join(self.state, "tuf")
        active = job["metadata"]["active"]
        second = active == self.sets[1]
        need(active in self.sets, "the active set is %s", active)
        need(second or not must_be_second, "the second set never became active")
        need(hashlib.sha256(read(tuf, active + ".set")).hexdigest() == active,
             "the active set is not whole")
        app = read(self.directory, "target", "app")
        if not second:
            need(job["phase"] == "receiving", "%s without its metadata", job["phase"])
            need(app == b"new\n", "the target has %s", app)
        else:
            need(job["phase"] != "receiving", "metadata without their artifact")
        root, timestamp = (version(os.path.join(tuf, name)) for name in
                           ("root.json", "timestamp.json"))
        snapshot = version(os.path.join(tuf, "snapshot.json"))
        need(root in (1, 2, 3), "root %d", root)
        need(timestamp in (1, 2) and snapshot in (1, 2), "%d, %d", timestamp, snapshot)
        need(snapshot <= timestamp and (timestamp == 1 or root == 3), "out of order: %s",
             (root, timestamp, snapshot))
        sequence = self.marks()["tuf"]["sequence"]
        need(sequence in (1, 2) and (sequence == 1 or snapshot == 2), "sequence %d", sequence)
        need(not second or sequence == 2, "accepted, but the mark is %d", sequence)

    def outcome(self):
        said = subprocess.run([AGENT, "-c", os.path.join(self.directory, "agent.conf"),
                               "status", "--json"], stdout=subprocess.PIPE, check=True)
        return json.loads(said.stdout)["receipts"][-1]["outcome"]

    def settled(self, mode=None):
        """A disk that fails may fail the installer, too; it says so, and goes back."""
        self.sound(True)
        outcome, app = self.outcome(), read(self.directory, "target", "app")
        may_fail = mode in ("full", "io")
        need(outcome == "CONFIRMED" or (may_fail and outcome == "ROLLED_BACK"), "%s", outcome)
        need(app == (b"newer\n" if outcome == "CONFIRMED" else b"new\n"), "%s, but %s runs",
             outcome, app)
        need(os.listdir(os.path.join(self.state, "spool")) in ([], ["metadata"]),
             "left in the spool: %s", os.listdir(os.path.join(self.state, "spool")))
        need(os.listdir(os.path.join(self.state, "spool", "metadata")) == [], "a set is left")
        need(sorted(name for name in os.listdir(os.path.join(self.state, "tuf"))
                    if name.endswith(".set")) == [self.sets[1] + ".set"], "two sets are left")


class Test:
    def __init__(self, directory):
        artifacts = os.path.join(directory, "artifacts")
        os.mkdir(artifacts)
        subprocess.run(["sh", MAKE, artifacts], check=True, stdout=subprocess.DEVNULL)
        self.home = os.path.join(directory, "device")
        os.mkdir(self.home)
        subprocess.run([DIRECTED, self.home, artifacts], check=True)
        self.device = Device(os.path.realpath(self.home))
        self.device.bring(1)
        self.device.run(False)
        need(self.device.over(), "the first update")
        self.device.bring(2)
        self.kept = directory + "/kept"
        os.mkdir(self.kept)
        for path in self.device.below:
            shutil.copytree(path, os.path.join(self.kept, os.path.basename(path)))

    def renew(self):
        for path in self.device.below:
            shutil.rmtree(path)
            shutil.copytree(os.path.join(self.kept, os.path.basename(path)), path)

    def events(self):
        """How many there are, when nothing goes wrong."""
        self.renew()
        self.device.layer.arm(layer.NONE, 0)
        self.device.run(True)
        self.device.settled()
        return self.device.layer.count

    def play(self, case):
        mode, target = case.split("/")
        chance = random.Random(case)
        self.renew()
        disk = power.Disk(self.device.below)
        self.device.layer.arm(MODES[mode], int(target))
        self.device.run(True)
        struck = self.device.layer.struck
        if struck and mode == "power":
            disk.replay(self.device.layer.records())
            disk.cut(chance)
        self.device.sound(not struck)
        self.device.run(False)
        self.device.settled(mode)
        return struck

    def cases(self, count):
        if WANTED and WANTED != ["--all"]:
            return WANTED
        step = 1 if WANTED else max(1, count // SAMPLE)
        return ["%s/%d" % (mode, event) for mode in MODES
                for event in range(1, count + 1, step)]


def main():
    passed = failed = missed = 0
    directory = tempfile.mkdtemp(prefix="courier-directed-")
    try:
        test = Test(directory)
        count = test.events()
        print("%d events" % count)
        for case in test.cases(count):
            try:
                missed += not test.play(case)
                passed += 1
            except (Unlike, OSError, KeyError, ValueError) as error:
                failed += 1
                print("%s: %s: %s" % (case, type(error).__name__, error))
                print(read(test.device.directory + ".log").decode(errors="replace")[-1500:])
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    print("%d faults never came" % missed)
    print("%d passed, %d failed" % (passed, failed))
    return failed > 0 or missed > passed // 4


if __name__ == "__main__":
    sys.exit(main())
