"""Users, lists and pages."""

import base64

from labtool.client import DEVAUTH, INVENTORY, Device, next_page, read_text

from . import LabCase

USERS = "/api/management/v1/useradm"
ADMIN = "admin@lab.example"


class Users(LabCase):
    def login(self, password, email=ADMIN):
        credentials = base64.b64encode(("%s:%s" % (email, password)).encode()).decode()
        return self.admin.request("POST", USERS + "/auth/login",
                                  headers={"Authorization": "Basic " + credentials})

    def use(self, token):
        return self.admin.request("GET", DEVAUTH + "/devices",
                                  headers={"Authorization": "Bearer " + token}).status

    def test_login_with_a_password(self):
        password = read_text(self.directory, "server", "admin-password")
        reply = self.expect(200, self.login(password))
        self.assertEqual(reply.headers["Content-Type"], "application/jwt")
        self.assertEqual(self.use(reply.body.decode()), 200)
        self.expect(401, self.login(password + "x"))
        self.expect(401, self.login(password, "nobody@lab.example"))
        self.expect(401, self.admin.request("POST", USERS + "/auth/login"))

    def test_personal_access_tokens(self):
        target = USERS + "/settings/tokens"
        token = self.expect(200, self.admin.ask("POST", target, {
            "name": "ci", "expires_in": 3600})).body.decode()
        self.assertEqual(self.use(token), 200)
        self.expect(409, self.admin.ask("POST", target, {"name": "ci"}))
        self.expect(400, self.admin.ask("POST", target, {"name": "x", "expires_in": 31536001}))
        self.expect(400, self.admin.ask("POST", target, {}))
        listed = [one for one in self.admin.must("GET", target).json() if one["name"] == "ci"]
        self.expect(204, self.admin.ask("DELETE", target + "/" + listed[0]["id"]))
        self.assertEqual(self.use(token), 401)
        token = self.admin.must("POST", target, {"name": "short", "expires_in": 60}).body
        self.advance(61)
        self.assertEqual(self.use(token.decode()), 401)

    def test_without_a_token_401(self):
        self.expect(401, self.admin.request("GET", DEVAUTH + "/devices"))
        self.assertEqual(self.use("x.y.z"), 401)


class Pages(LabCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for number in range(5):
            device = Device(cls.directory, {"serial": "page-%d" % number})
            device.authenticate()
            device.close()

    def test_pages_have_links(self):
        reply = self.admin.must("GET", DEVAUTH + "/devices?per_page=2&page=2&status=pending")
        links = reply.headers.get_all("Link")
        self.assertEqual([link.split("; ")[1] for link in links],
                         ['rel="first"', 'rel="prev"', 'rel="next"'])
        self.assertTrue(links[0].startswith("</api/management/v2/devauth/devices?"))
        self.assertIn("status=pending", links[2])
        self.assertEqual(len(reply.json()), 2)

    def test_following_next_sees_everything_once(self):
        target, seen = DEVAUTH + "/devices?per_page=2", []
        while target:
            reply = self.admin.must("GET", target)
            seen += [device["id"] for device in reply.json()]
            target = next_page(reply)
        self.assertEqual(len(seen), 5)
        self.assertEqual(len(set(seen)), 5)

    def test_limits_of_pages(self):
        for query in ("per_page=501", "per_page=0", "page=0", "page=x", "per_page=-1"):
            self.expect(400, self.admin.ask("GET", DEVAUTH + "/devices?" + query))
        self.assertEqual(self.admin.must("GET", DEVAUTH + "/devices?page=9").json(), [])

    def test_search_and_count(self):
        ids = [device["id"] for device in self.admin.devices()]
        def search(body, query=""):
            return self.admin.must("POST", DEVAUTH + "/devices/search" + query, body)
        found = search({"status": ["pending"], "id": ids[:2]}).json()
        self.assertEqual([device["id"] for device in found], ids[:2])
        self.assertEqual(search({"status": "accepted"}).json(), [])
        page = search({}, "?per_page=3")
        self.assertIn("/devices/search?", page.headers.get_all("Link")[1])
        self.expect(400, self.admin.ask("POST", DEVAUTH + "/devices/search",
                                        {"status": ["nonsense"]}))
        count = self.admin.must("GET", DEVAUTH + "/devices/count?status=pending").json()
        self.assertEqual(count, {"count": 5})
        self.expect(400, self.admin.ask("GET", DEVAUTH + "/devices/count?status=x"))

    def test_lists_with_a_total(self):
        reply = self.admin.must("GET", INVENTORY + "/devices?per_page=2")
        self.assertEqual(reply.headers["X-Total-Count"], "5")
        self.assertIn('rel="last"', reply.headers.get_all("Link")[-1])
