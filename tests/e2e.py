#!/usr/bin/python3
"""The loop from end to end: real programs, a server that behaves like Mender, slow cables.

usage: e2e.py [--build DIR] [--keep] [--family NAME] [SCENARIO...]

Prints a line for each scenario, and closes with "N passed, N failed".  One device is updated by
Debian's mender-client in a mount namespace of its own: that scenario needs root.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "lab"))

from labtool.client import Failed  # noqa: E402
from labtool.home import LabError  # noqa: E402
from scenarios import (answers, command, damage, ends, keeping, large,  # noqa: E402
                       lifecycle, outcomes, trouble, trust, vouched, wire)
from scenarios.stage import Stage, Unlike  # noqa: E402

EXPECTED = (Unlike, LabError, Failed, OSError, subprocess.TimeoutExpired)
LOOP = command.SCENARIOS + outcomes.SCENARIOS + trouble.SCENARIOS + trust.SCENARIOS
WIRE = {wire.v1: {"v2": False}, wire.v2: {"v2": True}}  # each with a server of its own
PLAIN = {"devices": 2, "mender": (), "uncertified": (), "cheap": True}  # nothing special
# What is played together: scenarios that share a stage, how it is set up, and the others.
FAMILIES = {
    "loop": (LOOP, {}, WIRE),
    "answers": (answers.SCENARIOS, PLAIN, {}),
    "ends": (ends.SCENARIOS, PLAIN, {}),
    "keeping": (keeping.SCENARIOS, PLAIN, {}),
    "large": (large.SCENARIOS, PLAIN, {}),
    "lifecycle": (lifecycle.SCENARIOS, PLAIN, {}),
    "tuf": (vouched.SCENARIOS, PLAIN, {}),
    "damage": (damage.SCENARIOS, PLAIN, {}),
}


def has_mender():
    return (os.geteuid() == 0 and shutil.which("mender") is not None
            and subprocess.run(["unshare", "-m", "true"], check=False,
                               stderr=subprocess.DEVNULL).returncode == 0)


class Play:
    def __init__(self, options):
        self.options = options
        self.stage = None
        self.passed = self.failed = 0

    def one(self, scenario, **how):
        """One scenario, on the stage as it stands or on one of its own."""
        title = scenario.__doc__.splitlines()[0]
        began = time.monotonic()
        try:
            if self.stage is None:
                self.stage = Stage(self.options.build, **how)
            scenario(self.stage)
            self.stage.clear()
        except EXPECTED as error:
            self.failed += 1
            print("FAILED  %s: %s: %s" % (scenario.__name__, title, error), flush=True)
            if not isinstance(error, (Unlike, LabError)):
                traceback.print_exc(file=sys.stdout)
            self.leave(failed=True)
            return
        self.passed += 1
        print("ok      %-60s %5.1f s" % (title, time.monotonic() - began), flush=True)

    def leave(self, failed=False):
        stage, self.stage = self.stage, None
        if stage is None:
            return
        if failed:
            stage.tell()
        if failed and self.options.keep:
            print("kept: %s" % stage.directory)
        else:
            stage.close()

    def run(self):
        names = self.options.scenarios
        shared, how, alone = FAMILIES[self.options.family]
        unknown = set(names) - {one.__name__ for one in [*shared, *alone]}
        if unknown:
            print("e2e: no such scenario: %s" % ", ".join(unknown), file=sys.stderr)
            return 2
        try:
            if not has_mender():
                how = dict(how, mender=())
            for scenario in shared:
                if scenario is outcomes.mender_client and "mender" in how:
                    print("skipped %s: not root, or no mender-client" % scenario.__name__)
                elif not names or scenario.__name__ in names:
                    self.one(scenario, **how)
            self.leave()
            for scenario, how in alone.items():
                if not names or scenario.__name__ in names:
                    self.one(scenario, devices=1, mender=(), uncertified=(), **how)
                self.leave()
        finally:
            self.leave()
        print("%d passed, %d failed" % (self.passed, self.failed))
        return 0 if self.passed and not self.failed else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.path.join(HERE, "..", "build"), metavar="DIR")
    parser.add_argument("--keep", action="store_true", help="keep the lab of a failure, running")
    parser.add_argument("--family", default="loop", choices=sorted(FAMILIES))
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO")
    # Told to stop, it ends its lab too: an agent left behind would open other tests' ptys.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    return Play(parser.parse_args()).run()


if __name__ == "__main__":
    sys.exit(main())
