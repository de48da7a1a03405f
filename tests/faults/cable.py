"""The cable, cut after a number of bytes in one direction while a device is visited.

It goes silent, or away as a pulled adapter does; for a moment, or for good: the seed chooses.
"""

import random

from verdict import need

BRIEF_S = "0.4"


class Cable:
    name = "cable"
    weight = 8
    kind = "lab-file"
    DIRECTIONS = {"to-device": "--cut-after", "from-device": "--cut-after-b2a"}

    def cases(self, world):
        world.replug()
        self.deliver(world)
        counts = world.replug()
        self.over(world)
        return ["%s/%d" % (way, at) for way, count in zip(self.DIRECTIONS, counts)
                for at in range(1, count + 1)]

    def deliver(self, world):
        world.installs, world.where = self.kind, "cable"
        for what in ("install", "health"):
            world.device.say(what, 0)
        world.deploy(self.kind)
        world.must("sync")
        return world.run("deliver")

    def over(self, world):
        world.settle()
        return world.agree()

    def play(self, world, what, seed):
        direction, at = what.split("/")
        chance = random.Random(seed)
        options = [self.DIRECTIONS[direction], at, "--cut-mode",
                   chance.choice(("silence", "hangup"))]
        if chance.random() < 0.7:
            options += ["--cut-for", BRIEF_S]
        world.replug(*options)
        try:
            done = self.deliver(world)
            need(done.returncode in range(50), "crashed: %s", done)
        finally:
            carried = world.replug()
            world.struck = carried[list(self.DIRECTIONS).index(direction)] >= int(at)
        return self.over(world)


POINTS = (Cable(),)
