#!/usr/bin/python3
"""tests/tuf-client with what is met in the wild: every way keys are rotated, repositories
shaped like those of tuf-on-ci and Sigstore, what is stored after each failure, slow servers.

usage: test_tuf_wild.py TUF_CLIENT
"""
import glob
import hashlib
import json
import os
import subprocess
import threading

from tuf_case import CLIENT, TOP, Case, main
from tuf_repository import Key, Repository, Server, canonical, days

GOOD, BAD = True, False


class RootRotations(Case):
    """Each step is a root: the keys it names, its threshold, who signs it, the outcome."""

    SEQUENCES = {
        "one key for another": [([1], 1, [1]), ([2], 1, [2, 1]), ([2], 1, [2])],
        "with signatures nobody asked for": [
            ([1], 1, [3, 1, 4]), ([2], 1, [3, 2, 1, 4]), ([2], 1, [3, 2, 4])],
        "without the old key": [([1], 1, [1]), ([2], 1, [2, 3, 4], BAD)],
        "without the new key": [([1], 1, [1]), ([2], 1, [1, 3, 4], BAD)],
        "3 of 5, whichever": [
            ([0, 1, 2, 3, 4], 3, [0, 2, 4]), ([0, 1, 2, 3, 4], 3, [0, 4, 1]),
            ([0, 1, 2, 3, 4], 3, [0, 1, 3]), ([0, 1, 2, 3, 4], 3, [0, 1, 3])],
        "3 of 5, one replaced": [
            ([0, 1, 2, 3, 4], 3, [0, 2, 4]), ([0, 1, 3, 4, 5], 3, [0, 4, 1])],
        "3 of 5, one replaced, too few of the old": [
            ([0, 1, 2, 3, 4], 3, [0, 2, 4]), ([0, 1, 3, 4, 5], 3, [0, 4, 5], BAD)],
        "3 of 5, one replaced, too few of the new": [
            ([0, 1, 2, 3, 4], 3, [0, 2, 4]), ([0, 1, 3, 4, 5], 3, [0, 2, 4], BAD)],
        "3 of 5, one replaced, in a step between": [
            ([0, 1, 2, 3, 4], 3, [0, 2, 4]), ([0, 1, 3, 4, 5], 3, [0, 2, 4, 5]),
            ([0, 1, 3, 4, 5], 3, [0, 4, 5])],
        "3 of 5, all replaced, in a step between": [
            ([0, 1, 2, 3, 4], 3, [0, 2, 4]), ([5, 6, 7, 8, 9], 3, [0, 2, 4, 5, 6, 7]),
            ([5, 6, 7, 8, 9], 3, [5, 6, 7])],
        "from 1 of 3 to 2 of 3": [([1, 2, 3], 1, [1]), ([1, 2, 3], 2, [1, 2])],
        "from 1 of 3 to 2 of 3, signed by 1": [([1, 2, 3], 1, [1]), ([1, 2, 3], 2, [1], BAD)],
        "from 2 of 3 to 1 of 3": [
            ([1, 2, 3], 2, [1, 2]), ([1, 2, 3], 1, [1, 2]), ([1, 2, 3], 1, [1])],
        "from 2 of 3 to 1 of 3, signed by 1": [
            ([1, 2, 3], 2, [1, 2]), ([1, 2, 3], 1, [1], BAD)],
        "from 1 of 2 to 2 of 2": [([1], 1, [1]), ([1, 2], 2, [1, 2])],
        "a root that vouches for nobody": [([1], 1, [1]), ([1], 1, [], BAD)],
    }

    def first(self, keys, step):
        self.use(Repository())
        for role in TOP[1:]:
            if os.path.exists(f"{self.metadata}/{role}.json"):
                os.unlink(f"{self.metadata}/{role}.json")
        self.repository.signed["root"].update(version=1)
        self.repository.appoint("root", [keys[i] for i in step[0]], step[1])
        self.repository.publish_root([keys[i] for i in step[2]])
        self.use(self.repository)
        self.works(self.refresh())
        self.trusts(1, 1, 1, 1)

    def test_every_sequence(self):
        keys = [Key() for _ in range(10)]
        for name, steps in self.SEQUENCES.items():
            with self.subTest(name):
                self.first(keys, steps[0])
                for number, step in enumerate(steps[1:], 2):
                    good = len(step) == 3
                    self.repository.appoint("root", [keys[i] for i in step[0]], step[1])
                    self.repository.new_root([keys[i] for i in step[2]])
                    code = self.refresh()
                    if good:
                        self.works(code)
                        self.asked(f"{number}.root.json", f"{number + 1}.root.json",
                                   "timestamp.json")
                    else:
                        self.fails(code, f"{number}.root.json: signed by")
                        self.asked(f"{number}.root.json")
                    self.trusts(number if good else number - 1, 1, 1, 1)

    def test_all_at_once(self):
        keys = [Key() for _ in range(10)]
        for name, steps in self.SEQUENCES.items():
            with self.subTest(name):
                self.first(keys, steps[0])
                for step in steps[1:]:
                    self.repository.appoint("root", [keys[i] for i in step[0]], step[1])
                    self.repository.new_root([keys[i] for i in step[2]])
                good = len(steps[-1]) == 3
                self.assertEqual(self.refresh() == 0, good, self.said)
                self.trusts(len(steps) if good else len(steps) - 1, 1, 1, 1)


