#!/usr/bin/python3
"""tests/tuf-client and python-tuf, an independent client, over the same repositories.

Repositories are made, and things happen to them, at random from a seed: roles delegate in
every way, keys are rotated, files are lost, spoilt, swapped and rolled back.  After each
event both clients refresh and search from where they were left.  They must agree on who is
refused, what is found, and what is stored.

Not tried is where the two differ on purpose: keys of kinds unknown (python-tuf refuses the
file), a diamond seen by one client twice (it believes the first delegator), searches of more
than 32 roles, and hash bins with somebody to ask after them (it takes bins as terminating).

usage: test_tuf_oracle.py TUF_CLIENT PYTHON [SEEDS [FIRST_SEED]]
PYTHON has python-tuf; without it the test is skipped: sh tests/setup.sh installs it.
"""
import glob
import hashlib
import json
import os
import random
import re
import subprocess
import sys
import urllib.parse

from tuf_case import TOP, Case, main
from tuf_repository import Key, Repository, days

ORACLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tuf_oracle.py")
SETTINGS = {"python": "", "seeds": range(1)}
KEYS = [Key(kind) for kind in ("ed25519", "ed25519", "ed25519", "ecdsa", "rsa", "ed25519")]
PATTERNS = ("*", "*", "a*", "*.bin", "a/*", "*/*", "*/*", "b/?", "[ab]*", "[!a]*", "a/[!x]*", "*/c.*", "?",
            "\u20ac*")
PATHS = ("a", "b", "ab.bin", "a/b", "a/x.bin", "b/c", "b/c.bin", "\u20acuro", "x/y/z", "[a]")


