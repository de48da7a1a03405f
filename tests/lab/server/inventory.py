"""Inventory: what devices report of themselves, and what operators note about them."""

import re

from .gateway import Route, empty, json_answer, page_of
from .web import Answer
from .wire import Refusal, new_id, parse_json, parse_object

DEVICE = "/api/devices/v1/inventory/device/attributes"
BASE = "/api/management/v1/inventory"
SEARCH = "/api/management/v2/inventory/filters/search"
NAME_MAX = 1024  # characters
ATTRIBUTES_MAX = 100  # per scope
TAGS_MAX = 20


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def check_value(value):
    """Strings, numbers, and lists of one of them."""
    if isinstance(value, str) or is_number(value):
        return
    if isinstance(value, list):
        if all(isinstance(item, str) for item in value) or all(map(is_number, value)):
            return
    raise Refusal(400, "value: supported types are string, float64, and arrays thereof.")


def parse_attributes(body):
    """{name: {value, description?}} of a request's attributes."""
    attributes = parse_json(body)
    if not isinstance(attributes, list):
        raise Refusal(400, "failed to decode request body: not an array")
    result = {}
    for attribute in attributes:
        if not isinstance(attribute, dict):
            raise Refusal(400, "failed to decode request body: not an object")
        name, description = attribute.get("name"), attribute.get("description")
        if not isinstance(name, str) or not 1 <= len(name) <= NAME_MAX:
            raise Refusal(400, "name: the length must be between 1 and %d." % NAME_MAX)
        if not isinstance(description, (str, type(None))):
            raise Refusal(400, "failed to decode request body: description")
        check_value(attribute.get("value"))
        result[name] = {"value": attribute["value"]}
        if description is not None:
            result[name]["description"] = description
    return result, len(attributes)