class OtherRotations(Case):
    SEQUENCES = {
        "one key for another": [([1], 1, [1]), ([2], 1, [2])],
        "with signatures nobody asked for": [([1], 1, [3, 1, 4]), ([2], 1, [3, 2, 4])],
        "signed by the old key only": [([1], 1, [1]), ([2], 1, [1, 3, 4], BAD)],
        "3 of 5, one replaced": [
            ([0, 1, 2, 3, 4], 3, [0, 2, 4]), ([0, 1, 3, 4, 5], 3, [5, 1, 0])],
        "3 of 5, one replaced, too few": [
            ([0, 1, 2, 3, 4], 3, [0, 2, 4]), ([0, 1, 3, 4, 5], 3, [0, 2, 4], BAD)],
        "threshold raised": [([1, 2, 3], 1, [1]), ([1, 2, 3], 2, [1, 2])],
        "threshold raised, too few": [([1, 2, 3], 1, [1]), ([1, 2, 3], 2, [2], BAD)],
        "threshold lowered": [([1, 2, 3], 2, [1, 2]), ([1, 2, 3], 1, [3])],
        "nobody signs": [([1], 1, [1]), ([1], 1, [], BAD)],
        "3 of 5, all replaced": [
            ([0, 1, 2, 3, 4], 3, [0, 2, 4]), ([5, 6, 7, 8, 9], 3, [9, 7, 5])],
    }

    def test_every_sequence_of_every_role(self):
        keys = [Key() for _ in range(10)]
        for role in TOP[1:]:
            for name, steps in self.SEQUENCES.items():
                with self.subTest(f"{role}: {name}"):
                    self.use(Repository())
                    for path in glob.glob(self.metadata + "/[st]*.json"):
                        os.unlink(path)
                    for number, step in enumerate(steps, 2):
                        self.repository.appoint(role, [keys[i] for i in step[0]], step[1])
                        self.repository.signers[role] = [keys[i] for i in step[2]]
                        self.repository.new_root()
                        self.repository.publish_all()
                        good = len(step) == 3
                        self.assertEqual(self.refresh() == 0, good, self.said)
                        self.stored(role, number if good else number - 1)

    def stored(self, role, version):
        with open(f"{self.metadata}/{role}.json", "rb") as file:
            self.assertEqual(json.load(file)["signed"]["version"], version)


