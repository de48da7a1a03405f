#!/usr/bin/python3
"""Faults at every event of a small delivery: whatever breaks, run again, and all agree.

usage: faults.py [--build DIR] [--seed N] [--sample N | --all] [--done FILE] [--keep] [POINT...]

  --sample N   so many cases of each point, chosen by the seed
  --all        every event in every way
  --done FILE  cases that passed, one a line; they are not run again: a long sweep is resumed so
  --case CASE  one case, as a failure names it: POINT/WAY/NUMBER

Prints its seed, a line for each failure, and closes with "N passed, N failed".
"""

import argparse
import os
import random
import subprocess
import sys
import time
import traceback

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import answers  # noqa: E402
import cable  # noqa: E402
import points  # noqa: E402
from world import LabError, Unlike, World  # noqa: E402
from labtool.client import Failed  # noqa: E402

POINTS = points.POINTS + cable.POINTS + answers.POINTS
EXPECTED = (Unlike, LabError, Failed, OSError, subprocess.TimeoutExpired, KeyError)
ROUNDS_MAX = 60  # deliveries of one lab: its device's ring and its lists stay short


class Sweep:
    def __init__(self, options):
        self.options = options
        self.world = None
        self.rounds = self.passed = self.failed = 0
        self.done = set()
        if options.done and os.path.exists(options.done):
            with open(options.done, encoding="ascii") as file:
                self.done = set(file.read().split())

    def stage(self, fresh):
        """A lab that nothing failed in."""
        if self.world is not None and (fresh or self.rounds >= ROUNDS_MAX):
            self.leave()
        if self.world is None:
            self.world, self.rounds = World(self.options.build), 0
        self.rounds += 1
        return self.world

    def leave(self, failed=False):
        if self.world is None:
            return
        world, self.world = self.world, None
        if failed and self.options.keep:
            print("        kept, running: %s" % world.home.directory, flush=True)
        else:
            world.close()

    def attempt(self, point, name, run):
        """The result of run(world), or None when it failed."""
        began = time.monotonic()
        try:
            result = run(self.stage(point.fresh))
        except EXPECTED as error:
            self.failed += 1
            print("FAILED  %s: %s" % (name, error), flush=True)
            if not isinstance(error, Unlike):
                traceback.print_exc(file=sys.stdout)
            if self.world is not None:
                print("".join("        %s\n" % line for line in self.world.tell()), end="")
            self.leave(failed=True)
            return None
        if result == "FAILED":  # the lab's device is not what it was
            self.leave()
        if self.options.verbose and isinstance(result, str):
            print("ok      %-32s %-12s %5.1f s" % (name, result, time.monotonic() - began),
                  flush=True)
        return result

    def cases(self, point):
        """Names of cases: every event in every way, or a sample."""
        found = self.attempt(point, point.name, point.cases)
        if found is None:
            return
        print("%s: %d cases" % (point.name, len(found)), flush=True)
        found = [point.name + "/" + what for what in found]
        if self.options.sample is not None:
            chosen = random.Random("%d %s" % (self.options.seed, point.name))
            found = chosen.sample(found, min(self.options.sample, len(found)))
        yield from found

    def one(self, point, name):
        what = name.split("/", 1)[1]
        if name in self.done:
            self.passed += 1
            return
        seed = "%d %s" % (self.options.seed, name)
        result = self.attempt(point, name, lambda world: point.play(world, what, seed))
        if result is None:
            return
        self.passed += 1
        if self.options.done:
            with open(self.options.done, "a", encoding="ascii") as file:
                file.write(name + "\n")

    def run(self):
        print("seed %d" % self.options.seed, flush=True)
        try:
            for point in POINTS:
                if self.options.points and point.name not in self.options.points:
                    continue
                for name in self.cases(point):
                    self.one(point, name)
        finally:
            self.leave()
        print("%d passed, %d failed" % (self.passed, self.failed))
        return 0 if self.passed and not self.failed else 1

    def run_case(self, name):
        print("seed %d" % self.options.seed, flush=True)
        try:
            self.one(next(point for point in POINTS if point.name == name.split("/")[0]), name)
        finally:
            self.leave()
        print("%d passed, %d failed" % (self.passed, self.failed))
        return 0 if self.passed else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.path.join(HERE, "..", "..", "build"))
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(31))
    parser.add_argument("--sample", type=int, default=4)
    parser.add_argument("--all", dest="sample", action="store_const", const=None)
    parser.add_argument("--done", metavar="FILE")
    parser.add_argument("--case", metavar="CASE")
    parser.add_argument("--keep", action="store_true", help="leave the lab of a failure running")
    parser.add_argument("-v", "--verbose", action="store_true", help="a line for each case")
    parser.add_argument("points", nargs="*", metavar="POINT")
    options = parser.parse_args()
    sweep = Sweep(options)
    return sweep.run_case(options.case) if options.case else sweep.run()


if __name__ == "__main__":
    sys.exit(main())
