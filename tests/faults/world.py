"""A lab with one device, made to be broken: a delivery at a time, and whether all agree after."""

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
from verdict import Unlike, gather, judge, listing, need  # noqa: E402

BAUD = 4000000
SIZE = 2000  # bytes of a payload: small, so that every byte of a visit can be tried
COMMAND_S, SETTLE_TRIES = 120, 8
AGENT = """#!/bin/sh
while [ -e '{hold}' ]; do sleep 0.02; done
exec env {environment} '{agent}' "$@"
"""


class World:
    def __init__(self, build):
        self.build = os.path.abspath(build)
        self.home = Home(tempfile.mkdtemp(prefix="courier-faults-"))
        self.library = os.path.join(self.build, "tests", "faults", "libfault.so")
        self.number = 1
        self.runs, self.release = b"rel-1\n", "rel-1"
        self.struck = False  # the case's fault happened
        self.where = None  # it is one of: courier, device, cable, server
        try:
            self.begin()
        except BaseException:
            self.close()
            raise

    def begin(self):
        Lab(self.home).up(1, self.build, BAUD, cheap=True)
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
        self.shipped = self.home.path("shipped")
        for name, path in self.disks().items():
            shutil.copytree(path, os.path.join(self.shipped, name), symlinks=True)

    def disks(self):
        return {"courier": self.courier.path(), "state": self.device.path("state"),
                "software": self.device.path("software")}

    def renew(self):
        """Device and courier as new; only the server remembers."""
        self.device.stop()
        for name, path in self.disks().items():
            shutil.rmtree(path)
            shutil.copytree(os.path.join(self.shipped, name), path, symlinks=True)
        self.release, self.runs = "rel-1", b"rel-1\n"
        self.device.start(self.wrapper)

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
        self.wrapper = self.home.path("watched-agent")
        words = " ".join("%s='%s'" % pair for pair in
                         self.agent_layer.environment(hold=True).items())
        with open(self.wrapper, "w", encoding="utf-8") as out:
            out.write(AGENT.format(hold=self.agent_layer.hold, environment=words,
                                   agent=self.lab.program("agent")))
        os.chmod(self.wrapper, 0o755)
        self.device.stop()
        self.device.start(self.wrapper)

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

    def agree(self):
        """Server, courier and device tell the same story, and nothing is left over."""
        facts = gather(self)
        outcome = judge(facts)
        self.release, self.runs = facts["provides"], facts["running"]
        return outcome

    def requests(self):
        with open(self.home.path("server", "requests.jsonl"), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def courier_names(self):
        return {re.sub(r"-(wal|shm)$", "", name) for name in listing(self.courier.path())}


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
