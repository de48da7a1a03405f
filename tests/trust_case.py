"""An authority, its repository, holders of keys, and two judges of what is served: what all
tests of courier-admin trust share.

After every command python-tuf, which knows nothing of us, and our own client must accept
the tree: each as a newcomer with the first root, and as one that has followed all along.
"""

import functools
import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
PASSPHRASE = "correct horse battery"
SKIPPED = 77


class Tools:
    """Set by main()."""
    admin = client = python = library = None


def main():
    Tools.admin, Tools.client, Tools.python, Tools.library = (
        os.path.abspath(one) for one in sys.argv[1:5])
    del sys.argv[1:5]
    probe = subprocess.run([Tools.python, "-c", "import tuf.ngclient"], check=False,
                           stderr=subprocess.DEVNULL) if os.path.exists(Tools.python) else None
    if probe is None or probe.returncode != 0:
        print("SKIPPED: no python-tuf in build/tuf-venv, and so no independent judge;\n"
              "         sh tests/setup.sh installs it from PyPI", file=sys.stderr)
        sys.exit(SKIPPED)
    loader, module = unittest.defaultTestLoader, sys.modules["__main__"]
    suite = (loader.loadTestsFromNames(sys.argv[1:], module) if sys.argv[1:]
             else loader.loadTestsFromModule(module))
    result = unittest.TextTestRunner(stream=sys.stderr, verbosity=2).run(suite)
    failed = len(result.failures) + len(result.errors)
    print("%d passed, %d failed" % (result.testsRun - failed - len(result.skipped), failed))
    sys.exit(0 if failed == 0 and result.testsRun > 0 else 1)


