#!/usr/bin/python3
"""A fleet, not two devices.

usage: test_scale.py COURIER TRIP_TOOL METER [TEST...]

Memory is the most that was ever resident.  The passphrase of these stores is cheap to
stretch: unlocking a real one takes 64 MiB for a quarter of a second, and gives them back.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import threading
import time
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "lab")]

import tuf_repository  # noqa: E402
from labtool.client import DEPLOYMENTS  # noqa: E402
from labtool.repository_side import RepositorySide  # noqa: E402
from labtool.trip import Trip  # noqa: E402

COURIER = TRIP_TOOL = METER = None
MEMORY_KIB = 28 << 10  # the limit is 32 MiB: some of it is for what a fleet may yet bring
DEVICES, PARALLEL = 1000, 32
ARTIFACT = 12 << 20  # bytes: does not fit what may be resident beside the program
ONE = "pump-00003"


class Base(unittest.TestCase):
    trip = None

    def enrol(self, count):
        """A courier that is to serve so many devices."""
        self.trip = Trip(COURIER, TRIP_TOOL)
        self.addCleanup(self.trip.done)
        for number in range(count):
            self.trip.device("pump-%05d" % number, label="Pump %d" % number)
        self.trip.hand_over()

    def readers(self):
        """Every command that only reads, by the program's own table; with a device named, too."""
        told = self.trip.courier("help")
        readers = [(one["command"],) for one in told if one["reads"]]
        self.assertGreater(len(readers), 2)
        return readers + [(one["command"], ONE) for one in told
                          if one["reads"] and "DEVICE" in one["arguments"]]

    def run_metered(self, command, words=(), status=0):
        """What COMMAND cost; WORDS come before it."""
        meter = self.trip.path("meter")
        done = subprocess.run([METER, meter, *words, *command], check=False,
                              env=self.trip.environment(), stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE)
        with open(meter, encoding="utf-8") as file:
            cost = json.load(file)
        self.assertEqual(cost["status"], status, (command, done.stderr.decode()[-2000:]))
        return cost

    def courier(self, *words, status=0):
        return self.run_metered(self.trip.arguments(*words), status=status)


