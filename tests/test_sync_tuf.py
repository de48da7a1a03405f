#!/usr/bin/python3
"""courier beside a TUF repository: a stand-in for Mender, and a real nginx.

usage: test_sync_tuf.py COURIER TRIP_TOOL COURIER_ADMIN [TEST...]
"""

import contextlib
import datetime
import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "lab")]

import tuf_repository  # noqa: E402
from labtool.repository_side import RepositorySide  # noqa: E402
from labtool.trip import Trip  # noqa: E402

COURIER = TRIP_TOOL = ADMIN = None
TOP = {"metadata/timestamp.json", "metadata/1.snapshot.json", "metadata/1.targets.json"}


def moment(text):
    return int(datetime.datetime.strptime(text + "+0000", "%Y-%m-%dT%H:%M:%SZ%z").timestamp())


class Base(unittest.TestCase):
    """One device, one release; a repository whose bins say who installs what."""
    consistent = True

    def setUp(self):
        self.trip = trip = Trip(COURIER, TRIP_TOOL)
        self.addCleanup(trip.done)
        self.side = RepositorySide(trip.lab)
        self.repository = tuf_repository.Repository(consistent=self.consistent)
        self.sequence = 0

    def configure(self, root="1.root.json"):
        self.side.configure(self.trip.home, self.repository, root)

    def begin(self, *names, size=20000, deploy=True):
        self.names = names or ("pump-1",)
        self.trip.enrol(*self.names)
        self.configure()
        self.artifact = self.release("rel-2", size)
        if deploy:
            self.deployment = self.trip.deploy("rel-2", *self.names)

    def release(self, name, size=20000):
        self.trip.release(name, size)
        with open(self.trip.lab.path("artifacts", name + ".mender"), "rb") as file:
            return file.read()

    def direct(self, name, role="targets", artifact=None, **changes):
        artifact = self.artifact if artifact is None else artifact
        self.sequence += 1
        document = {
            "_type": "direction", "version": 1, "device": name,
            "deployment": self.deployment, "sequence": self.sequence,
            "artifacts": [{"path": "artifacts/rel-2.mender", "length": len(artifact),
                           "sha256": hashlib.sha256(artifact).hexdigest()}]}
        document.update(changes)
        self.repository.add_target("devices/%s/direction.json" % name,
                                   json.dumps(document).encode(), role)

    def publish(self, bump=()):
        self.repository.publish(bump)
        self.side.publish(self.repository)

    def publish_all(self):
        self.repository.publish_all()
        self.side.publish(self.repository)

    def vouch(self, *devices):
        """Artifact and directions, published."""
        self.repository.add_target("artifacts/rel-2.mender", self.artifact)
        for device in devices or self.names:
            self.direct(device)
        self.publish()

    def sync(self, *words, status=0):
        """(fact of the repository, {device: fact})."""
        facts = self.trip.courier("sync", *words, status=status)
        about = [fact for fact in facts if "repository" in fact and "device" not in fact]
        return about[0], {fact["device"]: fact for fact in facts if "device" in fact}

    def plan(self, *words, status=0):
        return {fact["device"]: fact for fact in self.trip.courier("plan", *words,
                                                                   status=status)}


