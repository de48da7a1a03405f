"""What the scenarios play on: one lab with real programs, and words for what happens there.

A scenario is a function that takes the Stage and calls check(); its first line of text says what
it is about.  After a scenario that failed the stage is set up anew, so that one failure is one.
"""

import base64
import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from cryptography.hazmat.primitives import serialization

from labtool import artifact, journey
from labtool.client import DEPLOYMENTS, Admin
from labtool.fleet import requested_key
from labtool.home import Home
from labtool.loop import Lab

PATIENCE_S = 60
COMMAND_S = 120
RECEIPT = "application/vnd.courier.receipt+json"
MENDER, UNCERTIFIED = 3, 4  # devices by number; the others are 1 and 2
BAUD = 115200
LINE = 921600  # the pace of the lines: what the ends are told does not matter to a pty

ANY = None

# Exit statuses of courier(1).
OK, NOTHING, SOME, UNVERIFIED = 0, 3, 4, 5
NOT_AUTHORISED, EXPIRED, ROLLBACK, SIGNATURE, LINK, ANOTHER = 10, 11, 12, 14, 20, 40


class Unlike(Exception):
    """Something is not as it should be."""


def check(holds, message, *values):
    if not holds:
        raise Unlike(message % values if values else message)


def same(got, wanted, what):
    check(got == wanted, "%s: %r, not %r", what, got, wanted)


def said(done):
    return "exit status %d\n%s%s" % (done.returncode, done.stdout, done.stderr)


def pre_authentication(kind, payload):
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)


class Update:
    """An artifact, and its deployment to some devices."""

    def __init__(self, stage, name, path, payloads, devices):
        self.stage = stage
        self.name = name
        self.path = path
        self.payloads = payloads
        self.devices = devices
        self.since = len(stage.lines())
        self.deployment = None

    def payload(self):
        """The one file of it that the device is to run."""
        path = self.payloads[-1] if self.payloads else self.path[: -len(".mender")] + ".payload"
        with open(path, "rb") as file:
            return file.read()

    def row(self, device):
        """What the server says became of it on a device."""
        return self.stage.admin.rows(self.deployment)[self.stage.server_id(device)]

    def ended(self, device, status):
        row = self.row(device)
        same((row["status"]), status, "%s at the server" % device.id)
        return row

    def log(self, device):
        reply = self.stage.admin.log(self.deployment, self.stage.server_id(device))
        same(reply.status, 200, "log of %s" % device.id)
        return reply.body.decode()

    def requests(self, kind):
        """The requests that came since the deployment was made, of one kind."""
        return [step for step in self.stage.steps(self.since) if step.kind == kind]

    def finals(self):
        """The final statuses that were reported, in order."""
        return [step.reported() for step in self.requests("status")
                if step.deployment() == self.deployment
                and step.reported() in ("success", "failure")]


