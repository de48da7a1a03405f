"""The rules of the Mender server, one test each, against the running stand-in."""

import contextlib
import itertools
import json
import os
import shutil
import tempfile
import unittest

from labtool import artifact, server_side
from labtool.client import DEVAUTH, Admin, Device
from labtool.home import Home

NUMBERS = itertools.count(1)


class LabCase(unittest.TestCase):
    """A server per class; every test brings its own devices."""

    up = {}

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="lab-")
        cls.home = Home(cls.directory)
        try:
            server_side.up(cls.home, **cls.up)
            cls.admin = Admin(cls.directory)
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.home.stop("server")
        shutil.rmtree(cls.directory)

    def identity(self):
        return {"serial": "SN-%d" % next(NUMBERS)}

    def device(self, identity=None, **options):
        """A device the server has not seen, or with an identity, another key for it."""
        device = Device(self.directory, identity or self.identity(), **options)
        self.addCleanup(device.close)
        return device

    def find(self, device):
        """What the operator sees of a device, None when nothing."""
        found = [one for one in self.admin.devices()
                 if one["identity_data"] == device.identity]
        self.assertLessEqual(len(found), 1)
        return found[0] if found else None

    def set_of(self, device):
        """The auth set made by this device's key."""
        return next(one for one in self.find(device)["auth_sets"]
                    if one["pubkey"] == device.pem)

    def move(self, device, status):
        """The operator gives a device's set a status."""
        seen = self.find(device)
        return self.admin.set_status(seen["id"], self.set_of(device)["id"], status)

    def accepted(self, identity=None, **options):
        """A device that was accepted and has its token."""
        device = self.device(identity, **options)
        device.authenticate()
        self.expect(204, self.move(device, "accepted"))
        self.assertEqual(device.authenticate(), 200)
        return device

    def preauthorize(self, device, force=False):
        return self.admin.ask("POST", DEVAUTH + "/devices", {
            "identity_data": device.identity, "pubkey": device.pem, "force": force})

    def expect(self, status, reply):
        self.assertEqual(reply.status, status, repr(reply))
        return reply

    def alive(self, device):
        """The status a device's token gets for a harmless request."""
        return device.next("rel-1", "testbox").status

    @contextlib.contextmanager
    def setting(self, **values):
        """Server settings, taken back afterwards."""
        before = {"max_devices": -1, "requests_per_minute": 0, "token_cache": False,
                  "v2": False, "decommission_seconds": 0.3, "image_max": 10 << 30,
                  "token_seconds": 604800, "next_every": 0, "inventory_every": 0}
        self.admin.control(do="set", **values)
        try:
            yield
        finally:
            self.admin.control(do="set", **{name: before[name] for name in values})

    def advance(self, seconds):
        """Move the server's clock, for good: time does not go back."""
        self.admin.control(do="clock", advance=seconds)

    def fault(self, **fault):
        self.addCleanup(lambda: self.admin.control(do="clear"))
        return self.admin.control(do="fault", **fault)["id"]

    def log_lines(self):
        path = os.path.join(self.directory, "server", "requests.jsonl")
        with open(path, encoding="utf-8") as file:
            return [json.loads(line) for line in file]


class ArtifactCase(LabCase):
    """With artifacts: each test may deploy them."""

    def upload(self, name=None, device_types=("testbox",), **options):
        """The name of a fresh artifact."""
        name = name or "rel-%d" % next(NUMBERS)
        path = artifact.make(self.home, name, "file", device_types,
                             signed_by=options.pop("signed_by", None), **options)
        self.artifact_id = self.admin.upload(path)
        self.artifact_path = path
        return name

    def deploy(self, *devices, name=None, artifact_name=None, **options):
        """A deployment to devices, of a fresh artifact unless named."""
        return self.admin.deploy(name or "deployment %d" % next(NUMBERS),
                                 artifact_name or self.upload(),
                                 [device.id for device in devices], **options)

    def offered(self, device, artifact_name="rel-1", device_type="testbox", **provides):
        """The job a device is offered."""
        return self.expect(200, device.next(artifact_name, device_type, **provides)).json()

    def row(self, deployment_id, device):
        return self.admin.rows(deployment_id)[device.id]