class Journey(Base):
    def test_what_is_fetched_and_what_is_told(self):
        self.begin()
        self.vouch()
        since = self.side.mark()
        about, devices = self.sync()
        self.assertTrue(about["fresh"])
        self.assertEqual([about[role] for role in ("root", "timestamp", "snapshot", "targets")],
                         [1, 1, 1, 1])
        fact = devices["pump-1"]
        self.assertTrue(fact["carrying"])
        self.assertEqual(fact["repository"], "fleet")
        self.assertNotIn("problem", fact)
        given = self.side.given(since)
        self.assertEqual(set(given[:3]), TOP)
        self.assertTrue(given[3].endswith(".direction.json"))
        self.assertEqual(len(given), 4)
        self.assertTrue(self.plan()["pump-1"]["vouched"])

    def test_only_what_changed_is_fetched(self):
        self.begin()
        self.vouch()
        self.sync()
        since = self.side.mark()
        about, _ = self.sync()
        self.assertEqual(self.side.given(since), ["metadata/timestamp.json"])
        self.assertEqual(about["files"], 1)
        self.direct("pump-1")
        self.publish_all()
        since = self.side.mark()
        self.sync()
        given = self.side.given(since)
        self.assertEqual(given[:3], ["metadata/timestamp.json", "metadata/2.snapshot.json",
                                     "metadata/2.targets.json"])
        self.assertEqual(len(given), 4)

    def test_status_says_how_long_it_lasts(self):
        self.begin()
        (fact,) = self.trip.courier("status")
        self.assertEqual(fact["repositories"], [{"repository": "fleet"}])
        self.repository.signed["timestamp"]["expires"] = until = tuf_repository.days(1)
        self.vouch()
        self.sync()
        (fact,) = self.trip.courier("status")
        self.assertEqual(fact["repositories"], [{
            "repository": "fleet", "root": 1, "timestamp": 1, "snapshot": 1, "targets": 1,
            "until": moment(until), "limit": "timestamp", "expired": False}])

    def test_metadata_only_fetches_no_artifact(self):
        self.begin()
        self.repository.signed["timestamp"]["expires"] = tuf_repository.days(1)
        self.vouch()
        self.sync()
        self.repository.signed["timestamp"]["expires"] = tuf_repository.days(20)
        self.publish(["timestamp"])
        requests, since = self.trip.mark(), self.side.mark()
        about, devices = self.sync("--metadata-only")
        self.assertEqual(self.trip.requests("", requests), [])
        self.assertEqual(self.side.given(since), ["metadata/timestamp.json"])
        self.assertLess(about["bytes"], 5000)
        self.assertTrue(devices["pump-1"]["carrying"])
        self.assertEqual(about["timestamp"], 2)
        self.plan("--until", tuf_repository.days(10))

    def test_without_a_repository_there_is_no_metadata_only(self):
        self.begin()
        with open(os.path.join(self.trip.home, "courier.conf"), "r+",
                  encoding="utf-8") as file:
            text = file.read().split("[repository")[0]
            file.truncate(0)
            file.seek(0)
            file.write(text)
        self.trip.courier("sync", "--metadata-only", status=2)
        self.assertIn("[repository NAME]", self.trip.said)

    def test_the_role_that_ends_first_limits_the_trip(self):
        self.begin()
        self.repository.delegate("targets", "far", ["devices/*/direction.json"],
                                 terminating=True)
        self.repository.signed["far"]["expires"] = until = tuf_repository.days(5)
        self.repository.add_target("artifacts/rel-2.mender", self.artifact)
        self.direct("pump-1", "far")
        self.publish(["targets"])
        _, devices = self.sync()
        self.assertEqual(devices["pump-1"]["limit"], "far")
        self.assertEqual(devices["pump-1"]["vouched_until"], moment(until))
        fact = self.plan()["pump-1"]
        self.assertEqual((fact["limit"], fact["repository"], fact["until"]),
                         ("far", "fleet", moment(until)))
        fact = self.plan("--until", tuf_repository.days(6), status=11)["pump-1"]
        self.assertIn("far of repository fleet ends", fact["blockers"][0]["why"])
        self.trip.courier("sync", "--until", tuf_repository.days(6), status=11)
        self.assertIn("role far of repository fleet", self.trip.said)
        self.trip.courier("sync", "--until", tuf_repository.days(4))

    def test_every_root_is_kept_though_trust_begins_later(self):
        self.begin()
        for _ in range(3):
            self.repository.new_root()
        self.configure("3.root.json")
        self.vouch()
        since = self.side.mark()
        about, _ = self.sync()
        self.assertEqual(about["root"], 4)
        roots = [path for path in self.side.given(since) if path.endswith("root.json")]
        self.assertEqual(sorted(roots), ["metadata/%d.root.json" % i for i in (1, 2, 4)])
        since = self.side.mark()
        self.sync()
        self.assertEqual(self.side.given(since), ["metadata/timestamp.json"])

    def test_another_root_begins_anew(self):
        self.begin()
        self.vouch()
        self.sync()
        self.repository = tuf_repository.Repository()
        self.vouch()
        about, _ = self.sync(status=14)
        self.assertIn("timestamp", about["problem"])
        self.assertTrue(self.plan()["pump-1"]["vouched"])  # what was carried still is
        self.configure()
        about, _ = self.sync()
        self.assertTrue(about["fresh"])