class Judge:
    """python-tuf in a process of its own."""

    def __init__(self):
        self.process = subprocess.Popen([Tools.python, os.path.join(HERE, "judge_tuf.py")],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        encoding="utf-8")

    def ask(self, **case):
        self.process.stdin.write(json.dumps(case) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        os.umask(0o077)
        cls.judge = Judge()

    @classmethod
    def tearDownClass(cls):
        cls.judge.close()

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="courier-trust-")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.tree = self.path("tree")
        self.write("pass", PASSPHRASE + "\n")
        self.clients = self.steps = 0
        self.before, self.past = (), 0  # faketime, and how many days it goes back
        self.environment = dict(os.environ, COURIER_ADMIN_DIR=self.path("auth"))
        self.admin("init", "--fleet", "F", "--root-passphrase-file", "pass",
                   "--passphrase-file", "pass", top=True)

    # ---- files ----

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def write(self, name, content):
        with open(self.path(name), "w", encoding="utf-8") as out:
            out.write(content)
        return name

    def read(self, *names):
        with open(self.path(*names), encoding="utf-8") as file:
            return file.read()

    def metadata(self, name):
        """The signed part of what is served under that name."""
        return json.loads(self.read("tree", "metadata", name))["signed"]

    def newest(self, role):
        versions = {"snapshot": lambda: self.metadata("timestamp.json")["meta"]["snapshot.json"]}
        if role == "timestamp":
            return self.metadata("timestamp.json")
        if role == "root":
            return self.metadata("%d.root.json" % len(
                [n for n in os.listdir(self.path("tree/metadata")) if n.endswith("root.json")]))
        version = (versions[role]() if role in versions else
                   self.newest("snapshot")["meta"][role + ".json"])["version"]
        return self.metadata("%d.%s.json" % (version, role))

    # ---- courier-admin ----

    def admin(self, *words, status=0, top=False, more=None, text=False, preload=None):
        """Run it; its facts, or with TEXT what it said to people."""
        words = list(words) if top else ["trust", *words]
        if not text:
            words.append("--json")
        done = subprocess.run([*self.before, Tools.admin, *words], cwd=self.dir,
                              env=dict(self.environment, **(preload or {})),
                              stdin=subprocess.DEVNULL,
                              capture_output=True, encoding="utf-8", check=False,
                              start_new_session=True, timeout=300)
        self.said = done.stderr
        if status is not None:
            self.assertEqual(done.returncode, status, (words, done.stdout, done.stderr))
        self.status = done.returncode
        if text:
            return done.stdout + done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def online(self, verb, *words, **how):
        return self.admin(verb, *words, "--online-passphrase-file", "pass", **how)

    def holder(self, name):
        self.admin("key", name, "--key-passphrase-file", "pass")
        return name + ".pub"

    def stage(self, stick="stick"):
        """What is staged, onto a stick."""
        shutil.rmtree(self.path(stick), ignore_errors=True)
        shutil.copytree(self.path("auth/trust/staged"), self.path(stick))
        return stick

    def digests(self, stick="stick"):
        return [word for fact in self.admin("show", stick)
                for word in ("--digest", fact["digest"])]

    def sign(self, holder, stick="stick", status=0):
        return self.admin("sign", stick, "--key", holder + ".pem", "--key-passphrase-file",
                          "pass", *self.digests(stick), status=status)

    def accept(self, *sticks, **how):
        return self.online("accept", *sticks, **how)

    def ceremony(self, *holders, **how):
        """A stick goes round."""
        self.stage()
        for holder in holders:
            self.sign(holder)
        return self.accept("stick", **how)

    def begin(self, *options, holders=("anna", "bert"), bins=2):
        """A repository whose first root and targets are signed by all of them."""
        keys = [word for name in holders for word in ("--root-key", self.holder(name))]
        self.online("init", *keys, "--tree", "tree", "--bins", str(bins), *options)
        self.ceremony(*holders)
        Case.accepted(self)

    # ---- artifacts, devices ----

    def artifact_key(self):
        subprocess.run("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 2>/dev/null"
                       " | openssl ec -out artifact.key 2>/dev/null && openssl ec -in artifact.key"
                       " -pubout -out artifact.pub 2>/dev/null",
                       shell=True, cwd=self.dir, check=True)
        self.admin("provision", "--out", "any", "--artifact-key", "artifact.pub", top=True)

    def artifact(self, name, types=("testbox",), signed=True, file=None):
        """NAME.mender, by Debian's mender-artifact."""
        self.write("content", name + "\n")
        words = [word for one in types for word in ("-t", one)]
        key = ["-k", "artifact.key"] if signed else []
        file = (file or name) + ".mender"
        subprocess.run(["mender-artifact", "write", "module-image", "-o", file, "-T", "file",
                        "-n", name, "-f", "content", *words, *key], cwd=self.dir, check=True,
                       capture_output=True)
        return file

    def device(self, name, identity=None):
        subprocess.run(["openssl", "req", "-new", "-newkey", "ed25519", "-nodes", "-keyout",
                        name + ".key", "-subj", "/CN=device", "-out", name + ".pem"],
                       cwd=self.dir, check=True, capture_output=True)
        self.admin("provision", "--out", name + "-files", "--request", name + ".pem", "--id",
                   name, "--identity", json.dumps(identity or {"serial": name}),
                   "--passphrase-file", "pass", top=True)
        return name

    # ---- judges ----

    def go_back(self, days):
        """All but the tree lives so many days ago; 0: now again."""
        self.before = ("faketime", "-f", "-%dd" % days) if days else ()
        self.past = days

    def ask(self, state, tree=None, targets=(), **more):
        if self.past:
            more["now"] = int(time.time()) - self.past * 86400
        return self.judge.ask(tree=tree or self.tree, state=self.path(state),
                              root=os.path.join(self.tree, "metadata/1.root.json"),
                              targets=list(targets), **more)

    def ours(self, state, targets=(), tree=None):
        """Our own client; None, or what it said when it failed."""
        handler = functools.partial(Quiet, directory=tree or self.tree)
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": .01})
            thread.start()
            try:
                return self.run_client(state, "http://127.0.0.1:%d/" % server.server_port,
                                       targets)
            finally:
                server.shutdown()
                thread.join()

    def run_client(self, state, url, targets):
        known, got = self.path(state), self.path(state + "-targets")
        if not os.path.isdir(known):
            os.makedirs(got)
            os.mkdir(known)
            subprocess.run([Tools.client, "--metadata-dir", known, "init",
                            os.path.join(self.tree, "metadata/1.root.json")], check=True)
        names = [word for one in targets for word in ("--target-name", one)]
        how = [*names, "--target-dir", got, "--target-base-url", url + "targets/",
               "download"] if targets else ["refresh"]
        done = subprocess.run([*self.before, Tools.client, "--metadata-dir", known,
                               "--metadata-url", url + "metadata/", *how],
                              capture_output=True, encoding="utf-8", check=False, timeout=120)
        return None if done.returncode == 0 else done.stderr

    def accepted(self, targets=(), missing=(), follow=True):
        """All judges accept what is served, and find these targets but not those."""
        self.steps += 1
        states = ["new-%d" % self.steps] + (["follower"] if follow else [])
        for state in states:
            answer = self.ask("python-" + state, targets=(*targets, *missing))
            self.assertTrue(answer["ok"], answer)
            for path in targets:
                self.assertEqual(answer["found"][path], self.content_digest(path), path)
            for path in missing:
                self.assertIsNone(answer["found"][path], path)
            self.assertIsNone(self.ours("ours-" + state, targets))
        self.versions = answer["versions"]
        return self.versions

    def content_digest(self, path):
        """Of the one file that is served as that target now."""
        role = self.role_of(path)
        return self.newest(role)["targets"][path]["hashes"]["sha256"]

    def role_of(self, path):
        if not path.startswith("devices/"):
            return "publisher"
        bins = self.newest("publisher")["delegations"]["succinct_roles"]
        bits = bins["bit_length"]
        number = int.from_bytes(hashlib.sha256(path.encode()).digest()[:4], "big") >> (32 - bits)
        return "bin-%0*x" % ((bits + 3) // 4, number)

    def direction(self, device):
        path = "devices/%s/direction.json" % device
        digest = self.content_digest(path)
        with open(os.path.join(self.tree, "targets/devices", device,
                               digest + ".direction.json"), "rb") as file:
            content = file.read()
        self.assertEqual(hashlib.sha256(content).hexdigest(), digest)
        return json.loads(content)
