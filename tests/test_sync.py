#!/usr/bin/python3
"""courier init and sync, as a technician runs them, against the stand-in server.

usage: test_sync.py COURIER TRIP_TOOL [TEST...]
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lab"))

from labtool.client import DEPLOYMENTS  # noqa: E402
from labtool.trip import Trip  # noqa: E402

COURIER = TRIP_TOOL = None
NEXT = "/deployments/device/deployments/next"


class Base(unittest.TestCase):
    def setUp(self):
        self.trip = Trip(COURIER, TRIP_TOOL)
        self.addCleanup(self.trip.done)


class Enrolment(Base):
    def test_a_bundle_pins_the_root_and_brings_devices(self):
        self.trip.device("pump-1")
        (fact,) = self.trip.hand_over()
        self.assertTrue(fact["pinned"])
        self.assertEqual((fact["courier"], fact["added"], fact["devices"]), ("c-1", 1, 1))
        (fact,) = self.trip.courier("init", self.trip.path("c-1.control"))
        self.assertEqual((fact["pinned"], fact["added"], fact["changed"]), (False, 0, 0))

    def test_an_older_bundle_is_a_rollback(self):
        self.trip.hand_over()
        shutil.copy(self.trip.path("c-1.control"), self.trip.path("old.control"))
        self.trip.hand_over()
        self.trip.courier("init", self.trip.path("old.control"), status=12)

    def test_another_couriers_bundle_is_refused(self):
        self.trip.hand_over()
        home = self.trip.home
        self.trip.home = self.trip.path("other")
        self.trip.tool("store", self.trip.home, self.trip.path("passphrase"))
        shutil.copy(os.path.join(home, "courier.conf"), self.trip.home)
        self.trip.courier("init", "--out", self.trip.path("other.pem"))
        self.trip.courier("init", self.trip.path("c-1.control"), status=14)

    def test_a_device_not_listed_leaves_when_its_outcomes_are_home(self):
        trip = self.trip
        trip.enrol("pump-1", "pump-2")
        trip.release("rel-2")
        deployment = trip.deploy("rel-2", "pump-1", "pump-2")
        trip.sync()
        trip.visit("pump-1", outcome="CONFIRMED", deployment=deployment, running="rel-2")
        trip.devices.clear()
        (fact,) = trip.hand_over()
        self.assertEqual((fact["kept"], fact["removed"]), (1, 1))
        self.assertEqual(trip.sync()["pump-1"]["reported"], 1)
        (fact,) = trip.hand_over()
        self.assertEqual((fact["kept"], fact["removed"]), (0, 1))
        trip.sync(status=3)

    def test_a_wrong_passphrase_and_no_store_say_so(self):
        self.trip.passphrase("wrong")
        self.trip.courier("sync", status=10)
        self.trip.home = self.trip.path("nowhere")
        self.trip.courier("sync", status=2)
        self.assertIn("courier init", self.trip.said)


class Journey(Base):
    def test_there_and_back(self):
        trip = self.trip
        trip.enrol("pump-1")
        trip.release("rel-2")
        deployment = trip.deploy("rel-2", "pump-1")
        fact = trip.sync()["pump-1"]
        self.assertTrue(fact["carrying"])
        self.assertEqual(fact["artifact"], "rel-2")
        self.assertEqual(trip.status(deployment, "pump-1")[0], "downloading")
        trip.visit("pump-1", outcome="CONFIRMED", deployment=deployment, running="rel-2",
                   clock=1790000000, newest=1)
        since = trip.mark()
        fact = trip.sync()["pump-1"]
        self.assertEqual((fact["reported"], fact["carrying"]), (1, False))
        status, substate = trip.status(deployment, "pump-1")
        self.assertEqual(status, "success")
        self.assertEqual(substate, "CONFIRMED 2026-09-21T14:13:20Z by Ida")
        paths = [line["path"].rsplit("/", 1)[1] for line in trip.requests("", since)
                 if line["device"] == trip.id_of("pump-1")]
        self.assertEqual(paths[:5], ["status", "log", "attributes", "next", "next"][:5])
        log = trip.admin.log(deployment, trip.id_of("pump-1")).body.decode()
        self.assertIn("installing", log)
        self.assertIn("application/vnd.courier.receipt+json", log.replace("\\/", "/"))
        inventory = trip.inventory("pump-1")
        self.assertEqual(inventory["artifact_name"], "rel-2")
        self.assertEqual(inventory["kernel"], "6.1")
        self.assertEqual(inventory["courier_id"], "c-1")
        self.assertEqual(inventory["courier_technician"], "Ida")
        self.assertEqual(inventory["courier_receipt"], 1)
        self.assertEqual(inventory["courier_outcome"], "CONFIRMED")
        self.assertNotIn("courier_next", inventory)
        # Nothing twice.
        since = trip.mark()
        self.assertEqual(trip.sync()["pump-1"]["reported"], 0)
        self.assertEqual(trip.requests("PUT /api/devices/v1/deployments", since), [])
        self.assertEqual(trip.requests("POST /api/devices/v1/authentication", since), [])

    def test_failure_and_reason_are_told(self):
        trip = self.trip
        trip.enrol("pump-1")
        trip.release("rel-2")
        deployment = trip.deploy("rel-2", "pump-1")
        trip.sync()
        trip.visit("pump-1", outcome="INSTALLED", deployment=deployment)
        trip.sync()
        self.assertEqual(trip.status(deployment, "pump-1")[0], "downloading")
        trip.visit("pump-1", outcome="ROLLED_BACK", deployment=deployment, sequence=2,
                   reason="the pump did not start", clock=10, floor=1790000000)
        self.assertEqual(trip.sync()["pump-1"]["reported"], 1)
        status, substate = trip.status(deployment, "pump-1")
        self.assertEqual(status, "failure")
        self.assertEqual(substate, "ROLLED_BACK after 2026-09-21T14:13:20Z by Ida: "
                                   "the pump did not start")

    def test_the_request_is_frozen_until_the_end(self):
        trip = self.trip
        trip.enrol("pump-1")
        trip.release("rel-2")
        deployment = trip.deploy("rel-2", "pump-1")
        trip.sync()
        told = json.loads(trip.inventory("pump-1")["courier_next"])
        self.assertEqual(told["deployment"], deployment)
        # The device says more of itself, but its deployment is still open.
        trip.visit("pump-1", running="rel-1b", kernel="6.2")
        self.assertTrue(trip.sync()["pump-1"]["carrying"])
        self.assertEqual(trip.status(deployment, "pump-1")[0], "downloading")
        self.assertEqual(trip.inventory("pump-1")["artifact_name"], "rel-1b")
        self.assertEqual(json.loads(trip.inventory("pump-1")["courier_next"]), told)
        trip.visit("pump-1", outcome="CONFIRMED", deployment=deployment, running="rel-2",
                   newest=1)
        trip.sync()
        self.assertEqual(trip.requests("POST /api/devices/v1" + NEXT)[-1]["body"]
                         ["artifact_name"], "rel-2")

    def test_a_colleagues_request_is_replayed(self):
        trip = self.trip
        trip.enrol("pump-1")
        trip.release("rel-2")
        deployment = trip.deploy("rel-2", "pump-1")
        trip.sync()
        told = json.loads(trip.inventory("pump-1")["courier_next"])
        shutil.rmtree(trip.home)
        trip.tool("store", trip.home, trip.path("passphrase"))
        with open(os.path.join(trip.home, "courier.conf"), "w", encoding="utf-8") as file:
            file.write("[server lab]\nurl = %s\nca = %s\n" % (
                trip.lab.read("server", "url"), trip.lab.path("server", "ca.pem")))
        trip.courier("init", "--out", trip.path("request.pem"))
        trip.devices[0].update(artifact="other", next_deployment=told["deployment"],
                               next_request=told["request"])
        trip.hand_over()
        trip.preauthorise()
        self.assertTrue(trip.sync()["pump-1"]["carrying"])
        self.assertEqual(trip.status(deployment, "pump-1")[0], "downloading")

    def test_without_type_or_artifact_the_server_is_not_asked(self):
        trip = self.trip
        trip.device("pump-1", artifact=None)
        trip.enrol()
        self.assertIn("never visited", trip.sync()["pump-1"]["problem"])
        self.assertEqual(trip.requests(NEXT), [])

    def test_an_uncertified_device_proves_nothing_to_the_server(self):
        trip = self.trip
        trip.enrol("pump-1")
        trip.release("rel-2")
        deployment = trip.deploy("rel-2", "pump-1")
        trip.sync()
        trip.visit("pump-1", outcome="CONFIRMED", deployment=deployment, running="rel-2",
                   certified=0)
        self.assertEqual(trip.sync()["pump-1"]["reported"], 0)
        self.assertEqual(trip.status(deployment, "pump-1")[0], "downloading")
        trip.visit("pump-1", outcome="CONFIRMED", deployment=deployment, running="rel-2",
                   clock=1790000000, sequence=2)
        self.assertEqual(trip.sync()["pump-1"]["reported"], 1)
        self.assertEqual(trip.status(deployment, "pump-1")[0], "success")


    def test_what_was_signed_before_the_key_was_certified_counts_afterwards(self):
        trip = self.trip
        trip.enrol("pump-1")
        trip.release("rel-2")
        deployment = trip.deploy("rel-2", "pump-1")
        trip.sync()
        trip.visit("pump-1", outcome="CONFIRMED", deployment=deployment, running="rel-2",
                   certified=0)
        trip.sync()
        self.assertEqual(trip.status(deployment, "pump-1")[0], "downloading")
        trip.devices[0]["certify"] = 1
        trip.hand_over()
        self.assertEqual(trip.sync()["pump-1"]["reported"], 1)
        self.assertEqual(trip.status(deployment, "pump-1")[0], "success")


class Newcomers(Base):
    def test_who_was_met_is_put_before_the_operator(self):
        trip = self.trip
        trip.enrol("pump-1")
        trip.visit("pump-1", newcomer="pump-9", certified=0)
        trip.sync()
        (name,) = [name for name in trip.inventory("c-1") if name.startswith("courier_pairing")]
        self.assertRegex(name, "^courier_pairing_[0-9a-f]{16}$")
        self.assertIn("application/vnd.courier.identity+json", trip.inventory("c-1")[name])
        (one,) = [one for one in trip.admin.devices()
                  if one["identity_data"] == {"serial": "pump-9"}]
        self.assertEqual([(each["status"], each["pubkey"].strip()) for each in
                          one["auth_sets"]], [("pending", trip.server_key().strip())])
        since = trip.mark()
        trip.sync()
        self.assertEqual(trip.requests("/auth_requests", since), [])

    def test_once_certified_it_is_the_operators_device(self):
        trip = self.trip
        trip.enrol("pump-1")
        trip.visit("pump-1", newcomer="pump-9", certified=0)
        trip.sync()
        trip.device("pump-9", certify=1, first_visit=True)
        trip.hand_over()
        trip.preauthorise()
        trip.sync()
        self.assertEqual([name for name in trip.inventory("c-1")
                          if name.startswith("courier_pairing")], [])
        (fact,) = trip.courier("devices", "pump-9")
        self.assertEqual(fact["running"], "rel-1")
        self.assertIn("visited", fact)


class Withdrawal(Base):
    def test_an_abort_is_seen_before_leaving(self):
        trip = self.trip
        trip.enrol("pump-1")
        trip.release("rel-2")
        deployment = trip.deploy("rel-2", "pump-1")
        self.assertTrue(trip.sync()["pump-1"]["carrying"])
        trip.admin.abort(deployment)
        fact = trip.sync()["pump-1"]
        self.assertFalse(fact["carrying"])
        self.assertTrue(fact["changed"])
        # and the blob is not here any more: another deployment fetches again
        since = trip.mark()
        trip.deploy("rel-2", "pump-1")
        self.assertTrue(trip.sync()["pump-1"]["carrying"])
        self.assertEqual(len(self.downloads(since)), 1)

    def downloads(self, since):
        return [line for line in self.trip.requests("GET ", since)
                if "/api/" not in line["path"]]

    def test_an_abort_after_the_fact_keeps_the_outcome(self):
        trip = self.trip
        trip.enrol("pump-1")
        trip.release("rel-2")
        deployment = trip.deploy("rel-2", "pump-1")
        trip.sync()
        trip.visit("pump-1", outcome="CONFIRMED", deployment=deployment, running="rel-2",
                   newest=1)
        trip.admin.abort(deployment)
        fact = trip.sync()["pump-1"]
        self.assertEqual((fact["reported"], fact["kept"]), (0, 1))
        self.assertEqual(trip.status(deployment, "pump-1")[0], "aborted")
        self.assertEqual(trip.inventory("pump-1")["artifact_name"], "rel-2")
        log = trip.admin.log(deployment, trip.id_of("pump-1")).body.decode()
        self.assertIn("courier-receipt", log)
        self.assertEqual(trip.sync()["pump-1"]["kept"], 0)
        self.assertEqual(trip.courier("status")[0]["kept"], 1)

    def test_a_deployment_the_server_forgot_holds_nothing_up(self):
        trip = self.trip
        trip.enrol("pump-1")
        trip.release("rel-2")
        trip.release("rel-3", counter=3)
        deployment = trip.deploy("rel-2", "pump-1")
        trip.sync()
        trip.visit("pump-1", outcome="CONFIRMED", deployment=deployment, running="rel-2",
                   newest=1)
        # A gateway's page says nothing of the deployment: the outcome stays queued.
        trip.fault(action="status", status=404, body="<html>no such page</html>",
                   content_type="text/html", method="PUT", path="/status")
        self.assertEqual(trip.sync(status=1)["pump-1"]["kept"], 0)
        # The server's own word does: its operator cleared the device's history.
        trip.admin.abort(deployment)
        trip.admin.ask("DELETE", "%s/deployments/devices/%s/history"
                       % (DEPLOYMENTS, trip.id_of("pump-1")))
        trip.deploy("rel-3", "pump-1")
        fact = trip.sync()["pump-1"]
        self.assertEqual((fact["reported"], fact["kept"]), (0, 1))
        self.assertEqual(trip.inventory("pump-1")["artifact_name"], "rel-2")
        self.assertEqual(fact["artifact"], "rel-3")

    def delivered(self, number=2):
        """A deployment with an outcome that the server was not told yet."""
        trip, name = self.trip, "rel-%d" % number
        trip.release(name, counter=number)
        deployment = trip.deploy(name, "pump-1")
        trip.sync()
        trip.visit("pump-1", outcome="CONFIRMED", deployment=deployment, running=name,
                   newest=1, sequence=number - 1)
        return deployment

    def test_one_false_no_ends_nothing(self):
        trip, number = self.trip, 1
        trip.enrol("pump-1")
        for part in ("/status", "/log"):
            for status in (404, 409):
                number += 1
                deployment = self.delivered(number)
                trip.fault(action="status", status=status, method="PUT", path=part)
                fact = trip.sync()["pump-1"]
                self.assertEqual((fact["reported"], fact["kept"]), (1, 0), (part, status))
                self.assertEqual(trip.status(deployment, "pump-1")[0], "success")
                log = trip.admin.log(deployment, trip.id_of("pump-1")).body.decode()
                self.assertIn("courier-receipt", log)

    def test_while_the_server_contradicts_itself_it_is_not_asked_for_more(self):
        trip = self.trip
        trip.enrol("pump-1")
        deployment = self.delivered()
        trip.fault(action="status", status=404, method="PUT", path="/status")
        trip.fault(action="status", status=409, method="PUT", path="/status")
        since = trip.mark()
        fact = trip.sync(status=1)["pump-1"]
        self.assertEqual((fact["reported"], fact["kept"]), (0, 0))
        self.assertIn("contradicts itself", fact["problem"])
        self.assertEqual([line for line in trip.requests("/next", since)
                          if line.get("device") == trip.id_of("pump-1")], [])
        self.assertEqual(trip.sync()["pump-1"]["reported"], 1)
        self.assertEqual(trip.status(deployment, "pump-1")[0], "success")

    def test_one_false_no_to_a_claim_drops_nothing(self):
        trip = self.trip
        trip.enrol("pump-1")
        trip.release("rel-2")
        trip.deploy("rel-2", "pump-1")
        for status in (404, 409):
            trip.fault(action="status", status=status, method="PUT", path="/status")
            self.assertTrue(trip.sync()["pump-1"]["carrying"])
        trip.fault(action="status", status=409, method="PUT", path="/status", count=2)
        self.assertFalse(trip.sync()["pump-1"]["carrying"])

    def test_a_newer_deployment_takes_the_place_of_one_not_delivered(self):
        trip = self.trip
        trip.enrol("pump-1")
        trip.release("rel-2")
        trip.release("rel-3", counter=3)
        first = trip.deploy("rel-2", "pump-1")
        self.assertEqual(trip.sync()["pump-1"]["artifact"], "rel-2")
        trip.deploy("rel-3", "pump-1")
        trip.admin.abort(first)
        self.assertEqual(trip.sync()["pump-1"]["artifact"], "rel-3")

    def test_a_revoked_courier_is_told_and_others_go_on(self):
        trip = self.trip
        trip.enrol("pump-1", "pump-2")
        trip.release("rel-2")
        trip.deploy("rel-2", "pump-1", "pump-2")
        for one in trip.admin.devices():
            if "pump-1" in one["identity_data"].values():
                trip.admin.set_status(one["id"], one["auth_sets"][0]["id"], "rejected")
        facts = trip.sync(status=4)
        self.assertEqual(facts["pump-1"]["code"], 10)
        self.assertTrue(facts["pump-2"]["carrying"])


class Transfer(Base):
    def downloads(self, since=0):
        return [line for line in self.trip.requests("GET ", since)
                if "/api/" not in line["path"]]

    def test_a_shared_artifact_crosses_once(self):
        trip = self.trip
        trip.enrol("pump-1", "pump-2", "pump-3")
        trip.release("rel-2")
        trip.deploy("rel-2", "pump-1", "pump-2", "pump-3")
        facts = trip.sync()
        self.assertTrue(all(facts[name]["carrying"] for name in ("pump-1", "pump-2", "pump-3")))
        self.assertEqual(len(self.downloads()), 1)
        trip.sync()
        self.assertEqual(len(self.downloads()), 1)

    def test_a_broken_body_is_resumed(self):
        trip = self.trip
        trip.enrol("pump-1")
        trip.release("rel-2", size=600000)
        trip.deploy("rel-2", "pump-1")
        trip.fault(action="reset-body", after_bytes=300000, method="GET", path="^/(?!api)")
        self.assertTrue(trip.sync()["pump-1"]["carrying"])
        first, second = self.downloads()
        self.assertNotIn("range", first["headers"])
        self.assertEqual(second["status"], 206)

    def test_an_expired_url_is_asked_for_again(self):
        trip = self.trip
        trip.enrol("pump-1")
        trip.release("rel-2")
        trip.deploy("rel-2", "pump-1")
        trip.fault(action="expired", method="GET", path="^/(?!api)")
        since = trip.mark()
        self.assertTrue(trip.sync()["pump-1"]["carrying"])
        self.assertEqual([line["status"] for line in self.downloads()], [403, 200])
        bodies = [line["body"] for line in trip.requests("POST /api/devices/v1" + NEXT, since)]
        self.assertEqual(bodies[0], bodies[1])

    def test_a_server_without_ranges_starts_over(self):
        trip = self.trip
        trip.enrol("pump-1")
        trip.release("rel-2", size=600000)
        trip.deploy("rel-2", "pump-1")
        trip.fault(action="reset-body", after_bytes=300000, method="GET", path="^/(?!api)")
        trip.fault(action="status", status=200, body="no ranges here", method="GET",
                   path="^/(?!api)", skip=0)
        self.assertTrue(trip.sync()["pump-1"]["carrying"])

    def test_rubbish_is_not_carried(self):
        trip = self.trip
        trip.enrol("pump-1", "pump-2")
        trip.release("rel-2", signed_by="rsa-stranger")
        trip.release("rel-3", counter=3)
        trip.deploy("rel-2", "pump-1")
        trip.deploy("rel-3", "pump-2")
        facts = trip.sync(status=4)
        self.assertEqual(facts["pump-1"]["code"], 14)
        self.assertFalse(facts["pump-1"]["carrying"])
        self.assertTrue(facts["pump-2"]["carrying"])

    def test_a_busy_server_is_left_alone(self):
        trip = self.trip
        trip.enrol("pump-1", "pump-2")
        trip.fault(action="status", status=429, retry_after=3600, path=NEXT,
                   device=trip.id_of("pump-1"))
        facts = trip.sync(status=4)
        self.assertIn("until", trip.sync(status=4)["pump-1"]["problem"])
        self.assertEqual(facts["pump-2"]["code"], 0)
        since = trip.mark()
        trip.sync(status=4)
        self.assertEqual([line for line in trip.requests("", since)
                          if line["device"] == trip.id_of("pump-1")
                          and "/api/management" not in line["path"]], [])

    def test_killed_at_any_time_it_goes_on(self):
        trip = self.trip
        trip.enrol("pump-1", "pump-2")
        trip.release("rel-2", size=900000)
        deployment = trip.deploy("rel-2", "pump-1", "pump-2")
        trip.fault(action="slow", bytes_per_second=1500000, method="GET", path="^/(?!api)",
                   count=0)
        for tenths in (1, 2, 3, 4, 5, 6, 8):
            process = subprocess.Popen(trip.arguments("sync"), env=trip.environment(),
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(tenths / 10)
            process.send_signal(signal.SIGKILL)
            process.wait()
        facts = trip.sync()
        self.assertTrue(facts["pump-1"]["carrying"] and facts["pump-2"]["carrying"])
        trip.visit("pump-1", outcome="CONFIRMED", deployment=deployment, running="rel-2")
        trip.visit("pump-2", outcome="CONFIRMED", deployment=deployment, running="rel-2")
        trip.admin.control(do="clear")
        trip.fault(action="delay", seconds=0.2, path="/status", count=0)
        for tenths in (1, 2, 3, 4):
            process = subprocess.Popen(trip.arguments("sync"), env=trip.environment(),
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(tenths / 10)
            process.send_signal(signal.SIGKILL)
            process.wait()
        trip.sync()
        for name in ("pump-1", "pump-2"):
            self.assertEqual(trip.status(deployment, name)[0], "success")


class Itself(Base):
    def test_the_courier_is_a_device_of_its_own(self):
        trip = self.trip
        trip.enrol("pump-1")
        inventory = trip.inventory("c-1")
        self.assertEqual(inventory["device_type"], "courier")
        self.assertEqual(inventory["courier_devices"], 1)
        self.assertEqual(inventory["courier_outbox"], 0)
        self.assertIn("courier_last_sync", inventory)
        self.assertIn("courier_certificate_not_after", inventory)

    def test_a_trip_the_certificate_does_not_outlive_is_told(self):
        trip = self.trip
        trip.device("pump-1")
        trip.hand_over(days=10)
        trip.preauthorise()
        trip.sync("--until", time.strftime("%Y-%m-%d", time.gmtime(time.time() + 5 * 86400)))
        trip.sync("--until", time.strftime("%Y-%m-%d", time.gmtime(time.time() + 20 * 86400)),
                  status=11)
        self.assertIn("certificate", trip.said)


class Plan(Base):
    def carry(self, **options):
        """One device, visited, with an artifact carried for it."""
        trip = self.trip
        trip.enrol("pump-1")
        trip.visit("pump-1", running="rel-1", counter=2, space=options.pop("space", 1 << 30),
                   installer=options.pop("installer", "file"))
        trip.release("rel-2", **options)
        deployment = trip.deploy("rel-2", "pump-1")
        trip.sync()
        return deployment

    def plan(self, *words, status=0):
        return {fact["device"]: fact for fact in
                self.trip.courier("plan", *words, status=status)}

    def test_what_will_work_is_ready(self):
        self.carry()
        fact = self.plan()["pump-1"]
        self.assertEqual((fact["from"], fact["to"], fact["state"]), ("rel-1", "rel-2", "ready"))
        self.assertEqual(fact["blockers"], [])
        self.assertTrue(fact["rehearsed"])
        self.assertGreater(fact["size"], 200000)
        self.assertAlmostEqual(fact["wire_s"], fact["size"] / 10944, delta=1)

    def test_refusals_knowable_now_are_known_now(self):
        for status, how in ((12, {"counter": 1}), (30, {"space": 1000}),
                            (13, {"installer": "mender"})):
            with self.subTest(status=status):
                self.trip.done()
                self.trip = Trip(COURIER, TRIP_TOOL)
                self.addCleanup(self.trip.done)
                self.carry(**how)
                (blocker,) = self.plan(status=status)["pump-1"]["blockers"]
                self.assertEqual(blocker["code"], status)

    def test_a_certificate_that_ends_too_soon_blocks(self):
        self.carry()
        later = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 40 * 86400))
        (blocker,) = self.plan("--until", later, status=11)["pump-1"]["blockers"]
        self.assertEqual(blocker["code"], 11)

    def test_nothing_carried_is_nothing_to_do(self):
        self.trip.enrol("pump-1")
        fact = self.plan(status=3)["pump-1"]
        self.assertEqual(fact["from"], "rel-1")
        self.trip.courier("plan", "pump-2", status=2)

    def test_never_visited_is_ready_but_not_rehearsed(self):
        trip = self.trip
        trip.enrol("pump-1")
        trip.release("rel-2")
        trip.deploy("rel-2", "pump-1")
        trip.sync()
        self.assertFalse(self.plan()["pump-1"]["rehearsed"])


class Overview(Base):
    def status(self):
        (fact,) = self.trip.courier("status")
        return fact

    def test_the_trip_on_one_screen(self):
        trip = self.trip
        self.assertEqual(self.status()["devices"], 0)
        trip.enrol("pump-1", "pump-2", "pump-3")
        trip.release("rel-2")
        deployment = trip.deploy("rel-2", "pump-1", "pump-2", "pump-3")
        trip.sync()
        fact = self.status()
        self.assertEqual((fact["devices"], fact["outstanding"]), (3, 3))
        self.assertEqual(fact["courier"], "c-1")
        trip.visit("pump-1", outcome="CONFIRMED", deployment=deployment, running="rel-2")
        trip.visit("pump-2", outcome="ROLLED_BACK", deployment=deployment, running="rel-1")
        fact = self.status()
        self.assertEqual((fact["done"], fact["failed"], fact["outstanding"], fact["unsent"]),
                         (1, 1, 1, 2))
        self.assertGreater(fact["synced"], 0)
        trip.sync()
        fact = self.status()
        self.assertEqual((fact["done"], fact["failed"], fact["outstanding"], fact["unsent"]),
                         (0, 0, 1, 0))

    def test_missing_receipts_are_told_here_and_at_the_server(self):
        trip = self.trip
        trip.enrol("pump-1", "pump-2")
        for number, here in ((2, 3), (3, 6)):
            trip.release("rel-%d" % number, counter=number)
            deployment = trip.deploy("rel-%d" % number, "pump-1")
            trip.sync()
            trip.visit("pump-1", outcome="CONFIRMED", deployment=deployment, sequence=here,
                       running="rel-%d" % number, newest=here + 1)
        self.assertEqual(self.status()["gaps"], 1)
        facts = {fact["device"]: fact for fact in trip.courier("devices")}
        self.assertEqual((facts["pump-1"]["missing"], facts["pump-1"]["gaps"]), (3, "4-5, 7"))
        self.assertNotIn("gaps", facts["pump-2"])
        trip.sync()
        self.assertEqual(trip.inventory("pump-1")["courier_receipts_missing"], "4-5, 7")
        self.assertNotIn("courier_receipts_missing", trip.inventory("pump-2"))

    def test_devices_are_listed_with_what_is_carried(self):
        trip = self.trip
        trip.courier("devices", status=3)
        trip.device("pump-1", label="Pump hall", site="Pit 4")
        trip.enrol("pump-2")
        trip.release("rel-2")
        trip.deploy("rel-2", "pump-1")
        trip.sync()
        facts = {fact["device"]: fact for fact in trip.courier("devices")}
        self.assertEqual(facts["pump-1"]["label"], "Pump hall")
        self.assertEqual(facts["pump-1"]["running"], "rel-1")
        self.assertEqual(facts["pump-1"]["parcel"], "ready")
        self.assertNotIn("parcel", facts["pump-2"])
        (fact,) = trip.courier("devices", "Pump")
        self.assertEqual(fact["device"], "pump-1")
        trip.courier("devices", "pump", status=21)


def main():
    global COURIER, TRIP_TOOL
    COURIER, TRIP_TOOL = sys.argv[1:3]
    module = sys.modules[__name__]
    loader = unittest.defaultTestLoader
    suite = (loader.loadTestsFromNames(sys.argv[3:], module) if sys.argv[3:]
             else loader.loadTestsFromModule(module))
    result = unittest.TextTestRunner(stream=sys.stderr, verbosity=2).run(suite)
    failed = len(result.failures) + len(result.errors)
    print("%d passed, %d failed" % (result.testsRun - failed, failed))
    return 0 if failed == 0 and result.testsRun > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
