"""Device authentication as the operator sees it: /api/management/v2/devauth."""

from urllib.parse import parse_qs

from .auth import (ACCEPTED, DECOMMISSION_SECONDS, NOAUTH, PENDING, PREAUTHORIZED, REJECTED,
                   canonical_key)
from .gateway import Route, empty, json_answer, page_of
from .wire import Refusal, canonical_identity, new_id, parse_object

BASE = "/api/management/v2/devauth"
STATUSES = (PENDING, ACCEPTED, REJECTED, PREAUTHORIZED, NOAUTH)
FORM = "application/x-www-form-urlencoded"


class AuthManagement:
    def __init__(self, auth):
        self.auth = auth
        self.state = auth.state

    def routes(self):
        device, auth_set = BASE + "/devices/([^/]+)", "/auth/([^/]+)"
        table = [
            ("GET", BASE + "/devices", self.list_devices),
            ("GET", BASE + "/devices/count", self.count),
            ("POST", BASE + "/devices", self.preauthorize),
            ("GET", device, self.show),
            ("DELETE", device, self.decommission),
            ("GET", device + auth_set + "/status", self.show_status),
            ("PUT", device + auth_set + "/status", self.put_status),
            ("DELETE", device + auth_set, self.delete_set),
            ("DELETE", BASE + "/tokens/([^/]+)", self.delete_token),
            ("GET", BASE + "/limits/max_devices", self.show_limit),
        ]
        routes = [Route(*line, who="user") for line in table]
        routes.append(Route("POST", BASE + "/devices/search", self.search, who="user",
                            types=("application/json", FORM)))
        return routes

    # Reading

    def view(self, device):
        """A device as the API shows it."""
        shown = {name: device[name] for name in
                 ("id", "identity_data", "status", "decommissioning", "created_ts",
                  "updated_ts", "check_in_time")}
        if shown["check_in_time"] is None:
            del shown["check_in_time"]
        shown["auth_sets"] = [
            {name: auth_set[name] for name in ("id", "identity_data", "pubkey", "ts", "status")}
            for auth_set in self.auth.sets(device["id"])]
        return shown

    def select(self, request, statuses, ids):
        if any(status not in STATUSES for status in statuses):
            raise Refusal(400, "status must be one of: " + ", ".join(STATUSES))
        self.auth.purge_expired_devices()
        devices = [device for device in self.state.table("devices").values()
                   if (not statuses or device["status"] in statuses)
                   and (not ids or device["id"] in ids)]
        page, headers = page_of(request, devices)
        return json_answer([self.view(device) for device in page], headers=headers)

    def list_devices(self, request):
        statuses = [status for status in request.query.get("status", []) if status]
        return self.select(request, statuses, request.query.get("id", []))

    def search(self, request):
        def listed(value):
            if value is None:
                return []
            if isinstance(value, str):
                return [value]
            if isinstance(value, list) and all(isinstance(item, str) for item in value):
                return value
            raise Refusal(400, "api: malformed request body")

        if request.header("content-type", "").startswith(FORM):
            wanted = parse_qs(request.body.decode("latin-1"))
        else:
            wanted = parse_object(request.body)
        return self.select(request, listed(wanted.get("status")), listed(wanted.get("id")))

    def count(self, request):
        status = request.first("status", "")
        if status and status not in STATUSES:
            raise Refusal(400, "status must be one of: " + ", ".join(STATUSES))
        self.auth.purge_expired_devices()
        devices = self.state.table("devices").values()
        return json_answer({"count": sum(status in ("", device["status"])
                                         for device in devices)})

    def show(self, request):
        device = self.auth.device(request.parts[0])
        if device is None:
            raise Refusal(404, "device not found")
        return json_answer(self.view(device))

    def show_status(self, request):
        auth_set = self.state.get("auth_sets", request.parts[1])
        if auth_set is None:
            raise Refusal(404, "authorization set not found")
        return json_answer({"status": auth_set["status"]})

    def show_limit(self, request):
        return json_answer({"limit": self.state.setting("max_devices", -1)})

    # Changing

    def preauthorize(self, request):
        body = parse_object(request.body)
        identity = body.get("identity_data")
        if not isinstance(identity, dict) or not identity:
            raise Refusal(400, "failed to decode preauth request: identity_data is no object")
        try:
            _, pubkey = canonical_key(body.get("pubkey"))
        except ValueError as error:
            raise Refusal(400, "failed to decode preauth request: %s" % error) from None
        force = body.get("force", False)
        if not isinstance(force, bool):
            raise Refusal(400, "failed to decode preauth request: force is no boolean")
        _, identity_hash = canonical_identity(identity)
        device = self.auth.find_device(identity_hash)
        if device is not None:
            if not force:
                return json_answer(self.view(device), 409)
            self.force_set(device, identity, identity_hash, pubkey)
            # The id that a new device would have had: nothing has it.
            return self.created(new_id())
        device = self.auth.add_device(identity, identity_hash, PREAUTHORIZED)
        if self.auth.find_set(identity_hash, pubkey) is None:
            self.auth.add_set(device["id"], identity, identity_hash, pubkey, PREAUTHORIZED)
        return self.created(device["id"])

    def force_set(self, device, identity, identity_hash, pubkey):
        """Add or turn back a set to preauthorised; the device's status is not looked at."""
        auth_set = self.auth.find_set(identity_hash, pubkey)
        if auth_set:
            self.auth.set_status(auth_set, PREAUTHORIZED)
        else:
            self.auth.add_set(device["id"], identity, identity_hash, pubkey, PREAUTHORIZED)

    def created(self, device_id):
        answer = empty(201)
        answer.headers.append(("Location", "devices/" + device_id))
        return answer

    def put_status(self, request):
        device_id, set_id = request.parts
        status = parse_object(request.body).get("status")
        if status not in (ACCEPTED, REJECTED, PENDING):
            raise Refusal(400, "incorrect device status")
        auth_set = self.state.get("auth_sets", set_id)
        if auth_set is None:
            raise Refusal(404, "authorization set not found")
        before = auth_set["status"]
        if before == PREAUTHORIZED:
            raise Refusal(400, "dev auth: bad request")
        if before == status == REJECTED:
            raise Refusal(400, "dev auth: bad request")  # rejects pending and accepted only
        if before == status:
            return empty()
        if status == ACCEPTED:
            if self.auth.device(device_id) is None:
                raise Refusal(404, "device not found")
            if not self.auth.may_accept():  # also for one more set of an accepted device
                raise Refusal(422, "maximum number of accepted devices reached")
        if auth_set["device"] != device_id:
            raise Refusal(400, "dev auth: dev ID and auth ID mismatch")
        self.change(auth_set, status, before)
        return empty()

    def change(self, auth_set, status, before):
        device_id = auth_set["device"]
        if status == REJECTED:
            self.auth.forget_cached(device_id)
        if before == ACCEPTED:
            self.auth.drop_tokens(device_id)
        if status == ACCEPTED:
            self.auth.reject_accepted(device_id)
        self.auth.set_status(auth_set, status)
        self.auth.update_device_status(device_id, ACCEPTED if status == ACCEPTED else None,
                                       before)

    def delete_set(self, request):
        device_id, set_id = request.parts
        auth_set = self.state.get("auth_sets", set_id)
        self.auth.forget_cached(device_id)
        if auth_set is None or auth_set["device"] != device_id:
            raise Refusal(404, "authorization set not found")
        before = auth_set["status"]
        self.auth.remove_set(auth_set)
        if before == PREAUTHORIZED:
            # Whatever other sets it has: they stay behind, and the device answers no more.
            self.auth.remove_device(device_id, with_sets=False)
            return empty()
        if before == ACCEPTED:
            self.auth.drop_tokens(device_id)
        self.auth.update_device_status(device_id, None, before)
        return empty()

    def decommission(self, request):
        device_id = request.parts[0]
        device = self.auth.device(device_id)
        if device is None:
            raise Refusal(404, "device not found")
        self.auth.forget_cached(device_id)
        device["decommissioning"] = True
        device["gone_at"] = self.auth.clock.now() + self.state.setting(
            "decommission_seconds", DECOMMISSION_SECONDS)
        self.state.put("devices", device_id, device)
        for call in self.auth.on_decommission:
            call(device_id)
        return empty()

    def delete_token(self, request):
        token = self.state.get("tokens", request.parts[0])
        if token is None:
            raise Refusal(404, "token not found")
        self.auth.forget_cached(token["device"])
        self.state.drop("tokens", request.parts[0])
        return empty()
