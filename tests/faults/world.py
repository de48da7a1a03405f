"""A lab with one device, made to be broken: a delivery at a time, and whether all agree after."""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lab")]

from labtool import artifact, client, view  # noqa: E402
from labtool.home import Home, LabError  # noqa: E402
from labtool.loop import Lab  # noqa: E402
from layer import Layer  # noqa: E402

BAUD = 4000000
SIZE = 2000  # bytes of a payload: small, so that every byte of a visit can be tried
COMMAND_S, SETTLE_TRIES = 120, 8
TERMINAL = {"CONFIRMED": "success", "ROLLED_BACK": "failure", "REFUSED": "failure",
            "FAILED": "failure"}
AGENT = """#!/bin/sh
while [ -e '{hold}' ]; do sleep 0.02; done
exec env {environment} '{agent}' "$@"
"""


class Unlike(Exception):
    """Server, courier and device do not agree, or something never ends."""


def need(ok, text, *more):
    if not ok:
        raise Unlike(text % more if more else text)


def listing(directory, skip=()):
    """Names of all files and directories below."""
    found = set()
    for path, directories, files in os.walk(directory):
        for name in directories + files:
            inner = os.path.relpath(os.path.join(path, name), directory)
            if inner.split("/")[0] not in skip:
                found.add(inner)
    return found


