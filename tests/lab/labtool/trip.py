"""A server, an operator, a courier and devices that exist as keys only.

What happens on site is done by trip_tool, which signs as a device would and puts into the
store what `courier deliver` would have put there.
"""

import json
import os
import shutil
import subprocess
import tempfile

from . import artifact, client, server_side
from .home import Home


class Trip:
    """A server, an operator, a courier, and devices that exist as keys only."""

    def __init__(self, courier, trip_tool):
        self.program, self.trip_tool = courier, trip_tool
        self.directory = tempfile.mkdtemp(prefix="courier-sync-")
        self.lab = Home(os.path.join(self.directory, "lab"))
        os.mkdir(self.lab.directory)
        try:
            self.prepare()
        except BaseException:
            self.done()
            raise

    def prepare(self):
        server_side.up(self.lab)
        self.admin = client.Admin(self.lab.directory)
        self.home = self.path("home")
        self.devices = []
        self.number = 0
        self.passphrase("correct horse")
        os.mkdir(self.path("fleet"))
        self.tool("fleet", self.path("fleet"))
        self.tool("store", self.home, self.path("passphrase"))
        with open(os.path.join(self.home, "courier.conf"), "w", encoding="utf-8") as file:
            file.write("[server lab]\nurl = %s\nca = %s\n" % (
                self.lab.read("server", "url"), self.lab.path("server", "ca.pem")))
        artifact.signing_key(self.lab, "rsa")
        shutil.copy(self.lab.path("keys", "artifact-rsa.pub"),
                    self.path("fleet", "artifact.pub"))
        self.courier("init", "--out", self.path("request.pem"))

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def passphrase(self, text):
        def private(path, flags):
            return os.open(path, flags, 0o600)

        with open(self.path("passphrase"), "w", encoding="utf-8", opener=private) as file:
            file.write(text + "\n")

    def done(self):
        for name in self.lab.processes():
            self.lab.stop(name)
        shutil.rmtree(self.directory, ignore_errors=True)

    def tool(self, *arguments):
        subprocess.run([self.trip_tool, *arguments], check=True)

    def arguments(self, *words):
        return [self.program, "--json", "--passphrase-file", self.path("passphrase"), *words]

    def environment(self):
        return dict(os.environ, COURIER_HOME=self.home)

    def courier(self, *words, status=0):
        """Run a command; its facts.  Its exit status must be STATUS."""
        done = subprocess.run(self.arguments(*words), env=self.environment(),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        self.said = done.stderr.decode()
        if done.returncode != status:
            raise AssertionError("courier %s: %d instead of %d\n%s%s" % (
                " ".join(words), done.returncode, status, done.stdout.decode(), self.said))
        return [json.loads(line) for line in done.stdout.decode().splitlines()]

    def sync(self, *words, status=0):
        """{device: its fact}."""
        return {fact["device"]: fact for fact in self.courier("sync", *words, status=status)}

    # The operator

    def device(self, name, **texts):
        one = {"id": name, "identity": {"serial": name}, "type": "pump", "artifact": "rel-1"}
        one.update(texts)
        self.devices.append({key: value for key, value in one.items() if value is not None})

    def hand_over(self, days=30, status=0):
        """A new control bundle, taken in."""
        self.number += 1
        with open(self.path("devices.json"), "w", encoding="utf-8") as file:
            json.dump({"devices": self.devices}, file)
        self.tool("control", self.path("fleet"), self.path("request.pem"), str(self.number),
                  str(days), self.path("devices.json"), self.path("c-1.control"))
        return self.courier("init", self.path("c-1.control"), status=status)

    def server_key(self):
        with open(self.path("request.pem"), encoding="utf-8") as file:
            text = file.read()
        return text[text.index("-----BEGIN PUBLIC KEY-----"):]

    def preauthorise(self):
        for identity in [one["identity"] for one in self.devices] + [{"courier": "c-1"}]:
            self.admin.must("POST", client.DEVAUTH + "/devices", {
                "identity_data": identity, "pubkey": self.server_key(), "force": True})

    def enrol(self, *names):
        for name in names:
            self.device(name)
        self.hand_over()
        self.preauthorise()
        self.sync()

    def id_of(self, name):
        for one in self.admin.devices():
            if name in one["identity_data"].values():
                return one["id"]
        raise AssertionError("no device " + name)

    def release(self, name, size=200000, **options):
        """Make and upload an artifact; its id."""
        options.setdefault("counter", 2)
        return self.admin.upload(artifact.make(self.lab, name, "file", ["pump"], size=size,
                                               **options))

    def deploy(self, name, *devices):
        return self.admin.deploy(name + " to all", name, [self.id_of(one) for one in devices])

    # What happens on site

    def visit(self, device, **what):
        with open(self.path("visit.json"), "w", encoding="utf-8") as file:
            json.dump(dict(what, device=device), file)
        self.tool("visit", self.path("fleet"), self.home, self.path("passphrase"),
                  self.path("visit.json"))

    # What the server saw

    def requests(self, text, since=0):
        with open(self.lab.path("server", "requests.jsonl"), encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        return [line for line in lines
                if line["n"] > since and text in line["method"] + " " + line["path"]]

    def mark(self):
        return len(self.requests(""))

    def fault(self, **fields):
        self.admin.control(do="fault", **fields)

    def status(self, deployment, device):
        row = self.admin.rows(deployment)[self.id_of(device)]
        return row["status"], row.get("substate", "")

    def inventory(self, device):
        found = self.admin.inventory(self.id_of(device))
        return {name: value for (scope, name), value in found.items() if scope == "inventory"}
