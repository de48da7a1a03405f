"""What becomes of devices, couriers and issuers over the years."""

import json
import os
import shutil

from labtool.client import DEVAUTH
from labtool.devices import GROUP, SHIPPED, write

from .stage import ANOTHER, ANY, OK, SOME, check, said, same

LATER, NO = 75, 1


def reconfigure(stage, device, line):
    """With one more line in [agent], until restore() is called."""
    config = stage.home.read("devices", device.id, "courier-agent.conf") + "\n"

    def set_to(text):
        device.stop()
        write(device.path("courier-agent.conf"), text)
        device.start(stage.lab.program("agent"))

    set_to(config.replace("hook-timeout", line + "\nhook-timeout", 1))
    return lambda: set_to(config)


def hand(stage, devices, **more):
    stage.courier.take_control(stage.lab.fleet, stage.lab.facts["artifact_keys"], devices,
                               more=more)


# ---- gates ----

def gate(stage, point, verdict, installed):
    """A gate that does not say now: it waits, with the reason; a later visit goes on."""
    device = stage.devices[0]
    before = device.software()
    installs = device.journal().count("install")
    update = stage.update(device)
    device.say("install", 4 if point == "reboot" else 0)
    device.say("gate-" + point, verdict, "not during the shift")
    stage.sync()
    results = stage.deliver(device.id, status=ANOTHER)
    same(results[device.id]["word"], "WAITING", "%s %d: word: %s" % (point, verdict, results))
    check("not during the shift" in results[device.id]["reason"], "reason: %s", results)
    same(device.software(), before, "what runs")
    same(device.journal().count("install") - installs, installed, "installations")
    stage.sync()
    check(update.row(device)["status"] not in ("success", "failure"), "closed")
    device.say("gate-" + point, 0)
    device.stop()  # or wait a minute: then it asks again
    device.start(stage.lab.program("agent"))
    if point == "reboot":
        stage.wait("the commit", lambda: device.journal()[-1] == "commit")
    stage.deliver(device.id)
    stage.runs(device, update)
    stage.sync()
    update.ended(device, "success")
    device.say("install", 0)


def gate_transfer(stage):
    """the gate says later, then no, to the transfer: not a byte of it comes"""
    gate(stage, "transfer", LATER, 0)
    gate(stage, "transfer", NO, 0)


def gate_install(stage):
    """the gate says no to the installation"""
    gate(stage, "install", NO, 0)


def gate_reboot(stage):
    """the gate says later, then no, to the reboot: installed, and the old software runs"""
    gate(stage, "reboot", LATER, 1)
    gate(stage, "reboot", NO, 1)


# ---- what may leave the site ----

def report_outcome(stage):
    """report = outcome: the outcome leaves the site, logs and attributes do not"""
    device = stage.devices[0]
    restore = reconfigure(stage, device, "report = outcome")
    try:
        update = stage.update(device)
        stage.bring(update)
        update.ended(device, "success")
        same(stage.receipt(update, device)["outcome"], "CONFIRMED", "outcome")
        check("kernel" not in stage.inventory(device), "inventory: %s", stage.inventory(device))
        check("installing" not in update.log(device), "log: %s", update.log(device))
    finally:
        restore()


def report_none(stage):
    """report = none: nothing leaves; what is kept leaves when that is changed"""
    device = stage.devices[0]
    restore = reconfigure(stage, device, "report = none")
    try:
        update = stage.update(device)
        stage.sync()
        results = stage.deliver(device.id, status=ANY)
        stage.runs(device, update)
        check(results[device.id]["word"] != "CONFIRMED", "word: %s", results)
        stage.sync(status=ANY)
        check(update.row(device)["status"] not in ("success", "failure"), "closed")
    finally:
        restore()
    stage.deliver(device.id, status=ANY)
    stage.sync()
    update.ended(device, "success")


def report_changed(stage):
    """report = full made outcome: another courier gets the outcomes, without what was kept"""
    device = stage.devices[0]
    stage.bring(stage.update(device))
    restore = reconfigure(stage, device, "report = outcome")
    try:
        other = stage.colleague("laptop-d", device)
        update = stage.update(device)
        with stage.carried_by(other):
            stage.bring(update)
        update.ended(device, "success")
        same(stage.receipt(update, device)["outcome"], "CONFIRMED", "outcome")
        check("installing" not in update.log(device), "log: %s", update.log(device))
    finally:
        restore()
    stage.courier.enrol([device])  # the operator hands it back
    stage.sync(status=ANY)
    stage.bring(stage.update(device))


# ---- devices ----

def wiped(stage, device):
    """Its disk as the factory ships it: no key, no certificate, no memory."""
    device.stop()
    shutil.rmtree(device.path("state"))
    os.mkdir(device.path("state"))
    write(device.path("software", "running"), SHIPPED + "\n")
    device.trust(stage.lab.fleet, stage.lab.facts["artifact_keys"])
    device.start(stage.lab.program("agent"))


def certified_anew(stage, device):
    """The operator certifies the key it has now; the courier brings the certificate."""
    chain = stage.lab.fleet.certify_device(stage.key_of(device), device.id, device.identity,
                                           GROUP)
    hand(stage, stage.devices, **{device.id: {"chain": chain}})
    stage.deliver(device.port, status=ANY)


def reimaged(stage):
    """a device imaged anew: nobody until it is certified anew, then served, and heard"""
    device = stage.devices[1]
    stage.bring(stage.update(device))
    update = stage.update(device)
    stage.sync()
    wiped(stage, device)
    before = device.software()
    results = stage.deliver(device.port, status=ANY)
    check(next(iter(results.values()))["word"] != "CONFIRMED", "results: %s", results)
    same(device.software(), before, "what runs")
    certified_anew(stage, device)
    results = stage.deliver(device.id)
    same(results[device.id]["word"], "CONFIRMED", "word: %s" % results)
    stage.runs(device, update)
    stage.sync()
    update.ended(device, "success")
    same(stage.receipt(update, device)["outcome"], "CONFIRMED", "outcome")


