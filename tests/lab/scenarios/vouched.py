"""Beside Mender, a TUF repository: devices that install only what it directs them to."""

import hashlib
import json
import os
import shutil
import sys
import time

from labtool.repository_side import RepositorySide

from .stage import ANOTHER, EXPIRED, OK, SIGNATURE, check, said, same
from .trouble import LARGE, partial

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
import tuf_repository  # noqa: E402

PUBLISHED = ["artifacts/*", "devices/*/direction.json", "couriers/*/control"]
SOON_S = 6


def in_seconds(count):
    """The time then, as metadata write it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + count))


class Office:
    """The operator's: a repository, its nginx, and the root that all devices have pinned."""

    def __init__(self, stage):
        self.stage = stage
        self.side = RepositorySide(stage.home)
        self.repository = tuf_repository.Repository()
        self.repository.delegate("targets", "publisher", PUBLISHED, terminating=True)
        self.sequence = 0
        self.publish()
        self.side.configure(stage.courier.path(), self.repository)
        for device in stage.devices:
            self.pin(device)

    def pin(self, device):
        """What provisioning gives it."""
        with open(device.path("state", "tuf-root.json"), "wb") as file:
            file.write(self.repository.served["1.root.json"])
        path = device.path("courier-agent.conf")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace("[agent]\n", "[agent]\ntuf-root = state/tuf-root.json\n"))
        device.stop()
        device.start(self.stage.lab.program("agent"))

    def publish(self):
        self.repository.publish_all()
        self.side.publish(self.repository)

    def vouch(self, update, path=None):
        """The artifact is a target."""
        with open(path or update.path, "rb") as file:
            content = file.read()
        self.repository.add_target("artifacts/%s.mender" % update.name, content, "publisher")
        return content

    def direct(self, update, *devices, **changes):
        """The devices are to have it; published."""
        content = self.vouch(update)
        for device in devices or update.devices:
            self.sequence += 1
            document = {
                "_type": "direction", "version": 1, "device": device.id,
                "deployment": update.deployment, "sequence": self.sequence,
                "artifacts": [{"path": "artifacts/%s.mender" % update.name,
                               "length": len(content),
                               "sha256": hashlib.sha256(content).hexdigest()}]}
            document.update(changes)
            self.repository.add_target("devices/%s/direction.json" % device.id,
                                       json.dumps(document).encode(), "publisher")
        self.publish()

    def expire(self, when):
        self.repository.signed["timestamp"]["expires"] = when
        self.publish()


def office_of(stage):
    if not hasattr(stage, "office"):
        stage.office = Office(stage)
    stage.office.repository.signed["timestamp"]["expires"] = tuf_repository.days(30)
    return stage.office


def plan_of(stage, device, status):
    done = stage.courier.run("--json", "plan", device.id)
    same(done.returncode, status, "plan: " + said(done))
    return json.loads(done.stdout.splitlines()[0])


def directed(stage):
    """what Mender deploys and TUF directs is installed, and reported"""
    office = office_of(stage)
    update = stage.update(*stage.devices)
    office.direct(update)
    stage.sync()
    for device in stage.devices:
        check(plan_of(stage, device, OK)["vouched"], "%s: not vouched for", device.id)
    stage.bring(update)
    for device in stage.devices:
        stage.runs(device, update)
        update.ended(device, "success")


def again(stage):
    """one update after another, each directed anew"""
    office = office_of(stage)
    device = stage.devices[0]
    for _ in range(3):
        update = stage.update(device)
        office.direct(update)
        stage.bring(update)
        stage.runs(device, update)
        update.ended(device, "success")


def undirected(stage):
    """without a direction nothing is installed and nothing is over; with one it goes on"""
    office = office_of(stage)
    device = stage.devices[0]
    update = stage.update(device)
    office.vouch(update)
    office.publish()
    stage.courier.run("sync")
    check(plan_of(stage, device, ANOTHER)["blockers"], "nothing in the way")
    before = device.software()
    result = stage.deliver(device.id, status=ANOTHER)[device.id]
    check(result["word"] in ("WAITING", "NEEDS ANOTHER CONTACT"), "word: %s", result)
    same(device.software(), before, "what runs")
    office.direct(update)
    since = len(stage.lines())
    done = stage.courier.run("sync", "--metadata-only")
    same(done.returncode, OK, said(done))
    same(len(stage.lines()), since, "requests to the server")
    same(stage.deliver(device.id)[device.id]["word"], "CONFIRMED", "with a direction")
    stage.runs(device, update)
    stage.sync()
    update.ended(device, "success")


