#!/usr/bin/python3
"""courier-admin trust, killed at any event that reaches the disk, or the power cut there:
what is served is a repository that clients accept, and the next command goes on.

usage: test_trust_kill.py COURIER-ADMIN TUF-CLIENT PYTHON-WITH-TUF LIBFAULT [TEST...]
"""

import os
import random
import shutil
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "faults"))

import layer  # noqa: E402
import power  # noqa: E402
from trust_case import Case, Tools, main  # noqa: E402

SEED, CASES = 20261122, 4  # of each scene, besides the first and the last event


class Kill(Case):
    def setUp(self):
        super().setUp()
        if not os.path.exists(Tools.library):
            self.skipTest("no libfault in a sanitised build")
        self.artifact_key()
        self.begin()
        self.device("pump-1")
        self.online("publish", self.artifact("rel-2"))
        self.accepted(["artifacts/rel-2.mender"])
        self.layer = layer.Layer(Tools.library, self.path("layer"),
                                 [self.path("auth/trust"), self.tree])

    def save(self):
        for name in ("auth", "tree", "python-follower"):
            shutil.copytree(self.path(name), self.path("saved", name))

    def restore(self):
        for name in ("auth", "tree", "python-follower"):
            shutil.rmtree(self.path(name), ignore_errors=True)
            if os.path.exists(self.path("saved", name)):
                shutil.copytree(self.path("saved", name), self.path(name))

    def run_armed(self, words, mode, target):
        self.layer.arm(mode, target)
        self.online(*words, status=None, preload=self.layer.environment())
        return self.layer.count

    def strike(self, words, case, number):
        """End the command at that event, in one of three ways."""
        way = case % 3
        disk = power.Disk(self.layer.below)
        self.run_armed(words, layer.KILL_BEFORE if way == 0 else layer.KILL_AFTER, number)
        self.assertTrue(self.layer.struck)
        self.assertEqual(self.status, -9, self.said)
        if way == 2:
            disk.replay(self.layer.records())
            disk.cut(random.Random(SEED + case))

    def judge_now(self, state):
        if not os.path.exists(self.path("tree/metadata/timestamp.json")):
            return  # of a first root, before it is complete
        answer = self.ask(state)
        self.assertTrue(answer["ok"], answer)

    def sweep(self, *words, done=(0,), targets=("artifacts/rel-2.mender",)):
        self.save()
        events = self.run_armed(words, layer.NONE, 0)
        self.assertEqual(self.status, 0, self.said)
        chosen = random.Random(SEED)
        numbers = {1, events, *chosen.sample(range(1, events + 1), min(CASES, events))}
        for case, number in enumerate(sorted(numbers)):
            with self.subTest(words=words, event=number, of=events):
                self.restore()
                self.strike(words, case, number)
                self.judge_now("python-new-%d" % case)
                self.judge_now("python-follower")
                self.layer.arm(layer.NONE, 0)
                self.online(*words, status=None)
                self.assertIn(self.status, done, self.said)
                for state in ("python-newer-%d" % case, "python-follower"):
                    answer = self.ask(state, targets=targets)
                    self.assertTrue(answer["ok"], answer)
                    self.assertNotIn(None, answer["found"].values(), answer)

    def test_publish(self):
        self.sweep("publish", self.artifact("rel-3"), targets=(
            "artifacts/rel-2.mender", "artifacts/rel-3.mender"))

    def test_direct(self):
        self.sweep("direct", "pump-1", "--artifact", "rel-2.mender", "--deployment", "d-1",
                   targets=("devices/pump-1/direction.json",))

    def test_freshen(self):
        self.sweep("freshen")

    def test_remove(self):
        self.online("publish", self.artifact("rel-3"))
        self.sweep("remove", "artifacts/rel-3.mender", done=(0, 2))

    def rotate(self, *words):
        self.online("rotate", *words)
        self.stage()
        for name in ("anna", "bert"):
            self.sign(name)
        # 3: there is nothing to accept any more.
        self.sweep("accept", "stick", done=(0, 3))

    def test_new_online_keys(self):
        self.rotate("--new", "timestamp", "--new", "snapshot", "--new", "publisher")

    def test_a_new_root(self):
        self.rotate("--renew", "root")

    def test_other_holders(self):
        self.holder("carl")
        self.online("rotate", "--remove-root", "bert", "--add-root", "carl.pub",
                    "--remove-targets", "bert", "--add-targets", "carl.pub")
        self.stage()
        for name in ("anna", "bert", "carl"):
            self.sign(name)
        self.sweep("accept", "stick", done=(0, 3))

    def test_the_first_root(self):
        shutil.rmtree(self.path("auth/trust"))
        shutil.rmtree(self.tree)
        self.online("init", "--root-key", "anna.pub", "--tree", "tree", "--bins", "2")
        self.stage()
        self.sign("anna")
        shutil.rmtree(self.path("python-follower"))
        shutil.copytree(self.path("auth"), self.path("saved/auth"))
        shutil.copytree(self.tree, self.path("saved/tree"))
        self.save = lambda: None
        self.sweep("accept", "stick", done=(0, 3), targets=())


if __name__ == "__main__":
    main()
