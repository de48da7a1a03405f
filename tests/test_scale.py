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
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "lab")]

import tuf_repository  # noqa: E402
from labtool.repository_side import RepositorySide  # noqa: E402
from labtool.trip import Trip  # noqa: E402

COURIER = TRIP_TOOL = METER = None
MEMORY_KIB = 32 << 10
DEVICES = 200
ARTIFACT = 12 << 20  # bytes: does not fit what may be resident beside the program
READERS = (("plan",), ("status",), ("devices",), ("devices", "pump-00003"))


class Base(unittest.TestCase):
    def setUp(self):
        self.trip = Trip(COURIER, TRIP_TOOL)
        self.addCleanup(self.trip.done)

    def enrol(self, count):
        for number in range(count):
            self.trip.device("pump-%05d" % number, label="Pump %d" % number)
        self.trip.hand_over()

    def run_metered(self, command, words=()):
        """What COMMAND cost; WORDS come before it."""
        meter = self.trip.path("meter")
        done = subprocess.run([METER, meter, *words, *command], check=False,
                              env=self.trip.environment(), stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE)
        with open(meter, encoding="utf-8") as file:
            cost = json.load(file)
        self.assertEqual(cost["status"], 0, (command, done.stderr.decode()[-2000:]))
        return cost

    def courier(self, *words):
        return self.run_metered(self.trip.arguments(*words))


class Sync(Base):
    def setUp(self):
        super().setUp()
        self.enrol(DEVICES)
        self.trip.preauthorise()
        with open(os.path.join(self.trip.home, "courier.conf"), "a", encoding="utf-8") as file:
            file.write("\n[sync]\nparallel = 16\n")
        self.courier("sync")
        self.trip.release("rel-2", size=ARTIFACT)
        self.trip.admin.deploy("all", "rel-2", [
            one["id"] for one in self.trip.admin.devices()
            if "serial" in one["identity_data"]])

    def downloads(self):
        return [line for line in self.trip.requests("GET ") if "/api/" not in line["path"]]

    def test_a_shared_artifact_crosses_once_in_bounded_memory(self):
        cost = self.courier("sync")
        self.assertLess(cost["memory_kib"], MEMORY_KIB)
        self.assertEqual(len(self.downloads()), 1)
        facts = self.trip.courier("plan")
        self.assertEqual([fact["state"] for fact in facts], ["ready"] * DEVICES)
        since = self.trip.mark()
        facts = self.trip.sync()
        self.assertEqual(sum(fact["carrying"] for fact in facts.values()), DEVICES)
        self.assertEqual(len(self.downloads()), 1)
        # next and claim for each, and the courier's own inventory: no chatter
        self.assertLessEqual(self.trip.mark() - since, 2 * DEVICES + 20)

    def test_a_slow_device_delays_no_other(self):
        slow = "pump-00007"
        self.trip.fault(action="hold", path="/next", device=self.trip.id_of(slow))
        process = subprocess.Popen(self.trip.arguments("sync"), stdout=subprocess.PIPE,
                                   env=self.trip.environment())
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        told = [json.loads(process.stdout.readline()) for _ in range(DEVICES - 1)]
        self.assertTrue(all(fact["carrying"] for fact in told))
        self.assertNotIn(slow, [fact["device"] for fact in told])
        self.assertIsNone(process.poll())
        self.trip.admin.control(do="clear")
        last = json.loads(process.stdout.readline())
        self.assertEqual((last["device"], last["carrying"]), (slow, True))
        self.assertEqual(process.wait(), 0)
        process.stdout.close()
        self.assertEqual(len(self.downloads()), 1)


class Reading(Base):
    """The cost of what only reads."""

    def fill(self, count):
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
        trip, self.trip = self.trip, Trip(COURIER, TRIP_TOOL)
        try:
            self.fill(count)
            return {words: self.instructions(*words) for words in READERS}
        finally:
            self.trip.done()
            self.trip = trip

    def test_instructions_grow_no_faster_than_the_number_of_devices(self):
        few, some, many = self.counted(20), self.counted(100), self.counted(500)
        for words in READERS:
            first = (some[words] - few[words]) / 80
            then = (many[words] - some[words]) / 400
            print("%-20s %9.0f instructions for each device, then %9.0f"
                  % (" ".join(words), first, then))
            self.assertLess(then, 1.1 * first + 2000, words)

    def test_ten_thousand_devices(self):
        trip, per_device = self.trip, {}
        for count in (1000, 10000):
            self.trip = Trip(COURIER, TRIP_TOOL)
            self.addCleanup(self.trip.done)
            self.fill(count)
            for words in READERS:
                costs = [self.courier(*words) for _ in range(2)]
                cpu = min(cost["user_s"] + cost["system_s"] for cost in costs)
                memory = max(cost["memory_kib"] for cost in costs)
                print("%5d devices: %-20s %6.2f s CPU, %5.1f MiB"
                      % (count, " ".join(words), cpu, memory / 1024))
                self.assertLess(memory, MEMORY_KIB)
                per_device.setdefault(words, []).append((cpu + 0.02) / count)
            cost = self.courier("init", self.trip.path("c-1.control"))
            self.assertLess(cost["memory_kib"], MEMORY_KIB)
        self.trip = trip
        for words, (few, many) in per_device.items():
            self.assertLess(many, 2 * few, words)


class Vouched(Base):
    """A repository with a direction for each device, in 64 bins."""

    def make(self, count):
        self.enrol(count)
        self.trip.tool("fill", self.trip.home, self.trip.path("passphrase"))
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
