#!/usr/bin/python3
"""tests/tuf-client against repositories that rotate, lie and lose things.

usage: test_tuf_client.py TUF_CLIENT
What each run asked the server for, how it ended and what it left on disk are all asserted.
"""
import glob
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

from cryptography.hazmat.primitives.asymmetric import padding

from tuf_repository import Key, Repository, Server, days

CLIENT = None
TOP = ["root", "timestamp", "snapshot", "targets"]


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
            [*before, CLIENT, "--metadata-dir", self.metadata, *arguments],
            capture_output=True, timeout=120, check=False)
        self.said = done.stderr.decode()
        self.assertIn(done.returncode, (0, 1), self.said)
        return done.returncode

    def refresh(self, before=()):
        self.repository.requests.clear()
        return self.run_client("--metadata-url", self.server.url + "/metadata/", "refresh",
                               before=before)

    def download(self, *names):
        self.repository.requests.clear()
        named = [part for name in names for part in ("--target-name", name)]
        return self.run_client(
            "--metadata-url", self.server.url + "/metadata/", *named, "--target-dir",
            self.targets, "--target-base-url", self.server.url + "/targets/", "download")

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


class Basic(Case):
    def test_a_first_refresh_asks_for_each_role_once(self):
        self.trusts(1, None, None, None)
        self.works(self.refresh())
        self.asked("2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json")
        self.trusts(1, 1, 1, 1)

    def test_a_second_refresh_asks_for_nothing_it_holds(self):
        self.works(self.refresh())
        self.works(self.refresh())
        self.asked("2.root.json", "timestamp.json")

    def test_what_is_stored_is_what_was_served(self):
        self.works(self.refresh())
        for role in TOP[1:]:
            with open(f"{self.metadata}/{role}.json", "rb") as file:
                self.assertEqual(file.read(), self.repository.served[f"{role}.json"])

    def test_bytes_are_kept_even_when_odd(self):
        self.repository.served["timestamp.json"] += b" \n"
        self.works(self.refresh())
        with open(f"{self.metadata}/timestamp.json", "rb") as file:
            self.assertTrue(file.read().endswith(b" \n"))

    def test_a_bad_trusted_root_makes_no_request(self):
        def without_version(root):
            del root["signed"]["version"]

        def other_signature(root):
            root["signatures"][0]["sig"] = "00" * 64

        for change in (without_version, other_signature):
            root = json.loads(self.repository.served["1.root.json"])
            change(root)
            path = os.path.join(self.dir, "bad.json")
            with open(path, "w", encoding="utf-8") as out:
                json.dump(root, out)
            self.init(path)
            self.fails(self.refresh(), "trusted root")
            self.asked()

    def test_no_trusted_root_is_an_error(self):
        os.unlink(self.metadata + "/root.json")
        self.fails(self.refresh(), "no trusted root")

    def unsigned(self, role):
        self.repository.publish_all()
        self.repository.new_root()
        self.tamper(role, lambda document: document.update(signatures=[]))
        self.fails(self.refresh(), "signed by 0 of the 1 keys")

    def test_unsigned_root(self):
        self.unsigned("root")
        self.trusts(1, None, None, None)

    def test_unsigned_timestamp(self):
        self.unsigned("timestamp")
        self.trusts(2, None, None, None)

    def test_unsigned_snapshot(self):
        self.unsigned("snapshot")
        self.trusts(2, 2, None, None)

    def test_unsigned_targets(self):
        self.unsigned("targets")
        self.trusts(2, 2, 2, None)

    def test_a_version_inside_that_differs_from_the_one_outside(self):
        for role, trusted in (("root", (1, None, None, None)),
                              ("snapshot", (1, 1, None, None)),
                              ("targets", (1, 1, 1, None))):
            with self.subTest(role):
                self.use(Repository())
                for old in glob.glob(self.metadata + "/[st]*.json"):
                    os.unlink(old)
                repository = self.repository
                repository.signed[role]["version"] += 3
                raw = repository.envelope(role)
                name = "2.root.json" if role == "root" else f"1.{role}.json"
                repository.served[name] = raw
                self.fails(self.refresh(), "version 4")
                self.trusts(*trusted)

    def test_a_timestamp_of_the_same_version_changes_nothing(self):
        self.works(self.refresh())
        first = self.repository.served["timestamp.json"]
        self.repository.signed["timestamp"]["meta"]["snapshot.json"]["version"] = 9
        self.repository.serve_role("timestamp")
        self.works(self.refresh())
        self.asked("2.root.json", "timestamp.json")
        with open(f"{self.metadata}/timestamp.json", "rb") as file:
            self.assertEqual(file.read(), first)

    def test_hashes_and_lengths_are_held_to(self):
        self.repository.meta_hashes = True
        self.repository.publish_all()
        self.works(self.refresh())
        self.trusts(1, 2, 2, 2)
        for role, trusted in (("snapshot", (1, 3, 2, 2)), ("targets", (1, 4, 4, 2))):
            self.repository.publish_all()
            name = f"{self.repository.signed[role]['version']}.{role}.json"
            self.repository.served[name] = self.repository.served[name][:-1] + b" "
            self.fails(self.refresh(), "is not the signed one")
            self.trusts(*trusted)

    def test_more_than_the_listed_length_is_not_read(self):
        self.repository.meta_hashes = True
        self.repository.publish_all()
        self.repository.served["2.snapshot.json"] += b" "
        self.fails(self.refresh(), "more than")
        self.trusts(1, 2, None, None)

    def test_unknown_members_stay_signed(self):
        for role in TOP:
            self.repository.signed[role]["x-of-ours"] = {"z": [1, {"b": "\u20ac\n\"\\", "a": -0}]}
        self.repository.publish_all()
        self.repository.new_root()
        self.works(self.refresh())
        self.trusts(2, 2, 2, 2)
        self.repository.publish_all()
        self.tamper("targets", lambda targets: targets["signed"].update({"x-of-ours": 1}))
        self.fails(self.refresh(), "signed by 0")

    def test_keyid_hash_algorithms_mean_nothing(self):
        root = self.repository.signed["root"]
        for key in root["keys"].values():
            key["keyid_hash_algorithms"] = ["md5"]
        self.repository.new_root()
        self.works(self.refresh())

    def missing(self, role):
        self.works(self.refresh())
        self.repository.publish_all()
        for name in list(self.repository.served):
            if name.startswith(f"2.{role}") or name == f"{role}.json":
                del self.repository.served[name]
        self.fails(self.refresh(), "does not have it")

    def test_a_missing_snapshot(self):
        self.missing("snapshot")
        self.trusts(1, 2, 1, 1)

    def test_missing_targets(self):
        self.missing("targets")
        self.trusts(1, 2, 2, 1)

    def test_a_missing_timestamp(self):
        self.missing("timestamp")
        self.trusts(1, 1, 1, 1)

    def test_a_broken_server_does_not_end_the_walk_of_roots(self):
        self.repository.served["2.root.json"] = lambda handler: handler.send_error(500)
        self.fails(self.refresh(), "status 500")
        self.asked("2.root.json")

    def test_a_role_cannot_stand_in_for_another(self):
        key = self.repository.signers["timestamp"][0]
        self.repository.served["timestamp.json"] = self.repository.envelope("snapshot", [key])
        self.fails(self.refresh(), "timestamp")
        self.trusts(1, None, None, None)

    def test_it_believes_the_clock_it_is_given(self):
        self.works(self.refresh())
        self.works(self.refresh())
        if "asan" in subprocess.run(["ldd", CLIENT], capture_output=True, text=True,
                                    check=True).stdout:
            self.skipTest("the sanitizer must be loaded before libfaketime")
        self.fails(self.refresh(before=["faketime", days(31).replace("T", " ")[:-1]]), "expired")
        self.works(self.refresh(before=["faketime", days(-31).replace("T", " ")[:-1]]))