class NotConsistent(Journey):
    """The same of a repository that keeps one version of each file."""
    consistent = False

    def test_what_is_fetched_and_what_is_told(self):
        self.begin()
        self.vouch()
        since = self.side.mark()
        about, devices = self.sync()
        self.assertTrue(about["fresh"])
        self.assertEqual(self.side.given(since), [
            "metadata/timestamp.json", "metadata/snapshot.json", "metadata/targets.json",
            "targets/devices/pump-1/direction.json"])
        self.assertNotIn("problem", devices["pump-1"])

    def test_only_what_changed_is_fetched(self):
        self.begin()
        self.vouch()
        self.sync()
        since = self.side.mark()
        self.sync()
        self.assertEqual(self.side.given(since), ["metadata/timestamp.json"])
        self.direct("pump-1")
        self.publish_all()
        since = self.side.mark()
        self.sync()
        self.assertEqual(self.side.given(since), [
            "metadata/timestamp.json", "metadata/snapshot.json", "metadata/targets.json",
            "targets/devices/pump-1/direction.json"])
        self.assertTrue(self.plan()["pump-1"]["vouched"])


class Mismatch(Base):
    def assert_blocked(self, status, text):
        _, devices = self.sync(status=status)
        self.assertIn(text, devices["pump-1"]["problem"])
        fact = self.plan(status=status)["pump-1"]
        self.assertIn(text, " ".join(one["why"] for one in fact["blockers"]))

    def test_another_artifact_than_the_servers(self):
        self.begin()
        self.artifact += b" "
        self.vouch()
        self.assert_blocked(14, "the server's artifact is not the one")

    def test_a_direction_to_what_nobody_vouches_for(self):
        self.begin()
        self.direct("pump-1")
        self.publish()
        self.assert_blocked(14, "for which nobody vouches")

    def test_direction_and_repository_disagree(self):
        self.begin()
        self.repository.add_target("artifacts/rel-2.mender", self.artifact + b"x")
        self.direct("pump-1")
        self.publish()
        self.assert_blocked(14, "disagree")

    def test_a_direction_for_another_deployment(self):
        self.begin()
        self.repository.add_target("artifacts/rel-2.mender", self.artifact)
        self.direct("pump-1", deployment="another")
        self.publish()
        self.assert_blocked(40, "is for deployment another")

    def test_a_direction_that_names_another_device(self):
        self.begin()
        self.repository.add_target("artifacts/rel-2.mender", self.artifact)
        self.direct("pump-1", device="pump-2")
        self.publish()
        self.assert_blocked(13, "names device pump-2")

    def test_a_direction_for_another_type(self):
        self.begin()
        self.repository.add_target("artifacts/rel-2.mender", self.artifact)
        self.direct("pump-1", artifacts=[{
            "path": "artifacts/rel-2.mender", "length": len(self.artifact),
            "sha256": hashlib.sha256(self.artifact).hexdigest(), "device_type": "valve"}])
        self.publish()
        self.assert_blocked(13, "no artifact for a device of type pump")

    def test_a_direction_that_cannot_be_read(self):
        self.begin()
        self.repository.add_target("artifacts/rel-2.mender", self.artifact)
        self.direct("pump-1", version=2)
        self.publish()
        self.assert_blocked(1, "version")

    def test_a_direction_that_is_not_there_holds_up_nobody_else(self):
        self.begin("pump-1", "pump-2")
        self.vouch()
        lost = self.repository.files.pop("devices/pump-1/direction.json")
        self.side.publish(self.repository)
        _, devices = self.sync(status=4)
        self.assertIn("does not have it", devices["pump-1"]["problem"])
        self.assertNotIn("problem", devices["pump-2"])
        self.assertTrue(self.plan("pump-2")["pump-2"]["vouched"])
        self.repository.files["devices/pump-1/direction.json"] = lost
        self.side.publish(self.repository)
        self.sync()
        self.assertTrue(self.plan("pump-1")["pump-1"]["vouched"])

    def test_without_direction_the_artifact_is_vouched_for(self):
        self.begin()
        self.repository.add_target("artifacts/rel-2.mender", self.artifact)
        self.publish()
        _, devices = self.sync()
        self.assertEqual(devices["pump-1"]["repository"], "fleet")
        self.assertTrue(self.plan()["pump-1"]["vouched"])

    def test_of_which_no_repository_speaks(self):
        self.begin()
        self.publish()
        _, devices = self.sync()
        self.assertNotIn("repository", devices["pump-1"])
        self.assertFalse(self.plan()["pump-1"]["vouched"])


