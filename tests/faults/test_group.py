#!/usr/bin/python3
"""Threads that share a commit, on a disk that fails: nobody is told that what was undone is kept.

usage: test_group.py LIBFAULT STORE_WRITERS [SEED]
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import layer  # noqa: E402

THREADS, EACH = 6, 5
CASES = 60  # of every event in both ways, chosen by the seed


class GroupTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="courier-group-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.fresh, self.home = (os.path.join(self.directory, name) for name in ("fresh", "home"))
        self.writers("make", self.fresh)
        self.layer = layer.Layer(LIBRARY, os.path.join(self.directory, "layer"), [self.home])

    def writers(self, *words, status=(0,), **more):
        done = subprocess.run([WRITERS, *words], encoding="ascii", check=False, timeout=120,
                              env=dict(os.environ, **more), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
        self.assertIn(done.returncode, status, done.stderr)
        return [line.split() for line in done.stdout.splitlines()]

    def put(self, mode, target):
        """{device: kept or lost} of a new store, {} when it could not even be opened; and
        whether the fault struck."""
        shutil.rmtree(self.home, ignore_errors=True)
        shutil.copytree(self.fresh, self.home)
        self.layer.arm(mode, target)
        told = self.writers("put", self.home, str(THREADS), str(EACH), status=(0, 1),
                            **self.layer.environment())
        self.assertIn(len(told), (0, THREADS * EACH))
        return {name: what for what, name in told}, self.layer.struck

    def there(self):
        return {name for _, name in self.writers("show", self.home)}

    def test_a_group_shares_commits(self):
        told, _ = self.put(layer.NONE, 0)
        self.assertEqual(set(told.values()), {"kept"})
        self.assertEqual(self.there(), set(told))

    def test_a_commit_that_fails_is_a_success_to_nobody(self):
        self.put(layer.NONE, 0)
        cases = [(mode, target) for mode in (layer.FULL, layer.IO)
                 for target in range(1, self.layer.count + 1)]
        chosen = random.Random(SEED)
        lost = 0
        for mode, target in chosen.sample(cases, min(CASES, len(cases))):
            with self.subTest(mode=mode, target=target):
                told, struck = self.put(mode, target)
                self.layer.disarm()
                kept = {name for name, what in told.items() if what == "kept"}
                self.assertEqual(kept - self.there(), set())
                lost += len(told) - len(kept)
                self.assertTrue(struck or len(kept) == len(told))
        self.assertGreater(lost, CASES)  # there was something to be told

    def test_after_a_failure_the_same_store_goes_on(self):
        self.put(layer.NONE, 0)
        for target in range(10, self.layer.count // 2, 5):
            told, struck = self.put(layer.IO, target)
            self.assertTrue(struck)
            if told:  # what came after the one fault was kept
                self.assertIn("kept", told.values())
            self.layer.disarm()
            again = self.writers("put", self.home, "2", "2")
            self.assertEqual({what for what, _ in again}, {"kept"})


def main():
    global LIBRARY, WRITERS, SEED
    LIBRARY, WRITERS = sys.argv[1:3]
    SEED = int(sys.argv[3]) if len(sys.argv) > 3 else 7
    print("seed %d" % SEED)
    result = unittest.main(argv=sys.argv[:1], exit=False, verbosity=2).result
    failed = len(result.failures) + len(result.errors)
    print("%d passed, %d failed" % (result.testsRun - failed, failed))
    sys.exit(0 if failed == 0 else 1)


if __name__ == "__main__":
    main()
