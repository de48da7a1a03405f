"""Deployments: what is offered, how reports change it, logs."""

import urllib.parse

from labtool.client import DEPLOYMENTS, DEVAUTH, DEVICE

from . import ArtifactCase

NEXT = DEVICE + "/deployments/device/deployments/next"
NEXT_V2 = "/api/devices/v2/deployments/device/deployments/next"
DEPLOYMENT = DEPLOYMENTS + "/deployments/"
LINE = {"timestamp": "2026-11-22T03:39:33Z", "level": "info", "message": "hello"}


class Next(ArtifactCase):
    def test_nothing_to_do_is_204(self):
        self.expect(204, self.accepted().next("rel-1", "testbox"))

    def test_three_dialects_get_the_same_job(self):
        device = self.accepted()
        deployment = self.deploy(device)
        query = urllib.parse.urlencode({"artifact_name": "rel-1", "device_type": "testbox"})
        self.assertEqual(self.expect(200, device.ask("GET", NEXT + "?" + query)).json()["id"],
                         deployment)
        self.assertEqual(self.offered(device)["id"], deployment)
        with self.setting(v2=True):
            body = {"device_provides": {"artifact_name": "rel-1", "device_type": "testbox"},
                    "update_control_map": True}
            reply = self.expect(200, device.ask("POST", NEXT_V2, body))
        self.assertEqual(reply.json()["id"], deployment)
        self.assertEqual(self.row(deployment, device)["status"], "pending")

    def test_the_answer_names_the_artifact_and_its_url(self):
        device = self.accepted()
        deployment = self.deploy(device)
        reply = device.next("rel-1", "testbox")
        self.assertIn(b"\\u0026", reply.body)
        self.assertNotIn(b"&", reply.body)
        job = reply.json()
        self.assertEqual(job["id"], deployment)
        self.assertEqual(job["artifact"]["device_types_compatible"], ["testbox"])
        self.assertEqual(job["artifact"]["id"], self.artifact_id)
        self.assertEqual(sorted(job["artifact"]["source"]), ["expire", "method", "uri"])

    def test_name_and_type_are_required_and_bounded(self):
        device = self.accepted()
        for body in ({}, {"artifact_name": "a"}, {"artifact_name": "", "device_type": "t"},
                     {"artifact_name": "a" * 4097, "device_type": "t"},
                     {"artifact_name": "a", "device_type": "t", "artifact_provides": {"k": ""}},
                     {"artifact_name": "a", "device_type": "t",
                      "artifact_provides": {"k": "v" * 4097}}):
            self.expect(400, device.ask("POST", NEXT, body))
        self.expect(400, device.ask("GET", NEXT + "?artifact_name=a"))

    def test_asking_again_is_safe_and_gives_a_fresh_url(self):
        device = self.accepted()
        self.deploy(device)
        first = self.offered(device)["artifact"]["source"]["uri"]
        self.advance(2)
        self.assertNotEqual(self.offered(device)["artifact"]["source"]["uri"], first)

    def test_another_request_fails_the_deployment_and_is_409(self):
        for again in (("rel-0", "testbox", {}), ("rel-1", "otherbox", {}),
                      ("rel-1", "testbox", {"rootfs-image.version": "2"})):
            with self.subTest(again):
                device = self.accepted()
                deployment = self.deploy(device)
                self.offered(device)
                self.expect(204, device.report(deployment, "downloading"))
                self.expect(409, device.next(again[0], again[1], **again[2]))
                self.assertEqual(self.row(deployment, device)["status"], "failure")
                self.expect(204, device.next("rel-1", "testbox"))

    def test_the_frozen_request_is_the_same_in_every_dialect(self):
        device = self.accepted()
        self.deploy(device)
        self.offered(device, a="1", b="2")
        with self.setting(v2=True):
            body = {"device_provides": {"b": "2", "a": "1", "device_type": "testbox",
                                        "artifact_name": "rel-1"}}
            self.expect(200, device.ask("POST", NEXT_V2, body))
        flat = {"artifact_name": "rel-1", "device_type": "testbox", "a": "1", "b": "2"}
        self.expect(409, device.ask("POST", NEXT, flat))  # flat provides do not count in v1

    def test_the_request_thaws_with_the_final_status(self):
        device = self.accepted()
        deployment = self.deploy(device)
        self.offered(device)
        device.report(deployment, "success")
        self.expect(204, device.next("rel-2", "testbox"))

    def test_no_artifact_for_the_type_ends_in_noartifact(self):
        device = self.accepted()
        deployment = self.deploy(device)
        self.expect(204, device.next("rel-1", "otherbox"))
        self.assertEqual(self.row(deployment, device)["status"], "noartifact")

    def test_the_same_artifact_ends_in_already_installed_unless_forced(self):
        device = self.accepted()
        name = self.upload()
        deployment = self.deploy(device, artifact_name=name)
        self.expect(204, device.next(name, "testbox"))
        self.assertEqual(self.row(deployment, device)["status"], "already-installed")
        forced = self.deploy(device, artifact_name=name, force=True)
        self.assertEqual(self.offered(device, name)["id"], forced)

    def test_oldest_first_and_one_at_a_time(self):
        device = self.accepted()
        first, second = self.deploy(device), self.deploy(device)
        self.assertEqual(self.offered(device)["id"], first)
        self.assertNotIn(device.id, self.admin.rows(second))
        device.report(first, "success")
        self.assertEqual(self.offered(device, "rel-x")["id"], second)

    def test_after_a_finished_one_only_newer_ones_are_offered(self):
        device, other = self.accepted(), self.accepted()
        shared = self.deploy(device, other)
        self.offered(device)
        device.report(shared, "failure")
        self.expect(204, device.next("rel-1", "testbox"))  # though it still runs for the other
        history = "%sdevices/%s/history" % (DEPLOYMENT, device.id)
        self.admin.must("DELETE", history)
        self.assertEqual(self.offered(device)["id"], shared)

    def test_a_deployment_aborted_before_it_was_seen_is_never_offered(self):
        device = self.accepted()
        aborted, later = self.deploy(device), self.deploy(device)
        self.expect(204, self.admin.abort(aborted))
        self.assertEqual(self.offered(device)["id"], later)

    def test_a_deployment_is_for_the_devices_named(self):
        device, stranger = self.accepted(), self.accepted()
        self.deploy(device)
        self.expect(204, stranger.next("rel-1", "testbox"))

    def test_any_accepted_set_of_the_device_may_report(self):
        own = self.accepted()
        deployment = self.deploy(own)
        self.offered(own)
        courier = self.device(own.identity)
        courier.authenticate()
        self.move(courier, "accepted")
        courier.authenticate()
        self.expect(204, courier.report(deployment, "success"))
        self.assertEqual(self.row(deployment, own)["status"], "success")