class Rehearsal(Base):
    """What the device said of itself on its last visit counts."""

    def carry(self, **facts):
        self.begin()
        self.trip.visit("pump-1", **facts)
        self.vouch()

    def blocker(self, status):
        return " ".join(one["why"] for one in self.plan(status=status)["pump-1"]["blockers"])

    def test_a_device_that_has_newer_metadata(self):
        self.carry(tuf_root=1, tuf_timestamp=2)
        self.sync()
        self.assertIn("already has newer metadata", self.blocker(40))
        self.publish_all()
        self.sync("--metadata-only")
        self.assertTrue(self.plan()["pump-1"]["vouched"])

    def test_a_device_that_has_a_newer_direction(self):
        self.carry(tuf_root=1, tuf_sequence=5)
        self.sync()
        self.assertIn("direction 1, but 5 was seen before", self.blocker(40))

    def test_what_a_thief_raised_is_void_after_the_keys_were_changed(self):
        self.carry(tuf_root=1, tuf_timestamp=900, tuf_sequence=900)
        self.sync()
        self.assertIn("already has newer metadata", self.blocker(40))
        for role in ("timestamp", "snapshot"):
            self.repository.appoint(role, [tuf_repository.Key()])
        self.repository.new_root()
        self.publish()
        self.sync("--metadata-only")
        self.assertTrue(self.plan()["pump-1"]["vouched"])

    def test_a_device_whose_root_is_not_there(self):
        self.carry(tuf_root=3)
        self.sync()
        self.assertIn("trusts root 3", self.blocker(40))

    def test_a_device_that_wants_a_direction_and_has_none(self):
        self.begin()
        self.trip.visit("pump-1", tuf_root=1)
        self.repository.add_target("artifacts/rel-2.mender", self.artifact)
        self.publish()
        self.sync()
        self.assertIn("nothing directs this device", self.blocker(13))

    def test_a_device_that_wants_one_when_no_repository_speaks_of_it(self):
        self.begin()
        self.trip.visit("pump-1", tuf_root=1)
        self.publish()
        _, devices = self.sync(status=40)
        self.assertIn("no repository speaks of it", devices["pump-1"]["problem"])
        self.assertIn("directs it to", self.blocker(40))

    def test_a_device_that_does_not_ask_is_not_bothered(self):
        self.begin()
        self.trip.visit("pump-1")
        self.artifact += b" "
        self.vouch()
        _, devices = self.sync()
        self.assertNotIn("problem", devices["pump-1"])
        self.assertEqual(self.plan()["pump-1"]["blockers"], [])


