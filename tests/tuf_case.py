"""A client under test beside a repository that lies to it: what both kinds of test share.

What each run asked the server for, how it ended and what it left on disk are all asserted.
"""
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

from tuf_repository import Repository, Server

CLIENT = []  # its path
TOP = ["root", "timestamp", "snapshot", "targets"]


def main():
    CLIENT.append(os.path.abspath(sys.argv.pop(1)))
    unittest.main(module="__main__")


class Case(unittest.TestCase):
    """A repository, its server, and a client that trusts its first root."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def setUp(self):
        self.dir = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.dir)
        self.metadata = os.path.join(self.dir, "metadata")
        self.targets = os.path.join(self.dir, "targets")
        os.mkdir(self.metadata)
        os.mkdir(self.targets)
        self.use(Repository())

    def use(self, repository):
        self.repository = repository
        self.server.repository = repository
        trusted = os.path.join(self.dir, "trusted.json")
        with open(trusted, "wb") as out:
            out.write(repository.served["1.root.json"])
        self.init(trusted)
        repository.requests.clear()

    def init(self, trusted):
        self.assertEqual(self.run_client("init", trusted), 0)

    def run_client(self, *arguments, before=()):
        done = subprocess.run(
            [*before, CLIENT[0], "--metadata-dir", self.metadata, *arguments],
            capture_output=True, timeout=120, check=False)
        self.said = done.stderr.decode()
        self.assertIn(done.returncode, (0, 1), self.said)
        return done.returncode

    def refresh(self, before=()):
        self.repository.requests.clear()
        return self.run_client("--metadata-url", self.server.url + "/metadata/", "refresh",
                               before=before)

    def download(self, *names, before=()):
        self.repository.requests.clear()
        named = [part for name in names for part in ("--target-name", name)]
        return self.run_client(
            "--metadata-url", self.server.url + "/metadata/", *named, "--target-dir",
            self.targets, "--target-base-url", self.server.url + "/targets/", "download",
            before=before)

    def works(self, code):
        self.assertEqual(code, 0, self.said)

    def fails(self, code, why):
        self.assertEqual(code, 1)
        self.assertIn(why, self.said)

    def asked(self, *names):
        self.assertEqual(self.repository.requests, list(names))

    def trusts(self, root, timestamp, snapshot, targets, **others):
        """These versions are on disk, and no other file that ends in .json."""
        expected = {"root": root, "timestamp": timestamp, "snapshot": snapshot,
                    "targets": targets, **others}
        found = {}
        for path in glob.glob(self.metadata + "/*.json"):
            with open(path, "rb") as file:
                found[os.path.basename(path)[:-5]] = json.load(file)["signed"]["version"]
        self.assertEqual(found, {k: v for k, v in expected.items() if v is not None})

    def on_disk(self):
        content = {}
        for name in os.listdir(self.targets):
            with open(os.path.join(self.targets, name), "rb") as file:
                content[name] = file.read()
        return content

    def tamper(self, role, change):
        """Serve the role changed, with its signatures as they were."""
        repository = self.repository
        version = repository.signed[role]["version"]
        before = json.loads(repository.served[f"{version}.root.json" if role == "root"
                                              else f"{role}.json"])
        change(before)
        raw = json.dumps(before).encode()
        for name in (f"{version}.{role}.json", f"{role}.json"):
            repository.served[name] = raw