class Status(ArtifactCase):
    def setUp(self):
        self.one = self.accepted()
        self.deployment = self.deploy(self.one)
        self.offered(self.one)

    def seen(self):
        return self.row(self.deployment, self.one)

    def test_the_usual_way(self):
        for status in ("downloading", "downloading", "installing", "rebooting", "installing",
                       "success"):
            self.expect(204, self.one.report(self.deployment, status))
        self.assertEqual(self.seen()["status"], "success")
        self.assertTrue(self.seen()["started"] <= self.seen()["finished"])
        view = self.admin.must("GET", DEPLOYMENT + self.deployment).json()
        self.assertEqual(view["status"], "finished")
        self.assertEqual(view["statistics"]["status"]["success"], 1)
        self.assertEqual(view["statistics"]["status"]["pending"], 0)

    def test_unknown_and_server_only_statuses_are_400(self):
        for status in ("pending", "noartifact", "aborted", "decommissioned", "done", "", 7):
            self.expect(400, self.one.report(self.deployment, status))
        for status in ("pause_before_installing", "pause_before_rebooting",
                       "pause_before_committing", "already-installed"):
            self.expect(204, self.one.report(self.deployment, status))

    def test_a_body_without_status_is_500(self):
        target = "%s/deployments/device/deployments/%s/status" % (DEVICE, self.deployment)
        self.expect(500, self.one.ask("PUT", target, {"substate": "x"}))

    def test_an_unknown_pair_is_404(self):
        stranger = self.accepted()
        self.expect(404, stranger.report(self.deployment, "success"))
        self.expect(404, self.one.report("nonsense", "success"))
        unasked = self.deploy(stranger)
        self.expect(404, stranger.report(unasked, "success"))  # no row before next

    def test_the_same_status_again_keeps_the_old_substate(self):
        self.one.report(self.deployment, "installing", "first")
        self.expect(204, self.one.report(self.deployment, "installing", "second"))
        self.assertEqual(self.seen()["substate"], "first")
        self.one.report(self.deployment, "success", "third")
        self.assertEqual(self.seen()["substate"], "third")
        self.expect(400, self.one.report(self.deployment, "failure", "x" * 201))
        self.expect(204, self.one.report(self.deployment, "failure", "x" * 200))

    def test_a_final_status_may_become_another(self):
        self.one.report(self.deployment, "success")
        self.expect(204, self.one.report(self.deployment, "failure"))
        statistics = self.admin.must("GET", DEPLOYMENT + self.deployment
                                     + "/statistics").json()
        self.assertEqual((statistics["success"], statistics["failure"]), (0, 1))

    def test_an_intermediate_status_after_a_final_one_reactivates_the_device_only(self):
        self.one.report(self.deployment, "success")
        self.expect(204, self.one.next("rel-1", "testbox"))
        self.expect(204, self.one.report(self.deployment, "installing"))
        self.assertEqual(self.offered(self.one)["id"], self.deployment)
        view = self.admin.must("GET", DEPLOYMENT + self.deployment).json()
        self.assertEqual(view["status"], "finished")

    def test_aborted_is_409_for_every_report_and_stays(self):
        self.expect(204, self.admin.abort(self.deployment))
        for status in ("downloading", "installing", "success", "failure"):
            self.expect(409, self.one.report(self.deployment, status))
        self.assertEqual(self.seen()["status"], "aborted")
        self.expect(204, self.one.next("other", "testbox"))
        self.expect(204, self.one.send_log(self.deployment, [LINE]))  # a log is still taken

    def test_decommissioned_devices_end_their_deployments(self):
        self.admin.must("DELETE", "%s/devices/%s" % (DEVAUTH, self.one.id))
        self.assertEqual(self.seen()["status"], "decommissioned")
        self.assertEqual(self.one.report(self.deployment, "success").status, 401)