class World:
    """A repository made at random, and what can happen to it."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        # What a role signs is its own where a URL says which, else the same for all.
        self.by_role = self.random.random() < 0.6
        self.contents = {}
        self.repository = Repository(consistent=self.by_role or self.random.random() < 0.3)
        self.repository.meta_hashes = self.random.random() < 0.5
        for _ in range(self.random.randrange(1, 10)):
            self.delegate()
        for _ in range(self.random.randrange(6, 18)):
            self.add_target()
        self.repository.publish_all()

    def pick(self, things):
        return self.random.choice(sorted(things))

    def keys(self):
        return self.random.sample(KEYS, self.random.randrange(1, 4))

    def roles(self):
        """Those that may delegate: not the bins."""
        return [role for role in self.repository.signed
                if role not in TOP[:3] and not role.startswith("bin")]

    # ---- what happens ----

    def delegate(self):
        signed = self.repository.signed
        delegator = self.pick(self.roles())
        name = self.pick(["A", "B", "C", "D/e", "..", "\u00e9"])
        delegations = signed[delegator].get("delegations", {"roles": []})
        if "roles" not in delegations or name in [r["name"] for r in delegations["roles"]]:
            return
        more = {}
        if self.random.random() < 0.3:
            more = {"paths": None, "path_hash_prefixes": [
                format(self.random.randrange(16), "x")
                for _ in range(self.random.randrange(1, 9))]}
        else:
            more = {"paths": self.random.sample(PATTERNS, self.random.randrange(1, 4))}
        keys = self.repository.signers.get(name, self.keys())
        if self.random.random() < 0.15:
            keys = self.keys()  # perhaps not those that sign: its delegator has the wrong ones
        self.repository.delegate(delegator, name, keys=keys,
                                 terminating=self.random.random() < 0.3, **more)

    def bins(self):
        """Only where nobody comes after them: see above."""
        targets = self.repository.signed["targets"]
        key, bits = self.pick_key(), self.random.randrange(1, 9)
        if targets.get("delegations", {}).get("roles"):
            return
        targets["delegations"] = {"keys": {key.id: key.public}, "succinct_roles": {
            "keyids": [key.id], "threshold": 1, "bit_length": bits, "name_prefix": "bin"}}
        for path in PATHS:
            number = int(hashlib.sha256(path.encode()).hexdigest()[:8], 16) >> (32 - bits)
            name = f"bin-{number:0{(bits + 3) // 4}x}"
            self.repository.add_role(name, [key])
            self.repository.signers[name] = [key]
            if self.random.random() < 0.7:
                self.sign_target(path, name)

    def pick_key(self):
        return self.random.choice(KEYS)

    def sign_target(self, path, role):
        content = f"{path} by {role}".encode() if self.by_role else path.encode()
        self.contents[hashlib.sha256(content).hexdigest()] = content
        self.repository.add_target(path, content, role)

    def add_target(self):
        self.sign_target(self.pick(PATHS), self.pick(set(self.repository.signed) - set(TOP[:3])))

    def serve(self, name):
        """The content of a target, by the name in its URL."""
        name = urllib.parse.unquote(name)
        digest = re.match("([0-9a-f]{64})\\.", name.rpartition("/")[2])
        return self.contents.get(digest.group(1)) if digest else name.encode()

    def remove_target(self):
        role = self.pick(set(self.repository.signed) - set(TOP[:3]))
        targets = self.repository.signed[role]["targets"]
        if targets:
            del targets[self.pick(targets)]

    def rotate(self):
        role = self.pick(TOP)
        signers, keys = self.repository.signers["root"], self.keys()
        self.repository.appoint(role, keys, self.random.randrange(1, len(keys) + 1))
        if role == "root":
            signers = {key.id: key for key in [*signers, *keys]}.values()
        if self.random.random() < 0.1:
            signers = list(signers)[1:]
        self.repository.new_root(list(signers))

    def too_few_sign(self):
        role = self.pick(self.repository.signed)
        if role != "root":
            self.repository.signers[role] = self.repository.signers[role][1:]

    def all_sign(self):
        for role in TOP[1:]:
            keyids = self.repository.signed["root"]["roles"][role]["keyids"]
            known = {key.id: key for key in [*KEYS, *self.originals()]}
            self.repository.signers[role] = [known[i] for i in keyids if i in known]

    def originals(self):
        return [key for keys in self.repository.signers.values() for key in keys]

    def expire(self):
        self.repository.signed[self.pick(self.repository.signed)]["expires"] = days(-1)

    def renew(self):
        for signed in self.repository.signed.values():
            signed["expires"] = days(30)
        self.repository.new_root()

    def roll_back(self):
        role = self.pick(set(self.repository.signed) - {"root"})
        signed = self.repository.signed[role]
        signed["version"] = max(1, signed["version"] - self.random.randrange(1, 4))

    def forget_role(self):
        role = self.pick(set(self.repository.signed) - set(TOP))\
            if len(self.repository.signed) > len(TOP) else None
        if role:
            del self.repository.signed[role]
            self.repository.signed["snapshot"]["meta"].pop(f"{role}.json", None)

    def toggle_hashes(self):
        self.repository.meta_hashes = not self.repository.meta_hashes

    def toggle_consistency(self):
        root = self.repository.signed["root"]
        if self.by_role:
            return
        root["consistent_snapshot"] = not root["consistent_snapshot"]
        self.repository.new_root()

    EVENTS = (delegate, delegate, bins, add_target, add_target, remove_target, rotate, rotate,
              too_few_sign, all_sign, all_sign, all_sign, expire, renew, renew, roll_back, forget_role,
              toggle_hashes, toggle_consistency)

    # ---- what is done to the files served, for one visit ----

    def lose(self, served, name):
        del served[name]

    def spoil(self, served, name):
        raw = bytearray(served[name])
        raw[self.random.randrange(len(raw))] ^= 1 << self.random.randrange(7)
        served[name] = bytes(raw)

    def cut(self, served, name):
        served[name] = served[name][:self.random.randrange(len(served[name]))]

    def swap(self, served, name):
        served[name] = served[self.pick(served)]

    def lengthen(self, served, name):
        served[name] += b"\n"

    def refuse(self, served, name):
        served[name] = lambda handler: handler.send_error(500)

    HARMS = (lose, spoil, cut, swap, lengthen, refuse)

    def step(self):
        """Something happens, and is published; returns its name."""
        events = [self.random.choice(self.EVENTS) for _ in range(self.random.randrange(1, 3))]
        for event in events:
            event(self)
        roles = [role for role in self.repository.signed if role != "root"]
        bump = roles if self.random.random() < 0.7 else self.random.sample(
            roles, self.random.randrange(len(roles)))
        self.repository.publish(bump)
        names = [event.__name__ for event in events]
        if self.random.random() < 0.4:
            served = dict(self.repository.served)
            harm, name = self.random.choice(self.HARMS), self.pick(self.latest())
            harm(self, served, name)
            names.append(f"{harm.__name__} {name}")
            return ", ".join(names), served
        return ", ".join(names), self.repository.served

    def latest(self):
        """The files that a client would ask for now."""
        signed = self.repository.signed
        plain = not signed["root"]["consistent_snapshot"]
        for role in signed:
            if role == "timestamp" or (role != "root" and plain):
                yield f"{urllib.parse.quote(role, '')}.json"
            else:
                yield f"{signed[role]['version']}.{urllib.parse.quote(role, '')}.json"


class Oracle(Case):
    def setUp(self):
        super().setUp()
        self.python = subprocess.Popen(
            [SETTINGS["python"], ORACLE], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)
        self.addCleanup(self.end)

    def end(self):
        self.python.stdin.close()
        self.python.wait()
        self.python.stdout.close()

    def peer(self):
        print(json.dumps({"url": self.server.url + "/metadata/", "dir": self.peers,
                          "paths": PATHS}), file=self.python.stdin, flush=True)
        return json.loads(self.python.stdout.readline())

    def ours(self, path):
        """SHA-256 of what was found, None for nobody signs it, or why not."""
        if self.download(path) == 0:
            (content,) = self.on_disk().values()
            for name in os.listdir(self.targets):
                os.unlink(os.path.join(self.targets, name))
            return hashlib.sha256(content).hexdigest()
        if "no role signs it" in self.said:
            return None
        return {"error": self.said}

    def stored(self, directory):
        content = {}
        for path in glob.glob(directory + "/*.json"):
            with open(path, "rb") as file:
                content[os.path.basename(path)] = file.read()
        return content

    def compare(self, what):
        # Ours first: what python-tuf refuses must not have been heard before.
        code = self.refresh()
        ours = {"refreshed": None if code == 0 else {"error": self.said}, "found": {}}
        if code == 0:
            ours["found"] = {path: self.ours(path) for path in PATHS}
        peer = self.peer()
        where = f"{what}\nours: {ours}\npeer: {peer}"
        self.assertEqual(ours["refreshed"] is None, peer["refreshed"] is None, where)
        for path, mine in ours["found"].items():
            other = peer["found"][path]
            if isinstance(mine, dict) or isinstance(other, dict):
                self.assertEqual(isinstance(mine, dict), isinstance(other, dict),
                                 f"{path}: {where}")
            else:
                self.assertEqual(mine, other, f"{path}: {where}")
        mine, other = self.stored(self.metadata), self.stored(self.peers)
        self.assertEqual(sorted(mine), sorted(other), where)
        for name, content in mine.items():
            self.assertEqual(content, other[name], f"{name}: {where}")
        return ours

    def tell(self, ours, seen):
        seen["refused" if ours["refreshed"] else "refreshed"] += 1
        for found in ours["found"].values():
            seen["found" if isinstance(found, str) else "not found" if found is None
                 else "search refused"] += 1

    def one(self, seed, seen):
        world = World(seed)
        for path in glob.glob(self.metadata + "/*"):
            os.unlink(path)
        self.server.target = world.serve
        self.use(world.repository)
        self.peers = os.path.join(self.dir, f"peer-{seed}")
        os.mkdir(self.peers)
        with open(self.peers + "/root.json", "wb") as out:
            out.write(world.repository.served["1.root.json"])
        story = [f"seed {seed}"]
        self.tell(self.compare(story[0]), seen)
        for _ in range(5):
            what, served = world.step()
            kept, world.repository.served = world.repository.served, served
            story.append(what)
            self.tell(self.compare("; ".join(story)), seen)
            world.repository.served = kept

    def test_both_see_the_same(self):
        seen = dict.fromkeys(("refused", "refreshed", "found", "not found", "search refused"), 0)
        for seed in SETTINGS["seeds"]:
            with self.subTest(seed=seed):
                self.one(seed, seen)
        print(seen, file=sys.stderr)
        # All of it happened, or nothing was compared.
        self.assertTrue(all(seen.values()), seen)


if __name__ == "__main__":
    SETTINGS["python"] = sys.argv.pop(2)
    if not os.path.exists(SETTINGS["python"]) or subprocess.run(
            [SETTINGS["python"], "-c", "import tuf.ngclient"], check=False).returncode != 0:
        print("SKIPPED: no python-tuf in build/tuf-venv; sh tests/setup.sh installs it",
              file=sys.stderr)
        sys.exit(77)
    count = int(sys.argv.pop(2)) if len(sys.argv) > 2 else 12
    first = int(sys.argv.pop(2)) if len(sys.argv) > 2 else 1
    SETTINGS["seeds"] = range(first, first + count)
    main()
