"""Auth requests, auth sets, and what they do to each other."""

import json

from labtool.client import DEVAUTH, DEVICE, sign

from . import LabCase

AUTH = DEVICE + "/authentication/auth_requests"


class AuthRequest(LabCase):
    def raw(self, device, body, **headers):
        headers = {"Content-Type": "application/json",
                   "X-MEN-Signature": sign(device.key, body), **headers}
        return device.request("POST", AUTH, body, {key: value for key, value in headers.items()
                                                   if value is not None})

    def test_first_request_creates_a_pending_set_and_says_401(self):
        device = self.device()
        self.assertIsNone(self.find(device))
        self.assertEqual(device.authenticate(), 401)
        self.assertEqual(self.find(device)["status"], "pending")
        self.assertEqual(self.set_of(device)["status"], "pending")

    def test_accepted_gets_a_bare_jwt_with_sub_jti_and_exp(self):
        device = self.accepted()
        reply = device.auth_request()
        self.assertEqual(reply.headers["Content-Type"], "application/jwt")
        claims = device.claims()
        self.assertEqual(claims["sub"], self.find(device)["id"])
        self.assertEqual(claims["jti"], self.set_of(device)["id"])
        self.assertEqual(claims["exp"] - claims["iat"], 604800)
        self.assertIs(claims["mender.device"], True)

    def test_every_kind_of_key_can_sign(self):
        for kind in ("rsa", "ec", "ed25519"):
            with self.subTest(kind):
                self.assertEqual(self.alive(self.accepted(kind=kind)), 204)

    def test_identity_is_the_same_whatever_its_key_order_and_blanks(self):
        device = self.accepted({"b": "2", "a": {"y": 1, "x": 2}, "serial": "order"})
        for text in ('{"a":{"x":2,"y":1},"b":"2","serial":"order"}',
                     '{ "serial" : "order", "b":"2", "a" : {"y":1.0,"x":2} }'):
            self.expect(200, device.auth_request(id_data=text))
        self.assertEqual(len(self.find(device)["auth_sets"]), 1)

    def test_another_value_type_is_another_identity(self):
        device = self.accepted({"serial": "1001"})
        self.expect(401, device.auth_request(id_data='{"serial":1001}'))

    def test_bad_bodies_get_400(self):
        device = self.device()
        good = {"id_data": "{}", "pubkey": device.pem, "tenant_token": ""}
        private = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
        for change in ({"id_data": ""}, {"id_data": "[1]"}, {"id_data": "{"}, {"pubkey": ""},
                       {"pubkey": "x"}, {"pubkey": private}, {"id_data": {"a": 1}},
                       {"tenant_token": 1}):
            with self.subTest(change):
                body = json.dumps({**good, **change}).encode()
                self.expect(400, self.raw(device, body))
        self.expect(400, self.raw(device, b"{"))
        self.expect(400, self.raw(device, b"[]"))
        self.expect(400, self.raw(device, json.dumps(good).encode(),
                                  **{"X-MEN-Signature": None}))

    def test_a_bad_signature_is_401_for_an_accepted_key(self):
        device = self.accepted()
        reply = self.expect(401, device.auth_request(signature="AAAA"))
        self.assertIn("signature verification failed", reply.json()["error"])
        self.assertIn("request_id", reply.json())

    def test_a_bad_signature_has_the_side_effects_of_a_good_one(self):
        device = self.device()
        self.expect(201, self.preauthorize(device))
        self.expect(401, device.auth_request(signature="AAAA"))
        self.assertEqual(self.set_of(device)["status"], "accepted")

    def test_tier_and_tenant_token_change_nothing(self):
        device = self.accepted()
        self.expect(200, device.auth_request(tier="micro", tenant_token="whatever"))
        self.assertEqual(len(self.find(device)["auth_sets"]), 1)

    def test_authorization_is_ignored_on_the_auth_request(self):
        device = self.accepted()
        body = json.dumps({"id_data": json.dumps(device.identity),
                           "pubkey": device.pem}).encode()
        self.expect(200, self.raw(device, body, Authorization="Bearer nonsense"))

    def test_content_type_is_enforced_when_there_is_a_length(self):
        device = self.device()
        body = json.dumps({"id_data": "{}", "pubkey": device.pem}).encode()
        self.expect(415, self.raw(device, body, **{"Content-Type": "text/plain"}))
        self.expect(400, self.raw(device, body, **{"Content-Type": "/;"}))
        self.expect(400, self.raw(device, body, **{"Content-Type": None}))
        charset = {"Content-Type": "application/json; charset=utf-8"}
        self.expect(401, self.raw(device, body, **charset))

    def test_a_body_over_1_mib_is_413(self):
        device = self.device()
        self.expect(413, self.raw(device, b" " * ((1 << 20) + 1)))

    def test_a_public_key_may_be_wrapped_otherwise(self):
        device = self.accepted()
        middle = "".join(device.pem.splitlines()[1:-1])
        lines = "\n".join(middle[at : at + 20] for at in range(0, len(middle), 20))
        pem = "-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n" % lines
        self.expect(200, device.auth_request(pubkey=pem))