class Log(ArtifactCase):
    def setUp(self):
        self.one = self.accepted()
        self.deployment = self.deploy(self.one)
        self.offered(self.one)

    def test_a_log_replaces_the_one_before(self):
        self.assertFalse(self.row(self.deployment, self.one)["log"])
        self.expect(404, self.admin.log(self.deployment, self.one.id))
        self.expect(204, self.one.send_log(self.deployment, [LINE, dict(LINE, message="old")]))
        self.expect(204, self.one.send_log(self.deployment, [dict(LINE, message="new")]))
        self.assertEqual(self.admin.log(self.deployment, self.one.id).body,
                         b"2026-11-22 03:39:33 +0000 UTC info: new\n")
        self.assertTrue(self.row(self.deployment, self.one)["log"])

    def test_a_log_for_a_success_is_taken_too(self):
        self.one.report(self.deployment, "success")
        self.expect(204, self.one.send_log(self.deployment, [LINE]))

    def test_every_member_is_required(self):
        for messages in ([], [{}], [dict(LINE, message="")], [dict(LINE, level="")],
                         [dict(LINE, timestamp="")], [dict(LINE, timestamp="yesterday")],
                         [LINE, {"level": "info", "message": "x"}], None, {}):
            self.expect(400, self.one.send_log(self.deployment, messages))
        target = "%s/deployments/device/deployments/%s/log" % (DEVICE, self.deployment)
        self.expect(400, self.one.ask("PUT", target, []))

    def test_ids(self):
        self.expect(500, self.one.send_log("nonsense", [LINE]))
        self.expect(404, self.one.send_log("00000000-0000-4000-8000-000000000000", [LINE]))
        self.expect(404, self.accepted().send_log(self.deployment, [LINE]))

    def test_more_than_1_mib_is_413(self):
        big = [dict(LINE, message="x" * 1000)] * 1100
        self.expect(413, self.one.send_log(self.deployment, big))


