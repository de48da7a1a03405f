"""Deployments as the operator sees them: /api/management/v1/deployments."""

import datetime

from .clock import parse_stamp
from .deployments import FINISHED, FROM_DEVICES, FROM_SERVER, TEXT_MAX
from .gateway import Route, empty, json_answer, page_of
from .web import Answer
from .wire import Refusal, is_uuid, new_id, parse_object

BASE = "/api/management/v1/deployments/deployments"
ORDER = ("failure", "aborted", "pause_before_installing", "pause_before_committing",
         "pause_before_rebooting", "downloading", "installing", "rebooting", "pending",
         "success", "noartifact", "already-installed", "decommissioned")


class DeploymentsManagement:
    def __init__(self, deployments, auth, inventory):
        self.deployments = deployments
        self.auth = auth
        self.inventory = inventory
        self.state = deployments.state
        self.clock = deployments.clock

    def routes(self):
        one, device = BASE + "/([^/]+)", BASE + "/devices/([^/]+)"
        table = [
            ("GET", BASE, self.list_page),
            ("POST", BASE, self.create),
            ("POST", BASE + "/group/([^/]+)", self.create_for_group),
            ("DELETE", device, self.abort_device),
            ("DELETE", device + "/history", self.delete_history),
            ("GET", device, self.of_device),
            ("PUT", one + "/status", self.abort),
            ("GET", one, self.show),
            ("GET", one + "/statistics", self.statistics),
            ("GET", one + "/devices", self.devices),
            ("GET", one + "/devices/list", self.devices_page),
            ("GET", one + "/device_list", self.device_list),
            ("GET", one + "/devices/([^/]+)/log", self.log),
        ]
        return [Route(*line, who="user") for line in table]

    # Creating

    def create(self, request):
        return self.create_from(request, None)

    def create_for_group(self, request):
        return self.create_from(request, request.parts[0])

    def create_from(self, request, group):
        body = self.constructor(request, group)
        devices = body.get("devices") or self.resolve(group)
        artifacts = self.deployments.artifacts.by_name(body["artifact_name"])
        if not artifacts:
            raise Refusal(422, "No artifact for the deployment")
        if any(self.same(other, body, devices) for other in
               self.state.table("deployments").values() if other["status"] != "finished"):
            raise Refusal(409, "active deployment with the same parameters already exists")
        order = self.state.setting("deployments_made", 0)
        self.state.set_setting("deployments_made", order + 1)
        statistics = {status: 0 for status in FROM_DEVICES + FROM_SERVER}
        statistics["pending"] = len(devices)
        deployment = {
            "id": new_id(), "name": body["name"], "artifact_name": body["artifact_name"],
            "force_installation": body.get("force_installation", False), "order": order,
            "created": self.clock.stamp(), "finished": None, "status": "pending",
            "artifacts": [artifact["id"] for artifact in artifacts],
            "device_list": devices, "max_devices": len(devices), "device_count": 0,
            "groups": [group] if group else [], "statistics": statistics}
        self.state.put("deployments", deployment["id"], deployment)
        self.deployments.index(deployment)
        answer = empty(201)
        answer.headers.append(("Location", BASE + "/" + deployment["id"]))
        return answer

    def constructor(self, request, group):
        body = parse_object(request.body)
        if not isinstance(body.get("name"), str) or not body["name"]:
            raise Refusal(400, "Validating request body: name: cannot be blank.")
        name = body.get("artifact_name")
        if not isinstance(name, str) or not 1 <= len(name) <= TEXT_MAX:
            raise Refusal(400, "Validating request body: artifact_name: cannot be blank.")
        devices = body.get("devices") or []
        if not isinstance(devices, list) or not all(isinstance(device, str) and device
                                                    for device in devices):
            raise Refusal(400, "Validating request body: devices: cannot be blank.")
        for flag in ("all_devices", "force_installation"):
            if not isinstance(body.get(flag, False), bool):
                raise Refusal(400, "Validating request body: %s: no boolean" % flag)
        chosen = bool(devices) + bool(body.get("all_devices"))
        if chosen != (0 if group else 1):
            raise Refusal(400, "Validating request body: Invalid deployments definition: "
                               "provide list of devices or set all_devices flag")
        return body

    def resolve(self, group):
        """Ids of all accepted devices, or of those of a group."""
        devices = [device["id"] for device in self.state.table("devices").values()
                   if device["status"] == "accepted"
                   and group in (None, self.inventory.group(device["id"]))]
        if not devices:
            raise Refusal(400, "no devices for deployment")
        return devices

    def same(self, other, body, devices):
        return ((other["name"], other["artifact_name"], other["device_list"],
                 other["force_installation"])
                == (body["name"], body["artifact_name"], devices,
                    body.get("force_installation", False)))

    # Reading

    def known(self, request):
        if not is_uuid(request.parts[0]):
            raise Refusal(400, "ID is not a valid UUID")
        deployment = self.state.get("deployments", request.parts[0])
        if deployment is None:
            raise Refusal(404, "Resource not found")
        return deployment

    def view(self, deployment):
        shown = {name: deployment[name] for name in
                 ("id", "name", "artifact_name", "created", "status", "artifacts",
                  "max_devices", "device_count")}
        if deployment["force_installation"]:
            shown["force_installation"] = True
        if deployment["finished"]:
            shown["finished"] = deployment["finished"]
        shown.update(type="software", groups=deployment["groups"],
                     statistics={"status": deployment["statistics"],
                                 "total_size": self.total_size(deployment)})
        return shown

    def total_size(self, deployment):
        sizes = (self.state.get("artifacts", row["image"])["size"]
                 for row in self.rows(deployment["id"])
                 if row["image"] and self.state.get("artifacts", row["image"]))
        return sum(sizes)

    def rows(self, deployment_id):
        found = (self.deployments.row(deployment_id, device_id) for device_id in
                 self.state.get("deployments", deployment_id)["device_list"])
        return [row for row in found if row is not None]

    def row_view(self, row):
        shown = {"id": row["device"], "device_id": row["device"], "status": row["status"],
                 "created": row["created"], "log": row["log"]}
        for name in ("started", "finished", "substate"):
            if row[name]:
                shown[name] = row[name]
        image = row["image"] and self.state.get("artifacts", row["image"])
        if image:
            shown["image"] = {"id": image["id"], "size": image["size"],
                              "meta": {"description": image["description"]},
                              "meta_artifact": {key: image[key] for key in
                                                ("name", "device_types_compatible", "info",
                                                 "updates")}}
        return shown

    def list_page(self, request):
        status, search = request.first("status", ""), request.first("search", "")
        if status not in ("", "pending", "inprogress", "finished", "aborted"):
            raise Refusal(400, "unknown status " + status)
        newest_first = reversed(self.state.table("deployments").values())
        found = [deployment for deployment in newest_first
                 if search in deployment["name"] + " " + deployment["artifact_name"]
                 and (status in ("", deployment["status"])
                      or status == "aborted" and deployment["statistics"]["aborted"])]
        page, headers = page_of(request, found, total=True)
        return json_answer([self.view(item) for item in page], headers=headers)

    def show(self, request):
        return json_answer(self.view(self.known(request)))

    def statistics(self, request):
        return json_answer(self.known(request)["statistics"])

    def device_list(self, request):
        return json_answer(self.known(request)["device_list"])

    def devices(self, request):
        rows = self.rows(self.known(request)["id"])
        return json_answer([self.row_view(row) for row in rows])

    def devices_page(self, request):
        status = request.first("status")
        rows = [row for row in self.rows(self.known(request)["id"])
                if status in (None, row["status"])
                or status == "active" and row["active"]
                or status == "finished" and not row["active"]
                or status == "pause" and row["status"].startswith("pause")]
        rows.sort(key=lambda row: (ORDER.index(row["status"]), row["device"]))
        page, headers = page_of(request, rows, total=True)
        return json_answer([self.row_view(row) for row in page], headers=headers)

    def of_device(self, request):
        rows = sorted(self.deployments.rows(request.parts[0]), key=lambda row: -row["order"])
        page, headers = page_of(request, rows, total=True)
        items = [{"id": row["id"], "device": self.row_view(row), "deployment": self.view(
            self.state.get("deployments", row["deployment"]))} for row in page]
        return json_answer(items, headers=headers)

    def log(self, request):
        document = self.state.get("logs", " ".join(request.parts))
        if document is None:
            raise Refusal(404, "Resource not found")
        lines = []
        for message in document["messages"]:
            moment = datetime.datetime.fromtimestamp(parse_stamp(message["timestamp"]),
                                                     datetime.timezone.utc)
            fraction = ("%06d" % moment.microsecond).rstrip("0")
            lines.append("%s%s +0000 UTC %s: %s\n" % (
                moment.strftime("%Y-%m-%d %H:%M:%S"), "." + fraction if fraction else "",
                message["level"], message["message"]))
        return Answer(200, "".join(lines).encode(), content_type="text/plain")

    # Ending

    def abort(self, request):
        if not is_uuid(request.parts[0]):
            raise Refusal(400, "ID is not a valid UUID")
        if parse_object(request.body).get("status") != "aborted":
            raise Refusal(400, "Unexpected deployment status")
        deployment = self.state.get("deployments", request.parts[0])
        if deployment is None or deployment["status"] == "finished":
            raise Refusal(422, "Deployment already finished")
        rows = self.rows(deployment["id"])
        statistics = dict.fromkeys(deployment["statistics"], 0)
        for row in rows:
            if row["active"]:
                row.update(status="aborted", active=False, finished=self.clock.stamp())
                self.deployments.save(row)
            statistics[row["status"]] += 1
        deployment.update(statistics=statistics, status="finished",
                          finished=self.clock.stamp())
        self.state.put("deployments", deployment["id"], deployment)
        return empty()

    def abort_device(self, request):
        self.deployments.end_for_device(request.parts[0], "aborted")
        return empty()

    def delete_history(self, request):
        for row in self.deployments.rows(request.parts[0]):
            if row["status"] in FINISHED:
                row["deleted"] = self.clock.stamp()
                self.deployments.save(row)
        return empty()
