"""What the server knows of each device, gathered over the management API."""

import hashlib

from .client import DEPLOYMENTS


def fingerprint(pubkey):
    return hashlib.sha256(pubkey.encode()).hexdigest()[:16]


def deployments_of(admin, device_id):
    """Its deployments, oldest first."""
    items = admin.everything("%s/deployments/devices/%s" % (DEPLOYMENTS, device_id))
    found = []
    for item in reversed(items):
        row, deployment = item["device"], item["deployment"]
        one = {"deployment": deployment["id"], "name": deployment["name"],
               "artifact": deployment["artifact_name"], "status": row["status"],
               "substate": row.get("substate", ""), "created": row["created"],
               "started": row.get("started"), "finished": row.get("finished"), "log": None}
        if row["log"]:
            one["log"] = admin.log(deployment["id"], device_id).body.decode()
        found.append(one)
    return found


def state(admin, known=()):
    """[device]: id, identity, status, auth_sets, deployments, inventory by scope; the name and
    label of those that are known to the lab."""
    devices = []
    for device in admin.devices():
        inventory = {}
        for (scope, name), value in sorted(admin.inventory(device["id"]).items()):
            inventory.setdefault(scope, {})[name] = value
        sets = [{"id": one["id"], "status": one["status"], "pubkey": one["pubkey"],
                 "fingerprint": fingerprint(one["pubkey"])} for one in device["auth_sets"]]
        ours = [one for one in known if one.identity == device["identity_data"]]
        devices.append({"id": device["id"], "identity": device["identity_data"],
                        "name": ours[0].id if ours else None,
                        "label": ours[0].label if ours else None,
                        "status": device["status"],
                        "decommissioning": device["decommissioning"],
                        "check_in_time": device.get("check_in_time"), "auth_sets": sets,
                        "deployments": deployments_of(admin, device["id"]),
                        "inventory": inventory})
    return devices


def shown(value):
    return ",".join(map(str, value)) if isinstance(value, list) else value


def text(devices):
    """The same for people."""
    lines = []
    for device in devices:
        name = " ".join("%s=%s" % pair for pair in sorted(device["identity"].items()))
        label = device["label"] or device["id"]
        lines.append("%s  %s  %s" % (label, device["status"], name))
        for one in device["auth_sets"]:
            lines.append("  key %s  %s" % (one["fingerprint"], one["status"]))
        for one in device["deployments"]:
            lines.append("  %s -> %s  %s%s%s" % (
                one["name"], one["artifact"], one["status"],
                "  (%s)" % one["substate"] if one["substate"] else "",
                "  log: %d lines" % one["log"].count("\n") if one["log"] else ""))
        reported = device["inventory"].get("inventory", {})
        if reported:
            lines.append("  " + " ".join("%s=%s" % (name, shown(value))
                                         for name, value in sorted(reported.items())))
    return "\n".join(lines)