def new_key(stage, device):
    """The device makes another key, and nobody has certified that yet."""
    device.stop()
    for name in ("key.pem", "certificate.pem"):
        os.unlink(device.path("state", name))
    device.start(stage.lab.program("agent"))


def rotated_key(stage):
    """a device with a new key and its old memory: the same device, once certified anew"""
    device = stage.devices[1]
    stage.bring(stage.update(device))
    new_key(stage, device)
    update = stage.update(device)
    stage.sync()
    certified_anew(stage, device)
    results = stage.deliver(device.id)
    same(results[device.id]["word"], "CONFIRMED", "word: %s" % results)
    stage.sync()
    update.ended(device, "success")
    stage.receipt(update, device)


def rotated_key_early(stage):
    """a new key before anybody had the receipts of the old one: they count, by that"""
    device = stage.devices[1]
    stage.bring(stage.update(device))  # its key is known here
    restore = reconfigure(stage, device, "report = none")
    update = stage.update(device)
    stage.sync()
    stage.deliver(device.id, status=ANY)
    stage.runs(device, update)
    restore()
    former = stage.home.path("former.pem")
    shutil.copy(device.path("state", "certificate.pem"), former)
    new_key(stage, device)
    stage.sync(status=ANY)
    certified_anew(stage, device)
    results = stage.deliver(device.id, status=ANY)
    check(results[device.id]["word"] in ("CONFIRMED", "UP TO DATE"), "word: %s", results)
    stage.sync()
    update.ended(device, "success")
    stage.admin_verifies(update, device, former)
    later = stage.update(device)
    stage.bring(later)
    later.ended(device, "success")
    same(stage.receipt(later, device)["outcome"], "CONFIRMED", "outcome")


def rotated_key_unknown(stage):
    """a new key, and a courier that never knew the old one: what that signed stops nothing"""
    device = stage.devices[1]
    stage.bring(stage.update(device))
    new_key(stage, device)
    stage.sync(status=ANY)
    certified_anew(stage, device)
    stage.deliver(device.id, status=ANY)
    other = stage.colleague("laptop-c", device)
    update = stage.update(device)
    with stage.carried_by(other):
        stage.bring(update)
    update.ended(device, "success")
    same(stage.receipt(update, device)["outcome"], "CONFIRMED", "outcome")
    stage.courier.enrol([device])  # the operator hands it back
    stage.sync(status=ANY)
    stage.bring(stage.update(device))


def decommissioned(stage):
    """a device deleted at the server: sync says so, and the others go on"""
    device, other = stage.devices
    update = stage.update(other)
    stage.admin.must("DELETE", "%s/devices/%s" % (DEVAUTH, stage.server_id(device)))
    done = stage.sync(status=SOME)
    check(device.id in done.stdout, said(done))
    check("carrying" in done.stdout, said(done))
    stage.deliver(other.id)
    stage.sync(status=ANY)
    update.ended(other, "success")
    hand(stage, [other])  # the operator takes it off the courier's list
    stage.sync(status=ANY)
    done = stage.sync(status=ANY)
    check(device.id not in done.stdout, "still served: %s", said(done))
    hand(stage, stage.devices)  # and puts it back
    stage.courier.enrol([device])
    stage.bring(stage.update(device))


# ---- couriers and issuers ----

def next_of(stage, device):
    return json.loads(stage.inventory(device)["courier_next"])


def there_and_back(stage):
    """A, B, A: B ends what A began, with A's words; A hears that it is over"""
    device = stage.devices[0]
    update = stage.update(device)
    stage.sync()
    mine = next_of(stage, device)
    same(mine["deployment"], update.deployment, "deployment in courier_next")
    other = stage.colleague("laptop-b", device, more={device.id: {
        "next_deployment": mine["deployment"], "next_request": mine["request"]}})
    with stage.carried_by(other):
        stage.bring(update)
    update.ended(device, "success")
    same(update.finals(), ["success"], "final statuses")
    done = stage.sync(status=ANY)  # displaced: nothing of ours is lost, nothing is ended
    check(done.returncode in (OK, SOME, 3), said(done))
    stage.courier.enrol([device])  # the operator hands it back
    stage.sync(status=ANY)
    stage.sync(status=ANY)
    results = stage.deliver(device.id)
    same(results[device.id]["word"], "UP TO DATE", "word: %s" % results)
    later = stage.update(device)
    stage.bring(later)
    later.ended(device, "success")
    same(set(update.finals()), {"success"}, "final statuses of the first")


def issuer_rotation(stage):
    """both issuers replaced: papers of the old ones and of the new ones go together"""
    device = stage.devices[0]
    fleet = stage.lab.fleet
    root = fleet.load("root")
    for role in ("device", "courier"):
        fleet.authority(role + "-issuer", root, role)
    fleet.publish_crl()
    stage.courier.issue(fleet)
    certified_anew(stage, device)  # the old certificate is shown, the new one brought
    update = stage.update(device)
    stage.bring(update)
    update.ended(device, "success")
    stage.admin_verifies(update, device)
    check("CONFIRMED" in update.row(device)["substate"], "substate")


SCENARIOS = (gate_transfer, gate_install, gate_reboot, report_outcome, report_none,
             report_changed, reimaged, rotated_key, rotated_key_early, rotated_key_unknown,
             decommissioned, there_and_back, issuer_rotation)
