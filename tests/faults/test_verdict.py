#!/usr/bin/python3
"""The judge itself: one good delivery passes; each fact spoilt, it does not.

usage: test_verdict.py BUILD
"""

import copy
import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import verdict  # noqa: E402
from world import World  # noqa: E402


def last(ring, part="receipt"):
    return max(name for name in ring if name.endswith(part))


def first(ring, part="receipt"):
    return min(name for name in ring if name.endswith(part))


def drop(ring, name):
    for part in ("receipt", "log", "inventory"):
        del ring[name.replace("receipt", part)]


def put(facts, name, value):
    facts[name] = value


def told(facts, *more):
    facts["told"] += more


SPOILT = {
    "the device lost its final receipt": lambda f: drop(f["ring"], last(f["ring"])),
    "a receipt in the middle is gone": lambda f: drop(f["ring"], sorted(
        name for name in f["ring"] if name.endswith("receipt"))[1]),
    "a receipt was exchanged for another": lambda f: f["ring"].update(
        {first(f["ring"]): f["ring"][last(f["ring"])]}),
    "an older receipt was changed": lambda f: f["ring"].update(
        {first(f["ring"]): f["ring"][first(f["ring"])] + b" "}),
    "the log is not the one that was signed": lambda f: f["ring"].update(
        {last(f["ring"], "log"): b"all is well\n"}),
    "an inventory is gone": lambda f: f["ring"].pop(last(f["ring"], "inventory")),
    "half a receipt was left": lambda f: f["ring"].update({"0000000000000009.new": b"{"}),
    "the device runs the old": lambda f: put(f, "running", f["old"]),
    "the device runs a torn file": lambda f: put(f, "running", f["new"][:100]),
    "the agent believes another": lambda f: put(f, "provides", f["before"]),
    "it was installed twice": lambda f: f["journal"].insert(2, "install"),
    "it was installed after the commit": lambda f: f["journal"].append("install"),
    "it was committed twice": lambda f: f["journal"].append("commit"),
    "it was never committed": lambda f: f["journal"].remove("commit"),
    "it was rolled back": lambda f: f["journal"].append("rollback"),
    "a job was left": lambda f: f["state"].add("job.json"),
    "the old slot was left": lambda f: f["software"].add("previous"),
    "the server waits": lambda f: f["row"].update(status="downloading"),
    "the server heard a failure": lambda f: f["row"].update(status="failure"),
    "the server lacks the receipt": lambda f: f["row"].update(log="INSTALLED"),
    "the server has no log": lambda f: f["row"].update(log=None),
    "the server has the receipt twice": lambda f: f["row"].update(log=f["row"]["log"] * 2),
    "the server believes the old runs": lambda f: f["inventory"].update(
        artifact_name=f["before"]),
    "the server's inventory is of the receipt before": lambda f: f["inventory"].update(
        courier_receipt=f["inventory"]["courier_receipt"] - 1),
    "success was told twice": lambda f: told(f, ("status", "success", 204)),
    "another outcome was told": lambda f: f["told"].insert(1, ("status", "failure", 204)),
    "another outcome was tried": lambda f: told(f, ("status", "failure", 409)),
    "the outcome was taken back": lambda f: told(f, ("status", "downloading", 204)),
    "no outcome was told": lambda f: put(f, "told", [
        one for one in f["told"] if one[1] != "success"]),
    "the log was told twice": lambda f: told(f, ("log", None, 204)),
    "no log was told": lambda f: put(f, "told", [one for one in f["told"] if one[0] != "log"]),
    "a parcel is there twice": lambda f: f["store"]["parcels"].append(
        f["store"]["parcels"][-1]),
    "a parcel is not done": lambda f: f["store"]["parcels"][-1].update(state="signed"),
    "the parcel is gone": lambda f: f["store"]["parcels"].pop(),
    "the courier lacks the last receipt": lambda f: f["store"]["receipts"].pop(),
    "the courier lacks the first receipt": lambda f: f["store"]["receipts"].pop(0),
    "the courier has a receipt twice": lambda f: f["store"]["receipts"].append(
        f["store"]["receipts"][-1]),
    "a receipt is unsent": lambda f: f["store"]["receipts"][0].update(sent=False),
    "a receipt is unverified": lambda f: f["store"]["receipts"][0].update(verified=False),
    "the courier has something to send": lambda f: f["status"].update(unsent=1),
    "the courier has a problem": lambda f: f["status"].update(problems=1),
    "half a blob was left": lambda f: f["courier"].add("blobs/ab.part"),
}


class VerdictTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        world = World(BUILD)
        cls.addClassCleanup(world.close)
        world.installs = "lab-exec"
        for _ in range(2):
            world.deploy("lab-exec")
            for command in ("sync", "deliver", "sync"):
                world.must(command)
            world.settle()
        cls.facts = verdict.gather(world)

    def test_one_story_is_believed(self):
        self.assertEqual("CONFIRMED", verdict.judge(self.facts))

    def test_a_repeated_word_is_forgiven_only_to_whom_an_answer_was_lost(self):
        facts = copy.deepcopy(self.facts)
        told(facts, ("status", "success", 204), ("log", None, 204))
        for where in ("courier", "server"):
            facts["struck"] = where
            verdict.judge(facts)
        for where in (None, "device", "cable"):
            facts["struck"] = where
            with self.assertRaises(verdict.Unlike):
                verdict.judge(facts)

    def test_everything_that_is_spoilt_is_noticed(self):
        for what, spoil in SPOILT.items():
            with self.subTest(what):
                facts = copy.deepcopy(self.facts)
                spoil(facts)
                with self.assertRaises(verdict.Unlike):
                    verdict.judge(facts)


if __name__ == "__main__":
    BUILD = os.path.abspath(sys.argv[1])
    unittest.main(argv=sys.argv[:1], warnings="ignore")