class Several(Base):
    def test_one_named_brings_what_the_others_need(self):
        """After a sync of one device, what is carried for the others still hangs together."""
        self.begin("pump-1", "pump-2")
        self.vouch()
        self.sync()
        self.direct("pump-2")
        self.publish_all()
        self.sync("pump-1")
        facts = self.plan()
        self.assertTrue(facts["pump-1"]["vouched"])
        self.assertTrue(facts["pump-2"]["vouched"])

    def test_what_nobody_needs_any_more_is_dropped(self):
        self.begin()
        self.vouch()
        self.sync()
        before = self.rows()
        for _ in range(3):
            self.direct("pump-1")
            self.publish_all()
            self.sync()
        self.assertEqual(self.rows(), before)

    def rows(self):
        store = sqlite3.connect(os.path.join(self.trip.home, "store.db"))
        with contextlib.closing(store):
            return store.execute("SELECT count(*) FROM metadata").fetchone()[0]

    def test_nothing_of_it_is_readable_on_the_disk(self):
        self.begin()
        self.vouch()
        self.sync()
        needles = [b"snapshot.json", b"rel-2.mender", b"direction", b"keyid",
                   self.deployment.encode(), b"/tuf"]
        for directory, _, names in os.walk(self.trip.home):
            for name in names:
                if name in ("courier.conf", "fleet.json"):
                    continue
                with open(os.path.join(directory, name), "rb") as file:
                    content = file.read()
                for needle in needles:
                    self.assertNotIn(needle, content, name)


class Two(Base):
    """Who directs a device comes before who merely vouches for its artifact."""

    def setUp(self):
        super().setUp()
        self.begin()
        self.repository.add_target("artifacts/rel-2.mender", self.artifact)
        self.publish()
        self.first, self.side = self.side, RepositorySide(self.trip.lab, "second")
        self.repository = tuf_repository.Repository()
        self.vouch()
        self.side.configure(self.trip.home, self.repository, name="second")

    def test_the_one_that_directs_serves(self):
        facts = self.trip.courier("sync")
        self.assertEqual([fact["repository"] for fact in facts], ["second", "fleet", "second"])
        self.assertEqual(self.plan()["pump-1"]["vouched"], True)

    def test_one_that_fails_holds_up_nothing_of_the_other(self):
        self.first.stop()
        facts = self.trip.courier("sync", status=1)
        self.assertEqual([fact.get("fresh") for fact in facts], [None, False, True])
        self.assertEqual(facts[0]["repository"], "second")
        self.assertTrue(self.plan()["pump-1"]["vouched"])
        self.first.start()
        self.trip.courier("sync")


