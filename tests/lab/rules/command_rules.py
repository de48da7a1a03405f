"""The lab command, as people and scripts use it."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest

from labtool.client import Device
from labtool.home import Home, start_time

LAB = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lab")


class Command(unittest.TestCase):
    def setUp(self):
        self.directory = os.path.join(tempfile.mkdtemp(prefix="lab-"), "far/" * 20 + "away")
        self.addCleanup(shutil.rmtree, self.directory.split("/far/")[0])
        self.addCleanup(self.lab, "down")

    def lab(self, command, *arguments, status=0):
        done = subprocess.run([LAB, command, self.directory, *arguments], text=True,
                              check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout if status == 0 else done.stderr

    def state(self):
        return json.loads(self.lab("state", "--json"))

    def test_a_whole_life(self):
        said = self.lab("up", "--bare")
        self.assertEqual([line.split(":")[0] for line in said.splitlines()],
                         ["url", "ca", "token"])
        pid = Home(self.directory).running("server")
        self.assertEqual(self.lab("up", "--bare"), said)
        self.assertEqual(Home(self.directory).running("server"), pid)
        device = Device(self.directory, {"serial": "SN-1"})
        self.addCleanup(device.close)
        device.authenticate()
        self.assertEqual(self.lab("accept"), "1\n")
        device.authenticate()
        self.lab("artifact", "rel-2", "--type", "file", "--device-type", "box",
                 "--counter", "7", "--signed-by", "p256")
        deployment = self.lab("deploy", "rel-2", "SN-1").strip()
        self.assertEqual(device.next("rel-1", "box").json()["id"], deployment)
        device.report(deployment, "failure", "no room")
        device.send_log(deployment, [{"timestamp": "2026-11-22T03:39:33Z", "level": "info",
                                      "message": "hello"}])
        device.send_inventory({"shelf": "3"})
        self.check_state(deployment)
        self.lab("down")
        self.assertIsNone(start_time(pid))
        self.lab("up", "--bare")
        self.check_state(deployment)

    def check_state(self, deployment):
        seen = self.state()[0]
        self.assertEqual((seen["identity"], seen["status"]), ({"serial": "SN-1"}, "accepted"))
        self.assertEqual([one["status"] for one in seen["auth_sets"]], ["accepted"])
        self.assertEqual(seen["inventory"]["inventory"], {"shelf": "3"})
        one = seen["deployments"][0]
        self.assertEqual((one["deployment"], one["status"], one["substate"]),
                         (deployment, "failure", "no room"))
        self.assertIn("hello", one["log"])
        self.assertIn("failure  (no room)  log: 1 lines", self.lab("state"))

    def test_faults_and_clock(self):
        self.lab("up", "--bare")
        number = json.loads(self.lab("faults", "add", "path=auth_requests", "action=status",
                                     "status=418", "count=0"))["id"]
        device = Device(self.directory, {"serial": "SN-1"})
        self.addCleanup(device.close)
        self.assertEqual(device.authenticate(), 418)
        self.assertEqual(json.loads(self.lab("faults", "list"))["faults"][0]["hits"], 1)
        self.lab("faults", "clear", "id=%d" % number)
        self.assertEqual(device.authenticate(), 401)
        self.assertEqual(json.loads(self.lab("faults", "clock", "advance=60"))["offset"], 60)
        self.lab("faults", "set", "max_devices=3")
        self.assertIn("lab: ", self.lab("faults", "add", "action=nothing", status=1))

    def test_what_is_wrong_is_said(self):
        self.assertIn("lab: ", self.lab("state", status=1))
        self.lab("up", "--bare")
        self.assertIn("0 devices of that name", self.lab("deploy", "x", "nobody", status=1))
        self.assertIn("400", self.lab("deploy", "x", "--all", status=1))
        self.assertIn("neither", self.lab("artifact", "x", "--type", "file", "--device-type",
                                          "b", "--signed-by", "nothing", status=1))
