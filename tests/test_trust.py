#!/usr/bin/python3
"""courier-admin trust: the ceremony, publishing and directions, judged by python-tuf.

usage: test_trust.py COURIER-ADMIN TUF-CLIENT PYTHON-WITH-TUF LIBFAULT [TEST...]
"""

import fcntl
import hashlib
import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: E402

from trust_case import HERE, PASSPHRASE, Case, Tools, main  # noqa: E402


class Ceremony(Case):
    """Who must sign, and what they see first."""

    def test_the_first_root_needs_all_its_holders_promised(self):
        for name in ("anna", "bert", "carl"):
            self.holder(name)
        self.online("init", *[w for n in ("anna", "bert", "carl")
                              for w in ("--root-key", n + ".pub")],
                    "--targets-key", "anna.pub", "--tree", "tree", "--bins", "2")
        self.assertEqual(os.listdir(self.path("tree/metadata")), [])
        self.online("publish", "pass", status=40)
        self.stage()
        self.sign("anna")
        self.accept("stick", status=40)
        self.assertEqual(os.listdir(self.path("tree/metadata")), [])
        self.accept(status=40)  # two of three hold root
        self.sign("carl")
        self.accept("stick")
        self.accepted()
        self.assertEqual(self.newest("root")["roles"]["root"]["threshold"], 2)

    def test_sticks_go_round_at_the_same_time(self):
        for name in ("anna", "bert"):
            self.holder(name)
        self.online("init", "--root-key", "anna.pub", "--root-key", "bert.pub", "--tree", "tree",
                    "--bins", "2")
        for name in ("anna", "bert"):
            self.stage("to-" + name)
            self.sign(name, "to-" + name)
        self.accept("to-anna", "to-bert")
        self.accepted()

    def test_a_holder_reads_what_it_is_in_words(self):
        self.begin("--root-days", "4000")
        self.holder("carl")
        self.online("rotate", "--remove-root", "bert", "--add-root", "carl.pub",
                    "--new", "publisher")
        said = self.admin("show", self.stage(), text=True)
        for words in (r"root, version 2, expires 20\d\d-", r"root: 2 of anna \([0-9a-f]{16}\), carl",
                      r"against root 1:", r"root gains carl", r"root loses bert",
                      r"targets, version 2", r"lists no file itself",
                      r"delegates to publisher, finally, signed by 1 of key [0-9a-f]{16}, all of "
                      r"artifacts/\* devices/\*/direction.json couriers/\*/control",
                      r"by root of root 1: 0 of 2 signatures, not enough",
                      r"by root of root 2: 0 of 2", r"digest [0-9a-f]{64}"):
            self.assertRegex(said, words)

    def terminal(self, *words, answers):
        """Run it at a terminal; answers to what it asks; its status and all it said."""
        pid, fd = pty.fork()
        if pid == 0:
            os.chdir(self.dir)
            os.execve(Tools.admin, [Tools.admin, "trust", *words], self.environment)
        said, answers = b"", list(answers)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if select.select([fd], [], [], 0.2)[0]:
                try:
                    said += os.read(fd, 65536)
                except OSError:
                    break
                if answers and answers[0][0] in said:
                    os.write(fd, answers.pop(0)[1])
        os.close(fd)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said.decode()

    def test_a_holder_may_refuse(self):
        self.holder("anna")
        self.online("init", "--root-key", "anna.pub", "--tree", "tree", "--bins", "2")
        before = self.read("auth/trust/staged/root.json")
        self.stage()
        secret = (b"passphrase of the key", PASSPHRASE.encode() + b"\n")
        for answer in (b"no\n", b"\n", b"YES\n", b"yes please\n"):
            status, said = self.terminal("sign", "stick", "--key", "anna.pem",
                                         answers=[secret, (b"type yes", answer)])
            self.assertEqual(status, 10, said)
            self.assertIn("not signed, as you wish", said)
            self.assertEqual(self.read("stick/root.json"), before)
        status, said = self.terminal("sign", "stick", "--key", "anna.pem", answers=[
            secret, (b"type yes", b"yes\n"), (b"targets, version 1", b"yes\n")])
        self.assertEqual(status, 0, said)
        self.assertRegex(said, r"root: 1 of anna \(")
        self.assertNotIn(PASSPHRASE, said)
        self.accept("stick")
        self.accepted()

    def test_only_what_was_read_is_signed(self):
        self.holder("anna")
        self.online("init", "--root-key", "anna.pub", "--tree", "tree", "--bins", "2")
        self.stage()
        read = self.digests()
        text = self.read("stick/root.json")
        self.write("stick/root.json", re.sub(r'"expires":"20\d\d', '"expires":"2099', text))
        self.admin("sign", "stick", "--key", "anna.pem", "--key-passphrase-file", "pass", *read,
                   status=10)
        self.admin("sign", "stick", "--key", "anna.pem", "--key-passphrase-file", "pass",
                   status=2)  # no terminal, no digest
        # And when a holder is fooled nevertheless, it comes home in vain.
        self.sign("anna")
        self.accept("stick", status=14)
        self.assertIn("not what was staged here", self.said)
        self.assertEqual(os.listdir(self.path("tree/metadata")), [])

    def test_a_key_signs_only_for_its_roles(self):
        self.begin()
        self.holder("eve")
        self.online("rotate", "--renew", "root")
        self.stage()
        self.sign("eve", status=10)
        self.assertIn("nothing here is for this key", self.said)

    def test_garbage_on_a_stick_is_told_and_nothing_happens(self):
        self.begin()
        self.online("rotate", "--renew", "root")
        self.stage()
        for name, content in (("root.json", "{"), ("root.json", '{"signatures":[],"signed":{}}'),
                              ("root.json", '{"signatures":[{"keyid":"../../x","sig":"00"}],'
                                            '"signed":{}}'),
                              ("trusted-root.json", "[]")):
            self.stage("bad")
            self.write("bad/" + name, content)
            self.accept("bad", status=1)
            self.admin("show", "bad", status=1)
        os.mkdir(self.path("empty"))
        self.admin("show", "empty", status=3)
        self.accepted()

    def test_a_hostile_name_says_nothing_to_a_terminal(self):
        self.begin()
        self.online("rotate", "--renew", "root")
        self.stage()
        text = self.read("stick/root.json").replace("anna", "\\u001b[2Jx")
        self.write("stick/root.json", text)
        said = self.admin("show", "stick", text=True, status=None)
        self.assertNotIn("\x1b", said)

    def test_keys_are_encrypted_and_apart(self):
        self.begin()
        for name in ("anna.pem", *[os.path.join("auth/trust/online", n) for n in
                                   os.listdir(self.path("auth/trust/online"))]):
            text = self.read(name)
            self.assertTrue(text.startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----"), name)
            self.assertEqual(os.stat(self.path(name)).st_mode & 0o777, 0o600)
            for secret, status in ((PASSPHRASE, 0), ("another", 1)):
                self.write("secret", secret)
                self.assertEqual(subprocess.run(
                    ["openssl", "pkey", "-in", name, "-passin", "file:secret", "-noout"],
                    cwd=self.dir, stderr=subprocess.DEVNULL, check=False).returncode, status)
        self.assertEqual(len(os.listdir(self.path("auth/trust/online"))), 3)
        online = {name[:-4] for name in os.listdir(self.path("auth/trust/online"))}
        roles = self.newest("root")["roles"]
        self.assertFalse(online & set(roles["root"]["keyids"] + roles["targets"]["keyids"]))
        self.assertEqual(len(online & set(roles["snapshot"]["keyids"]
                                          + roles["timestamp"]["keyids"])), 2)
        for directory, _, names in os.walk(self.tree):
            for name in names:
                self.assertNotIn("PRIVATE", self.read(directory, name))

    def test_what_makes_no_sense_is_refused(self):
        self.holder("anna")
        for words in (("init",), ("init", "--root-key", "anna.pub", "--bins", "3"),
                      ("init", "--root-key", "anna.pub", "--bins", "8192"),
                      ("init", "--root-key", "anna.pub", "--root-threshold", "2"),
                      ("init", "--root-key", "anna.pem"), ("init", "--root-key", "pass"),
                      ("init", "--root-key", "anna.pub", "--root-key", "anna.pub"),
                      ("init", "--root-key", "anna.pub", "--root-days", "40000")):
            self.online(*words, status=2)
        self.admin("key", "an na", "--key-passphrase-file", "pass", status=2)
        self.admin("key", "anna", "--key-passphrase-file", "pass", status=21)
        self.write("short", "short\n")
        self.admin("key", "dora", "--key-passphrase-file", "short", status=2)
        self.online("rotate", "--new", "timestamp", status=2)  # no repository yet
        self.online("init", "--root-key", "anna.pub", "--tree", "tree", "--bins", "2")
        self.online("init", "--root-key", "anna.pub", "--tree", "tree", status=21)
        self.ceremony("anna")
        for words in ((), ("--new", "root"), ("--new", "bins"), ("--renew", "timestamp"),
                      ("--remove-root", "anna"), ("--remove-root", "nobody"),
                      ("--root-threshold", "2"), ("--add-root", "anna.pub")):
            self.online("rotate", *words, status=2)
        self.online("rotate", "--renew", "root")
        self.online("rotate", "--renew", "targets", status=21)
        self.online("rotate", "--renew", "targets", "--replace")
        self.ceremony("anna")
        self.assertEqual((self.newest("root")["version"], self.newest("targets")["version"]),
                         (1, 2))
        self.accepted()


class Publishing(Case):
    def setUp(self):
        super().setUp()
        self.artifact_key()
        self.begin()

    def test_an_artifact_is_found_and_its_bytes_are_those_published(self):
        (fact, minted) = self.online("publish", self.artifact("rel-2"))
        self.assertEqual(fact["target"], "artifacts/rel-2.mender")
        self.assertEqual((minted["timestamp"], minted["targets"]), (2, 1))
        self.accepted(["artifacts/rel-2.mender"], ["artifacts/rel-3.mender"])
        listed = self.newest("publisher")["targets"]["artifacts/rel-2.mender"]
        self.assertEqual(listed["custom"],
                         {"artifact_name": "rel-2", "device_types": ["testbox"]})
        self.assertEqual(listed["length"], os.path.getsize(self.path("rel-2.mender")))
        served = self.path("tree/targets/artifacts",
                           listed["hashes"]["sha256"] + ".rel-2.mender")
        with open(served, "rb") as one, open(self.path("rel-2.mender"), "rb") as other:
            self.assertEqual(one.read(), other.read())
        # Again: nothing is signed, nothing changes.
        (fact, minted) = self.online("publish", "rel-2.mender")
        self.assertFalse(fact["changed"])
        self.assertEqual(minted["timestamp"], 2)

    def test_what_a_device_would_refuse_is_not_published(self):
        self.online("publish", self.artifact("rel-2", signed=False), status=14)
        self.online("publish", "pass", status=1)
        self.online("publish", "missing.mender", status=1)
        shutil.copy(self.path(self.artifact("rel-3")), self.path("rel 3.mender"))
        self.online("publish", "rel 3.mender", status=2)
        os.truncate(self.path("rel-3.mender"), 4000)
        self.online("publish", "rel-3.mender", status=1)
        self.assertEqual(self.accepted(missing=["artifacts/rel-2.mender"])["timestamp"], 1)
        self.assertEqual(os.listdir(self.path("tree/targets/artifacts")), [])

    def test_a_published_name_keeps_its_content(self):
        self.online("publish", self.artifact("rel-2"))
        self.artifact("rel-2b", file="rel-2")
        self.online("publish", "rel-2.mender", status=21)
        self.accepted(["artifacts/rel-2.mender"])
        self.assertEqual(len(os.listdir(self.path("tree/targets/artifacts"))), 1)

    def test_a_device_is_directed_and_the_sequence_rises(self):
        self.online("publish", self.artifact("rel-2"), self.artifact("rel-3"))
        for name in ("pump-1", "pump-2"):
            self.device(name)
        facts = self.online("direct", "pump-1", "pump-2", "--artifact", "rel-2.mender",
                            "--deployment", "d-1")
        self.assertEqual([fact.get("device") for fact in facts], ["pump-1", "pump-2", None])
        paths = ["devices/pump-1/direction.json", "devices/pump-2/direction.json"]
        self.accepted(paths, ["devices/pump-3/direction.json"])
        first = self.direction("pump-1")
        listed = self.newest("publisher")["targets"]["artifacts/rel-2.mender"]
        self.assertEqual(first, {
            "_type": "direction", "version": 1, "device": "pump-1", "deployment": "d-1",
            "sequence": first["sequence"], "artifacts": [{
                "path": "artifacts/rel-2.mender", "length": listed["length"],
                "sha256": listed["hashes"]["sha256"], "device_type": "testbox"}]})
        # The same again changes nothing; another deployment does, for that device only.
        facts = self.online("direct", "pump-1", "--artifact", "artifacts/rel-2.mender",
                            "--deployment", "d-1")
        self.assertFalse(facts[0]["changed"])
        self.online("direct", "pump-1", "--artifact", "rel-3.mender", "--deployment", "d-2")
        self.accepted(paths)
        self.assertGreater(self.direction("pump-1")["sequence"], first["sequence"])
        self.assertEqual(self.direction("pump-2")["sequence"], first["sequence"])
        self.assertEqual(self.direction("pump-1")["artifacts"][0]["path"],
                         "artifacts/rel-3.mender")

    def test_a_sequence_is_never_used_again(self):
        self.online("publish", self.artifact("rel-2"))
        self.device("pump-1")
        self.online("direct", "pump-1", "--artifact", "rel-2.mender", "--deployment", "d-1")
        before = self.direction("pump-1")["sequence"]
        self.online("remove", "devices/pump-1/direction.json")
        self.accepted(missing=["devices/pump-1/direction.json"])
        self.online("direct", "pump-1", "--artifact", "rel-2.mender", "--deployment", "d-1")
        self.accepted(["devices/pump-1/direction.json"])
        self.assertGreater(self.direction("pump-1")["sequence"], before)

    def test_a_direction_lies_in_one_bin_only(self):
        self.online("publish", self.artifact("rel-2"))
        for number in range(4):
            self.device("pump-%d" % number)
        bins = {name: meta["version"] for name, meta in self.newest("snapshot")["meta"].items()}
        self.online("direct", "pump-0", "--artifact", "rel-2.mender", "--deployment", "d-1")
        changed = {name for name, meta in self.newest("snapshot")["meta"].items()
                   if meta["version"] != bins[name]}
        self.assertEqual(changed, {self.role_of("devices/pump-0/direction.json") + ".json"})

    def test_one_that_cannot_be_directed_keeps_no_other_waiting(self):
        self.online("publish", self.artifact("rel-2"))
        self.device("pump-1")
        facts = self.online("direct", "nobody", "pump-1", "--artifact", "rel-2.mender",
                            "--deployment", "d-1", status=4)
        self.assertIn("no device of that id", facts[0]["error"])
        self.accepted(["devices/pump-1/direction.json"])
        facts = self.online("direct", "pump-1", "--artifact", "rel-9.mender", "--deployment",
                            "d-2", status=4)
        self.assertIn("not published", facts[0]["error"])
        facts = self.online("direct", "pump-1", "--artifact", "rel-2.mender", "--deployment",
                            "d-2", "--device-type", "otherbox", status=4)
        self.assertIn("none of the artifacts", facts[0]["error"])
        self.assertEqual(self.direction("pump-1")["deployment"], "d-1")

    def test_of_several_artifacts_each_type_has_its_own(self):
        self.online("publish", self.artifact("rel-2", types=("a",), file="rel-2-a"),
                    self.artifact("rel-2", types=("b",), file="rel-2-b"),
                    self.artifact("rel-2", types=("c", "d"), file="rel-2-cd"))
        self.device("pump-1")
        names = ["--artifact", "rel-2-a.mender", "--artifact", "rel-2-b.mender"]
        self.online("direct", "pump-1", *names, "--deployment", "d-1")
        self.assertEqual([one["device_type"] for one in self.direction("pump-1")["artifacts"]],
                         ["a", "b"])
        self.online("direct", "pump-1", *names, "--artifact", "rel-2-cd.mender",
                    "--deployment", "d-2", "--device-type", "d")
        (one,) = self.direction("pump-1")["artifacts"]
        self.assertEqual((one["path"], one["device_type"]), ("artifacts/rel-2-cd.mender", "d"))
        self.accepted(["devices/pump-1/direction.json"])

    def test_what_is_directed_to_is_not_removed(self):
        self.online("publish", self.artifact("rel-2"))
        self.device("pump-1")
        self.online("direct", "pump-1", "--artifact", "rel-2.mender", "--deployment", "d-1")
        self.online("remove", "artifacts/rel-2.mender", status=21)
        self.accepted(["artifacts/rel-2.mender"])
        self.online("remove", "devices/pump-1/direction.json", "artifacts/rel-2.mender")
        self.accepted(missing=["artifacts/rel-2.mender", "devices/pump-1/direction.json"])
        self.assertEqual(os.listdir(self.path("tree/targets/artifacts")), [])
        self.online("remove", "artifacts/rel-2.mender", status=2)

    def test_the_control_bundle_of_a_courier_is_a_target(self):
        self.online("control", status=3)
        for name in ("courier", "server"):
            subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out",
                            name + ".key"], cwd=self.dir, check=True)
        subprocess.run("openssl req -new -key courier.key -subj /CN=c -out courier.pem && "
                       "openssl pkey -in server.key -pubout >> courier.pem", shell=True,
                       cwd=self.dir, check=True)
        self.admin("issue", "courier.pem", "--id", "anna", "--technician", "Anna",
                   "--passphrase-file", "pass", top=True)
        self.online("control")
        self.accepted(["couriers/anna/control"])
        with open(self.path("auth/couriers/anna/anna.control"), "rb") as bundle:
            content = bundle.read()
        digest = self.content_digest("couriers/anna/control")
        with open(self.path("tree/targets/couriers/anna", digest + ".control"), "rb") as served:
            self.assertEqual(served.read(), content)
        self.assertFalse(self.online("control", "anna")[0]["changed"])
        self.admin("issue", "--id", "anna", "--days", "7", "--passphrase-file", "pass", top=True)
        self.assertTrue(self.online("control", "anna")[0]["changed"])
        self.accepted(["couriers/anna/control"])
        self.online("control", "nobody", status=2)

    def test_everything_signed_says_when(self):
        self.online("publish", self.artifact("rel-2"))
        for name in os.listdir(self.path("tree/metadata")):
            signed = self.metadata(name)
            self.assertRegex(signed["x-issued"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$", name)
            self.assertLess(signed["x-issued"], signed["expires"])

    def test_a_damaged_tree_is_made_again(self):
        self.online("publish", self.artifact("rel-2"))
        shutil.rmtree(self.path("tree/metadata"))
        self.online("freshen")
        self.write("tree/metadata/timestamp.json", "{}")
        self.write("tree/metadata/99.root.json", "{}")
        self.online("freshen")
        self.accepted(["artifacts/rel-2.mender"])

    def test_what_lies_in_the_authority_is_verified(self):
        name = "auth/trust/metadata/1.publisher.json"
        text = self.read(name)
        self.write(name, text.replace('"targets":{}', '"targets":{"artifacts/evil":{"hashes":'
                                      '{"sha256":"%s"},"length":1}}' % ("0" * 64)))
        self.online("freshen", status=31)
        self.write(name, text)
        self.online("freshen")
        self.accepted()

    def test_two_at_once_do_not_meet(self):
        with open(self.path("auth/lock"), "a", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.online("freshen", status=21)
        self.online("freshen")

    def test_a_wrong_passphrase_changes_nothing(self):
        self.write("wrong", "some other words\n")
        self.admin("freshen", "--online-passphrase-file", "wrong", status=10)
        self.admin("freshen", status=2)  # nowhere to ask
        self.assertEqual(self.accepted()["timestamp"], 1)

    def test_old_metadata_go_but_roots_stay(self):
        for _ in range(4):
            self.online("freshen")
            self.accepted()
        self.online("rotate", "--renew", "root")
        self.ceremony("anna", "bert")
        names = os.listdir(self.path("tree/metadata"))
        self.assertEqual(sorted(n for n in names if n.endswith("snapshot.json")),
                         ["5.snapshot.json", "6.snapshot.json"])
        self.assertIn("1.root.json", names)
        self.assertIn("2.root.json", names)
        self.assertEqual(len(names), 2 + 1 + 2 + 1 + 1 + 2)


class Provisioning(Case):
    def provision(self, *words, **how):
        shutil.rmtree(self.path("files"), ignore_errors=True)
        (fact,) = self.admin("provision", "--out", "files", *words, top=True, **how)
        return fact

    def test_a_device_is_given_the_newest_root(self):
        self.assertFalse(self.provision()["tuf_root"])
        self.assertNotIn("tuf", self.read("files/courier-agent.conf"))
        self.admin("provision", "--out", "files", "--direction", "none", top=True, status=2)
        self.begin()
        self.assertTrue(self.provision("--direction", "required")["tuf_root"])
        self.assertEqual(self.read("files/tuf-root.json"),
                         self.read("tree/metadata/1.root.json"))
        config = self.read("files/courier-agent.conf")
        self.assertIn("\ntuf-root = /var/lib/courier-agent/tuf-root.json\n", config)
        self.assertIn("\ndirection = required\n", config)
        self.online("rotate", "--renew", "root")
        self.ceremony("anna", "bert")
        self.provision()
        self.assertEqual(self.read("files/tuf-root.json"),
                         self.read("tree/metadata/2.root.json"))
        self.assertNotIn("direction", self.read("files/courier-agent.conf"))
        self.admin("provision", "--out", "files", "--direction", "maybe", top=True, status=2)


class Freshness(Case):
    def until(self, fact):
        return time.strftime("%Y-%m-%d", time.gmtime(fact["until"]))

    def day(self, days):
        return time.strftime("%Y-%m-%d", time.gmtime(time.time() + days * 86400))

    def test_metadata_outlive_the_trip_with_raised_versions(self):
        self.begin()
        before = self.accepted()
        minted, limit = self.online("freshen", "--until", self.day(500))
        after = self.accepted()
        self.assertGreater(after["timestamp"], before["timestamp"])
        self.assertEqual(self.until(minted), self.day(501))  # all of that day
        self.assertEqual(limit["limit"], "targets")
        for role in ("timestamp", "snapshot", "publisher", "bin-0", "bin-1"):
            self.assertGreaterEqual(self.newest(role)["expires"][:10], self.day(501), role)
            self.assertGreaterEqual(self.newest(role)["version"], 2, role)
        at = int(time.time()) + 499 * 86400
        self.assertTrue(self.ask("python-later", now=at)["ok"])
        self.assertFalse(self.ask("python-too-late", now=at + 3 * 86400)["ok"])

    def test_the_limit_is_named(self):
        self.begin("--root-days", "100", "--targets-days", "200")
        self.online("freshen", "--until", self.day(150), status=11)
        self.assertIn("root expires", self.said)
        self.online("rotate", "--renew", "root", "--root-days", "300")
        self.ceremony("anna", "bert")
        self.accepted()
        self.online("freshen", "--until", self.day(250), status=11)
        self.assertIn("targets expires", self.said)
        self.assertIn("rotate --renew targets", self.said)
        self.online("freshen", "--until", self.day(150))
        self.accepted()
        self.online("freshen", "--until", "tomorrow", status=2)
        self.online("freshen", "--until", "2020-01-01", status=2)

    def test_what_is_published_during_a_trip_shortens_no_promise(self):
        self.begin()
        self.artifact_key()
        promised = self.online("freshen", "--until", self.day(90))[0]["until"]
        (_, minted) = self.online("publish", self.artifact("rel-2"))
        self.assertEqual(minted["until"], promised)
        self.accepted(["artifacts/rel-2.mender"])
        self.assertEqual(self.until(self.online("freshen", "--until", self.day(10))[0]),
                         self.day(11))

    def test_a_repository_that_slept_too_long_wakes_up(self):
        self.go_back(400)
        self.begin("--root-days", "3000", "--targets-days", "3000")
        self.go_back(0)
        answer = self.ask("python-late")
        self.assertIn("Expired", answer["why"])
        self.assertTrue(any(fact.get("expired") for fact in self.admin("show")))
        self.online("freshen")
        self.accepted()

    def test_an_expired_root_is_renewed_by_its_holders(self):
        self.go_back(400)
        self.begin("--root-days", "100")
        self.go_back(0)
        self.online("freshen", status=11)
        self.online("rotate", "--renew", "root")
        self.ceremony("anna", "bert")
        self.accepted()


class Rotating(Case):
    """With an artifact that must be found after each step."""

    def setUp(self):
        super().setUp()
        self.artifact_key()
        self.begin()
        self.online("publish", self.artifact("rel-2"))
        self.accepted(["artifacts/rel-2.mender"])

    def accepted(self, *arguments, **how):
        return super().accepted(*(arguments or (["artifacts/rel-2.mender"],)), **how)


class Rotation(Rotating):
    """Every key can be replaced, and clients follow."""

    def test_a_new_root_needs_the_old_holders_and_the_new(self):
        for name in ("carl", "dora"):
            self.holder(name)
        self.online("rotate", "--remove-root", "anna", "--remove-root", "bert", "--add-root",
                    "carl.pub", "--add-root", "dora.pub")
        for holders, status in ((("anna", "bert"), 40), (("carl", "dora"), 40),
                                (("anna", "carl", "dora"), 40)):
            shutil.copytree(self.path("auth/trust"), self.path("kept"))
            self.ceremony(*holders, status=status)
            shutil.rmtree(self.path("auth/trust"))
            os.rename(self.path("kept"), self.path("auth/trust"))
            self.accepted()
        self.ceremony("anna", "bert", "carl", "dora")
        self.assertEqual(self.accepted()["root"], 2)
        self.online("rotate", "--renew", "root")
        self.stage()
        self.sign("anna", status=10)
        self.sign("carl")
        self.sign("dora")
        self.accept("stick")
        self.assertEqual(self.accepted()["root"], 3)

    def test_thresholds_rise_and_fall(self):
        self.holder("carl")
        self.online("rotate", "--add-root", "carl.pub", "--root-threshold", "3")
        self.ceremony("anna", "bert", "carl")
        self.accepted()
        self.online("rotate", "--root-threshold", "1")
        self.ceremony("anna", "bert", status=40)
        self.sign("carl")
        self.accept("stick")
        self.accepted()
        self.online("rotate", "--renew", "root")
        self.ceremony("bert")
        self.accepted()

    def test_holders_of_targets_change(self):
        self.holder("carl")
        self.online("rotate", "--remove-targets", "anna", "--add-targets", "carl.pub")
        self.ceremony("anna", "bert", "carl")
        self.assertEqual(self.accepted()["targets"], 2)
        self.online("rotate", "--renew", "targets")
        self.ceremony("bert", "carl")
        self.assertEqual(self.accepted()["targets"], 3)

    def test_each_online_key_is_replaced(self):
        for role in ("timestamp", "snapshot", "publisher"):
            before = set(os.listdir(self.path("auth/trust/online")))
            self.online("rotate", "--new", role)
            (key,) = set(os.listdir(self.path("auth/trust/online"))) - before
            self.ceremony("anna", "bert")
            self.accepted()
            roles = self.newest("root")["roles"]
            roles["publisher"] = self.newest("targets")["delegations"]["roles"][0]
            self.assertEqual(roles[role]["keyids"], [key[:-4]])
            self.online("freshen")
            self.accepted()

    def test_without_the_old_keys_it_is_told_what_clients_see(self):
        self.online("rotate", "--new", "timestamp", "--new", "snapshot")
        for keyid in (self.newest("root")["roles"][role]["keyids"][0]
                      for role in ("timestamp", "snapshot")):
            os.remove(self.path("auth/trust/online", keyid + ".pem"))
        self.ceremony("anna", "bert")
        self.assertIn("must come again", self.said)
        self.accepted()

    def test_a_lost_key_is_told(self):
        keyid = self.newest("root")["roles"]["timestamp"]["keyids"][0]
        os.rename(self.path("auth/trust/online", keyid + ".pem"), self.path("away"))
        self.online("freshen", status=2)
        self.assertIn("rotate --new", self.said)
        self.online("rotate", "--new", "timestamp")
        self.ceremony("anna", "bert")
        self.accepted()


class Compromise(Rotating):
    """A key was stolen and used; its rotation ends that."""

    def steal(self, role):
        """The private key of an online role, as whoever took machine and passphrase has it."""
        roles = dict(self.newest("root")["roles"])
        roles["publisher"] = self.newest("targets")["delegations"]["roles"][0]
        (keyid,) = roles[role]["keyids"]
        der = subprocess.run(["openssl", "pkey", "-in", "auth/trust/online/%s.pem" % keyid,
                              "-passin", "file:pass", "-outform", "DER"], cwd=self.dir,
                             check=True, capture_output=True).stdout
        return keyid, der[-32:]

    def forge(self, name, signed, *keys):
        form = json.dumps(signed, sort_keys=True, separators=(",", ":")).encode()
        self.write("evil/metadata/" + name, json.dumps({"signed": signed, "signatures": [
            {"keyid": keyid, "sig": Ed25519PrivateKey.from_private_bytes(key).sign(form).hex()}
            for keyid, key in keys]}))
        raw = self.read("evil/metadata/" + name).encode()
        return {"version": signed["version"], "length": len(raw),
                "hashes": {"sha256": hashlib.sha256(raw).hexdigest()}}

    def fast_forward(self, *stolen):
        """A tree in which the thief raised all he could as far as he could."""
        far = 2 ** 40
        shutil.copytree(self.tree, self.path("evil"))
        keys = {role: self.steal(role) for role in stolen}
        snapshot, timestamp = self.newest("snapshot"), self.newest("timestamp")
        publisher = self.newest("publisher")
        if "publisher" in stolen:
            publisher["version"] = far
            snapshot["meta"]["publisher.json"] = self.forge("%d.publisher.json" % far, publisher,
                                                            keys["publisher"])
        if "snapshot" in stolen:
            snapshot["version"] = far
            timestamp["meta"]["snapshot.json"] = self.forge("%d.snapshot.json" % far, snapshot,
                                                            keys["snapshot"])
        timestamp["version"] = far
        self.forge("timestamp.json", timestamp, keys["timestamp"])
        for state in ("python-follower", "ours-follower"):
            if state.startswith("python"):
                answer = self.ask(state, tree=self.path("evil"))
                self.assertTrue(answer["ok"], answer)
                self.assertEqual(answer["versions"]["timestamp"], far)
            else:
                self.assertIsNone(self.ours(state, tree=self.path("evil")))
        self.assertFalse(self.ask("python-follower")["ok"])
        self.assertIsNotNone(self.ours("ours-follower"))

    def test_timestamp_fast_forward(self):
        self.fast_forward("timestamp")
        self.online("rotate", "--new", "timestamp")
        self.ceremony("anna", "bert")
        self.accepted()

    def test_snapshot_fast_forward(self):
        self.fast_forward("timestamp", "snapshot")
        self.online("rotate", "--new", "timestamp", "--new", "snapshot")
        self.ceremony("anna", "bert")
        self.accepted()

    def test_all_online_keys(self):
        self.fast_forward("timestamp", "snapshot", "publisher")
        self.online("rotate", "--new", "timestamp", "--new", "snapshot", "--new", "publisher")
        self.ceremony("anna", "bert")
        self.accepted()

    def test_publisher(self):
        """With its key alone nothing can be made that a client takes, and after its rotation
        not even that key with the others of before."""
        keyid, _ = self.steal("publisher")
        self.online("rotate", "--new", "publisher")
        self.ceremony("anna", "bert")
        self.accepted()
        self.assertNotIn(keyid, json.dumps(self.newest("targets")))
        for role in ("publisher", "bin-0", "bin-1"):
            name = "%d.%s.json" % (self.newest(role)["version"], role)
            signatures = json.loads(self.read("tree/metadata", name))["signatures"]
            self.assertNotIn(keyid, [one["keyid"] for one in signatures])

    def test_a_holder_of_targets(self):
        self.holder("anna-2")
        self.online("rotate", "--remove-targets", "anna", "--add-targets", "anna-2.pub")
        self.ceremony("anna", "bert", "anna-2")
        self.accepted()
        self.online("rotate", "--renew", "targets")
        self.stage()
        self.sign("anna", status=10)
        self.sign("anna-2")
        self.sign("bert")
        self.accept("stick")
        self.assertEqual(self.accepted()["targets"], 3)

    def test_one_holder_of_root(self):
        self.holder("anna-2")
        self.holder("carl")
        self.online("rotate", "--add-root", "carl.pub", "--root-threshold", "2")
        self.ceremony("anna", "bert")
        self.accepted()
        # Anna's key is gone: the other two replace it.
        self.online("rotate", "--remove-root", "anna", "--add-root", "anna-2.pub")
        self.ceremony("bert", "carl")
        self.accepted()
        self.online("rotate", "--renew", "root")
        self.stage()
        self.sign("anna", status=10)
        self.sign("anna-2")
        self.sign("bert")
        self.accept("stick")
        self.accepted()


class Talk(Case):
    def test_verbs_and_options_are_in_the_manual(self):
        text = self.admin("--help", text=True)
        verbs = re.findall(r"^  ([a-z]+) +\S", text, re.MULTILINE)
        with open(os.path.join(HERE, "../man/courier-admin-trust.1"), encoding="utf-8") as file:
            manual = file.read()
        self.assertEqual(verbs, re.findall(r"^\.Ss courier-admin trust (\w+)$", manual,
                                           re.MULTILINE))
        self.assertGreater(len(verbs), 8)
        for verb in verbs:
            said = self.admin(verb, "--help", text=True)
            section = manual.split(".Ss courier-admin trust " + verb)[1].split(".S")[0]
            own = said.split("Options of every command")[0]
            for option in re.findall(r"^  --([a-z-]+)", own, re.MULTILINE):
                self.assertRegex(section, r"Fl -%s\b" % option, (verb, option))

    def test_mistakes_are_usage(self):
        self.admin("pubish", status=2)
        self.assertIn("did you mean publish", self.said)
        self.admin(status=2)
        self.admin("publish", status=2)
        self.admin("sign", "x", status=2)


if __name__ == "__main__":
    main()
