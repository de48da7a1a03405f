#!/usr/bin/python3
"""How fast a courier fetches for a fleet, and what that costs.

usage: sync.py [--json] [--build DIR] [--devices N,...] [--by-hand N,...] [--parallel N]

Each row runs against a fresh stand-in server on the same machine, where every device is
preauthorised and one deployment of one artifact waits for all of them.  Ours is `courier
sync`: log in, ask, claim, tell the inventory, fetch once, verify, every parcel READY.  The
peer is by_hand.sh, the same journey with curl and openssl, as many at a time.

ratio: how much better ours is than the peer, or than the limit; more is better.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True
TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TESTS, "lab"))

from labtool import client  # noqa: E402
from labtool.trip import Trip  # noqa: E402

ARTIFACT = 16 << 20  # bytes
MEMORY_KIB = 32 << 10
BY_HAND = os.path.join(TESTS, "bench", "by_hand.sh")
TICK = os.sysconf("SC_CLK_TCK")


class Scene:
    """A server with COUNT devices that all want one artifact."""

    def __init__(self, options, count):
        self.build = options.build
        self.count = count
        self.trip = Trip(os.path.join(self.build, "courier", "courier"),
                         os.path.join(self.build, "tests", "trip_tool"))
        self.names = ["pump-%05d" % number for number in range(count)]
        for name in self.names:
            self.trip.device(name)
        self.trip.hand_over()

    def wanted(self, key):
        """Every device is accepted under KEY, and the artifact is deployed."""
        admin = self.trip.admin
        for name in self.names + [None]:
            admin.must("POST", client.DEVAUTH + "/devices", {
                "identity_data": {"serial": name} if name else {"courier": "c-1"},
                "pubkey": key, "force": True})
        self.trip.release("rel-2", size=ARTIFACT)
        admin.deploy("all", "rel-2", [one["id"] for one in admin.devices()
                                      if "serial" in one["identity_data"]])

    def server_cpu(self):
        with open("/proc/%d/stat" % self.trip.lab.running("server"), encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def run(self, command, stdin=subprocess.DEVNULL):
        """What COMMAND cost, here and at the server."""
        meter, since, server = self.trip.path("meter"), self.trip.mark(), self.server_cpu()
        done = subprocess.run([os.path.join(self.build, "tests", "meter"), meter] + command,
                              env=self.trip.environment(), stdin=stdin, check=False,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        if done.returncode != 0:
            raise SystemExit("%s: %s" % (command[0], done.stderr.decode()[-2000:]))
        with open(meter, encoding="utf-8") as file:
            cost = json.load(file)
        cost["server_s"] = self.server_cpu() - server
        cost["cpu_s"] = cost["user_s"] + cost["system_s"]
        cost["requests"] = self.trip.mark() - since
        cost["downloads"] = len([line for line in self.trip.requests("GET ", since)
                                 if "/api/" not in line["path"]])
        return cost

    def claimed(self):
        """How many devices the server knows to be on their way."""
        asked = {line["device"] for line in self.trip.requests("PUT ")
                 if line["path"].endswith("/status") and line["status"] == 204}
        return len(asked)


def ours(options, count):
    scene = Scene(options, count)
    try:
        scene.wanted(scene.trip.server_key())
        with open(os.path.join(scene.trip.home, "courier.conf"), "a", encoding="utf-8") as file:
            file.write("\n[sync]\nparallel = %d\n" % options.parallel)
        cost = scene.run(scene.trip.arguments("sync"))
        assert scene.claimed() == count and cost["downloads"] == 1, cost
        return cost
    finally:
        scene.trip.done()


def by_hand(options, count):
    scene = Scene(options, count)
    work = scene.trip.path("by-hand")
    try:
        os.mkdir(work)
        for words in (["genpkey", "-algorithm", "ed25519", "-out", "key.pem"],
                      ["pkey", "-in", "key.pem", "-pubout", "-out", "key.pub"]):
            subprocess.run(["openssl"] + words, cwd=work, check=True)
        with open(os.path.join(work, "key.pub"), encoding="ascii") as file:
            scene.wanted(file.read())
        for name in ("url", "ca.pem"):
            shutil.copy(scene.trip.lab.path("server", name), work)
        shutil.copy(scene.trip.path("fleet", "artifact.pub"), work)
        with open(os.path.join(work, "serials"), "w+", encoding="ascii") as file:
            file.write("\n".join(scene.names) + "\n")
            file.seek(0)
            cost = scene.run(["sh", BY_HAND, work, str(options.parallel)], stdin=file)
        assert scene.claimed() == count and cost["downloads"] == 1, cost
        return cost
    finally:
        scene.trip.done()


def rows(options):
    """(case, ours, peer, unit, ratio), as they are measured."""
    first = None
    for count in options.devices:
        cost = ours(options, count)
        peer = by_hand(options, count) if count in options.by_hand else None
        name = "%d devices: " % count
        if peer:
            speed, other = count / cost["wall_s"], count / peer["wall_s"]
            yield name + "speed, by hand", speed, other, "devices/s", speed / other
            mine, other = (1000 * one["cpu_s"] / count for one in (cost, peer))
            yield name + "CPU, by hand", mine, other, "ms/device", other / mine
            mine, other = (one["requests"] / count for one in (cost, peer))
            yield name + "requests, by hand", mine, other, "1/device", other / mine
        yield (name + "wall time, the server's CPU time", cost["wall_s"], cost["server_s"], "s",
               cost["server_s"] / cost["wall_s"])
        yield (name + "memory, limit", cost["memory_kib"] / 1024, MEMORY_KIB / 1024, "MiB",
               MEMORY_KIB / cost["memory_kib"])
        mine = 1000 * cost["cpu_s"] / count
        first = first or (mine, cost["requests"] / count)
        yield (name + "CPU, with %d devices" % options.devices[0], mine, first[0], "ms/device",
               first[0] / mine)
        yield (name + "requests, with %d devices" % options.devices[0],
               cost["requests"] / count, first[1], "1/device",
               first[1] * count / cost["requests"])


def numbers(text):
    return [int(word) for word in text.split(",") if word]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--build", default=os.path.join(os.path.dirname(TESTS), "build"))
    parser.add_argument("--devices", type=numbers, default=[10, 100, 1000, 10000])
    parser.add_argument("--by-hand", type=numbers, default=[100, 1000])
    parser.add_argument("--parallel", type=int, default=16)
    options = parser.parse_args()
    options.build = os.path.abspath(options.build)
    begun = time.monotonic()
    if not options.json:
        print("%-52s %10s %10s  %-10s %6s" % ("case", "ours", "peer", "unit", "ratio"))
    for case, mine, peer, unit, ratio in rows(options):
        if options.json:
            print(json.dumps({"case": "sync " + case, "ours": round(mine, 3),
                              "peer": round(peer, 3), "unit": unit, "ratio": round(ratio, 3)}))
        else:
            print("%-52s %10.2f %10.2f  %-10s %6.2f" % (case, mine, peer, unit, ratio))
        sys.stdout.flush()
    if not options.json:
        print("%d at a time, an artifact of %d MiB, %.0f s in all" % (
            options.parallel, ARTIFACT >> 20, time.monotonic() - begun))


if __name__ == "__main__":
    main()