class Stage:
    def __init__(self, build, devices=4, mender=(MENDER,), uncertified=(UNCERTIFIED,), v2=False,
                 cheap=False):
        self.directory = tempfile.mkdtemp(prefix="e2e-")
        self.home = Home(self.directory)
        self.lab = Lab(self.home)
        self.build = build
        self.made = 0
        self.recabled = []
        try:
            self.lab.up(devices, build, BAUD, ["--baud", str(LINE)], uncertified=uncertified,
                        mender=mender, v2=v2, cheap=cheap)
        except BaseException:
            self.close()
            raise
        self.admin = Admin(self.directory)
        self.courier = self.lab.courier()
        self.devices = self.lab.devices

    def close(self):
        for name in self.home.processes():
            self.home.stop(name)
        shutil.rmtree(self.directory)

    def clear(self):
        """Between scenarios: devices in good spirits, at the ends of good cables."""
        for device in self.devices:
            device.behave()
        for device in self.recabled:
            self.replug(device)
        self.recabled = []
        self.sane()

    def sane(self):
        """No process said what only a sanitizer says."""
        for name in os.listdir(self.home.path("log")):
            with open(self.home.path("log", name), encoding="utf-8", errors="replace") as file:
                text = file.read()
            for word in ("Sanitizer", "runtime error:"):
                at = text.find(word)
                check(at < 0, "%s: %s", name, text[max(0, at - 200) :][:2000])

    def tell(self, out=sys.stdout):
        """What the processes said last, after a failure."""
        for name in sorted(os.listdir(self.home.path("log"))):
            with open(self.home.path("log", name), encoding="utf-8", errors="replace") as file:
                lines = file.read().splitlines()[-15:]
            if lines:
                out.write("\n".join(["--- " + name, *lines, ""]))

    def wait(self, what, test, patience_s=PATIENCE_S):
        deadline = time.monotonic() + patience_s
        while True:
            found = test()
            if found:
                return found
            check(time.monotonic() < deadline, "waited in vain: %s", what)
            time.sleep(0.05)

    # The operator

    def server_id(self, device):
        """Its id at the server."""
        for one in self.admin.devices():
            if one["identity_data"] == device.identity:
                return one["id"]
        raise Unlike("%s: not at the server" % device.id)

    def update(self, *devices, kind="lab-exec", counter=None, **how):
        """A new artifact, deployed to the devices.  Its counter is its number."""
        self.made += 1
        name = "rel-%d" % (self.made + 1)
        how.setdefault("size", 20000)
        path = artifact.make(self.home, name, kind, ["testbox"],
                             counter=self.made if counter is None else counter, **how)
        update = Update(self, name, path, how.get("payloads"), devices)
        self.admin.upload(path)
        update.deployment = self.admin.deploy(name, name,
                                              [self.server_id(device) for device in devices])
        return update


    def artifact_on_server(self, update):
        """Where the server keeps the file of an update."""
        for one in self.admin.everything(DEPLOYMENTS + "/artifacts/list"):
            if one["name"] == update.name:
                return self.home.path("server", "artifacts", one["id"])
        raise Unlike("%s: not at the server" % update.name)

    # The server's memory

    def lines(self):
        return journey.read(self.home.path("server", "requests.jsonl"))

    def steps(self, since=0):
        return [journey.Step(line) for line in self.lines()[since:]]

    def inventory(self, device):
        """{name: value} of what was reported."""
        found = self.admin.inventory(self.server_id(device))
        return {name: value for (scope, name), value in found.items() if scope == "inventory"}

    def colleague(self, courier_id, *devices, enrolled=True, more=None, **how):
        """Another courier, with a bundle for these devices; enrolled: the operator hands them
        over at the server too, which displaces whoever had them."""
        other = self.lab.courier(courier_id, courier_id=courier_id, technician="Otto Lab")
        other.configure(BAUD)
        other.issue(self.lab.fleet, **how)
        other.take_control(self.lab.fleet, self.lab.facts["artifact_keys"], devices, more=more)
        if enrolled:
            other.enrol(devices)
        return other

    @contextlib.contextmanager
    def carried_by(self, courier):
        """Meanwhile, the technician is another."""
        ours, self.courier = self.courier, courier
        try:
            yield
        finally:
            self.courier = ours

    # The technician

    def sync(self, *options, status=OK):
        done = self.courier.run(*options, "sync", timeout=COMMAND_S)
        check(status in (ANY, done.returncode), "sync: not status %s: %s", status, said(done))
        return done

    def deliver(self, *arguments, status=OK):
        """The result of each device, by its id, or its link when it was not met."""
        done = self.courier.run("--json", "deliver", *arguments, timeout=COMMAND_S)
        check(status in (ANY, done.returncode), "deliver: not status %d: %s", status, said(done))
        results = [json.loads(line) for line in done.stdout.splitlines()]
        return {one["device"] or one["link"]: one for one in results}

    def bring(self, update, word="CONFIRMED", status=OK):
        """Fetch it, carry it to its devices, and report: one whole trip."""
        self.sync()
        results = self.deliver(*[device.id for device in update.devices], status=status)
        for device in update.devices:
            check(device.id in results, "%s was not met: %s", device.id, results)
            same(results[device.id]["word"], word, "%s: %s" % (device.id, results[device.id]))
        self.sync()
        return results

    def start(self, *arguments):
        """A courier that goes on while the scenario does."""
        return subprocess.Popen(self.courier.command(arguments), stdin=subprocess.DEVNULL,
                                env=self.courier.environment(), stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, encoding="utf-8")

    def finish(self, process, status=None):
        """How it ended; status None: was killed here."""
        if status is None:
            process.send_signal(signal.SIGKILL)
        try:
            text, _ = process.communicate(timeout=COMMAND_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise Unlike("courier does not end: " + process.communicate()[0]) from None
        check(status is None or process.returncode == status, "courier: exit status %s\n%s",
              process.returncode, text)
        return text

    def rows(self, command):
        """What a command says with --json, a line each."""
        done = self.courier.run("--json", command)
        check(done.returncode in (OK, NOTHING), "%s: %s", command, said(done))
        return [json.loads(line) for line in done.stdout.splitlines()]

    # Devices

    def replug(self, device, *options):
        """Another cable, until the end of the scenario."""
        self.recabled = [device]
        self.home.stop(device.relay)
        for end in (device.port, device.path("tty")):
            if os.path.lexists(end):
                os.unlink(end)
        device.plug(self.lab.program("relay"), list(options), LINE)

    def runs(self, device, update):
        check(device.software() == update.payload(), "%s does not run %s", device.id,
              update.name)

    def key_of(self, device):
        return requested_key(device.request(self.lab.program("agent")))

    def receipt(self, update, device):
        """The receipt in the log at the server, verified here with the device's key."""
        found = [line.split("courier-receipt: ", 1)[1] for line in update.log(device).splitlines()
                 if "courier-receipt: " in line]
        check(found, "no receipt in the log of %s: %s", device.id, update.log(device))
        envelope = json.loads(found[-1])
        payload = base64.b64decode(envelope["payload"])
        same(envelope["payloadType"], RECEIPT, "payload type")
        key = self.key_of(device)
        key.verify(base64.b64decode(envelope["signatures"][0]["sig"]),
                   pre_authentication(RECEIPT, payload))
        receipt = json.loads(payload)
        same(receipt["deployment"], update.deployment, "the receipt's deployment")
        with open(update.path, "rb") as file:
            same(receipt["digest"], hashlib.sha256(file.read()).hexdigest(),
                 "the receipt's artifact")
        return receipt

    def admin_verifies(self, update, device, certificate=None):
        """courier-admin finds the receipt in the log as it was downloaded, and believes it."""
        certificate = certificate or device.path("state", "certificate.pem")
        log = self.home.path("receipt.log")
        with open(log, "w", encoding="utf-8") as out:
            out.write(update.log(device))
        done = subprocess.run(
            [os.path.join(self.build, "courier", "admin", "courier-admin"), "verify", log,
             "--root", self.home.path("fleet", "root.pem"),
             "--device-cert", certificate],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", check=False)
        same(done.returncode, OK, "courier-admin verify: " + said(done))
        check("CONFIRMED" in done.stdout, "courier-admin verify: %s", said(done))

    def single_file(self, device):
        """An update for Debian's module single-file: it puts a file where dest_dir says."""
        texts = {"dest_dir": device.path("software") + "\n", "filename": "running\n",
                 "permissions": "644\n"}
        folder = self.home.ensure("artifacts", "single-file-%d" % self.made)
        for name, text in texts.items():
            with open(os.path.join(folder, name), "w", encoding="ascii") as out:
                out.write(text)
        with open(os.path.join(folder, "running"), "w", encoding="ascii") as out:
            out.write("software %d\n" % self.made)
        return self.update(device, kind="single-file", size=None, payloads=[
            os.path.join(folder, name) for name in [*texts, "running"]])

    def courier_inventory(self):
        """What the courier says of itself."""
        for one in self.admin.devices():
            if "courier" in one["identity_data"]:
                return {name: value for (_, name), value
                        in self.admin.inventory(one["id"]).items()}
        raise Unlike("the courier is no device")

    def spki(self, key):
        return hashlib.sha256(key.public_bytes(
            serialization.Encoding.DER,
            serialization.PublicFormat.SubjectPublicKeyInfo)).hexdigest()