class Sync(Base):
    """Each test has releases of its own; the fleet is the same."""

    @classmethod
    def setUpClass(cls):
        cls.trip = Trip(COURIER, TRIP_TOOL)
        cls.addClassCleanup(cls.trip.done)
        for number in range(DEVICES):
            cls.trip.device("pump-%05d" % number, label="Pump %d" % number)
        cls.trip.hand_over()
        cls.trip.preauthorise()
        with open(os.path.join(cls.trip.home, "courier.conf"), "a", encoding="utf-8") as file:
            file.write("\n[sync]\nparallel = %d\n" % PARALLEL)
        cls.trip.sync()
        cls.ids = {one["identity_data"]["serial"]: one["id"] for one in cls.trip.admin.devices()
                   if "serial" in one["identity_data"]}
        cls.number = 1

    def setUp(self):
        """What an earlier test deployed is over."""
        for deployment in self.trip.admin.must("GET", DEPLOYMENTS + "/deployments").json():
            if deployment["status"] != "finished":
                self.trip.admin.abort(deployment["id"])
        self.since = self.trip.mark()

    def release(self, devices, **options):
        Sync.number += 1
        name = "rel-%d" % self.number
        artifact = self.trip.release(name, counter=self.number, **options)
        self.trip.admin.deploy(name, name, [self.ids[one] for one in devices])
        return artifact

    def downloads(self):
        return [line for line in self.trip.requests("GET ", self.since)
                if "/api/" not in line["path"]]

    def begin(self):
        process = subprocess.Popen(self.trip.arguments("sync"), stdout=subprocess.PIPE,
                                   env=self.trip.environment())
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def held(self):
        return sum(fault["hits"] for fault in self.trip.admin.control(do="faults")["faults"])

    def test_as_many_at_once_as_are_allowed_share_an_artifact_in_bounded_memory(self):
        self.release(self.ids, size=ARTIFACT)
        self.trip.fault(action="hold", path="/next", count=PARALLEL)
        told = []
        thread = threading.Thread(target=lambda: told.append(self.courier("sync")))
        thread.start()
        self.addCleanup(thread.join)
        while self.held() < PARALLEL and thread.is_alive():
            time.sleep(0.05)
        self.assertEqual(self.held(), PARALLEL)  # all of them wait now, each for its answer
        self.trip.admin.control(do="clear")
        thread.join()
        print("%d devices, %d at once: %.1f MiB" % (
            DEVICES, PARALLEL, told[0]["memory_kib"] / 1024))
        self.assertLess(told[0]["memory_kib"], MEMORY_KIB)
        self.assertEqual(len(self.downloads()), 1)
        facts = self.trip.courier("plan")
        self.assertEqual([fact["state"] for fact in facts], ["ready"] * DEVICES)
        since = self.trip.mark()
        facts = self.trip.sync()
        self.assertEqual(sum(fact["carrying"] for fact in facts.values()), DEVICES)
        self.assertEqual(len(self.downloads()), 1)
        # next and claim for each; one from each connection that asks for a newer API; and the
        # courier's own inventory: no chatter
        self.assertLessEqual(self.trip.mark() - since, 2 * DEVICES + PARALLEL + 20)

    def all_but(self, process, slow):
        told = [json.loads(process.stdout.readline()) for _ in range(DEVICES - 1)]
        self.assertTrue(all(fact["carrying"] for fact in told))
        self.assertNotIn(slow, [fact["device"] for fact in told])
        self.assertIsNone(process.poll())
        self.trip.admin.control(do="clear")
        last = json.loads(process.stdout.readline())
        self.assertEqual((last["device"], last["carrying"]), (slow, True))
        self.assertEqual(process.wait(), 0)

    def test_a_slow_device_delays_no_other(self):
        slow = "pump-00007"
        self.release(self.ids)
        self.trip.fault(action="hold", path="/next", device=self.ids[slow])
        self.all_but(self.begin(), slow)
        self.assertEqual(len(self.downloads()), 1)

    def test_a_slow_artifact_delays_none_but_who_wants_it(self):
        slow = "pump-00011"
        artifact = self.release([slow], size=300000)
        self.release([one for one in self.ids if one != slow], size=300000)
        self.trip.fault(action="hold", method="GET", path="^/(?!api).*" + artifact)
        self.all_but(self.begin(), slow)
        self.assertEqual(len(self.downloads()), 2)


class Reading(Base):
    """The cost of what only reads, and of what every command begins with."""

    def fill(self, count):
        """A store with so many devices, all visited, each with a parcel."""
        self.enrol(count)
        self.trip.tool("fill", self.trip.home, self.trip.path("passphrase"))

    def instructions(self, *words):
        out = self.trip.path("counted")
        self.run_metered(self.trip.arguments(*words), (
            "valgrind", "-q", "--tool=cachegrind", "--cache-sim=no",
            "--cachegrind-out-file=" + out))
        with open(out, encoding="utf-8") as file:
            return int(re.search(r"^summary: (\d+)", file.read(), re.M).group(1))

    def counted(self, count):
        self.fill(count)
        return {words: self.instructions(*words) for words in self.readers()}

    def test_instructions_grow_no_faster_than_the_number_of_devices(self):
        few, some, many = self.counted(20), self.counted(100), self.counted(500)
        for words in few:
            first = (some[words] - few[words]) / 80
            then = (many[words] - some[words]) / 400
            print("%-20s %9.0f instructions for each device, then %9.0f"
                  % (" ".join(words), first, then))
            self.assertLess(then, 1.1 * first + 2000, words)

    def content(self):
        """Of every file of the store."""
        found = {}
        for path, _, files in os.walk(self.trip.home):
            for name in files:
                with open(os.path.join(path, name), "rb") as file:
                    found[os.path.join(path, name)] = hashlib.sha256(file.read()).hexdigest()
        return found

    def measure(self, words, status=0):
        cost = self.courier(*words, status=status)
        cost["cpu_s"] = cost["user_s"] + cost["system_s"]
        print("%-26s %6.2f s CPU, %5.1f MiB" % (
            " ".join(os.path.basename(word) for word in words), cost["cpu_s"],
            cost["memory_kib"] / 1024), flush=True)
        self.assertLess(cost["memory_kib"], MEMORY_KIB, words)
        return cost["cpu_s"]

    def costs(self, count):
        """CPU seconds of each command that only reads, per device."""
        print("%d devices:" % count)
        self.fill(count)
        readers, before = self.readers(), self.content()
        found = {words: (self.measure(words) + 0.02) / count for words in readers}
        self.assertEqual(self.content(), before)
        return found

    def test_ten_thousand_devices(self):
        few, many = self.costs(1000), self.costs(10000)
        for words, cost in many.items():
            self.assertLess(cost, 3 * few[words], words)  # ten times, were it quadratic
        self.measure(("init", self.trip.path("c-1.control")))
        # Every device logs in; that the server accepts none keeps this short.
        self.trip.fault(action="status", status=401, path="/auth_requests", count=0)
        self.measure(("sync",), status=10)


