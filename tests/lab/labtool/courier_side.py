"""A courier of the lab: its home, its passphrase, its place in the fleet and at the server.

  courier/              COURIER_HOME, with courier.conf
  courier.control       the operator's bundle
  courier-chain.pem     its certificate
  passphrase            0600
"""

import os
import secrets
import subprocess

from . import artifact
from .client import DEVAUTH, Admin
from .devices import DEVICE_TYPE, GROUP, SHIPPED, write
from .fleet import requested_key
from .home import LabError

CONFIGURATION = """\
[server lab]
kind = mender
url = {url}
ca = {ca}

[links]
serial = {ports}/*,{baud}
wait = {wait}
reboot = 60s

[sync]
parallel = 4
"""
WAIT = "15s"


class Courier:
    """One courier.  NAME is the stem of its files; several may share a lab."""

    def __init__(self, home, binary, name="courier", courier_id="laptop-1",
                 technician="Ida Lab", store_tool=None):
        self.home = home
        self.binary = binary
        self.name = name
        self.id = courier_id
        self.technician = technician
        self.store_tool = store_tool  # makes a store whose passphrase is cheap

    def path(self, suffix=""):
        return self.home.path(self.name + suffix)

    def environment(self):
        return dict(os.environ, COURIER_HOME=self.path())

    def command(self, arguments, passphrase=None):
        return [self.binary, "--passphrase-file", passphrase or self.home.path("passphrase"),
                *arguments]

    def run(self, *arguments, passphrase=None, timeout=None):
        """Run a command of courier to its end."""
        return subprocess.run(self.command(arguments, passphrase), env=self.environment(),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, encoding="utf-8", check=False,
                              timeout=timeout)

    def must(self, *arguments):
        done = self.run(*arguments)
        if done.returncode != 0:
            raise LabError("courier %s: %s%s" % (" ".join(arguments), done.stdout, done.stderr))
        return done.stdout

    def configure(self, baud):
        """Its home, with no store yet."""
        self.home.ensure(self.name)
        write(self.path("/courier.conf"), CONFIGURATION.format(
            url=self.home.read("server", "url"), ca=self.home.path("server", "ca.pem"),
            ports=self.home.path("ports"), baud=baud, wait=WAIT))
        passphrase = self.home.path("passphrase")
        if not os.path.exists(passphrase):
            write(passphrase, secrets.token_urlsafe(24) + "\n", 0o600)
        if self.store_tool is not None and not os.path.exists(self.path("/store.db")):
            subprocess.run([self.store_tool, "store", self.path(), passphrase], check=True)

    # What the operator does for it

    def issue(self, fleet, **how):
        """Make its keys, and certify it."""
        self.must("init", "--out", self.path("-request.pem"))
        chain = fleet.certify_courier(requested_key(self.read("-request.pem")), self.id,
                                      self.technician, how.pop("groups", (GROUP,)), **how)
        write(self.path("-chain.pem"), chain)

    def read(self, suffix):
        with open(self.path(suffix), encoding="utf-8") as file:
            return file.read()

    def server_key(self):
        """PEM of the key it has at the server: what follows the request."""
        return "-----BEGIN PUBLIC KEY-----" + self.read("-request.pem").split(
            "-----BEGIN PUBLIC KEY-----")[1]

    def take_control(self, fleet, artifact_keys, devices, first_visit=(), more=None):
        """Sign its bundle for these devices, and have it taken in.  more: {device id: further
        members}."""
        keys = []
        for name in artifact_keys:
            with open(artifact.key_paths(self.home, name)[1], encoding="ascii") as file:
                keys.append(file.read())
        rows = [{"id": device.id, "identity": device.identity,
                 "first_visit": device.id in first_visit, "type": DEVICE_TYPE,
                 "artifact": SHIPPED, "label": device.label, "site": "Hall 7",
                 "group": GROUP, **(more or {}).get(device.id, {})} for device in devices]
        with open(self.path(".control"), "wb") as out:
            out.write(fleet.control(self.id, self.read("-chain.pem"), keys, rows))
        return self.must("init", self.path(".control"))

    def enrol(self, devices):
        """Preauthorise it at the server for these devices, and as a device of its own."""
        admin = Admin(self.home.directory)
        for identity in [{"courier": self.id}] + [device.identity for device in devices]:
            admin.must("POST", DEVAUTH + "/devices", {
                "identity_data": identity, "pubkey": self.server_key(), "force": True})
