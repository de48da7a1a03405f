"""Switchable faults: which requests they hit, and what then happens to the answer.

A fault is a dict:
  method, path   regular expressions on the whole method and somewhere in the target ("" = any)
  device         device id it is for ("" = any)
  count, skip    hits before it is spent (0 = never), matching requests let pass first
  action         one of ACTIONS, with the fields named there
"""

import json
import re

from .web import Answer
from .wire import go_json

ACTIONS = {
    "status": ("status", "body", "content_type", "retry_after"),  # instead of the answer
    "replace": ("body", "status", "content_type"),  # 200 with another body, e.g. a portal's
    "merge": ("fields",),  # applied; more fields in the JSON object that is the answer
    "reset-before": (),  # connection reset, nothing was applied
    "reset-after": (),  # applied, then connection reset without an answer
    "reset-body": ("after_bytes",),  # applied; reset after so many bytes of the body
    "truncate": ("after_bytes",),  # applied; orderly close after so many bytes of the body
    "slow": ("bytes_per_second",),  # applied; the body trickles
    "delay": ("seconds",),  # applied, answered late
    "hold": (),  # applied, answered once the fault is cleared
    "expired": (),  # a download URL is taken for expired: 403
}
COMMON = {"id", "method", "path", "device", "count", "skip", "action", "apply", "hits"}
INSTEAD = ("status", "replace", "reset-before")  # the request has no effect unless "apply"


class Faults:
    """Call with the state's lock held."""

    def __init__(self):
        self.list = []
        self.next_id = 1

    def add(self, fault):
        """Check and switch on a fault; returns its id; ValueError says what is wrong."""
        action = fault.get("action")
        if action not in ACTIONS:
            raise ValueError("action: one of " + ", ".join(ACTIONS))
        unknown = set(fault) - COMMON - set(ACTIONS[action])
        if unknown:
            raise ValueError("action %s knows no %s" % (action, ", ".join(sorted(unknown))))
        for field in ("method", "path"):
            re.compile(fault.get(field, ""))
        fault = dict(fault, id=self.next_id, hits=0)
        self.next_id += 1
        self.list.append(fault)
        return fault["id"]

    def clear(self, fault_id=None):
        self.list = [fault for fault in self.list if fault_id not in (None, fault["id"])]

    def holds(self, fault):
        return any(fault["id"] == one["id"] for one in self.list)

    def match(self, request):
        """The fault that hits this request, or None."""
        for fault in self.list:
            if not self.fits(fault, request):
                continue
            if fault.get("skip", 0) > 0:
                fault["skip"] -= 1
                continue
            if fault.get("count", 1) and fault["hits"] >= fault.get("count", 1):
                continue
            fault["hits"] += 1
            return fault
        return None

    def fits(self, fault, request):
        return (re.fullmatch(fault.get("method") or ".*", request.method)
                and re.search(fault.get("path", ""), request.target)
                and fault.get("device", "") in ("", request.device))


def applies(fault):
    """Whether the request has its effect."""
    return fault is None or fault.get("apply", fault["action"] not in INSTEAD)


def instead(fault):
    """The answer a fault gives in place of the real one, or None."""
    if fault is None or fault["action"] not in INSTEAD:
        return None
    status = int(fault.get("status", 200 if fault["action"] == "replace" else 503))
    body = fault.get("body")
    if body is None:
        body = go_json({"error": "fault", "request_id": "fault-%d" % fault["id"]})
    elif isinstance(body, str):
        body = body.encode()
    else:
        body = go_json(body)
    headers = []
    if "retry_after" in fault:
        headers.append(("Retry-After", str(fault["retry_after"])))
    return Answer(status, body, headers, fault.get("content_type", "application/json"))


def changed(fault, answer):
    """The real answer, with what a fault adds to it."""
    if fault is None or fault["action"] != "merge" or not answer.body.startswith(b"{"):
        return answer
    answer.body = go_json(merged(json.loads(answer.body), fault["fields"]))
    return answer


def merged(value, more):
    """Objects merge, null takes a field away, anything else replaces."""
    result = dict(value)
    for name, item in more.items():
        if item is None:
            result.pop(name, None)
        elif isinstance(item, dict) and isinstance(result.get(name), dict):
            result[name] = merged(result[name], item)
        else:
            result[name] = item
    return result


def shape(fault):
    """What the connection does to the answer: the fields web.Connection.send knows."""
    action = fault["action"] if fault else None
    if action in ("reset-before", "reset-after"):
        return {"reset_before_answer": True}
    if action == "reset-body":
        return {"after_bytes": int(fault.get("after_bytes", 0)), "how": "reset"}
    if action == "truncate":
        return {"after_bytes": int(fault.get("after_bytes", 0)), "how": "close"}
    if action == "slow":
        return {"bytes_per_second": float(fault["bytes_per_second"])}
    return {}
