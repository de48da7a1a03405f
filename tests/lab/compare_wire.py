#!/usr/bin/python3
"""Compare what two clients of the lab's server said on the same journey.

usage: compare_wire.py REAL OTHER [--device ID] [--may-add WHAT]... [--may-omit WHAT]...

REAL is the request log of Debian's mender-client, OTHER that of whoever must look the same.
What must agree: endpoints and methods, JSON fields and the types of their values, the headers
that matter, and the order where the protocol cares.  A WHAT is a kind of request ("log") or a
field of one ("status.substate", "next-v2.update_control_map"): differences that are meant.

Prints each difference on a line, then "N checked, N differ"; exit status 1 when any does.
"""

import argparse
import json
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from labtool import journey  # noqa: E402
from labtool.journey import FINAL, INTERMEDIATE  # noqa: E402

JSON_TYPES = {str: "string", bool: "boolean", int: "number", float: "number",
              type(None): "null"}
# The names below these fields are data of the device; the values are what is compared.
MAPS = {("next-v2", "device_provides"), ("next-v1", "artifact_provides"), ("auth", "id_data")}
# What the API takes as the value of an inventory attribute: any of these is as good.
VALUES = {"string", "number", "[string]", "[number]"}
REQUIRED_ATTRIBUTES = ("artifact_name", "device_type")


def type_of(value):
    if isinstance(value, list):
        inner = sorted({type_of(item) for item in value})
        return "[%s]" % "|".join(inner)
    return "object" if isinstance(value, dict) else JSON_TYPES[type(value)]


def fields(kind, body):
    """{field: set of types} of a body, nested names joined by dots."""
    found = {}

    def note(name, value):
        found.setdefault(name, set()).add(type_of(value))

    def walk(prefix, value):
        if (kind, prefix) in MAPS:
            for item in value.values():
                note(prefix + ".*", item)
        elif isinstance(value, dict):
            for name, item in value.items():
                name = prefix + "." + name if prefix else name
                if (kind, name) == ("auth", "id_data"):
                    note(name, item)
                    item = json.loads(item)
                if isinstance(item, dict) or is_objects(item):
                    walk(name, item)
                else:
                    note(name, item)
        elif isinstance(value, list):
            for item in value:
                walk(prefix + "[]", item)
        else:
            note(prefix, value)

    walk("", provided(kind, body))
    return found


def provided(kind, body):
    """A v1 next with its further provides put where the API reads them: the Go client leaves
    them at the top."""
    if kind != "next-v1":
        return body
    named = ("artifact_name", "device_type", "artifact_provides")
    loose = {name: value for name, value in body.items() if name not in named}
    shaped = {name: body[name] for name in named if name in body}
    if loose:
        shaped["artifact_provides"] = dict(shaped.get("artifact_provides", {}), **loose)
    return shaped


def is_objects(value):
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict)
                                                           for item in value)


