#!/usr/bin/python3
"""Faults at every event of a small delivery: whatever breaks, run again, and all agree.

usage: faults.py [--build DIR] [--seed N] [--sample N | --all] [--jobs N] [--done FILE]
                 [--keep] [-v] [POINT...]

  --sample N   so many cases of each way of each point, chosen by the seed
  --all        every event in every way
  --jobs N     so many labs at once; a case mostly waits, so several per processor are well
  --done FILE  cases that passed, one a line; they are not run again: a long sweep is resumed so
  --case CASE  one case, as a failure names it: POINT/WAY/NUMBER

Prints its seed, a line for each failure, a line for each point, and closes with "N passed, N
failed".  A case whose fault never came, because its event did not happen this time, is counted
as missed; a point at which no fault came has failed.
"""

import argparse
import collections
import multiprocessing
import os
import random
import signal
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
from verdict import Unlike  # noqa: E402
from world import LabError, World  # noqa: E402
from labtool.client import Failed  # noqa: E402

POINTS = {point.name: point for point in points.POINTS + cable.POINTS + answers.POINTS}
EXPECTED = (Unlike, LabError, Failed, OSError, subprocess.TimeoutExpired, KeyError)
ROUNDS_MAX = 60  # deliveries of one lab: its device's ring and its lists stay short
JOBS_PER_PROCESSOR = 4

Result = collections.namedtuple("Result", "name ok struck value text seconds")


class Worker:
    """One lab at a time, and cases in it."""

    def __init__(self, options):
        self.options = options
        self.world = None
        self.rounds = 0

    def stage(self):
        """A lab that nothing failed in."""
        if self.world is not None and self.rounds >= ROUNDS_MAX:
            self.leave()
        if self.world is None:
            self.world, self.rounds = World(self.options.build), 0
        self.rounds += 1
        self.world.struck, self.world.where = False, None
        return self.world

    def leave(self):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # nothing is left half ended
        world, self.world = self.world, None
        if world is not None:
            world.close()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})

    def after_failure(self, error):
        """What its reader wants to know; this lab is not used again."""
        lines = [str(error)]
        if not isinstance(error, Unlike):
            lines += traceback.format_exc().split("\n")
        if self.world is not None:
            lines += self.world.tell()
        if self.world is not None and self.options.keep:
            lines.append("kept, running: " + self.world.home.directory)
            self.world = None
        self.leave()
        return "\n        ".join(lines)

    def attempt(self, name, run):
        began = time.monotonic()
        try:
            world = self.stage()
            value = run(world)
        except EXPECTED as error:
            return Result(name, False, self.world is not None and self.world.struck, None,
                          self.after_failure(error), time.monotonic() - began)
        struck = world.struck
        # The lab's device is not what it was.
        if value == "FAILED" or os.path.exists(world.device.path("software", "previous")):
            self.leave()
        return Result(name, True, struck, value, "", time.monotonic() - began)

    def perform(self, name):
        """POINT: the names of its cases; POINT/WAY/NUMBER: that case."""
        point, _, what = name.partition("/")
        if not what:
            return self.attempt(name, POINTS[point].cases)
        seed = "%d %s" % (self.options.seed, name)
        return self.attempt(name, lambda world: POINTS[point].play(world, what, seed))


def serve(options, tasks, results):
    """A worker's process: until there are no more tasks."""
    worker = Worker(options)
    try:
        for name in iter(tasks.get, None):
            results.put(worker.perform(name))
    finally:
        worker.leave()


