"""A device's journey through one deployment, read from a request log.

A step is one request with its kind: auth, next-v1, next-v1-get, next-v2, status, log,
inventory, download, or other.  Steps are those of one device; auth requests and downloads,
which carry no token, are found by identity and by the URL that was given.
"""

import json
import re

API = "/api/devices/"
KINDS = (
    ("auth", "POST", r"/api/devices/v1/authentication/auth_requests"),
    ("next-v1", "POST", r"/api/devices/v1/deployments/device/deployments/next"),
    ("next-v1-get", "GET", r"/api/devices/v1/deployments/device/deployments/next"),
    ("next-v2", "POST", r"/api/devices/v2/deployments/device/deployments/next"),
    ("status", "PUT", r"/api/devices/v1/deployments/device/deployments/[^/]+/status"),
    ("log", "PUT", r"/api/devices/v1/deployments/device/deployments/[^/]+/log"),
    ("inventory", "PUT", r"/api/devices/v1/inventory/device/attributes"),
    ("download", "GET", r"/mender-artifact-storage/[^/]+"),
)
FINAL = ("success", "failure", "already-installed")
INTERMEDIATE = ("downloading", "installing", "rebooting", "pause_before_installing",
                "pause_before_rebooting", "pause_before_committing")


class Step:
    def __init__(self, line):
        self.line = line
        self.n = line["n"]
        self.body = line["body"]
        self.answered = line["status"]
        self.headers = line["headers"]
        self.kind = next((kind for kind, method, path in KINDS if method == line["method"]
                          and re.fullmatch(path, line["path"])), "other")

    @property
    def is_next(self):
        return self.kind.startswith("next-")

    def provides(self):
        """What a next request says of the device, whatever its dialect."""
        if self.kind == "next-v1-get":
            return dict(self.line["query"])
        if self.kind == "next-v2":
            return dict(self.body.get("device_provides") or {})
        provides = {key: value for key, value in self.body.items()
                    if key != "artifact_provides"}
        provides.update(self.body.get("artifact_provides") or {})
        return provides

    def deployment(self):
        """The id in the path of a status or log."""
        return self.line["path"].split("/")[-2]

    def reported(self):
        return self.body.get("status") if isinstance(self.body, dict) else None

    def name(self):
        return "%s %s (request %d)" % (self.line["method"], self.line["path"], self.n)


def read(path):
    """The lines of a log that belong to devices."""
    with open(path, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    return [line for line in lines if not line["path"].startswith("/api/management/")]


def identity_of(line):
    try:
        return json.dumps(json.loads(line["body"]["id_data"]), sort_keys=True)
    except (TypeError, KeyError, ValueError):
        return None


def owners(lines):
    """({identity: device}, {URL signature: device}) as the log tells them."""
    by_identity, by_signature = {}, {}
    for line in lines:
        answer = line.get("answer")
        if line["path"].endswith("/auth_requests") and line["device"]:
            by_identity[identity_of(line)] = line["device"]
        if line["path"].endswith("/next") and isinstance(answer, dict) and "artifact" in answer:
            uri = answer["artifact"]["source"]["uri"]
            by_signature[uri.rsplit("X-Amz-Signature=", 1)[-1]] = line["device"]
    return by_identity, by_signature


def steps(lines, device=None):
    """The steps of one device: the one named, or the only one that was offered anything."""
    by_identity, by_signature = owners(lines)
    if device is None:
        offered = set(by_signature.values())
        if len(offered) != 1:
            raise ValueError("the log has %d devices with a deployment: name one"
                             % len(offered))
        device = offered.pop()
    found = []
    for line in lines:
        owner = line["device"]
        if line["path"].endswith("/auth_requests"):
            owner = by_identity.get(identity_of(line))
        elif line["query"].get("X-Amz-Signature"):
            owner = by_signature.get(line["query"]["X-Amz-Signature"])
        if owner == device:
            found.append(Step(line))
    return found