class Comparison:
    def __init__(self, real, other, may_add=(), may_omit=()):
        self.real = real
        self.other = other
        self.may_add = set(may_add)
        self.may_omit = set(may_omit)
        self.checked = 0
        self.found = []

    def check(self, holds, message, *values):
        self.checked += 1
        if not holds:
            self.found.append(message % values)

    def run(self):
        self.endpoints()
        self.bodies()
        self.headers()
        for name, steps in (("the real client", self.real), ("the other", self.other)):
            Order(self, name, steps).run()
        self.outcomes()
        return self.found

    def of_kind(self, steps, kind):
        return [step for step in steps if step.kind == kind]

    def endpoints(self):
        real = {step.kind for step in self.real} - {"other"}
        other = {step.kind for step in self.other} - {"other"}
        for kind in sorted(real | other):
            missing, added = kind not in other, kind not in real
            self.check(not missing or kind in self.may_omit,
                       "endpoint: the other never sends %s", kind)
            self.check(not added or kind in self.may_add or kind == "auth",
                       "endpoint: the real client never sends %s", kind)
        for step in self.other:
            self.check(step.kind != "other", "endpoint: %s is none the real client knows",
                       step.name())

    def bodies(self):
        for kind, _, _ in journey.KINDS:
            real, other = self.of_kind(self.real, kind), self.of_kind(self.other, kind)
            if real and other and kind not in ("download", "next-v1-get"):
                self.compare_fields(kind, real, other)
            for step in other:
                self.check(kind not in ("download", "next-v1-get") or step.body is None,
                           "body: %s has one", step.name())

    def compare_fields(self, kind, real, other):
        known = self.merged(kind, real)
        said = self.merged(kind, other)
        # Fields every request of the real client has must be in every one of the other.
        always = set.intersection(*(set(fields(kind, step.body)) for step in real))
        for step in other:
            for name in sorted(always - set(fields(kind, step.body))):
                self.check(kind + "." + name in self.may_omit or name.endswith(".*"),
                           "field: %s.%s is missing in request %d", kind, name, step.n)
        for name, types in sorted(said.items()):
            allowed = known.get(name)
            if allowed is None:
                self.check(kind + "." + name in self.may_add or name.endswith(".*"),
                           "field: the real client has no %s.%s", kind, name)
                continue
            if (kind, name) == ("inventory", "[].value"):
                allowed = VALUES
            self.check(types <= allowed, "type: %s.%s is %s, not %s", kind, name,
                       "|".join(sorted(types)), "|".join(sorted(allowed)))

    def merged(self, kind, steps):
        merged = {}
        for step in steps:
            for name, types in fields(kind, step.body).items():
                merged.setdefault(name, set()).update(types)
        return merged

    def headers(self):
        for step in self.other:
            content_type = step.headers.get("content-type", "").split(";")[0]
            if step.body is not None:
                self.check(content_type == "application/json",
                           "header: Content-Type of %s is %r", step.name(), content_type)
            if step.kind == "auth":
                self.check(step.headers.get("x-men-signature"),
                           "header: no X-MEN-Signature on %s", step.name())
                continue
            self.check("x-men-signature" not in step.headers,
                       "header: X-MEN-Signature on %s", step.name())
            scheme = step.headers.get("authorization", "").split(" ")[0]
            if step.kind == "download":
                self.check(not scheme, "header: Authorization on %s", step.name())
            else:
                self.check(scheme == "Bearer", "header: no bearer token on %s", step.name())

    def outcomes(self):
        """The same journey ends the same way, and the device's facts arrive."""
        ends = [[step.reported() for step in steps if step.kind == "status"
                 and step.reported() in FINAL][-1:] for steps in (self.real, self.other)]
        self.check(ends[0] == ends[1], "outcome: %s, not %s", ends[1], ends[0])
        for step in self.other:
            for name in REQUIRED_ATTRIBUTES if step.is_next else ():
                self.check(isinstance(step.provides().get(name), str),
                           "next: no %s in request %d", name, step.n)
        for step in self.of_kind(self.other, "inventory"):
            names = {attribute.get("name") for attribute in step.body}
            for name in REQUIRED_ATTRIBUTES:
                self.check(name in names, "inventory: no %s in request %d", name, step.n)