class Trouble(Base):
    """What a repository, or something before it, may do; what was carried stays."""

    def setUp(self):
        super().setUp()
        self.begin()
        self.vouch()
        self.sync()

    def assert_kept(self, text, status=1):
        about, devices = self.sync(status=status)
        self.assertFalse(about["fresh"])
        self.assertIn(text, about["problem"])
        self.assertTrue(devices["pump-1"]["carrying"])
        self.assertTrue(self.plan()["pump-1"]["vouched"])

    def test_a_login_page(self):
        self.side.write("metadata/timestamp.json", b"\n<!doctype html><title>Hotel</title>")
        self.assert_kept("web page")

    def test_a_file_that_is_not_there(self):
        os.unlink(os.path.join(self.side.tree, "metadata/timestamp.json"))
        self.assert_kept("timestamp.json: the repository does not have it")

    def test_an_error_of_the_server(self):
        self.side.trouble("location /tuf/metadata/timestamp.json { return 500; }")
        self.assert_kept("answered 500")

    def test_to_be_left_alone_is_remembered(self):
        self.side.trouble("location /tuf/ { add_header Retry-After 600 always; return 503; }")
        self.assert_kept("left alone for 600 seconds")
        self.side.trouble("")
        since = self.side.mark()
        self.assert_kept("left alone until")
        self.assertEqual(self.side.lines(since), [])

    def test_nobody_there(self):
        self.side.stop()
        self.assert_kept("cannot connect")

    def test_a_certificate_of_somebody_else(self):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=x",
             "-keyout", self.side.path("key.pem"), "-out", self.side.path("cert2.pem")],
            check=True, stderr=subprocess.DEVNULL)
        self.side.stop()
        good = self.side.path("cert.pem")
        os.rename(good, good + ".good")
        os.rename(self.side.path("cert2.pem"), good)
        self.side.start()
        os.rename(good, self.side.path("cert2.pem"))
        os.rename(good + ".good", good)
        self.assert_kept("not trusted")

    def test_more_bytes_than_there_may_be(self):
        self.side.write("metadata/timestamp.json", b"{" + b" " * 20000)
        self.assert_kept("more than 16384 bytes")
        self.side.write("metadata/2.root.json", b" " * 600000)
        self.assert_kept("more than 512000 bytes")

    def test_an_older_timestamp(self):
        old = self.repository.served["timestamp.json"]
        self.publish_all()
        self.sync()
        self.side.write("metadata/timestamp.json", old)
        self.assert_kept("version 1, but 2 was seen before", status=12)

    def test_an_expired_timestamp(self):
        self.repository.signed["timestamp"]["expires"] = tuf_repository.days(-1)
        self.publish(["timestamp"])
        self.assert_kept("it has expired", status=11)

    def test_a_broken_publication_changes_nothing(self):
        """The new snapshot lists targets that are not there: the former stay together."""
        self.direct("pump-1")
        self.repository.publish_all()
        self.side.publish(self.repository)
        name = "metadata/2.targets.json"
        os.unlink(os.path.join(self.side.tree, name))
        self.assert_kept("does not have it")
        self.side.write(name, self.repository.served["2.targets.json"])
        since = self.side.mark()
        about, _ = self.sync()
        self.assertTrue(about["fresh"])
        self.assertNotIn("metadata/2.snapshot.json", self.side.given(since))

    def test_versions_that_come_back_after_keys_were_changed(self):
        self.publish_all()
        self.sync()
        for role in ("snapshot", "timestamp", "targets"):
            self.repository.appoint(role, [tuf_repository.Key()])
            self.repository.signed[role]["version"] = 1
        self.repository.new_root()
        self.direct("pump-1")
        self.publish()
        about, _ = self.sync()
        self.assertEqual((about["root"], about["timestamp"]), (2, 1))
        self.assertTrue(self.plan()["pump-1"]["vouched"])

    def test_killed_at_any_time(self):
        """What is carried is the former or the new, and never a bit of both."""
        for i in range(12):
            self.direct("pump-1")
            self.publish_all()
            process = subprocess.Popen(
                self.trip.arguments("sync"), env=self.trip.environment(),
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(0.28 + 0.03 * i)
            process.send_signal(signal.SIGKILL)
            process.wait()
            self.assertTrue(self.plan()["pump-1"]["vouched"])
        self.sync()


class Control(Base):
    def bundle(self, number):
        """A bundle that was not handed over."""
        trip = self.trip
        trip.number = number
        with open(trip.path("devices.json"), "w", encoding="utf-8") as file:
            json.dump({"devices": trip.devices}, file)
        trip.tool("control", trip.path("fleet"), trip.path("request.pem"), str(number), "30",
                  trip.path("devices.json"), trip.path("published.control"))
        with open(trip.path("published.control"), "rb") as file:
            return file.read()

    def test_a_newer_bundle_is_taken_in(self):
        self.begin()
        self.trip.device("pump-2")
        self.repository.add_target("couriers/c-1/control", self.bundle(7))
        self.publish_all()
        self.trip.preauthorise()
        about, devices = self.sync()
        self.assertEqual(about["control"], 7)
        self.assertIn("pump-2", devices)
        about, _ = self.sync()
        self.assertNotIn("control", about)

    def test_an_older_one_is_left_alone(self):
        self.begin()
        old = self.bundle(1)
        self.trip.number = 5
        self.trip.hand_over()
        self.repository.add_target("couriers/c-1/control", old)
        self.publish_all()
        about, _ = self.sync()
        self.assertNotIn("control", about)
        self.assertNotIn("problem", about)

    def test_one_that_is_none_is_told(self):
        self.begin()
        self.repository.add_target("couriers/c-1/control", b"{}")
        self.publish_all()
        about, devices = self.sync(status=1)
        self.assertIn("control bundle", about["problem"])
        self.assertTrue(devices["pump-1"]["carrying"])


class Ceremony(Base):
    """The repository that courier-admin trust makes."""

    def setUp(self):
        super().setUp()
        self.authority = self.trip.path("authority")
        os.mkdir(self.authority)
        with open(os.path.join(self.authority, "pass"), "w", encoding="utf-8",
                  opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write("correct horse battery\n")
        self.admin("init", "--fleet", "F", "--root-passphrase-file", "pass",
                   "--passphrase-file", "pass")
        os.rmdir(self.side.tree)
        self.trust("key", "anna", "--key-passphrase-file", "pass")
        self.online("init", "--root-key", "anna.pub", "--tree", self.side.tree)
        staged = os.path.join(self.authority, "auth/trust/staged")
        digests = [word for fact in self.trust("show", staged)
                   for word in ("--digest", fact["digest"])]
        self.trust("sign", staged, "--key", "anna.pem", "--key-passphrase-file", "pass",
                   *digests)
        self.online("accept", staged)

    def admin(self, *words):
        done = subprocess.run(
            [ADMIN, *words, "--json"], cwd=self.authority, check=False,
            env=dict(os.environ, COURIER_ADMIN_DIR=os.path.join(self.authority, "auth")),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 0, (words, done.stdout, done.stderr))
        return [json.loads(line) for line in done.stdout.decode().splitlines()]

    def trust(self, *words):
        return self.admin("trust", *words)

    def online(self, *words):
        return self.trust(*words, "--online-passphrase-file", "pass")

    def certify(self, device):
        subprocess.run(
            ["openssl", "req", "-new", "-newkey", "ed25519", "-nodes", "-keyout", "device.key",
             "-subj", "/CN=device", "-out", device + ".pem"], cwd=self.authority, check=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.admin("provision", "--out", device + "-files", "--request", device + ".pem",
                   "--id", device, "--identity", json.dumps({"serial": device}),
                   "--passphrase-file", "pass")

    def test_from_the_ceremony_to_the_trip(self):
        self.begin("pump-1", "pump-2")
        with open(os.path.join(self.side.tree, "metadata/1.root.json"), "rb") as file:
            self.repository.served["1.root.json"] = file.read()
        self.configure()
        for device in self.names:
            self.certify(device)
            self.trip.visit(device, tuf_root=1)
        self.online("publish", self.trip.lab.path("artifacts", "rel-2.mender"))
        self.online("direct", *self.names, "--artifact", "rel-2.mender", "--deployment",
                    self.deployment)
        about, devices = self.sync()
        self.assertTrue(about["fresh"])
        for device in self.names:
            self.assertEqual(devices[device]["repository"], "fleet")
            self.assertTrue(self.plan()[device]["vouched"])
        far = tuf_repository.days(60)
        self.trip.courier("sync", "--until", far, status=11)
        self.online("freshen", "--until", far)
        about, _ = self.sync("--metadata-only")
        self.assertGreaterEqual(about["until"], moment(far))
        fact = self.plan()["pump-1"]  # limited by our certificate now
        self.assertNotIn("repository", fact)


if __name__ == "__main__":
    COURIER, TRIP_TOOL, ADMIN = map(os.path.abspath, sys.argv[1:4])
    unittest.main(argv=[sys.argv[0]] + sys.argv[4:])