class Expiration(Case):
    def expired(self, role):
        self.works(self.refresh())
        self.repository.signed[role]["expires"] = days(-1)
        if role == "root":
            self.repository.new_root()
        self.repository.publish_all()
        self.fails(self.refresh(), "expired")

    def test_root(self):
        self.expired("root")
        self.asked("2.root.json", "3.root.json")
        self.trusts(2, 1, 1, 1)

    def test_timestamp(self):
        self.expired("timestamp")
        self.trusts(1, 1, 1, 1)

    def test_snapshot(self):
        self.expired("snapshot")
        self.trusts(1, 2, 1, 1)

    def test_targets(self):
        self.expired("targets")
        self.trusts(1, 2, 2, 1)

    def test_an_expired_root_is_left_behind(self):
        self.repository.signed["root"]["expires"] = days(-1)
        self.repository.new_root()
        self.repository.signed["root"]["expires"] = days(30)
        self.repository.new_root()
        self.works(self.refresh())
        self.trusts(3, 1, 1, 1)

    def test_an_expired_timestamp_still_stops_a_rollback(self):
        self.repository.publish_all()
        self.repository.signed["timestamp"]["expires"] = days(0)
        self.repository.publish_all()
        with open(self.metadata + "/timestamp.json", "wb") as out:
            out.write(self.repository.served["timestamp.json"])
        self.fails(self.refresh(), "expired")  # the same version: nothing newer
        self.repository.signed["timestamp"]["expires"] = days(30)
        self.repository.signed["timestamp"]["version"] = 2
        self.repository.publish()
        self.fails(self.refresh(), "version 2, but 3 was seen before")
        self.repository.publish_all()
        self.repository.publish_all()
        self.works(self.refresh())


