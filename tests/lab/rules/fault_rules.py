"""Faults, the request log, and coming back after a kill."""

import http.client
import os
import signal
import ssl
import threading
import time

from labtool import server_side
from labtool.client import DEVICE, Admin
from labtool.home import start_time

from . import ArtifactCase

INVENTORY = DEVICE + "/inventory/device/attributes"
GONE = (ConnectionError, http.client.HTTPException, ssl.SSLError)


class Faults(ArtifactCase):
    def stored(self, device):
        return self.admin.inventory(device.id).get(("inventory", "a"))

    def test_any_status_for_a_count_after_a_skip(self):
        device = self.accepted()
        self.fault(path="attributes$", method="PUT", action="status", status=503, count=2,
                   skip=1)
        statuses = [device.send_inventory({"a": number}).status for number in range(5)]
        self.assertEqual(statuses, [200, 503, 503, 200, 200])

    def test_a_status_fault_has_no_effect_unless_told(self):
        device = self.accepted()
        self.fault(path="attributes$", action="status", status=500)
        self.expect(500, device.send_inventory({"a": 1}))
        self.assertIsNone(self.stored(device))
        self.fault(path="attributes$", action="status", status=500, apply=True)
        self.expect(500, device.send_inventory({"a": 2}))
        self.assertEqual(self.stored(device), 2)

    def test_429_with_retry_after(self):
        device = self.accepted()
        self.fault(path="next", action="status", status=429, retry_after=7)
        reply = self.expect(429, device.next("rel-1", "testbox"))
        self.assertEqual(reply.headers["Retry-After"], "7")

    def test_for_one_device_only(self):
        device, other = self.accepted(), self.accepted()
        self.fault(path="next", action="status", status=500, count=0, device=device.id)
        self.assertEqual([self.alive(other), self.alive(device), self.alive(device)],
                         [204, 500, 500])

    def test_an_answer_is_held_until_the_fault_is_cleared(self):
        device, other = self.accepted(), self.accepted()
        self.fault(path="next", action="hold", device=device.id)
        answers = []
        held = threading.Thread(target=lambda: answers.append(self.alive(device)))
        held.start()
        self.assertEqual(self.alive(other), 204)
        self.assertEqual(answers, [])
        self.admin.control(do="clear")
        held.join(timeout=30)
        self.assertEqual(answers, [204])

    def test_reset_before_and_after_the_effect(self):
        device = self.accepted()
        self.fault(path="attributes$", action="reset-before")
        with self.assertRaises(GONE):
            device.send_inventory({"a": 1})
        self.assertIsNone(self.stored(device))
        self.fault(path="attributes$", action="reset-after")
        with self.assertRaises(GONE):
            device.send_inventory({"a": 2})
        self.assertEqual(self.stored(device), 2)

    def download(self, device):
        uri = self.offered(device)["artifact"]["source"]["uri"]
        connection = device.open()
        connection.request("GET", uri[len(device.origin) :])
        response = connection.getresponse()
        data = b""
        try:
            while True:
                piece = response.read(1000)
                if not piece:
                    return data, None
                data += piece
        except http.client.IncompleteRead as error:
            return data + error.partial, error
        except OSError as error:
            return data, error
        finally:
            device.close()

    def test_bodies_cut_short(self):
        device = self.accepted()
        self.deploy(device, artifact_name=self.upload(size=100000))
        for action in ("reset-body", "truncate"):
            with self.subTest(action):
                self.fault(path="storage", action=action, after_bytes=4321)
                data, error = self.download(device)
                self.assertLessEqual(len(data), 4321)
                self.assertTrue(error is not None or len(data) == 4321)
        data, error = self.download(device)
        self.assertIsNone(error)
        self.assertGreater(len(data), 100000)

    def test_slow_bodies_arrive_whole(self):
        device = self.accepted()
        self.deploy(device, artifact_name=self.upload(size=10000))
        self.fault(path="storage", action="slow", bytes_per_second=100000)
        began = time.monotonic()
        data, error = self.download(device)
        self.assertIsNone(error)
        self.assertGreater(time.monotonic() - began, len(data) / 100000 * 0.9)

    def test_another_body(self):
        device = self.accepted()
        self.fault(path="next", action="replace", body="<html>log in</html>",
                   content_type="text/html")
        reply = self.expect(200, device.next("rel-1", "testbox"))
        self.assertEqual(reply.body, b"<html>log in</html>")
        self.fault(path="next", action="replace", body={"id": 7})
        self.assertEqual(device.next("rel-1", "testbox").json(), {"id": 7})

    def test_more_in_the_real_answer(self):
        device = self.accepted()
        deployment = self.deploy(device)
        self.fault(path="next", action="merge", fields={
            "update_control_map": {"priority": 1}, "artifact": {"artifact_name": 7,
                                                                "source": None}})
        job = self.offered(device)
        self.assertEqual((job["id"], job["update_control_map"]), (deployment, {"priority": 1}))
        self.assertEqual(job["artifact"]["artifact_name"], 7)
        self.assertEqual(sorted(job["artifact"]), ["artifact_name", "device_types_compatible",
                                                   "id"])
        self.assertIn("source", self.offered(device)["artifact"])

    def test_an_expired_url(self):
        device = self.accepted()
        self.deploy(device)
        uri = self.offered(device)["artifact"]["source"]["uri"]
        self.fault(path="storage", action="expired")
        self.expect(403, device.request("GET", uri))
        self.expect(200, device.request("GET", uri))

    def test_nonsense_is_refused(self):
        for fault in ({"action": "x"}, {"action": "slow", "status": 1},
                      {"action": "status", "path": "("}):
            with self.assertRaises((ValueError, KeyError)):
                self.admin.control(do="fault", **fault)

    def test_faults_are_listed_and_cleared(self):
        number = self.fault(path="x", action="status")
        listed = self.admin.control(do="faults")["faults"]
        self.assertIn(number, [fault["id"] for fault in listed])
        self.admin.control(do="clear", id=number)
        self.assertEqual(self.admin.control(do="faults")["faults"], [])


