"""Who is believed, and who is not."""

import os

from .stage import NOT_AUTHORISED, SOME, check, said, same


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


def revoked(stage):
    """a revoked courier is turned away by the device, with its reason"""
    device = stage.devices[0]
    update = stage.update(device)
    stage.sync()
    stage.lab.fleet.publish_crl(stage.courier.read("-chain.pem"))
    device.stop()
    device.trust(stage.lab.fleet, stage.lab.facts["artifact_keys"])
    device.start(stage.lab.program("agent"))
    before = device.software()
    results = stage.deliver(device.id, status=NOT_AUTHORISED)
    one = next(iter(results.values()))
    same(one["word"], "NOT ACCEPTED", "word")
    check("revocation" in one["reason"], "reason: %s", one)
    same(device.software(), before, "what runs")
    same(stage.admin.abort(update.deployment).status, 204, "abort")


def wrong_passphrase(stage):
    """a wrong passphrase opens nothing"""
    path = stage.home.path("wrong-passphrase")
    with open(path, "w", encoding="ascii",
              opener=lambda name, flags: os.open(name, flags, 0o600)) as out:
        out.write("not it\n")
    done = stage.courier.run("sync", passphrase=path)
    same(done.returncode, NOT_AUTHORISED, said(done))


# The last one leaves the courier revoked.
SCENARIOS = (wrong_passphrase, wrong_key, revoked)
