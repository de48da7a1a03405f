"""After a case: what server, courier and device say, and whether it is one story.

gather() looks, judge() decides: by facts alone, so that a test can spoil each of them and see
that it is noticed (test_verdict.py).
"""

import base64
import hashlib
import json
import os
import re

TERMINAL = {"CONFIRMED": "success", "ROLLED_BACK": "failure", "REFUSED": "failure",
            "FAILED": "failure"}
RANKS = {name: rank for rank, name in enumerate(
    ("downloading", "installing", "rebooting", "success", "failure"))}
FINAL = RANKS["success"]
RING_FILE = re.compile(r"\d{16}\.(receipt|log|inventory)")
TOLD = re.compile(r".*/deployments/device/deployments/([^/]+)/(status|log)")
QUIET = ("done", "outstanding", "failed", "unsent", "unverified", "problems")


class Unlike(Exception):
    """Server, courier and device do not agree, or something never ends."""


def need(ok, text, *more):
    if not ok:
        raise Unlike(text % more if more else text)


def listing(directory, skip=()):
    """Names of all files and directories below."""
    found = set()
    for path, directories, files in os.walk(directory):
        for name in directories + files:
            inner = os.path.relpath(os.path.join(path, name), directory)
            if inner.split("/")[0] not in skip:
                found.add(inner)
    return found


def contents(directory):
    found = {}
    for name in listing(directory):
        with open(os.path.join(directory, name), "rb") as file:
            found[name] = file.read()
    return found


# Looking

def gather(world):
    row, device = world.row()
    return {
        # what was to happen
        "deployment": world.deployment, "installs": world.installs,
        "wanted": world.wanted, "before": world.before, "new": world.new, "old": world.old,
        "struck": world.where,
        # the device
        "ring": contents(world.device.path("state", "ring")),
        "running": world.device.software(), "provides": provided(world),
        "journal": world.device.journal()[world.journal_at :],
        "state": listing(world.device.path("state"), ("ring",)) - world.names[0],
        "software": listing(world.device.path("software")),
        # the server
        "row": row, "inventory": device["inventory"].get("inventory", {}),
        "told": told(world),
        # the courier
        "store": world.store(), "status": world.status(),
        "courier": world.courier_names() - world.names[1],
    }


def provided(world):
    """The name of what the agent believes to run."""
    try:
        with open(world.device.path("state", "provides.json"), "rb") as file:
            return json.load(file)["artifact_name"]
    except FileNotFoundError:
        return "rel-1"  # as shipped


def told(world):
    """[(status or log, what, the answer's status)] of the deployment, in order."""
    found = []
    for one in world.requests():
        match = TOLD.fullmatch(one["path"])
        if one["method"] == "PUT" and match and match.group(1) == world.deployment:
            body = one["body"] if isinstance(one["body"], dict) else {}
            found.append((match.group(2), body.get("status"), one["status"]))
    return found


# Deciding

def judge(facts):
    """The outcome on which all agree."""
    receipts = read_ring(facts["ring"])
    ours = [one for one in receipts if one["deployment"] == facts["deployment"]]
    finals = [one for one in ours if one["outcome"] in TERMINAL]
    need(len(finals) == 1, "%d final receipts", len(finals))
    need(ours[-1] is finals[0] and len(ours) <= 2, "receipts: %s",
         [one["outcome"] for one in ours])
    judge_device(facts, finals[0])
    judge_installer(facts, finals[0]["outcome"])
    judge_server(facts, finals[0])
    judge_told(facts, TERMINAL[finals[0]["outcome"]])
    judge_courier(facts, receipts)
    return finals[0]["outcome"]


def read_ring(ring):
    """Its receipts, with no gap and in one chain, each with what it vouches for."""
    found, previous = [], None
    for name in sorted(ring):
        need(RING_FILE.fullmatch(name), "left in the ring: %s", name)
        if not name.endswith(".receipt"):
            continue
        receipt = json.loads(base64.b64decode(json.loads(ring[name])["payload"]))
        need(receipt["sequence"] == int(name.split(".")[0]), "%s is another", name)
        if found:
            need(receipt["sequence"] == found[-1]["sequence"] + 1, "a gap before %s", name)
            need(receipt["previous"] == previous, "%s does not follow", name)
        for part in ("log", "inventory"):
            text = ring.get(name.replace("receipt", part))
            need(text is not None and hashlib.sha256(text).hexdigest() == receipt[part],
                 "the %s of %s is not what was signed", part, name)
        previous = hashlib.sha256(ring[name]).hexdigest()
        found.append(dict(receipt, payload=json.loads(ring[name])["payload"]))
    need(len(ring) == 3 * len(found), "the ring holds %s", sorted(ring))
    return found