class Vouched(Base):
    """A repository with a direction for each device, in 64 bins."""

    def make(self, count):
        self.enrol(count)
        with open(self.trip.path("visit.json"), "w", encoding="utf-8") as file:
            json.dump({"tuf_root": 1}, file)
        self.trip.tool("fill", self.trip.home, self.trip.path("passphrase"),
                       self.trip.path("visit.json"))
        self.side = RepositorySide(self.trip.lab)
        self.repository = tuf_repository.Repository()
        keys = [tuf_repository.Key()]
        for number in range(64):
            prefixes = ["%02x" % (4 * number + i) for i in range(4)]
            self.repository.delegate("targets", "bin-%02d" % number, None, keys,
                                     path_hash_prefixes=prefixes)
        self.repository.signed["targets"]["targets"]["artifacts/rel-2.mender"] = {
            "length": 1010000, "hashes": {"sha256": hashlib.sha256(b"rel-2").hexdigest()}}
        for number in range(count):
            self.direct("pump-%05d" % number, 1)
        self.repository.publish()
        self.side.publish(self.repository)
        self.side.configure(self.trip.home, self.repository)

    def direct(self, device, sequence):
        path = "devices/%s/direction.json" % device
        role = "bin-%02d" % (hashlib.sha256(path.encode()).digest()[0] // 4)
        self.repository.add_target(path, json.dumps({
            "_type": "direction", "version": 1, "device": device, "deployment": "1",
            "sequence": sequence, "artifacts": [{
                "path": "artifacts/rel-2.mender", "length": 1010000,
                "sha256": hashlib.sha256(b"rel-2").hexdigest()}]}).encode(), role)
        return role

    def test_each_file_crosses_once_in_bounded_memory(self):
        count = 1000
        self.make(count)
        cost = self.courier("sync", "--metadata-only")
        self.tell("sync --metadata-only", cost)
        given = self.side.given()
        self.assertEqual(len(given), len(set(given)))
        self.assertEqual(len(given), 3 + 64 + count)
        facts = self.trip.courier("plan")
        self.assertEqual({fact["vouched"] for fact in facts}, {True})
        self.tell("plan", self.courier("plan"))
        role = self.direct("pump-00007", 2)
        self.repository.publish(["timestamp", "snapshot", role])
        self.side.publish(self.repository)
        since = self.side.mark()
        self.tell("sync --metadata-only, again", self.courier("sync", "--metadata-only"))
        self.assertEqual(len(self.side.given(since)), 4)

    def tell(self, what, cost):
        print("%-30s %6.2f s CPU, %5.1f MiB" % (
            what, cost["user_s"] + cost["system_s"], cost["memory_kib"] / 1024))
        self.assertLess(cost["memory_kib"], MEMORY_KIB)


def main():
    global COURIER, TRIP_TOOL, METER
    COURIER, TRIP_TOOL, METER = sys.argv[1:4]
    program = unittest.main(argv=sys.argv[:1] + sys.argv[4:], exit=False, verbosity=2)
    result = program.result
    failed = len(result.failures) + len(result.errors)
    print("%d passed, %d failed" % (result.testsRun - failed, failed))
    sys.exit(0 if failed == 0 else 1)


if __name__ == "__main__":
    main()
