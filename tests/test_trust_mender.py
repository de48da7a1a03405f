#!/usr/bin/python3
"""courier-admin trust direct --from-mender: names from a server, digests from what was
published.  Run by with_server.sh.

usage: test_trust_mender.py COURIER-ADMIN TUF-CLIENT PYTHON-WITH-TUF LIBFAULT [TEST...]
"""

import hashlib
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lab"))

from labtool import client  # noqa: E402
from trust_case import Case, main  # noqa: E402

LAB = os.environ.get("LAB_DIR", "")


class FromMender(Case):
    def setUp(self):
        super().setUp()
        self.artifact_key()
        self.begin()
        self.server = client.Admin(LAB)
        self.mark = self.id().rsplit(".", 1)[-1]  # the server is one for all tests

    def at_server(self, name, device_type="testbox"):
        """A device the server accepted, with that inventory; its id there."""
        identity = {"serial": self.mark + "-" + name}
        one = client.Device(LAB, identity)
        one.authenticate()
        self.server.accept_pending()
        one.authenticate()
        if device_type:
            one.send_inventory({"device_type": device_type})
        return one.id

    def known(self, name):
        return self.device(name, {"serial": self.mark + "-" + name})

    def deploy(self, name, devices):
        return self.server.deploy("spring " + self.mark, name, devices)

    def direct(self, deployment, **how):
        return self.online("direct", "--from-mender", deployment, "--server",
                           os.environ["LAB_URL"], "--ca", os.environ["LAB_CA"], "--token-file",
                           os.environ["LAB_TOKEN_FILE"], **how)

    def test_devices_are_directed_as_the_deployment_has_them(self):
        name = "rel-" + self.mark
        self.online("publish", self.artifact(name))
        self.server.upload(self.path(name + ".mender"))
        ids = [self.at_server("pump-1"), self.at_server("pump-2")]
        for device in ("pump-1", "pump-2", "pump-3"):
            self.known(device)
        deployment = self.deploy(name, ids)
        facts = self.direct(deployment)
        self.assertEqual({fact["device"] for fact in facts if "device" in fact},
                         {"pump-1", "pump-2"})
        paths = ["devices/pump-1/direction.json", "devices/pump-2/direction.json"]
        self.accepted(paths, ["devices/pump-3/direction.json"])
        self.assertEqual(self.direction("pump-1")["deployment"], deployment)
        again = self.direct(deployment)
        self.assertEqual([fact["changed"] for fact in again if "device" in fact],
                         [False, False])

    def test_the_digest_is_that_of_what_was_published(self):
        """The server has another artifact under that name: nobody is directed to it."""
        name = "rel-" + self.mark
        self.online("publish", self.artifact(name))
        with open(self.path(name + ".mender"), "rb") as file:
            ours = hashlib.sha256(file.read()).hexdigest()
        self.artifact(name, file="other")
        with open(self.path("other.mender"), "rb") as file:
            self.assertNotEqual(hashlib.sha256(file.read()).hexdigest(), ours)
        self.server.upload(self.path("other.mender"))
        device = self.at_server("pump-1")
        self.known("pump-1")
        self.direct(self.deploy(name, [device]))
        self.assertEqual(self.direction("pump-1")["artifacts"][0]["sha256"], ours)

    def test_what_was_not_published_is_not_directed_to(self):
        name = "rel-" + self.mark
        self.server.upload(self.path(self.artifact(name)))
        device = self.at_server("pump-1")
        self.known("pump-1")
        deployment = self.deploy(name, [device])
        self.direct(deployment, status=2)
        self.assertIn("publish comes first", self.said)
        self.accepted(missing=["devices/pump-1/direction.json"])

    def test_a_device_nobody_certified_is_told_and_others_go_on(self):
        name = "rel-" + self.mark
        self.online("publish", self.artifact(name))
        self.server.upload(self.path(name + ".mender"))
        ids = [self.at_server("stranger"), self.at_server("pump-1")]
        self.known("pump-1")
        facts = self.direct(self.deploy(name, ids), status=4)
        self.assertIn("certified", [f["error"] for f in facts if "error" in f][0])
        self.accepted(["devices/pump-1/direction.json"])

    def test_each_type_gets_its_own(self):
        name = "rel-" + self.mark
        self.online("publish", self.artifact(name, types=("a",), file="for-a"),
                    self.artifact(name, types=("b",), file="for-b"))
        for file in ("for-a", "for-b"):
            self.server.upload(self.path(file + ".mender"))
        ids = [self.at_server("pump-a", "a"), self.at_server("pump-b", "b"),
               self.at_server("pump-c", "c")]
        for device in ("pump-a", "pump-b", "pump-c"):
            self.known(device)
        facts = self.direct(self.deploy(name, ids), status=4)
        self.assertEqual([f["device"] for f in facts if "error" in f], ["pump-c"])
        for device in ("a", "b"):
            (one,) = self.direction("pump-" + device)["artifacts"]
            self.assertEqual(one["path"], "artifacts/for-%s.mender" % device)

    def test_what_the_server_does_not_know_is_told(self):
        self.direct("01234567-89ab-4cde-8f01-23456789abcd", status=1)
        self.assertIn("no such deployment", self.said)
        self.direct("../devices", status=2)
        self.online("direct", "pump-1", "--from-mender", "x", "--server", "https://x", status=2)
        with open(os.environ["LAB_TOKEN_FILE"], encoding="ascii") as file:
            token = file.read().strip()
        self.write("token", token[:-8] + token[-8:][::-1])
        self.online("direct", "--from-mender", "01234567-89ab-4cde-8f01-23456789abcd", "--server",
                    os.environ["LAB_URL"], "--ca", os.environ["LAB_CA"], "--token-file", "token",
                    status=10)


if __name__ == "__main__":
    main()