class Download(Case):
    def setUp(self):
        super().setUp()
        self.repository.add_target("one", b"first")
        self.repository.add_target("dir/two", b"second")
        self.repository.publish_all()

    def hashed(self, path, algorithm="sha256"):
        directory, slash, base = path.rpartition("/")
        digest = hashlib.new(algorithm, self.repository.files[path]).hexdigest()
        return f"target {directory}{slash}{digest}.{base}"

    def test_download_refreshes_and_fetches(self):
        self.works(self.download("one"))
        self.asked("2.root.json", "timestamp.json", "2.snapshot.json", "2.targets.json",
                   self.hashed("one"))
        self.assertEqual(list(self.on_disk().values()), [b"first"])

    def test_several_in_one_run(self):
        self.works(self.download("one", "dir/two"))
        self.asked("2.root.json", "timestamp.json", "2.snapshot.json", "2.targets.json",
                   self.hashed("one"), self.hashed("dir/two"))
        self.assertEqual(sorted(self.on_disk().values()), [b"first", b"second"])

    def test_what_is_here_is_not_fetched(self):
        self.works(self.download("one"))
        self.works(self.download("one"))
        self.asked("2.root.json", "timestamp.json")

    def test_a_substituted_artifact_leaves_the_old_one(self):
        self.works(self.download("one"))
        for content in (b"other", b"longer than it", b"fir", b""):
            self.repository.add_target("one", b"third")
            self.repository.publish_all()
            self.repository.files["one"] = content
            # the URL has the hash of what was signed: the server gives what it has
            self.fails(self.download("one"), "signed")
            self.assertEqual(list(self.on_disk().values()), [b"first"])
            self.assertEqual(len(os.listdir(self.targets)), 1)

    def test_the_first_failure_ends_the_run(self):
        self.fails(self.download("one", "absent", "dir/two"), "no role signs it")
        self.assertEqual(list(self.on_disk().values()), [b"first"])

    def test_every_hash_counts(self):
        for algorithms in (("sha256",), ("sha512",), ("sha256", "sha512")):
            content = "-".join(algorithms).encode()
            self.repository.add_target("one", content, algorithms=algorithms)
            self.repository.publish_all()
            self.works(self.download("one"))
            self.assertEqual(list(self.on_disk().values()), [content])
            for wrong in algorithms:
                self.repository.add_target("one", content + b"!", algorithms=algorithms)
                signed = self.repository.signed["targets"]["targets"]["one"]
                signed["hashes"][wrong] = hashlib.new(wrong, b"").hexdigest()
                self.repository.publish_all()
                self.fails(self.download("one"), "is not the signed one")

    def test_an_unknown_hash_is_refused(self):
        for known in ({}, {"sha256": hashlib.sha256(b"first").hexdigest()}):
            self.repository.signed["targets"]["targets"]["one"]["hashes"] = {
                **known, "md9": "00"}
            self.repository.publish_all()
            self.fails(self.download("one"), "not known")
            self.assertEqual(self.on_disk(), {})

    def test_a_repository_of_plain_names(self):
        self.use(Repository(consistent=False))
        self.repository.add_target("dir/two", b"second")
        self.repository.delegate("targets", "role", ["*"])
        self.repository.add_target("one", b"first", "role")
        self.repository.publish_all()
        self.works(self.download("dir/two", "one"))
        self.asked("2.root.json", "timestamp.json", "snapshot.json", "targets.json",
                   "target dir/two", "role.json", "target one")

    def test_odd_names(self):
        names = ("a b", "100%", "caf\u00e9/\u20ac", "q?x", "h#y", "../up", "a\\b\"c", ".", "..",
                 ".a", "a", "x" * 900)
        for name in names:
            self.repository.add_target(name, name.encode())
            self.repository.publish_all()
            self.works(self.download(name))
        self.assertEqual(len(self.on_disk()), len(names))
        self.assertEqual(sorted(os.listdir(self.dir)), ["metadata", "targets", "trusted.json"])

    def test_a_name_twice_is_one_file(self):
        self.works(self.download("one", "one"))
        self.assertEqual(len(self.on_disk()), 1)