class Expired(Case):
    def test_a_trusted_root_may_have_expired(self):
        self.repository.signed["root"]["expires"] = days(-9)
        self.repository.publish_root()
        self.use(self.repository)
        self.fails(self.refresh(), "root: authentic, but it has expired")
        self.asked("2.root.json")
        self.trusts(1, None, None, None)
        self.repository.signed["root"]["expires"] = days(9)
        self.repository.new_root()
        self.works(self.refresh())
        self.asked("2.root.json", "3.root.json", "timestamp.json", "1.snapshot.json",
                   "1.targets.json")

    def test_a_stored_copy_that_expired_is_asked_for_again(self):
        """Not newer: what comes is the same file, and has expired as well."""
        self.works(self.refresh())
        for role, asked in (("targets", ["2.snapshot.json", "2.targets.json"]),
                            ("snapshot", ["3.snapshot.json"])):
            self.repository.signed[role]["expires"] = days(-1)
            self.repository.publish_all()
            for name in (role, "timestamp"):
                with open(f"{self.metadata}/{name}.json", "wb") as out:
                    out.write(self.repository.served[f"{name}.json"])
            self.fails(self.refresh(), f"{role}: authentic, but it has expired")
            self.asked("2.root.json", "timestamp.json", *asked)
            self.repository.signed[role]["expires"] = days(9)
        self.repository.publish_all()
        self.works(self.refresh())

    def test_delegated_metadata_expire_too(self):
        self.repository.delegate("targets", "role")
        self.repository.add_target("f", b"f", "role")
        self.repository.publish_all()
        self.works(self.download("f"))
        self.repository.signed["role"]["expires"] = days(-1)
        self.repository.publish_all()
        self.fails(self.download("f"), "role: authentic, but it has expired")
        self.trusts(1, 3, 3, 3, role=2)


def ecdsa_of_ci():
    """A key as tuf-on-ci writes them: members of its own, and an id that is no hash."""
    key = Key("ecdsa")
    key.public = {**key.public, "keyval": dict(key.public["keyval"]),
                  "x-tuf-on-ci-keyowner": "@holder", "x-tuf-on-ci-online-uri": "gcpkms:x"}
    key.id = hashlib.sha256(canonical(key.public["keyval"]).encode()).hexdigest()
    return key


class Wild(Case):
    """As the public repositories are that were made by other hands."""

    def setUp(self):
        super().setUp()
        self.holders = [ecdsa_of_ci() for _ in range(5)]
        online = ecdsa_of_ci()
        root = self.repository.signed["root"]
        root["keys"] = {}
        for role, keys, threshold in (("root", self.holders, 3), ("targets", self.holders, 3),
                                      ("snapshot", [online], 1), ("timestamp", [online], 1)):
            self.repository.appoint(role, keys, threshold)
            root["roles"][role].update({"x-tuf-on-ci-expiry-period": 182,
                                        "x-tuf-on-ci-signing-period": 35})
        for role in TOP:
            self.repository.signed[role].update({
                "spec_version": "1.0", "x-tuf-on-ci-expiry-period": 7})
        self.repository.signed["targets"]["version"] = 11
        # Those who did not sign yet are there, with nothing for a signature.
        for holder in self.holders[:2]:
            holder.sign = lambda data: ""
        self.npm = [ecdsa_of_ci()]
        self.repository.delegate("targets", "registry.example.org", ["registry.example.org/*",
                                 "registry.example.org/*/*"], keys=self.npm, terminating=True)
        self.repository.add_target("trusted_root.json", b"{}", custom={
            "sigstore": {"status": "Active", "uri": "https://example.org", "usage": "Unknown"}})
        self.repository.add_target("registry.example.org/keys/a.json", b"key", self.npm_role())
        root["version"] = 12
        self.repository.publish_root()
        self.repository.publish()
        self.repository.served["1.root.json"] = self.repository.served["12.root.json"]
        self.use(self.repository)

    def npm_role(self):
        return "registry.example.org"

    def test_refresh_and_download(self):
        self.works(self.download("trusted_root.json", "registry.example.org/keys/a.json"))
        self.trusts(12, 1, 1, 11, **{"registry.example.org": 1})
        self.assertEqual(sorted(self.on_disk().values()), [b"key", b"{}"])
        self.repository.requests.clear()
        self.works(self.refresh())
        self.asked("13.root.json", "timestamp.json")

    def test_what_no_pattern_covers_is_not_asked_for(self):
        self.fails(self.download("registry.example.org/too/deep/a.json"), "no role signs it")
        self.assertNotIn("1.registry.example.org.json", self.repository.requests)

    def test_too_few_real_signatures(self):
        self.holders[2].sign = lambda data: ""
        self.repository.publish_all()
        self.fails(self.refresh(), "targets: signed by 2 of the 3 keys")