def judge_device(facts, final):
    outcome = final["outcome"]
    if outcome == "FAILED":
        need(facts["running"] == facts["new"], "FAILED, but the old software is in place")
        need("the new software is in place" in final["reason"], "FAILED, but it says %s",
             final["reason"])
    else:
        need(facts["running"] == facts["new" if outcome == "CONFIRMED" else "old"],
             "%s, but it runs something else", outcome)
    need(final["after"] == facts["wanted" if facts["running"] == facts["new"] else "before"],
         "%s, but after is %s", outcome, final["after"])
    need(facts["provides"] == final["after"], "it provides %s", facts["provides"])
    left = facts["state"] - {"provides.json", "spool"}
    need(not left, "left on the device: %s", sorted(left))
    left = facts["software"] - {"running", "journal"}
    left -= {"previous"} if facts["struck"] == "device" else set()  # it could not be removed
    need(not left, "left by the installer: %s", sorted(left))


def judge_installer(facts, outcome):
    """What its installer was told: each thing once, unless the device itself broke down."""
    journal = facts["journal"]
    if facts["installs"] != "lab-exec":
        return
    last = "commit" if outcome == "CONFIRMED" else "rollback"
    if "commit" in journal:
        need("install" not in journal[journal.index("commit") :], "installed twice: %s", journal)
    if outcome == "CONFIRMED" or outcome == "ROLLED_BACK" and "install" in journal:
        need(last in journal, "%s, never told: %s", outcome, journal)
    need(outcome != "CONFIRMED" or "rollback" not in journal, "rolled back: %s", journal)
    need(outcome != "ROLLED_BACK" or "commit" not in journal, "committed: %s", journal)
    for what in ("install", last):
        most = 2 if facts["struck"] == "device" else 1
        need(journal.count(what) <= most, "%s, %d times: %s", what, journal.count(what), journal)


def judge_server(facts, final):
    row = facts["row"]
    need(row["status"] == TERMINAL[final["outcome"]], "%s, but the server says %s",
         final["outcome"], row["status"])
    need(facts["inventory"].get("artifact_name") == final["after"],
         "the server believes it runs %s", facts["inventory"].get("artifact_name"))
    need(facts["inventory"].get("courier_receipt") == final["sequence"],
         "the server's newest receipt is %s", facts["inventory"].get("courier_receipt"))
    need((row["log"] or "").count(final["payload"]) == 1, "the server lacks the receipt")


def judge_told(facts, status):
    """Each status once, and none that goes back.  Again only where the courier cannot know
    that it was heard: it died, or the answer was lost."""
    most = 2 if facts["struck"] in ("courier", "server") else 1
    statuses = [what for kind, what, answer in facts["told"]
                if kind == "status" and answer in range(200, 300)]
    tried = {what for kind, what, _ in facts["told"]
             if kind == "status" and RANKS.get(what, 0) >= FINAL}
    need(tried == {status}, "outcomes told: %s", sorted(tried))
    ranks = [RANKS[what] for what in statuses]
    need(ranks == sorted(ranks), "it goes back: %s", statuses)
    need(1 <= statuses.count(status) <= most, "told %s", statuses)
    logs = sum(1 for kind, _, answer in facts["told"]
               if kind == "log" and answer in range(200, 300))
    need(1 <= logs <= most, "%d logs", logs)


def judge_courier(facts, receipts):
    store = facts["store"]
    ours = [one for one in store["parcels"] if one["deployment"] == facts["deployment"]]
    need([one["state"] for one in ours] == ["reported"], "parcels: %s", ours)
    kept = [one["sequence"] for one in store["receipts"]]
    need(kept == list(range(1, len(kept) + 1)), "receipts here: %s", kept)
    need(kept and kept[-1] == receipts[-1]["sequence"], "a receipt is missing: %s", kept)
    need(all(one["sent"] and one["verified"] for one in store["receipts"]), "unsent: %s",
         store["receipts"])
    for name in QUIET:
        need(facts["status"][name] == 0, "status: %s", facts["status"])
    need(not facts["courier"], "left on the courier: %s", sorted(facts["courier"]))