class Keys(Case):
    def test_a_threshold_that_is_missed(self):
        keys = [Key(), Key(), Key()]
        self.repository.appoint("targets", keys, threshold=2)
        self.repository.signers["targets"] = keys[:1]
        self.repository.new_root()
        self.repository.publish_all()
        self.fails(self.refresh(), "signed by 1 of the 2 keys")
        self.repository.signers["targets"] = keys[1:]
        self.repository.publish_all()
        self.works(self.refresh())

    def test_a_threshold_nobody_can_reach(self):
        self.repository.appoint("snapshot", self.repository.signers["snapshot"], threshold=2)
        self.repository.new_root()
        self.repository.publish_all()
        self.fails(self.refresh(), "signed by 1 of the 2 keys")

    def test_a_key_named_twice_counts_once(self):
        key = Key()
        self.repository.appoint("timestamp", [key, key], threshold=2)
        self.repository.new_root()
        self.repository.publish_all()
        self.assertEqual(self.refresh(), 1)

    def test_a_key_under_two_ids_counts_once(self):
        key, twin = Key(), Key()
        twin.private, twin.public = key.private, key.public
        self.repository.appoint("timestamp", [key, twin], threshold=2)
        self.repository.new_root()
        self.repository.publish_all()
        self.fails(self.refresh(), "signed by 1 of the 2 keys")

    def test_two_signatures_of_one_keyid_are_refused(self):
        def double(document):
            document["signatures"] *= 2

        self.tamper("timestamp", double)
        self.fails(self.refresh(), "two signatures")

    def test_each_kind_of_key(self):
        for kind in ("rsa", "ecdsa", "ed25519"):
            with self.subTest(kind):
                self.use(Repository())
                self.repository.appoint("snapshot", [Key(kind)])
                self.repository.new_root()
                self.repository.publish_all()
                self.works(self.refresh())
                self.repository.publish_all()
                self.tamper("snapshot", lambda s: s["signed"].update(expires=days(40)))
                self.fails(self.refresh(), "signed by 0")

    def test_any_length_of_salt(self):
        key = Key("rsa")
        sign = key.sign
        self.repository.appoint("snapshot", [key])
        self.repository.new_root()
        for salt in (0, 20, padding.PSS.MAX_LENGTH):
            key.sign = lambda data, salt=salt: sign(data, salt)
            self.repository.publish_all()
            self.works(self.refresh())

    def test_the_old_name_of_ecdsa_keys(self):
        key = Key("ecdsa")
        key.public["keytype"] = "ecdsa-sha2-nistp256"
        self.repository.appoint("timestamp", [key])
        self.repository.new_root()
        self.repository.publish_all()
        self.works(self.refresh())

    def test_a_bad_signature_beside_a_good_one_harms_nobody(self):
        good, bad = Key(), Key()
        for sig in ("", "zz", "00" * 64, "0"):
            self.repository.appoint("timestamp", [bad, good])
            bad.sign = lambda data, sig=sig: sig
            self.repository.new_root()
            self.repository.publish_all()
            self.works(self.refresh())

    def test_a_key_of_the_future_is_no_obstacle(self):
        old, new = self.repository.signers["timestamp"][0], Key()
        new.public = {"keytype": "lattice", "scheme": "dilithium", "keyval": {"public": 7}}
        self.repository.appoint("timestamp", [new, old])
        self.repository.new_root()
        self.repository.publish_all()
        self.works(self.refresh())
        self.repository.appoint("timestamp", [new])
        self.repository.new_root()
        self.repository.publish_all()
        self.fails(self.refresh(), "signed by 0")