class Orders(Case):
    def test_files_are_in_the_order_of_the_names(self):
        names = [f"f{number}" for number in range(30)]
        for name in names:
            self.repository.add_target(name, name.encode())
        self.repository.publish_all()
        self.works(self.download(*reversed(names)))
        found = sorted(os.scandir(self.targets), key=lambda entry: entry.stat().st_mtime_ns)
        self.assertEqual([entry.name for entry in found], names[::-1])

    def test_so_they_are_at_another_time(self):
        if "asan" in subprocess.run(["ldd", CLIENT[0]], capture_output=True, text=True,
                                    check=True).stdout:
            self.skipTest("the sanitizer must be loaded before libfaketime")
        names = [f"f{number}" for number in range(10)]
        for name in names:
            self.repository.add_target(name, name.encode())
        self.repository.publish_all()
        self.works(self.download(*names, before=["faketime", "2026-01-01 00:00:00"]))
        found = sorted(os.scandir(self.targets), key=lambda entry: entry.stat().st_mtime_ns)
        self.assertEqual([entry.name for entry in found], names)

    def test_a_directory_that_is_not_there_is_made(self):
        self.repository.add_target("f", b"f")
        self.repository.publish_all()
        os.rmdir(self.targets)
        self.works(self.download("f"))
        self.assertEqual(self.on_disk(), {"f": b"f"})

    def test_a_url_is_not_decoded_and_needs_no_slash(self):
        self.repository.add_target("f", b"f")
        self.repository.publish_all()
        for prefix in ("/metadata", "/metadata/"):
            self.repository.requests.clear()
            self.works(self.run_client("--metadata-url", self.server.url + prefix, "refresh"))
            self.assertEqual(self.repository.requests[:2], ["2.root.json", "timestamp.json"])
        self.fails(self.run_client("--metadata-url", self.server.url + "/a%5Bb%3F/../metadata/",
                                   "refresh"), "does not have it")
        self.assertEqual(self.server.paths[-2:], ["/a%5Bb%3F/../metadata/2.root.json",
                                                  "/a%5Bb%3F/../metadata/timestamp.json"])


class Slow(Case):
    """Servers that keep a client waiting for ever; it has patience of its own."""

    def silent(self, handler):
        self.stop.wait(120)

    def headers_only(self, handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        self.stop.wait(120)

    def trickle(self, handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        try:
            while not self.stop.wait(0.1):
                handler.wfile.write(b" ")
                handler.wfile.flush()
        except OSError:
            pass

    def test_no_server_is_waited_for_for_ever(self):
        self.stop = threading.Event()
        self.addCleanup(self.stop.set)
        ends = {}

        def one(case, answer):
            case.repository.served["timestamp.json"] = answer
            ends[answer.__name__] = (case.refresh(), case.said)

        cases, threads = [], []
        for answer in (self.silent, self.headers_only, self.trickle):
            case = type(self)("test_no_server_is_waited_for_for_ever")
            case.server = Server()
            case.setUp()
            cases.append(case)
            threads.append(threading.Thread(target=one, args=(case, answer)))
            threads[-1].start()
        for case, thread in zip(cases, threads):
            thread.join()
        self.stop.set()
        for case in cases:
            case.trusts(1, None, None, None)
            case.doCleanups()
            case.server.close()
        self.assertEqual([ends[name][0] for name in sorted(ends)], [1, 1, 1], ends)
        for _, said in ends.values():
            self.assertIn("timestamp.json: ", said)
            self.assertIn("imeout was reached", said)


if __name__ == "__main__":
    main()
