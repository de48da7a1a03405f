"""Who is believed, and who is not."""

import datetime
import os

from labtool.fleet import Fleet, now
from labtool.home import Home

from .stage import BAUD, EXPIRED, NOT_AUTHORISED, SIGNATURE, SOME, check, said, same


def wrong_key(stage):
    """an artifact signed by a stranger: sync says so, nothing is carried"""
    device = stage.devices[0]
    update = stage.update(device, signed_by="rsa-stranger")
    done = stage.courier.run("sync")
    same(done.returncode, SOME, "sync: " + said(done))
    check("cannot drop" not in done.stdout, said(done))
    check("not signed by a key that is trusted" in done.stdout, said(done))
    check(device.label in done.stdout + done.stderr or device.id in done.stdout + done.stderr,
          "sync does not name the device: %s", said(done))
    stage.deliver(device.id, status=40)
    same(stage.admin.abort(update.deployment).status, 204, "abort")
    stage.sync()


def refused(stage, device, status, *words):
    """The device turns the courier away, with the reason, and runs what it ran."""
    before = device.software()
    results = stage.deliver(device.port, status=status)
    one = next(iter(results.values()))
    same(one["word"], "NOT ACCEPTED", "word")
    for word in words:
        check(word in one["reason"], "reason: %s", one)
    same(device.software(), before, "what runs")


def expired(stage):
    """a courier whose certificate has ended is turned away"""
    device = stage.devices[0]
    other = stage.colleague("laptop-3", device, enrolled=False, days=30,
                            begin=now() - datetime.timedelta(days=40))
    with stage.carried_by(other):
        refused(stage, device, EXPIRED, "expired")


def wrong_group(stage):
    """a courier of another group is turned away"""
    device = stage.devices[0]
    other = stage.colleague("laptop-4", device, enrolled=False, groups=("valves",))
    with stage.carried_by(other):
        refused(stage, device, NOT_AUTHORISED, "group")


def stranger(stage):
    """a courier of another fleet is turned away"""
    device = stage.devices[0]
    elsewhere = Home(stage.home.ensure("elsewhere"))
    fleet = Fleet(elsewhere)
    fleet.make()
    other = stage.lab.courier("stranger", courier_id="laptop-5")
    other.configure(BAUD)
    other.issue(fleet)
    other.take_control(fleet, stage.lab.facts["artifact_keys"], [device])
    with stage.carried_by(other):
        before = device.software()
        done = stage.courier.run("deliver", device.port)
        check(done.returncode in (NOT_AUTHORISED, SIGNATURE), "deliver: %s", said(done))
        same(device.software(), before, "what runs")


def revoked(stage):
    """a colleague brings the news of a revocation: the courier is turned away from then on"""
    device = stage.devices[0]
    stage.update(device)
    stage.sync()
    stage.lab.fleet.publish_crl(stage.courier.read("-chain.pem"))
    with stage.carried_by(stage.colleague("laptop-6", device, enrolled=False)):
        stage.deliver(device.id)
    refused(stage, device, NOT_AUTHORISED, "revocation")
    device.kill()
    refused(stage, device, NOT_AUTHORISED, "revocation")


def wrong_passphrase(stage):
    """a wrong passphrase opens nothing"""
    path = stage.home.path("wrong-passphrase")
    with open(path, "w", encoding="ascii",
              opener=lambda name, flags: os.open(name, flags, 0o600)) as out:
        out.write("not it\n")
    done = stage.courier.run("sync", passphrase=path)
    same(done.returncode, NOT_AUTHORISED, said(done))


# The last one leaves the courier revoked.
SCENARIOS = (wrong_passphrase, wrong_key, expired, wrong_group, stranger, revoked)