class Quoting(Case):
    def test_roles_of_any_name(self):
        for name, quoted in (("a?b", "a%3Fb"), ("#", "%23"), ("/delegatedrole", "%2Fdelegatedrole"),
                             ("../delegatedrole", "..%2Fdelegatedrole"), ("\u00e9 ~", "%C3%A9%20~"),
                             ("..", "..")):
            with self.subTest(name):
                self.use(Repository())
                self.repository.delegate("targets", name)
                self.repository.publish_all()
                self.assertEqual(self.download("absent"), 1)
                self.asked("2.root.json", "timestamp.json", "2.snapshot.json",
                           "2.targets.json", f"2.{quoted}.json")
                self.assertTrue(os.path.exists(f"{self.metadata}/{quoted}.json"))
                os.unlink(f"{self.metadata}/{quoted}.json")
                for role in TOP[1:]:
                    os.unlink(f"{self.metadata}/{role}.json")
                self.assertEqual(sorted(os.listdir(self.dir)),
                                 ["metadata", "targets", "trusted.json"])


class Rollback(Case):
    def setUp(self):
        super().setUp()
        self.repository.delegate("targets", "role")
        for _ in range(3):
            self.repository.publish_all()
        self.works(self.refresh())

    def test_timestamp(self):
        self.repository.signed["timestamp"]["version"] = 2
        self.repository.publish()
        self.fails(self.refresh(), "version 2, but 4 was seen before")
        self.trusts(1, 4, 4, 4)

    def test_snapshot(self):
        for hashes in (False, True):
            self.repository.meta_hashes = hashes
            self.repository.signed["snapshot"]["version"] = 2
            self.repository.publish(["timestamp"])
            self.fails(self.refresh(), "lists snapshot 2")
            self.trusts(1, 4, 4, 4)

    def test_targets(self):
        for hashes in (False, True):
            self.repository.meta_hashes = hashes
            self.repository.signed["targets"]["version"] = 2
            self.repository.publish(["timestamp", "snapshot"])
            self.fails(self.refresh(), "a file of version 4 is older now")
            self.trusts(1, self.repository.signed["timestamp"]["version"], 4, 4)

    def remove_role(self):
        del self.repository.signed["role"], self.repository.signed["snapshot"]["meta"]["role.json"]

    def test_a_removed_role(self):
        self.remove_role()
        self.repository.publish(["timestamp", "snapshot"])
        self.fails(self.refresh(), "a file of version 4 is gone")
        self.trusts(1, 5, 4, 4)

    def rotate(self, *roles):
        for role in roles:
            self.repository.appoint(role, [Key()])
        self.repository.new_root()

    def test_a_new_timestamp_key_ends_a_fast_forward(self):
        self.rotate("timestamp")
        self.repository.signed["timestamp"]["version"] = 1
        self.repository.publish()
        self.works(self.refresh())
        self.trusts(2, 1, 4, 4)

    def test_new_online_keys_end_a_fast_forward(self):
        self.rotate("timestamp", "snapshot")
        self.repository.signed["timestamp"]["version"] = 1
        self.repository.signed["snapshot"]["version"] = 1
        self.repository.publish()
        self.works(self.refresh())
        self.trusts(2, 1, 1, 4)

    def test_a_new_snapshot_key_lets_targets_begin_again(self):
        self.rotate("snapshot")
        self.remove_role()
        self.repository.signed["targets"]["version"] = 1
        self.repository.publish(["timestamp", "snapshot"])
        self.works(self.refresh())
        self.trusts(2, 5, 5, 1)