class AuthSets(LabCase):
    def test_accepting_one_rejects_the_accepted_other_and_leaves_pending_ones(self):
        own = self.accepted()
        courier, third = self.device(own.identity), self.device(own.identity)
        self.assertEqual([courier.authenticate(), third.authenticate()], [401, 401])
        self.expect(204, self.move(courier, "accepted"))
        self.assertEqual(self.set_of(own)["status"], "rejected")
        self.assertEqual(self.set_of(third)["status"], "pending")
        self.assertEqual(self.alive(own), 401)
        self.assertEqual(courier.authenticate(), 200)
        self.assertEqual(courier.id, self.find(own)["id"])

    def test_rejected_is_sticky(self):
        device = self.accepted()
        self.expect(204, self.move(device, "rejected"))
        for _ in range(3):
            self.assertEqual(device.authenticate(), 401)
        self.assertEqual(self.set_of(device)["status"], "rejected")
        self.assertEqual(len(self.find(device)["auth_sets"]), 1)

    def test_reject_kills_the_tokens_of_all_sets_at_once(self):
        own = self.accepted()
        courier = self.device(own.identity)
        courier.authenticate()
        self.move(courier, "accepted")
        courier.authenticate()
        self.expect(204, self.move(courier, "rejected"))
        self.assertEqual(self.alive(courier), 401)
        self.expect(204, self.move(own, "accepted"))
        self.assertEqual(self.alive(own), 401)  # its row went with the courier's
        self.assertEqual(own.authenticate(), 200)

    def test_a_displaced_set_accepted_again_finds_its_old_token_valid(self):
        own = self.accepted()
        courier = self.device(own.identity)
        courier.authenticate()
        self.move(courier, "accepted")
        self.assertEqual(self.alive(own), 401)
        self.expect(204, self.move(own, "accepted"))
        self.assertEqual(self.alive(own), 204)

    def test_a_deleted_set_comes_back_as_pending(self):
        device = self.accepted()
        set_id = self.set_of(device)["id"]
        target = "%s/devices/%s/auth/%s" % (DEVAUTH, device.id, set_id)
        self.expect(204, self.admin.ask("DELETE", target))
        self.assertEqual(self.find(device)["status"], "noauth")
        self.assertEqual(self.alive(device), 401)
        self.expect(404, self.admin.ask("DELETE", target))
        self.assertEqual(device.authenticate(), 401)
        self.assertEqual(self.set_of(device)["status"], "pending")
        self.assertNotEqual(self.set_of(device)["id"], set_id)

    def test_transitions(self):
        device = self.device()
        device.authenticate()
        for status in ("rejected", "accepted", "rejected", "pending", "accepted", "pending",
                       "pending", "accepted", "accepted", "rejected"):
            self.expect(204, self.move(device, status))
            self.assertEqual(self.set_of(device)["status"], status)
            self.assertEqual(self.find(device)["status"], status)
        self.expect(400, self.move(device, "rejected"))

    def test_bad_status_requests(self):
        device = self.accepted()
        other = self.accepted()
        target = "%s/devices/%s/auth/%s/status"
        for body in ({"status": "preauthorized"}, {"status": "x"}, {}, []):
            self.expect(400, self.admin.ask("PUT", target % (DEVAUTH, device.id, device.set_id),
                                            body))
        self.expect(404, self.admin.set_status(device.id, "no-such", "rejected"))
        self.expect(400, self.admin.set_status(other.id, device.set_id, "rejected"))
        reply = self.admin.must("GET", target % (DEVAUTH, device.id, device.set_id))
        self.assertEqual(reply.json(), {"status": "accepted"})

    def test_deleting_a_token_is_no_revocation(self):
        device = self.accepted()
        target = "%s/tokens/%s" % (DEVAUTH, device.set_id)
        self.expect(204, self.admin.ask("DELETE", target))
        self.assertEqual(self.alive(device), 401)
        self.expect(404, self.admin.ask("DELETE", target))
        self.assertEqual(device.authenticate(), 200)

    def test_device_limit(self):
        accepted = self.accepted()
        device, preauthorized = self.device(), self.device()
        device.authenticate()
        self.preauthorize(preauthorized)
        count = self.admin.must("GET", DEVAUTH + "/devices/count?status=accepted").json()
        with self.setting(max_devices=count["count"]):
            limit = self.admin.must("GET", DEVAUTH + "/limits/max_devices").json()
            self.assertEqual(limit, {"limit": count["count"]})
            self.expect(422, self.move(device, "accepted"))
            self.assertEqual(preauthorized.authenticate(), 401)
            self.assertEqual(self.alive(accepted), 204)
        self.expect(204, self.move(device, "accepted"))
        self.assertEqual(preauthorized.authenticate(), 200)
        self.assertEqual(self.admin.must("GET", DEVAUTH + "/limits/max_devices").json(),
                         {"limit": -1})

    def test_decommission(self):
        device = self.accepted()
        with self.setting(decommission_seconds=600):
            target = "%s/devices/%s" % (DEVAUTH, device.id)
            self.expect(204, self.admin.ask("DELETE", target))
            self.assertIs(self.find(device)["decommissioning"], True)
            self.assertEqual(self.alive(device), 401)
            self.assertEqual(device.authenticate(), 401)
            self.expect(409, self.preauthorize(device))
        self.advance(601)
        self.assertIsNone(self.find(device))
        self.expect(404, self.admin.ask("DELETE", target))
        self.assertEqual(device.authenticate(), 401)
        self.assertEqual(self.find(device)["status"], "pending")