def expired(stage):
    """what has expired is not installed; kilobytes later it is"""
    office = office_of(stage)
    device = stage.devices[0]
    update = stage.update(device)
    office.direct(update)
    office.expire(in_seconds(SOON_S))
    stage.sync()
    time.sleep(SOON_S + 1)
    fact = plan_of(stage, device, EXPIRED)
    check("timestamp of repository fleet" in fact["blockers"][0]["why"], "plan: %s", fact)
    before = device.software()
    result = stage.deliver(device.id, status=EXPIRED)[device.id]
    same(device.software(), before, "what runs")
    check("expired" in result["reason"], "reason: %s", result)
    office.expire(tuf_repository.days(30))
    since, given = len(stage.lines()), office.side.mark()
    done = stage.courier.run("sync", "--metadata-only")
    same(done.returncode, OK, said(done))
    same(len(stage.lines()), since, "requests to the server")
    check(sum(size for _, size, _ in office.side.lines(given)) < 20000, "more than kilobytes")
    same(stage.deliver(device.id)[device.id]["word"], "CONFIRMED", "after a refresh")
    stage.runs(device, update)
    stage.sync()
    update.ended(device, "success")


def another_artifact(stage):
    """the server's artifact is not the one vouched for: known before the trip"""
    office = office_of(stage)
    device, other = stage.devices[0], stage.devices[1]
    update = stage.update(device)
    with open(update.path, "ab") as file:
        file.write(b"\0" * 512)
    office.direct(update)
    done = stage.courier.run("sync")
    same(done.returncode, 4 if len(stage.devices) > 2 else done.returncode, said(done))
    check("is not the one that is vouched for" in done.stdout, "sync: %s", said(done))
    plan_of(stage, device, SIGNATURE)
    before = device.software()
    done = stage.courier.run("--json", "deliver", device.id, timeout=120)
    check(done.returncode != OK, "deliver: %s", said(done))
    same(device.software(), before, "what runs")
    same(stage.admin.abort(update.deployment).status, 204, "abort")
    stage.courier.run("sync")
    update = stage.update(other)
    office.direct(update)
    stage.bring(update)


def older(stage):
    """a courier with older metadata than the device's is told so, and comes again"""
    office = office_of(stage)
    device = stage.devices[0]
    update = stage.update(device, size=LARGE)
    office.direct(update)
    stage.sync()
    copy = stage.courier.path("-former")
    shutil.copytree(stage.courier.path(), copy)
    office.publish()
    done = stage.courier.run("sync", "--metadata-only")
    same(done.returncode, OK, said(done))
    courier = stage.start("deliver", device.id)
    stage.wait("some of the artifact", lambda: partial(device) > 10000)
    stage.finish(courier)  # killed
    shutil.rmtree(stage.courier.path())
    shutil.move(copy, stage.courier.path())
    before = device.software()
    result = stage.deliver(device.id, status=ANOTHER)[device.id]
    check("already has newer metadata" in result["reason"], "reason: %s", result)
    same(device.software(), before, "what runs")
    plan_of(stage, device, ANOTHER)  # it has told us which it has
    done = stage.courier.run("sync", "--metadata-only")
    same(done.returncode, OK, said(done))
    same(stage.deliver(device.id)[device.id]["word"], "CONFIRMED", "after a refresh")
    stage.runs(device, update)
    stage.sync()
    update.ended(device, "success")


def slow(stage):
    """a repository that sends a few bytes a second is not waited for"""
    office = office_of(stage)
    office.side.write("metadata/2.root.json", b" " * 400000)
    office.side.trouble("limit_rate 60;")
    began = time.monotonic()
    done = stage.courier.run("sync", timeout=240)
    check("too slowly" in done.stdout, "sync: %s", said(done))
    check(time.monotonic() - began < 120, "it took %d s", time.monotonic() - began)
    office.side.trouble("")
    os.unlink(os.path.join(office.side.tree, "metadata", "2.root.json"))
    stage.sync()


SCENARIOS = (directed, again, undirected, expired, another_artifact, older, slow)
