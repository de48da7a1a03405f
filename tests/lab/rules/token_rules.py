"""Tokens: who is admitted, and for how long."""

import json

from labtool.client import DEVICE

from . import LabCase

WEEK = 604800
NEXT_V2 = "/api/devices/v2/deployments/device/deployments/next"


class Tokens(LabCase):
    def test_without_a_good_token_everything_is_401(self):
        device = self.accepted()
        good = device.token
        head, body, signature = good.split(".")
        for bad in ("", "x", "a.b.c", head + "." + body + ".AAAA", self.admin.token,
                    head + "." + body[:-4] + "AAAA." + signature):
            device.token = bad
            self.assertEqual(self.alive(device), 401)
        device.token = good
        self.assertEqual(self.alive(device), 204)

    def test_a_device_token_opens_no_management(self):
        device = self.accepted()
        self.expect(401, device.ask("GET", "/api/management/v2/devauth/devices"))

    def test_an_expired_token_is_403_once_then_401(self):
        device = self.accepted()
        self.advance(WEEK + 1)
        self.assertEqual([self.alive(device) for _ in range(3)], [403, 401, 401])
        self.assertEqual(device.authenticate(), 200)

    def test_an_old_expired_token_kills_the_fresh_one(self):
        device = self.accepted()
        old = device.token
        self.advance(WEEK + 1)
        device.authenticate()
        fresh, device.token = device.token, old
        self.assertEqual(self.alive(device), 403)
        device.token = fresh
        self.assertEqual(self.alive(device), 401)

    def test_several_tokens_of_a_set_live_side_by_side(self):
        device = self.accepted()
        first = device.token
        self.advance(5)
        device.authenticate()
        self.assertNotEqual(first, device.token)
        self.assertEqual(self.alive(device), 204)
        device.token = first
        self.assertEqual(self.alive(device), 204)

    def test_a_checked_token_updates_the_check_in_time(self):
        device = self.accepted()
        before = self.find(device)["check_in_time"]
        self.advance(10)
        self.alive(device)
        self.assertGreater(self.find(device)["check_in_time"], before)

    def test_v2_next_is_404_only_for_who_is_admitted(self):
        device = self.accepted()
        body = {"device_provides": {"artifact_name": "a", "device_type": "t"}}
        self.expect(404, device.ask("POST", NEXT_V2, body))
        self.expect(401, device.request("POST", NEXT_V2, body))
        with self.setting(v2=True):
            self.expect(204, device.ask("POST", NEXT_V2, body))

    def test_an_unknown_route_is_404_after_the_token_check(self):
        device = self.accepted()
        self.expect(404, device.ask("GET", "/api/devices/v1/nothing"))
        self.expect(401, device.request("GET", "/api/devices/v1/nothing"))

    def test_the_rate_limit_says_429_with_retry_after(self):
        device = self.accepted()
        with self.setting(requests_per_minute=2):
            self.assertEqual([self.alive(device), self.alive(device)], [204, 204])
            reply = self.expect(429, device.next("rel-1", "testbox"))
            self.assertTrue(0 < int(reply.headers["Retry-After"]) <= 60)
            self.advance(61)
            self.assertEqual(self.alive(device), 204)

    def test_polling_limits_as_on_hosted_mender(self):
        device = self.accepted()
        with self.setting(next_every=1800, inventory_every=28800):
            self.assertEqual([self.alive(device), self.alive(device)], [204, 429])
            self.assertEqual(device.send_inventory({"a": 1}).status, 200)
            reply = self.expect(429, device.send_inventory({"a": 1}))
            self.assertTrue(28790 < int(reply.headers["Retry-After"]) <= 28801)
            self.advance(1801)
            self.assertEqual(self.alive(device), 204)

    def test_with_the_token_cache_displacement_is_no_revocation_but_rejection_is(self):
        own = self.accepted()
        courier = self.device(own.identity)
        courier.authenticate()
        with self.setting(token_cache=True):
            self.assertEqual(self.alive(own), 204)
            self.move(courier, "accepted")
            self.assertEqual(self.alive(own), 204)  # cached and trusted
            courier.authenticate()
            self.assertEqual(self.alive(courier), 204)  # takes the place in the cache
            self.assertEqual(self.alive(own), 401)
            self.move(courier, "rejected")
            self.assertEqual(self.alive(courier), 401)


class Bodies(LabCase):
    """What every JSON route checks before it looks inside."""

    ROUTE = DEVICE + "/inventory/device/attributes"

    def put(self, body, **headers):
        device = self.accepted()
        return device.ask("PUT", self.ROUTE, body, headers)

    def test_content_type_is_checked_only_with_a_content_length(self):
        body = b'[{"name":"a","value":1}]'
        self.expect(415, self.put(body, **{"Content-Type": "text/plain"}))
        self.expect(400, self.put(body))
        self.expect(200, self.put(body, **{"Content-Type": "application/json"}))
        self.expect(200, self.put(iter([body[:5], body[5:]]), **{"Content-Type": "text/plain"}))

    def test_413_needs_a_content_length(self):
        big = json.dumps([{"name": "a", "value": "x" * (1 << 20)}]).encode()
        kind = {"Content-Type": "application/json"}
        self.expect(413, self.put(big, **kind))
        self.expect(400, self.put(iter([big]), **kind))

    def test_expect_100_continue_is_answered(self):
        body = b'[{"name":"a","value":1}]'
        self.expect(200, self.put(body, **{"Content-Type": "application/json",
                                           "Expect": "100-continue"}))

    def test_errors_are_json_with_a_request_id(self):
        error = self.put(b"x", **{"Content-Type": "application/json"}).json()
        self.assertEqual(sorted(error), ["error", "request_id"])


class Signing(LabCase):
    up = {"rs256": True}

    def test_tokens_may_be_signed_with_rsa(self):
        device = self.accepted()
        self.assertEqual(self.alive(device), 204)
        device.token = device.token[:-6] + "AAAAAA"
        self.assertEqual(self.alive(device), 401)