class Delegations(Case):
    """Graphs: who is visited, in which order."""

    def graph(self, *edges):
        self.use(Repository())
        for name in glob.glob(self.metadata + "/*.json"):
            if not name.endswith("/root.json"):
                os.unlink(name)
        keys = {}
        for delegator, name, *rest in edges:
            options = rest[0] if rest else {}
            keys[name] = self.repository.delegate(
                delegator, name, keys=keys.get(name), **options)
        self.repository.publish_all()

    def visits(self, path, *roles, found=False):
        code = self.download(path)
        metadata = [n for n in self.repository.requests if not n.startswith("target ")]
        self.assertEqual(metadata[:4], ["2.root.json", "timestamp.json", "2.snapshot.json",
                                        "2.targets.json"])
        self.assertEqual(metadata[4:], [f"2.{role}.json" for role in roles])
        self.assertEqual(code, 0 if found else 1, self.said)

    def test_nobody_to_ask(self):
        self.graph()
        self.visits("f")

    def test_siblings_in_order(self):
        self.graph(("targets", "A"), ("targets", "B"))
        self.visits("f", "A", "B")

    def test_depth_before_breadth(self):
        self.graph(("targets", "A"), ("targets", "B"), ("A", "C"), ("B", "D"), ("A", "E"))
        self.visits("f", "A", "C", "E", "B", "D")

    def test_a_diamond_is_visited_once(self):
        self.graph(("targets", "A"), ("targets", "B"), ("B", "C"), ("A", "D"), ("C", "D"))
        self.visits("f", "A", "D", "B", "C")

    def test_circles_end(self):
        self.graph(("targets", "A"), ("A", "A"), ("targets", "B"), ("B", "A"), ("A", "B"))
        self.visits("f", "A", "B")
        self.graph(("targets", "A"), ("A", "B"), ("B", "C"), ("C", "A"))
        self.visits("f", "A", "B", "C")

    def test_terminating_drops_later_siblings(self):
        self.graph(("targets", "A", {"terminating": True}), ("targets", "B"))
        self.visits("f", "A")

    def test_terminating_keeps_its_own_delegations(self):
        self.graph(("targets", "A", {"terminating": True}), ("targets", "B"), ("A", "C"),
                   ("A", "D"))
        self.visits("f", "A", "C", "D")

    def test_terminating_drops_siblings_of_ancestors(self):
        self.graph(("targets", "A"), ("targets", "B"), ("A", "C", {"terminating": True}),
                   ("A", "D"))
        self.visits("f", "A", "C")

    def test_terminating_keeps_earlier_siblings(self):
        self.graph(("targets", "A"), ("targets", "B", {"terminating": True}), ("targets", "C"),
                   ("A", "D"))
        self.visits("f", "A", "D", "B")

    def test_terminating_counts_only_where_it_covers(self):
        self.graph(("targets", "A", {"terminating": True, "paths": ["x/*"]}), ("targets", "B"))
        self.visits("f", "B")

    def test_every_hop_must_cover_the_path(self):
        self.graph(("targets", "A", {"paths": ["*.bin"]}), ("A", "B"), ("targets", "C"))
        self.visits("f.txt", "C")
        self.visits_again("f.bin", "A", "B")

    def visits_again(self, path, *roles):
        self.assertEqual(self.download(path), 1)
        self.asked("2.root.json", "timestamp.json", *[f"2.{role}.json" for role in roles])

    def test_patterns(self):
        for pattern, path, covered in (
                ("targets/*.tgz", "targets/foo.tgz", True), ("targets/*.tgz", "targets/foo.txt", False),
                ("targets/foo.tgz", "targets/foo.tgz", True), ("*", "a/b", False),
                ("foo-version-?.tgz", "foo-version-2.tgz", True),
                ("foo-version-?.tgz", "foo-version-alpha.tgz", False),
                ("*/b", "a/b", True), ("?", "\u20ac", True), ("[!a]", "a", False),
                ("[!a]", "b", True), ("releases/x/*", "releases/README.md", False)):
            with self.subTest(f"{pattern} {path}"):
                self.graph(("targets", "A", {"paths": [pattern]}))
                self.visits(path, *(["A"] if covered else []))

    def test_hash_prefixes(self):
        digest = hashlib.sha256(b"dir/f").hexdigest()
        for prefixes, covered in (([digest[:1]], True), ([digest[:7]], True), ([digest], True),
                                  (["zz", digest[:2]], True), (["0" * 64], False), ([], False)):
            self.graph(("targets", "A", {"paths": None, "path_hash_prefixes": prefixes}))
            self.visits("dir/f", *(["A"] if covered else []))

    def test_succinct_bins(self):
        for bits, digits in ((1, 1), (4, 1), (5, 2), (8, 2), (13, 4), (32, 8)):
            self.graph()
            key = Key()
            number = int(hashlib.sha256(b"f").hexdigest()[:8], 16) >> (32 - bits)
            name = f"bin-{number:0{digits}x}"
            self.repository.signed["targets"]["delegations"] = {
                "keys": {key.id: key.public},
                "succinct_roles": {"keyids": [key.id], "threshold": 1, "bit_length": bits,
                                   "name_prefix": "bin"}}
            self.repository.add_role(name, [key])
            self.repository.add_target("f", b"in a bin", name)
            self.repository.publish()
            self.works(self.download("f"))
            self.assertIn(f"1.{name}.json", self.repository.requests)

    def test_the_first_to_sign_it_wins(self):
        self.graph(("targets", "A"), ("targets", "B"))
        self.repository.add_target("f", b"of B", "B")
        self.repository.add_target("f", b"of A", "A")
        self.repository.publish_all()
        self.works(self.download("f"))
        self.assertEqual(list(self.on_disk().values()), [b"of A"])

    def test_a_role_the_snapshot_lacks_is_not_asked_for(self):
        self.graph(("targets", "A"), ("targets", "B"))
        del self.repository.signed["A"], self.repository.signed["snapshot"]["meta"]["A.json"]
        self.repository.publish()
        self.fails(self.download("f"), "does not list it")
        self.assertNotIn("A", "".join(self.repository.requests))

    def test_a_failing_role_ends_the_search(self):
        self.graph(("targets", "A"), ("targets", "B"))
        self.repository.add_target("f", b"of B", "B")
        self.repository.publish_all()
        del self.repository.served["3.A.json"]
        self.fails(self.download("f"), "does not have it")
        self.assertNotIn("3.B.json", self.repository.requests)

    def test_one_delegators_word_is_not_anothers(self):
        self.graph(("targets", "A", {"paths": ["a*"]}), ("targets", "B", {"paths": ["b*"]}),
                   ("A", "C"))
        stranger = Key()
        self.repository.delegate("B", "C", keys=[stranger])
        self.repository.add_target("a1", b"by A's word", "C")
        self.repository.add_target("b1", b"by B's word", "C")
        self.repository.publish_all()
        self.works(self.download("a1"))
        self.fails(self.download("a1", "b1"), "C: signed by 0 of the 1 keys")
        self.fails(self.download("b1"), "C: signed by 0 of the 1 keys")
        self.assertEqual(list(self.on_disk().values()), [b"by A's word"])
        self.repository.signers["C"].append(stranger)
        self.repository.publish_all()
        self.works(self.download("a1", "b1", "a1"))

    def test_a_chain_too_long_is_given_up(self):
        self.graph(("targets", "r0"), *[(f"r{i}", f"r{i + 1}") for i in range(40)])
        self.fails(self.download("f"), "gave up the search after 32 roles")