class Inventory:
    """Documents: {device: {scopes: {scope: {name: {...}}}, group, etag, created, updated}}."""

    def __init__(self, state, clock, auth):
        self.state = state
        self.clock = clock
        self.auth = auth
        auth.on_device_gone.append(lambda device_id: state.drop("inventory", device_id))

    def routes(self):
        one = BASE + "/devices/([^/]+)"
        routes = [Route(method, DEVICE, self.put_attributes) for method in ("PUT", "PATCH")]
        table = [
            ("GET", BASE + "/devices", self.list_page),
            ("GET", one, self.show),
            ("DELETE", one, self.clear),
            ("PUT", one + "/tags", self.put_tags),
            ("PATCH", one + "/tags", self.put_tags),
            ("GET", one + "/group", self.show_group),
            ("PUT", one + "/group", self.put_group),
            ("DELETE", one + "/group/([^/]+)", self.delete_group),
            ("GET", BASE + "/groups", self.groups),
            ("GET", BASE + "/groups/([^/]+)/devices", self.group_devices),
            ("POST", SEARCH, self.search),
        ]
        return routes + [Route(*line, who="user") for line in table]

    def document(self, device_id):
        found = self.state.get("inventory", device_id)
        if found is None:
            now = self.clock.stamp()
            found = {"scopes": {}, "group": None, "etag": None, "created": now, "updated": now}
        return found

    def group(self, device_id):
        return self.document(device_id)["group"]

    # Devices

    def put_attributes(self, request):
        attributes, count = parse_attributes(request.body)
        self.store(request.method, request.device, "inventory", attributes, count,
                   ATTRIBUTES_MAX)
        return Answer(200)

    def store(self, method, device_id, scope, attributes, count, most):
        """PUT replaces a scope, PATCH adds to it."""
        document = self.document(device_id)
        kept = dict(document["scopes"].get(scope, {})) if method == "PATCH" else {}
        kept.update(attributes)
        if max(count, len(kept)) > most:
            raise Refusal(400, "the number of attributes in the scope is above the limit")
        document["scopes"][scope] = kept
        document["updated"] = self.clock.stamp()
        if scope == "tags":
            document["etag"] = new_id()
        self.state.put("inventory", device_id, document)

    # Operators

    def exists(self, device_id):
        return (self.state.get("inventory", device_id) is not None
                or self.auth.device(device_id) is not None)

    def known(self, device_id):
        if not self.exists(device_id):
            raise Refusal(404, "Device not found")
        return self.document(device_id)

    def attributes(self, device_id):
        """Every attribute of a device, those of identity and system included."""
        document = self.document(device_id)
        scopes = {scope: dict(named) for scope, named in document["scopes"].items()}
        device = self.auth.device(device_id)
        if device:
            identity = dict(device["identity_data"], status=device["status"])
            scopes["identity"] = {name: {"value": value} for name, value in identity.items()}
        system = {"created_ts": document["created"], "updated_ts": document["updated"]}
        if document["group"]:
            system["group"] = document["group"]
        if device and device["check_in_time"]:
            system["check_in_time"] = device["check_in_time"]
        scopes["system"] = {name: {"value": value} for name, value in system.items()}
        return [dict(attribute, name=name, scope=scope)
                for scope, named in scopes.items() for name, attribute in named.items()]

    def view(self, device_id):
        return {"id": device_id, "attributes": self.attributes(device_id),
                "updated_ts": self.document(device_id)["updated"]}

    def ids(self):
        self.auth.purge_expired_devices()
        return list(dict.fromkeys([*self.state.table("inventory"),
                                   *self.state.table("devices")]))

    def list_page(self, request):
        wanted = request.first("group")
        ids = [device_id for device_id in self.ids()
               if wanted is None or self.group(device_id) == wanted]
        page, headers = page_of(request, ids, total=True)
        return json_answer([self.view(device_id) for device_id in page], headers=headers)

    def show(self, request):
        document = self.known(request.parts[0])
        headers = [("ETag", document["etag"])] if document["etag"] else []
        return json_answer(self.view(request.parts[0]), headers=headers)

    def clear(self, request):
        if self.exists(request.parts[0]):
            self.store("PUT", request.parts[0], "inventory", {}, 0, ATTRIBUTES_MAX)
        return empty()

    def put_tags(self, request):
        device_id = request.parts[0]
        expected = request.header("if-match")
        attributes, count = parse_attributes(request.body)
        if expected and expected != self.document(device_id)["etag"]:
            raise Refusal(412, "ETag does not match")
        now = self.clock.stamp()
        stamped = {name: dict(value, timestamp=now) for name, value in attributes.items()}
        self.store(request.method, device_id, "tags", stamped, count, TAGS_MAX)
        return Answer(200)

    def show_group(self, request):
        return json_answer({"group": self.known(request.parts[0])["group"]})

    def put_group(self, request):
        name = parse_object(request.body).get("group")
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,1024}", name):
            raise Refusal(400, "group: must be letters, digits, _ and -")
        document = self.known(request.parts[0])
        document["group"] = name
        self.state.put("inventory", request.parts[0], document)
        return empty()

    def delete_group(self, request):
        document = self.known(request.parts[0])
        if document["group"] != request.parts[1]:
            raise Refusal(404, "Device not found")
        document["group"] = None
        self.state.put("inventory", request.parts[0], document)
        return empty()

    def groups(self, _):
        names = {document["group"] for document in self.state.table("inventory").values()}
        return json_answer(sorted(names - {None}))

    def group_devices(self, request):
        ids = [device_id for device_id in self.ids()
               if self.group(device_id) == request.parts[0]]
        if not ids:
            raise Refusal(404, "group not found")
        page, headers = page_of(request, ids, total=True)
        return json_answer(page, headers=headers)

    # Search

    def search(self, request):
        body = parse_object(request.body)
        filters = body.get("filters") or []
        for wanted in filters:
            if not isinstance(wanted, dict) or wanted.get("type") not in TESTS:
                raise Refusal(400, "filters: type must be one of " + " ".join(TESTS))
        chosen = body.get("device_ids")
        ids = [device_id for device_id in self.ids()
               if (not chosen or device_id in chosen) and self.fits(device_id, filters)]
        page, per_page = body.get("page") or 1, body.get("per_page") or 20
        if type(page) is not int or type(per_page) is not int or not 1 <= per_page <= 500:
            raise Refusal(400, "page: must be a positive number")
        views = [self.view(device_id)
                 for device_id in ids[(page - 1) * per_page : page * per_page]]
        select = body.get("attributes")
        if select:
            pairs = [(item.get("scope"), item.get("attribute")) for item in select]
            for view in views:
                view["attributes"] = [one for one in view["attributes"]
                                      if (one["scope"], one["name"]) in pairs]
        return json_answer(views, headers=[("X-Total-Count", str(len(ids)))])

    def fits(self, device_id, filters):
        attributes = {(one["scope"], one["name"]): one["value"]
                      for one in self.attributes(device_id)}
        attributes[("identity", "id")] = device_id
        for wanted in filters:
            key = (wanted.get("scope"), wanted.get("attribute"))
            if not TESTS[wanted["type"]](attributes.get(key), wanted.get("value")):
                return False
        return True


def compare(test):
    def compared(have, want):
        try:
            return have is not None and test(have, want)
        except TypeError:
            return False
    return compared


TESTS = {
    "$eq": lambda have, want: have == want or isinstance(have, list) and want in have,
    "$ne": lambda have, want: have != want,
    "$in": lambda have, want: have in (want or []),
    "$nin": lambda have, want: have not in (want or []),
    "$exists": lambda have, want: (have is not None) == bool(want),
    "$gt": compare(lambda have, want: have > want),
    "$gte": compare(lambda have, want: have >= want),
    "$lt": compare(lambda have, want: have < want),
    "$lte": compare(lambda have, want: have <= want),
    "$regex": compare(lambda have, want: bool(re.search(want, have))),
}
