"""What else can be at the two ends of a cable, and at both ends of time."""

import glob
import json
import os
import re
import subprocess
import time

from labtool.devices import write
from labtool.fleet import Fleet, envelope
from labtool.home import Home

from .stage import (ANOTHER, ANY, EXPIRED, LINK, NOT_AUTHORISED, SIGNATURE, check, said,
                    same)

BOOT = (b"\r\nU-Boot 2023.01 (Jan 10 2023)\r\nHit any key to stop autoboot:  3 \x08\x08\x08 2 \r\n"
        b"[    0.000000] Linux version 6.1.0-18-armmp\r\n[    1.2] tty\x00\xff\xfe\x80 up\r\n"
        b"\r\nDebian GNU/Linux 12 pump ttyS1\r\n\r\npump login: ")
DAY = 86400
FAKE = (glob.glob("/usr/lib/*/faketime/libfaketime.so.1") or [""])[0]


# ---- the line ----

def a_login_prompt(stage):
    """boot messages and a login prompt: nobody is there, and not a byte is typed at it"""
    device = stage.devices[0]
    device.stop()
    line = os.open(device.path("tty"), os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        courier = stage.start("--json", "deliver", "--wait", "4", device.port)
        typed = b""
        for _ in range(20):
            os.write(line, BOOT)
            time.sleep(0.15)
            try:
                typed += os.read(line, 4096)
            except BlockingIOError:
                pass
        text = stage.finish(courier, LINK)
        same(typed, b"", "what courier typed at the prompt")
        check("NO DEVICE" in text, "deliver said: %s", text)
    finally:
        os.close(line)
        device.start(stage.lab.program("agent"))
    stage.bring(stage.update(device))


def noise_while_it_runs(stage):
    """somebody else writes to the line during a delivery: it takes longer"""
    device = stage.devices[0]
    update = stage.update(device, size=120000)
    stage.sync()
    line = os.open(device.path("tty"), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        courier = stage.start("deliver", device.id)
        while courier.poll() is None:
            try:
                os.write(line, BOOT + bytes(range(256)))
            except BlockingIOError:
                pass
            time.sleep(0.1)
        stage.finish(courier, 0)
    finally:
        os.close(line)
    stage.runs(device, update)
    stage.sync()
    update.ended(device, "success")


# ---- strangers ----

def elsewhere(stage, name):
    home = Home(stage.home.ensure(name))
    fleet = Fleet(home)
    fleet.make()
    return fleet


def a_strange_device(stage):
    """a device of another fleet: the courier says so, and keeps nothing of it"""
    device = stage.devices[1]
    config = stage.home.read("devices", device.id, "courier-agent.conf")
    update = stage.update(device)
    stage.sync()
    device.stop()
    fleet = elsewhere(stage, "strangers")
    old = device.path("state")
    os.rename(old, old + ".ours")
    os.mkdir(old)
    device.trust(fleet, stage.lab.facts["artifact_keys"])
    device.certify(fleet, stage.lab.program("agent"))
    device.start(stage.lab.program("agent"))
    results = stage.deliver("--wait", "5", device.port, status=ANY)
    one = next(iter(results.values()))
    same(one["code"], SIGNATURE, "code: %s" % one)
    check("another fleet" in one["reason"], "reason: %s", one)
    same(one["device"], "", "device")
    device.stop()
    os.rename(old, old + ".theirs")
    os.rename(old + ".ours", old)
    device.start(stage.lab.program("agent"))
    check(config, "configuration")
    stage.bring(update)


# ---- time ----

def admin_tells(stage, device, nonce, at):
    """What courier-admin set-time signs, made by the lab's own hands."""
    fleet = stage.lab.fleet
    text = stage.home.read("devices", device.id, "state", "certificate.pem") + "\n"
    payload = json.dumps({"version": 1, "device": device.id, "nonce": nonce, "time": int(at),
                          "chain": text}, separators=(",", ":")).encode()
    statement = envelope(fleet.load("device-issuer")[0], "application/vnd.courier.time+json",
                         payload).decode()
    stage.courier.take_control(fleet, stage.lab.facts["artifact_keys"], stage.devices,
                               more={device.id: {"time": statement}})


def nonce_in(reason):
    found = re.search(r"set-time (\S+) --nonce ([0-9a-f]{32})", reason)
    check(found, "no nonce in: %s", reason)
    return found.group(2)


def a_poisoned_floor(stage):
    """a device that believes it is 2100 refuses, and says how; the operator's word repairs it"""
    device = stage.devices[0]
    update = stage.update(device)
    stage.sync()
    device.stop()
    path = device.path("state", "marks.json")
    marks = json.loads(open(path, encoding="ascii").read())
    marks["floor"] = 4102444800
    write(path, json.dumps(marks))
    device.start(stage.lab.program("agent"))
    results = stage.deliver(device.port, status=EXPIRED)
    one = next(iter(results.values()))
    same(one["word"], "NOT ACCEPTED", "word")
    admin_tells(stage, device, nonce_in(one["reason"]), time.time())
    stage.deliver(device.id)
    stage.runs(device, update)
    stage.sync()
    update.ended(device, "success")
    stage.bring(stage.update(device))


class Clock:
    """A device whose clock is faked: what it shows is in a file, which set-clock writes."""

    def __init__(self, stage, device):
        self.stage, self.device = stage, device
        self.file = device.path("clock")
        self.config = stage.home.read("devices", device.id, "courier-agent.conf") + "\n"
        write(device.path("set-clock"),
              "#!/bin/sh\ndate -u -d \"$1\" '+@%%Y-%%m-%%d %%T' >'%s'\n" % self.file, 0o755)
        write(device.path("courier-agent.conf"), self.config.replace(
            "hook-timeout", "set-clock = %s\nhook-timeout" % device.path("set-clock"), 1))

    def show(self, text):
        write(self.file, "@" + text + "\n")
        environment = {"LD_PRELOAD": FAKE, "FAKETIME_TIMESTAMP_FILE": self.file, "TZ": "UTC",
                       "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        agent = self.stage.lab.program("agent")
        wrapper = self.device.path("agent-with-a-clock")
        write(wrapper, "#!/bin/sh\nexport %s\nexec %s \"$@\"\n" % (
            " ".join("%s='%s'" % pair for pair in environment.items()), agent), 0o755)
        self.device.stop()
        self.device.start(wrapper)

    def done(self):
        self.device.stop()
        write(self.device.path("courier-agent.conf"), self.config)
        self.device.start(self.stage.lab.program("agent"))


def device_in_1970(stage):
    """a device whose clock is in 1970 is served: the clock is not what it trusts"""
    device = stage.devices[0]
    clock = Clock(stage, device)
    try:
        clock.show("1970-01-01 00:00:10")
        update = stage.update(device)
        stage.bring(update)
        stage.runs(device, update)
        update.ended(device, "success")
        check("1970" in stage.inventory(device)["courier_device_time"], "courier_device_time")
    finally:
        clock.done()


def device_in_2100(stage):
    """a device whose clock is in 2100 refuses; the operator's word sets clock and floor"""
    device = stage.devices[0]
    clock = Clock(stage, device)
    try:
        clock.show("2100-01-01 00:00:00")
        update = stage.update(device)
        stage.sync()
        results = stage.deliver(device.port, status=EXPIRED)
        one = next(iter(results.values()))
        check("2100-01-01" in one["reason"], "reason: %s", one)
        admin_tells(stage, device, nonce_in(one["reason"]), time.time())
        stage.deliver(device.id)
        stage.runs(device, update)
        check("@20" in stage.home.read("devices", device.id, "clock"), "set-clock")
        stage.deliver(device.id)  # the clock is right for good
        stage.sync()
        update.ended(device, "success")
    finally:
        clock.done()


def at(stage, when, *arguments):
    """A command of courier at another time."""
    courier = stage.courier
    environment = dict(courier.environment(), LD_PRELOAD=FAKE, FAKETIME="@" + when, TZ="UTC",
                       FAKETIME_DONT_FAKE_MONOTONIC="1")
    return subprocess.run(courier.command(arguments), env=environment, timeout=120,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, encoding="utf-8", check=False)


def courier_elsewhen(stage, when):
    device = stage.devices[0]
    update = stage.update(device)
    stage.sync()
    done = at(stage, when, "--json", "deliver", device.id)
    same(done.returncode, 0, "deliver: " + said(done))
    stage.runs(device, update)
    done = at(stage, when, "sync")  # TLS to the server does look at the clock
    check(done.returncode in (0, 1, 4, 10), "sync: %s", said(done))
    stage.sync(status=ANY)
    update.ended(device, "success")


def courier_in_1970(stage):
    """a courier whose clock is in 1970 delivers: the device does not ask it for the time"""
    courier_elsewhen(stage, "1970-01-01 00:00:10")


def courier_in_2100(stage):
    """a courier whose clock is in 2100 delivers; the device's floor stays what it was"""
    courier_elsewhen(stage, "2100-01-01 00:00:00")
    floor = stage.inventory(stage.devices[0])["courier_floor"]
    check(floor < "2100", "courier_floor: %s", floor)


# ---- identity ----

def identity_changes(stage):
    """an identity script that changes its answer: refused, with both in the sentence"""
    device = stage.devices[0]
    update = stage.update(device)
    stage.sync()
    script = stage.home.read("devices", device.id, "identity") + "\n"
    before = device.software()
    write(device.path("identity"), script.replace(device.identity["serial"], "SN-9999"), 0o755)
    results = stage.deliver(device.port, status=ANY)
    one = next(iter(results.values()))
    same(one["word"], "NOT ACCEPTED", "word: %s" % one)
    check("identity" in one["reason"], "reason: %s", one)
    same(device.software(), before, "what runs")
    write(device.path("identity"), script, 0o755)
    stage.bring(update)


def identity_fails(stage):
    """an identity script that fails: nothing is installed, and the technician is told why"""
    device = stage.devices[0]
    update = stage.update(device)
    stage.sync()
    script = stage.home.read("devices", device.id, "identity") + "\n"
    before = device.software()
    write(device.path("identity"), "#!/bin/sh\necho no such interface >&2\nexit 1\n", 0o755)
    results = stage.deliver("--wait", "5", device.port, status=ANY)
    one = next(iter(results.values()))
    check(one["word"] in ("NOT ACCEPTED", "WAITING"), "word: %s", one)
    check("identity" in one["reason"], "reason: %s", one)
    same(device.software(), before, "what runs")
    write(device.path("identity"), script, 0o755)
    stage.bring(update)


def two_with_one_identity(stage):
    """two devices with one identity: the second is not taken for the first"""
    first, second = stage.devices
    script = stage.home.read("devices", second.id, "identity") + "\n"
    update = stage.update(first)
    stage.sync()
    before = second.software()
    write(second.path("identity"), stage.home.read("devices", first.id, "identity") + "\n", 0o755)
    results = stage.deliver(second.port, status=ANY)
    one = next(iter(results.values()))
    same(one["word"], "NOT ACCEPTED", "word: %s" % one)
    same(second.software(), before, "what runs")
    write(second.path("identity"), script, 0o755)
    stage.deliver(first.id)
    stage.runs(first, update)
    stage.sync()
    update.ended(first, "success")


LINE = (a_login_prompt, noise_while_it_runs, a_strange_device, identity_changes, identity_fails,
        two_with_one_identity)
TIME = (a_poisoned_floor, device_in_1970, device_in_2100, courier_in_1970, courier_in_2100)
SCENARIOS = LINE + TIME
