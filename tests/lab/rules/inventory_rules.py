"""Inventory, devices and operators' side."""

from labtool.client import INVENTORY

from . import LabCase

SEARCH = "/api/management/v2/inventory/filters/search"


class Attributes(LabCase):
    def inventory(self, device, scope="inventory"):
        return {name: value for (found, name), value in
                self.admin.inventory(device.id).items() if found == scope}

    def test_put_replaces_and_patch_adds(self):
        device = self.accepted()
        self.expect(200, device.send_inventory({"a": "1", "b": ["x", "y"]}))
        self.expect(200, device.send_inventory({"b": 2, "c": [1, 2.5]}, "PATCH"))
        self.assertEqual(self.inventory(device), {"a": "1", "b": 2, "c": [1, 2.5]})
        self.expect(200, device.send_inventory({"d": ""}))
        self.assertEqual(self.inventory(device), {"d": ""})

    def test_values_are_strings_numbers_or_lists_of_one_of_them(self):
        device = self.accepted()
        for value in (True, None, {}, ["x", 1], [True], [None], [["x"]]):
            self.expect(400, device.send_inventory({"a": value}))
        for value in ("", 0, -1.5, [], ["x"], [1, 2]):
            self.expect(200, device.send_inventory({"a": value}))

    def test_names(self):
        device = self.accepted()
        self.expect(400, device.send_inventory({"": "x"}))
        self.expect(400, device.send_inventory({"n" * 1025: "x"}))
        self.expect(200, device.send_inventory({"n" * 1024: "x", "rootfs-image.version": "1"}))

    def test_100_attributes_and_no_more(self):
        device = self.accepted()
        many = {"n%d" % number: number for number in range(100)}
        self.expect(200, device.send_inventory(many))
        self.expect(400, device.send_inventory(dict(many, one="more")))
        self.expect(400, device.send_inventory({"one": "more"}, "PATCH"))
        self.assertEqual(len(self.inventory(device)), 100)

    def test_the_scope_is_forced(self):
        device = self.accepted()
        body = [{"name": "a", "value": "1", "scope": "tags"}]
        self.expect(200, device.ask("PUT", "/api/devices/v1/inventory/device/attributes", body))
        self.assertEqual(self.inventory(device), {"a": "1"})

    def test_not_an_array_is_400(self):
        device = self.accepted()
        for body in ({}, "x", [1], [{"value": 1}], [{"name": 1, "value": 1}]):
            self.expect(400, device.ask("PUT", "/api/devices/v1/inventory/device/attributes",
                                        body))

    def test_identity_and_system_scopes(self):
        device = self.accepted()
        self.assertEqual(self.inventory(device, "identity"),
                         dict(device.identity, status="accepted"))
        self.assertLessEqual({"created_ts", "updated_ts", "check_in_time"},
                             set(self.inventory(device, "system")))

    def test_tags(self):
        device = self.accepted()
        target = "%s/devices/%s/tags" % (INVENTORY, device.id)
        body = [{"name": "site", "value": "north"}]
        self.expect(200, self.admin.ask("PUT", target, body))
        reply = self.admin.must("GET", "%s/devices/%s" % (INVENTORY, device.id))
        self.expect(412, self.admin.ask("PATCH", target, body, {"If-Match": "other"}))
        self.expect(200, self.admin.ask("PATCH", target, [{"name": "shelf", "value": 3}],
                                        {"If-Match": reply.headers["ETag"]}))
        self.assertEqual(self.inventory(device, "tags"), {"site": "north", "shelf": 3})

    def test_search(self):
        devices = [self.accepted() for _ in range(3)]
        for number, device in enumerate(devices):
            device.send_inventory({"kernel": "6.%d" % number, "shelf": number})
        def search(**wanted):
            reply = self.admin.must("POST", SEARCH, {"filters": [dict(wanted)],
                                                     "per_page": 500})
            return {view["id"] for view in reply.json()}
        ids = [device.id for device in devices]
        where = {"scope": "inventory", "attribute": "kernel"}
        self.assertEqual(search(type="$eq", value="6.1", **where), {ids[1]})
        self.assertEqual(search(type="$in", value=["6.1", "6.2"], **where), set(ids[1:]))
        self.assertEqual(search(type="$exists", value=True, **where), set(ids))
        self.assertEqual(search(scope="inventory", attribute="shelf", type="$gt", value=0),
                         set(ids[1:]))
        self.assertEqual(search(scope="identity", attribute="id", type="$eq", value=ids[0]),
                         {ids[0]})
        self.expect(400, self.admin.ask("POST", SEARCH, {"filters": [{"type": "$x"}]}))

    def test_groups(self):
        device = self.accepted()
        target = "%s/devices/%s/group" % (INVENTORY, device.id)
        self.expect(204, self.admin.ask("PUT", target, {"group": "south"}))
        self.assertEqual(self.admin.must("GET", target).json(), {"group": "south"})
        self.assertIn("south", self.admin.must("GET", INVENTORY + "/groups").json())
        self.assertEqual(self.admin.must("GET", INVENTORY + "/groups/south/devices").json(),
                         [device.id])
        self.expect(204, self.admin.ask("DELETE", target + "/south"))
        self.expect(404, self.admin.ask("GET", INVENTORY + "/groups/south/devices"))
        self.expect(400, self.admin.ask("PUT", target, {"group": "not a name"}))

    def test_an_unknown_device_is_404(self):
        self.expect(404, self.admin.ask("GET", INVENTORY + "/devices/nobody"))
