"""Where a fault strikes: the disk of the courier or of the device, at one event of one command.

Each point runs a delivery, with the fault armed during one command; then everything is run
again without, and all must agree.
"""

import os
import random
import shutil

import layer
from power import Disk
from verdict import listing, need
from world import Keeper

POWER = "power"
MODES = {"kill-before": layer.KILL_BEFORE, "kill-after": layer.KILL_AFTER, "full": layer.FULL,
         "io": layer.IO, POWER: None}


def arm(watched, mode, target, random):
    """The layer's part of MODE; a power cut may come before or after the event."""
    if mode is None:
        watched.arm(layer.NONE, 0)
    elif mode == POWER:
        watched.arm(random.choice((layer.KILL_BEFORE, layer.KILL_AFTER)), target)
    else:
        watched.arm(MODES[mode], target)
# What a device may make of it: the update comes to its end.  FAILED is only for a disk on which
# new software that is not healthy cannot be taken back.
GOOD = ("CONFIRMED", "ROLLED_BACK")
ERRORS = ("full", "io")


def each(count):
    return ["%s/%d" % (mode, target) for mode in MODES for target in range(1, count + 1)]


def parse(what):
    """(mode, event); None: nothing happens."""
    if what is None:
        return None, 0
    mode, target = what.split("/")
    return mode, int(target)


def on_courier(world, command, mode, target, random):
    """One command of the courier, with the fault below it."""
    watched, world.where = world.courier_layer, mode and "courier"
    disk = Disk(watched.below)
    arm(watched, mode, target, random)
    done = world.run(*command, watched=True)
    if mode is not None:
        expected = (-9,) if watched.struck and MODES[mode] not in (layer.FULL, layer.IO) else None
        need(expected is None or done.returncode in expected, "not killed: %s", done)
        need(done.returncode < 128 and done.returncode in (-9, *range(50)), "crashed: %s", done)
    world.struck = watched.struck
    if watched.struck and mode == POWER:
        disk.replay(watched.records())
        disk.cut(random)


def on_agent(world, command, mode, target, random):
    """One visit, with the fault below the device's agent."""
    watched, world.where = world.agent_layer, mode and "device"
    below = watched.below if world.installs == "lab-file" else watched.below[:1]
    keeper = Keeper(world, Disk(below) if mode == POWER else None, random)
    arm(watched, mode, target, random)
    keeper.start()
    try:
        done = world.run(*command)
        need(done.returncode in range(50), "crashed: %s", done)
    finally:
        world.struck = watched.struck
        watched.disarm()
        keeper.stop()


class Point:
    """A delivery of KIND of which STEP (0: first) has the fault; SIDE: on_courier, on_agent."""

    STEPS = (("sync",), ("deliver",), ("sync",))
    weight = 1  # cases of each way in a sample of one

    def __init__(self, name, side, step, kind="lab-exec", says=(),
                 fresh=False):
        self.fresh = fresh  # the first delivery of a device's life
        self.name, self.side, self.step, self.kind, self.says = name, side, step, kind, says

    def cases(self, world):
        """What may follow its name: every event in every way."""
        watched = world.courier_layer if self.side is on_courier else world.agent_layer
        self.play(world, None, "clean")
        return each(watched.count)

    def play(self, world, what, seed):
        """What the delivery came to."""
        mode, target = parse(what)
        world.installs = self.kind
        if self.fresh:
            world.renew()
        for what in ("install", "health"):
            world.device.say(what, dict(self.says).get(what, 0))
        world.deploy(self.kind)
        for words in self.STEPS[: self.step]:
            world.must(*words)
        self.side(world, self.STEPS[self.step], mode, target, random.Random(seed))
        world.settle()
        outcome = world.agree()
        stuck = outcome == "FAILED" and mode in ERRORS and "health" in dict(self.says)
        need(outcome in GOOD or stuck, "the device says %s", outcome)
        return outcome


class Init:
    """Taking in the operator's bundle, on a courier that has nothing yet but its keys."""

    name = "courier-init"
    weight = 1

    def cases(self, world):
        self.play(world, None, "clean")
        return each(self.events.count)


    def clean_home(self, world):
        """A home as it was before the bundle."""
        kept = world.home.path("kept-courier")
        home = world.home.path("fresh")
        if not os.path.exists(kept):
            make_kept(world, kept)
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(kept, home)
        return world.lab.courier("fresh")

    def play(self, world, what, seed):
        mode, target = parse(what)
        chance = random.Random(seed)
        fresh = self.clean_home(world)
        watched = layer.Layer(world.library, world.home.path("layer-fresh"), [fresh.path()])
        disk = Disk(watched.below)
        arm(watched, mode, target, chance)
        self.events = watched
        done = run_watched(fresh, watched, ("init", world.home.path("fresh.control")))
        world.struck = watched.struck
        if watched.struck and mode == POWER:
            disk.replay(watched.records())
            disk.cut(chance)
        if mode is None or done.returncode == 0 and mode not in ERRORS:
            need(done.returncode == 0, "init: %s", done)
        for _ in range(2):
            again = fresh.run("init", world.home.path("fresh.control"))
            need(again.returncode in (0, 3), "init again: %s", again)
        told = fresh.must("--json", "devices")
        need(told.count("\n") == 1 and '"device":"pump-1"' in told, "devices: %s", told)
        left = listing(fresh.path()) - {"lock", "courier.conf", "store.db", "blobs"}
        need(not left, "left: %s", sorted(left))
        return "taken in"


def run_watched(courier, watched, words):
    """As Courier.run, with the layer below it."""
    plain = courier.environment
    courier.environment = lambda: dict(plain(), **watched.environment())
    try:
        return courier.run(*words)
    finally:
        del courier.environment


def make_kept(world, kept):
    """A home with keys and a bundle made for them."""
    fleet = world.lab.fleet
    one = world.lab.courier("fresh")
    one.configure(world.lab.facts["baud"])
    one.issue(fleet)
    shutil.copytree(one.path(), kept)
    one.take_control(fleet, world.lab.facts["artifact_keys"], world.lab.devices)


REBOOT = (("install", 4),)
SICK = (("install", 4), ("health", 1))
POINTS = (
    Init(),
    Point("courier-sync", on_courier, 0),
    Point("courier-deliver", on_courier, 1),
    Point("courier-report", on_courier, 2),
    Point("agent-exec", on_agent, 1, says=REBOOT),
    Point("agent-file", on_agent, 1, kind="lab-file"),
    Point("agent-first", on_agent, 1, fresh=True),
    Point("agent-rollback", on_agent, 1, says=SICK),
)
