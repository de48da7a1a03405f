#!/usr/bin/python3
"""tests/tuf-client finding and fetching targets: keys, delegations, names, content.

usage: test_tuf_targets.py TUF_CLIENT
"""
import glob
import hashlib
import os

from cryptography.hazmat.primitives.asymmetric import padding

from tuf_case import TOP, Case, main
from tuf_repository import Key, Repository, days


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


if __name__ == "__main__":
    main()