class RequestLog(ArtifactCase):
    def test_a_line_per_request(self):
        device = self.accepted()
        before = len(self.log_lines())
        device.send_inventory({"a": 1})
        device.ask("GET", DEVICE + "/deployments/device/deployments/next?artifact_name=x")
        device.request("GET", "/nothing")
        lines = self.log_lines()[before:]
        self.assertEqual([line["n"] for line in lines], [before + 1, before + 2, before + 3])
        self.assertEqual([line["status"] for line in lines], [200, 400, 404])
        self.assertEqual(lines[0]["body"], [{"name": "a", "value": 1}])
        self.assertEqual(lines[0]["headers"]["content-type"], "application/json")
        self.assertEqual(lines[0]["device"], device.id)
        self.assertEqual(lines[1]["query"], {"artifact_name": "x"})
        self.assertNotIn("authorization", lines[2]["headers"])

    def test_tokens_show_as_hashes_only(self):
        device = self.accepted()
        with open(os.path.join(self.directory, "server", "requests.jsonl"),
                  encoding="utf-8") as file:
            text = file.read()
        self.assertNotIn(device.token, text)
        self.assertNotIn(self.admin.token, text)

    def test_an_upload_shows_no_megabytes(self):
        self.upload(size=200000)
        line = next(line for line in reversed(self.log_lines()) if line["method"] == "POST")
        self.assertLess(len(str(line)), 3000)


class Again(ArtifactCase):
    def test_a_killed_server_comes_back_as_it_was(self):
        device, pending = self.accepted(), self.device()
        pending.authenticate()
        deployment = self.deploy(device)
        uri = self.offered(device)["artifact"]["source"]["uri"]
        device.report(deployment, "installing", "half")
        device.send_inventory({"a": 1})
        self.admin.control(do="clock", advance=100)
        pid = self.home.running("server")
        os.kill(pid, signal.SIGKILL)
        self.home.wait("server")
        self.assertIsNone(start_time(pid))
        server_side.up(self.home)
        type(self).admin = Admin(self.directory)
        device.close()
        self.assertEqual(self.find(pending)["status"], "pending")
        self.assertEqual(self.row(deployment, device)["substate"], "half")
        self.assertEqual(self.offered(device)["id"], deployment)
        self.expect(200, device.request("GET", uri))
        self.assertEqual(self.admin.inventory(device.id)[("inventory", "a")], 1)
        self.assertEqual(self.admin.control(do="clock")["offset"], 100)
        self.expect(409, device.next("rel-other", "testbox"))

    def test_a_hundred_at_a_time(self):
        devices = [self.device() for _ in range(100)]
        results = []

        def sync(device):
            try:
                device.authenticate()
                self.admin_lock.acquire()
                self.admin_lock.release()
                results.append(device.authenticate())
                results.append(device.send_inventory({"a": 1}).status)
                results.append(self.alive(device))
            finally:
                device.close()

        self.admin_lock = threading.Lock()
        self.admin_lock.acquire()
        threads = [threading.Thread(target=sync, args=(device,)) for device in devices]
        for thread in threads:
            thread.start()
        while len([one for one in self.admin.devices() if one["status"] == "pending"]) < 100:
            time.sleep(0.05)
        self.admin.accept_pending()
        self.admin_lock.release()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(results), [200] * 200 + [204] * 100)