class Management(ArtifactCase):
    def test_creating(self):
        device = self.accepted()
        name = self.upload()
        target = DEPLOYMENTS + "/deployments"
        good = {"name": "d", "artifact_name": name, "devices": [device.id]}
        for change in ({"name": ""}, {"artifact_name": ""}, {"devices": []},
                       {"all_devices": True}, {"devices": [""]}, {"devices": "x"}):
            self.expect(400, self.admin.ask("POST", target, dict(good, **change)))
        self.expect(422, self.admin.ask("POST", target, dict(good, artifact_name="none")))
        self.expect(201, self.admin.ask("POST", target, good))
        self.expect(409, self.admin.ask("POST", target, good))

    def test_all_devices_are_those_accepted_now(self):
        device = self.accepted()
        deployment = self.admin.deploy("all of them", self.upload(), None)
        late = self.accepted()
        self.assertEqual(self.offered(device)["id"], deployment)
        self.expect(204, late.next("rel-1", "testbox"))

    def test_to_a_group(self):
        device, other = self.accepted(), self.accepted()
        group = "/api/management/v1/inventory/devices/%s/group" % device.id
        self.expect(204, self.admin.ask("PUT", group, {"group": "north"}))
        body = {"name": "to the north", "artifact_name": self.upload()}
        self.expect(201, self.admin.ask("POST", DEPLOYMENTS + "/deployments/group/north", body))
        self.offered(device)
        self.expect(204, other.next("rel-1", "testbox"))

    def test_abort(self):
        device = self.accepted()
        deployment = self.deploy(device)
        target = DEPLOYMENT + deployment + "/status"
        self.expect(400, self.admin.ask("PUT", target, {"status": "success"}))
        self.expect(204, self.admin.abort(deployment))
        self.expect(422, self.admin.abort(deployment))
        self.expect(422, self.admin.abort("00000000-0000-4000-8000-000000000000"))
        self.expect(400, self.admin.abort("nonsense"))
        self.expect(204, device.next("rel-1", "testbox"))

    def test_abort_all_of_a_device_and_forget_its_history(self):
        device = self.accepted()
        deployment = self.deploy(device)
        self.offered(device)
        self.expect(204, self.admin.ask("DELETE", DEPLOYMENT + "devices/" + device.id))
        self.assertEqual(self.row(deployment, device)["status"], "aborted")
        history = "%sdevices/%s/history" % (DEPLOYMENT, device.id)
        self.expect(204, self.admin.ask("DELETE", history))
        self.assertEqual(self.admin.rows(deployment), {})

    def test_lists(self):
        devices = [self.accepted() for _ in range(3)]
        deployment = self.deploy(*devices, name="listed")
        for device in devices:
            self.offered(device)
        devices[0].report(deployment, "success")
        rows = self.admin.must("GET", DEPLOYMENT + deployment + "/devices").json()
        self.assertEqual(len(rows), 3)
        page = self.admin.must("GET", DEPLOYMENT + deployment
                               + "/devices/list?per_page=2&status=active")
        self.assertEqual([len(page.json()), page.headers["X-Total-Count"]], [2, "2"])
        found = self.admin.must("GET", DEPLOYMENTS + "/deployments?search=listed").json()
        self.assertEqual([one["id"] for one in found], [deployment])
        of_device = self.admin.must("GET", DEPLOYMENT + "devices/" + devices[0].id).json()
        self.assertEqual(of_device[0]["device"]["status"], "success")
        self.assertEqual(of_device[0]["deployment"]["id"], deployment)

    def test_an_artifact_uploaded_later_joins(self):
        device = self.accepted()
        name = self.upload(device_types=("otherbox",))
        self.deploy(device, artifact_name=name)
        self.upload(name)
        self.assertEqual(self.offered(device)["artifact"]["id"], self.artifact_id)