class Preauthorization(LabCase):
    def test_a_preauthorized_key_is_accepted_when_it_comes(self):
        device = self.device()
        reply = self.expect(201, self.preauthorize(device))
        self.assertEqual(self.find(device)["status"], "preauthorized")
        self.assertEqual(reply.headers["Location"], "devices/" + self.find(device)["id"])
        self.assertEqual(device.authenticate(), 200)
        self.assertEqual(self.find(device)["status"], "accepted")

    def test_an_existing_identity_is_409_with_the_device(self):
        device = self.accepted()
        reply = self.expect(409, self.preauthorize(self.device(device.identity)))
        self.assertEqual(reply.json()["id"], device.id)

    def test_force_adds_a_set_that_displaces_when_it_comes(self):
        own = self.accepted()
        courier = self.device(own.identity)
        reply = self.expect(201, self.preauthorize(courier, force=True))
        named = reply.headers["Location"].split("/")[1]
        self.expect(404, self.admin.ask("GET", "%s/devices/%s" % (DEVAUTH, named)))
        self.assertEqual(self.find(own)["status"], "accepted")
        self.assertEqual(self.alive(own), 204)
        self.assertEqual(courier.authenticate(), 200)
        self.assertEqual(self.set_of(own)["status"], "rejected")

    def test_force_turns_an_accepted_set_back(self):
        device = self.accepted()
        self.expect(201, self.preauthorize(device, force=True))
        self.assertEqual(self.set_of(device)["status"], "preauthorized")
        self.assertEqual(self.find(device)["status"], "accepted")  # not looked at
        self.assertEqual(self.alive(device), 401)
        self.assertEqual(device.authenticate(), 200)

    def test_preauthorized_cannot_be_accepted_or_rejected(self):
        device = self.device()
        self.preauthorize(device)
        for status in ("accepted", "rejected", "pending"):
            self.expect(400, self.move(device, status))

    def test_deleting_the_only_set_deletes_the_device(self):
        device = self.device()
        self.preauthorize(device)
        seen = self.find(device)
        self.expect(204, self.admin.ask("DELETE", "%s/devices/%s/auth/%s" % (
            DEVAUTH, seen["id"], seen["auth_sets"][0]["id"])))
        self.assertIsNone(self.find(device))

    def test_deleting_a_forced_set_takes_the_device_away_from_its_other_sets(self):
        own = self.accepted()
        courier = self.device(own.identity)
        self.preauthorize(courier, force=True)
        set_id = self.set_of(courier)["id"]
        self.expect(204, self.admin.ask("DELETE", "%s/devices/%s/auth/%s" % (
            DEVAUTH, own.id, set_id)))
        self.assertIsNone(self.find(own))
        self.assertEqual(self.alive(own), 500)

    def test_two_preauthorized_sets_break_what_aggregates_afterwards(self):
        own = self.accepted()
        one, two = self.device(own.identity), self.device(own.identity)
        self.preauthorize(one, force=True)
        self.preauthorize(two, force=True)
        self.expect(500, self.move(own, "rejected"))
        self.assertEqual(self.set_of(own)["status"], "rejected")  # took effect all the same
        self.assertEqual(self.alive(own), 401)

    def test_bad_requests(self):
        device = self.device()
        for body in ({"identity_data": "{}", "pubkey": device.pem},
                     {"identity_data": {}, "pubkey": device.pem},
                     {"identity_data": {"a": 1}, "pubkey": "x"}, {}):
            self.expect(400, self.admin.ask("POST", DEVAUTH + "/devices", body))