class World:
    def __init__(self, build):
        self.build = os.path.abspath(build)
        self.home = Home(tempfile.mkdtemp(prefix="courier-faults-"))
        self.library = os.path.join(self.build, "tests", "faults", "libfault.so")
        self.number = 1
        self.runs = "rel-1\n".encode()
        self.release = "rel-1"
        try:
            self.begin()
        except BaseException:
            self.close()
            raise

    def begin(self):
        Lab(self.home).up(1, self.build, BAUD)
        self.lab = Lab(self.home)
        self.device = self.lab.devices[0]
        self.courier = self.lab.courier()
        self.configure()
        self.admin = client.Admin(self.home.directory)
        self.courier_layer = Layer(self.library, self.home.path("layer-courier"),
                                   [self.courier.path()])
        self.agent_layer = Layer(self.library, self.home.path("layer-agent"),
                                 [self.device.path("state"), self.device.path("software")])
        self.watch_agent()
        self.must("sync")
        self.names = listing(self.device.path("state"), ("ring",)), self.courier_names()

    def configure(self):
        """One thing at a time, and nothing waits for long."""
        path = self.courier.path("/courier.conf")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace("parallel = 4", "parallel = 1")
                       .replace("wait = 15s", "wait = 6s"))
        with open(self.device.path("boot-seconds"), "w", encoding="ascii") as file:
            file.write("0.1\n")

    def watch_agent(self):
        """From now on the device's agent has the layer below it."""
        wrapper = self.home.path("watched-agent")
        words = " ".join("%s='%s'" % pair for pair in
                         self.agent_layer.environment(hold=True).items())
        with open(wrapper, "w", encoding="utf-8") as out:
            out.write(AGENT.format(hold=self.agent_layer.hold, environment=words,
                                   agent=self.lab.program("agent")))
        os.chmod(wrapper, 0o755)
        self.device.stop()
        self.device.start(wrapper)

    def replug(self, *options):
        """Another cable; what the former one carried: (to the device, from it) in bytes."""
        stats = self.home.path("cable")
        self.home.stop(self.device.relay)
        try:
            with open(stats, encoding="ascii") as file:
                told = json.load(file)
            os.unlink(stats)
        except FileNotFoundError:
            told = None
        self.device.plug(self.lab.program("relay"), ["--stats", stats, *options], BAUD)
        return told and (told["a2b"]["in"], told["b2a"]["in"])

    def tell(self):
        """What a failure's reader wants to know."""
        lines = []
        for watched in (self.courier_layer, self.agent_layer):
            target = watched.fields()[1]
            lines += [str(one) for one in watched.records()
                      if target - 4 <= one.number <= target + 2]
        with open(self.home.path("log", self.device.machine + ".log"), encoding="utf-8",
                  errors="replace") as file:
            lines += file.read().split("\n")[-25:]
        return lines + ["journal: " + " ".join(self.device.journal()[self.journal_at:])]

    def close(self):
        for name in self.home.processes():
            self.home.stop(name)
        shutil.rmtree(self.home.directory, ignore_errors=True)

    # Commands

    def run(self, *arguments, watched=False):
        environment = self.courier.environment()
        if watched:
            environment.update(self.courier_layer.environment())
        return subprocess.run(self.courier.command(arguments), env=environment,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, encoding="utf-8", check=False,
                              timeout=COMMAND_S)

    def must(self, *arguments):
        done = self.run(*arguments)
        need(done.returncode == 0, "courier %s: status %d: %s%s", " ".join(arguments),
             done.returncode, done.stdout, done.stderr)
        return done.stdout

    def status(self):
        return json.loads(self.must("--json", "status"))

    def store(self):
        done = subprocess.run([os.path.join(self.build, "tests", "faults", "fault-tell-store"),
                               self.courier.path(), self.home.path("passphrase")],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                              encoding="utf-8")
        need(done.returncode == 0, "%s", done.stderr)
        return json.loads(done.stdout)

    # A delivery

    def deploy(self, kind):
        """Something new for the device to install; kind: lab-exec or lab-file."""
        self.number += 1
        self.before, self.old = self.release, self.runs
        self.wanted = "rel-%d" % self.number
        path = artifact.make(self.home, self.wanted, kind, ["testbox"], size=SIZE,
                             counter=self.number)
        self.new = artifact.payload_bytes(self.wanted, SIZE)
        self.admin.upload(path)
        self.deployment = self.admin.deploy("d%d" % self.number, self.wanted, None)
        self.journal_at = len(self.device.journal())

    def settle(self):
        """Run again, as a technician would, until there is nothing left to do."""
        said = []
        for at in range(SETTLE_TRIES):
            time.sleep(min(at, 2))  # a server may have asked for some peace
            for words in (("sync",), ("deliver",), ("sync",)):
                done = self.run(*words)
                said.append("%s: %d %s%s" % (words[0], done.returncode, done.stdout,
                                             done.stderr))
            status = self.status()
            if status["outstanding"] == 0 and status["unsent"] == 0 and self.over():
                return
        raise Unlike("never done: %s\n%s" % (status, "".join(said[-6:])))

    def row(self):
        """What the server says of this deployment."""
        for device in view.state(self.admin):
            for one in device["deployments"]:
                if one["deployment"] == self.deployment and device["identity"] == (
                        self.device.identity):
                    return one, device
        raise Unlike("the server forgot the deployment")

    def over(self):
        return self.row()[0]["status"] in ("success", "failure")

    # After it

    def receipts(self):
        """Those of the device: [(envelope, statement)], with no gap and in one chain."""
        directory = self.device.path("state", "ring")
        found, previous = [], None
        names = sorted(name for name in os.listdir(directory) if name.endswith(".receipt"))
        for name in names:
            with open(os.path.join(directory, name), "rb") as file:
                envelope = file.read()
            receipt = json.loads(base64.b64decode(json.loads(envelope)["payload"]))
            need(receipt["sequence"] == int(name.split(".")[0]), "%s is another", name)
            if previous is not None:
                need(receipt["sequence"] == found[-1][1]["sequence"] + 1, "a gap before %s", name)
                need(receipt["previous"] == previous, "%s does not follow", name)
            for part in ("log", "inventory"):
                path = os.path.join(directory, name.replace("receipt", part))
                with open(path, "rb") as file:
                    need(hashlib.sha256(file.read()).hexdigest() == receipt[part],
                         "%s is not what was signed", path)
            previous = hashlib.sha256(envelope).hexdigest()
            found.append((envelope, receipt))
        return found

    def agree(self):
        """Server, courier and device tell the same story, and nothing is left over."""
        receipts = self.receipts()
        ours = [one for _, one in receipts if one["deployment"] == self.deployment]
        final = [one for one in ours if one["outcome"] in TERMINAL]
        need(len(final) == 1, "%d final receipts", len(final))
        need(ours[-1] is final[0] and len(ours) <= 2, "receipts: %s",
             [one["outcome"] for one in ours])
        self.check_device(final[0])
        self.check_server(final[0], receipts)
        self.check_courier(receipts)
        return final[0]["outcome"]

    def check_device(self, final):
        confirmed = final["outcome"] == "CONFIRMED"
        if final["outcome"] == "FAILED":  # says by itself: look what it runs
            need(self.device.software() in (self.new, self.old), "it runs neither")
        else:
            need(self.device.software() == (self.new if confirmed else self.old),
                 "%s, but it runs something else", final["outcome"])
        need(final["after"] == (self.wanted if confirmed else self.before),
             "%s, but after is %s", final["outcome"], final["after"])
        need(self.provided() == final["after"], "it provides %s", self.provided())
        told = self.device.journal()[self.journal_at:]
        if "commit" in told:
            need("install" not in told[told.index("commit"):], "installed twice: %s", told)
        left = listing(self.device.path("state"), ("ring",)) - self.names[0]
        left -= {"provides.json", "spool"}
        need(not left, "left on the device: %s", sorted(left))
        left = listing(self.device.path("state", "ring"))
        left = {name for name in left if not re.fullmatch(r"\d{16}\.(receipt|log|inventory)", name)}
        need(not left, "left in the ring: %s", sorted(left))
        left = listing(self.device.path("software")) - {"running", "journal"}
        left -= {"previous"} if final["outcome"] == "FAILED" else set()
        need(not left, "left by the installer: %s", sorted(left))
        self.release, self.runs = final["after"], self.device.software()

    def provided(self):
        """The name of what the agent believes to run."""
        try:
            with open(self.device.path("state", "provides.json"), "rb") as file:
                return json.load(file)["artifact_name"]
        except FileNotFoundError:
            return "rel-1"  # as shipped

    def check_server(self, final, receipts):
        row, device = self.row()
        need(row["status"] == TERMINAL[final["outcome"]], "%s, but the server says %s",
             final["outcome"], row["status"])
        told = device["inventory"].get("inventory", {})
        need(told.get("artifact_name") == final["after"], "the server believes it runs %s",
             told.get("artifact_name"))
        envelope = next(text for text, one in receipts if one is final)
        payload = json.loads(envelope)["payload"]
        need(payload in (row["log"] or ""), "the server lacks the receipt")
        outcomes = {one["body"]["status"] for one in self.requests()
                    if one["method"] == "PUT" and one["path"].endswith(
                        "/%s/status" % self.deployment)
                    and isinstance(one["body"], dict)
                    and one["body"].get("status") in ("success", "failure")}
        need(len(outcomes) == 1, "outcomes told: %s", outcomes)

    def requests(self):
        with open(self.home.path("server", "requests.jsonl"), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def courier_names(self):
        return {re.sub(r"-(wal|shm)$", "", name) for name in listing(self.courier.path())}

    def check_courier(self, receipts):
        store = self.store()
        ours = [one for one in store["parcels"] if one["deployment"] == self.deployment]
        need([one["state"] for one in ours] == ["reported"], "parcels: %s", ours)
        kept = [one["sequence"] for one in store["receipts"]]
        need(kept == list(range(1, len(kept) + 1)), "receipts here: %s", kept)
        need(kept[-1] == receipts[-1][1]["sequence"], "a receipt is missing: %s", kept)
        need(all(one["sent"] and one["verified"] for one in store["receipts"]), "unsent: %s",
             store["receipts"])
        status = self.status()
        for name in ("done", "outstanding", "failed", "unsent", "unverified", "problems"):
            need(status[name] == 0, "status: %s", status)
        left = self.courier_names() - self.names[1]
        need(not left, "left on the courier: %s", sorted(left))


class Keeper(threading.Thread):
    """Lets the device's agent live again after a kill; before that, may take its power."""

    def __init__(self, world, disk=None, random=None):
        super().__init__(daemon=True)
        self.world, self.disk, self.random = world, disk, random
        self.over = threading.Event()
        self.failed = None

    def run(self):
        try:
            self.keep()
        except Exception as error:  # told by whoever waits for this thread
            self.failed = error

    def keep(self):
        layer, device = self.world.agent_layer, self.world.device
        while not self.over.wait(0.01):
            if not os.path.exists(layer.hold):
                continue
            dead = str(layer.fields()[4])
            while self.pid() in (None, dead):
                time.sleep(0.01)
            layer.disarm()
            if self.disk is not None:
                self.disk.replay(layer.records())
                self.disk.cut(self.random)
                self.reboot(device)
            os.unlink(layer.hold)

    def reboot(self, device):
        """What the lab's machine does."""
        following = device.path("software", "next")
        if os.path.exists(following):
            os.rename(following, device.path("software", "running"))
        with open(device.path("boot-id"), "w", encoding="ascii") as out:
            out.write("%s\n" % uuid.UUID(int=self.random.getrandbits(128)))

    def pid(self):
        try:
            with open(self.world.device.path("agent.pid"), encoding="ascii") as file:
                return file.read().strip()
        except FileNotFoundError:
            return None

    def stop(self):
        self.over.set()
        self.join()
        if self.failed is not None:
            raise self.failed