class Order:
    """What the protocol wants in order.  The real client must keep it too, or the rule is
    wrong."""

    def __init__(self, comparison, name, steps):
        self.check = comparison.check
        self.name = name
        self.steps = steps
        self.statuses = [step for step in steps if step.kind == "status"]

    def run(self):
        self.admitted_first()
        self.offered_first()
        self.statuses_in_order()
        self.frozen_until_final()
        self.report_then_inventory()

    def index(self, wanted):
        return next((at for at, step in enumerate(self.steps) if wanted(step)), None)

    def admitted_first(self):
        auth = self.index(lambda step: step.kind == "auth" and step.answered == 200)
        first = self.index(lambda step: step.kind not in ("auth", "download"))
        if auth is not None and first is not None:
            self.check(auth < first, "order: %s acts before it has a token", self.name)

    def offered_first(self):
        offered = self.index(lambda step: step.is_next and step.answered == 200)
        for kind in ("download", "status", "log"):
            at = self.index(lambda step, kind=kind: step.kind == kind)
            if at is not None:
                self.check(offered is not None and offered < at,
                           "order: %s sends %s before it was offered a deployment", self.name,
                           kind)
        claimed = self.index(lambda step: step.reported() == "downloading"
                             and step.kind == "status")
        fetched = self.index(lambda step: step.kind == "download")
        if fetched is not None:
            self.check(claimed is not None and claimed < fetched,
                       "order: %s fetches the artifact before it says downloading", self.name)

    def statuses_in_order(self):
        """Each status for the first time in the usual order, nothing after the final one."""
        order = list(INTERMEDIATE) + list(FINAL)
        for deployment in {step.deployment() for step in self.statuses}:
            said = [step.reported() for step in self.statuses
                    if step.deployment() == deployment]
            first = [status for at, status in enumerate(said) if status not in said[:at]]
            usual = sorted((status for status in first if status in order), key=order.index)
            self.check(first == usual, "order: %s says %s", self.name, ", ".join(first))
            final = [at for at, status in enumerate(said) if status in FINAL]
            if final:
                later = [status for status in said[final[0] :] if status != said[final[0]]]
                self.check(not later, "order: %s says %s after %s", self.name,
                           ", ".join(map(str, later)), said[final[0]])

    def ended(self, at):
        """Whether the deployment offered at a step was ended before another: where that was."""
        deployment = self.steps[at].line["answer"]["id"]
        for later, step in enumerate(self.steps[at + 1 :], at + 1):
            if step.kind == "status" and step.deployment() == deployment and (
                    step.reported() in FINAL or step.answered == 409):
                return later
        return len(self.steps)

    def frozen_until_final(self):
        for at, step in enumerate(self.steps):
            if not (step.is_next and step.answered == 200):
                continue
            for later in self.steps[at + 1 : self.ended(at)]:
                if later.is_next and later.answered != 404:
                    self.check(later.provides() == step.provides(),
                               "order: %s asks for the next with other facts (request %d) "
                               "before the final status", self.name, later.n)

    def report_then_inventory(self):
        final = [at for at, step in enumerate(self.steps) if step.kind == "status"
                 and (step.reported() in FINAL)]
        if not final:
            return
        rest = self.steps[final[-1] :]
        kinds = [step.kind for step in rest]
        self.check("inventory" in kinds, "order: %s sends no inventory after the final status",
                   self.name)
        asked = next((at for at, step in enumerate(rest) if step.is_next), None)
        told = kinds.index("inventory") if "inventory" in kinds else len(kinds)
        if asked is not None:
            self.check(told < asked, "order: %s asks for the next before the inventory",
                       self.name)
        logs = [at for at, step in enumerate(self.steps) if step.kind == "log"]
        for at in logs:
            self.check(at > final[0], "order: %s sends the log before the final status",
                       self.name)
        if any(step.reported() == "failure" and step.answered == 204
               for step in self.statuses):
            self.check(logs, "order: %s sends no log of a failure", self.name)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("real")
    parser.add_argument("other")
    parser.add_argument("--device", help="device id in OTHER, when it has several")
    parser.add_argument("--may-add", action="append", default=[], metavar="WHAT")
    parser.add_argument("--may-omit", action="append", default=[], metavar="WHAT")
    options = parser.parse_args()
    try:
        real = journey.steps(journey.read(options.real))
        other = journey.steps(journey.read(options.other), options.device)
    except (OSError, ValueError, KeyError) as error:
        print("compare_wire: %s" % error, file=sys.stderr)
        return 2
    comparison = Comparison(real, other, options.may_add, options.may_omit)
    for difference in comparison.run():
        print(difference)
    print("%d checked, %d differ" % (comparison.checked, len(comparison.found)))
    return 1 if comparison.found else 0


if __name__ == "__main__":
    sys.exit(main())
