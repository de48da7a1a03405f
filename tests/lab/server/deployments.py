"""Deployments as devices see them: next, status, log."""

from .gateway import Route, empty, json_answer
from .clock import parse_stamp
from .wire import Refusal, is_uuid, new_id, parse_json, parse_object

BASE = "/api/devices/v1/deployments/device/deployments"
NEXT_V2 = "/api/devices/v2/deployments/device/deployments/next"
TEXT_MAX = 4096  # characters of a name, type or provide
SUBSTATE_MAX = 200  # characters

FROM_DEVICES = ("downloading", "installing", "rebooting", "pause_before_installing",
                "pause_before_rebooting", "pause_before_committing", "success", "failure",
                "already-installed")
FROM_SERVER = ("pending", "noartifact", "aborted", "decommissioned")
FINISHED = ("success", "failure", "already-installed", "noartifact", "aborted",
            "decommissioned")
FROZEN = ("aborted", "decommissioned")  # no report changes these


def check_text(name, value):
    if not isinstance(value, str) or not 1 <= len(value) <= TEXT_MAX:
        raise Refusal(400, "%s: the length must be between 1 and %d." % (name, TEXT_MAX))
    return value


class Deployments:
    """Call with the state's lock held."""

    def __init__(self, state, clock, artifacts):
        self.state = state
        self.clock = clock
        self.artifacts = artifacts
        self.of_device = {}  # device id -> keys of its rows
        self.targets = {}  # device id -> ids of deployments for it
        for key, row in state.table("device_deployments").items():
            self.of_device.setdefault(row["device"], []).append(key)
        for deployment in state.table("deployments").values():
            self.index(deployment)
        artifacts.is_in_use = self.uses_artifact
        artifacts.on_upload.append(self.artifact_added)

    def routes(self):
        return [
            Route("GET", BASE + "/next", self.next_v1_get, types=None),
            Route("POST", BASE + "/next", self.next_v1_post),
            Route("POST", NEXT_V2, self.next_v2, types=None),
            Route("PUT", BASE + "/([^/]+)/status", self.put_status),
            Route("PUT", BASE + "/([^/]+)/log", self.put_log),
        ]

    def index(self, deployment):
        for device_id in deployment["device_list"]:
            self.targets.setdefault(device_id, []).append(deployment["id"])

    # Rows: one device's part of one deployment

    def rows(self, device_id):
        """A device's rows whose history was not deleted."""
        found = (self.state.get("device_deployments", key)
                 for key in self.of_device.get(device_id, ()))
        return [row for row in found if not row.get("deleted")]

    def row(self, deployment_id, device_id):
        row = self.state.get("device_deployments", deployment_id + " " + device_id)
        return None if row is None or row.get("deleted") else row

    def save(self, row):
        return self.state.put("device_deployments", row["deployment"] + " " + row["device"],
                              row)

    def create_row(self, deployment, device_id, status):
        key = deployment["id"] + " " + device_id
        row = {"id": new_id(), "device": device_id, "deployment": deployment["id"],
               "status": status, "active": status not in FINISHED, "substate": "",
               "created": deployment["created"], "order": deployment["order"],
               "started": None, "finished": None, "log": False, "image": None,
               "request": None}
        if status in FINISHED:
            row["finished"] = self.clock.stamp()
        if key not in self.of_device.setdefault(device_id, []):
            self.of_device[device_id].append(key)
            deployment["device_count"] += 1
        self.move_statistics(deployment, "pending", status)
        return self.save(row)

    def move_statistics(self, deployment, before, after):
        statistics = deployment["statistics"]
        if before != after:
            statistics[before] -= 1
            statistics[after] += 1
        status = self.overall(deployment)
        if status != deployment["status"]:
            deployment["status"] = status
            if status == "finished" and not deployment["finished"]:
                deployment["finished"] = self.clock.stamp()
        self.state.put("deployments", deployment["id"], deployment)

    def overall(self, deployment):
        statistics = deployment["statistics"]
        finished = sum(statistics[status] for status in FINISHED)
        if deployment["finished"] or finished >= deployment["max_devices"] > 0:
            return "finished"
        others = sum(count for status, count in statistics.items() if status != "pending")
        return "inprogress" if others > 0 else "pending"

    # next

    def next_v1_get(self, request):
        return self.next(request, {"artifact_name": request.first("artifact_name", ""),
                                   "device_type": request.first("device_type", "")})

    def next_v1_post(self, request):
        body = parse_object(request.body)
        provides = {name: body.get(name, "") for name in ("artifact_name", "device_type")}
        if body.get("artifact_provides"):
            provides["artifact_provides"] = body["artifact_provides"]
        return self.next(request, provides)

    def next_v2(self, request):
        """The enterprise server's route; the open-source one has none."""
        if not self.state.setting("v2", False):
            raise Refusal(404, "not found", body=b"404 page not found")
        flat = parse_object(request.body).get("device_provides")
        if not isinstance(flat, dict):
            raise Refusal(400, "device_provides: cannot be blank.")
        provides = {name: flat.get(name, "") for name in ("artifact_name", "device_type")}
        rest = {key: value for key, value in flat.items() if key not in provides}
        if rest:
            provides["artifact_provides"] = rest
        return self.next(request, provides)

    def check_provides(self, provides):
        check_text("artifact_name", provides["artifact_name"])
        check_text("device_type", provides["device_type"])
        others = provides.get("artifact_provides", {})
        if not isinstance(others, dict):
            raise Refusal(400, "artifact_provides: not an object")
        for name, value in others.items():
            check_text(name, value)

    def next(self, request, provides):
        self.check_provides(provides)
        row = self.oldest_active(request.device) or self.begin_newer(request.device)
        if row is None:
            return empty()
        deployment = self.state.get("deployments", row["deployment"])
        if row["request"] is None:
            row["request"] = provides
            self.save(row)
        elif row["request"] != provides:
            self.change_status(row, "failure")
            raise Refusal(409, "device provided conflicting request data")
        if row["image"] is None:
            self.assign(deployment, row, provides)
        if row["image"] is None:
            return empty()
        image = self.state.get("artifacts", row["image"])
        installed = provides["artifact_name"] == image["name"]
        if installed and row["status"] == "pending" and not deployment["force_installation"]:
            self.change_status(row, "already-installed")
            return empty()
        return json_answer(self.instructions(row, image))

    def oldest_active(self, device_id):
        active = [row for row in self.rows(device_id) if row["active"]]
        return min(active, key=lambda row: row["order"], default=None)

    def begin_newer(self, device_id):
        """The row for the oldest unfinished deployment newer than the last one finished here;
        older ones are never offered again."""
        last = max((row["order"] for row in self.rows(device_id) if not row["active"]),
                   default=-1)
        for deployment_id in self.targets.get(device_id, ()):
            deployment = self.state.get("deployments", deployment_id)
            if deployment["order"] > last and deployment["status"] != "finished":
                return self.create_row(deployment, device_id, "pending")
        return None

    def assign(self, deployment, row, provides):
        """Choose the artifact for the device's type, or end the row with noartifact."""
        for artifact_id in deployment["artifacts"]:
            artifact = self.state.get("artifacts", artifact_id)
            if artifact and provides["device_type"] in artifact["device_types_compatible"]:
                row["image"] = artifact_id
                self.save(row)
                return
        self.change_status(row, "noartifact")

    def instructions(self, row, image):
        link = self.artifacts.link(image)
        return {"id": row["deployment"],
                "artifact": {"id": image["id"], "artifact_name": image["name"],
                             "source": link,
                             "device_types_compatible": image["device_types_compatible"]}}

    # status

    def put_status(self, request):
        body = parse_object(request.body)
        status, substate = body.get("status"), body.get("substate") or ""
        if "status" in body and (not isinstance(status, str)
                                 or status not in FROM_DEVICES + FROM_SERVER):
            raise Refusal(400, "invalid status for device")
        if status in FROM_SERVER:
            raise Refusal(400, "status: must be a valid value")
        if not isinstance(substate, str) or len(substate) > SUBSTATE_MAX:
            raise Refusal(400, "substate: the length must be no more than %d." % SUBSTATE_MAX)
        row = self.row(request.parts[0], request.device)
        if row is None:
            raise Refusal(404, "Resource not found")
        if status is None and row["status"] not in FROZEN:
            raise Refusal(500, "internal error")
        self.change_status(row, status, substate)
        return empty()

    def change_status(self, row, status, substate=""):
        """Write a status down.  There are no rules of transition, but for the frozen ones."""
        before = row["status"]
        if before in FROZEN:
            raise Refusal(409, "deployment aborted" if before == "aborted"
                          else "device decommissioned")
        if before == status:
            return  # nothing to do: a substate given with it is lost, too
        row["status"] = status
        row["active"] = status not in FINISHED
        if status in FINISHED:
            row["finished"] = self.clock.stamp()
        if substate:
            row["substate"] = substate
        if row["started"] is None:
            row["started"] = self.clock.stamp()
        self.save(row)
        self.move_statistics(self.state.get("deployments", row["deployment"]), before, status)

    # log

    def put_log(self, request):
        deployment_id = request.parts[0]
        body = parse_json(request.body)
        messages = body.get("messages") if isinstance(body, dict) else None
        if not isinstance(messages, list) or not messages:
            raise Refusal(400, "no messages: invalid deployment log")
        kept = [self.log_line(message) for message in messages]
        if not is_uuid(deployment_id):
            raise Refusal(500, "internal error")
        row = self.row(deployment_id, request.device)
        if row is None:
            raise Refusal(404, "Deployment not found")
        self.state.put("logs", deployment_id + " " + request.device, {"messages": kept})
        row["log"] = True
        self.save(row)
        return empty()

    def log_line(self, message):
        if not isinstance(message, dict):
            raise Refusal(400, "invalid log message")
        values = {}
        for name in ("timestamp", "level", "message"):
            values[name] = message.get(name)
            if not isinstance(values[name], str) or not values[name]:
                raise Refusal(400, "%s: cannot be blank." % name)
        try:
            parse_stamp(values["timestamp"])
        except ValueError as error:
            raise Refusal(400, "timestamp: %s" % error) from None
        return values

    # What others cause

    def decommission(self, device_id):
        self.end_for_device(device_id, "decommissioned")

    def end_for_device(self, device_id, status):
        """End the device's active row, or else the next one that it would have got."""
        row = self.oldest_active(device_id)
        if row is not None:
            self.change_status(row, status)
        last = max((other["order"] for other in self.rows(device_id)), default=-1)
        for deployment_id in self.targets.get(device_id, ()):
            deployment = self.state.get("deployments", deployment_id)
            if deployment["order"] > last and deployment["status"] != "finished":
                self.create_row(deployment, device_id, status)
                return

    def uses_artifact(self, artifact_id):
        return any(artifact_id in deployment["artifacts"]
                   for deployment in self.state.table("deployments").values()
                   if deployment["status"] != "finished")

    def artifact_added(self, artifact):
        """A new artifact of the same name becomes part of unfinished deployments."""
        for deployment in self.state.table("deployments").values():
            if (deployment["artifact_name"] == artifact["name"]
                    and deployment["status"] != "finished"):
                deployment["artifacts"].append(artifact["id"])
                self.state.put("deployments", deployment["id"], deployment)
