#!/usr/bin/python3
"""tests/tuf-client against repositories that rotate, lie and lose things.

usage: test_tuf_client.py TUF_CLIENT
"""
import glob
import json
import os
import subprocess

from tuf_case import CLIENT, TOP, Case, main
from tuf_repository import Key, Repository, days


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
        if "asan" in subprocess.run(["ldd", CLIENT[0]], capture_output=True, text=True,
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
    main()