class Rotations(Case):
    def test_sequences_of_roots(self):
        first = self.repository.signers["root"][0]
        keys = [first, Key(), Key(), Key()]
        # (keys named, threshold, signers, accepted)
        for steps in (
                [([1], 1, [0, 1], True)],
                [([1], 1, [0], False)],
                [([1], 1, [1], False)],
                [([0, 1], 2, [0, 1], True), ([1, 2], 2, [0, 1, 2], True)],
                [([0, 1], 2, [0], False)],
                [([0, 1], 2, [0, 1], True), ([2], 1, [0, 2], False)],
                [([0, 1], 2, [0, 1], True), ([2], 1, [0, 1, 2], True)],
                [([0, 1, 2], 2, [0, 1], True), ([1, 2, 3], 2, [2, 1], True),
                 ([3], 1, [3, 1], True), ([0], 1, [0, 3], True)],
                [([0, 1, 2], 2, [0, 1], True), ([3], 1, [3, 1], False)],
                [([1], 1, [0, 1], True), ([1], 1, [0], False)],
                [([0], 2, [0], False)]):
            with self.subTest(steps):
                self.use(Repository())
                self.repository.signers["root"] = [first]
                self.repository.appoint("root", [first])
                self.repository.signed["root"]["version"] = 1
                self.repository.publish_root()
                self.use(self.repository)
                for number, (named, threshold, signers, accepted) in enumerate(steps, 2):
                    self.repository.appoint("root", [keys[i] for i in named], threshold)
                    self.repository.new_root([keys[i] for i in signers])
                    self.assertEqual(self.refresh() == 0, accepted, self.said)
                    with open(self.metadata + "/root.json", "rb") as file:
                        version = json.load(file)["signed"]["version"]
                    self.assertEqual(version, number if accepted else number - 1)

    def test_other_roles(self):
        for role in TOP[1:]:
            keys = [Key() for _ in range(4)]
            for named, threshold, signers, accepted in (
                    ([1], 1, [1], True), ([1], 1, [2], False), ([1, 2], 2, [1, 2], True),
                    ([1, 2], 2, [1], False), ([1, 2, 3], 2, [3, 1], True),
                    ([1, 2], 1, [2], True), ([1], 1, [], False)):
                with self.subTest(f"{role} {named} {signers}"):
                    self.use(Repository())
                    for old in TOP[1:]:
                        if os.path.exists(f"{self.metadata}/{old}.json"):
                            os.unlink(f"{self.metadata}/{old}.json")
                    self.works(self.refresh())
                    self.repository.appoint(role, [keys[i] for i in named], threshold)
                    self.repository.signers[role] = [keys[i] for i in signers]
                    self.repository.new_root()
                    self.repository.publish_all()
                    self.assertEqual(self.refresh() == 0, accepted, self.said)
                    with open(f"{self.metadata}/{role}.json", "rb") as file:
                        version = json.load(file)["signed"]["version"]
                    self.assertEqual(version, 2 if accepted else 1)

    def test_a_long_walk(self):
        self.repository.signed["root"]["expires"] = days(-1)
        for _ in range(1100):
            self.repository.new_root()
        self.repository.signed["root"]["expires"] = days(1)
        self.repository.new_root()
        self.works(self.refresh())
        self.trusts(1102, 1, 1, 1)


