"""The lab's own command, as people and the demo use it."""

import os
import subprocess

from .stage import check, same

LAB = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lab")


def lab(stage, command, *arguments):
    done = subprocess.run([LAB, command, stage.directory, *arguments], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
                          check=False)
    same(done.returncode, 0, "lab %s: %s" % (command, done.stdout))
    return done.stdout


def everyday(stage):
    """the lab's command: state, software, courier, agent, relay, say"""
    device = stage.devices[0]
    check(device.label in lab(stage, "state"), "state does not name %s", device.label)
    check(lab(stage, "software", device.label).strip(), "software says nothing")
    check(device.id in lab(stage, "courier", "devices"), "courier devices: no %s", device.id)
    lab(stage, "say", device.id, "health", "1", "out of order")
    lab(stage, "agent", device.id, "restart")
    update = stage.update(device)
    stage.bring(update, "ROLLED BACK", status=1)
    check("out of order" in update.log(device), "log: %s", update.log(device))
    for what in ("cut", "restore"):
        lab(stage, "relay", device.id, what)
        stage.wait(what, lambda said=what: said.upper() in stage.home.read(
            "log", device.relay + ".log"))


SCENARIOS = (everyday,)