class Sweep:
    def __init__(self, options):
        self.options = options
        self.counts = {}  # of each point: [passed, failed, struck]
        self.done = set()
        if options.done and os.path.exists(options.done):
            with open(options.done, encoding="ascii") as file:
                self.done = set(file.read().split())

    def choose(self, found):
        """All of a point's cases, or so many of each way of it."""
        if self.options.sample is None:
            return found
        ways = collections.defaultdict(list)
        for name in found:
            ways[name.rpartition("/")[0]].append(name)
        chosen = []
        for way, names in ways.items():
            chance = random.Random("%d %s" % (self.options.seed, way))
            count = self.options.sample * POINTS[way.split("/")[0]].weight
            chosen += chance.sample(names, min(count, len(names)))
        return chosen

    def count(self, result):
        passed_failed_struck = self.counts.setdefault(result.name.split("/")[0], [0, 0, 0])
        passed_failed_struck[not result.ok] += 1
        passed_failed_struck[2] += result.ok and result.struck

    def note(self, result):
        """A case is over."""
        self.count(result)
        if not result.ok:
            print("FAILED  %s: %s" % (result.name, result.text), flush=True)
            return
        if self.options.verbose:
            print("ok      %-32s %-12s %5.1f s%s" % (
                result.name, result.value, result.seconds,
                "" if result.struck else ", missed"), flush=True)
        if self.options.done:
            with open(self.options.done, "a", encoding="ascii") as file:
                file.write(result.name + "\n")

    def perform(self, names):
        """Their results, as they come."""
        self.tasks.cancel_join_thread()
        for name in names:
            self.tasks.put(name)
        for _ in names:
            yield self.results.get()

    def cases(self):
        """All that are to be run, in an order of the seed's: one that is stopped early has
        been everywhere."""
        chosen = []
        names = self.options.points or list(POINTS)
        for result in self.perform(names):
            if result.ok:
                found = self.choose(["%s/%s" % (result.name, what) for what in result.value])
                print("%s: %d cases, %d chosen" % (result.name, len(result.value), len(found)),
                      flush=True)
                chosen += found
            else:
                self.note(result)
        chosen.sort()
        random.Random(self.options.seed).shuffle(chosen)
        return chosen

    def play(self):
        chosen = [self.options.case] if self.options.case else self.cases()
        for name in self.done.intersection(chosen):
            self.count(Result(name, True, True, None, "", 0))
        for result in self.perform([name for name in chosen if name not in self.done]):
            self.note(result)

    def close(self):
        """True when all is well."""
        well = bool(self.counts)
        for name, (passed, failed, struck) in sorted(self.counts.items()):
            print("%-16s %5d passed, %d failed, %d missed" % (name, passed, failed,
                                                             passed - struck))
            if failed or not struck:
                well = False
        totals = [sum(counts[at] for counts in self.counts.values()) for at in range(2)]
        print("%d passed, %d failed" % (*totals,))
        return well

    def run(self):
        print("seed %d" % self.options.seed, flush=True)
        context = multiprocessing.get_context("fork")
        self.tasks, self.results = context.Queue(), context.Queue()
        workers = [context.Process(target=serve, args=(self.options, self.tasks, self.results))
                   for _ in range(1 if self.options.case else self.options.jobs)]
        for worker in workers:
            worker.start()
        try:
            self.play()
            for _ in workers:
                self.tasks.put(None)
        except BaseException:
            for worker in workers:
                worker.terminate()
            raise
        finally:
            for worker in workers:
                worker.join()
        return 0 if self.close() else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.path.join(HERE, "..", "..", "build"))
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(31))
    parser.add_argument("--sample", type=int, default=1)
    parser.add_argument("--all", dest="sample", action="store_const", const=None)
    parser.add_argument("--jobs", type=int, default=JOBS_PER_PROCESSOR * os.cpu_count())
    parser.add_argument("--done", metavar="FILE")
    parser.add_argument("--case", metavar="CASE")
    parser.add_argument("--keep", action="store_true", help="leave the lab of a failure running")
    parser.add_argument("-v", "--verbose", action="store_true", help="a line for each case")
    parser.add_argument("points", nargs="*", metavar="POINT", help=", ".join(POINTS))
    options = parser.parse_args()
    unknown = {name.split("/")[0] for name in [*options.points, options.case or "cable"]}
    if unknown - set(POINTS):
        parser.error("no such point: " + ", ".join(sorted(unknown - set(POINTS))))
    # Told to stop, everybody ends the lab they have.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    return Sweep(options).run()


if __name__ == "__main__":
    sys.exit(main())
