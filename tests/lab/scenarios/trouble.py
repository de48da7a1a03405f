"""What goes wrong between the ends, and must not matter."""

import json
import os

from .stage import LINK, check, same

LARGE = 600000  # bytes: some seconds on the line


def abort_before(stage):
    """aborted at the server before the trip: sync drops it"""
    device = stage.devices[0]
    journal = device.journal().count("install")
    update = stage.update(device)
    stage.sync()
    same(stage.admin.abort(update.deployment).status, 204, "abort")
    stage.sync()
    same(stage.deliver(device.id)[device.id]["word"], "UP TO DATE", "word")
    same(device.journal().count("install"), journal, "installations")
    update.ended(device, "aborted")


def abort_after(stage):
    """aborted while it was carried: kept here with the reason, the inventory is true"""
    device = stage.devices[0]
    update = stage.update(device)
    stage.sync()
    stage.deliver(device.id)
    same(stage.admin.abort(update.deployment).status, 204, "abort")
    kept = [json.loads(line)["kept"] for line in stage.sync("--json").stdout.splitlines()]
    same(sum(kept), 1, "outcomes kept here")
    update.ended(device, "aborted")
    same(stage.inventory(device)["artifact_name"], update.name, "artifact_name")
    same(stage.inventory(device)["courier_outcome"], "CONFIRMED", "courier_outcome")
    later = stage.update(device)
    stage.bring(later)
    later.ended(device, "success")


def partial(device):
    """Bytes of the artifact that lie on the device."""
    spool = device.path("state", "spool")
    names = os.listdir(spool) if os.path.isdir(spool) else []
    return sum(os.stat(os.path.join(spool, name)).st_size for name in names)


def cut(stage):
    """the cable is cut in mid-transfer; the next deliver resumes where it was"""
    device = stage.devices[0]
    update = stage.update(device, size=LARGE)
    stage.sync()
    courier = stage.start("--json", "deliver", "--wait", "4", device.id)
    stage.wait("half of the artifact", lambda: partial(device) > LARGE // 2)
    device.cable("cut")
    text = stage.finish(courier, LINK)
    check("LINK LOST" in text, "deliver said: %s", text)
    kept = partial(device)
    check(kept > LARGE // 2, "only %d bytes are kept on the device", kept)
    device.cable("restore")
    stage.deliver(device.id)
    stage.runs(device, update)
    stage.sync()
    update.ended(device, "success")


def kill_courier(stage):
    """courier is killed in mid-transfer: the next deliver goes on, with one outcome"""
    device = stage.devices[0]
    update = stage.update(device, size=LARGE)
    stage.sync()
    commits = device.journal().count("commit")
    courier = stage.start("deliver", device.id)
    stage.wait("half of the artifact", lambda: partial(device) > LARGE // 2)
    stage.finish(courier)
    stage.deliver(device.id)
    stage.runs(device, update)
    stage.sync()
    update.ended(device, "success")
    same(device.journal().count("commit") - commits, 1, "commits")
    same(update.finals(), ["success"], "final statuses")


def kill_agent(stage):
    """the agent is killed while it installs: it begins again, with one outcome"""
    device = stage.devices[0]
    commits = device.journal().count("commit")
    device.take(3)
    update = stage.update(device)
    stage.sync()
    installs = device.journal().count("install")
    courier = stage.start("deliver", device.id)
    stage.wait("the installer", lambda: device.journal().count("install") > installs)
    device.kill()
    stage.finish(courier, 0)
    stage.sync()
    stage.runs(device, update)
    update.ended(device, "success")
    same(device.journal().count("install") - installs, 2, "installations begun")
    same(device.journal().count("commit") - commits, 1, "commits")
    same(update.finals(), ["success"], "final statuses")


def unplugged_install(stage):
    """unplugged while it installs: the device goes on alone, the outcome is collected later"""
    device = stage.devices[0]
    device.take(2)
    update = stage.update(device)
    stage.sync()
    installs = device.journal().count("install")
    commits = device.journal().count("commit")
    courier = stage.start("deliver", device.id)
    stage.wait("the installer", lambda: device.journal().count("install") > installs)
    stage.finish(courier)
    device.cable("cut")
    stage.wait("the commit", lambda: device.journal().count("commit") > commits)
    device.cable("restore")
    results = stage.deliver(device.id)
    same(results[device.id]["word"], "CONFIRMED", "word")
    stage.sync()
    update.ended(device, "success")


def lossy(stage):
    """a line that errs in one bit of a hundred thousand: it takes longer"""
    device = stage.devices[0]
    stage.replug(device, "--ber", "1e-5", "--seed", "7")
    update = stage.update(device, size=200000)
    stage.bring(update)
    stage.runs(device, update)
    update.ended(device, "success")


def slow(stage):
    """the usual 115200 baud"""
    device = stage.devices[0]
    stage.replug(device, "--baud", "115200")
    update = stage.update(device, size=60000)
    stage.bring(update)
    update.ended(device, "success")


SCENARIOS = (abort_before, abort_after, cut, kill_courier, kill_agent, unplugged_install, lossy,
             slow)