class Hostile(Case):
    def endless(self, handler):
        handler.send_response(200)
        handler.end_headers()
        try:
            for _ in range(100000):
                handler.wfile.write(b" " * 65536)
                self.sent += 65536
        except OSError:
            pass

    def test_endless_data(self):
        for name in ("2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"):
            self.use(Repository())
            for role in TOP[1:]:
                if os.path.exists(f"{self.metadata}/{role}.json"):
                    os.unlink(f"{self.metadata}/{role}.json")
            self.sent = 0
            self.repository.served[name] = self.endless
            self.fails(self.refresh(), "more than")
            self.assertLess(self.sent, 16 << 20)

    def test_no_document_at_all(self):
        for raw in (b"", b"{", b"[]", b"null", b"\xff", b"{}", b'{"signed":{},"signatures":[]}'):
            self.repository.served["timestamp.json"] = raw
            self.assertEqual(self.refresh(), 1)
            self.trusts(1, None, None, None)

    def test_a_broken_copy_on_disk_is_fetched_again(self):
        self.works(self.refresh())
        for role in TOP[1:]:
            with open(f"{self.metadata}/{role}.json", "wb") as out:
                out.write(b"{")
        self.works(self.refresh())
        self.trusts(1, 1, 1, 1)


if __name__ == "__main__":
    CLIENT = os.path.abspath(sys.argv.pop(1))
    unittest.main()
